"""Who may write a file, and holds no key and may not reveal, has no secret sent to a place of his own."""

import json

import pytest

from age_keys import KAFKA, codes, make_pair, new_store, shared_store
from cli_prompt import OPENAI, Prompt
from credenza.cli import failures
from credenza.sensitive import Sensitive
from credenza.transfer import age
from web_server import serve

EVIL = "https://evil.example"
EVIL_URL = "https://u:p@evil.example/v1"
REENTER = "secret_reentry_required"
MODELS = {
    "name": "m",
    "type": "openai",
    "configuration": {"api_key": "k"},
    "apis": [{"api": "one", "configuration": {"token": "undeclared"}}],
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def ours(tmp_path_factory, pair):
    """Return a store in which nothing of these tests can be saved but on purpose; it opens what is sealed."""
    prompt = shared_store(tmp_path_factory.mktemp("ours"))
    prompt.environment["CREDENZA_AGE_IDENTITY"] = str(pair[1])
    return prompt


@pytest.fixture(scope="module")
def seal(tmp_path_factory, pair):
    """Return what exports an integration, its secrets sealed, and never the same object twice."""
    elsewhere = shared_store(tmp_path_factory.mktemp("elsewhere"))
    known = {}

    def export(item):
        key = json.dumps(item)
        if key not in known:
            elsewhere.run("apply", "-", "--validation", "lenient", input=[item])
            known[key] = elsewhere.run(
                "export", "-", "--json", "--names", item["name"], "--recipient", pair[0]
            ).stdout
            elsewhere.run("delete", item["name"], "--yes")
        return json.loads(known[key])[0]

    return export


@pytest.fixture
def store(tmp_path, kek, pair):
    prompt = new_store(tmp_path / "here", kek)
    prompt.environment["CREDENZA_AGE_IDENTITY"] = str(pair[1])
    return prompt


def refused(prompt, *items, command=("apply", "-", "--validation", "lenient")):
    """Save items that are refused, and return code and place of what is wrong."""
    told = prompt.refusal(*command, input=items, code=failures.REFUSED)
    assert prompt.json("list", "--all") == []
    return [(code, place) for code, _, place in codes(told)]


def with_api(item, **configuration):
    return {**item, "apis": [{"integrationName": item["name"], "api": "one", "configuration": configuration}]}


# What is not declared may be anything: it goes nowhere but where it was sealed for.

OWN = {"name": "m", "type": "openai", "configuration": {"api_key": "k", "endpoint": "https://u:p@a.example"}}
UNDECLARED = {**OWN, "configuration": {**OWN["configuration"], "undeclared": "value"}}


def test_undeclared_keys_of_an_api_do_not_open_beside_a_place_of_its_own(ours, seal):
    for endpoint in (EVIL, EVIL_URL):
        item = seal(MODELS)
        item["apis"][0]["configuration"]["endpoint"] = endpoint

        assert (REENTER, "/apis/0/configuration/$unknown") in refused(ours, item, command=("apply", "-"))


def test_undeclared_keys_do_not_open_beside_another_url(ours, seal):
    """Whether it stands in clear, was sealed by somebody else, or is left out."""
    other = seal({**OWN, "configuration": {**OWN["configuration"], "endpoint": EVIL_URL}})["configuration"]

    for endpoint in (EVIL, EVIL_URL, other["endpoint"], None):
        item = seal(UNDECLARED)
        item["configuration"]["endpoint"] = endpoint
        assert (REENTER, "/configuration/$unknown") in refused(ours, item)


def test_undeclared_keys_and_urls_do_not_open_with_an_api_that_leads_elsewhere(ours, seal):
    unknown, url = ((REENTER, f"/configuration/{key}") for key in ("$unknown", "endpoint"))
    # A URL with credentials of the api's own stands in the place of the integration's; nothing covers others.
    for configuration, places in (
        ({"endpoint": EVIL}, [url, unknown]),
        ({"proxy": EVIL}, [url, unknown]),
        ({"endpoint": EVIL_URL}, [unknown]),
    ):
        item = with_api(seal(UNDECLARED), api_key="own", password="own", **configuration)
        assert refused(ours, item) == places


def test_a_trust_store_and_a_url_do_not_open_where_undeclared_keys_were_added(ours, seal):
    item = seal(KAFKA)
    item["configuration"]["proxy"] = EVIL

    places = [place for _, place in refused(ours, item)]
    assert {f"/configuration/{key}" for key in ("file", "password", "schemaRegistryUrl")} <= {*places}


def test_a_trust_store_does_not_open_beside_another_url_in_clear(ours, seal):
    item = seal(KAFKA)
    item["configuration"]["schemaRegistryUrl"] = EVIL_URL

    assert (REENTER, "/configuration/file") in refused(ours, item)


def test_an_api_is_not_covered_by_an_undeclared_key_of_the_same_name(ours, seal):
    for value in ("", "x", False):
        item = with_api(seal(KAFKA), endpoint=EVIL, password="own", keyStorePassword=value)
        assert (REENTER, "/configuration/keyStorePassword") in refused(ours, item)

    item = with_api(seal(KAFKA), endpoint=EVIL, password="")
    assert (REENTER, "/configuration/password") in refused(ours, item)


# A secret that the store keeps.


@pytest.mark.parametrize("command", ["apply", "import"])
def test_an_api_in_a_file_does_not_begin_to_lead_a_kept_secret_away(store, command):
    store.run("apply", "-", input=[OPENAI])
    item = with_api({"name": "a", "type": "openai"}, endpoint=EVIL)
    run = (command, "-", *(["--no-input"] if command == "import" else []))

    told = store.refusal(*run, input=[item], code=failures.REFUSED)

    assert codes(told) == [(REENTER, "a", "/configuration/api_key")]
    assert "--allow-leads" in told["errors"][0]["message"]
    assert store.json("get", "a")["apis"] == []
    assert store.run(*run, "--allow-leads", input=[item]).stdout.endswith("1 updated.\n")
    # It leads there already: what is saved again is nothing new.
    assert store.run(*run, input=[{**item, "description": "x"}]).stdout.endswith("1 updated.\n")


def test_an_api_that_loses_the_secret_of_its_own_is_given_none(store):
    store.run("apply", "-", input=[with_api(OPENAI, endpoint=EVIL, api_key="own")])
    item = with_api({"name": "a", "type": "openai"}, endpoint=EVIL, api_key=None)

    told = store.refusal("apply", "-", input=[item], code=failures.REFUSED)

    assert codes(told) == [(REENTER, "a", "/configuration/api_key")]


def test_a_server_refuses_it_too_though_the_key_may_reveal(tmp_path, service, key):
    item = with_api({"name": "a", "type": "openai"}, endpoint=EVIL)
    with serve(service) as url:
        prompt = Prompt(tmp_path / "none", "env://CREDENZA_TEST_NONE")
        prompt.environment |= {"CREDENZA_URL": url, "CREDENZA_TOKEN": key()}
        prompt.run("apply", "-", input=[OPENAI])

        told = prompt.refusal("apply", "-", input=[item], code=failures.REFUSED)
        assert codes(told) == [(REENTER, "a", "/configuration/api_key")]
        assert prompt.run("apply", "-", "--allow-leads", input=[item]).stdout == "1 updated.\n"


def test_a_call_may_ask_for_the_same(api):
    api.post("/api/integrations", json=[OPENAI])
    item = with_api({"name": "a", "type": "openai"}, endpoint=EVIL)

    assert api.post("/api/integrations?leads=refuse", json=[item]).status_code == 400
    assert api.post("/api/integrations?leads=allow", json=[item]).status_code == 200
    assert api.post("/api/integrations?leads=x", json=[item]).status_code == 400


def test_a_secret_that_covers_an_api_is_not_left_out_of_an_import(tmp_path, store, seal):
    """Otherwise the api would be given the integration's own, which was sealed for another place."""
    item = with_api(seal(OPENAI), endpoint=EVIL, api_key={"$secret": {}})
    file, place = tmp_path / "x.json", "/apis/one/configuration/api_key"
    # Whoever seals beside such an api counts on its own secret.
    pointer = ("/configuration/api_key", "--recipient", make_recipient(store))
    file.write_text(json.dumps(item))
    store.run("seal", file, *pointer, input="sk")

    for options in (["--no-input"], ["--no-input", "--leave-out"]):
        told = store.refusal("import", file, *options, code=failures.REFUSED)
        assert codes(told) == [("secret_left_out", "a", place)]
    assert store.json("list", "--all") == []

    (tmp_path / "s.json").write_text(json.dumps({"a": {place: "its-own"}}))
    store.run("import", file, "--secrets-file", tmp_path / "s.json")
    assert store.json("resolve", "a")["apis"][0]["configuration"]["api_key"] == "its-own"


def make_recipient(prompt):
    public, private = make_pair(prompt.folder, "another")
    prompt.environment["CREDENZA_AGE_IDENTITY"] = str(private)
    return public


# A name, by which keys are limited.


def test_a_copy_under_another_name_does_not_open(store, seal):
    item = {**seal(OPENAI), "name": "other"}

    assert refused(store, item, command=("apply", "-")) == [
        ("sealed_for_another_name", "/configuration/api_key")
    ]
    assert store.run("apply", "-", "--any-name", input=[item]).stdout == "1 created.\n"


def test_renamed_on_the_command_line_it_opens(store, seal):
    item = seal(OPENAI)

    store.run("import", "-", "--no-input", "--rename", "a=b", input=[item])
    store.run("import", "-", "--no-input", "--prefix", "x-", input=[item])

    assert [each["name"] for each in store.json("list", "--all")] == ["b", "x-a"]
    item["name"] = "c"
    told = store.refusal("import", "-", "--rename", "c=a", "--no-input", input=[item], code=failures.REFUSED)
    assert codes(told) == [("sealed_for_another_name", "a", "/configuration/api_key")]


def test_what_another_version_of_the_program_sealed_is_told_from_what_was_changed(ours, pair):
    recipient = age.read_recipient(pair[0])
    item = {"name": "a", "type": "openai", "configuration": {"api_key": None}}
    for text, code in (
        (b'{"v": 1, "type": "openai", "key": "/api_key"}', "sealed_by_another_version"),
        (b'{"v": 2}', "sealed_for_others"),
        (b"CNRY", "sealed_for_others"),
        (b"[" * 100_000, "sealed_for_others"),
    ):
        item["configuration"]["api_key"] = {"$age": age.seal(Sensitive(text), [recipient])}
        assert refused(ours, item) == [(code, "/configuration/api_key")]
