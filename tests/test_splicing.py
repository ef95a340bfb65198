"""`credenza seal` puts a secret into a file of any style, and leaves the rest of it alone."""

import json

import pytest

from age_keys import KAFKA, make_pair, shared_store
from credenza.cli import failures

HEAD = "name: a\ntype: openai\nconfiguration:\n  endpoint: https://api.example.com # ours\n"
FLOW = """{
  # ours
  name: a, type: openai,
  configuration: {endpoint: "https://api.example.com"}, # and theirs
}
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def store(tmp_path_factory, pair):
    prompt = shared_store(tmp_path_factory.mktemp("store"))
    prompt.environment["CREDENZA_AGE_IDENTITY"] = str(pair[1])
    return prompt


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "---\n",
        "---\n" + HEAD + "...\n---\n# nothing\n",
        "---\n---\n" + HEAD,
        FLOW,
        FLOW.replace("{endpoint", "{api_key: null, endpoint"),
        f"[{FLOW}]",
    ],
)
def test_documents_that_are_empty_and_flow_style_are_yaml_like_any_other(tmp_path, store, pair, text):
    file = tmp_path / "a.yaml"
    file.write_text(text)

    store.run("seal", file, "api_key", "--recipient", pair[0], input="k")

    sealed = file.read_text()
    before, _, rest = sealed.partition("{$age: ")
    after = rest.partition("}")[2]
    assert text.startswith(before.removesuffix("api_key: "))
    assert text.endswith(after.removeprefix(", ").lstrip("\n "))
    store.run("apply", file)
    assert store.json("resolve", "a")["configuration"]["api_key"] == "k"


def test_without_a_name_nothing_is_sealed_for_it_is_bound_to_that(tmp_path, store, pair):
    file = tmp_path / "a.yaml"
    file.write_text(HEAD.removeprefix("name: a\n"))

    told = store.refusal("seal", file, "api_key", "--recipient", pair[0], input="k", code=failures.USAGE)

    assert "name into FILE first" in told["message"]


@pytest.mark.parametrize("name", ["a.json", "a.yaml", "a.jsonl"])
def test_json_stays_json(tmp_path, store, pair, name):
    file = tmp_path / name
    item = {"name": "a", "type": "openai", "configuration": {"api_key": None}}
    file.write_text(json.dumps(item) + "\n")

    store.run("seal", file, "api_key", "--recipient", pair[0], input="k")

    assert json.loads(file.read_text())["configuration"].keys() == {"api_key"}
    assert store.run("apply", file).exit_code == 0


def test_sealing_again_what_is_named_comes_to_an_end_in_any_order(tmp_path, store, pair):
    """Trust stores, URLs and passwords are bound to each other, and none to the text of all others."""
    configuration = KAFKA["configuration"]
    secrets = ["password", "schemaRegistryUrl", "keyStorePassword", "file"]
    file = tmp_path / "events.json"
    file.write_text(json.dumps(KAFKA))

    waiting, count = [f"/configuration/{key}" for key in secrets], 0
    while waiting:
        place, count = waiting.pop(0), count + 1
        told = store.json(
            "seal", file, place, "--recipient", pair[0], input=configuration[place.split("/")[-1]]
        )
        waiting += [each for each in told["sealAgain"] if each not in waiting]

    assert count <= 3 * len(secrets)
    store.run("apply", file)
    assert store.json("resolve", "events")["configuration"] == configuration
