"""The packages in `examples`: each is valid, installed and upgraded as its README says, secrets and all."""

import json
from pathlib import Path

import pytest

from age_keys import new_store

EXAMPLES = Path(__file__).parents[1] / "examples"
BEFORE, AFTER = "1.0.0", "1.1.0"
GIVEN = {
    "llm-gateway": {"openai_key": "sk-one", "anthropic_key": "sk-ant-two", "mistral_key": "mi-three"},
    "rag-stack": {
        "database": "db.internal:5432/vectors",
        "database_user": "rag",
        "database_password": "db-secret",
        "openai_key": "sk-one",
    },
    "event-pipeline": {
        "brokers": "b1.example.com:9093,b2.example.com:9093",
        "kafka_user": "app",
        "kafka_password": "kafka-secret",
        "access_key": "AKIA-made-up",
        "access_secret": "aws-secret",
    },
}
GIVEN_LATER = {
    "llm-gateway": {},
    "rag-stack": {"cohere_key": "co-four"},
    "event-pipeline": {
        "kafka_password": "kafka-secret",
        "registry": "https://registry.example.com",
        "registry_key": "reader",
        "registry_secret": "registry-secret",
    },
}
INSTALLED = {
    "llm-gateway": ["llm-anthropic", "llm-mistral", "llm-openai"],
    "rag-stack": ["rag-model", "rag-store"],
    "event-pipeline": ["events-kafka", "events-sqs"],
}


@pytest.fixture
def store(tmp_path, kek):
    return new_store(tmp_path / "home", kek)


@pytest.fixture(params=GIVEN)
def installed(request, store):
    """Return an example that was installed at its first version, and the store."""
    name = request.param
    store.run("package", "publish", EXAMPLES / name / BEFORE, "--yes")
    give(store, "install", name, GIVEN[name])
    return name, store


def give(store, verb, name, values, **expected):
    return store.run("package", verb, name, "--yes", "--variables", "-", input=values, **expected)


def configurations(store):
    return {each["name"]: each for each in (store.json("resolve", name) for name in names(store))}


def names(store):
    return [each["name"] for each in store.json("list")]


def test_there_is_a_folder_for_each_and_a_line_in_the_readme():
    readme = (EXAMPLES / "README.md").read_text()
    folders = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())

    assert folders == sorted(GIVEN)
    assert all(f"`{name}`" in readme for name in folders)
    assert all((EXAMPLES / name / each).is_dir() for name in folders for each in (BEFORE, AFTER))


@pytest.mark.parametrize("version", [BEFORE, AFTER])
@pytest.mark.parametrize("name", GIVEN)
def test_every_version_is_valid(store, name, version):
    told = store.json("package", "validate", EXAMPLES / name / version)

    assert (told["slug"], told["version"], told["types"]) == (name, version, "default")


def test_what_is_installed_resolves_to_the_secrets_that_were_given(installed):
    name, store = installed
    found = configurations(store)

    assert sorted(found) == INSTALLED[name]
    text = json.dumps([each["configuration"] for each in found.values()])
    assert [value for value in GIVEN[name].values() if value not in text] == []


def test_an_upgrade_brings_what_is_new_and_keeps_every_secret(installed):
    name, store = installed
    before = configurations(store)
    store.run("package", "publish", EXAMPLES / name / AFTER, "--yes")
    give(store, "upgrade", name, GIVEN_LATER[name])
    after = configurations(store)

    text = json.dumps([each["configuration"] for each in after.values()])
    assert [value for value in (GIVEN[name] | GIVEN_LATER[name]).values() if value not in text] == []
    assert after != before
    [install] = store.json("package", "installs")
    assert install["version"] == AFTER


def test_a_way_back_restores_exactly_what_was(installed):
    name, store = installed
    before = configurations(store)
    store.run("package", "publish", EXAMPLES / name / AFTER, "--yes")
    give(store, "upgrade", name, GIVEN_LATER[name])
    store.run("package", "rollback", name, "--yes")

    assert {name: said(each) for name, each in configurations(store).items()} == {
        name: said(each) for name, each in before.items()
    }


def said(whole):
    apis = [(each["api"], each["description"], each["configuration"]) for each in whole["apis"]]
    return whole["description"], whole["configuration"], apis, whole["tags"]


def test_the_gateway_exchanges_models(store):
    gateway = EXAMPLES / "llm-gateway"
    store.run("package", "publish", gateway / BEFORE, "--yes")
    give(store, "install", "llm-gateway", GIVEN["llm-gateway"])
    store.run("package", "publish", gateway / AFTER, "--yes")
    told = give(store, "upgrade", "llm-gateway", {}).stdout

    assert "apis/gpt-4o-mini removed, apis/gpt-4.1 added" in told
    assert {each["api"] for each in store.json("get", "llm-openai")["apis"]} == {"gpt-4.1", "gpt-4o"}


def test_the_stack_asks_for_the_secret_of_its_new_member_and_nothing_is_half_done(store):
    store.run("package", "publish", EXAMPLES / "rag-stack" / BEFORE, "--yes")
    give(store, "install", "rag-stack", GIVEN["rag-stack"])
    store.run("package", "publish", EXAMPLES / "rag-stack" / AFTER, "--yes")
    told = give(store, "upgrade", "rag-stack", {}, code=1).stderr

    assert "cohere_key" in told
    assert "--variables FILE" in told
    assert names(store) == INSTALLED["rag-stack"]


def test_the_pipeline_asks_for_the_password_again_since_another_place_joins_the_brokers(store):
    store.run("package", "publish", EXAMPLES / "event-pipeline" / BEFORE, "--yes")
    give(store, "install", "event-pipeline", GIVEN["event-pipeline"])
    store.run("package", "publish", EXAMPLES / "event-pipeline" / AFTER, "--yes")
    later = {name: value for name, value in GIVEN_LATER["event-pipeline"].items() if name != "kafka_password"}
    refusal = store.refusal(
        "package", "upgrade", "event-pipeline", "--yes", "--variables", "-", input=later, code=1
    )

    assert [(each["code"], each["pointer"], each["name"]) for each in refusal["errors"]] == [
        ("variable_required", "/variables/kafka_password", "source")
    ]
