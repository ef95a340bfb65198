"""A new key-encryption key: proved before it is used, known to whoever must open with it, and never half."""

import base64
import os

import msgspec
import pytest

from cli_prompt import Prompt
from credenza.cli import failures
from credenza.errors import Clash, KeyAbsent, KeyBroken, KeyDenied, VaultLocked
from credenza.model import Role
from credenza.rotation import prepare, rewrap, rewrapping
from credenza.sensitive import Sensitive
from credenza.settings import open_key
from credenza.vault import envelope
from rotation_things import (
    Crash,
    beside,
    crashing,
    give_key,
    make_kek,
    reveal,
    save,
    turn,
    workspace_of,
)


@pytest.fixture
def place(monkeypatch):
    return make_kek(monkeypatch)


@pytest.fixture(autouse=True)
def _filled(service):
    service.accounts.create_workspace("other", by="test")
    save(service, "one", "sk-1")
    save(service, "one", "sk-other", "other")
    turn(service)


def kek_ids(service):
    tenants = service.accounts.workspaces()
    return {row.kek_id for each in tenants for row in service.store.rings(each.id) if row.wrapped}


def rings(service):
    return [service.store.rings(each.id) for each in service.accounts.workspaces()]


def test_every_ring_is_wrapped_with_the_new_key_and_opens_what_it_opened(service, place):
    old, keys = service.vault.meta, rings(service)
    made = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test")

    done = give_key(service, place)

    assert (done.turned, done.rewrapped, done.closed) == (True, 7, ())
    assert kek_ids(service) == {done.kek_id} == {service.store.vault().kek_id}
    assert done.kek_id != old.kek_id
    assert (service.store.vault().id, service.store.next_vault()) == (old.id, None)
    wrapped = [row.wrapped for each in (*keys, *rings(service)) for row in each if row.wrapped]
    assert len({*wrapped}) == 14
    with beside(service, kek=place) as other:
        assert other.vault.locked is None
        assert [reveal(other, "one", slug)["api_key"] for slug in ("default", "other")] == [
            "sk-1",
            "sk-other",
        ]
        assert other.accounts.authenticate(made.token.reveal()).role is Role.ADMIN
        for slug in ("default", "other"):
            assert workspace_of(other, slug).verify_audit()[1] == []
    with beside(service) as locked:
        assert done.kek_id in locked.vault.locked


@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("at", [1, 2])
def test_cut_off_at_any_transaction_it_goes_on_when_it_is_run_again(service, place, at, after):
    with crashing(service.store, at, after=after), pytest.raises(Crash):
        give_key(service, place)

    with beside(service, kek_next=place) as other:
        assert [reveal(other, "one", slug)["api_key"] for slug in ("default", "other")] == [
            "sk-1",
            "sk-other",
        ]
        assert give_key(other, place).turned
        again = give_key(other, place)
        assert (again.turned, again.rewrapped, kek_ids(other)) == (True, 0, {again.kek_id})
    with beside(service, kek=place) as other:
        assert reveal(other, "one")["api_key"] == "sk-1"


@pytest.mark.parametrize("verb", ["prepare_vault", "turn_vault"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
def test_cut_off_when_the_vault_is_described_it_goes_on_as_well(service, place, monkeypatch, verb, after):
    real = getattr(service.store, verb)

    def crash(*arguments):
        if after:
            real(*arguments)
        raise Crash

    monkeypatch.setattr(service.store, verb, crash)
    with pytest.raises(Crash):
        give_key(service, place)

    with beside(service, kek_next=place) as other:
        assert reveal(other, "one")["api_key"] == "sk-1"
        assert give_key(other, place).turned
        assert reveal(other, "one")["api_key"] == "sk-1"
    with beside(service, kek=place) as other:
        assert reveal(other, "one")["api_key"] == "sk-1"


def test_a_server_that_knows_both_places_goes_on_and_makes_rings_under_the_new_key(service, place):
    with beside(service, kek_next=place) as server:
        server.vault.ring(server.tenant().id)
        with beside(server) as command:
            done = give_key(command, place)
        server.vault.forget()

        assert reveal(server, "one")["api_key"] == "sk-1"
        save(server, "two", "sk-2")
        server.accounts.create_workspace("later", by="test")

        assert kek_ids(server) == {done.kek_id}
        assert server.vault.locked is None


def test_a_workspace_that_is_made_in_ignorance_of_the_new_key_gets_no_ring_under_the_old(service, place):
    with beside(service) as command:
        done = give_key(command, place)

    with pytest.raises(VaultLocked):
        service.accounts.create_workspace("late", by="test")

    assert kek_ids(service) == {done.kek_id}
    assert [each.slug for each in service.accounts.workspaces()] == ["default", "other"]


def test_a_ring_that_is_made_while_rings_are_wrapped_is_wrapped_too(service, place, monkeypatch):
    real, late = service.store.turn_vault, iter(["late"])

    def turn_vault(*arguments):
        for slug in late:
            service.accounts.create_workspace(slug, by="test")
        real(*arguments)

    monkeypatch.setattr(service.store, "turn_vault", turn_vault)
    done = give_key(service, place)

    assert (done.turned, done.rewrapped, kek_ids(service)) == (True, 10, {done.kek_id})


def test_a_server_that_knows_the_old_key_only_says_which_it_needs_and_goes_on_when_it_is_there(
    service, place, monkeypatch
):
    monkeypatch.setenv("CREDENZA_TEST_LATE", "")
    now = [0.0]
    with beside(service, kek_next="env://CREDENZA_TEST_LATE") as server:
        server.vault._clock = lambda: now[0]
        assert reveal(server, "one")["api_key"] == "sk-1"
        with beside(service) as command:
            done = give_key(command, place)
        assert reveal(server, "one")["api_key"] == "sk-1"  # from memory, for five minutes
        now[0] = 301.0
        with pytest.raises(VaultLocked, match=f"{done.kek_id}.*CREDENZA_KEK_NEXT"):
            reveal(server, "one")

        monkeypatch.setenv("CREDENZA_TEST_LATE", os.environ["CREDENZA_TEST_NEXT_KEK"])
        now[0] = 303.0
        with pytest.raises(VaultLocked):  # asked for every few seconds only
            reveal(server, "one")
        now[0] = 307.0

        assert reveal(server, "one")["api_key"] == "sk-1"


class Place:
    """A place of keys that does what a test says."""

    label = "the test's place"

    def __init__(self, *answers):
        self.answers = [*answers]
        self.keepsakes = []

    def fetch(self, _vault, keepsake):
        self.keepsakes.append(keepsake)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Sensitive(answer)

    def create(self, _vault):
        raise KeyDenied


@pytest.mark.parametrize(
    "place",
    [
        Place(b"a" * 32, b"b" * 32),
        Place(b"a" * 32, KeyDenied()),
        Place(b"short"),
        Place(KeyDenied()),
        Place(KeyBroken()),
    ],
    ids=["another", "not twice", "short", "denied", "broken"],
)
def test_a_place_that_does_not_give_its_key_back_is_refused_and_nothing_is_changed(service, place):
    before = rings(service), service.store.vault()

    with pytest.raises((KeyBroken, KeyDenied)):
        prepare(service.store, service.vault, place)

    assert (rings(service), service.store.vault()) == before
    assert service.store.next_vault() is None


def test_the_keepsake_of_a_new_key_is_stored_before_anything_is_wrapped_with_it(service):
    class Keeper(Place):
        """One that needs what it handed out, to give the key again."""

        def fetch(self, _vault, keepsake):
            if keepsake is None:
                raise KeyAbsent
            return Sensitive(keepsake)

        def create(self, _vault):
            key = os.urandom(32)
            return Sensitive(key), key

    first = prepare(service.store, service.vault, Keeper(b""))
    with crashing(service.store, 1, after=True), pytest.raises(Crash):
        rewrap(service.store, service.vault, first, by="test")
    assert service.store.next_vault() == first

    again = prepare(service.store, service.vault, Keeper(b""))
    done = rewrap(service.store, service.vault, again, by="test")

    assert (again, done.turned, service.store.vault()) == (first, True, first)


def test_another_key_than_the_one_that_rings_are_wrapped_with_is_refused(service, place, monkeypatch):
    with crashing(service.store, 1, after=True), pytest.raises(Crash):
        give_key(service, place)
    other = make_kek(monkeypatch, "CREDENZA_TEST_THIRD_KEK")

    with pytest.raises(Clash) as told:
        prepare(service.store, service.vault, open_key(other, service.store))

    assert service.store.next_vault().kek_id in told.value.message
    assert give_key(service, place).turned


def test_a_key_that_was_prepared_and_not_used_gives_way_to_another(service, place, monkeypatch):
    prepare(service.store, service.vault, open_key(place, service.store))
    other = make_kek(monkeypatch, "CREDENZA_TEST_THIRD_KEK")

    done = give_key(service, other)

    assert done.turned
    with beside(service, kek=other) as opened:
        assert reveal(opened, "one")["api_key"] == "sk-1"


def test_a_key_that_was_prepared_is_given_up_by_naming_the_place_of_the_vaults_own(service, place, kek):
    own = service.vault.meta
    prepare(service.store, service.vault, open_key(place, service.store))

    assert give_key(service, kek).kek_id == own.kek_id

    assert (service.store.vault(), service.store.next_vault()) == (own, None)
    with crashing(service.store, 1, after=True), pytest.raises(Crash):
        give_key(service, place)
    with pytest.raises(Clash):
        give_key(service, kek)
    assert give_key(service, place).turned


def break_row(service, purpose="mak", term=1):
    """Change a ring row behind the program's back."""
    tenant = service.tenant()
    row = next(r for r in service.store.rings(tenant.id) if (r.purpose, r.term) == (purpose, term))
    broken = msgspec.structs.replace(row, wrapped=row.wrapped[:-1] + bytes([row.wrapped[-1] ^ 1]))
    service.store.write(tenant, lambda tx: tx.rewrap([(row, broken)])).result(10)
    service.vault.forget()


def test_a_key_that_does_not_open_keeps_the_vault_at_its_old_key_unless_it_is_given_up(service, place):
    old = service.vault.meta
    break_row(service)

    done = give_key(service, place)
    assert (done.turned, done.kek_id, [slug for slug, _ in done.closed]) == (False, old.kek_id, ["default"])
    assert "mak key of term 1" in done.closed[0][1]
    assert service.store.vault() == old
    assert reveal(service, "one")["api_key"] == "sk-1"

    given_up = give_key(service, place, leaving=True)
    assert (given_up.turned, len(given_up.closed)) == (True, 1)
    with beside(service, kek=place) as other:
        assert reveal(other, "one")["api_key"] == "sk-1"


def test_while_the_vaults_own_key_is_away_nothing_is_given_up(service, place, monkeypatch):
    old, to = service.vault.meta, prepare(service.store, service.vault, open_key(place, service.store))
    monkeypatch.delenv("CREDENZA_TEST_KEK")
    service.vault.unlock()

    with pytest.raises(VaultLocked):
        rewrap(service.store, service.vault, to, by="test", leaving=True)

    assert (service.store.vault(), kek_ids(service)) == (old, {old.kek_id})


def test_a_ring_under_a_third_key_is_given_up_only_when_that_is_said(service, place):
    row = service.store.rings(service.tenant("other").id)[0]
    lost = msgspec.structs.replace(row, kek_id="0" * 16)
    service.store.write(service.tenant("other"), lambda tx: tx.rewrap([(row, lost)])).result(10)
    service.vault.forget()

    assert not give_key(service, place).turned
    done = give_key(service, place, leaving=True)

    assert (done.turned, len(done.closed)) == (True, 1)
    with beside(service, kek=place) as other:
        assert reveal(other, "one")["api_key"] == "sk-1"


def test_a_key_that_only_opens_and_is_damaged_stops_nothing_but_what_it_sealed(service):
    break_row(service, "mak", 1)

    assert reveal(service, "one")["api_key"] == "sk-1"
    save(service, "one", "sk-2")
    assert workspace_of(service).verify_audit()[1] != []  # what it signed cannot be verified


def test_no_key_shows_in_what_is_told(service, place):
    kek = base64.b64decode(os.environ["CREDENZA_TEST_NEXT_KEK"])
    done = give_key(service, place)

    told = repr(done) + repr(service.vault) + repr(vars(service.vault))
    assert done.kek_id == envelope.kek_id(kek, service.vault.meta.id)
    assert not any(text in told for text in (kek.hex(), repr(kek)[2:-1], base64.b64encode(kek).decode()))


def test_rows_that_are_left_to_wrap_are_counted_by_workspace(service, place):
    to = prepare(service.store, service.vault, open_key(place, service.store))

    assert [*rewrapping.count_rows(service.store, to.kek_id)] == [("default", 4), ("other", 3)]
    assert [*rewrapping.count_rows(service.store, service.vault.meta.kek_id)] == [
        ("default", 0),
        ("other", 0),
    ]


@pytest.mark.embedded
def test_a_store_half_way_to_another_key_is_backed_up_and_restored_with_both(service, place, tmp_path):
    with crashing(service.store, 2, after=True), pytest.raises(Crash):
        give_key(service, place)
    prompt, file = Prompt(tmp_path, service.settings.kek), tmp_path / "backup"
    prompt.run("backup", file, "--store", service.settings.store)
    prompt.environment["CREDENZA_STORE"] = f"sqlite:///{tmp_path}/restored/credenza.db"

    prompt.run("restore", file, code=failures.UNAVAILABLE)
    prompt.environment["CREDENZA_KEK_NEXT"] = place
    prompt.run("restore", file)
    assert prompt.json("doctor")["ok"]
    prompt.run("vault", "rewrap", "--servers-ready")
    prompt.environment |= {"CREDENZA_KEK": place, "CREDENZA_KEK_NEXT": ""}
    assert prompt.json("resolve", "one")["configuration"]["api_key"] == "sk-1"


@pytest.mark.embedded
def test_a_key_that_wrapped_some_rings_is_set_aside_as_it_was_when_the_other_is_lost(service, place):
    with crashing(service.store, 2, after=True), pytest.raises(Crash):
        give_key(service, place)
    store, [old, new] = service.store, [service.store.vault(), service.store.next_vault()]
    store.give_up(old, msgspec.structs.replace(old, kek_id="another"), (7, "test"), lambda *_: [])

    assert {each.meta.kek_id: each.meta.keepsake for each in store.lost_vaults()} == {
        old.kek_id: old.keepsake,
        new.kek_id: new.keepsake,
    }
    assert store.next_vault() is None
