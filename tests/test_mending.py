"""A secret that cannot be opened any longer is mended by entering it again, even by the very same request."""

import pytest

from examples import item, query, resolve, save

DAMAGE = "UPDATE secrets SET sealed = CAST(substr(sealed, 1, 90) || x'00' || substr(sealed, 92) AS BLOB)"


@pytest.fixture
def damaged(api, database):
    """Return an item whose stored secret was damaged behind the service's back, and seen to be."""
    sent = item("one", "openai", configuration={"api_key": "sk-made-up"})
    save(api, sent)
    query(database, DAMAGE)
    assert api.get("/api/integrations/provider/one/resolved").json()["code"] == "secret_damaged"
    return sent


def test_the_very_same_request_seals_a_damaged_secret_anew(api, damaged):
    answer = save(api, damaged)

    assert answer.json()["results"][0]["secrets"] == {"/configuration/api_key": "replaced"}
    assert resolve(api) == {"api_key": "sk-made-up"}


def test_entering_it_in_another_request_seals_it_anew_too(api, damaged):
    save(api, {**damaged, "description": "mended"})

    assert resolve(api) == {"api_key": "sk-made-up"}


def test_a_damaged_secret_does_not_keep_its_record_from_being_listed_replaced_or_deleted(api, damaged):
    assert api.get("/api/integrations/provider/one").json()["name"] == "one"
    assert save(api, {**damaged, "configuration": {"api_key": "sk-new"}}).status_code == 200
    assert api.delete("/api/integrations/provider/one").status_code == 200
