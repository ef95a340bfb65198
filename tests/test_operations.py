"""The page on operations is true: what it tells to type runs, and what it names is there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from credenza.cli.root import COMMANDS, load_command
from credenza.settings import Settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
SHOWN = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PLACES = ("/var/lib/credenza", "/etc/credenza", "/backups")
# What the page names already and the program does not have yet. Once it has, the name is to go from here.
AHEAD = {"backup", "restore", "move", "vault"}
PAGES_AHEAD = {"backup.md", "rotation.md", "lost-keys.md"}


def name_commands(block):
    """Return the words behind each `credenza` of a block, up to the first option or argument."""
    calls = re.findall(r"(?:^|[\s/])credenza ((?:[a-z-]+ ?)+)", block, re.MULTILINE)
    return [call.split() for call in calls]


def is_ahead(block):
    return any(words[0] in AHEAD for words in name_commands(block))


RUN = [block for block in BLOCKS if not is_ahead(block)]


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """Type the blocks one after the other in one shell, on a machine whose folders are those of the test."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "backups").mkdir()
    (folder / "bin").mkdir()
    program = folder / "bin" / "credenza"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m credenza "$@"\n')
    program.chmod(0o755)
    script = "\nprintf '\\0'\n".join(["set -e", *RUN])
    for place in PLACES:
        script = script.replace(place, f"{folder}{place}")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CREDENZA_")}
    environment = {**kept, "HOME": str(folder), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout.split("\0")[1:]


def test_what_the_page_tells_to_type_runs_and_leaves_a_store_that_is_well(typed):
    folder, told = typed

    assert len(told) == len(RUN) >= 4
    assert "crdz_" in told[0]
    assert (folder / "var/lib/credenza/store/credenza.db").is_file()
    assert (folder / "etc/credenza/kek").stat().st_mode & 0o077 == 0


def test_every_command_that_the_page_names_is_there_or_known_to_come():
    named = {words[0] for block in [*BLOCKS, *SHOWN] for words in name_commands(block)}

    assert {"init", "doctor", "backup", "vault"} <= named
    assert named - set(COMMANDS) == AHEAD & named
    assert set(COMMANDS) & AHEAD == set()


def test_what_stands_below_a_group_is_one_of_its_commands():
    calls = [words for block in [*BLOCKS, *SHOWN] for words in name_commands(block)]
    groups = [
        (load_command(words[0]), words[1]) for words in calls if words[0] in {"apikey", "audit", "types"}
    ]

    assert len(groups) > 5
    assert [word for group, word in groups if word not in group.commands] == []


def test_every_setting_that_the_page_names_is_one():
    named = set(re.findall(r"CREDENZA_([A-Z_]+)", PAGE))

    assert named <= {field.upper() for field in Settings.__struct_fields__}


def test_the_defaults_that_the_page_names_are_those_of_the_program():
    told = dict(re.findall(r"`CREDENZA_(SHUTDOWN_[A-Z_]+)` \((\d+)\)", PAGE))

    assert told == {
        "SHUTDOWN_DELAY_SECONDS": str(Settings().shutdown_delay_seconds),
        "SHUTDOWN_SECONDS": str(Settings().shutdown_seconds),
    }


def test_every_page_and_file_that_is_named_is_there_or_known_to_come():
    linked = set(re.findall(r"\]\(([^)#]+)\)", PAGE))
    missing = {link for link in linked if not (ROOT / "docs" / link).exists()}
    files = set(re.findall(r"deploy/[a-z.]+|compose\.yaml|requirements\.lock", PAGE))

    assert missing == PAGES_AHEAD
    assert len(files) == 5
    assert [name for name in files if not (ROOT / name).is_file()] == []


def test_services_that_the_page_names_are_those_of_the_composition():
    named = {
        word for block in SHOWN for word in re.findall(r"docker compose (?:.*) ([a-z]+-\d|init)\b", block)
    }

    assert named == {"init", "server-1", "server-2"}
    assert all(f"\n  {name}:\n" in (ROOT / "compose.yaml").read_text() for name in named)


def test_the_key_of_the_unit_is_made_as_the_page_says_and_never_over_another(tmp_path):
    [block] = [block for block in SHOWN if "/dev/urandom" in block]
    [line] = [line for line in block.splitlines() if "/dev/urandom" in line]
    line = line.replace("/etc/credenza", str(tmp_path))

    codes = [
        subprocess.run(["sh", "-c", line], capture_output=True, check=False).returncode for _ in range(2)
    ]

    key = tmp_path / "kek"
    assert codes[0] == 0 != codes[1]
    assert key.stat().st_mode & 0o777 == 0o600
    environment = {
        **os.environ,
        "CREDENZA_STORE": f"sqlite:///{tmp_path}/store/credenza.db",
        "CREDENZA_KEK": "env://HANDED",
        "HANDED": key.read_text(),
    }
    made = subprocess.run(
        [sys.executable, "-m", "credenza", "init", "--json"], env=environment, capture_output=True, check=True
    )
    assert json.loads(made.stdout)["workspace"] == "default"
