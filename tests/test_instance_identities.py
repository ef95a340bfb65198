"""For whom an instance is: an identity that is given, or one that it makes for an actor and owns."""

from __future__ import annotations

import pytest

from instance_things import INSTANCES, make_instance, make_template
from template_things import post
from test_templates import check_problem, places


@pytest.fixture
def template(api):
    return make_template(api)


def make_actor(api, name="Robin"):
    return post(api, "/identity-actors", type="person", name=name)["id"]


def make_identity(api, actor, **body):
    return post(api, "/identities", actor_id=actor, **body)["id"]


def refuse(api, template, **body):
    return api.post(INSTANCES, json={"integration_id": template["id"], "name": "a", **body})


def change(api, instance, **body):
    return api.patch(f"{INSTANCES}/{instance['id']}", json=body)


def whose(instance):
    return instance["identity_actor_id"], instance["identity_id"]


def test_an_instance_makes_an_identity_for_an_actor_and_keeps_to_it(api, template):
    actor = make_actor(api)

    made = make_instance(api, template, identity_actor_id=actor)

    identity = api.get(f"/identities/{made['identity_id']}").json()
    assert (identity["owner"]["actor"]["id"], identity["name"]) == (actor, "Northwind")
    assert whose(change(api, made, identity_actor_id=actor).json()) == whose(made)
    assert whose(change(api, made, name="a").json()) == whose(made)


def test_the_actor_of_an_identity_that_is_given_is_the_instances(api, template):
    actor = make_actor(api)
    identity = make_identity(api, actor)

    assert whose(make_instance(api, template, identity_id=identity)) == (actor, identity)
    both = make_instance(api, template, identity_id=identity, identity_actor_id=actor)
    assert whose(both) == (actor, identity)


def test_an_identity_of_another_actor_is_a_mismatch(api, template):
    identity, other = make_identity(api, make_actor(api)), make_actor(api)

    told = check_problem(
        refuse(api, template, identity_id=identity, identity_actor_id=other), 400, "identity_actor_mismatch"
    )

    assert places(told) == ["/identity_actor_id"]


def test_an_identity_that_an_instance_made_is_no_other_instances(api, template):
    owner = make_instance(api, template, identity_actor_id=make_actor(api))

    answer = refuse(api, template, identity_id=owner["identity_id"])

    check_problem(answer, 400, "identity_owned_by_other_integration_instance")
    assert whose(change(api, owner, identity_id=owner["identity_id"]).json()) == whose(owner)


def test_the_identity_an_instance_made_stays_its_actors(api, template):
    made, other = make_instance(api, template, identity_actor_id=make_actor(api)), make_actor(api)

    answer = change(api, made, identity_actor_id=other)

    check_problem(answer, 400, "integration_instance_owned_identity_actor_mismatch")


def test_naming_an_actor_alone_leaves_a_given_identity_for_one_of_its_own(api, template):
    actor = make_actor(api)
    given = make_identity(api, actor)
    made = make_instance(api, template, identity_id=given)

    own = change(api, made, identity_actor_id=actor).json()
    assert own["identity_actor_id"] == actor
    assert own["identity_id"] not in {None, given}
    assert whose(change(api, made, identity_id=given).json()) == (actor, given)
    assert whose(change(api, made, identity_actor_id=actor).json()) == whose(own)
    assert whose(change(api, made, identity_actor_id=None).json()) == (None, None)


def test_what_is_archived_or_not_there_is_nobody(api, template):
    actor = make_actor(api)
    identity = make_identity(api, actor)
    for path in (f"/identities/{identity}", f"/identity-actors/{actor}"):
        assert api.delete(path).status_code == 200

    for body in ({"identity_id": identity}, {"identity_actor_id": actor}):
        check_problem(refuse(api, template, **body), 400, "use_after_delete")
    for body in ({"identity_id": "idn_none"}, {"identity_actor_id": "iac_none"}):
        check_problem(refuse(api, template, **body), 404, "not_found")
    assert api.get(INSTANCES).json()["items"] == []


def test_the_identity_an_instance_made_goes_with_it_and_a_given_one_stays(api, template):
    given = make_identity(api, make_actor(api))
    for made, status in (
        (make_instance(api, template, identity_actor_id=make_actor(api)), "archived"),
        (make_instance(api, template, identity_id=given), "active"),
    ):
        assert api.delete(f"{INSTANCES}/{made['id']}").status_code == 200
        assert api.get(f"/identities/{made['identity_id']}").json()["status"] == status


def test_instances_are_found_by_actor_identity_and_what_that_may_use(api, template):
    actor = make_actor(api)
    deployment = post(api, "/provider-deployments", provider_id="git")["id"]
    identity = make_identity(api, actor, credentials=[{"deployment_id": deployment}])
    credential = api.get(f"/identities/{identity}").json()["credentials"][0]["id"]
    made = make_instance(api, template, identity_id=identity)
    make_instance(api, template, "Another")

    for name, value in (
        ("identity_id", identity),
        ("identity_actor_id", actor),
        ("identity_credential_id", credential),
    ):
        assert api.get(INSTANCES, params={name: value}).json()["items"] == [made]
        assert api.get(INSTANCES, params={name: "none"}).json()["items"] == []
