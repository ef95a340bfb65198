"""Services that wrap keys, for tests: moto's AWS KMS, and small servers that speak as the others document.

Each has a `fault`: None, or the name of what it answers everything with (`FAULTS`).
"""

import base64
import json
import os
import ssl
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from types import MappingProxyType

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHATTER = "the vendor's own words: hunter2"  # in every refusal, and never in a message of ours
FAULTS = ("denied", "disabled", "absent", "throttled", "failing")


class Service:
    """An HTTP server on this machine whose answers are `answer(method, path, headers, body)`."""

    def __init__(self, context=None):
        self.fault = None
        self.calls = 0
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self):
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                service.calls += 1
                body = json.loads(data) if data else {}
                status, headers, answer = service.answer(self.command, self.path, self.headers, body)
                text = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": len(text)}.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = respond  # noqa: N815 - the names that the base class calls

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]

    @contextmanager
    def serving(self):
        thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()


class TransitService(Service):
    """The transit engine of Vault: https://developer.hashicorp.com/vault/api-docs/secret/transit."""

    TOKEN = "hvs.example"
    ANSWERS = MappingProxyType(
        {
            "denied": 403,
            "disabled": 400,
            "absent": 400,
            "throttled": 429,
            "failing": 503,
        }
    )
    WORDS = MappingProxyType(
        {
            "disabled": "ciphertext or signature version is disallowed by policy (too old)",
            "absent": "encryption key not found",
        }
    )

    def __init__(self):
        super().__init__()
        self.keys = {"credenza": AESGCM(os.urandom(32))}

    def answer(self, method, path, headers, body):
        assert method == "POST"
        _, _, mount, verb, name = path.split("/")
        if self.fault:
            return refuse_transit(self.ANSWERS[self.fault], self.WORDS.get(self.fault, ""))
        if headers["X-Vault-Token"] != self.TOKEN:
            return refuse_transit(403, "permission denied")
        if mount != "transit":
            return refuse_transit(404, "no handler for route")
        if name not in self.keys:
            return refuse_transit(400, "encryption key not found")
        return self.work(verb, name, body)

    def work(self, verb, name, body):
        bound = base64.b64decode(body["associated_data"])
        if verb == "encrypt":
            nonce = os.urandom(12)
            sealed = nonce + self.keys[name].encrypt(nonce, base64.b64decode(body["plaintext"]), bound)
            return 200, {}, {"data": {"ciphertext": "vault:v1:" + base64.b64encode(sealed).decode()}}
        sealed = base64.b64decode(body["ciphertext"].removeprefix("vault:v1:"))
        try:
            opened = self.keys[name].decrypt(sealed[:12], sealed[12:], bound)
        except InvalidTag:
            return refuse_transit(400, "cipher: message authentication failed")
        return 200, {}, {"data": {"plaintext": base64.b64encode(opened).decode()}}


def refuse_transit(status, words):
    return status, {}, {"errors": [f"{words}; {CHATTER}"]}


class GoogleService(Service):
    """Google Cloud KMS: https://cloud.google.com/kms/docs/reference/rest."""

    NAME = "projects/acme/locations/global/keyRings/ring/cryptoKeys/credenza"
    ANSWERS = MappingProxyType(
        {
            "denied": (403, "PERMISSION_DENIED"),
            "disabled": (400, "FAILED_PRECONDITION"),
            "absent": (404, "NOT_FOUND"),
            "throttled": (429, "RESOURCE_EXHAUSTED"),
            "failing": (503, "UNAVAILABLE"),
        }
    )

    def __init__(self):
        super().__init__()
        self.key = AESGCM(os.urandom(32))

    def answer(self, method, path, headers, body):
        del headers
        assert method == "POST"
        name, _, verb = path.partition("?")[0].removeprefix("/v1/").partition(":")
        if self.fault:
            return refuse_google(*self.ANSWERS[self.fault])
        if name != self.NAME:
            return refuse_google(404, "NOT_FOUND")
        bound = base64.b64decode(body["additionalAuthenticatedData"])
        if verb == "encrypt":
            nonce = os.urandom(12)
            sealed = nonce + self.key.encrypt(nonce, base64.b64decode(body["plaintext"]), bound)
            text = base64.b64encode(sealed).decode()
            return 200, {}, {"name": f"{self.NAME}/cryptoKeyVersions/1", "ciphertext": text}
        sealed = base64.b64decode(body["ciphertext"])
        try:
            opened = self.key.decrypt(sealed[:12], sealed[12:], bound)
        except InvalidTag:
            return refuse_google(400, "INVALID_ARGUMENT")
        return 200, {}, {"plaintext": base64.b64encode(opened).decode()}


def refuse_google(status, name):
    return status, {}, {"error": {"code": status, "message": CHATTER, "status": name}}


class AzureService(Service):
    """Azure Key Vault: https://learn.microsoft.com/rest/api/keyvault/keys."""

    VERSION = "0123456789abcdef0123456789abcdef"
    CHALLENGE = (
        'Bearer authorization="https://login.microsoftonline.com/acme", resource="https://vault.azure.net"'
    )
    ANSWERS = MappingProxyType(
        {
            "denied": (403, "Forbidden"),
            "disabled": (403, "KeyDisabled"),
            "absent": (404, "KeyNotFound"),
            "throttled": (429, "Throttled"),
            "failing": (503, "ServiceUnavailable"),
        }
    )

    def __init__(self, folder):
        self.certificate = folder / "certificate.pem"
        super().__init__(make_context(self.certificate))
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def answer(self, method, path, headers, body):
        if "Authorization" not in headers:
            return 401, {"WWW-Authenticate": self.CHALLENGE}, {}
        if self.fault:
            return refuse_azure(*self.ANSWERS[self.fault])
        parts = path.partition("?")[0].strip("/").split("/")
        if parts[:2] != ["keys", "credenza"] or (parts[2:3] or [self.VERSION]) != [self.VERSION]:
            return refuse_azure(404, "KeyNotFound")
        if method == "GET":
            return 200, {}, self.describe()
        assert (parts[3:], body["alg"]) == (["unwrapkey"], "RSA-OAEP-256")
        try:
            opened = self.key.decrypt(from_url(body["value"]), OAEP)
        except ValueError:
            return refuse_azure(400, "BadParameter")
        return 200, {}, {"kid": self.describe()["key"]["kid"], "value": to_url(opened)}

    def describe(self):
        numbers = self.key.public_key().public_numbers()
        key = {
            "kid": f"https://127.0.0.1:{self.port}/keys/credenza/{self.VERSION}",
            "kty": "RSA",
            "key_ops": ["wrapKey", "unwrapKey"],
            "n": to_url(numbers.n.to_bytes(256, "big")),
            "e": to_url(numbers.e.to_bytes(3, "big")),
        }
        return {"key": key, "attributes": {"enabled": True}}


OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def refuse_azure(status, code):
    return status, {}, {"error": {"code": code, "message": CHATTER}}


def to_url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_context(path):
    """Return a server's TLS context with a new certificate for 127.0.0.1, which is written to a path."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    both = path.with_name("both.pem")
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both.write_bytes(private + path.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


class AwsService:
    """AWS KMS as moto has it, behind a door that answers with a fault instead."""

    ANSWERS = MappingProxyType(
        {
            "denied": (400, "AccessDeniedException"),
            "disabled": (400, "DisabledException"),
            "absent": (400, "NotFoundException"),
            "throttled": (400, "ThrottlingException"),
            "failing": (500, "KMSInternalException"),
        }
    )

    def __init__(self):
        # Both take a second to import, which only these tests need.
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415
        from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: PLC0415

        class Quiet(WSGIRequestHandler):
            def log(self, *_):
                pass

        self.fault = None
        self.calls = 0
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.server = make_server("127.0.0.1", 0, self.answer, threaded=True, request_handler=Quiet)
        self.port = self.server.port

    def answer(self, environ, start):
        self.calls += 1
        if self.fault is None:
            return self.moto(environ, start)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, name = self.ANSWERS[self.fault]
        body = json.dumps({"__type": name, "message": CHATTER}).encode()
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
        start(f"{status} Refused", headers)
        return [body]

    @contextmanager
    def serving(self):
        thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            with suppress(OSError):
                self.server.server_close()
            thread.join()
