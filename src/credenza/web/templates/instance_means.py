"""What plans about instances rest on, as a request finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from credenza.connectors import ConnectorType
from credenza.errors import Problem
from credenza.model import Choice
from credenza.plans.catalogue import PROVIDER, Providers
from credenza.plans.instance_providers import Means, Pairing
from credenza.web.asking import AnyRequest, now, workspace_of
from credenza.web.templates.asking import providers_in
from credenza.workspace.desk import Desk
from credenza.workspace.face import Workspace


async def find_means(request: AnyRequest) -> Callable[[Desk], Means]:
    """Return what makes the means of a plan; they are read with the plan's own papers."""
    return await asyncio.to_thread(find_means_in, workspace_of(request), now(request))


def find_means_in(workspace: Workspace, at: int) -> Callable[[Desk], Means]:
    """Return the same for a workspace at a time in milliseconds."""
    providers = providers_in(workspace)
    return lambda desk: Means(desk, providers(desk), remember_pairs(desk), desk.taken, at)


def remember_pairs(desk: Desk) -> Pairing:
    """Return what checks pairs, each but once."""
    known: dict[tuple[str, str | None, str | None], Sequence[Problem]] = {}

    def pair(type: ConnectorType, config: str | None, auth: str | None) -> Sequence[Problem]:
        key = (type.name, config, auth)
        if key not in known:
            known[key] = desk.pairing(type, config, auth)
        return known[key]

    return pair


def name_providers(choice: Choice, known: Providers) -> Choice:
    """Return a choice in which providers are named by their ids, not by their slugs."""
    links = tuple(
        (relation, known.translate(ids) if relation == PROVIDER else ids) for relation, ids in choice.links
    )
    return msgspec.structs.replace(choice, links=links)
