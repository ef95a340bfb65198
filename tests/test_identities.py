"""Actors and their identities: for whom something is set up."""

import pytest

from reference_examples import keep_config, refused

ACTORS, PATH = "/identity-actors", "/identities"
NOWHERE = "iac_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"


def make_actor(api, **fields):
    answer = api.post(ACTORS, json={"type": "person", "name": "Robin", **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def make(api, actor=None, **fields):
    answer = api.post(PATH, json={"actor_id": (actor or make_actor(api))["id"], **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(api, path, **query):
    return api.get(path, params=query).json()["items"]


def test_an_actor_is_a_person_or_an_agent(api):
    agent = make_actor(api, type="agent")
    made = make_actor(api, description="Whoever", metadata={"customer": 1})

    assert (made["object"], made["type"], made["status"]) == ("identity.actor", "person", "active")
    assert made["id"].startswith("iac_")
    assert (made["name"], made["description"], made["metadata"]) == ("Robin", "Whoever", {"customer": 1})
    assert made["agent_id"] is None
    assert api.get(f"{ACTORS}/{made['id']}").json() == made
    assert agent["type"] == "agent"
    assert listed(api, ACTORS) == [agent, made]


def test_an_identity_shows_whose_it_is(api):
    actor = make_actor(api)
    made = make(api, actor, name="At work")

    assert (made["object"], made["status"], made["name"]) == ("identity", "active", "At work")
    assert made["id"].startswith("idn_")
    assert made["owner"] == {"type": "actor", "actor": actor}
    assert made["credentials"] == []
    assert api.get(f"{PATH}/{made['id']}").json() == made
    renamed = api.patch(f"{ACTORS}/{actor['id']}", json={"name": "Kim"}).json()
    assert api.get(f"{PATH}/{made['id']}").json()["owner"]["actor"] == renamed


def test_a_credential_of_an_identity_names_what_it_may_use_of_one_provider(api):
    deployments = [
        api.post("/provider-deployments", json={"provider_id": slug}).json() for slug in ("git", "aws")
    ]
    made = make(api, credentials=[{"deployment_id": each["id"]} for each in deployments])

    shown = [(each["provider_id"], each["deployment_id"]) for each in made["credentials"]]
    assert shown == [(each["provider_id"], each["id"]) for each in deployments]
    assert {each["identity_id"] for each in made["credentials"]} == {made["id"]}
    assert {each["object"] for each in made["credentials"]} == {"identity.credential"}


@pytest.mark.parametrize(
    ("path", "maker"), [(ACTORS, make_actor), (PATH, make)], ids=["actors", "identities"]
)
def test_what_is_left_out_of_a_change_stays_and_what_is_archived_takes_none(api, path, maker):
    made = maker(api, description="a", metadata={"b": 1})
    at = f"{path}/{made['id']}"

    changed = api.patch(at, json={"name": "New", "metadata": None}).json()
    assert changed == {**made, "name": "New", "metadata": None, "updated_at": changed["updated_at"]}
    gone = api.delete(at).json()
    assert (gone["status"], gone["archived_at"]) == ("archived", gone["updated_at"])
    assert api.get(at).json() == gone
    assert listed(api, path) == []
    assert listed(api, path, status="archived") == [gone]
    refused(api.patch(at, json={}), 410, "gone")
    refused(api.delete(at), 410, "gone")


def test_identities_are_listed_by_actor_words_and_id(api):
    one, two = make(api, name="first"), make(api, description="The FIRST after that")

    assert listed(api, PATH, actor_id=one["owner"]["actor"]["id"]) == [one]
    assert listed(api, PATH, actor_id=NOWHERE) == []
    assert listed(api, PATH, search="first") == [one, two]
    assert listed(api, PATH, id=[one["id"], NOWHERE]) == [one]
    assert listed(api, PATH, order="desc", limit=1) == [two]
    assert len(listed(api, ACTORS, search="obi")) == 2


def test_an_archived_actor_gets_no_identity_and_keeps_those_it_has(api):
    actor = make_actor(api)
    made = make(api, actor)
    gone = api.delete(f"{ACTORS}/{actor['id']}").json()

    refused(api.post(PATH, json={"actor_id": actor["id"]}), 400, "use_after_delete", "/actor_id")
    assert api.get(f"{PATH}/{made['id']}").json()["owner"]["actor"] == gone


REFUSED = [
    (ACTORS, {"type": "robot", "name": "a"}, "invalid_data", "/type"),
    (ACTORS, {"type": "person"}, "invalid_data", "/name"),
    (ACTORS, {"type": "person", "name": ""}, "invalid_data", "/name"),
    (ACTORS, {"type": "person", "name": "a", "agent_id": None}, "invalid_data", ""),
    (PATH, {"actor_id": NOWHERE}, "not_found", "/actor_id"),
    (PATH, {}, "invalid_data", "/actor_id"),
    (PATH, {"actor_id": None}, "invalid_data", "/actor_id"),
]


def test_what_cannot_be_is_refused_and_nothing_is_kept(api):
    for path, body, code, pointer in REFUSED:
        refused(api.post(path, json=body), 404 if code == "not_found" else 400, code, pointer)
    assert listed(api, ACTORS) == listed(api, PATH) == []


def test_a_credential_of_nothing_or_of_several_providers_is_refused(api, service):
    actor = make_actor(api)["id"]
    archived = api.post("/provider-deployments", json={"provider_id": "git"}).json()["id"]
    api.delete(f"/provider-deployments/{archived}")
    used = api.post("/provider-deployments", json={"provider_id": "git"}).json()["id"]
    mixed = {"deployment_id": used, "config_id": keep_config(service, "pcf_1", "aws")}
    refused(api.post(PATH, json={"actor_id": actor, "credentials": [mixed]}), 400, "invalid_data")
    told = {
        "/credentials/0": ({}, 400, "invalid_data"),
        "/credentials/0/deployment_id": ({"deployment_id": archived}, 400, "use_after_delete"),
        "/credentials/0/config_id": ({"config_id": "pcf_unheard"}, 404, "not_found"),
        "/credentials/0/delegation_config_id": ({"delegation_config_id": "x"}, 400, "invalid_data"),
    }

    for pointer, (item, *error) in told.items():
        refused(api.post(PATH, json={"actor_id": actor, "credentials": [item]}), *error, pointer)
    many = [{"config_id": "pcf_unheard"}] * 51
    refused(
        api.post(PATH, json={"actor_id": actor, "credentials": many}), 400, "invalid_data", "/credentials"
    )


def test_an_actor_keeps_its_type_and_always_has_a_name(api):
    at = f"{ACTORS}/{make_actor(api)['id']}"

    refused(api.patch(at, json={"type": "agent"}), 400, "invalid_data")
    refused(api.patch(at, json={"name": None}), 400, "invalid_data", "/name")


def test_there_is_nobody_of_another_workspace(api, key):
    actor = make_actor(api)
    api.headers["X-Authorization"] = key("admin", workspace="other")

    refused(api.get(f"{ACTORS}/{actor['id']}"), 404, "not_found")
    refused(api.post(PATH, json={"actor_id": actor["id"]}), 404, "not_found", "/actor_id")
    assert listed(api, ACTORS) == []
