"""What every store must do; its test is a class that derives from `StoreContract`."""

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import msgspec
import pytest

from credenza.errors import Conflict, CredenzaError, Unavailable
from credenza.model import Api, Document, Edit, SecretRef, Tag
from store_rows import (
    SOON,
    add_tenant,
    bring_back,
    held_up,
    names_of,
    next_write,
    put,
    run,
)


class StoreContract:
    """Derive, and give the fixture `open_store`: a function that opens the store anew at the same place."""

    @pytest.fixture
    def open_store(self):
        raise NotImplementedError

    @pytest.fixture
    def store(self, open_store):
        return open_store()

    @pytest.fixture
    def tenant(self, store):
        return add_tenant(store)

    @pytest.fixture
    def other(self, store):
        return add_tenant(store, "other")

    # Records

    def test_what_was_saved_is_read_back_the_same_from_a_store_opened_anew(self, open_store, store, tenant):
        fields = {
            "configuration": {"a": [1, 2.5, None, {"ü": "✓"}], "b": True},
            "description": "Ünïcode, 'quotes' and \"more\"",
            "tags": (Tag("k", "1"), Tag("k", "2")),
            "apis": (Api("gpt/4:o", 1, "me", 2, "you", None, False), Api("b", 1, "me", 1, "me", "text")),
            "missing": ("/configuration/c",),
        }
        record = run(store, tenant, lambda tx: put(tx, "one", secrets={"/key": "sealed"}, **fields))
        store.close()

        again = open_store().read(tenant, lambda tx: tx.find(["one"])["one"])

        assert again == record
        assert again.document() == Document("API", secrets={"/key": SecretRef(1, 1)}, **fields)

    def test_a_record_keeps_the_version_of_its_type_and_those_below_one_are_found(self, store, tenant):
        def save(tx, name, version):
            write = next_write(tx, name)
            record = msgspec.structs.replace(write.record, type_version=version)
            tx.save([msgspec.structs.replace(write, record=record)], 10)

        run(store, tenant, lambda tx: [save(tx, name, at) for at, name in enumerate("abc", start=1)])
        run(store, tenant, lambda tx: save(tx, "a", 3))

        found = store.read(tenant, lambda tx: tx.find(["a", "b", "c"]))
        assert [found[name].type_version for name in "abc"] == [3, 2, 3]
        assert names_of(store, tenant, type="openai", below=3) == ["b"]

    def test_earlier_versions_are_scrubbed_as_a_write_says_and_only_they(self, store, tenant):
        for value in ("in the clear", "another"):
            run(store, tenant, lambda tx, v=value: put(tx, "one", configuration={"a": v}))
        clean = msgspec.json.encode(Document("API", {}))

        def scrub(tx):
            tx.save([msgspec.structs.replace(next_write(tx, "one"), scrubbed=((1, clean),))], 10)

        run(store, tenant, scrub)

        row = store.read(tenant, lambda tx: tx.find(["one"])["one"].row)
        versions = store.read(tenant, lambda tx: tx.history(row))
        said = [each.document().configuration for each in versions]
        assert said == [{"a": "another"}, {"a": "another"}, {}]

    @pytest.mark.parametrize("more", [[], ["another"]], ids=["alone", "among others"])
    def test_find_knows_a_name_in_any_case_and_answers_by_its_lower_case(self, store, tenant, more):
        run(store, tenant, lambda tx: put(tx, "My Name"))

        found = store.read(tenant, lambda tx: tx.find(["mY nAME", *more]))

        assert {key: record.name for key, record in found.items()} == {"my name": "My Name"}

    @pytest.mark.parametrize("name", ["a_c", "a%", "*", "", "abc ", "'", '"', "abc' OR 1=1 --"])
    @pytest.mark.parametrize("more", [[], ["another"]], ids=["alone", "among others"])
    def test_find_takes_a_name_as_it_is_and_not_as_a_pattern(self, store, tenant, name, more):
        run(store, tenant, lambda tx: put(tx, "abc"))

        assert store.read(tenant, lambda tx: tx.find([name, *more])) == {}

    def test_a_write_on_a_version_no_longer_current_is_a_conflict_and_writes_nothing(self, store, tenant):
        run(store, tenant, lambda tx: put(tx, "one"))
        stale = store.read(tenant, lambda tx: next_write(tx, "one", secrets={"/k": "late"}, description="l"))
        run(store, tenant, lambda tx: put(tx, "one", description="first"))

        with pytest.raises(Conflict):
            run(store, tenant, lambda tx: tx.save([next_write(tx, "new"), stale], 10))

        assert names_of(store, tenant) == ["one"]
        record = store.read(tenant, lambda tx: tx.find(["one"])["one"])
        assert (record.version, record.description) == (2, "first")
        assert store.read(tenant, lambda tx: tx.held([record.row])) == {record.row: {}}

    @pytest.mark.parametrize("name", ["one", "ONE"])
    def test_a_name_taken_meanwhile_is_a_conflict_and_writes_nothing(self, store, tenant, name):
        late = run(store, tenant, lambda tx: next_write(tx, name))
        run(store, tenant, lambda tx: put(tx, "one"))
        renumbered = msgspec.structs.replace(late, record=msgspec.structs.replace(late.record, row=999))

        with pytest.raises(Conflict):
            run(store, tenant, lambda tx: tx.save([next_write(tx, "new"), renumbered], 10))

        assert names_of(store, tenant) == ["one"]

    def test_dropping_a_version_no_longer_current_is_a_conflict_and_removes_nothing(self, store, tenant):
        old = run(store, tenant, lambda tx: put(tx, "one"))
        other = run(store, tenant, lambda tx: put(tx, "two"))
        run(store, tenant, lambda tx: put(tx, "one", description="newer"))

        with pytest.raises(Conflict):
            run(store, tenant, lambda tx: tx.drop([other, old]))

        assert names_of(store, tenant) == ["one", "two"]

    def test_a_dropped_record_leaves_nothing_to_one_of_its_name(self, store, tenant):
        gone = run(store, tenant, lambda tx: put(tx, "one", secrets={"/k": "old"}, tags=(Tag("a", "b"),)))
        run(store, tenant, lambda tx: tx.drop([gone]))
        new = run(store, tenant, lambda tx: put(tx, "one"))

        def look(tx):
            rows = (gone.row, new.row)
            return [tx.held([row])[row] for row in rows], [len(tx.history(row)) for row in rows]

        assert new.row != gone.row
        assert store.read(tenant, look) == ([{}, {}], [0, 1])
        assert store.read(tenant, lambda tx: tx.secrets(gone.row, {"/k": 1})) == {}
        assert store.check() == []

    # Lists

    def test_a_page_is_in_the_order_of_names_whatever_their_case_and_begins_after_one(self, store, tenant):
        run(store, tenant, lambda tx: [put(tx, name) for name in ("b", "C", "a", "D 2", "d-1")])

        assert names_of(store, tenant) == ["a", "b", "C", "D 2", "d-1"]
        assert names_of(store, tenant, after="B", limit=2) == ["C", "D 2"]
        assert names_of(store, tenant, after="bb") == ["C", "D 2", "d-1"]
        assert names_of(store, tenant, after="e") == names_of(store, tenant, limit=0) == []

    @pytest.mark.parametrize("filters", [{}, {"type": "openai"}, {"tags": [("t", None)]}, {"search": "text"}])
    def test_a_page_has_records_of_papers_only_where_these_are_asked_for(self, store, tenant, filters):
        def job(tx):
            for name in ("a", "~pcf_2", "z", "~pcf_1"):
                put(tx, name, description="a text", tags=(Tag("t", "x"),))

        run(store, tenant, job)

        assert names_of(store, tenant, **filters) == ["a", "z"]
        assert (
            names_of(store, tenant, **filters, after="z")
            == names_of(store, tenant, **filters, after="~")
            == []
        )
        assert names_of(store, tenant, **filters, owned=True) == ["~pcf_1", "~pcf_2"]
        assert names_of(store, tenant, **filters, owned=True, after="~pcf_1", limit=5) == ["~pcf_2"]

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({"type": "openai"}, ["a", "b", "c"]),
            ({"type": "OPENAI"}, []),
            ({"category": "CLOUD"}, ["b", "c"]),
            ({"enabled": True}, ["a", "b"]),
            ({"enabled": False}, ["c"]),
            ({"tags": [("team", None)]}, ["a", "b"]),
            ({"tags": [("team", "x")]}, ["a", "b"]),
            ({"tags": [("team", "y")]}, ["b"]),
            ({"tags": [("team", "")]}, []),
            ({"tags": [("empty", "")]}, ["c"]),
            ({"tags": [("TEAM", None)]}, []),
            ({"tags": [("team", "x"), ("team", "y")]}, ["b"]),
            ({"tags": [("team", None), ("empty", None)]}, []),
            ({"search": "TEXT"}, ["a", "c"]),
            ({"search": "text", "tags": [("team", "x")]}, ["a"]),
            ({"search": "text", "category": "CLOUD", "type": "openai", "enabled": False}, ["c"]),
            ({"category": "CLOUD", "enabled": True, "tags": [("team", None)], "after": "a"}, ["b"]),
        ],
    )
    def test_all_conditions_of_a_page_hold(self, store, tenant, filters, found):
        def job(tx):
            put(tx, "a", description="a text", tags=(Tag("team", "x"),))
            put(tx, "b", category="CLOUD", tags=(Tag("team", "x"), Tag("team", "y")))
            put(tx, "c", category="CLOUD", description="Text", enabled=False, tags=(Tag("empty", ""),))
            return [record.name for record in tx.page(**filters)]

        assert run(store, tenant, job) == names_of(store, tenant, **filters) == found

    def test_a_page_shows_what_a_record_says_now(self, store, tenant):
        def look():
            asked = (
                {"category": "API"},
                {"category": "GIT"},
                {"tags": [("t", "1")]},
                {"tags": [("t", None)]},
            )
            return [names_of(store, tenant, **filters) for filters in asked]

        run(store, tenant, lambda tx: put(tx, "one", tags=(Tag("t", "1"),)))
        first = look()
        run(store, tenant, lambda tx: put(tx, "one", tags=(Tag("t", "2"),)))
        second = look()
        record = run(store, tenant, lambda tx: put(tx, "one", category="GIT", tags=()))
        third = look()
        run(store, tenant, lambda tx: tx.drop([record]))

        assert [first, second, third, look()] == [
            [["one"], [], ["one"], ["one"]],
            [["one"], [], [], ["one"]],
            [[], ["one"], [], []],
            [[], [], [], []],
        ]

    def test_row_numbers_are_given_once(self, store, tenant, other):
        numbers = run(store, tenant, lambda tx: [*tx.reserve(2), *tx.reserve(1), put(tx, "a").row])
        numbers += [run(store, other, lambda tx: put(tx, "a").row)]
        numbers += [run(store, tenant, lambda tx: put(tx, "b").row)]

        assert len(set(numbers)) == len(numbers)

    # History and secrets

    def test_history_is_newest_first_and_paged(self, store, tenant):
        edits = (Edit("/description", "changed"),)
        for text in ("a", "b", "c", "d"):
            row = run(store, tenant, lambda tx, t=text: put(tx, "one", edits=edits, description=t)).row

        def look(tx):
            pages = (tx.history(row, limit=2), tx.history(row, before=3, limit=9), tx.history(row, before=1))
            return [[(each.version, each.document().description) for each in page] for page in pages]

        assert store.read(tenant, look) == [[(4, "d"), (3, "c")], [(2, "b"), (1, "a")], []]
        assert store.read(tenant, lambda tx: tx.version(row, 2)).edits == edits
        assert [store.read(tenant, lambda tx, n=n: tx.version(row, n)) for n in (0, 5)] == [None, None]

    def test_held_secrets_are_the_current_ones(self, store, tenant):
        run(store, tenant, lambda tx: put(tx, "one", secrets={"/a": "a1", "/b": "b1", "/c": "c1"}))
        row = run(store, tenant, lambda tx: put(tx, "one", secrets={"/a": "a2"}, retire=["/c"])).row

        held = store.read(tenant, lambda tx: tx.held([row, 999]))

        assert {path: (each.version, each.blob) for path, each in held[row].items()} == {
            "/a": (2, b"a2"),
            "/b": (1, b"b1"),
        }
        assert held[999] == {}

    def test_a_secret_stays_while_one_of_the_last_versions_needs_it_and_no_longer(self, store, tenant):
        row = run(store, tenant, lambda tx: put(tx, "one", keep=3, secrets={"/k": "first"})).row
        run(store, tenant, lambda tx: put(tx, "one", keep=3, secrets={"/k": "second"}))
        kept = []
        for text in "abcd":
            kept.append(store.read(tenant, lambda tx: sorted(_all_versions(tx, row, "/k", 9))))
            run(store, tenant, lambda tx, t=text: put(tx, "one", keep=3, description=t))

        assert kept == [[1, 2], [1, 2], [2], [2]]

    def test_a_secret_brought_back_is_current_and_stays_however_old_it_is(self, store, tenant):
        row = run(store, tenant, lambda tx: put(tx, "one", keep=2, secrets={"/k": "first"})).row
        run(store, tenant, lambda tx: put(tx, "one", keep=2, secrets={"/k": "second"}))
        run(store, tenant, lambda tx: bring_back(tx, "one", 1, keep=2))
        for text in "abcd":
            run(store, tenant, lambda tx, t=text: put(tx, "one", keep=2, description=t))

        assert store.read(tenant, lambda tx: tx.held([row])[row]["/k"]).blob == b"first"
        assert store.read(tenant, lambda tx: sorted(_all_versions(tx, row, "/k", 9))) == [1]

    # Transactions

    def test_an_exception_of_a_job_reaches_its_caller_and_undoes_what_it_did(self, store, tenant):
        class OwnError(Exception):
            pass

        def job(tx):
            put(tx, "one", secrets={"/k": "v"})
            tx.remember("key", b"d", b"a", 1, 0)
            raise OwnError

        with pytest.raises(OwnError):
            run(store, tenant, job)

        assert names_of(store, tenant) == []
        assert store.read(tenant, lambda tx: tx.recall("key", 0)) is None

    def test_a_read_sees_one_state_whatever_is_written_meanwhile(self, store, tenant):
        run(store, tenant, lambda tx: put(tx, "one"))

        def job(tx):
            before = [record.name for record in tx.page()]
            run(store, tenant, lambda other: put(other, "two"))
            return before, [record.name for record in tx.page()], sorted(tx.find(["one", "two"]))

        assert store.read(tenant, job) == (["one"], ["one"], ["one"])
        assert names_of(store, tenant) == ["one", "two"]

    def test_a_read_cannot_write(self, store, tenant):
        with pytest.raises(CredenzaError):
            store.read(tenant, lambda tx: tx.remember("key", b"d", b"a", 1, 0))

        assert store.read(tenant, lambda tx: tx.recall("key", 0)) is None

    def test_a_transaction_reaches_no_row_of_another_workspace(self, store, tenant, other):
        run(store, tenant, lambda tx: put(tx, "one", secrets={"/k": "v"}, tags=(Tag("k", "v"),)))
        foreign = run(store, tenant, lambda tx: put(tx, "one", secrets={"/k": "w"}))
        change = store.read(tenant, lambda tx: next_write(tx, "one", description="taken over"))

        def look(tx):
            row = foreign.row
            told = [tx.held([row])[row], tx.secrets(row, {"/k": 1}), tx.find(["one"]), tx.version(row, 1)]
            return [*told, *tx.history(row), *tx.page(), *pages(tx), tx.recall("key", 0)]

        def pages(tx):
            filters = ({"search": "one"}, {"type": "openai"}, {"category": "API"}, {"tags": [("k", "v")]})
            return [each for asked in filters for each in tx.page(**asked)]

        run(store, tenant, lambda tx: tx.remember("key", b"d", b"a", 1, 0))
        assert [each for each in store.read(other, look) if each] == []
        for job in (lambda tx: tx.save([change], 10), lambda tx: tx.drop([foreign])):
            with pytest.raises(Conflict):
                run(store, other, job)
        assert store.read(tenant, lambda tx: tx.find(["one"])["one"]) == foreign

    def test_a_failure_in_a_shared_commit_reaches_only_its_own_caller(self, store, tenant):
        def fail(tx):
            put(tx, "bad")
            raise ValueError

        with held_up(store, tenant):
            good = [store.write(tenant, lambda tx, n=n: put(tx, f"good-{n}")) for n in range(3)]
            bad = store.write(tenant, fail)
            good += [store.write(tenant, lambda tx: put(tx, "good-3"))]

        assert [each.result(SOON).name for each in good] == [f"good-{n}" for n in range(4)]
        assert isinstance(bad.exception(SOON), ValueError)
        assert names_of(store, tenant) == [f"good-{n}" for n in range(4)]

    def test_a_caller_who_gives_up_in_time_gets_nothing_done_and_harms_nobody(self, store, tenant):
        with held_up(store, tenant):
            first = store.write(tenant, lambda tx: put(tx, "first"))
            given_up = store.write(tenant, lambda tx: put(tx, "given-up"))
            assert given_up.cancel()

        assert first.result(SOON).name == "first"
        assert run(store, tenant, lambda tx: put(tx, "last")).name == "last"
        with pytest.raises(CancelledError):
            given_up.result(SOON)
        assert names_of(store, tenant) == ["first", "last"]

    def test_many_threads_lose_no_update(self, store, tenant):
        def save(number):
            run(store, tenant, lambda tx: put(tx, f"own-{number}"))
            return run(store, tenant, lambda tx: put(tx, "shared", description=str(number))).version

        with ThreadPoolExecutor(8) as pool:
            versions = list(pool.map(save, range(40)))

        assert sorted(versions) == list(range(1, 41))
        assert len(names_of(store, tenant)) == 41

    def test_close_finishes_what_was_queued_and_refuses_what_comes_later(self, open_store, store, tenant):
        with held_up(store, tenant):
            queued = [store.write(tenant, lambda tx, n=n: put(tx, f"n{n}").name) for n in range(5)]
            closing = threading.Thread(target=store.close)
            closing.start()
        closing.join(SOON)

        assert [each.result(SOON) for each in queued] == [f"n{n}" for n in range(5)]
        with pytest.raises(Unavailable):
            store.write(tenant, lambda tx: put(tx, "late")).result(SOON)
        store.close()
        assert names_of(open_store(), tenant) == [f"n{n}" for n in range(5)]


def _all_versions(tx, row, path, most):
    return {version for version in range(1, most) if tx.secrets(row, {path: version})}
