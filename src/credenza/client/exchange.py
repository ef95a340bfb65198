"""One server and one credential: a call becomes requests, and their answers one answer. No I/O.

A plan is a generator that yields each request to send and receives what came of it, so that drivers of any
kind share it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from itertools import count
from typing import NamedTuple, TypeVar

import httpx
import msgspec

from credenza.client.answers import Token
from credenza.client.errors import UnexpectedAnswer, Unreachable, asks_for_renewal, read_error
from credenza.client.retries import Retries
from credenza.sensitive import Sensitive

T = TypeVar("T")
_token = msgspec.json.Decoder(Token)
_BASE = "The URL of a server is http(s)://host[:port], with or without /api, and holds no credential."
_CREDENTIAL = "A credential is one line of printable ASCII characters without spaces."


class Send(NamedTuple):
    """A request to send, after so many seconds."""

    request: httpx.Request
    after: float = 0.0


Reply = httpx.Response | Unreachable
Plan = Generator[Send, Reply, T]


class Call(msgspec.Struct, frozen=True):
    """What is asked of the server: `path` is below its base, percent-encoded.

    `repeatable` says that to do it twice does what to do it once does.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Sensitive[bytes] | None = None
    headers: Mapping[str, str] = {}
    repeatable: bool = True


class KeyPair:
    """The id and the secret of an API key, to be exchanged for tokens; no repr shows the secret."""

    def __init__(self, key_id: str, secret: str | Sensitive[str]) -> None:
        """Box the secret; raises ValueError where it cannot be one."""
        self.key_id = key_id
        self.secret = _box(secret)

    def __repr__(self) -> str:
        """Show the public half."""
        return f"<KeyPair {self.key_id!r}>"


Credential = str | Sensitive[str] | KeyPair


class Exchange:
    """Perform calls at one server with one credential."""

    def __init__(self, url: str, credential: Credential, retries: Retries) -> None:
        """Take the server's URL; raises ValueError where URL or credential cannot be one."""
        self.root = _read_root(url)
        self._retries = retries
        self._pair = credential if isinstance(credential, KeyPair) else None
        self._token: Sensitive[str] | None = None
        if not isinstance(credential, KeyPair):
            self._token = _box(credential)

    def perform(self, call: Call) -> Plan[httpx.Response]:
        """Return the answer of a call that succeeded.

        Raises:
            ApiError: the server refused it.
            Unreachable: no answer came, as often as it was tried.
        """
        token = yield from self._sign_in()
        answer = yield from self._persist(call, token)
        if self._pair is not None and asks_for_renewal(answer):
            # Of several threads only the first is to throw the old token away.
            if self._token is token:
                self._token = None
            token = yield from self._sign_in()
            answer = yield from self._persist(call, token)
        if not answer.is_success:
            raise read_error(answer)
        return answer

    def _sign_in(self) -> Plan[Sensitive[str] | None]:
        token = self._token
        if token is None and self._pair is not None:
            token = yield from self._exchange(self._pair)
            self._token = token
        return token

    def _exchange(self, pair: KeyPair) -> Plan[Sensitive[str]]:
        body = Sensitive(msgspec.json.encode({"keyId": pair.key_id, "keySecret": pair.secret.reveal()}))
        answer = yield from self._persist(Call("POST", "/api/token", body=body), None)
        if not answer.is_success:
            raise read_error(answer)
        return _box(read(answer, _token).token)

    def _persist(self, call: Call, token: Sensitive[str] | None) -> Plan[httpx.Response]:
        """Send a call until it is answered for good, or the retries are used up."""
        after, lost = 0.0, False
        for attempt in count():
            reply = yield Send(self.write(call, token), after)
            if isinstance(reply, httpx.Response) and reply.is_success:
                break
            if isinstance(reply, httpx.Response) and lost and _is_gone(call, reply):
                return httpx.Response(204)
            failure = reply if isinstance(reply, Unreachable) else read_error(reply)
            pause = self._retries.pause(attempt, failure, repeatable=call.repeatable)
            if pause is None:
                break
            after, lost = pause, lost or (isinstance(failure, Unreachable) and failure.sent)
        if isinstance(reply, Unreachable):
            raise reply
        return reply

    def write(self, call: Call, token: Sensitive[str] | None = None) -> httpx.Request:
        """Return a call as a request, signed with a token where there is one."""
        headers = {"Accept": "application/json", **call.headers}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if token is not None:
            # Of the two headers that servers take, the one that HTTP libraries redact wherever they show it.
            headers["Authorization"] = f"Bearer {token.reveal()}"
        return httpx.Request(
            call.method,
            self.root + call.path,
            params=call.query or None,
            headers=headers,
            content=None if call.body is None else call.body.reveal(),
        )


def read(response: httpx.Response, decoder: msgspec.json.Decoder[T]) -> T:
    """Return what an answer says.

    Raises:
        UnexpectedAnswer: it is not of the shape that this call answers with.
    """
    try:
        return decoder.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        status = response.status_code
    # Outside, so that no exception below, which may show a piece of the answer, hangs on to this one.
    message = "The answer is not what this call answers with: is this a server of this API?"
    raise UnexpectedAnswer(message, status=status, code="unexpected_answer")


def _is_gone(call: Call, reply: httpx.Response) -> bool:
    """Tell whether a removal that was sent before, and whose answer was lost, has been done."""
    return call.method == "DELETE" and reply.status_code == 404  # noqa: PLR2004


def _box(credential: str | Sensitive[str]) -> Sensitive[str]:
    boxed = credential if isinstance(credential, Sensitive) else Sensitive(credential)
    text = boxed.reveal()
    if not (text.isascii() and text.isprintable() and text and " " not in text):
        raise ValueError(_CREDENTIAL)
    return boxed


def _read_root(url: str) -> str:
    parsed = _parse(url)
    if (
        parsed is None
        or parsed.scheme not in {"http", "https"}
        or not parsed.host
        or parsed.userinfo
        or parsed.query
        or parsed.fragment
    ):
        raise ValueError(_BASE)
    return str(parsed).rstrip("/").removesuffix("/api").rstrip("/")


def _parse(url: str) -> httpx.URL | None:
    try:
        return httpx.URL(url.strip())
    except (httpx.InvalidURL, UnicodeError):
        return None
