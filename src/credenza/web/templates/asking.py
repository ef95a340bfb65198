"""How the calls of this surface reach papers: read at one moment, or changed all or none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from credenza.errors import Invalid
from credenza.plans.catalogue import Providers, read_providers
from credenza.plans.values import place_problems
from credenza.web.asking import AnyRequest, workspace_of
from credenza.workspace.desk import Desk, Papers, Planned
from credenza.workspace.face import Workspace

T = TypeVar("T")


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


async def providers_of(request: AnyRequest) -> Callable[[Desk], Providers]:
    """Return what reads the providers of the workspace; their types are known before."""
    return await asyncio.to_thread(providers_in, workspace_of(request))


def providers_in(workspace: Workspace) -> Callable[[Desk], Providers]:
    """Return what reads the providers of a workspace."""
    types, shipped = workspace.catalogue, workspace.shipped
    return partial(read_providers, types=types, shipped=shipped, tenant=workspace.actor.tenant)
