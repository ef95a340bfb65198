"""What one server changes, the others know at once: keys of data, API keys, types and integrations."""

from contextlib import ExitStack

import pytest
from litestar.testing import TestClient

import made_once
from credenza.model import Role
from credenza.settings import Settings, open_credenza
from examples import API, item, read, save
from own_types import DEF, FORM, register, use
from postgresql_stores import Database
from store_rows import soon
from vault_rings import with_term

pytestmark = pytest.mark.system("postgresql")


@pytest.fixture
def uri(databases):
    with databases.named() as find:
        yield find("store")


@pytest.fixture
def services(uri, kek):
    """Return two services on one database, both of which hear of changes."""
    settings = Settings.read({}, store=uri, kek=kek, access_log=False)
    with ExitStack() as stack:
        opened = []
        for _ in range(2):
            opened.append(open_credenza(settings, serving=True, create=True))
            stack.callback(opened[-1].close)
        soon(lambda: all(each.store._news.hears for each in opened))
        yield opened


@pytest.fixture
def clients(services):
    """Return a client of each with an administrator's key."""
    made = services[0].accounts.create_key(services[0].tenant(), Role.ADMIN, by="test")
    with ExitStack() as stack:
        both = []
        for service in services:
            app = stack.enter_context(made_once.lend_app(service))
            both.append(stack.enter_context(TestClient(app, raise_server_exceptions=False)))
            both[-1].headers["X-Authorization"] = made.token.reveal()
        yield both


def test_a_saved_or_removed_integration_is_seen_by_the_next_request_to_any_server(clients):
    one, other = clients
    for number in range(3):
        saved = save(one, {**item("one", "openai"), "description": str(number)})
        assert saved.json()["results"][0]["version"] == number + 1
        assert read(other, "one")["description"] == str(number)
    assert one.delete(f"{API}/provider/one").status_code in {200, 204}
    assert other.get(f"{API}/provider/one").status_code == 404


def test_a_key_that_one_server_makes_and_revokes_is_good_and_bad_at_the_other(services, clients):
    one = services[0].accounts
    for _ in range(3):
        made = one.create_key(services[0].tenant(), Role.VIEWER, by="test")
        headers = {"X-Authorization": made.token.reveal()}
        token = (
            clients[1]
            .post("/api/token", json={"keyId": made.key.id, "keySecret": made.secret.reveal()})
            .json()["token"]
        )
        for credential in (headers["X-Authorization"], token):
            assert clients[1].get(f"{API}/", headers={"X-Authorization": credential}).status_code == 200

        one.revoke_key(services[0].tenant(), made.key.id, by="test")
        soon(lambda headers=headers: clients[1].get(f"{API}/", headers=headers).status_code == 401)
        assert clients[1].get(f"{API}/", headers={"X-Authorization": token}).status_code == 401


def test_a_type_that_one_server_registers_replaces_and_removes_is_what_the_other_has(clients):
    one, other = clients
    assert other.get(f"{DEF}/acme").status_code == 404
    register(one, FORM)
    soon(lambda: other.get(f"{DEF}/acme").status_code == 200)
    assert use(other).status_code == 200
    assert other.delete(f"{API}/provider/one").status_code in {200, 204}
    assert one.delete(f"{DEF}/acme").status_code in {200, 204}
    soon(lambda: other.get(f"{DEF}/acme").status_code == 404)
    assert use(other).status_code == 400


def test_a_new_term_is_what_all_servers_seal_under_and_a_lost_ring_opens_nothing_more(services, clients, uri):
    save(clients[1], item("one", "openai"))
    one = services[0]
    tenant = one.tenant()
    rows = with_term(one.vault, 2, one.store.rings(tenant.id), workspace=tenant.id)
    database = Database(uri)
    database.query("UPDATE rings SET state = 'decrypt_only'")
    for row in rows[3:]:
        database.query(
            "INSERT INTO rings (workspace_id, purpose, term, state, kek_id, wrapped, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (tenant.row, row.purpose, row.term, row.state, row.kek_id, row.wrapped, row.created_at),
        )
    for service, client in zip(services, clients, strict=True):
        soon(lambda service=service: service.vault.ring(tenant.id).term == 2)
        assert client.get(f"{API}/provider/one/resolved").status_code == 200
    save(clients[0], item("two", "openai"))
    assert clients[1].get(f"{API}/provider/two/resolved").status_code == 200

    database.query("UPDATE rings SET wrapped = NULL, state = 'destroyed'")
    for client in clients:
        soon(lambda client=client: client.get(f"{API}/provider/two/resolved").status_code == 503)
