"""What a vault needs to open, what a locked one still does, and which rows it takes for its own."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from credenza.errors import (
    Damaged,
    KeyAbsent,
    KeyBroken,
    KeyDenied,
    KeyUnusable,
    Unavailable,
    VaultLocked,
    WrongKey,
)
from credenza.vault import Vault, envelope
from vault_rings import (
    ELSEWHERE,
    FIELDS,
    FOREIGN,
    KEK,
    OWNER,
    WORKSPACE,
    Provider,
    Shelf,
    begin,
    open_secret,
    seal,
    with_term,
)


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def vault(shelf):
    return begin(shelf)


@pytest.fixture
def ring(vault):
    return vault.ring(WORKSPACE)


class TestRingRows:
    def test_a_new_workspace_gets_one_active_key_of_each_purpose(self, vault):
        rows = vault.new_rings(WORKSPACE, now=7)

        assert [(row.purpose, row.term, row.state, row.created_at) for row in rows] == [
            ("dek", 1, "active", 7),
            ("fpk", 1, "active", 7),
            ("mak", 1, "active", 7),
        ]

    def test_no_two_keys_are_alike(self, vault):
        terms = [vault.keys(vault.new_rings(WORKSPACE, 2), WORKSPACE)._terms for _ in range(10)]

        assert len({key.reveal() for each in terms for key in each.keys.values()}) == 30

    def test_a_row_of_another_workspace_is_refused(self, vault, shelf):
        with pytest.raises(Damaged, match="dek key of term 1"):
            vault.keys(shelf.rows[ELSEWHERE], WORKSPACE)

    @pytest.mark.parametrize("change", [{"purpose": "mak"}, {"term": 2}], ids=str)
    def test_a_row_of_another_purpose_or_term_is_refused(self, vault, shelf, change):
        row = msgspec.structs.replace(shelf.rows[WORKSPACE][0], **change)

        with pytest.raises(Damaged):
            vault.keys([row], WORKSPACE)

    def test_a_row_that_needs_another_key_says_which(self, vault, shelf):
        row = msgspec.structs.replace(shelf.rows[WORKSPACE][0], kek_id="00" * 8)

        with pytest.raises(VaultLocked, match="0000000000000000.*" + vault.meta.kek_id):
            vault.keys([row], WORKSPACE)

    @pytest.mark.parametrize("change", [{"kek_id": "00" * 8}, {"id": b"x" * 16}], ids=["key", "vault"])
    def test_a_row_whose_key_or_vault_was_relabelled_is_refused(self, vault, shelf, change):
        rows = [msgspec.structs.replace(row, kek_id="00" * 8) for row in shelf.rows[WORKSPACE]]
        rows = rows if "kek_id" in change else shelf.rows[WORKSPACE]
        vault.meta = msgspec.structs.replace(vault.meta, **change)

        with pytest.raises((Damaged, VaultLocked)):
            vault.keys(rows, WORKSPACE)

    def test_a_row_wrapped_with_another_key_under_our_name_is_the_wrong_key(self, vault, shelf):
        wrapped = envelope.wrap(FOREIGN, b"x" * 32, vault._context(WORKSPACE, "dek", 1, vault.meta.kek_id))
        row = msgspec.structs.replace(shelf.rows[WORKSPACE][0], wrapped=wrapped)

        with pytest.raises(WrongKey, match="dek key of term 1"):
            vault.keys([row], WORKSPACE)

    def test_a_secret_is_no_ring_row(self, vault, ring, shelf):
        row = msgspec.structs.replace(shelf.rows[WORKSPACE][0], wrapped=seal(ring).blob)

        with pytest.raises(WrongKey):
            vault.keys([row], WORKSPACE)

    def test_a_workspace_without_keys_is_locked(self, vault):
        with pytest.raises(VaultLocked, match="no keys"):
            vault.ring(b"n" * 16)


class TestCache:
    @pytest.fixture
    def now(self):
        return [100.0]

    @pytest.fixture
    def kept(self, vault, shelf, now):
        kept = Vault(vault._provider, vault.meta, shelf.load, clock=lambda: now[0])
        kept.unlock()
        return kept

    @pytest.mark.parametrize(("later", "reads"), [(0, 1), (299.9, 1), (300, 2), (301, 2)])
    def test_a_ring_is_kept_for_five_minutes(self, kept, shelf, now, later, reads):
        kept.ring(WORKSPACE)
        now[0] += later
        kept.ring(WORKSPACE)

        assert shelf.reads == reads

    @pytest.mark.parametrize("verb", [Vault.forget, Vault.unlock])
    def test_forget_and_unlock_drop_what_is_kept(self, kept, shelf, verb):
        kept.ring(WORKSPACE)
        verb(kept)
        kept.ring(WORKSPACE)

        assert shelf.reads == 2

    def test_a_ring_is_opened_anew_as_soon_as_its_rows_are_known_to_be_others(self, kept, shelf):
        revision = [1]
        kept.follow(lambda: revision[0])
        first = kept.ring(WORKSPACE)
        revision[0] = 2
        shelf.rows[WORKSPACE] = [
            msgspec.structs.replace(row, seals=row.seals + 1) for row in shelf.rows[WORKSPACE]
        ]
        same = kept.ring(WORKSPACE)
        shelf.rows[WORKSPACE] = with_term(kept, 2, shelf.rows[WORKSPACE])
        unheard = kept.ring(WORKSPACE)
        revision[0] = 3
        newer = kept.ring(WORKSPACE)

        assert same is unheard is first
        assert (first.term, newer.term, kept.ring(WORKSPACE)) == (1, 2, newer)
        shelf.rows[WORKSPACE] = []
        revision[0] = 4
        with pytest.raises(VaultLocked, match="no keys"):
            kept.ring(WORKSPACE)

    def test_what_was_forgotten_while_it_was_read_is_not_kept(self, kept, shelf):
        kept._load = lambda workspace: kept.forget() or shelf.load(workspace)
        kept.ring(WORKSPACE)

        assert kept._rings == {}

    def test_a_thousand_and_some_rings_are_kept_and_the_oldest_makes_room(self, kept, shelf, monkeypatch):
        monkeypatch.setattr("credenza.vault.vault._KEPT", 1)
        for workspace in (WORKSPACE, ELSEWHERE, ELSEWHERE, WORKSPACE):
            kept.ring(workspace)

        assert shelf.reads == 3
        assert list(kept._rings) == [WORKSPACE]

    def test_a_store_that_can_not_be_read_is_not_a_locked_vault(self, kept):
        def fail(_):
            raise Unavailable

        kept._load = fail

        with pytest.raises(Unavailable) as caught:
            kept.ring(WORKSPACE)
        assert not isinstance(caught.value, VaultLocked)

    def test_many_threads_open_with_one_ring(self, vault):
        def use(number):
            ring = vault.ring(WORKSPACE)
            return open_secret(ring, seal(ring, str(number)))

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(use, range(400))) == [str(number) for number in range(400)]


class TestLocked:
    FAULTS = (
        (KeyAbsent(), "holds no key"),
        (KeyDenied(), "will not hand over"),
        (KeyBroken("The file is cut short."), "cut short"),
        (FOREIGN, "not this vault's"),
        (KEK[:31], "not 32 bytes"),
        (b"", "not 32 bytes"),
    )

    @pytest.mark.parametrize(("fault", "words"), FAULTS)
    def test_a_missing_or_foreign_key_locks_the_vault_and_says_why(self, vault, fault, words):
        locked = Vault.open(Provider(fault), vault.meta, pytest.fail)

        assert words in locked.locked
        assert "the test's keys" in locked.locked
        assert vault.meta.kek_id in locked.locked

    @pytest.mark.parametrize("key", [FOREIGN, KEK[:31], KEK + b"k"])
    def test_the_reason_says_nothing_of_the_key(self, vault, key):
        locked = Vault.open(Provider(key), vault.meta, pytest.fail).locked

        assert not any(part in locked for part in ("kkkk", "ffff", key.hex()[:8]))

    @pytest.mark.parametrize("bit", range(128))
    def test_a_flipped_check_value_locks_the_vault(self, vault, bit):
        check = bytearray(vault.meta.check)
        check[bit // 8] ^= 1 << bit % 8
        meta = msgspec.structs.replace(vault.meta, check=bytes(check))

        assert "check value" in Vault.open(Provider(), meta, pytest.fail).locked

    def test_a_vault_of_a_later_format_is_locked_before_the_key_is_asked_for(self, vault):
        meta = msgspec.structs.replace(vault.meta, format=2)

        assert "format 2" in Vault.open(Provider(AssertionError()), meta, pytest.fail).locked

    @pytest.mark.parametrize(
        "use",
        [
            lambda vault: vault.new_rings(WORKSPACE, 2),
            lambda vault: vault.keys([], WORKSPACE),
            lambda vault: vault.ring(WORKSPACE),
        ],
        ids=["new_rings", "keys", "ring"],
    )
    def test_whatever_needs_the_key_says_so(self, vault, use):
        locked = Vault.open(Provider(KeyAbsent()), vault.meta, pytest.fail)

        with pytest.raises(VaultLocked) as caught:
            use(locked)
        assert caught.value.message == locked.locked

    def test_no_key_is_ever_made_for_a_vault_that_exists(self, vault, shelf):
        provider = Provider(KeyAbsent())
        provider.create = pytest.fail

        Vault.open(provider, vault.meta, shelf.load).unlock()

    def test_it_is_unlocked_without_a_restart(self, vault, ring, shelf):
        provider = Provider(KeyDenied())
        locked = Vault.open(provider, vault.meta, shelf.load)
        provider.key = KEK
        locked.unlock()

        assert locked.locked is None
        assert open_secret(locked.ring(WORKSPACE), seal(ring)) == "a password"

    def test_a_key_that_was_taken_away_locks_it_again_whatever_was_kept(self, vault):
        vault.ring(WORKSPACE)
        vault._provider.key = KeyAbsent()
        vault.unlock()

        with pytest.raises(VaultLocked):
            vault.ring(WORKSPACE)
        assert vault.locked

    def test_an_open_vault_gives_no_reason(self, vault):
        assert vault.locked is None

    def test_a_vault_that_nobody_unlocked_is_locked(self, vault):
        with pytest.raises(VaultLocked, match="not unlocked yet"):
            Vault(Provider(), vault.meta, pytest.fail).ring(WORKSPACE)


class TestCreate:
    def test_a_new_vault_describes_its_key_and_keeps_the_keepsake(self):
        vault, meta = Vault.create(Provider(), pytest.fail, now=5)

        assert meta == vault.meta
        assert (meta.format, meta.created_at, meta.keepsake, len(meta.id)) == (1, 5, b"kept", 16)
        assert meta.kek_id == envelope.kek_id(KEK, meta.id)
        assert meta.check == envelope.key_check(KEK, meta.id)

    def test_one_key_has_another_name_in_every_vault(self):
        names = {Vault.create(Provider(), pytest.fail, now=5)[1].kek_id for _ in range(20)}

        assert len(names) == 20

    @pytest.mark.parametrize("kept", [FOREIGN, KeyAbsent(), b"short"])
    def test_a_provider_that_does_not_give_the_key_back_is_refused(self, kept):
        with pytest.raises(KeyBroken):
            Vault.create(Provider(kept), pytest.fail, now=5)

    def test_a_provider_that_makes_no_key_is_heard(self):
        provider = Provider()
        provider.create = lambda _: (_ for _ in ()).throw(KeyDenied)

        with pytest.raises(KeyUnusable):
            Vault.create(provider, pytest.fail, now=5)


class TestSecrecy:
    @pytest.fixture(params=["vault", "ring", "sealing"])
    def holder(self, request, vault, ring):
        sealing = ring.sealing("integration")
        sealing.seal(OWNER, "/password", text="a password", **FIELDS)
        return {"vault": vault, "ring": ring, "sealing": sealing}[request.param]

    def test_no_key_shows_in_a_repr_or_in_the_fields(self, ring, holder):
        keys = [KEK, *(key.reveal() for key in ring._terms.keys.values())]
        fields = [field for name, field in vars(holder).items() if name != "_provider"]
        parts = [holder, vars(holder), *(vars(field) for field in fields if hasattr(field, "__dict__"))]
        shown = " ".join(map(repr, parts))

        assert not any(repr(key)[2:-1] in shown or key.hex() in shown for key in keys)

    def test_no_key_can_be_pickled(self, holder):
        with pytest.raises(TypeError):
            pickle.dumps(holder)
