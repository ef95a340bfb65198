"""A prompt for tests of one import script: it runs in this process, and what it made is looked at."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path

from click.testing import CliRunner

from cli_prompt import Prompt
from import_scripts import FIXTURES, SCRIPTS

__all__ = ["FIXTURES", "SCRIPTS", "ImportPrompt", "take_picture"]


class ImportPrompt(Prompt):
    """Run one import script, and look at what is in the store then."""

    def __init__(self, folder: Path, kek: str, source: str) -> None:
        super().__init__(folder, kek)
        self._report = folder / "report.json"
        self._module = import_module(f"import_{source}")
        self._command = import_module("importing.command").make_command(
            source, self._module.OPTIONS, self._module.read
        )
        self.run("init")

    def bring(self, *arguments: object, code: int = 0, input: str | None = None):
        """Run the script, see that it leaves with this code, and return what it wrote."""
        told = [str(each) for each in (*arguments, "--report", self._report)]
        answer = CliRunner().invoke(self._command, told, input=input, env=self.environment)
        assert answer.exit_code == code, (answer.output, answer.exception)
        assert "Traceback" not in answer.output
        return answer

    @property
    def report(self) -> dict[str, object]:
        """Return the report of the last run."""
        return json.loads(self._report.read_text())

    @property
    def results(self) -> dict[str, str]:
        """Return what became of each record, by its foreign name."""
        return {each["foreignName"]: each["result"] for each in self.report["results"]}

    @property
    def problems(self) -> dict[str, list[str]]:
        """Return what is wrong with each record that has problems, by its foreign name."""
        found = self.report["results"]
        return {
            each["foreignName"]: [problem["message"] for problem in each["problems"]]
            for each in found
            if each["problems"]
        }

    def read_report(self) -> str:
        """Return the text of the report file."""
        return self._report.read_text()

    def stored(self) -> dict[str, tuple[str, dict[str, object]]]:
        """Return type and configuration in clear of everything in the store, by name."""
        names = [each["name"] for each in self.json("list", "--all")]
        found = {name: self.json("resolve", name) for name in names}
        return {name: (each["type"], each["configuration"]) for name, each in found.items()}


def take_picture(folder: Path) -> dict[str, str]:
    """Return the names in a folder, each with a digest of what it holds."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
