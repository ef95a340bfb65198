#!/usr/bin/env python
"""Write the tables of every number of the schema, with some rows: what later releases bring up to date.

python scripts/make_dumps.py tests/fixtures/schemas

Run it when a migration was added. Files that are there already stay as they are: they say what a release
wrote. Each holds the tables of its number, with as much of the rows as these have room for.
"""

from __future__ import annotations

import base64
import importlib.util
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from litestar.testing import TestClient
from litestar.types import ASGIApp
from sqlite_utils import Database

import postgresql_server
from credenza.model import Role
from credenza.settings import Settings, open_credenza
from credenza.stores.postgres import connect as postgres
from credenza.stores.postgres import schema as tables
from credenza.stores.sqlite import connect, schema
from credenza.web.app import create_app

KEK = base64.b64encode(bytes(range(32))).decode()
_NAME = "CREDENZA_DUMPS_KEK"
_SHADOWS = re.compile(r"\w+_search_(config|data|docsize|idx|content)")
_TYPE = {
    "name": "acme",
    "schema": {
        "title": "Acme",
        "description": "A type of the workspace's own.",
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
    },
}
_PACKAGE = {
    "workspaceId": "default",
    "slug": "stack",
    "name": "Stäck",
    "manifest": {
        "members": [
            {
                "slug": "chat",
                "integration": {
                    "name": "stack-chat",
                    "type": "openai",
                    "configuration": {"api_key": "${variables.key}"},
                },
            }
        ]
    },
    "variablesSchema": {
        "type": "object",
        "required": ["key"],
        "properties": {"key": {"type": "string", "format": "password"}},
    },
}


def fill(uri: str) -> None:
    """Put a little of everything into a store."""
    os.environ[_NAME] = KEK
    with closing(
        open_credenza(Settings.read({}, store=uri, kek=f"env://{_NAME}", access_log=False), create=True)
    ) as service:
        made = service.accounts.create_key(service.tenant(), Role.ADMIN, by="dumps")
        with TestClient(create_app(service)) as client:
            client.headers["X-Authorization"] = made.token.reveal()
            _call(client, "/api/integrations/def/register", [_TYPE])
            acme = {"endpoint": "https://acme.example", "token": "made-up-acme"}
            for number in (1, 2):
                items = [
                    {
                        "name": "Chat",
                        "type": "openai",
                        "description": f"Straße {number}",
                        "configuration": {"api_key": f"made-up-chat-{number}"},
                        "tags": [{"key": "team", "value": "search"}],
                        "apis": [{"integrationName": "Chat", "api": "gpt/4:o"}],
                    },
                    {"name": "acme", "type": "acme", "configuration": acme},
                ]
                _call(client, "/api/integrations", items, {"Idempotency-Key": f"save-{number}"})
            package = _call(client, "/api/integrations", _PACKAGE)["id"]
            _call(client, f"/api/integrations/{package}/publish", {"version": "1.0.0"})
            given = {"workspaceId": "default", "variables": {"key": "made-up-member"}}
            _call(client, f"/api/integrations/{package}/install", given)


def dump_sqlite(full: Path, number: int) -> str:
    """Return the tables of a number of the schema, with the rows of a full store that have room in them."""
    names = [migration.name for migration in schema.migrations.pending(Database(":memory:"))]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.create_function("folded", 1, str.casefold)
        connection.execute("ATTACH ? AS whole", (str(full),))
        later = names[number] if number < len(names) else None
        schema.migrations.apply(Database(connection), stop_before=later)
        lines = [f"PRAGMA application_id = {connect.APPLICATION};", f"PRAGMA user_version = {number};"]
        for kind, name, text in connection.execute(
            "SELECT type, name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
        ).fetchall():
            if name.startswith("sqlite_") or _SHADOWS.fullmatch(name):
                continue
            lines.append(f"{text};")
            if kind == "table" and not name.endswith("_search"):
                lines += _rows(connection, name)
        return "\n".join(lines) + "\n"


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")]
    # The index of words is made anew by whoever opens the file: all rows are still to be looked at.
    source = "main" if table in {"_sqlite_migrations", "search_progress"} else "whole"
    quoted = " || ', ' || ".join(f'quote("{column}")' for column in columns)
    for (values,) in connection.execute(f'SELECT {quoted} FROM {source}."{table}"'):
        yield f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values});"


def dump_postgresql(server: str, number: int) -> str:
    """Return the schema of a number, with the rows of a full store that have room in it."""
    full, level = (_create(server, name) for name in ("whole", f"level_{number}"))
    with _only(number), postgres.connect(postgres.read_uri(level)) as connection:
        tables.migrate(connection, create=True, read_only=False)
    fill(full)
    left = ["--exclude-table", "credenza.migrations", "--exclude-table", "credenza.changes"]
    rows = _dump(full, "--data-only", "--inserts", *left)
    with psycopg.connect(level, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(rows.encode())
    return _dump(level, "--inserts")


@contextmanager
def _only(number: int) -> Iterator[None]:
    whole = tables.MIGRATIONS
    tables.MIGRATIONS = whole[:number]
    try:
        yield
    finally:
        tables.MIGRATIONS = whole


def _create(server: str, name: str) -> str:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def _dump(uri: str, *options: str) -> str:
    spec = importlib.util.find_spec(postgresql_server.PACKAGE)
    folder = Path((spec.origin if spec else None) or "").parent
    program = next(iter(sorted(folder.glob("pginstall*/bin/pg_dump"), reverse=True)))
    command = [str(program), "--schema=credenza", "--no-owner", *options, uri]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # What only psql reads, and what an older server does not know.
    left_out = ("\\", "--", "SET transaction_timeout")
    return "\n".join(line for line in text.splitlines() if line and not line.startswith(left_out)) + "\n"


def _call(
    client: TestClient[ASGIApp], path: str, body: object, headers: dict[str, str] | None = None
) -> dict[str, str]:
    answer = client.post(path, json=body, headers=headers or {})
    if answer.status_code != 200:  # noqa: PLR2004  # OK
        sys.exit(f"{path}: {answer.text}")
    read: dict[str, str] = answer.json()
    return read


def main() -> None:
    """Write the files that are not there yet."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as runtime:
        full = Path(folder) / "store" / "full.db"
        fill(f"sqlite:///{full}")
        for number in range(1, connect.SCHEMA + 1):
            _write(target / f"sqlite-{number:03}.sql", partial(dump_sqlite, full, number))
        with postgresql_server.serve(Path(runtime)) as server:
            for number in range(1, len(tables.MIGRATIONS) + 1):
                _write(target / f"postgresql-{number:03}.sql", partial(dump_postgresql, server, number))


def _write(path: Path, make: Callable[[], str]) -> None:
    if not path.exists():
        path.write_text(make())


if __name__ == "__main__":
    main()
