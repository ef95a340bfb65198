"""What a person does with a link: see what is asked, enter it step by step, and nothing else."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from config_things import read_held
from credenza.connectors.halves import split_halves
from credenza.errors import Conflict
from credenza.model import AUTH, Role
from credenza.plans.links import SESSION, SETUP, write_secret
from credenza.workspace.desk import Papers
from examples import EXAMPLES
from reference_examples import refused
from setup_page import Seen
from setup_things import (
    DATABASE,
    MINUTE,
    MODEL,
    PATH,
    begin,
    list_names,
    make_reports,
    move_clock,
    read,
    resolve,
    share_house,
    visit,
)
from template_things import (
    add_provider,
    fill_step,
    make_deployment,
    make_template,
    post,
    read_asked,
    read_link,
)

house, room, service, workspace, key, api, client = share_house()


@pytest.fixture
def session(api):
    return begin(api, make_reports(api))


@pytest.fixture
def person(client):
    """Return who has a link and no credential."""
    return client


def look(person, session, step=None):
    address = session["url"] if step is None else session["steps"][step]["url"]
    return person.get(address)


def list_fields(answer):
    names = [control["name"] for control in Seen(answer.text).controls()]
    return [name.removeprefix("value.") for name in names if name.startswith("value.")]


def trail(workspace):
    """Return who did what, as the audit has it."""
    rows = workspace.peek(lambda tx, _: [*tx.trail()])
    return [(row.actor, row.verb, row.items.decode()) for row in rows]


def records(workspace):
    """Return the names of all records that belong to papers."""
    return workspace.peek(lambda tx, _: [record.name for record in tx.page(owned=True, limit=100)])


def test_the_link_shows_who_asks_for_what_and_the_first_steps_form(person, session):
    page = look(person, session)
    seen = Seen(page.text)

    assert page.status_code == 200
    assert "Acme Reports" in seen.text
    assert "Reads your tables." in seen.text
    assert list_fields(page) == [*DATABASE]
    assert list_fields(look(person, session, 1)) == ["api_key", "endpoint", "organizationId"]


def test_a_person_enters_everything_and_it_becomes_integrations_of_the_workspace(api, person, session):
    first = fill_step(person, session, 0, **DATABASE)
    assert first.headers["location"].partition("?")[0] == read_link(session)[0]
    assert read(api, session) == ("pending", ["configured", "pending"])
    assert list_names(api) == []
    assert fill_step(person, session, 1, **MODEL).status_code == 303

    assert read(api, session) == ("successful", ["configured", "configured"])
    assert sorted(list_names(api)) == ["northwind-openai", "northwind-pgvectordb"]
    assert resolve(api, "northwind-pgvectordb") == {**DATABASE, "dimensions": 1536}
    assert resolve(api, "northwind-openai") == MODEL
    assert "All set" in look(person, session).text


def test_steps_may_be_done_in_any_order(api, person, session):
    assert fill_step(person, session, 1, **MODEL).status_code == 303
    assert read(api, session) == ("pending", ["pending", "configured"])
    assert list_fields(look(person, session)) == [*DATABASE]
    assert fill_step(person, session, 0, **DATABASE).status_code == 303
    assert read(api, session)[0] == "successful"


def test_what_is_entered_never_comes_out_of_a_read(api, person, session):
    fill_step(person, session, 0, **DATABASE)
    fill_step(person, session, 1, **MODEL)
    instance = api.get(f"/integration-instances/{session['integration_instance_id']}")

    for answer in (
        instance,
        look(person, session),
        look(person, session, 0),
        *(
            api.get(path)
            for path in (
                PATH,
                "/integration-instances",
                "/integration-instance-providers",
                "/api/integrations/",
            )
        ),
    ):
        assert answer.status_code == 200
        assert "canary" not in answer.text
    part = instance.json()["providers"][0]
    assert part["config"]["id"].startswith("pcf_")
    assert part["auth_config"]["id"].startswith("pac_")


def test_a_bad_value_is_told_beside_its_field_and_nothing_is_saved(api, person, session, workspace):
    answer = fill_step(person, session, 0, **{**DATABASE, "dimensions": "many"})

    assert answer.status_code == 422
    assert Seen(answer.text).problem("dimensions")
    assert DATABASE["password"] not in answer.text
    assert read(api, session) == ("pending", ["pending", "pending"])
    assert records(workspace) == []


def test_what_is_missing_is_told(person, session):
    answer = fill_step(person, session, 1)

    assert answer.status_code == 422
    assert Seen(answer.text).problem("api_key")


def test_a_step_is_saved_once(api, person, session):
    assert fill_step(person, session, 0, **DATABASE).status_code == 303
    again = fill_step(person, session, 0, **{**DATABASE, "user": "intruder"})

    assert again.status_code == 409
    assert "cannot be entered again" in look(person, session, 0).text
    fill_step(person, session, 1, **MODEL)
    assert fill_step(person, session, 1, api_key="another").status_code == 409
    assert resolve(api, "northwind-pgvectordb")["user"] == DATABASE["user"]
    assert resolve(api, "northwind-openai") == MODEL


def test_of_sixteen_who_finish_at_once_one_does_and_the_others_are_told(api, person, session, workspace):
    fill_step(person, session, 0, **DATABASE)
    with ThreadPoolExecutor(16) as pool:
        answers = [
            *pool.map(lambda n: fill_step(person, session, 1, api_key=f"key-{n}").status_code, range(16))
        ]

    assert sorted(answers) == [303] + [409] * 15
    assert resolve(api, "northwind-openai") == {"api_key": f"key-{answers.index(303)}"}
    assert len(records(workspace)) == 3  # a config and two credentials, and nothing of the others


def test_who_clashes_with_another_change_is_shown_the_form_again_and_told_that_nothing_is_saved(
    person, session, monkeypatch
):
    def clash(*_):
        raise Conflict

    with monkeypatch.context() as patch:
        patch.setattr(Papers, "change", clash)
        page = fill_step(person, session, 0, **DATABASE)

    assert page.status_code == 422
    seen = Seen(page.text)
    assert "could not be saved just now: send it again" in seen.text
    assert "saved before" not in seen.text
    assert seen.control("user")["value"] == DATABASE["user"]
    assert DATABASE["password"] not in page.text
    assert fill_step(person, session, 0, **DATABASE).status_code == 303


def test_two_people_may_do_a_step_each_at_the_same_moment(api, person, session):
    forms = [(0, DATABASE), (1, MODEL)]
    with ThreadPoolExecutor(2) as pool:
        answers = [*pool.map(lambda form: fill_step(person, session, form[0], **form[1]).status_code, forms)]

    assert answers == [303, 303]
    assert read(api, session)[0] == "successful"


def test_looking_changes_nothing(api, person, session):
    before = api.get(f"{PATH}/{session['id']}").json()
    for _ in range(2):
        look(person, session)
        person.head(session["url"])
        path, secret = read_link(session)
        shown = person.post(
            f"{path}/{session['steps'][0]['id']}",
            data={"client_secret": secret, "show": "1", "value.user": "x"},
        )
        assert shown.status_code == 200

    assert api.get(f"{PATH}/{session['id']}").json() == before


def test_a_link_that_is_not_whole_or_not_its_own_leads_nowhere(api, person, session):
    other = begin(api, make_reports(api))
    path, secret = read_link(session)
    wrong = [
        path,
        f"{path}?client_secret=",
        f"{path}?client_secret={secret[:-2]}",
        f"{path}?client_secret={secret}A",
        f"{path}?client_secret={read_link(other)[1]}",
        f"{path}?client_secret=iss_secret_{'A' * 70}",
        f"{path}/isst_unheard?client_secret={secret}",
        f"{path}/{other['steps'][0]['id']}?client_secret={secret}",
        f"/integration-setup-session/iss_unheard?client_secret={secret}",
    ]

    for address in wrong:
        answer = person.get(address)
        assert (answer.status_code, "This link does not work" in answer.text) == (404, True), address
        assert "Acme" not in answer.text
    bad = {**session, "url": f"{path}?client_secret={read_link(other)[1]}"}
    assert fill_step(person, bad, 0, **DATABASE).status_code == 404
    assert read(api, session)[1] == ["pending", "pending"]


def test_no_link_makes_the_server_look_through_its_workspaces(person, session, service, monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(type(service.store), "tenants", refuse)
    path, _ = read_link(session)
    setup, session_secret = (write_secret(kind, bytes(16), b"proof") for kind in (SETUP, SESSION))

    assert look(person, session).status_code == 200
    assert person.get(path, params={"client_secret": setup}).status_code == 404
    bearer = {"Authorization": f"Bearer {session_secret}"}
    assert person.get("/sessions/ses_x/resolved", headers=bearer).status_code == 401


def test_a_link_past_its_time_shows_and_takes_nothing_whatever_came_of_it(service, api, session):
    done = begin(api, make_reports(api, "openai"))
    fill_step(api, done, 0, **MODEL)
    later = visit(move_clock(service, 31 * MINUTE))

    for each in (session, done):
        answer = look(later, each)
        assert (answer.status_code, "This link has expired" in answer.text) == (410, True)
        assert fill_step(later, each, 0, **MODEL).status_code == 410
    assert read(api, session)[1] == ["pending", "pending"]


def test_a_link_goes_with_its_instance(api, person, session):
    api.delete(f"/integration-instances/{session['integration_instance_id']}")

    assert look(person, session).status_code == 410
    assert fill_step(person, session, 0, **DATABASE).status_code == 410


def test_the_audit_names_the_session_and_not_who_made_it(person, session, workspace):
    fill_step(person, session, 1, **MODEL)

    *_, (actor, verb, items) = trail(workspace)
    assert (actor, verb) == (f"setup:{session['id']}", "setup")
    assert session["id"] in items
    assert "canary" not in str(trail(workspace))


def test_the_page_at_the_end_leads_only_to_an_origin_that_is_still_listed(open_service):
    def finished(**options):
        service = open_service(**options)
        key = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test").token.reveal()
        return service, visit(service, key)

    address = "https://app.example.com/done?customer=17"
    service, admin = finished(redirect_origins="https://app.example.com")
    made = begin(admin, make_reports(admin, "openai"), redirect_url=address)
    assert address not in look(visit(service), made).text
    fill_step(visit(service), made, 0, **MODEL)

    assert made["redirect_url"] == address
    assert Seen(look(visit(service), made).text).find("a", href=address)
    service.close()
    unlisted, _ = finished(redirect_origins="https://other.example.com")
    page = look(visit(unlisted), made)
    assert "All set" in page.text
    assert "app.example.com" not in page.text


def test_a_page_may_be_framed_by_listed_origins_alone(open_service):
    service = open_service(frame_origins="https://app.example.com")
    key = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test").token.reveal()
    admin = visit(service, key)

    policy = look(admin, begin(admin, make_reports(admin, "openai"))).headers["content-security-policy"]
    assert "frame-ancestors https://app.example.com" in policy


def share_config(api, provider, values):
    """Save a config that the workspace shares, and return its id."""
    return post(api, "/provider-configs", provider_id=provider, value=values)["id"]


def test_where_the_template_shares_a_config_only_secrets_are_asked_for(api, person):
    public = {key: value for key, value in DATABASE.items() if key != "password"}
    config = share_config(api, "pgvectordb", {**public, "dimensions": 1536})
    template = make_template(api, "Acme Reports")
    add_provider(api, template, "pgvectordb", provider_config_id=config)
    session = begin(api, template)

    assert list_fields(look(person, session)) == ["password"]
    assert fill_step(person, session, 0, password="canary-own", user="intruder").status_code == 303
    assert resolve(api, "northwind-pgvectordb") == {**DATABASE, "dimensions": 1536, "password": "canary-own"}
    [part] = api.get("/integration-instance-providers").json()["items"]
    assert part["config"]["id"] == config


def test_what_is_entered_goes_where_its_page_said_or_nowhere(api, person, workspace):
    template = make_template(api, "Acme Reports")
    deployment = make_deployment(api, "openai")
    add_provider(api, template, "openai", provider_deployment_id=deployment["id"])
    session = begin(api, template)
    opened = read_asked(person, session)
    config = share_config(api, "openai", {"endpoint": "https://ai.example:8443/v1"})
    api.patch(f"/provider-deployments/{deployment['id']}", json={"provider_config_id": config})
    before = records(workspace)

    for asked in (opened, ""):
        answer = fill_step(person, session, 0, asked, api_key="canary-own", endpoint="https://mine.example")
        assert answer.status_code == 422
        assert "has changed since this page was opened" in Seen(answer.text).text
        assert "ai.example:8443" in Seen(answer.text).text
        assert "canary-own" not in answer.text
    assert records(workspace) == before

    assert fill_step(person, session, 0, api_key="canary-own").status_code == 303
    assert resolve(api, "northwind-openai")["endpoint"] == "https://ai.example:8443/v1"


def test_where_what_is_entered_goes_is_told_by_hosts_and_nothing_else(api, person):
    value = {
        "endpoint": "nats://bus.example:4222",
        "connectionType": "jetstream",
        "authenticationType": "password",
        "protocol": "nats",
        "tls": "true",
    }
    config = share_config(api, "nats", value)
    template = make_template(api, "Acme Reports")
    add_provider(api, template, "nats", provider_config_id=config)

    told = Seen(look(person, begin(api, template)).text).text

    assert re.search(r"goes to: ([^ ]+(?:, [^ ]+)*)", told)[1] == "bus.example:4222"


@pytest.mark.parametrize("address", ["not a url", "javascript:x", "https://", "/v1"])
def test_an_address_without_a_host_is_told_beside_its_field_and_programs_may_save_it(api, person, address):
    page = fill_step(person, begin(api, make_reports(api, "openai")), 0, **MODEL, endpoint=address)

    assert page.status_code == 422
    seen = Seen(page.text)
    assert seen.problem("endpoint")
    assert "No host can be read from this" in seen.text
    assert seen.control("endpoint")["value"] == address
    item = {"name": "a", "type": "openai", "configuration": {"api_key": "a", "endpoint": address}}
    assert api.post("/api/integrations", json=[item]).status_code == 200


@pytest.mark.parametrize("address", ["https://ai.example/v1", "ai.example:8443", "http://[::1]:80", ""])
def test_an_address_with_a_host_or_none_at_all_is_saved(api, person, address):
    session = begin(api, make_reports(api, "openai"))

    assert fill_step(person, session, 0, **MODEL, endpoint=address).status_code == 303


def test_a_secret_of_blanks_is_told_beside_its_field(api, person):
    page = fill_step(person, begin(api, make_reports(api, "openai")), 0, api_key="  ")

    assert page.status_code == 422
    assert Seen(page.text).problem("api_key")
    assert "These are only blanks" in page.text


def test_nobody_brings_a_trust_store_beside_a_secret_address_of_the_template(api, person, workspace):
    public = split_halves(workspace.catalogue["kafka"], EXAMPLES["kafka"])[0]
    address = {"schemaRegistryUrl": "https://reader:canary-registry@registry.example/x"}
    template = make_template(api, "Acme Reports")
    add_provider(api, template, "kafka", provider_config_id=share_config(api, "kafka", public | address))
    session = begin(api, template)
    before, entered = records(workspace), {"password": "made-up", "keyStorePassword": "made-up"}

    answer = fill_step(person, session, 0, file="own-roots", **entered)

    assert answer.status_code == 422
    assert "Who sent you here has to enter this" in Seen(answer.text).text
    assert "registry.example" in answer.text
    assert "canary-registry" not in answer.text
    assert records(workspace) == before


@pytest.mark.parametrize("shared", [None, "template", "deployment"])
def test_what_was_entered_can_be_rotated_wherever_its_config_comes_from(api, person, shared):
    template = make_template(api, "Acme Reports")
    fields = {}
    if shared is not None:
        config = share_config(api, "openai", {"endpoint": "https://ai.example"})
        deployed = {"provider_config_id": config} if shared == "deployment" else {}
        fields = {"provider_config_id": config} if shared == "template" else {}
        fields["provider_deployment_id"] = make_deployment(api, "openai", **deployed)["id"]
    add_provider(api, template, "openai", **fields)
    session = begin(api, template)
    endpoint = {} if shared else {"endpoint": "https://ai.example"}
    assert fill_step(person, session, 0, **MODEL, **endpoint).status_code == 303
    [part] = api.get("/integration-instance-providers").json()["items"]
    auth = api.get(f"/provider-auth-configs/{part['auth_config']['id']}").json()

    assert (auth["source"], auth["type"]) == ("setup_session", "manual")
    rotated = api.patch(f"/provider-auth-configs/{auth['id']}", json={"value": {"api_key": "canary-new"}})
    assert rotated.status_code == 200, rotated.text
    assert resolve(api, "northwind-openai") == {"api_key": "canary-new", "endpoint": "https://ai.example"}


def test_nobody_else_uses_what_was_entered(api, person, session):
    fill_step(person, session, 1, **MODEL)
    instance = api.get(f"/integration-instances/{session['integration_instance_id']}").json()
    [auth] = [part["auth_config"]["id"] for part in instance["providers"]]
    other = post(api, "/integration-instances", integration_id=session["integration_id"], name="Other")
    at = f"/integration-instances/{other['id']}/providers/{session['steps'][1]['integration_provider_id']}"

    answer = api.put(at, json={"provider_auth_config_id": auth})
    refused(answer, 400, "provider_auth_config_already_owned", "/provider_auth_config_id")


def test_of_the_ways_to_authenticate_only_that_of_the_template_is_asked_for(api, person):
    offered = api.get("/provider-auth-methods", params={"provider_id": "aws", "limit": 100}).json()["items"]
    [chosen] = [each["id"] for each in offered if each["key"] == "access_key"]
    template = make_template(api, "Acme Reports")
    add_provider(api, template, "aws", provider_auth_method_id=chosen)
    session = begin(api, template)
    fields = list_fields(look(person, session))

    assert "connectionType" not in fields
    assert {"api_key", "user", "region"} <= {*fields}
    assert not {"roleArn", "externalId"} & {*fields}
    answer = fill_step(person, session, 0, region="eu-west-1", user="AKIAEXAMPLE", api_key="made-up")
    assert answer.status_code == 303, answer.text
    assert resolve(api, "northwind-aws")["connectionType"] == "ACCESS_KEY"


def test_a_step_whose_template_asks_for_something_else_since_has_failed_and_is_done_again(
    api, workspace, person
):
    template = make_reports(api, "openai")
    add_provider(api, template, "sendgrid")
    session = begin(api, template)
    fill_step(person, session, 0, **MODEL)
    [former] = [
        part["auth_config"]["id"]
        for part in api.get(f"/integration-instances/{session['integration_instance_id']}").json()[
            "providers"
        ]
    ]
    config = share_config(api, "openai", {"endpoint": "https://ai.example"})
    provider = session["steps"][0]["integration_provider_id"]
    api.patch(f"/integration-providers/{provider}", json={"provider_config_id": config})

    assert read(api, session) == ("pending", ["failed", "pending"])
    assert list_fields(look(person, session)) == ["api_key"]
    assert fill_step(person, session, 0, api_key="canary-second").status_code == 303
    assert read(api, session) == ("pending", ["configured", "pending"])
    fill_step(person, session, 1, api_key="made-up")
    assert resolve(api, "northwind-openai") == {"api_key": "canary-second", "endpoint": "https://ai.example"}
    paper = workspace.peek(lambda tx, _: tx.papers(AUTH, [former]))[former]
    assert json.loads(paper.body)["status"] == "archived"
    assert read_held(workspace, former) is None


def test_a_person_chooses_tools_where_the_session_lets_them(api, person):
    template = make_reports(api, "openai")
    session = begin(api, template, configuration={"tool_filters": {"enabled": True}})
    (path, secret), asked = read_link(session), read_asked(person, session)

    def send(**fields):
        return person.post(
            f"{path}/{session['steps'][0]['id']}",
            data={"client_secret": secret, "asked": asked, "value.api_key": "made-up", **fields},
            follow_redirects=False,
        )

    assert Seen(look(person, session).text).find("fieldset", id="tools")
    bad = send(**{"tools": "some", "tool.patterns": "(?=a)"})
    assert bad.status_code == 422
    assert "look-around" in bad.text
    assert "Line 1 of the patterns cannot be used" in bad.text
    none = send(**{"tools": "some", "tool.others": "chat", "tool.patterns": "^a\n\n["})
    assert "Line 2 of the patterns is not a valid regular expression" in none.text
    long = send(**{"tools": "some", "tool.patterns": "^a\n" + "b" * 1_001})
    assert "Line 2 of the patterns is too long" in long.text
    assert (
        send(**{"tools": "some", "tool.others": "chat\nembed", "tool.patterns": "^list_"}).status_code == 303
    )
    [part] = api.get("/integration-instance-providers").json()["items"]
    assert part["tool_filter"]["filters"] == [
        {"type": "tool_keys", "keys": ["chat", "embed"]},
        {"type": "tool_regex", "pattern": "^list_"},
    ]


def test_who_allows_these_tools_only_and_names_none_is_asked_which(api, person):
    session = begin(api, make_reports(api, "openai"), configuration={"tool_filters": {"enabled": True}})
    (path, secret), asked = read_link(session), read_asked(person, session)
    empty = {"tools": "some", "tool.others": " \n", "tool.patterns": ""}

    answer = person.post(
        f"{path}/{session['steps'][0]['id']}",
        data={"client_secret": secret, "asked": asked, "value.api_key": "made-up", **empty},
        follow_redirects=False,
    )

    assert answer.status_code == 422
    assert "Name a tool or a pattern, or choose “All tools”." in Seen(answer.text).text
    assert read(api, session) == ("pending", ["pending"])


FREE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.com/schemas/clock.json",
    "title": "Clock",
    "description": "Tells the time.",
    "type": "object",
    "x-category": "API",
    "x-version": 1,
    "x-destination-version": 1,
    "properties": {"zone": {"title": "Zone", "description": "Which.", "type": "string"}},
    "additionalProperties": False,
}


@pytest.fixture
def clock(api):
    """Register a connector type that needs nothing, and return a template of it alone."""
    answer = api.post("/api/integrations/def/register", json=[FREE])
    assert answer.status_code == 200, answer.text
    return make_reports(api, "clock")


def test_what_needs_no_input_is_done_by_itself(api, clock, person):
    session = begin(api, clock)

    assert (session["status"], [step["status"] for step in session["steps"]]) == (
        "successful",
        ["configured"],
    )
    assert session["integration_instance"]["status"] == "active"
    assert list_names(api) == ["northwind-clock"]
    assert "All set" in look(person, session).text


def test_where_tools_are_to_be_chosen_nothing_is_done_by_itself(api, clock, person):
    session = begin(api, clock, configuration={"tool_filters": {"enabled": True}})

    assert read(api, session) == ("pending", ["pending"])
    assert fill_step(person, session, 0).status_code == 303
    assert read(api, session) == ("successful", ["configured"])


def test_without_the_vaults_key_a_page_says_so_and_no_link_is_given_out(open_service, monkeypatch):
    service = open_service()
    key = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test").token.reveal()
    admin = visit(service, key)
    session = begin(admin, make_reports(admin))
    service.close()
    monkeypatch.delenv("CREDENZA_TEST_KEK")
    locked = visit(open_service(), key)

    assert look(locked, session).status_code == 503
    assert fill_step(locked, session, 0, **DATABASE).status_code == 503
    shown = locked.get(f"{PATH}/{session['id']}").json()
    assert "client_secret" not in json.dumps(shown)
    assert [step["status"] for step in shown["steps"]] == ["pending", "pending"]
