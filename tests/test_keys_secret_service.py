"""The OS keyring as it is on Linux desktops: a real gnome-keyring behind a D-Bus session of its own."""

import base64
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import keyring.core
import pytest

from credenza.errors import KeyAbsent, KeyDenied
from credenza.keys.development import developer_provider
from credenza.keys.os_keyring import OsKeyring
from credenza.sensitive import Sensitive
from key_provider_contract import OTHER, VAULT, KeyProviderContract

secretstorage = pytest.importorskip("secretstorage", reason="there is a Secret Service on Linux only")
message_bus = pytest.importorskip("jeepney").message_bus

pytestmark = pytest.mark.system("gnome-keyring")

NAME = "01980000-0000-7000-8000-000000000001"
URI = "keyring://credenza"


@contextmanager
def running(*command, password=None):
    """Run a program in the background, and end it."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        if password is not None:
            process.stdin.write(password)
        process.stdin.close()
        yield process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def wait_for(condition):
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "gnome-keyring did not come up"
        time.sleep(0.02)


def is_unlocked():
    with closing(secretstorage.dbus_init()) as connection:
        # Asking for the service itself would make D-Bus start a second, locked one.
        if not connection.send_and_get_reply(message_bus.NameHasOwner("org.freedesktop.secrets")).body[0]:
            return False
        collections = secretstorage.get_all_collections(connection)
        return any(one.get_label() == "Login" and not one.is_locked() for one in collections)


def collection(connection):
    return secretstorage.get_default_collection(connection)


@pytest.fixture
def _connections(monkeypatch):
    # keyring leaves a connection open where a collection stays locked.
    opened, connect = [], secretstorage.dbus_init

    def remember():
        opened.append(connect())
        return opened[-1]

    monkeypatch.setattr(secretstorage, "dbus_init", remember)
    yield
    for connection in opened:
        connection.close()


@pytest.fixture
def _desktop(monkeypatch, tmp_path, _connections):
    """Give this process a D-Bus session with nobody at the screen, and no keyring yet."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "PYTHON_KEYRING_BACKEND", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    with running("dbus-daemon", "--session", "--nofork", "--print-address=1") as bus:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.stdout.readline().strip())
        monkeypatch.setattr(keyring.core, "_keyring_backend", None)
        # What keyring found on this machine before is remembered for the life of a process.
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.SecretService.Keyring")
        yield


@pytest.fixture
def _unlocked(_desktop):
    """Log in: the collection that is the default is made, and open."""
    daemon = ("gnome-keyring-daemon", "--unlock", "--foreground", "--components=secrets")
    with running(*daemon, password="the login password"):
        wait_for(is_unlocked)
        yield


@pytest.fixture
def lock(_unlocked):
    def lock():
        with closing(secretstorage.dbus_init()) as connection:
            collection(connection).lock()

    return lock


@pytest.mark.usefixtures("_unlocked")
class TestSecretService(KeyProviderContract):
    @pytest.fixture
    def provide(self):
        return lambda: OsKeyring(URI)


@pytest.mark.usefixtures("_unlocked")
class TestUnlocked:
    def test_it_is_usable_and_the_probe_leaves_nothing(self):
        assert OsKeyring(URI).usable() is None
        with closing(secretstorage.dbus_init()) as connection:
            assert list(collection(connection).get_all_items()) == []

    def test_the_entry_is_one_that_a_person_finds_by_service_and_vault(self):
        key, _ = OsKeyring(URI).create(VAULT)
        with closing(secretstorage.dbus_init()) as connection:
            (item,) = collection(connection).get_all_items()
            attributes = item.get_attributes()
            assert (attributes["service"], attributes["username"]) == ("credenza", NAME)
            assert base64.b64decode(item.get_secret()) == key.reveal()

    def test_an_entry_that_a_person_deleted_is_an_absent_key(self):
        OsKeyring(URI).create(VAULT)
        with closing(secretstorage.dbus_init()) as connection:
            (item,) = collection(connection).get_all_items()
            item.delete()
        with pytest.raises(KeyAbsent, match=NAME):
            OsKeyring(URI).fetch(VAULT, None)

    def test_a_new_process_finds_the_key_and_answers_without_telling_it(self):
        key, _ = OsKeyring(URI).create(VAULT)
        question = f"{URI}\n{VAULT.hex()}\n{'ab' * 32}\n"
        command = [sys.executable, "-m", "credenza.keys.os_keyring"]
        said = subprocess.run(command, input=question, capture_output=True, text=True, check=True)
        assert len(said.stdout) == 64
        assert said.stderr == ""
        assert key.reveal().hex() not in said.stdout

    def test_beside_a_plaintext_keyring_the_secret_service_is_chosen(self, monkeypatch, tmp_path):
        monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
        code = f"""if True:
            from credenza.keys.os_keyring import OsKeyring
            import keyring
            print(type(keyring.get_keyring()).__name__, len(keyring.get_keyring().backends))
            OsKeyring("{URI}").create(bytes.fromhex("{VAULT.hex()}"))
        """
        said = subprocess.check_output([sys.executable, "-c", code], text=True)
        assert said == "ChainerBackend 2\n"
        assert not (tmp_path / ".local" / "share" / "python_keyring").exists()
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.SecretService.Keyring")
        assert type(OsKeyring(URI).fetch(VAULT, None)) is Sensitive


class TestLocked:
    def test_a_locked_keyring_is_denied_at_once_where_nobody_can_unlock_it(self, lock):
        OsKeyring(URI).create(VAULT)
        lock()
        start = time.monotonic()
        for verb in (lambda: OsKeyring(URI).fetch(VAULT, None), lambda: OsKeyring(URI).create(OTHER)):
            with pytest.raises(KeyDenied, match="is locked, or was not allowed") as caught:
                verb()
            assert "CREDENZA_KEK=file:///" in str(caught.value)
        assert "is locked" in OsKeyring(URI).usable()
        assert time.monotonic() - start < 10

    @pytest.mark.usefixtures("_desktop")
    def test_a_machine_without_a_login_keyring_is_denied(self):
        with pytest.raises(KeyDenied, match="is locked, or was not allowed"):
            OsKeyring(URI).create(VAULT)

    def test_development_on_a_locked_machine_keeps_a_key_file(self, lock, tmp_path):
        lock()
        provider, sentence = developer_provider(None, tmp_path / "keys")
        provider.create(VAULT)
        assert "is locked" in sentence
        assert [file.name for file in (tmp_path / "keys").iterdir()] == [f"{NAME}.key"]
