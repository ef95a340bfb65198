#!/usr/bin/env python3
"""Bring in the integrations of another server of the bulk-save API, or of an answer saved from one.

FILE is what `GET /api/integrations/?activeOnly=false` answered; - is standard input. With --from the server
is asked itself; --key-file has the id and the secret of a key for it, one line each, or they are in
CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET. A mask, or a note that a secret is there, is never taken for the
secret: those that the server did not hand out are listed under `missing`, to be entered here. Without them
an integration is accepted where --validation is lenient.

See first what would be done: import_conductor.py --from https://conductor.example.com --dry-run
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.remote import translate
from credenza.client import Client, ClientError, KeyPair
from credenza.client.exchange import Call, Exchange
from credenza.client.retries import Retries
from credenza.connectors import Catalogue, ConnectorType
from credenza.errors import Invalid
from credenza.model import CATEGORIES
from credenza.sensitive import Sensitive
from importing.command import make_command
from importing.files import read_text
from importing.records import Ready, Record, Unreadable

LIST = "/api/integrations/"
_RETRIES = 4
# Of a secret nothing but one character over and over, or a word in brackets, is what is shown in its place.
_MASK = re.compile(r"(?is)[*•.x-]+|(.)\1{3,}|<.*>|\[.*\]|\(.*\)|redacted|masked|hidden|secret")
_STARS = re.compile(r"[*•]{3}")
_NO_NAME = "a name belongs here"
_NO_LIST = "is no list of integrations, as GET /api/integrations/ answers it"

OPTIONS = (
    click.argument("file", required=False),
    click.option("--from", "server", metavar="URL", envvar="CONDUCTOR_SERVER_URL", help="The server to ask."),
    click.option(
        "--key-file",
        metavar="FILE",
        help="File with the id and the secret of a key, one line each. "
        "[CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET hold them]",
    ),
)


def read(file: str | None, server: str | None, key_file: str | None) -> Iterable[Record]:
    """Return the integrations of a saved answer or of a server; raises CredenzaError, Misused."""
    if file is None and server is None:
        raise Misused("Say which FILE to read, or which server to ask: --from URL.")
    if file is None:
        whole = _ask(server or "", _read_key(key_file))
    elif key_file is not None:
        raise Misused("--key-file goes with --from.")
    else:
        whole = _parse(file, read_text(file))
    types = Catalogue.load()
    for index, each in enumerate(whole, 1):
        yield _read_one(each, f"item {index}", types)


class ForeignExchange(Exchange):
    """An exchange with a server that looks for its token in a header of its own."""

    def write(self, call: Call, token: Sensitive[str] | None = None) -> httpx.Request:
        """Return a call as a request, signed in both ways."""
        request = super().write(call, token)
        if token is not None:
            request.headers["X-Authorization"] = token.reveal()
        return request


def _ask(server: str, pair: KeyPair) -> list[Any]:
    try:
        exchange = ForeignExchange(server, pair, Retries(_RETRIES))
    except ValueError as error:
        sentence = str(error)  # the client's own: it names no value
    else:
        return _list(exchange, server, pair)
    raise Misused(sentence)


def _list(exchange: Exchange, server: str, pair: KeyPair) -> list[Any]:
    found: list[Any] = []
    query: tuple[tuple[str, str], ...] = (("activeOnly", "false"),)
    try:
        with Client(server, pair) as client:
            while query:
                answer = client.run(exchange.perform(Call("GET", LIST, query)))
                found += _parse("The answer", Sensitive(answer.text))
                # Of the link only the query: the key goes nowhere that a header points to.
                link = answer.links.get("next", {}).get("url")
                query = tuple(parse_qsl(urlsplit(link).query)) if link else ()
    except ClientError as error:
        failure = translate(error)
    else:
        return found
    raise failure


def _read_key(key_file: str | None) -> KeyPair:
    if key_file is not None:
        lines = read_text(key_file).reveal().split()
    else:
        names = ("CONDUCTOR_AUTH_KEY", "CONDUCTOR_AUTH_SECRET")
        lines = [os.environ[name].strip() for name in names if os.environ.get(name)]
    try:
        key_id, secret = lines
        return KeyPair(key_id, secret)
    except ValueError:
        pass
    raise Misused(
        "Say where the id and the secret of a key are: --key-file, or CONDUCTOR_AUTH_KEY and _SECRET."
    )


def _parse(what: str, text: Sensitive[str]) -> list[Any]:
    try:
        whole = json.loads(text.reveal())
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, list):
        raise Invalid(f"{what} {_NO_LIST}.", code="unreadable_source")
    return whole


def _read_one(value: object, place: str, types: Catalogue) -> Ready | Unreadable:
    if not isinstance(value, dict):
        return Unreadable(None, place, "", "it is no object")
    name = value.get("name") if _is_word(value.get("name")) else None
    fault = _find_fault(value)
    if name is None or fault is not None:
        return Unreadable(name, place, *(fault or ("name", _NO_NAME)))
    kind: str = value["type"] if value["type"] in types else value["type"].lower()
    kept, missing, unused = _clear(value.get("configuration") or {}, types.get(kind))
    item: dict[str, Any] = {**_describe(value), "configuration": kept}
    if value.get("category") in CATEGORIES:
        item["category"] = value["category"]
    item["apis"] = []
    for api in value.get("apis") or ():
        kept, less, more = _clear(api.get("configuration") or {}, types.api)
        item["apis"].append({"api": api["api"], **_describe(api), "configuration": kept})
        missing += [f"{api['api']}/{key}" for key in less]
        unused += [f"{api['api']}/{key}" for key in more]
    return Ready(name, kind, Sensitive(item), place, tuple(missing), tuple(unused))


def _find_fault(value: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the field of an integration that is not of its form, and why; None: there is none."""
    given = value.get("apis") or []
    apis = given if isinstance(given, list) else []
    whole = all(isinstance(api, dict) and _is_word(api.get("api")) for api in apis)
    parts = [value, *apis] if whole else [value]
    rules = (
        (_is_word(value.get("name")), "name", _NO_NAME),
        (_is_word(value.get("type")), "type", "a type belongs here"),
        (_is_object(value.get("configuration")), "configuration", "keys and values belong here"),
        (isinstance(given, list), "apis", "a list belongs here"),
        (whole, "apis", "one of them has no name"),
        (
            all(_is_object(each.get("configuration")) for each in parts),
            "apis",
            "the configuration of one is none",
        ),
        (all(isinstance(each.get("tags") or [], list) for each in parts), "tags", "a list belongs here"),
    )
    return next(((field, reason) for holds, field, reason in rules if not holds), None)


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_object(value: object) -> bool:
    return not value or isinstance(value, dict)


def _describe(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an integration or an api says beside its configuration."""
    tags = [
        {"key": tag["key"], "value": str(tag.get("value") or "")}
        for tag in value.get("tags") or ()
        if isinstance(tag, dict) and isinstance(tag.get("key"), str)
    ]
    said: dict[str, Any] = {"tags": tags}
    if isinstance(value.get("description"), str):
        said["description"] = value["description"]
    if isinstance(value.get("enabled"), bool):
        said["enabled"] = value["enabled"]
    return said


def _clear(
    configuration: Mapping[str, Any], connector: ConnectorType | None
) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return what can be taken over, the keys that were not handed out, and those that we do not have."""
    kept: dict[str, Any] = {}
    missing, unused = [], []
    for key, value in configuration.items():
        if connector is not None and key not in connector.keys:
            unused.append(key)
        elif _is_withheld(value, secret=connector is None or key in connector.secrets):
            missing.append(key)
        elif value is not None:
            kept[key] = value
    return kept, missing, unused


def _is_withheld(value: object, *, secret: bool) -> bool:
    """Say whether something stands in the place of a value: a mask, or a note that there is one."""
    if isinstance(value, dict):
        return True
    if isinstance(value, str):
        return bool(_STARS.search(value)) or (secret and (not value or _MASK.fullmatch(value) is not None))
    return secret and value is not None


COMMAND = make_command("conductor", OPTIONS, read)

if __name__ == "__main__":
    COMMAND.main()
