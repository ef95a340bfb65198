"""What every handler does with the core: find its workspace, and wait for it without holding the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec
from litestar import Request

from credenza.access import allows
from credenza.errors import CredenzaError
from credenza.model import Permission, Receipt
from credenza.settings import Credenza
from credenza.web.auth import actor_of
from credenza.web.landing import Landing
from credenza.workspace import Workspace
from credenza.workspace.desk import Desk, Papers

AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")
LARGE = 64 * 1024  # bytes


def opened_of(request: AnyRequest) -> Credenza:
    """Return everything that is open."""
    opened: Credenza = request.app.state.credenza
    return opened


def now(request: AnyRequest) -> int:
    """Return the time in milliseconds, by the clock of the service."""
    return opened_of(request).policy.clock()


def workspace_of(request: AnyRequest) -> Workspace:
    """Return the workspace of the actor who was let in."""
    return opened_of(request).workspace(actor_of(request))


async def read_papers(request: AnyRequest, job: Callable[[Desk], T]) -> T:
    """Return what a job makes of the papers of the workspace. Raises Forbidden."""
    return await asyncio.to_thread(Papers(workspace_of(request)).read, job)


async def require_writer(request: AnyRequest, verb: str, permission: Permission = Permission.WRITE) -> None:
    """Refuse who may not write everything, before the body is read; `verb` is what the audit calls it.

    For a call that gives more than writing does, or to others, `permission` says what it asks for.
    """
    workspace = workspace_of(request)
    actor = workspace.actor
    if not allows(actor, permission) or actor.names or actor.tags:
        await asyncio.to_thread(workspace.require, permission, verb)


async def landed(request: AnyRequest, future: Future[T]) -> T:
    """Return what a future of the core comes to, or raise it."""
    landing: Landing = request.app.state.landing
    return await landing.wait(future)


async def writing(request: AnyRequest, verb: str = "save") -> Workspace:
    """Return the workspace of an actor who may write.

    Others are refused before the body is read; `verb` is what the audit calls it.
    """
    workspace = workspace_of(request)
    if not allows(workspace.actor, Permission.WRITE):
        await landed(request, workspace.submit([], verb=verb))
    return workspace


async def decoded(body: bytearray, read: Callable[..., T], *arguments: object) -> T:
    """Return what a reader makes of a body; a large one does not hold up the event loop."""
    if len(body) <= LARGE:
        return read(body, *arguments)
    return await asyncio.to_thread(read, body, *arguments)


async def saved(request: AnyRequest, future: Future[Receipt], within: str = "") -> Receipt:
    """Return the receipt of a change that came alone, or raise what is wrong with it.

    Problems then point into the body that was sent: `within` is where that stands in the integration.
    """

    def locate(pointer: str) -> str:
        around = f"{within}/".startswith(f"{pointer}/")
        return "" if around else pointer.removeprefix(within)

    try:
        return await landed(request, future)
    except CredenzaError as error:
        problems = [
            msgspec.structs.replace(problem, index=None, pointer=locate(problem.pointer))
            for problem in error.problems
        ]
        message = problems[0].message if len(problems) == 1 else error.message
        raise type(error)(message, code=error.code, problems=problems) from None
