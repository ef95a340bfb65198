"""`credenza apply FOLDER`: configuration kept in git, a file for each integration."""

import json

import pytest

from age_keys import DATABASE, MODELS, codes, make_pair, new_store, write_all
from cli_prompt import OPENAI, SENDGRID, Prompt
from credenza.cli import failures
from web_server import serve

MAIL = {**SENDGRID, "tags": [{"key": "team", "value": "mail"}]}
STORAGE = {
    "name": "bucket",
    "type": "aws",
    "configuration": {"connectionType": "CONDUCTOR_ROLE", "region": "eu-west-1"},
}


@pytest.fixture
def store(tmp_path, kek):
    return new_store(tmp_path / "here", kek)


@pytest.fixture
def remote(tmp_path, service, key):
    with serve(service) as url:
        prompt = Prompt(tmp_path / "none", "env://CREDENZA_TEST_NONE")
        prompt.environment |= {"CREDENZA_URL": url, "CREDENZA_TOKEN": key()}
        yield prompt


def names(prompt):
    return [item["name"] for item in prompt.json("export", "-")]


@pytest.fixture
def folder(tmp_path, store):
    """Return a folder with all that the store has, but for OpenAI and an integration without secrets."""
    store.run("apply", "-", input=[DATABASE, MAIL, OPENAI, STORAGE])
    return write_all(tmp_path / "git", DATABASE, MAIL)


def test_every_file_of_the_folder_and_below_is_one_integration(tmp_path, store):
    git = write_all(tmp_path / "git", OPENAI)
    write_all(git / "mail", SENDGRID)
    (git / "db.yml").write_text("name: db\ntype: grok\nconfiguration: {api_key: {$env: GROK}}\n")
    (git / "README.md").write_text("# ours")
    write_all(git / ".git", {"name": "hidden"})
    store.environment["GROK"] = "made-up"

    assert [store.run("apply", git).stdout for _ in range(2)] == ["3 created.\n", "3 unchanged.\n"]
    assert names(store) == ["a", "b", "db"]


def test_apis_need_not_say_whose_they_are_in_a_folder_or_a_file(tmp_path, store):
    store.environment["KEY"] = "made-up"
    apis = [{"api": "m", "configuration": {"temperature": 1}}]
    whole = {**OPENAI, "apis": apis}
    referring = {**whole, "name": "c", "configuration": {"api_key": {"$env": "KEY"}}}

    store.run("apply", write_all(tmp_path / "git", whole))
    store.run("apply", "-", input=[{**whole, "name": "b"}])
    store.run("apply", "-", input=[referring])

    for name in ("a", "b", "c"):
        assert store.json("get", name)["apis"][0]["integrationName"] == name


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"x.json": OPENAI, "y/z.json": {**OPENAI, "name": "A"}}, [("duplicate_name", "y/z.json", "/name")]),
        ({"x.json": [OPENAI, SENDGRID]}, [("one_integration_expected", "x.json", "")]),
        ({"x.json": []}, [("one_integration_expected", "x.json", "")]),
        ({"x.yaml": "a: [", "y.json": "{"}, [("invalid_yaml", "x.yaml", ""), ("invalid_json", "y.json", "")]),
        ({"x.json": '{"name": "a", "name": "b"}'}, [("duplicate_key", "x.json", "")]),
        ({"x.json": "5"}, [("array_expected", "x.json", "")]),
        ({"a.json": OPENAI, "x.json": {"name": "x", "type": "no"}}, [("unknown_type", "x.json", "/type")]),
        (
            {"x.yaml": {**OPENAI, "configuration": {"api_key": {"$env": "NONE"}}}},
            [("variable_not_set", "x.yaml", "/configuration/api_key")],
        ),
    ],
)
def test_what_is_wrong_is_told_by_file_and_nothing_is_saved(tmp_path, store, files, told):
    for name, content in files.items():
        path = tmp_path / "git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    refusal = store.refusal("apply", tmp_path / "git", code=failures.REFUSED)

    assert codes(refusal) == told
    assert names_or_none(store) == []


@pytest.mark.parametrize("options", [["--mode", "per-item"], ["--mode", "per-item", "--json"]])
def test_each_for_itself_is_told_by_file_too(tmp_path, store, options):
    git = write_all(tmp_path / "git", OPENAI, {"name": "x", "type": "no"})

    told = store.run("apply", git, *options, code=failures.REFUSED)

    if "--json" in options:
        [_, failed] = json.loads(told.stdout)["results"]
        assert [(each["name"], each.get("index")) for each in failed["problems"]] == [("x.json", None)]
    else:
        assert told.stderr.startswith("x.json /type: ")


def names_or_none(prompt):
    return [each["name"] for each in prompt.json("list", "--all")]


def test_of_two_files_with_one_name_both_are_named(tmp_path, store):
    git = write_all(tmp_path / "git", OPENAI)
    (git / "b.json").write_text(json.dumps(OPENAI))

    told = store.run("apply", git, code=failures.REFUSED).stderr

    assert (
        "b.json /name: Two files have one name, or names that differ only by case: this one and a.json."
        in told
    )


def test_an_empty_folder_is_refused(tmp_path, store):
    (tmp_path / "git").mkdir()

    assert store.refusal("apply", tmp_path / "git", code=failures.REFUSED)["code"] == "empty_array"


def test_a_plan_shows_what_would_go_and_writes_nothing(store, folder):
    told = store.run("apply", folder, "--plan", "--prune", "--yes").stdout.splitlines()

    assert told == [
        "name\ttype\tresult\tchanged\tsecrets",
        "a\topenai\tdeleted\t\tapi_key destroyed",
        "bucket\taws\tdeleted\t\t",
        "2 unchanged, 2 deleted; nothing was saved: this is a dry run.",
    ]
    assert names(store) == ["a", "b", "bucket", "orders-db"]


def test_without_prune_nothing_goes(store, folder):
    assert store.run("apply", folder).stdout == "2 unchanged.\n"
    assert len(names(store)) == 4


def test_an_integration_with_secrets_goes_only_with_yes_and_without_it_nothing_is_done(store, folder):
    write_all(folder, {**MAIL, "description": "New"})

    refusal = store.refusal("apply", folder, "--prune", code=failures.REFUSED)
    assert (refusal["code"], codes(refusal)) == ("only_copy", [("only_copy", "a", "")])
    assert names(store) == ["a", "b", "bucket", "orders-db"]
    assert store.json("get", "b")["description"] is None

    told = store.run("apply", folder, "--prune", "--yes").stdout
    assert told.splitlines()[:3] == [
        "name\ttype\tresult\tsecrets",
        "a\topenai\tgoes\t1 secret",
        "bucket\taws\tgoes\tno secrets",
    ]
    assert told.endswith("1 updated, 1 unchanged, 2 deleted.\n")
    assert names(store) == ["b", "orders-db"]


def test_one_without_secrets_goes_with_prune_alone(store, folder):
    write_all(folder, OPENAI)

    assert store.run("apply", folder, "--prune").stdout.endswith("3 unchanged, 1 deleted.\n")
    assert names(store) == ["a", "b", "orders-db"]


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        (["--names", "a*"], ["b", "bucket", "orders-db"]),
        (["--tag", "team=mail"], ["a", "b", "bucket", "orders-db"]),
        (["--tag", "team"], ["a", "b", "bucket", "orders-db"]),
        (["--names", "z"], ["a", "b", "bucket", "orders-db"]),
    ],
)
def test_only_what_is_in_scope_goes(store, folder, scope, left):
    store.run("apply", folder, "--prune", "--yes", *scope)

    assert names(store) == left


@pytest.mark.usefixtures("folder")
def test_a_folder_without_integrations_removes_all_only_with_yes(tmp_path, store):
    (tmp_path / "empty").mkdir()

    assert (
        store.refusal("apply", tmp_path / "empty", "--prune", code=failures.REFUSED)["code"] == "empty_folder"
    )
    assert len(names(store)) == 4
    told = store.json("apply", tmp_path / "empty", "--prune", "--yes")["results"]
    assert [(each["name"], each["result"]) for each in told] == [
        (name, "deleted") for name in ("a", "b", "bucket", "orders-db")
    ]


def test_when_a_file_is_refused_nothing_goes(store, folder):
    write_all(folder, {**MAIL, "configuration": {"api_key": "****"}})

    refusal = store.refusal("apply", folder, "--prune", "--yes", code=failures.REFUSED)

    assert codes(refusal) == [("masked_secret", "b.json", "/configuration/api_key")]
    assert len(names(store)) == 4


def test_options_of_pruning_go_together(store, folder):
    for options in (["--names", "a"], ["--tag", "a"], ["--yes"], ["--prune", "--mode", "per-item"]):
        store.refusal("apply", folder, *options, code=failures.USAGE)
    store.refusal("apply", folder / "b.json", "--prune", code=failures.USAGE)

    assert len(names(store)) == 4


def test_what_is_kept_in_git_with_sealed_secrets_is_applied_twice_and_changes_nothing(tmp_path, store):
    public, private = make_pair(tmp_path)
    store.run("apply", "-", input=[DATABASE, MODELS])
    store.run("export", f"{tmp_path}/git/", "--recipient", public)
    store.environment["CREDENZA_AGE_IDENTITY"] = str(private)

    for options in (["--plan"], ["--prune"], []):
        assert store.run("apply", tmp_path / "git", *options).stdout.startswith("2 unchanged")


def test_a_server_is_sent_the_same_and_loses_the_same(store, remote, folder):
    remote.run("apply", "-", input=[DATABASE, MAIL, OPENAI, STORAGE])
    write_all(folder, {**MAIL, "description": "New"})

    for options in (["--plan"], ["--plan", "--prune", "--yes"], ["--prune", "--yes"], ["--prune"]):
        ours, theirs = (prompt.run("apply", folder, *options).output for prompt in (store, remote))
        assert theirs == ours

    assert names(remote) == ["b", "orders-db"]


def test_a_key_removes_only_what_it_may(remote, key, folder):
    remote.run("apply", "-", input=[DATABASE, MAIL, OPENAI, STORAGE])
    for item in (OPENAI, STORAGE):
        (folder / f"{item['name']}.json").write_text(json.dumps(item))
    (folder / "orders-db.json").unlink()
    remote.environment["CREDENZA_TOKEN"] = key("editor", names=["a", "b", "bucket"])

    assert remote.run("apply", folder, "--prune", "--yes").stdout == "3 unchanged.\n"
    remote.environment["CREDENZA_TOKEN"] = key("viewer")
    assert remote.refusal("apply", folder, "--prune", "--yes", code=failures.REFUSED)["code"] == "forbidden"
    remote.environment["CREDENZA_TOKEN"] = key()
    assert names(remote) == ["a", "b", "bucket", "orders-db"]
