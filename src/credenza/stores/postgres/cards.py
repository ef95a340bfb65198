"""Cards of papers, and the pages that lists make of them, as SQL."""

from __future__ import annotations

from collections.abc import Sequence

from credenza.model import Card, Choice, Place
from credenza.stores.postgres.connect import Connection, columns, fetch, plan_anew
from credenza.stores.rows import fold

_REMOVE = """
DELETE FROM cards c USING unnest(%b::text[], %b::text[]) n (kind, slug)
WHERE c.workspace_id = %s AND c.paper_kind = n.kind AND c.paper_slug = n.slug
"""
_ADD = """
INSERT INTO cards (workspace_id, paper_kind, paper_slug, kind, id, status, name_folded, description_folded,
    created_at, updated_at, hidden)
SELECT %s::bigint, * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
    %b::text[], %b::bigint[], %b::bigint[], %b::boolean[])
"""
_LINK = """
INSERT INTO card_links (workspace_id, kind, relation, target, id)
SELECT DISTINCT %s::bigint, * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[])
"""
_FIND = """
SELECT id, paper_kind, paper_slug FROM cards WHERE workspace_id = %s AND kind = %s AND id = ANY(%b::text[])
"""
_PAGE = (
    "SELECT c.id, c.paper_kind, c.paper_slug FROM cards c WHERE {where} ORDER BY c.id {order} LIMIT %(limit)s"
)
_LINKED = """
EXISTS (SELECT 1 FROM card_links l WHERE l.workspace_id = c.workspace_id AND l.kind = c.kind AND l.id = c.id
    AND l.relation = %(relation{n})s AND l.target = ANY(%(targets{n})b::text[]))
"""


def replace(
    connection: Connection, workspace: int, papers: Sequence[tuple[tuple[str, str], Sequence[Card]]]
) -> None:
    """Let these be the cards of some papers, which are named by kind and slug."""
    connection.execute(_REMOVE, (*columns([place for place, _ in papers]), workspace))
    rows = [
        (
            *(*place, c.kind, c.id, c.status, fold(c.name), fold(c.description)),
            *(c.created_at, c.updated_at, c.hidden),
        )
        for place, cards in papers
        for c in cards
    ]
    if not rows:
        return
    connection.execute(_ADD, (workspace, *columns(rows)))
    plan_anew(connection, len(rows))
    links = [(card.kind, *link, card.id) for _, cards in papers for card in cards for link in card.links]
    if links:
        connection.execute(_LINK, (workspace, *columns(links)))


def find(connection: Connection, workspace: int, kind: str, ids: Sequence[str]) -> dict[str, Place]:
    """Return where what these cards are about stands, by id; those that are not there are missing."""
    return {row[0]: Place(*row) for row in fetch(connection, _FIND, (workspace, kind, [*ids]))}


def list_page(connection: Connection, workspace: int, choice: Choice) -> list[Place]:
    """Return the places of one page, in its order."""
    parameters: dict[str, object] = {
        "workspace": workspace,
        "kind": choice.kind,
        "limit": choice.limit,
        "hidden": choice.hidden,
    }
    conditions = ["c.workspace_id = %(workspace)s", "c.kind = %(kind)s", "(NOT c.hidden OR %(hidden)s)"]
    _limit_span(choice, conditions, parameters)
    _limit_words(choice, conditions, parameters)
    # The page before an id is walked towards the beginning, and turned round.
    backwards = choice.before is not None
    descending = choice.descending != backwards
    anchor = choice.before if backwards else choice.after
    if anchor is not None:
        conditions.append(f"c.id {'<' if descending else '>'} %(anchor)s")
        parameters["anchor"] = anchor
    query = _PAGE.format(where=" AND ".join(conditions), order="DESC" if descending else "ASC")
    found = [Place(*row) for row in fetch(connection, query, parameters)]
    return found[::-1] if backwards else found


def _limit_span(choice: Choice, conditions: list[str], parameters: dict[str, object]) -> None:
    for column, span in (("created_at", choice.created), ("updated_at", choice.updated)):
        for sign, name, bound in ((">", "from", span[0]), ("<", "to", span[1])):
            if bound is not None:
                conditions.append(f"c.{column} {sign} %({column}_{name})s")
                parameters[f"{column}_{name}"] = bound


def _limit_words(choice: Choice, conditions: list[str], parameters: dict[str, object]) -> None:
    for number, (relation, targets) in enumerate(choice.links):
        parameters[f"relation{number}"], parameters[f"targets{number}"] = relation, [*targets]
        conditions.append(_LINKED.format(n=number))
    for column, values in (("status", choice.statuses), ("id", choice.ids)):
        if values:
            conditions.append(f"c.{column} = ANY(%({column}_values)b::text[])")
            parameters[f"{column}_values"] = [*values]
    if choice.search:
        conditions.append(
            "(strpos(c.name_folded, %(term)s) > 0 OR strpos(c.description_folded, %(term)s) > 0)"
        )
        parameters["term"] = fold(choice.search)
