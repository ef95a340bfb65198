"""`credenza package install`, `upgrade`, `rollback` and `uninstall`: a package in a workspace."""

import json

import pytest

from age_keys import codes, new_store
from cli_prompt import Prompt
from credenza.cli import failures
from credenza.cli.packages import agreeing, variables
from package_files import CANARY, CHAT, MAIL, MODEL, VARIABLES, install, member, package, publish

LATER = member("chat", apis=[MODEL], organizationId="three")


@pytest.fixture
def store(tmp_path, kek):
    store = new_store(tmp_path / "home", kek)
    publish(store, tmp_path / "demo", package())
    return store


@pytest.fixture
def later(store, tmp_path):
    """Publish a later version of what is installed already, and return its folder."""
    install(store)
    publish(store, tmp_path / "demo", package(LATER, MAIL, version="1.1.0"))
    return tmp_path / "demo"


@pytest.fixture
def somebody(monkeypatch):
    for module in (agreeing, variables):
        monkeypatch.setattr(module, "someone_is_there", lambda: True)


def names(store, *options):
    return [each["name"] for each in store.json("list", "--all", *options)]


def key(store, name):
    return store.run("resolve", name, "--key", "api_key").stdout.strip()


def change(store, name, **said):
    item = store.json("get", name)
    item["configuration"] |= said
    store.run("apply", "-", input=[item])


def test_install_shows_the_plan_as_a_table_and_makes_the_members(store):
    told = store.run(
        "package", "install", "demo", "--yes", "--variables", "-", input={"key": "sk-one"}
    ).stdout
    head, row, last = told.splitlines()

    assert head.split("\t") == ["member", "integration", "type", "result", "changes", "why"]
    assert row.split("\t")[:4] == ["chat", "demo-chat", "openai", "added"]
    assert last.startswith("Installed Demo 1.0.0 (ins_")
    assert key(store, "demo-chat") == "sk-one"


def test_a_dry_run_tells_the_same_and_makes_nothing(store):
    arguments = ("package", "install", "demo", "--dry-run", "--variables", "-")
    told = store.run(*arguments, input={"key": "sk-one"}).stdout

    assert told.endswith("1 added; nothing was saved: this is a dry run.\n")
    assert store.json(*arguments, input={"key": "sk-one"})["dryRun"] is True
    assert (names(store), store.json("package", "installs")) == ([], [])


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "- key\n"])
def test_a_file_of_variables_that_names_none_is_told_so(store, text):
    command = ("package", "install", "demo", "--yes", "--variables", "-")
    told = store.run(*command, input=text, code=failures.REFUSED).stderr

    assert "names with their values are wanted" in told
    assert names(store) == []


def test_variables_are_set_by_their_types_and_the_command_line_goes_before_the_file(store, tmp_path):
    (tmp_path / "v.yaml").write_text(f"key: {CANARY}\nprefix: file\n")
    told = store.run(
        *("package", "install", "demo", "--yes", "--variables", tmp_path / "v.yaml"),
        *("--set", "prefix=line", "--set", "count=9"),
    )

    assert CANARY not in told.output
    [api] = store.json("get", "line-chat")["apis"]
    assert api["configuration"]["maxTokens"] == 9
    assert store.json("package", "installs")[0]["variables"]["count"] == 9


def test_a_secret_is_never_taken_from_the_command_line(store):
    for more in ([], ["--json"]):
        told = store.run(
            "package", "install", "demo", "--yes", "--set", f"key={CANARY}", *more, code=failures.USAGE
        )
        assert "key is a secret" in told.stderr
        assert CANARY not in told.output
    assert names(store) == []


@pytest.mark.parametrize("text", ["prefix", f"count={CANARY}", "count=[1"])
def test_an_option_that_sets_nothing_of_its_type_is_misused_and_not_repeated(store, text):
    told = store.run("package", "install", "demo", "--yes", "--set", text, code=failures.USAGE)

    assert "--set" in told.stderr
    assert CANARY not in told.output


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, ("required", "/variables")),
        ({"key": "sk-one", CANARY: "x"}, ("unknown_variable", "/variables")),
        ({"key": 7}, ("wrong_type", "/variables/key")),
        ({"key": "sk-one", "count": CANARY}, ("wrong_type", "/variables/count")),
    ],
)
def test_what_is_missing_extra_or_wrong_is_told_by_name_and_how_to_give_it(store, given, problem):
    refusal = store.refusal(
        "package", "install", "demo", "--yes", "--variables", "-", input=given, code=failures.REFUSED
    )

    assert problem in [(code, pointer) for code, _, pointer in codes(refusal)]
    assert "--variables FILE" in refusal["message"]
    assert CANARY not in json.dumps(refusal)
    assert names(store) == []


@pytest.mark.parametrize("text", ['{"key": "sk-one"}', "{key: sk-one}", "# mine\nkey: 'sk-one'"])
def test_variables_are_json_or_yaml_of_any_style(store, text):
    store.run("package", "install", "demo", "--yes", "--variables", "-", input=text)

    assert key(store, "demo-chat") == "sk-one"


@pytest.mark.parametrize("text", [f"key: {CANARY}\nkey: b", f"- {CANARY}", f'{{"key": "{CANARY}"', ""])
def test_variables_that_cannot_be_read_are_not_repeated(store, text):
    told = store.run(
        "package", "install", "demo", "--yes", "--variables", "-", input=text, code=failures.REFUSED
    )

    assert CANARY not in told.output


def test_a_file_of_variables_that_is_not_there_is_misused(store, tmp_path):
    store.run("package", "install", "demo", "--yes", "--variables", tmp_path / "no", code=failures.USAGE)


@pytest.mark.usefixtures("somebody")
def test_somebody_who_is_there_is_asked_for_secrets_without_showing_them(store):
    told = store.run("package", "install", "demo", input=f"{CANARY}\n\ny\n")

    assert CANARY not in told.output
    assert "key (hidden)" in told.stderr
    assert "spare (hidden; empty for none)" in told.stderr
    assert "Install Demo 1.0.0?" in told.stderr
    assert key(store, "demo-chat") == CANARY


@pytest.mark.usefixtures("somebody")
def test_who_says_no_installs_nothing(store):
    store.run("package", "install", "demo", input=f"{CANARY}\n\nn\n", code=failures.STOPPED)

    assert names(store) == []


@pytest.mark.parametrize("verb", ["install", "upgrade", "rollback", "uninstall"])
def test_where_nobody_can_be_asked_yes_is_to_be_said(store, verb):
    refusal = store.refusal("package", verb, "demo", code=failures.USAGE)

    assert "--yes" in refusal["message"]
    assert "--yes" in store.run("package", verb, "demo", code=failures.USAGE).stderr


def test_members_are_chosen_by_policy_and_by_name(store):
    install(store, "--policy", "auto_all", prefix="all", spare="SG.x")
    install(store, "--member", "mail", prefix="named", spare="SG.x")
    install(store, "--policy", "manual", "--member", "mail", prefix="only", spare="SG.x")

    assert names(store) == ["all-chat", "all-mail", "named-chat", "named-mail", "only-mail"]
    refusal = store.refusal(
        *("package", "install", "demo", "--yes", "--member", CANARY, "--variables", "-"),
        input={"key": "x"},
        code=failures.REFUSED,
    )
    assert (refusal["code"], CANARY in json.dumps(refusal)) == ("unknown_member", False)


@pytest.mark.usefixtures("later")
def test_a_version_can_be_named_and_one_that_is_not_there_is_not_found(store):
    given = {"key": "sk-two", "prefix": "old"}
    arguments = ("package", "install", "demo", "--yes", "--variables", "-", "--version")

    assert store.json(*arguments, "1.0.0", input=given)["version"] == "1.0.0"
    store.run(*arguments, "7.0.0", input=given, code=failures.NOT_FOUND)


def test_names_that_are_taken_clash_and_are_told(store):
    install(store)
    refusal = store.refusal(
        "package", "install", "demo", "--yes", "--variables", "-", input={"key": "x"}, code=failures.CONFLICT
    )

    assert codes(refusal) == [("name_taken", "demo-chat", "/members/chat/name")]


def test_a_granted_package_is_installed_into_another_workspace(store):
    store.run("workspace", "create", "team")
    store.run("package", "grant", "demo", "team")
    install(store, "-w", "team")

    assert (names(store), names(store, "-w", "team")) == ([], ["demo-chat"])
    store.run("package", "upgrade", "demo", "--yes", "-w", "team")


@pytest.mark.usefixtures("later")
def test_an_upgrade_shows_what_changes_for_each_member_and_does_it(store):
    told = store.run("package", "upgrade", "demo", "--yes").stdout

    assert "chat\tdemo-chat\topenai\tupdated\torganizationId changed\t" in told
    assert "Upgraded Demo from 1.0.0 to 1.1.0" in told
    assert store.json("get", "demo-chat")["configuration"]["organizationId"] == "three"
    assert key(store, "demo-chat") == "sk-one"


@pytest.mark.usefixtures("later")
def test_where_both_changed_a_key_the_workspace_wins_unless_the_package_is_taken(store):
    change(store, "demo-chat", organizationId="two")
    local = store.run("package", "upgrade", "demo", "--dry-run").stdout
    taken = store.json("package", "upgrade", "demo", "--dry-run", "--take", "package")

    assert "chat\torganizationId\tlocal\tBoth were changed" in local
    assert "1 conflict" in local
    [conflict] = taken["members"][0]["conflicts"]
    assert (conflict["pointer"], conflict["winner"]) == ("/configuration/organizationId", "package")
    store.run("package", "upgrade", "demo", "--yes")
    assert store.json("get", "demo-chat")["configuration"]["organizationId"] == "two"


@pytest.mark.usefixtures("later")
def test_a_secret_that_was_entered_here_survives_the_upgrade(store):
    change(store, "demo-chat", api_key="sk-local")
    store.run("package", "upgrade", "demo", "--yes")

    assert key(store, "demo-chat") == "sk-local"


def test_a_default_that_the_package_changes_is_followed_unless_something_else_was_chosen(store, tmp_path):
    for prefix, count in (("kept", 4), ("own", 7)):
        install(store, prefix=prefix, count=count)
    schema = json.loads(json.dumps(VARIABLES))
    schema["properties"]["count"]["default"] = 64
    publish(store, tmp_path / "demo", package(version="1.1.0", variablesSchema=schema))
    for each in store.json("package", "installs"):
        store.run("package", "upgrade", each["id"], "--yes")

    tokens = [store.json("get", f"{each}-chat")["apis"][0]["configuration"] for each in ("kept", "own")]
    assert tokens == [{"maxTokens": 64}, {"maxTokens": 7}]


def test_an_upgrade_to_what_is_there_takes_new_variables_alone(store):
    install(store)

    assert "Nothing is to be changed." in store.run("package", "upgrade", "demo", "--yes").stdout
    store.run("package", "upgrade", "demo", "--yes", "--set", "count=5")
    assert store.json("get", "demo-chat")["apis"][0]["configuration"]["maxTokens"] == 5


@pytest.mark.usefixtures("somebody")
def test_nobody_is_asked_where_nothing_is_to_be_changed(store):
    install(store, spare="SG.x")

    assert "Nothing is to be changed." in store.run("package", "upgrade", "demo", input="").stdout


@pytest.mark.usefixtures("somebody")
def test_a_secret_that_the_new_version_needs_is_asked_for(later, store):
    more = member("more", "anthropic", endpoint="https://api.anthropic.com/v1")
    more["integration"]["configuration"]["api_key"] = "${variables.other}"
    schema = json.loads(json.dumps(VARIABLES))
    schema["properties"]["other"] = schema["properties"]["key"]
    schema["required"].append("other")
    publish(store, later, package(LATER, MAIL, more, version="1.2.0", variablesSchema=schema))
    told = store.run("package", "upgrade", "demo", input=f"{CANARY}\ny\n")

    assert CANARY not in told.output
    assert told.stderr.startswith("other (hidden)")
    assert key(store, "demo-more") == CANARY


@pytest.mark.usefixtures("somebody")
def test_a_secret_that_would_be_sent_elsewhere_is_asked_for_again(later, store):
    publish(
        store,
        later,
        package(
            member("chat", apis=[MODEL], endpoint="https://else.example.com"),
            MAIL,
            version="1.2.0",
        ),
    )
    told = store.run("package", "upgrade", "demo", input=f"{CANARY}\ny\n")

    assert told.stderr.startswith("key (hidden)")
    assert key(store, "demo-chat") == CANARY


@pytest.mark.usefixtures("later", "somebody")
def test_what_changed_while_somebody_thought_is_not_done(store, monkeypatch):
    def think(*_, **__):
        change(store, "demo-chat", organizationId="meanwhile")

    monkeypatch.setattr(agreeing.click, "confirm", think)
    told = store.run("package", "upgrade", "demo", code=failures.CONFLICT)

    assert "Something changed since the plan was shown" in told.stderr
    assert store.json("package", "installs")[0]["version"] == "1.0.0"


@pytest.mark.usefixtures("later", "somebody")
def test_what_was_upgraded_by_somebody_else_meanwhile_is_not_upgraded_again(store, monkeypatch):
    def think(*_, **__):
        store.run("package", "upgrade", "demo", "--yes")

    monkeypatch.setattr(agreeing.click, "confirm", think)

    assert "meanwhile" in store.run("package", "upgrade", "demo", code=failures.CONFLICT).stderr


@pytest.mark.usefixtures("later")
def test_rollback_restores_what_was_and_only_once(store):
    store.run("package", "upgrade", "demo", "--yes")
    told = store.run("package", "rollback", "demo", "--yes").stdout

    assert "restored" in told
    assert store.json("get", "demo-chat")["configuration"]["organizationId"] == "one"
    assert store.json("package", "installs")[0]["version"] == "1.0.0"
    refusal = store.refusal("package", "rollback", "demo", "--yes", code=failures.CONFLICT)
    assert refusal["code"] == "nothing_to_roll_back"


def test_uninstall_removes_the_members_or_leaves_them(store):
    install(store)
    kept = store.run("package", "uninstall", "demo", "--keep-members", "--yes").stdout
    assert "skipped" in kept
    assert names(store) == ["demo-chat"]
    install(store, prefix="other")
    store.run("package", "uninstall", "demo", "--yes")

    assert names(store) == ["demo-chat"]
    store.run("package", "uninstall", "demo", "--yes", code=failures.NOT_FOUND)


def test_a_package_that_is_installed_twice_is_told_apart_by_the_ids(store):
    ids = [install(store, prefix=prefix)["id"] for prefix in ("one", "two")]
    refusal = store.refusal("package", "uninstall", "demo", "--yes", code=failures.CONFLICT)

    assert all(each in refusal["message"] for each in ids)
    store.run("package", "uninstall", ids[0], "--yes")
    assert names(store) == ["two-chat"]
    assert [row["install"] for row in store.rows("package", "installs")] == ids[1:]


def test_show_says_how_the_members_of_an_install_stand(store):
    made = install(store)["id"]
    change(store, "demo-chat", organizationId="two")
    store.run("apply", "-", input=[{"name": "x", "type": "sendgrid", "configuration": {"api_key": "SG.x"}}])
    [shown] = store.json("package", "show", made)["members"]

    assert (shown["configState"], shown["modified"]) == ("complete", ["/configuration/organizationId"])
    assert (
        "chat\tdemo-chat\topenai\tcomplete\tno\t/configuration/organizationId"
        in store.run("package", "show", made).stdout
    )
    store.run("package", "show", "ins_nope", code=failures.NOT_FOUND)


def test_what_an_installer_brings_is_named_by_its_id_beside_a_running_server(tmp_path, kek, store_uri, api):
    store = Prompt(tmp_path, kek, store_uri("store"))
    bare = {**CHAT, "integration": {**CHAT["integration"], "configuration": {"organizationId": "one"}}}
    del bare["integration"]["apis"]
    said = package(bare, authConfig={"provider": "openai"})
    public = {"prefix": VARIABLES["properties"]["prefix"]}
    said["variablesSchema"] = {"type": "object", "properties": public}
    publish(store, tmp_path / "demo", said)
    deployment = api.post("/provider-deployments", json={"provider_id": "openai", "name": "P"}).json()["id"]
    methods = api.get("/provider-auth-methods?provider_id=openai").json()["items"]
    auth = api.post(
        "/provider-auth-configs",
        json={
            "provider_auth_method_id": methods[0]["id"],
            "provider_deployment_id": deployment,
            "value": {"api_key": CANARY},
        },
    ).json()["id"]

    refusal = store.refusal("package", "install", "demo", "--yes", code=failures.REFUSED)
    assert codes(refusal) == [("required", None, "/authStateId")]
    store.run("package", "install", "demo", "--yes", "--auth-config", auth)
    assert key(store, "demo-chat") == CANARY
