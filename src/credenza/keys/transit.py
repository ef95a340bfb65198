"""Keys wrapped by the transit engine of HashiCorp Vault or OpenBao: `vault://host:port/transit/key-name`.

`vault:///transit/key-name` takes the address from VAULT_ADDR. Token, namespace and certificates are found
as hvac finds them: VAULT_TOKEN or ~/.vault-token, VAULT_NAMESPACE, VAULT_CACERT, VAULT_CLIENT_CERT.
"""

from __future__ import annotations

import base64
import os
import re
from typing import Any

import hvac
import requests
from hvac import exceptions as raised

from credenza.errors import KeyAbsent, KeyBroken, KeyDenied, KeyUnusable, Misconfigured
from credenza.keys.wrapped import CONNECT_SECONDS, READ_SECONDS, WrappingProvider, is_safe

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_HOST = r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?"
_URI = re.compile(
    rf"(?i:vault)://(?P<host>{_HOST})?/(?P<mount>{_NAME}(?:/{_NAME}){{0,5}})/(?P<key>{_NAME})\Z"
)
# The words of transit by which one 400 is told from another; they are looked at and never repeated.
_NO_KEY = ("encryption key not found", "no existing key")
_TOO_OLD = "disallowed by policy"


class Transit(WrappingProvider):
    """Have the key wrapped by a key of a transit engine."""

    scheme = "vault"

    def __init__(self, uri: str) -> None:
        """Take the URI; raises Misconfigured where it is not well formed."""
        found = _URI.match(uri)
        if found is None:
            raise Misconfigured(
                "A key URI of this kind is vault://host:port/transit/key-name, or vault:///transit/key-name"
                " with the address in VAULT_ADDR; the token is found in VAULT_TOKEN or ~/.vault-token."
            )
        self._host, self._mount, self._key = found["host"], found["mount"], found["key"]

    @property
    def label(self) -> str:
        """Say which key of which engine it is."""
        return f"transit key {self._mount}/{self._key}" + (f" at {self._host}" if self._host else "")

    def wrap(self, plaintext: bytes, vault: str) -> tuple[str, bytes]:
        """Encrypt under the key, with the vault as associated data."""
        answer = self._engine().encrypt_data(
            name=self._key,
            plaintext=base64.b64encode(plaintext).decode("ascii"),
            associated_data=_spell(vault),
            mount_point=self._mount,
        )
        return f"{self._mount}/{self._key}", str(answer["data"]["ciphertext"]).encode("ascii")

    def unwrap(self, key: str, wrapped: bytes, vault: str) -> bytes:
        """Decrypt under the key of the URI."""
        del key
        answer = self._engine().decrypt_data(
            name=self._key,
            ciphertext=wrapped.decode("ascii"),
            associated_data=_spell(vault),
            mount_point=self._mount,
        )
        return base64.b64decode(answer["data"]["plaintext"], validate=True)

    def explain(self, error: Exception) -> KeyUnusable:
        """Return what an error of hvac means."""
        if isinstance(error, raised.Forbidden | raised.Unauthorized):
            return KeyDenied(self.denied("the token has expired, or no policy permits it"))
        if isinstance(error, raised.InvalidPath):
            return KeyAbsent(f"There is no {self.label}, or no engine is mounted there.")
        if isinstance(error, raised.InvalidRequest):
            return self._explain_refusal(" ".join(map(str, error.errors or ())))
        return self._explain_failure(error)

    def _explain_failure(self, error: Exception) -> KeyUnusable:
        if isinstance(error, raised.VaultDown | raised.VaultNotInitialized):
            return self.unreachable("is sealed or in maintenance")
        if isinstance(error, raised.RateLimitExceeded | raised.InternalServerError | raised.BadGateway):
            return self.unreachable("is too busy or fails")
        if isinstance(error, requests.exceptions.SSLError):
            return KeyBroken(f"The {self.label} cannot be used: the server's certificate is not trusted.")
        if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.Timeout):
            return self.unreachable()
        return self.broken(error)

    def _explain_refusal(self, told: str) -> KeyUnusable:
        if any(words in told for words in _NO_KEY):
            return KeyAbsent(f"There is no {self.label}.")
        if _TOO_OLD in told:
            return KeyDenied(self.denied("the version that wrapped the key of this vault is switched off"))
        return KeyAbsent(
            f"The wrapped key beside this vault is not one that the {self.label} wrapped for it."
        )

    def _engine(self) -> Any:  # noqa: ANN401 - hvac has no types
        # A new client each time, which is seldom: a token that was replaced meanwhile is seen.
        client = hvac.Client(
            url=self._address(),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            namespace=os.environ.get("VAULT_NAMESPACE") or None,
        )
        if not client.token:
            raise KeyDenied(self.denied("no token was found in VAULT_TOKEN or ~/.vault-token"))
        return client.secrets.transit

    def _address(self) -> str:
        if self._host:
            return f"https://{self._host}"
        address = os.environ.get("VAULT_ADDR", "")
        if not address:
            raise KeyBroken(f"The {self.label} needs an address: set VAULT_ADDR or name the host.")
        if not is_safe(address):
            raise KeyBroken("VAULT_ADDR begins with https://; http:// is for this machine alone.")
        return address


def _spell(vault: str) -> str:
    return base64.b64encode(f"credenza:vault:{vault}".encode("ascii")).decode("ascii")
