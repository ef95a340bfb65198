"""Who may: roles as a matrix over every call, limits by name and tag, and a row for whatever is refused."""

import json
import time

import pytest

from credenza import access
from examples import API, dump, item, query, read, resolve, save

ONE = f"{API}/provider/one"
MODEL = f"{ONE}/integration/m"
LIMIT = f"{API}/llm/one/token"
TEAM_A, TEAM_B = {"key": "team", "value": "a"}, {"key": "team", "value": "b"}
CALLS = {
    "save": lambda c, h: save(c, item(description="new"), headers=h),
    "rehearse": lambda c, h: save(c, item(description="new"), headers=h, dryRun="true"),
    "delete": lambda c, h: c.delete(ONE, headers=h),
    "roll back": lambda c, h: c.post(f"{ONE}/rollback", json={"version": 1}, headers=h),
    "list": lambda c, h: c.get(API + "/", headers=h),
    "list providers": lambda c, h: c.get(f"{API}/provider", headers=h),
    "read": lambda c, h: c.get(ONE, headers=h),
    "history": lambda c, h: c.get(f"{ONE}/history", headers=h),
    "version": lambda c, h: c.get(f"{ONE}/history/1", headers=h),
    "compare": lambda c, h: c.get(f"{ONE}/history/1?against=1", headers=h),
    "reveal": lambda c, h: c.get(f"{ONE}/resolved", headers=h),
    "save provider": lambda c, h: c.post(ONE, json={"description": "new"}, headers=h),
    "rehearse provider": lambda c, h: c.post(f"{ONE}?dryRun=true", json={"description": "new"}, headers=h),
    "tags": lambda c, h: c.get(f"{ONE}/tags", headers=h),
    "add tags": lambda c, h: c.put(f"{ONE}/tags", json=[TEAM_B], headers=h),
    "drop tags": lambda c, h: c.request("DELETE", f"{ONE}/tags", json=TEAM_A, headers=h),
    "list apis": lambda c, h: c.get(f"{ONE}/integration", headers=h),
    "list api names": lambda c, h: c.get(f"{ONE}/integration/all", headers=h),
    "read api": lambda c, h: c.get(MODEL, headers=h),
    "save api": lambda c, h: c.post(MODEL, json={"configuration": {"api_key": "k"}}, headers=h),
    "delete api": lambda c, h: c.delete(MODEL, headers=h),
    "api tags": lambda c, h: c.get(f"{MODEL}/tags", headers=h),
    "add api tags": lambda c, h: c.put(f"{MODEL}/tags", json=[TEAM_B], headers=h),
    "drop api tags": lambda c, h: c.request("DELETE", f"{MODEL}/tags", json=[TEAM_A], headers=h),
    "prompts": lambda c, h: c.get(f"{MODEL}/prompt", headers=h),
    "associate": lambda c, h: c.post(f"{MODEL}/prompt/p", json={}, headers=h),
    "metrics": lambda c, h: c.get(f"{ONE}/metrics", headers=h),
    "api metrics": lambda c, h: c.get(f"{MODEL}/metrics", headers=h),
    "count": lambda c, h: c.post(f"{MODEL}/metrics", json=1, headers=h),
    "token limit": lambda c, h: c.get(LIMIT, headers=h),
    "limit tokens": lambda c, h: c.post(LIMIT, json={"maxTokens": 9, "tokenLimitPeriod": "DAY"}, headers=h),
    "token history": lambda c, h: c.get(f"{LIMIT}/history", headers=h),
    "register": lambda c, h: c.post(f"{API}/def/register", json=[], headers=h),
}
WRITES = {"save", "rehearse", "delete", "roll back", "save provider", "rehearse provider", "save api"}
WRITES |= {
    "delete api",
    "add tags",
    "drop tags",
    "add api tags",
    "drop api tags",
    "associate",
    "limit tokens",
}
BROAD = {"save", "rehearse", "list", "list providers", "register"}  # of no integration that is there
NARROW = [call for call in CALLS if call not in BROAD]
REVEALS, COUNTS, ADMINISTERS = {"reveal"}, {"count"}, {"register"}
MAY = {
    "admin": set(CALLS),
    "editor": set(CALLS) - REVEALS - ADMINISTERS,
    "viewer": set(CALLS) - REVEALS - WRITES - COUNTS - ADMINISTERS,
    "runtime": set(CALLS) - WRITES - ADMINISTERS,
    "operator": set(),
}


def audit(database):
    """Return the audit rows as (verb, names)."""
    rows = query(database, "SELECT verb, items FROM audit ORDER BY workspace_id, sequence")
    return [(verb, [name for each in json.loads(items) for name in each["names"]]) for verb, items in rows]


@pytest.mark.parametrize("role", MAY)
@pytest.mark.parametrize("call", CALLS)
def test_a_role_may_do_what_the_table_says_and_every_refusal_leaves_a_row(api, key, database, role, call):
    save(api, item(tags=[TEAM_A], apis=[{"integrationName": "one", "api": "m", "tags": [TEAM_A]}]))
    api.post(LIMIT, json={"maxTokens": 5, "tokenLimitPeriod": "DAY"})
    headers = {"X-Authorization": key(role)}
    before = dump(database)

    answer = CALLS[call](api, headers)

    if call in MAY[role]:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "error" not in answer.json()
        assert audit(database)[-1][0].endswith(".refused")
        after = dump(database)
        assert {table for table in after if after[table] != before[table]} == {"audit", "audit_heads"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"}, {"X-Authorization": ""}])
@pytest.mark.parametrize("call", CALLS)
def test_without_a_credential_every_call_answers_401(client, headers, call):
    answer = CALLS[call](client, headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_a_strangers_body_is_not_even_read(client):
    answer = client.post(API, content=b"{not json", headers={"X-Authorization": "crdz_no_body"})

    assert (answer.status_code, answer.json()["error"]) == (401, "INVALID_TOKEN")


def test_a_key_is_taken_in_either_header_and_exchanged_for_a_token(client, key):
    token = key("viewer")
    _, name, secret = token.split("_", 2)

    short = client.post("/api/token", json={"keyId": name, "keySecret": secret}).json()["token"]

    for header in (
        {"X-Authorization": token},
        {"Authorization": f"Bearer {token}"},
        {"X-Authorization": short},
    ):
        assert client.get(API + "/", headers=header).status_code == 200


@pytest.mark.parametrize("role", MAY)
def test_everyone_may_ask_who_they_are_and_what_they_are_limited_to(client, key, role):
    token = key(role, names=["a-*"], tags=[("team", "a")], workspace="other")
    headers = {"X-Authorization": token}

    told = client.get("/api/token/userInfo", headers=headers).json()
    more = client.get("/api/token/userInfo?claims=true", headers=headers).json()

    name = token.split("_")[1]
    assert told == {
        "id": name,
        "name": name,
        "workspace": "other",
        "roles": [{"name": role.upper()}],
        "groups": [],
        "applicationUser": True,
    }
    assert more == told | {"claims": {"role": role, "names": ["a-*"], "tags": [TEAM_A]}}
    assert client.get("/api/token/userInfo").status_code == 401
    assert client.get("/api/token/userInfo?claims=1", headers=headers).status_code == 400


def test_a_token_dies_with_its_hour_and_with_its_key(client, service, key):
    made = key("viewer")
    stored = service.store.api_key(made.split("_")[1])
    ring = service.vault.ring(stored.tenant.id)
    live, old, long = (
        access.write_token(stored, expiry, ring.sign(access.token_bytes(stored, expiry)))
        for expiry in (service.policy.clock() + 60_000, 1, service.policy.clock() + 4_000_000)
    )

    def ask(token):
        answer = client.get(API + "/", headers={"X-Authorization": token})
        return answer.status_code, answer.json()["error"] if answer.status_code == 401 else None

    assert ask(old) == (401, "EXPIRED_TOKEN")
    assert ask(live) == (200, None)
    assert ask(long) == (401, "INVALID_TOKEN")
    service.accounts.revoke_key(stored.tenant, stored.id, by="test")
    assert ask(live) == ask(made) == (401, "INVALID_TOKEN")


def test_another_workspaces_integrations_are_as_if_they_were_not(api, key):
    save(api, item(description="mine", apis=[{"integrationName": "one", "api": "m"}]))
    other = {"X-Authorization": key("admin", workspace="other")}

    for call in NARROW:
        assert CALLS[call](api, other).status_code in {400, 404}, call
        assert CALLS[call](api, other).json()["code"] in {"not_found", "required"}, call
    assert api.get(API + "/", headers=other).json() == []
    assert save(api, item(type="grok"), headers=other).json()["created"] == 1
    assert read(api)["description"] == "mine"


def test_a_key_limited_to_names_sees_and_changes_only_those(api, key):
    save(api, item("team-a-1"), item("team-b-1"))
    limited = {"X-Authorization": key("admin", names=["team-a-*", "x"])}

    assert [each["name"] for each in api.get(API + "/", headers=limited).json()] == ["team-a-1"]
    assert api.get(f"{API}/provider/team-a-1/resolved", headers=limited).status_code == 200
    assert api.get(f"{API}/provider/team-b-1", headers=limited).status_code == 403
    assert api.get(f"{API}/provider/team-b-none", headers=limited).status_code == 403
    assert api.delete(f"{API}/provider/team-b-1", headers=limited).status_code == 403
    assert save(api, item("team-a-2"), item("x"), headers=limited).status_code == 200


@pytest.mark.parametrize("call", NARROW)
def test_a_key_limited_to_other_names_may_do_nothing_with_an_integration_and_leaves_a_row(
    api, key, database, call
):
    save(api, item(apis=[{"integrationName": "one", "api": "m"}]))
    limited = {"X-Authorization": key("admin", names=["team-a-*"])}
    before = dump(database)

    answer = CALLS[call](api, limited)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert audit(database)[-1][0].endswith(".refused")
    assert audit(database)[-1][1] == ["one"]
    after = dump(database)
    assert {table for table in after if after[table] != before[table]} == {"audit", "audit_heads"}


@pytest.mark.parametrize("call", NARROW)
def test_a_key_limited_to_other_tags_may_do_nothing_with_an_integration(api, key, database, call):
    save(api, item(tags=[TEAM_A], apis=[{"integrationName": "one", "api": "m", "tags": [TEAM_B]}]))
    limited = {"X-Authorization": key("admin", tags=[("team", "b")])}
    before = dump(database)

    assert CALLS[call](api, limited).status_code in {403, 404}
    after = dump(database)
    assert {table for table in after if after[table] != before[table]} <= {"audit", "audit_heads"}


def test_one_integration_that_is_not_allowed_stops_the_batch_and_only_such_are_named(api, key, database):
    save(api, item("team-b-1", description="private"))
    limited = {"X-Authorization": key("editor", names=["team-a-*"])}
    before = dump(database)

    answer = save(api, item("team-a-1"), item("team-b-1"), item("team-b-2"), headers=limited)

    assert answer.status_code == 403
    assert [(each["index"], each["name"]) for each in answer.json()["errors"]] == [
        (1, "team-b-1"),
        (2, "team-b-2"),
    ]
    assert "private" not in answer.text
    assert dump(database)["integrations"] == before["integrations"]
    assert audit(database)[-1] == ("save.refused", ["team-b-1", "team-b-2"])


@pytest.mark.parametrize("rehearsed", ["true", "false"])
def test_per_item_saves_what_is_allowed_and_leaves_a_row_of_the_rest(api, key, database, rehearsed):
    limited = {"X-Authorization": key("editor", names=["team-a-*"])}

    answer = save(api, item("team-a-1"), item("team-b-1"), headers=limited, mode="per-item", dryRun=rehearsed)

    assert [each["result"] for each in answer.json()["results"]] == ["created", "failed"]
    assert audit(database)[-1] == ("save.refused", ["team-b-1"])


def test_a_forbidden_item_tells_nothing_of_what_else_is_wrong_with_it(api, key):
    save(api, item("theirs"))
    limited = {"X-Authorization": key("editor", names=["mine"])}

    for change in (item("theirs", "grok"), item("theirs", configuration={"api_key": {"$secret": {}}})):
        atomic, single = (
            save(api, change, headers=limited, mode=mode).json() for mode in ("atomic", "per-item")
        )
        assert [each["code"] for each in atomic["errors"]] == ["forbidden"]
        assert [each["code"] for each in single["results"][0]["problems"]] == ["forbidden"]


@pytest.fixture
def team(api, key):
    """Save one integration of each team and return the header of a key limited to team a."""
    save(api, item("a", tags=[TEAM_A]), item("b", tags=[TEAM_B]), item("none"))
    return {"X-Authorization": key("admin", tags=[("team", "a")])}


def test_a_key_limited_to_tags_sees_only_what_carries_one(api, team):
    assert [each["name"] for each in api.get(API + "/", headers=team).json()] == ["a"]
    for name in ("b", "none"):
        assert api.get(f"{API}/provider/{name}", headers=team).status_code == 404
        assert api.get(f"{API}/provider/{name}/resolved", headers=team).status_code == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (item("a", description="new"), 200),
        (item("a", tags=[TEAM_A, TEAM_B]), 200),
        (item("a", tags=[TEAM_B]), 403),
        (item("a", tags=[]), 403),
        (item("b", tags=[TEAM_A]), 403),
        (item("none", tags=[TEAM_A]), 403),
        (item("new", tags=[TEAM_A]), 200),
        (item("new"), 403),
    ],
    ids=["before", "both", "away", "off", "take", "adopt", "create", "create without"],
)
def test_the_tag_must_be_there_before_and_after_the_change(api, team, change, status):
    assert save(api, change, headers=team).status_code == status


def test_a_rollback_out_of_the_limit_finds_no_such_version(api, key):
    save(api, item("a", tags=[TEAM_B]))
    save(api, item("a", tags=[TEAM_A]))
    limited = {"X-Authorization": key("admin", tags=[("team", "a")])}

    back = api.post(f"{API}/provider/a/rollback", json={"version": 1}, headers=limited)

    assert back.status_code == 404
    assert api.get(f"{API}/provider/a/history/1", headers=limited).status_code == 404


def test_a_reveal_leaves_its_row_even_where_nothing_could_be_opened(api, database):
    save(api, item())
    resolve(api)
    assert audit(database)[-1] == ("reveal", ["one"])

    query(database, "DELETE FROM secrets")
    rows = len(audit(database))
    assert api.get(f"{ONE}/resolved").status_code == 500
    assert len(audit(database)) == rows + 1


def test_a_save_leaves_one_row_of_what_it_changed_and_an_unchanged_one_leaves_none(api, database):
    save(api, item("one"), item("two"))
    assert audit(database)[-1] == ("save", ["one", "two"])
    rows = len(audit(database))

    save(api, item("one"), item("two", description="new"))
    save(api, item("one"))

    assert audit(database)[rows:] == [("save", ["two"])]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE api_keys SET role = 'admin'",
        "UPDATE api_keys SET names = '[]'",
        "UPDATE api_keys SET hash = (SELECT hash FROM api_keys WHERE role = 'admin') WHERE role = 'viewer'",
        """INSERT INTO api_keys SELECT 'mine', workspace_id, hash, 'admin', '[]', '[]', 1, 'x', NULL, mac
        FROM api_keys WHERE role = 'viewer'""",
    ],
)
def test_a_key_that_was_put_into_the_database_or_changed_there_is_no_key(client, key, database, sql):
    viewer = key("viewer", names=["a-*"])
    key("admin")
    name, secret = viewer.split("_", 2)[1:]
    query(database, sql)
    time.sleep(0.05)

    tried = [f"crdz_{name}_{secret}", f"crdz_mine_{secret}"]
    answers = [client.get(API + "/", headers={"X-Authorization": each}).status_code for each in tried]
    assert answers[1] == 401
    assert answers[0] == (200 if sql.startswith("INSERT") else 401)


def test_a_revoked_key_stays_dead_whoever_takes_the_mark_away(client, service, key, database):
    made = key("viewer")
    stored = service.store.api_key(made.split("_")[1])
    service.accounts.revoke_key(stored.tenant, stored.id, by="test")
    query(database, "UPDATE api_keys SET revoked_at = NULL")
    time.sleep(0.05)

    assert client.get(API + "/", headers={"X-Authorization": made}).status_code == 401
