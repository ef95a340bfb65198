"""What a list of packages or installs is asked: filters and orders as JSON, pages by signed cursors.

    filter   {"AND": [{"name": {"contains": "rag"}}, {"NOT": {"versions": {"version": {"eq": "1.0.0"}}}}]}
    orderBy  [{"publisher": "asc_nulls_first"}, {"createdAt": "desc"}]

Members of one object must all hold. A relation holds where one of the rows it leads to meets the filter in
it. `contains` and `startsWith` look at no case, `isNull` is true or false, times are dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import jiter
import msgspec

from credenza.errors import Invalid, Problem
from credenza.model import Found, Question, Tenant
from credenza.model import questions as q
from credenza.vault import Vault
from credenza.web.asking import AnyRequest
from credenza.web.cursors import Cursors
from credenza.web.packages.shapes import PageInfo
from credenza.web.requests import Query
from credenza.web.templates.times import read_time

MOST = 100
MAX_DEPTH, MAX_TERMS, MAX_KEYS, MAX_VALUES = 8, 200, 8, 1_000
MAX_TEXT, MAX_VALUE, MAX_CURSOR = 32_768, 1_024, 16_384
COUNTED = 10_000
_CURSOR = "invalid_cursor"
_TURNING = frozenset({"limit", "after", "before", "total"})  # what may change from page to page
_WORDS = frozenset({"AND", "OR"})
OPERATORS: Mapping[str, tuple[str, ...]] = {
    q.TEXT: (
        *(q.EQUAL, q.UNEQUAL, q.LESS, q.AT_MOST, q.MORE, q.AT_LEAST),
        *(q.ONE_OF, q.NONE_OF, q.CONTAINS, q.STARTS, q.MISSING),
    ),
    q.TIME: (
        *(q.EQUAL, q.UNEQUAL, q.LESS, q.AT_MOST, q.MORE, q.AT_LEAST),
        *(q.ONE_OF, q.NONE_OF, q.MISSING),
    ),
    q.FLAG: (q.EQUAL, q.UNEQUAL, q.MISSING),
}
_DIRECTION = re.compile(r"(asc|desc)(?:_nulls_(first|last))?")
_NEWEST = (q.Key("createdAt", descending=True), q.Key("id", descending=True))
_LATEST = (q.Key("installedAt", descending=True), q.Key("id", descending=True))


class Asked:
    """A list as it was asked for: its question, and how the cursors of its pages are written."""

    def __init__(self, question: Question, cursors: Cursors) -> None:
        """Take both."""
        self.question = question
        self._cursors = cursors

    def page(self, found: Found, fit: int | None = None) -> tuple[list[str], PageInfo]:
        """Return the ids of a page, and what is told of it; `fit` of its first rows are shown, if not all."""
        limit, question = self.question.limit, self.question
        more = len(found.rows) > limit
        backwards = question.before is not None
        rows = found.rows[-limit:] if backwards else found.rows[:limit]
        if fit is not None and fit < len(rows):
            rows, more = rows[:fit], True
        ends = [self._write(row.keys) for row in (rows[0], rows[-1])] if rows else [None, None]
        return [row.id for row in rows], {
            "total": found.total,
            "hasNextPage": backwards or more,
            "hasPreviousPage": more if backwards else question.after is not None,
            "startCursor": ends[0],
            "endCursor": ends[1],
        }

    def _write(self, keys: tuple[q.Value, ...]) -> str:
        return self._cursors.write(msgspec.json.encode(keys).decode())


def read_list(
    request: AnyRequest, entity: str, vault: Vault, tenant: Tenant, shorthands: Mapping[str, str]
) -> Asked:
    """Return what the query of a list asks for; `shorthands` are fields by their names in the query.

    Raises:
        Invalid: with what is wrong with it; `invalid_cursor` for one that is none of this list's.
    """
    known = ("limit", "after", "before", "ids", "filter", "orderBy", "include_deleted", "total")
    query = Query(request, *known, *shorthands)
    texts = {name: query.long_text(name, MAX_TEXT) for name in ("filter", "orderBy", "ids")}
    parts: list[q.Condition] = [] if texts["filter"] is None else [read_filter(texts["filter"], entity)]
    parts += [
        q.Comparison(field, q.EQUAL, _known(value, q.ENTITIES[entity].fields[field], f"/{name}"))
        for name, field in shorthands.items()
        if (value := query.text(name)) is not None
    ]
    if texts["ids"] is not None:
        parts.append(q.Comparison("id", q.ONE_OF, _read_ids(texts["ids"])))
    if not query.flag("include_deleted", default=False):
        parts.append(q.Comparison("deletedAt", q.MISSING, value=True))
    keys = _order(texts["orderBy"], entity)
    limit = query.number("limit", MOST, least=1, most=MOST) or MOST
    counted = COUNTED if not query.flag("total", default=False) else 2**53
    chosen = [entity, *sorted(pair for pair in query.pairs if pair[0] not in _TURNING)]
    cursors = Cursors(vault, tenant, "packages", chosen)
    ends = [query.long_text(name, MAX_CURSOR) for name in ("after", "before")]
    after, before = (_read_cursor(cursors, end, keys, entity) for end in ends)
    if after is not None and before is not None:
        _refuse("/before", "A page begins after one cursor, or ends before one.", "maxItems")
    question = Question(
        entity=entity,
        where=q.Every(tuple(parts)),
        keys=keys,
        limit=limit,
        after=after,
        before=before,
        count=counted,
    )
    return Asked(question, cursors)


def read_filter(text: str, entity: str) -> q.Condition:
    """Return the filter that a text says; raises Invalid with its place."""
    return _Reading().read(_decode(text, "/filter"), (entity,), "/filter", 1)


class _Reading:
    """One filter on its way; its terms are counted."""

    def __init__(self) -> None:
        self._terms = 0
        self._values = 0

    def read(self, said: object, way: tuple[str, ...], pointer: str, depth: int) -> q.Condition:
        """Return what an object says of the last entity of a way; no way leads to an entity twice."""
        if not isinstance(said, dict):
            _refuse(pointer, "A filter is an object.", "type")
        if depth > MAX_DEPTH:
            _refuse(pointer, f"A filter is nested at most {MAX_DEPTH} levels deep.", "depth")
        return q.Every(tuple(self._member(name, inner, way, pointer, depth) for name, inner in said.items()))

    def _member(self, name: str, said: object, way: tuple[str, ...], pointer: str, depth: int) -> q.Condition:
        kind = q.ENTITIES[way[-1]]
        if name in _WORDS:
            if not isinstance(said, list):
                _refuse(f"{pointer}/{name}", f"{name} takes a list of filters.", "type")
            parts = (
                self.read(part, way, f"{pointer}/{name}/{at}", depth + 1) for at, part in enumerate(said)
            )
            return q.Every(tuple(parts)) if name == "AND" else q.Either(tuple(parts))
        if name == "NOT":
            return q.Opposite(self.read(said, way, f"{pointer}/NOT", depth + 1))
        if name in kind.relations:
            target = kind.relations[name]
            if target in way:
                # Back and forth between many rows, a small filter would take for ever.
                message = "A filter does not lead back to where it came from."
                _refuse(f"{pointer}/{name}", message, "relation", "circular_filter")
            self._count(pointer)
            inner = self.read(said, (*way, target), f"{pointer}/{name}", depth + 1)
            return q.Related(name, inner)
        if name not in kind.fields:
            known = ", ".join([*kind.fields, *kind.relations])
            _refuse(pointer, f"A filter of this knows AND, OR, NOT, and: {known}.", "enum", "unknown_field")
        return self._compare(name, said, kind.fields[name], f"{pointer}/{name}")

    def _compare(self, field: str, said: object, rules: q.Field, pointer: str) -> q.Condition:
        if not isinstance(said, dict):
            _refuse(pointer, 'A comparison is an object, like {"eq": "…"}.', "type")
        parts = []
        for operator, value in said.items():
            self._count(pointer)
            if operator not in OPERATORS[rules.sort]:
                message = f"This field is compared by: {', '.join(OPERATORS[rules.sort])}."
                _refuse(pointer, message, "enum", "unknown_operator")
            taken = _value(value, operator, rules, f"{pointer}/{operator}")
            self._values += len(taken) if isinstance(taken, tuple) else 1
            if self._values > MAX_VALUES:
                _refuse(pointer, f"A filter holds at most {MAX_VALUES:,} values.", "maxItems")
            parts.append(q.Comparison(field, operator, taken))
        return q.Every(tuple(parts))

    def _count(self, pointer: str) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            _refuse(pointer, f"A filter has at most {MAX_TERMS} terms.", "maxItems")


def _value(said: object, operator: str, rules: q.Field, pointer: str) -> q.Value | tuple[q.Value, ...]:
    if operator == q.MISSING:
        if not isinstance(said, bool):
            _refuse(pointer, "This is true or false.", "type")
        return said
    if operator in {q.ONE_OF, q.NONE_OF}:
        if not isinstance(said, list) or len(said) > MAX_VALUES:
            _refuse(pointer, f"This is a list of at most {MAX_VALUES} values.", "type")
        return tuple(_known(_one(each, rules, at), rules, at) for at, each in _places(said, pointer))
    one = _one(said, rules, pointer)
    return _known(one, rules, pointer) if operator in {q.EQUAL, q.UNEQUAL} else one


def _places(said: list[object], pointer: str) -> Iterator[tuple[str, object]]:
    return ((f"{pointer}/{at}", each) for at, each in enumerate(said))


def _known(value: q.Value, rules: q.Field, pointer: str) -> q.Value:
    """Return a value that the field can have: another one would find nothing, and not say why."""
    if rules.among and value not in rules.among:
        _refuse(pointer, f"This is one of: {', '.join(rules.among)}.", "enum")
    return value


def _one(said: object, rules: q.Field, pointer: str) -> q.Value:
    if rules.sort == q.FLAG:
        if not isinstance(said, bool):
            _refuse(pointer, "This is true or false.", "type")
        return said
    if said is None:
        _refuse(pointer, 'What is missing is asked for by {"isNull": true}.', "type")
    text = said if isinstance(said, str) and len(said) <= MAX_VALUE and "\0" not in said else None
    if rules.sort == q.TIME:
        try:
            return read_time(text or "")
        except ValueError:
            _refuse(pointer, "This is a date, like 2026-01-10T14:45:00Z.", "format")
    if text is None:
        _refuse(pointer, f"This is a text of at most {MAX_VALUE} characters, without NUL.", "type")
    return text


def _order(text: str | None, entity: str) -> tuple[q.Key, ...]:
    usual = _LATEST if entity == q.INSTALL else _NEWEST
    if text is None:
        return usual
    said = _decode(text, "/orderBy")
    if not isinstance(said, list) or not 1 <= len(said) <= MAX_KEYS:
        _refuse("/orderBy", f"An order is a list of 1 to {MAX_KEYS} keys.", "type")
    keys: dict[str, q.Key] = {}
    for at, each in enumerate(said):
        pointer = f"/orderBy/{at}"
        if not isinstance(each, dict) or len(each) != 1:
            _refuse(pointer, 'A key of an order is an object, like {"name": "asc"}.', "type")
        [(field, direction)] = each.items()
        found = _DIRECTION.fullmatch(direction) if isinstance(direction, str) else None
        if field not in q.ENTITIES[entity].fields:
            known = ", ".join(q.ENTITIES[entity].fields)
            _refuse(pointer, f"An order goes by: {known}.", "enum", "unknown_field")
        if found is None:
            message = "A direction is asc or desc, with _nulls_first or _nulls_last behind it or without."
            _refuse(pointer, message, "enum")
        # As PostgreSQL has it: what is missing counts as the largest.
        nulls_first = found[2] == "first" if found[2] else found[1] == "desc"
        keys.setdefault(field, q.Key(field, found[1] == "desc", nulls_first))
    keys.setdefault("id", q.Key("id", descending=next(iter(keys.values())).descending))
    return tuple(keys.values())


def _read_cursor(
    cursors: Cursors, text: str | None, keys: tuple[q.Key, ...], entity: str
) -> tuple[q.Value, ...] | None:
    if text is None:
        return None
    values = msgspec.json.decode(cursors.read(text))
    # Signed by ourselves, unless the vault is locked: then whatever comes is only looked for.
    fit = isinstance(values, list) and len(values) == len(keys)
    sorts = [int if q.ENTITIES[entity].fields[key.field].sort != q.TEXT else str for key in keys]
    if not fit or not all(
        value is None or isinstance(value, sort) for value, sort in zip(values, sorts, strict=True)
    ):
        _refuse(
            "", "This cursor is not one of this list; begin again without it.", "cursor", "invalid_cursor"
        )
    return tuple(values)


def _read_ids(text: str) -> tuple[str, ...]:
    ids = tuple(each.strip() for each in text.split(",") if each.strip())
    if len(ids) > MAX_VALUES or any(len(each) > MAX_VALUE for each in ids):
        _refuse("/ids", f"These are at most {MAX_VALUES} ids with commas between them.", "maxItems")
    return ids


def _decode(text: str, pointer: str) -> Any:  # noqa: ANN401  # any JSON
    try:
        return jiter.from_json(text.encode(), allow_inf_nan=False, catch_duplicate_keys=True)
    except (ValueError, RecursionError):
        _refuse(pointer, "This is not JSON, or names something twice.", "json")


def _refuse(pointer: str, message: str, keyword: str, code: str = "invalid_data") -> NoReturn:
    raise Invalid(message, code=code, problems=[Problem(code, message, pointer, keyword)])
