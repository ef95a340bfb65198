"""Packages over HTTP: drafts, what they may hold, and what becomes of them."""

import sqlite3

import pytest

from credenza.model.entries import PACKAGES
from package_things import (
    GATEWAY,
    PATH,
    SECRET,
    VARIABLES,
    Moving,
    ask,
    change,
    draft,
    install,
    make,
    make_body,
    problems,
    publish,
    with_member,
)

DAY = 86_400_000


def test_a_draft_is_shown_as_it_was_sent_with_what_the_server_knows(api):
    made = draft(api, description="Three models", iconUrl="https://example.com/i.svg", publisher="acme")

    assert made["id"].startswith("int_")
    assert api.get(f"{PATH}/{made['id']}").json() == made
    expected = {
        "workspaceId": "default",
        "slug": "gateway",
        "name": "LLM gateway",
        "description": "Three models",
        "iconUrl": "https://example.com/i.svg",
        "publisher": "acme",
        "trustTier": "verified_publisher",
        "currentVersion": None,
        "variablesSchema": VARIABLES,
        "authConfig": None,
        "visibility": "private",
        "deletedAt": None,
        "retentionTier": "medium",
    }
    assert expected.items() <= made.items()
    assert [each["slug"] for each in made["manifest"]["members"]] == ["chat", "db", "mail"]
    assert made["createdBy"].startswith("key:")
    assert made["createdAt"] == made["updatedAt"]


def test_the_two_lists_at_one_path_differ_by_the_slash_at_its_end(api):
    draft(api)

    assert api.get(PATH).json()["data"][0]["slug"] == "gateway"
    assert api.get(f"{PATH}/").json() == []


def test_an_array_at_the_same_path_is_still_a_bulk_save(api):
    saved = api.post(PATH, json=[{"name": "a", "type": "openai", "configuration": {"api_key": "x"}}])

    assert saved.json()["results"][0]["result"] == "created"
    assert api.post(PATH, json="text").json()["code"] == "array_expected"


def test_a_patch_changes_what_it_names_and_nothing_else(api):
    made = draft(api, description="One")
    changed = change(api, made, name="Other", description=None)

    assert (changed["name"], changed["description"]) == ("Other", None)
    assert changed["manifest"] == made["manifest"]
    assert change(api, changed) == changed


def test_a_slug_is_taken_once_even_by_what_is_deleted(api):
    made = draft(api)
    again = api.post(PATH, json=make_body())
    api.delete(f"{PATH}/{made['id']}")

    assert (again.status_code, again.json()["code"]) == (409, "slug_taken")
    assert api.post(PATH, json=make_body()).json()["code"] == "slug_taken"


def test_a_deleted_package_takes_no_changes_until_it_is_restored(api):
    made = make(api)
    one = f"{PATH}/{made['id']}"

    assert api.delete(one).json() == {"success": True}
    assert api.patch(one, json={"name": "x"}).status_code == 410
    assert api.post(f"{one}/publish", json={"version": "2.0.0"}).status_code == 410
    assert api.delete(one).status_code == 410
    assert install(api, made, code=409)["code"] == "deleted"
    assert ask(api)[0] == []
    assert ask(api, include_deleted="true")[0] == ["gateway"]
    restored = api.post(f"{one}/restore").json()
    assert restored["deletedAt"] is None
    assert ask(api)[0] == ["gateway"]


def test_what_is_installed_goes_on_working_when_its_package_is_deleted(api):
    made = make(api)
    installed = install(api, made)
    api.delete(f"{PATH}/{made['id']}")

    shown = api.get(f"/api/integration-installs/{installed['id']}").json()
    assert shown["integrationVersionId"] == installed["integrationVersionId"]
    assert api.get(f"{PATH}/provider/acme-chat/resolved").status_code == 200
    assert len(api.get(f"/api/integration-installs/{installed['id']}/members").json()["members"]) == 2
    assert api.delete(f"/api/integration-installs/{installed['id']}").status_code == 200


@pytest.mark.parametrize(("tier", "days"), [("short", 7), ("medium", 30), ("long", 365), ("none", 0)])
def test_a_purge_waits_for_the_retention_of_its_tier(service, tier, days):
    moving = Moving(service)
    api = moving.client
    made = draft(api, retentionTier=tier)
    publish(api, made)
    one = f"{PATH}/{made['id']}"
    assert api.delete(f"{one}/purge").json()["code"] == "not_deleted"
    api.delete(one)

    if days:
        moving.ahead(days * DAY - 60_000)
        assert api.delete(f"{one}/purge").json()["code"] == "still_retained"
        moving.ahead(60_000)
    assert api.delete(f"{one}/purge").json() == {"success": True}
    assert api.get(one).status_code == 404
    assert service.store.read(service.tenant(), lambda tx: dict(tx.papers("package_version"))) == {}
    assert draft(api)["slug"] == "gateway"


def test_what_is_still_installed_is_not_purged(api):
    made = make(api, retentionTier="none")
    installed = install(api, made)
    api.delete(f"{PATH}/{made['id']}")

    assert api.delete(f"{PATH}/{made['id']}/purge").json()["code"] == "still_installed"
    api.delete(f"/api/integration-installs/{installed['id']}")
    assert api.delete(f"{PATH}/{made['id']}/purge").status_code == 200


CHAT = "/manifest/members/0/integration"
DB = GATEWAY["members"][1]["integration"]["configuration"]
KEY, TAG = f"{CHAT}/configuration/api_key", f"{CHAT}/tags/0/value"
BROKEN = [
    (
        {"chat": {"configuration": {"api_key": "sk-canary"}}},
        f"{CHAT}/configuration/api_key",
        "literal_secret",
    ),
    (
        {"chat": {"configuration": {"api_key": "x${variables.key}"}}},
        f"{CHAT}/configuration/api_key",
        "literal_secret",
    ),
    (
        {"chat": {"configuration": {"api_key": "${variables.host}"}}},
        f"{CHAT}/configuration/api_key",
        "literal_secret",
    ),
    ({"chat": {"description": "of ${variables.key}"}}, f"{CHAT}/description", "secret_in_clear"),
    ({"chat": {"name": "${variables.key}"}}, f"{CHAT}/name", "secret_in_clear"),
    (
        {"chat": {"tags": [{"key": "a", "value": "${variables.key}"}]}},
        f"{CHAT}/tags/0/value",
        "secret_in_clear",
    ),
    (
        {
            "chat": {
                "configuration": {"api_key": "${variables.key}", "endpoint": "https://${variables.key}.x"}
            }
        },
        f"{CHAT}/configuration/endpoint",
        "secret_in_clear",
    ),
    (
        {"chat": {"apis": [{"api": "a", "configuration": {"anything": "canary"}}]}},
        f"{CHAT}/apis/0/configuration",
        "literal_secret",
    ),
    ({"chat": {"type": "nothing"}}, f"{CHAT}/type", "unknown_type"),
    ({"chat": {"category": "NOTHING"}}, f"{CHAT}/category", "unknown_category"),
    (
        {"chat": {"configuration": {"api_key": "${variables.key}", "apikey": "canary"}}},
        f"{CHAT}/configuration",
        "unknown_key",
    ),
    ({"chat": {"description": "${variables.nothing}"}}, f"{CHAT}/description", "undeclared_variable"),
    ({"chat": {"description": "${variables.no-name}"}}, f"{CHAT}/description", "invalid_reference"),
    (
        {"db": {"configuration": {**DB, "datasourceURL": "jdbc:postgresql://u:canary@h:1/x"}}},
        "/manifest/members/1/integration/configuration/datasourceURL",
        "literal_secret",
    ),
]


@pytest.mark.parametrize(("changes", "pointer", "code"), BROKEN)
def test_what_a_manifest_may_not_say_is_refused_by_member_and_pointer(api, changes, pointer, code):
    manifest = GATEWAY
    for slug, said in changes.items():
        manifest = with_member(manifest, slug, **said)
    answer = api.post(PATH, json=make_body(manifest=manifest))

    assert answer.status_code == 400
    assert (pointer, code) in problems(answer.json())
    assert "canary" not in answer.text
    assert ask(api)[0] == []


def member(slug, *depends, **more):
    said = {"type": "sendgrid", "configuration": {"api_key": "${variables.key}"}}
    return {"slug": slug, "dependsOn": list(depends), "integration": said, **more}


ONE_KEY = {"properties": {"key": SECRET}}
MEMBERS = "/manifest/members"
SHAPES = [
    (
        {"members": [member("a", "b"), member("b", "c"), member("c", "a")]},
        "/manifest/members",
        "dependency_cycle",
    ),
    ({"members": [member("a", "a")]}, MEMBERS, "dependency_cycle"),
    ({"members": [member("a", "z")]}, "/manifest/members/0/dependsOn/0", "unknown_member"),
    ({"members": [member("a"), member("a")]}, "/manifest/members/1/slug", "duplicate_slug"),
    ({"members": [member("No Slug")]}, "/manifest/members/0/slug", "invalid_slug"),
]


@pytest.mark.parametrize(("manifest", "pointer", "code"), SHAPES)
def test_members_have_slugs_of_their_own_and_depend_on_one_another_in_no_circle(api, manifest, pointer, code):
    answer = api.post(PATH, json=make_body(manifest=manifest, variablesSchema=ONE_KEY))

    assert (pointer, code) in problems(answer.json())


PLAIN = {"members": [{"slug": "a", "integration": {"type": "sendgrid", "description": "${variables.v}"}}]}
SCHEMAS = [
    ({"properties": {"v": {**SECRET, "default": "canary"}}}, "/properties/v/default", "secret_in_package"),
    (
        {"properties": {"v": {**SECRET, "examples": ["canary"]}}},
        "/properties/v/examples",
        "secret_in_package",
    ),
    ({"properties": {"v": {**SECRET, "enum": ["canary"]}}}, "/properties/v/enum", "secret_in_package"),
    ({"properties": {"v": {"format": "password"}}}, "/properties/v/type", "invalid_schema"),
    ({"properties": {"v": {"$ref": "https://example.com/x"}}}, "/properties/v/$ref", "unsafe_schema"),
    ({"properties": {"v": {"$ref": "#/properties/v"}}}, "/properties/v/$ref", "unsafe_schema"),
    ({"properties": {"v": {"$dynamicRef": "#x"}}}, "/properties/v/$dynamicRef", "unsafe_schema"),
    (
        {"properties": {"v": {"pattern": "(?=x)"}}},
        "/properties/v/pattern",
        "unsafe_pattern",
    ),
    ({"properties": {"v": {"type": "nothing"}}}, "", "invalid_schema"),
    ({"properties": {"v": 1}}, "/properties/v", "invalid_schema"),
    ({"properties": {"v v": {"type": "string"}}}, "/properties", "invalid_schema"),
    ({"additionalProperties": True}, "/additionalProperties", "invalid_schema"),
    ({"type": "array"}, "", "invalid_schema"),
    ({"properties": {"v": {"type": "string", "default": 1}}}, "/properties/v/default", "wrong_type"),
    (
        {"properties": {"v": {"type": "object", "properties": {"w": SECRET}}}},
        "/properties/v/properties/w/format",
        "invalid_schema",
    ),
    (
        {
            "properties": {"v": {"$ref": "#/$defs/a"}},
            "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        },
        "/$defs",
        "unsafe_schema",
    ),
    ({"properties": {"v": {"type": "string"}, "w": {"type": "string"}}}, "/properties/w", "unused_variable"),
]


@pytest.mark.parametrize(("schema", "pointer", "code"), SCHEMAS)
def test_a_schema_of_variables_is_of_a_safe_kind_and_holds_no_secret(api, schema, pointer, code):
    answer = api.post(PATH, json=make_body(manifest=PLAIN, variablesSchema=schema))

    assert (f"/variablesSchema{pointer}", code) in problems(answer.json())
    assert "canary" not in answer.text


def test_a_schema_may_name_what_it_uses_several_times(api):
    schema = {
        "properties": {"v": {"$ref": "#/$defs/word"}},
        "$defs": {"word": {"type": "string", "maxLength": 9}},
    }

    assert draft(api, manifest=PLAIN, variablesSchema=schema)["variablesSchema"] == schema


def test_a_schema_of_more_than_64_kib_is_refused(api):
    schema = {"description": "x" * 70_000}
    answer = api.post(PATH, json=make_body(manifest=PLAIN, variablesSchema=schema)).json()

    assert problems(answer) == [("/variablesSchema", "too_long")]


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"slug": "No"}, "/slug", "invalid_slug"),
        ({"name": " "}, "/name", "invalid_data"),
        ({"iconUrl": "http://x"}, "/iconUrl", "invalid_data"),
        ({"iconUrl": "https://u:p@x/"}, "/iconUrl", "invalid_data"),
        ({"authConfig": {"provider": "nothing"}}, "/authConfig/provider", "unknown_type"),
        ({"authConfig": {"provider": "openai", "members": ["db"]}}, "/authConfig/members/0", "wrong_type"),
    ],
)
def test_what_a_package_says_of_itself_is_checked(api, fields, pointer, code):
    answer = api.post(PATH, json=make_body(**fields)).json()

    assert (pointer, code) in problems(answer)


def test_a_package_is_made_in_ones_own_workspace_only(api):
    answer = api.post(PATH, json=make_body(workspaceId="elsewhere"))

    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("role", "code"), [("editor", 200), ("viewer", 403), ("runtime", 403), ("operator", 403)]
)
def test_who_may_write_makes_packages(client, key, role, code):
    client.headers["X-Authorization"] = key(role)

    assert client.post(PATH, json=make_body()).status_code == code


def test_higher_trust_is_for_an_operator_to_give(client, key):
    client.headers["X-Authorization"] = key("admin")
    refused = client.post(PATH, json=make_body(trustTier="first_party"))
    assert refused.status_code == 403
    made = draft(client)
    assert client.patch(f"{PATH}/{made['id']}", json={"trustTier": "vendor_official"}).status_code == 403
    publish(client, made)
    client.put(f"{PATH}/{made['id']}/visibility", json={"visibility": "public"})
    client.headers["X-Authorization"] = key("operator")
    given = client.patch(f"{PATH}/{made['id']}", json={"trustTier": "vendor_official"})
    assert given.json()["trustTier"] == "vendor_official"
    assert client.patch(f"{PATH}/{made['id']}", json={"name": "Mine"}).status_code == 400


def test_no_package_holds_a_secret_in_the_store(api, service, database):
    made = make(api)
    install(api, made)
    service.store.close()
    raw = b"".join(path.read_bytes() for path in database.parent.iterdir() if path.is_file())

    assert b"canary" not in raw
    assert PACKAGES.encode() in raw


def test_a_package_changed_behind_the_programs_back_is_not_believed(api, database):
    made = make(api)
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("UPDATE papers SET body = replace(body, 'LLM', 'EVIL') WHERE kind = 'package'")
    connection.close()

    answer = api.get(f"{PATH}/{made['id']}")
    assert answer.status_code >= 400
    assert "EVIL" not in answer.text


def test_what_cannot_be_read_of_a_body_is_told_by_place(api):
    answer = api.post(PATH, json={**make_body(), "slug": 1, "visibility": "public"})

    assert answer.status_code == 400
    assert {"/slug", ""} == {pointer for pointer, _ in problems(answer.json())}
