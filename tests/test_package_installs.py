"""Installing packages: their members become integrations, with the variables filled in, all or none."""

import threading

import pytest

from package_things import (
    GATEWAY,
    GIVEN,
    INSTALLS,
    PATH,
    SECRET,
    VARIABLES,
    draft,
    install,
    make,
    members_of,
    names,
    problems,
    publish,
    resolve,
    with_member,
    without_member,
)


def test_members_become_integrations_with_the_variables_filled_in(api):
    installed = install(api, make(api))

    assert names(api) == ["acme-chat", "acme-db"]
    database = resolve(api, "acme-db")
    assert database["configuration"] == {
        "jdbcDriver": "Postgres",
        "user": "reports",
        "password": GIVEN["password"],
        "datasourceURL": "jdbc:postgresql://db.example:5432/reports",
    }
    assert database["tags"] == [{"key": "team", "value": "search"}]
    assert resolve(api, "acme-chat")["apis"][0]["api"] == "gpt-4o"
    assert installed["id"].startswith("ins_")
    assert {slug: each["name"] for slug, each in members_of(api, installed).items()} == {
        "chat": "acme-chat",
        "db": "acme-db",
    }


def test_an_install_shows_public_variables_and_that_secret_ones_were_given(api):
    installed = install(api, make(api))
    shown = api.get(f"{INSTALLS}/{installed['id']}")

    assert "canary" not in shown.text
    variables = shown.json()["variables"]
    assert (variables["prefix"], variables["host"]) == ("acme", "db.example")
    assert set(variables["key"]) == set(variables["password"]) == {"$secret"}
    assert "mail_key" not in variables


def test_a_dry_run_answers_the_plan_and_makes_nothing(api):
    package = make(api)
    plan = install(api, package, dry_run=True)

    assert [(each["slug"], each["name"], each["result"]) for each in plan["members"]] == [
        ("chat", "acme-chat", "added"),
        ("db", "acme-db", "added"),
    ]
    assert names(api) == []
    assert api.get(INSTALLS).json()["data"] == []


POLICIES = [
    ("auto_all", [], ["acme-chat", "acme-db", "mail"]),
    ("auto_defaults", [], ["acme-chat", "acme-db"]),
    ("auto_defaults", ["mail"], ["acme-chat", "acme-db", "mail"]),
    ("manual", [], []),
    ("manual", ["mail"], ["mail"]),
    ("manual", ["db"], ["acme-chat", "acme-db"]),
]


@pytest.mark.parametrize(("policy", "named", "expected"), POLICIES)
def test_the_policy_says_which_members_and_what_they_depend_on_comes_with_them(api, policy, named, expected):
    given = {**GIVEN, "mail_key": "canary-mail"}
    install(api, make(api), given, memberPolicy=policy, selectedMemberSlugs=named)

    assert names(api) == expected


def test_a_member_that_is_named_and_not_there_is_told(api):
    answer = install(api, make(api), selectedMemberSlugs=["chat", "none"], code=400)

    assert problems(answer) == [("/selectedMemberSlugs/1", "unknown_member")]


VARIABLE_FAULTS = [
    ({"key": "k", "host": "h"}, "/variables", "required"),
    ({**GIVEN, "more": "x"}, "/variables", "unknown_variable"),
    ({**GIVEN, "host": 1}, "/variables/host", "wrong_type"),
    ({**GIVEN, "host": ""}, "/variables/host", "too_short"),
    ({**GIVEN, "prefix": "NO"}, "/variables/prefix", "bad_format"),
    ({**GIVEN, "key": 1}, "/variables/key", "wrong_type"),
    ({**GIVEN, "key": ""}, "/variables/key", "empty_secret"),
    ({**GIVEN, "key": "****"}, "/variables/key", "masked_secret"),
    ({**GIVEN, "key": None}, "/variables/key", "wrong_type"),
]


@pytest.mark.parametrize(("given", "pointer", "code"), VARIABLE_FAULTS)
def test_variables_that_are_missing_too_many_or_wrong_are_told_and_nothing_is_made(api, given, pointer, code):
    answer = install(api, make(api), given, code=400)

    assert (pointer, code) in problems(answer)
    assert "canary" not in str(answer)
    assert names(api) == []


def test_a_name_that_is_taken_is_told_and_nothing_is_made(api):
    package = make(api)
    api.post(PATH, json=[{"name": "ACME-db", "type": "sendgrid", "configuration": {"api_key": "x"}}])
    answer = install(api, package, code=409)

    assert answer["code"] == "name_taken"
    assert [(each["name"], each["pointer"]) for each in answer["errors"]] == [("acme-db", "/members/db/name")]
    assert names(api) == ["ACME-db"]


def test_two_members_of_one_name_are_refused(api):
    package = make(api, manifest=with_member(GATEWAY, "db", name="${variables.prefix}-chat"))

    assert install(api, package, code=409)["code"] == "name_taken"


def test_a_name_that_no_integration_may_have_is_refused_with_everything_else_undone(api):
    schema = {**VARIABLES, "properties": {**VARIABLES["properties"], "prefix": {"type": "string"}}}
    package = make(api, variablesSchema=schema)
    answer = install(api, package, {**GIVEN, "prefix": "/bad"}, code=400)

    assert problems(answer) == [(f"/members/{each}/name", "invalid_name") for each in ("chat", "db")]
    assert "/bad" not in answer["message"]
    assert names(api) == []


def test_the_types_of_members_decide_at_the_end(api):
    schema = {"properties": {"kind": {"type": "string"}}, "required": ["kind"]}
    manifest = {
        "members": [
            {
                "slug": "queue",
                "integration": {
                    "type": "aws",
                    "configuration": {"connectionType": "${variables.kind}", "region": "eu-west-1"},
                },
            }
        ]
    }
    package = make(api, manifest=manifest, variablesSchema=schema)
    answer = install(api, package, {"kind": "canary-nothing"}, code=400)

    told = [(each["name"], each["pointer"]) for each in answer["errors"]]
    assert ("queue", "/configuration/connectionType") in told
    assert "canary" not in str(answer)


def test_credentials_do_not_come_in_by_a_variable_that_is_no_secret(api):
    answer = install(api, make(api), {**GIVEN, "host": "u:canary@db.example"}, code=400)

    assert {each["code"] for each in answer["errors"]} == {"wrong_secrecy"}
    assert "canary" not in str(answer)


def test_a_whole_url_with_credentials_is_sealed_and_one_without_is_no_secret(api):
    url = "jdbc:postgresql://db.example:5432/reports?user=u&password=canary"
    manifest = with_member(
        without_member(without_member(GATEWAY, "chat"), "mail"),
        "db",
        configuration={
            "jdbcDriver": "Postgres",
            "user": "reports",
            "password": "${variables.password}",
            "datasourceURL": "${variables.url}",
        },
        name="db",
    )
    schema = {"properties": {"password": SECRET, "url": SECRET}, "required": ["password", "url"]}
    package = make(api, manifest=manifest, variablesSchema=schema)
    plain = install(api, package, {"password": "p4", "url": "jdbc:postgresql://db.example:1/x"}, code=400)
    assert problems(plain) == [("/variables/url", "wrong_secrecy")]

    install(api, package, {"password": "p4", "url": url})
    shown = api.get(f"{PATH}/provider/db").json()["configuration"]["datasourceURL"]
    assert "canary" not in str(shown)
    assert resolve(api, "db")["configuration"]["datasourceURL"] == url


def test_values_that_are_whole_keep_their_type_and_inside_a_text_they_are_written(api):
    manifest = {
        "members": [
            {
                "slug": "mail",
                "integration": {
                    "type": "sendgrid",
                    "description": "number ${variables.count}, $${variables.count}",
                    "enabled": False,
                    "configuration": {"api_key": "${variables.key}"},
                },
            }
        ]
    }
    schema = {"properties": {"count": {"type": "integer"}, "key": SECRET}}
    install(api, make(api, manifest=manifest, variablesSchema=schema), {"count": 7, "key": "k1"})

    shown = api.get(f"{PATH}/provider/mail").json()
    assert (shown["description"], shown["enabled"]) == ("number 7, ${variables.count}", False)


def test_an_optional_variable_that_nobody_gives_leaves_its_key_out(api):
    manifest = with_member(
        without_member(without_member(GATEWAY, "db"), "mail"),
        "chat",
        configuration={"api_key": "${variables.key}", "endpoint": "${variables.where}"},
        name="chat",
    )
    schema = {"properties": {"key": SECRET, "where": {"type": "string"}}, "required": ["key"]}
    install(api, make(api, manifest=manifest, variablesSchema=schema), {"key": "k1"})

    assert resolve(api, "chat")["configuration"] == {"api_key": "k1"}


def test_a_version_may_be_named_by_its_id_or_number(api):
    package = make(api)
    publish(api, package, "1.1.0")

    assert install(api, package, integrationVersionId="1.0.0")["version"] == "1.0.0"
    missing = install(api, package, integrationVersionId="9.9.9", code=404)
    assert missing["code"] == "not_found"


def test_a_draft_is_not_installed(api):
    assert install(api, draft(api), code=404)["code"] == "not_found"


def test_an_install_goes_into_ones_own_workspace_only(api):
    assert install(api, make(api), workspace="elsewhere", code=404)["code"] == "not_found"


def test_an_install_below_another_keeps_that_from_being_removed(api):
    package = make(api)
    above = install(api, package)
    below = install(api, package, {**GIVEN, "prefix": "below"}, parentInstallId=above["id"])

    assert below["parentInstallId"] == above["id"]
    refused = api.delete(f"{INSTALLS}/{above['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "has_installs_below")
    assert api.delete(f"{INSTALLS}/{below['id']}").status_code == 200
    assert api.delete(f"{INSTALLS}/{above['id']}").status_code == 200
    assert install(api, package, parentInstallId="ins_none", code=404)["code"] == "not_found"


def test_removing_an_install_removes_its_integrations_but_not_those_that_are_detached(api):
    installed = install(api, make(api))
    member = members_of(api, installed)["db"]
    assert api.post(f"/api/integration-members/{member['id']}/detach", json={"detached": True}).json() == {
        "success": True
    }
    assert api.delete(f"{INSTALLS}/{installed['id']}").status_code == 200

    assert names(api) == ["acme-db"]
    gone = api.get(f"{INSTALLS}/{installed['id']}").json()
    assert gone["deletedAt"] is not None
    assert api.delete(f"{INSTALLS}/{installed['id']}").status_code == 410


def test_removing_an_install_can_leave_its_members(api):
    installed = install(api, make(api))
    api.delete(f"{INSTALLS}/{installed['id']}", params={"keep": "members"})

    assert names(api) == ["acme-chat", "acme-db"]


def test_members_say_how_they_stand(api):
    installed = install(api, make(api))
    before = api.get(f"{PATH}/provider/acme-db").json()
    changed = {**before["configuration"], "user": "other"}
    api.post(PATH, json=[{"name": "acme-db", "type": "relational_db", "configuration": changed}])
    api.delete(f"{PATH}/provider/acme-chat")

    states = members_of(api, installed)
    assert (states["db"]["configState"], states["db"]["modified"]) == ("complete", ["/configuration/user"])
    assert states["chat"]["configState"] == "missing"


def test_of_many_who_install_one_name_one_wins(api):
    package = make(api)
    codes = []

    def run():
        body = {"workspaceId": "default", "variables": GIVEN}
        codes.append(api.post(f"{PATH}/{package['id']}/install", json=body).status_code)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == [200] + [409] * 5
    assert names(api) == ["acme-chat", "acme-db"]
    assert len(api.get(INSTALLS).json()["data"]) == 1


def test_audit_rows_name_installs_and_members_and_hold_no_value(api, workspace):
    install(api, make(api))
    count, faults, _ = workspace.verify_audit()

    assert count > 0
    assert faults == []
