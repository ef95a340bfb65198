"""What is said of the calls about parts of an integration: its apis, its tags, how its apis are used."""

from __future__ import annotations

from credenza.model import Permission
from credenza.web.openapi.examples import API, COUNTS, LABELS, LIMIT
from credenza.web.openapi.facts import BODY, READ_ONE, WRITE_ONE, Facts

_NAMES = (
    "The name of an api is percent-encoded; a slash in it may also stand as it is. Of a name that is one of "
    "the words paths end with (`all`, `tags`, `metrics`, `prompt`), a letter is encoded as well: `%74ags`."
)
_KNOWN_TWICE = "A label that is there already, or is not there, is no matter."


def _retag(note: str) -> Facts:
    return Facts(
        "Tags",
        {200: ()},
        (*WRITE_ONE, *BODY),
        headers=("If-Match",),
        body="TagList",
        examples=LABELS,
        needs=Permission.WRITE,
        note=note,
    )


PARTS: dict[str, Facts] = {
    "list_apis": Facts("Apis", {200: ("IntegrationApi[]",)}, READ_ONE, ("activeOnly",)),
    "list_api_names": Facts("Apis", {200: ("ApiName[]",)}, READ_ONE),
    "read_api": Facts("Apis", {200: ("IntegrationApi",)}, READ_ONE, tagged="ETag", note=_NAMES),
    "save_api": Facts(
        "Apis",
        {200: ()},
        (*WRITE_ONE, *BODY),
        headers=("If-Match",),
        body="ApiUpdate",
        examples=API,
        needs=Permission.WRITE,
        note="What is left out stays as it is; an empty body counts as `{}`. " + _NAMES,
    ),
    "delete_api": Facts(
        "Apis", {200: ()}, WRITE_ONE, headers=("If-Match",), needs=Permission.WRITE, note=_NAMES
    ),
    "list_tags": Facts("Tags", {200: ("IntegrationTag[]",)}, READ_ONE),
    "add_tags": _retag(_KNOWN_TWICE),
    "drop_tags": _retag(_KNOWN_TWICE),
    "list_api_tags": Facts("Tags", {200: ("IntegrationTag[]",)}, READ_ONE, note=_NAMES),
    "add_api_tags": _retag(f"{_KNOWN_TWICE} {_NAMES}"),
    "drop_api_tags": _retag(f"{_KNOWN_TWICE} {_NAMES}"),
    "associate_prompt": Facts(
        "Usage",
        {200: ()},
        WRITE_ONE,
        headers=("If-Match",),
        needs=Permission.WRITE,
        note=f"A body is not read. {_NAMES}",
    ),
    "list_prompts": Facts("Usage", {200: ("MessageTemplate[]",)}, READ_ONE, note=_NAMES),
    "read_provider_metrics": Facts("Usage", {200: ("TokenTotals",)}, READ_ONE),
    "read_api_metrics": Facts("Usage", {200: ("TokenTotal",)}, READ_ONE, note=_NAMES),
    "count_tokens": Facts(
        "Usage",
        {200: ()},
        (*READ_ONE, *BODY, 507),
        body="TokensUsed",
        examples=COUNTS,
        needs=Permission.COUNT,
        note=f"Tokens add up, by day. It makes no version. {_NAMES}",
    ),
    "read_token_limit": Facts("Usage", {200: ("TokenLimitAnswer",)}, READ_ONE, ("api",)),
    "set_token_limit": Facts(
        "Usage",
        {200: ()},
        (*WRITE_ONE, *BODY),
        headers=("If-Match",),
        body="LimitItem",
        examples=LIMIT,
        needs=Permission.WRITE,
        note="It is kept and shown; who calls the models holds to it.",
    ),
    "read_token_history": Facts("Usage", {200: ("TokenUsageLog[]",)}, READ_ONE, ("model", "lookUpWindow")),
}
