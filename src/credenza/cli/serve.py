"""`credenza serve`: the store over HTTP, by one process or several."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket

import msgspec
import rich_click as click

from credenza.cli.developer import begin, write_lines
from credenza.cli.escrow_warning import warn_of_escrow
from credenza.cli.output import wants_json
from credenza.cli.serving import read_place, run, serve_metrics
from credenza.cli.session import json_option, read_settings, saving_options, setting, store_options
from credenza.errors import Misconfigured
from credenza.metrics import Metrics
from credenza.settings import DAY, WEEK, Credenza, Settings, open_credenza
from credenza.tracing import is_asked_for, start_tracing
from credenza.web.logs import catch_strays, configure_logging

_log = logging.getLogger("credenza")
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
@setting("--kek-next", metavar="URI", help="Where the key is that `vault rewrap` gives the vault.")
@setting("--public-url", metavar="URL", help="Base of the links handed out, if not the address.")
@setting(
    "--redirect-origins",
    metavar="LIST",
    help="Where people may be sent after a setup, with commas between them.",
)
@setting("--frame-origins", metavar="LIST", help="Whose pages may hold a setup page, with commas between.")
@setting("--setup-minutes", type=click.IntRange(1, WEEK), help="How long the link of a setup is good.")
@setting("--session-minutes", type=click.IntRange(1, WEEK), help="How long a session is good.")
@setting(
    "--key-minutes",
    type=click.IntRange(1, DAY),
    help="How often a provider that can take the key back is asked for it again.",
)
@setting(
    "--key-grace-minutes",
    type=click.IntRange(1, WEEK),
    help="How long the key is used while that provider does not answer.",
)
@setting("--access-log/--no-access-log", help="A line for every request.")
@setting(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="The least that is logged.",
)
@setting(
    "--metrics",
    metavar="WHERE",
    help="on: at /metrics; off; or HOST:PORT, one more for each worker.",
)
@setting("--workers", type=click.IntRange(1, 64), help="Processes that serve; more than one on PostgreSQL.")
@setting(
    "--drain-delay",
    type=click.IntRange(0, 600),
    help="Seconds to go on serving at the end, while /readyz says 503.",
)
@setting("--drain-seconds", type=click.IntRange(1, 3_600), help="Most seconds to finish requests at the end.")
@setting("--cache-mib", type=click.IntRange(min=1), help="Memory for pages of the store, in MiB.")
@setting(
    "--checkpoint-mib",
    type=click.IntRange(min=1),
    help="Size of the write-ahead log at which it is folded in, in MiB.",
)
@json_option
def serve(host: str, port: int) -> None:
    """Serve the store over HTTP until it is told to stop.

    SIGTERM and Ctrl-C end it: /readyz answers 503, after --drain-delay nothing more is accepted, and requests
    that have begun come to their end within --drain-seconds. A second signal hastens that. A vault without
    its key does not keep the server from starting: what can be answered without secrets is answered. Started
    with --json, it says where it is as one line of JSON.
    """
    settings = read_settings()
    with _listen(host, port, local=settings.dev) as listener:
        address = _write_address(listener, host)
        if not settings.public_url:
            _warn_of_links(listener, address)
            settings = read_settings(public_url=address)
        _check(settings)
        if settings.workers > 1:
            _serve_by_many(settings, listener, address)
        else:
            _serve_alone(settings, listener, address)


def _check(settings: Settings) -> None:
    read_place(settings.metrics)
    if settings.workers > 1 and not settings.kind.startswith("postgres"):
        raise Misconfigured("SQLite is served by one process: leave out --workers, or use PostgreSQL.")


def _serve_alone(settings: Settings, listener: socket.socket, address: str) -> None:
    metrics = Metrics(start_tracing(os.environ))
    credenza = open_credenza(settings, serving=True, create=settings.dev, observer=metrics)
    try:
        _announce(credenza, address)
        configure_logging(settings.log_level)
        catch_strays()
        run(credenza, listener, serve_metrics(settings, metrics))
    finally:
        credenza.close()
        if metrics.tracing is not None:
            metrics.tracing.close()
    _log.info("ended", extra={"pid": os.getpid()})


def _serve_by_many(settings: Settings, listener: socket.socket, address: str) -> None:
    from credenza.cli.workers import Workers  # noqa: PLC0415  # one process is what most have

    is_asked_for(os.environ)  # so that what is wrong with it is told once
    credenza = open_credenza(settings, create=settings.dev)
    try:
        _announce(credenza, address)
    finally:
        credenza.close()
    configure_logging(settings.log_level)
    if code := Workers(settings, listener).run():
        raise SystemExit(code)
    _log.info("ended", extra={"pid": os.getpid()})


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
    else:
        for name in credenza.vault.lacking():
            click.echo(f"The vault is being given the key {name}: name its place with --kek-next.", err=True)
        if not credenza.settings.dev and (warning := warn_of_escrow(credenza)):
            click.echo(warning, err=True)
    start = begin(credenza, address)
    if wants_json():
        click.echo(msgspec.json.encode(start))
        return
    for line in write_lines(credenza, start):
        click.echo(line)
