"""The OpenAPI document tells the truth, and the page shows all of it without help from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from credenza.connectors import EMPTY, Catalogue, Held, draft_all
from credenza.web.app import DESCRIBED
from credenza.web.openapi import describe, render
from credenza.web.openapi.operations import OPERATIONS

CATALOGUE = Catalogue.load()
DOCUMENT = describe(DESCRIBED, CATALOGUE, lenient=False)
LENIENT = describe(DESCRIBED, CATALOGUE, lenient=True)
SCHEMAS = DOCUMENT["components"]["schemas"]
CALLS = [(method, path) for path, item in DOCUMENT["paths"].items() for method in item]
GUARDED = [call for call in CALLS if DOCUMENT["paths"][call[1]][call[0]].get("security") != []]
PRESENCE = {"$secret": {"version": 1, "updatedAt": "2026-01-01T00:00:00.000Z"}}


def operation(call):
    return DOCUMENT["paths"][call[1]][call[0]]


def resolve(part):
    while "$ref" in part:
        found = DOCUMENT
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def fill(path):
    return path.format(name="open-ai-test", version=1)


def compile_schema(name, document=DOCUMENT):
    """Compile a component with everything it refers to."""
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    )


@pytest.mark.parametrize("document", [DOCUMENT, LENIENT], ids=["strict", "lenient"])
def test_the_document_is_openapi_3_1(document):
    validate(document)

    assert document["openapi"].startswith("3.1.")


def test_every_call_has_a_name_of_its_own_a_summary_and_a_group():
    names = [operation(call)["operationId"] for call in CALLS]
    groups = {tag["name"] for tag in DOCUMENT["tags"]}

    assert len(set(names)) == len(names)
    assert {name.removesuffix("_slashed") for name in names} == set(OPERATIONS)
    assert all(operation(call)["summary"] and set(operation(call)["tags"]) <= groups for call in CALLS)


def test_the_list_is_at_the_slash_alone_and_the_save_at_both_paths():
    assert set(DOCUMENT["paths"]["/api/integrations"]) == {"post"}
    assert set(DOCUMENT["paths"]["/api/integrations/"]) == {"get", "post"}


def test_every_error_is_described_as_a_problem():
    for call in CALLS:
        for status, answer in operation(call)["responses"].items():
            if int(status) >= 400 and call[1] != "/readyz":
                content = resolve(answer)["content"]
                assert content == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}
                }


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_exactly_the_described_query_parameters_are_taken(api, call):
    described = [resolve(each) for each in operation(call).get("parameters", ())]
    names = [each["name"] for each in described if each["in"] == "query"]

    refused = api.request(call[0], fill(call[1]) + "?nonsense=1", json={})

    if "400" in operation(call)["responses"]:
        told = ", ".join(names) or "none"
        assert refused.json()["detail"] == f"This call takes these query parameters: {told}."
    else:
        assert names == []


@pytest.mark.parametrize("call", GUARDED, ids=" ".join)
def test_a_call_that_names_a_credential_answers_none_without_one(client, call):
    answer = client.request(call[0], fill(call[1]), json=[])

    assert answer.status_code == 401
    assert "401" in operation(call)["responses"]


@pytest.mark.parametrize("call", [call for call in CALLS if call not in GUARDED], ids=" ".join)
def test_a_call_that_names_no_credential_needs_none(client, call):
    assert client.request(call[0], call[1], json={}).status_code in {200, 400}


@pytest.mark.parametrize("header", ["X-Authorization", "Authorization"])
def test_both_described_ways_to_send_a_credential_work(client, key, header):
    schemes = DOCUMENT["components"]["securitySchemes"]
    value = key() if header == schemes["key"]["name"] else f"{schemes['bearer']['scheme']} {key()}"

    assert client.get("/api/integrations/", headers={header: value}).status_code == 200


@pytest.mark.parametrize(
    "example",
    [
        *DOCUMENT["paths"]["/api/integrations"]["post"]["requestBody"]["content"]["application/json"][
            "examples"
        ]
    ],
)
@pytest.mark.parametrize("path", ["/api/integrations", "/api/integrations/"])
def test_every_example_of_a_save_can_be_saved_as_it_stands(api, path, example):
    content = operation(("post", path))["requestBody"]["content"]["application/json"]
    body = content["examples"][example]["value"]

    saved = api.post(path, json=body)

    assert (saved.status_code, saved.json()["created"]) == (200, len(body))
    assert compile_schema("Integrations").is_valid(body)
    assert compile_schema("SaveReceipt").is_valid(saved.json())


def test_an_answer_keeps_its_schema_and_can_be_sent_back_under_the_schema_of_a_save(api):
    api.post(
        "/api/integrations", json=[{"name": "a", "type": "openai", "configuration": {"api_key": "made-up"}}]
    )

    listed = api.get("/api/integrations/").json()

    assert compile_schema("Integration").is_valid(listed[0])
    assert compile_schema("Integrations").is_valid(listed)


def test_the_body_of_a_save_is_told_apart_by_its_type():
    item = SCHEMAS["IntegrationItem"]

    assert item["discriminator"]["propertyName"] == "type"
    assert list(item["discriminator"]["mapping"]) == list(CATALOGUE)
    assert [each["$ref"] for each in item["oneOf"]] == list(item["discriminator"]["mapping"].values())
    for name in CATALOGUE:
        branch = SCHEMAS[f"Integration.{name}"]["properties"]
        assert branch["type"] == {"const": name}
        assert branch["configuration"]["anyOf"][0] == {"$ref": f"#/components/schemas/Configuration.{name}"}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_types_keys_are_described_and_its_secrets_marked(name):
    described = SCHEMAS[f"Configuration.{name}"]["properties"]

    assert set(described) == {*CATALOGUE[name].keys, "$unknown"}
    assert {key for key, rules in described.items() if rules.get("writeOnly")} == CATALOGUE[name].secrets


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_secret_is_required_since_a_stored_one_is_kept(name):
    schema = SCHEMAS[f"Configuration.{name}"]
    demanded = {*schema.get("required", ())}
    for condition in schema.get("allOf", ()):
        demanded |= {*condition.get("then", {}).get("required", ())}

    assert not demanded & (CATALOGUE[name].secrets | CATALOGUE[name].embeds)


def good(rules):
    """Return a value that a key takes."""
    for found in (rules.get("enum"), rules.get("examples")):
        if found:
            return found[0]
    kind = rules["type"] if isinstance(rules["type"], str) else "integer"
    return {"integer": 5, "number": 5, "boolean": True, "array": ["x"], "string": "5"}[kind]


@st.composite
def offers(draw):
    """Draw a type, a configuration that is nearly good, and what is held."""
    connector = CATALOGUE[draw(st.sampled_from(list(CATALOGUE)))]
    rules = connector.schema["properties"]
    sent = {key: good(rules[key]) for key in rules}
    odd = st.sampled_from([None, "", "5", "x", "***", "a\0b", 5, 5.0, -1, True, [], ["x"], {}, PRESENCE])
    values = odd | st.sampled_from([value for each in rules.values() for value in each.get("enum", ["x"])])
    for key in draw(st.lists(st.sampled_from([*rules]), max_size=len(rules))):
        sent.pop(key, None)
    sent |= draw(st.dictionaries(st.sampled_from([*rules, "$unknown", "nonsense"]), values, max_size=3))
    sealed = {f"/{key}": None for key in connector.secrets} | {f"/{key}": "x" for key in connector.embeds}
    return connector, sent, Held({}, sealed) if draw(st.booleans()) else EMPTY


@pytest.mark.parametrize("lenient", [False, True], ids=["strict", "lenient"])
@settings(max_examples=400, deadline=None)
@given(offer=offers())
def test_what_the_service_accepts_the_document_accepts(lenient, offer):
    connector, sent, held = offer
    [draft] = draft_all(connector, [(sent, held)], lenient=lenient)

    if not draft.problems:
        assert ACCEPTING[lenient][connector.name].is_valid(sent)


ACCEPTING = [
    {name: compile_schema(f"Configuration.{name}", document) for name in CATALOGUE}
    for document in (DOCUMENT, LENIENT)
]


@pytest.mark.parametrize(
    ("type", "sent"),
    [
        ("openai", {"api_key": 5}),
        ("openai", {"api_key": "***"}),
        ("openai", {"api_key": ""}),
        ("openai", {"api_key": "x", "apikey": "x"}),
        ("aws", {"connectionType": "OTHER", "region": "x"}),
        ("aws", {"connectionType": "ACCESS_KEY", "region": "x", "api_key": "x"}),
        ("aws", {"region": "x"}),
        ("gcp_pubsub", {"projectName": "x", "file": "x"}),
        ("pgvectordb", {"dimensions": "many"}),
    ],
)
def test_what_the_document_refuses_the_service_refuses(api, type, sent):
    saved = api.post("/api/integrations", json=[{"name": "a", "type": type, "configuration": sent}])

    assert not ACCEPTING[False][type].is_valid(sent)
    assert saved.status_code == 400


def test_the_lenient_service_describes_no_key_as_required_and_takes_others():
    for name in CATALOGUE:
        schema = LENIENT["components"]["schemas"][f"Configuration.{name}"]
        assert schema["additionalProperties"] is True
        assert not schema.keys() & {"required", "allOf"}


def test_the_document_is_served_to_anyone_as_it_is_described_here(client):
    answer = client.get("/openapi.json")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == DOCUMENT


def test_describing_the_handlers_leaves_them_to_the_application_that_serves_them(client):
    served = [handler.owner for handler in DESCRIBED]

    assert client.get("/openapi.json").status_code == 200

    assert all(handler.owner is owner for handler, owner in zip(DESCRIBED, served, strict=True))


class Reader(HTMLParser):
    """Collect what a page would fetch, run, and point at."""

    def __init__(self, text):
        super().__init__()
        self.fetched, self.tags, self.ids, self.inner, self.styled = [], set(), [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            self.styled |= name == "style" or name.startswith("on")
            if name == "id":
                self.ids.append(value)
            elif name in {"src", "href", "action", "srcset", "data"}:
                (self.inner if value.startswith("#") else self.fetched).append(value)


def test_the_page_fetches_nothing_from_another_host_and_runs_nothing(client):
    page = client.get("/docs")
    read = Reader(page.text)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert set(read.fetched) == {"/docs/style.css", "/openapi.json"}
    assert not read.tags & {"script", "iframe", "object", "embed", "img", "form", "base"}
    assert not read.styled
    style = client.get("/docs/style.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert not re.search(r"url\(|@import|//", style.text)


@pytest.mark.parametrize("path", ["/docs", "/docs/style.css", "/openapi.json"])
def test_the_page_forbids_the_browser_whatever_it_does_not_need(client, path):
    headers = client.get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_page_shows_every_call_and_every_type_and_no_link_leads_nowhere(client):
    read = Reader(client.get("/docs").text)

    assert {operation(call)["operationId"] for call in CALLS} <= set(read.ids)
    assert {f"Configuration.{name}" for name in CATALOGUE} <= set(read.ids)
    assert len(read.ids) == len(set(read.ids))
    assert set(read.inner) <= {f"#{place}" for place in read.ids}


def test_a_text_of_a_type_is_shown_and_never_run():
    hostile = "</code><script>alert(1)</script>"
    document = {**DOCUMENT, "info": {**DOCUMENT["info"], "title": hostile, "description": hostile}}

    read = Reader(render(document, style="/docs/style.css", source="/openapi.json").decode())

    assert "script" not in read.tags
