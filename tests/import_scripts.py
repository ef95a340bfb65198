"""Import scripts as a person runs them: in a process of their own, against a store of the test."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from cli_prompt import Prompt

SCRIPTS = Path(__file__).parents[1] / "scripts"
FIXTURES = Path(__file__).parent / "fixtures"
if str(SCRIPTS) not in sys.path:  # as Python has it for a script of that folder
    sys.path.insert(0, str(SCRIPTS))


class Importer:
    """Run one script against one store."""

    def __init__(self, script: str, folder: Path, kek: str) -> None:
        self.script = script
        self.folder = folder
        self.outputs: list[str] = []
        self.prompt = Prompt(folder / "home", kek)
        self.prompt.run("init")
        ours = {name: text for name, text in self.prompt.environment.items() if text is not None}
        kept = {name: text for name, text in os.environ.items() if not name.startswith("CREDENZA_")}
        kek_variable = kek.removeprefix("env://")
        self.environment = {**kept, **ours, kek_variable: os.environ[kek_variable]}

    def run(self, *arguments: object, code: int = 0, input: str | None = None, **variables: str):
        """Run the script, see that it leaves with this code, and return what it wrote."""
        done = subprocess.run(
            [sys.executable, SCRIPTS / f"import_{self.script}.py", *map(str, arguments)],
            capture_output=True,
            text=True,
            input=input,
            cwd=self.folder,
            env={**self.environment, **variables},
            check=False,
        )
        self.outputs.append(done.stdout + done.stderr)
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr, done
        return done

    def plan(self, *arguments: object, code: int = 0, **more) -> dict[str, dict[str, str]]:
        """Run the script with --dry-run and return the rows of its table by name."""
        return read_table(self.run(*arguments, "--dry-run", code=code, **more).stdout)

    def report(self, *arguments: object, code: int = 0, **more) -> dict:
        """Run the script with --report and return what it wrote there."""
        path = self.folder / "report.json"
        self.run(*arguments, "--report", path, code=code, **more)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        return json.loads(path.read_bytes())

    def names(self) -> list[str]:
        """Return the names of what is stored."""
        return sorted(each["name"] for each in self.prompt.json("list", "--all"))

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
