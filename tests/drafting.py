"""Drafts of the shipped types, and what is wrong with them."""

from __future__ import annotations

from credenza.connectors import EMPTY, Catalogue, Held, draft_all, shipped_schemas

CATALOGUE = Catalogue.load(shipped_schemas())
OPENAI = Held({"endpoint": "https://a.example"}, {"/api_key": None})
PRESENT = {"$secret": {"version": 1, "updatedAt": "2026-11-20T10:00:00.000Z"}}


def draft(name, incoming, held=EMPTY, *, lenient=False):
    [made] = draft_all(CATALOGUE[name], [(incoming, held)], lenient=lenient)
    return made


def problems(name, incoming, held=EMPTY, *, lenient=False):
    made = draft(name, incoming, held, lenient=lenient)
    return [(problem.code, problem.pointer, problem.keyword) for problem in made.problems]


def only(made):
    assert made.problems == ()
    return made.public, made.entered, made.kept, made.cleared, made.redacted
