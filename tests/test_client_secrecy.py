"""Nothing that the client shows, raises or logs holds the credential or a value of a configuration."""

import contextlib
import copy
import logging
import pickle
import socket
import ssl
import subprocess
import sys
import threading
import traceback
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from canary import Canaries
from client_kinds import KINDS, URL, Script, answer, refusal
from credenza.client import (
    Api,
    ApiError,
    BadRequest,
    Client,
    ClientError,
    Integration,
    KeyPair,
    Problem,
    Resolved,
    Unreachable,
)
from credenza.client.answers import Token
from credenza.sensitive import Sensitive
from web_server import serve

CANARY = "CNRY-5f1c-do-not-show"


def calls():
    """Return every verb, with values in what it sends."""
    one = Integration(name="a", type="openai", configuration={"api_key": CANARY})
    return {
        "save": lambda client: client.save([one]),
        "list": lambda client: list(client.integrations()),
        "get": lambda client: client.get("a"),
        "reveal": lambda client: client.reveal("a"),
        "history": lambda client: list(client.history("a")),
        "version": lambda client: client.version("a", 1),
        "rollback": lambda client: client.rollback("a", 1),
        "delete": lambda client: client.delete("a"),
    }


REPLIES = {
    "no connection": httpx.ConnectError,
    "a broken connection": httpx.RemoteProtocolError,
    "no time": httpx.ReadTimeout,
    "a refusal": refusal(400, "invalid_data"),
    "a fault": httpx.Response(500, text=CANARY),
    "another page": httpx.Response(404, text=CANARY),
    "a redirect": answer(302, location=f"https://{CANARY}.example.com/"),
}


def reach(error):
    """Return all objects that an exception leads to without its traceback's frames."""
    found, left = [], [error]
    while left:
        each = left.pop()
        if each is None or any(each is other for other in found):
            continue
        found.append(each)
        if isinstance(each, BaseException):
            left += [each.__cause__, each.__context__, *each.args, *vars(each).values()]
        elif isinstance(each, list | tuple):
            left += each
    return found


@pytest.mark.parametrize("credential", [CANARY, KeyPair("id", CANARY)])
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("call", calls().values(), ids=calls())
@pytest.mark.parametrize("kind", KINDS)
def test_no_error_holds_a_request_an_answer_a_credential_or_a_value(kind, call, reply, credential):
    client = KINDS[kind](URL, credential, transport=Script(reply).transport, retries=0)

    with pytest.raises(ClientError) as caught:
        call(client)
    client.close()

    held = reach(caught.value)
    assert not [each for each in held if isinstance(each, httpx.Request | httpx.Response | httpx.HTTPError)]
    assert CANARY not in "".join(map(repr, held))
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    ours = [frame for frame in frames if "/credenza/" in frame.filename]
    assert ours
    assert CANARY not in str([frame.locals for frame in ours])


def test_no_repr_shows_a_credential_or_a_value():
    shown = [
        Client(URL, CANARY),
        Client(URL, Sensitive(CANARY)),
        KeyPair("id", CANARY),
        Token(CANARY),
        Integration(name="a", type="openai", configuration={"api_key": CANARY}),
        Api(api="m", configuration={"api_key": CANARY}),
        Resolved(Integration(name="a", type="openai"), Sensitive({"api_key": CANARY}), {}),
    ]

    assert CANARY not in repr(shown)
    assert "id" in repr(shown[2])


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{CANARY}@credenza.example.com",
        f"https://credenza.example.com?key={CANARY}",
        f"https://credenza.example.com#{CANARY}",
        f"ftp://{CANARY}",
        f"{CANARY}:x",
        f"https://{CANARY}:port",
        "",
        "https://",
    ],
)
def test_a_url_with_a_credential_in_it_or_none_at_all_is_refused_and_not_repeated(url):
    with pytest.raises(ValueError, match="The URL of a server") as caught:
        Client(url, "key")
    assert CANARY not in "".join(map(repr, reach(caught.value)))


@pytest.mark.parametrize("bad", ["", f"{CANARY}\n", f"{CANARY} x", f"{CANARY}ä"])
@pytest.mark.parametrize("make", [lambda bad: Client(URL, bad), lambda bad: KeyPair("id", bad)])
def test_a_credential_that_no_header_can_hold_is_refused_and_not_repeated(make, bad):
    with pytest.raises(ValueError, match="A credential is one line") as caught:
        make(bad)
    assert CANARY not in "".join(map(repr, reach(caught.value)))


def test_an_error_can_be_copied_and_sent_between_processes():
    error = BadRequest("No.", status=400, code="c", problems=[Problem("c", "No.", index=1)])

    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(twin), vars(twin)) == (BadRequest, vars(error))


@pytest.fixture
def stranger(tmp_path):
    """Return the address of a server whose certificate nobody vouches for, and what it was sent."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "both.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    received = []

    def answer_one():
        plain, _ = listener.accept()
        with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as secured:
            received.append(secured.recv(1000))
        plain.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_one)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}", received
        thread.join(10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_whose_certificate_is_not_trusted_gets_no_credential_and_is_not_tried_again(kind, stranger):
    url, received = stranger
    client = KINDS[kind](url, CANARY)

    with pytest.raises(Unreachable, match="certificate") as caught:
        client.get("a")
    client.close()

    assert (caught.value.retryable, caught.value.sent) == (False, False)
    assert received == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_credential_or_a_value_is_logged(service, key, kind, caplog):
    caplog.set_level(logging.DEBUG)
    canaries, token = Canaries(), key()
    secret = canaries.plant("secret")
    with serve(service) as url:
        client = KINDS[kind](url, token)
        client.save([{"name": "a", "type": "openai", "configuration": {"api_key": secret}}])
        assert client.reveal("a").configuration.reveal() == {"api_key": secret}
        client.close()

    assert "POST" in caplog.text
    assert token not in caplog.text
    assert token.split("_", 2)[2] not in caplog.text
    assert secret not in caplog.text


def test_every_error_is_one_of_the_tree():
    kinds = [each for each in vars(sys.modules["credenza.client"]).values() if isinstance(each, type)]
    raised = [each for each in kinds if issubclass(each, BaseException)]

    assert len(raised) > 15
    assert all(issubclass(each, ClientError) for each in raised)
    assert all(issubclass(each, ApiError) for each in raised if each not in {ClientError, Unreachable})


def test_the_client_stands_on_its_own():
    code = "import sys, credenza.client; print(*sorted(m for m in sys.modules if m.startswith('credenza.')))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    others = [name for name in told.split() if not name.startswith("credenza.client")]
    assert others == ["credenza.sensitive"]
