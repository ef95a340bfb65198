"""What all tests share: the switch `--all`, and a whole service over a store of its own."""

from __future__ import annotations

import base64
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings as laws
from litestar.testing import TestClient

import made_once
import official_clients
import postgresql
from credenza.model import Actor, Role, Tag
from credenza.settings import Credenza, Settings, open_credenza
from credenza.stores.sqlite import SqliteStore
from postgresql_stores import Database, Databases, look_inside
from store_rows import add_tenant

made_once.install()

# A store waits for its disk at every commit. `test_sqlite` sees that it does; everywhere else that time is
# lost, so where there is memory enough for files, that is where tests have theirs.
MEMORY, ENOUGH = Path("/dev/shm"), 1 << 30
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# The suite is run often, and so looks at few examples of each law at a time; a campaign looks at many.
laws.register_profile("brief", max_examples=30)
laws.register_profile("campaign", max_examples=1_000)
laws.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "brief"))

# What the machine must offer for tests marked `system(name)`, and how it is found, or made where it can be.
SYSTEM = {
    "gnome-keyring": (lambda: shutil.which("gnome-keyring-daemon") and shutil.which("dbus-run-session")),
    "chromium": (lambda: shutil.which("chromium")),
    "curl": (lambda: shutil.which("curl")),
    "systemd": (lambda: shutil.which("systemd-analyze")),
    "conductor-python": official_clients.are_prepared,
    "metorial": official_clients.templates_are_prepared,
    "mount": (lambda: os.geteuid() == 0 and shutil.which("mount")),
    "postgresql": postgresql.is_here,
}


def pytest_collection_finish():
    # Thousands of tests and their modules stay to the end: no collection of garbage need look at them again.
    gc.collect()
    gc.freeze()


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="leave nothing out: what is missing is a failure")
    parser.addoption(
        "--store",
        choices=["sqlite", "postgresql"],
        default=os.environ.get("CREDENZA_TEST_STORE", "sqlite"),
        help="what whole services keep their rows in",
    )


def pytest_configure(config):
    if config.getoption("--store") == "postgresql":
        look_inside()


def pytest_runtest_setup(item):
    if item.get_closest_marker("embedded") and item.config.getoption("--store") != "sqlite":
        pytest.skip("it is about the embedded store")
    for marker in item.iter_markers("system"):
        name = marker.args[0]
        if not SYSTEM[name]():
            reason = f"{name} is not on this machine"
            if item.config.getoption("--all"):
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        terminalreporter.write_line("Nothing was left out.")
        return
    reasons = {}
    for report in skipped:
        reason = report.longrepr[2].removeprefix("Skipped: ")
        reasons[reason] = reasons.get(reason, 0) + 1
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"Left out: {count} tests, because {reason}. `--all` fails instead.")


@pytest.fixture
def kek(monkeypatch) -> str:
    """Put a key into the environment and return the URI that names it."""
    monkeypatch.setenv("CREDENZA_TEST_KEK", base64.b64encode(os.urandom(32)).decode())
    return "env://CREDENZA_TEST_KEK"


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory) -> Iterator[str]:
    """Start a PostgreSQL of its own and give its address."""
    with postgresql.serve(tmp_path_factory.mktemp("runtime")) as address:
        yield address


@pytest.fixture(scope="session")
def databases(postgresql_server) -> Databases:
    return Databases(postgresql_server)


@pytest.fixture
def store_uri(request, tmp_path) -> Iterator[Callable[[str], str]]:
    """Give a function from the name of a store to its URI: of a file of the test, or on the tests' server."""
    if request.config.getoption("--store") == "sqlite":

        def lay(name: str) -> str:
            path = tmp_path / name / "credenza.db"
            made_once.lay_tables(path)
            return f"sqlite:///{path}"

        yield lay
        return
    with request.getfixturevalue("databases").named() as find:
        yield find


@pytest.fixture
def open_service(store_uri, kek) -> Iterator[Callable[..., Credenza]]:
    """Open services over stores of the test; the same name opens the same store again."""
    opened: list[Credenza] = []

    def open_one(name: str = "store", **options: object) -> Credenza:
        options = {"kek": kek, "access_log": False, **options}
        settings = Settings.read({}, store=store_uri(name), **options)
        service = open_credenza(settings, serving=True, create=True)
        opened.append(service)
        return service

    yield open_one
    for service in opened:
        service.close()


@pytest.fixture
def service(open_service) -> Credenza:
    return open_service()


@pytest.fixture
def database(request, service, store_uri) -> Path | Database:
    """Return the file of `service`, or its database, for tests that look into it or damage it."""
    if request.config.getoption("--store") != "sqlite":
        return Database(store_uri("store"))
    return service.store.folder / "credenza.db"


@pytest.fixture
def key(service) -> Callable[..., str]:
    """Make API keys of `service` and return them as they are sent."""

    def make(role: str = "admin", *, names=(), tags=(), workspace: str = "default") -> str:
        tenant = service.accounts.ensure_workspace(workspace, by="test")
        limits = [Tag(*tag) for tag in tags]
        made = service.accounts.create_key(tenant, Role(role), names=names, tags=limits, by="test")
        return made.token.reveal()

    return make


@pytest.fixture
def client(service) -> Iterator[TestClient]:
    """Return a client without a credential."""
    with (
        made_once.lend_app(service) as app,
        TestClient(app, raise_server_exceptions=False) as client,
    ):
        yield client


@pytest.fixture
def api(client, key) -> TestClient:
    """Return a client with an administrator's key."""
    client.headers["X-Authorization"] = key("admin")
    return client


@pytest.fixture
def admin(service) -> Actor:
    return Actor(service.tenant(), "test", Role.ADMIN)


@pytest.fixture
def workspace(service, admin):
    return service.workspace(admin)


@pytest.fixture
def path(tmp_path) -> Path:
    """Return where `store`, a bare store with nothing above it, has its file."""
    return tmp_path / "store" / "credenza.db"


@pytest.fixture
def store(path):
    made_once.lay_tables(path)
    with closing(SqliteStore(path, serving=True)) as store:
        yield store


@pytest.fixture
def tenant(store):
    return add_tenant(store)
