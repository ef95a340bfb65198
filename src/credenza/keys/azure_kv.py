"""Keys wrapped by Azure Key Vault or Managed HSM: `azure-kv://vault-name/key-name`.

Credentials are found as every Azure client finds them (DefaultAzureCredential). RSA binds no further data, so
it is the id inside what is wrapped that ties it to a vault.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from azure.core import exceptions as raised
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm

from credenza.errors import KeyAbsent, KeyBroken, KeyDenied, KeyUnusable, Misconfigured
from credenza.keys.wrapped import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS, WrappingProvider

_DOMAINS = (
    r"vault\.azure\.net|vault\.azure\.cn|vault\.usgovcloudapi\.net"
    r"|managedhsm\.azure\.net|managedhsm\.azure\.cn|managedhsm\.usgovcloudapi\.net"
)
_URI = re.compile(
    rf"(?i:azure-kv)://(?P<vault>[a-z][a-z0-9-]{{1,22}}[a-z0-9])(?:\.(?P<domain>{_DOMAINS}))?"
    r"/(?P<key>[A-Za-z0-9-]{1,127})\Z"
)
_VERSION = re.compile(r"[0-9a-f]{32}\Z")
_ALGORITHM = KeyWrapAlgorithm.rsa_oaep_256
_DENIED = frozenset({401, 403})
_OPTIONS: dict[str, Any] = {
    "connection_timeout": CONNECT_SECONDS,
    "read_timeout": READ_SECONDS,
    "retry_total": ATTEMPTS - 1,
    "retry_backoff_max": 2,
}


class AzureKeyVault(WrappingProvider):
    """Have the key wrapped by an RSA key of Azure Key Vault."""

    scheme = "azure-kv"

    def __init__(self, uri: str) -> None:
        """Take the URI; raises Misconfigured where it is not well formed."""
        found = _URI.match(uri)
        if found is None:
            raise Misconfigured(
                "A key URI of this kind is azure-kv://vault-name/key-name, or azure-kv://<host>/key-name for"
                " a managed HSM or another of Azure's clouds."
            )
        self._url = f"https://{found['vault']}.{found['domain'] or 'vault.azure.net'}"
        self._key = found["key"]

    @property
    def label(self) -> str:
        """Say which key of which vault it is."""
        return f"Azure key {self._key} of {urlsplit(self._url).hostname}"

    def wrap(self, plaintext: bytes, vault: str) -> tuple[str, bytes]:
        """Wrap with the newest version of the key, and tell which that is."""
        del vault
        with self._credential() as credential, KeyClient(self._url, credential, **self._options()) as keys:
            key = keys.get_key(self._key)
            with CryptographyClient(key, credential, **self._options()) as client:
                wrapped = client.wrap_key(_ALGORITHM, plaintext).encrypted_key
        return str(key.properties.version), wrapped

    def unwrap(self, key: str, wrapped: bytes, vault: str) -> bytes:
        """Unwrap with that version of the key of the URI."""
        del vault
        if not _VERSION.match(key):
            raise KeyBroken("What is stored beside this vault is not a wrapped key.")
        name = f"{self._url}/keys/{self._key}/{key}"
        with (
            self._credential() as credential,
            CryptographyClient(name, credential, **self._options()) as client,
        ):
            return client.unwrap_key(_ALGORITHM, wrapped).key

    def explain(self, error: Exception) -> KeyUnusable:
        """Return what an error of Azure's clients means."""
        if isinstance(error, raised.ServiceRequestError | raised.ServiceResponseError):
            return self.unreachable()
        if isinstance(error, raised.HttpResponseError) and error.status_code:
            return self._explain_status(error.status_code)
        if isinstance(error, raised.ClientAuthenticationError):
            return KeyDenied(self.denied("no good Azure credentials were found in the environment"))
        return self.broken(error)

    def _explain_status(self, status: int) -> KeyUnusable:
        if status in _DENIED:
            return KeyDenied(self.denied("it is disabled or expired, or no role or policy permits it"))
        if status == 404:  # noqa: PLR2004 - HTTP's own number
            return KeyAbsent(f"There is no {self.label}, or not the version that wrapped this vault's key.")
        if status == 429 or status >= 500:  # noqa: PLR2004 - HTTP's own numbers
            return self.unreachable("is too busy or fails")
        if status == 400:  # noqa: PLR2004 - HTTP's own number
            return KeyAbsent(
                f"The wrapped key beside this vault is not one that the {self.label} wrapped for it."
            )
        return KeyBroken(f"The {self.label} cannot be used: the service answered {status}.")

    @staticmethod
    def _credential() -> DefaultAzureCredential:
        return DefaultAzureCredential(process_timeout=int(READ_SECONDS))

    @staticmethod
    def _options() -> dict[str, Any]:
        return dict(_OPTIONS)
