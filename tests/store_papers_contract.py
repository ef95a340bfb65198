"""More of what every store must do: papers of surfaces, and counted tokens."""

import time

import msgspec
import pytest

from credenza.errors import Conflict
from credenza.model import Paper, Usage, VaultMeta
from credenza.ports import Sheet, Subject
from store_ledger_contract import LedgerContract
from store_rows import SOON, add_tenant, api_key, put, run

DAY = 86_400_000
MOST = 2**53 - 1


def paper(slug="acme", version=1, body=b'{"a": "\xc3\xbc"}', kind="type"):
    return Paper(kind, slug, version, 1, "me", version, "you", body, bytes([version]) * 32)


def keep(store, tenant, *sheets):
    run(store, tenant, lambda tx: tx.keep([Sheet(*sheet) for sheet in sheets]))


def papers(store, tenant, kind="type", slugs=None):
    return store.read(tenant, lambda tx: dict(tx.papers(kind, slugs)))


def settled(store, subject, unlike=None):
    """Return the revision that a subject is at, once it is another one than before, and stays."""
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        found = store.revision(subject)
        time.sleep(0.05)
        if found not in {unlike, None} and found == store.revision(subject):
            return found
    raise TimeoutError


def usage(store, tenant, row, **query):
    return store.read(tenant, lambda tx: [*tx.usage(row, **query)])


class PapersContract(LedgerContract):
    """Derive as from `StoreContract`, which this goes on from."""

    def test_a_paper_is_read_back_the_same_from_a_store_opened_anew(self, open_store, store, tenant):
        keep(store, tenant, (None, paper()))
        store.close()

        assert papers(open_store(), tenant) == {"acme": paper()}

    def test_a_change_of_what_is_kept_in_memory_makes_another_revision_of_it(self, store, tenant):
        for subject, change in (
            (Subject.KEYS, lambda: store.add_api_key(api_key(tenant), lambda _: None)),
            (Subject.KEYS, lambda: store.revoke_api_key(tenant, "key1", 7, None)),
            (Subject.RINGS, lambda: add_tenant(store, "another")),
            (Subject.RINGS, lambda: store.add_vault(VaultMeta(b"v" * 16, 1, 5, "kek", b"check", None))),
            (Subject.TYPES, lambda: keep(store, tenant, (None, paper()))),
            (Subject.TYPES, lambda: keep(store, tenant, (paper(), None))),
        ):
            before = settled(store, subject)
            change()
            assert settled(store, subject, unlike=before) != before

    def test_papers_that_follow_each_other_in_one_call_are_all_written(self, store, tenant):
        second, third = paper(version=2), paper(version=3)
        others = [(None, paper(f"other-{number}")) for number in range(3)]
        keep(
            store, tenant, (None, paper()), *others, (paper(), second), (second, third), (others[0][1], None)
        )

        assert papers(store, tenant) == {"acme": third, **{p.slug: p for _, p in others[1:]}}

    def test_papers_of_a_kind_come_in_the_order_of_their_slugs(self, store, tenant):
        slugs = ["b", "a-1", "a", "c"]
        keep(store, tenant, *((None, paper(slug)) for slug in slugs), (None, paper("d", kind="other")))

        assert list(papers(store, tenant)) == sorted(slugs)
        assert list(papers(store, tenant, slugs=["c", "none", "a", "A"])) == ["a", "c"]
        assert papers(store, tenant, slugs=[]) == {}
        assert list(papers(store, tenant, "other")) == ["d"]

    def test_one_slug_may_stand_in_several_kinds_and_workspaces(self, store, tenant, other):
        for owner, kind in ((tenant, "type"), (tenant, "else"), (other, "type")):
            keep(store, owner, (None, paper(kind=kind)))

        keep(store, tenant, (paper(), None))

        assert papers(store, tenant) == {}
        assert papers(store, tenant, "else") == {"acme": paper(kind="else")}
        assert papers(store, other) == {"acme": paper()}

    def test_a_papers_next_version_takes_the_place_of_the_one_before(self, store, tenant):
        keep(store, tenant, (None, paper()))
        later = paper(version=2, body=b"{}")
        keep(store, tenant, (paper(), later))

        assert papers(store, tenant) == {"acme": later}
        keep(store, tenant, (later, None))
        assert papers(store, tenant) == {}

    @pytest.mark.parametrize(
        "sheet",
        [(paper(), paper(version=2)), (paper(), None), (None, paper(version=1)), (paper("none"), None)],
        ids=["change", "remove", "create", "remove what is not there"],
    )
    def test_a_paper_no_longer_as_it_was_read_is_a_conflict_and_nothing_is_written(
        self, store, tenant, sheet
    ):
        now = paper(version=7)
        keep(store, tenant, (None, now))

        with pytest.raises(Conflict):
            keep(store, tenant, (None, paper("new")), sheet)

        assert papers(store, tenant) == {"acme": now}

    def test_papers_are_kept_in_the_transaction_of_their_job_or_not_at_all(self, store, tenant):
        def job(tx):
            put(tx, "one")
            tx.keep([Sheet(None, paper())])
            assert tx.papers("type")["acme"] == paper()
            raise ValueError

        with pytest.raises(ValueError, match=r"^$"):
            run(store, tenant, job)
        assert papers(store, tenant) == {}

    def test_tokens_add_up_by_api_and_day(self, store, tenant):
        row = run(store, tenant, lambda tx: put(tx, "one")).row
        counted = [("m", 2 * DAY, 1), ("m", DAY, 2), ("a/b", DAY, 3), ("m", DAY, 4)]
        for name, day, number in counted:
            new = Usage(name, day, number, 10, number + 10)
            run(store, tenant, lambda tx, new=new: tx.count_tokens(row, new))

        everything = [
            Usage("a/b", DAY, 3, 10, 13),
            Usage("m", DAY, 6, 20, 26),
            Usage("m", 2 * DAY, 1, 10, 11),
        ]
        assert usage(store, tenant, row) == everything
        assert usage(store, tenant, row, since=DAY) == everything
        assert usage(store, tenant, row, since=DAY + 1) == everything[2:]
        assert usage(store, tenant, row, api="m") == everything[1:]
        assert usage(store, tenant, row, api="M") == []

    def test_counts_stay_where_every_reader_of_json_can_hold_them(self, store, tenant):
        row = run(store, tenant, lambda tx: put(tx, "one")).row
        for number in (MOST - 1, 2, MOST, 2**62):
            run(store, tenant, lambda tx, n=number: tx.count_tokens(row, Usage("m", 0, 0, n, n)))

        assert usage(store, tenant, row) == [Usage("m", 0, 0, MOST, MOST)]

    def test_counted_tokens_go_with_their_record(self, store, tenant):
        record = run(store, tenant, lambda tx: put(tx, "one"))
        run(store, tenant, lambda tx: tx.count_tokens(record.row, Usage("m", 0, 1, 1, 2)))

        run(store, tenant, lambda tx: tx.drop([record]))

        assert usage(store, tenant, record.row) == []
        assert store.check() == []

    def test_counted_tokens_stay_when_their_record_is_saved(self, store, tenant):
        row = run(store, tenant, lambda tx: put(tx, "one")).row
        run(store, tenant, lambda tx: tx.count_tokens(row, Usage("m", 0, 1, 1, 2)))

        run(store, tenant, lambda tx: put(tx, "one", description="new"))

        assert usage(store, tenant, row) == [Usage("m", 0, 1, 1, 2)]

    def test_tokens_are_counted_in_the_transaction_that_made_the_record(self, store, tenant):
        def job(tx):
            row = put(tx, "one").row
            tx.count_tokens(row, Usage("m", 0, 1, 1, 2))
            return row, [*tx.usage(row)]

        row, seen = run(store, tenant, job)

        assert seen == usage(store, tenant, row) == [Usage("m", 0, 1, 1, 2)]

    def test_another_workspaces_papers_and_tokens_are_neither_seen_nor_touched(self, store, tenant, other):
        row = run(store, tenant, lambda tx: put(tx, "one")).row
        run(store, tenant, lambda tx: tx.count_tokens(row, Usage("m", 0, 1, 1, 2)))
        keep(store, tenant, (None, paper()))

        assert (papers(store, other), usage(store, other, row)) == ({}, [])
        for sheet in ((paper(), None), (paper(), paper(version=2))):
            with pytest.raises(Conflict):
                keep(store, other, sheet)
        with pytest.raises(Conflict):
            run(store, other, lambda tx: tx.count_tokens(row, Usage("m", 0, 5, 5, 10)))
        assert papers(store, tenant) == {"acme": paper()}
        assert usage(store, tenant, row) == [Usage("m", 0, 1, 1, 2)]

    def test_what_two_processes_keep_is_seen_by_both(self, open_store, store, tenant):
        beside = open_store(serving=False)
        keep(store, tenant, (None, paper()))

        assert papers(beside, tenant) == {"acme": paper()}
        keep(beside, tenant, (paper(), msgspec.structs.replace(paper(version=2), body=b"[]")))
        assert papers(store, tenant)["acme"].body == b"[]"
