"""What each call takes and answers, beyond what its handler's signature says. Kept true by tests that ask."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from credenza.model import CATEGORIES
from credenza.web.openapi.configurations import Schema
from credenza.web.openapi.examples import ROLLBACK, SAVES, TOKENS

_LARGEST = 10**9 - 1


class Facts(msgspec.Struct, frozen=True):
    """One call: what may stand in its query and headers, its body, and every status it answers.

    `answers` gives the component schemas of each good status, `errors` the statuses of a problem.
    `guarded` calls ask for a credential, `tagged` ones answer an ETag.
    """

    tag: str
    answers: Mapping[int, tuple[str, ...]]
    errors: tuple[int, ...] = ()
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    body: str | None = None
    examples: Mapping[str, Any] = {}
    guarded: bool = True
    tagged: bool = False
    kind: str = "application/json"
    note: str = ""


_READ = (400, 401, 403, 500, 503)
_READ_ONE = (400, 401, 403, 404, 500, 503)
_WRITE_ONE = (400, 401, 403, 404, 409, 412, 500, 503, 507)
_BODY = (413, 415)
_FILTERS = ("category", "type", "activeOnly", "search")

OPERATIONS: dict[str, Facts] = {
    "save_integrations": Facts(
        "Integrations",
        {200: ("SaveReceipt",), 207: ("SaveReceipt",)},
        (400, 401, 403, 409, 412, *_BODY, 422, 500, 503, 507),
        ("mode", "dryRun", "apis"),
        ("If-Match", "Idempotency-Key"),
        "Integrations",
        SAVES,
        note="A batch is saved as a whole or not at all; with `mode=per-item` each integration stands for "
        "itself and the answer is 207. Everything wrong with any item is told at once.",
    ),
    "list_integrations": Facts("Integrations", {200: ("Integration[]",)}, _READ, _FILTERS),
    "list_providers": Facts("Integrations", {200: ("Integration[]",)}, _READ, _FILTERS),
    "read_provider": Facts("Integrations", {200: ("Integration",)}, _READ_ONE, tagged=True),
    "delete_provider": Facts("Integrations", {200: ()}, _WRITE_ONE, headers=("If-Match",)),
    "resolve_provider": Facts(
        "Integrations",
        {200: ("ResolvedIntegration",)},
        (*_READ_ONE, 507),
        tagged=True,
        note="For the roles `runtime` and `admin`.",
    ),
    "read_history": Facts("History", {200: ("History",)}, _READ_ONE, ("before", "limit")),
    "read_version": Facts("History", {200: ("Integration", "Difference")}, _READ_ONE, ("against",)),
    "roll_back": Facts(
        "History",
        {200: ("SaveReceipt",)},
        (*_WRITE_ONE, *_BODY),
        ("dryRun",),
        ("If-Match",),
        "RollbackBody",
        ROLLBACK,
    ),
    "issue_token": Facts(
        "Access",
        {200: ("TokenAnswer",)},
        (400, 401, *_BODY, 500, 503),
        body="TokenRequest",
        examples=TOKENS,
        guarded=False,
        note="The token is good for an hour at most, and dies with its key.",
    ),
    "read_health": Facts("Service", {200: ("Health",)}, guarded=False),
    "read_readiness": Facts("Service", {200: ("Readiness",), 503: ("Readiness",)}, guarded=False),
    "read_metrics": Facts("Service", {200: ("Metrics",)}, guarded=False, kind="text/plain"),
}


def _describe(place: str, name: str, description: str, **schema: object) -> Schema:
    return {"name": name, "in": place, "description": description, "schema": schema}


def _describe_number(name: str, description: str, most: int = _LARGEST, **schema: object) -> Schema:
    return _describe("query", name, description, type="integer", minimum=1, maximum=most, **schema)


PARAMETERS: dict[str, Schema] = {
    "mode": _describe(
        "query",
        "mode",
        "All or nothing, or each integration for itself.",
        enum=["atomic", "per-item"],
        default="atomic",
    ),
    "dryRun": _describe(
        "query", "dryRun", "Say what would come of it, and write nothing.", type="boolean", default=False
    ),
    "apis": _describe(
        "query",
        "apis",
        "What happens to apis that are not listed: they stay, or are removed.",
        enum=["upsert", "replace"],
        default="upsert",
    ),
    "category": _describe(
        "query", "category", "Only this category.", type="string", maxLength=256, examples=[*CATEGORIES]
    ),
    "type": _describe(
        "query", "type", "Only this connector type.", type="string", maxLength=256, examples=["openai"]
    ),
    "activeOnly": _describe("query", "activeOnly", "Only those enabled.", type="boolean", default=True),
    "search": _describe(
        "query",
        "search",
        "Only those with this text in name or description, whatever its case.",
        type="string",
        maxLength=256,
    ),
    "before": _describe_number("before", "Only versions below this one."),
    "limit": _describe_number("limit", "How many versions at most.", most=100, default=100),
    "against": _describe_number("against", "Answer how the version differs from this one instead."),
    "If-Match": _describe(
        "header",
        "If-Match",
        "Refuse (412) unless the one integration is at the version of this ETag.",
        type="string",
        pattern='^(W/)?("[0-9]{1,15}"|[0-9]{1,15})$',
        examples=['"3"'],
    ),
    "Idempotency-Key": _describe(
        "header",
        "Idempotency-Key",
        "The same key with the same request answers the first receipt again, for a day.",
        type="string",
        minLength=1,
        maxLength=255,
        pattern="^[ -~]*$",
    ),
}

PATH_PARAMETERS: dict[str, Schema] = {
    "name": {
        "description": "Name of the integration.",
        "schema": {"type": "string", "minLength": 1, "examples": ["open-ai-test"]},
    },
    "version": {
        "description": "Number of a version.",
        "schema": {"type": "integer", "minimum": 1, "maximum": _LARGEST},
    },
}

ERRORS: dict[int, str] = {
    400: "The request is not valid; `errors` lists everything that is wrong with it.",
    401: "No credential, or one that is not good or has expired.",
    403: "The credential may not do this.",
    404: "There is nothing of that name in this workspace.",
    409: "The record changed meanwhile, more than once; send the request again.",
    412: "The record is not at the version that was expected.",
    413: "More than 32 MiB, or more than 10,000 integrations.",
    415: "The body is not declared as JSON.",
    422: "The Idempotency-Key was used for another request.",
    500: "Something went wrong on the side of the server.",
    503: "The service cannot do this at the moment, or its vault is locked.",
    507: "No room left on the device; nothing was saved.",
}

HEADERS: dict[str, Schema] = {
    "X-Request-Id": {
        "description": "Names the request, in answers and in the log.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{12}-[0-9a-f]{8,}$"},
        "required": True,
    },
    "ETag": {
        "description": "The version, as If-Match takes it.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
        "required": True,
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "WWW-Authenticate": {"schema": {"const": "Bearer"}, "required": True},
}

TAGS: list[Schema] = [
    {"name": "Integrations", "description": "Save, read, reveal and remove integrations."},
    {"name": "History", "description": "The versions of an integration."},
    {"name": "Access", "description": "Tokens."},
    {"name": "Service", "description": "Is it alive, is it ready, what has it done."},
]


def name_status(status: int) -> str:
    """Return the name of the component that describes a problem of this status."""
    return "".join(word.capitalize() for word in HTTPStatus(status).name.split("_"))
