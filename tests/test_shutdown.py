"""The end of a server: what it took is answered and kept, what it did not take is refused cleanly."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from cli_prompt import OPENAI, Prompt
from test_cli_serve import Server

CLIENTS = 6


@pytest.fixture
def prompt(tmp_path, kek):
    prompt = Prompt(tmp_path, kek)
    prompt.run("init")
    return prompt


@pytest.fixture
def serve(prompt):
    servers = []

    def start(*arguments, **environment):
        server = Server({**_environment(prompt), **environment}, *arguments)
        servers.append(server)
        server.read_line()
        return server

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def _environment(prompt):
    given = {**os.environ, **prompt.environment}
    return {name: value for name, value in given.items() if value is not None}


def place_of(server):
    host, _, port = server.address.removeprefix("http://").rpartition(":")
    return host, int(port)


def read_event(stream):
    """Return the next line of the log, past what is said to a person."""
    line = next(line for line in stream if line.startswith("{"))
    return json.loads(line)


def wait_for(server, path, status):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if server.call(path)[0] == status:
            return
        time.sleep(0.02)
    raise AssertionError(path)


class Saver(threading.Thread):
    """Save one integration after the other until the server is gone, and remember what came of it."""

    def __init__(self, place, key, number):
        super().__init__()
        self.place, self.key, self.number = place, key, number
        self.saved, self.other = [], []

    def run(self):
        connection, count = http.client.HTTPConnection(*self.place, timeout=20), 0
        while True:
            name = f"n{self.number}-{count}"
            count += 1
            try:
                status = self.save(connection, name)
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException):
                # The connection was ended before anything came back. Asked again, it is refused.
                connection.close()
                continue
            (self.saved if status == 200 else self.other).append(name)

    def save(self, connection, name):
        headers = {"X-Authorization": self.key, "Content-Type": "application/json"}
        connection.request("POST", "/api/integrations", json.dumps([{**OPENAI, "name": name}]), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_under_load_a_signal_loses_no_save_that_was_acknowledged_and_none_that_was_taken(serve, prompt):
    key = prompt.json("apikey", "create", "--role", "admin")["token"]
    server = serve("--no-access-log")
    savers = [Saver(place_of(server), key, number) for number in range(CLIENTS)]
    for saver in savers:
        saver.start()
    while sum(len(saver.saved) for saver in savers) < 20 * CLIENTS:
        time.sleep(0.01)

    errors = server.stop()
    for saver in savers:
        saver.join(20)

    acknowledged = {name for saver in savers for name in saver.saved}
    stored = {each["name"] for each in prompt.json("list")}
    assert server.process.returncode == 0
    assert [saver.other for saver in savers] == [[] for _ in savers]
    assert acknowledged <= stored
    # What was not answered was not begun: nothing is there that nobody was told of.
    assert stored <= acknowledged
    events = [json.loads(line)["event"] for line in errors.splitlines() if line.startswith("{")]
    assert events == ["serves", "ends", "ended"]


def test_before_it_ends_it_tells_balancers_and_goes_on_serving_for_a_while(serve):
    server = serve("--drain-delay", "30")
    wait_for(server, "/readyz", 200)
    server.process.send_signal(signal.SIGTERM)
    wait_for(server, "/readyz", 503)

    assert server.call("/readyz")[1] == {"status": "draining", "store": "ok", "vault": "ok"}
    assert server.call("/healthz")[0] == 200

    begun = time.monotonic()
    server.stop()  # the second signal
    assert server.process.returncode == 0
    assert time.monotonic() - begun < 15


def test_a_request_that_does_not_end_is_waited_for_until_the_limit_or_the_next_signal(serve):
    server = serve("--drain-seconds", "600")
    wait_for(server, "/readyz", 200)
    with socket.create_connection(place_of(server), timeout=20) as slow:
        slow.sendall(
            b"POST /api/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9\r\n\r\n{"
        )
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.7)
        assert server.process.poll() is None

        errors = server.stop()

    assert server.process.returncode == 0
    events = [json.loads(line)["event"] for line in errors.splitlines() if line.startswith("{")]
    assert "requests were cut" in events
    assert events[-1] == "ended"


def test_several_processes_need_a_store_that_is_for_many(prompt):
    refusal = prompt.refusal("serve", "--port", 0, "--workers", 2, code=3)

    assert "SQLite is served by one process" in refusal["message"]


@pytest.mark.parametrize("place", ["everywhere", "host:port", "127.0.0.1:70000", ":9100"])
def test_metrics_are_served_at_an_address_or_not_at_all(prompt, place):
    refusal = prompt.refusal("serve", "--port", 0, "--metrics", place, code=3)

    assert refusal["message"] == "CREDENZA_METRICS is on, off, or an address such as 127.0.0.1:9100."


def test_metrics_at_an_address_of_their_own_are_nowhere_else(serve):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = serve("--metrics", f"127.0.0.1:{port}")
    assert server.call("/metrics")[0] == 404

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics")

    assert b"credenza_build_info{" in connection.getresponse().read()
    connection.close()


def test_nothing_of_opentelemetry_is_imported_unless_it_is_asked_for():
    code = (
        "import sys, credenza.cli.serve, credenza.web.app\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'requests', 'google'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def wait_until_open(port):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.05)
    raise AssertionError(port)


@pytest.mark.system("postgresql")
def test_several_processes_serve_one_database_are_replaced_and_end_together(serve, databases, prompt):
    with databases.named() as find, socket.create_server(("127.0.0.1", 0)) as free:
        prompt.environment["CREDENZA_STORE"] = find("workers")
        port = free.getsockname()[1]
        free.close()
        prompt.run("init")
        key = prompt.json("apikey", "create", "--role", "admin")["token"]
        server = serve("--workers", "2", "--metrics", f"127.0.0.1:{port}", "--no-access-log")
        for number in (0, 1):
            wait_until_open(port + number)
        assert server.call("/api/integrations", key=key, body=[OPENAI])[0] == 200
        first = [read_event(server.process.stderr) for _ in range(2)]
        os.kill(first[0]["pid"], signal.SIGKILL)
        after = [read_event(server.process.stderr) for _ in range(2)]
        assert server.call("/readyz")[0] == 200

        errors = server.stop()

    events = [json.loads(line)["event"] for line in errors.splitlines() if line.startswith("{")]
    assert [each["event"] for each in first] == ["serves", "serves"]
    assert [each["event"] for each in after] == ["worker ended", "serves"]
    assert after[0]["pid"] == first[0]["pid"]
    assert server.process.returncode == 0
    # One that was still starting has nothing to end.
    assert sorted(events) in (["ended", "ends"], ["ended", "ends", "ends"])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place_of(server), timeout=5)
