"""Measure packages over HTTP: installing many members at once, previews of upgrades, filtered lists."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import urlencode

from bench_load import Server
from bench_templates import Caller, fill

MEMBERS = 100
FEW = 1_000
ROUNDS = 15
_PATH = "/api/integrations"
_INSTALLS = "/api/integration-installs"
Row = tuple[str, str, str]
_VARIABLES = {
    "type": "object",
    "required": ["prefix", "password"],
    "properties": {"prefix": {"type": "string"}, "password": {"type": "string", "format": "password"}},
}
# Three levels: a word, a relation below an alternative, and what is not so.
_FILTER = {
    "OR": [
        {"name": {"contains": "number 77"}},
        {"AND": [{"publisher": {"eq": "acme-3"}}, {"NOT": {"versions": {"version": {"eq": "9.9.9"}}}}]},
    ]
}


def compare_packages(stored: int) -> Iterator[Row]:
    """Compare installs with bulk saves of the same, and lists of many packages with lists of few."""
    with Server() as server, Server() as small:
        caller, other = Caller(server), Caller(small)
        yield from _compare_installs(caller)
        for at, many in ((server, stored), (small, FEW)):
            fill(
                at, many, lambda client, number: _draft(client, f"package-{number}", {"members": []}, number)
            )
        for title, query in _list_queries().items():
            yield (
                f"{title}, {stored:,} packages",
                *_compare(partial(caller.load, f"{_PATH}?{query}"), partial(other.load, f"{_PATH}?{query}")),
            )


def _list_queries() -> dict[str, str]:
    return {
        "page of 100 packages": "",
        "page of 100 by a filter of three levels": urlencode({"filter": json.dumps(_FILTER)}),
        "the same in the order of names": urlencode(
            {"filter": json.dumps(_FILTER), "orderBy": json.dumps([{"name": "asc"}])}
        ),
    }


def _compare_installs(caller: Caller) -> Iterator[Row]:
    package = _draft(caller, "large", _manifest("One"), 0, _VARIABLES)
    caller.call("POST", f"{_PATH}/{package}/publish", {"version": "1.0.0"})
    numbers = count()
    installed: list[str] = []

    def install() -> None:
        variables = {"prefix": f"p{next(numbers):06d}", "password": "made-up"}
        body = {"workspaceId": "default", "variables": variables}
        installed.append(caller.call("POST", f"{_PATH}/{package}/install", body)["id"])

    def save() -> None:
        caller.call("POST", _PATH, _bulk(f"b{next(numbers):06d}"))

    times = _take_turns(install, save)
    yield (f"install {MEMBERS} members, against a bulk save of them", *_tell(*times, "bulk"))
    caller.call("PATCH", f"{_PATH}/{package}", {"manifest": _manifest("Two")})
    caller.call("POST", f"{_PATH}/{package}/publish", {"version": "1.1.0"})
    preview = partial(caller.call, "POST", f"{_INSTALLS}/{installed[0]}/upgrade?dryRun=true", {})
    times = _take_turns(preview, save)
    yield (f"preview an upgrade of {MEMBERS} members, against the same", *_tell(*times, "bulk"))


def _draft(
    caller: Caller, slug: str, manifest: dict[str, Any], number: int, variables: dict[str, Any] | None = None
) -> str:
    body = {
        "workspaceId": "default",
        "slug": slug,
        "name": f"Package number {number}",
        "publisher": f"acme-{number % 50}",
        "manifest": manifest,
        "variablesSchema": variables,
    }
    return str(caller.call("POST", _PATH, body)["id"])


def _member(name: str, number: int, password: str, description: str) -> dict[str, Any]:
    return {
        "name": f"{name}-{number:03d}",
        "type": "relational_db",
        "description": description,
        "configuration": {
            "jdbcDriver": "Postgres",
            "user": f"service_{number}",
            "password": password,
            "datasourceURL": f"jdbc:postgresql://db-{number}.internal:5432/orders",
        },
        "tags": [{"key": "team", "value": f"team-{number % 7}"}],
    }


def _manifest(description: str) -> dict[str, Any]:
    said = [
        _member("${variables.prefix}", number, "${variables.password}", description)
        for number in range(MEMBERS)
    ]
    return {"members": [{"slug": f"m{number}", "integration": each} for number, each in enumerate(said)]}


def _bulk(prefix: str) -> list[dict[str, Any]]:
    return [_member(prefix, number, "made-up", "One") for number in range(MEMBERS)]


def _take_turns(one: Callable[[], object], other: Callable[[], object]) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for call, found in zip((one, other), times, strict=True):
            begun = time.perf_counter()
            call()
            found.append(time.perf_counter() - begun)
    return times


def _compare(one: Callable[[], object], other: Callable[[], object]) -> tuple[str, str]:
    return _tell(*_take_turns(one, other), f"with {FEW:,}")


def _tell(one: list[float], other: list[float], word: str) -> tuple[str, str]:
    ratio = statistics.median(a / b for a, b in zip(one, other, strict=True))
    middle = [statistics.median(times) * 1e3 for times in (one, other)]
    return f"{middle[0]:.2f} ms, {word} {middle[1]:.2f} ms", f"{ratio:.2f} times"
