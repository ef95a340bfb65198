"""What may stand in the queries and paths of packages and installs: filters, orders, cursors, shorthands."""

from __future__ import annotations

from credenza.model import questions as q
from credenza.web.openapi.configurations import Schema, refer
from credenza.web.packages import queries

_CURSOR = (
    "Cursors are signed, hold for the same list, filters and order only, and stay good while rows come and "
    "go. With `before`, no `after`."
)
_SHARED = ("package-limit", "package-after", "package-before", "ids")
_REST = ("include_deleted", "total")


def _describe(name: str, description: str, **schema: object) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _describe_json(name: str, description: str, schema: Schema) -> Schema:
    content = {"application/json": {"schema": schema}}
    return {"name": name, "in": "query", "description": description, "content": content}


def _describe_text(name: str, description: str, example: str) -> Schema:
    return _describe(name, description, type="string", maxLength=256, examples=[example])


def _describe_choice(field: str, description: str) -> Schema:
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in field)
    return _describe(name, description, enum=[*q.ENTITIES[q.PACKAGE].fields[field].among])


def _describe_filter(component: str) -> Schema:
    return _describe_json(
        "filter",
        "A filter as JSON. Members of one object must all hold; `AND` and `OR` take lists of filters, `NOT` "
        "takes one; a field takes an object of comparisons, and a relation a filter, which holds where one "
        "of the rows it leads to meets it. Comparisons are `eq`, `ne`, `lt`, `lte`, `gt`, `gte`, `in`, "
        "`notIn`, `isNull`, and of texts `contains` and `startsWith`, which look at no case. A value that is "
        "missing compares with nothing: `ne` and `notIn` hold for it, as their opposites do not. "
        f"At most {queries.MAX_DEPTH} levels deep, {queries.MAX_TERMS} terms, {queries.MAX_VALUES:,} values "
        f"and {queries.MAX_TEXT:,} characters. No filter finds by what its sender may not see.",
        refer(component),
    )


def _describe_order(component: str, usual: str) -> Schema:
    return _describe_json(
        "orderBy",
        'Keys to sort by as JSON, the first first: `[{"publisher": "asc_nulls_first"}, {"name": "asc"}]`. '
        "`asc` puts what is missing last, `desc` first, unless `_nulls_first` or `_nulls_last` is behind; "
        f"texts sort by code points. Without it: {usual}.",
        refer(component),
    )


LIST_PACKAGES = (
    *(*_SHARED, "package-filter", "package-order", *_REST),
    *("workspace_id", "publisher", "visibility", "package-name"),
    *("trust_tier", "created_by", "retention_tier"),
)
LIST_INSTALLS = (
    *(*_SHARED, "install-filter", "install-order", *_REST),
    *("install-integration_id", "parent_install_id", "retention_tier"),
)

PACKAGE_PARAMETERS: dict[str, Schema] = {
    "package-limit": _describe(
        "limit",
        "How many a page has at most.",
        type="integer",
        minimum=1,
        maximum=queries.MOST,
        default=queries.MOST,
    ),
    "package-after": _describe(
        "after", f"The page begins after this cursor. {_CURSOR}", maxLength=queries.MAX_CURSOR, type="string"
    ),
    "package-before": _describe(
        "before", f"The page ends before this cursor. {_CURSOR}", maxLength=queries.MAX_CURSOR, type="string"
    ),
    "versions-limit": _describe(
        "limit", "How many at most.", type="integer", minimum=1, maximum=20, default=20
    ),
    "versions-before": _describe_text("before", "Only older ones than this, by id or number.", "1.1.0"),
    "ids": {
        "name": "ids",
        "in": "query",
        "description": "Only those of these ids, with commas between them; of those that the caller sees.",
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "items": {"type": "string"}, "maxItems": queries.MAX_VALUES},
    },
    "package-filter": _describe_filter("IntegrationFilter"),
    "package-order": _describe_order("IntegrationOrderBy", "the newest first"),
    "install-filter": _describe_filter("InstallFilter"),
    "install-order": _describe_order("InstallOrderBy", "what was installed last first"),
    "include_deleted": _describe(
        "include_deleted", "Those as well that are deleted.", type="boolean", default=False
    ),
    "total": _describe(
        "total",
        f"Count all rows for `pageInfo.total`, which is null above {queries.COUNTED:,} otherwise.",
        type="boolean",
        default=False,
    ),
    "workspace_id": _describe_text("workspace_id", "Only those of this workspace.", "default"),
    "publisher": _describe_text("publisher", "Only those of this publisher.", "Acme"),
    "visibility": _describe_choice("visibility", "Only those of this visibility."),
    "package-name": _describe_text("name", "Only those of exactly this name.", "LLM gateway"),
    "trust_tier": _describe_choice("trustTier", "Only those of this tier of trust."),
    "created_by": _describe_text("created_by", "Only those that this credential made.", "ci"),
    "retention_tier": _describe_choice("retentionTier", "Only those of this tier of retention."),
    "install-integration_id": _describe_text(
        "integration_id", "Only those of this package.", "int_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"
    ),
    "parent_install_id": _describe_text(
        "parent_install_id", "Only those below this install.", "ins_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"
    ),
    "against-version": _describe_text(
        "against", "Answer how the version differs from this one instead, by its id or number.", "1.0.0"
    ),
    "integrationVersionId": _describe_text(
        "integrationVersionId",
        "The version to look at, by its id or number; without it, the one an install would take. Of a "
        "package that was never published, its own workspace looks at the draft.",
        "1.0.0",
    ),
    "keep": _describe(
        "keep",
        "`members`: its integrations stay. Those that refer to an auth config cannot.",
        enum=["nothing", "members"],
        default="nothing",
    ),
}

PACKAGE_PATH_PARAMETERS: dict[str, Schema] = {
    "package_id": {
        "description": "Id of a package.",
        "schema": {"type": "string", "minLength": 1, "examples": ["int_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"]},
    },
    "package_version": {
        "description": "A version: its id or its number.",
        "schema": {"type": "string", "minLength": 1, "examples": ["1.0.0"]},
    },
    "workspace_id": {
        "description": "Id of a workspace.",
        "schema": {
            "type": "string",
            "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
            "examples": ["partner"],
        },
    },
    "install_id": {
        "description": "Id of an install.",
        "schema": {"type": "string", "minLength": 1, "examples": ["ins_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"]},
    },
    "member_id": {
        "description": "Id of a member of an install.",
        "schema": {"type": "string", "minLength": 1, "examples": ["inm_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"]},
    },
}
