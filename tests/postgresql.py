"""A real PostgreSQL from a wheel, started in folders of its own; nothing of it need be on the machine."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"


def load(name):
    """Return a module of the scripts, which are no package."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_server = load("postgresql_server")
serve, restart, start, stop = _server.serve, _server.restart, _server.start, _server.stop
socket_of, over = _server.socket_of, _server.over


def is_here() -> bool:
    """Tell whether the package is installed."""
    return importlib.util.find_spec(_server.PACKAGE) is not None
