"""The service keeps what its OpenAPI document promises: schemathesis asks, over HTTP, well and badly."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
from copy import deepcopy

import httpx
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig

from credenza.connectors import Catalogue
from credenza.model import Role
from credenza.settings import Settings, open_credenza
from credenza.web.app import DESCRIBED
from credenza.web.openapi import describe
from credenza.web.openapi.examples import SAVES
from web_server import serve

EXAMPLES = int(os.environ.get("CREDENZA_TEST_EXAMPLES", "20"))
# Secrets, an address that may be sealed, numbers as texts, a condition. Every further type is the same again,
# and costs seconds.
TYPES = ("openai", "pgvectordb")
REFUSED = ["400", "401", "403", "404", "405", "409", "415", "422"]
WHOLE = {
    "openai": {"api_key": "made-up"},
    "pgvectordb": {
        "user": "u",
        "password": "made-up",
        "datasourceURL": "jdbc:postgresql://db:5432/x",
        "dimensions": 3,
        "distance_metric": "m",
        "indexing_method": "hnsw",
        "inverted_list_count": 1,
    },
}
STORED = SAVES["two"]["value"]
SETTINGS = {
    "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
    "operations": [
        {
            "include-operation-id": "save_integrations",
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ["2xx"]},
                # An item of a batch may be invalid, and another at the wrong version.
                "negative_data_rejection": {"expected-statuses": [*REFUSED, "412"]},
            },
        },
        {
            "include-operation-id": "issue_token",
            "checks": {"positive_data_acceptance": {"expected-statuses": ["401"]}},
        },
    ],
}


def load():
    catalogue = Catalogue.load()
    types = {name: catalogue[name] for name in TYPES}
    document = json.loads(json.dumps(describe(DESCRIBED, types, lenient=False)))
    # Ten thousand items take longer to make up than to refuse.
    del document["components"]["schemas"]["Integrations"]["maxItems"]
    return schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(SETTINGS))


# Both paths of the bulk save lead to one handler.
schema = load().exclude(operation_id="save_integrations_slashed")
numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve one store to all cases, so that each meets what the ones before have left."""
    path = tmp_path_factory.mktemp("store") / "credenza.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENZA_TEST_KEK", base64.b64encode(os.urandom(32)).decode())
        settings = Settings.read(
            {}, store=f"sqlite:///{path}", kek="env://CREDENZA_TEST_KEK", access_log=False
        )
        service = open_credenza(settings, serving=True, create=True)
    made = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test")
    headers = {"X-Authorization": made.token.reveal()}
    with serve(service) as url, httpx.Client(base_url=url, headers=headers) as client:
        yield client, {"base_url": url, "headers": headers}
    service.close()


def mend(case, client):
    """Make a request that the schema allows one that means something."""
    if re.fullmatch('(W/)?"?[0-9]+"?', case.headers.get("If-Match", "")):
        del case.headers["If-Match"]  # a version nobody can guess would hide all else behind a 412
    if not case.meta.generation.mode.is_positive:
        return
    if case.path_parameters:
        assert client.post("/api/integrations", json=STORED).status_code == 200
        case.path_parameters["name"] = STORED[0]["name"]
        if "version" in case.path_parameters:
            case.path_parameters["version"] = 1
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"key {next(numbers)}"
    if isinstance(case.body, list):
        case.body = [mend_item(deepcopy(item)) for item in case.body]


def mend_item(item):
    """Make an item new and whole: what is stored, and how its parts depend on another, no schema can say."""
    item["name"] = f"{item['name'][:100]}-{next(numbers)}"
    item.pop("expectedVersion", None)
    given = (item.get("configuration") or {}).items()
    sent = {key: value for key, value in given if value is not None and not isinstance(value, dict)}
    item["configuration"] = {**WHOLE[item["type"]], **sent}
    if item.get("apis"):
        item["apis"] = [
            *{api["api"]: {**api, "integrationName": item["name"]} for api in item["apis"]}.values()
        ]
    return item


@schema.parametrize()
def test_the_service_does_what_the_document_says(case, server):
    client, place = server
    mend(case, client)
    case.call_and_validate(**place)
