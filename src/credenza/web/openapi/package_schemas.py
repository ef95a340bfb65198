"""The component schemas of packages: those of their types, and what these leave open."""

from __future__ import annotations

from typing import Any

from credenza.model import CATEGORIES
from credenza.plans import fields
from credenza.plans.packages import manifest, packages, variables, versions
from credenza.web.openapi.configurations import TEXT, Schema, refer
from credenza.web.openapi.filter_schemas import describe_filters, describe_orders
from credenza.web.packages.packages import Success
from credenza.web.packages.publishing import VersionListAnswer
from credenza.web.packages.shapes import PackageDifference, PackageListAnswer, PreviewListAnswer
from credenza.web.packages.sharing import GrantListAnswer, ReviewBody, VisibilityBody
from credenza.workspace.compose import MAX_APIS, MAX_TAGS

PACKAGE_TYPES: list[Any] = [
    packages.PackageBody,
    packages.PackageUpdate,
    versions.PublishBody,
    VisibilityBody,
    ReviewBody,
    PackageListAnswer,
    VersionListAnswer,
    PackageDifference,
    PreviewListAnswer,
    GrantListAnswer,
    Success,
]
TIME: Schema = {"type": "string", "format": "date-time"}
RETENTION = list(packages.RETENTION)
_TIMES = ("createdAt", "updatedAt", "deletedAt", "publishedAt")
_SLUG = {"pattern": f"^{manifest.SLUG}$"}
_NUMBER = "^[0-9]+[.][0-9]+[.][0-9]+(-[0-9A-Za-z.-]+)?([+][0-9A-Za-z.-]+)?$"
_SECRECY = (
    "A secret key is left out, or is exactly one `${variables.name}` of a variable with the `format` "
    "password: no package holds a secret, and none is spilled into a longer text."
)
_SCHEMA = {
    "description": "A JSON Schema of the variables: `type`, `properties`, `required` and `$defs`, with "
    "references into itself only and patterns that are matched in linear time. The `format` password marks "
    "a secret, which has no `default`, `examples`, `const` or `enum`. "
    f"At most {variables.MAX_SCHEMA // 1024} KiB and {variables.MAX_VARIABLES} variables, each of which a "
    "member uses.",
    "type": ["object", "null"],
}
_ANY = {"description": "Any JSON; a text may hold `${variables.name}`.", "type": "object"}


def refine_packages(found: dict[str, Schema]) -> None:
    """Say of packages what their types leave open, and add filters and orders."""
    found |= {**describe_filters(), **describe_orders()}
    _refine_manifest(found)
    for name in ("PackageBody", "PackageUpdate"):
        _refine_body(found[name]["properties"])
    found["PackageBody"]["properties"]["slug"] |= _SLUG
    found["PackageBody"]["properties"]["workspaceId"]["description"] = "The workspace of the credential."
    found["PublishBody"]["properties"]["version"] |= {"pattern": _NUMBER, "maxLength": 64}
    _text_of(found["PublishBody"]["properties"]["changelog"])["maxLength"] = versions.MAX_CHANGELOG
    for name in ("PackageAnswer", "VersionAnswer"):
        refine_times(found[name], _TIMES)
        _refine_answer(found[name]["properties"])
    found["PackageDifference"]["properties"]["sentences"]["examples"] = [["Member archive added."]]
    found["ChangedPart"]["properties"]["change"] = {
        "enum": ["added", "removed", "changed", "variables", "authConfig"]
    }
    found["ChangedPart"]["properties"]["keys"]["description"] = (
        "`+` before one that was added, `-` before one that was removed."
    )
    found["PreviewListAnswer"]["properties"]["schemas"] |= {"additionalProperties": {"type": "object"}}


def refine_times(answer: Schema, names: tuple[str, ...]) -> None:
    """Say of an answer which of its texts are times."""
    for name in names:
        if name in answer["properties"]:
            _text_of(answer["properties"][name]).update(TIME)


def _refine_manifest(found: dict[str, Schema]) -> None:
    found["Manifest"]["properties"]["members"]["maxItems"] = manifest.MAX_MEMBERS
    member = found["MemberPart"]["properties"]
    member["slug"] |= {**_SLUG, "description": "What it is called in the package; no other has it."}
    member["default"]["description"] = "Whether `auto_defaults` installs it."
    member["dependsOn"]["description"] = "Slugs of members that are installed with it, before it."
    part = found["IntegrationPart"]["properties"]
    part["name"]["description"] = "May hold variables; without it, the slug."
    part["category"] = {"enum": [*CATEGORIES, None], "description": "Absent: the one of the type."}
    part["configuration"] = {**_ANY, "description": _SECRECY}
    part["apis"]["anyOf"][0]["maxItems"] = MAX_APIS
    part["tags"]["anyOf"][0]["maxItems"] = MAX_TAGS
    found["ApiPart"]["properties"]["api"] |= {**TEXT, "minLength": 1}
    found["ApiPart"]["properties"]["configuration"] = {"type": ["object", "null"], "description": _SECRECY}
    found["TagPart"]["properties"]["key"] |= {**TEXT, "minLength": 1}
    auth = found["AuthPart"]["properties"]
    auth["provider"]["description"] = "The connector type that it is of."
    auth["members"]["description"] = "Which members take it; null: all of that type."
    auth["required"]["description"] = "Whether there is no install without it."


def _refine_body(body: Schema) -> None:
    _text_of(body["name"]).update({"minLength": 1, "maxLength": fields.MAX_NAME, "pattern": r"\S"})
    _text_of(body["description"])["maxLength"] = fields.MAX_DESCRIPTION
    _text_of(body["iconUrl"]).update({"format": "uri", "pattern": "^https://", "maxLength": packages.MAX_URL})
    _text_of(body["publisher"]).update(
        {"maxLength": packages.MAX_PUBLISHER, "pattern": r"^[^\x00-\x1f\x7f]*$"}
    )
    body["trustTier"]["description"] = "Above `verified_publisher`, for an operator to give."
    body["variablesSchema"] = _SCHEMA
    body["manifest"]["description"] = "Checked against the types of its members; a draft may lack things."
    body["authConfig"]["description"] = "What the installer brings: an auth config of their workspace."
    body["retentionTier"]["description"] = "How long after a delete a purge is refused; absent: medium."


def _refine_answer(answer: Schema) -> None:
    for name in ("manifest", "manifestSnapshot"):
        if name in answer:
            answer[name] = refer("Manifest")
    for name in ("authConfig", "authConfigSnapshot"):
        if name in answer:
            answer[name] = {"anyOf": [refer("AuthPart"), {"type": "null"}]}
    if "visibility" in answer:
        answer["visibility"] = {"enum": [*packages.VISIBILITIES]}
        answer["trustTier"] = {"enum": [*packages.TIERS]}
        answer["retentionTier"] = {"enum": [*RETENTION, None]}
        answer["review"] = {
            "enum": [packages.NONE, packages.PENDING, packages.APPROVED, packages.REJECTED, None],
            "description": "How far the newest version has come to be public.",
        }
        answer["currentVersion"]["description"] = "The newest version that the caller sees."


def _text_of(rules: Schema) -> Schema:
    part: Schema = rules["anyOf"][0] if "anyOf" in rules else rules
    return part
