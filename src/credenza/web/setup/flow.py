"""The setup sessions of a server, as their pages need them.

Whoever has a link acts as the session itself, `setup:<id>`, and may do just what stands here: see its page,
and save its steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from credenza.connectors import ConnectorType
from credenza.connectors.pairing import list_places
from credenza.errors import Conflict, Damaged, Invalid, Problem, WrongKey
from credenza.model import Actor, Role, Tenant
from credenza.plans.catalogue import read_providers
from credenza.plans.instance_providers import Means, Pairing, record_name
from credenza.plans.instances import Instance, find_instance
from credenza.plans.links import SETUP, read_secret
from credenza.plans.origins import find_origins
from credenza.plans.setup_sessions import (
    CONFIGURED,
    FAILED,
    PENDING,
    SHELF,
    SUCCESSFUL,
    SetupSession,
    StepView,
    find_status,
    list_steps,
)
from credenza.plans.setup_steps import UNFIT, Entry, Pairs, Question, Values, ask
from credenza.plans.setup_steps import Step as StepPlan
from credenza.plans.templates import Template, find_template
from credenza.sensitive import Sensitive
from credenza.settings import Credenza
from credenza.web.setup.model import (
    Answers,
    Form,
    Layout,
    LinkExpired,
    LinkUnknown,
    Page,
    Step,
    StepState,
    ToolChoice,
    Tools,
)
from credenza.web.setup.questions import Asked, check, make_form
from credenza.web.setup.sentences import list_rules, say_tools
from credenza.workspace.desk import Desk, Papers, Planned
from credenza.workspace.pairing import Entered

_VERB = "setup"
_STATES = {CONFIGURED: StepState.DONE, FAILED: StepState.FAILED}
_CHANGED = Problem(
    "question_changed",
    "What is asked for here has changed since this page was opened: see where it goes now, and enter it "
    "again.",
)
_BUSY = Problem(
    "conflict",
    "This could not be saved just now: send it again. Secrets are not shown, and have to be entered again.",
)
_NOTHING_CHOSEN = "Name a tool or a pattern, or choose “All tools”."


class _Sight(NamedTuple):
    """A session as its page is about to show it."""

    desk: Desk
    means: Means
    session: SetupSession
    template: Template
    instance: Instance

    @property
    def status(self) -> str:
        return find_status(self.session, self.template, self.instance, self.means.at)

    @property
    def steps(self) -> tuple[StepView, ...]:
        return list_steps(self.session, self.template, self.instance, self.means.at)

    def find_step(self, step_id: str) -> StepView:
        found = next((view for view in self.steps if view.step.id == step_id), None)
        if found is None:
            raise LinkUnknown
        return found


class SetupSessions:
    """The setup sessions of all workspaces that are open here; see `model.Setup`."""

    def __init__(self, opened: Credenza) -> None:
        """Take everything that is open."""
        self._opened = opened

    def open(self, session_id: str, secret: Sensitive[str], step_id: str | None = None) -> Page:
        """Return the page at a step, else at the first one that is open. Changes nothing."""
        return self._look(session_id, secret, step_id, None)

    def show(self, session_id: str, secret: Sensitive[str], step_id: str, answers: Answers) -> Page:
        """Return the page at a step with the fields that what was entered asks for. Changes nothing."""
        return self._look(session_id, secret, step_id, answers)

    def submit(self, session_id: str, secret: Sensitive[str], step_id: str, answers: Answers) -> Page:
        """Save a step and return the page after it, or the same form with what is wrong with it.

        Raises:
            LinkUnknown, LinkExpired: see `model.Setup`.
            CredenzaError: it cannot be saved now; Clash: somebody saved it before.
        """
        tenant, proof = self._read_secret(secret)
        actor = Actor(tenant, f"setup:{session_id}", Role.EDITOR)
        papers = Papers(self._opened.workspace(actor))
        try:
            return papers.change(
                _VERB, lambda desk: self._save(self._enter(desk, tenant, session_id, proof), step_id, answers)
            )
        except Conflict:
            page = papers.read(
                lambda desk: self._draw(
                    self._enter(desk, tenant, session_id, proof), step_id, answers, [_BUSY]
                )
            )
            if page.form is None:
                raise
            return page

    def _look(
        self, session_id: str, secret: Sensitive[str], step_id: str | None, answers: Answers | None
    ) -> Page:
        tenant, proof = self._read_secret(secret)
        papers = Papers(self._opened.workspace(Actor(tenant, "setup", Role.VIEWER)))
        return papers.read(
            lambda desk: self._draw(self._enter(desk, tenant, session_id, proof), step_id, answers)
        )

    def _read_secret(self, secret: Sensitive[str]) -> tuple[Tenant, bytes]:
        read = read_secret(SETUP, secret.reveal())
        tenant = None if read is None else self._opened.accounts.find_workspace(read.workspace)
        if read is None or tenant is None:
            raise LinkUnknown
        return tenant, read.proof

    def _enter(self, desk: Desk, tenant: Tenant, session_id: str, proof: bytes) -> _Sight:
        """Return what the holder of a link sees; raises LinkUnknown, LinkExpired, VaultLocked."""
        ring = self._opened.vault.ring(tenant.id)
        paper = desk.paper(SHELF.kind, session_id)
        if paper is None:
            raise LinkUnknown
        session = SHELF.read(paper)
        try:
            ring.verify(session.proof, proof)
        except (Damaged, WrongKey):
            raise LinkUnknown from None
        sight = self._see(desk, tenant, session)
        if sight.status not in {PENDING, SUCCESSFUL} or sight.means.at >= session.expires_at:
            raise LinkExpired
        return sight

    def _see(self, desk: Desk, tenant: Tenant, session: SetupSession) -> _Sight:
        providers = read_providers(desk, desk.catalogue, self._opened.catalogue, tenant)
        means = Means(desk, providers, desk.pairing, desk.taken, self._opened.policy.clock())
        instance = find_instance(desk, session.integration_instance_id)
        return _Sight(desk, means, session, find_template(desk, session.integration_id), instance)

    def _save(self, sight: _Sight, step_id: str, answers: Answers) -> Planned[Page]:
        view = sight.find_step(step_id)
        plan = StepPlan(sight.means, sight.template, sight.session, sight.instance, view)
        plan.require_waiting()
        question = ask(sight.means, view.parent)
        if answers.asked != question.digest:
            # What a person enters goes where their page said it would, or nowhere.
            return Planned([], self._draw(sight, step_id, answers))
        checked = check(_ask(sight, question), answers)
        choice = (answers.tools or ToolChoice()) if _chooses_tools(sight) else None
        unchosen = _NOTHING_CHOSEN if choice and choice.empty else ""
        if checked.problems or unchosen:
            return Planned([], self._draw(sight, step_id, answers, checked.problems, unchosen))
        entry = Entry(checked.values, msgspec.UNSET if choice is None else _list_rules(choice))
        try:
            saved = plan.save(entry, _pair_with(sight.desk))
        except Invalid as error:
            return Planned([], self._draw(sight, step_id, answers, *_place(error, choice)))
        after = sight._replace(session=saved.session, instance=saved.instance)
        return Planned(saved.changes, self._draw(after))

    def _draw(
        self,
        sight: _Sight,
        step_id: str | None = None,
        answers: Answers | None = None,
        problems: Sequence[Problem] = (),
        tools_problem: str = "",
    ) -> Page:
        steps, session, settings = sight.steps, sight.session, self._opened.settings
        waiting = [view for view in steps if view.status != CONFIGURED]
        shown = sight.find_step(step_id) if step_id is not None else next(iter(waiting), None)
        finished = sight.status == SUCCESSFUL
        form = None
        if shown is not None and shown in waiting and not finished:
            form = _make_form(sight, shown, answers, problems, tools_problem)
        origins = find_origins(sight.desk)
        redirects = origins.redirects(settings.redirects())
        redirect_url = session.redirect_url if finished else None
        return Page(
            session_id=session.id,
            product=sight.template.name,
            description=sight.template.description or "",
            layout=Layout(session.configuration.layout),
            steps=tuple(_show_step(sight, view) for view in steps),
            form=form,
            finished=finished,
            redirect_url=redirect_url if redirect_url and redirects.allows(redirect_url) else None,
            expires_at=session.expires_at,
            frame_ancestors=origins.frames(settings.frames()),
        )


def _show_step(sight: _Sight, view: StepView) -> Step:
    offered = sight.means.providers.find(view.parent.provider_id)
    return Step(
        id=view.step.id,
        name=view.parent.name,
        description=view.parent.description or (offered.type.description if offered else ""),
        state=_STATES.get(view.status, StepState.OPEN),
        reachable=view.status != CONFIGURED,
    )


def _make_form(
    sight: _Sight, view: StepView, answers: Answers | None, problems: Sequence[Problem], tools_problem: str
) -> Form:
    tools = None
    if _chooses_tools(sight):
        chosen = answers.tools if answers and answers.tools else ToolChoice()
        tools = Tools(chosen=chosen, problem=tools_problem)
    asked = _ask(sight, ask(sight.means, view.parent))
    if answers is not None and answers.asked != asked.digest:
        problems = [*problems, _CHANGED]
    return make_form(asked, view.step.id, answers, problems, tools)


def _ask(sight: _Sight, question: Question) -> Asked:
    """Return what a form asks, where the config that is inherited has said the rest."""
    name = record_name(question.inherited)
    record = None if name is None else sight.desk.records([name]).get(name)
    if record is None:
        return Asked(question.type, question.keys, question.given, digest=question.digest)
    document = record.document()
    held = {pointer: ref.redacted for pointer, ref in document.secrets.items()}
    return Asked(
        question.type,
        question.keys,
        document.configuration,
        held,
        question.digest,
        list_places(question.type, document.configuration, held),
    )


def _chooses_tools(sight: _Sight) -> bool:
    flags = sight.template.flags
    allowed = flags.can_attach_custom_tool_filters or flags.can_override_tool_filters
    return sight.session.configuration.tool_filters and allowed


def _list_rules(choice: ToolChoice) -> list[dict[str, Any]] | None:
    """Return a choice of tools as filters are sent; None: every tool."""
    return None if choice.every else list_rules(choice)


def _place(error: Invalid, choice: ToolChoice | None) -> tuple[Sequence[Problem], str]:
    """Return what is wrong with the fields of a step, and with its choice of tools."""
    if error.code == UNFIT:
        return error.problems, ""
    if choice and all(problem.pointer.startswith("/tool_filters") for problem in error.problems):
        return (), say_tools(error.problems, choice)
    return [Problem(error.code, error.message)], ""


def _pair_with(desk: Desk) -> Pairs:
    def pairs(entered: Mapping[str, Values]) -> Pairing:
        def pair(type: ConnectorType, config: str | None, auth: str | None) -> Sequence[Problem]:
            values = Entered(entered.get(config or ""), entered.get(auth or ""))
            return desk.pairing(type, config, auth, values)

        return pair

    return pairs
