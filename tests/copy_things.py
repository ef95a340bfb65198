"""What tests of copies share: a store with something in every table, and all that can be seen of a store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
from hypothesis import strategies as st
from litestar.testing import TestClient

import made_once
from credenza.copies import ends
from credenza.model import Actor, Role
from credenza.rotation.rewrapping import prepare
from credenza.settings import Settings, open_credenza, open_key
from credenza.stores.rows import fold
from credenza.tables import TABLES
from package_things import install, make
from template_things import make_things

WORKSPACES = ("default", "house", "other")
SECRET = "canary-of-copies-7c"
LISTS = (
    "/api/integrations/?activeOnly=false",
    "/api/integrations/?activeOnly=false&search=GATE",
    "/api/integrations/?activeOnly=false&tag=team:search",
    "/api/integrations/?activeOnly=false&type=openai&limit=2",
    "/api/integrations?total=true",
    "/api/integrations/provider/alpha/history",
    "/api/integrations/provider/alpha/metrics",
    "/api/integration-installs?total=true",
    "/integrations?search=SUPP",
    "/integration-instances",
    "/provider-configs",
    "/provider-auth-configs",
    "/identity-actors",
)


class Rich(NamedTuple):
    """A store with something in every table, its key, and API keys of its workspaces that are in force."""

    uri: str
    kek: str
    tokens: dict[str, str]


def open_store(uri, kek, **options):
    """Open a service over a store that is there, to be closed."""
    settings = Settings.read({}, store=uri, kek=kek, access_log=False)
    return closing(open_credenza(settings, **options))


def make_rich(uri, kek):
    """Make a store with something in every table."""
    with open_store(uri, kek, create=True, serving=True) as service:
        # A new key that was begun and not finished goes along.
        new = Path(uri.removeprefix("sqlite:///")).parent.parent / "next.key"
        prepare(service.store, service.vault, open_key(f"file://{new}", service.store))
        tokens = {slug: make_token(service, slug) for slug in WORKSPACES}
        revoke(service, make_token(service, "default"))
        with made_once.lend_app(service) as app, TestClient(app) as client:
            client.headers["X-Authorization"] = tokens["default"]
            package = fill(client)
            client.headers["X-Authorization"] = tokens["house"]
            approve(client, package)
            client.headers["X-Authorization"] = tokens["other"]
            save(client, {"name": "alpha", "type": "openai", "configuration": {"api_key": SECRET}})
    add_past(uri.removeprefix("sqlite:///"))
    return Rich(uri, kek, tokens)


def add_past(path):
    """Add what lost keys and workspaces that ended leave behind."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO escrows SELECT kek_id, 7, 'test' FROM vault")
        connection.execute(
            "INSERT INTO lost_vaults "
            "SELECT '00112233', uuid, format, created_at, key_check, keepsake, 7, 'test' FROM vault"
        )
        connection.execute(
            "INSERT INTO lost_rings SELECT workspace_id, purpose, term + 70, state, '00112233', wrapped, "
            "created_at, seals FROM rings"
        )
        connection.execute("INSERT INTO shredded VALUES (1000, zeroblob(16), 'ended', 5, 7, 'test')")
        connection.commit()


def make_token(service, slug):
    tenant = service.accounts.ensure_workspace(slug, by="test")
    role = Role.OPERATOR if slug == "house" else Role.ADMIN
    return service.accounts.create_key(tenant, role, by="test").token.reveal()


def revoke(service, token):
    service.accounts.revoke_key(service.tenant(), token.split("_")[1], by="test")


def approve(client, package):
    path = f"/api/integrations/{package['id']}"
    body = {"decision": "approve", "integrationVersionId": client.get(path).json()["currentVersionId"]}
    assert client.post(f"{path}/review", json=body).status_code == 200


def fill(client):
    alpha = {
        "name": "alpha",
        "type": "openai",
        "description": "Straße 7, the \1 gateway",
        "tags": [{"key": "team", "value": "search"}],
        "configuration": {"api_key": SECRET},
        "apis": [{"integrationName": "alpha", "api": "gpt/4o", "description": "large", "enabled": True}],
    }
    save(client, alpha, headers={"Idempotency-Key": "first"})
    save(client, {**alpha, "configuration": {"api_key": f"{SECRET}-2"}})
    save(client, {"name": "gone", "type": "openai", "configuration": {"api_key": SECRET}})
    assert client.delete("/api/integrations/provider/gone").status_code < 300
    assert (
        client.post("/api/integrations/provider/alpha/integration/gpt%2F4o/metrics", json=7).status_code < 300
    )
    make_things(client)
    package = make(client)
    install(client, package)
    path = f"/api/integrations/{package['id']}"
    assert client.put(f"{path}/grants/other").status_code == 200
    assert client.put(f"{path}/visibility", json={"visibility": "public"}).status_code == 200
    return package


def save(client, item, **more):
    answer = client.post("/api/integrations", json=[item], **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def look(rich, uri):
    """Return what the owners of API keys see of a store, and see that all of it is whole."""
    seen = {}
    with open_store(uri, rich.kek, serving=True) as service:
        assert service.store.check() == []
        for slug in WORKSPACES:
            workspace = service.workspace(Actor(service.tenant(slug), "test", Role.ADMIN))
            rows, findings, heads = workspace.verify_audit()
            assert (findings, rows > 0) == ([], True)
            seen["audit", slug] = rows, heads
        with made_once.lend_app(service) as app, TestClient(app) as client:
            for slug in ("default", "other"):
                client.headers["X-Authorization"] = rich.tokens[slug]
                for path in LISTS:
                    answer = client.get(path)
                    seen[path, slug] = answer.status_code, answer.json()
                for name in ("alpha", "acme-db"):
                    answer = client.get(f"/api/integrations/provider/{name}/resolved")
                    found = answer.json()
                    seen["resolved", name, slug] = found if answer.status_code == 200 else found["code"]
    return seen


def read_all(uri):
    """Return all rows of a store by table."""
    with ends.read_store(uri) as snapshot:
        return {table.name: [*snapshot.rows(table)] for table in TABLES}


class Made:
    """A snapshot of rows that were made up."""

    schema = "made up"

    def __init__(self, rows, highest=0):
        self._rows = rows
        self.highest = highest

    def count(self, table):
        return len(self._rows.get(table.name, []))

    def rows(self, table):
        places = table.places(*table.key)
        return iter(sorted(self._rows.get(table.name, []), key=lambda row: [row[at] for at in places]))

    def close(self):
        pass


_TEXT = st.text(alphabet="\0\1\2\3\4aB ßÅ✓\U0001f511\ud7ff", max_size=6)
_NAMES = st.text(alphabet="aBcZ09._-", min_size=1, max_size=6)
_KINDS = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "text": _TEXT,
    "bytes": st.binary(max_size=8),
    "json": _TEXT.map(msgspec.json.encode),
    "flag": st.integers(0, 1),
}
_NULLABLE = {
    *("keepsake", "wrapped", "revoked_at", "digest", "description", "last_version", "icon_url", "publisher"),
    *("trust_tier", "current", "current_id", "current_at", "public_version", "public_id", "public_at"),
    *("deleted_at", "previous", "parent", "upgraded_at"),
}
_PARENTS = {
    "workspace_id": ("workspaces", "id"),
    "integration_id": ("integrations", "id"),
    "install": ("package_installs", "id"),
}
_UNIQUE = {
    "shredded": [("slug",)],
    "workspaces": [("uuid",), ("slug",)],
    "integrations": [("workspace_id", "name")],
    "packages": [("workspace_id", "slug")],
    "package_versions": [("package", "version")],
}


_NUMBERS = {"vault": (1, 1), "vault_next": (0, 1), "workspaces": (1, 3)}


@st.composite
def stores(draw):
    """Draw a store with anything in its tables that they can hold."""
    made = {}
    for table in TABLES:
        least, most = _NUMBERS.get(table.name, (0, 3))
        drawn = [_draw_row(draw, table, made) for _ in range(draw(st.integers(least, most)))]
        kept = {}
        for row in (row for row in drawn if row is not None):
            for names in (table.key, *_UNIQUE.get(table.name, ())):
                # Names are unique whatever their case.
                kept.setdefault((names, *(_fold(row[name]) for name in names)), row)
        held = [id(row) for row in kept.values()]
        wanted = 1 + len(_UNIQUE.get(table.name, ()))
        made[table.name] = [row for row in drawn if row is not None and held.count(id(row)) == wanted]
    highest = max([0, *(row["id"] for row in made["integrations"])])
    return Made({name: [tuple(row.values()) for row in rows] for name, rows in made.items()}, highest)


def _draw_row(draw, table, made):
    """Draw a row whose owner is there; None: there is none that could own it."""
    row = {}
    for name, kind in ((column.name, column.kind) for column in table.columns):
        parent = _PARENTS.get(name) if table.name not in {"workspaces", "shredded"} else None
        if table.owner is not None and name == table.owner.reference:
            parent = table.owner.table, table.owner.key
        if parent is not None:
            if not made[parent[0]]:
                return None
            row[name] = draw(st.sampled_from([each[parent[1]] for each in made[parent[0]]]))
        else:
            row[name] = draw(_choose(table.name, name, kind))
    if table.owner is not None:
        owners = {each[table.owner.key]: each for each in made[table.owner.table]}
        row["workspace_id"] = owners[row[table.owner.reference]]["workspace_id"]
    if table.name == "card_links" and not any(_is_card(row, each) for each in made["cards"]):
        return None
    return row


_SPECIAL = {
    ("vault", "id"): st.just(1),
    ("vault_next", "id"): st.just(1),
    ("lost_rings", "wrapped"): _KINDS["bytes"],
    ("workspaces", "id"): st.integers(1, 2**62),
    ("integrations", "id"): st.integers(1, 2**62),
    ("integrations", "name"): _NAMES,
    ("rings", "purpose"): st.sampled_from(["dek", "fpk", "mak"]),
    ("rings", "state"): st.sampled_from(["pre_active", "decrypt_only", "destroyed"]),
    ("idempotency", "digest"): _KINDS["bytes"],
    ("cards", "name_folded"): _TEXT.map(fold),
    ("cards", "description_folded"): _TEXT.map(fold),
    ("card_links", "kind"): st.sampled_from(["", "a"]),
    ("card_links", "id"): st.sampled_from(["", "a"]),
}


def _choose(table, name, kind):
    if (table, name) in _SPECIAL:
        return _SPECIAL[table, name]
    return st.none() | _KINDS[kind] if name in _NULLABLE else _KINDS[kind]


def _is_card(link, card):
    return all(link[name] == card[name] for name in ("workspace_id", "kind", "id"))


def _fold(value):
    return value.lower() if isinstance(value, str) else value
