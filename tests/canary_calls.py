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
    for path in sorted(shipped_schemas().iterdir()):
        if path.name != "meta.json":
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
    for path in (f"{API}/", PROVIDER, "/metrics", "/healthz", "/readyz", "/openapi.json", "/docs"):
        yield Call("GET", path)


PLANTERS = [plant_configurations, plant_fields, plant_texts, plant_tokens, plant_headers, plant_paths]


def make_calls(plant):
    """Return all calls, in an order in which what is read was saved before."""
    return [call for planter in PLANTERS for call in planter(plant)] + list(read_everything())
