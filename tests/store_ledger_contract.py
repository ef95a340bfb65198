"""The rest of what every store must do: lists, audit rows, idempotency, workspaces, API keys, the vault."""

import msgspec
import pytest

from credenza.errors import Conflict, CredenzaError
from credenza.model import Tenant, VaultMeta
from credenza.trail import Entry, Head
from store_contract import StoreContract
from store_rows import add_tenant, api_key, names_of, put, ring_rows, run


class LedgerContract(StoreContract):
    """Derive as from `StoreContract`, which this goes on from."""

    def test_a_page_is_in_the_order_of_names_and_goes_on_after_one(self, store, tenant):
        names = ["alpha", "Beta", "gamma", "Zeta", "a-b", "a b", "a.b", "1"]
        run(store, tenant, lambda tx: [put(tx, name) for name in names])
        whole, walked, after = names_of(store, tenant), [], None
        while page := names_of(store, tenant, after=after, limit=3):
            walked, after = walked + page, page[-1]

        assert walked == whole == sorted(names, key=str.lower)

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"category": "GIT"}, ["b"]),
            ({"category": "GIT", "enabled": True}, []),
            ({"enabled": False}, ["b", "c"]),
            ({"type": "openai"}, ["a", "b", "c"]),
            ({"type": "kafka"}, []),
            ({"enabled": False, "search": "xyz", "after": "b"}, ["c"]),
            ({"limit": 0}, []),
        ],
    )
    def test_a_page_holds_what_passes_every_filter(self, store, tenant, filters, expected):
        def job(tx):
            put(tx, "a", description="xyz")
            put(tx, "b", category="GIT", enabled=False, description="xyz")
            put(tx, "c", enabled=False, description="xyz")

        run(store, tenant, job)

        assert names_of(store, tenant, **filters) == expected

    def test_audit_rows_come_back_by_stream_and_sequence_with_the_last_head(self, store, tenant, other):
        entries = [Entry("main", n, n, "me", "save", b"[]", bytes([n])) for n in (1, 2, 3)]
        stream = store.read(tenant, lambda tx: tx.stream)
        entries = [msgspec.structs.replace(entry, stream=stream) for entry in entries]
        assert store.read(tenant, lambda tx: tx.head()) is None
        for entry in entries:
            head = Head(stream, entry.sequence, entry.mac, b"seal")
            run(store, tenant, lambda tx, e=entry, h=head: tx.append(e, h))

        assert store.read(tenant, lambda tx: list(tx.trail())) == entries
        assert store.read(tenant, lambda tx: ([*tx.heads()], tx.head())) == ([head], head)
        assert store.read(other, lambda tx: ([*tx.trail()], [*tx.heads()])) == ([], [])

    def test_an_audit_row_is_never_written_over(self, store, tenant):
        stream = store.read(tenant, lambda tx: tx.stream)
        entry, head = Entry(stream, 1, 1, "me", "save", b"[]", b"m"), Head(stream, 1, b"m", b"s")
        run(store, tenant, lambda tx: tx.append(entry, head))

        with pytest.raises(CredenzaError):
            run(store, tenant, lambda tx: tx.append(msgspec.structs.replace(entry, verb="other"), head))

        assert store.read(tenant, lambda tx: list(tx.trail())) == [entry]

    def test_an_answer_is_kept_under_its_key_for_a_day_in_its_workspace(self, store, tenant, other):
        day = 86_400_000
        run(store, tenant, lambda tx: tx.remember("k", b"digest", b"answer", 1_000, 0))
        run(store, other, lambda tx: tx.remember("k", b"other", b"another", 1_000 + day, 1_000))

        assert store.read(tenant, lambda tx: tx.recall("k", 1_000)) == (b"digest", b"answer")
        assert store.read(other, lambda tx: tx.recall("k", 0)) == (b"other", b"another")
        assert store.read(tenant, lambda tx: tx.recall("K", 0)) is None
        assert store.read(tenant, lambda tx: tx.recall("k", 1_001)) is None
        run(store, other, lambda tx: tx.remember("k2", b"d", b"a", 1_001 + day, 1_001))
        assert store.read(tenant, lambda tx: tx.recall("k", 0)) is None

    def test_a_workspace_comes_with_its_ring_and_what_begins_it_or_not_at_all(self, store, tenant):
        assert [row.purpose for row in store.rings(tenant.id)] == ["dek", "fpk", "mak"]
        assert store.rings(b"?" * 16) == []
        new = Tenant(0, b"n" * 16, "new", 5)

        def fail(tx):
            put(tx, "one")
            raise ValueError

        with pytest.raises(ValueError, match=r"^$"):
            store.add_tenant(new, ring_rows(new.id), fail)
        with pytest.raises(Conflict):
            store.add_tenant(msgspec.structs.replace(new, slug=tenant.slug), ring_rows(new.id), put)
        assert [each.slug for each in store.tenants()] == [tenant.slug]
        assert store.rings(new.id) == []

    def test_workspaces_are_listed_by_slug(self, store):
        added = [add_tenant(store, slug) for slug in ("b", "a", "c")]

        assert list(store.tenants()) == sorted(added, key=lambda tenant: tenant.slug)

    def test_a_workspace_is_found_by_its_id_as_it_was_added(self, store, tenant, other):
        assert [store.tenant(each.id) for each in (tenant, other)] == [tenant, other]
        assert store.tenant(bytes(16)) is None
        assert store.tenant(tenant.id[:-1]) is None

    def test_seals_are_counted_on_the_term_that_made_them(self, store, tenant, other):
        for count in (3, 4):
            run(store, tenant, lambda tx, n=count: tx.count_seals(1, n))

        assert [row.seals for row in store.rings(tenant.id)] == [7, 0, 0]
        assert [row.seals for row in store.rings(other.id)] == [0, 0, 0]

    def test_an_api_key_is_kept_whole_and_listed_by_age(self, store, tenant, other):
        keys = [api_key(tenant, "new", 2), api_key(tenant, "old", 1), api_key(other, "else", 1)]
        for key in keys:
            store.add_api_key(key, lambda _: None)

        assert [store.api_key(key.id) for key in keys] == keys
        assert [key.id for key in store.api_keys(tenant)] == ["old", "new"]
        assert store.api_key("none") is None
        with pytest.raises(Conflict):
            store.add_api_key(api_key(other, "old"), lambda _: None)

    def test_an_api_key_is_revoked_in_its_own_workspace_once(self, store, tenant, other):
        store.add_api_key(api_key(tenant), lambda _: None)

        assert store.revoke_api_key(other, "key1", 7, None) is False
        assert store.api_key("key1").revoked_at is None
        assert [store.revoke_api_key(tenant, "key1", at, None) for at in (8, 9)] == [True, True]
        assert store.api_key("key1").revoked_at == 8

    def test_a_store_has_one_vault(self, store):
        assert store.vault() is None
        meta = VaultMeta(b"v" * 16, 1, 5, "kek", b"check", None)
        store.add_vault(meta)

        with pytest.raises(Conflict):
            store.add_vault(VaultMeta(b"w" * 16, 1, 5, "kek", b"check", b"keepsake"))

        assert store.vault() == meta

    def test_a_sound_store_has_nothing_to_say(self, store, tenant):
        run(store, tenant, lambda tx: put(tx, "one", secrets={"/k": "v"}))

        assert list(store.check()) == []
