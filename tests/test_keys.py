"""Key providers: how a place of a key is named, and the key that is handed over."""

import base64
import os
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.errors import KeyAbsent, KeyBroken, Misconfigured
from credenza.keys import open_provider
from credenza.keys.local import KeyFile, KeyVariable
from credenza.keys.material import decode_key, encode_key
from credenza.keys.os_keyring import OsKeyring
from credenza.sensitive import Sensitive
from key_provider_contract import VAULT, KeyProviderContract, spellings

KEYS = st.binary(min_size=32, max_size=32)

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")


class TestEnvironmentVariable(KeyProviderContract):
    handed_over = True
    keeps = False
    per_vault = False

    @pytest.fixture
    def provide(self, monkeypatch):
        monkeypatch.setenv("A_KEY", base64.b64encode(os.urandom(32)).decode())
        return lambda: KeyVariable("env://A_KEY")


class TestText:
    @given(KEYS, st.sampled_from(["", "\n", "\r\n", "  "]))
    def test_a_key_is_read_back_from_standard_and_url_safe_base64(self, key, blanks):
        urlsafe = Sensitive(base64.urlsafe_b64encode(key).decode() + blanks)
        standard = Sensitive(blanks + encode_key(Sensitive(key)).reveal())
        assert decode_key(standard, "x").reveal() == decode_key(urlsafe, "x").reveal() == key

    @given(
        st.text()
        | st.binary().filter(lambda data: len(data) != 32).map(lambda d: base64.b64encode(d).decode())
    )
    def test_what_is_no_key_is_refused_with_words_that_do_not_depend_on_it(self, text):
        with pytest.raises(KeyBroken) as caught:
            decode_key(Sensitive(text), "the place")
        assert str(caught.value) == "What is in the place is not a key: expected 32 bytes as base64."
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


class TestOpening:
    @pytest.mark.parametrize(
        ("uri", "label"),
        [
            ("env://CREDENZA_KEY", "environment variable CREDENZA_KEY"),
            ("ENV://CREDENZA_KEY", "environment variable CREDENZA_KEY"),
            ("keyring://credenza", "OS keyring, service credenza"),
            pytest.param("file:///etc/credenza/kek", "key file /etc/credenza/kek", marks=posix),
            pytest.param("file:///etc/credenza/", "key files in /etc/credenza", marks=posix),
        ],
    )
    def test_a_provider_is_opened_by_the_scheme_of_its_uri(self, uri, label):
        assert open_provider(uri).label == label

    @pytest.mark.parametrize("uri", ["", "keyring", "file:/kek", "safe://kek", "://kek", " env://KEK", "env"])
    def test_an_unknown_scheme_is_refused_naming_the_known_ones(self, uri):
        with pytest.raises(
            Misconfigured, match=r"known are: aws-kms://, .*env://, file://, gcp-kms://, keyring://"
        ):
            open_provider(uri)

    def test_a_scheme_that_two_packages_offer_is_refused(self, monkeypatch):
        offers = [EntryPoint("two", f"{name}:Provider", "credenza.keys") for name in ("one", "other")]
        monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: EntryPoints(offers))
        with pytest.raises(Misconfigured, match="More than one"):
            open_provider("two://x")

    def test_a_provider_whose_package_is_missing_is_named(self, monkeypatch):
        offers = EntryPoints([EntryPoint("cloud", "no_such_package.keys:Cloud", "credenza.keys")])
        monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: offers)
        with pytest.raises(Misconfigured, match="cloud:// cannot be imported"):
            open_provider("cloud://x")

    @given(
        KEYS, st.sampled_from(["", "env://", "keyring://", "keyring://x?allow=", "keyring://x?", "file://"])
    )
    def test_a_key_pasted_in_place_of_the_uri_is_refused_and_not_repeated(self, key, before):
        for text in spellings(key)[:-1]:
            if not text.startswith("/"):
                with pytest.raises(Misconfigured) as caught:
                    open_provider(before + text)
                assert text not in str(caught.value)

    @pytest.mark.parametrize(
        "uri",
        [
            "file://",
            "file://kek",
            "file://host/kek",
            "file://user:hunter2@/kek",
            "file:///kek?hunter2",
            "file:///kek#hunter2",
            "file:///kek%00hunter2",
            "file://[hunter2/kek",
            "env://",
            "env://1",
            "env://A-B",
            "env://A/hunter2",
            "env://" + "A" * 41,
            "keyring://",
            "keyring://a/hunter2",
            "keyring://user:hunter2@a",
            "keyring://a?",
            "keyring://a?hunter2",
            "keyring://a?allow=",
            "keyring://a?allow=hunter2",
            "keyring://a?allow=a.B&other=hunter2",
            "keyring://" + "a" * 41,
        ],
    )
    def test_a_uri_that_is_not_well_formed_is_refused_without_its_content(self, uri):
        kind = {"file": KeyFile, "env": KeyVariable, "keyring": OsKeyring}[uri.partition(":")[0]]
        with pytest.raises(Misconfigured, match=r"^A key URI of this kind is") as caught:
            kind(uri)
        assert "hunter2" not in str(caught.value)

    def test_opening_by_file_or_variable_does_not_import_keyring(self):
        code = (
            "import sys, credenza.keys.development, credenza.keys.os_keyring; print('keyring' in sys.modules)"
        )
        assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


class TestVariable:
    @pytest.mark.parametrize("value", [None, ""])
    def test_a_variable_without_a_value_is_an_absent_key_and_the_message_makes_one(self, monkeypatch, value):
        monkeypatch.delenv("A_KEY", raising=False)
        if value is not None:
            monkeypatch.setenv("A_KEY", value)
        with pytest.raises(KeyAbsent, match="environment variable A_KEY is not set") as caught:
            KeyVariable("env://A_KEY").create(VAULT)
        code = str(caught.value).partition("python -c ")[2].strip('"')
        monkeypatch.setenv("A_KEY", subprocess.check_output([sys.executable, "-c", code], text=True).strip())
        assert len(KeyVariable("env://A_KEY").fetch(VAULT, None).reveal()) == 32

    @pytest.mark.parametrize("value", ["hunter2", "AAAA", "A" * 64, "ä" * 44, "!" + "A" * 43 + "="])
    def test_a_variable_that_holds_no_key_is_broken_without_its_value(self, monkeypatch, value):
        monkeypatch.setenv("A_KEY", value)
        with pytest.raises(KeyBroken, match="environment variable A_KEY is not a key") as caught:
            KeyVariable("env://A_KEY").fetch(VAULT, None)
        assert value not in str(caught.value)

    def test_reading_a_variable_leaves_it(self, monkeypatch):
        value = base64.b64encode(bytes(range(32))).decode()
        monkeypatch.setenv("A_KEY", value)
        assert KeyVariable("env://A_KEY").fetch(VAULT, None).reveal() == bytes(range(32))
        assert os.environ["A_KEY"] == value
