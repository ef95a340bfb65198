"""What stands around the bodies, under names of its own: parameters, headers, and problems by status."""

from __future__ import annotations

from http import HTTPStatus

from credenza.model import CATEGORIES
from credenza.web.openapi.catalogue_parameters import CATALOGUE_PARAMETERS, CATALOGUE_PATH_PARAMETERS
from credenza.web.openapi.configurations import Schema
from credenza.web.openapi.instance_parameters import INSTANCE_PARAMETERS, INSTANCE_PATH_PARAMETERS
from credenza.web.openapi.package_parameters import PACKAGE_PARAMETERS, PACKAGE_PATH_PARAMETERS
from credenza.web.openapi.session_parameters import SESSION_PARAMETERS, SESSION_PATH_PARAMETERS
from credenza.web.openapi.template_parameters import TEMPLATE_PARAMETERS
from credenza.web.templates.presentations import HEADER
from credenza.workspace.compose import MAX_NAME

_LARGEST = 10**9 - 1


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
    "leads": _describe(
        "query",
        "leads",
        "Whether apis may begin to lead to places of their own with secrets that are kept, for a role that "
        "may reveal; for others they never may.",
        enum=["allow", "refuse"],
        default="allow",
    ),
    "category": _describe(
        "query", "category", "Only this category; empty: any.", type="string", enum=[*CATEGORIES, ""]
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
    "tag": _describe(
        "query",
        "tag",
        "Only those with this tag: a key, or `key=value`. Several times: all of them.",
        type="array",
        items={"type": "string"},
        maxItems=16,
        examples=[["team=search"]],
    ),
    "page-limit": _describe_number("limit", "How many integrations a page has at most.", most=1_000),
    "cursor": _describe(
        "query",
        "cursor",
        "Where the page begins, as the Link of the page before says; it is good for the same filters only.",
        type="string",
        maxLength=256,
    ),
    "before": _describe_number("before", "Only versions below this one."),
    "limit": _describe_number("limit", "How many versions at most.", most=100, default=100),
    "against": _describe_number("against", "Answer how the version differs from this one instead."),
    "api": _describe(
        "query",
        "api",
        "The limit of this api; without it, the one that was set last.",
        type="string",
        maxLength=256,
        examples=["gpt-4o"],
    ),
    "model": _describe(
        "query", "model", "Only this api; `*`: all.", type="string", maxLength=256, default="*"
    ),
    "lookUpWindow": _describe_number("lookUpWindow", "How many days back.", most=3_660, default=31),
    "claims": _describe(
        "query", "claims", "Say as well what the credential is limited to.", type="boolean", default=False
    ),
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
    **PACKAGE_PARAMETERS,
    **TEMPLATE_PARAMETERS,
    **CATALOGUE_PARAMETERS,
    **INSTANCE_PARAMETERS,
    **SESSION_PARAMETERS,
}

PATH_PARAMETERS: dict[str, Schema] = {
    "name": {
        "description": "Name of the integration.",
        "schema": {"type": "string", "minLength": 1, "examples": ["open-ai-test"]},
    },
    "api": {
        "description": "Name of the api: of a model, index or table.",
        "schema": {"type": "string", "minLength": 1, "examples": ["gpt-4o"]},
    },
    "prompt": {
        "description": "Name of a prompt.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_NAME, "examples": ["summarise"]},
    },
    "definition": {
        "description": "Name of a connector type.",
        "schema": {"type": "string", "minLength": 1, "examples": ["openai"]},
    },
    "integration_id": {
        "description": "Id of a template.",
        "schema": {"type": "string", "minLength": 1, "examples": ["int_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"]},
    },
    "integration_provider_id": {
        "description": "Id of a provider of a template.",
        "schema": {"type": "string", "minLength": 1, "examples": ["inp_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"]},
    },
    "version": {
        "description": "Number of a version.",
        "schema": {"type": "integer", "minimum": 1, "maximum": _LARGEST},
    },
    **PACKAGE_PATH_PARAMETERS,
    **CATALOGUE_PATH_PARAMETERS,
    **INSTANCE_PATH_PARAMETERS,
    **SESSION_PATH_PARAMETERS,
}

ERRORS: dict[int, str] = {
    400: "The request is not valid; `errors` lists everything that is wrong with it.",
    401: "No credential, or one that is not good or has expired.",
    403: "The credential may not do this.",
    404: "There is nothing of that name in this workspace.",
    409: "With `retryable`: the record changed meanwhile, more than once; send the request again. Else it "
    "clashes with what is there, and a retry never helps: `type_in_use` (integrations have the type, so its "
    "schema stays), `type_built_in` (every workspace has it), `type_outdated` (what is stored is of a later "
    "version of its type than the server has: upgrade the server, or the folder of the type), "
    "`managed_by_instance` (its instance alone changes it), `in_use` (something active uses what was to be "
    "archived); of packages `slug_taken`, `version_exists`, `version_not_newer`, `not_public`, `deleted`, "
    "`not_deleted`, `still_installed`, `still_retained`, `too_many`; of installs `name_taken` (and which), "
    "`version_not_newer`, `has_installs_below`, `nothing_to_roll_back`, `managed_members`.",
    410: "It is archived, deleted or removed, and takes no changes any more.",
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
    "SavedETag": {
        "description": "The version that was saved, as If-Match takes it; a dry run has none.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Link": {
        "description": 'The next page, as `<…>; rel="next"` (RFC 8288); the last page has none.',
        "schema": {"type": "string", "pattern": '^<[^>]+>; rel="next"$'},
    },
    HEADER: {
        "description": "How the answer is presented; every presentation holds all of the others.",
        "schema": {"enum": ["2025-01-01", "2026-01-01"]},
        "required": True,
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "WWW-Authenticate": {"schema": {"const": "Bearer"}, "required": True},
}


def name_status(status: int) -> str:
    """Return the name of the component that describes a problem of this status."""
    return "".join(word.capitalize() for word in HTTPStatus(status).name.split("_"))
