"""Keys that another service wraps: what each URI says, what each answer means, and what is never told."""

import os
import subprocess
import sys
import threading
from importlib.metadata import EntryPoint, EntryPoints

import msgspec
import pytest
from azure.core.credentials import AccessToken
from google.auth.credentials import AnonymousCredentials
from google.cloud.kms_v1 import KeyManagementServiceClient
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceRestTransport

from credenza.errors import KeyAbsent, KeyBroken, KeyDenied, KeyUnreachable, Misconfigured
from credenza.keys import gcp_kms, open_provider, wrapped
from credenza.keys.aws_kms import AwsKms
from credenza.keys.azure_kv import AzureKeyVault
from credenza.keys.gcp_kms import GoogleKms
from credenza.keys.transit import Transit
from credenza.sensitive import Sensitive
from key_provider_contract import OTHER, VAULT, KeyProviderContract, spellings
from key_services import CHATTER, FAULTS, AwsService, AzureService, GoogleService, TransitService

MEANINGS = {
    "denied": KeyDenied,
    "disabled": KeyDenied,
    "absent": KeyAbsent,
    "throttled": KeyUnreachable,
    "failing": KeyUnreachable,
}


class Token:
    """A credential of Azure that needs no one else."""

    def get_token(self, *_, **__):
        return AccessToken("token", 1 << 40)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class WrappingContract(KeyProviderContract):
    """What every provider must do that has keys wrapped. `unheard` opens it where nobody listens."""

    wraps = True

    @pytest.fixture(autouse=True)
    def _whole(self, service):
        yield
        service.fault = None

    @pytest.fixture
    def key(self, provide, service):
        if not hasattr(service, "made"):
            service.made = provide().create(VAULT)
        key, self.keepsake = service.made
        return key

    @pytest.mark.parametrize("fault", FAULTS)
    def test_every_refusal_has_its_meaning_and_the_services_own_words_are_not_repeated(
        self, provide, key, service, fault
    ):
        assert key
        service.fault = fault
        with pytest.raises(MEANINGS[fault]) as caught:
            provide().fetch(VAULT, self.keepsake)

        assert type(caught.value) is MEANINGS[fault]
        assert not any(word in str(caught.value) for word in (CHATTER, "hunter2"))
        assert caught.value.__suppress_context__

    @pytest.mark.parametrize("fault", FAULTS)
    def test_no_key_is_made_where_the_service_refuses(self, provide, service, fault):
        service.fault = fault
        with pytest.raises(MEANINGS[fault]):
            provide().create(VAULT)

    def test_a_service_that_cannot_be_reached_may_be_asked_again(self, key, unheard):
        assert key
        with pytest.raises(KeyUnreachable) as caught:
            unheard().fetch(VAULT, self.keepsake)

        assert caught.value.retryable

    def test_a_wrapped_key_that_was_changed_is_not_opened(self, provide, key):
        kept = msgspec.json.decode(self.keepsake, type=wrapped.Keepsake)
        middle = len(kept.wrapped) // 2
        for place in (middle, len(kept.wrapped) - 1):
            blob = bytearray(kept.wrapped)
            blob[place] ^= 1
            changed = msgspec.structs.replace(kept, wrapped=bytes(blob))
            with pytest.raises((KeyAbsent, KeyBroken)):
                provide().fetch(VAULT, msgspec.json.encode(changed))
        assert provide().fetch(VAULT, self.keepsake).reveal() == key.reveal()

    @pytest.mark.parametrize(
        "keepsake", [b"", b"[]", b"{}", b"\xff", b'"' + b"a" * 20_000 + b'"', b"[" * 5_000]
    )
    def test_what_is_no_keepsake_is_refused(self, provide, keepsake):
        with pytest.raises(KeyBroken, match="not a wrapped key"):
            provide().fetch(VAULT, keepsake)

    def test_a_keepsake_of_another_format_or_provider_is_refused(self, provide, key):
        assert key
        kept = msgspec.json.decode(self.keepsake, type=wrapped.Keepsake)
        with pytest.raises(KeyBroken, match="format 2"):
            provide().fetch(VAULT, msgspec.json.encode(msgspec.structs.replace(kept, format=2)))
        with pytest.raises(KeyAbsent, match="another provider"):
            provide().fetch(VAULT, msgspec.json.encode(msgspec.structs.replace(kept, provider="x")))

    def test_a_key_that_exists_already_can_be_wrapped_for_a_vault(self, provide):
        given = Sensitive(os.urandom(32))
        assert provide().fetch(OTHER, provide().keep(OTHER, given)).reveal() == given.reveal()

    def test_what_was_wrapped_for_another_vault_is_refused_also_by_what_is_inside(
        self, provide, service, key
    ):
        """As if the service bound nothing: Azure's RSA does not."""
        assert service
        assert key
        provider = provide()
        text = wrapped._MARK + VAULT + key.reveal()
        name, blob = provider.wrap(text, OTHER.hex())
        moved = wrapped.Keepsake(1, provider.scheme, name, blob)
        with pytest.raises(KeyAbsent, match="another vault"):
            provide().fetch(OTHER, msgspec.json.encode(moved))


class TestAws(WrappingContract):
    URI = "aws-kms://alias/credenza?region=eu-central-1"

    @pytest.fixture(scope="class")
    @staticmethod
    def service():
        import boto3  # noqa: PLC0415 - half a second, for these tests alone

        with AwsService().serving() as service, pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", "example")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "example")
            patch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{service.port}")
            client = boto3.client("kms", region_name="eu-central-1")
            service.arn = client.create_key()["KeyMetadata"]["Arn"]
            client.create_alias(AliasName="alias/credenza", TargetKeyId=service.arn)
            client.close()
            yield service

    @pytest.fixture
    def provide(self, service):
        assert service
        return lambda: AwsKms(self.URI)

    @pytest.fixture
    def unheard(self, monkeypatch):
        def unheard():
            monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")
            return AwsKms(self.URI)

        return unheard

    def test_a_key_is_named_by_its_arn_as_well(self, service, key):
        assert AwsKms(f"aws-kms://{service.arn}").fetch(VAULT, self.keepsake).reveal() == key.reveal()

    def test_without_credentials_it_is_denied(self, service, key, monkeypatch):
        assert service
        assert key
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        with pytest.raises(KeyDenied, match="no AWS credentials"):
            AwsKms(self.URI).fetch(VAULT, self.keepsake)

    def test_a_key_goes_in_clear_to_this_machine_alone(self, service, monkeypatch):
        assert service
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://kms.example")
        with pytest.raises(KeyBroken, match="https://"):
            AwsKms(self.URI).create(VAULT)

    def test_without_a_region_it_says_how_to_name_one(self, service, monkeypatch):
        assert service
        monkeypatch.delenv("AWS_REGION", raising=False)
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
        with pytest.raises(KeyBroken, match="region"):
            AwsKms("aws-kms://alias/credenza").create(VAULT)


class TestTransit(WrappingContract):
    @pytest.fixture(scope="class")
    @staticmethod
    def service():
        with TransitService().serving() as service:
            yield service

    @pytest.fixture
    def provide(self, service, monkeypatch):
        monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{service.port}")
        monkeypatch.setenv("VAULT_TOKEN", service.TOKEN)
        return lambda: Transit("vault:///transit/credenza")

    @pytest.fixture
    def unheard(self, monkeypatch):
        monkeypatch.setenv("VAULT_TOKEN", TransitService.TOKEN)
        return lambda: Transit("vault://localhost:9/transit/credenza")

    def test_a_token_that_is_not_good_is_denied(self, provide, monkeypatch):
        monkeypatch.setenv("VAULT_TOKEN", "another")
        with pytest.raises(KeyDenied):
            provide().create(VAULT)

    def test_without_a_token_or_an_address_it_says_what_is_missing(self, provide, monkeypatch, tmp_path):
        monkeypatch.delenv("VAULT_TOKEN")
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(KeyDenied, match="no token"):
            provide().create(VAULT)
        monkeypatch.delenv("VAULT_ADDR")
        with pytest.raises(KeyBroken, match="set VAULT_ADDR"):
            provide().create(VAULT)

    def test_a_token_goes_in_clear_to_this_machine_alone(self, provide, monkeypatch):
        monkeypatch.setenv("VAULT_ADDR", "http://vault.example:8200")
        with pytest.raises(KeyBroken, match="https://"):
            provide().create(VAULT)

    @pytest.mark.parametrize("uri", ["vault:///transit/other", "vault:///elsewhere/credenza"])
    def test_a_key_that_is_not_there_is_absent(self, provide, key, uri):
        assert provide
        assert key
        with pytest.raises(KeyAbsent):
            Transit(uri).fetch(VAULT, self.keepsake)


class TestGoogle(WrappingContract):
    URI = f"gcp-kms://{GoogleService.NAME}"

    @pytest.fixture(scope="class")
    @staticmethod
    def service():
        with GoogleService().serving() as service:
            yield service

    @pytest.fixture
    def reach(self, monkeypatch):
        """Return a function that opens the provider at a port of this machine."""
        monkeypatch.setattr(gcp_kms, "_RETRY_SECONDS", 0.01)

        def reach(port):
            provider = GoogleKms(self.URI)
            credentials = AnonymousCredentials()
            transport = KeyManagementServiceRestTransport(
                host=f"127.0.0.1:{port}", credentials=credentials, url_scheme="http"
            )
            provider._client = lambda: KeyManagementServiceClient(transport=transport)
            return provider

        return reach

    @pytest.fixture
    def provide(self, service, reach):
        return lambda: reach(service.port)

    @pytest.fixture
    def unheard(self, reach):
        return lambda: reach(9)

    def test_without_credentials_it_is_denied(self, key, monkeypatch, tmp_path):
        assert key
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
        with pytest.raises(KeyDenied, match="no good Google credentials"):
            GoogleKms(self.URI).fetch(VAULT, self.keepsake)


class TestAzure(WrappingContract):
    URI = "azure-kv://acme-vault/credenza"

    @pytest.fixture(scope="class")
    @staticmethod
    def service(tmp_path_factory):
        with AzureService(tmp_path_factory.mktemp("azure")).serving() as service:
            yield service

    @pytest.fixture
    def reach(self, service):
        """Return a function that opens the provider at a port of this machine."""

        def reach(port):
            provider = AzureKeyVault(self.URI)
            known = {**provider._options(), "retry_backoff_factor": 0, "verify_challenge_resource": False}
            provider._url = f"https://127.0.0.1:{port}"
            provider._options = lambda: {**known, "connection_verify": str(service.certificate)}
            provider._credential = Token
            return provider

        return reach

    @pytest.fixture
    def provide(self, service, reach):
        return lambda: reach(service.port)

    @pytest.fixture
    def unheard(self, reach):
        return lambda: reach(9)

    def test_the_version_that_a_keepsake_names_cannot_lead_elsewhere(self, provide, key, service):
        assert key
        kept = msgspec.json.decode(self.keepsake, type=wrapped.Keepsake)
        before = service.calls
        for version in ("", "../other", "https://evil.example/keys/credenza/1", "A" * 32):
            with pytest.raises(KeyBroken):
                provide().fetch(VAULT, msgspec.json.encode(msgspec.structs.replace(kept, key=version)))
        assert service.calls == before


KINDS = {"aws-kms": AwsKms, "azure-kv": AzureKeyVault, "gcp-kms": GoogleKms, "vault": Transit}
ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


class TestNaming:
    @pytest.mark.parametrize(
        ("uri", "label"),
        [
            ("aws-kms://alias/credenza", "AWS KMS key alias/credenza"),
            ("aws-kms://alias/a/b?region=us-gov-west-1", "AWS KMS key alias/a/b"),
            (f"AWS-KMS://{ARN}", f"AWS KMS key {ARN}"),
            (f"aws-kms://mrk-{'0' * 32}", f"AWS KMS key mrk-{'0' * 32}"),
            ("azure-kv://acme/credenza", "Azure key credenza of acme.vault.azure.net"),
            ("azure-kv://hsm1.managedhsm.azure.net/k", "Azure key k of hsm1.managedhsm.azure.net"),
            (f"gcp-kms://{GoogleService.NAME}", f"Google Cloud KMS key {GoogleService.NAME}"),
            (
                "vault://vault.example:8200/transit/credenza",
                "transit key transit/credenza at vault.example:8200",
            ),
            ("vault://[::1]:8200/a/b/c", "transit key a/b/c at [::1]:8200"),
            ("vault:///transit/credenza", "transit key transit/credenza"),
        ],
    )
    def test_a_provider_is_opened_by_the_scheme_of_its_uri(self, uri, label):
        provider = open_provider(uri)
        assert provider.label == label
        assert repr(provider) == f"<{type(provider).__name__}: {label}>"

    @pytest.mark.parametrize(
        "uri",
        [
            "aws-kms://",
            "aws-kms://hunter2",
            "aws-kms://alias/x?region=hunter2",
            "aws-kms://alias/x?secret=hunter2",
            "aws-kms://user:hunter2@alias/x",
            "aws-kms://arn:aws:kms:eu-central-1:1:key/hunter2",
            f"aws-kms://{ARN}#hunter2",
            "azure-kv://acme",
            "azure-kv://acme.evil.example/hunter2",
            "azure-kv://acme.vault.azure.net.hunter2/k",
            "azure-kv://a:hunter2@acme/k",
            "azure-kv://acme/k?hunter2",
            "gcp-kms://projects/hunter2",
            f"gcp-kms://{GoogleService.NAME}?hunter2",
            f"gcp-kms://{GoogleService.NAME}/hunter2",
            "vault://hunter2",
            "vault:///hunter2",
            "vault://token:hunter2@vault.example/transit/k",
            "vault://vault.example/transit/k?token=hunter2",
            "vault://vault.example/../hunter2",
            "vault:///transit/k\nhunter2",
        ],
    )
    def test_a_uri_that_is_not_well_formed_is_refused_without_its_content(self, uri):
        with pytest.raises(Misconfigured, match=r"^A key URI of this kind is") as caught:
            KINDS[uri.partition(":")[0]](uri)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("scheme", KINDS)
    def test_a_key_pasted_in_place_of_a_name_is_refused(self, scheme):
        for text in spellings(os.urandom(32))[:-1]:
            with pytest.raises(Misconfigured) as caught:
                open_provider(f"{scheme}://{text}")
            assert text not in str(caught.value)

    @pytest.mark.parametrize(
        ("scheme", "extra"),
        [("aws-kms", "aws"), ("azure-kv", "azure"), ("gcp-kms", "gcp"), ("vault", "vault")],
    )
    def test_where_its_client_is_missing_the_extra_is_named(self, monkeypatch, scheme, extra):
        offers = EntryPoints([EntryPoint(scheme, "no_such_client:Provider", "credenza.keys")])
        monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: offers)
        with pytest.raises(Misconfigured, match=rf"pip install 'credenza\[{extra}\]'"):
            open_provider(f"{scheme}://x")

    def test_no_client_is_imported_before_a_uri_asks_for_it(self):
        code = (
            "import sys, credenza.settings; from credenza.keys import open_provider; open_provider('env://A');"
            "clients = {'boto3', 'botocore', 'hvac', 'azure', 'google.cloud', 'requests'};"
            "print(sorted(clients & set(sys.modules)))"
        )
        assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_a_client_that_never_comes_back_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(wrapped, "_PATIENCE", 0.01)
    provider = GoogleKms(f"gcp-kms://{GoogleService.NAME}")
    held = threading.Event()
    provider.wrap = lambda *_: held.wait(30)
    try:
        with pytest.raises(KeyUnreachable, match="in time"):
            provider.create(VAULT)
    finally:
        held.set()


def test_a_service_that_gives_back_something_else_is_found_out_before_its_first_use():
    provider = GoogleKms(f"gcp-kms://{GoogleService.NAME}")
    provider.wrap = lambda text, _: ("k", text)
    for given in (lambda text: text[:-1], lambda text: text[:-32] + bytes(32), lambda _: b""):
        provider.unwrap = lambda _, text, __, given=given: given(text)
        with pytest.raises(KeyBroken):
            provider.create(VAULT)
