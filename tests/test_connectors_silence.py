"""Problems, drafts and held values never show a value, nor the name of a key nobody declared."""

import msgspec
import pytest
import rich.pretty

from credenza.connectors import EMPTY, Catalogue, Held, draft_all, shipped_schemas

CATALOGUE = Catalogue.load(shipped_schemas())


def draft(name, incoming, held=EMPTY, *, lenient=False):
    [made] = draft_all(CATALOGUE[name], [(incoming, held)], lenient=lenient)
    return made


CANARY = "CANARYq7"
MISTAKES = [
    {"api_key": [CANARY]},
    {"api_key": {CANARY: CANARY}},
    {"api_key": {"$secret": CANARY}},
    {"api_key": CANARY + "\0"},
    {"api_key": CANARY * 10_000},
    {"api_key": CANARY + "\ud800"},
    {"api_key": CANARY, "organizationId": [CANARY]},
    {"api_key": CANARY, "organizationId": {CANARY: CANARY}},
    {"api_key": CANARY, "endpoint": f"https://{CANARY}@{CANARY}@h"},
    {"api_key": CANARY, "endpoint": f"https://h\\{CANARY}?x={CANARY}"},
    {"api_key": CANARY, "endpoint": [CANARY]},
    {CANARY: CANARY},
    {"api_key": CANARY, CANARY: {CANARY: [CANARY]}},
    {"api_key": {"$secret": {CANARY: CANARY}}},
    {"$unknown": {"$secret": {CANARY: CANARY}}},
    {"api_key" + CANARY: CANARY, "organizationId": 2**60},
]


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("lenient", [False, True])
def test_no_problem_repeats_a_value_or_an_undeclared_name(mistake, lenient):
    made = draft("openai", mistake, lenient=lenient)
    assert made.problems or lenient
    assert CANARY not in msgspec.json.encode(made.problems).decode()
    assert CANARY not in repr(made.problems)


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_problem_of_any_type_repeats_a_value(name):
    """Every key gets every kind of wrong value; also conditions, enumerations, patterns and limits."""
    wrong = [CANARY, [CANARY], {CANARY: CANARY}, f"https://{CANARY}:{CANARY}@h@h", CANARY + "\0"]
    for value in wrong:
        made = draft(name, {**dict.fromkeys(CATALOGUE[name].keys, value), CANARY: CANARY})
        assert made.problems
        assert CANARY not in msgspec.json.encode(made.problems).decode()


def test_neither_drafts_nor_held_values_show_themselves():
    made = draft("openai", {"api_key": CANARY, "organizationId": CANARY, CANARY: 1}, lenient=True)
    held = Held({CANARY: CANARY}, {"/endpoint": CANARY})
    for shown in (made, held):
        for text in (repr(shown), str(shown), f"{shown}", rich.pretty.pretty_repr([shown])):
            assert CANARY not in text
