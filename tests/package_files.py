"""Packages on disk for tests of the command line."""

from __future__ import annotations

import json

CANARY = "sk-canary-0451"
VARIABLES = {
    "type": "object",
    "required": ["key"],
    "properties": {
        "prefix": {"type": "string", "default": "demo"},
        "count": {"type": "integer", "default": 4},
        "key": {"type": "string", "format": "password"},
        "spare": {"type": "string", "format": "password"},
    },
}


def member(slug, type="openai", *, default=True, needs=(), apis=(), **configuration):
    said = {"name": f"${{variables.prefix}}-{slug}", "type": type}
    said["configuration"] = {"api_key": "${variables.key}", **configuration}
    if apis:
        said["apis"] = list(apis)
    return {"slug": slug, "default": default, "dependsOn": list(needs), "integration": said}


MODEL = {"api": "gpt-4o", "configuration": {"maxTokens": "${variables.count}"}}
CHAT = member("chat", apis=[MODEL], organizationId="one")
MAIL = member("mail", "sendgrid", default=False)
MAIL["integration"]["configuration"]["api_key"] = "${variables.spare}"


def package(*members, version="1.0.0", **more):
    return {
        "slug": "demo",
        "name": "Demo",
        "version": version,
        "variablesSchema": VARIABLES,
        "manifest": {"members": list(members or (CHAT, MAIL))},
        **more,
    }


def write(folder, said, name="package.json"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(said))
    return folder


def publish(prompt, folder, said, *options):
    prompt.run("package", "publish", write(folder, said), "--yes", *options)


def install(prompt, *options, **values):
    """Install the package under what is given, and return what it answers."""
    given = {"key": "sk-one"} | values
    return prompt.json("package", "install", "demo", "--yes", "--variables", "-", *options, input=given)
