"""Who sees a package: its own workspace, grantees, who knows the id, or everybody once it is reviewed."""

import pytest
from litestar.testing import TestClient

from credenza.web.app import create_app
from package_things import (
    GIVEN,
    INSTALLS,
    PATH,
    ask,
    change,
    draft,
    install,
    make,
    names,
    problems,
    publish,
    upgrade,
)


@pytest.fixture
def other(service, key):
    """Return a client of another workspace."""
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        client.headers["X-Authorization"] = key("admin", workspace="other")
        yield client


@pytest.fixture
def operator(service, key):
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        client.headers["X-Authorization"] = key("operator", workspace="house")
        yield client


def show(api, package, visibility):
    answer = api.put(f"{PATH}/{package['id']}/visibility", json={"visibility": visibility})
    assert answer.status_code == 200, answer.text
    return answer.json()


def grant(api, package, workspace="other"):
    assert api.put(f"{PATH}/{package['id']}/grants/{workspace}").json() == {"success": True}


def review(operator, package, decision="approve", **more):
    version = operator.get(f"{PATH}/{package['id']}").json()["currentVersionId"]
    body = {"decision": decision, "integrationVersionId": version, **more}
    answer = operator.post(f"{PATH}/{package['id']}/review", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_private_package_is_not_there_for_others(api, other):
    package = make(api)

    for call in (
        other.get,
        lambda path: other.patch(path, json={"name": "x"}),
        other.delete,
        lambda path: other.get(f"{path}/members"),
        lambda path: other.get(f"{path}/versions"),
        lambda path: other.post(f"{path}/publish", json={"version": "2.0.0"}),
        lambda path: other.post(f"{path}/restore"),
        lambda path: other.delete(f"{path}/purge"),
        lambda path: other.put(f"{path}/visibility", json={"visibility": "public"}),
        lambda path: other.put(f"{path}/grants/other"),
        lambda path: other.get(f"{path}/grants"),
        lambda path: other.post(f"{path}/install", json={"workspaceId": "other", "variables": GIVEN}),
    ):
        missing, foreign = call(f"{PATH}/int_none"), call(f"{PATH}/{package['id']}")
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json()["message"] == missing.json()["message"]
    assert ask(other, ids=package["id"])[0] == []


def test_a_grant_lets_one_workspace_see_and_install_a_package_until_it_is_taken_back(api, other):
    package = make(api)
    grant(api, package)
    assert api.get(f"{PATH}/{package['id']}/grants").json() == {"data": ["other"]}
    assert ask(other)[0] == ["gateway"]
    installed = install(other, package, workspace="other")

    api.delete(f"{PATH}/{package['id']}/grants/other")
    assert other.get(f"{PATH}/{package['id']}").status_code == 404
    assert upgrade(other, installed, code=404)["code"] == "not_found"
    assert len(other.get(f"{INSTALLS}/{installed['id']}/members").json()["members"]) == 2
    assert names(other) == ["acme-chat", "acme-db"]
    assert api.get(f"{PATH}/{package['id']}/grants/other").status_code == 404


def test_nobody_learns_from_a_grant_whether_there_is_such_a_workspace(api):
    package = make(api)

    assert api.put(f"{PATH}/{package['id']}/grants/no-such").json() == {"success": True}
    assert api.put(f"{PATH}/{package['id']}/grants/No%20Such").status_code == 400


def test_others_see_what_was_published_and_nothing_of_the_draft_or_its_authors(api, other):
    package = make(api, description="One")
    grant(api, package)
    manifest = {"members": []}
    change(api, package, manifest=manifest, variablesSchema=None)
    seen = other.get(f"{PATH}/{package['id']}").json()

    assert [each["slug"] for each in seen["manifest"]["members"]] == ["chat", "db", "mail"]
    assert seen["workspaceId"] == "default"
    assert [seen[key] for key in ("createdBy", "retentionTier", "deletedAt", "review")] == [None] * 4
    assert other.get(f"{PATH}/{package['id']}/versions").json()["data"][0]["publishedBy"] is None
    assert api.get(f"{PATH}/{package['id']}").json()["manifest"] == manifest


def test_what_others_may_not_see_of_a_package_no_filter_finds_out(api, other):
    package = make(api)
    grant(api, package)
    mine = api.get(f"{PATH}/{package['id']}").json()

    for field in ("createdBy", "retentionTier"):
        assert ask(api, filter={field: {"eq": mine[field]}})[0] == ["gateway"]
        assert ask(other, filter={field: {"eq": mine[field]}})[0] == []
        assert ask(other, filter={field: {"isNull": True}})[0] == ["gateway"]
    install(api, package)
    assert ask(api, filter={"installs": {}})[0] == ["gateway"]
    assert ask(other, filter={"installs": {}})[0] == []


def test_an_unlisted_package_is_there_for_who_knows_its_id_and_in_no_list(api, other):
    package = make(api)
    show(api, package, "unlisted")

    assert ask(other)[0] == ask(other, ids=package["id"])[0] == []
    assert other.get(f"{PATH}/{package['id']}").status_code == 200
    install(other, package, workspace="other")


def test_a_public_package_is_listed_once_an_operator_has_approved_it(api, other, operator):
    package = make(api)
    assert show(api, package, "public")["review"] == "pending"
    assert ask(other)[0] == []
    assert other.get(f"{PATH}/{package['id']}").status_code == 404
    assert ask(operator)[0] == ["gateway"]

    assert review(operator, package)["review"] == "approved"
    assert ask(other)[0] == ["gateway"]
    install(other, package, workspace="other")


def test_a_review_is_of_a_version_and_the_public_sees_the_newest_that_is_approved(api, other, operator):
    package = make(api)
    show(api, package, "public")
    review(operator, package)
    publish(api, package, "2.0.0")

    assert api.get(f"{PATH}/{package['id']}").json()["review"] == "pending"
    assert other.get(f"{PATH}/{package['id']}").json()["currentVersion"] == "1.0.0"
    assert [each["version"] for each in other.get(f"{PATH}/{package['id']}/versions").json()["data"]] == [
        "1.0.0"
    ]
    assert install(other, package, workspace="other", integrationVersionId="2.0.0", code=404)
    installed = install(other, package, workspace="other")
    assert ask(other, filter={"currentVersion": {"eq": "1.0.0"}})[0] == ["gateway"]
    assert ask(other, filter={"versions": {"version": {"eq": "2.0.0"}}})[0] == []

    review(operator, package)
    assert upgrade(other, installed)["toVersion"] == "2.0.0"


def test_a_rejected_version_is_not_for_the_public_and_what_is_installed_goes_on(api, other, operator):
    package = make(api)
    show(api, package, "public")
    review(operator, package)
    install(other, package, workspace="other")
    assert review(operator, package, "reject")["review"] == "rejected"

    assert ask(other)[0] == []
    assert other.get(f"{PATH}/{package['id']}").status_code == 404
    assert names(other) == ["acme-chat", "acme-db"]


def test_only_operators_review_and_only_what_asks_to_be_public(api, other, operator):
    package = make(api)

    body = {"decision": "approve", "integrationVersionId": "1.0.0"}
    assert api.post(f"{PATH}/{package['id']}/review", json=body).status_code == 403
    assert operator.post(f"{PATH}/{package['id']}/review", json=body).status_code == 404
    show(api, package, "public")
    assert review(operator, package, trustTier="verified_partner")["trustTier"] == "verified_partner"
    assert other.get(f"{PATH}/{package['id']}").json()["trustTier"] == "verified_partner"


def test_a_review_names_the_version_that_was_looked_at(api, operator):
    package = make(api)
    show(api, package, "public")
    seen = operator.get(f"{PATH}/{package['id']}").json()["currentVersionId"]
    publish(api, package, "2.0.0")
    review(operator, package, integrationVersionId=seen)

    assert operator.post(f"{PATH}/{package['id']}/review", json={"decision": "approve"}).status_code == 400
    assert api.get(f"{PATH}/{package['id']}").json()["review"] == "pending"


@pytest.mark.parametrize("field", ["name", "description", "publisher"])
def test_under_another_face_a_public_package_is_reviewed_again(api, other, operator, field):
    package = make(api)
    show(api, package, "public")
    review(operator, package, trustTier="vendor_official")
    changed = change(api, package, **{field: "OpenAI official"})

    assert (changed["review"], changed["trustTier"]) == ("pending", "verified_publisher")
    assert ask(other)[0] == []
    assert other.get(f"{PATH}/{package['id']}").status_code == 404


def test_an_operator_sees_what_was_published_and_nothing_of_the_draft(api, operator):
    package = make(api)
    show(api, package, "public")
    change(api, package, manifest={"members": []}, variablesSchema=None)

    for shown in (review(operator, package), operator.get(f"{PATH}/{package['id']}").json()):
        assert len(shown["manifest"]["members"]) == 3
        assert shown["createdBy"] is None
    trusted = operator.patch(f"{PATH}/{package['id']}", json={"trustTier": "first_party"}).json()
    assert (len(trusted["manifest"]["members"]), trusted["trustTier"]) == (3, "first_party")


def test_versions_come_in_pages(api):
    package = make(api)
    for number in range(1, 4):
        publish(api, package, f"1.{number}.0")
    path = f"{PATH}/{package['id']}/versions"
    first = api.get(path, params={"limit": 2}).json()
    rest = api.get(path, params={"limit": 2, "before": first["data"][-1]["id"]}).json()

    assert [each["version"] for each in first["data"] + rest["data"]] == ["1.3.0", "1.2.0", "1.1.0", "1.0.0"]
    assert (first["hasMore"], rest["hasMore"]) == (True, False)


def test_what_was_a_secret_is_not_shown_by_a_later_version(api):
    package = make(api)
    schema = api.get(f"{PATH}/{package['id']}").json()["variablesSchema"]
    schema["properties"]["key"] = {"type": "string"}
    schema["properties"]["key2"] = {"type": "string", "format": "password"}
    manifest = api.get(f"{PATH}/{package['id']}").json()["manifest"]
    said = manifest["members"][0]["integration"]
    said["configuration"] = {"api_key": "${variables.key2}", "organizationId": "${variables.key}"}
    change(api, package, manifest=manifest, variablesSchema=schema)
    answer = api.post(f"{PATH}/{package['id']}/publish", json={"version": "2.0.0"}).json()

    assert problems(answer) == [("/variablesSchema/properties/key/format", "secret_in_clear")]


@pytest.mark.parametrize("call", ["install", "create", "publish", "purge", "grant"])
def test_operators_do_nothing_else(api, operator, call):
    package = make(api)
    show(api, package, "public")
    one = f"{PATH}/{package['id']}"
    answer = {
        "install": lambda: operator.post(f"{one}/install", json={"workspaceId": "house", "variables": GIVEN}),
        "create": lambda: operator.post(PATH, json={"workspaceId": "house", "slug": "a", "name": "A"}),
        "publish": lambda: operator.post(f"{one}/publish", json={"version": "2.0.0"}),
        "purge": lambda: operator.delete(f"{one}/purge"),
        "grant": lambda: operator.put(f"{one}/grants/house"),
    }[call]()

    assert answer.status_code == 403


@pytest.mark.parametrize(("role", "code"), [("editor", 403), ("viewer", 403), ("admin", 200)])
def test_only_an_administrator_says_who_sees_a_package(api, client, key, role, code):
    package = draft(api)
    client.headers["X-Authorization"] = key(role)

    answer = client.put(f"{PATH}/{package['id']}/visibility", json={"visibility": "unlisted"})
    assert answer.status_code == code
    assert client.put(f"{PATH}/{package['id']}/grants/other").status_code == code


def test_versions_only_go_up_and_are_published_once(api):
    package = make(api)

    for version, code, said in (
        ("1.0.0", 409, "version_exists"),
        ("0.9.0", 409, "version_not_newer"),
        ("1.0.0-rc.1", 409, "version_not_newer"),
        ("1", 400, "invalid_version"),
        ("2.0.0-" + "a" * 59, 400, "invalid_version"),
        ("2.0.0-" + "a" * 59 + "<anything>", 400, "invalid_version"),
        ("v2.0.0", 400, "invalid_version"),
    ):
        answer = api.post(f"{PATH}/{package['id']}/publish", json={"version": version})
        assert (answer.status_code, answer.json()["code"]) == (code, said)
    assert publish(api, package, "1.0.1", changelog="Better")["changelog"] == "Better"


def test_a_version_never_changes(api):
    package = make(api)
    [before] = api.get(f"{PATH}/{package['id']}/versions").json()["data"]
    change(api, package, manifest={"members": []}, variablesSchema=None, name="Other")

    assert api.get(f"{PATH}/{package['id']}/versions/1.0.0").json() == before
    assert api.get(f"{PATH}/{package['id']}/versions/{before['id']}").json() == before
    assert before["memberEntityVersions"]["chat"]["type"] == "openai"


def test_what_is_published_is_complete(api):
    manifest = {"members": [{"slug": "chat", "integration": {"type": "openai"}}]}
    package = draft(api, manifest=manifest, variablesSchema=None)
    empty = draft(api, "empty", manifest=None, variablesSchema=None)

    answer = api.post(f"{PATH}/{package['id']}/publish", json={"version": "1.0.0"}).json()
    assert problems(answer) == [("/manifest/members/0/integration/configuration/api_key", "required")]
    answer = api.post(f"{PATH}/{empty['id']}/publish", json={"version": "1.0.0"}).json()
    assert problems(answer) == [("/manifest/members", "no_members")]


def test_how_versions_differ_is_said_in_words(api):
    package = make(api)
    manifest = api.get(f"{PATH}/{package['id']}").json()["manifest"]
    manifest["members"][0]["integration"]["description"] = "Other"
    manifest["members"][2]["slug"] = "post"
    change(api, package, manifest=manifest)
    publish(api, package, "1.1.0")
    answer = api.get(f"{PATH}/{package['id']}/versions/1.1.0", params={"against": "1.0.0"}).json()

    assert answer["sentences"] == [
        "Member mail removed.",
        "Member post added.",
        "Member chat: changed description.",
    ]


def test_the_preview_shows_members_with_the_schemas_of_their_types(api):
    package = make(api)
    answer = api.get(f"{PATH}/{package['id']}/members").json()

    assert [each["slug"] for each in answer["members"]] == ["chat", "db", "mail"]
    assert answer["members"][1]["dependsOn"] == ["chat"]
    assert answer["members"][1]["secretVariables"] == ["password"]
    assert set(answer["schemas"]) == {"openai", "relational_db", "sendgrid"}
