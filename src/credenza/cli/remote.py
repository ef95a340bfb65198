"""A server instead of a store on this machine: the options that name it, and its answers in our own words.

The client is imported where one is made: nothing else here is to pay for it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import rich_click as click
from click.core import ParameterSource

from credenza import errors
from credenza.cli.failures import Misused
from credenza.cli.options import keep, with_options
from credenza.cli.output import clean, current_context, wants_json
from credenza.errors import CredenzaError, Problem
from credenza.model import Item, Receipt
from credenza.sensitive import Sensitive

if TYPE_CHECKING:
    from credenza import client

Command = TypeVar("Command", bound=Callable[..., Any])
STDIN = "-"
_URL, _FILE = "credenza.url", "credenza.token-file"
_VARIABLE = "CREDENZA_TOKEN"
_LARGEST = 4096
_LOCAL = ("store", "kek", "schemas", "workspace", "validation", "keep_versions")
_OPTIONAL = {"expectedVersion", "maxTokens", "frequency"}
_SELDOM = {"misfits", "managedBy"}  # stands only where there are some
_ERRORS: dict[int, type[CredenzaError]] = {
    400: errors.Invalid,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    412: errors.PreconditionFailed,
    413: errors.TooLarge,
    415: errors.Unsupported,
    422: errors.KeyReused,
    507: errors.StoreFull,
}


def remote_options(command: Command) -> Command:
    """Add the options that name a server and where its credential is."""
    return with_options(
        command,
        click.option(
            "--url",
            metavar="URL",
            envvar="CREDENZA_URL",
            expose_value=False,
            callback=keep(_URL),
            help="A server to work with, instead of a store on this machine. [CREDENZA_URL]",
        ),
        click.option(
            "--token-file",
            metavar="FILE",
            expose_value=False,
            callback=keep(_FILE),
            help=f"File with the API key for --url; - is standard input. [{_VARIABLE} holds the key itself]",
        ),
    )


def names_server(*, reads_stdin: bool = False) -> bool:
    """Tell whether this command is to work with a server; `reads_stdin`: it takes standard input for itself.

    Raises:
        Misused: options that do not go together.
    """
    ctx = current_context()
    file = ctx.meta.get(_FILE)
    if not ctx.meta.get(_URL):
        if file is not None:
            raise Misused("--token-file goes with --url.")
        return False
    given = [name for name in _LOCAL if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise Misused(f"{names} cannot go with --url or CREDENZA_URL: the server has its own.")
    if file is None and not os.environ.get(_VARIABLE):
        raise Misused(f"Say where the API key for the server is: --token-file FILE, or {_VARIABLE}.")
    if file == STDIN and reads_stdin:
        raise Misused("Standard input cannot be both the integrations and the API key.")
    return True


@contextmanager
def connected() -> Iterator[client.Client]:
    """Give a client of the server that was named; what goes wrong there is raised as it would be here.

    Raises:
        Misused: URL or key cannot be one.
        CredenzaError: what the server refused, or Unavailable where it cannot be reached.
    """
    from credenza.client import Client, ClientError  # noqa: PLC0415  # a local command is not to pay for it

    token = _read_token()
    opened = _open(Client, token)
    try:
        with opened:
            yield opened
    except ClientError as error:
        failure = translate(error)
    else:
        return
    raise failure


def translate(error: client.ClientError) -> CredenzaError:
    """Return a client's error as the one that the same command raises over a store."""
    status: int = getattr(error, "status", 0)
    problems: tuple[client.Problem, ...] = getattr(error, "problems", ())
    code: str = clean(getattr(error, "code", "")) or "unreachable"
    kind = _ERRORS.get(status, errors.Unavailable)
    translated = kind(clean(error.message), code=code, problems=[_translate(each) for each in problems])
    translated.retryable = error.retryable
    return translated


def read_receipt(receipt: client.Receipt) -> Receipt:
    """Return a client's receipt as the core's."""
    items = [
        Item(
            name=None if each.name is None else clean(each.name),
            result=each.result,
            version=each.version,
            changed=each.changed,
            secrets=each.secrets,
            missing=each.missing,
            problems=tuple(_translate(problem) for problem in each.problems),
        )
        for each in receipt.results
    ]
    return Receipt(tuple(items), receipt.dry_run)


def show_resolved(resolved: client.Resolved) -> dict[str, Any]:
    """Return an integration in clear as the server's answer had it."""
    apis = [
        show(api) | {"configuration": resolved.apis[api.api].reveal()}
        for api in resolved.integration.apis or ()
    ]
    shown = show(resolved.integration)
    del shown["apis"]  # to stand at the end, as in the answer
    return shown | {"configuration": resolved.configuration.reveal(), "apis": apis}


def show(struct: msgspec.Struct) -> dict[str, Any]:
    """Return a struct of the client under the names of the wire, with what has its default too."""
    fields = msgspec.structs.fields(struct)
    shown = {field.encode_name: msgspec.to_builtins(getattr(struct, field.name)) for field in fields}
    return {
        name: value
        for name, value in shown.items()
        if (value or name not in _SELDOM) and (value is not None or name not in _OPTIONAL)
    }


def _translate(problem: client.Problem) -> Problem:
    return Problem(
        clean(problem.code),
        clean(problem.message),
        clean(problem.pointer),
        problem.keyword,
        problem.index,
        None if problem.name is None else clean(problem.name),
    )


def _open(make: type[client.Client], token: Sensitive[str]) -> client.Client:
    try:
        return make(current_context().meta[_URL], token)
    except ValueError as error:
        sentence = str(error)  # the client's own: it names no value
    raise Misused(sentence)


def _read_token() -> Sensitive[str]:
    file = current_context().meta.get(_FILE)
    if file is None:
        return Sensitive(os.environ[_VARIABLE].strip())
    try:
        data = _read_file(file)
        return Sensitive(data.decode("ascii").strip())
    except OSError as error:
        sentence = f"The file with the API key cannot be read: {error.strerror}."
    except UnicodeDecodeError:
        sentence = "The file with the API key holds something else."
    raise Misused(sentence)


def _read_file(file: str) -> bytes:
    if file == STDIN:
        return sys.stdin.buffer.read(_LARGEST)
    with Path(file).open("rb") as opened:
        mode = os.fstat(opened.fileno()).st_mode
        # Not into JSON, which somebody reads as a whole.
        if os.name == "posix" and mode & stat.S_IROTH and not wants_json():
            click.echo("warning: everybody on this machine can read the file with the API key.", err=True)
        return opened.read(_LARGEST)
