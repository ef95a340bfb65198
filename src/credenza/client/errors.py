"""Every error of the client, as one tree. None holds a request, a header or the credential.

ClientError
├── Unreachable              no answer came: no connection, no trust, no time
└── ApiError                 the server refused, by status
    ├── BadRequest           400: what was sent is not valid; `problems` names every place
    ├── Unauthenticated      401: no credential, or one that is not good
    ├── Forbidden            403: a good credential that may not do this
    ├── NotFound             404: nothing of that name
    ├── Conflict             409: somebody else changed it meanwhile
    ├── PreconditionFailed   412: it is not at the version that was expected
    ├── TooLarge             413: more than a limit allows
    ├── KeyReused            422: the idempotency key was used for another request
    ├── TooManyRequests      429: later
    ├── ServerFault          500: a fault of the server, or a secret that it cannot open
    ├── Unavailable          502, 503, 504: the server cannot do this now
    ├── StoreFull            507: no room left on the server
    └── UnexpectedAnswer     an answer that is none of this API, such as a redirect
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from http import HTTPStatus

import httpx
import msgspec

from credenza.client.answers import Problem, Receipt


class ClientError(Exception):
    """Something went wrong.

    Of a save in several batches, `receipt` joins those that were answered before, and the same call with
    `idempotency_key` goes on where it stopped.
    """

    retryable = False

    def __init__(self, message: str = "") -> None:
        """Take the sentence for a person."""
        self.message = message
        self.receipt: Receipt | None = None
        self.idempotency_key: str | None = None
        super().__init__(message)

    @property
    def saved(self) -> int:
        """Return how many items were answered before; in a dry run, how many were looked at."""
        return len(self.receipt.results) if self.receipt is not None else 0


class Unreachable(ClientError):
    """No answer came. `sent` is False where it is certain that the server did not see the request."""

    def __init__(self, message: str = "", *, sent: bool = True, retryable: bool = True) -> None:
        """Take the sentence, and whether to try again can help."""
        super().__init__(message)
        self.sent = sent
        self.retryable = retryable


class ApiError(ClientError):
    """The server refused. `request_id` finds the call in its log."""

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        code: str = "",
        retryable: bool = False,
        problems: Sequence[Problem] = (),
        request_id: str = "",
        retry_after: str = "",
    ) -> None:
        """Take what the answer says; `retry_after` is its header as it came (RFC 9110, 10.2.3)."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.retryable = retryable
        self.problems = tuple(problems)
        self.request_id = request_id
        self.retry_after = retry_after


class BadRequest(ApiError):
    """What was sent is not valid."""


class Unauthenticated(ApiError):
    """No credential, or one that is not good."""


class Forbidden(ApiError):
    """The credential may not do this."""


class NotFound(ApiError):
    """There is nothing of that name."""


class Conflict(ApiError):
    """Somebody else changed it meanwhile."""


class PreconditionFailed(ApiError):
    """It is not at the version that was expected."""


class TooLarge(ApiError):
    """More than a limit allows."""


class KeyReused(ApiError):
    """The idempotency key was used for another request."""


class TooManyRequests(ApiError):
    """The server asks for patience."""


class ServerFault(ApiError):
    """Something went wrong on the server."""


class Unavailable(ApiError):
    """The server cannot do this now."""


class StoreFull(ApiError):
    """There is no room left on the server."""


class UnexpectedAnswer(ApiError):
    """The answer is none of this API."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    413: TooLarge,
    422: KeyReused,
    429: TooManyRequests,
    500: ServerFault,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
    507: StoreFull,
}
PASSING = frozenset({429, 502, 503, 504})
_REDIRECT = "The server points elsewhere; that is not followed, for the credential is meant for it alone."


class _Body(msgspec.Struct):
    message: str = ""
    code: str = ""
    instance: str = ""
    retryable: bool | None = None
    errors: Sequence[Problem] = ()
    error: str = ""


_read_body = msgspec.json.Decoder(_Body).decode


def read_error(response: httpx.Response) -> ApiError:
    """Return what an answer that is no success says, as the error of its status (RFC 9457)."""
    status, body = response.status_code, _read(response)
    kind = _BY_STATUS.get(status, UnexpectedAnswer if status < HTTPStatus.BAD_REQUEST else ApiError)
    message = body.message or (_REDIRECT if response.is_redirect else f"The server answered {status}.")
    return kind(
        message,
        status=status,
        code=body.code or ("redirect" if response.is_redirect else f"http_{status}"),
        retryable=status in PASSING if body.retryable is None else body.retryable,
        problems=body.errors,
        request_id=body.instance or response.headers.get("X-Request-Id", ""),
        retry_after=response.headers.get("Retry-After", ""),
    )


def asks_for_renewal(response: httpx.Response) -> bool:
    """Tell whether an answer says that its token is good no longer."""
    refused = response.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    return refused and _read(response).error in {"EXPIRED_TOKEN", "INVALID_TOKEN"}


def describe_loss(error: httpx.RequestError) -> Unreachable:
    """Return what may be said of a call that got no answer: the exception itself holds the request."""
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return Unreachable("The server could not be reached in time.", sent=False)
    if isinstance(error, httpx.TimeoutException):
        return Unreachable("The server did not answer in time.")
    if _is_distrust(error):
        return Unreachable("The certificate of the server is not trusted.", sent=False, retryable=False)
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return Unreachable("The server cannot be reached.", sent=False)
    return Unreachable("The connection to the server broke.")


def _read(response: httpx.Response) -> _Body:
    try:
        return _read_body(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Body()


def _is_distrust(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
