"""The official client of templates, as it is on PyPI, leads whole lives of templates and of instances.

It sends no times (`created_at={"gt": …}` arrives as `created_at=gt`), and cannot send null.
"""

import base64
import os
from contextlib import closing

import pytest

import official_clients
from credenza.model import Actor, Role
from credenza.plans.identities import ACTORS, IdentityActorBody, create_actor
from credenza.settings import Settings, open_credenza
from instance_things import Values
from web_server import serve

pytestmark = pytest.mark.system("metorial")


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    path = tmp_path_factory.mktemp("life") / "credenza.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENZA_CLIENTS_KEK", base64.b64encode(os.urandom(32)).decode())
        options = {"kek": "env://CREDENZA_CLIENTS_KEK", "access_log": False}
        settings = Settings.read({}, store=f"sqlite:///{path}", **options)
        with closing(open_credenza(settings, serving=True, create=True)) as service, serve(service) as url:
            workspace = service.workspace(Actor(service.tenant(), "test", Role.ADMIN))
            # The client has no call that makes an actor.
            actor = create_actor(IdentityActorBody(type="person", name="Robin"), 1_760_000_000_000)
            workspace.apply([ACTORS.keep(actor)])
            values = Values(workspace)
            used = [actor.id, *values.pair("relational_db").values(), values.auth("openai")]
            key = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test")
            return official_clients.tell(official_clients.TEMPLATES, "all", url, key.token.reveal(), *used)


def names(told):
    return [item["name"] for item in told["answer"]["items"]]


def sides(told):
    pagination = told["answer"]["pagination"]
    return pagination["has_more_before"], pagination["has_more_after"]


def test_every_step_but_those_that_are_refused_succeeds(life):
    refused = {step: told["status"] for step, told in life.items() if "error" in told}

    assert refused == {
        "span": 400,
        "again": 400,
        "archive again": 410,
        "missing": 404,
        "unauthorized": 401,
        "no such provider": 404,
        "twice": 400,
        "archive instance again": 410,
    }


def test_the_client_reads_back_what_it_made(life):
    made, read = life["create"]["answer"], life["read"]["answer"]

    assert (made["name"], made["description"], made["metadata"]) == (
        "Support",
        "Reads tickets",
        {"team": "support"},
    )
    assert read == {**made, "providers": [life["add"]["answer"]], "updated_at": read["updated_at"]}
    assert life["read provider"]["answer"] == life["add"]["answer"]
    assert made["configuration"]["can_override_tool_filters"] is True


def test_a_provider_is_bound_to_the_deployment_that_was_made_for_it(life):
    added, deployment = life["add"]["answer"], life["deploy"]["answer"]

    assert (added["deployment_id"], added["provider_id"]) == (deployment["id"], deployment["provider_id"])
    assert added["tool_filter"] == {
        "type": "filter",
        "filters": [{"type": "tool_keys", "keys": ["get_ticket"]}],
        "ignore_parent_filters": False,
    }


def test_what_is_changed_is_changed_and_the_rest_stays(life):
    made, changed = life["create"]["answer"], life["rename"]["answer"]

    assert (changed["name"], changed["slug"]) == ("Helpdesk", made["slug"])
    assert changed["configuration"] == made["configuration"]
    assert life["rename provider"]["answer"]["name"] == "Tickets"


def test_pages_follow_one_another_in_both_directions(life):
    pages = ["first page", "next page", "page before"]

    assert [names(life[page]) for page in pages] == [["Helpdesk", "One"], ["Two", "Three"], ["Helpdesk"]]
    assert [sides(life[page]) for page in pages] == [(False, True), (True, False), (False, True)]


def test_filters_of_several_values_and_a_search_find_what_they_are_about(life):
    assert names(life["filtered"]) == ["Helpdesk"]
    assert names(life["providers"]) == ["Tickets"]
    assert names(life["archived"]) == ["Helpdesk"]


def test_the_client_finds_the_code_of_an_error_in_its_body(life):
    codes = {step: told["body"]["code"] for step, told in life.items() if "error" in told}

    assert codes == {
        "span": "invalid_data",
        "again": "integration_provider_exists",
        "archive again": "gone",
        "missing": "not_found",
        "unauthorized": "unauthorized",
        "no such provider": "not_found",
        "twice": "duplicate_integration_instance_provider",
        "archive instance again": "gone",
    }


def test_what_is_archived_is_answered_once_more_with_the_time_of_that(life):
    for step in ("archive provider", "archive"):
        archived = life[step]["answer"]
        assert (archived["status"], archived["archived_at"]) == ("archived", archived["updated_at"])
    assert life["archive"]["answer"]["providers"] == []


def test_an_instance_is_active_once_the_client_has_set_all_of_it(life):
    made, read = life["instance"]["answer"], life["read instance"]["answer"]

    assert (made["status"], read["status"]) == ("draft", "active")
    assert (read["name"], read["metadata"]) == ("Northwind", {"customer": 7})
    assert (read["identity_actor_id"], read["identity_id"]) == (
        made["identity_actor_id"],
        made["identity_id"],
    )
    assert None not in {read["identity_actor_id"], read["identity_id"]}


def test_the_client_reads_what_each_provider_is_bound_to(life):
    database, model = life["read instance"]["answer"]["providers"]

    assert life["read instance provider"]["answer"] == database
    assert life["set"]["answer"] == model
    assert database["tool_filter"]["filters"] == [{"type": "tool_keys", "keys": ["query"]}]
    assert database["is_override_tool_filter"] is True
    assert database["integration_provider"]["provider_version"]["index"] == 1
    assert (database["config"]["name"], model["config"]) == ("relational_db config", None)
    assert (database["auth_config"]["name"], model["auth_config"]["name"]) == (
        "relational_db auth_config",
        "openai auth_config",
    )


def test_lists_of_instances_find_and_page_what_there_is(life):
    assert names(life["instances"]) == ["Southwind", "One"]
    assert names(life["next instances"]) == ["One", "Two"]
    assert names(life["filtered instances"]) == ["Southwind"]
    assert names(life["instance providers"]) == ["OpenAI"]
    assert names(life["archived instances"]) == ["Southwind"]


def test_an_archived_instance_is_answered_once_more_with_the_time_of_that(life):
    archived = life["archive instance"]["answer"]

    assert (archived["status"], archived["providers"]) == ("archived", [])
    assert archived["archived_at"] == archived["updated_at"]


def test_a_link_leads_a_customer_to_an_active_instance(life):
    begun, done = life["begin setup"]["answer"], life["read setup"]["answer"]

    assert (begun["status"], begun["name"], begun["metadata"]) == ("pending", "Eastwind", {"customer": 8})
    assert begun["configuration"]["ui"]["layout"] == "side"
    assert begun["integration_instance"]["status"] == "draft"
    assert (done["id"], done["url"], done["status"]) == (begun["id"], begun["url"], "successful")
    assert done["integration_instance"]["status"] == "active"
    assert names(life["pending setups"]) == ["Eastwind", "Westwind"]
    assert names(life["pending setups later"]) == ["Westwind"]
    assert names(life["no such setup"]) == []


def test_a_session_opens_what_the_customer_has_entered(life):
    template, session = life["session template"]["answer"], life["session"]["answer"]

    assert template["name"] == "Reports of Eastwind"
    assert session["from_template_ids"] == [template["id"]]
    assert [part["from_template_provider_id"] for part in session["providers"]] == [
        part["id"] for part in template["providers"]
    ]
    assert (session["name"], session["metadata"]) == ("Nightly", {"run": 1})
    [resolved] = life["resolved"]["answer"]["providers"]
    assert (resolved["type"], resolved["configuration"]) == ("openai", {"api_key": "made-up"})
