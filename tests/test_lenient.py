"""Lenient validation: what is missing or unknown is accepted, marked and sealed; what is wrong is not."""

import pytest
from litestar.testing import TestClient

from credenza.model import Role
from credenza.web.app import create_app
from examples import API, EXAMPLES, dump, item, problems, query, read, resolve, save

BASE = {"api_key": "sk", "base_url": "https://hidden.example", "retries": {"max": [1, 2]}}


@pytest.fixture
def lenient(open_service):
    return open_service("lenient", validation="lenient")


@pytest.fixture
def database(lenient):
    return lenient.store.path


@pytest.fixture
def headers(lenient):
    """Make the header of a key of a role."""

    def make(role):
        made = lenient.accounts.create_key(lenient.tenant(), Role(role), by="test")
        return {"X-Authorization": made.token.reveal()}

    return make


@pytest.fixture
def api(lenient, headers):
    with TestClient(create_app(lenient), raise_server_exceptions=False) as client:
        client.headers.update(headers("admin"))
        yield client


def configure(api, headers=None, **configuration):
    return save(api, item(configuration=configuration), headers=headers)


def test_an_integration_that_lacks_keys_is_saved_and_marked_incomplete(api):
    answer = save(api, item("one", "openai", configuration={"awsAccountId": "1234"}))

    assert answer.json()["results"][0]["missing"] == ["/api_key"]
    shown = read(api)
    assert (shown["complete"], shown["missing"]) == (False, ["/api_key"])


def test_one_without_any_configuration_is_saved_too(api):
    save(api, {"name": "one", "type": "anthropic"})

    assert read(api)["missing"] == ["/api_key", "/endpoint"]


def test_what_is_missing_is_said_again_when_the_same_is_saved_again(api):
    configure(api, organizationId="org")

    answer = configure(api, organizationId="org")

    [result] = answer.json()["results"]
    assert (result["result"], result["missing"]) == ("unchanged", ["/api_key"])


def test_it_becomes_complete_when_the_key_comes(api):
    configure(api)

    configure(api, api_key="sk")

    assert (read(api)["complete"], read(api)["missing"]) == (True, [])


def test_keys_that_only_a_condition_asks_for_are_missing_as_well(api):
    save(api, item("one", "aws", configuration={"connectionType": "ACCESS_KEY", "region": "r"}))

    assert read(api)["missing"] == ["/user", "/api_key"]


def test_unknown_keys_are_sealed_names_and_values_alike_and_come_back_on_reveal(api, database):
    configure(api, **BASE)

    shown = read(api)["configuration"]
    assert set(shown) == {"api_key", "$unknown"}
    assert set(shown["$unknown"]["$secret"]) == {"version", "updatedAt"}
    assert resolve(api) == BASE
    files = b"".join(file.read_bytes() for file in database.parent.iterdir())
    assert not [word for word in (b"base_url", b"hidden.example", b"retries") if word in files]


def test_a_read_saved_back_keeps_the_unknown_keys_and_changes_nothing(api, database):
    configure(api, **BASE)
    save(api, {"name": "one", "type": "openai", "description": "later"})
    revealed = api.get(f"{API}/provider/one/resolved").json()
    before = dump(database)

    for answer in (read(api), *api.get(API + "/").json(), revealed):
        assert save(api, answer).json()["unchanged"] == 1
    assert dump(database) == before


def test_unknown_keys_left_out_are_gone(api):
    configure(api, **BASE)

    answer = configure(api, api_key="sk")

    assert answer.json()["results"][0]["secrets"]["/configuration/$unknown"] == "cleared"
    assert resolve(api) == {"api_key": "sk"}


def test_the_reference_beside_new_unknown_keys_is_refused(api):
    configure(api, **BASE)

    shown = read(api)["configuration"]

    assert problems(configure(api, **shown, more="x")) == [(0, "unknown_mixed", "/configuration")]


def test_a_reference_to_unknown_keys_where_none_are_held_is_refused(api):
    configure(api, api_key="sk")

    assert problems(configure(api, api_key="sk", **{"$unknown": {"$secret": {}}})) == [
        (0, "secret_not_held", "/configuration")
    ]


@pytest.mark.parametrize(
    "change",
    [{"base_url": "https://evil.example"}, {"base_url": BASE["base_url"], "more": "x"}, {}],
    ids=["changed", "more", "none"],
)
def test_unknown_keys_are_part_of_the_destination_of_every_secret(api, change):
    configure(api, **BASE)

    answer = configure(api, **change)

    assert problems(answer) == [(0, "secret_reentry_required", "/configuration/api_key")]
    assert configure(api, api_key="sk", **change).status_code == 200


def test_unknown_keys_themselves_do_not_follow_to_another_destination(api):
    configure(api, **BASE)

    answer = configure(api, endpoint="https://evil.example", **read(api)["configuration"])

    pointers = {pointer for _, _, pointer in problems(answer)}
    assert pointers == {"/configuration/$unknown", "/configuration/api_key"}


def test_the_same_unknown_keys_in_another_order_keep_the_secret(api):
    configure(api, **BASE)

    answer = configure(api, retries=BASE["retries"], base_url=BASE["base_url"])

    assert answer.json()["unchanged"] == 1


@pytest.mark.parametrize("dry", ["true", "false"])
@pytest.mark.parametrize("guess", [BASE["base_url"], "https://wrong.example"])
def test_one_who_may_not_reveal_learns_nothing_from_unknown_keys_beside_a_kept_secret(
    api, headers, guess, dry
):
    configure(api, **BASE)
    kept = item(configuration={"base_url": BASE["base_url"], "retries": BASE["retries"]}, description="x")
    save(api, kept)
    kept["configuration"]["base_url"] = guess

    answer = save(api, kept, headers=headers("editor"), dryRun=dry)

    assert problems(answer) == [(0, "secret_reentry_required", "/configuration/api_key")]


def test_one_who_may_not_reveal_can_still_save_all_of_it_again(api, headers):
    configure(api, **BASE)

    assert configure(api, headers("editor"), **BASE).json()["unchanged"] == 1
    assert configure(api, headers("editor"), **BASE | {"api_key": "sk-2"}).json()["updated"] == 1


@pytest.mark.parametrize(
    ("configuration", "code"),
    [
        ({"api_key": 5}, "wrong_type"),
        ({"api_key": "***"}, "masked_secret"),
        ({"endpoint": ["x"]}, "wrong_type"),
        ({"extra": "a\0b"}, "nul_character"),
        ({"extra": "x" * 65_536}, "secret_too_long"),
        ({"extra": 2**60}, "number_out_of_range"),
    ],
)
def test_what_is_wrong_is_refused_all_the_same(api, configuration, code):
    assert code in [each for _, each, _ in problems(configure(api, **configuration))]


def test_a_choice_outside_a_documented_list_is_refused_all_the_same(api):
    answer = save(api, item("one", "amqp", configuration={"protocol": "carrier-pigeon"}))

    assert problems(answer) == [(0, "not_allowed", "/configuration/protocol")]


@pytest.mark.parametrize("type", ["openai", "sendgrid", "aws", "mongovectordb", "relational_db"])
def test_a_reveal_of_any_type_with_unknown_keys_gives_all_of_it(api, type):
    whole = {**EXAMPLES[type], "x-extra": {"nested": [None, True, 1.5, "é"]}}

    save(api, item("one", type, configuration=whole))

    assert resolve(api) == whole


def test_a_sealed_map_from_another_version_is_refused(api, database):
    configure(api, **BASE)
    configure(api, **BASE | {"base_url": "https://other.example"})

    old = "(SELECT sealed FROM secrets WHERE path = '/$unknown' AND version = 1)"
    query(database, f"UPDATE secrets SET sealed = {old} WHERE path = '/$unknown' AND version = 2")

    assert api.get(f"{API}/provider/one/resolved").status_code == 500


def test_the_same_keys_are_refused_where_validation_is_strict(open_service, lenient, api):
    configure(api, **BASE)
    save(api, item("lacking", "anthropic", configuration={"version": "1", "extra": "x"}))
    shown = read(api), read(api, "lacking")
    lenient.close()

    strict = open_service("lenient")
    with TestClient(create_app(strict)) as client:
        client.headers.update(api.headers)
        assert save(client, *shown).json()["unchanged"] == 2
        assert problems(configure(client, api_key="sk", more="x")) == [(0, "unknown_key", "/configuration")]
