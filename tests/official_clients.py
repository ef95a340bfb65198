"""Environments with one version of an official client in each, made once and kept in the user's cache."""

import functools
import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import platformdirs
from filelock import FileLock

SCRIPTS = Path(__file__).parent / "official"
VERSIONS = ("1.1.10", "1.5.1", "2.0.0")
TEMPLATES = "metorial-2.6.0"
CACHE = platformdirs.user_cache_path("credenza") / "official-clients"


@functools.cache
def prepare(version):
    """Return the `python` of an environment, or None where it cannot be made: pip says why.

    A number is a version of conductor-python; other clients are named with theirs.
    """
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        with FileLock(CACHE / f"{version}.lock"):
            return make(version)
    except (OSError, subprocess.CalledProcessError) as failed:
        sys.stderr.write(f"{failed}\n{getattr(failed, 'stderr', '')}\n")
        return None


def make(version):
    lock = SCRIPTS / f"{version if version == TEMPLATES else f'conductor-python-{version}'}.lock"
    folder = CACHE / version
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    mark, stamp = folder / "installed", hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if not (python.exists() and mark.exists() and mark.read_text() == stamp):
        venv.create(folder, with_pip=True, clear=True)
        install(python, lock)
        mark.write_text(stamp)
    return python


def install(python, lock):
    options = ["--disable-pip-version-check", "--no-input", "--retries", "2"]
    command = [
        python,
        "-m",
        "pip",
        *options,
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "-r",
        lock,
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)


def are_prepared():
    """Say whether every version has its environment, making what is missing; the first failure is enough."""
    return all(prepare(version) for version in VERSIONS)


def templates_are_prepared():
    """Say whether the client of templates has its environment, making it where it is missing."""
    return prepare(TEMPLATES) is not None


def tell(version, story, *arguments):
    """Run a story in a version's environment and return what each step of it told."""
    others = ("CONDUCTOR_", "METORIAL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    script = "template_stories.py" if version == TEMPLATES else "stories.py"
    done = subprocess.run(
        [prepare(version), "-I", str(SCRIPTS / script), story, *arguments],
        env={**kept, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {step["step"]: step for step in told}
