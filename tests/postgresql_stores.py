"""Databases for tests, all on one server that the tests start by themselves."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from credenza.stores.postgres import PostgresStore, open_store
from credenza.stores.postgres.policies import TABLES

SHAPE = """
SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, generation_expression
FROM information_schema.columns WHERE table_schema = 'credenza' ORDER BY 1, 2
"""
POLICIES = "SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2"
# What a schema is made of, as PostgreSQL itself writes it.
PARTS = (
    SHAPE,
    POLICIES,
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'credenza' ORDER BY 1",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'credenza'::regnamespace ORDER BY 1, 2""",
    """SELECT proname, pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = 'credenza'::regnamespace ORDER BY 1""",
    "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    """SELECT relname, relrowsecurity, relacl::text[] FROM pg_class
    WHERE relnamespace = 'credenza'::regnamespace AND relkind IN ('r', 'S') ORDER BY 1""",
    """SELECT increment_by, data_type::text FROM pg_sequences
    WHERE schemaname = 'credenza' ORDER BY sequencename""",
    "SELECT name FROM migrations ORDER BY name",
)
ELSEWHERE = "it opens the file of the embedded store by itself"
WITHIN = "it is about how the embedded store writes"
FOREIGN = "it looks into the store by what only SQLite understands"
# What the two stores write differently, where it stands in statements of tests.
_WAYS = [
    (re.compile(r"\bx'([0-9A-Fa-f]*)'"), r"'\\x\1'::bytea"),
    (re.compile(r" AS BLOB\)"), " AS bytea)"),
    (re.compile(r"\bzeroblob\((\d+)\)"), r"decode(repeat('00', \1), 'hex')"),
    (re.compile(r"\bhex\((\w+)\)"), r"encode(\1, 'hex')"),
]


class Database(os.PathLike):
    """One database, looked into as the superuser of its server, whom no row policy binds."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple]:
        """Run a statement that says the same on both stores."""
        with psycopg.connect(self.uri, autocommit=True, options="-c search_path=credenza") as connection:
            values = [*parameters] or None
            said = functools.reduce(lambda text, way: way[0].sub(way[1], text), _WAYS, statement)
            try:
                cursor = connection.execute(said.replace("?", "%s") if values else said, values)
            except (psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedColumn):
                pytest.skip(FOREIGN)
            return cursor.fetchall() if cursor.description else []

    def __fspath__(self) -> str:
        pytest.skip(ELSEWHERE)

    def read_bytes(self) -> bytes:
        """Return what stands in a file: there is none."""
        pytest.skip(ELSEWHERE)

    @property
    def parent(self) -> Path:
        """Return the folder of a file: there is none."""
        pytest.skip(ELSEWHERE)


def look_at_schema(database: Database) -> list[list[tuple]]:
    """Return all that a schema is made of."""
    return [database.query(part) for part in PARTS]


def look_inside() -> None:
    """Let tests that look into a service's store do so on PostgreSQL, or be left out with the reason."""
    PostgresStore.path = property(lambda store: Database(make_conninfo(**store._said)))
    PostgresStore._writer = property(lambda _: pytest.skip(WITHIN))


class Databases:
    """Make databases on a server; what a test leaves in one is swept out, and the next test gets it."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._made = 0
        self._free: list[str] = []
        # What a test acknowledges need not outlive the machine that it runs on.
        self.run("ALTER SYSTEM SET synchronous_commit = off")
        self.run("SELECT pg_reload_conf()")

    def run(self, statement: str, database: str = "postgres") -> list[tuple]:
        """Run a statement as the server's superuser."""
        return Database(self.address(database)).query(statement)

    def address(self, database: str) -> str:
        """Return the URI of a database."""
        return urlsplit(self.server)._replace(path=f"/{database}").geturl()

    def create(self) -> str:
        """Make a database with the tables of a store, and return its name."""
        self._made += 1
        name = f"test_{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE template0")
        open_store(self.address(name), serving=False).close()
        return name

    @contextmanager
    def named(self) -> Iterator[Callable[[str], str]]:
        """Give a function that returns the URI of a store by a name of one's own, empty at first."""
        names: dict[str, str] = {}

        def find(name: str) -> str:
            if name not in names:
                names[name] = self._free.pop() if self._free else self.create()
            return self.address(names[name])

        try:
            yield find
        finally:
            for name in names.values():
                self._sweep(name)

    def _sweep(self, name: str) -> None:
        deletes = "; ".join(f"DELETE FROM {table}" for table in TABLES)
        numbers = "ALTER SEQUENCE integration_rows RESTART; ALTER TABLE workspaces ALTER COLUMN id RESTART"
        self.run(f"SET session_replication_role = replica; {deletes}; {numbers}", name)
        self._free.append(name)
