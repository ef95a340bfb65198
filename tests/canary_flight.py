"""Fly: make every call against a service, and keep whatever could have taken a secret along."""

import contextlib
import http.client
import io
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from litestar.testing import TestClient

from canary import Canaries, files_of, rows_of
from canary_calls import make_calls
from credenza.model import Actor, Role
from credenza.settings import Settings, open_credenza
from credenza.web.app import create_app
from credenza.web.logs import configure_logging

KEK = "CREDENZA_CANARY_KEK"
PATIENCE = 20


class Flight:
    """What one run left behind: `places` by name, the statuses of all answers, what reveals answered."""

    def __init__(self):
        self.canaries = Canaries()
        self.places = {}
        self.statuses = []
        self.revealed = []

    def make(self, calls, send):
        for number, call in enumerate(calls, len(self.statuses)):
            status, answer = send(call)
            self.statuses.append(status)
            if call.reveals:
                self.revealed.append(answer)
            else:
                self.places[f"answer {number} to {call.method} ({status})"] = answer

    def collect(self, folder, log):
        """Add every file of the store and of the temporary folder, every row, and the log."""
        self.places |= files_of(folder / "store", "file") | files_of(folder / "tmp", "temporary file")
        self.places |= rows_of(folder / "store" / "credenza.db")
        self.places["log"] = log


def settings_of(folder, **options):
    return Settings.read({}, store=f"sqlite:///{folder}/store/credenza.db", kek=f"env://{KEK}", **options)


def make_tokens(service):
    """Return the headers of a credential for every role that calls are made in."""
    tenant, made = service.tenant(), {}
    for role in (Role.ADMIN, Role.VIEWER):
        made[role.value] = service.accounts.create_key(tenant, role, by="test")
    made["limited"] = service.accounts.create_key(tenant, Role.EDITOR, names=("lim-*",), by="test")
    tokens = {role: {"X-Authorization": new.token.reveal()} for role, new in made.items()}
    return {**tokens, None: {}}


def flatten(headers, body):
    return "\n".join(f"{name}: {value}" for name, value in headers).encode() + b"\n\n" + body


@contextmanager
def in_process(folder, **options):
    """Give a service, a function that makes a call on it, and the log as it grows."""
    log, root = io.StringIO(), logging.getLogger()
    before = root.handlers, root.level
    (folder / "tmp").mkdir()
    with ExitStack() as stack:
        stack.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
        tempfile.tempdir = str(folder / "tmp")
        stack.enter_context(contextlib.redirect_stderr(log))
        configure_logging()
        stack.callback(root.setLevel, before[1])
        stack.callback(setattr, root, "handlers", before[0])
        service = open_credenza(settings_of(folder, **options), serving=True, create=True)
        stack.enter_context(closing(service))
        tokens = make_tokens(service)
        client = stack.enter_context(TestClient(create_app(service), raise_server_exceptions=False))

        def send(call):
            headers = {**tokens[call.role], **call.headers}
            answer = client.request(call.method, call.path, content=call.body, headers=headers)
            return answer.status_code, flatten(answer.headers.items(), answer.content)

        yield service, send, log


def fly_in_process(folder, **options):
    flight = Flight()
    with in_process(folder, **options) as (service, send, log):
        flight.make(make_calls(flight.canaries.plant), send)
        flight.places |= show_live_objects(service)
        flight.collect(folder, log.getvalue().encode())
    flight.places |= files_of(folder / "store", "closed file")
    return flight


def show_live_objects(service):
    """Return what objects that hold secrets say of themselves when they are printed."""
    workspace = service.workspace(Actor(service.tenant(), "test", Role.ADMIN))
    tenant = service.tenant()
    views = workspace.list()
    objects = [service, service.vault, service.vault.ring(tenant.id), service.accounts, service.store]
    objects += [service.provider, service.settings, service.catalogue, workspace, *views]
    objects += [workspace.reveal(view.record.name) for view in views[:40]]
    objects += [service.accounts.create_key(tenant, Role.VIEWER, by="test")]
    return {f"object {number}": repr(each).encode() for number, each in enumerate(objects)}


@contextmanager
def server_process(folder, **environment):
    """Serve from a process of its own, give its port and id; what it writes goes to `folder`/log."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = f"sqlite:///{folder}/store/credenza.db"
    command = [sys.executable, "-m", "credenza", "serve", "--port", str(port), "--store", store]
    variables = {**os.environ, "TMPDIR": str(folder / "tmp"), "CREDENZA_KEK": f"env://{KEK}", **environment}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=variables)
    try:
        wait_for(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_for(port, process):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError


def fly_by_server(folder):
    """Make every call against a real server; a lenient one, which stores the most."""
    flight = Flight()
    (folder / "tmp").mkdir()
    with closing(open_credenza(settings_of(folder), serving=True, create=True)) as service:
        tokens = make_tokens(service)

    with server_process(folder, CREDENZA_VALIDATION="lenient") as (port, pid):

        def send(call):
            headers = {**tokens[call.role], **call.headers}
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
                connection.request(call.method, call.path, call.body, headers)
                answer = connection.getresponse()
                return answer.status, flatten(answer.getheaders(), answer.read())

        flight.make(make_calls(flight.canaries.plant), send)
        for name in ("environ", "cmdline"):
            flight.places[f"process {name}"] = Path(f"/proc/{pid}/{name}").read_bytes()
        flight.collect(folder, (folder / "log").read_bytes())
    flight.places |= files_of(folder / "store", "closed file")
    flight.places["log at the end"] = (folder / "log").read_bytes()
    return flight
