"""What calls about packages take and refuse before anything comes of them."""

from __future__ import annotations

import json

import pytest

from package_things import DRAFT, install, make_package, make_package_things, publish
from web_answers import check_problem


@pytest.mark.parametrize(
    ("change", "pointer", "message"),
    [
        (
            {"trustTier": "best"},
            "/trustTier",
            "This must be one of: first_party, vendor_official, verified_partner, verified_publisher.",
        ),
        ({"retentionTier": {}}, "/retentionTier", "This must be one of: long, medium, none, short."),
        (
            {
                "manifest": {
                    "members": [{"slug": "a", "integration": {"type": "git", "apis": [{"apo": "x"}]}}]
                }
            },
            "/manifest/members/0/integration/apis/0",
            "Field 1 of this object is not known. Is it meant to be `api`?",
        ),
        (
            {"manifest": {"members": [{"slugs": "a", "integration": {"type": "git"}}]}},
            "/manifest/members/0",
            "Field 1 of this object is not known. Is it meant to be `slug`?",
        ),
        (
            {"authConfig": {"provider": "git", "member": []}},
            "/authConfig",
            "Field 2 of this object is not known. Is it meant to be `members`?",
        ),
    ],
)
def test_what_is_wrong_with_a_draft_is_told_by_its_place_however_deep(api, change, pointer, message):
    body = check_problem(api.post("/api/integrations", json={**DRAFT, **change}), 400)

    assert (pointer, message) in [(each["pointer"], each["message"]) for each in body["errors"]]


def test_of_ten_thousand_bad_entries_in_lists_within_lists_a_hundred_are_told(api):
    apis = [{"api": 1, "tags": [{}] * 200}] * 200
    members = [{"slug": "a", "integration": {"type": "git", "apis": apis}}] * 10
    body = check_problem(api.post("/api/integrations", json={**DRAFT, "manifest": {"members": members}}), 400)

    assert len(body["errors"]) == 100


def test_a_dry_run_of_a_draft_answers_it_and_keeps_nothing(api):
    tried = api.post("/api/integrations?dryRun=true", json=DRAFT)

    assert (tried.status_code, tried.json()["slug"]) == (200, DRAFT["slug"])
    assert api.get("/api/integrations").json()["data"] == []
    assert api.post("/api/integrations", json=DRAFT).status_code == 200


def test_an_operator_reads_what_asks_to_be_public_and_nothing_that_is_a_workspaces_own(api, key):
    ids, operator = make_package_things(api), {"X-Authorization": key("operator")}
    private, unlisted = make_package(api), make_package(api)
    publish(api, private)
    publish(api, unlisted)
    path = f"/api/integrations/{unlisted['id']}/visibility"
    assert api.put(path, json={"visibility": "unlisted"}).status_code == 200
    package, install = (
        f"/api/integrations/{ids['integration_id']}",
        f"/api/integration-installs/{ids['install_id']}",
    )

    for path in (package, f"{package}/versions", f"{package}/versions/1.0.0", f"{package}/members"):
        assert api.get(path, headers=operator).status_code == 200
    check_problem(api.get(f"/api/integrations/{private['id']}", headers=operator), 404)
    listed = api.get("/api/integrations", headers=operator).json()["data"]
    assert [each["id"] for each in listed] == [ids["integration_id"]]
    assert (listed[0]["review"], listed[0]["createdBy"]) == ("pending", None)
    for path in (
        "/api/integration-installs",
        install,
        f"{install}/members",
        f"{package}/grants",
        f"{package}/grants/partner",
    ):
        check_problem(api.get(path, headers=operator), 403)


def test_an_operator_changes_the_trust_of_a_package_and_nothing_else(api, key):
    ids, operator = make_package_things(api), {"X-Authorization": key("operator")}
    path = f"/api/integrations/{ids['integration_id']}"

    check_problem(api.patch(path, json={"trustTier": "first_party"}), 403)
    check_problem(api.patch(path, json={"name": "Mine"}, headers=operator), 400)
    trusted = api.patch(path, json={"trustTier": "first_party"}, headers=operator)

    assert (trusted.status_code, trusted.json()["trustTier"]) == (200, "first_party")


def test_an_operator_sees_what_was_published_and_no_draft_of_any_workspace(api, key):
    ids = make_package_things(api)
    path = f"/api/integrations/{ids['integration_id']}"
    draft = {"manifest": {"members": []}, "variablesSchema": None}
    assert api.patch(path, json=draft).json()["manifest"] == {}

    for headers in (
        {"X-Authorization": key("operator")},
        {"X-Authorization": key("operator", workspace="b")},
    ):
        read = api.get(path, headers=headers).json()
        reviewed = api.post(f"{path}/review", json={"decision": "approve"}, headers=headers).json()

        assert [len(each["manifest"]["members"]) for each in (read, reviewed)] == [2, 2]
        assert reviewed["review"] == "approved"


def test_a_private_package_of_another_workspace_is_nobodys_business_not_even_an_operators(api, key):
    package = make_package(api)
    publish(api, package)
    path = f"/api/integrations/{package['id']}"

    for role in ("admin", "operator"):
        headers = {"X-Authorization": key(role, workspace="elsewhere")}

        check_problem(api.get(path, headers=headers), 404)
        check_problem(api.get(f"{path}/versions/1.0.0", headers=headers), 404)
        assert api.get("/api/integrations", headers=headers).json()["data"] == []


def test_an_upgrade_without_a_body_goes_to_the_current_version(api):
    ids = make_package_things(api)

    answer = api.post(f"/api/integration-installs/{ids['install_id']}/upgrade")

    assert (answer.status_code, answer.json()["toVersion"]) == (200, "1.1.0")


def test_a_filter_is_refused_with_the_place_of_what_is_wrong(api):
    for said, pointer in (
        ({"AND": [{"nonsense": {"eq": "x"}}]}, "/filter/AND/0"),
        ({"name": {"like": "x"}}, "/filter/name"),
        ({"createdAt": {"lt": "soon"}}, "/filter/createdAt/lt"),
    ):
        body = check_problem(api.get("/api/integrations", params={"filter": json.dumps(said)}), 400)

        assert [each["pointer"] for each in body["errors"]] == [pointer]


def test_an_upgrade_that_leads_elsewhere_asks_for_the_secret_again(api):
    configuration = {"api_key": "${variables.key}", "endpoint": "https://a.example/v1"}
    member = {"name": "${variables.prefix}", "type": "openai", "configuration": configuration}
    manifest = {"members": [{"slug": "chat", "integration": member}]}
    package = make_package(api, manifest=manifest)
    publish(api, package)
    at = f"/api/integration-installs/{install(api, package)['id']}/upgrade"
    configuration["endpoint"] = "https://elsewhere.example/v1"
    changed = api.patch(f"/api/integrations/{package['id']}", json={"manifest": manifest})
    assert changed.status_code == 200
    publish(api, package, "2.0.0")

    check_problem(api.post(at), 400, "secret_reentry_required")
    assert api.post(at, json={"variables": {"key": "sk-again"}}).status_code == 200
