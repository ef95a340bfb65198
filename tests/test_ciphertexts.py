"""Every column that holds a sealed value is known, so that no new key leaves one behind.

Columns of bytes are declared here one by one. Then all calls are made that put secrets into a store, keys are
replaced, and every value of every column is looked at: none but the declared ones holds a record of the
vault, not even inside a text, and none is under an earlier key.
"""

import base64
import re
import sqlite3
from collections import defaultdict
from contextlib import closing

import psycopg
import pytest
from litestar.testing import TestClient

from canary import Canaries
from canary_calls import make_calls
from canary_flight import make_tokens
from credenza.settings import Settings, open_credenza
from credenza.vault.envelope import OVERHEAD, read_term
from credenza.web.app import create_app
from rotation_things import give_key, make_kek, turn

SEALED = {("rings", "wrapped"), ("secrets", "sealed")}
SET_ASIDE = {("lost_rings", "wrapped")}  # under a key that was lost: no new one comes to them
KEPT_BY_PROVIDERS = {(table, "keepsake") for table in ("vault", "vault_next", "lost_vaults")}
IN_CLEAR = {
    *((table, "uuid") for table in ("vault", "vault_next", "lost_vaults")),
    *((table, "uuid") for table in ("workspaces", "shredded", "integrations", "secrets")),
    *((table, "key_check") for table in ("vault", "vault_next", "lost_vaults")),
    *((table, "mac") for table in ("api_keys", "audit", "audit_heads", "papers")),
    ("api_keys", "hash"),
    ("audit", "items"),
    ("audit_heads", "seal"),
    ("idempotency", "digest"),
    ("idempotency", "answer"),
    ("integrations", "digest"),
    ("secrets", "destination"),
    ("secrets", "fingerprint"),
}
# What is text in one store and bytes in the other.
TEXTS = {("integration_versions", "document"), ("integration_versions", "edits"), ("papers", "body")}
MARK = b"\x01\x01"
_BASE64 = re.compile(rb"AQEA[A-Za-z0-9+/_-]{126,}")
_PLAIN = bytes.maketrans(b"+/", b"-_")
_HEX = re.compile(rb"(?i)0101[0-9a-f]{192,}")


class File:
    """The tables of an embedded store."""

    def __init__(self, uri):
        self._path = uri.removeprefix("sqlite:///")

    def columns(self):
        with closing(sqlite3.connect(self._path)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            for (table,) in tables:
                for row in connection.execute(f"PRAGMA table_info({table})"):
                    yield table, row[1], row[2]

    def values(self, table, column):
        with closing(sqlite3.connect(self._path)) as connection:
            return [row[0] for row in connection.execute(f'SELECT "{column}" FROM "{table}"')]


class Server:
    """The tables of a database."""

    def __init__(self, uri):
        self._uri = uri

    def _ask(self, statement):
        with psycopg.connect(self._uri, options="-c search_path=credenza") as connection:
            return connection.execute(statement).fetchall()

    def columns(self):
        return self._ask(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'credenza'"
        )

    def values(self, table, column):
        return [row[0] for row in self._ask(f'SELECT "{column}" FROM "{table}"')]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system("postgresql"))])
def place(request, tmp_path):
    """Give the URI of a store, and its tables."""
    if request.param == "sqlite":
        uri = f"sqlite:///{tmp_path}/store/credenza.db"
        yield uri, File(uri)
        return
    with request.getfixturevalue("databases").named() as find:
        yield find("store"), Server(find("store"))


def fill(service):
    tokens = make_tokens(service)
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        calls = [call for call in make_calls(Canaries().plant) if call.method != "GET" and call.body]
        for number, call in enumerate(calls):
            key = {"Idempotency-Key": f"k{number}"} if call.method == "POST" else {}
            headers = {**tokens[call.role], **call.headers, **key}
            client.request(call.method, call.path, content=call.body, headers=headers)


def find_records(value):
    """Return what could be a record of the vault in a value, or in a text of it."""
    if not isinstance(value, str | bytes | memoryview):
        return []
    data = value.encode() if isinstance(value, str) else bytes(value)
    texts = [text.translate(_PLAIN)[: len(text) // 4 * 4] for text in _BASE64.findall(data)]
    found = [base64.urlsafe_b64decode(text) for text in texts]
    found += [bytes.fromhex(text[: len(text) // 2 * 2].decode()) for text in _HEX.findall(data)]
    return [each for each in (data, *found) if each.startswith(MARK) and len(each) >= OVERHEAD]


def list_bytes(tables):
    found = {(table, column) for table, column, kind in tables.columns() if kind.lower() in {"blob", "bytea"}}
    return {each for each in found if "_search" not in each[0]}


def test_every_sealed_value_is_in_a_column_that_is_known_and_under_the_newest_keys(place, monkeypatch):
    uri, tables = place
    kek, new = (make_kek(monkeypatch, f"CREDENZA_TEST_{name}_KEK") for name in ("FIRST", "SECOND"))
    settings = Settings.read({}, store=uri, kek=kek, validation="lenient", access_log=False)
    with closing(open_credenza(settings, serving=True, create=True)) as service:
        fill(service)
        turn(service)
        kek_id = give_key(service, new).kek_id

    known = SEALED | SET_ASIDE | KEPT_BY_PROVIDERS | IN_CLEAR
    assert list_bytes(tables) - TEXTS == known
    found = defaultdict(list)
    for table, column, _ in tables.columns():
        for value in tables.values(table, column):
            found[table, column] += find_records(value)
    assert {column for column, records in found.items() if records} == SEALED
    assert len(found["secrets", "sealed"]) > 150
    assert {read_term(record) for record in found["secrets", "sealed"]} == {2}
    wrapped = zip(tables.values("rings", "kek_id"), tables.values("rings", "wrapped"), strict=True)
    assert sorted((name == kek_id, value is not None) for name, value in wrapped) == [
        *[(False, False)] * 2,
        *[(True, True)] * 4,
    ]


RECORD = MARK + bytes(4) + bytes(range(99))  # as long as base64 needs no padding


@pytest.mark.parametrize(
    "value",
    [
        RECORD,
        base64.b64encode(RECORD).decode(),
        f'{{"a":"{base64.urlsafe_b64encode(RECORD).decode()}"}}',
        b'{"a":"%s"}' % RECORD.hex().encode(),
        f"x{RECORD.hex().upper()}",
    ],
    ids=["bytes", "base64", "in JSON", "hexadecimal", "in a text"],
)
def test_a_sealed_value_is_found_however_it_is_written(value):
    assert find_records(value) == [RECORD]


@pytest.mark.parametrize(
    "value", [None, 1, 1.5, "", b"", "text", RECORD[:50], b"\x02" + RECORD, RECORD.hex()[:60]]
)
def test_other_values_are_not_taken_for_sealed_ones(value):
    assert find_records(value) == []
