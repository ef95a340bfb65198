"""Sessions of either kind with what they are of: their template and their instance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from credenza.plans.instances import KIND as INSTANCE
from credenza.plans.instances import Instance, find_instance, read_instance
from credenza.plans.templates import KIND as TEMPLATE
from credenza.plans.templates import Template, find_template, read_template
from credenza.workspace.desk import Desk


class _Session(Protocol):
    @property
    def integration_id(self) -> str: ...

    @property
    def integration_instance_id(self) -> str: ...


S = TypeVar("S", bound=_Session)


class Whole(NamedTuple, Generic[S]):
    """A session with what it is of."""

    session: S
    template: Template
    instance: Instance


class Wholes:
    """What sessions of a list are of, run by run; those that follow each other are mostly of one template."""

    def __init__(self, desk: Desk) -> None:
        """Begin with nothing read."""
        self._desk = desk
        self._templates: dict[str, Template] = {}

    def find(self, sessions: Sequence[S]) -> list[Whole[S]]:
        """Return sessions with what they are of."""
        wanted = sorted({each.integration_instance_id for each in sessions})
        instances = {
            slug: read_instance(paper) for slug, paper in self._desk.papers(INSTANCE, wanted).items()
        }
        above = {each.integration_id for each in sessions}
        known = {slug: template for slug, template in self._templates.items() if slug in above}
        papers = self._desk.papers(TEMPLATE, sorted(above - known.keys()))
        self._templates = known | {slug: read_template(paper) for slug, paper in papers.items()}
        return [
            Whole(each, self._templates[each.integration_id], instances[each.integration_instance_id])
            for each in sessions
        ]


def find_whole(desk: Desk, session: S) -> Whole[S]:
    """Return a session with what it is of; raises NotFound."""
    instance = find_instance(desk, session.integration_instance_id)
    return Whole(session, find_template(desk, session.integration_id), instance)
