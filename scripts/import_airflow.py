#!/usr/bin/env python3
"""Bring in the connections of Apache Airflow, from its database or from an export.

EXPORT is a file of `airflow connections export`: JSON, YAML or env; - is standard input. The metadata
database is SQLite (a path, or sqlite:////path as Airflow has it), or PostgreSQL where psycopg is installed;
it is not changed. Passwords and extras are opened with the Fernet keys, separated by commas as Airflow has
them; older ones too, where not everything has been rotated.

scripts/mappings/airflow.yaml says what becomes of which type of connection; --mapping adds your own. Its
fields are the columns, and the keys of `extra` behind a dot; a header `Authorization: Bearer …` of an HTTP
connection is `extra.bearer` there, and a Google key file that is an object is its text.

See first what would be done: import_airflow.py --database airflow.db --fernet-key-file KEYS --dry-run
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import rich_click as click
import sqlite_utils
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from credenza.cli.failures import Misused
from credenza.connectors.yaml_data import read_yaml
from credenza.errors import Invalid
from credenza.sensitive import Sensitive
from importing.command import make_command
from importing.files import open_sqlite, read_bytes, read_text
from importing.records import Found, Record, Unreadable

KEYS, DATABASE = "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
FORMATS = ("json", "yaml", "env")
_SEALED = {"password": "is_encrypted", "extra": "is_extra_encrypted"}
_OWN = {"id", "conn_id", "conn_type", *_SEALED.values()}
# What the table has had since extras were encrypted; later releases added to it.
COLUMNS = {"host", "port", "schema", "login", *_SEALED, *_OWN}
_SUFFIXES = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".env": "env"}
_NAMES = {"postgresql": "postgres"}
_PREFIX = "AIRFLOW_CONN_"
_SQLITE = b"SQLite format 3\0"
_PROTOCOL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SERVER = re.compile(r"(?P<host>.*?)(?::(?P<port>[0-9]+))?", re.DOTALL)
_BEARER = "Bearer "

Fields = dict[str, Any]


class Keys:
    """The Fernet keys of an Airflow, newest first; there may be none."""

    def __init__(self, text: Sensitive[str]) -> None:
        """Take the keys as Airflow has them, separated by commas; raises Misused."""
        parts = [part.strip() for part in text.reveal().split(",") if part.strip()]
        bad = [number for number, part in enumerate(parts, 1) if not _is_key(part)]
        if bad:
            raise Misused(f"Fernet key {bad[0]} of {len(parts)} is none: a key is 32 bytes in base64.")
        self._cipher = MultiFernet([Fernet(part) for part in parts]) if parts else None

    def open(self, token: object) -> str | None:
        """Return what was encrypted, or None where no key opens it."""
        if self._cipher is None or not isinstance(token, (str, bytes)):
            return None
        try:
            return self._cipher.decrypt(token).decode()
        except (InvalidToken, ValueError):
            return None

    def explain(self) -> str:
        """Say why something was not opened."""
        if self._cipher is None:
            return "it is encrypted, and no Fernet key was given"
        return "no Fernet key that was given opens it: another one made it, or it is damaged"


def read(
    *, export: str | None, format: str | None, database: str | None, fernet_key_file: Path | None
) -> Iterator[Record]:
    """Yield every connection, by what the command line says."""
    if export is not None:
        if database is not None or fernet_key_file is not None:
            raise Misused("An export is read as it is: --database and --fernet-key-file cannot go with it.")
        return read_export(export, format)
    place = database or os.environ.get(DATABASE)
    if not place:
        raise Misused(
            "Say what is to be imported: --database URI, or a file of `airflow connections export`."
        )
    if database is not None and _has_password(database):
        raise Misused(f"A password is not taken from a command line: put the URI into {DATABASE}.")
    text = read_text(fernet_key_file) if fernet_key_file else Sensitive(os.environ.get(KEYS, ""))
    return read_database(place, Keys(text))


def read_database(place: str, keys: Keys) -> Iterator[Record]:
    """Yield every connection of a metadata database; raises Invalid, Misused."""
    kind, colon, rest = place.partition("://")
    kind = kind.partition("+")[0]
    if not colon:
        rows = _read_sqlite(Path(place))
    elif kind == "sqlite":
        rows = _read_sqlite(Path(rest.removeprefix("/")))
    elif kind in {"postgresql", "postgres"}:
        rows = _read_postgres(Sensitive(f"postgresql://{rest}"))
    else:
        raise Misused("The database is SQLite or PostgreSQL; of others, import `airflow connections export`.")
    return (read_row(row, keys) for row in rows)


def read_row(row: Mapping[str, Any], keys: Keys) -> Record:
    """Return one row of the table `connection`; those that cannot be opened by name and column."""
    name = row["conn_id"] if isinstance(row["conn_id"], str) else None
    place = f"row {row['id']}" if name is None else f"connection `{name}`"
    fields = {column: value for column, value in row.items() if column not in _OWN}
    closed = []
    for column, flag in _SEALED.items():
        if fields[column] and row[flag]:
            fields[column] = keys.open(fields[column])
            closed += [column] if fields[column] is None else []
    if closed:
        return Unreadable(name, place, ", ".join(closed), keys.explain())
    return _found(name, row["conn_type"], fields, place)


def read_export(file: str, format: str | None) -> Iterator[Record]:
    """Yield every connection of a file that was exported; raises Invalid, Misused."""
    known = format or _SUFFIXES.get(Path(file).suffix.lower())
    if known is None:
        raise Misused("The name of the file does not say what it is: --format json, yaml or env.")
    text = _read_text(file)
    if known == "env":
        yield from _read_lines(text)
        return
    for name, value in _read_object(text, file, known).reveal().items():
        yield _read_definition(name, value, f"connection `{name}`")


def read_uri(uri: str) -> tuple[str, Fields]:
    """Return type and fields of a connection URI, as Airflow writes it; raises ValueError.

    A protocol may follow the type, `http://https://host`; it belongs to the host. Every part is
    percent-encoded, so that a host may hold slashes. `__extra__` is the whole extra, as JSON.
    """
    match = _PROTOCOL.match(uri)
    if match is None:
        raise ValueError
    kind, rest = match[1].replace("-", "_").lower(), uri[match.end() :]
    protocol = _PROTOCOL.match(rest)
    parts = urlsplit(f"//{rest[protocol.end() :] if protocol else rest}")
    user, _, server = parts.netloc.rpartition("@")
    login, _, password = user.partition(":")
    found = _SERVER.fullmatch(server)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    host = unquote(found["host"]) if found else ""
    return _NAMES.get(kind, kind), {
        "host": f"{protocol[0]}{host}" if protocol else host,
        "port": int(found["port"]) if found and found["port"] else None,
        "login": unquote(login),
        "password": unquote(password),
        "schema": unquote(parts.path.removeprefix("/")),
        "extra": query.get("__extra__", query),
    }


def _read_text(file: str) -> Sensitive[str]:
    data = read_bytes(file)
    try:
        return Sensitive(data.reveal().decode("utf-8-sig"))
    except UnicodeDecodeError:
        what = "is no text in UTF-8"
    if data.reveal().startswith(_SQLITE):
        what = "is a SQLite database: name it with --database"
    raise Invalid(f"{file} {what}.", code="unreadable_source")


def _read_lines(text: Sensitive[str]) -> Iterator[Record]:
    for number, line in enumerate(text.reveal().split("\n"), 1):
        name, equals, value = line.strip().partition("=")
        place = f"line {number}"
        if not name or name.startswith("#"):
            continue
        if not equals:
            yield Unreadable(None, place, "", "it is no NAME=VALUE")
            continue
        if name.startswith(_PREFIX):
            name = name.removeprefix(_PREFIX).lower()
        yield _read_definition(name, _decode(value) if value.startswith("{") else value, place)


def _read_object(text: Sensitive[str], file: str, format: str) -> Sensitive[Fields]:
    whole: object = None
    try:
        if format == "json":
            whole = json.loads(text.reveal(), object_pairs_hook=_refuse_twice)
        else:
            documents = read_yaml(text.reveal().encode())
            whole = json.loads(documents[0]) if len(documents) == 1 else None
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict):
        sentence = f"{file} is no export in {format.upper()}: names with a connection each stand there, once."
        raise Invalid(sentence, code="unreadable_source")
    return Sensitive(whole)


def _read_definition(name: str, value: object, place: str) -> Record:
    """Return a connection that stands as an object or as a URI."""
    if isinstance(value, str):
        try:
            kind, fields = read_uri(value)
        except ValueError:
            return Unreadable(name, place, "", "it is neither an object nor the URI of a connection")
        return _found(name, kind, fields, place)
    if not isinstance(value, dict):
        return Unreadable(name, place, "", "it is neither an object nor the URI of a connection")
    fields = {key: each for key, each in value.items() if key not in _OWN}
    fields.setdefault("extra", fields.pop("extra_dejson", None))
    return _found(name, value.get("conn_type"), fields, place)


def _found(name: str | None, kind: object, fields: Fields, place: str) -> Record:
    if name is None:
        return Unreadable(None, place, "conn_id", "it is no text in UTF-8")
    if not isinstance(kind, str) or not kind:
        return Unreadable(name, place, "conn_type", "it says no type")
    extra = _decode(fields.get("extra"))
    if isinstance(extra, dict):
        fields["extra"] = _tidy(kind, extra)
    return Found(name, kind, Sensitive(fields), place)


def _tidy(kind: str, extra: Fields) -> Fields:
    """Return an extra under the names that a mapping knows."""
    # What forms of Airflow before 2.3 put before a key.
    tidy = {key.removeprefix(f"extra__{kind}__"): value for key, value in extra.items()}
    if isinstance(tidy.get("keyfile_dict"), dict):
        tidy["keyfile_dict"] = json.dumps(tidy["keyfile_dict"])
    header = tidy.get("Authorization")
    if kind == "http" and isinstance(header, str) and header.startswith(_BEARER):
        tidy["bearer"] = tidy.pop("Authorization").removeprefix(_BEARER).strip()
    return tidy


def _read_sqlite(path: Path) -> Iterator[Mapping[str, Any]]:
    with open_sqlite(path) as database:
        _check_columns(_list_columns(database), str(path))
        yield from database.query("SELECT * FROM connection ORDER BY id")


def _list_columns(database: sqlite_utils.Database) -> set[str]:
    return set(database["connection"].columns_dict) if "connection" in database.table_names() else set()


def _read_postgres(uri: Sensitive[str]) -> Iterator[Mapping[str, Any]]:
    try:
        import psycopg  # noqa: PLC0415  # it takes its time, and only this way of reading needs it
        from psycopg.rows import dict_row  # noqa: PLC0415
    except ImportError:
        raise Misused("Reading PostgreSQL takes psycopg: pip install '.[import]'.") from None
    try:
        with psycopg.connect(uri.reveal(), row_factory=dict_row) as connection:
            connection.read_only = True
            found = connection.execute(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_name = 'connection' AND table_schema = ANY(current_schemas(false))"
            )
            _check_columns({row["column_name"] for row in found}, "The database")
            with connection.cursor("connections") as cursor:
                yield from cursor.execute("SELECT * FROM connection ORDER BY id")
    except psycopg.Error as error:
        sentence = f"The database cannot be read (SQLSTATE {error.sqlstate or 'none: it cannot be reached'})."
    else:
        return
    raise Invalid(sentence, code="unreadable_source")


def _check_columns(columns: Iterable[str], place: str) -> None:
    lacking = sorted(COLUMNS.difference(columns))
    if len(lacking) == len(COLUMNS):
        raise Invalid(
            f"{place} is no database of Airflow: there is no table `connection`.", code="unknown_version"
        )
    if lacking:
        names = ", ".join(f"`{name}`" for name in lacking)
        raise Invalid(
            f"{place} is of a version of Airflow that is not known: its table `connection` has no {names}.",
            code="unknown_version",
        )


def _decode(value: object) -> object:
    """Return the object that a text is in JSON; anything else as it is."""
    try:
        decoded = msgspec.json.decode(value) if isinstance(value, str) else value
    except (msgspec.DecodeError, ValueError, RecursionError):
        return value
    return decoded if isinstance(decoded, dict) else value


def _refuse_twice(pairs: list[tuple[str, Any]]) -> Fields:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _is_key(text: str) -> bool:
    try:
        Fernet(text)
    except ValueError:
        return False
    return True


def _has_password(uri: str) -> bool:
    """Say whether a URI may hold a password; a text that is none, such as a path, does not."""
    _, colon, rest = uri.partition("://")
    return bool(colon) and (":" in rest.rpartition("@")[0] or "password=" in rest.lower())


OPTIONS = (
    click.argument("export", required=False),
    click.option("--format", type=click.Choice(FORMATS), help="What EXPORT is, where its name does not say."),
    click.option("--database", metavar="URI", help=f"The metadata database. [{DATABASE}]"),
    click.option(
        "--fernet-key-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"File with the Fernet keys; - is standard input. [{KEYS} holds the keys]",
    ),
)

COMMAND = make_command("airflow", OPTIONS, read)

if __name__ == "__main__":
    COMMAND.main()
