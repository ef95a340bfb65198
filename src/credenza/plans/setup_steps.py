"""Steps of setup sessions: what each asks a person for, and what saving one comes to.

A step asks for the secrets of the auth method that its template chose, and for the public half as well where
no config is there to inherit. What is entered belongs to that provider of that instance alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from credenza.connectors import ConnectorType
from credenza.connectors.halves import public_half, split_halves
from credenza.errors import Clash, Invalid, TypeNotLoaded
from credenza.model import AUTH, CONFIG, Change, Choice, Keep, Paper, Place, Put
from credenza.plans import auth_configs, configs
from credenza.plans.catalogue import Method
from credenza.plans.identifiers import new_id
from credenza.plans.instance_changes import finish
from credenza.plans.instance_providers import (
    Means,
    Pairing,
    check_pair,
    describe_provider,
    find_inherited,
)
from credenza.plans.instance_settings import InstanceProviderItem, Setting
from credenza.plans.instances import Instance, InstanceProvider
from credenza.plans.reading import Reader
from credenza.plans.setup_sessions import (
    CONFIGURED,
    SHELF,
    SetupSession,
    StepView,
    settle,
    submit_step,
)
from credenza.plans.templates import Template, TemplateProvider
from credenza.plans.values import put_values
from credenza.sensitive import Sensitive

Values = Mapping[str, Any]
UNFIT = "unfit_step"
_UNFIT = "What was entered does not do for this provider."


class Question(NamedTuple):
    """What a step asks for: these keys of a type, where `given` stands already.

    `inherited` is the config that brings the public half, by id; None: the public half is asked for as well.
    """

    type: ConnectorType
    method: Method
    keys: tuple[str, ...]
    given: dict[str, Any]
    inherited: str | None

    @property
    def digest(self) -> str:
        """Return what tells it from another question, in hexadecimal: what is asked, and for where."""
        connector = (self.type.name, self.type.digest.hex())
        said = [connector, self.method.id, self.keys, self.given, self.inherited]
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


class Entry(NamedTuple):
    """What a person has entered for a step: values by key, and tool filters as they are sent."""

    values: Sensitive[dict[str, Any]]
    tool_filters: Any = msgspec.UNSET


class Pairs(Protocol):
    """What makes the check of pairs, for records that are about to be saved with these values, by name."""

    def __call__(self, entered: Mapping[str, Values]) -> Pairing:
        """Return the check."""


class Saved(NamedTuple):
    """What saving a step makes of a session and its instance."""

    session: SetupSession
    instance: Instance
    changes: list[Change]


def ask(means: Means, parent: TemplateProvider) -> Question:
    """Return what a step asks for; raises TypeNotLoaded where its connector type is gone."""
    offered = means.providers.find(parent.provider_id)
    if offered is None:
        raise TypeNotLoaded
    methods = means.providers.methods_of(offered)
    chosen = means.providers.method_of(offered, parent.current.auth_method_id)
    inherited = find_inherited(means, parent)
    keys, given = list(chosen.way.asked), {}
    if inherited is None:
        deciding = {each.way.given[0] for each in methods if each.way.given}
        keys += [key for key in public_half(offered.type)["properties"] if key not in deciding]
        given = dict([chosen.way.given]) if chosen.way.given else {}
    ordered = tuple(key for key in offered.type.keys if key in keys)
    return Question(offered.type, chosen, ordered, given, inherited)


class Step(NamedTuple):
    """A step that is to be saved."""

    means: Means
    template: Template
    session: SetupSession
    instance: Instance
    view: StepView

    def save(self, entry: Entry, pairs: Pairs) -> Saved:
        """Return what saving a step makes of its session, with the changes, all or none.

        Raises:
            Clash: it is saved already.
            Invalid: `unfit_step`: what was entered does not do; or the template forbids its tool filters.
        """
        self.require_waiting()
        question = ask(self.means, self.view.parent)
        row = describe_provider(self.means, self.instance, self.view.parent)
        parts = _list_parts(question, self.view, row, entry, self.means.at)
        means = self.means._replace(
            reader=_Overlay(self.means.reader, [part.keep for part in parts.values()]),
            pair=pairs({part.put.name: part.values.reveal() for part in parts.values()}),
        )
        instance = self._set(means, question, row, parts, entry)
        instance, changes = finish(means, self.template, self.instance, instance, [])
        session = settle(self.session, self.template, instance, means.at)
        session = submit_step(session, self.view.step.id, means.at)
        saved = [change for part in parts.values() for change in (part.put, part.keep)]
        return Saved(session, instance, [*saved, *changes, SHELF.keep(session)])

    def require_waiting(self) -> None:
        """Return if the step is not saved yet; raises Clash."""
        if self.view.status == CONFIGURED:
            raise Clash("This step is saved already.", code="step_configured")

    def _set(
        self,
        means: Means,
        question: Question,
        row: InstanceProvider,
        parts: Mapping[str, _Part],
        entry: Entry,
    ) -> Instance:
        ids = {kind: part.keep.slug for kind, part in parts.items()}
        wanted = msgspec.structs.replace(
            row, used_config_id=ids.get(CONFIG, question.inherited), auth_config_id=ids.get(AUTH)
        )
        problems = check_pair(means, wanted)
        if problems:
            raise Invalid(_UNFIT, code=UNFIT, problems=problems)
        item = InstanceProviderItem(
            provider_id=self.view.parent.id,
            provider_config_id=ids.get(CONFIG),
            provider_auth_config_id=ids.get(AUTH),
            tool_filters=entry.tool_filters,
        )
        return Setting(means, self.template, self.instance.put(row), self.view.parent, item).apply()


class _Part(NamedTuple):
    """A config or an auth config, with the values of its record."""

    keep: Keep
    put: Put
    values: Sensitive[dict[str, Any]]


def _list_parts(
    question: Question, view: StepView, row: InstanceProvider, entry: Entry, at: int
) -> dict[str, _Part]:
    """Return what is to be saved of both halves, by kind; a half of which nothing was entered is none."""
    public, secret = split_halves(question.type, {**question.given, **entry.values.reveal()})
    said: dict[str, Any] = {
        "name": row.name,
        "provider_id": row.provider_id,
        "deployment_id": row.deployment_id,
        "owner_id": row.id,
        "created_at": at,
        "updated_at": at,
    }
    parts: dict[str, _Part] = {}
    leads, named = question.inherited, view.parent.current.config_id
    if public and leads is None:
        config = configs.Config(id=new_id(configs.PREFIX, at), **said)
        leads = named = config.id
        parts[CONFIG] = _make_part(question, configs.SHELF.keep(config), public)
    if secret:
        auth = auth_configs.AuthConfig(
            id=new_id(auth_configs.PREFIX, at),
            auth_method_id=question.method.id,
            source=auth_configs.SETUP_SESSION,
            config_id=named,
            bound_id=leads,
            **said,
        )
        parts[AUTH] = _make_part(question, auth_configs.SHELF.keep(auth), secret, leads)
    return parts


def _make_part(question: Question, keep: Keep, values: dict[str, Any], leads: str | None = None) -> _Part:
    put = put_values(keep.kind, keep.slug, question.type.name, values, bound_to=leads, new=True)
    return _Part(keep, put, Sensitive(values))


class _Overlay:
    """Papers as they will be once some more are kept."""

    def __init__(self, reader: Reader, keeps: Sequence[Keep]) -> None:
        self._reader = reader
        self._keeps = {(keep.kind, keep.slug): keep for keep in keeps}

    def papers(self, kind: str, slugs: Sequence[str]) -> Mapping[str, Paper]:
        found = dict(self._reader.papers(kind, slugs))
        kept = {slug: self._keeps[kind, slug] for slug in slugs if (kind, slug) in self._keeps}
        return found | {slug: _make_paper(keep) for slug, keep in kept.items()}

    def paper(self, kind: str, slug: str) -> Paper | None:
        return self.papers(kind, [slug]).get(slug)

    def place(self, kind: str, id: str) -> Place | None:
        return self._reader.place(kind, id)

    def listed(self, choice: Choice) -> Sequence[str]:
        return self._reader.listed(choice)


def _make_paper(keep: Keep) -> Paper:
    return Paper(keep.kind, keep.slug, 0, 0, "", 0, "", keep.body or b"")
