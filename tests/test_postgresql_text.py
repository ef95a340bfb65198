"""Text with U+0000, which PostgreSQL cannot hold, is kept in characters that stand to each other likewise."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.stores.postgres import text
from postgresql_stores import Database

TEXTS = st.text(alphabet="\0\1\2\3\4ab", max_size=8)


@given(TEXTS | st.text())
def test_what_is_read_back_is_what_was_written(one):
    assert text.decode(text.encode(one)) == one
    assert "\0" not in text.encode(one)


@given(TEXTS, TEXTS)
def test_texts_are_in_the_order_of_what_is_written_for_them(one, other):
    assert (one < other) == (text.encode(one) < text.encode(other))


@given(TEXTS, TEXTS)
def test_a_text_stands_in_another_where_what_is_written_for_it_does(one, other):
    assert (one in other) == (text.encode(one) in text.encode(other))
    assert other.startswith(one) == text.encode(other).startswith(text.encode(one))


def test_nearly_all_texts_are_written_as_they_are():
    assert text.encode("Straße 7\n\t\x7f") == "Straße 7\n\t\x7f"


@pytest.mark.system("postgresql")
def test_every_letter_loses_its_case_as_it_does_in_python(databases):
    letters = [letter for letter in map(chr, range(1, sys.maxunicode + 1)) if letter.casefold() != letter]
    with databases.named() as find:
        database = Database(find("store"))
        for said in ("".join(letters), "plain ASCII", "Straße", ""):
            assert database.query("SELECT folded(?)", (said,)) == [(said.casefold(),)]
