"""Batches on PostgreSQL by one server and by two, beside the bare SQL of the same rows, and no more."""

from __future__ import annotations

import base64
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

import postgresql_server
from bench_load import Server
from credenza.stores.postgres import open_store

Row = tuple[str, str, str]
SIZES = (1, 10, 100, 1_000, 10_000)
_LARGE, _ROUNDS, _CLIENTS = 1_000, 7, 8
# What a batch writes, in the order in which it has to be written, and by what its rows are known.
_TABLES = {
    "integrations": "id",
    "integration_versions": "integration_id",
    "integration_apis": "integration_id",
    "integration_tags": "integration_id",
    "secrets": "integration_id",
}
_KEYS = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = %s::regclass AND i.indisprimary
"""
_COLUMNS = """
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND attgenerated = '' AND NOT attisdropped ORDER BY attnum
"""


class Bare:
    """The tables of a store and nothing above them: the rows that a server wrote are written once more.

    As one `INSERT ... ON CONFLICT` for each table: of arrays, or of a temporary table that COPY filled.
    """

    def __init__(self, source: str, target: str) -> None:
        """Take the database that a server writes to, and an empty one."""
        open_store(target, serving=False).close()
        options = "-c search_path=credenza"
        self._source = psycopg.connect(source, autocommit=True, options=options)
        self._target = psycopg.connect(target, autocommit=True, options=options)
        self._target.execute(
            "INSERT INTO workspaces (uuid, slug, created_at) VALUES ('', 'bench', 1) ON CONFLICT DO NOTHING"
        )
        self._columns = {table: self._target.execute(_COLUMNS, (table,)).fetchall() for table in _TABLES}
        self._keys = {
            table: {row[0] for row in self._target.execute(_KEYS, (table,)).fetchall()} for table in _TABLES
        }
        self._by_arrays, self._by_copy = {}, {}
        for table, columns in self._columns.items():
            arrays = ", ".join(f"%b::{type_}[]" for _, type_ in columns)
            self._by_arrays[table] = self._upsert(table, f"SELECT * FROM unnest({arrays})")
            self._by_copy[table] = self._upsert(table, f"SELECT * FROM new_{table}")
            names = ", ".join(name for name, _ in columns)
            self._target.execute(
                f"CREATE TEMP TABLE new_{table} ON COMMIT DELETE ROWS AS SELECT {names} FROM {table} "
                "LIMIT 0".encode()
            )
        self._last = self._written = self._planned_for = 0

    def close(self) -> None:
        """Let go of both."""
        self._source.close()
        self._target.close()

    def take(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows that were written since this was asked for last."""
        taken = {}
        for table, number in _TABLES.items():
            names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in self._columns[table])
            query = sql.SQL("SELECT {} FROM {} WHERE {} > %s").format(
                names, sql.Identifier(table), sql.Identifier(number)
            )
            taken[table] = self._source.execute(query, (self._last,)).fetchall()
        self._last = max((row[1] for row in taken["integrations"]), default=self._last)
        return taken

    def insert(self, rows: dict[str, list[tuple[Any, ...]]]) -> None:
        """Write rows, as arrays."""
        with self._target.transaction():
            self._plan_anew(rows)
            for table, some in rows.items():
                arrays = [list(column) for column in zip(*some, strict=True)]
                self._target.execute(self._by_arrays[table], arrays)

    def copy(self, rows: dict[str, list[tuple[Any, ...]]]) -> None:
        """Write rows, by COPY into temporary tables."""
        with self._target.transaction(), self._target.cursor() as cursor:
            self._plan_anew(rows)
            for table, some in rows.items():
                with cursor.copy(f"COPY new_{table} FROM STDIN (FORMAT BINARY)".encode()) as copy:
                    copy.set_types([type_ for _, type_ in self._columns[table]])
                    for row in some:
                        copy.write_row(row)
                cursor.execute(self._by_copy[table])

    def _plan_anew(self, rows: dict[str, list[tuple[Any, ...]]]) -> None:
        """Do as the store does where rows have multiplied since plans were made."""
        self._written += len(rows["integrations"])
        if self._written > 2 * self._planned_for:
            self._target.execute("DISCARD PLANS")
            self._planned_for = self._written

    def _upsert(self, table: str, source: str) -> bytes:
        names = [name for name, _ in self._columns[table]]
        rest = [f"{name} = excluded.{name}" for name in names if name not in self._keys[table]]
        known = ", ".join(sorted(self._keys[table]))
        done = f"DO UPDATE SET {', '.join(rest)}" if rest else "DO NOTHING"
        return f"INSERT INTO {table} ({', '.join(names)}) {source} ON CONFLICT ({known}) {done}".encode()


def compare_postgresql(names: Callable[[int], bytes]) -> Iterator[Row]:
    """Compare batches over HTTP with the bare SQL, and one server with two; `names` makes new batches."""
    with ExitStack() as stack:
        runtime = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgresql_server.serve(runtime))
        kek = base64.b64encode(os.urandom(32)).decode()
        one = stack.enter_context(Server(store=_create(server, "served"), kek=kek))
        bare = Bare(_create(server, "served", fresh=False), _create(server, "bare"))
        stack.callback(bare.close)
        yield from _compare_batches(one, bare, names)
        two = stack.enter_context(
            Server(store=_create(server, "served", fresh=False), kek=kek, token=one.token)
        )
        yield from _compare_servers([one, two], names)


def _compare_batches(server: Server, bare: Bare, names: Callable[[int], bytes]) -> Iterator[Row]:
    for size in SIZES:
        times: dict[str, list[float]] = {"new": [], "same": [], "arrays": [], "copied": []}
        rounds = _ROUNDS if size >= _LARGE else 6 * _ROUNDS
        for number in range(rounds + 2):
            body = names(size)
            found = {
                "new": _timed(partial(server.save, body, f"created:{size}")),
                "same": _timed(partial(server.save, body, f"unchanged:{size}")),
            }
            rows = bare.take()
            ways = [("arrays", bare.insert), ("copied", bare.copy)]
            # Who is second finds the rows there already: they take turns, and only the first counts.
            name, way = ways[number % 2]
            found[name] = _timed(partial(way, rows))
            if number > 1:
                for each, seconds in found.items():
                    times[each].append(seconds / size)
        middle = {each: statistics.median(some) * 1e6 for each, some in times.items()}
        least = min(middle["arrays"], middle["copied"])
        ours = f"new {middle['new']:.1f} µs, unchanged {middle['same']:.1f} µs"
        theirs = f"bare SQL by arrays {middle['arrays']:.1f} µs, by COPY {middle['copied']:.1f} µs each"
        yield (
            f"{size:,} per batch, PostgreSQL",
            f"{ours}, {theirs}",
            f"new/bare {middle['new'] / least:.2f}, new/unchanged {middle['new'] / middle['same']:.2f}",
        )


def _compare_servers(servers: Sequence[Server], names: Callable[[int], bytes]) -> Iterator[Row]:
    for size in (1, 100, 1_000):
        count = {1: 400, 100: 32, 1_000: 16}[size]
        rates: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(5):
            for many, found in rates.items():
                bodies = [names(size) for _ in range(count)]
                seconds = _save_all(servers[:many], bodies, f"created:{size}")
                found.append(count * size / seconds)
        middle = {many: statistics.median(some) for many, some in rates.items()}
        yield (
            f"{size:,} per batch, {_CLIENTS} clients, PostgreSQL",
            f"one server {middle[1]:,.0f}, two servers {middle[2]:,.0f} integrations a second",
            f"two/one {middle[2] / middle[1]:.2f}",
        )


def _save_all(servers: Sequence[Server], bodies: Sequence[bytes], expected: str) -> float:
    """Save every body once, by clients that are shared out over the servers; return the seconds it took."""
    waiting = iter(bodies)

    def work(number: int) -> None:
        with servers[number % len(servers)].client() as save:
            for body in waiting:
                save(body, expected)

    begun = time.perf_counter()
    with ThreadPoolExecutor(_CLIENTS) as threads:
        for done in [threads.submit(work, number) for number in range(_CLIENTS)]:
            done.result()
    return time.perf_counter() - begun


def _create(server: str, name: str, *, fresh: bool = True) -> str:
    if fresh:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
