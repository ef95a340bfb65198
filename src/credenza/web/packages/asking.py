"""How the calls of this surface reach papers, and whom they act for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from credenza.access import allows
from credenza.errors import Forbidden
from credenza.model import Actor, Permission, Role, Tenant
from credenza.model.entries import PACKAGES
from credenza.plans.packages.packages import missing_package
from credenza.web.answers import Answer, answer_json
from credenza.web.asking import AnyRequest, now, opened_of, workspace_of
from credenza.web.auth import actor_of
from credenza.workspace.desk import Desk, Papers, Planned
from credenza.workspace.packages import By

T = TypeVar("T")


async def read_shared(request: AnyRequest, job: Callable[[Desk], T]) -> T:
    """Return what a job makes of packages; operators may look at what asks to be public. Raises Forbidden."""
    permission = Permission.OPERATE if is_operator(request) else Permission.READ
    return await asyncio.to_thread(Papers(workspace_of(request)).read, job, permission)


async def answer_change(
    request: AnyRequest, verb: str, plan: Callable[[Desk], Planned[T]], *, dry_run: bool = False
) -> Answer:
    """Do what a plan comes to and return its answer; raises what `Papers.change` does."""
    papers = Papers(workspace_of(request))
    return answer_json(await asyncio.to_thread(papers.change, verb, plan, dry_run=dry_run))


async def answer_operation(
    request: AnyRequest, verb: str, id: str, plan: Callable[[Desk], Planned[T]]
) -> Answer:
    """Do what an operator's plan comes to in the workspace of a package, and return its answer.

    Raises:
        Forbidden: the role may not operate.
        NotFound: there is no package of this id that asks to be public.
    """
    workspace = workspace_of(request)
    await asyncio.to_thread(workspace.require, Permission.OPERATE, verb)
    shared = await read_shared(request, lambda desk: desk.shared(PACKAGES, [id]).get(id))
    if shared is None:
        raise missing_package()
    actor = Actor(shared.tenant, f"operator:{workspace.actor.name}", Role.EDITOR)
    papers = Papers(opened_of(request).workspace(actor))
    return answer_json(await asyncio.to_thread(papers.change, verb, plan))


def is_operator(request: AnyRequest) -> bool:
    """Tell whether the actor is over workspaces, and not in one."""
    return allows(actor_of(request), Permission.OPERATE)


def require_trust(request: AnyRequest) -> None:
    """Refuse who may not give a tier of trust."""
    if not is_operator(request):
        raise Forbidden("This tier of trust is for an operator to give.")


def tenant_of(request: AnyRequest) -> Tenant:
    """Return the workspace of the actor."""
    return actor_of(request).tenant


def by_of(request: AnyRequest) -> By:
    """Return who acts, in which workspace, and when."""
    return By(tenant_of(request), actor_of(request).name, now(request))


def viewer_of(request: AnyRequest) -> Tenant | None:
    """Return the workspace whose own packages are shown whole; None: an operator's, who is in none."""
    return None if is_operator(request) else tenant_of(request)
