"""The image and the composition say what is there, run what the program knows, and hold no secret."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from credenza.cli.root import COMMANDS, load_command
from credenza.settings import Settings

ROOT = Path(__file__).parent.parent
DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
LINES = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line and line[0] != "#"]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "credenza"]
PREPARED = {"secrets/keys", "secrets/pgpass", "secrets/database_password"}


def instructions(name):
    return [rest for word, rest in LINES if word == name]


def admits(path):
    """Say whether .dockerignore lets a file of the project through."""
    admitted = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        whole = [path, *(str(parent) for parent in Path(path).parents)]
        if line and line[0] != "#" and any(fnmatch(each, pattern) for each in whole):
            admitted = line[0] == "!"
    return admitted


def prepare(folder):
    """Run deploy/prepare in a copy of what it needs and return what it wrote."""
    (folder / "deploy").mkdir(exist_ok=True)
    shutil.copy(ROOT / "deploy" / "prepare", folder / "deploy")
    done = subprocess.run([folder / "deploy" / "prepare"], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_all_that_the_image_copies_is_there_and_reaches_the_builder():
    copied = [
        source
        for copy in instructions("COPY")
        if not copy.startswith("--from")
        for source in copy.split()[:-1]
    ]

    assert len(copied) == 6
    assert [source for source in copied if not ((ROOT / source).exists() and admits(source))] == []


@pytest.mark.parametrize("path", ["secrets/pgpass", ".env", ".git/config", "store.db", "tests/conftest.py"])
def test_nothing_else_reaches_the_builder(path):
    assert not admits(path)


def test_the_image_is_made_of_what_the_lock_names_by_its_hash():
    installs = [run for run in instructions("RUN") if "pip install" in run]

    assert [("--require-hashes" in run, "--no-deps" in run) for run in installs] == [
        (True, False),
        (False, True),
    ]


def test_the_image_runs_as_nobody_in_particular_and_never_as_root():
    assert instructions("USER") == ["10001"]
    assert LINES.index(["USER", "10001"]) > max(
        index for index, (word, _) in enumerate(LINES) if word == "RUN"
    )


def test_the_command_of_the_image_is_one_that_the_program_knows():
    [entry], [command] = instructions("ENTRYPOINT"), instructions("CMD")
    name, *options = json.loads(command)

    assert json.loads(entry) == ["credenza"]
    assert load_command(name).make_context(name, options).params == {"host": "0.0.0.0", "port": 8080}


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_needs_python_alone_and_fails_where_the_server_does(status, healthy):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    [check] = instructions("HEALTHCHECK")
    _, option, code = json.loads(check.partition("CMD ")[2])
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request).start()
        code = code.replace("8080", str(server.server_port))
        done = subprocess.run([sys.executable, "-S", option, code], capture_output=True, check=False)

    assert (asked, done.returncode == 0) == (["/healthz"], healthy)


def test_two_servers_wait_for_one_database_whose_tables_are_made_before():
    servers = [name for name in OURS if "command" not in SERVICES[name]]

    assert len(servers) == 2
    assert {SERVICES[name]["environment"]["CREDENZA_STORE"] for name in OURS} == {
        "postgresql://credenza@database/credenza"
    }
    assert [SERVICES[name]["depends_on"] for name in servers] == [
        {"init": {"condition": "service_completed_successfully"}}
    ] * 2
    assert SERVICES["init"]["command"][0] in COMMANDS


def test_every_setting_of_the_composition_is_one_and_can_have_its_value():
    [settings] = {json.dumps(SERVICES[name]["environment"], sort_keys=True) for name in OURS}
    given = {name: value for name, value in json.loads(settings).items() if name.startswith("CREDENZA_")}
    known = {f"CREDENZA_{field.upper()}" for field in Settings.__struct_fields__}

    read = Settings.read(given)

    assert set(given) <= known
    # A container is killed when its grace is over: all that a server may take fits in.
    for name in set(OURS) - {"init"}:
        grace = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
        assert read.shutdown_delay_seconds + read.shutdown_seconds < grace


def test_every_container_of_ours_is_confined():
    for name in OURS:
        service = SERVICES[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"].startswith("${CREDENZA_USER:?")
        assert "ports" not in service


def test_the_servers_read_the_key_and_only_the_first_step_may_write_it():
    volumes = {name: SERVICES[name]["volumes"] for name in OURS}

    assert volumes.pop("init") == ["./secrets/keys:/keys"]
    assert list(volumes.values()) == [["./secrets/keys:/keys:ro"]] * 2


def test_what_the_composition_takes_from_the_machine_is_in_the_project_or_made_by_prepare():
    volumes = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
    bound = {volume.split(":")[0][2:] for volume in volumes if volume.startswith("./")}
    given = {secret["file"][2:] for secret in COMPOSE["secrets"].values()}

    assert bound | given >= PREPARED
    assert [path for path in bound | given if path not in PREPARED and not (ROOT / path).is_file()] == []


def test_what_prepare_makes_is_secret_and_stays_as_it_is(tmp_path):
    told = prepare(tmp_path)
    secrets = tmp_path / "secrets"
    made = {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()}
    password = (secrets / "database_password").read_text()

    told += prepare(tmp_path)

    assert {str(path.relative_to(tmp_path)) for path in [*made, secrets / "keys"]} == PREPARED
    assert {path: path.read_bytes() for path in made} == made
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (secrets, secrets / "keys")} == {0o700}
    assert len(password) == 32
    assert (secrets / "pgpass").read_text() == f"database:5432:*:credenza:{password}\n"
    assert password not in told + (tmp_path / ".env").read_text()


def test_another_place_gets_another_password_and_none_runs_as_root(tmp_path):
    found = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        prepare(tmp_path / name)
        found.add((tmp_path / name / "secrets" / "database_password").read_text())
        (user,) = re.findall(
            r"^CREDENZA_USER=(\d+):\d+$", (tmp_path / name / ".env").read_text(), re.MULTILINE
        )
        assert int(user) == (os.getuid() or 10001) != 0
        assert (tmp_path / name / "secrets" / "keys").stat().st_uid == int(user)

    assert len(found) == 2


def test_git_leaves_out_what_prepare_makes():
    ignored = (ROOT / ".gitignore").read_text().splitlines()

    assert {"/secrets/", "/.env"} <= set(ignored)


def test_the_balancer_asks_whether_servers_are_ready_and_keeps_their_metrics_inside():
    said = (ROOT / "deploy" / "haproxy.cfg").read_text()
    servers = re.findall(r"^\s+server (\S+) (\S+):8080$", said, re.MULTILINE)

    assert [(name, name) for name in OURS if name != "init"] == servers
    assert "option httpchk GET /readyz" in said
    assert "deny deny_status 404 if { path,url_dec -m beg /metrics }" in said
