"""Measure an import of Airflow connections, and beside it the bare bulk save of the same items."""

from __future__ import annotations

import base64
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from bench_bare import Bare

COUNT = 10_000
ROUNDS = 5
_BATCH = 1_000
_SCRIPT = Path(__file__).resolve().parent / "import_airflow.py"
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_TABLE = (
    "CREATE TABLE connection (id INTEGER PRIMARY KEY, conn_id TEXT, conn_type TEXT, description TEXT, "
    "host TEXT, schema TEXT, login TEXT, port INTEGER, password TEXT, extra TEXT, is_encrypted BOOLEAN, "
    "is_extra_encrypted BOOLEAN)"
)
_INSERT = f"INSERT INTO connection VALUES ({', '.join('?' * 12)})"
_REGION = "eu-central-1"
Row = tuple[str, str, str]
Item = dict[str, Any]
Values = tuple[Any, ...]


def compare_import() -> Iterator[Row]:
    """Compare importing 10,000 connections, new and again, with the straight loop over the same items."""
    new, again, straight = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        database, keys, bodies = _make_source(Path(folder))
        for number in range(ROUNDS):
            place = Path(folder) / str(number)
            place.mkdir()
            with Bare(place) as bare:
                begun = time.perf_counter()
                for body in bodies:
                    bare.save(body)
                straight.append(time.perf_counter() - begun)
            environment = _make_store(place)
            new.append(_run_import(database, keys, environment, "created"))
            again.append(_run_import(database, keys, environment, "unchanged"))
    seconds = [statistics.median(times) for times in (new, again, straight)]
    ratios = [
        statistics.median(one / other for one, other in zip(times, straight, strict=True))
        for times in (new, again)
    ]
    yield (
        f"{COUNT:,} Airflow connections from SQLite",
        f"new {seconds[0]:.2f} s, again {seconds[1]:.2f} s, bare {seconds[2]:.2f} s",
        f"new/bare {ratios[0]:.2f} (aim: 10), again/bare {ratios[1]:.2f}",
    )


def _make_source(folder: Path) -> tuple[Path, Path, list[bytes]]:
    """Return a metadata database, its key, and what a bulk save of the same would be sent."""
    database, keys, draw = folder / "airflow.db", folder / "keys", random.Random(1)
    key = Fernet.generate_key()
    keys.write_bytes(key)
    made = [_make_connection(number, draw, Fernet(key)) for number in range(COUNT)]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(_TABLE)
        connection.executemany(_INSERT, [row for row, _ in made])
    items = [item for _, item in made]
    batches = [items[start : start + _BATCH] for start in range(0, COUNT, _BATCH)]
    return database, keys, [json.dumps(batch).encode() for batch in batches]


def _make_connection(number: int, draw: random.Random, fernet: Fernet) -> tuple[Values, Item]:
    name, told = f"connection_{number:05d}", f"Connection number {number} of the order service"
    secret = "".join(draw.choices(_LETTERS, k=40))
    sealed = fernet.encrypt(secret.encode()).decode()
    if number % 2:
        extra = fernet.encrypt(json.dumps({"region_name": _REGION}).encode()).decode()
        row: Values = (None, name, "aws", told, None, None, "AKIAMADEUP", None, sealed, extra, 1, 1)
        keys = {"connectionType": "ACCESS_KEY", "region": _REGION, "user": "AKIAMADEUP", "api_key": secret}
        return row, _make_item(name, "aws", told, keys)
    host, user = f"db-{number % 31}.internal", f"service_{number % 97}"
    row = (None, name, "postgres", told, host, "orders", user, 5432, sealed, None, 1, 0)
    keys = {
        "jdbcDriver": "Postgres",
        "user": user,
        "password": secret,
        "datasourceURL": f"jdbc:postgresql://{host}:5432/orders",
    }
    return row, _make_item(name, "relational_db", told, keys)


def _make_item(name: str, kind: str, told: str, configuration: dict[str, str]) -> Item:
    tags = [{"key": "imported-from", "value": "airflow"}]
    return {
        "name": name,
        "type": kind,
        "description": told,
        "enabled": True,
        "configuration": configuration,
        "tags": tags,
        "apis": [],
    }


def _make_store(folder: Path) -> dict[str, str]:
    environment = {
        **os.environ,
        "CREDENZA_STORE": f"sqlite:///{folder / 'store' / 'credenza.db'}",
        "CREDENZA_KEK": "env://CREDENZA_BENCH_KEK",
        "CREDENZA_BENCH_KEK": base64.b64encode(os.urandom(32)).decode(),
    }
    command = [sys.executable, "-m", "credenza", "init"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return environment


def _run_import(database: Path, keys: Path, environment: dict[str, str], expected: str) -> float:
    """Run the script as a person does and return the seconds it took, its start and all."""
    command = [sys.executable, str(_SCRIPT), "--database", str(database), "--fernet-key-file", str(keys)]
    begun = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if not done.stdout.startswith(f"{COUNT:,} {expected}."):
        raise RuntimeError(f"expected {expected}, and was answered {done.stdout[:200]} {done.stderr[:200]}")
    return seconds


if __name__ == "__main__":
    for told in compare_import():
        print(*told, sep="  ")
