"""A server of its own for a measurement, and clients that cost little themselves."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from environment import prepare

_END = 4  # bytes that end a head
_KEPT_SECONDS = 2  # of silence; servers close a connection after five


class Server:
    """A real `credenza serve` in a process of its own, over a new store on SQLite, or the one it is told."""

    def __init__(self, *arguments: str, store: str = "", kek: str = "", token: str = "") -> None:
        """Choose a port and a folder; a `token` says that the store is there already."""
        self._folder = tempfile.TemporaryDirectory()
        self.port = _free_port()
        self.database = Path(self._folder.name) / "store" / "credenza.db"
        self._arguments = arguments
        # As it is installed for use: the tests' own packages change what the web framework loads, and
        # without byte code every start would compile the program anew.
        self._python = str(prepare("requirements.lock"))
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "CREDENZA_STORE": store or f"sqlite:///{self.database}",
            "CREDENZA_KEK": "env://CREDENZA_BENCH_KEK",
            "CREDENZA_BENCH_KEK": kek or base64.b64encode(os.urandom(32)).decode(),
        }
        self.token = token

    def __enter__(self) -> Self:
        """Start it and wait until it is ready."""
        if not self.token:
            self._run("init")
            made = self._run("apikey", "create", "--role", "admin", "--json")
            self.token = json.loads(made)["token"]
        begun = time.perf_counter()
        command = [self._python, "-m", "credenza", "serve", "--port", str(self.port), *self._arguments]
        self._process = subprocess.Popen(
            command, env=self._environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        while not self._is_ready():
            time.sleep(0.005)
        self.ready_seconds = time.perf_counter() - begun
        time.sleep(0.3)
        self.idle_bytes = self.memory("VmRSS")
        self._connection = socket.create_connection(("127.0.0.1", self.port))
        self._used = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it and remove its files."""
        self._connection.close()
        self._process.terminate()
        self._process.wait(10)
        self._folder.cleanup()

    def save(self, body: bytes, expected: str) -> None:
        """Save one batch over a connection that stays open; `expected` is `created:N` or `unchanged:N`."""
        if time.monotonic() - self._used > _KEPT_SECONDS:
            # By now the server has closed it.
            self._connection.close()
            self._connection = socket.create_connection(("127.0.0.1", self.port))
        self._connection.sendall(self.request(body))
        _check(_read_answer(self._connection), expected)
        self._used = time.monotonic()

    @contextmanager
    def client(self) -> Iterator[Callable[[bytes, str], None]]:
        """Give a function that saves as `save` does, over a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:

            def save(body: bytes, expected: str) -> None:
                connection.sendall(self.request(body))
                _check(_read_answer(connection), expected)

            yield save

    def request(self, body: bytes) -> bytes:
        """Return a bulk save as it goes over the wire."""
        head = (
            f"POST /api/integrations HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Authorization: {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def memory(self, field: str) -> int:
        """Return a figure of the process in bytes: VmRSS now, VmHWM at its peak."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
        raise LookupError(field)

    def reset_peak(self) -> None:
        """Begin a new peak (proc(5): clear_refs)."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def _run(self, *arguments: str) -> str:
        command = [self._python, "-m", "credenza", *arguments]
        return subprocess.run(
            command, env=self._environment, check=True, capture_output=True, text=True
        ).stdout

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                return b" 200 " in connection.recv(64)
        except OSError:
            return False


def save_many(server: Server, bodies: list[bytes], clients: int, expected: str) -> float:
    """Save every body once, shared out over that many connections; return the seconds it took."""
    requests = [server.request(body) for body in bodies]
    return asyncio.run(_save_all(server.port, requests, clients, expected))


async def _save_all(port: int, requests: list[bytes], clients: int, expected: str) -> float:
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(clients)]
    waiting = iter(requests)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            _check(head + await reader.readexactly(_length(head)), expected)

    begun = time.perf_counter()
    await asyncio.gather(*(client(*connection) for connection in connections))
    seconds = time.perf_counter() - begun
    for _, writer in connections:
        writer.close()
    return seconds


def _read_answer(connection: socket.socket) -> bytes:
    answer, whole = bytearray(), -1
    while len(answer) != whole:
        part = connection.recv(1 << 20)
        if not part:
            raise RuntimeError("the server closed the connection")
        answer += part
        end = answer.find(b"\r\n\r\n") + _END if whole < 0 else 0
        if end >= _END:
            whole = end + _length(bytes(answer[:end]))
    return bytes(answer)


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def _check(answer: bytes, expected: str) -> None:
    """See that a save did what it was to measure: a recognised item costs a fraction of a new one."""
    word, _, count = expected.partition(":")
    told = f'"{word}":{count},'.encode()
    body = answer.partition(b"\r\n\r\n")[2]
    if b" 200 " not in answer[:20] or told not in body[:120]:
        raise RuntimeError(f"expected {expected}, and was answered {answer[:20]!r} {body[:100]!r}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
