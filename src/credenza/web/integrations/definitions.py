"""Connector types as forms: what there is to fill in for each, and types of a workspace's own."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from typing import Any

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath

from credenza.access import allows, require
from credenza.connectors.forms import show_form
from credenza.connectors.registration import compile_type, read_form, read_schema
from credenza.errors import Clash, Invalid, NotFound, Problem
from credenza.model import Permission
from credenza.web.answers import Answer, answer_json, answer_nothing
from credenza.web.asking import AnyRequest, landed, saved, workspace_of
from credenza.web.auth import require_actor
from credenza.web.integrations import shapes
from credenza.web.integrations.bodies import Body
from credenza.web.paths import segment
from credenza.web.requests import Query, read_body

PATH = "/api/integrations/def"
MAX_TYPES = 100
_NONE = "There is no such connector type."
_VERB = "register"
_BUILT_IN = "Every workspace has this connector type: it is not this one's to remove."
_MARKS = {"$schema", "properties"}  # of a schema, which no form has
_NO_NAME = Problem("invalid_name", f"A type cannot be called `{_VERB}`: that is a call.", "/name", "const")
_TWICE = Problem("duplicate_name", "This name stands twice.", "/name", "uniqueItems")


class TypeSchema(msgspec.Struct, forbid_unknown_fields=True):
    """A connector type as a JSON Schema (2020-12) with the keywords of the shipped ones."""

    name: str
    schema: dict[str, Any]


_definitions = Body[list[dict[str, Any]]](list[dict[str, Any]], most=MAX_TYPES)
_schema = Body[TypeSchema](TypeSchema)


@get(PATH, before_request=require_actor)
async def list_definitions(request: AnyRequest) -> Answer:
    """List the connector types as forms."""
    Query(request)
    workspace = workspace_of(request)
    require(workspace.actor, Permission.READ)

    def answer() -> Answer:
        return answer_json([show_form(each) for each in workspace.catalogue.values()])

    return await asyncio.to_thread(answer)


@get(f"{PATH}/{{name:str}}", before_request=require_actor)
async def read_definition(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Return one connector type as a form."""
    Query(request)
    workspace = workspace_of(request)
    require(workspace.actor, Permission.READ)
    found = (await asyncio.to_thread(lambda: workspace.catalogue)).get(segment(name))
    if found is None:
        raise NotFound(_NONE)
    return answer_json(show_form(found))


@post(f"{PATH}/{_VERB}", before_request=require_actor, status_code=200)
async def register_definitions(request: AnyRequest) -> Answer:
    """Register connector types for this workspace, from form fields or from JSON Schemas, all or none."""
    Query(request)
    workspace = workspace_of(request)
    if not allows(workspace.actor, Permission.ADMINISTER):
        await asyncio.to_thread(workspace.register, {})  # refused before the body is read, and audited
    body = await read_body(request)
    schemas = await asyncio.to_thread(_accept, body, workspace.shipped)
    receipt = await landed(request, await asyncio.to_thread(workspace.register, schemas))
    return answer_json(shapes.show_receipt(receipt))


@delete(f"{PATH}/{{name:str}}", before_request=require_actor, status_code=200)
async def delete_definition(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Remove a connector type of this workspace that no integration has."""
    Query(request)
    workspace = workspace_of(request)
    if allows(workspace.actor, Permission.ADMINISTER) and segment(name) in workspace.shipped:
        raise Clash(_BUILT_IN, code="type_built_in")
    removed = await asyncio.to_thread(workspace.register, {segment(name): None})
    try:
        await saved(request, removed)
    except NotFound:
        raise NotFound(_NONE) from None
    return answer_nothing()


def _accept(body: bytearray, taken: Container[str]) -> dict[str, bytes | None]:
    """Return the schemas of a body by the names of their types; raises Invalid with all that is wrong."""
    definitions = _definitions.read(body)
    schemas: dict[str, bytes | None] = {}
    problems: list[Problem] = []
    for index, definition in enumerate(definitions):
        try:
            name, schema = _read(definition, taken)
        except Invalid as error:
            problems += [msgspec.structs.replace(problem, index=index) for problem in error.problems]
            continue
        if name == _VERB:
            problems.append(msgspec.structs.replace(_NO_NAME, index=index))
        if name in schemas:
            problems.append(msgspec.structs.replace(_TWICE, index=index))
        schemas[name] = msgspec.json.encode(schema)
    if problems:
        raise Invalid("Nothing was registered, for the reasons listed.", problems=problems)
    return schemas


def _read(definition: dict[str, Any], taken: Container[str]) -> tuple[str, dict[str, Any]]:
    if "schema" in definition:
        sent = _schema.read(bytearray(msgspec.json.encode(definition)))
        schema = _read_schema(sent.name, sent.schema, taken, "/schema", "/name")
    elif not _MARKS.isdisjoint(definition):
        schema = _read_schema(_name_of(definition), definition, taken, "", "/$id")
    else:
        schema = read_form(definition, taken=taken)
    return compile_type(schema).name, schema


def _name_of(schema: dict[str, Any]) -> str:
    """Return the name a schema gives itself: the last step of its `$id`, as that of a file."""
    return str(schema.get("$id", "")).rpartition("/")[2].removesuffix(".json")


def _read_schema(
    name: str, schema: dict[str, Any], taken: Container[str], within: str, named: str
) -> dict[str, Any]:
    """Accept a schema that stands `within` what was sent, whose name stands at `named`."""
    try:
        return read_schema(name, schema, taken=taken)
    except Invalid as error:
        problems = [
            msgspec.structs.replace(
                problem, pointer=named if problem.pointer == "/name" else f"{within}{problem.pointer}"
            )
            for problem in error.problems
        ]
        raise Invalid(error.message, code=error.code, problems=problems) from None


HANDLERS = [list_definitions, read_definition, register_definitions, delete_definition]
