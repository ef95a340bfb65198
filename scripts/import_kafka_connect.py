#!/usr/bin/env python3
"""Bring in the credentials of Kafka Connect: its cluster, and the databases and clouds of its connectors.

FILES are worker configurations (connect-distributed.properties), connector configurations (.properties, or
JSON as the REST API takes and answers it) or all connectors at once: the answer of
`GET /connectors?expand=info`. References such as ${file:/secrets/db.properties:password} are followed, files
only below --secrets-root; /secrets=./copy lets a copy of a folder stand for it. Environment variables are
those of this command. With a worker's file among FILES, its names of providers count.

See first what would be done: import_kafka_connect.py connectors.json --secrets-root /secrets --dry-run
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import rich_click as click

from credenza.cli.failures import Misused
from credenza.errors import Invalid
from credenza.sensitive import Sensitive
from importing.command import make_command
from importing.files import read_text
from importing.providers import Malformed, Providers, Unresolved, read_properties
from importing.records import Found, Record, Unreadable

Config = dict[str, Any]
CLASS, BROKERS, PROVIDERS = "connector.class", "bootstrap.servers", "config.providers"
_JAAS, _USER_INFO = "sasl.jaas.config", "basic.auth.user.info"
_OPTION = re.compile(r"""([\w.-]+)\s*=\s*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s;"']+)""", re.DOTALL)
_CLIENTS = ("producer.", "consumer.", "admin.")
_NO_CONFIG = "it holds no configuration; GET /connectors?expand=info answers one"

OPTIONS = (
    click.argument("files", nargs=-1, required=True, metavar="FILES..."),
    click.option(
        "--secrets-root",
        metavar="[PATH=]FOLDER",
        help="Where files may lie that references point to; FOLDER stands for PATH in them.",
    ),
)


class Source(NamedTuple):
    """One configuration as it was found."""

    name: str
    place: str
    config: Sensitive[Config]


def read(files: tuple[str, ...], secrets_root: str | None) -> Iterable[Record]:
    """Return the records of configuration files; raises Misused, and Invalid for a file that is none."""
    providers = _open_providers(secrets_root)
    found = [each for file in files for each in _read_file(file)]
    for each in found:
        if isinstance(each, Source) and PROVIDERS in each.config.reveal():
            providers.learn(each.config.reveal())
    for each in found:
        if isinstance(each, Source):
            yield from _read_source(each, providers)
        else:
            yield each


def _open_providers(secrets_root: str | None) -> Providers:
    if secrets_root is None:
        return Providers(None)
    path, equals, folder = secrets_root.rpartition("=")
    if not Path(folder).is_dir():
        raise Misused("--secrets-root is a FOLDER, or PATH=FOLDER.")
    return Providers(Path(folder), path if equals else None)


def _read_file(file: str) -> Iterator[Source | Unreadable]:
    text, path = read_text(file), Path(file)
    if text.reveal().lstrip()[:1] in {"{", "["}:
        yield from _read_json(text, path)
        return
    try:
        config: Config = dict(read_properties(text))
    except Malformed:
        sentence = f"{file} is no properties file, and no JSON."
    else:
        name = config.get("name") if CLASS in config else config.get("group.id")
        yield Source(name or path.stem, path.name, Sensitive(config))
        return
    raise Invalid(sentence, code="unreadable_source")


def _read_json(text: Sensitive[str], path: Path) -> Iterator[Source | Unreadable]:
    try:
        whole = json.loads(text.reveal())
    except (ValueError, RecursionError):
        sentence = f"{path} is not JSON."
    else:
        for index, each in enumerate(whole if isinstance(whole, list) else [whole], 1):
            yield from _unwrap(each, f"{path.name}, item {index}" if isinstance(whole, list) else path.name)
        return
    raise Invalid(sentence, code="unreadable_source")


def _unwrap(value: object, place: str) -> Iterator[Source | Unreadable]:
    """Return the configurations in one of the forms that the REST API knows."""
    if not isinstance(value, dict):
        yield Unreadable(None, place, "", _NO_CONFIG)
    elif isinstance(config := value.get("config"), dict):
        yield Source(str(value.get("name") or config.get("name") or place), place, Sensitive(config))
    elif CLASS in value or BROKERS in value:
        name = value.get("name") or value.get("group.id") or Path(place).stem
        yield Source(str(name), place, Sensitive(value))
    elif not value:
        return
    else:
        for name, inner in value.items():
            info = inner.get("info") if isinstance(inner, dict) else None
            if isinstance(info, dict) and isinstance(info.get("config"), dict):
                yield Source(name, f"{place}, connector `{name}`", Sensitive(info["config"]))
            else:
                # What stands here in the place of a name may be anything.
                yield Unreadable(None, place, "", _NO_CONFIG)
                return


def _read_source(source: Source, providers: Providers) -> Iterator[Record]:
    fields: Config = {}
    for key, value in source.config.reveal().items():
        try:
            fields[key] = _read_value(key, value, providers)
        except Unresolved as error:
            yield Unreadable(source.name, source.place, key, str(error))
            return
    _read_trust(fields, providers)
    yield from _split(source, fields)


def _read_value(key: str, value: object, providers: Providers) -> object:
    if not isinstance(value, str):
        return value
    text = providers.resolve(value)
    if key.endswith(_JAAS):
        return _read_jaas(text) or text
    if key.endswith(_USER_INFO) and ":" in text:
        user, _, secret = text.partition(":")
        return {"key": user, "secret": secret}
    return text


def _read_trust(fields: Config, providers: Providers) -> None:
    """Put the text of trust stores in PEM beside their paths; a binary one is not taken over."""
    for key in [key for key in fields if key.endswith("ssl.truststore.location")]:
        head = key.removesuffix("location")
        if str(fields.get(f"{head}type")).upper() == "PEM":
            try:
                fields[f"{head}text"] = providers.read_below(str(fields[key])).reveal()
            except Unresolved:
                continue
            del fields[key]


def _split(source: Source, fields: Config) -> Iterator[Record]:
    """Return the clusters that a configuration names, and the connector itself with what is left."""
    ends = f".{BROKERS}"
    prefixes = sorted({key.removesuffix(BROKERS) for key in fields if key.endswith(ends)}, reverse=True)
    for prefix in prefixes:
        inner = {key.removeprefix(prefix): fields.pop(key) for key in [*fields] if key.startswith(prefix)}
        name = f"{source.name}-{prefix.strip('.').replace('.', '-')}"
        yield Found(name, "cluster", Sensitive(inner), f"{source.place}, {prefix}*")
    if CLASS in fields:
        yield Found(source.name, str(fields[CLASS]), Sensitive(fields), source.place)
    elif BROKERS in fields:
        yield Found(source.name, "worker", Sensitive(_drop_repeated(fields)), source.place)
    elif not prefixes:
        reason = f"it has neither `{CLASS}` nor `{BROKERS}`"
        yield Unreadable(source.name, source.place, "", reason)


def _drop_repeated(fields: Mapping[str, Any]) -> Config:
    """Leave out what a worker says again for its clients, where it is the same."""
    return {
        key: value
        for key, value in fields.items()
        if not any(key.startswith(head) and fields.get(key.removeprefix(head)) == value for head in _CLIENTS)
    }


def _read_jaas(text: str) -> Config | None:
    """Return module and options of a JAAS entry: `module flag name="value" …;`; None: it is none."""
    module, _, rest = text.strip().partition(" ")
    options = {match[1]: _unquote(match[2]) for match in _OPTION.finditer(rest)}
    return {"module": module, **options} if module and options else None


def _unquote(text: str) -> str:
    if text[:1] not in {'"', "'"}:
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


COMMAND = make_command("kafka_connect", OPTIONS, read)

if __name__ == "__main__":
    COMMAND.main()
