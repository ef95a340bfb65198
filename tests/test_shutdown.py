"""A server that is told to stop: it says so first, finishes what it took, and keeps what it acknowledged."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse

import pytest

COMMAND = [sys.executable, "-W", "error", "-m", "credenza"]
OPENAI = {"type": "openai", "configuration": {"api_key": "sk-made-up"}}
CLIENTS, ENOUGH = 6, 60


class Server:
    """A developer's server on a store of the test; started again it finds what was saved before."""

    def __init__(self, home, *arguments):
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("CREDENZA_", "XDG_"))
        }
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--dev", "--json", "--no-access-log", "--port", "0", *arguments],
            env={**kept, "HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        start = json.loads(self.process.stdout.readline())
        address = urllib.parse.urlsplit(start["address"])
        self.place = address.hostname, address.port
        self.token = start.get("token", "")
        self.connections = []

    def connect(self):
        self.connections.append(http.client.HTTPConnection(*self.place, timeout=20))
        return self.connections[-1]

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """Wait for the end and return the exit code with what was written to standard error."""
        errors = self.process.communicate(timeout=30)[1]
        return self.process.returncode, errors


@pytest.fixture
def serve(tmp_path):
    servers = []

    def start(*arguments):
        servers.append(Server(tmp_path, *arguments))
        return servers[-1]

    yield start
    for server in servers:
        for connection in server.connections:
            connection.close()
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def ask(connection, path, token="", body=None):
    headers = {"X-Authorization": token, "Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, answer.getheader("connection"), json.loads(text)


def begin_save(server, name):
    """Send all of a save but the last byte of its body, and return the connection with that byte."""
    body = json.dumps([{"name": name, **OPENAI}]).encode()
    connection = server.connect()
    connection.putrequest("POST", "/api/integrations")
    for header in [("X-Authorization", server.token), ("Content-Type", "application/json")]:
        connection.putheader(*header)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    connection.send(body[:-1])
    # An answer to a later request shows that the server has seen this one.
    assert ask(server.connect(), "/healthz")[0] == 200
    return connection, body[-1:]


def is_refused(server):
    with socket.socket() as probe:
        return probe.connect_ex(server.place) != 0


def wait_until_refused(server):
    while not is_refused(server):
        pass


def test_every_save_that_a_stopping_server_acknowledged_is_there_and_no_other(serve):
    server = serve()
    acknowledged, odd, enough = set(), [], threading.Event()

    def hammer(client):
        connection = server.connect()
        for number in range(100_000):
            name = f"c{client}-{number}"
            try:
                status, said, _ = ask(
                    connection, "/api/integrations", server.token, [{"name": name, **OPENAI}]
                )
            except (ConnectionError, http.client.RemoteDisconnected):
                break  # refused, or closed before anything was answered
            except Exception as error:  # noqa: BLE001  # half an answer, or none for 20 seconds
                odd.append(repr(error))
                break
            if status != 200:
                odd.append(status)
            acknowledged.add(name)
            if len(acknowledged) >= ENOUGH:
                enough.set()
            if said == "close":
                connection.close()

    threads = [threading.Thread(target=hammer, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    assert enough.wait(30)
    server.signal()
    for thread in threads:
        thread.join(30)
    assert server.wait() == (0, "")

    again = serve()
    _, _, found = ask(again.connect(), "/api/integrations/", server.token)

    assert odd == []
    assert {each["name"] for each in found} == acknowledged


def test_a_server_that_is_to_stop_says_so_to_balancers_first_and_goes_on_answering(serve):
    server = serve("--shutdown-delay-seconds", "600")
    connection = server.connect()
    assert ask(connection, "/readyz")[:2] == (200, None)
    server.signal()

    status, said, ready = 200, None, {}
    while status == 200:
        status, said, ready = ask(connection, "/readyz")
    assert (status, said, ready["status"]) == (503, "close", "stopping")
    fresh = server.connect()
    saved = ask(fresh, "/api/integrations", server.token, [{"name": "late", **OPENAI}])
    assert (saved[:2], saved[2]["created"]) == ((200, "close"), 1)

    server.signal(signal.SIGINT)  # the delay is over at the second signal
    assert server.wait() == (0, "")


def test_a_request_that_has_begun_is_finished_while_new_connections_are_refused(serve):
    server = serve()
    connection, rest = begin_save(server, "begun")
    server.signal()
    wait_until_refused(server)

    connection.send(rest)
    answer = connection.getresponse()

    assert (answer.status, json.loads(answer.read())["created"]) == (200, 1)
    assert answer.getheader("connection") == "close"
    assert server.wait() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_wait_for_a_request_that_never_ends(serve, number):
    server = serve("--shutdown-seconds", "3600")
    begin_save(server, "never")
    server.signal()
    wait_until_refused(server)

    server.signal(number)

    code, errors = server.wait()
    assert (code, "Traceback" in errors, "sk-made-up" in errors) == (0, False, False)


def test_a_request_that_never_ends_keeps_a_server_no_longer_than_the_limit(serve):
    server = serve("--shutdown-seconds", "1")
    begin_save(server, "never")

    server.signal()

    code, errors = server.wait()
    assert (code, "Traceback" in errors, "sk-made-up" in errors) == (0, False, False)
