"""What becomes of instances when their template changes: they follow before the change is answered.

The template is changed first, so that no instance can be made of what it was. Its instances follow in
chunks, each all or none; whoever reads one meanwhile is shown what the template says. That they have to is
kept together with the change, and what was interrupted is finished when the server starts again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from credenza.errors import Clash, Conflict, CredenzaError, Damaged, Invalid, NotFound
from credenza.model import Actor, Change, Choice, Role
from credenza.plans import cascades
from credenza.plans.cascades import Cascade, end_cascade, keep_cascade, name_cascade, read_cascade
from credenza.plans.instance_changes import follow_template
from credenza.plans.instance_providers import Means
from credenza.plans.instances import DRAFT, KIND, read_instance
from credenza.plans.previews import ACTIVE
from credenza.plans.templates import KIND as TEMPLATE
from credenza.plans.templates import read_template
from credenza.settings import Credenza
from credenza.web.asking import AnyRequest, now, workspace_of
from credenza.web.templates.instance_means import find_means_in
from credenza.workspace.desk import Desk, Papers, Planned
from credenza.workspace.face import Workspace

CHUNK = 50
_VERB, _END = "instance", "cascade"
_SERVER = "server"  # who goes on with what was interrupted, in audit rows
_OWN_FAULT = (Invalid, Clash, Conflict, Damaged, NotFound)  # of one instance, which stops no other


def mark(desk: Desk, relation: str, target: str, at: int) -> list[Change]:
    """Return the change that says that instances have to follow something; none where there are no such."""
    if not _look(desk, relation, target, limit=1):
        return []
    desk.paper(cascades.KIND, name_cascade(relation, target))
    return [keep_cascade(relation, target, at)]


async def follow(request: AnyRequest, relation: str, id: str) -> None:
    """Let all instances that are linked to something by a relation follow what it has become.

    One that cannot follow stops no other.

    Raises:
        Conflict: somebody kept changing the same instances; asking for the same again goes on.
        Damaged: one was changed behind the program's back; all others have followed.
    """
    await asyncio.to_thread(_run, workspace_of(request), now(request), relation, id)


def resume(opened: Credenza) -> None:
    """Let instances follow where that was interrupted; what cannot be done now is left for the next time."""
    for tenant in opened.accounts.workspaces():
        workspace = opened.workspace(Actor(tenant, _SERVER, Role.EDITOR))
        with suppress(CredenzaError):
            _resume_in(workspace, opened.policy.clock())


def _resume_in(workspace: Workspace, at: int) -> None:
    after: str | None = None
    while found := Papers(workspace).read(partial(_list_pending, after=after)):
        for each in found:
            with suppress(CredenzaError):
                _run(workspace, at, each.relation, each.target)
        after = name_cascade(found[-1].relation, found[-1].target)


def _run(workspace: Workspace, at: int, relation: str, target: str) -> None:
    papers, find = Papers(workspace), find_means_in(workspace, at)
    begun = papers.read(lambda desk: _find_begun(desk, relation, target))
    failed: CredenzaError | None = None
    ids = papers.read(lambda desk: _look(desk, relation, target))
    while ids:
        failed = _change(papers, find, ids) or failed
        ids = papers.read(partial(_look, relation=relation, target=target, after=ids[-1]))
    if failed is None and begun is not None:
        papers.change(_END, partial(_end, begun=begun))
    # What was asked for is done: that an instance has no room for it is not the caller's fault.
    if failed is not None and not isinstance(failed, Invalid):
        raise failed


def _change(papers: Papers, find: Callable[[Desk], Means], ids: Sequence[str]) -> CredenzaError | None:
    """Let instances follow, together or else each for itself; return why one could not."""
    try:
        papers.change(_VERB, partial(_plan, find=find, ids=ids))
    except _OWN_FAULT as error:
        if len(ids) == 1:
            return error
        failed = [_change(papers, find, [each]) for each in ids]
        return next((each for each in failed if each is not None), None)
    return None


def _plan(desk: Desk, find: Callable[[Desk], Means], ids: Sequence[str]) -> Planned[None]:
    means, changes = find(desk), list[Change]()
    instances = [read_instance(paper) for paper in desk.papers(KIND, ids).values()]
    wanted = sorted({instance.integration_id for instance in instances})
    templates = {slug: read_template(paper) for slug, paper in desk.papers(TEMPLATE, wanted).items()}
    if not templates.keys() >= {*wanted}:
        raise Damaged("The template of an instance is gone.")
    for instance in instances:
        changes += follow_template(means, templates[instance.integration_id], instance)[1]
    return Planned(changes, None)


def _end(desk: Desk, begun: Cascade) -> Planned[None]:
    """Say that all have followed, unless there is something else to follow by now."""
    there = _find_begun(desk, begun.relation, begun.target)
    return Planned([end_cascade(begun.relation, begun.target)] if there == begun else [], None)


def _look(desk: Desk, relation: str, target: str, after: str | None = None, limit: int = CHUNK) -> list[str]:
    links = ((relation, (target,)),)
    choice = Choice(kind=KIND, limit=limit, statuses=(DRAFT, ACTIVE), links=links, after=after, hidden=True)
    return [place.id for place in desk.places(choice)]


def _find_begun(desk: Desk, relation: str, target: str) -> Cascade | None:
    paper = desk.paper(cascades.KIND, name_cascade(relation, target))
    return None if paper is None else read_cascade(paper)


def _list_pending(desk: Desk, after: str | None) -> list[Cascade]:
    choice = Choice(kind=cascades.KIND, limit=CHUNK, statuses=(cascades.PENDING,), after=after)
    return [read_cascade(paper) for _, paper in desk.page(choice)]
