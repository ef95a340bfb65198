"""The whole document: the framework describes the routes it serves, and this adds what they say in words."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from inspect import cleandoc

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.types import Method

import credenza
from credenza.access import ROLES
from credenza.connectors import Catalogue
from credenza.model import Permission
from credenza.web.openapi.configurations import Schema, refer
from credenza.web.openapi.facts import Facts
from credenza.web.openapi.operations import OPERATIONS, TAGS
from credenza.web.openapi.parameters import ERRORS, HEADERS, PARAMETERS, PATH_PARAMETERS, name_status
from credenza.web.openapi.schemas import describe_schemas
from credenza.web.paths import SLASH, show_route
from credenza.web.templates.presentations import HEADER

PROBLEM = "application/problem+json"
_SLASHED = "_slashed"
_ABOUT = """
A store for the configuration of connectors that knows which values are secrets, and seals them.

Reads never return a secret: a reference stands in its place, and saving that reference back keeps the secret.
Any answer can be saved back whole and changes nothing.
"""


def describe(handlers: Sequence[HTTPRouteHandler], catalogue: Catalogue, *, lenient: bool) -> Schema:
    """Return the OpenAPI 3.1 document of these handlers, with every connector type's configuration."""
    document = _generate(handlers)
    # The framework keeps the paths of a handler as a set, so their order is another in every process.
    document["paths"] = {show_route(path): item for path, item in sorted(document["paths"].items())}
    for item in document["paths"].values():
        for operation in item.values():
            _complete(operation, OPERATIONS[operation["operationId"].removesuffix(_SLASHED)])
    document["components"] = _describe_components(catalogue, lenient=lenient)
    document["security"] = [{"key": []}, {"bearer": []}]
    document["tags"] = TAGS
    document["info"]["description"] = cleandoc(_ABOUT)
    return document


def _generate(handlers: Sequence[HTTPRouteHandler]) -> Schema:
    """Let the framework describe the handlers, in an application that is never served."""

    def name(handler: HTTPRouteHandler, _: Method, path: Sequence[object]) -> str:
        # A handler that stands at both paths is two operations here.
        return handler.handler_name + (_SLASHED if path[-1] == SLASH and len(handler.paths) > 1 else "")

    config = OpenAPIConfig(
        title="Credenza",
        version=credenza.__version__,
        operation_id_creator=name,
        use_handler_docstrings=True,
    )
    # Registering a handler ties it to an application: the served one keeps its own.
    copies = [copy(handler) for handler in handlers]
    return Litestar(copies, openapi_config=config, logging_config=None).openapi_schema.to_schema()


def _complete(operation: Schema, facts: Facts) -> None:
    summary, _, rest = operation.pop("description").partition("\n")
    note = " ".join(part for part in (rest.strip(), facts.note, _name_roles(facts)) if part)
    operation |= {"tags": [facts.tag], "summary": summary.removesuffix(".")}
    operation |= {"description": note} if note else {}
    for parameter in operation.get("parameters", ()):
        parameter.update(PATH_PARAMETERS[facts.path.get(parameter["name"], parameter["name"])])
    added = [refer(name, "parameters") for name in (*facts.query, *facts.headers)]
    if added:
        operation["parameters"] = [*operation.get("parameters", ()), *added]
    if facts.body:
        content = {"application/json": {"schema": refer(facts.body), "examples": facts.examples}}
        operation["requestBody"] = {"required": not facts.optional, "content": content}
    operation["responses"] = {
        **{str(status): _describe_answer(facts, status) for status in facts.answers},
        **{str(status): refer(name_status(status), "responses") for status in sorted(facts.errors)},
    }
    if not facts.guarded or facts.scheme:
        operation["security"] = [{facts.scheme: []}] if facts.scheme else []


def _name_roles(facts: Facts) -> str:
    if not facts.guarded or facts.scheme:
        return ""
    if facts.needs is None:
        return "For every role."
    allowing = {facts.needs, *([Permission.OPERATE] if facts.operated else [])}
    roles = [f"`{role}`" for role, permissions in ROLES.items() if allowing & permissions]
    return (
        f"For the roles {', '.join(roles[:-1])} and {roles[-1]}."
        if roles[1:]
        else f"For the role {roles[0]}."
    )


def _describe_answer(facts: Facts, status: int) -> Schema:
    headers = _refer_headers(
        ["X-Request-Id", *(["Link"] if facts.paged else []), *([HEADER] if facts.presented else [])]
    )
    if facts.tagged:
        headers |= {"ETag": refer(facts.tagged, "headers")}
    answer: Schema = {"description": _WORDS[status], "headers": headers}
    schemas = [_refer_answer(name) for name in facts.answers[status]]
    if schemas:
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        answer["content"] = {facts.kind: {"schema": schema}}
    return answer


_WORDS = {
    200: "Done.",
    207: "Each integration has a result of its own.",
    503: "Something is missing.",
}


def _refer_answer(name: str) -> Schema:
    listed = name.removesuffix("[]")
    return refer(name) if listed == name else {"type": "array", "items": refer(listed)}


def _refer_headers(names: Sequence[str]) -> Schema:
    return {name: refer(name, "headers") for name in names}


def _describe_components(catalogue: Catalogue, *, lenient: bool) -> Schema:
    return {
        "schemas": describe_schemas(catalogue, lenient=lenient),
        "parameters": PARAMETERS,
        "headers": HEADERS,
        "responses": {name_status(status): _describe_problem(status) for status in ERRORS},
        "securitySchemes": {
            "key": {
                "type": "apiKey",
                "in": "header",
                "name": "X-Authorization",
                "description": "An API key, or a token made from one.",
            },
            "bearer": {"type": "http", "scheme": "bearer", "description": "The same, as a bearer token."},
            "session": {"type": "http", "scheme": "bearer", "description": "The secret of a session."},
        },
    }


def _describe_problem(status: int) -> Schema:
    more = {401: ["WWW-Authenticate"], 409: ["Retry-After"], 503: ["Retry-After"], 507: ["Retry-After"]}
    return {
        "description": ERRORS[status],
        "headers": _refer_headers(["X-Request-Id", *more.get(status, [])]),
        "content": {PROBLEM: {"schema": refer("ProblemBody")}},
    }
