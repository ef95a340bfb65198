"""The unit: systemd understands it, its commands are real, and the key is no argument of any of them."""

import base64
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from credenza.settings import Settings

UNIT = Path(__file__).parent.parent / "deploy" / "credenza.service"
LINES = [line.partition("=") for line in UNIT.read_text().splitlines() if "=" in line and line[0] != "#"]
INSTALLED = "/opt/credenza/bin/credenza"


def read(name):
    return [value for key, _, value in LINES if key == name]


def command(name, options=""):
    """Return a command of the unit as systemd would start it, of the program that is tested."""
    [line] = read(name)
    words = shlex.split(line.removeprefix("-").replace("$$", "$"))
    ours = f"{shlex.quote(sys.executable)} -m credenza"
    return [word.replace(INSTALLED, ours) + (options if word == words[-1] else "") for word in words]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
def test_systemd_understands_every_line(tmp_path):
    # That nothing is installed here is no fault of the unit.
    unit = tmp_path / "credenza.service"
    unit.write_text(UNIT.read_text())

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )

    told = [line for line in done.stderr.splitlines() if "credenza" in line and INSTALLED not in line]
    assert told == []


def test_stopping_may_take_as_long_as_the_settings_allow():
    limits = Settings()

    assert limits.shutdown_delay_seconds + limits.shutdown_seconds < int(read("TimeoutStopSec")[0])
    assert read("KillMode") == ["mixed"]


def test_the_service_owns_its_state_and_no_more():
    assert (read("DynamicUser"), read("ProtectSystem")) == (["yes"], ["strict"])
    assert read("Environment") == ["CREDENZA_STORE=sqlite:////var/lib/credenza/store/credenza.db"]
    assert read("StateDirectory") == ["credenza"]
    assert read("LoadCredential") == ["kek:/etc/credenza/kek"]


def test_its_commands_make_the_store_serve_it_and_show_the_key_to_nobody(tmp_path):
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    (tmp_path / "kek").write_text(key + "\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CREDENZA_")}
    environment = {
        **kept,
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "CREDENZA_STORE": f"sqlite:///{tmp_path}/store/credenza.db",
        "SERVE_OPTIONS": "--port 0",
    }
    made = subprocess.run(
        command("ExecStartPre"), env=environment, capture_output=True, text=True, check=True
    )

    with subprocess.Popen(
        command("ExecStart", " --json"),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        start = server.stdout.readline()
        address = json.loads(start)["address"]
        with urllib.request.urlopen(address + "/readyz", timeout=20) as answer:
            ready = json.load(answer)
        arguments = Path(f"/proc/{server.pid}/cmdline")
        shown = arguments.read_text() if arguments.exists() else ""
        # The shell gave way to the program: a signal to the process reaches it.
        server.send_signal(signal.SIGTERM)
        errors = server.communicate(timeout=30)[1]

    assert ready == {"status": "ok", "store": "ok", "vault": "ok"}
    assert server.returncode == 0
    assert key not in made.stdout + made.stderr + start + errors + shown
    assert re.search(r"serve", shown or "serve")
