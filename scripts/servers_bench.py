"""Two servers over one PostgreSQL, each behind a network of its own; and what is looked for in the end."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec
import psycopg

from credenza.model import Actor, Role
from credenza.settings import Credenza, Settings, open_credenza
from postgresql_server import over, socket_of
from relay import Relay

READY_SECONDS = 30.0
_KEK = "CREDENZA_SERVERS_TEST_KEK"
_API = "/api/integrations"
_ANSWER_SECONDS = 50.0
_EXPECTED = ("Unavailable ", "Conflict ")
_DATABASE = "servers_test"
_PACKAGE = {
    "workspaceId": "default",
    "slug": "stack",
    "name": "Stack",
    "manifest": {
        "members": [
            {
                "slug": f"chat-{number}",
                "integration": {
                    "name": f"${{variables.prefix}}-chat-{number}",
                    "type": "openai",
                    "configuration": {"api_key": "${variables.key}"},
                },
            }
            for number in range(3)
        ]
    },
    "variablesSchema": {
        "type": "object",
        "required": ["prefix", "key"],
        "properties": {
            "prefix": {"type": "string", "pattern": "^[a-z0-9-]+$"},
            "key": {"type": "string", "format": "password"},
        },
    },
}


class Answer(msgspec.Struct):
    """An answer: its status, and its body as JSON."""

    status: int
    body: dict[str, Any]


class Place:
    """One server, in a process of its own, and the network between it and PostgreSQL."""

    def __init__(self, number: int, folder: Path, uri: str, target: str) -> None:
        """Choose a port."""
        self.relay = Relay(target)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._log = folder / f"server-{number}.log"
        self._uri = over(uri, self.relay.port)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server."""
        command = [sys.executable, "-m", "credenza", "serve", "--port", str(self.port), "--no-access-log"]
        command += ["--store", self._uri, "--kek", f"env://{_KEK}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)

    def signal(self, number: int) -> None:
        """Send the server a signal."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end(self) -> bool:
        """Stop the server as it should be stopped; tell whether it did."""
        self.signal(signal.SIGTERM)
        try:
            return self._process is None or self._process.wait(15) in {0, -signal.SIGTERM}
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        finally:
            self.relay.close()

    def is_ready(self, seconds: float) -> bool:
        """Tell whether the server is ready, or becomes so in that time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
                    connection.request("GET", "/readyz")
                    if connection.getresponse().status == http.client.OK:
                        return True
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        return False

    def said(self) -> list[dict[str, Any]]:
        """Return the lines of the log that are JSON."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    @property
    def log(self) -> str:
        """Return what the server said."""
        return self._log.read_text()


class Bench:
    """A store with a package in it, and its servers."""

    def __init__(self, folder: Path, server: str, places: int = 2) -> None:
        """Make a database, on which nothing acknowledged may be lost whatever the server's habits."""
        self.server = server
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {_DATABASE} TEMPLATE template0")
            connection.execute(f"ALTER DATABASE {_DATABASE} SET synchronous_commit TO on")
        self._uri = urlsplit(server)._replace(path=f"/{_DATABASE}").geturl()
        os.environ[_KEK] = base64.b64encode(os.urandom(32)).decode()
        with closing(self._open()) as service:
            made = service.accounts.create_key(service.tenant(), Role.ADMIN, by="servers-test")
            self._token = made.token.reveal()
        self.places = [Place(n, folder, self._uri, socket_of(server)) for n in range(places)]
        self._kept = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Self:
        """Start the servers, and publish the package."""
        for place in self.places:
            place.start()
        for place in self.places:
            if not place.is_ready(READY_SECONDS):
                raise RuntimeError("a server did not start")
        made = self._ask("", _PACKAGE)
        self.package: str = made["id"]
        self._ask(f"/{self.package}/publish", {"version": "1.0.0"})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the servers."""
        for connection in self._connections:
            connection.close()
        for place in self.places:
            place.end()

    def send(
        self, place: Place, method: str, path: str, body: object, headers: Mapping[str, str]
    ) -> Answer | None:
        """Send a request by a connection of this thread's own; None: it was not answered."""
        kept: dict[int, http.client.HTTPConnection] = self._kept.__dict__.setdefault("connections", {})
        connection = kept.get(place.port)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=_ANSWER_SECONDS)
            kept[place.port] = connection
            self._connections.append(connection)
        content = None if body is None else json.dumps(body).encode()
        head = {"Content-Type": "application/json", "X-Authorization": self._token, **headers}
        try:
            connection.request(method, f"{_API}{path}", content, head)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return None
        try:
            read = json.loads(text) if text else {}
        except ValueError:
            return Answer(answer.status, {"code": "no JSON"})
        return Answer(answer.status, read if isinstance(read, dict) else {})

    def inspect(self, names: list[str], saved: Mapping[str, int]) -> list[str]:
        """Say what is wrong in the store, and with the servers, given how often names were saved."""
        with closing(self._open()) as service:
            actor = Actor(service.tenant(), "servers-test", Role.ADMIN)
            workspace = service.workspace(actor)
            found = [*service.store.check(), *workspace.verify_audit()[1]]
            records = service.store.read(actor.tenant, lambda tx: tx.find(names))
            for name in names:
                version = records[name].version if name in records else 0
                if version != saved.get(name, 0):
                    found.append(f"{name} was saved {saved.get(name, 0)} times and is at version {version}.")
                if name in records and len(workspace.history(name)) != min(version, 100):
                    found.append(f"The history of {name} has gaps.")
            for view in workspace.list():
                workspace.reveal(view.record.name)
        for place in self.places:
            failures = {line["failure"] for line in place.said() if "failure" in line}
            found += [f"A request failed by {each}." for each in failures if not each.startswith(_EXPECTED)]
            if "Traceback" in place.log:
                found.append("A server's log has a traceback.")
        return found

    def _ask(self, path: str, body: object) -> dict[str, Any]:
        answer = self.send(self.places[0], "POST", path, body, {})
        if answer is None or answer.status != http.client.OK:
            raise RuntimeError(f"the package could not be made: {answer and answer.body}")
        return answer.body

    def _open(self) -> Credenza:
        return open_credenza(Settings.read({}, store=self._uri, kek=f"env://{_KEK}"), create=True)
