"""Make the virtual environment that a script runs in: from a lock file with hashes, once per lock."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)


def prepare(lock: str) -> Path:
    """Return the `python` of an environment with everything of a lock file, and this package, installed.

    `.venv` is made again only when the lock, the package's description or the Python changed. Exits with a
    sentence where that is not possible.
    """
    if sys.version_info < OLDEST:
        sys.exit(f"Credenza needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    folder = ROOT / (".venv" if lock == "requirements.lock" else ".venv-test")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    inputs = (ROOT / lock).read_bytes() + (ROOT / "pyproject.toml").read_bytes() + sys.version.encode()
    mark, stamp = folder / "installed", hashlib.sha256(inputs + str(ROOT).encode()).hexdigest()
    if python.exists() and mark.exists() and mark.read_text() == stamp:
        return python
    print(f"Setting up {folder.name} from {lock} (only the first time) …", file=sys.stderr, flush=True)
    try:
        venv.create(folder, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError):
        sys.exit("This Python cannot make virtual environments; on Debian: apt-get install python3-venv.")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"]
    for arguments in (
        ["--require-hashes", "-r", str(ROOT / lock)],
        ["--no-deps", "--no-build-isolation", "-e", str(ROOT)],
    ):
        # pip warns on standard error of what does not concern a newcomer; it is shown when it fails.
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{done.stdout}{done.stderr}\nInstalling failed; is there a way to the package index?")
    mark.write_text(stamp)
    return python


def become(python: Path, *arguments: str) -> None:
    """Run Python with these arguments instead of this process; on Windows, wait for it."""
    command = [str(python), *arguments]
    if os.name == "nt":
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(command[0], command)
