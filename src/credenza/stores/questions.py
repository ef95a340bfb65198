"""Questions to the catalogue of packages as SQL, for every store that speaks it.

Each comparison is made to be true or false, never null, so that a filter means the same as the rule in plain
words. What one workspace must not know of another's packages is missing in the very expressions that are
compared and sorted by, so that no filter can find it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from credenza.model import questions as q

_TEXTS = (q.CONTAINS, q.STARTS)
_SIGNS = {q.LESS: "<", q.AT_MOST: "<=", q.MORE: ">", q.AT_LEAST: ">="}


class Dialect(NamedTuple):
    """What stores say differently: placeholders, null-safe equality, places in a text, folding."""

    placeholder: Callable[[int], str]
    same: str
    differs: str
    position: str
    folded: str


_TABLES = {
    q.PACKAGE: "packages",
    q.VERSION: "package_versions",
    q.INSTALL: "package_installs",
    q.PART: "package_parts",
    q.MEMBER: "install_members",
}
_OWN = "{0}.workspace_id = {workspace}"
_GRANTED = "EXISTS (SELECT 1 FROM package_grants g WHERE g.package = {0}.id AND g.workspace = {slug})"
_TRUSTED = f"({_OWN} OR {_GRANTED})"  # who sees the newest version, approved or not
_APPROVED = "EXISTS (SELECT 1 FROM package_approvals a WHERE a.package = {0}.package AND a.version = {0}.id)"
_VISIBLE = f"({_OWN} OR ({{0}}.deleted_at IS NULL AND ({{0}}.listed OR ({{0}}.published AND {_GRANTED}))))"
_OPERATED = "({0}.deleted_at IS NULL AND {0}.published AND {0}.visibility = 'public')"
_ROWS = {q.PACKAGE: _VISIBLE, q.INSTALL: _OWN, q.MEMBER: _OWN, q.VERSION: "1 = 1", q.PART: "1 = 1"}
_COLUMNS: Mapping[tuple[str, str], str] = {
    (q.PACKAGE, "workspaceId"): "{0}.workspace",
    (q.PACKAGE, "currentVersion"): f"CASE WHEN {_TRUSTED} THEN {{0}}.current ELSE {{0}}.public_version END",
    (q.PACKAGE, "createdBy"): f"CASE WHEN {_OWN} THEN {{0}}.created_by END",
    (q.PACKAGE, "deletedAt"): f"CASE WHEN {_OWN} THEN {{0}}.deleted_at END",
    (q.PACKAGE, "retentionTier"): f"CASE WHEN {_OWN} THEN {{0}}.retention_tier END",
    (q.PACKAGE, "updatedAt"): f"CASE WHEN {_OWN} THEN {{0}}.updated_at "
    f"WHEN {_TRUSTED} THEN {{0}}.current_at ELSE coalesce({{0}}.public_at, {{0}}.current_at) END",
    (q.VERSION, "publishedBy"): f"CASE WHEN {_OWN} THEN {{0}}.published_by END",
    (q.INSTALL, "integrationId"): "{0}.package",
    (q.INSTALL, "integrationVersionId"): "{0}.version",
    (q.INSTALL, "workspaceId"): "{slug}",
    (q.INSTALL, "memberPolicy"): "{0}.policy",
    (q.INSTALL, "parentInstallId"): "{0}.parent",
    (q.INSTALL, "lastUpgradedAt"): "{0}.upgraded_at",
    (q.PART, "default"): "{0}.is_default",
}
_FOLDED = {(q.PACKAGE, name) for name in ("name", "description", "publisher")}
_SHOWN = f"CASE WHEN {_TRUSTED} THEN {{0}}.current_id ELSE {{0}}.public_id END"  # the version that one sees
_JOINS: Mapping[tuple[str, str], str] = {
    (q.PACKAGE, "versions"): f"{{1}}.package = {{0}}.id AND ({_TRUSTED} OR "
    + _APPROVED.replace("{0}", "{1}")
    + ")",
    (q.PACKAGE, "installs"): "{1}.package = {0}.id AND " + _OWN.replace("{0}", "{1}"),
    (q.PACKAGE, "members"): f"{{1}}.version = {_SHOWN}",
    (q.VERSION, "integration"): "{1}.id = {0}.package AND " + _VISIBLE.replace("{0}", "{1}"),
    (q.VERSION, "members"): "{1}.version = {0}.id",
    (q.INSTALL, "integration"): "{1}.id = {0}.package AND " + _VISIBLE.replace("{0}", "{1}"),
    (q.INSTALL, "version"): "{1}.id = {0}.version",
    (q.INSTALL, "members"): "{1}.install = {0}.id AND " + _OWN.replace("{0}", "{1}"),
    (q.MEMBER, "install"): "{1}.id = {0}.install AND " + _OWN.replace("{0}", "{1}"),
}


class Statement:
    """One question on its way to SQL, for the workspace of this row number and slug."""

    def __init__(self, dialect: Dialect, workspace: int, slug: str) -> None:
        """Begin with nothing asked."""
        self.parameters: list[q.Value] = []
        self._dialect = dialect
        self._slug = slug
        self._aliases = 0
        self._who = {"workspace": self._bind(workspace), "slug": self._bind(slug)}

    def page(self, question: q.Question) -> str:
        """Return the statement for a page: ids and keys, one row more than asked for."""
        alias = self._alias()
        columns = [self._column(question.entity, key.field, alias) for key in question.keys]
        keys, anchor = question.keys, question.after
        if question.before is not None:
            # The page before a row is walked towards the beginning, and turned round by the caller.
            keys, anchor = tuple(map(_reverse, keys)), question.before
        conditions = [self._rows(question, alias), self._condition(question.where, question.entity, alias)]
        if anchor is not None:
            conditions.append(self._beyond(question.entity, keys, columns, anchor))
        order = ", ".join(
            term
            for key, column in zip(keys, columns, strict=True)
            for term in _order(key, column, q.ENTITIES[question.entity].fields[key.field].missing)
        )
        return (
            f"SELECT {alias}.id, {', '.join(columns)} FROM {_TABLES[question.entity]} {alias} "  # noqa: S608
            f"WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT {self._bind(question.limit + 1)}"
        )

    def count(self, question: q.Question) -> str:
        """Return the statement that counts the rows, up to one more than are to be counted."""
        alias = self._alias()
        where = self._condition(question.where, question.entity, alias)
        return (
            f"SELECT count(*) FROM (SELECT 1 FROM {_TABLES[question.entity]} {alias} "  # noqa: S608
            f"WHERE {self._rows(question, alias)} AND {where} LIMIT {self._bind(question.count + 1)}) counted"
        )

    def _rows(self, question: q.Question, alias: str) -> str:
        operated = question.operating and question.entity == q.PACKAGE
        return self._fill(_OPERATED if operated else _ROWS[question.entity], alias)

    def _condition(self, condition: q.Condition, entity: str, alias: str) -> str:
        if isinstance(condition, q.Comparison):
            return self._compare(condition, entity, alias)
        if isinstance(condition, q.Opposite):
            return f"NOT {self._condition(condition.part, entity, alias)}"
        if isinstance(condition, q.Related):
            other, target = self._alias(), q.ENTITIES[entity].relations[condition.relation]
            join = self._fill(_JOINS[entity, condition.relation], alias, other)
            part = self._condition(condition.part, target, other)
            return f"EXISTS (SELECT 1 FROM {_TABLES[target]} {other} WHERE {join} AND {part})"  # noqa: S608
        word, none = (" AND ", "1 = 1") if isinstance(condition, q.Every) else (" OR ", "1 = 0")
        parts = [self._condition(part, entity, alias) for part in condition.parts]
        if len(parts) == 1:
            return parts[0]  # each pair of brackets takes room on a parser's stack
        return f"({word.join(parts) or none})"

    def _compare(self, said: q.Comparison, entity: str, alias: str) -> str:
        column = self._column(entity, said.field, alias)
        if said.operator == q.MISSING:
            return f"({column}) IS {'' if said.value else 'NOT '}NULL"
        if said.operator in {q.ONE_OF, q.NONE_OF}:
            values = said.value if isinstance(said.value, tuple) else (said.value,)
            if not values:
                return "1 = 0" if said.operator == q.ONE_OF else "1 = 1"
            among = f"(({column}) IS NOT NULL AND ({column}) IN ({', '.join(map(self._bind, values))}))"
            return among if said.operator == q.ONE_OF else f"NOT {among}"
        if said.operator in _TEXTS:
            return self._search(said, entity, alias)
        value = self._bind(said.value if not isinstance(said.value, tuple) else None)
        if said.operator in {q.EQUAL, q.UNEQUAL}:
            return self._equal(said, entity, alias, value)
        return f"(({column}) IS NOT NULL AND ({column}) {_SIGNS[said.operator]} {value})"

    def _equal(self, said: q.Comparison, entity: str, alias: str, value: str) -> str:
        """Return a comparison that is never null; of one's own and of what is never missing, by an index."""
        column, equal = self._column(entity, said.field, alias), said.operator == q.EQUAL
        if equal and (entity, said.field, said.value) == (q.PACKAGE, "workspaceId", self._slug):
            return self._fill(f"({_OWN})", alias)
        sign = self._dialect.same if equal else self._dialect.differs
        if equal and said.value is not None and not q.ENTITIES[entity].fields[said.field].missing:
            sign = "="  # PostgreSQL asks no index for what is not distinct from a value
        return f"(({column}) {sign} {value})"

    def _search(self, said: q.Comparison, entity: str, alias: str) -> str:
        """Return whether a text holds another, or begins with it, in any case."""
        column = self._column(entity, said.field, alias)
        kept = (entity, said.field) in _FOLDED
        folded = f"{column}_folded" if kept else self._dialect.folded.format(f"({column})")
        place = self._dialect.position.format(folded, self._bind(str(said.value).casefold()))
        return f"(({column}) IS NOT NULL AND {place} {'= 1' if said.operator == q.STARTS else '> 0'})"

    def _beyond(
        self, entity: str, keys: Sequence[q.Key], columns: Sequence[str], anchor: Sequence[q.Value]
    ) -> str:
        """Return whether a row comes behind these values: at the first key that differs, it does."""
        choices: list[str] = []
        same: list[str] = []
        for key, column, value in zip(keys, columns, anchor, strict=True):
            bound = self._bind(value)
            choices.append(" AND ".join([*same, self._follows(entity, key, column, value, bound)]))
            same.append(f"({column}) {self._dialect.same} {bound}")
        return f"({' OR '.join(f'({choice})' for choice in choices)})"

    def _follows(self, entity: str, key: q.Key, column: str, value: q.Value, bound: str) -> str:
        missing = q.ENTITIES[entity].fields[key.field].missing
        if value is None:
            return f"({column}) IS NOT NULL" if key.nulls_first else "1 = 0"
        behind = f"({column}) {'<' if key.descending else '>'} {bound}"
        if not missing:
            return behind
        known = f"(({column}) IS NOT NULL AND {behind})"
        return known if key.nulls_first else f"({known} OR ({column}) IS NULL)"

    def _column(self, entity: str, field: str, alias: str) -> str:
        snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in field)
        return self._fill(_COLUMNS.get((entity, field), f"{{0}}.{snake}"), alias)

    def _fill(self, text: str, *aliases: str) -> str:
        return text.format(*aliases, **self._who)

    def _alias(self) -> str:
        self._aliases += 1
        return f"t{self._aliases}"

    def _bind(self, value: q.Value) -> str:
        self.parameters.append(value)
        return self._dialect.placeholder(len(self.parameters))


def _reverse(key: q.Key) -> q.Key:
    return q.Key(key.field, not key.descending, not key.nulls_first)


def _order(key: q.Key, column: str, missing: bool) -> list[str]:
    terms = [f"{column} {'DESC' if key.descending else 'ASC'}"]
    if missing:
        terms.insert(0, f"(({column}) IS NULL) {'DESC' if key.nulls_first else 'ASC'}")
    return terms
