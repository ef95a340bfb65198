"""Foreign names are made ours, and never two of them one without a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import import_scripts  # noqa: F401  # brings the scripts into the path
from credenza.cli.failures import Misused
from credenza.workspace.admission import is_name
from importing.names import Naming, convert, find_merged, read_naming


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        ("orders_db", "orders_db"),
        ("My DB.v2-x", "My DB.v2-x"),
        ("trailing-", "trailing-"),
        ("größe", "grosse"),
        ("Čeština", "Cestina"),
        ("a/b\\c", "a-b-c"),
        ("  spaces  ", "spaces"),
        ("(orders)", "orders"),
        ("_private", "private"),
        ("日本 db", "db"),
        ("a\n\tb", "a-b"),
        ("x" * 200, "x" * 128),
        ("日本", ""),
        ("", ""),
        ("...", ""),
    ],
)
def test_a_foreign_name_becomes_the_nearest_of_ours(foreign, ours):
    assert convert(foreign) == ours


@given(st.text() | st.text("aB1 ._-/é"))
def test_what_comes_out_is_a_name_or_nothing_and_stays_what_it_is(foreign):
    made = convert(foreign)

    assert made == "" or is_name(made)
    assert convert(made) == made


@given(st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,126}[A-Za-z0-9._-])?", fullmatch=True))
def test_a_name_that_is_ours_stays(name):
    assert convert(name) == name


@given(st.text())
def test_with_a_prefix_too_a_record_gets_a_name_of_ours_or_none(foreign):
    name = Naming(prefix="team-").call(foreign)

    assert name is None or (is_name(name) and name.startswith("team-"))


@pytest.mark.parametrize(
    ("options", "foreign", "ours"),
    [
        ({}, "a b!", "a b"),
        ({"prefix": "eu-"}, "_db", "eu-_db"),
        ({"prefix": "eu-", "renames": ["db=orders"]}, "db", "orders"),
        ({"renames": ["größe=size"]}, "größe", "size"),
        ({"renames": ["grosse=size"]}, "größe", "size"),
        ({"renames": ["a=b=c"]}, "a=b", "c"),
        ({}, "日本", None),
        ({"renames": ["日本=japan"]}, "日本", "japan"),
        ({"prefix": "x" * 100}, "y" * 100, "x" * 100 + "y" * 28),
    ],
)
def test_a_prefix_is_for_all_and_a_new_name_for_one(options, foreign, ours):
    given = {"prefix": "", "renames": [], "only": [], **options}

    assert read_naming(**given).call(foreign) == ours


@pytest.mark.parametrize(
    "options",
    [
        {"renames": ["a"]},
        {"renames": ["=b"]},
        {"renames": ["a="]},
        {"renames": ["a=b/c"]},
        {"renames": ["a=b", "a=c"]},
        {"prefix": "/"},
        {"prefix": "-x"},
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(options):
    with pytest.raises(Misused):
        read_naming(**{"prefix": "", "renames": [], "only": [], **options})


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        ((), True),
        (("db*",), True),
        (("x", "db/1"), True),
        (("db-1",), True),
        (("x*",), False),
        (("DB*",), False),
    ],
)
def test_only_is_asked_of_either_name(only, wanted):
    assert Naming(only=only).wants("db/1") is wanted


def test_a_record_without_a_name_is_always_wanted():
    assert Naming(only=("x",)).wants(None)


def test_renames_that_nothing_answers_to_are_found():
    naming = Naming(renames={"a/b": "x", "a-c": "y", "d": "z"})

    assert naming.find_idle(["a/b", "a/c"]) == ["d"]


def test_names_that_become_one_are_found_with_all_who_share_it():
    merged = find_merged([("a/b", "a-b"), ("x", "x"), ("a:b", "a-b"), ("A-B", "A-B")])

    assert merged == dict.fromkeys((0, 2, 3), ("a/b", "a:b", "A-B"))
