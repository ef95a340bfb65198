"""What a setup page shows, and what the page needs of the sessions behind it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from credenza.errors import Gone, NotFound
from credenza.sensitive import Sensitive


class LinkUnknown(NotFound):
    """This link does not work: it is incomplete, or not one of ours."""


class LinkExpired(Gone):
    """This link has expired."""


class Layout(StrEnum):
    """How the page stands on the screen: a card, a card beside the steps, or the bare form."""

    BOX = "box"
    SIDE = "side"
    LIGHT = "light"


class StepState(StrEnum):
    """Where a step is: to do, done, or to be done again."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


class Kind(StrEnum):
    """How a field is entered."""

    TEXT = "text"
    NUMBER = "number"
    PASSWORD = "password"  # noqa: S105  (how it is entered)
    FILE = "file"
    CHOICE = "choice"
    CHECKS = "checks"
    LINES = "lines"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One provider to connect; `reachable`: the page offers a link to it."""

    id: str
    name: str
    description: str = ""
    state: StepState = StepState.OPEN
    reachable: bool = False


class Choice(msgspec.Struct, frozen=True):
    """One option: what is shown, and what is sent."""

    label: str
    value: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a form.

    `value` is what stands in it: never anything of a secret. `stored`: left empty, the stored secret stays.
    `free`: the options are not all there are. `decides`: other fields come and go with it. `problem` is a
    sentence for the person, or empty.
    """

    key: str
    kind: Kind
    label: str
    help: str = ""
    example: str = ""
    required: bool = False
    stored: bool = False
    decides: bool = False
    options: tuple[Choice, ...] = ()
    free: bool = False
    value: Sensitive[str] | None = None
    problem: str = ""

    @property
    def secret(self) -> bool:
        """Say whether it is never filled in beforehand, nor sent before the form is."""
        return self.kind in {Kind.PASSWORD, Kind.FILE}

    @property
    def text(self) -> str:
        """Return what stands in it, in clear."""
        return self.value.reveal() if self.value else ""

    @property
    def other(self) -> str:
        """Return what stands in it, where that is none of the options and need not be."""
        return self.text if self.free and all(self.text != each.value for each in self.options) else ""

    @property
    def lines(self) -> list[str]:
        """Return what stands in it, line by line."""
        return self.text.splitlines()


class ToolChoice(msgspec.Struct, frozen=True):
    """Which tools may be used: every one, or those named and those that a pattern matches."""

    every: bool = True
    keys: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Say whether no tool could be used at all, which is not what a person means."""
        return not (self.every or self.keys or self.patterns)


class Tools(msgspec.Struct, frozen=True):
    """The choice of tools as it stands; of `known` ones there is a list to tick, others are typed."""

    known: tuple[Choice, ...] = ()
    chosen: ToolChoice = ToolChoice()
    problem: str = ""

    @property
    def others(self) -> list[str]:
        """Return the chosen tools that are not known."""
        known = {tool.value for tool in self.known}
        return [key for key in self.chosen.keys if key not in known]


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """The form of one step; `notes` are problems that belong to no field of it.

    `asked` comes back with the answers, and tells which question they are to. `leads` are the places where
    what is entered goes, as far as the person does not enter these themselves.
    """

    step_id: str
    fields: tuple[Field, ...] = ()
    tools: Tools | None = None
    notes: tuple[str, ...] = ()
    asked: str = ""
    leads: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Say whether anything has to be entered anew."""
        return bool(self.notes or (self.tools and self.tools.problem) or any(f.problem for f in self.fields))


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A setup session as its page shows it.

    `product` is who asks, `form` that of the open step (None: the step is done, or all are), `redirect_url`
    where the person goes at the end, checked anew each time, `frame_ancestors` the origins that may embed
    the page. `expires_at` is in milliseconds since the epoch.
    """

    session_id: str
    product: str
    description: str = ""
    layout: Layout = Layout.BOX
    steps: tuple[Step, ...] = ()
    form: Form | None = None
    finished: bool = False
    redirect_url: str | None = None
    expires_at: int | None = None
    frame_ancestors: tuple[str, ...] = ()

    @property
    def current(self) -> Step | None:
        """Return the step whose form is shown."""
        return next((step for step in self.steps if self.form and step.id == self.form.step_id), None)

    @property
    def following(self) -> Step | None:
        """Return the first step that is not done and may be opened."""
        waiting = (step for step in self.steps if step.state is not StepState.DONE)
        return next((step for step in waiting if step.reachable), None)


class Answers(msgspec.Struct, frozen=True):
    """What was entered: texts by key (entries of a list in lines), uploaded files by key, choice of tools.

    `asked` is that of the form it was entered into.
    """

    texts: Mapping[str, Sensitive[str]] = {}
    uploads: Mapping[str, Sensitive[bytes]] = {}
    tools: ToolChoice | None = None
    asked: str = ""


class Setup(Protocol):
    """The setup sessions of a server, as their pages need them. Called from threads.

    Every call raises LinkUnknown where there is no such session or step or the secret is not its own, and
    LinkExpired where the secret is right and the session is past its time. The secret is compared first.
    """

    def open(self, session_id: str, secret: Sensitive[str], step_id: str | None = None) -> Page:
        """Return the page at a step, else at the first one that is open. Changes nothing."""
        ...

    def show(self, session_id: str, secret: Sensitive[str], step_id: str, answers: Answers) -> Page:
        """Return the page at a step with the fields that what was entered asks for. Changes nothing."""
        ...

    def submit(self, session_id: str, secret: Sensitive[str], step_id: str, answers: Answers) -> Page:
        """Save a step and return the page after it, or the same form with what is wrong with it.

        Raises:
            CredenzaError: it cannot be saved now; Clash: another one saved it before.
        """
        ...
