"""The page on operations is true: its commands run, one after the other, and what it names is there."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from credenza.cli.root import COMMANDS
from credenza.metrics import Metrics
from credenza.settings import Settings
from credenza.web.logs import FIELDS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text()
BLOCKS = re.findall(r"<!-- (run|machine) -->\n```sh\n(.*?)```", PAGE, re.DOTALL)


def test_every_block_says_whether_it_is_run():
    assert PAGE.count("```sh") == len(BLOCKS)
    assert len([kind for kind, _ in BLOCKS if kind == "run"]) > 4


def test_every_command_on_the_page_is_one():
    named = {
        word
        for _, block in BLOCKS
        for word in re.findall(r"^(?:\S+=\$\()?credenza (\w+)", block, re.MULTILINE)
    }

    assert named <= set(COMMANDS)
    assert named >= {"backup", "restore", "move", "vault", "workspace"}
    assert named >= {"init", "serve", "doctor", "audit", "apikey", "types"}


@pytest.mark.system("curl")
def test_its_commands_run_one_after_the_other(tmp_path):
    for name in ("state", "etc", "backups"):
        (tmp_path / name).mkdir(mode=0o700)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = "set -eu\n" + "\n".join(block for kind, block in BLOCKS if kind == "run")
    for said, meant in {
        "/var/lib/credenza": f"{tmp_path}/state",
        "/etc/credenza": f"{tmp_path}/etc",
        "/var/backups": f"{tmp_path}/backups",
        "127.0.0.1:8080": f"127.0.0.1:{port}",
        "--port 8080": f"--port {port}",
    }.items():
        script = script.replace(said, meant)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CREDENZA_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"

    done = subprocess.run(
        ["sh", "-c", script],
        env={**kept, "PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert "credenza_build_info{" in done.stdout
    assert '"event":"ended"' in done.stderr


def test_files_that_its_commands_take_from_the_clone_are_there():
    named = {
        word
        for _, block in BLOCKS
        for word in shlex.split(block, comments=True)
        if word.startswith("deploy/") or word == "requirements.lock"
    }

    assert len(named) > 3
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_link_leads_to_a_file():
    links = re.findall(r"\]\(([^):#]+)\)", PAGE)

    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_every_field_of_the_log_and_every_metric_is_explained():
    told = set(re.findall(r"`([a-z_]+)(?:…)?`", PAGE))
    counted = {metric.name for metric in Metrics().registry.collect() if metric.name.startswith("credenza")}

    assert {*FIELDS} - told == set()
    assert [name for name in counted if not {name, f"{name}_total"} & told] == []


def test_every_setting_that_it_names_is_one():
    named = set(re.findall(r"CREDENZA_([A-Z_]+)", PAGE)) - {"KEK_FILE", "PGPASSWORD_FILE"}

    assert named <= {field.upper() for field in Settings.__struct_fields__}
