"""Cards of papers, and the pages that lists make of them, as SQL.

What only few cards meet, such as a link, a status or a word, is looked up first, and the page is made of
those. Else a page is walked in the order of ids: the first link that is asked for leads, since its index is
in that order too, and everything else is looked at on the way. So a page costs the same however many there
are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from credenza.errors import Conflict
from credenza.model import Card, Choice, Place
from credenza.stores.rows import fold

TABLES = """
CREATE TABLE cards (
    row INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    paper_kind TEXT NOT NULL,
    paper_slug TEXT NOT NULL,
    status TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    hidden INTEGER NOT NULL,
    UNIQUE (workspace_id, kind, id)
) STRICT;

CREATE INDEX cards_by_paper ON cards (workspace_id, paper_kind, paper_slug);

CREATE INDEX cards_by_status ON cards (workspace_id, kind, status, id);

CREATE INDEX cards_by_creation ON cards (workspace_id, kind, created_at, id);

CREATE INDEX cards_by_change ON cards (workspace_id, kind, updated_at, id);

CREATE TABLE card_links (
    workspace_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    relation TEXT NOT NULL,
    target TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (workspace_id, kind, relation, target, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX card_links_by_card ON card_links (workspace_id, kind, id);

CREATE VIRTUAL TABLE cards_search USING fts5 (
    name, description, content='cards', content_rowid='row', tokenize='trigram'
)
"""
_ADD = """
INSERT INTO cards (workspace_id, paper_kind, paper_slug, kind, id, status, name, description, created_at,
    updated_at, hidden)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_LINK = "INSERT OR IGNORE INTO card_links (workspace_id, kind, relation, target, id) VALUES (?, ?, ?, ?, ?)"
_INDEX = """
INSERT INTO cards_search (rowid, name, description) VALUES (?, folded(?), folded(?))
"""
_OF_PAPER = "workspace_id = ? AND paper_kind = ? AND paper_slug = ?"
_UNINDEX = f"""
INSERT INTO cards_search (cards_search, rowid, name, description)
SELECT 'delete', row, folded(name), folded(description) FROM cards WHERE {_OF_PAPER}
"""  # noqa: S608  # made of our own words
_UNLINK = f"""
DELETE FROM card_links WHERE (workspace_id, kind, id) IN (
    SELECT workspace_id, kind, id FROM cards WHERE {_OF_PAPER}
)
"""  # noqa: S608  # made of our own words
_REMOVE = f"DELETE FROM cards WHERE {_OF_PAPER}"  # noqa: S608  # made of our own words
_RARE = 1_000  # rows, so few that reading and sorting them all is cheap
_SHORTEST = 3  # a trigram index knows nothing shorter
_SEARCH = "SELECT rowid FROM cards_search WHERE cards_search MATCH ? LIMIT ?"
_IDS = """
SELECT id FROM cards
WHERE row IN (SELECT value FROM json_each(:rows)) AND +workspace_id = :workspace AND +kind = :kind
"""


def replace(
    connection: sqlite3.Connection, workspace: int, kind: str, slug: str, cards: Sequence[Card]
) -> None:
    """Let these be the cards of a paper; raises Conflict where one belongs to another paper."""
    paper = (workspace, kind, slug)
    for statement in (_UNINDEX, _UNLINK, _REMOVE):
        connection.execute(statement, paper)
    for card in cards:
        values = (card.kind, card.id, card.status, card.name, card.description)
        try:
            row = connection.execute(
                _ADD, (*paper, *values, card.created_at, card.updated_at, card.hidden)
            ).lastrowid
        except sqlite3.IntegrityError:
            raise Conflict from None
        connection.execute(_INDEX, (row, card.name, card.description))
        connection.executemany(_LINK, [(workspace, card.kind, *link, card.id) for link in card.links])


def find(connection: sqlite3.Connection, workspace: int, kind: str, ids: Sequence[str]) -> dict[str, Place]:
    """Return where what these cards are about stands, by id; those that are not there are missing."""
    rows = connection.execute(
        "SELECT id, paper_kind, paper_slug FROM cards WHERE workspace_id = ? AND kind = ? "
        "AND id IN (SELECT value FROM json_each(?))",
        (workspace, kind, _json(ids)),
    )
    return {row[0]: Place(*row) for row in rows}


def list_page(connection: sqlite3.Connection, workspace: int, choice: Choice) -> list[Place]:
    """Return the places of one page, in its order."""
    parameters: dict[str, object] = {
        "workspace": workspace,
        "kind": choice.kind,
        "limit": choice.limit,
        "hidden": choice.hidden,
    }
    conditions = ["c.workspace_id = :workspace", "c.kind = :kind", "c.hidden <= :hidden"]
    spans = _limit_span(choice, conditions, parameters)
    few = _find_few(connection, choice, spans, parameters)
    if few is not None:
        conditions.append("c.id IN (SELECT value FROM json_each(:few))")
        parameters["few"] = _json(few)
    source = _choose_source(choice, conditions, parameters, leads=few is None)
    _limit_words(choice, conditions, parameters)
    # The page before an id is walked towards the beginning, and turned round.
    backwards = choice.before is not None
    descending = choice.descending != backwards
    anchor = choice.before if backwards else choice.after
    if anchor is not None:
        conditions.append(f"{source[1]}.id {'<' if descending else '>'} :anchor")
        parameters["anchor"] = anchor
    order = f"ORDER BY {source[1]}.id {'DESC' if descending else 'ASC'} LIMIT :limit"
    where = " AND ".join(conditions)
    query = f"SELECT c.id, c.paper_kind, c.paper_slug FROM {source[0]} WHERE {where} {order}"  # noqa: S608  # made of our own words
    found = [Place(*row) for row in connection.execute(query, parameters)]
    return found[::-1] if backwards else found


def _find_few(
    connection: sqlite3.Connection, choice: Choice, spans: Sequence[str], parameters: dict[str, object]
) -> list[str] | None:
    """Return the ids that meet the first condition which only few cards meet; None: none is like that."""
    if choice.ids:
        return None
    cards = "SELECT c.id FROM cards c WHERE c.workspace_id = :workspace AND c.kind = :kind AND "
    links = "SELECT id FROM card_links WHERE workspace_id = :workspace AND kind = :kind AND "
    queries = []
    for number, (relation, targets) in enumerate(choice.links):
        parameters[f"relation{number}"], parameters[f"targets{number}"] = relation, _json(targets)
        of_these = f"IN (SELECT value FROM json_each(:targets{number}))"  # noqa: S608  # made of our own words
        queries.append(f"{links}relation = :relation{number} AND target {of_these}")
    if choice.statuses:
        parameters["status_values"] = _json(choice.statuses)
        queries.append(f"{cards}c.status IN (SELECT value FROM json_each(:status_values))")  # noqa: S608
    queries += [cards + span for span in spans]
    for query in queries:
        found = [row[0] for row in connection.execute(f"{query} LIMIT {_RARE}", parameters)]
        if len(found) < _RARE:
            return found
    return _search_few(connection, choice, parameters)


def _search_few(
    connection: sqlite3.Connection, choice: Choice, parameters: dict[str, object]
) -> list[str] | None:
    """Return the ids that the index of words finds, unless it finds many, of whatever workspace."""
    term = fold(choice.search)
    if len(term) < _SHORTEST or "\0" in term:
        return None
    phrase = '"' + term.replace('"', '""') + '"'
    rows = [row[0] for row in connection.execute(_SEARCH, (phrase, _RARE))]
    if len(rows) == _RARE:
        return None
    found = connection.execute(_IDS, {**parameters, "rows": msgspec.json.encode(rows).decode()})
    return [row[0] for row in found]


def _choose_source(
    choice: Choice, conditions: list[str], parameters: dict[str, object], *, leads: bool
) -> tuple[str, str]:
    """Return what to read from, and what it is in the order of; a link to one target may lead the way."""
    source = ("cards c", "c")
    for number, (relation, targets) in enumerate(choice.links):
        parameters[f"relation{number}"], parameters[f"targets{number}"] = relation, _json(targets)
        same = f"l{number}.workspace_id = :workspace AND l{number}.kind = :kind"
        wanted = f"l{number}.relation = :relation{number} AND l{number}.target"
        if leads and source[1] == "c" and len(targets) == 1:
            # CROSS JOIN keeps SQLite from beginning elsewhere.
            parameters[f"target{number}"] = targets[0]
            conditions.append(f"{same} AND {wanted} = :target{number} AND c.id = l{number}.id")
            source = (f"card_links l{number} CROSS JOIN cards c", f"l{number}")
            continue
        conditions.append(
            f"EXISTS (SELECT 1 FROM card_links l{number} WHERE {same} AND l{number}.id = c.id "  # noqa: S608
            f"AND {wanted} IN (SELECT value FROM json_each(:targets{number})))"
        )
    return source


def _limit_span(choice: Choice, conditions: list[str], parameters: dict[str, object]) -> list[str]:
    """Add the spans of time to the conditions, and return them as their indexes know them."""
    spans = []
    for column, span in (("created_at", choice.created), ("updated_at", choice.updated)):
        ends = []
        for sign, name, bound in ((">", "from", span[0]), ("<", "to", span[1])):
            if bound is not None:
                ends.append(f"c.{column} {sign} :{column}_{name}")
                parameters[f"{column}_{name}"] = bound
        # The plus keeps SQLite from leaving the order of ids for another index.
        conditions += [f"+{end}" for end in ends]
        spans += [" AND ".join(ends)] if ends else []
    return spans


def _limit_words(choice: Choice, conditions: list[str], parameters: dict[str, object]) -> None:
    for column, values in (("status", choice.statuses), ("id", choice.ids)):
        if values:
            plus = "+" if column == "status" else ""
            conditions.append(f"{plus}c.{column} IN (SELECT value FROM json_each(:{column}_values))")  # noqa: S608
            parameters[f"{column}_values"] = _json(values)
    if not choice.search:
        return
    conditions.append("contains_folded(c.name, c.description, :term)")
    parameters["term"] = fold(choice.search)


def _json(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode()
