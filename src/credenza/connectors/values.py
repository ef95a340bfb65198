"""What no configuration may hold, whatever its type: told by a code, never by the value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from credenza.errors import Problem

MAX_NUMBER: Final = 2**53 - 1
MAX_DEPTH: Final = 32
MAX_SECRET_BYTES: Final = 65_536
MAX_LENGTH: Final = 65_536
MAX_PROBLEMS: Final = 100
MASKS: Final = "*•"
_HOLLOW: Final = MASKS + "".join(filter(str.isspace, map(chr, range(0x3001))))

_SENTENCES = {
    "masked_secret": "holds nothing but mask characters; leave the key out to keep the stored value",
    "empty_secret": (
        "is empty or nothing but blanks; send null to clear the stored value, or leave the key out to keep it"
    ),
    "secret_too_long": f"is longer than {MAX_SECRET_BYTES:,} bytes",
    "too_long": f"is longer than {MAX_LENGTH:,} characters",
    "secret_not_held": "refers to a stored value, and none is stored here; send the value itself",
    "unknown_mixed": (
        "mixes new undeclared keys with the reference to the stored ones; they are replaced as a whole, so"
        " send all of them, or the reference alone"
    ),
    "unreadable_url": (
        "can be read in more than one way; percent-encode special characters in user name and password,"
        " or use the keys made for them"
    ),
    "nul_character": "holds a NUL character",
    "not_unicode": "holds half of a surrogate pair, which is no Unicode text",
    "number_out_of_range": f"holds a number beyond ±{MAX_NUMBER}",
    "too_deep": f"is nested deeper than {MAX_DEPTH} levels",
    "too_many_problems": f"has more than {MAX_PROBLEMS} problems; the others are left out",
}


def describe(code: str, key: str | None = None) -> Problem:
    """Return the problem of this code at a declared key, or at the configuration itself."""
    subject, pointer = (key, f"/configuration/{key}") if key else ("configuration", "/configuration")
    return Problem(code, f"{subject} {_SENTENCES[code]}.", pointer, code)


def limit_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the first hundred problems, and one more that says so where there are others."""
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    return (*problems[:MAX_PROBLEMS], describe("too_many_problems"))


def find_fault(value: object, depth: int = 2) -> str | None:
    """Return the code of the first thing in a value that no configuration may hold, or None.

    `depth` is the level the value stands at; the configuration itself is level 1.
    """
    if isinstance(value, str):
        return find_text_fault(value)
    waiting = [(value, depth)]
    while waiting:
        part, depth = waiting.pop()
        fault = None
        if isinstance(part, str):
            fault = find_text_fault(part)
        elif isinstance(part, (dict, list)):
            if depth > MAX_DEPTH:
                return "too_deep"
            fault = next((code for name in part if (code := _find_name_fault(name))), None)
            waiting += [(child, depth + 1) for child in (part.values() if isinstance(part, dict) else part)]
        elif isinstance(part, (int, float)) and not -MAX_NUMBER <= part <= MAX_NUMBER:
            fault = "number_out_of_range"
        if fault:
            return fault
    return None


def find_public_fault(value: object) -> str | None:
    """Return the code of what makes a text, or a list of texts, unfit to be stored in clear, or None."""
    if isinstance(value, str):
        return "too_long" if len(value) > MAX_LENGTH else None
    return next(filter(None, map(find_public_fault, value)), None) if isinstance(value, list) else None


def find_text_fault(text: str) -> str | None:
    """Return the code of what makes a text unfit to be stored, or None."""
    if "\0" in text:
        return "nul_character"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "not_unicode"
    return None


def find_secret_fault(text: str) -> str | None:
    """Return the code of what makes a text unfit to be a secret, or None."""
    if not text.strip(_HOLLOW):
        return "masked_secret" if text.strip() else "empty_secret"
    fault = find_text_fault(text)
    if fault is None and len(text) * 4 > MAX_SECRET_BYTES and len(text.encode()) > MAX_SECRET_BYTES:
        fault = "secret_too_long"
    return fault


def _find_name_fault(name: object) -> str | None:
    return find_text_fault(name) if isinstance(name, str) else None
