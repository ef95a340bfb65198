"""The next version of a record, composed from what it was and what is asked of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from credenza.errors import Problem
from credenza.model import Api, ApiPut, Document, Edit, Put, SecretRef, Tag

MAX_APIS, MAX_TAGS = 1_000, 200
MOST_PROBLEMS = 100  # of one item; more help nobody, and are cheap to provoke
MAX_NAME, MAX_TEXT = 512, 4_096
_USUAL = 100
TOO_MANY_APIS = Problem("too_many", f"An integration has at most {MAX_APIS} apis.", "/apis", "maxItems")


def check_texts(put: Put) -> list[Problem]:
    """Return what is wrong with the description, tags and apis of a change."""
    if _is_usual(put):
        return []
    found: list[Problem] = []
    if put.description is not None:
        found += _text(put.description, "/description", MAX_TEXT)
    for position, tag in enumerate(put.tags or ()):
        found += _text(tag.key, f"/tags/{position}/key", MAX_NAME, empty=False)
        found += _text(tag.value, f"/tags/{position}/value", MAX_TEXT)
    if put.tags and len(put.tags) > MAX_TAGS:
        found.append(Problem("too_many", f"At most {MAX_TAGS} tags.", "/tags", "maxItems"))
    if put.apis:
        found += _check_apis(put.apis)
    return found


def next_apis(before: Sequence[Api], put: Put, *, by: str, at: int) -> tuple[Api, ...]:
    """Return the apis after a change: listed ones are created or updated, others stay or go."""
    if put.apis is None:
        return tuple(before)
    wanted = {api.api: api for api in put.apis}
    apis = [_merge(api, wanted.pop(api.api, None), by, at) for api in before]
    if put.replace_apis:
        listed = {api.api for api in put.apis}
        apis = [api for api in apis if api.api in listed]
    apis += [
        Api(new.api, at, by, at, by, new.description, new.enabled is not False) for new in wanted.values()
    ]
    return tuple(apis)


def next_tags(before: tuple[Tag, ...], put: Put) -> tuple[Tag, ...]:
    """Return the tags after a change: given, they replace all; each pair stands once."""
    return before if put.tags is None else tuple(dict.fromkeys(put.tags))


def list_edits(before: Document, after: Document) -> list[Edit]:
    """Return where two documents differ and how: by pointer and word, never by value."""
    edits = [
        Edit(f"/{field}", "changed")
        for field in ("category", "description", "enabled", "tags")
        if getattr(before, field) != getattr(after, field)
    ]
    edits += _differences("/configuration/", before.configuration, after.configuration)
    edits += [
        Edit(f"/configuration{edit.pointer}", _SECRET_WORDS[edit.change])
        for edit in _differences("", before.secrets, after.secrets)
    ]
    # Without their times: an api that was changed and changed back is what it was.
    was, now = (
        {api.api: (api.description, api.enabled) for api in document.apis} for document in (before, after)
    )
    return edits + _differences("/apis/", was, now)


_SECRET_WORDS = {"added": "secret_set", "changed": "secret_replaced", "removed": "secret_cleared"}


def secret_words(
    before: Mapping[str, SecretRef], after: Mapping[str, SecretRef], entered: Mapping[str, str]
) -> dict[str, str]:
    """Say of each secret what became of it: set, replaced, unchanged, kept or cleared."""
    words = {path: "cleared" for path in before if path not in after}
    for path, ref in after.items():
        if path not in before:
            words[path] = "set"
        elif before[path].version != ref.version:
            words[path] = "replaced"
        else:
            words[path] = "unchanged" if path in entered else "kept"
    return {f"/configuration{path}": word for path, word in words.items()}


def escape(key: str) -> str:
    """Write a key as a token of a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _is_usual(put: Put) -> bool:
    """Tell at a glance that all texts are short and plain, as nearly always; False decides nothing."""
    texts = [put.description or "-"]
    if put.tags:
        texts += [text for tag in put.tags for text in tag]
    if put.apis:
        names = [api.api for api in put.apis]
        if len(names) > 1 and len(set(names)) != len(names):
            return False
        texts += names
        texts += [api.description or "-" for api in put.apis]
    return len(texts) < _USUAL and "" not in texts and _is_short("\n".join(texts))


def _is_short(text: str) -> bool:
    return len(text) <= MAX_NAME and "\0" not in text


def _differences(prefix: str, before: Mapping[str, object], after: Mapping[str, object]) -> list[Edit]:
    edits = [Edit(_point(prefix, key), "removed") for key in before if key not in after]
    for key, value in after.items():
        if key not in before:
            edits.append(Edit(_point(prefix, key), "added"))
        elif before[key] != value or type(before[key]) is not type(value):  # 1 and True are equal
            edits.append(Edit(_point(prefix, key), "changed"))
    return edits


def _point(prefix: str, key: str) -> str:
    return prefix + escape(key) if prefix else key


def _merge(api: Api, put: ApiPut | None, by: str, at: int) -> Api:
    if put is None:
        return api
    description = api.description if put.description is None else put.description
    enabled = api.enabled if put.enabled is None else put.enabled
    if (description, enabled) == (api.description, api.enabled):
        return api
    return msgspec.structs.replace(
        api, description=description, enabled=enabled, updated_at=at, updated_by=by
    )


def _check_apis(apis: Sequence[ApiPut]) -> list[Problem]:
    found: list[Problem] = []
    seen: set[str] = set()
    if len(apis) > MAX_APIS:
        found.append(TOO_MANY_APIS)
    for position, api in enumerate(apis):
        pointer = f"/apis/{position}/api"
        found += _text(api.api, pointer, MAX_NAME, empty=False)
        if api.description is not None:
            found += _text(api.description, f"/apis/{position}/description", MAX_TEXT)
        if api.api in seen:
            found.append(Problem("duplicate_api", "This api is listed twice.", pointer, "uniqueItems"))
        seen.add(api.api)
    return found


def _text(text: str, pointer: str, longest: int, *, empty: bool = True) -> list[Problem]:
    if "\0" in text:
        return [Problem("nul_character", "NUL characters are not stored.", pointer, "pattern")]
    if len(text) > longest:
        return [Problem("too_long", f"At most {longest} characters.", pointer, "maxLength")]
    if not text and not empty:
        return [Problem("empty", "This must not be empty.", pointer, "minLength")]
    return []
