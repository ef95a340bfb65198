"""Who is let in: credentials, tokens and their end, and what is told to those who are not."""

from __future__ import annotations

import msgspec
import pytest
from litestar.testing import TestClient

from credenza.accounts import Accounts
from credenza.web.app import create_app
from credenza.workspace import Policy, milliseconds
from web_answers import CANARY, ITEM, PROVIDER, check_problem


class Clock:
    """A clock that is set by hand, in milliseconds."""

    def __init__(self):
        self.now = milliseconds()

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def timed(service, clock):
    """Return a client of a service whose accounts live by the clock of the test."""
    accounts = Accounts(service.store, service.vault, Policy(clock=clock))
    with TestClient(create_app(msgspec.structs.replace(service, accounts=accounts))) as client:
        yield client


def take_apart(key):
    _, name, secret = key.split("_", 2)
    return {"keyId": name, "keySecret": secret}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"X-Authorization": ""},
    ],
)
def test_without_a_credential_the_answer_is_401_and_says_how_to_send_one(client, headers):
    refused = client.get("/api/integrations/", headers=headers)

    body = check_problem(refused, 401, "unauthenticated")
    assert "X-Authorization" in body["detail"]
    assert "error" not in body
    assert refused.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "credential",
    [CANARY, "crdz_", "crdz_a_b", "crdt_a_1_b", "crdt_a_x_b", "Bearer crdz_a_b", "crdz_ä_b", "Bearer"],
)
def test_a_credential_that_is_none_is_told_by_the_word_clients_look_for(client, credential):
    refused = client.get("/api/integrations/", headers={"X-Authorization": credential.encode()})

    body = check_problem(refused, 401, "invalid_token")
    assert body["error"] == "INVALID_TOKEN"
    assert CANARY not in refused.text


def test_a_key_in_one_header_is_not_saved_by_a_good_one_in_the_other(client, key):
    headers = {"X-Authorization": "crdz_a_b", "Authorization": f"Bearer {key()}"}

    assert client.get("/api/integrations/", headers=headers).status_code == 401


def test_a_key_is_exchanged_for_a_token_that_no_cache_keeps(client, key):
    made = client.post("/api/token", json=take_apart(key()))

    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    token = made.json()["token"]
    assert token.startswith("crdt_")
    assert client.get("/api/integrations/", headers={"X-Authorization": token}).status_code == 200
    assert client.get("/api/integrations/", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "lives"),
    [
        ({}, 3_600_000),
        ({"expiration": None}, 3_600_000),
        ({"expiration": 5_000}, 5_000),
        ({"expiration": -1}, 3_600_000),
        ({"expiration": 10**15}, 3_600_000),
    ],
)
def test_a_token_lives_as_long_as_was_asked_and_an_hour_at_most(timed, clock, key, asked, lives):
    token = timed.post("/api/token", json=take_apart(key()) | asked).json()["token"]

    clock.now += lives - 1
    assert timed.get("/api/integrations/", headers={"X-Authorization": token}).status_code == 200
    clock.now += 1
    expired = timed.get("/api/integrations/", headers={"X-Authorization": token})

    assert check_problem(expired, 401, "expired_token")["error"] == "EXPIRED_TOKEN"


def test_a_token_whose_end_was_moved_is_not_valid(client, key):
    token = client.post("/api/token", json=take_apart(key())).json()["token"]
    prefix, name, expiry, mac = token.split("_", 3)
    moved = f"{prefix}_{name}_{int(expiry) + 1}_{mac}"

    refused = client.get("/api/integrations/", headers={"X-Authorization": moved})

    assert check_problem(refused, 401)["error"] == "INVALID_TOKEN"


def test_a_revoked_key_is_dead_and_so_is_every_token_of_it(client, service, key):
    made = key()
    token = client.post("/api/token", json=take_apart(made)).json()["token"]

    service.accounts.revoke_key(service.tenant(), take_apart(made)["keyId"], by="test")

    for credential in (made, token):
        refused = client.get("/api/integrations/", headers={"X-Authorization": credential})
        assert check_problem(refused, 401)["error"] == "INVALID_TOKEN"
    check_problem(client.post("/api/token", json=take_apart(made)), 401, "invalid_token")


def test_a_wrong_secret_and_an_unknown_key_are_told_alike(client, key):
    good = take_apart(key())

    wrong = client.post("/api/token", json=good | {"keySecret": CANARY})
    unknown = client.post("/api/token", json={"keyId": "nobody", "keySecret": CANARY})

    bodies = [check_problem(answer, 401, "invalid_token") for answer in (wrong, unknown)]
    assert len({body["detail"] for body in bodies}) == 1
    assert bodies[0]["error"] == "INVALID_TOKEN"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "{",
        '{"keyId": 1, "keySecret": "x"}',
        '{"keyId": "x"}',
        '{"keyId": "x", "keySecret": "x", "y": 1}',
    ],
)
def test_a_token_request_that_cannot_be_read_is_a_400_that_repeats_nothing(client, body):
    refused = client.post("/api/token", content=body, headers={"Content-Type": "application/json"})

    check_problem(refused, 400, "invalid_data")


def test_a_lack_of_permission_is_a_403_without_the_word_that_renews_tokens(client, key):
    headers = {"X-Authorization": key("viewer")}

    body = check_problem(client.post("/api/integrations", json=[ITEM], headers=headers), 403, "forbidden")

    assert "error" not in body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{PROVIDER}/{{}}"),
        ("GET", f"{PROVIDER}/{{}}/resolved"),
        ("GET", f"{PROVIDER}/{{}}/history"),
        ("GET", f"{PROVIDER}/{{}}/history/1"),
        ("DELETE", f"{PROVIDER}/{{}}"),
        ("POST", f"{PROVIDER}/{{}}/rollback"),
    ],
)
def test_what_another_workspace_holds_is_told_like_what_nobody_holds(api, key, method, path):
    api.post("/api/integrations", json=[ITEM])
    other = {"X-Authorization": key("admin", workspace="other")}

    asked = [api.request(method, path.format(name), headers=other, json={"version": 1}) for name in "ab"]

    bodies = [check_problem(answer, 404, "not_found") for answer in asked]
    assert bodies[0]["detail"] == bodies[1]["detail"]
    assert api.get(f"{PROVIDER}/a").status_code == 200
