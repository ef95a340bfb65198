"""How the calls of this surface reach papers: read at one moment, or changed all or none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from credenza.access import allows
from credenza.errors import Invalid
from credenza.model import Permission
from credenza.plans.catalogue import Providers, read_providers
from credenza.plans.values import place_problems
from credenza.settings import Credenza
from credenza.web.asking import AnyRequest, workspace_of
from credenza.workspace.desk import Desk, Papers, Planned
from credenza.workspace.face import Workspace

T = TypeVar("T")


async def read_papers(request: AnyRequest, job: Callable[[Desk], T]) -> T:
    """Return what a job makes of papers; raises Forbidden."""
    return await asyncio.to_thread(Papers(workspace_of(request)).read, job)


async def change_papers(request: AnyRequest, verb: str, plan: Callable[[Desk], Planned[T]]) -> T:
    """Do what a plan comes to and return its answer; raises what `Papers.change` does."""
    return await asyncio.to_thread(Papers(workspace_of(request)).change, verb, plan)


async def save_values(
    request: AnyRequest, verb: str, plan: Callable[[Desk], Planned[T]], pointers: Mapping[str, str]
) -> T:
    """Do the same where a plan saves values; what is wrong with these is told where they were sent.

    `pointers` are by what the ids of their papers begin with.
    """
    try:
        return await change_papers(request, verb, plan)
    except Invalid as error:
        raise place_problems(error, pointers) from None


async def require_writer(request: AnyRequest, verb: str, permission: Permission = Permission.WRITE) -> None:
    """Refuse who may not write before the body is read; `verb` is what the audit calls it.

    For a call that gives more than writing does, or to others, `permission` says what it asks for.
    """
    workspace = workspace_of(request)
    actor = workspace.actor
    if not allows(actor, permission) or actor.names or actor.tags:
        await asyncio.to_thread(workspace.require, permission, verb)


def now(request: AnyRequest) -> int:
    """Return the time in milliseconds, by the clock of the service."""
    opened: Credenza = request.app.state.credenza
    return opened.policy.clock()


async def providers_of(request: AnyRequest) -> Callable[[Desk], Providers]:
    """Return what reads the providers of the workspace; their types are known before."""
    return await asyncio.to_thread(providers_in, workspace_of(request))


def providers_in(workspace: Workspace) -> Callable[[Desk], Providers]:
    """Return what reads the providers of a workspace."""
    types, shipped = workspace.catalogue, workspace.shipped
    return partial(read_providers, types=types, shipped=shipped, tenant=workspace.actor.tenant)
