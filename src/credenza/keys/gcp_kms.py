"""Keys wrapped by Google Cloud KMS: `gcp-kms://projects/P/locations/L/keyRings/R/cryptoKeys/K`.

Credentials are found as every Google client finds them (Application Default Credentials). The id of the
vault is additional authenticated data.
"""

from __future__ import annotations

import re

import requests
from google.api_core import exceptions as raised
from google.api_core.retry import Retry, if_exception_type
from google.auth import exceptions as auth
from google.cloud.kms_v1 import KeyManagementServiceClient
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceRestTransport

from credenza.errors import KeyAbsent, KeyBroken, KeyDenied, KeyUnusable, Misconfigured
from credenza.keys.wrapped import READ_SECONDS, WrappingProvider

_PART = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}"
_URI = re.compile(
    rf"(?i:gcp-kms)://(?P<name>projects/{_PART}/locations/{_PART}/keyRings/{_PART}/cryptoKeys/{_PART})\Z"
)
_RETRY_SECONDS = 2.0
_DENIED = frozenset({401, 403})
_PASSING = (raised.ServiceUnavailable, raised.TooManyRequests, requests.exceptions.ConnectionError)


class GoogleKms(WrappingProvider):
    """Have the key wrapped by a symmetric key of Google Cloud KMS."""

    scheme = "gcp-kms"

    def __init__(self, uri: str) -> None:
        """Take the URI; raises Misconfigured where it is not well formed."""
        found = _URI.match(uri)
        if found is None:
            raise Misconfigured(
                "A key URI of this kind is"
                " gcp-kms://projects/<project>/locations/<location>/keyRings/<ring>/cryptoKeys/<key>."
            )
        self._name = found["name"]

    @property
    def label(self) -> str:
        """Say which key it is."""
        return f"Google Cloud KMS key {self._name}"

    def wrap(self, plaintext: bytes, vault: str) -> tuple[str, bytes]:
        """Encrypt under the key's primary version, with the vault as additional authenticated data."""
        answer = self._client().encrypt(
            request={
                "name": self._name,
                "plaintext": plaintext,
                "additional_authenticated_data": _spell(vault),
            },
            retry=_retry(),
            timeout=READ_SECONDS,
        )
        return answer.name, answer.ciphertext

    def unwrap(self, key: str, wrapped: bytes, vault: str) -> bytes:
        """Decrypt under the key of the URI."""
        del key
        answer = self._client().decrypt(
            request={
                "name": self._name,
                "ciphertext": wrapped,
                "additional_authenticated_data": _spell(vault),
            },
            retry=_retry(),
            timeout=READ_SECONDS,
        )
        return answer.plaintext

    def explain(self, error: Exception) -> KeyUnusable:
        """Return what an error of Google's client means."""
        if isinstance(error, raised.RetryError) and isinstance(error.cause, Exception):
            error = error.cause
        if isinstance(error, raised.GoogleAPICallError):
            return self._explain_answer(error)
        if isinstance(error, auth.TransportError | requests.exceptions.RequestException):
            return self.unreachable()
        if isinstance(error, auth.RefreshError) and error.retryable:
            return self.unreachable("gives no credentials")
        if isinstance(error, auth.GoogleAuthError):
            return KeyDenied(self.denied("no good Google credentials were found in the environment"))
        return self.broken(error)

    def _explain_answer(self, error: raised.GoogleAPICallError) -> KeyUnusable:
        status = int(error.code or 0)
        if status in _DENIED:
            return KeyDenied(self.denied("the credentials are not good, or no role permits it"))
        if status == 404:  # noqa: PLR2004 - HTTP's own number
            return KeyAbsent(f"There is no {self.label}.")
        if status == 429 or status >= 500:  # noqa: PLR2004 - HTTP's own numbers
            return self.unreachable("is too busy or fails")
        if _read_status(error) == "FAILED_PRECONDITION":
            return KeyDenied(self.denied("the version that is needed is disabled or destroyed"))
        if status == 400:  # noqa: PLR2004 - HTTP's own number
            return KeyAbsent(
                f"The wrapped key beside this vault is not one that the {self.label} wrapped for it."
            )
        return KeyBroken(f"The {self.label} cannot be used: the service answered {status}.")

    @staticmethod
    def _client() -> KeyManagementServiceClient:
        # Over HTTP, which goes through proxies. A new client each time, which is seldom: credentials that
        # were replaced meanwhile are seen.
        return KeyManagementServiceClient(transport=KeyManagementServiceRestTransport())


def _retry() -> Retry:
    return Retry(predicate=if_exception_type(*_PASSING), initial=0.2, maximum=1.0, timeout=_RETRY_SECONDS)


def _read_status(error: raised.GoogleAPICallError) -> str:
    """Return Google's name for what is wrong: over HTTP, several share a number."""
    if isinstance(error, raised.FailedPrecondition):
        return "FAILED_PRECONDITION"
    try:
        return str(error.response.json()["error"]["status"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""


def _spell(vault: str) -> bytes:
    return f"credenza:vault:{vault}".encode("ascii")
