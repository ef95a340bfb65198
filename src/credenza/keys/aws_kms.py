"""Keys wrapped by AWS KMS: `aws-kms://alias/name?region=eu-central-1`, or an ARN or a key id.

Region, credentials and endpoint are found as every AWS client finds them: environment, profile, role.
The id of the vault is the encryption context, so policies may require it and CloudTrail shows it.
"""

from __future__ import annotations

import re
from typing import Any

import boto3
from botocore import exceptions as raised
from botocore.config import Config

from credenza.errors import KeyAbsent, KeyBroken, KeyDenied, KeyUnusable, Misconfigured
from credenza.keys.wrapped import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS, WrappingProvider, is_safe

# Key ids are matched strictly: a key pasted in their place would else get into a label.
_REGION = r"[a-z]{2}(?:-[a-z]{1,12}){1,3}-[0-9]"
_ID = r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
_ALIAS = r"alias/[A-Za-z0-9/_-]{1,250}"
_ARN = rf"arn:aws[a-z-]{{0,10}}:kms:(?P<of_arn>{_REGION}):[0-9]{{12}}:(?:key/{_ID}|{_ALIAS})"
_URI = re.compile(
    rf"aws-kms://(?P<key>{_ARN}|{_ALIAS}|{_ID})(?:\?region=(?P<region>{_REGION}))?\Z", re.IGNORECASE
)
_CONTEXT = "credenza:vault"

_DENIED = {
    "AccessDeniedException": "no policy or grant permits it",
    "DisabledException": "it is disabled",
    "KMSInvalidStateException": "it is disabled or about to be deleted",
    "InvalidGrantTokenException": "the grant is not valid",
    "OptInRequired": "the account is not set up for it",
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException"), "the credentials have expired"),
    **dict.fromkeys(
        (
            "IncompleteSignature",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        "the credentials are not valid",
    ),
}
_ABSENT = {
    "NotFoundException": "There is no {}.",
    "IncorrectKeyException": "The wrapped key beside this vault was not wrapped with the {}.",
    "InvalidCiphertextException": "The wrapped key beside this vault is not one that the {} wrapped for it.",
}
_BUSY = frozenset(
    {
        "DependencyTimeoutException",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_NO_ANSWER = (
    raised.ConnectionError,  # no connection
    raised.HTTPClientError,  # no answer in time, a connection cut
    raised.CredentialRetrievalError,
    raised.MetadataRetrievalError,
)
_NO_CREDENTIALS = (
    raised.NoCredentialsError,
    raised.PartialCredentialsError,
    raised.ProfileNotFound,
    raised.TokenRetrievalError,
    raised.UnauthorizedSSOTokenError,
)


class AwsKms(WrappingProvider):
    """Have the key wrapped by a symmetric key of AWS KMS."""

    scheme = "aws-kms"

    def __init__(self, uri: str) -> None:
        """Take the URI; raises Misconfigured where it is not well formed."""
        found = _URI.match(uri)
        if found is None:
            raise Misconfigured(
                "A key URI of this kind is aws-kms://alias/name, aws-kms://<key id> or aws-kms://<key ARN>,"
                " and ?region=<region> where that is not in the ARN or the environment."
            )
        self._key = found["key"]
        self._region = found["of_arn"] or found["region"]

    @property
    def label(self) -> str:
        """Say which key it is."""
        return f"AWS KMS key {self._key}"

    def wrap(self, plaintext: bytes, vault: str) -> tuple[str, bytes]:
        """Encrypt under the key, with the vault as encryption context."""
        answer = self._client().encrypt(
            KeyId=self._key, Plaintext=plaintext, EncryptionContext={_CONTEXT: vault}
        )
        return str(answer["KeyId"]), bytes(answer["CiphertextBlob"])

    def unwrap(self, key: str, wrapped: bytes, vault: str) -> bytes:
        """Decrypt under the key of the URI, whatever key the ciphertext names."""
        del key
        answer = self._client().decrypt(
            KeyId=self._key, CiphertextBlob=wrapped, EncryptionContext={_CONTEXT: vault}
        )
        return bytes(answer["Plaintext"])

    def explain(self, error: Exception) -> KeyUnusable:
        """Return what an error of boto3 means."""
        if isinstance(error, raised.ClientError):
            return self._explain_answer(error)
        if isinstance(error, _NO_CREDENTIALS):
            return KeyDenied(self.denied("no AWS credentials were found in the environment"))
        if isinstance(error, raised.NoRegionError):
            return KeyBroken(f"The {self.label} needs a region: add ?region=<region>, or set AWS_REGION.")
        if isinstance(error, _NO_ANSWER):
            return self.unreachable()
        return self.broken(error)

    def _explain_answer(self, error: raised.ClientError) -> KeyUnusable:
        answer: dict[str, Any] = error.response
        code = str(answer.get("Error", {}).get("Code", ""))
        status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _DENIED:
            return KeyDenied(self.denied(_DENIED[code]))
        if code in _ABSENT:
            return KeyAbsent(_ABSENT[code].format(self.label))
        if code in _BUSY or status == 429 or status >= 500:  # noqa: PLR2004 - HTTP's own numbers
            return self.unreachable("is too busy or fails")
        return KeyBroken(f"The {self.label} cannot be used: the service answered {status}.")

    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes at run time
        # A new session each time, which is seldom: credentials that were replaced meanwhile are seen.
        client = boto3.session.Session().client(
            "kms",
            region_name=self._region,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            ),
        )
        if not is_safe(client.meta.endpoint_url):
            raise KeyBroken(f"The {self.label} is asked over https://; http:// is for this machine alone.")
        return client
