"""`credenza package init`, `validate`, `publish`, `diff`, `list` and `show`: from files to versions."""

import json

import pytest
import yaml

from age_keys import codes, new_store
from cli_prompt import Prompt
from credenza.cli import failures
from credenza.cli.packages import agreeing
from own_types import OTHER, register
from package_files import CANARY, CHAT, MAIL, VARIABLES, member, package, publish, write


@pytest.fixture
def store(tmp_path, kek):
    return new_store(tmp_path / "home", kek)


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "demo", package())


def refused(store, path, code=failures.REFUSED):
    """Return what `validate` finds wrong, which repeats nothing of what is there."""
    refusal = store.refusal("package", "validate", path, code=code)
    assert CANARY not in json.dumps(refusal)
    assert CANARY not in store.run("package", "validate", path, code=code).output
    return codes(refusal)


def test_init_writes_a_valid_package_with_comments_and_a_file_for_a_member(tmp_path, store):
    store.run("package", "init", tmp_path / "my-rag")
    told = store.json("package", "validate", tmp_path / "my-rag")

    assert (told["slug"], told["members"]) == ("my-rag", ["chat", "store"])
    assert told["secretVariables"] == ["openai_key", "pinecone_key"]
    assert "# " in (tmp_path / "my-rag" / "package.yaml").read_text()


@pytest.mark.parametrize("name", ["a b", "9lives", "_", "x" * 80])
def test_whatever_the_folder_is_called_what_init_writes_is_valid(tmp_path, store, name):
    store.run("package", "init", tmp_path / name)

    store.run("package", "validate", tmp_path / name)


@pytest.mark.parametrize("name", ["package.yaml", "package.yml", "package.json", "members"])
def test_init_never_overwrites(tmp_path, store, name):
    (tmp_path / name).write_text("mine")

    store.run("package", "init", tmp_path, code=failures.USAGE)
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_package_is_read_from_json_from_yaml_and_from_a_file_of_any_name(tmp_path, store):
    write(tmp_path / "a", package())
    (tmp_path / "b.yml").write_text(yaml.safe_dump(package(), sort_keys=False))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "package.yaml").write_text(yaml.safe_dump(package(), sort_keys=False))

    told = [
        store.json("package", "validate", tmp_path / each) for each in ("a", "b.yml", "c", "c/package.yaml")
    ]
    assert told == [told[0]] * 4
    assert told[0]["members"] == ["chat", "mail"]


def test_members_with_files_of_their_own_come_behind_those_of_the_manifest(tmp_path, store):
    said = package(CHAT)
    folder = write(tmp_path / "demo", said)
    bare = {key: value for key, value in MAIL.items() if key != "slug"}
    write(folder / "members", bare, "mail.json")
    write(folder / "members", bare, ".hidden.json")

    assert store.json("package", "validate", folder)["members"] == ["chat", "mail"]


def test_what_is_wrong_with_a_member_names_its_file_and_the_place_in_it(tmp_path, store):
    folder = write(tmp_path / "demo", {**package(), "manifest": {"members": []}})
    write(folder / "members", member("chat", nope=CANARY), "chat.json")
    write(folder / "members", {**MAIL, "integration": {**MAIL["integration"], CANARY: 1}}, "mail.json")

    assert refused(store, folder) == [("unknown_field", "members/mail.json", "/integration")]
    write(folder / "members", MAIL, "mail.json")
    assert ("unknown_key", "members/chat.json", "/integration/configuration") in refused(store, folder)


def test_all_problems_are_told_with_member_and_pointer_and_never_a_value(tmp_path, store):
    leaky = member("leaky", api_key=CANARY)
    wordy = member("wordy", organizationId="${variables.key}")
    folder = write(tmp_path / "demo", package(leaky, wordy, member("alien", CANARY)))

    assert refused(store, folder) == [
        ("unused_variable", None, "/variablesSchema/properties/count"),
        ("unused_variable", None, "/variablesSchema/properties/spare"),
        ("literal_secret", "leaky", "/manifest/members/0/integration/configuration/api_key"),
        ("secret_in_clear", "wordy", "/manifest/members/1/integration/configuration/organizationId"),
        ("unknown_type", "alien", "/manifest/members/2/integration/type"),
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"slug": "No Slug"}, ("invalid_slug", None, "/slug")),
        ({"version": "1"}, ("invalid_version", None, "/version")),
        ({"iconUrl": f"http://{CANARY}"}, ("invalid_data", None, "/iconUrl")),
        ({"changelog": "x" * 20_001}, ("invalid_data", None, "/changelog")),
        ({"manifest": {"members": [{**CHAT, "needs": 1}]}}, ("unknown_field", None, "/manifest/members/0")),
        ({CANARY: 1}, ("unknown_field", None, "")),
        ({"name": 7}, ("wrong_type", None, "/name")),
    ],
)
def test_every_part_of_a_file_is_held_to_its_rule(tmp_path, store, said, told):
    assert told in refused(store, write(tmp_path / "demo", {**package(), **said}))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("slug: a\nslug: b", "duplicate_key"),
        ("slug: *a", "invalid_yaml"),
        ("slug: [", "invalid_yaml"),
        ("- slug: a\n- slug: b", "wrong_type"),
        ("just text", "wrong_type"),
        ("", "wrong_type"),
    ],
)
def test_a_file_that_is_no_object_is_refused(tmp_path, store, text, code):
    (tmp_path / "package.yaml").write_text(text)

    assert [each[0] for each in refused(store, tmp_path)] == [code]


@pytest.mark.parametrize("text", ['{"slug": "a", "slug": "b"}', '{"slug": }', '["a"]'])
def test_json_is_held_to_the_same(tmp_path, store, text):
    (tmp_path / "package.json").write_text(text)

    assert len(refused(store, tmp_path)) == 1


def test_a_member_that_is_called_otherwise_than_its_file_and_one_that_cannot_be_read_are_told_together(
    tmp_path, store
):
    folder = write(tmp_path / "demo", package(CHAT))
    write(folder / "members", MAIL, "post.json")
    (folder / "members" / "x.yaml").write_text(f"a: {CANARY}\na: 2")

    assert [(code, name) for code, name, _ in refused(store, folder)] == [
        ("name_mismatch", "members/post.json"),
        ("duplicate_key", "members/x.yaml"),
    ]


def test_a_link_that_leads_out_of_the_folder_is_not_read(tmp_path, store):
    folder = write(tmp_path / "demo", package(CHAT))
    (tmp_path / "secret.json").write_text(json.dumps(MAIL))
    (folder / "members").mkdir()
    (folder / "members" / "mail.json").symlink_to(tmp_path / "secret.json")

    assert refused(store, folder) == [("unreadable_file", "members/mail.json", "")]


def test_a_folder_without_a_package_or_with_two_is_no_package(tmp_path, store):
    assert refused_usage(store, tmp_path / "nowhere")
    assert refused_usage(store, tmp_path)
    write(tmp_path, package())
    write(tmp_path, package(), "package.yaml")
    assert refused_usage(store, tmp_path)


def refused_usage(store, path):
    return "package.json" in store.refusal("package", "validate", path, code=failures.USAGE)["message"]


def test_without_a_store_the_types_that_come_with_the_program_count(tmp_path, folder):
    nowhere = Prompt(tmp_path / "nowhere", "env://CREDENZA_NONE")

    assert nowhere.json("package", "validate", folder)["types"] is None
    nowhere.run("package", "validate", folder, "-w", "default", code=failures.NOT_STARTED)
    assert not (tmp_path / "nowhere").exists()


def test_with_a_store_the_types_of_the_workspace_count(tmp_path, kek, store_uri, api):
    store = Prompt(tmp_path, kek, store_uri("store"))
    own = {"name": "own", "type": "other"}
    own["configuration"] = {"endpoint": "https://other.example", "token": "${variables.key}"}
    schema = {"type": "object", "properties": {"key": {"type": "string", "format": "password"}}}
    said = package({"slug": "own", "integration": own}, variablesSchema=schema)
    folder = write(tmp_path / "own", said)
    assert [each[0] for each in refused(store, folder)] == ["unknown_type"]
    register(api, OTHER)

    assert store.json("package", "validate", folder)["types"] == "default"


def test_publish_makes_the_draft_and_then_updates_it_and_says_what_differs(store, folder):
    first = store.run("package", "publish", folder, "--yes").stdout
    mini = {"api": "gpt-4o-mini", "configuration": {"maxTokens": "${variables.count}"}}
    again = member("chat", apis=[mini], organizationId="two")
    write(folder, package(again, MAIL, version="1.1.0", name="Demonstration"))
    second = store.run("package", "publish", folder, "--yes").stdout

    assert first == "This is the first version, with the members chat, mail.\nPublished demo 1.0.0.\n"
    assert second == (
        "Member chat: removed apis.gpt-4o; added apis.gpt-4o-mini; changed configuration.organizationId.\n"
        "Published demo 1.1.0.\n"
    )
    [row] = store.rows("package", "list")
    assert (row["package"], row["name"], row["version"]) == ("demo", "Demonstration", "1.1.0")


def test_what_a_file_leaves_out_is_emptied(store, folder):
    publish(store, folder, package(description="Long", publisher="us"))
    publish(store, folder, package(version="1.0.1"))
    shown = store.json("package", "show", "demo")

    assert (shown["description"], shown["publisher"]) == (None, "us")


def test_a_variable_that_becomes_required_is_told(store, folder):
    publish(store, folder, package())
    needed = {**VARIABLES, "required": ["key", "spare"]}
    write(folder, package(version="1.1.0", variablesSchema=needed))

    assert store.json("package", "publish", folder, "--dry-run")["sentences"] == ["Variables: changed spare."]


def test_the_same_version_and_an_older_one_clash(store, folder):
    publish(store, folder, package(version="1.1.0"))

    for version, code in (("1.1.0", "version_exists"), ("1.0.9", "version_not_newer")):
        refusal = store.refusal(
            "package", "publish", folder, "--version", version, "--yes", code=failures.CONFLICT
        )
        assert refusal["code"] == code


def test_a_version_is_written_down_or_given(store, folder):
    said = package()
    del said["version"]
    write(folder, said)

    refusal = store.refusal("package", "publish", folder, "--yes", code=failures.REFUSED)
    assert codes(refusal) == [("invalid_data", None, "/version")]
    store.run("package", "publish", folder, "--yes", "--version", "2.0.0")


def test_publish_refuses_what_is_not_complete_by_the_file_of_the_member(store, folder):
    write(folder, package(CHAT, MAIL, member("claude", "anthropic")))

    refusal = store.refusal("package", "publish", folder, "--yes", code=failures.REFUSED)
    assert codes(refusal) == [
        ("required", "claude", "/manifest/members/2/integration/configuration/endpoint")
    ]
    assert "This package" in refusal["message"]


def test_a_dry_run_saves_nothing(store, folder):
    told = store.run("package", "publish", folder, "--dry-run").stdout

    assert told.endswith("demo 1.0.0 can be published; nothing was saved: this is a dry run.\n")
    assert store.json("package", "list") == []


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_where_nobody_can_be_asked_yes_is_to_be_said(store, folder, more):
    store.run("package", "publish", folder, *more, code=failures.USAGE)

    assert store.json("package", "list") == []


def test_somebody_who_is_there_is_asked_once_the_differences_are_shown(store, folder, monkeypatch):
    monkeypatch.setattr(agreeing, "someone_is_there", lambda: True)
    no = store.run("package", "publish", folder, input="n\n", code=failures.STOPPED)
    assert "first version" in no.stdout
    assert "Publish demo 1.0.0?" in no.stderr
    assert store.json("package", "list") == []
    store.run("package", "publish", folder, input="y\n")

    assert store.json("package", "list")[0]["currentVersion"] == "1.0.0"


def test_diff_compares_files_with_versions_versions_and_the_draft(store, folder):
    publish(store, folder, package())
    publish(store, folder, package(CHAT, MAIL, member("more"), version="1.1.0"))
    write(folder, package(CHAT, member("more"), version="1.2.0", variablesSchema=VARIABLES))

    def sentences(*arguments):
        return store.json("package", "diff", *arguments)["sentences"]

    assert sentences(folder) == ["Member mail removed."]
    assert sentences(folder, "1.0.0") == ["Member mail removed.", "Member more added."]
    assert sentences("demo", "1.0.0") == ["Member more added."]
    assert sentences("demo", "1.1.0", "1.0.0") == ["Member more removed."]
    assert sentences("demo") == []
    assert store.run("package", "diff", "demo").stdout == "Nothing differs between 1.1.0 and draft.\n"


def test_two_versions_are_a_packages_even_beside_a_folder_of_its_name(tmp_path, store, folder, monkeypatch):
    publish(store, folder, package())
    publish(store, folder, package(version="1.1.0", description="x"))
    monkeypatch.chdir(tmp_path)

    assert store.json("package", "diff", "demo", "1.0.0", "1.1.0")["fromVersion"] == "1.0.0"


@pytest.mark.parametrize(
    "arguments", [["diff", "nope"], ["show", "nope"], ["show", "int_nope"], ["diff", "demo", "9.9.9"]]
)
def test_what_is_not_there_is_not_found_and_what_to_do_is_said(store, folder, arguments):
    publish(store, folder, package())

    refusal = store.refusal("package", *arguments, code=failures.NOT_FOUND)
    assert "integration" not in refusal["message"]


def test_show_names_variables_members_and_versions(store, folder):
    publish(store, folder, package(changelog="First."))
    told = store.run("package", "show", "demo").stdout
    shown = store.json("package", "show", "demo")

    assert "key\tyes\tyes\t" in told
    assert "chat\topenai\tyes\t" in told
    assert [(each["version"], each["changelog"]) for each in shown["versions"]] == [("1.0.0", "First.")]
    assert store.json("package", "show", shown["id"]) == shown


def test_a_package_is_seen_by_its_own_workspace_until_it_is_granted(store, folder):
    store.run("workspace", "create", "team")
    publish(store, folder, package())
    store.run("package", "show", "demo", "-w", "team", code=failures.NOT_FOUND)
    store.run("package", "grant", "demo", "nowhere", code=failures.NOT_FOUND)
    assert store.json("package", "grant", "demo", "team")["grants"] == ["team"]
    seen = [store.json("package", "show", word, "-w", "team")["slug"] for word in ("demo", "default/demo")]
    assert seen == ["demo", "demo"]
    store.run("package", "grant", "demo", "team", "--revoke")

    store.run("package", "show", "demo", "-w", "team", code=failures.NOT_FOUND)


def test_of_two_packages_of_one_slug_the_own_one_is_meant_and_else_both_are_named(store, folder):
    for workspace in ("one", "two", "three"):
        store.run("workspace", "create", workspace)
    for workspace in ("one", "two"):
        publish(store, folder, package(), "-w", workspace)
        store.run("package", "grant", "demo", "three", "-w", workspace)
        store.run("package", "grant", "demo", "one", "-w", workspace)
    refusal = store.refusal("package", "show", "demo", "-w", "three", code=failures.CONFLICT)

    assert "one/demo, two/demo" in refusal["message"]
    assert store.json("package", "show", "two/demo", "-w", "three")["workspaceId"] == "two"
    assert store.json("package", "show", "demo", "-w", "one")["workspaceId"] == "one"


def test_what_is_public_is_listed_once_it_is_approved(store, folder):
    publish(store, folder, package())

    assert "once an operator has approved it" in store.run("package", "visibility", "demo", "public").stdout
    assert store.json("package", "visibility", "demo", "unlisted")["visibility"] == "unlisted"
    store.run("package", "visibility", "demo", "nope", code=failures.USAGE)
