"""Providers of templates through HTTP: added, bound, versioned, archived and brought back."""

from __future__ import annotations

import msgspec

from config_things import archive_behind
from credenza.connectors import Catalogue, shipped_schemas
from credenza.model import Keep
from credenza.plans import deployments
from credenza.plans.catalogue import Provider, Providers, Publisher
from credenza.plans.templates import KIND, MAX_VERSIONS, read_template
from credenza.workspace.desk import Papers
from template_things import add_provider, make_deployment, make_template
from test_templates import check_problem, places

PROVIDERS = "/integration-providers"
ALL = {"type": "allow_all", "ignore_parent_filters": False}
RULE = {"type": "tool_keys", "keys": ["get_ticket"]}


def keep_reference(workspace, kind, id, provider_id, **more):
    """Keep a config or credentials, as the calls that make them do."""
    said = {"status": "active", "provider_id": provider_id, "created_at": 1, "updated_at": 2, **more}
    body = msgspec.json.encode({"id": id, "name": f"The {kind}", **said})
    workspace.submit([Keep(kind=kind, slug=id, body=body)]).result()
    return id


def template_of(workspace, template):
    """Return a template as its paper holds it, with the versions that answers do not show."""
    return Papers(workspace).read(lambda desk: read_template(desk.paper(KIND, template["id"])))


def versions_of(workspace, template):
    [provider] = template_of(workspace, template).providers
    return [(version.index, version.status) for version in provider.versions]


def add(api, template, **body):
    return api.post(PROVIDERS, json={"integration_id": template["id"], **body})


def test_a_provider_shows_in_full_what_it_is_bound_to(api, workspace):
    template, deployment = make_template(api), make_deployment(api, name="Production")
    offered = deployment["provider_id"]
    config = keep_reference(workspace, "config", "pcf_1", offered)
    credentials = keep_reference(workspace, "auth_credentials", "par_1", offered, scopes=["repo"])

    added = add_provider(
        api,
        template,
        provider_deployment_id=deployment["id"],
        provider_config_id=config,
        provider_auth_credentials_id=credentials,
    )

    assert (added["object"], added["status"], added["name"]) == ("integration.provider", "active", "Git")
    assert added["tool_filter"] == ALL
    assert added["provider"]["slug"] == "git"
    assert added["provider"]["id"] == added["provider_id"] == offered
    assert added["deployment"]["id"] == added["deployment_id"] == deployment["id"]
    assert (added["deployment"]["object"], added["deployment"]["name"]) == (
        "provider.deployment#preview",
        "Production",
    )
    assert added["auth_method"]["id"] == added["auth_method_id"]
    assert added["auth_method"]["provider_id"] == offered
    assert (added["config"]["object"], added["config"]["id"]) == ("provider.config#preview", config)
    assert (added["auth_credentials"]["id"], added["auth_credentials"]["scopes"]) == (credentials, ["repo"])
    assert api.get(f"{PROVIDERS}/{added['id']}").json() == added
    assert api.get(f"/integrations/{template['id']}").json()["providers"] == [added]


def test_a_template_has_each_provider_once(api):
    template = make_template(api)
    first = add_provider(api, template)
    body = {"provider_deployment_id": first["deployment_id"]}

    for provider in ("git", first["provider_id"]):
        refused = add(api, template, provider_id=provider, **body)
        check_problem(refused, 400, "integration_provider_exists")
    assert add_provider(api, make_template(api, "Other"))["id"] != first["id"]


def test_one_that_was_archived_comes_back_under_its_id_with_the_filter_it_had(api, workspace):
    template = make_template(api)
    first = add_provider(api, template, name="Tickets", tool_filters=RULE)
    archived = api.delete(f"{PROVIDERS}/{first['id']}").json()
    assert (archived["status"], archived["archived_at"]) == ("archived", archived["updated_at"])
    assert api.get(f"/integrations/{template['id']}").json()["providers"] == []

    back = add_provider(api, template)

    assert (back["id"], back["status"], back["archived_at"]) == (first["id"], "active", None)
    assert (back["name"], back["tool_filter"]) == ("Tickets", first["tool_filter"])
    assert versions_of(workspace, template) == [(1, "active"), (2, "archived"), (3, "active")]


def test_what_it_is_bound_to_and_its_filter_make_a_version_and_its_words_do_not(api, workspace):
    template = make_template(api)
    added = add_provider(api, template)
    path = f"{PROVIDERS}/{added['id']}"

    for body, index in (
        ({"name": "Tickets", "description": "a", "metadata": {"a": 1}}, 1),
        ({"tool_filters": [RULE]}, 2),
        ({"tool_filters": RULE}, 2),
        ({"provider_deployment_id": make_deployment(api)["id"]}, 3),
        ({"tool_filters": None}, 4),
        ({}, 4),
    ):
        assert api.patch(path, json=body).status_code == 200
        assert versions_of(workspace, template)[-1] == (index, "active")
    assert api.get(path).json()["name"] == "Tickets"


def test_the_last_versions_are_kept_and_numbers_are_never_used_again(api, workspace):
    template = make_template(api)
    added = add_provider(api, template)

    for number in range(MAX_VERSIONS + 3):
        rule = {"type": "tool_keys", "keys": [f"tool-{number}"]}
        api.patch(f"{PROVIDERS}/{added['id']}", json={"tool_filters": rule})

    indexes = [index for index, _ in versions_of(workspace, template)]
    assert indexes == [*range(5, MAX_VERSIONS + 5)]


def test_whatever_is_referred_to_must_be_there_and_of_the_same_provider(api, workspace):
    template, deployment = make_template(api), make_deployment(api)
    other = make_deployment(api, "openai")
    foreign = keep_reference(workspace, "config", "pcf_1", other["provider_id"])
    methods = api.get("/provider-auth-methods", params={"provider_id": "openai"}).json()["items"]
    right = {"provider_id": "git", "provider_deployment_id": deployment["id"]}

    for wrong in (
        {"provider_id": "none"},
        {"provider_deployment_id": "pde_none"},
        {"provider_deployment_id": other["id"]},
        {"provider_config_id": "pcf_none"},
        {"provider_config_id": foreign},
        {"provider_auth_credentials_id": "par_none"},
        {"provider_auth_method_id": "pam_none"},
        {"provider_auth_method_id": methods[0]["id"]},
    ):
        refused = check_problem(add(api, template, **{**right, **wrong}), 404, "not_found")
        assert places(refused) == [f"/{next(iter(wrong))}"]
    check_problem(api.post(PROVIDERS, json={**right, "integration_id": "int_none"}), 404, "not_found")
    added = add_provider(api, template)
    refused = api.patch(f"{PROVIDERS}/{added['id']}", json={"provider_deployment_id": other["id"]})
    check_problem(refused, 404, "not_found")
    assert api.get(f"{PROVIDERS}/{added['id']}").json() == added


def test_nothing_new_refers_to_what_is_archived_and_what_did_so_before_may_go_on(api, workspace):
    template, deployment = make_template(api), make_deployment(api)
    added = add_provider(api, template, provider_deployment_id=deployment["id"])
    archive_behind(workspace, deployments.SHELF, deployment["id"])

    refused = add(api, make_template(api), provider_id="git", provider_deployment_id=deployment["id"])
    assert places(check_problem(refused, 400, "use_after_delete")) == ["/provider_deployment_id"]
    renamed = api.patch(f"{PROVIDERS}/{added['id']}", json={"name": "Tickets", "tool_filters": RULE})
    assert (renamed.status_code, renamed.json()["deployment_id"]) == (200, deployment["id"])


def test_a_config_for_one_deployment_goes_with_no_other(api, workspace):
    template, deployment, other = make_template(api), make_deployment(api), make_deployment(api)
    offered = deployment["provider_id"]
    locked = keep_reference(workspace, "config", "pcf_1", offered, deployment_id=deployment["id"])
    code = "provider_config_deployment_mismatch"

    body = {"provider_id": "git", "provider_config_id": locked}
    check_problem(add(api, template, **body, provider_deployment_id=other["id"]), 400, code)
    added = add_provider(api, template, provider_deployment_id=deployment["id"], provider_config_id=locked)
    moved = api.patch(f"{PROVIDERS}/{added['id']}", json={"provider_deployment_id": other["id"]})
    check_problem(moved, 400, code)
    both = {"provider_deployment_id": other["id"], "provider_config_id": None}
    assert api.patch(f"{PROVIDERS}/{added['id']}", json=both).json()["config"] is None


def test_the_config_of_one_instance_is_not_shared_with_all(api, workspace):
    template, deployment = make_template(api), make_deployment(api)
    owned = keep_reference(workspace, "config", "pcf_1", deployment["provider_id"], owner_id="iip_1")
    body = {"provider_deployment_id": deployment["id"], "provider_config_id": owned}

    refused = check_problem(add(api, template, provider_id="git", **body), 400)

    assert refused["code"] == "provider_config_already_owned"
    assert places(refused) == ["/provider_config_id"]


def test_an_auth_method_is_chosen_where_none_is_named(api):
    template = make_template(api)
    methods = api.get("/provider-auth-methods", params={"provider_id": "aws"}).json()["items"]
    assert len(methods) > 1

    added = add_provider(api, template, "aws")
    changed = [
        api.patch(f"{PROVIDERS}/{added['id']}", json={"provider_auth_method_id": method["id"]}).json()
        for method in methods
    ]

    assert added["auth_method_id"] in [method["id"] for method in methods]
    assert [each["auth_method"] for each in changed] == methods
    cleared = api.patch(f"{PROVIDERS}/{added['id']}", json={"provider_auth_method_id": None}).json()
    assert cleared["auth_method_id"] == added["auth_method_id"]


def test_a_template_has_at_most_fifty_providers(api, workspace):
    template = make_template(api)
    add_provider(api, template)
    held = template_of(workspace, template)
    [one] = held.providers
    many = [
        msgspec.structs.replace(one, id=f"inp_{number}", provider_id=f"pro_{number}") for number in range(50)
    ]
    body = msgspec.json.encode(msgspec.structs.replace(held, providers=tuple(many)))
    workspace.submit([Keep(kind=KIND, slug=template["id"], body=body)]).result()

    refused = add(api, template, provider_id="git", provider_deployment_id=make_deployment(api)["id"])

    check_problem(refused, 400, "invalid_data")
    assert "50" in refused.json()["detail"]


def test_a_template_that_grows_too_large_is_refused_and_can_still_be_archived(api, workspace):
    template = make_template(api)
    add_provider(api, template)
    held = template_of(workspace, template)
    [one] = held.providers
    large = {"a": "b" * 60_000}
    many = [
        msgspec.structs.replace(one, id=f"inp_{number}", provider_id=f"pro_{number}", metadata=large)
        for number in range(33)
    ]
    body = msgspec.json.encode(msgspec.structs.replace(held, providers=tuple(many)))
    workspace.submit([Keep(kind=KIND, slug=template["id"], body=body)]).result()
    path = f"/integrations/{template['id']}"

    refused = check_problem(api.patch(path, json={"metadata": large}), 400)

    assert [each["code"] for each in refused["errors"]] == ["too_large"]
    assert api.delete(path).json()["status"] == "archived"


def test_there_are_no_callbacks_and_nobody_is_left_to_believe_so(api):
    template, deployment = make_template(api), make_deployment(api)
    body = {"provider_id": "git", "provider_deployment_id": deployment["id"]}

    refused = check_problem(add(api, template, **body, callbacks={"status": "enabled"}), 400)
    added = add(api, template, **body, callbacks={"status": "disabled"}).json()

    assert places(refused) == ["/callbacks"]
    assert added["callbacks"]["status"] == "disabled"


def test_a_filter_that_is_none_is_refused_and_nothing_is_saved(api):
    template, deployment = make_template(api), make_deployment(api)
    body = {"provider_id": "git", "provider_deployment_id": deployment["id"]}

    refused = add(api, template, **body, tool_filters={"type": "tool_regex", "pattern": r"(a)\1"})

    assert places(check_problem(refused, 400, "unsafe_pattern")) == ["/tool_filters/pattern"]
    assert api.get(PROVIDERS).json()["items"] == []


def test_a_type_that_the_workspace_takes_back_is_shown_as_it_was_called(api):
    own = {"name": "acme", "nameLabel": "Acme", "category": "API", "configuration": []}
    register = "/api/integrations/def/register"
    assert api.post(register, json=[own]).status_code == 200
    template = make_template(api)
    added = add_provider(api, template, "acme")
    assert api.delete("/api/integrations/def/acme").status_code == 200

    shown = api.get(f"{PROVIDERS}/{added['id']}").json()

    assert (shown["provider"]["slug"], shown["provider"]["name"]) == ("acme", "Acme")
    assert (shown["name"], shown["auth_method"]) == ("Acme", None)
    assert api.patch(f"{PROVIDERS}/{added['id']}", json={"name": "Other"}).status_code == 200


def test_an_auth_method_that_nobody_names_requires_a_secret_where_one_does(api):
    """AWS has a way without one: to run in the role of the server itself."""
    template = make_template(api)
    chosen = add_provider(api, template, "aws")

    assert chosen["auth_method"]["key"] == "external_role"
    assert add_provider(api, template, "ollama")["auth_method"]["key"] == "default"


def test_an_auth_method_without_a_secret_is_taken_where_it_is_named(api):
    methods = api.get("/provider-auth-methods", params={"provider_id": "aws"}).json()["items"]
    own = next(method["id"] for method in methods if method["key"] == "conductor_role")
    template = make_template(api)
    added = add_provider(api, template, "aws", provider_auth_method_id=own)
    assert added["auth_method_id"] == own

    changed = api.patch(f"{PROVIDERS}/{added['id']}", json={"provider_auth_method_id": None}).json()
    assert changed["auth_method"]["key"] == "external_role"


def test_where_a_method_is_gone_the_one_in_its_place_requires_a_secret_too():
    for offer in Catalogue.load(shipped_schemas()).values():
        offered = Provider("pro_1", offer, False, Publisher("pub_1", "Us", "us", 0), 0, 0)
        providers = Providers([offered])
        ways = [method.way.needs_secret for method in providers.methods_of(offered)]

        assert providers.method_of(offered, "pam_gone").way.needs_secret == any(ways)
