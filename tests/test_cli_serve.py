"""`credenza serve` as a real process: its first start, its next ones, its end, and commands beside it."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from cli_prompt import OPENAI, SENDGRID, Prompt

COMMAND = [sys.executable, "-W", "error", "-m", "credenza", "serve", "--port", "0"]


class Server:
    """A server process, and what it has written to its standard output."""

    def __init__(self, environment, *arguments):
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.lines = []

    def read_line(self):
        self.lines.append(self.process.stdout.readline())
        return self.lines[-1]

    @property
    def address(self):
        return self.lines[0].rpartition(" at ")[2].strip()

    def call(self, path, *, key="", body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Authorization": key, "Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.load(answer)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.lines += self.process.stdout.readlines()
        errors = self.process.stderr.read()
        self.process.wait(20)
        return errors


@pytest.fixture
def prompt(tmp_path):
    """Commands with nothing in their environment but where developer mode keeps its things."""
    prompt = Prompt(tmp_path, "")
    prompt.environment |= {"CREDENZA_STORE": None, "CREDENZA_KEK": None}
    return prompt


@pytest.fixture
def serve(prompt):
    servers = []

    def start(*arguments, **environment):
        given = {**os.environ, **prompt.environment, **environment}
        server = Server({name: value for name, value in given.items() if value is not None}, *arguments)
        servers.append(server)
        server.read_line()
        return server

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def paste(server):
    """Run the printed call in a shell and return its answer."""
    while "-d '" not in server.read_line():
        pass
    command = "".join(line for line in server.lines if line.startswith("  "))
    if shutil.which("curl"):
        return json.loads(subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout)
    words = shlex.split(command)
    assert words[2] == server.address + "/api/integrations"
    key = words[words.index("-H") + 1].removeprefix("X-Authorization: ")
    return server.call("/api/integrations", key=key, body=json.loads(words[-1]))[1]


def test_the_call_that_the_first_start_prints_saves_an_integration_when_pasted(serve, prompt):
    server = serve("--dev")

    assert paste(server)["created"] == 1
    assert prompt.rows("list")[0]["name"] == "my-openai"


def test_developer_mode_says_where_the_key_is_and_shows_an_api_key_at_its_first_start_alone(serve):
    first = serve("--dev", "--json")
    told = json.loads(first.lines[0])
    assert "key" in told["key"]
    assert told["token"].startswith("crdz_")
    assert told["token"] not in first.stop()

    second = serve("--dev")
    assert second.call("/readyz")[0] == 200
    second.stop()

    assert "crdz_" not in "".join(second.lines)
    activate = Path(sys.prefix) / "bin" / "activate"
    assert second.lines[-2:] == [f"  . {activate}\n", "  credenza apikey create --role admin\n"]


def test_a_server_on_all_addresses_says_that_links_need_one(serve, prompt):
    serve("--dev").stop()
    [key] = (prompt.folder / "config" / "credenza" / "keys").iterdir()
    told = serve("--host", "0.0.0.0", "--kek", f"file://{key}").stop()
    quiet = serve(
        "--host", "0.0.0.0", "--kek", f"file://{key}", "--public-url", "https://here.example.com"
    ).stop()

    assert told.startswith("Links that are handed out begin with http://0.0.0.0:")
    assert "say --public-url, or CREDENZA_PUBLIC_URL." in told
    assert "Links" not in quiet


def test_a_start_finds_what_the_one_before_it_saved_under_the_same_key(serve, prompt):
    serve("--dev").stop()
    key = prompt.json("apikey", "create", "--role", "admin")["token"]
    server = serve("--dev")
    assert server.call("/api/integrations", key=key, body=[OPENAI])[0] == 200
    server.stop()

    status, shown = serve("--dev").call("/api/integrations/provider/a/resolved", key=key)

    assert (status, shown["configuration"]) == (200, OPENAI["configuration"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_server_cleanly_and_leaves_nothing_open(serve, prompt, number):
    server = serve("--dev")
    assert server.call("/healthz")[0] == 200

    errors = server.stop(number)

    assert server.process.returncode == 0
    assert "Traceback" not in errors
    assert [file.name for file in (prompt.folder / "data" / "credenza" / "store").glob("*-wal")] == []


def test_a_signal_lets_a_request_that_has_begun_come_to_its_end(serve, prompt):
    serve("--dev").stop()
    key = prompt.json("apikey", "create", "--role", "admin")["token"]
    server = serve("--dev")
    items = [{**OPENAI, "name": f"n{number}"} for number in range(5_000)]
    code = (
        "import sys, urllib.request\n"
        "request = urllib.request.Request(sys.argv[1], sys.stdin.buffer.read(), "
        "{'X-Authorization': sys.argv[2], 'Content-Type': 'application/json'})\n"
        "print(urllib.request.urlopen(request).status)"
    )
    client = subprocess.Popen(
        [sys.executable, "-c", code, server.address + "/api/integrations", key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    client.stdin.write(json.dumps(items).encode())
    client.stdin.close()
    time.sleep(0.4)
    server.stop()
    status = client.stdout.read()
    client.stdout.close()
    client.wait()

    # Either it had begun and was finished, or it had not and nothing of it was saved.
    assert (status, len(prompt.json("list"))) in {(b"200\n", 5_000), (b"", 0)}


def test_a_second_server_on_the_same_store_is_refused_in_a_sentence(serve):
    serve("--dev")
    second = serve("--dev")

    assert "Another process is using this store" in second.stop()
    assert second.process.wait() == 3


def test_a_port_that_is_taken_is_refused_in_a_sentence(serve):
    port = serve("--dev").address.rpartition(":")[2]
    second = serve("--dev", "--port", port)

    assert "choose another --port" in second.stop()
    assert second.process.wait() == 3


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "example.invalid"])
def test_developer_mode_serves_this_machine_alone(prompt, host):
    refusal = prompt.refusal("serve", "--dev", "--port", 0, "--host", host, code=3)

    assert "--host" in refusal["message"]
    assert not (prompt.folder / "data").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "localhost"])
def test_developer_mode_takes_every_address_of_this_machine_alone(serve, host):
    server = serve("--dev", "--host", host)

    assert server.call("/readyz")[0] == 200
    assert f"http://{host}:" in server.address


def test_without_developer_mode_a_store_must_have_been_made_before(prompt, kek):
    prompt.environment["CREDENZA_KEK"] = kek

    assert "credenza init" in prompt.refusal("serve", "--port", 0, code=3)["message"]
    prompt.run("init")
    prompt.environment["CREDENZA_KEK"] = None
    assert "CREDENZA_KEK" in prompt.refusal("serve", "--port", 0, code=3)["message"]


def test_a_server_without_its_key_starts_says_so_in_a_line_and_serves_what_is_not_secret(serve, prompt, kek):
    prompt.environment["CREDENZA_KEK"] = kek
    prompt.run("init")
    prompt.run("apply", "-", input=[OPENAI])
    key = prompt.json("apikey", "create", "--role", "admin")["token"]

    server = serve(CREDENZA_TEST_KEK="")

    assert server.call("/readyz") == (503, {"status": "degraded", "store": "ok", "vault": "locked"})
    assert server.call("/api/integrations/provider/a", key=key)[0] == 200
    assert server.call("/api/integrations/provider/a/resolved", key=key)[0] == 503
    assert server.stop().splitlines()[0].startswith("The vault is locked")


def test_commands_beside_a_server_see_and_change_what_it_serves(serve, prompt):
    server = serve("--dev")
    key = prompt.json("apikey", "create", "--role", "admin")["token"]

    assert server.call("/api/integrations", key=key, body=[OPENAI])[1]["created"] == 1
    assert prompt.json("resolve", "a")["name"] == "a"
    assert prompt.json("apply", "-", input=[SENDGRID])["created"] == 1
    prompt.run("delete", "a", "--yes")

    listed = server.call("/api/integrations/", key=key)[1]
    assert [each["name"] for each in listed] == ["b"]
    assert server.call("/api/integrations", key=key, body=[SENDGRID])[1]["unchanged"] == 1
    assert prompt.json("audit", "verify")["ok"]
    assert prompt.json("doctor")["ok"]


def test_a_key_that_a_command_revokes_is_dead_at_the_running_server_at_once(serve, prompt):
    server = serve("--dev")
    made = prompt.json("apikey", "create", "--role", "viewer")
    sent = {"keyId": made["id"], "keySecret": made["secret"]}
    token = server.call("/api/token", body=sent)[1]["token"]
    assert [server.call("/api/integrations/", key=key)[0] for key in (made["token"], token)] == [200, 200]

    prompt.run("apikey", "revoke", made["id"])

    assert [server.call("/api/integrations/", key=key)[0] for key in (made["token"], token)] == [401, 401]


def test_the_access_log_has_a_line_for_each_request_and_can_be_left_out(serve):
    server = serve("--dev")
    server.call("/healthz?secret=sk-canary-5f1c")
    assert '"route":"/healthz"' in (log := server.stop())
    assert "sk-canary-5f1c" not in log

    server = serve("--dev", "--no-access-log")
    server.call("/healthz")
    assert [json.loads(line)["event"] for line in server.stop().splitlines()] == ["serves", "ends", "ended"]

    server = serve("--dev", "--log-level", "warning")
    server.call("/healthz")
    assert server.stop() == ""
