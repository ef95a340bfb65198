"""Keys in the OS keyring: which keyrings are trusted, and every way in which one can fail."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import keyring.core
import pytest
from keyring.backends.chainer import ChainerBackend

from credenza.errors import KeyAbsent, KeyBroken, KeyDenied
from credenza.keys import backend, local
from credenza.keys.development import developer_provider
from credenza.keys.local import KeyFile
from credenza.keys.os_keyring import OsKeyring
from key_provider_contract import OTHER, VAULT, KeyProviderContract, spellings
from keyring_backends import Failing, Losing, Shelf

HERE = Path(__file__).parent
NAME = "01980000-0000-7000-8000-000000000001"


def keyring_uri(name):
    return f"keyring://credenza?allow=keyring_backends.{name}"


@pytest.fixture
def use_keyring(monkeypatch, tmp_path):
    """Choose a backend of `keyring_backends` in this process and in the new ones; return the allowing URI."""

    def use(name):
        monkeypatch.setenv("SHELF", str(tmp_path / "shelf"))
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"keyring_backends.{name}")
        known = os.environ.get("PYTHONPATH")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *([known] if known else [])]))
        monkeypatch.setattr(keyring.core, "_keyring_backend", None)
        return keyring_uri(name)

    return use


class TestAllowedKeyring(KeyProviderContract):
    @pytest.fixture
    def provide(self, use_keyring):
        uri = use_keyring("Shelf")
        return lambda: OsKeyring(uri)


class TestKeyring:
    def test_the_entry_is_the_service_of_the_uri_and_the_vault(self, use_keyring):
        key, _ = OsKeyring(use_keyring("Shelf").replace("//credenza", "//mine")).create(VAULT)
        assert Shelf.entries() == {f"mine/{NAME}": base64.b64encode(key.reveal()).decode()}

    def test_an_entry_that_was_deleted_is_an_absent_key(self, use_keyring):
        provider = OsKeyring(use_keyring("Shelf"))
        provider.create(VAULT)
        Shelf().delete_password("credenza", NAME)
        with pytest.raises(KeyAbsent, match=f"no entry credenza / {NAME}"):
            provider.fetch(VAULT, None)

    def test_an_entry_that_holds_no_key_is_broken_without_its_value(self, use_keyring):
        provider = OsKeyring(use_keyring("Shelf"))
        Shelf().set_password("credenza", NAME, "hunter2")
        with pytest.raises(KeyBroken, match="not a key") as caught:
            provider.fetch(VAULT, None)
        assert "hunter2" not in str(caught.value)
        with pytest.raises(KeyDenied, match="never overwritten"):
            provider.create(VAULT)

    @pytest.mark.parametrize("name", ["Losing", "Forgetful", "Changing"])
    def test_a_keyring_that_loses_or_changes_what_it_is_given_is_found_by_a_new_process(
        self, use_keyring, name
    ):
        with pytest.raises(KeyBroken, match=rf"{name}\) did not give back to a new process"):
            OsKeyring(use_keyring(name)).create(VAULT)
        assert Shelf.entries() == {}

    @pytest.mark.parametrize("executable", ["/no/such/python", ""])
    def test_without_a_new_process_no_key_counts(self, use_keyring, monkeypatch, executable):
        provider = OsKeyring(use_keyring("Shelf"))
        monkeypatch.setattr(sys, "executable", executable)
        with pytest.raises(KeyBroken, match="new process"):
            provider.create(VAULT)
        assert Shelf.entries() == {}

    def test_the_new_process_takes_no_code_from_the_current_folder(self, use_keyring, monkeypatch, tmp_path):
        (tmp_path / "credenza").mkdir()
        (tmp_path / "credenza" / "__init__.py").write_text("raise SystemExit('wrong package')")
        uri = use_keyring("Shelf")
        roots = [str(Path(local.__file__).parents[2]), str(HERE)]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(roots))
        monkeypatch.chdir(tmp_path)
        key, _ = OsKeyring(uri).create(VAULT)
        assert OsKeyring(uri).fetch(VAULT, None).reveal() == key.reveal()

    def test_the_key_never_leaves_through_the_pipe(self, use_keyring, monkeypatch):
        said, run = [], subprocess.run

        def listen(*args, **kwargs):
            done = run(*args, **kwargs)
            said.append(f"{args} {kwargs['input']} {done.stdout}")
            return done

        monkeypatch.setattr(subprocess, "run", listen)
        key, _ = OsKeyring(use_keyring("Shelf")).create(VAULT)
        assert len(said) == 1
        assert not any(text in said[0] for text in spellings(key.reveal()))

    @pytest.mark.parametrize(
        ("name", "kind", "words"),
        [
            ("Locked", KeyDenied, "is locked, or was not allowed"),
            ("Dismissed", KeyDenied, "is locked, or was not allowed"),
            ("Failing", KeyBroken, "cannot be used: RuntimeError"),
            ("Silent", KeyDenied, "did not answer within 0.2 seconds"),
            ("Unsuitable", KeyBroken, "cannot be loaded: RuntimeError"),
        ],
    )
    def test_a_keyring_that_gives_nothing_says_why_and_names_the_ways_out(
        self, use_keyring, monkeypatch, name, kind, words
    ):
        monkeypatch.setattr(backend, "PATIENCE", 0.2)
        provider = OsKeyring(use_keyring(name))
        for verb in (lambda: provider.fetch(VAULT, None), lambda: provider.create(VAULT)):
            with pytest.raises(kind, match=words) as caught:
                verb()
            assert "CREDENZA_KEK=file:///" in str(caught.value)
            assert "hunter2" not in str(caught.value)
        assert words in provider.usable()

    def test_a_keyring_that_takes_nothing_is_denied_without_the_key(self, use_keyring):
        with pytest.raises(KeyDenied, match=r"ReadOnly\) is locked, or was not allowed") as caught:
            OsKeyring(use_keyring("ReadOnly")).create(VAULT)
        assert "=" not in str(caught.value).replace("CREDENZA_KEK=", "")

    def test_a_keyring_that_is_not_allowed_by_name_is_denied_by_name(self, use_keyring):
        use_keyring("Shelf")
        for uri in ("keyring://credenza", keyring_uri("Locked")):
            with pytest.raises(
                KeyDenied, match=r"keyring_backends\.Shelf\) is not known to keep a key safely"
            ):
                OsKeyring(uri).create(VAULT)
        assert Shelf.entries() == {}

    def test_a_usable_keyring_is_left_as_it_was(self, use_keyring, tmp_path):
        assert OsKeyring(use_keyring("Shelf")).usable() is None
        assert not (tmp_path / "shelf").exists()

    @pytest.mark.parametrize("name", sorted(backend.SAFE))
    def test_every_safe_backend_exists_under_its_name(self, name):
        kind = keyring.core._load_keyring_class(name)
        assert f"{kind.__module__}.{kind.__qualname__}" == name


class TestChain:
    """Several keyrings at once: the best safe one is used by itself, whatever stands before it."""

    @pytest.fixture
    def chain(self, monkeypatch):
        def use(*backends):
            for priority, one in enumerate(reversed(backends), start=1):
                one.priority = priority
            monkeypatch.setattr(keyring.backend, "get_all_keyring", lambda: [*backends])
            monkeypatch.setattr(keyring.core, "_keyring_backend", ChainerBackend())

        return use

    def test_the_first_safe_one_is_used_and_never_the_chain(self, chain, use_keyring):
        uri = use_keyring("Shelf")
        chain(Failing(), Shelf(), Losing())
        key, _ = OsKeyring(uri).create(VAULT)
        assert Shelf.entries() == {f"credenza/{NAME}": base64.b64encode(key.reveal()).decode()}

    def test_a_chain_without_a_safe_one_is_denied_naming_all(self, chain):
        chain(Failing(), Shelf())
        with pytest.raises(KeyDenied, match=r"keyring_backends\.Failing, keyring_backends\.Shelf"):
            OsKeyring("keyring://credenza").create(VAULT)


class TestRealBackends:
    """The backends that come with `keyring` and `keyrings.alt`, each in a process of its own."""

    CODE = """if True:
        import sys
        from credenza.errors import KeyUnusable
        from credenza.keys.os_keyring import OsKeyring
        try:
            OsKeyring("keyring://credenza").create(bytes(16))
        except KeyUnusable as error:
            print(error.code, error)
    """

    def create(self, home, name):
        env = os.environ | {"HOME": str(home), "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home}/no-bus"}
        env.pop("XDG_DATA_HOME", None)
        env.pop("PYTHON_KEYRING_BACKEND", None)
        if name:
            env["PYTHON_KEYRING_BACKEND"] = name
        return subprocess.check_output([sys.executable, "-c", self.CODE], env=env, text=True)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("keyring.backends.null.Keyring", "key_denied The keyring here (keyring.backends.null.Keyring)"),
            ("keyring.backends.fail.Keyring", "key_broken There is no OS keyring here."),
            (
                "keyrings.alt.file.PlaintextKeyring",
                "key_denied The keyring here (keyrings.alt.file.PlaintextKeyring)",
            ),
            (
                "keyring.backends.SecretService.Keyring",
                "key_broken The OS keyring cannot be loaded: FileNotFoundError.",
            ),
            ("no.such.Keyring", "key_broken The OS keyring cannot be loaded: ModuleNotFoundError."),
        ],
    )
    def test_a_backend_that_keeps_nothing_or_in_clear_is_refused(self, tmp_path, name, words):
        said = self.create(tmp_path, name)
        assert said.startswith(words)
        assert "CREDENZA_KEK=file:///" in said
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always an OS keyring")
    def test_a_plaintext_keyring_that_merely_is_installed_is_refused(self, tmp_path):
        assert "keyrings.alt.file.PlaintextKeyring" in self.create(tmp_path, None)
        assert list(tmp_path.iterdir()) == []


class TestDevelopersMachine:
    @pytest.fixture
    def keyring_of(self, use_keyring, monkeypatch):
        """Stand in for the OS keyring."""

        def use(name):
            monkeypatch.setattr("credenza.keys.development._KEYRING", use_keyring(name))

        return use

    def test_a_new_vault_gets_the_os_keyring(self, keyring_of, tmp_path):
        keyring_of("Shelf")
        provider, sentence = developer_provider(None, tmp_path / "keys")
        key, _ = provider.create(VAULT)
        assert sentence == "The vault's key is kept in the OS keyring."
        assert not (tmp_path / "keys").exists()
        again, _ = developer_provider(VAULT, tmp_path / "keys")
        assert again.fetch(VAULT, None).reveal() == key.reveal()

    def test_without_a_keyring_a_new_vault_gets_a_file_named_for_it_and_the_reason_is_said(
        self, keyring_of, tmp_path
    ):
        keyring_of("Locked")
        provider, sentence = developer_provider(None, tmp_path)
        key, _ = provider.create(VAULT)
        assert base64.b64decode((tmp_path / f"{NAME}.key").read_text()) == key.reveal()
        assert str(tmp_path) in sentence
        assert "Locked) is locked" in sentence

    def test_a_vault_whose_key_file_is_there_keeps_it_when_a_keyring_appears(self, keyring_of, tmp_path):
        keyring_of("Locked")
        key, _ = developer_provider(None, tmp_path)[0].create(VAULT)
        keyring_of("Shelf")
        provider, sentence = developer_provider(VAULT, tmp_path)
        assert provider.fetch(VAULT, None).reveal() == key.reveal()
        assert f"{NAME}.key" in sentence

    @pytest.mark.parametrize(("name", "kind"), [("Shelf", KeyAbsent), ("Locked", KeyDenied)])
    def test_a_vault_whose_key_is_nowhere_gets_no_other(self, keyring_of, tmp_path, name, kind):
        keyring_of(name)
        (tmp_path / "keys").mkdir()
        KeyFile((tmp_path / "keys").as_uri() + "/").create(OTHER)
        provider, _ = developer_provider(VAULT, tmp_path / "keys")
        with pytest.raises(kind):
            provider.fetch(VAULT, None)
        assert len(list((tmp_path / "keys").iterdir())) == 1
        assert not (tmp_path / "shelf").exists()

    def test_a_folder_may_be_relative(self, keyring_of, tmp_path, monkeypatch):
        keyring_of("Locked")
        monkeypatch.chdir(tmp_path)
        developer_provider(None, Path("keys"))[0].create(VAULT)
        assert (tmp_path / "keys" / f"{NAME}.key").exists()
