"""The hosted page: what it shows, what it keeps to itself, and what it lets through. Without a browser."""

from __future__ import annotations

import json
import re
import tempfile

import pytest
from litestar.testing import TestClient

import setup_page
from credenza.errors import Clash, Conflict, StoreFull, VaultLocked
from credenza.sensitive import Sensitive
from credenza.web.app import create_app
from credenza.web.setup.model import Answers, Choice, Layout, ToolChoice, Tools
from setup_page import LINK, ROOT, SECRET, SESSION, MemorySetup, Seen, Switch, asking
from web_answers import CANARY

HOSTILE = '"><script>alert(1)</script>{{ 7 * 7 }}'


@pytest.fixture
def setup():
    return MemorySetup({"isst_1": asking("openai"), "isst_2": asking("aws")})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    switch = Switch()
    with setup_page.open_service(tmp_path_factory.mktemp("setup")) as service:
        app = create_app(service, switch)
        with TestClient(app, raise_server_exceptions=False) as client:
            client.follow_redirects = False
            yield switch, client


@pytest.fixture
def browse(server):
    """Put sessions behind the server, and give a client of it."""
    switch, client = server

    def put(setup):
        switch.current = setup
        return client

    return put


@pytest.fixture
def client(browse, setup):
    return browse(setup)


def send(client, step="isst_1", secret=SECRET, files=None, headers=None, **values):
    """Send a step's form as a browser does."""
    named = {
        name if name in {"show", "tools", "tool"} or "." in name else f"value.{name}": text
        for name, text in values.items()
    }
    data = {"client_secret": secret, **named}
    files = files or {"file.nothing": ("", b"")}
    return client.post(
        f"{ROOT}/{step}", data=data, files=files, headers=headers or {"Sec-Fetch-Site": "same-origin"}
    )


# What a person sees.


def test_a_link_shows_the_form_of_the_first_open_step_at_once(client):
    seen = Seen(client.get(LINK).text)

    assert "Acme Reports" in seen.text
    assert [control["name"] for control in seen.controls() if control["name"] != "file.nothing"] == [
        "value.api_key",
        "value.endpoint",
        "value.organizationId",
    ]


def test_every_control_has_a_label_and_what_describes_it_is_there(browse):
    for name in ("kafka", "gcp", "pgvectordb", "nats", "weaviatedb"):
        tools = Tools((Choice("Read", "read"),))
        seen = Seen(browse(MemorySetup({"isst_1": asking(name)}, tools=tools)).get(LINK).text)
        labels = {label.get("for") for label in seen.find("label")}
        ids = [found["id"] for _, found in seen.elements if "id" in found]
        assert len(ids) == len({*ids})
        for control in seen.controls():
            assert control.get("id") in labels or control["type"] in {"radio", "checkbox"}
            assert {*control.get("aria-describedby", "").split()} <= {*ids}


def test_a_secret_is_entered_unseen_and_never_filled_in(client):
    field = Seen(client.get(LINK).text).control("api_key")

    assert (field["type"], field["autocomplete"], "value" in field) == ("password", "off", False)


def test_defaults_are_filled_in_and_choices_are_offered(browse):
    aws = Seen(browse(MemorySetup({"isst_1": asking("aws")})).get(LINK).text)

    assert [option["value"] for option in aws.find("option")] == [
        "",
        "CONDUCTOR_ROLE",
        "EXTERNAL_ROLE",
        "ACCESS_KEY",
    ]
    kafka = Seen(browse(MemorySetup({"isst_1": asking("kafka")})).get(LINK).text)
    assert "__other__" in [option["value"] for option in kafka.find("option")]
    assert [control["name"] for control in kafka.controls() if control["name"].startswith("other.")]
    openai = Seen(browse(MemorySetup({"isst_1": asking("ollama")})).get(LINK).text)
    assert openai.control("endpoint")["value"].startswith("http")


def test_what_is_wrong_stands_beside_the_field_and_in_a_list_that_takes_the_focus(client, setup):
    answer = send(client, endpoint="https://a.example")
    seen = Seen(answer.text)
    [summary] = seen.find("div", id="problems")

    assert answer.status_code == 422
    assert setup.saved == {}
    assert seen.problem("api_key")
    assert not seen.problem("endpoint")
    assert "autofocus" in summary
    assert summary["tabindex"] == "-1"
    assert seen.find("a", href="#field-api_key")
    assert "Fill this in." in seen.text
    assert seen.text.index("Not saved yet:") < seen.text.index("Acme Reports")


def test_a_choice_that_is_missing_is_asked_for_as_a_choice(browse):
    answer = send(browse(MemorySetup({"isst_1": asking("aws")})))

    assert answer.status_code == 422
    assert "Connection Type: Choose one." in Seen(answer.text).text


@pytest.mark.parametrize("chosen", ["__other__", "", "PLAINTEXT"])
def test_a_value_of_ones_own_is_typed_beside_a_choice_and_goes_before_it(browse, chosen):
    client = browse(MemorySetup({"isst_1": asking("kafka")}))

    sent = {"value.protocol": chosen, "other.protocol": " OF OUR OWN "}

    answer = client.post(f"{ROOT}/isst_1", data={"client_secret": SECRET, "show": "1", **sent})

    seen = Seen(answer.text)
    assert seen.find("input", name="other.protocol")[0]["value"] == "OF OUR OWN"
    selected = [option["value"] for option in seen.find("option") if "selected" in option]
    assert selected == ["__other__"]


def test_a_value_of_ones_own_is_saved(browse):
    setup = MemorySetup({"isst_1": asking("azure_service_bus", keys={"connectionType"})})
    client = browse(setup)
    sent = {"client_secret": SECRET, "value.connectionType": "__other__", "other.connectionType": "By proxy"}

    client.post(f"{ROOT}/isst_1", data=sent)

    assert setup.saved["isst_1"][0]["connectionType"] == "By proxy"


def test_a_file_is_offered_beside_what_is_pasted_and_named_with_its_field(browse):
    seen = Seen(browse(MemorySetup({"isst_1": asking("gcp", keys={"file"})})).get(LINK).text)
    [upload] = seen.find("input", id="field-file-upload")

    assert "Or choose a file; it goes before what is pasted" in seen.text
    assert upload["aria-labelledby"] == "field-file-label field-file-upload-label"
    assert seen.find("label", id="field-file-label")


def test_other_without_a_value_is_no_choice(browse):
    setup = MemorySetup({"isst_1": asking("kafka")})
    answer = send(browse(setup), protocol="__other__")

    assert setup.saved == {}
    assert "__other__" not in [control.get("value") for control in Seen(answer.text).controls()]


def test_after_a_problem_what_was_typed_is_there_again_except_what_is_secret(client):
    answer = send(client, "isst_2", connectionType="ACCESS_KEY", region="eu-west-1", api_key=CANARY)
    seen = Seen(answer.text)

    assert answer.status_code == 422
    assert seen.control("region")["value"] == "eu-west-1"
    assert seen.find("option", value="ACCESS_KEY")[0].keys() >= {"selected"}
    assert "value" not in seen.control("api_key")
    assert CANARY not in answer.text + str(answer.headers)


def test_an_address_with_a_password_in_it_is_not_shown_again(browse):
    client = browse(MemorySetup({"isst_1": asking("relational_db")}))

    answer = send(client, datasourceURL=f"jdbc:postgresql://u:{CANARY}@db/x")

    assert answer.status_code == 422
    assert CANARY not in answer.text


def test_the_button_for_a_choice_shows_its_fields_and_saves_nothing(client, setup):
    before = Seen(client.get(f"{ROOT}/isst_2?client_secret={SECRET}").text)
    answer = send(client, "isst_2", connectionType="EXTERNAL_ROLE", region="eu-west-1", show="1")
    after = Seen(answer.text)

    assert before.control("roleArn") is None
    assert (after.control("roleArn"), after.control("user")) != (None, None)
    assert after.control("user") is None
    assert after.control("region")["value"] == "eu-west-1"
    assert (answer.status_code, "submit" in setup.calls) == (200, False)


def test_a_choice_sends_nothing_but_the_choices_before_the_form_is_sent(client):
    seen = Seen(send(client, "isst_2", connectionType="ACCESS_KEY", show="1").text)
    [form] = seen.find("form")

    assert "hx-post" in seen.control("connectionType")
    assert form["hx-params"].split(",") == ["client_secret", "show", "asked", "value.connectionType"]


def test_a_saved_step_leads_on_to_the_next_and_the_last_one_to_the_end(browse, setup):
    client = browse(MemorySetup(setup.steps, redirect_url="https://shop.example:8443/back?x=1"))
    first = send(client, api_key="sk-example")
    second = send(client, "isst_2", connectionType="CONDUCTOR_ROLE", region="eu-west-1")
    end = Seen(client.get(second.headers["location"]).text)

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == LINK
    assert [link["href"] for link in end.find("a", id="continue")] == ["https://shop.example:8443/back?x=1"]
    assert "shop.example:8443" in end.text


def test_progress_says_which_steps_are_done(client):
    send(client, api_key="sk-example")
    seen = Seen(client.get(LINK).text)

    assert [step["class"] for step in seen.find("li") if "class" in step] == ["done", "open"]
    assert [step.get("aria-current") for step in seen.find("li") if "class" in step] == [None, "step"]


def test_a_step_that_is_done_says_so_and_offers_the_next(client):
    send(client, api_key="sk-example")
    seen = Seen(client.get(f"{ROOT}/isst_1?client_secret={SECRET}").text)

    assert "This step is done" in seen.text
    assert seen.find("form") == []
    assert seen.find("a", href=LINK)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "https://good.example\\@evil.example/",
        "https://user@evil.example/",
        "//evil.example",
        "http://evil.example/",
        "https://evil.example/\r\nx",
        "https:evil.example",
        "https://bücher.example/",
        "data:text/html,x",
    ],
)
def test_a_person_is_sent_nowhere_that_two_readers_could_read_differently(browse, address):
    setup = MemorySetup({"isst_1": asking("openai")}, redirect_url=address)
    client = browse(setup)
    send(client, api_key="sk-example")

    answer = client.get(LINK)

    assert answer.status_code == 200
    assert Seen(answer.text).find("a") == []


@pytest.mark.parametrize("layout", [*Layout])
def test_the_page_stands_as_the_session_says(browse, layout):
    seen = Seen(browse(MemorySetup({"isst_1": asking("openai")}, layout=layout)).get(LINK).text)

    assert seen.find("body")[0]["data-layout"] == layout.value


def test_names_and_descriptions_are_text_and_nothing_else(browse):
    setup = MemorySetup({"isst_1": asking("openai")}, product=HOSTILE, description=HOSTILE)
    answer = send(browse(setup), endpoint=HOSTILE, organizationId=HOSTILE)

    assert "<script>alert" not in answer.text
    assert "49" not in answer.text.replace(HOSTILE, "")
    assert Seen(answer.text).control("endpoint")["value"] == HOSTILE
    assert HOSTILE in Seen(answer.text).text


def test_tools_are_chosen_where_the_session_allows_it(browse):
    setup = MemorySetup(
        {"isst_1": asking("openai")}, tools=Tools((Choice("Read", "read"), Choice("Write", "write")))
    )
    client = browse(setup)
    sent = {"api_key": "sk-example", "tools": "some", "tool.others": "list\r\n\r\n", "tool.patterns": "^get_"}
    send(client, **sent, tool=["read", "write"])

    assert setup.saved["isst_1"][1] == ToolChoice(
        every=False, keys=("read", "write", "list"), patterns=("^get_",)
    )


# What it keeps to itself.

HEADERS = {
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "content-type": "text/html; charset=utf-8",
}


def list_answers(client, setup):
    yield client.get(LINK)
    yield client.get(f"{ROOT}/isst_2?client_secret={SECRET}")
    yield send(client)
    yield send(client, "isst_2", show="1")
    yield client.get(f"{ROOT}?client_secret=other")
    yield client.get(ROOT)
    yield send(client, headers={"Sec-Fetch-Site": "cross-site"})
    yield client.post(
        f"{ROOT}/isst_1",
        content=b"x" * (1024 * 1024 + 1),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    yield client.post(f"{ROOT}/isst_1", json={})
    yield send(client, api_key="sk-example")
    yield client.get(f"{ROOT}/isst_1?client_secret={SECRET}")
    setup.failure = RuntimeError(CANARY)
    yield send(client, "isst_2", connectionType=CANARY)
    setup.failure = Conflict()
    yield send(client, "isst_2", connectionType=CANARY)
    setup.expired = True
    yield client.get(LINK)


def test_every_page_carries_the_same_strict_headers(client, setup):
    statuses = []
    for answer in list_answers(client, setup):
        statuses.append(answer.status_code)
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert policy == {
            "default-src": "'none'",
            "style-src": "'self'",
            "script-src": "'self'",
            "connect-src": "'self'",
            "img-src": "'self'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "object-src": "'none'",
            "frame-ancestors": "'none'",
        }
        assert "set-cookie" not in answer.headers
        assert CANARY not in answer.text
        seen = Seen(answer.text)
        assert all("src" in script for script in seen.find("script"))
        assert not any(
            "style" in found or any(n.startswith("on") for n in found) for _, found in seen.elements
        )

    assert statuses == [200, 200, 422, 200, 404, 404, 403, 413, 415, 303, 200, 500, 409, 410]


def test_an_origin_that_may_embed_the_page_is_named_and_nothing_else_can_be_slipped_in(browse):
    origins = ("https://shop.example", "https://a.example; script-src *", "*", "javascript:1")
    setup = MemorySetup({"isst_1": asking("openai")}, frame_ancestors=origins)

    policy = browse(setup).get(LINK).headers["content-security-policy"]

    assert policy.endswith("frame-ancestors https://shop.example")


def test_a_server_that_is_reached_by_https_asks_browsers_to_keep_to_it(open_service, setup):
    service = open_service(public_url="https://connect.example/vault")
    with TestClient(create_app(service, setup)) as client:
        answer = client.get(LINK)

    seen = Seen(answer.text)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert seen.find("form")[0]["action"] == f"/vault{ROOT}/isst_1"


def test_the_secret_of_a_link_stands_in_the_form_and_in_no_address_of_it(client):
    seen = Seen(client.get(LINK).text)

    assert [found["value"] for found in seen.find("input", name="client_secret", type="hidden")] == [SECRET]
    assert SECRET not in seen.find("form")[0]["action"]
    assert [found for found in seen.find("script", "link") if SECRET in str(found)] == []


def test_neither_the_log_nor_a_metric_nor_a_traceback_holds_the_secret_or_a_value(
    open_service, setup, capsys, caplog
):
    service = open_service(access_log=True)
    with TestClient(create_app(service, setup), raise_server_exceptions=False) as client:
        client.get(LINK)
        setup.failure = RuntimeError(CANARY)
        send(client, api_key=CANARY)
        metrics = client.get("/metrics").text
    told = capsys.readouterr()
    said = told.err + told.out + caplog.text + metrics

    assert "/integration-setup-session/{session_id}/{step_id}" in said
    assert [word for word in (SECRET, SESSION, CANARY) if word in said] == []


def test_nothing_that_is_passed_around_shows_what_was_entered(setup):
    answers = Answers({"api_key": Sensitive(CANARY), "endpoint": Sensitive(CANARY)}, {})
    page = setup.show(SESSION, Sensitive(SECRET), "isst_1", answers)

    assert CANARY not in repr((answers, page, setup.steps))


# What it lets through.


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_a_link_however_often_consumes_nothing(client, setup, method):
    for _ in range(3):
        assert client.request(method, LINK).status_code == 200

    assert {*setup.calls} == {"open"}
    assert send(client, api_key="sk-example").status_code == 303


@pytest.mark.parametrize(
    "link",
    [
        ROOT,
        f"{ROOT}?client_secret=",
        f"{ROOT}?client_secret=wrong",
        f"{LINK}&client_secret={SECRET}",
        f"{ROOT}?client_secret={'x' * 600}",
        f"{ROOT}/isst_9?client_secret={SECRET}",
        f"/integration-setup-session/iss_other?client_secret={SECRET}",
        f"/integration-setup-session/%00?client_secret={SECRET}",
    ],
)
def test_a_wrong_link_gets_a_plain_page_that_does_not_say_what_is_wrong_with_it(client, link):
    answer = client.get(link)

    assert answer.status_code == 404
    assert answer.text == client.get(ROOT).text
    assert Seen(answer.text).find("form", "script") == []


def test_what_a_mail_program_adds_to_a_link_does_no_harm(client):
    assert client.get(f"{LINK}&utm_source=mail").status_code == 200


def test_an_expired_link_says_so_to_who_holds_it_only(client, setup):
    setup.expired = True

    assert client.get(LINK).status_code == 410
    assert send(client, api_key="sk-example").status_code == 410
    assert client.get(f"{ROOT}?client_secret=wrong").status_code == 404


def test_a_server_without_sessions_knows_no_link(service):
    with TestClient(create_app(service)) as client:
        assert client.get(LINK).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
        ({"Origin": "http://testserver.local"}, 303),
        ({"Origin": "null"}, 303),
        ({}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://testserver.local.evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, 403),
    ],
)
def test_a_form_of_another_site_is_refused(client, setup, headers, status):
    answer = send(client, headers={"X-None": "1", **headers}, api_key="sk-example")

    assert answer.status_code == status
    assert bool(setup.saved) == (status == 303)


@pytest.mark.parametrize("secret", ["", "wrong", "x" * 600])
def test_a_form_without_the_secret_of_the_link_is_refused(client, setup, secret):
    assert send(client, secret=secret, api_key="sk-example").status_code == 404
    assert setup.saved == {}


MULTIPART = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("text/plain", b"client_secret=x", 415),
        ("multipart/form-data", b"", 400),
        (MULTIPART, b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nhalf", 400),
        (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--\r\n', 400),
        ("application/x-www-form-urlencoded", b"a=%ff", 400),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(1001)), 400),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 1024 * 1024, 413),
    ],
)
def test_a_form_that_cannot_be_read_is_refused_with_a_page(client, kind, body, status):
    answer = client.post(f"{ROOT}/isst_1", content=body, headers={"Content-Type": kind})

    assert (answer.status_code, "<h1>" in answer.text) == (status, True)


def test_a_form_as_browsers_send_it_without_files_is_read_too(client, setup):
    data = {"client_secret": SECRET, "value.api_key": "sk-example"}

    assert client.post(f"{ROOT}/isst_1", data=data).status_code == 303
    assert setup.saved["isst_1"][0]["api_key"] == "sk-example"


def test_who_comes_second_is_told_so_and_a_service_that_is_down_says_so(client, setup):
    for failure, status, said in (
        (Clash(), 409, "This was saved before"),
        (Conflict(), 409, "Nothing was saved"),
        (VaultLocked(), 503, "was not saved"),
        (StoreFull(), 507, "was not saved"),
    ):
        setup.failure = failure
        answer = send(client, api_key=CANARY)
        assert (answer.status_code, said in answer.text, CANARY in answer.text) == (status, True, False)


def test_an_uploaded_file_is_never_written_to_the_disk(client, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    big = b"x" * 900_000

    answer = send(client, files={"file.api_key": ("a.txt", big)}, api_key="sk-example")

    assert answer.status_code == 303


# Style sheet and scripts.


def test_style_and_scripts_come_from_here_and_are_kept_for_good(client):
    seen = Seen(client.get(LINK).text)
    addresses = [found["src"] for found in seen.find("script")] + [seen.find("link")[0]["href"]]

    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert re.search(r"\.[0-9a-f]{12}\.(js|css)$", address)
    assert {client.get(a).headers["content-type"].partition(";")[0] for a in addresses} == {
        "text/javascript",
        "text/css",
    }
    assert client.get("/integration-setup-session/-/setup.0123456789ab.css").status_code == 404


def test_the_bundled_script_makes_no_code_or_style_out_of_strings(client):
    [meta] = Seen(client.get(LINK).text).find("meta", name="htmx-config")

    assert json.loads(meta["content"]) == {
        "allowEval": False,
        "allowScriptTags": False,
        "includeIndicatorStyles": False,
        "historyEnabled": False,
        "historyCacheSize": 0,
        "selfRequestsOnly": True,
    }
