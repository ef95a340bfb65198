"""The bare sum of the parts of a bulk save, as one straight loop: what it would cost if nothing were decided.

Duplicate keys and decoding, the schema check, the split, sealing in format 1 with one derivation, and one
transaction with the same rows. No permissions, no look-ups, no versions compared, no receipt, no HTTP.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import jiter
import msgspec

from credenza.connectors import Catalogue, shipped_schemas
from credenza.stores.sqlite import connect, saving, schema
from credenza.stores.sqlite.writer import Writer
from credenza.vault.envelope import Sealer, encode_context

Row = tuple[object, ...]
Rows = dict[str, list[Row]]
_encode = msgspec.json.encode
_AUDIT = (
    "INSERT INTO audit (workspace_id, stream, sequence, at, actor, verb, items, mac) "
    "VALUES (1, 'main', ?, ?, ?, 'save', ?, ?)"
)


class Tag(msgspec.Struct):
    """A tag."""

    key: str
    value: str


class Api(msgspec.Struct):
    """A child record."""

    integrationName: str  # noqa: N815
    api: str
    description: str
    enabled: bool


class Item(msgspec.Struct):
    """An integration as it is sent."""

    name: str
    type: str
    description: str
    enabled: bool
    configuration: dict[str, Any]
    tags: list[Tag]
    apis: list[Api]


_decoder = msgspec.json.Decoder(list[Item])


class Bare:
    """A store's tables and nothing above them."""

    def __init__(self, folder: Path) -> None:
        """Make the tables in a folder."""
        path = folder / "bare.db"
        connect.create_privately(path)
        self._connection = connect.connect(path, cache_kib=2_048, checkpoint_pages=4_000)
        schema.migrate(self._connection)
        self._connection.execute("INSERT INTO workspaces VALUES (1, x'00', 'default', 0)")
        self._catalogue = Catalogue.load(shipped_schemas())
        self._key = os.urandom(32)
        self._row = 0
        self._batches = 0

    def __enter__(self) -> Self:
        """Use it in a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._connection.close()

    def save(self, body: bytes) -> None:
        """Do the parts, one after the other."""
        rows = self._prepare(body)
        self._connection.execute("BEGIN IMMEDIATE")
        self._insert(self._connection, rows)
        self._connection.execute("COMMIT")

    def save_in_turn(self, writer: Writer, body: bytes) -> None:
        """Do the same, the transaction by the thread that groups what waits."""
        rows = self._prepare(body)
        writer.submit(lambda connection, _: self._insert(connection, rows)).result()

    def writer(self) -> Writer:
        """Hand the connection to a writing thread; from then on only `save_in_turn` may be used."""
        return Writer(self._connection, None)

    def _prepare(self, body: bytes) -> Rows:
        jiter.from_json(body, allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True)
        items = _decoder.decode(body)
        now, by = time.time_ns() // 1_000_000, "bench"
        by_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for item in items:
            by_type[item.type].append(item.configuration)
        for name, configurations in by_type.items():
            assert self._catalogue[name].checker.is_valid(configurations)
        sealer = Sealer(self._key, 1, 2 * len(items))
        prefix = encode_context(b"credenza.secret.v1", bytes(16), bytes(16), b"integration")
        records: list[Row] = []
        versions: list[Row] = []
        apis: list[Row] = []
        tags: list[Row] = []
        secrets: list[Row] = []
        audited: list[tuple[str, int]] = []
        for item in items:
            self._row += 1
            row, owner, connector = self._row, os.urandom(16), self._catalogue[item.type]
            public = {}
            for key, value in item.configuration.items():
                if key in connector.secrets:
                    secret = os.urandom(16)
                    context = prefix + encode_context(
                        owner, key.encode(), secret, bytes(8), bytes(32), bytes(8)
                    )
                    blob = sealer.seal(value.encode(), context)
                    secrets.append((row, "/" + key, 1, secret, bytes(32), 1, bytes(16), blob))
                else:
                    public[key] = value
            document = _encode(
                {
                    "category": connector.category,
                    "configuration": public,
                    "description": item.description,
                    "tags": item.tags,
                    "apis": item.apis,
                }
            ).decode()
            records.append(
                (
                    row,
                    1,
                    owner,
                    item.name,
                    item.type,
                    connector.category,
                    item.description,
                    item.enabled,
                    1,
                    bytes(16),
                    now,
                    by,
                    now,
                    by,
                    connector.version,
                )
            )
            versions.append((row, 1, now, by, "[]", document))
            apis.extend((row, api.api, api.description, api.enabled, now, by, now, by) for api in item.apis)
            tags.extend((row, tag.key, tag.value) for tag in item.tags)
            audited.append((item.name, 1))
        self._batches += 1
        audit: list[Row] = [(self._batches, now, by, _encode(audited), bytes(36))]
        return {
            saving.CREATE: records,
            saving.VERSION: versions,
            saving.API: apis,
            saving.TAG: tags,
            saving.SECRET: secrets,
            _AUDIT: audit,
        }

    @staticmethod
    def _insert(connection: sqlite3.Connection, rows: Rows) -> None:
        for statement, values in rows.items():
            connection.executemany(statement, values)
