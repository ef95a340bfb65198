"""Templates through HTTP: made, read, changed, archived; who may; and what is told to those who err."""

from __future__ import annotations

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor

from template_things import add_provider, make_deployment, make_template, post
from web_answers import CANARY, FIELDS

INTEGRATIONS = "/integrations"
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FLAGS = {
    "can_attach_custom_tool_filters": True,
    "can_attach_custom_provider_config": False,
    "can_override_tool_filters": False,
    "enable_callback_tools": False,
    "use_integration_name_in_tool_names": None,
}

VERSIONS = {
    "2025-01-01": "2025-01-01",
    "2025-01-01-dashboard": "2025-01-01",
    "2026-01-01-magnetar": "2026-01-01",
    "mt_2026_01_01_magnetar": "2026-01-01",
    "magnetar": "2026-01-01",
    "1999-01-01": "2025-01-01",
    "": "2025-01-01",
}
WRONG = [
    ({}, "/name"),
    ({"name": " "}, "/name"),
    ({"name": "a" * 257}, "/name"),
    ({"name": None}, "/name"),
    ({"name": "a", "description": 3}, "/description"),
    ({"name": "a", "description": "a" * 10_001}, "/description"),
    ({"name": "a", "metadata": ["a"]}, "/metadata"),
    ({"name": "a", "metadata": {"a": "b" * 65_536}}, "/metadata"),
    ({"name": "a", "metadata": {"a": [[[[[[[["b"]]]]]]]]}}, "/metadata"),
    ({"name": "a", "can_override_tool_filters": None}, "/can_override_tool_filters"),
    ({"name": "a", "can_override_tool_filters": "yes"}, "/can_override_tool_filters"),
    ({"name": "a", "slug": "b"}, ""),
    ({"name": "a", "id": "int_0"}, ""),
    ([{"name": "a"}], ""),
]


def check_problem(answer, status, code=None):
    """Check that an answer is a problem as clients of templates know it, and return its body."""
    body = answer.json()
    assert answer.status_code == body["status"] == status, answer.text
    assert body.keys() - {"errors", "error"} == FIELDS | {"__typename", "ok"}
    assert (body["__typename"], body["ok"]) == ("error", False)
    assert all(isinstance(problem["path"], list) for problem in body.get("errors", ()))
    assert answer.headers["metorial-version"] in {"2025-01-01", "2026-01-01"}
    assert code in {None, body["code"]}
    return body


def places(body):
    return [each.get("pointer", "") for each in body["errors"]]


def test_a_template_is_made_active_with_its_defaults(api):
    made = post(api, INTEGRATIONS, name="  Support ")

    assert made == {
        "object": "integration",
        "id": made["id"],
        "status": "active",
        "slug": made["slug"],
        "name": "Support",
        "description": None,
        "metadata": None,
        "configuration": FLAGS,
        "implementation": None,
        "providers": [],
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
        "archived_at": None,
    }
    assert re.fullmatch("int_[0-9a-z]{9}[0-9A-Za-z]{13}", made["id"])
    assert re.fullmatch("support-[0-9a-z]{7}", made["slug"])
    assert TIME.fullmatch(made["created_at"])
    assert api.get(f"{INTEGRATIONS}/{made['id']}").json() == made


def test_the_slug_is_made_of_the_name_and_stays_when_that_changes(api):
    for name, slug in (("Ünï cödé & more!", "uni-code-more"), ("日本", "integration"), ("-", "integration")):
        made = make_template(api, name)
        renamed = api.patch(f"{INTEGRATIONS}/{made['id']}", json={"name": "Other"}).json()

        assert made["slug"].rpartition("-")[0] == slug
        assert (renamed["name"], renamed["slug"]) == ("Other", made["slug"])


def test_what_is_left_out_of_a_change_stays_and_null_clears(api):
    metadata = {"a": [1, {"b": None}], "big": 2**70}
    made = make_template(api, description=" Reads tickets ", metadata=metadata)
    path = f"{INTEGRATIONS}/{made['id']}"

    assert (made["description"], made["metadata"]) == ("Reads tickets", metadata)
    changed = api.patch(path, json={"metadata": {"c": 1}}).json()
    assert (changed["description"], changed["metadata"]) == ("Reads tickets", {"c": 1})
    cleared = api.patch(path, json={"description": " ", "metadata": None}).json()
    assert (cleared["description"], cleared["metadata"]) == (None, None)


def test_a_change_that_changes_nothing_is_none(api):
    made = make_template(api, description="Reads tickets")

    for body in ({}, {"name": "Support", "description": "Reads tickets"}):
        assert api.patch(f"{INTEGRATIONS}/{made['id']}", json=body).json() == made


def test_who_may_override_tool_filters_may_attach_some(api):
    made = make_template(api, can_override_tool_filters=True, can_attach_custom_tool_filters=False)
    path = f"{INTEGRATIONS}/{made['id']}"

    assert made["configuration"] == {**FLAGS, "can_override_tool_filters": True}
    still = api.patch(path, json={"can_attach_custom_tool_filters": False}).json()
    assert still["configuration"]["can_attach_custom_tool_filters"] is True
    off = {"can_attach_custom_tool_filters": False, "can_override_tool_filters": False}
    assert api.patch(path, json=off).json()["configuration"] == {**FLAGS, **off}


def test_what_is_archived_stays_readable_and_takes_no_changes(api):
    made = make_template(api)
    provider = add_provider(api, made)
    path = f"{INTEGRATIONS}/{made['id']}"

    archived = api.delete(path).json()

    assert (archived["status"], archived["providers"]) == ("archived", [])
    assert archived["archived_at"] == archived["updated_at"]
    assert api.get(path).json() == archived
    assert api.get(f"/integration-providers/{provider['id']}").json()["status"] == "archived"
    for method, place in (
        ("DELETE", path),
        ("PATCH", path),
        ("PATCH", f"/integration-providers/{provider['id']}"),
        ("DELETE", f"/integration-providers/{provider['id']}"),
    ):
        check_problem(api.request(method, place, json={"name": "x"}), 410, "gone")


def test_nothing_can_be_added_to_an_archived_template(api):
    made, deployment = make_template(api), make_deployment(api)
    api.delete(f"{INTEGRATIONS}/{made['id']}")

    body = {
        "integration_id": made["id"],
        "provider_id": "git",
        "provider_deployment_id": deployment["id"],
    }
    refused = check_problem(api.post("/integration-providers", json=body), 400, "use_after_delete")

    assert places(refused) == ["/integration_id"]


def test_a_body_that_makes_no_template_is_refused_with_its_place(api):
    for body, pointer in WRONG:
        refused = check_problem(api.post(INTEGRATIONS, json=body), 400, "invalid_data")

        assert places(refused) == [pointer]
        assert refused["errors"][0]["path"] == [step for step in pointer.split("/") if step]
    assert api.get(INTEGRATIONS).json()["items"] == []


def test_metadata_of_eight_levels_and_names_of_256_characters_are_taken(api):
    deep = {"a": [[[[[[["b"]]]]]]]}

    assert make_template(api, "a" * 256, metadata=deep)["metadata"] == deep


def test_a_body_that_is_not_sound_json_is_refused(api):
    headers = {"Content-Type": "application/json"}

    for text in ('{"name": "a", "name": "b"}', '{"name": NaN}', "{", "\ufeff{}", "[" * 5_000):
        check_problem(api.post(INTEGRATIONS, content=text.encode(), headers=headers), 400)


def test_a_body_must_be_declared_as_json_and_a_missing_one_counts_as_empty(api):
    made = make_template(api)

    check_problem(api.post(INTEGRATIONS, content="name=a", headers={"Content-Type": "text/plain"}), 415)
    assert api.patch(f"{INTEGRATIONS}/{made['id']}").json() == made
    assert places(check_problem(api.post(INTEGRATIONS), 400)) == ["/name"]


def test_nothing_that_was_sent_is_repeated_in_an_error(api):
    bodies = [{CANARY: 1}, {"name": {"a": CANARY}}, {"name": "a", "metadata": CANARY}]
    answers = [api.post(INTEGRATIONS, json=body) for body in bodies]
    answers += [api.get(f"{INTEGRATIONS}?{CANARY}=1"), api.get(f"{INTEGRATIONS}?cursor={CANARY}")]
    answers += [api.get(f"{INTEGRATIONS}?status={CANARY}"), api.get(f"{INTEGRATIONS}/{CANARY}")]

    for answer in answers:
        check_problem(answer, answer.status_code)
        assert answer.status_code in {400, 404}
        assert CANARY not in answer.text


def test_what_is_not_there_is_a_404_whatever_is_asked_of_it(api):
    for path in (f"{INTEGRATIONS}/int_none", "/integration-providers/inp_none"):
        for method in ("GET", "PATCH", "DELETE"):
            check_problem(api.request(method, path, json={}), 404, "not_found")
    check_problem(api.get("/integrations/a/b"), 404, "not_found")
    check_problem(api.put(INTEGRATIONS), 405, "method_not_allowed")


def test_another_workspaces_templates_are_as_if_they_were_not_there(client, api, key):
    template = make_template(api)
    provider, deployment = add_provider(api, template), make_deployment(api)
    theirs = {"X-Authorization": key("admin", workspace="other")}
    mine = client.post(INTEGRATIONS, json={"name": "Mine"}, headers=theirs).json()

    def ask(method, path, body=None):
        return client.request(method, path, json=body, headers=theirs)

    for path in (f"{INTEGRATIONS}/{template['id']}", f"/integration-providers/{provider['id']}"):
        for method in ("GET", "PATCH", "DELETE"):
            check_problem(ask(method, path, {}), 404, "not_found")
    assert [item["id"] for item in ask("GET", INTEGRATIONS).json()["items"]] == [mine["id"]]
    for query in (
        f"after={template['id']}",
        f"id={template['id']}",
        f"provider_id={provider['provider_id']}",
    ):
        assert ask("GET", f"{INTEGRATIONS}?{query}").json()["items"] == []
    body = {"provider_id": "git", "provider_deployment_id": deployment["id"]}
    for integration, pointer in ((template, "/integration_id"), (mine, "/provider_deployment_id")):
        refused = ask("POST", "/integration-providers", {**body, "integration_id": integration["id"]})
        assert places(check_problem(refused, 404, "not_found")) == [pointer]


def test_who_may_only_read_is_refused_before_the_body_is_read(client, key):
    for role in ("viewer", "runtime"):
        headers = {"X-Authorization": key(role), "Content-Type": "application/json"}

        assert client.get(INTEGRATIONS, headers=headers).status_code == 200
        check_problem(client.post(INTEGRATIONS, content="{", headers=headers), 403, "forbidden")


def test_a_credential_for_some_integrations_only_has_no_say_here(client, key):
    for limits in ({"names": ["a*"]}, {"tags": [("team", "a")]}):
        headers = {"X-Authorization": key("admin", **limits), "Content-Type": "application/json"}

        check_problem(client.get(INTEGRATIONS, headers=headers), 403, "forbidden")
        check_problem(client.post(INTEGRATIONS, content="{", headers=headers), 403, "forbidden")


def test_without_a_credential_the_answer_is_401_by_the_name_clients_know(client):
    for headers in ({}, {"Authorization": "Bearer crdz_a_b"}):
        check_problem(client.get(INTEGRATIONS, headers=headers), 401, "unauthorized")


def test_a_bearer_token_is_a_credential(client, key):
    assert client.get(INTEGRATIONS, headers={"Authorization": f"Bearer {key()}"}).status_code == 200


def test_the_version_that_is_asked_for_is_told_and_an_unknown_one_is_the_default(api):
    for asked, told in VERSIONS.items():
        for path in ("/ping", INTEGRATIONS, f"{INTEGRATIONS}/none"):
            assert api.get(path, headers={"Metorial-Version": asked}).headers["metorial-version"] == told
        answer = api.get(INTEGRATIONS, params={"api-version": asked})
        assert (answer.status_code, answer.headers["metorial-version"]) == (200, told)
    assert api.get(INTEGRATIONS).headers["metorial-version"] == "2025-01-01"


def test_both_presentations_say_the_same(api):
    made = make_template(api)
    add_provider(api, made)

    answers = [
        api.get(f"{INTEGRATIONS}/{made['id']}", headers={"metorial-version": version}).json()
        for version in ("2025-01-01", "2026-01-01")
    ]

    assert answers[0] == answers[1]


def test_ping_says_ok_to_anybody(client):
    assert (client.get("/ping").status_code, client.get("/ping").text) == (200, "OK")


def test_a_template_changed_behind_the_programs_back_is_not_shown(api, database):
    path = f"{INTEGRATIONS}/{make_template(api)['id']}"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE papers SET body = replace(body, 'Support', 'Another')")

    check_problem(api.get(path), 500)
    check_problem(api.get(INTEGRATIONS), 500)


def test_of_many_who_change_one_template_at_once_each_is_told_what_became_of_it(api):
    path = f"{INTEGRATIONS}/{make_template(api)['id']}"

    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda number: api.patch(path, json={"name": f"n{number}"}), range(12))]

    done = [answer.json()["name"] for answer in answers if answer.status_code == 200]
    for answer in answers:
        if answer.status_code != 200:
            check_problem(answer, 409, "conflict")
    assert api.get(path).json()["name"] in done
