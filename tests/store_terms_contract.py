"""What every store must do for the life of the keys: terms, what they sealed, and the vault's next key."""

import os
import time

import msgspec
import pytest

from credenza.errors import Conflict, TermRetired
from credenza.model import RingRow, TermCount, VaultMeta
from store_contract import StoreContract
from store_rows import SOON, add_tenant, bring_back, held_up, names_of, next_write, put, run

META = VaultMeta(b"v" * 16, 1, 5, "kek", b"check", b"keepsake")
NEXT = msgspec.structs.replace(META, kek_id="next", check=b"other", keepsake=None)


def term_rows(tenant, term, state="pre_active", kek="kek"):
    return [
        RingRow(tenant.id, purpose, term, state, kek, os.urandom(60), term)
        for purpose in ("dek", "fpk", "mak")
    ]


def begin_term(store, tenant, term):
    run(store, tenant, lambda tx: tx.add_rings(term_rows(tenant, term)))
    run(store, tenant, lambda tx: tx.activate(term))


def blob(term, text="x"):
    return b"\x01\x01" + term.to_bytes(4, "big") + text.encode()


def put_sealed(tx, name, term, path="/key", **fields):
    """Save a record's next version with one secret that says it was sealed under a term."""
    write = next_write(tx, name, secrets={path: "x"}, **fields)
    secret = msgspec.structs.replace(write.secrets[0], blob=blob(term, f"{name}{write.record.version}"))
    tx.save([msgspec.structs.replace(write, secrets=(secret,))], 10)


def states_of(store, tenant):
    return {(row.purpose, row.term): row.state for row in store.rings(tenant.id)}


def walk(store, tenant, **options):
    return store.read(tenant, lambda tx: tx.sealed(**{"limit": 100, **options}))


def wrap(row, wrapped=b"anew"):
    return msgspec.structs.replace(row, kek_id="next", wrapped=wrapped)


class TermsContract(StoreContract):
    """The part of the contract that is about keys."""

    def test_a_term_seals_once_it_is_activated_and_the_one_before_it_only_opens(self, store, tenant, other):
        rows = term_rows(tenant, 2)
        run(store, tenant, lambda tx: tx.add_rings(rows))
        assert set(states_of(store, tenant).values()) == {"active", "pre_active"}

        run(store, tenant, lambda tx: tx.activate(2))

        states = states_of(store, tenant)
        assert {states[purpose, 1] for purpose in ("dek", "fpk", "mak")} == {"decrypt_only"}
        assert {states[purpose, 2] for purpose in ("dek", "fpk", "mak")} == {"active"}
        assert [r.wrapped for r in store.rings(tenant.id) if r.term == 2] == [r.wrapped for r in rows]
        assert list(store.read(tenant, lambda tx: tx.rings())) == list(store.rings(tenant.id))
        assert set(states_of(store, other).values()) == {"active"}

    @pytest.mark.parametrize("term", [1, 2, 3])
    def test_a_term_that_was_not_prepared_is_not_activated(self, store, tenant, term):
        begin_term(store, tenant, 2)
        before = list(store.rings(tenant.id))

        with pytest.raises(Conflict):
            run(store, tenant, lambda tx: tx.activate(term))

        assert list(store.rings(tenant.id)) == before

    def test_a_term_is_added_once_and_only_under_the_key_of_the_vault(self, store, tenant):
        store.add_vault(META)
        with pytest.raises(TermRetired):
            run(store, tenant, lambda tx: tx.add_rings(term_rows(tenant, 2, kek="other")))
        run(store, tenant, lambda tx: tx.add_rings(term_rows(tenant, 2)))
        before = list(store.rings(tenant.id))

        with pytest.raises(Conflict):
            run(store, tenant, lambda tx: tx.add_rings(term_rows(tenant, 2)))

        assert list(store.rings(tenant.id)) == before

    def test_a_workspace_comes_only_with_a_ring_under_the_key_of_the_vault(self, store):
        store.add_vault(msgspec.structs.replace(META, kek_id="other"))

        with pytest.raises(TermRetired):
            add_tenant(store)

        assert list(store.tenants()) == []

    def test_what_is_sealed_under_a_term_that_does_not_seal_is_not_kept(self, store, tenant):
        begin_term(store, tenant, 2)
        run(store, tenant, lambda tx: tx.add_rings(term_rows(tenant, 3)))

        def job(tx, term):
            put_sealed(tx, f"under {term}", term)
            tx.count_seals(term, 1)

        for term in (1, 3, 4):
            with pytest.raises(TermRetired):
                run(store, tenant, lambda tx, t=term: job(tx, t))
        run(store, tenant, lambda tx: job(tx, 2))

        assert names_of(store, tenant) == ["under 2"]
        assert [r.seals for r in store.rings(tenant.id) if r.purpose == "dek"] == [0, 1, 0]

    def test_those_that_wait_with_one_whose_term_is_retired_are_saved_all_the_same(self, store, tenant):
        begin_term(store, tenant, 2)

        def job(tx, name, term):
            put_sealed(tx, name, term)
            tx.count_seals(term, 1)

        with held_up(store, tenant):
            waiting = [
                store.write(tenant, lambda tx, n=name, t=term: job(tx, n, t))
                for name, term in [("a", 2), ("late", 1), ("b", 2)]
            ]
        with pytest.raises(TermRetired):
            waiting[1].result(SOON)

        assert [each.result(SOON) for each in waiting[::2]] == [None, None]
        assert names_of(store, tenant) == ["a", "b"]

    def test_a_term_is_destroyed_when_nothing_is_sealed_under_it_and_its_signing_key_stays(
        self, store, tenant, other
    ):
        run(store, tenant, lambda tx: put_sealed(tx, "one", 1))
        run(store, other, lambda tx: put_sealed(tx, "one", 2))
        assert run(store, tenant, lambda tx: tx.destroy(1)) is False
        begin_term(store, tenant, 2)
        assert run(store, tenant, lambda tx: tx.destroy(1)) is False

        (row,) = walk(store, tenant)
        new = msgspec.structs.replace(row.secret, blob=blob(2))
        assert run(store, tenant, lambda tx: tx.reseal([(row, new)])) == 1

        assert run(store, tenant, lambda tx: [tx.destroy(term) for term in (1, 2, 3, 1)]) == [
            *(True, False, False, False)
        ]
        kept = {(r.purpose, r.term): r.wrapped is not None for r in store.rings(tenant.id)}
        assert [key for key, there in kept.items() if not there] == [("dek", 1), ("fpk", 1)]
        assert states_of(store, tenant)["mak", 1] == "decrypt_only"
        assert states_of(store, tenant)["dek", 1] == "destroyed"

    @pytest.mark.parametrize(("size", "age", "goes"), [(16, 0, False), (16, 2, True), (36, 0, True)])
    def test_a_term_stays_while_an_answer_is_known_again_by_its_key(self, store, tenant, size, age, goes):
        at = int(time.time() * 1000) - age * 86_400_000
        run(store, tenant, lambda tx: tx.remember("k", bytes(size), b"answer", at, 0))
        begin_term(store, tenant, 2)

        assert run(store, tenant, lambda tx: tx.destroy(1)) is goes

    def test_secrets_of_all_versions_are_walked_page_by_page_in_their_workspace(self, store, tenant, other):
        for name in ("b", "a", "a"):
            run(store, tenant, lambda tx, n=name: put_sealed(tx, n, 1))
        run(store, tenant, lambda tx: put_sealed(tx, "a", 2, path="/other"))
        run(store, other, lambda tx: put_sealed(tx, "a", 1))
        record = store.read(tenant, lambda tx: tx.find(["a"])["a"])

        whole = walk(store, tenant)
        pages, after = [], None
        while page := walk(store, tenant, limit=1, after=after):
            after = page[-1]
            pages += page

        assert pages == list(whole)
        assert {(r.name, r.secret.path, r.secret.version, r.current) for r in whole} == {
            ("a", "/key", 1, False),
            ("a", "/key", 2, True),
            ("a", "/other", 3, True),
            ("b", "/key", 1, True),
        }
        assert {(r.row, r.owner, r.type) for r in whole if r.name == "a"} == {
            (record.row, record.id, "openai")
        }
        assert [r.secret.version for r in walk(store, tenant, but=1)] == [3]
        assert store.read(tenant, lambda tx: tx.count_sealed()) == {1: 3, 2: 1}

    def test_a_secret_is_sealed_anew_only_where_it_is_as_it_was_read(self, store, tenant, other):
        for name in ("kept", "changed", "gone"):
            run(store, tenant, lambda tx, n=name: put_sealed(tx, n, 1))
        read = {row.name: row for row in walk(store, tenant)}
        new = {
            n: msgspec.structs.replace(r.secret, blob=blob(2), fingerprint=b"f" * 16) for n, r in read.items()
        }
        late = msgspec.structs.replace(read["changed"].secret, blob=blob(1, "by a user"))
        run(store, tenant, lambda tx: tx.reseal([(read["changed"], late)]))
        run(store, tenant, lambda tx: tx.drop([tx.find(["gone"])["gone"]]))
        pairs = [(read[name], new[name]) for name in read]

        assert run(store, other, lambda tx: tx.reseal(pairs)) == 0
        assert run(store, tenant, lambda tx: tx.reseal(pairs)) == 1
        assert run(store, tenant, lambda tx: tx.reseal([])) == 0

        assert {row.name: row.secret for row in walk(store, tenant)} == {"kept": new["kept"], "changed": late}

    def test_a_secret_that_was_sealed_anew_comes_back_with_its_version(self, store, tenant):
        for _ in range(2):
            run(store, tenant, lambda tx: put_sealed(tx, "one", 1))
        rows = walk(store, tenant)
        pairs = [(row, msgspec.structs.replace(row.secret, blob=blob(2, "anew"))) for row in rows]
        run(store, tenant, lambda tx: tx.reseal(pairs))

        run(store, tenant, lambda tx: bring_back(tx, "one", 1))

        row = store.read(tenant, lambda tx: tx.find(["one"])["one"].row)
        assert store.read(tenant, lambda tx: tx.held([row])[row]["/key"]) == pairs[0][1]
        assert [row.current for row in walk(store, tenant)] == [True, False]

    def test_a_ring_row_is_wrapped_anew_only_where_it_is_as_it_was_read(self, store, tenant, other):
        rows = store.rings(tenant.id)
        run(store, tenant, lambda tx: tx.rewrap([(rows[0], wrap(rows[0], b"first"))]))
        pairs = [(row, wrap(row)) for row in rows]

        assert run(store, other, lambda tx: tx.rewrap(pairs)) == 0
        assert run(store, tenant, lambda tx: tx.rewrap(pairs)) == 2

        assert [row.wrapped for row in store.rings(tenant.id)] == [b"first", b"anew", b"anew"]
        assert {row.kek_id for row in store.rings(other.id)} == {"kek"}

    def test_a_vault_has_its_next_key_when_no_ring_is_wrapped_with_another(self, store, tenant, other):
        store.add_vault(META)
        assert store.next_vault() is None
        store.prepare_vault(NEXT)
        assert (store.vault(), store.next_vault()) == (META, NEXT)

        for each in (tenant, other):
            with pytest.raises(Conflict):
                store.turn_vault(NEXT, 2)
            pairs = [(row, wrap(row)) for row in store.rings(each.id)]
            run(store, each, lambda tx, p=pairs: tx.rewrap(p))
        store.turn_vault(NEXT)

        assert (store.vault(), store.next_vault()) == (NEXT, None)
        with pytest.raises(Conflict):
            store.turn_vault(NEXT)

    def test_what_was_prepared_is_replaced_until_a_ring_is_wrapped_with_it(self, store, tenant):
        store.add_vault(META)
        third = msgspec.structs.replace(NEXT, kek_id="third")
        store.prepare_vault(third)
        store.prepare_vault(NEXT)
        with pytest.raises(Conflict):
            store.turn_vault(third, 100)
        row = store.rings(tenant.id)[0]
        run(store, tenant, lambda tx: tx.rewrap([(row, wrap(row))]))

        with pytest.raises(Conflict):
            store.prepare_vault(third)
        store.prepare_vault(NEXT)

        assert store.next_vault() == NEXT

    @pytest.mark.usefixtures("tenant")
    def test_rows_that_were_given_up_do_not_keep_the_vault_at_its_old_key(self, store):
        store.add_vault(META)
        store.prepare_vault(NEXT)
        with pytest.raises(Conflict):
            store.turn_vault(NEXT, 2)

        store.turn_vault(NEXT, 3)

        assert store.vault() == NEXT

    def test_terms_are_counted_over_all_workspaces_by_purpose_and_state(self, store, tenant, other):
        begin_term(store, tenant, 2)
        for each, term, count in ((tenant, 2, 7), (other, 1, 3)):
            run(store, each, lambda tx, t=term, n=count: tx.count_seals(t, n))

        counts = {(c.purpose, c.state): c for c in store.count_terms()}

        assert counts["dek", "active"] == TermCount("dek", "active", 2, 7, 2)
        assert counts["mak", "decrypt_only"] == TermCount("mak", "decrypt_only", 1, 0, 5)
        assert len(counts) == 6

    def test_secrets_under_earlier_terms_are_counted_over_all_workspaces(self, store, tenant, other):
        for each in (tenant, other):
            for name in ("a", "b"):
                run(store, each, lambda tx, n=name: put_sealed(tx, n, 1))
        assert store.count_old() == 0
        begin_term(store, tenant, 2)
        run(store, tenant, lambda tx: put_sealed(tx, "c", 2))

        assert store.count_old() == 2

    def test_by_what_a_record_is_known_again_is_noted_at_the_version_that_was_read(self, store, tenant):
        old = run(store, tenant, lambda tx: put(tx, "one"))
        record = run(store, tenant, lambda tx: put(tx, "one"))
        same = run(store, tenant, lambda tx: put(tx, "two"))

        def note(tx):
            tx.find(["one", "two"])
            tx.note_digests([(old, b"late"), (same, b"anew")])
            tx.note_digests([])
            return tx.find(["one", "two"])

        found = run(store, tenant, note)

        assert {name: each.digest for name, each in found.items()} == {"one": record.digest, "two": b"anew"}
        assert store.read(tenant, lambda tx: tx.find(["two"])["two"].version) == 1
