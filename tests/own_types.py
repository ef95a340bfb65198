"""Connector types as tests register them, and what tests ask of the answers."""

from examples import API, save
from form_examples import edited

DEF = f"{API}/def"
REGISTER = f"{DEF}/register"
ONE = f"{API}/provider/one"
SOON = 5  # seconds
FORM = edited()
CONFIGURATION = {"account": "me", "mode": "token", "token": "made-up", "endpoint": "https://acme.example"}
SCHEMA = {
    "title": "Other",
    "description": "Another example.",
    "type": "object",
    "x-category": "API",
    "x-destination-version": 1,
    "properties": {
        "endpoint": {
            "title": "Endpoint",
            "description": "Where it is.",
            "type": "string",
            "x-destination": "url",
            "x-credentials": True,
        },
        "token": {
            "title": "Token",
            "description": "From its settings.",
            "type": "string",
            "writeOnly": True,
            "format": "password",
        },
    },
    "required": ["endpoint", "token"],
    "additionalProperties": False,
}
OTHER = {"name": "other", "schema": SCHEMA}


def register(client, *definitions, **request):
    return client.post(REGISTER, json=list(definitions), **request)


def results(answer):
    return [(each["name"], each["result"], each["version"]) for each in answer.json()["results"]]


def places(answer):
    """Return what an answer says is wrong, as (index, code, pointer)."""
    return [(each.get("index"), each["code"], each.get("pointer", "")) for each in answer.json()["errors"]]


def use(client, name="one", **fields):
    """Save an integration of the registered type."""
    return save(client, {"name": name, "type": "acme", "configuration": CONFIGURATION, **fields})


# Reading
