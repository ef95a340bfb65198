"""Dockerfile, compose file and unit: what they name is there, what they run works, no secret is in them."""

from __future__ import annotations

import base64
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from credenza.cli.serve import serve
from credenza.settings import Settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
UNIT = (DEPLOY / "credenza.service").read_text()
ENTRYPOINT = DEPLOY / "entrypoint.sh"


def settings_in(text):
    return set(re.findall(r"CREDENZA_([A-Z_]+)", text)) - {"KEK_FILE", "KEK_VALUE", "PGPASSWORD_FILE"}


def test_what_the_image_copies_is_there_and_not_kept_out():
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in re.sub(r"--\S+ ", "", line).split()[:-1]
    ]
    let_in = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))

    assert len(copied) > 5
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert [source for source in copied if source not in let_in] == []


def test_the_image_takes_pinned_packages_runs_as_nobody_in_particular_and_says_whether_it_is_well():
    assert "--require-hashes -r requirements.lock" in DOCKERFILE
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    check = re.search(r"HEALTHCHECK.*?CMD (\[.*?\])\n", DOCKERFILE, re.DOTALL)[1]
    program, option, code = yaml.safe_load(check)
    assert (program, option) == ("python", "-c")
    compile(code, "check", "exec")


def test_the_image_starts_a_server_by_options_that_there_are():
    command = yaml.safe_load(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[0])
    known = {name for parameter in serve.params for name in parameter.opts}

    assert command[0] == "serve"
    assert {word for word in command if word.startswith("--")} <= known


def test_the_entrypoint_takes_secrets_from_files_and_starts_the_command(tmp_path):
    key = base64.b64encode(bytes(32)).decode()
    (tmp_path / "kek").write_text(key)
    (tmp_path / "password").write_text("made-up")
    (tmp_path / "credenza").write_text(
        '#!/bin/sh\necho "$@" "$CREDENZA_KEK" "$CREDENZA_KEK_VALUE" "$PGPASSWORD"\n'
    )
    (tmp_path / "credenza").chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CREDENZA_KEK_FILE": str(tmp_path / "kek"),
        "CREDENZA_PGPASSWORD_FILE": str(tmp_path / "password"),
    }

    done = subprocess.run(
        ["sh", ENTRYPOINT, "serve", "--json"], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == f"serve --json env://CREDENZA_KEK_VALUE {key} made-up\n"


def test_two_servers_share_a_database_and_wait_for_it_and_no_secret_is_in_the_file():
    services = COMPOSE["services"]
    servers = [services[name] for name in services if name.startswith("server")]

    assert len(servers) == 2
    assert {each["environment"]["CREDENZA_STORE"] for each in servers} == {
        "postgresql://credenza@database/credenza"
    }
    assert all(each["read_only"] and each["cap_drop"] == ["ALL"] for each in servers)
    used = {name for each in services.values() for name in each.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])
    assert not re.search(r"(PASSWORD|KEK):", (ROOT / "compose.yaml").read_text())
    assert {name for each in services.values() for name in each.get("depends_on", ())} <= set(services)


def test_files_and_settings_of_the_compose_file_are_there():
    binds = [
        volume.split(":")[0]
        for each in COMPOSE["services"].values()
        for volume in each.get("volumes", ())
        if volume.startswith("./")
    ]

    assert [bind for bind in binds if not (ROOT / bind).exists()] == []
    named = settings_in(str(COMPOSE["x-server"]["environment"]))
    assert named <= {field.upper() for field in Settings.__struct_fields__}


def test_a_server_has_time_to_end_before_it_is_killed():
    told = COMPOSE["x-server"]
    delay, most = (int(told["environment"][f"CREDENZA_DRAIN_{name}"]) for name in ("DELAY", "SECONDS"))

    assert int(told["stop_grace_period"].removesuffix("s")) > delay + most
    assert (
        int(re.search(r"TimeoutStopSec=(\d+)", UNIT)[1]) > Settings().drain_delay + Settings().drain_seconds
    )


def test_secrets_are_made_once_where_the_compose_file_reads_them_and_git_does_not(tmp_path):
    def make():
        command = [sys.executable, DEPLOY / "make-secrets", tmp_path / "made"]
        subprocess.run(command, check=True, capture_output=True)
        return {file.name: file.read_text() for file in (tmp_path / "made").iterdir()}

    made = make()

    assert make() == made
    read = {each["file"] for each in COMPOSE["secrets"].values()}
    assert {f"./deploy/secrets/{name}" for name in made} == read
    assert len(base64.b64decode(made["kek"], validate=True)) == 32
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_unit_hands_the_key_over_and_starts_what_is_installed():
    assert "LoadCredential=kek:/etc/credenza/kek" in UNIT
    assert "Environment=CREDENZA_KEK_FILE=%d/kek" in UNIT
    assert settings_in(UNIT) <= {field.upper() for field in Settings.__struct_fields__}
    words = re.search(r"^ExecStart=\S+ serve (.*)$", UNIT, re.MULTILINE)[1].split()
    assert {word for word in words if word.startswith("--")} <= {
        name for parameter in serve.params for name in parameter.opts
    }


@pytest.mark.system("systemd")
def test_systemd_understands_the_unit(tmp_path):
    here = UNIT.replace("/opt/credenza/bin/credenza-entrypoint", str(ENTRYPOINT))
    (tmp_path / "credenza.service").write_text(here)

    done = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "credenza.service"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert [line for line in done.stderr.splitlines() if "credenza" in line] == []
