"""Upgrades: old version, new version and what was changed here since; and the way back."""

import copy
import threading

import pytest

from package_things import (
    GATEWAY,
    GIVEN,
    INSTALLS,
    PATH,
    SECRET,
    VARIABLES,
    change,
    install,
    make,
    members_of,
    names,
    problems,
    publish,
    release,
    resolve,
    save,
    upgrade,
    view,
    with_member,
    without_member,
)

DB = GATEWAY["members"][1]["integration"]["configuration"]


@pytest.fixture
def package(api):
    return make(api)


@pytest.fixture
def installed(api, package):
    return install(api, package)


def set_user(api, user):
    """Change a key of the database here."""
    configuration = {**view(api, "acme-db")["configuration"], "user": user}
    save(api, "acme-db", "relational_db", configuration=configuration)


def outcome(answer, slug):
    return next(each for each in answer["members"] if each["slug"] == slug)


def test_what_the_package_changed_and_nobody_here_did_is_taken(api, package, installed):
    release(api, package, manifest=with_member(GATEWAY, "chat", description="Chat, better"))
    answer = upgrade(api, installed)

    assert (answer["updated"], answer["added"], answer["removed"]) == (["chat"], [], [])
    assert view(api, "acme-chat")["description"] == "Chat, better"
    assert resolve(api, "acme-chat")["configuration"]["api_key"] == GIVEN["key"]
    assert api.get(f"{INSTALLS}/{installed['id']}").json()["version"] == "1.1.0"


def test_what_was_changed_here_and_not_by_the_package_stays(api, package, installed):
    save(
        api,
        "acme-db",
        "relational_db",
        configuration={**view(api, "acme-db")["configuration"], "user": "ours"},
    )
    release(api, package, manifest=with_member(GATEWAY, "chat", description="Chat, better"))
    upgrade(api, installed)

    assert view(api, "acme-db")["configuration"]["user"] == "ours"


@pytest.mark.parametrize(("winner", "expected"), [("local", "ours"), ("package", "theirs")])
def test_where_both_changed_a_key_it_is_told_who_wins_and_why(api, package, installed, winner, expected):
    save(
        api,
        "acme-db",
        "relational_db",
        configuration={**view(api, "acme-db")["configuration"], "user": "ours"},
    )
    release(api, package, manifest=with_member(GATEWAY, "db", configuration={**DB, "user": "theirs"}))
    plan = upgrade(api, installed, conflicts=winner, dry_run=True)
    [conflict] = outcome(plan, "db")["conflicts"]

    assert (conflict["pointer"], conflict["winner"]) == ("/configuration/user", winner)
    assert conflict["reason"]
    assert "ours" not in str(plan)
    assert "theirs" not in str(plan)
    assert view(api, "acme-db")["configuration"]["user"] == "ours"
    upgrade(api, installed, conflicts=winner)
    assert view(api, "acme-db")["configuration"]["user"] == expected


def test_where_both_changed_a_key_alike_there_is_no_conflict(api, package, installed):
    save(
        api,
        "acme-db",
        "relational_db",
        configuration={**view(api, "acme-db")["configuration"], "user": "same"},
    )
    release(api, package, manifest=with_member(GATEWAY, "db", configuration={**DB, "user": "same"}))

    assert outcome(upgrade(api, installed), "db")["conflicts"] == []


def test_a_dry_run_tells_what_would_change_and_changes_nothing(api, package, installed):
    manifest = with_member(without_member(GATEWAY, "db"), "chat", description="New")
    schema = copy.deepcopy(VARIABLES)
    del schema["properties"]["password"], schema["properties"]["host"]
    schema["required"] = ["key"]
    release(api, package, manifest=manifest, variablesSchema=schema)
    plan = upgrade(api, installed, dry_run=True)

    assert (plan["updated"], plan["removed"], plan["dryRun"]) == (["chat"], ["db"], True)
    assert outcome(plan, "chat")["changes"] == [{"pointer": "/description", "change": "changed"}]
    assert names(api) == ["acme-chat", "acme-db"]
    assert api.get(f"{INSTALLS}/{installed['id']}").json()["version"] == "1.0.0"


def test_what_is_current_already_is_a_success_that_changes_nothing(api, installed):
    for dry_run in (True, False):
        answer = upgrade(api, installed, dry_run=dry_run)
        assert [answer[word] for word in ("updated", "added", "removed", "skipped")] == [[]] * 4


def test_a_secret_that_was_entered_here_survives(api, package, installed):
    save(api, "acme-chat", "openai", configuration={"api_key": "canary-of-ours"})
    manifest = with_member(GATEWAY, "chat", description="Chat, better")
    release(api, package, manifest=manifest)
    upgrade(api, installed)

    assert resolve(api, "acme-chat")["configuration"]["api_key"] == "canary-of-ours"


OLLAMA = {"endpoint": "https://ollama.example", "api_key": "${variables.key}"}


def make_ollama(configuration):
    return {"members": [{"slug": "llm", "integration": {"type": "ollama", "configuration": configuration}}]}


@pytest.mark.parametrize("ours", [False, True])
def test_a_secret_that_the_package_no_longer_has_is_cleared_unless_it_is_ours(api, ours):
    package = make(api, manifest=make_ollama(OLLAMA), variablesSchema={"properties": {"key": SECRET}})
    installed = install(api, package, {"key": "canary-1"})
    if ours:
        save(api, "llm", "ollama", configuration={**OLLAMA, "api_key": "canary-of-ours"})
    plain = make_ollama({"endpoint": OLLAMA["endpoint"]})
    release(api, package, manifest=plain, variablesSchema=None)
    answer = upgrade(api, installed)

    assert len(outcome(answer, "llm")["conflicts"]) == ours
    assert resolve(api, "llm")["configuration"].get("api_key") == ("canary-of-ours" if ours else None)


def test_a_new_place_for_a_secret_asks_for_it_again(api, package, installed):
    elsewhere = {"api_key": "${variables.key}", "endpoint": "https://elsewhere.example"}
    release(api, package, manifest=with_member(GATEWAY, "chat", configuration=elsewhere))
    refused = upgrade(api, installed, code=400)

    assert {each["code"] for each in refused["errors"]} == {"secret_reentry_required"}
    assert resolve(api, "acme-chat")["configuration"] == {"api_key": GIVEN["key"]}
    upgrade(api, installed, variables={"key": "canary-again"})
    assert resolve(api, "acme-chat")["configuration"] == {
        "api_key": "canary-again",
        "endpoint": "https://elsewhere.example",
    }


def test_an_api_that_leads_elsewhere_asks_for_the_secret_again_whoever_upgrades(api, package, installed):
    apis = [{"api": "gpt-4o", "configuration": {"endpoint": "https://elsewhere.example"}}]
    manifest = with_member(GATEWAY, "chat", apis=apis)
    release(api, package, manifest=manifest)
    refused = upgrade(api, installed, code=400)

    assert {each["code"] for each in refused["errors"]} == {"secret_reentry_required"}
    upgrade(api, installed, variables={"key": "canary-again"})
    assert resolve(api, "acme-chat")["apis"][0]["configuration"] == {"endpoint": "https://elsewhere.example"}


def test_a_new_member_asks_for_the_secrets_that_it_takes(api, package, installed):
    manifest = copy.deepcopy(GATEWAY)
    said = {"type": "sendgrid", "configuration": {"api_key": "${variables.key}"}}
    manifest["members"].append({"slug": "news", "integration": said})
    release(api, package, manifest=manifest)
    refused = upgrade(api, installed, code=400)

    assert problems(refused) == [("/variables/key", "variable_required")]
    answer = upgrade(api, installed, variables={"key": "canary-new"})
    assert answer["added"] == ["news"]
    assert resolve(api, "news")["configuration"]["api_key"] == "canary-new"


def test_a_variable_that_changes_changes_what_it_stands_in(api, installed):
    answer = upgrade(api, installed, variables={"host": "other.example", "password": "canary-5c"})

    assert answer["updated"] == ["db"]
    assert "other.example" in resolve(api, "acme-db")["configuration"]["datasourceURL"]
    assert resolve(api, "acme-db")["configuration"]["password"] == "canary-5c"


def test_detached_members_are_passed_over_until_they_are_attached_again(api, package, installed):
    member = members_of(api, installed)["chat"]
    path = f"/api/integration-members/{member['id']}/detach"
    api.post(path, json={"detached": True})
    release(api, package, manifest=with_member(GATEWAY, "chat", description="One"))
    assert upgrade(api, installed)["skipped"] == ["chat"]
    assert view(api, "acme-chat")["description"] == "Chat"

    api.post(path, json={"detached": False})
    release(api, package, "1.2.0", manifest=with_member(GATEWAY, "chat", description="Two"))
    answer = upgrade(api, installed)
    assert answer["skipped"] == []
    assert [each["pointer"] for each in outcome(answer, "chat")["conflicts"]] == ["/description"]


def test_a_member_that_is_gone_here_is_passed_over(api, package, installed):
    api.delete(f"{PATH}/provider/acme-chat")
    release(api, package, manifest=with_member(GATEWAY, "chat", description="One"))
    answer = upgrade(api, installed)

    assert answer["skipped"] == ["chat"]
    assert names(api) == ["acme-db"]


def test_a_member_that_the_package_drops_goes_unless_it_was_changed_here(api, package, installed):
    save(
        api,
        "acme-db",
        "relational_db",
        configuration={**view(api, "acme-db")["configuration"], "user": "ours"},
    )
    schema = {"properties": {"mail_key": SECRET}}
    manifest = without_member(without_member(GATEWAY, "chat"), "db")
    release(api, package, manifest=manifest, variablesSchema=schema)
    answer = upgrade(api, installed)

    assert (answer["removed"], answer["skipped"]) == (["chat"], ["db"])
    assert names(api) == ["acme-db"]
    assert members_of(api, installed)["db"]["detached"]


def test_apis_are_merged_one_by_one(api, package, installed):
    api.post(f"{PATH}/provider/acme-chat/integration/ours", json={"description": "Of ours"})
    apis = [{"api": "gpt-4o", "description": "Larger"}, {"api": "gpt-5"}]
    release(api, package, manifest=with_member(GATEWAY, "chat", apis=apis))
    upgrade(api, installed)
    found = {each["api"]: each["description"] for each in resolve(api, "acme-chat")["apis"]}
    assert found == {"gpt-4o": "Larger", "gpt-5": None, "ours": "Of ours"}

    release(api, package, "1.2.0", manifest=with_member(GATEWAY, "chat", apis=[{"api": "gpt-5"}]))
    upgrade(api, installed)
    assert {each["api"] for each in resolve(api, "acme-chat")["apis"]} == {"gpt-5", "ours"}


def test_an_older_version_is_refused(api, package):
    publish(api, package, "2.0.0")
    installed = install(api, package)
    answer = upgrade(api, installed, integrationVersionId="1.0.0", code=409)

    assert answer["code"] == "version_not_newer"


def test_of_two_who_upgrade_at_once_one_is_told(api, package, installed):
    release(api, package, manifest=with_member(GATEWAY, "chat", description="One"))
    codes = []
    together = threading.Barrier(4)

    def run():
        together.wait()
        codes.append(api.post(f"{INSTALLS}/{installed['id']}/upgrade", json={}).status_code)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(codes) <= {200, 409}
    assert 200 in codes
    assert view(api, "acme-chat")["version"] == 2


def test_types_of_members_never_change(api, package):
    manifest = with_member(GATEWAY, "mail", type="openai")
    change(api, package, manifest=manifest)
    answer = api.post(f"{PATH}/{package['id']}/publish", json={"version": "2.0.0"}).json()

    assert problems(answer) == [("/manifest/members/2/integration/type", "type_immutable")]
