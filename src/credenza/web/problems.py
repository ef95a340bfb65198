"""Errors as answers: one body everywhere (RFC 9457), one table of status codes.

On the paths of templates, instances and setup sessions the body has a few fields more, and the codes that
their clients know.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from credenza import errors
from credenza.errors import CredenzaError, Problem, VaultLocked
from credenza.pointers import split
from credenza.web.templates.presentations import HEADER, is_presented, read_version

_log = logging.getLogger("credenza")

STATUS: dict[type[CredenzaError], HTTPStatus] = {
    errors.Invalid: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Clash: HTTPStatus.CONFLICT,
    errors.Gone: HTTPStatus.GONE,
    errors.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.Unsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.StoreFull: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Misconfigured: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.CredenzaError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
# What the framework itself refuses, in our words: its own sentences may repeat what was sent.
_FRAMEWORK: dict[int, tuple[str, str]] = {
    400: ("invalid_request", "The request cannot be read."),
    404: ("not_found", "There is nothing at this path."),
    405: ("method_not_allowed", "This path does not take this method."),
    413: ("too_large", "The body is larger than the limit."),
}
# The codes that official clients of the bulk-save contract look for before they renew a token.
_RENEW = {"expired_token": "EXPIRED_TOKEN", "invalid_token": "INVALID_TOKEN"}
# The codes that clients of templates know for what is refused before a call of theirs is reached.
_PRESENTED = {
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal_server_error",
}


class ProblemBody(msgspec.Struct):
    """The body of every error: RFC 9457, and the fields that existing clients read."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    instance: str
    retryable: bool
    errors: Sequence[Problem] | msgspec.UnsetType = msgspec.UNSET
    error: str | msgspec.UnsetType = msgspec.UNSET
    typename: str | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="__typename")
    ok: bool | msgspec.UnsetType = msgspec.UNSET


class PlacedProblem(Problem, frozen=True, omit_defaults=True, kw_only=True):
    """The same, and its pointer step by step."""

    path: tuple[str | int, ...]


def status_of(error: CredenzaError) -> HTTPStatus:
    """Return the status code of an error, by its nearest ancestor in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def write_problem(
    error: CredenzaError, instance: str, status: HTTPStatus | None = None, *, presented: bool = False
) -> bytes:
    """Return the body of an error as JSON; `instance` is the request's id.

    `presented`: as the clients of templates, instances and setup sessions know it.
    """
    status = status or status_of(error)
    code = _PRESENTED.get(status, error.code) if presented else error.code
    told = [_place(problem) for problem in error.problems] if presented else list(error.problems)
    body = ProblemBody(
        type=f"urn:credenza:problem:{code}",
        title=status.phrase,
        status=status.value,
        detail=error.message,
        code=code,
        message=error.message,
        instance=instance,
        retryable=error.retryable,
        errors=told or msgspec.UNSET,
        error=_RENEW.get(error.code, msgspec.UNSET) if status is HTTPStatus.UNAUTHORIZED else msgspec.UNSET,
    )
    if presented:
        body.typename, body.ok = "error", False
    return msgspec.json.encode(body)


def _place(problem: Problem) -> PlacedProblem:
    steps = split(problem.pointer)
    path = tuple(int(step) if step.isascii() and step.isdigit() else step for step in steps)
    return PlacedProblem(**msgspec.structs.asdict(problem), path=path)


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Turn any exception into an answer; what is not ours says nothing of itself."""
    instance = str(request.scope.get("credenza.id", ""))
    status, ours = _classify(error)
    request.scope["credenza.code"] = ours.code  # type: ignore[typeddict-unknown-key]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # The type and the place, never the text: it may hold a value.
        _log.error(
            "request failed", extra={"request": instance, "code": ours.code, "failure": describe(error)}
        )
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    if isinstance(error, HTTPException) and status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = (error.headers or {}).get("allow", "")
    if ours.retryable:
        headers["Retry-After"] = "1"
    presented = is_presented(request.scope["path"])
    if presented:
        headers[HEADER] = read_version(request)
    return Response(
        write_problem(ours, instance, status, presented=presented),
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )


def describe(error: BaseException) -> str:
    """Name an exception, where it was raised and where our own code was by then; no text, no value."""
    trace, places = error.__traceback__, []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{show_file(code.co_filename)}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    ours = [place for place in places if place.startswith("credenza/")]
    told = places[-1:] if not ours or ours[-1] == places[-1] else [places[-1], f"by {ours[-1]}"]
    return " ".join([type(error).__name__, "at", ", ".join(told)]) if told else type(error).__name__


def show_file(path: str) -> str:
    """Return the path of a source file from its package on: where that is installed is nobody's business."""
    steps = path.replace("\\", "/").split("/")
    for root in ("site-packages", "src", "lib"):
        if root in steps[:-1]:
            return "/".join(steps[len(steps) - steps[::-1].index(root) :])
    return steps[-1]


def _classify(error: Exception) -> tuple[HTTPStatus, CredenzaError]:
    if isinstance(error, VaultLocked):
        return status_of(
            error
        ), VaultLocked()  # where its key is kept is the operator's to know, not the caller's
    if isinstance(error, CredenzaError):
        return status_of(error), error
    if isinstance(error, HTTPException) and error.status_code in _FRAMEWORK:
        code, message = _FRAMEWORK[error.status_code]
        return HTTPStatus(error.status_code), CredenzaError(message, code=code)
    return HTTPStatus.INTERNAL_SERVER_ERROR, CredenzaError("Something went wrong on our side.")
