"""The next version of a record, composed from what it was and what is asked of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from credenza.errors import Problem
from credenza.model import Api, ApiPut, Document, Edit, Put, Record, SecretRef, Tag, TokenLimit, locate
from credenza.pointers import escape

MAX_APIS, MAX_TAGS = 1_000, 200
MOST_PROBLEMS = 100  # of one item; more help nobody, and are cheap to provoke
MAX_NAME, MAX_TEXT = 512, 4_096
_USUAL = 100
TOO_MANY_TAGS = Problem("too_many", f"At most {MAX_TAGS} tags.", "/tags", "maxItems")
TOO_MANY_APIS = Problem("too_many", f"An integration has at most {MAX_APIS} apis.", "/apis", "maxItems")


def next_record(before: Record, document: Document, *, by: str, at: int) -> Record:
    """Return the record that says this next, made from no text of a caller's."""
    return msgspec.structs.replace(
        before,
        category=document.category,
        description=document.description,
        enabled=document.enabled,
        version=before.version + 1,
        digest=None,
        updated_at=at,
        updated_by=by,
        body=msgspec.json.encode(document),
        type_version=document.type_version,
    )


def check_texts(put: Put) -> list[Problem]:
    """Return what is wrong with the description, tags and apis of a change."""
    if _is_usual(put):
        return []
    found: list[Problem] = []
    if put.description is not None:
        found += check_text(put.description, "/description", MAX_TEXT)
    found += check_tags(put.tags or (), "/tags")
    if put.apis:
        found += _check_apis(put.apis)
    return found


def check_tags(tags: Sequence[Tag], pointer: str) -> list[Problem]:
    """Return what is wrong with tags that stand at a pointer."""
    found: list[Problem] = []
    for position, tag in enumerate(tags):
        found += check_text(tag.key, f"{pointer}/{position}/key", MAX_NAME, empty=False)
        found += check_text(tag.value, f"{pointer}/{position}/value", MAX_TEXT)
    if len(tags) > MAX_TAGS:
        found.append(msgspec.structs.replace(TOO_MANY_TAGS, pointer=pointer))
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
        Api(new.api, at, by, at, by, new.description, new.enabled is not False, tags=_unique(new.tags or ()))
        for new in wanted.values()
    ]
    return tuple(apis)


def next_limits(before: Sequence[TokenLimit], apis: Sequence[Api]) -> tuple[TokenLimit, ...]:
    """Return the token limits after a change: those of an api that went go with it."""
    if not before:
        return ()
    names = {api.api for api in apis}
    return tuple(limit for limit in before if limit.api is None or limit.api in names)


def next_tags(before: tuple[Tag, ...], put: Put) -> tuple[Tag, ...]:
    """Return the tags after a change: given, they replace all; each pair stands once."""
    return before if put.tags is None else _unique(put.tags)


def list_edits(before: Document, after: Document) -> list[Edit]:
    """Return where two documents differ and how: by pointer and word, never by value; each pointer once."""
    edits = [
        Edit(f"/{field}", "changed")
        for field in ("category", "description", "enabled", "tags")
        if getattr(before, field) != getattr(after, field)
    ]
    edits += _list_values(before, after)
    was, now = ({api.api: _say(api) for api in document.apis} for document in (before, after))
    edits += _differences("/apis/", was, now)
    if _say_limits(before) != _say_limits(after):
        edits.append(Edit("/limits", "changed"))
    if before.type_version != after.type_version:
        edits.append(Edit("/typeVersion", f"migrated from {before.type_version} to {after.type_version}"))
    if before.source != after.source:
        edits.append(Edit("/managedBy", "changed"))
    if before.binding != after.binding:
        edits.append(Edit("/binding", "changed"))
    if before.unfit != after.unfit:
        edits.append(Edit("/needsReconfiguration", "changed"))
    return edits


def _list_values(before: Document, after: Document) -> list[Edit]:
    public = _differences("/configuration/", before.configuration, after.configuration)
    secret = [
        Edit(locate(edit.pointer), _SECRET_WORDS[edit.change])
        for edit in _differences("", before.references(), after.references())
    ]
    if not public or not secret:
        return public + secret
    # A value that was public and is a secret now, or the other way round, is one difference.
    told = {edit.pointer for edit in secret}
    return [edit for edit in public if edit.pointer not in told] + secret


def _say(api: Api) -> tuple[object, ...]:
    # Without its times: an api that was changed and changed back is what it was.
    prompts = [prompt.name for prompt in api.prompts]
    values = [(key, type(value), value) for key, value in api.configuration.items()]
    return api.description, api.enabled, api.tags, prompts, sorted(values, key=lambda each: each[0])


def _say_limits(document: Document) -> list[tuple[object, ...]]:
    return [(limit.api, limit.max_tokens, limit.period) for limit in document.limits]


_SECRET_WORDS = {"added": "secret_set", "changed": "secret_replaced", "removed": "secret_cleared"}


def secret_words(
    before: Mapping[str, SecretRef], after: Mapping[str, SecretRef], entered: Collection[str]
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
    return {locate(path): word for path, word in words.items()}


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
        if any(api.tags for api in put.apis):
            return False
    return len(texts) < _USUAL and "" not in texts and _is_short("\n".join(texts))


def _is_short(text: str) -> bool:
    return len(text) <= MAX_NAME and "\0" not in text


def _unique(tags: Sequence[Tag]) -> tuple[Tag, ...]:
    return tuple(dict.fromkeys(tags)) if len(tags) > 1 else tuple(tags)


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
    tags = api.tags if put.tags is None else _unique(put.tags)
    if (description, enabled, tags) == (api.description, api.enabled, api.tags):
        return api
    return msgspec.structs.replace(
        api, description=description, enabled=enabled, tags=tags, updated_at=at, updated_by=by
    )


def _check_apis(apis: Sequence[ApiPut]) -> list[Problem]:
    found: list[Problem] = []
    seen: set[str] = set()
    if len(apis) > MAX_APIS:
        found.append(TOO_MANY_APIS)
    for position, api in enumerate(apis):
        pointer = f"/apis/{position}/api"
        found += check_text(api.api, pointer, MAX_NAME, empty=False)
        if api.description is not None:
            found += check_text(api.description, f"/apis/{position}/description", MAX_TEXT)
        found += check_tags(api.tags or (), f"/apis/{position}/tags")
        if api.api in seen:
            found.append(Problem("duplicate_api", "This api is listed twice.", pointer, "uniqueItems"))
        seen.add(api.api)
    return found


def check_text(text: str, pointer: str, longest: int, *, empty: bool = True) -> list[Problem]:
    """Return what is wrong with a text of at most `longest` characters."""
    if "\0" in text:
        return [Problem("nul_character", "NUL characters are not stored.", pointer, "pattern")]
    if len(text) > longest:
        return [Problem("too_long", f"At most {longest} characters.", pointer, "maxLength")]
    if not text and not empty:
        return [Problem("empty", "This must not be empty.", pointer, "minLength")]
    return []
