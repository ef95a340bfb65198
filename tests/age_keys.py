"""Keys of age for tests, and stores that integrations travel between."""

from __future__ import annotations

import base64
import json
import os

import pyrage

from cli_prompt import Prompt

MADE = {"createTime", "createdBy", "updateTime", "updatedBy"}
DATABASE = {
    "name": "orders-db",
    "type": "relational_db",
    "enabled": False,
    "description": "Für Bestellungen",
    "tags": [{"key": "team", "value": "shop"}],
    "configuration": {
        "jdbcDriver": "Postgres",
        "user": "orders",
        "password": "pässwörd-made-up",
        "datasourceURL": "jdbc:postgresql://db.example.com:5432/orders",
    },
}
MODELS = {
    "name": "models",
    "type": "openai",
    "configuration": {"api_key": "sk-made-up", "endpoint": "https://me:made-up@api.example.com/v1"},
    "apis": [
        {
            "integrationName": "models",
            "api": "org/model:1",
            "description": "One",
            "configuration": {"temperature": 0.5, "api_key": "sk-own", "of-our-own": {"deep": [1, "é"]}},
        },
        {"integrationName": "models", "api": "plain", "enabled": False},
    ],
}
KAFKA = {
    "name": "events",
    "type": "kafka",
    "configuration": {
        "endpoint": "broker.example.com:9093",
        "connectionType": "AVRO",
        "protocol": "SASL_SSL",
        "user": "app",
        "password": "made-up",
        "authenticationType": "JKS",
        "file": "S0VZU1RPUkU=",
        "keyStorePassword": "also-made-up",
        "schemaRegistryUrl": "https://key:made-up@registry.example.com",
        "schemaRegistryAuthType": "Password in URL",
        "valueSubjectNameStrategy": "io.confluent.kafka.serializers.subject.TopicNameStrategy",
    },
}


def make_pair(folder, name="identity"):
    """Return a public key, and the path of a file with its private one."""
    identity = pyrage.x25519.Identity.generate()
    path = folder / name
    path.write_text(f"# made for a test\n{identity}\n")
    path.chmod(0o600)
    return str(identity.to_public()), path


def new_store(folder, kek):
    """Return the prompt of a new store."""
    prompt = Prompt(folder, kek)
    prompt.environment["CREDENZA_AGE_IDENTITY"] = None
    prompt.run("init")
    return prompt


def shared_store(folder):
    """Return the prompt of a store that several tests use, with a key of its own."""
    prompt = Prompt(folder, "env://CREDENZA_SHARED_KEK")
    key = base64.b64encode(os.urandom(32)).decode()
    prompt.environment |= {"CREDENZA_SHARED_KEK": key, "CREDENZA_AGE_IDENTITY": None}
    prompt.run("init")
    return prompt


def resolved(prompt, *names):
    """Return integrations in clear, without what stores make."""
    found = [prompt.json("resolve", name) for name in names]
    for whole in found:
        del whole["version"]
        for each in (whole, *whole["apis"]):
            for name in MADE:
                del each[name]
    return found


def codes(refusal):
    """Return what a refusal says, as (code, name, pointer)."""
    return [(each["code"], each.get("name"), each.get("pointer", "")) for each in refusal["errors"]]


def write_all(folder, *items):
    """Write integrations into a folder, a file for each."""
    folder.mkdir(exist_ok=True)
    for item in items:
        (folder / f"{item['name']}.json").write_text(json.dumps(item))
    return folder
