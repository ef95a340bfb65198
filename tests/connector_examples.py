"""One connector type of our own making, and ways to change its file."""

import copy
import json

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.com/types/acme.json",
    "title": "Acme",
    "description": "An example.",
    "type": "object",
    "x-category": "API",
    "x-destination-version": 1,
    "properties": {
        "endpoint": {
            "type": "string",
            "title": "Endpoint",
            "description": "URL.",
            "default": "https://api.example.com",
            "x-destination": "url",
            "x-credentials": True,
        },
        "token": {
            "type": "string",
            "title": "Token",
            "description": "Token.",
            "writeOnly": True,
            "format": "password",
        },
        "mode": {
            "type": "string",
            "title": "Mode",
            "description": "Mode.",
            "enum": ["a", "b"],
            "x-destination": "text",
        },
        "port": {
            "type": ["integer", "string"],
            "title": "Port",
            "description": "Port.",
            "minimum": 1,
            "maximum": 9,
            "pattern": "^[1-9]$",
        },
        "scopes": {
            "type": "array",
            "title": "Scopes",
            "description": "Scopes.",
            "items": {"type": "string"},
            "maxItems": 5,
        },
    },
    "required": ["token"],
    "additionalProperties": False,
    "allOf": [
        {
            "if": {"properties": {"mode": {"const": "b"}}, "required": ["mode"]},
            "then": {"required": ["port"]},
        }
    ],
}


def write(folder, schema, name="acme"):
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema))
    return path


def changed(*edits):
    """The example with some members replaced; `...` removes one."""
    schema = copy.deepcopy(SCHEMA)
    for pointer, value in edits:
        *way, last = pointer.strip("/").split("/")
        owner = schema
        for step in way:
            owner = owner[int(step)] if isinstance(owner, list) else owner.setdefault(step, {})
        if value is ...:
            del owner[last]
        else:
            owner[last] = value
    return schema
