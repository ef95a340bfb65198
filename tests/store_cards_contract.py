"""The end of what every store must do: cards of papers, and the pages that are made of them."""

import msgspec
import pytest

from credenza.errors import Conflict
from credenza.model import Card, Choice, Place
from credenza.ports import Sheet
from store_papers_contract import PapersContract, paper, papers
from store_rows import run

KIND = "thing"


def card(id="a", name="One", **more):
    more = {"kind": KIND, "status": "active", "description": None, "created_at": 1, "updated_at": 1, **more}
    return Card(id=id, name=name, **more)


def keep(store, tenant, slug, *cards, before=None, kind="paper"):
    """Keep a paper with these cards, as the version after `before`."""
    after = paper(slug, kind=kind, version=before.version + 1 if before else 1)
    run(store, tenant, lambda tx: tx.keep([Sheet(before, after, cards)]))
    return after


def page(store, tenant, limit=100, **choice):
    """Return the ids of a page."""
    chosen = Choice(kind=choice.pop("kind", KIND), limit=limit, **choice)
    return [place.id for place in store.read(tenant, lambda tx: tx.cards(chosen))]


class CardsContract(PapersContract):
    """Derive as from `StoreContract`, which this goes on from."""

    def test_a_card_says_where_what_it_is_about_stands(self, store, tenant):
        keep(store, tenant, "p", card("a"), card("b"), card("c", kind="other"))

        found = store.read(tenant, lambda tx: dict(tx.places(KIND, ["a", "b", "c", "none"])))

        assert found == {each: Place(each, "paper", "p") for each in ("a", "b")}
        assert page(store, tenant) == ["a", "b"]
        assert page(store, tenant, kind="other") == ["c"]

    def test_the_next_version_of_a_paper_replaces_all_its_cards(self, store, tenant):
        first = keep(store, tenant, "p", card("a", "Alpha", links=(("r", "x"),)), card("b"))
        keep(store, tenant, "p", card("b"), card("c", "Gamma"), before=first)

        assert page(store, tenant) == ["b", "c"]
        assert page(store, tenant, search="alpha") == page(store, tenant, links=(("r", ("x",)),)) == []
        assert page(store, tenant, search="gamma") == ["c"]

    def test_cards_go_with_their_paper(self, store, tenant):
        first = keep(store, tenant, "p", card("a", links=(("r", "x"),)))
        run(store, tenant, lambda tx: tx.keep([Sheet(first, None)]))

        assert page(store, tenant) == page(store, tenant, links=(("r", ("x",)),)) == []
        assert store.read(tenant, lambda tx: dict(tx.places(KIND, ["a"]))) == {}

    def test_a_card_of_another_paper_is_a_conflict_and_nothing_is_written(self, store, tenant):
        keep(store, tenant, "p", card("a"))

        with pytest.raises(Conflict):
            keep(store, tenant, "q", card("b"), card("a"))

        assert page(store, tenant) == ["a"]
        assert [*papers(store, tenant, "paper")] == ["p"]

    def test_pages_go_by_id_in_either_order_from_after_or_to_before_one(self, store, tenant):
        ids = [f"a{number}" for number in range(7)]
        for each in reversed(ids):
            keep(store, tenant, each, card(each))

        assert page(store, tenant, 3) == ids[:3]
        assert page(store, tenant, 3, descending=True) == ids[:3:-1]
        assert page(store, tenant, 3, after="a2") == ids[3:6]
        assert page(store, tenant, 3, after="a2", descending=True) == ["a1", "a0"]
        assert page(store, tenant, 2, before="a5") == ["a3", "a4"]
        assert page(store, tenant, 2, before="a5", descending=True) == ["a6"]
        assert page(store, tenant, 2, before="a2", descending=True) == ["a4", "a3"]

    def test_values_of_one_filter_are_alternatives_and_all_filters_must_hold(self, store, tenant):
        things = [
            card("a", links=(("r", "x"), ("q", "1")), status="draft"),
            card("b", links=(("r", "y"), ("q", "1"))),
            card("c", links=(("r", "x"), ("r", "y"), ("q", "2"))),
            card("d"),
        ]
        for each in things:
            keep(store, tenant, each.id, each)

        for choice, found in (
            ({"links": (("r", ("x",)),)}, "ac"),
            ({"links": (("r", ("x", "y")),)}, "abc"),
            ({"links": (("r", ("x",)), ("q", ("1",)))}, "a"),
            ({"links": (("r", ("x", "y")), ("q", ("1", "2")))}, "abc"),
            ({"links": (("r", ("x", "y")),), "after": "a", "descending": False}, "bc"),
            ({"links": (("r", ("x",)),), "descending": True}, "ca"),
            ({"links": (("r", ("none",)),)}, ""),
            ({"statuses": ("active",)}, "bcd"),
            ({"statuses": ("active", "draft")}, "abcd"),
            ({"ids": ("a", "d", "none")}, "ad"),
            ({"ids": ("a", "d"), "statuses": ("draft",)}, "a"),
        ):
            assert page(store, tenant, **choice) == [*found]

    def test_spans_of_time_are_exclusive_at_both_ends(self, store, tenant):
        for at in (1, 2, 3):
            keep(store, tenant, f"p{at}", card(f"a{at}", created_at=at, updated_at=at * 10))

        assert page(store, tenant, created=(1, 3)) == ["a2"]
        assert page(store, tenant, created=(1, None)) == ["a2", "a3"]
        assert page(store, tenant, updated=(None, 20)) == ["a1"]
        assert page(store, tenant, created=(0, 3), updated=(10, None)) == ["a2"]

    def test_a_search_finds_any_part_of_name_or_description_in_any_case(self, store, tenant):
        texts = {"a": "Straße 7", "b": "100% a_b", "c": 'say "hi" NOT (x*)', "d": "日本語の本", "e": "hi\0x"}
        for each, text in texts.items():
            keep(store, tenant, each, card(each, "One", description=text))
        keep(store, tenant, "f", card("f", "STRASSE"))

        terms = ["straße", "STRASS", "%", "a_b", '"hi"', "NOT (x", "x*", "本", "日本語", "hi", "\0", "none"]
        for term in [*terms, "on", "ONE"]:
            whole = {**dict.fromkeys(texts, "One"), "f": "STRASSE"}
            expected = [
                each
                for each, name in whole.items()
                if term.casefold() in name.casefold() or term.casefold() in texts.get(each, "").casefold()
            ]
            assert page(store, tenant, search=term) == expected, term

    def test_what_is_hidden_is_found_by_its_id_alone_unless_it_is_asked_for(self, store, tenant):
        keep(store, tenant, "p", card("a", hidden=True), card("b"))

        assert page(store, tenant) == page(store, tenant, ids=("a", "b")) == ["b"]
        assert page(store, tenant, hidden=True) == ["a", "b"]
        assert store.read(tenant, lambda tx: [*tx.places(KIND, ["a"])]) == ["a"]

    def test_another_workspaces_cards_are_neither_seen_nor_touched(self, store, tenant, other):
        keep(store, tenant, "p", card("a", "Alpha", links=(("r", "x"),)))
        first = keep(store, other, "p", card("a", "Beta"))

        assert page(store, other, search="alpha") == page(store, other, links=(("r", ("x",)),)) == []
        run(store, other, lambda tx: tx.keep([Sheet(first, None)]))
        assert (page(store, other), page(store, tenant, search="alpha")) == ([], ["a"])

    def test_cards_outlive_the_store_that_was_opened(self, open_store, store, tenant):
        keep(store, tenant, "p", card("a", "Alpha", links=(("r", "x"),)))
        store.close()
        again = open_store()

        assert page(again, tenant, search="lph") == page(again, tenant, links=(("r", ("x",)),)) == ["a"]
        assert again.check() == []

    def test_one_page_may_show_several_cards_of_a_paper(self, store, tenant):
        keep(store, tenant, "p", *(msgspec.structs.replace(card(), id=each) for each in "abc"))

        found = store.read(tenant, lambda tx: tx.cards(Choice(kind=KIND, limit=2)))

        assert [*found] == [Place("a", "paper", "p"), Place("b", "paper", "p")]
