"""What a model, index or table of an integration may say: one more file under the rules, and no type."""

import json

import jsonschema
import pytest
from click.testing import CliRunner

from connector_examples import changed, write
from credenza.cli import root
from credenza.connectors import EMPTY, Catalogue, draft_all, shipped_schemas
from credenza.errors import SchemaRejected
from credenza.web.openapi.schemas import describe_schemas
from examples import EXAMPLES

FOLDER = shipped_schemas()
CATALOGUE = Catalogue.load(FOLDER)
META = json.loads((FOLDER / "meta.json").read_text())


def test_what_an_api_may_say_keeps_the_rules_for_types_and_is_none():
    schema = json.loads((FOLDER / "api.json").read_text())
    assert list(jsonschema.Draft202012Validator(META).iter_errors(schema)) == []
    assert (CATALOGUE.api.name, CATALOGUE.api.schema) == ("api", schema)
    assert "api" not in CATALOGUE
    assert "api" not in EXAMPLES


def test_nothing_lists_what_an_api_may_say_as_a_type():
    listed = json.loads(CliRunner().invoke(root, ["types", "--json"]).stdout)
    assert [each["name"] for each in listed] == list(CATALOGUE)
    described = describe_schemas(CATALOGUE, lenient=False)
    assert set(described["IntegrationItem"]["discriminator"]["mapping"]) == set(CATALOGUE)
    assert {"Configuration.api", "Integration.api"}.isdisjoint(described)


def test_no_type_may_have_the_name_of_what_an_api_may_say(tmp_path):
    write(tmp_path, changed(("/$id", "https://example.com/types/api.json")), "api")
    with pytest.raises(SchemaRejected, match="not `api`"):
        Catalogue.load(tmp_path)


def test_an_api_needs_no_key_and_takes_every_declared_one():
    numbers = {"maxTokens": "4096", "topK": 40, "contextWindow": "128000", "dimensions": 1536}
    tuning = {"temperature": 0.2, "topP": 1, "frequencyPenalty": -0.5, "presencePenalty": 0}
    texts = {"model": "m", "embeddingModel": "e", "frequency": "daily", "stopWords": ["END"]}
    places = {"endpoint": "https://models.example.com", "api_key": "made-up", "password": "made-up"}
    whole = {**numbers, **tuning, **texts, **places}
    assert set(whole) == set(CATALOGUE.api.keys)
    for configuration in ({}, whole):
        [draft] = draft_all(CATALOGUE.api, [(configuration, EMPTY)], lenient=False)
        assert (draft.problems, set(draft.entered)) == (
            (),
            {"/api_key", "/password"} if configuration else set(),
        )
    assert CATALOGUE.api.destinations == {"endpoint": "url"}
    assert CATALOGUE.api.embeds == {"endpoint"}
