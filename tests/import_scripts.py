"""Import scripts at a prompt of a test: they run in this process, and what they made is looked at."""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
import sys
from importlib import import_module
from pathlib import Path

from click.testing import CliRunner, Result

from cli_prompt import Prompt

SCRIPTS = Path(__file__).parents[1] / "scripts"
FIXTURES = Path(__file__).parent / "fixtures"
if str(SCRIPTS) not in sys.path:  # as Python has it for a script of that folder
    sys.path.insert(0, str(SCRIPTS))


class Importer:
    """Run one import script against one store, in a folder of the test."""

    def __init__(self, script: str, folder: Path, kek: str) -> None:
        self.folder = folder
        self.outputs: list[str] = []
        self.prompt = Prompt(folder / "home", kek)
        self.prompt.run("init")
        self.environment = self.prompt.environment
        self._command = import_module(f"import_{script}").COMMAND
        self._report = folder / "report.json"

    def run(self, *arguments: object, code: int = 0, input: str | None = None, **variables: str) -> Result:
        """Run the script, see that it leaves with this code, and return what it wrote."""
        told = ["--report", str(self._report), *map(str, arguments)]
        with contextlib.chdir(self.folder):
            answer = CliRunner().invoke(self._command, told, input, {**self.environment, **variables})
        self.outputs.append(answer.output)
        assert isinstance(answer.exception, SystemExit | None), answer.exception
        assert answer.exit_code == code, answer.output
        assert "Traceback" not in answer.output
        return answer

    def plan(self, *arguments: object, code: int = 0, **more) -> dict[str, dict[str, str]]:
        """Run the script with --dry-run and return the rows of its table by name."""
        return read_table(self.run(*arguments, "--dry-run", code=code, **more).stdout)

    def report(self, *arguments: object, code: int = 0, **more) -> dict:
        """Run the script and return the report that it wrote."""
        self.run(*arguments, code=code, **more)
        assert stat.S_IMODE(self._report.stat().st_mode) == 0o600
        return json.loads(self._report.read_bytes())

    def read_report(self) -> str:
        """Return the text of the last report."""
        return self._report.read_text()

    @property
    def told(self) -> list[dict]:
        """Return what the last report says of each record."""
        return json.loads(self.read_report())["results"]

    @property
    def results(self) -> dict[str, str]:
        """Return what became of each record of the last run, by its foreign name."""
        return {each["foreignName"]: each["result"] for each in self.told}

    @property
    def problems(self) -> dict[str, list[str]]:
        """Return what is wrong with each record of the last run that has problems, by its foreign name."""
        found = {each["foreignName"]: each["problems"] for each in self.told if each["problems"]}
        return {name: [problem["message"] for problem in problems] for name, problems in found.items()}

    def names(self) -> list[str]:
        """Return the names of what is stored."""
        return sorted(each["name"] for each in self.prompt.json("list", "--all"))

    def stored(self) -> dict[str, tuple[str, dict]]:
        """Return type and configuration in clear of everything that is stored, by name."""
        found = {name: self.prompt.json("resolve", name) for name in self.names()}
        return {name: (each["type"], each["configuration"]) for name, each in found.items()}

    def reveal(self, name: str) -> dict:
        """Return the configuration of an integration in clear."""
        return self.prompt.json("resolve", name)["configuration"]

    def show(self, name: str) -> dict:
        """Return an integration as it is shown."""
        return self.prompt.json("get", name)

    def tags(self, name: str) -> dict[str, str]:
        """Return the tags of an integration."""
        return {tag["key"]: tag["value"] for tag in self.show(name)["tags"]}


def read_table(text: str) -> dict[str, dict[str, str]]:
    """Return the rows of a table by name; what stands below it has no tabs."""
    head, *rows = [line.split("\t") for line in text.splitlines() if "\t" in line]
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def take_picture(folder: Path) -> dict[str, str]:
    """Return the names in a folder, each with a digest of what it holds."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
