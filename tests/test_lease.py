"""A key that its provider can take back is asked for again: refused it locks, unanswered it lasts a while."""

import asyncio
import logging
import os

import pytest
from litestar.testing import TestClient
from prometheus_client import CollectorRegistry

from cli_prompt import OPENAI, Prompt
from credenza.cli.failures import REFUSED, UNAVAILABLE
from credenza.errors import KeyAbsent, KeyBroken, KeyDenied, KeyUnreachable, VaultLocked
from credenza.model import Role
from credenza.sensitive import Sensitive
from credenza.settings import Credenza
from credenza.vault import Vault, describe_key
from credenza.vault.lease import Lease, is_revocable
from credenza.web.app import create_app
from credenza.web.leasing import Leasing
from key_services import TransitService
from vault_rings import KEK, WORKSPACE, Provider, Shelf, begin

MINUTE = 60.0
ITEM = {"name": "one", "type": "openai", "configuration": {"api_key": "sk-1"}}


class Clock:
    """A clock that goes when it is told to."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def vault():
    return begin(Shelf())


@pytest.fixture
def lease(vault, clock):
    return Lease(vault, seconds=10 * MINUTE, grace=60 * MINUTE, clock=clock)


class TestLease:
    def test_a_key_that_is_given_again_is_good_for_another_while(self, lease, vault, clock):
        before = vault.ring(WORKSPACE)
        clock.now += lease.wait

        assert lease.renew() == "confirmed"
        assert (lease.age, lease.wait, lease.trouble) == (0, 10 * MINUTE, None)
        assert vault.ring(WORKSPACE) is before

    @pytest.mark.parametrize("refusal", [KeyDenied, KeyAbsent])
    def test_a_refusal_locks_the_vault_at_once(self, lease, vault, refusal):
        vault.ring(WORKSPACE)
        vault._provider.key = refusal("The grant is gone.")

        assert lease.renew() == "locked"
        assert "The grant is gone." in vault.locked
        with pytest.raises(VaultLocked):
            vault.ring(WORKSPACE)

    @pytest.mark.parametrize("failure", [KeyUnreachable, KeyBroken, RuntimeError])
    def test_without_an_answer_the_key_is_used_until_the_grace_is_over(self, lease, vault, clock, failure):
        vault._provider.key = failure("Nobody answers.")
        told = f"The key could not be asked for: {failure.__name__}."
        told = told if failure is RuntimeError else "Nobody answers."
        clock.now += 59 * MINUTE
        assert (lease.renew(), vault.locked, lease.trouble) == ("unanswered", None, told)
        assert vault.ring(WORKSPACE)
        assert lease.wait == MINUTE

        clock.now += lease.wait
        assert lease.renew() == "locked"
        assert f"not confirmed for 60 minutes. {told}" in vault.locked

    def test_an_answer_within_the_grace_begins_it_anew(self, lease, vault, clock):
        vault._provider.key = KeyUnreachable()
        clock.now += 59 * MINUTE
        lease.renew()
        vault._provider.key = KEK
        assert lease.renew() == "confirmed"

        vault._provider.key = KeyUnreachable()
        clock.now += 59 * MINUTE
        assert (lease.renew(), vault.locked) == ("unanswered", None)

    def test_a_locked_vault_is_asked_for_every_few_seconds_and_opens_again(self, lease, vault):
        vault._provider.key = KeyDenied()
        lease.renew()
        assert lease.wait == 10
        assert lease.renew() == "locked"

        vault._provider.key = KEK
        assert (lease.renew(), vault.locked) == ("confirmed", None)
        assert vault.ring(WORKSPACE)

    def test_a_grace_is_never_shorter_than_the_time_between_two_questions(self, vault, clock):
        lease = Lease(vault, seconds=MINUTE, grace=1, clock=clock)
        assert lease.left == MINUTE

    def test_a_key_that_nobody_can_take_back_is_not_asked_for(self, service):
        assert not is_revocable(Provider())
        assert service.lease() is None


class TestLeasing:
    @staticmethod
    def run_until(leasing, done):
        async def run():
            task = asyncio.create_task(leasing.run())
            while not done():  # noqa: ASYNC110 - it is what another thread has counted
                await asyncio.sleep(0)
            task.cancel()

        asyncio.run(asyncio.wait_for(run(), 30))

    def test_every_answer_is_counted_and_only_a_change_is_logged(self, vault, caplog):
        registry = CollectorRegistry()
        leasing = Leasing(Lease(vault, seconds=0, grace=MINUTE), registry)

        def count(outcome):
            return registry.get_sample_value("credenza_key_checks_total", {"outcome": outcome})

        vault._provider.key = KeyUnreachable("Nobody answers.")
        with caplog.at_level(logging.WARNING, "credenza.keys"):
            self.run_until(leasing, lambda: count("unanswered") > 2)
            vault._provider.key = KEK
            self.run_until(leasing, lambda: count("confirmed") > 2)

        assert [record.getMessage() for record in caplog.records] == [
            "The vault's key is not confirmed, and used for 1 minutes more at most. Nobody answers.",
            "The provider of the vault's key gives it again.",
        ]
        assert registry.get_sample_value("credenza_key_grace_seconds") <= MINUTE
        assert registry.get_sample_value("credenza_key_confirmed_timestamp_seconds") > 0


class TestService:
    @pytest.fixture
    def transit(self, monkeypatch):
        with TransitService().serving() as transit:
            monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{transit.port}")
            monkeypatch.setenv("VAULT_TOKEN", transit.TOKEN)
            yield transit

    def test_a_revoked_grant_takes_effect_in_a_running_server_and_a_new_one_too(
        self, transit, open_service, monkeypatch
    ):
        service = open_service(kek="vault:///transit/credenza")
        token = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test").token.reveal()
        short = lambda opened: Lease(opened.vault, seconds=0.01, grace=MINUTE)  # noqa: E731
        monkeypatch.setattr(Credenza, "lease", short)
        monkeypatch.setattr("credenza.vault.lease._LOCKED_SECONDS", 0.01)

        def wait_until(client, status):
            while client.get("/readyz").status_code != status:
                pass

        with TestClient(create_app(service), raise_server_exceptions=False) as client:
            client.headers["X-Authorization"] = token
            assert client.post("/api/integrations", json=[ITEM]).status_code == 200
            asked = transit.calls

            transit.fault = "failing"
            while transit.calls < asked + 3:
                assert client.get("/api/integrations/provider/one/resolved").status_code == 200

            transit.fault = "denied"
            wait_until(client, 503)
            refused = client.get("/api/integrations/provider/one/resolved")
            assert (refused.status_code, refused.json()["code"]) == (503, "vault_key_unavailable")
            assert client.get("/api/integrations/provider/one").status_code == 200

            transit.fault = None
            wait_until(client, 200)
            assert client.get("/api/integrations/provider/one/resolved").status_code == 200

    def test_a_store_is_made_looked_over_and_served_with_such_a_key(self, transit, tmp_path):
        prompt = Prompt(tmp_path, "vault:///transit/credenza")
        assert prompt.json("init")["key"] == "The vault's key is wrapped by the transit key transit/credenza."
        assert "nobody deletes it" in prompt.run("init").stdout
        prompt.run("apply", "-", input=[OPENAI])
        assert prompt.json("doctor")["ok"]

        transit.fault = "denied"
        told = [check["finding"] for check in prompt.json("doctor", code=REFUSED)["checks"]]
        assert any(
            finding.startswith("Locked. The transit key transit/credenza may not be") for finding in told
        )
        transit.fault = "failing"
        assert prompt.refusal("init", code=UNAVAILABLE)["code"] == "vault_key_unavailable"

    def test_a_server_starts_without_an_answer_and_shows_what_is_public(self, transit, open_service):
        open_service(kek="vault:///transit/credenza").close()
        transit.fault = "failing"
        service = open_service(kek="vault:///transit/credenza")
        with TestClient(create_app(service)) as client:
            assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 503)
        assert "cannot be asked now" in service.vault.locked

    def test_no_request_waits_for_the_provider(self, transit, open_service):
        service = open_service(kek="vault:///transit/credenza")
        lease = service.lease()
        asked = transit.calls
        with TestClient(create_app(service)) as client:
            for _ in range(3):
                client.post("/api/integrations", json=[ITEM])

        assert lease.wait == 10 * MINUTE
        assert transit.calls == asked


class Granting:
    """A place that grants its key, until it is told otherwise."""

    revocable = True

    def __init__(self, label):
        self.label, self.key, self.error = label, os.urandom(32), None

    def fetch(self, vault, keepsake):
        del vault, keepsake
        if self.error is not None:
            raise self.error
        return Sensitive(self.key)

    def create(self, vault):
        return self.fetch(vault, None), None


@pytest.fixture
def turned():
    """Return a vault that ran while it was given another key, its lease, and the places of both keys."""
    old, new, rows = Granting("old"), Granting("new"), {}
    command, meta = Vault.create(old, rows.get, now=1)
    rows[WORKSPACE] = command.new_rings(WORKSPACE, 1)
    metas = [meta, describe_key(meta.id, new.key, created_at=1, keepsake=None)]
    server = Vault.open(old, meta, rows.get, others=[new], describe=lambda: metas)
    command.adopt(metas[1], Sensitive(new.key))
    rows[WORKSPACE] = [command.rewrap(row, metas[1]) for row in rows[WORKSPACE]]
    server.forget()
    server.ring(WORKSPACE)
    del metas[0]
    return server, Lease(server, seconds=60, grace=600), old, new


def test_after_a_rewrap_it_is_the_new_key_whose_grant_counts(turned):
    server, lease, old, new = turned
    old.error = KeyDenied("The old place says no.")
    assert lease.renew() == "confirmed"

    old.error, new.error = None, KeyDenied("The new place says no.")
    assert lease.renew() == "locked"
    assert "new place" in server.locked
    with pytest.raises(VaultLocked):
        server.ring(WORKSPACE)


def test_where_one_of_two_places_is_silent_nothing_is_refused_yet(turned):
    _, lease, old, new = turned
    old.error, new.error = KeyAbsent("Nothing here."), KeyUnreachable("No answer.")

    assert lease.renew() == "unanswered"


def test_a_place_that_has_the_next_key_is_asked_again_too(open_service):
    assert open_service("local").lease() is None
    assert open_service("both", kek_next="vault://127.0.0.1:1/transit/credenza").lease() is not None
