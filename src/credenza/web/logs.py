"""The log: every record of the process as one JSON line of allow-listed fields.

What a library says may hold anything, so its sentence, its arguments and its traceback stay out: who said it,
where in the code, and the class of an exception tell an operator where to look.
"""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import suppress
from typing import Any, Literal

import msgspec

from credenza.web.problems import describe, show_file
from credenza.workspace import milliseconds

Level = Literal["debug", "info", "warning", "error"]
FIELDS = (
    *("request", "trace", "method", "route", "status", "milliseconds", "code", "actor"),
    *("failure", "pid", "version", "requests"),
)
_log = logging.getLogger("credenza")


def write_line(**fields: object) -> None:
    """Write one JSON line to standard error."""
    write_text(make_line(fields))


def make_line(fields: dict[str, object]) -> str:
    """Return a line with its time, in milliseconds since the epoch."""
    return msgspec.json.encode({"at": milliseconds(), **fields}).decode() + "\n"


def write_text(text: str) -> None:
    """Write to standard error; where nobody reads that any more, the service goes on."""
    with suppress(OSError, ValueError):
        sys.stderr.write(text)


class LineHandler(logging.Handler):
    """Turn log records into JSON lines of allow-listed fields: no arguments, no traceback, no locals."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; its message is used only where it is one of ours."""
        ours = record.name == "credenza" or record.name.startswith("credenza.")
        fields = {name: getattr(record, name) for name in FIELDS if ours and hasattr(record, name)}
        event = record.msg if ours and isinstance(record.msg, str) else "message withheld"
        if not ours:
            fields["place"] = f"{show_file(record.pathname)}:{record.lineno}"
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            fields["failure"] = describe(record.exc_info[1])
        write_line(level=record.levelname.lower(), event=event, logger=record.name, **fields)


def configure_logging(level: Level = "info") -> None:
    """Send every log of the process through `LineHandler`; of libraries, warnings and worse."""
    root, least = logging.getLogger(), logging.getLevelNamesMapping()[level.upper()]
    root.handlers = [LineHandler()]
    root.setLevel(max(least, logging.WARNING))
    _log.setLevel(least)


def catch_strays() -> None:
    """Send to the log what Python itself writes to standard error: warnings, and exceptions nobody took."""
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda _, error, __: _tell(error)
    threading.excepthook = lambda stray: _tell(stray.exc_value)
    sys.unraisablehook = lambda stray: _tell(stray.exc_value)


def _tell(error: BaseException | None, *_: Any) -> None:  # noqa: ANN401
    failure = "unknown" if error is None else describe(error)
    _log.error("exception that nobody took", extra={"failure": failure})
