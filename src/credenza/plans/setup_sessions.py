"""Setup sessions: a link with which a person fills in what an instance of a template still needs.

    pending -> successful      once all providers of the template are set
            -> expired         past its time
            -> archived        with its instance
            and from there nowhere

Only what cannot be told from the instance is stored; its status, and that of its steps, is found when read.
A session has a step for each active provider of the template, in the order in which they were added there.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple, TypeVar

import msgspec

from credenza.model import Change
from credenza.plans.fields import read_metadata, refuse
from credenza.plans.identifiers import derive_id, new_id
from credenza.plans.instance_changes import InstanceBody, create_instance
from credenza.plans.instance_providers import Means
from credenza.plans.instances import Instance, InstanceProvider
from credenza.plans.previews import ACTIVE, ARCHIVED
from credenza.plans.redirects import Redirects
from credenza.plans.singles import MINUTE, Shelf, Single
from credenza.plans.templates import Template, TemplateProvider
from credenza.randomness import random_bytes

KIND = "setup_session"
PENDING, SUCCESSFUL, EXPIRED = "pending", "successful", "expired"
CONFIGURED, FAILED = "configured", "failed"
LAYOUTS = ("box", "side", "light")
STATUSES = (PENDING, SUCCESSFUL, EXPIRED)
MAX_MINUTES = 7 * 24 * 60
MAX_GROUPS = 100
_NONCE = 16  # bytes
_DOMAIN = "credenza.setup.v1"
T = TypeVar("T")


class GroupItem(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A group of providers to choose from."""

    group_id: str


class CollectionItem(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A collection of providers to choose from."""

    collection_id: str


class CategoryItem(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A category of providers to choose from."""

    category_id: str


class ProviderSearchItem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which providers are offered; one of a kind may stand without its list."""

    groups: list[GroupItem] | GroupItem | None = None
    collections: list[CollectionItem] | CollectionItem | None = None
    categories: list[CategoryItem] | CategoryItem | None = None


class ToolFiltersItem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Whether the page lets a person choose tools."""

    enabled: bool | None = None


class UiItem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the page looks."""

    layout: str | None = None


class ConfigurationItem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the page of a session is to be; what is left out is the default."""

    provider_search: ProviderSearchItem | None = None
    tool_filters: ToolFiltersItem | None = None
    ui: UiItem | None = None


class SetupSessionBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A setup session to make, with a new instance of a template; `expires_at` is a date and time."""

    integration_id: str
    name: str
    description: str | None = None
    metadata: dict[str, Any] | None = None
    private_metadata: dict[str, Any] | None = None
    identity_actor_id: str | None = None
    identity_id: str | None = None
    expires_at: str | None = None
    redirect_url: str | None = None
    configuration: ConfigurationItem | None = None


class PageConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """How the page of a session is."""

    groups: tuple[GroupItem, ...] = ()
    collections: tuple[CollectionItem, ...] = ()
    categories: tuple[CategoryItem, ...] = ()
    tool_filters: bool = False
    layout: str = LAYOUTS[0]


class SetupStep(msgspec.Struct, frozen=True, kw_only=True):
    """One provider to set; `submitted_at` is when a person last saved it. Times are milliseconds."""

    id: str
    integration_provider_id: str
    submitted_at: int | None = None
    created_at: int
    updated_at: int


class SetupSession(Single, frozen=True, kw_only=True):
    """A setup session. `private_metadata` is for its maker alone; `nonce` is what its link is made of."""

    status: str = PENDING
    private_metadata: dict[str, Any] | None = None
    configuration: PageConfiguration
    redirect_url: str | None
    integration_id: str
    integration_instance_id: str
    steps: tuple[SetupStep, ...]
    nonce: str
    expires_at: int

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Return the ids that lists find it by, each with its relation."""
        return (
            ("integration", self.integration_id),
            ("integration_instance", self.integration_instance_id),
        )

    @property
    def proof(self) -> bytes:
        """Return what the secret of its link is a MAC of."""
        return f"{_DOMAIN}\0{self.id}\0{self.nonce}".encode()


class StepView(NamedTuple):
    """A step as it stands, with the provider of the template and what became of it."""

    step: SetupStep
    parent: TemplateProvider
    provider: InstanceProvider | None
    status: str


SHELF = Shelf(KIND, SetupSession, "integration setup session")


class Lifetime(NamedTuple):
    """How long a session is open: until a time that is asked for, else for some minutes."""

    until: int | None
    minutes: int


def create_setup_session(
    means: Means, template: Template, body: SetupSessionBody, lifetime: Lifetime, redirects: Redirects
) -> tuple[SetupSession, Instance, list[Change]]:
    """Return a new session with its instance, and the changes that save both.

    Raises:
        NotFound: something that the body names is not there.
        Invalid: `integration_provider_required`, or with what is wrong.
    """
    if not template.active_providers:
        message = "This integration has no provider to set up; add one first."
        refuse("/integration_id", message, "minItems", code="integration_provider_required")
    at = means.at
    configuration = _read_configuration(body.configuration, template)
    wanted = InstanceBody(
        integration_id=template.id,
        name=body.name,
        description=body.description,
        metadata=body.metadata,
        identity_actor_id=body.identity_actor_id,
        identity_id=body.identity_id,
    )
    private = read_metadata(body.private_metadata, "/private_metadata")
    expires_at = _read_expiry(lifetime, at)
    redirect_url = _read_redirect(body.redirect_url, redirects)
    instance, changes = create_instance(
        means, template, wanted, hidden=True, waits=configuration.tool_filters
    )
    session = SetupSession(
        id=new_id("iss", at),
        name=instance.name,
        description=instance.description,
        metadata=instance.metadata,
        private_metadata=private,
        configuration=configuration,
        redirect_url=redirect_url,
        integration_id=template.id,
        integration_instance_id=instance.id,
        steps=(),
        nonce=base64.b64encode(random_bytes(_NONCE)).decode(),
        expires_at=expires_at,
        created_at=at,
        updated_at=at,
    )
    session = settle(session, template, instance, at)
    return session, instance, [*changes, SHELF.keep(session)]


def find_status(session: SetupSession, template: Template, instance: Instance, at: int) -> str:
    """Return the status of a session at a time: the first end that it came to counts for good."""
    if session.status != PENDING:
        return session.status
    if _is_before(instance.activated_at, session.expires_at):
        return SUCCESSFUL
    if instance.status == ACTIVE and instance.activated_at is None:
        return SUCCESSFUL  # since when, an instance of an earlier release does not say
    gone = [each.archived_at for each in (template, instance) if each.status == ARCHIVED]
    if any(_is_before(archived_at, session.expires_at) for archived_at in gone):
        return ARCHIVED
    return EXPIRED if at >= session.expires_at else PENDING


def _is_before(time: int | None, end: int) -> bool:
    return time is not None and time < end


def list_steps(
    session: SetupSession, template: Template, instance: Instance, at: int
) -> tuple[StepView, ...]:
    """Return the steps of a session as they are at a time."""
    status = find_status(session, template, instance, at)
    parents = {parent.id: parent for parent in template.providers}
    return tuple(
        _view(step, parents[step.integration_provider_id], instance, status)
        for step in _follow(session, template)
    )


def settle(session: SetupSession, template: Template, instance: Instance, at: int) -> SetupSession:
    """Return a session with the steps that its template gives it, finished once its instance is active."""
    done = find_status(session, template, instance, at) == SUCCESSFUL
    return msgspec.structs.replace(
        session,
        steps=_follow(session, template),
        status=SUCCESSFUL if done else session.status,
        updated_at=at,
    )


def submit_step(session: SetupSession, step_id: str, at: int) -> SetupSession:
    """Return a session in which a person has just saved a step."""
    steps = tuple(
        msgspec.structs.replace(step, submitted_at=at, updated_at=at) if step.id == step_id else step
        for step in session.steps
    )
    return msgspec.structs.replace(session, steps=steps, updated_at=at)


def _follow(session: SetupSession, template: Template) -> tuple[SetupStep, ...]:
    """Return the steps of a session; one that is over keeps those it ended with."""
    if session.status != PENDING or template.status != ACTIVE:
        return session.steps
    known = {step.integration_provider_id: step for step in session.steps}
    return tuple(known.get(parent.id) or _make_step(session, parent) for parent in template.active_providers)


def _make_step(session: SetupSession, parent: TemplateProvider) -> SetupStep:
    since = max(session.created_at, parent.created_at)
    return SetupStep(
        id=derive_id("isst", session.id, parent.id),
        integration_provider_id=parent.id,
        created_at=since,
        updated_at=since,
    )


def _view(step: SetupStep, parent: TemplateProvider, instance: Instance, status: str) -> StepView:
    provider = instance.provider_of(parent.id)
    is_set = provider is not None and provider.status == ACTIVE and provider.is_set
    # What comes after its end is no matter of a session any more.
    if is_set or status == SUCCESSFUL:
        return StepView(step, parent, provider, CONFIGURED)
    if status in {ARCHIVED, EXPIRED}:
        return StepView(step, parent, provider, status)
    # What was saved does not do any longer: the template asks for something else by now.
    return StepView(step, parent, provider, PENDING if step.submitted_at is None else FAILED)


def _read_configuration(item: ConfigurationItem | None, template: Template) -> PageConfiguration:
    item = item or ConfigurationItem()
    search, tools, ui = item.provider_search, item.tool_filters, item.ui
    made = PageConfiguration(
        groups=_list(search.groups if search else None),
        collections=_list(search.collections if search else None),
        categories=_list(search.categories if search else None),
        tool_filters=bool(tools and tools.enabled) and template.flags.can_attach_custom_tool_filters,
        layout=LAYOUTS[0] if ui is None or ui.layout is None else ui.layout,
    )
    if made.layout not in LAYOUTS:
        message = f"The layout is one of: {', '.join(LAYOUTS)}."
        refuse("/configuration/ui/layout", message, "enum")
    for name in ("groups", "collections", "categories"):
        if len(getattr(made, name)) > MAX_GROUPS:
            message = f"There are at most {MAX_GROUPS} of these."
            refuse(f"/configuration/provider_search/{name}", message, "maxItems")
    return made


def _list(sent: list[T] | T | None) -> tuple[T, ...]:
    return () if sent is None else tuple(sent) if isinstance(sent, list) else (sent,)


def _read_expiry(lifetime: Lifetime, at: int) -> int:
    if lifetime.until is None:
        return at + lifetime.minutes * MINUTE
    if not at < lifetime.until <= at + MAX_MINUTES * MINUTE:
        message = "A setup session ends in the future, at most 7 days from now."
        refuse("/expires_at", message, "range")
    return lifetime.until


def _read_redirect(address: str | None, redirects: Redirects) -> str | None:
    if not address:
        return None
    if not redirects.allows(address):
        message = (
            "People are sent only to origins that are listed, by `credenza workspace origins` or in "
            "CREDENZA_REDIRECT_ORIGINS, by a plain https address without user name or fragment; in developer "
            "mode to http on this machine as well: localhost, 127.0.0.1 or [::1]."
        )
        refuse("/redirect_url", message, "format")
    return address
