"""The OpenAPI document tells the truth, and the page shows all of it without help from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from credenza.access import ROLES
from credenza.connectors import EMPTY, Catalogue, Held, draft_all
from credenza.web.openapi import describe, render
from credenza.web.openapi.examples import SAVES
from credenza.web.openapi.operations import OPERATIONS
from credenza.web.packages.presence import is_packaged
from credenza.web.surfaces import DESCRIBED
from package_samples import make_package_things
from template_things import Ids, fill_ids, make_things

README = (Path(__file__).parent.parent / "README.md").read_text()
CATALOGUE = Catalogue.load()
TYPES = {**CATALOGUE, "api": CATALOGUE.api}
DOCUMENT = describe(DESCRIBED, CATALOGUE, lenient=False)
LENIENT = describe(DESCRIBED, CATALOGUE, lenient=True)
SCHEMAS = DOCUMENT["components"]["schemas"]
CALLS = [(method, path) for path, item in DOCUMENT["paths"].items() for method in item]
GUARDED = [call for call in CALLS if DOCUMENT["paths"][call[1]][call[0]].get("security") != []]
KEYED = [call for call in GUARDED if "security" not in DOCUMENT["paths"][call[1]][call[0]]]
BODIES = [
    (*call, example)
    for call in CALLS
    for content in DOCUMENT["paths"][call[1]][call[0]].get("requestBody", {}).get("content", {}).values()
    for example in content["examples"]
]
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


def fill(path, ids=None):
    names = {"name": "open-ai-test", "version": 1, "api": "gpt-4o", "prompt": "summarise"}
    return path.format_map(Ids({**names, **(ids or {})}))


def body_of(call, example):
    """Return an example of a body, and the schema it should keep."""
    [content] = operation(call)["requestBody"]["content"].values()
    return content["examples"][example]["value"], content["schema"]


def compile_schema(name, document=DOCUMENT):
    """Compile a component with everything it refers to."""
    return compile_part({"$ref": f"#/components/schemas/{name}"}, document)


def compile_part(part, document=DOCUMENT):
    return jsonschema_rs.Draft202012Validator({**part, "components": document["components"]})


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


def test_a_path_is_shown_as_people_write_it():
    assert not [path for _, path in CALLS if "%" in path]
    assert {"/api/integrations/all", "/api/integrations/provider/{name}/integration/all"} <= {
        *DOCUMENT["paths"]
    }


def test_the_readme_lists_exactly_the_calls_there_are():
    table = README[README.index("## HTTP API") :].partition("\n## ")[0]
    told = set()
    for row in re.findall(r"^\| ([A-Z, ]+) \| `([^`]+)` \|", table, re.MULTILINE):
        told |= {(method.lower(), row[1]) for method in row[0].split(", ")}

    assert told == {call for call in CALLS if not operation(call)["operationId"].endswith("_slashed")}


def test_the_slash_tells_the_list_of_integrations_from_that_of_packages():
    for path, name, answer in (
        (
            "/api/integrations",
            "list_integration_packages",
            {"$ref": "#/components/schemas/PackageListAnswer"},
        ),
        (
            "/api/integrations/",
            "list_integrations",
            {"type": "array", "items": {"$ref": "#/components/schemas/Integration"}},
        ),
    ):
        described = operation(("get", path))

        assert described["operationId"] == name
        assert described["responses"]["200"]["content"]["application/json"]["schema"] == answer
        assert "slash" in described["description"]


def test_a_save_is_an_array_and_a_package_an_object_at_both_paths():
    for path in ("/api/integrations", "/api/integrations/"):
        _, schema = body_of(("post", path), "two")

        assert resolve(schema)["oneOf"] == [
            {"$ref": "#/components/schemas/Integrations"},
            {"$ref": "#/components/schemas/PackageBody"},
        ]


def test_every_error_is_described_as_a_problem():
    for call in CALLS:
        for status, answer in operation(call)["responses"].items():
            if int(status) >= 400 and call[1] != "/readyz":
                content = resolve(answer)["content"]
                assert content == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}
                }


def test_of_a_conflict_it_is_said_when_sending_it_again_helps_and_when_not():
    told = DOCUMENT["components"]["responses"]["Conflict"]["description"]

    assert told.startswith("With `retryable`")
    assert all(f"`{code}`" in told for code in ("type_in_use", "type_built_in", "type_outdated"))
    assert "409" in operation(("get", "/api/integrations/provider/{name}/resolved"))["responses"]


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


@pytest.mark.parametrize("example", SAVES)
@pytest.mark.parametrize("path", ["/api/integrations", "/api/integrations/"])
def test_every_example_of_a_save_can_be_saved_as_it_stands(api, path, example):
    body, _ = body_of(("post", path), example)

    saved = api.post(path, json=body)

    assert (saved.status_code, saved.json()["created"]) == (200, len(body))
    assert compile_schema("SaveReceipt").is_valid(saved.json())


def make_what_is_at(path, client):
    """Return the ids of what a path and its body may name, once that is there."""
    if is_packaged(path):
        return make_package_things(client)
    return {} if path.startswith("/api") else make_things(client)


@pytest.mark.parametrize(("method", "path", "example"), BODIES, ids=map(" ".join, BODIES))
def test_every_example_of_a_body_keeps_its_schema_and_is_taken_as_it_stands(api, key, method, path, example):
    body, schema = body_of((method, path), example)
    assert api.post("/api/integrations", json=SAVES["two"]["value"]).status_code == 200
    ids = make_what_is_at(path, api)
    # What is for operators is for nobody in a workspace.
    headers = {"X-Authorization": key("operator")} if path.endswith("/review") else {}

    answer = api.request(method, fill(path, ids), json=fill_ids(body, ids), headers=headers)

    assert compile_part(schema).is_valid(body)
    assert answer.status_code == (401 if path == "/api/token" else 200)  # its example is nobody's key


@pytest.mark.parametrize("call", KEYED, ids=" ".join)
def test_a_call_is_refused_to_exactly_the_roles_it_is_not_described_for(client, key, call):
    client.post("/api/integrations", json=SAVES["two"]["value"], headers={"X-Authorization": key("admin")})
    described = operation(call)["description"].rpartition("For ")[2]
    examples = [example for method, path, example in BODIES if (method, path) == call]
    body = body_of(call, examples[0])[0] if examples else None
    path = fill(call[1]) + ("?against=1" if call[1].endswith("{version}") else "")

    for role in ROLES:
        answer = client.request(call[0], path, json=body, headers={"X-Authorization": key(role)})

        assert (answer.status_code != 403) is (described == "every role." or f"`{role}`" in described)


def test_an_answer_keeps_its_schema_and_can_be_sent_back_under_the_schema_of_a_save(api):
    api.post(
        "/api/integrations", json=[{"name": "a", "type": "openai", "configuration": {"api_key": "made-up"}}]
    )

    listed = api.get("/api/integrations/").json()

    assert compile_schema("Integration").is_valid(listed[0])
    assert compile_schema("Integrations").is_valid(listed)


@pytest.fixture
def used(api):
    """Return a client of a service in which there is something to read at every path."""
    [first, *_] = SAVES["two"]["value"]
    model = {**first["apis"][0], "configuration": {"temperature": 0.5, "api_key": "made-up", "other": "x"}}
    tags = [{"key": "team", "value": "search"}]
    assert api.post("/api/integrations", json=[{**first, "tags": tags, "apis": [model]}]).status_code == 200
    for method, path, body in [
        ("post", "integration/gpt-4o", {"maxTokens": 5, "frequency": "weekly"}),
        ("put", "integration/gpt-4o/tags", tags),
        ("post", "integration/gpt-4o/prompt/summarise", {}),
        ("post", "integration/gpt-4o/metrics", 7),
    ]:
        answer = api.request(method, f"/api/integrations/provider/open-ai-test/{path}", json=body)
        assert answer.status_code == 200
    return api


@pytest.fixture
def ids(used):
    return make_package_things(used)


def is_of_packages(path):
    return path == "/api/integrations" or is_packaged(path)


READS = [(method, path) for method, path in CALLS if method == "get" and path.startswith("/api")]


@pytest.mark.parametrize("path", [path for _, path in READS])
def test_every_read_answers_in_the_shape_and_with_the_version_it_is_described_with(used, request, path):
    described = resolve(operation(("get", path))["responses"]["200"])
    [content] = described["content"].values()

    ids = request.getfixturevalue("ids") if is_of_packages(path) else {}

    answer = used.get(fill(path, {"name": "openai"} if "/def/" in path else ids))

    assert answer.status_code == 200
    assert answer.json() not in ([], {})
    assert compile_part(content["schema"]).is_valid(answer.json())
    assert ("etag" in answer.headers) is ("ETag" in described["headers"])


@pytest.mark.parametrize("path", ["", "/integration/gpt-4o"])
def test_what_a_path_answers_can_be_sent_back_to_it_and_changes_nothing(used, path):
    url = f"/api/integrations/provider/open-ai-test{path}"
    [content] = operation(("post", "/api/integrations/provider/{name}" + path.replace("gpt-4o", "{api}")))[
        "requestBody"
    ]["content"].values()
    read = used.get(url)

    saved = used.post(url, json=read.json())

    assert compile_part(content["schema"]).is_valid(read.json())
    assert (saved.status_code, used.get(url).headers["etag"]) == (200, read.headers["etag"])


def test_a_member_of_a_form_that_is_null_counts_as_left_out_and_is_described_so(api):
    form = {"name": "acme", "category": None, "configuration": [{"fieldName": "a", "fieldType": "TEXT"}]}
    form["configuration"][0] |= {"label": None, "dependsOn": None, "unheard": None}

    assert compile_schema("TypeDefinitions").is_valid([form])
    assert api.post("/api/integrations/def/register", json=[form]).status_code == 200
    shown = api.get("/api/integrations/def/acme").json()
    assert compile_schema("IntegrationDef").is_valid(shown)
    assert not compile_schema("IntegrationDef").is_valid({**shown, "category": None})


def test_an_integration_of_a_registered_type_is_described_without_its_schema(api):
    content = operation(("post", "/api/integrations/def/register"))["requestBody"]["content"]
    examples = content["application/json"]["examples"]
    assert api.post("/api/integrations/def/register", json=examples["form"]["value"]).status_code == 200
    item = {"name": "a", "type": "acme", "configuration": {"endpoint": "https://a.example", "token": "x"}}

    assert compile_schema("Integrations").is_valid([item])
    assert compile_schema("ProviderItem").is_valid(item)
    assert api.post("/api/integrations", json=[item]).status_code == 200


def test_a_type_may_be_left_out_at_the_path_of_one_integration_alone(used):
    change = {"name": "open-ai-test", "enabled": False}

    assert compile_schema("ProviderItem").is_valid(change)
    assert not compile_schema("Integrations").is_valid([change])
    assert used.post("/api/integrations/provider/open-ai-test", json=change).status_code == 200
    assert used.post("/api/integrations", json=[change]).status_code == 400


@pytest.mark.parametrize(
    ("stem", "item"),
    [("Integration", SCHEMAS["IntegrationItem"]), ("Provider", SCHEMAS["ProviderItem"]["anyOf"][0])],
)
def test_the_body_of_a_save_is_told_apart_by_its_type(stem, item):

    assert item["discriminator"]["propertyName"] == "type"
    assert list(item["discriminator"]["mapping"]) == list(CATALOGUE)
    own = f"#/components/schemas/{stem}OfOwnType"
    assert [each["$ref"] for each in item["oneOf"]] == [*item["discriminator"]["mapping"].values(), own]
    for name in CATALOGUE:
        branch = SCHEMAS[f"{stem}.{name}"]["properties"]
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
    connector = TYPES[draw(st.sampled_from(list(TYPES)))]
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
    lenient = lenient or connector is CATALOGUE.api
    [draft] = draft_all(connector, [(sent, held)], lenient=lenient)

    if not draft.problems:
        assert ACCEPTING[lenient][connector.name].is_valid(sent)


ACCEPTING = [
    {name: compile_schema(f"Configuration.{name}", document) for name in CATALOGUE}
    | {"api": compile_schema("ApiConfiguration", document)}
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


def test_the_page_marks_secrets_destinations_and_what_decides_on_trust(client):
    page = client.get("/docs").text
    kafka = page[page.index('id="Configuration.kafka"') :].partition('id="Configuration.')[2]
    rows = kafka.partition("<pre>")[0].split("<tr>")
    marks = {
        row.partition("<code>")[2].partition("<")[0]: row.split("<td>")[3].partition("<")[0]
        for row in rows[2:]
    }

    assert (marks["password"], marks["file"]) == ("secret", "secret, trust")
    assert (marks["endpoint"], marks["protocol"]) == ("destination", "required, destination")


def test_a_text_of_a_type_is_shown_and_never_run():
    hostile = "</code><script>alert(1)</script>"
    document = {**DOCUMENT, "info": {**DOCUMENT["info"], "title": hostile, "description": hostile}}

    read = Reader(render(document, style="/docs/style.css", source="/openapi.json").decode())

    assert "script" not in read.tags
