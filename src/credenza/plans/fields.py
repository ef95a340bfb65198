"""Fields that everything on these surfaces has: a name, a description, and metadata."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

import msgspec

from credenza.errors import Invalid, Problem

MAX_NAME, MAX_DESCRIPTION = 256, 10_000  # characters
MAX_METADATA = 64 * 1024  # bytes
MAX_DEPTH = 8
T = TypeVar("T")


def read_name(text: str, pointer: str = "/name") -> str:
    """Return a name of 1 to 256 characters without blanks around it; raises Invalid."""
    name = text.strip()
    if not name:
        refuse(pointer, "A name has at least one character.", "minLength")
    if len(name) > MAX_NAME:
        refuse(pointer, f"A name has at most {MAX_NAME} characters.", "maxLength")
    return name


def read_description(text: str | None) -> str | None:
    """Return a description of at most 10,000 characters; a blank one is none. Raises Invalid."""
    said = (text or "").strip()
    if len(said) > MAX_DESCRIPTION:
        refuse("/description", f"A description has at most {MAX_DESCRIPTION:,} characters.", "maxLength")
    return said or None


def read_metadata(metadata: dict[str, Any] | None, pointer: str = "/metadata") -> dict[str, Any] | None:
    """Return metadata of at most 64 KiB, nested at most 8 levels deep; raises Invalid."""
    if metadata is None:
        return None
    if _measure(metadata) > MAX_DEPTH:
        refuse(pointer, f"Metadata is nested at most {MAX_DEPTH} levels deep.", "depth")
    if len(msgspec.json.encode(metadata)) > MAX_METADATA:
        refuse(pointer, f"Metadata has at most {MAX_METADATA // 1024} KiB.", "maxLength")
    return metadata


def keep(given: T | msgspec.UnsetType, kept: T) -> T:
    """Return what was given, or else what there was."""
    return kept if isinstance(given, msgspec.UnsetType) else given


def refuse(pointer: str, message: str, keyword: str, *, code: str = "invalid_data") -> NoReturn:
    """Raise Invalid with one problem, at its place in the body."""
    raise Invalid(message, code=code, problems=[Problem(code, message, pointer, keyword)])


def _measure(value: object) -> int:
    """Return how many levels of objects and lists a value has; far too many count as a few too many."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        depth += 1
    return depth - 1 if not level else depth
