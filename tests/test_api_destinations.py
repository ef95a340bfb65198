"""What is sealed of an api goes where its integration and it go, and nowhere else."""

import pytest

from api_parts import (
    ELSEWHERE,
    ONE,
    PUBLIC,
    SECRET,
    UNDECLARED,
    api_of,
    configure,
    places,
    resolved,
    told,
)
from credenza.connectors import Catalogue, shipped_schemas
from examples import dump, item, query, save
from web_answers import check_problem

SEALED = [{"api_key": "sk-of-the-model"}, {"undeclared": "value"}, {"endpoint": "https://u:p@api.example/v1"}]


@pytest.fixture
def one(api):
    """Save an integration without apis."""
    save(api, item(configuration={"api_key": "sk", "endpoint": "https://api.openai.com"}))
    return api


@pytest.mark.parametrize("configuration", SEALED, ids=["declared", "undeclared", "url"])
def test_what_is_sealed_of_an_api_does_not_follow_the_integration_elsewhere(one, database, configuration):
    configure(one, **configuration)
    before = dump(database)

    answer = one.post(ONE, json={"configuration": {"api_key": "sk", "endpoint": ELSEWHERE}})

    check_problem(answer, 400, "secret_reentry_required")
    where = "$unknown" if "undeclared" in configuration else next(iter(configuration))
    assert places(answer) == [("secret_reentry_required", f"/apis/gpt/configuration/{where}")]
    assert dump(database) == before


@pytest.mark.parametrize("configuration", SEALED, ids=["declared", "undeclared", "url"])
def test_entered_again_it_goes_along_and_is_sealed_anew(one, configuration):
    configure(one, **configuration)

    change = item(configuration={"api_key": "sk", "endpoint": ELSEWHERE}, apis=[api_of(**configuration)])
    answer = save(one, change)

    assert answer.status_code == 200
    assert set(told(answer).values()) == {"replaced"}
    assert resolved(one) == configuration


def test_an_api_without_sealed_values_is_no_matter_when_the_integration_moves(one):
    configure(one, **PUBLIC)

    assert one.post(ONE, json={"configuration": {"api_key": "sk", "endpoint": ELSEWHERE}}).status_code == 200


def test_an_api_that_is_removed_with_the_move_needs_no_entering(one):
    configure(one, **SECRET)

    moved = item(configuration={"api_key": "sk", "endpoint": ELSEWHERE}, apis=[])
    assert save(one, moved, apis="replace").status_code == 200
    assert one.get(f"{ONE}/integration/all").json() == []


def test_a_path_of_the_endpoint_is_no_other_destination(one):
    configure(one, **SECRET)
    there = {"api_key": "sk", "endpoint": "https://api.openai.com/v2"}

    assert one.post(ONE, json={"configuration": there}).status_code == 200
    assert resolved(one) == SECRET


def test_a_secret_of_an_api_does_not_follow_its_own_endpoint(one):
    configure(one, api_key="sk-of-the-model", endpoint="https://api.example")

    answer = configure(one, endpoint=ELSEWHERE)

    check_problem(answer, 400, "secret_reentry_required")
    assert places(answer) == [("secret_reentry_required", "/configuration/api_key")]


def test_in_bulk_a_secret_to_enter_again_is_found_where_its_api_stands_in_what_was_sent(one):
    configure(one, api_key="sk-of-the-model", endpoint="https://api.example")

    apis = [{"integrationName": "one", "api": "m"}, api_of(endpoint=ELSEWHERE)]
    answer = save(one, item(configuration=None, apis=apis))

    assert places(answer) == [("secret_reentry_required", "/apis/1/configuration/api_key")]


def test_undeclared_keys_may_say_where_a_secret_goes_so_it_is_entered_again_with_them(one):
    configure(one, api_key="sk-of-the-model", host="https://api.example")

    answer = configure(one, host=ELSEWHERE)

    check_problem(answer, 400, "secret_reentry_required")
    assert places(answer) == [("secret_reentry_required", "/configuration/api_key")]
    assert configure(one, host=ELSEWHERE, api_key="sk-2").status_code == 200


def test_a_sealed_url_of_the_integration_entered_anew_asks_for_the_secrets_of_its_apis(one):
    inside = {"api_key": "sk", "endpoint": "https://u:p@api.openai.com/v1"}
    one.post(ONE, json={"configuration": inside})
    configure(one, **SECRET, **UNDECLARED)
    other = {"api_key": "sk", "endpoint": "https://u:other@api.openai.com/v1"}

    answer = one.post(ONE, json={"configuration": other})

    check_problem(answer, 400, "secret_reentry_required")
    assert {pointer for _, pointer in places(answer)} == {
        f"/apis/gpt/configuration/{key}" for key in (*SECRET, "$unknown")
    }
    assert one.post(ONE, json={"configuration": inside}).status_code == 200


def test_a_trust_store_of_the_integration_entered_anew_asks_for_the_secrets_of_its_apis(api):
    configuration = {"endpoint": "nats://nats.example:4222", "connectionType": "Default"}
    configuration |= {"authenticationType": "None", "protocol": "None", "tls": "PEM", "tlsFile": "first"}
    trusting = {"name": "one", "type": "nats", "configuration": configuration}
    trusted = save(api, trusting)
    assert trusted.status_code == 200, trusted.text
    assert "tlsFile" in Catalogue.load(shipped_schemas())["nats"].trusts
    configure(api, api_key="sk-of-the-api")

    answer = api.post(ONE, json={"configuration": {**configuration, "tlsFile": "second"}})

    check_problem(answer, 400, "secret_reentry_required")
    assert ("secret_reentry_required", "/apis/gpt/configuration/api_key") in places(answer)


def test_a_secret_moved_to_another_api_in_the_store_is_not_opened(one, database):
    configure(one, api_key="sk-of-the-model")
    one.post(f"{ONE}/integration/other", json={"configuration": {"api_key": "sk-of-the-other"}})
    moved = "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE path = '/$apis/gpt/api_key') "
    query(database, moved + "WHERE path = '/$apis/other/api_key'")

    answer = one.get(f"{ONE}/resolved")

    assert answer.status_code == 500
    assert "sk-of" not in answer.text


def test_an_endpoint_changed_in_the_store_opens_no_secret_of_an_api(one, database):
    configure(one, api_key="sk-of-the-model", endpoint="https://api.example")
    assert (
        query(
            database,
            "UPDATE integration_versions SET document = replace(document, 'api.example', 'evil.example')",
        )
        == []
    )

    answer = one.get(f"{ONE}/resolved")

    assert (answer.status_code, "sk-of" in answer.text) == (500, False)


# Versions


@pytest.mark.parametrize(
    "configuration",
    [
        {"endpoint": "https://elsewhere.example"},
        {"endpoint": "https://u:p@elsewhere.example"},
        {"base_url": "https://elsewhere.example"},
    ],
    ids=["declared", "sealed", "undeclared"],
)
def test_one_who_may_not_reveal_leads_no_secret_of_the_integration_to_an_api_of_another_place(
    one, key, database, configuration
):
    editor = {"X-Authorization": key("editor")}
    before = dump(database)

    alone = configure(one, headers=editor, **configuration)
    bulk = save(one, item(configuration=None, apis=[api_of(**configuration)]), headers=editor)

    for answer in (alone, bulk):
        check_problem(answer, 400, "secret_reentry_required")
        assert places(answer) == [("secret_reentry_required", "/configuration/api_key")]
    assert dump(database) == before
    assert configure(one, **configuration).status_code == 200


def test_an_api_with_a_credential_of_its_own_may_lead_anywhere_until_it_loses_that(one, key):
    editor = {"X-Authorization": key("editor")}

    assert configure(one, headers=editor, endpoint=ELSEWHERE, api_key="its-own").status_code == 200
    lost = configure(one, headers=editor, endpoint=ELSEWHERE, api_key=None)

    check_problem(lost, 400, "secret_reentry_required")


def test_a_credential_of_another_key_covers_no_secret_of_the_integration(one, key):
    """Whoever lays the api's configuration over the integration's would send the one that is not covered."""
    editor = {"X-Authorization": key("editor")}

    answer = configure(one, headers=editor, endpoint=ELSEWHERE, password="junk")

    check_problem(answer, 400, "secret_reentry_required")
    assert places(answer) == [("secret_reentry_required", "/configuration/api_key")]


def test_with_the_secret_of_the_integration_entered_beside_it_an_api_may_lead_anywhere(one, key):
    editor = {"X-Authorization": key("editor")}
    whole = item(
        configuration={"api_key": "sk", "endpoint": "https://api.openai.com"},
        apis=[api_of(endpoint=ELSEWHERE)],
    )

    assert save(one, whole, headers=editor).status_code == 200
    assert configure(one, headers=editor, endpoint=ELSEWHERE, model="m").status_code == 200
