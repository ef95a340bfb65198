"""The calls that plant canaries: every way in, every place a secret could be put by right or by mistake."""

import base64
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from credenza.connectors import shipped_schemas
from examples import EXAMPLES

API = "/api/integrations"
PROVIDER = f"{API}/provider"
JSON = {"Content-Type": "application/json"}


class Call(NamedTuple):
    """One request; `reveals` says that its answer is meant to hold secrets."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    role: str | None = "admin"
    reveals: bool = False


def post(*items, path=API, role="admin", **headers):
    body = json.dumps(items).encode()
    more = {name.replace("_", "-"): text for name, text in headers.items()}
    return Call("POST", path, body, JSON | more, role)


def schemas():
    for path in sorted(shipped_schemas().glob("*.json")):
        if path.name not in {"api.json", "meta.json"}:
            yield path.name.removesuffix(".json"), json.loads(path.read_text())["properties"]


def plant_configurations(plant):
    """Save every type: well, with all its secrets, with unknown keys, wrong types, wrong choices, in URLs."""
    for type, properties in schemas():  # noqa: A001
        secret = [key for key, rule in properties.items() if rule.get("writeOnly")]
        example = EXAMPLES[type]
        good = {key: plant(f"{type}-{key}") if key in secret else value for key, value in example.items()}
        again = good | {key: plant(f"{type}-{key}-again") for key in secret if key in good}
        yield post({"name": f"ok-{type}", "type": type, "configuration": good})
        yield post({"name": f"ok-{type}", "type": type, "configuration": again})
        yield post({"name": f"ok-{type}", "type": type, "configuration": again, "description": "d"})
        every = {**example, **{key: plant(f"{type}-{key}-every") for key in secret}}
        yield post({"name": f"every-{type}", "type": type, "configuration": every})
        unknown = {plant(f"{type}-key"): plant(f"{type}-value"), "n": {plant("nested"): [plant("nested")]}}
        yield post({"name": f"unknown-{type}", "type": type, "configuration": {**good, **unknown}})
        wrong = {key: [plant(f"{type}-{key}-wrong")] for key in properties}
        yield post({"name": f"wrong-{type}", "type": type, "configuration": wrong})
        choice = {key: plant(f"{type}-{key}-choice") for key, rule in properties.items() if "enum" in rule}
        yield post({"name": f"choice-{type}", "type": type, "configuration": {**good, **choice}})
        masked = {key: f"***{plant('masked')}" for key in secret}
        presence = {key: {"$secret": plant("presence"), "x": plant("presence")} for key in secret}
        yield post({"name": f"mask-{type}", "type": type, "configuration": {**good, **masked}})
        yield post({"name": f"ok-{type}", "type": type, "configuration": {**good, **presence}})
        for key in (key for key, rule in properties.items() if rule.get("x-credentials")):
            for number, text in enumerate(embed(plant, type)):
                item = {"name": f"url-{type}-{number}", "type": type, "configuration": {**example, key: text}}
                yield post(item)


def embed(plant, type):
    yield f"https://user:{plant(f'{type}-userinfo')}@host.example/path"
    yield f"jdbc:postgresql://host.example:5432/db?user=u&password={plant(f'{type}-jdbc')}"
    yield (
        "Endpoint=sb://ns.example.net/;SharedAccessKeyName=root;SharedAccessKey="
        + base64.b64encode(plant(f"{type}-shared").encode()).decode()
    )
    yield f"https:user:{plant(f'{type}-odd')}@@host"


def plant_fields(plant):
    """Save items whose other fields hold what does not belong there."""
    good = {"name": "field", "type": "openai", "configuration": {"api_key": plant("field")}}
    for field in ("category", "enabled", "tags", "apis", "expectedVersion", "type", "description"):
        yield post({**good, field: {plant(f"field-{field}"): plant(f"field-{field}")}})
    for field in ("category", "enabled", "tags", "apis", "expectedVersion", "type", "configuration"):
        yield post({**good, field: plant(f"field-{field}-text")})
    for odd in ("~", "x" * 200, "/", "\n", "\0", " "):
        yield post({**good, "name": plant("name") + odd})
        yield post({**good, "name": plant("name") + odd, "enabled": "no"})
    yield post({**good, plant("field-unknown"): plant("field-unknown")})
    yield post({**good, "tags": [{"key": plant("tag")}, {"value": plant("tag")}, {plant("tag"): 1}]})
    yield post({**good, "apis": [{"api": plant("api")}, {"integrationName": plant("api"), "api": "a"}]})
    yield post({**good, "apis": [{"integrationName": "field", "api": plant("api") + "x" * 600}]})
    yield post(good, good)
    yield post({**good, "name": "lim-other"}, good, role="limited")
    yield post(good, role="viewer")
    yield post(good, role=None)
    yield post(good, path=f"{API}?dryRun=true")
    yield post(good, {**good, "name": "bad~"}, path=f"{API}?mode=per-item")


def plant_texts(plant):
    """Send bodies that are no good JSON, and good ones declared as something else."""
    item = b'{"name":"text","type":"openai","configuration":{"api_key":"%s"'
    ends = [
        b"",
        b"}",
        b"}}",
        b"}}]x",
        b',"api_key":"x"}}]',
        b',"n":NaN}}]',
        b',"n":1e999}}]',
        b',"\xff":1}}]',
    ]
    ends += [b',"n":%s}}]' % (b"[" * 5_000), b',"n":123456789012345678901234567890}}]', b"\\ud800}}]"]
    for end in ends:
        yield Call("POST", API, b"[" + item % plant("broken").encode() + end, JSON)
    for body in ('"%s"', '{"a":"%s"}', "%s", "[1,%s]", '["%s"]', '[{"%s":1}]', "[[[%s"):
        yield Call("POST", API, (body % plant("body")).encode(), JSON)
        yield Call("POST", "/api/token", (body % plant("token")).encode(), JSON, None)
        yield Call("POST", f"{PROVIDER}/ok-openai/rollback", (body % plant("rollback")).encode(), JSON)
    for kind in ("text/plain", f"application/{plant('kind')}", f"application/json; charset={plant('kind')}"):
        yield Call("POST", API, plant("kind").encode(), {"Content-Type": kind})


def plant_tokens(plant):
    """Ask for tokens with what is none of ours."""
    for keys in ("keyId", "keySecret"), ("keyId",), ("keySecret",), ("keyId", "keySecret", plant("field")):
        body = {key: plant(f"token-{key[:9]}") for key in keys}
        yield Call("POST", "/api/token", json.dumps(body).encode(), JSON, None)
    odd = json.dumps({"keyId": 1, "keySecret": [plant("token-list")]})
    yield Call("POST", "/api/token", odd.encode(), JSON, None)


def plant_headers(plant):
    """Send credentials, conditions and whatever else a header may hold."""
    for text in ("Bearer {}", "Basic {}", "{}", "Bearer crdz_{}_{}", "Bearer crdt_{}_1_x", "Digest a={}"):
        sent = text.replace("{}", plant("authorization"))
        yield Call("GET", f"{API}/", None, {"Authorization": sent}, None)
        yield Call("GET", f"{API}/", None, {"X-Authorization": sent}, None)
    basic = base64.b64encode(f"user:{plant('basic')}".encode()).decode()
    yield Call("GET", f"{API}/", None, {"Authorization": f"Basic {basic}"}, None)
    names = ("Cookie", "User-Agent", "Referer", "Origin", "X-Request-Id", "Traceparent", "Accept", "If-Match")
    for name in (*names, "X-Forwarded-For", "Accept-Language", "If-None-Match", plant("header")):
        yield Call("GET", f"{PROVIDER}/ok-openai", None, {name: plant(f"header-{name[:12]}")})
    item = {"name": "once", "type": "openai", "configuration": {"api_key": plant("once")}}
    key = plant("idempotency")
    yield post(item, Idempotency_Key=key)
    yield post(item, Idempotency_Key=key)
    yield post({**item, "description": "other"}, Idempotency_Key=key)
    yield post(item, Idempotency_Key=plant("idempotency-long") + "x" * 300)
    yield post(item, If_Match=f'"{plant("if-match")}"')


def plant_paths(plant):
    """Put into paths and queries what was pasted there by mistake."""
    for role in ("admin", "viewer", "limited", None):
        odd = plant(f"path-{role}") + "~"
        for tail in ("", "/resolved", "/history", "/history/1", f"/history/{odd}", f"/{odd}", "%2Fx"):
            yield Call("GET", f"{PROVIDER}/{odd}{tail}", role=role)
        yield Call("DELETE", f"{PROVIDER}/{odd}", role=role)
        yield Call("POST", f"{PROVIDER}/{odd}/rollback", b'{"version":1}', JSON, role)
    for path in ("/{}", "/api/{}", f"{API}/{{}}/x", "/api/token/{}", "/docs/{}", "/metrics/{}", "/%ff{}"):
        yield Call("GET", path.replace("{}", plant("path")))
    queries = ("mode", "dryRun", "apis", plant("query"), "mode=atomic&mode")
    for name in queries:
        yield post({"name": "q", "type": "openai"}, path=f"{API}?{name}={plant('query')}")
    for name in ("search", "category", "type", "activeOnly", "limit", plant("query")):
        yield Call("GET", f"{API}/?{name}={plant('query')}")
    for name in ("before", "limit", plant("query")):
        yield Call("GET", f"{PROVIDER}/ok-openai/history?{name}={plant('query')}")
    yield Call("GET", f"{PROVIDER}/ok-openai/history/2?against={plant('query')}")


def send(method, path, body, role="admin", **headers):
    more = {name.replace("_", "-"): text for name, text in headers.items()}
    return Call(method, path, json.dumps(body).encode(), JSON | more, role)


def plant_apis(plant):
    """Save configurations of apis: well, with unknown keys, wrongly, in URLs; alone and in bulk."""
    yield post({"name": "parent", "type": "openai", "configuration": {"api_key": plant("parent")}})
    at = f"{PROVIDER}/parent/integration"
    good = {"api_key": plant("api-key"), "password": plant("api-password"), "temperature": 0.5}
    unknown = {plant("api-unknown"): plant("api-unknown"), "deep": [{plant("api-deep"): 1}]}
    url = {"endpoint": f"https://user:{plant('api-url')}@host.example/path"}
    for number, configuration in enumerate((good, unknown, url, good | unknown | url)):
        yield send("POST", f"{at}/m{number}", {"configuration": configuration})
        yield send("POST", f"{at}/m{number}", {"configuration": configuration, "description": "d"})
        api = {"integrationName": "parent", "api": f"b{number}", "configuration": configuration}
        item = {"name": "parent", "type": "openai", "apis": [api]}
        yield post(item)
        yield post(item, path=f"{API}?dryRun=true")
        yield send("POST", f"{PROVIDER}/parent", item)
    for wrong in (
        {"api_key": [plant("api-wrong")], "temperature": plant("api-wrong")},
        {"api_key": f"***{plant('api-masked')}", "endpoint": f"https:u:{plant('api-odd')}@@h"},
        {"api_key": {"$secret": plant("api-presence")}, "$unknown": {"$secret": plant("api-presence")}},
        {plant("api-long"): plant("api-long") * 4_000},
        plant("api-text"),
    ):
        yield send("POST", f"{at}/wrong", {"configuration": wrong})
    moved = {"api_key": plant("moved"), "endpoint": f"https://{plant('moved-host')}.example"}
    yield send("POST", f"{PROVIDER}/parent", {"configuration": moved})
    yield send("DELETE", f"{at}/b0", {plant("api-body"): plant("api-body")})


def plant_singles(plant):
    """Send to the calls that are about one thing what does not belong there."""
    one, model = f"{PROVIDER}/parent", f"{PROVIDER}/parent/integration/m0"
    limit = f"{API}/llm/parent/token"
    for path, method in (
        (one, "POST"),
        (model, "POST"),
        *((f"{owner}/tags", verb) for owner in (one, model) for verb in ("PUT", "DELETE")),
        (f"{model}/metrics", "POST"),
        (f"{model}/prompt/p", "POST"),
        (limit, "POST"),
        (f"{API}/def/register", "POST"),
    ):
        for role in ("admin", "viewer", "limited"):
            for body in (plant("one-text"), [plant("one-list")], {plant("one-key"): plant("one-value")}):
                yield send(method, path, body, role)
        yield Call(method, path, b'{"a":"%s"' % plant("one-broken").encode(), JSON)
        yield send(method, f"{path}?{plant('one-query')}={plant('one-query')}", {})
        yield send(method, path, {}, If_Match=f'"{plant("one-match")}"')
    for body in (
        {"name": plant("one-name"), "type": plant("one-type"), "category": plant("one-category")},
        {"enabled": plant("one-enabled"), "tags": [plant("one-tag")], "apis": [{"api": plant("one-api")}]},
        {
            "integrationName": plant("one-parent"),
            "api": plant("one-api"),
            "frequency": plant("one-frequency"),
        },
        {"maxTokens": plant("one-tokens"), "tokenLimitPeriod": plant("one-period")},
        {"key": plant("one-tag") + "\0", "value": "v"},
        {"promptTokens": plant("one-count")},
    ):
        for path in (one, model, f"{model}/metrics", limit):
            yield send("POST", path, body)
        yield send("PUT", f"{one}/tags", body)
    for path in (
        f"{one}/integration/{plant('one-path')}",
        f"{one}/integration/{plant('one-path')}/tags",
        f"{limit}?api={plant('one-query')}",
        f"{limit}/history?model={plant('one-query')}",
        f"{limit}/history?lookUpWindow={plant('one-query')}",
        f"{API}/def/{plant('one-path')}",
        f"{API}/llm/{plant('one-path')}/token",
    ):
        yield Call("GET", path)
        yield Call("DELETE", path.partition("?")[0])


def plant_types(plant):
    """Register types, save what they declare secret, and put secrets where a type has none."""
    form = {
        "name": "own",
        "configuration": [
            {"fieldName": "where", "fieldType": "TEXT"},
            {"fieldName": "token", "fieldType": "PASSWORD"},
            {"fieldName": "roots", "fieldType": "FILE", "optional": True},
        ],
    }
    yield send("POST", f"{API}/def/register", [form])
    secret = {"token": plant("own-token"), "roots": plant("own-file")}
    for number, where in enumerate(("https://host.example", f"https://u:{plant('own-url')}@host.example")):
        item = {"name": f"own-{number}", "type": "own", "configuration": {"where": where, **secret}}
        yield post(item)
        yield post({**item, "configuration": {"where": where, "token": plant("own-other")}})
        yield Call("GET", f"{PROVIDER}/own-{number}/resolved", reveals=True)
    yield post({"name": "own-2", "type": "own", "configuration": {"where": [plant("own-wrong")]}})
    for edit in (
        {"name": plant("form-name")},
        {"category": plant("form-category")},
        {plant("form-field"): plant("form-field")},
        {"configuration": [{"fieldName": plant("form-key") + " ", "fieldType": plant("form-kind")}]},
        {"configuration": [{"fieldName": "k", "fieldType": "PASSWORD", "value": plant("form-value")}]},
        {
            "configuration": [
                {"fieldName": "k", "fieldType": "PASSWORD", "defaultValue": plant("form-default")}
            ]
        },
        {"configuration": plant("form-list")},
        {"schema": {plant("schema-key"): plant("schema-value")}},
        {"schema": {"properties": {plant("schema-key"): {"default": plant("schema-default")}}}},
        {"schema": plant("schema-text")},
    ):
        yield send("POST", f"{API}/def/register", [{**form, **edit}])
    yield send("POST", f"{API}/def/register", [form], "viewer")
    yield Call("DELETE", f"{API}/def/own")
    for path in (f"{API}/def", f"{API}/def/own", f"{API}/def/openai"):
        yield Call("GET", path)


def read_everything():
    """Read back all that was saved, in every way there is."""
    for type, _ in schemas():  # noqa: A001
        at = f"{PROVIDER}/ok-{type}"
        for tail in ("", "/history", "/history/1", "/history/2?against=1"):
            yield Call("GET", at + tail)
        yield Call("POST", f"{at}/rollback?dryRun=true", b'{"version":1}', JSON)
        yield Call("POST", f"{at}/rollback", b'{"version":1}', JSON)
        yield Call("GET", f"{at}/resolved", reveals=True)
        yield Call("GET", f"{at}/resolved", role="viewer")
        yield Call("DELETE", f"{PROVIDER}/every-{type}")
    one, model = f"{PROVIDER}/parent", f"{PROVIDER}/parent/integration/m3"
    for path in (one, f"{one}/history", f"{one}/history/3", f"{one}/history/4?against=1", f"{one}/metrics"):
        yield Call("GET", path)
    for path in (model, f"{model}/tags", f"{model}/prompt", f"{model}/metrics", f"{one}/integration/all"):
        yield Call("GET", path)
    yield Call("GET", f"{one}/integration?activeOnly=false")
    yield Call("GET", f"{one}/resolved", reveals=True)
    yield Call("GET", f"{one}/resolved", role="viewer")
    yield Call("GET", "/api/token/userInfo?claims=true", role="limited")
    for path in (
        f"{API}/all",
        f"{API}/",
        PROVIDER,
        "/metrics",
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/docs",
    ):
        yield Call("GET", path)


PLANTERS = [
    plant_configurations,
    plant_fields,
    plant_texts,
    plant_tokens,
    plant_headers,
    plant_paths,
    plant_apis,
    plant_singles,
    plant_types,
]


def make_calls(plant):
    """Return all calls, in an order in which what is read was saved before."""
    return [call for planter in PLANTERS for call in planter(plant)] + list(read_everything())
