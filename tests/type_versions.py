"""Two versions of one connector type, in folders of a test, and what tests ask of what was stored."""

from __future__ import annotations

import json
from pathlib import Path

from credenza.model import Actor, ApiPut, Put, Role
from credenza.sensitive import Sensitive

MOVES = """
- from: 1
  to: 2
  steps:
    - rename: {endpoint: url, apiKey: api_key}
    - map: {mode: {quick: fast, "5": slow}}
    - set: {mode: slow}
    - make_secret: [pin]
    - remove: [legacy]
"""
ADDRESS = "https://acme.example"


def key(**rules):
    return {"title": "Key", "description": "A key.", "type": "string", **rules}


SECRET = key(writeOnly=True, format="password")
URL = key(**{"x-destination": "url", "x-credentials": True})
FIRST = {"endpoint": URL, "apiKey": SECRET, "pin": key(), "mode": key(), "legacy": key()}
SECOND = {"url": URL, "api_key": SECRET, "pin": SECRET, "mode": key(enum=["fast", "slow"])}


def schema(version, properties, *required, rule=1, **more):
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/schemas/acme.json",
        "title": "Acme",
        "description": "An example.",
        "type": "object",
        "x-category": "API",
        "x-version": version,
        "x-destination-version": rule,
        "properties": properties,
        "additionalProperties": False,
        **({"required": [*required]} if required else {}),
        **more,
    }


def write_type(folder: Path, document, moves=None) -> str:
    """Write the file of a type, and of its migrations, and return the folder's name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "acme.json").write_text(json.dumps(document))
    if moves is not None:
        (folder / "migrations").mkdir(exist_ok=True)
        (folder / "migrations" / "acme.yaml").write_text(moves)
    return str(folder)


class Ages:
    """One store, opened with the first version of the type and then with a second one."""

    def __init__(self, open_service, folder: Path) -> None:
        self._open = open_service
        self._folder = folder
        self.service = None

    def begin(self, properties=None, *required, **more):
        return self._turn("first", schema(1, properties or FIRST, *required, **more))

    def go_on(self, properties=None, *required, moves=MOVES, version=2, **more):
        return self._turn(f"later{version}", schema(version, properties or SECOND, *required, **more), moves)

    def back(self):
        return self._turn("first")

    def _turn(self, name, document=None, moves=None):
        if document is not None:
            write_type(self._folder / name, document, moves)
        if self.service is not None:
            self.service.close()
        self.service = self._open("ages", schemas=str(self._folder / name))
        return self.workspace()

    def workspace(self, slug="default", role=Role.ADMIN):
        tenant = self.service.accounts.ensure_workspace(slug, by="test")
        return self.service.workspace(Actor(tenant, "test", role))


def put(name, configuration=None, *, inner=None, **fields):
    apis = None if inner is None else (ApiPut("model", configuration=Sensitive({"api_key": inner})),)
    boxed = None if configuration is None else Sensitive(configuration)
    return Put(name=name, type="acme", configuration=boxed, apis=apis, **fields)


def old(**more):
    return {"endpoint": ADDRESS, "apiKey": "sk-made-up", **more}


def clear(workspace, name="one"):
    return workspace.reveal(name).configuration.reveal()


def results(receipt):
    return {item.name: item.result for item in receipt.items}


def reasons(item):
    return [(problem.pointer, problem.keyword) for problem in item.problems]


def verbs(service, slug="default"):
    tenant = service.tenant(slug)
    return service.store.read(tenant, lambda tx: [entry.verb for entry in tx.trail()])
