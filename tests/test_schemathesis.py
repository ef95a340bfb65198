"""The service keeps what its OpenAPI document promises: schemathesis asks, over HTTP, well and badly."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re

import httpx
import pytest
import schemathesis
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.pytest._test_builder import build_operation_test

from credenza.connectors import Catalogue
from credenza.model import Role
from credenza.settings import Settings, open_credenza
from credenza.web.openapi import describe
from credenza.web.openapi.examples import SAVES, TYPES
from credenza.web.openapi.operations import OPERATIONS
from credenza.web.packages.presence import is_packaged
from credenza.web.surfaces import DESCRIBED
from package_mending import mend_draft, mend_package
from template_things import make_template, make_things
from web_server import serve

BRIEF = 20  # a longer run leaves nothing out
EXAMPLES = int(os.environ.get("CREDENZA_TEST_EXAMPLES", BRIEF))
# Secrets, an address that may be sealed, numbers as texts, a condition. Every further type is the same again,
# and costs seconds.
CONNECTORS = ("openai", "pgvectordb")
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
FEW = {"coverage": {"enabled": EXAMPLES > BRIEF}}
SETTINGS = {
    "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
    # `test_openapi` asks every call without a credential; here that would be two more requests for each.
    "checks": {"ignored_auth": {"enabled": False}},
    "operations": [
        {
            "include-operation-id": "save_integrations",
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ["2xx"]},
                # An item of a batch may be invalid, and another at the wrong version.
                "negative_data_rejection": {"expected-statuses": [*REFUSED, "412"]},
            },
        },
        *[
            {"include-operation-id": each, "phases": FEW}
            for each in ("save_provider", "register_definitions")
        ],
        # Filters hold filters: to cover each combination of what may stand in them would never end.
        {
            "include-operation-id-regex": "^(list_integration_packages|list_installs)$",
            "generation": {"max-examples": EXAMPLES // 4},
            "phases": {"coverage": {"enabled": False}},
        },
        # What is there once only takes several calls to make anew.
        {
            "include-operation-id-regex": "^(roll_back_install|remove_install|purge_integration_package)$",
            "generation": {"max-examples": EXAMPLES // 10},
        },
        # Of calls that are alike, each is asked less.
        {
            "include-path-regex": "^/(provider|integration|identit)",
            "generation": {"max-examples": EXAMPLES // 4},
            "phases": {"coverage": {"enabled": EXAMPLES > BRIEF}},
        },
        # What is archived takes a dozen calls to make anew.
        {
            "include-operation-id-regex": "^archive_",
            "generation": {"max-examples": EXAMPLES // 10},
        },
        {"include-operation-id": "save_api", "generation": {"max-examples": EXAMPLES // 4}},
        {
            "include-operation-id": "read_config_schema",  # no schema says that one of several is needed
            "generation": {"max-examples": EXAMPLES // 4},
            "phases": FEW,
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404"]}},
        },
        # Lists and reads that are made alike, and read their queries in one place.
        *[
            {"include-tag": each, "generation": {"max-examples": EXAMPLES // 4}, "phases": FEW}
            for each in (
                "Catalogue",
                "Deployments",
                "Configs",
                "Auth configs",
                "Auth credentials",
                "Identities",
                "Packages",
                "Versions of packages",
                "Sharing of packages",
                "Installs",
            )
        ],
        {
            "include-operation-id": "issue_token",
            "checks": {"positive_data_acceptance": {"expected-statuses": ["401"]}},
        },
    ],
}


CATALOGUE = Catalogue.load()
DECLARED = CATALOGUE.api.keys


@pytest.fixture(scope="module")
def calls():
    load_all_checks()
    few = Catalogue({name: CATALOGUE[name] for name in CONNECTORS}, CATALOGUE.api)
    # Texts of thousands of characters and thousands of items take longer to make up than to refuse.
    text = re.sub('"maxLength": [0-9]{4,}, ', "", json.dumps(describe(DESCRIBED, few, lenient=False)))
    document = json.loads(text)
    schemas = document["components"]["schemas"]
    del schemas["Integrations"]["maxItems"]
    # Types that a workspace registers are none that a made-up name could be of.
    del schemas["IntegrationItem"]["oneOf"][-1], schemas["ProviderItem"]["anyOf"][0]["oneOf"][-1]
    if EXAMPLES <= BRIEF:
        shorten(schemas)
    made = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(SETTINGS))
    calls = [found.ok() for found in made.get_all_operations()]
    return {call.definition.raw["operationId"]: call for call in calls}


def shorten(schemas):
    """Leave out what costs most to make up: what is ignored, and what other calls are asked as well."""
    for schema in schemas.values():
        keys = schema.get("properties", {})
        for key in [key for key, rules in keys.items() if "readOnly" in rules]:
            del keys[key]
    for name in ("UntypedProvider", *(f"Provider.{each}" for each in CONNECTORS)):
        del schemas[name]["properties"]["apis"]
    schemas["ApiItem"]["properties"]["configuration"] = {"type": ["object", "null"]}


numbers = itertools.count()
things = {}


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
    headers, operator = (
        {"X-Authorization": service.accounts.create_key(service.tenant(), role, by="test").token.reveal()}
        for role in (Role.ADMIN, Role.OPERATOR)
    )
    with serve(service) as url, httpx.Client(base_url=url, headers=headers) as client:
        yield client, {"base_url": url, "headers": headers}, operator
    service.close()


def mend(case, client):
    """Make a request that the schema allows one that means something."""
    if re.fullmatch('(W/)?"?[0-9]+"?', case.headers.get("If-Match", "")):
        del case.headers["If-Match"]  # a version nobody can guess would hide all else behind a 412
    if not case.meta.generation.mode.is_positive:
        if case.query.get("mode") == "per-item":
            del case.query["mode"]  # refuses each item for itself, in an answer that is a success
        return
    case.query.pop("cursor", None)  # only the service can make one
    if not case.operation.path.startswith("/api"):
        mend_template(case, client)
        return
    if is_packaged(case.operation.path) or name_of(case) == "list_integration_packages":
        mend_package(case, client, name_of(case))
        case.body = count_whole(case.body)
        return
    if case.path_parameters:
        assert client.post("/api/integrations", json=STORED).status_code == 200
        mend_path(case, client)
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"key {next(numbers)}"
    if name_of(case) in BODIES:
        case.body = BODIES[name_of(case)](count_whole(case.body))


def name_of(case):
    return case.operation.definition.raw["operationId"]


def mend_template(case, client):
    """Let ids of templates and of what they refer to lead to what is there; what is archived is made anew."""
    ids = things.get("ids") or make_things(client)
    things["ids"] = ids
    if name_of(case) == "end_session":
        at = f"/integration-instances/{ids['integration_instance_id']}/session"
        ids["session_id"] = client.post(at, json={}).json()["id"]
    case.path_parameters.update({name: ids[name] for name in case.path_parameters})
    if name_of(case).startswith("archive"):
        things.clear()
    if isinstance(case.body, dict):
        case.body = mend_references(count_whole(case.body), ids)
        case.body = mend_values(case)
        if name_of(case) == "create_integration_setup_session":
            # Which times are ahead, and which addresses are listed, no schema can say.
            case.body = {
                key: value for key, value in case.body.items() if key not in {"expires_at", "redirect_url"}
            }
        if name_of(case) == "create_integration_provider":
            case.body["integration_id"] = make_template(client)["id"]


def mend_references(body, ids):
    """Name in a body what is there; which ids exist, and what a pattern may be, no schema can say."""
    known = {**ids, "provider_id": "git", "actor_id": ids["identity_actor_id"]}
    kept = {
        name: known.get(name, value)
        for name, value in body.items()
        if not name.endswith("_id") or name in known
    }
    if kept.get("tool_filters"):
        kept["tool_filters"] = {"type": "tool_regex", "pattern": "^list_"}
    return kept


def mend_values(case):
    """Fill in values as the type of all things here has them; no schema of a call can say which these are."""
    client = {"client_id": "one", "client_secret": "made-up"}
    found = {
        "create_provider_config": {"value": {"user": "robin"}},
        "create_provider_auth_config": {"value": {"api_key": "made-up"}},
        "update_provider_auth_config": {"value": {"api_key": "made-up"}},
        "create_auth_credentials": {"config": client},
        "update_auth_credentials": client,
    }.get(name_of(case), {})
    if name_of(case) == "create_provider_deployment" and case.body.get("provider_config"):
        found = {"provider_config": {"value": {"user": "robin"}}, "provider_config_id": None}
    return {**case.body, **found}


def mend_path(case, client):
    """Let a path lead to something that is there; an api to be saved may be new."""
    found = {"name": STORED[0]["name"], "version": 1, "api": STORED[0]["apis"][0]["api"]}
    if "definition" in name_of(case):
        assert client.post("/api/integrations/def/register", json=TYPES["form"]["value"]).status_code == 200
        found["name"] = TYPES["form"]["value"][0]["name"]
    if name_of(case) == "save_api":
        found["api"] = f"{case.path_parameters['api'][:100]}/{next(numbers)}"
    case.path_parameters.update({key: found[key] for key in found if key in case.path_parameters})


def count_whole(value):
    """Write 3.0 as 3: for a schema both are whole numbers, and the service takes the one that counts."""
    if isinstance(value, dict):
        return {key: count_whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [count_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def mend_save(sent):
    """Make a package of an object, and items new and whole of a list."""
    return mend_draft(sent) if isinstance(sent, dict) else mend_items(sent)


def mend_items(items):
    """Make items new and whole: what is stored, and how their parts depend on another, no schema can say."""
    return [mend_item(item, f"{item['name'][:100]}-{next(numbers)}") for item in items]


def mend_item(item, name):
    given = drop_references(item.get("configuration") or {})
    item = {**item, "name": name, "configuration": {**WHOLE[item["type"]], **given}}
    item.pop("expectedVersion", None)
    if item.get("apis"):
        apis = [{**mend_api(api), "integrationName": name} for api in item["apis"]]
        item["apis"] = [*{api["api"]: api for api in apis}.values()]
    return item


def mend_provider(item):
    """Let an integration stay of the type it is."""
    return mend_item({**item, "type": STORED[0]["type"], "configuration": {}}, STORED[0]["name"])


def mend_api(api):
    sent = api.get("configuration")
    if sent is None:
        return api
    kept = {
        key: value for key, value in drop_references(sent).items() if key in DECLARED or is_plain(key, value)
    }
    return {**api, "configuration": kept}


def is_plain(key, value):
    """Tell whether no rule about undeclared keys can be broken: about depth, NUL, large numbers, masks."""
    return key.isalnum() and isinstance(value, str) and value.isalnum()


def drop_references(sent):
    """Leave out what clears a secret, or refers to one that is not there."""
    return {key: value for key, value in sent.items() if value is not None and not isinstance(value, dict)}


def mend_names(body):
    """Leave out the names that stand in the path."""
    return mend_api({key: value for key, value in body.items() if key not in {"integrationName", "api"}})


def mend_types(types):
    """Keep of a type what any may say, under a name of its own."""
    [form], [schema] = (TYPES[each]["value"] for each in ("form", "schema"))
    return [
        {"name": f"type-{next(numbers)}", "schema": {**schema["schema"], **keep_texts(each["schema"])}}
        if "schema" in each
        else {**form, **keep_texts(each), "name": f"type-{next(numbers)}"}
        for each in types
    ]


def keep_texts(sent):
    texts = {
        key: sent[key] for key in ("title", "description", "nameLabel") if isinstance(sent.get(key), str)
    }
    return {key: text[:500] for key, text in texts.items() if text}


# What makes the body of a call mean something.
BODIES = {
    "save_integrations": mend_save,
    "save_provider": mend_provider,
    "save_api": mend_names,
    "set_token_limit": mend_names,
    "register_definitions": mend_types,
    "count_tokens": lambda count: count,
}


def check(case, server):
    client, place, operator = server
    mend(case, client)
    headers = operator if name_of(case) == "review_integration_package" else place["headers"]
    case.call_and_validate(**{**place, "headers": headers})


# schemathesis would make up the requests of all calls while tests are collected, which costs every process
# seconds. Both paths of the bulk save lead to one handler.
@pytest.mark.parametrize("call", OPERATIONS)
def test_the_service_does_what_the_document_says(calls, server, call):
    test = build_operation_test(
        config=calls[call].schema.config,
        operation=calls[call],
        test_func=check,
        given_kwargs={},
        feedback=NO_FEEDBACK,
    )
    test(server=server)
