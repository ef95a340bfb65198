"""Sessions: for a while, a runtime reads what an instance resolves to; and what they are made from.

An instance has one session template at most, which stands in its paper. A session is a paper of its own; of
its secret only a hash is kept.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from credenza.errors import Gone, NotFound
from credenza.model import Change
from credenza.plans import deployments
from credenza.plans.fields import keep, read_description, read_metadata, read_name, refuse
from credenza.plans.identifiers import derive_id, new_id
from credenza.plans.instance_providers import AUTH_CONFIG, CONFIG, list_filters
from credenza.plans.instances import (
    KIND as INSTANCE,
)
from credenza.plans.instances import (
    SESSION_TEMPLATE,
    Instance,
    SessionTemplate,
    find_instance,
    keep_instance,
)
from credenza.plans.previews import ACTIVE
from credenza.plans.reading import Reader
from credenza.plans.singles import Given, Shelf, Single
from credenza.plans.templates import Template, archived, find_template
from credenza.plans.tool_filters import ToolFilter, combine_filters

KIND = "session"
_NOT_SET = "Not all providers of this instance are set; set first: {}."
_NAMED = 5  # of what is missing


class SessionTemplateBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The session template of an instance, made or changed; what is left out stays."""

    name: str | Given = msgspec.UNSET
    description: str | Given | None = msgspec.UNSET
    metadata: dict[str, Any] | Given | None = msgspec.UNSET


class SessionBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A session to make; without a name it is called after the time."""

    name: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None


class Session(Single, frozen=True, kw_only=True):
    """A session; `secret_hash` is the SHA-256 of its secret, in hexadecimal."""

    integration_id: str
    integration_instance_id: str
    session_template_id: str
    identity_id: str | None
    identity_actor_id: str | None
    secret_hash: str
    expires_at: int

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Return the ids that lists find it by, each with its relation."""
        links = (
            ("integration", self.integration_id),
            ("integration_instance", self.integration_instance_id),
            ("session_template", self.session_template_id),
            ("identity", self.identity_id),
            ("identity_actor", self.identity_actor_id),
        )
        return tuple((relation, target) for relation, target in links if target is not None)


class Grant(msgspec.Struct, frozen=True):
    """What is given to a new session: the hash of its secret, and how long it is open, in milliseconds."""

    secret_hash: str
    lifetime: int

    def __repr__(self) -> str:
        """Show nothing of the hash."""
        return "<grant>"


SHELF = Shelf(KIND, Session, "session")


class _Filtered(msgspec.Struct):
    tool_filter: ToolFilter = ToolFilter()


_read_filtered = msgspec.json.Decoder(_Filtered).decode


def hash_secret(secret: str) -> str:
    """Return what is kept of a session's secret; 32 random bytes need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find_started(reader: Reader, id: str) -> tuple[Template, Instance]:
    """Return an instance that sessions may be made of, and its template.

    Raises:
        NotFound: there is none of this id.
        Invalid: `use_after_delete`: it is archived.
    """
    instance = find_instance(reader, id)
    template = find_template(reader, instance.integration_id)
    if not instance.is_open or template.status != ACTIVE:
        raise archived("/integration_instance_id", "This integration instance is archived.")
    return template, instance


def find_session_template(reader: Reader, id: str) -> Instance:
    """Return the instance whose session template has this id; raises NotFound."""
    place = reader.place(SESSION_TEMPLATE, id)
    if place is None or place.kind != INSTANCE:
        raise NotFound("There is no session template of this id.")
    return find_instance(reader, place.slug)


def put_session_template(instance: Instance, body: SessionTemplateBody, at: int) -> Instance:
    """Return an instance with its session template made or changed; the same one where nothing is."""
    before = instance.session_template
    made = before or SessionTemplate(id=new_id("set", at), name=instance.name, created_at=at, updated_at=at)
    changed = msgspec.structs.replace(
        made,
        name=made.name if isinstance(body.name, Given) else read_name(body.name),
        description=read_description(keep(body.description, made.description)),
        metadata=read_metadata(keep(body.metadata, made.metadata)),
    )
    if changed == before:
        return instance
    changed = msgspec.structs.replace(changed, updated_at=at)
    return msgspec.structs.replace(instance, session_template=changed, updated_at=at)


def create_session(
    template: Template, instance: Instance, body: SessionBody, grant: Grant, at: int, *, name: str
) -> tuple[Session, Instance, list[Change]]:
    """Return a new session with the instance it is of, and the changes; `name` is for one without.

    Raises:
        Invalid: `default_session_template_timeout`: the instance is a draft; or with what is wrong.
    """
    if instance.status != ACTIVE:
        message = _NOT_SET.format(_name_missing(template, instance))
        refuse("/integration_instance_id", message, "const", code="default_session_template_timeout")
    changes: list[Change] = []
    if instance.session_template is None:
        instance = put_session_template(instance, SessionTemplateBody(), at)
        changes.append(keep_instance(instance))
    made_from = instance.session_template
    session = Session(
        id=new_id("ses", at),
        name=name if body.name is None else read_name(body.name),
        description=read_description(body.description),
        metadata=read_metadata(body.metadata),
        integration_id=instance.integration_id,
        integration_instance_id=instance.id,
        session_template_id=made_from.id if made_from else "",
        identity_id=instance.identity_id,
        identity_actor_id=instance.identity_actor_id,
        secret_hash=grant.secret_hash,
        expires_at=at + grant.lifetime,
        created_at=at,
        updated_at=at,
    )
    return session, instance, [*changes, SHELF.keep(session)]


def _name_missing(template: Template, instance: Instance) -> str:
    """Return which providers a draft lacks, by name."""
    done = {each.integration_provider_id for each in instance.active_providers if each.is_set}
    lacking = [each.name for each in template.active_providers if each.id not in done]
    told = [f'"{name}"' for name in lacking[:_NAMED]]
    if len(lacking) > _NAMED:
        told.append(f"{len(lacking) - _NAMED} more")
    return ", ".join(told) or "a provider of its template, which has none yet"


def is_open(session: Session, template: Template, instance: Instance, at: int) -> bool:
    """Tell whether a session still opens what it is for."""
    started = instance.status == ACTIVE and template.status == ACTIVE
    return session.status == ACTIVE and started and at < session.expires_at


def require_open(session: Session, template: Template, instance: Instance, at: int) -> None:
    """Return if a session still opens what it is for; raises Gone."""
    if not is_open(session, template, instance, at):
        raise Gone("This session is over; make a new one.")


def name_part(prefix: str, whole: str, provider_id: str) -> str:
    """Return the id that a provider of an instance has as a part of a session template or a session."""
    return derive_id(prefix, whole, provider_id)


def find_filters(reader: Reader, template: Template, instance: Instance) -> dict[str, tuple[ToolFilter, ...]]:
    """Return by provider of an instance the filters that count, all of which must let a thing pass.

    That is those of its config, auth config and deployment, then those of the template and of its own.
    """
    parents = {parent.id: parent for parent in template.providers}
    used = instance.active_providers
    configs = _read_filters(reader, CONFIG, [each.used_config_id for each in used])
    auths = _read_filters(reader, AUTH_CONFIG, [each.auth_config_id for each in used])
    deployed = _read_filters(reader, deployments.KIND, [each.deployment_id for each in used])
    found = {}
    for each in used:
        parent = parents[each.integration_provider_id].current.tool_filter
        below = (
            configs.get(each.used_config_id),
            auths.get(each.auth_config_id),
            deployed.get(each.deployment_id),
        )
        above = list_filters(parent, each.tool_filter, overrides=each.overrides, flags=template.flags)
        found[each.id] = above if parent.alone else (*combine_filters(below), *above)
    return found


def _read_filters(reader: Reader, kind: str, ids: list[str | None]) -> dict[str | None, ToolFilter]:
    papers = reader.papers(kind, sorted({each for each in ids if each is not None}))
    return {slug: _read_filtered(paper.body).tool_filter for slug, paper in papers.items()}
