"""`credenza serve`: the store over HTTP, by one process."""

from __future__ import annotations

import gc
import ipaddress
import signal
import socket
from types import FrameType

import msgspec
import rich_click as click
import uvicorn

from credenza.cli.developer import begin, write_lines
from credenza.cli.escrow_warning import warn_of_escrow
from credenza.cli.output import wants_json
from credenza.cli.session import json_option, read_settings, saving_options, setting, store_options
from credenza.errors import Misconfigured
from credenza.settings import WEEK, Credenza, open_credenza
from credenza.web.app import create_app
from credenza.web.observe import configure_logging
from credenza.web.protocol import Protocol

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

_DRAIN_SECONDS = 10
_BACKLOG = 2048


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@setting(
    "--dev",
    is_flag=True,
    help="For one's own machine: make what is missing, and show an API key and a first call.",
)
@store_options
@saving_options
@setting("--public-url", metavar="URL", help="Base of the links handed out, if not the address.")
@setting(
    "--redirect-origins",
    metavar="LIST",
    help="Where people may be sent after a setup, with commas between them.",
)
@setting("--frame-origins", metavar="LIST", help="Whose pages may hold a setup page, with commas between.")
@setting("--setup-minutes", type=click.IntRange(1, WEEK), help="How long the link of a setup is good.")
@setting("--session-minutes", type=click.IntRange(1, WEEK), help="How long a session is good.")
@setting("--access-log/--no-access-log", help="A line for every request.")
@setting("--cache-mib", type=click.IntRange(min=1), help="Memory for pages of the store, in MiB.")
@setting(
    "--checkpoint-mib",
    type=click.IntRange(min=1),
    help="Size of the write-ahead log at which it is folded in, in MiB.",
)
@json_option
def serve(host: str, port: int) -> None:
    """Serve the store over HTTP until it is told to stop.

    SIGTERM and Ctrl-C let the requests that have begun come to their end. A vault without its key does not
    keep the server from starting: what can be answered without secrets is answered. Started with --json, it
    says where it is as one line of JSON.
    """
    settings = read_settings()
    with _listen(host, port, local=settings.dev) as listener:
        address = _write_address(listener, host)
        if not settings.public_url:
            _warn_of_links(listener, address)
            settings = read_settings(public_url=address)
        credenza = open_credenza(settings, serving=True, create=settings.dev)
        try:
            _announce(credenza, address)
            _run(credenza, listener)
        finally:
            credenza.close()


def _listen(host: str, port: int, *, local: bool) -> socket.socket:
    """Bind before anything else is opened: early connections wait instead of being refused."""
    try:
        offers = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise Misconfigured("--host is no address of this machine.") from None
    family, _, _, _, place = offers[0]
    if local and not ipaddress.ip_address(place[0]).is_loopback:
        raise Misconfigured(
            "--dev serves this machine alone: leave out --host, or give it 127.0.0.1, ::1 or localhost."
        )
    try:
        return socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise Misconfigured(
            f"Cannot listen there ({error.strerror}); choose another --port or --host."
        ) from None


def _write_address(listener: socket.socket, host: str) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _warn_of_links(listener: socket.socket, address: str) -> None:
    if ipaddress.ip_address(listener.getsockname()[0]).is_unspecified:
        click.echo(
            f"Links that are handed out begin with {address}, which is no address that anybody can open: "
            "say --public-url, or CREDENZA_PUBLIC_URL.",
            err=True,
        )


def _announce(credenza: Credenza, address: str) -> None:
    if credenza.vault.locked is not None:
        click.echo(f"The vault is locked, secrets stay sealed: {credenza.vault.locked}", err=True)
    elif not credenza.settings.dev and (warning := warn_of_escrow(credenza)):
        click.echo(warning, err=True)
    start = begin(credenza, address)
    if wants_json():
        click.echo(msgspec.json.encode(start))
        return
    for line in write_lines(credenza, start):
        click.echo(line)


def _leave_no_core() -> None:
    """See to it that a crash writes no memory, and so no secret, to a file."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(credenza: Credenza, listener: socket.socket) -> None:
    configure_logging()
    _leave_no_core()
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(credenza),
            http=Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
    )

    def end(_: int, __: FrameType | None) -> None:
        # uvicorn drains on a signal, then raises it again; before that, the signal finds it not begun.
        if not server.should_exit:
            raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    gc.freeze()  # what is there by now stays there: no collection need look at it
    server.run(sockets=[listener])
