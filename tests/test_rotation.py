"""New terms: every secret of every version is sealed anew, and nobody who reads or saves is told."""

import sqlite3
import threading

import msgspec
import psycopg
import pytest

from credenza.errors import CredenzaError, KeyReused
from credenza.model import ApiPut, Put, Role
from credenza.rotation import Limits, look, reencryption
from credenza.sensitive import Sensitive
from credenza.workspace import Once
from examples import query
from managed_records import auth, clear, config, trio
from rotation_things import (
    Crash,
    beside,
    crashing,
    put,
    reveal,
    rows_of,
    save,
    states_of,
    terms_of,
    turn,
    workspace_of,
)

DAY = 86_400_000


@pytest.fixture
def fill(service):
    """Save what has secrets in every place that they can have."""

    def fill(workspace="default", number=3):
        for version in range(2):
            for each in range(number):
                save(service, f"n{each}", f"sk-{each}-{version}", workspace)
        apis = (ApiPut("gpt", configuration=Sensitive({"api_key": "of-api"})),)
        whole = Put(name="whole", type="openai", configuration=Sensitive({"api_key": "of-whole"}), apis=apis)
        workspace_of(service, workspace).apply([whole])

    return fill


class TestOneWorkspace:
    @pytest.fixture(autouse=True)
    def _filled(self, fill):
        fill()

    def test_every_secret_of_every_version_is_under_the_new_term_and_the_old_one_is_gone(self, service):
        before = {(row.row, row.secret.path, row.secret.version): row.secret for row in rows_of(service)}

        done = turn(service)

        assert (done.term, done.begun, done.resealed, done.closed) == (2, True, len(before), ())
        assert (done.destroyed, done.left, terms_of(service)) == ((1,), (), {2})
        assert states_of(service) == states_of(service, "fpk") == {1: "destroyed", 2: "active"}
        assert states_of(service, "mak") == {1: "decrypt_only", 2: "active"}
        for row in rows_of(service):
            old = before[row.row, row.secret.path, row.secret.version]
            assert (row.secret.blob != old.blob, row.secret.fingerprint != old.fingerprint) == (True, True)
            same = msgspec.structs.replace(row.secret, blob=old.blob, fingerprint=old.fingerprint)
            assert same == old

    def test_what_was_saved_reads_as_before_and_comes_back_by_a_rollback(self, service):
        workspace, views = workspace_of(service), workspace_of(service).list()
        turn(service)

        assert workspace.list() == views
        assert reveal(service, "n1")["api_key"] == "sk-1-1"
        assert workspace.reveal("whole").apis["gpt"].reveal() == {"api_key": "of-api"}
        workspace.rollback("n1", 1)
        assert reveal(service, "n1")["api_key"] == "sk-1-0"

    def test_the_same_again_is_unchanged_and_is_known_by_its_text_from_then_on(self, service):
        turn(service)
        workspace = workspace_of(service)
        records = []
        for _ in range(2):
            receipt = workspace.apply([put("n1", api_key="sk-1-1")])
            assert [(item.result, item.version) for item in receipt.items] == [("unchanged", 2)]
            records.append(service.store.read(service.tenant(), lambda tx: tx.find(["n1"])["n1"]))

        assert records[0] == records[1]

    def test_what_the_old_keys_signed_is_good_and_what_they_knew_is_known(self, service, client):
        made = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test")
        token = service.accounts.issue_token(made.key.id, made.secret.reveal())
        once = Once("key", Sensitive(b"a request"))
        first = workspace_of(service).apply([put("once", api_key="o")], once=once)

        turn(service)
        turn(service)

        for credential in (made.token.reveal(), token):
            headers = {"X-Authorization": credential}
            assert client.get("/api/integrations/provider/n1", headers=headers).status_code == 200
        assert workspace_of(service).apply([put("once", api_key="o")], once=once) == first
        with pytest.raises(KeyReused):
            workspace_of(service).apply([], once=Once("key", Sensitive(b"another")))
        assert workspace_of(service).verify_audit()[1] == []

    def test_the_audit_tells_what_became_of_which_term(self, service):
        turn(service, by="cli:robin")

        rows = service.store.read(service.tenant(), lambda tx: list(tx.trail()))
        told = [(row.actor, msgspec.json.decode(row.items)) for row in rows if row.verb == "vault.rotate"]
        assert [actor for actor, _ in told] == ["cli:robin"] * 2
        words = [(word in str(told[0]), word in str(told[1])) for word in ("activated", "destroyed")]
        assert words == [(True, False), (False, True)]
        assert ("term 2" in str(told[0]), "term 1" in str(told[1])) == (True, True)

    def test_other_workspaces_keep_their_keys(self, service, fill):
        service.accounts.create_workspace("other", by="test")
        fill("other", 1)

        turn(service)

        assert (terms_of(service), terms_of(service, "other")) == ({2}, {1})
        assert reveal(service, "n0", "other")["api_key"] == "sk-0-1"

    @pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
    @pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
    def test_cut_off_at_any_transaction_it_goes_on_when_it_is_run_again(
        self, service, monkeypatch, at, after
    ):
        monkeypatch.setattr(reencryption, "PAGE", 4)  # prepare, activate, two pages, end
        with crashing(service.store, at, after=after), pytest.raises(Crash):
            turn(service)

        with beside(service) as other:
            assert reveal(other, "n1")["api_key"] == "sk-1-1"
            done = turn(other)

            # Cut off behind its last transaction, it was done, and the next call is another rotation.
            term = 3 if (at, after) == (5, True) else 2
            assert (done.term, done.left, terms_of(other)) == (term, (), {term})
            workspace_of(other).rollback("n1", 1)
            assert reveal(other, "n1")["api_key"] == "sk-1-0"
            assert workspace_of(other).verify_audit()[1] == []

    def test_a_save_made_meanwhile_wins(self, service, monkeypatch):
        real, late = reencryption.seal_again, iter(["by a user"])

        def seal_again(ring, page):
            pairs = real(ring, page)
            for text in late:
                save(service, "n0", text)
                workspace_of(service).delete("n2").result(10)
            return pairs

        monkeypatch.setattr(reencryption, "seal_again", seal_again)
        done = turn(service)

        assert reveal(service, "n0")["api_key"] == "by a user"
        assert (done.left, terms_of(service)) == ((), {2})
        workspace_of(service).rollback("n0", 2)
        assert reveal(service, "n0")["api_key"] == "sk-0-1"

    def test_a_secret_that_does_not_open_stops_only_itself_and_keeps_its_term(self, service):
        row = next(row for row in rows_of(service) if row.name == "n1" and row.current)
        broken = msgspec.structs.replace(row.secret, blob=row.secret.blob[:-1] + b"?")
        service.store.write(service.tenant(), lambda tx: tx.reseal([(row, broken)])).result(10)

        done = turn(service)

        assert [(each.row.name, each.row.secret.path) for each in done.closed] == [("n1", "/api_key")]
        assert (done.resealed, done.destroyed, done.left) == (len(rows_of(service)) - 1, (), (1,))
        assert terms_of(service) == {1, 2}
        save(service, "n1", "entered anew")
        assert reveal(service, "n1")["api_key"] == "entered anew"
        workspace_of(service).delete("n1").result(10)
        ended = turn(service)
        assert (ended.term, ended.begun, ended.destroyed, ended.left) == (2, False, (1,), ())

    def test_two_at_once_end_in_one_ring_that_opens_everything(self, service):
        with beside(service) as other:
            failures = []

            def run(each):
                try:
                    turn(each)
                except CredenzaError as error:
                    failures.append(error)

            threads = [threading.Thread(target=run, args=(each,)) for each in (service, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            turn(service)

        assert failures == []
        states = states_of(service)
        assert list(states.values()).count("active") == 1
        assert terms_of(service) == {max(states)}
        assert reveal(service, "n1")["api_key"] == "sk-1-1"

    def test_a_server_that_has_the_old_ring_in_memory_seals_under_the_new_term(self, service):
        service.vault.ring(service.tenant().id)
        with beside(service) as other:
            turn(other)

            save(service, "late", "sk-late")

            assert terms_of(service) == {2}
            assert reveal(service, "late")["api_key"] == reveal(other, "late")["api_key"] == "sk-late"

    def test_a_server_reads_what_another_sealed_under_a_term_that_it_does_not_know(self, service):
        workspace = workspace_of(service)
        assert workspace.reveal("n1").configuration.reveal()["api_key"] == "sk-1-1"
        with beside(service) as other:
            turn(other)

            assert workspace.reveal("n1").configuration.reveal()["api_key"] == "sk-1-1"

    def test_servers_that_save_all_the_while_lose_nothing(self, service, monkeypatch):
        monkeypatch.setattr(reencryption, "PAGE", 4)
        stop, saved, failures = threading.Event(), {}, []

        def work(name):
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    save(service, name, f"{name}-{number}")
                except CredenzaError as error:
                    failures.append(error.code)
                else:
                    saved[name] = f"{name}-{number}"

        threads = [threading.Thread(target=work, args=(f"n{each}",)) for each in range(2)]
        for thread in threads:
            thread.start()
        try:
            with beside(service) as other:
                for _ in range(2):
                    done = turn(other)
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)
        assert (failures, done.term, terms_of(service)) == ([], 3, {3})
        assert {name: reveal(service, name)["api_key"] for name in saved} == saved


class TestMarks:
    """What is bound to a fingerprint stays bound to it: nothing need be entered again."""

    @pytest.fixture
    def lenient(self, open_service):
        return open_service("lenient", validation="lenient")

    def test_secrets_beside_undeclared_keys_open_and_are_kept(self, lenient):
        workspace = workspace_of(lenient)
        api = ApiPut("gpt", configuration=Sensitive({"api_key": "of-api", "proxy": "http://p.example"}))
        whole = {"api_key": "sk", "base_url": "https://hidden.example"}

        def item():
            return Put(name="one", type="openai", configuration=Sensitive(dict(whole)), apis=(api,))

        workspace.apply([item()])
        workspace.apply([put("one", api_key="sk-2", base_url="https://hidden.example")])
        turn(lenient)

        assert reveal(lenient, "one") == {**whole, "api_key": "sk-2"}
        assert workspace.reveal("one").apis["gpt"].reveal()["api_key"] == "of-api"
        same = workspace.apply([put("one", api_key="sk-2", base_url="https://hidden.example")])
        assert [item.result for item in same.items] == ["unchanged"]
        kept = workspace.apply([put("one", base_url="https://hidden.example")])
        assert [item.result for item in kept.items] == ["unchanged"]
        with pytest.raises(CredenzaError) as told:
            workspace.apply([put("one", base_url="https://other.example")])
        assert {each.code for each in told.value.problems} == {"secret_reentry_required"}
        workspace.rollback("one", 1)
        assert reveal(lenient, "one") == whole

    def test_credentials_go_on_with_the_sealed_address_that_they_were_entered_for(self, service):
        workspace = workspace_of(service)
        address = "jdbc:postgresql://db.example.com:5432/vectors?user=robot&password=one"
        first = config(workspace, "pgvectordb", datasourceURL=address)
        workspace.apply([first, *trio(workspace, "pgvectordb")[1:]])
        before = clear(workspace)

        turn(service)

        assert clear(workspace) == before
        assert {item.result for item in workspace.apply([first]).items} == {"unchanged"}
        workspace.apply([auth(workspace, "pgvectordb")])
        assert clear(workspace) == before
        assert terms_of(service) == {2}

    def test_their_fingerprints_stay_and_all_others_are_made_anew(self, lenient):
        workspace_of(lenient).apply([put("one", api_key="sk", base_url="https://hidden.example")])
        before = {row.secret.path: row.secret.fingerprint for row in rows_of(lenient)}
        turn(lenient)

        after = {row.secret.path: row.secret.fingerprint for row in rows_of(lenient)}
        assert (before["/$unknown"] == after["/$unknown"], before["/api_key"] == after["/api_key"]) == (
            True,
            False,
        )
        assert terms_of(lenient) == {2}


@pytest.mark.parametrize("state", ["decrypt_only", "destroyed"])
def test_the_store_itself_refuses_a_seal_under_a_retired_term_whoever_asks(service, fill, database, state):
    fill()
    turn(service)
    seal = "UPDATE rings SET seals = seals + 1 WHERE state = '{}'"

    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        query(database, seal.format(state))

    query(database, seal.format("active"))
    query(database, f"UPDATE rings SET created_at = 0 WHERE state = '{state}'")


class TestLimits:
    def test_a_fresh_ring_gives_no_warning(self, service, fill):
        fill()

        standing = look(service.store, service.tenant())

        assert (standing.term, standing.seals, standing.current) == (1, 8, 8)
        assert [*standing.warnings(standing.created_at)] == []

    @pytest.mark.parametrize(
        ("days", "seals", "words"),
        [(364, 2**30 - 1, []), (365, 0, ["365 days"]), (0, 2**30, ["1,073,741,824 times"])],
    )
    def test_age_and_seals_from_the_limits_on_give_a_warning_each(self, service, days, seals, words):
        standing = look(service.store, service.tenant())._replace(seals=seals)
        told = [*standing.warnings(standing.created_at + days * DAY)]

        assert len(told) == len(words)
        assert all(word in sentence for word, sentence in zip(words, told, strict=True))
        assert len([*standing.warnings(standing.created_at + DAY, Limits(seals=1, days=1))]) >= 1

    def test_a_rotation_that_was_cut_off_gives_a_warning(self, service, fill):
        fill()
        with crashing(service.store, 2, after=True), pytest.raises(Crash):
            turn(service)

        told = [*look(service.store, service.tenant()).warnings(0)]

        assert len(told) == 1
        assert "8 secrets are sealed under an earlier term" in told[0]
