"""Two halves of a type that make a whole: a configuration, and a credential for where that leads.

A credential goes with every configuration that leads to the place it was entered for, and with no other:
neither when they are paired, nor when they are opened, whoever wrote into the store.
"""

import json
import sqlite3
from itertools import chain

import pytest

from credenza.errors import Clash, Damaged, PreconditionFailed
from credenza.model import Actor, Drop, Expect, Put, Role
from credenza.sensitive import Sensitive
from credenza.workspace.desk import Papers, Planned
from credenza.workspace.inspection import inspect, list_pending
from credenza.workspace.pairing import Entered
from credenza.workspace.survey import survey
from examples import API, EXAMPLES
from managed_records import INSTANCE, auth, clear, config, managed, refusal, trio, verdict
from own_types import OTHER, SCHEMA, register
from type_versions import ADDRESS, Ages, results, verbs

ONE = f"{API}/provider/acme"


@pytest.fixture
def saved(workspace):
    """Return a workspace with a managed integration and what it refers to."""
    workspace.apply(trio(workspace))
    return workspace


def test_a_credential_goes_only_where_it_was_entered_for(saved, service, api):
    saved.apply([config(saved, organizationId="org-2")])
    assert clear(saved)["organizationId"] == "org-2"

    saved.apply([config(saved, endpoint="https://evil.example")])

    assert verdict(api.get(f"{ONE}/resolved")) == (409, "secret_reentry_required")
    assert verbs(service)[-1] == "reveal"
    keep = auth(saved)
    keep = Put(name=keep.name, type=keep.type, kind=keep.kind, bound_to="~pcf_1", description="kept")
    assert refusal(lambda: saved.apply([keep])) == [("secret_reentry_required", "/configuration/api_key")]
    saved.apply([auth(saved)])
    assert clear(saved)["endpoint"] == "https://evil.example"


def test_a_credential_without_a_configuration_is_for_where_its_type_leads(workspace):
    workspace.apply([auth(workspace, "anthropic", bound_to=None), managed("anthropic", config=None)])
    assert clear(workspace) == {"api_key": EXAMPLES["anthropic"]["api_key"]}

    leads_away = config(workspace, "anthropic", endpoint="https://evil.example")
    workspace.apply([leads_away, managed("anthropic")])

    with pytest.raises(Clash) as caught:
        workspace.reveal("acme")
    assert caught.value.code == "secret_reentry_required"


def test_other_credentials_inside_a_sealed_address_ask_for_the_credential_again(workspace):
    address = "jdbc:postgresql://db.example.com:5432/vectors?user=robot&password={}"
    first = config(workspace, "pgvectordb", datasourceURL=address.format("one"))
    workspace.apply([first, *trio(workspace, "pgvectordb")[1:]])
    assert clear(workspace)["password"] == "made-up"

    workspace.apply([first])
    assert clear(workspace)["datasourceURL"].endswith("one")
    workspace.apply([config(workspace, "pgvectordb", datasourceURL=address.format("two"))])

    with pytest.raises(Clash):
        workspace.reveal("acme")


def tamper(database, name, **fields):
    with sqlite3.connect(database) as connection:
        [(row, text)] = connection.execute(
            "SELECT v.integration_id, v.document FROM integrations i JOIN integration_versions v "
            "ON v.integration_id = i.id AND v.version = i.version WHERE i.name = ?",
            [name],
        ).fetchall()
        document = json.loads(text)
        document.update(fields)
        connection.execute(
            "UPDATE integration_versions SET document = ? WHERE integration_id = ?",
            [json.dumps(document), row],
        )
    connection.close()
    return document


def test_who_rewrites_the_store_leads_no_credential_elsewhere(saved, database):
    saved.apply([config(saved, id="pcf_2", endpoint="https://evil.example")])
    saved.apply([auth(saved, id="pac_2", bound_to="~pcf_2")])
    evil = tamper(database, "~pac_2")["binding"]

    tamper(database, "~pcf_1", configuration={"endpoint": "https://evil.example"})
    with pytest.raises(Clash):
        saved.reveal("acme")
    tamper(database, "~pac_1", binding=evil)
    with pytest.raises(Damaged):
        saved.reveal("acme")


def test_a_managed_integration_opens_nothing_of_another_type_or_of_what_is_gone(saved):
    saved.apply([config(saved, "grok", id="pcf_3"), auth(saved, "grok", id="pac_3", bound_to="~pcf_3")])
    for change in (managed(auth="~pac_3"), managed(auth="~pac_4"), managed(config="acme")):
        saved.apply([change])
        with pytest.raises(Clash) as caught:
            saved.reveal("acme")
        assert caught.value.code == "secret_reentry_required"
        assert saved.view("acme").document.missing in {("/api_key",), ()}


def test_a_credential_is_bound_to_a_configuration_of_its_own_type(saved):
    for bound_to in ("~pcf_9", "~pac_1", "acme"):
        change = auth(saved, "grok", id="pac_2", bound_to=bound_to)
        assert refusal(lambda change=change: saved.apply([change])) == [("unknown_config", "/config")]


def test_a_plan_is_compared_with_the_records_it_rests_on(saved):
    with pytest.raises(PreconditionFailed):
        saved.apply([Expect("~pcf_1", 2), managed(name="late")])

    saved.apply([Expect("~pcf_1", 1), Expect("~pcf_2", 0), managed(name="late")])


def test_halves_are_looked_over_with_the_rest_of_the_store(saved, service):
    found = survey(service.store, service.vault, saved.catalogue, saved.actor.tenant)
    assert (found.integrations, found.secrets, found.unreadable) == (1, 1, ())

    saved.apply([config(saved, endpoint="https://other.example")])

    found = survey(service.store, service.vault, saved.catalogue, saved.actor.tenant)
    assert [name for name, _ in found.unreadable] == ["acme"]


def test_problems_of_halves_are_told_by_place_and_never_by_value(workspace):
    told = refusal(
        lambda: workspace.apply([config(workspace, endpoint=5), auth(workspace, api_key=["sk-secret"])])
    )

    assert {pointer for _, pointer in told} == {"/configuration/endpoint", "/configuration/api_key"}


def test_a_plan_is_made_again_where_a_record_it_read_has_changed(saved):
    seen = []

    def plan(desk):
        seen.append(desk.records(["~pcf_1"])["~pcf_1"].version)
        if len(seen) == 1:
            saved.apply([config(saved, organizationId="org-2")])
        return Planned([managed(name="late")], "done")

    assert Papers(saved).change("test", plan) == "done"
    assert seen == [1, 2]


def pair(workspace, kind, first, second, **entered):
    connector, values = workspace.catalogue[kind], Entered(**entered)
    found = Papers(workspace).read(lambda desk: desk.pairing(connector, first, second, values))
    return [(problem.code, problem.pointer) for problem in found]


def test_what_a_whole_type_asks_for_is_checked_of_both_halves_together(workspace):
    kind = "aws_bedrock_cohere"
    empty = Put(name="~pac_2", type=kind, kind="auth_config", bound_to="~pcf_1", configuration=Sensitive({}))
    workspace.apply([config(workspace, kind), auth(workspace, kind), empty])
    lacking = [("required", "/configuration/api_key")]

    assert pair(workspace, kind, "~pcf_1", "~pac_1") == []
    assert pair(workspace, kind, "~pcf_1", "~pac_2") == lacking
    assert pair(workspace, kind, "~pcf_1", None) == lacking
    assert pair(workspace, kind, "~pcf_1", None, auth={"api_key": "made-up"}) == []
    conducted = {"connectionType": "CONDUCTOR_ROLE", "region": "eu-west-1", "awsAccountId": "1234"}
    assert pair(workspace, kind, "~pcf_1", None, config=conducted) == []


def test_two_halves_go_together_that_lead_to_one_place(saved):
    saved.apply([config(saved, id="pcf_2", endpoint="https://other.example")])
    saved.apply([config(saved, id="pcf_3", endpoint="https://API.openai.com:443", organizationId="x")])
    elsewhere = [("secret_reentry_required", "/configuration/api_key")]

    assert pair(saved, "openai", "~pcf_1", "~pac_1") == []
    assert pair(saved, "openai", "~pcf_3", "~pac_1") == []
    assert pair(saved, "openai", "~pcf_2", "~pac_1") == elsewhere
    assert pair(saved, "openai", "~pcf_9", "~pac_1") == [("not_found", "/config")]
    assert pair(saved, "grok", None, "~pac_1") == [
        ("not_found", "/auth"),
        ("required", "/configuration/api_key"),
    ]


def test_what_is_about_to_be_entered_is_paired_with_what_stays(saved):
    there, away = ({"endpoint": url} for url in ("https://api.openai.com", "https://evil.example"))
    elsewhere = [("secret_reentry_required", "/configuration/api_key")]

    assert pair(saved, "openai", "~pcf_1", "~pac_1", config=there) == []
    assert pair(saved, "openai", "~pcf_1", "~pac_1", config=away) == elsewhere
    assert pair(saved, "openai", "~pcf_1", "~pac_1", config=away, auth={"api_key": "made-up"}) == []
    assert pair(saved, "openai", "~pcf_9", "~pac_9", config=away, auth={"api_key": "made-up"}) == []


def test_types_of_a_workspace_are_halved_too_and_stay_while_a_half_is_in_use(workspace, api):
    register(api, OTHER)
    half = {"kind": "config", "type": "other", "name": "~pcf_1"}
    values = {"endpoint": "https://acme.example"}
    workspace.apply([Put(**half, configuration=Sensitive(values))])
    secret = Sensitive({"token": "made-up"})
    workspace.apply(
        [
            Put(name="~pac_1", type="other", kind="auth_config", bound_to="~pcf_1", configuration=secret),
            managed("other"),
        ]
    )
    assert clear(workspace) == {**values, "token": "made-up"}

    workspace.apply([Drop("acme", instance=INSTANCE), Drop("~pcf_1", kind="config")])

    stricter = {"name": "other", "schema": {**SCHEMA, "title": "Changed"}}
    assert verdict(register(api, stricter))[0] == 409
    workspace.apply([Drop("~pac_1", kind="auth_config")])
    assert register(api, stricter).status_code == 200


def test_halves_follow_their_type_to_its_next_version_and_still_go_together(open_service, tmp_path):
    ages = Ages(open_service, tmp_path / "types")
    first = ages.begin()
    boxed = Sensitive({"endpoint": ADDRESS, "mode": "quick", "legacy": "x"})
    first.apply(
        [
            Put(name="~pcf_1", type="acme", kind="config", configuration=boxed),
            Put(
                name="~pac_1",
                type="acme",
                kind="auth_config",
                bound_to="~pcf_1",
                configuration=Sensitive({"apiKey": "sk-made-up"}),
            ),
            managed("acme"),
        ]
    )

    later = ages.go_on()
    assert clear(later) == {"endpoint": ADDRESS, "apiKey": "sk-made-up", "mode": "quick", "legacy": "x"}
    tenant, service = later.actor.tenant, ages.service
    names = [*chain(*list_pending(service.store, later.catalogue, tenant, None))]
    assert names == ["~pcf_1", "~pac_1", "acme"]
    for name in names:
        assert results(later.migrate([name])) == {name: "updated"}
        assert clear(later)[{"~pcf_1": "url"}.get(name, "api_key")]

    assert clear(later) == {"url": ADDRESS, "api_key": "sk-made-up", "mode": "fast"}
    kept = Put(name="~pac_1", type="acme", kind="auth_config", bound_to="~pcf_1", description="kept")
    assert results(later.apply([kept])) == {"~pac_1": "updated"}
    assert {verdict.result for verdict in inspect(service.store, later.catalogue, tenant, lenient=False)} == {
        "fits"
    }
    later.apply(
        [Put(name="~pcf_1", type="acme", kind="config", configuration=Sensitive({"url": f"{ADDRESS}.x"}))]
    )
    with pytest.raises(Clash):
        later.reveal("acme")


def test_what_a_half_does_not_declare_never_stands_in_for_the_other(open_service):
    service = open_service("lenient", validation="lenient")
    workspace = service.workspace(Actor(service.tenant(), "test", Role.ADMIN))
    away = "https://evil.example"
    workspace.apply(
        [config(workspace, zone="a", api_key="x"), auth(workspace, endpoint=away, b=1), managed()]
    )

    assert clear(workspace) == {**EXAMPLES["openai"], "zone": "a", "b": 1}
    workspace.apply([config(workspace, zone="b")])
    with pytest.raises(Clash):
        workspace.reveal("acme")


def test_undeclared_keys_of_a_credential_lead_no_secret_address_elsewhere(open_service):
    service = open_service("lenient", validation="lenient")
    workspace = service.workspace(Actor(service.tenant(), "test", Role.ADMIN))
    workspace.apply(trio(workspace, "pgvectordb"))
    assert pair(workspace, "pgvectordb", "~pcf_1", "~pac_1") == []

    workspace.apply([auth(workspace, "pgvectordb", proxy="https://evil.example")])

    with pytest.raises(Clash):
        workspace.reveal("acme")
    codes = {code for code, _ in pair(workspace, "pgvectordb", "~pcf_1", "~pac_1")}
    assert codes == {"secret_reentry_required"}


def test_a_trust_store_goes_beside_a_secret_address_only_with_who_entered_that_or_may_reveal_it(
    workspace, service
):
    url = "https://reader:made-up@registry.example/x"
    stores = {"file": "roots", "keyStorePassword": "made-up"}

    def act(name, role=Role.EDITOR):
        return service.workspace(Actor(workspace.actor.tenant, name, role))

    one, other = act("one"), act("other")
    one.apply([config(one, "kafka", schemaRegistryUrl=url), auth(one, "kafka", **stores)])
    refused = [("foreign_trust", "/configuration/file")]
    for saves in ([auth(other, "kafka", id="pac_2", **stores)], [auth(other, "kafka", **stores)]):
        assert refusal(lambda saves=saves: other.apply(saves)) == refused
    assert pair(one, "kafka", "~pcf_1", None, auth={**EXAMPLES["kafka"], "file": "roots"})[-1:] == refused

    one.apply([auth(one, "kafka", **stores, password="made-up-too")])
    other.apply([config(other, "kafka", id="pcf_3"), auth(other, "kafka", "pac_3", "~pcf_3", **stores)])
    together = config(other, "kafka", id="pcf_4", schemaRegistryUrl=url)
    other.apply([together, auth(other, "kafka", "pac_4", "~pcf_4", **stores)])
    act("admin", Role.ADMIN).apply([auth(other, "kafka", id="pac_5", **stores)])
