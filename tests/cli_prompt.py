"""A prompt for tests of the command line: one store, one key, and the answers of commands."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from credenza.cli import root

OPENAI = {"name": "a", "type": "openai", "configuration": {"api_key": "sk-made-up"}}
SENDGRID = {"name": "b", "type": "sendgrid", "configuration": {"api_key": "SG.made-up"}}


class Prompt:
    """Run commands against a store: of this URI, or in a folder of the test."""

    def __init__(self, folder: Path, kek: str, store: str | None = None) -> None:
        self.folder = folder
        self.database = folder / "store" / "credenza.db"
        self.environment = {
            "CREDENZA_STORE": store or f"sqlite:///{self.database}",
            "CREDENZA_KEK": kek,
            "CREDENZA_WORKSPACE": None,
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "HOME": str(folder),
        }

    def run(self, *arguments: object, input: object = None, code: int = 0):
        """Run a command, see that it leaves with this code, and return what it wrote."""
        text = input if input is None or isinstance(input, str | bytes) else json.dumps(input)
        answer = CliRunner().invoke(root, [str(each) for each in arguments], input=text, env=self.environment)
        assert answer.exit_code == code, (answer.output, answer.exception)
        assert "Traceback" not in answer.output
        return answer

    def json(self, *arguments: object, input: object = None, code: int = 0):
        """Run a command with --json and return what it answered."""
        return json.loads(self.run(*arguments, "--json", input=input, code=code).stdout)

    def refusal(self, *arguments: object, input: object = None, code: int):
        """Run a command with --json that fails, and return the error."""
        answer = self.run(*arguments, "--json", input=input, code=code)
        assert answer.stdout == ""
        return json.loads(answer.stderr)

    def rows(self, *arguments: object):
        """Run a command and return the rows of its table by heading."""
        head, *rest = self.run(*arguments).stdout.splitlines()
        return [dict(zip(head.split("\t"), row.split("\t"), strict=True)) for row in rest]
