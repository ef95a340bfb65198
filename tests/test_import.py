"""`credenza import`: what another store exported, with word of which secrets came and which are lacking."""

import json
import os

import pytest

from age_keys import DATABASE, MODELS, codes, make_pair, new_store, resolved, shared_store, write_all
from cli_prompt import OPENAI, SENDGRID, Prompt
from credenza.cli import failures, imports
from web_server import serve

MODEL = "/apis/org~1model:1/configuration"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return a store that no test changes."""
    prompt = shared_store(tmp_path_factory.mktemp("source"))
    prompt.run("apply", "-", input=[DATABASE, MODELS, OPENAI])
    return prompt


@pytest.fixture(scope="module")
def text(source):
    return source.run("export", "-").stdout


@pytest.fixture
def bare(tmp_path, text):
    """Return a file without secrets."""
    (tmp_path / "bare.yaml").write_text(text)
    return tmp_path / "bare.yaml"


@pytest.fixture
def there(tmp_path, kek):
    return new_store(tmp_path / "there", kek)


@pytest.fixture
def here(there):
    """Return a store that holds them all already."""
    there.run("apply", "-", input=[DATABASE, MODELS, OPENAI])
    return there


@pytest.fixture
def attended(monkeypatch):
    monkeypatch.setattr(imports, "someone_is_there", lambda: True)


def needs(told):
    return {each["name"]: each["needsSecrets"] for each in told["results"]}


def given(tmp_path, secrets):
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps(secrets))
    return path


ALL = {
    "a": ["/configuration/api_key"],
    "models": [
        "/configuration/api_key",
        "/configuration/endpoint",
        f"{MODEL}/api_key",
        f"{MODEL}/$unknown",
    ],
    "orders-db": ["/configuration/password"],
}
NONE = {name: [] for name in ALL}
SECRETS = {
    "a": {"/configuration/api_key": "sk-made-up"},
    "models": {
        "api_key": "sk-made-up",
        "/configuration/endpoint": "https://me:made-up@api.example.com/v1",
        f"{MODEL}/api_key": "sk-own",
    },
    "orders-db": {"password": "pässwörd-made-up"},
}


def test_what_was_exported_without_secrets_says_by_integration_which_are_needed(there, bare):
    told = there.json("import", bare, "--dry-run", code=failures.REFUSED)

    assert {name: sorted(each) for name, each in needs(told).items()} == {
        name: sorted(each) for name, each in ALL.items()
    }
    assert there.json("list", "--all") == []


def test_as_a_table_for_people(there, bare):
    rows = there.run("import", bare, "--plan", code=failures.REFUSED).stdout.splitlines()

    assert rows[0] == "name\tresult\tsecrets\tneedsSecrets"
    assert rows[1] == "a\tfailed\t\tapi_key"
    assert rows[-1].endswith("3 failed; nothing was saved: this is a dry run.")


def test_without_them_a_strict_store_refuses_what_cannot_be_without_and_saves_nothing(there, bare):
    told = there.run("import", bare, "--no-input", code=failures.REFUSED)

    assert "orders-db\tfailed\t\tpassword" in told.stdout
    assert "orders-db /configuration/password: password is required." in told.stderr
    assert there.json("list", "--all") == []


def test_a_lenient_store_saves_them_incomplete(there, bare):
    told = there.json("import", bare, "--validation", "lenient", "--leave-out")

    assert told["created"] == 3
    assert needs(told)["orders-db"] == ["/configuration/password"]
    assert {each["name"]: each["missing"] for each in there.json("list", "--all")} == {
        "a": ["/api_key"],
        "models": ["/api_key"],
        "orders-db": ["/password"],
    }


def test_what_the_store_holds_already_is_kept_and_not_asked_for(here, bare):
    told = here.json("import", bare)

    assert (told["unchanged"], needs(told)) == (3, NONE)


def test_secrets_are_taken_from_a_file_or_a_descriptor(tmp_path, source, there, bare):
    path = given(tmp_path, SECRETS)
    there.run("import", bare, "--secrets-file", path)

    models, *rest = resolved(there, "models", "a", "orders-db")
    wanted, *others = resolved(source, "models", "a", "orders-db")
    del wanted["apis"][0]["configuration"]["of-our-own"]
    assert ([models], rest) == ([wanted], others)

    descriptor = os.open(path, os.O_RDONLY)
    assert there.json("import", bare, "--secrets-fd", descriptor)["unchanged"] == 3


@pytest.mark.usefixtures("attended")
def test_at_a_terminal_each_is_asked_for_hidden_and_may_be_left_out(there, bare):
    answers = ["sk-1", "sk-2", "", "", "pw-3"]

    told = there.run("import", bare, "--leave-out", input="\n".join(answers) + "\n")

    assert "models: apis/org~1model:1/configuration/api_key (hidden; empty leaves it out): " in told.stderr
    assert "warning: 3 secrets left out, see needsSecrets" in told.stderr
    assert not any(answer in told.output for answer in answers if answer)
    assert there.json("resolve", "models")["configuration"] == {"api_key": "sk-2"}
    assert there.json("resolve", "orders-db")["configuration"]["password"] == "pw-3"


@pytest.mark.usefixtures("attended")
def test_where_a_kept_secret_would_go_elsewhere_it_is_asked_for_again(here, bare):
    bare.write_text(bare.read_text().replace("//db.example.com", "//db2.example.com"))

    told = here.json("import", bare, "--dry-run", code=failures.REFUSED)
    assert needs(told)["orders-db"] == ["/configuration/password"]
    refusal = here.refusal("import", bare, "--no-input", code=failures.REFUSED)
    assert codes(refusal) == [("secret_reentry_required", "orders-db", "/configuration/password")]
    here.run("import", bare, input="new\n")
    assert here.run("resolve", "orders-db", "--key", "password").stdout == "new"


@pytest.mark.usefixtures("attended")
def test_a_required_secret_that_the_file_does_not_even_name_is_needed_too(there):
    item = {"name": "m", "type": "sendgrid"}

    there.run("import", "-", "--no-input", input=[item], code=failures.REFUSED)
    path = there.folder / "x.json"
    path.write_text(json.dumps(item))
    there.run("import", path, input="SG\n")

    assert there.run("resolve", "m", "--key", "api_key").stdout == "SG"


@pytest.mark.usefixtures("attended")
@pytest.mark.parametrize("way", ["prompt", "file"])
def test_of_an_api_that_the_file_leaves_out_a_secret_is_taken_by_its_name(tmp_path, there, way):
    api = {"integrationName": "a", "api": "gpt/4", "configuration": {"temperature": 0.5, "api_key": "own"}}
    there.run("apply", "-", input=[{**OPENAI, "apis": [api]}])
    moved = {**OPENAI, "configuration": {"api_key": "new", "endpoint": "https://x.example"}}
    path = tmp_path / "moved.json"
    path.write_text(json.dumps(moved))

    [told] = there.json("import", path, "--dry-run", code=failures.REFUSED)["results"]
    assert told["needsSecrets"] == ["/apis/gpt~14/configuration/api_key"]
    if way == "prompt":
        there.run("import", path, input="entered")
    else:
        secrets = given(tmp_path, {"a": dict.fromkeys(told["needsSecrets"], "entered")})
        there.run("import", path, "--secrets-file", secrets)

    [kept] = there.json("resolve", "a")["apis"]
    assert kept["configuration"] == {"temperature": 0.5, "api_key": "entered"}


def test_secrets_of_apis_are_named_alike_wherever_they_stand(here, bare):
    [_, models, _] = here.json("import", bare, "--dry-run")["results"]
    assert f"{MODEL}/api_key" in models["secrets"]
    here.run("delete", "models", "--yes")
    [_, models, _] = here.json("import", bare, "--dry-run", code=failures.REFUSED)["results"]
    assert f"{MODEL}/api_key" in models["needsSecrets"]


def test_a_secret_of_an_api_may_be_given_by_its_position_too(tmp_path, there, bare):
    models = {**SECRETS["models"], "/apis/0/configuration/api_key": "by-position"}
    del models[f"{MODEL}/api_key"]

    there.run("import", bare, "--secrets-file", given(tmp_path, {**SECRETS, "models": models}))

    assert there.json("resolve", "models")["apis"][0]["configuration"]["api_key"] == "by-position"


@pytest.mark.parametrize("validation", ["strict", "lenient"])
def test_a_url_that_is_lacking_is_not_left_out_unasked_for_other_secrets_would_go_elsewhere(
    tmp_path, there, bare, validation
):
    secrets = {**SECRETS, "models": {"api_key": "sk-made-up"}}
    options = [bare, "--secrets-file", given(tmp_path, secrets), "--validation", validation]

    refusal = there.refusal("import", *options, code=failures.REFUSED)
    assert codes(refusal) == [("destination_left_out", "models", "/configuration/endpoint")]
    told = there.json("import", *options, "--plan", code=failures.REFUSED)["results"]
    assert [each["result"] for each in told] == ["created", "failed", "created"]
    assert there.json("list", "--all") == []

    there.run("import", *options, "--leave-out")
    assert there.json("resolve", "models")["configuration"] == {"api_key": "sk-made-up"}


def test_a_plan_leaves_with_the_code_that_the_import_would(there):
    there.run("import", "-", "--plan", input=[OPENAI])
    there.run("import", "-", "--plan", input=[OPENAI, {"name": "x", "type": "nope"}], code=failures.REFUSED)


def test_in_the_plan_of_a_folder_problems_name_the_file(tmp_path, there):
    git = write_all(tmp_path / "git", OPENAI, {"name": "x", "type": "nope"})

    told = there.run("import", git, "--plan", code=failures.REFUSED).stderr

    assert told.startswith("x.json /type: ")


def test_names_and_tags_say_which_are_meant(there):
    tagged = [{**OPENAI, "tags": [{"key": "team", "value": "shop"}]}, SENDGRID, {**OPENAI, "name": "a2"}]

    for options, meant in (
        (["--names", "a*"], ["a", "a2"]),
        (["--tag", "team"], ["a"]),
        (["--tag", "team=other", "--names", "*"], []),
        (["--names", "b", "--prefix", "x-"], ["x-b"]),
    ):
        code = 0 if meant else failures.NOT_FOUND
        told = there.run("import", "-", "--plan", *options, input=tagged, code=code)
        assert [line.partition("\t")[0] for line in told.stdout.splitlines()[1:-1]] == meant


def test_a_wrong_parent_of_an_api_is_refused_whether_or_not_the_name_is_changed(there):
    item = {**OPENAI, "apis": [{"integrationName": "another", "api": "m"}]}

    for options in ([], ["--prefix", "x-"]):
        refusal = there.refusal("import", "-", *options, input=[item], code=failures.REFUSED)
        assert [code for code, *_ in codes(refusal)] == ["parent_mismatch"]


NOWHERE = [
    ({"CNRY": {"api_key": "x"}}, "Name 1 of the secrets is not among"),
    ({"a": {"/configuration/organization": "CNRY"}}, "Pointer 1 of the secrets of a is no place"),
    ({"a": {"/description": "CNRY"}}, "no place of a secret"),
    ({"a": {"/configuration": "CNRY"}}, "no place of a secret"),
    ({"models": {"/apis/9/configuration/api_key": "CNRY"}}, "no place of a secret"),
    ({"a": "CNRY"}, "The secrets are JSON of the form"),
    (["CNRY"], "The secrets are JSON"),
]


def test_secrets_for_no_place_are_refused_and_nothing_of_them_is_repeated(tmp_path, there, bare):
    for secrets, words in NOWHERE:
        path = given(tmp_path, secrets)
        told = there.refusal("import", bare, "--secrets-file", path, code=failures.USAGE)["message"]
        assert words in told
        assert "CNRY" not in told

    assert there.json("list", "--all") == []


def test_names_are_changed_on_the_way(there):
    items = [OPENAI, SENDGRID, MODELS]

    there.run("import", "-", "--prefix", "test-", "--rename", "a=other", input=items)

    assert [each["name"] for each in there.json("list", "--all")] == ["other", "test-b", "test-models"]
    assert there.json("get", "test-models")["apis"][0]["integrationName"] == "test-models"


def test_options_that_cannot_be_meant_are_refused(there):
    for options in (
        ["--rename", "a"],
        ["--rename", "a=/"],
        ["--rename", "nope=x"],
        ["--prefix", "/"],
        ["--secrets-file", "-"],
        ["--secrets-fd", "0"],
        ["--secrets-fd", "987"],
        ["--secrets-file", "/nonexistent"],
    ):
        there.refusal("import", "-", *options, input=[OPENAI], code=failures.USAGE)

    assert there.json("list", "--all") == []


def test_what_is_wrong_with_one_is_told_and_none_is_saved(there):
    items = [OPENAI, {"name": "x", "type": "nope"}, 5]

    told = codes(there.refusal("import", "-", input=items, code=failures.REFUSED))

    assert [code for code, *_ in told][:1] == ["unknown_type"]
    assert there.json("list", "--all") == []


def test_a_folder_is_imported_as_a_file_is(tmp_path, source, there):
    public, private = make_pair(tmp_path)
    source.run("export", f"{tmp_path}/all/", "--recipient", public)

    told = there.json("import", tmp_path / "all", "--identity", private)

    assert (told["created"], needs(told)) == (3, NONE)
    assert resolved(there, *ALL) == resolved(source, *ALL)


def test_into_a_server_it_is_the_same(tmp_path, service, key, there, bare):
    with serve(service) as url:
        remote = Prompt(tmp_path / "none", "env://CREDENZA_TEST_NONE")
        remote.environment |= {"CREDENZA_URL": url, "CREDENZA_TOKEN": key()}
        plans = [each.run("import", bare, "--dry-run", code=failures.REFUSED) for each in (remote, there)]
        assert plans[0].output == plans[1].output
        path = given(tmp_path, SECRETS)
        told = [prompt.run("import", bare, "--secrets-file", path).output for prompt in (remote, there)]

    assert told[0] == told[1]
