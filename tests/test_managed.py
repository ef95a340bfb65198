"""Managed integrations: their values are those of records that others share, read and opened with them.

A configuration and a credential are records of their own, one for each half of a type. No client can name
them, and every integration that refers to them has what they say, at once.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli_prompt import Prompt
from credenza.cli import failures
from credenza.connectors import Catalogue
from credenza.errors import Clash
from credenza.model import Drop, Put, Role
from credenza.sensitive import Sensitive
from credenza.web.integrations import shapes
from credenza.web.openapi import describe
from credenza.web.surfaces import DESCRIBED
from credenza.workspace import Mode
from examples import API, EXAMPLES, item, save
from managed_records import INSTANCE, auth, clear, config, managed, refusal, trio, verdict

ONE = f"{API}/provider/acme"
PATHS = describe(DESCRIBED, Catalogue.load(), lenient=False)["paths"]
READS = [path for path, calls in PATHS.items() if path.startswith(API) and "get" in calls]
QUERIES = ("search=pcf", "search=~", "search=hidden", "category=AI_MODEL", "type=openai%23config", "limit=1")


@pytest.fixture
def saved(workspace):
    """Return a workspace with a managed integration and what it refers to."""
    workspace.apply(trio(workspace))
    return workspace


def blank(shown):
    """Return a configuration without the versions and times of its secrets."""
    return {key: {"$secret"} if isinstance(value, dict) else value for key, value in shown.items()}


def test_a_managed_integration_reads_and_resolves_as_a_plain_one_of_the_same_values(workspace):
    for number, kind in enumerate(sorted(EXAMPLES)):
        ids = (f"pcf_{number}", f"pac_{number}")
        workspace.apply(
            [
                config(workspace, kind, ids[0]),
                auth(workspace, kind, ids[1], f"~{ids[0]}"),
                managed(kind, f"managed-{kind}", *(f"~{each}" for each in ids)),
                Put(name=f"plain-{kind}", type=kind, configuration=Sensitive(EXAMPLES[kind])),
            ]
        )
    shown = {view.record.name: shapes.show(view) for view in workspace.list()}

    for kind in EXAMPLES:
        one, other = shown[f"managed-{kind}"], shown[f"plain-{kind}"]
        same = ("type", "category", "complete", "missing", "typeVersion", "needsReconfiguration", "enabled")
        assert [one[key] for key in same] == [other[key] for key in same]
        assert list(blank(one["configuration"]).items()) == list(blank(other["configuration"]).items())
        assert (one.get("managedBy"), other.get("managedBy")) == (INSTANCE, None)
        opened = [clear(workspace, f"{how}-{kind}") for how in ("managed", "plain")]
        assert list(opened[0].items()) == list(opened[1].items())


def test_one_list_query_shows_all_managed_integrations_with_their_values(saved, api):
    saved.apply([managed(name=f"acme-{number}") for number in range(3)])

    listed = api.get(f"{API}/").json()

    assert [each["name"] for each in listed] == ["acme", "acme-0", "acme-1", "acme-2"]
    assert {each["configuration"]["endpoint"] for each in listed} == {EXAMPLES["openai"]["endpoint"]}


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("name", ["~pcf_1", "~pac_1", "~PCF_1"])
def test_no_call_finds_what_an_integration_refers_to(api, name):
    of_one = [path for path in READS if path.startswith((f"{API}/provider/{{", f"{API}/llm/{{"))]
    assert len(of_one) > 10
    for path in of_one:
        answer = api.get(path.format(name=name, api="m", version=1))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert verdict(api.delete(f"{API}/provider/{name}")) == (404, "not_found")
    assert verdict(api.post(f"{API}/provider/{name}/rollback", json={"version": 1})) == (404, "not_found")
    assert verdict(api.put(f"{API}/provider/{name}/tags", json=[{"key": "a", "value": "b"}])) == (
        404,
        "not_found",
    )
    openai = {"name": name, "type": "openai", "configuration": EXAMPLES["openai"]}
    assert verdict(save(api, openai)) == (400, "invalid_name")


@pytest.mark.usefixtures("saved")
def test_no_list_shows_what_integrations_refer_to(api):
    lists = [path for path in READS if "{" not in path and path != API and not path.startswith(f"{API}/def")]
    assert len(lists) > 2
    for path in [*lists, *(f"{API}/?{query}" for query in QUERIES)]:
        answer = api.get(path)
        assert answer.status_code == 200, path
        assert "acme" in answer.text or "?" in path
        assert "~pcf" not in answer.text, path
        assert "~pac" not in answer.text, path


words = st.text("~pac_1fsh", max_size=4)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    search=st.none() | words,
    after=st.none() | words,
    type=st.sampled_from([None, "openai", "openai#config", "openai#auth"]),
    category=st.sampled_from([None, "AI_MODEL"]),
    limit=st.sampled_from([None, 1, 2]),
)
def test_whatever_is_asked_of_a_list_it_shows_integrations_alone(saved, **asked):
    found = saved.list(**{key: value for key, value in asked.items() if value is not None})

    assert {view.record.name for view in found} <= {"acme"}


def test_a_type_named_as_half_of_one_is_unknown_to_clients(api):
    assert verdict(save(api, item(type="openai#config"))) == (400, "unknown_type")


LIMIT = {"maxTokens": 5, "tokenLimitPeriod": "DAY"}
TAGS = [{"key": "a", "value": "b"}]
WRITES = [
    ("POST", ONE, {"type": "openai", "configuration": {}}),
    ("POST", ONE, {"type": "openai", "description": "mine"}),
    ("PUT", f"{ONE}/tags", TAGS),
    ("DELETE", f"{ONE}/tags", TAGS),
    ("POST", f"{ONE}/integration/m", {}),
    ("DELETE", f"{ONE}/integration/m", None),
    ("POST", f"{ONE}/rollback", {"version": 1}),
    ("POST", f"{API}/llm/acme/token", LIMIT),
    ("DELETE", ONE, None),
]


def test_what_would_change_a_managed_integration_is_refused(saved, api):
    for method, path, body in WRITES:
        answer = api.request(method, path, json=body)
        assert verdict(answer) == (409, "managed_by_instance"), path

    assert saved.view("acme").record.version == 1


@pytest.mark.usefixtures("saved")
def test_a_bulk_save_of_one_saves_nothing_and_item_by_item_all_others(api):
    changed = {**api.get(ONE).json(), "description": "mine"}
    both = (changed, item("other"))

    assert verdict(save(api, *both)) == (409, "managed_by_instance")
    assert verdict(save(api, *both, dryRun="true")) == (409, "managed_by_instance")
    answer = save(api, *both, mode="per-item")

    assert [each["result"] for each in answer.json()["results"]] == ["failed", "created"]
    assert answer.json()["results"][0]["problems"][0]["code"] == "managed_by_instance"


def test_who_manages_an_integration_is_accepted_and_ignored_on_a_save(api):
    save(api, item(managedBy="ini_2"))

    assert "managedBy" not in api.get(f"{API}/provider/one").json()


def test_a_plan_changes_and_removes_only_what_is_its_instances(saved):
    saved.apply([item_put("plain")])

    assert refusal(lambda: saved.apply([managed(name="plain")])) == [("name_taken", "/name")]
    for change in (managed(instance="ini_2"), Drop("acme"), Drop("acme", instance="ini_2")):
        with pytest.raises(Clash):
            saved.apply([change])
    saved.apply([Drop("acme", instance=INSTANCE), Drop("~pac_1", kind="auth_config")])
    assert [view.record.name for view in saved.list()] == ["plain"]


def item_put(name):
    return Put(name=name, type="grok", configuration=Sensitive({"api_key": "made-up"}))


def test_a_rotated_credential_is_there_at_once_and_makes_no_version_of_what_refers_to_it(saved):
    saved.apply([managed(name="other"), auth(saved, api_key="sk-next")])

    assert [clear(saved, name)["api_key"] for name in ("acme", "other")] == ["sk-next"] * 2
    shown = saved.view("acme")
    assert (shown.record.version, len(saved.history("acme"))) == (1, 1)
    assert shown.configuration["api_key"]["$secret"]["version"] == 2


def test_a_managed_integration_gets_a_version_when_it_refers_to_something_else(saved):
    saved.apply([auth(saved, id="pac_2", api_key="sk-other")])

    [unchanged] = saved.apply([managed()]).items
    [changed] = saved.apply([managed(auth="~pac_2")]).items

    assert (unchanged.result, changed.result, changed.changed) == ("unchanged", "updated", ("/managedBy",))
    assert clear(saved)["api_key"] == "sk-other"


def test_what_is_missing_is_told_of_the_whole(saved):
    saved.apply([managed(name="half", auth=None)])

    half = saved.view("half").document

    assert (half.missing, saved.view("acme").document.missing) == (("/api_key",), ())


def test_records_of_papers_have_names_and_kinds_of_their_own(saved):
    named = [("plain", "config"), ("~pcf_8", "integration"), ("~pcf_8", "other"), ("~pcf", "config")]
    for name, kind in named:
        change = Put(name=name, type="grok", kind=kind, configuration=Sensitive({}))
        assert ("invalid_name", "/name") in refusal(lambda change=change: saved.apply([change]))
    other = Put(name="~pcf_1", type="openai", kind="auth_config", configuration=Sensitive({}))
    assert refusal(lambda: saved.apply([other])) == [("type_immutable", "/type")]


def test_a_managed_integration_takes_no_values_of_its_own(saved):
    change = managed(configuration=Sensitive({"api_key": "sk-secret"}))

    with pytest.raises(Clash) as caught:
        saved.apply([change])
    assert caught.value.code == "managed_by_instance"


def test_a_dry_run_of_a_plan_writes_nothing(workspace):
    receipt = workspace.apply(trio(workspace), dry_run=True, mode=Mode.ATOMIC)

    assert [each.result for each in receipt.items] == ["created"] * 3
    assert workspace.list() == []


@pytest.mark.usefixtures("saved")
def test_who_may_reveal_some_integrations_alone_reveals_what_they_refer_to(key, client):
    client.headers["X-Authorization"] = key(Role.RUNTIME.value, names=["acme"])

    assert client.get(f"{ONE}/resolved").json()["configuration"]["api_key"] == "sk-made-up"
    assert client.get(f"{API}/provider/~pac_1/resolved").status_code in {403, 404}


@pytest.mark.usefixtures("saved")
def test_at_a_prompt_changing_one_is_a_conflict_and_looking_at_it_says_whose_it_is(service, tmp_path, kek):
    prompt = Prompt(tmp_path, kek)
    prompt.environment["CREDENZA_STORE"] = service.settings.store

    assert ("managedBy", INSTANCE) in [
        tuple(row.split()) for row in prompt.run("get", "acme").stdout.splitlines()
    ]
    for command in (["delete", "acme", "--yes"], ["rollback", "acme", "1"]):
        assert prompt.refusal(*command, code=failures.CONFLICT)["code"] == "managed_by_instance"


def test_an_export_leaves_out_what_instances_manage_and_pruning_leaves_it_there(
    saved, tmp_path, kek, store_uri
):
    prompt = Prompt(tmp_path, kek, store_uri("store"))
    refusal = prompt.run("export", "-", code=failures.NOT_FOUND).stderr
    assert "Left out: 1 integration managed by instances." in refusal
    saved.apply([item_put("plain")])
    (tmp_path / "git").mkdir()

    told = prompt.run("export", tmp_path / "git")
    [file] = (tmp_path / "git").iterdir()
    pruned = prompt.run("apply", tmp_path / "git", "--prune", "--yes")

    assert (file.name, "Left out" in told.stderr, "Left out" in pruned.stderr) == ("plain.yaml", True, True)
    assert [view.record.name for view in saved.list()] == ["acme", "plain"]
