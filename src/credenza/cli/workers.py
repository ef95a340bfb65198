"""Several processes that serve at one address: started, watched over, and ended together."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType

from credenza.cli.failures import NOT_STARTED, tell
from credenza.cli.serving import run, serve_metrics
from credenza.errors import CredenzaError
from credenza.metrics import Metrics
from credenza.settings import Settings, open_credenza
from credenza.tracing import start_tracing
from credenza.web.logs import catch_strays, configure_logging

_log = logging.getLogger("credenza")
_spawn = multiprocessing.get_context("spawn")
_SOON = 5.0  # seconds; one that ended this soon after its start is started again after a pause
_PAUSE = 1.0


class Workers:
    """The processes of one server. Signals go to all; one that dies is started again."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        """Take what each of them opens, and the socket that they share."""
        self._settings = settings
        self._listener = listener
        self._running: dict[int, tuple[SpawnProcess, float]] = {}
        self._ending = False
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)

    def run(self) -> int:
        """Run until a signal ends them all, or one cannot start; return the exit code."""
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)
        for worker in range(self._settings.workers):
            self._start(worker)
        code = 0
        while self._running:
            wait([self._woken, *(process.sentinel for process, _ in self._running.values())])
            self._drop_wakings()
            code = max(code, self._look())
        signal.set_wakeup_fd(-1)
        for end in (self._listener, self._woken, self._waker):
            end.close()
        return code

    def _start(self, number: int) -> None:
        process = _spawn.Process(target=_work, args=(self._settings, self._listener, number))
        process.start()
        self._running[number] = process, time.monotonic()
        if self._ending:  # the signal came meanwhile
            process.terminate()

    def _look(self) -> int:
        """Take note of those that ended, and return the worst of their exit codes."""
        worst = 0
        for number, (process, begun) in list(self._running.items()):
            if process.is_alive():
                continue
            del self._running[number]
            code = process.exitcode or 0
            if self._ending:
                worst = max(worst, 0 if code == -signal.SIGTERM else abs(code))
            elif code == NOT_STARTED:
                # The next one could not start either.
                self._end(signal.SIGTERM)
                worst = max(worst, code)
            else:
                _log.error("worker ended", extra={"pid": process.pid})
                if time.monotonic() - begun < _SOON:
                    time.sleep(_PAUSE)
                self._start(number)
        return worst

    def _drop_wakings(self) -> None:
        try:
            while self._woken.recv(64):
                pass
        except BlockingIOError:
            return

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self._end(number)

    def _end(self, number: int) -> None:
        self._ending = True
        self._listener.close()  # else the system would go on taking connections for nobody
        for process, _ in self._running.values():
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, number)


def _work(settings: Settings, listener: socket.socket, number: int) -> None:
    """Be one of them."""
    configure_logging(settings.log_level)
    catch_strays()
    _end_with_parent()
    try:
        metrics = Metrics(start_tracing(os.environ))
        credenza = open_credenza(settings, serving=True, observer=metrics)
        try:
            run(credenza, listener, serve_metrics(settings, metrics, number))
        finally:
            credenza.close()
            if metrics.tracing is not None:
                metrics.tracing.close()
    except CredenzaError as error:
        tell(error, as_json=True)
        sys.exit(NOT_STARTED)


def _end_with_parent() -> None:
    """See to it that nobody is left over where the first process is killed."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="credenza-parent", daemon=True).start()
