"""The commands of docs/rotation.md do what it says, in its order."""

import re
from pathlib import Path

import pytest

from cli_prompt import OPENAI, Prompt
from credenza.cli.vault.group import COMMANDS
from credenza.rotation import Limits, reencryption

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "rotation.md").read_text()


@pytest.fixture
def prompt(tmp_path):
    prompt = Prompt(tmp_path / "lib", f"file://{tmp_path}/etc/kek")
    prompt.run("init")
    prompt.run("apply", "-", input=[OPENAI])
    return prompt


def test_every_command_works_as_it_stands_there(prompt, tmp_path):
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    for block in blocks:
        for line in block.replace("/etc/credenza", f"{tmp_path}/etc").splitlines():
            word, *rest = line.split()
            if word == "export":
                name, _, value = rest[0].partition("=")
                prompt.environment[name] = value
            else:
                assert word == "credenza"
                prompt.run(*rest)
        assert prompt.json("doctor")["ok"]

    assert [len(block.splitlines()) for block in blocks] == [4, 4, 4]
    prompt.environment["CREDENZA_KEK_NEXT"] = None
    assert prompt.json("resolve", "a")["configuration"] == OPENAI["configuration"]


def test_it_names_every_gauge_and_limit():
    gauges = re.findall(r'"(credenza_\w+)"', (ROOT / "src/credenza/web/key_gauges.py").read_text())

    assert len(gauges) == 6
    assert [each for each in gauges if each not in GUIDE] == []
    assert f"{Limits().days} days old or has sealed 2³⁰ times" in GUIDE
    assert Limits().seals == 2**30
    assert f"{reencryption.PAGE} at a time" in GUIDE


def test_the_commands_of_the_vault_have_help(prompt):
    listed = prompt.run("vault", "--help").stdout
    for name in ("rotate", "rewrap"):
        assert name in COMMANDS
        assert name in listed
        assert "--plan" in prompt.run("vault", name, "--help").stdout
