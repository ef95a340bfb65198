"""Identities and actors: for whom something is set up. An actor is a person or an agent with identities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from credenza.plans.deployments import CONFIG
from credenza.plans.deployments import KIND as DEPLOYMENT
from credenza.plans.fields import read_description, read_metadata, read_name, refuse
from credenza.plans.identifiers import new_id
from credenza.plans.previews import ACTIVE, find_previews
from credenza.plans.reading import Reader
from credenza.plans.singles import Given, Shelf, Single, SingleUpdate, change_fields, touch
from credenza.plans.templates import archived, missing

KIND, ACTOR, AUTH_CONFIG = "identity", "identity_actor", "auth_config"
TYPES = ("person", "agent")
MAX_CREDENTIALS = 50
_PARTS = (("deployment_id", DEPLOYMENT), ("config_id", CONFIG), ("auth_config_id", AUTH_CONFIG))
_NOTHING = "A credential names a deployment, a config or an auth config."
_NO_DELEGATION = "There are no delegations here; leave this out."
_MIXED = "What a credential names is all of one provider."


class IdentityActor(Single, frozen=True, kw_only=True):
    """A person or an agent."""

    type: str


class IdentityCredential(msgspec.Struct, frozen=True, kw_only=True):
    """What an identity may use of a provider; values stand in the configs. Times are milliseconds."""

    id: str
    provider_id: str
    deployment_id: str | None = None
    config_id: str | None = None
    auth_config_id: str | None = None
    created_at: int


class Identity(Single, frozen=True, kw_only=True):
    """An identity of an actor; `instance_id` names the instance that made it for itself."""

    actor_id: str
    credentials: tuple[IdentityCredential, ...] = ()
    instance_id: str | None = None

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Return the ids that lists find it by, each with its relation."""
        return (("actor", self.actor_id),)


class IdentityActorBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An actor to make: a `person` or an `agent`, for good."""

    type: str
    name: str
    description: str | None = None
    metadata: dict[str, Any] | None = None


class IdentityActorUpdate(SingleUpdate, kw_only=True):
    """What to change of an actor; what is left out stays."""


class IdentityCredentialItem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What an identity may use, by ids; one at least."""

    deployment_id: str | None = None
    config_id: str | None = None
    auth_config_id: str | None = None
    delegation_config_id: str | None = None


class IdentityBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An identity to make."""

    actor_id: str
    name: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    credentials: list[IdentityCredentialItem] | None = None


class IdentityUpdate(SingleUpdate, kw_only=True):
    """What to change of an identity; what is left out stays."""


ACTORS = Shelf(ACTOR, IdentityActor, "actor")
IDENTITIES = Shelf(KIND, Identity, "identity")


def create_actor(body: IdentityActorBody, at: int) -> IdentityActor:
    """Return a new actor; raises Invalid."""
    if body.type not in TYPES:
        refuse("/type", f"The type of an actor is one of: {', '.join(TYPES)}.", "enum")
    return IdentityActor(
        id=new_id("iac", at),
        type=body.type,
        name=read_name(body.name),
        description=read_description(body.description),
        metadata=read_metadata(body.metadata),
        created_at=at,
        updated_at=at,
    )


def update_actor(actor: IdentityActor, body: IdentityActorUpdate, at: int) -> IdentityActor:
    """Return an actor with what is given changed; raises Invalid."""
    if body.name is None:
        refuse("/name", "An actor has a name.", "type")
    name = actor.name if isinstance(body.name, Given) else read_name(body.name)
    return touch(actor, change_fields(actor, body, name), at)


def create_identity(reader: Reader, body: IdentityBody, at: int) -> Identity:
    """Return a new identity of an actor that is there.

    Raises:
        NotFound: something that the body names is not there.
        Invalid: something is archived, or of another provider.
    """
    actor = ACTORS.find_usable(reader, body.actor_id, "/actor_id")
    items = body.credentials or []
    if len(items) > MAX_CREDENTIALS:
        refuse("/credentials", f"An identity has at most {MAX_CREDENTIALS} credentials.", "maxItems")
    credentials = [
        _make_credential(reader, item, at, f"/credentials/{place}") for place, item in enumerate(items)
    ]
    return Identity(
        id=new_id("idn", at),
        actor_id=actor.id,
        name=None if body.name is None else read_name(body.name),
        description=read_description(body.description),
        metadata=read_metadata(body.metadata),
        credentials=tuple(credentials),
        created_at=at,
        updated_at=at,
    )


def update_identity(identity: Identity, body: IdentityUpdate, at: int) -> Identity:
    """Return an identity with what is given changed; raises Invalid."""
    name = identity.name
    if not isinstance(body.name, Given):
        name = None if body.name is None else read_name(body.name)
    return touch(identity, change_fields(identity, body, name), at)


def find_actors(reader: Reader, identities: Sequence[Identity]) -> dict[str, IdentityActor]:
    """Return the actors of identities, by id."""
    ids = sorted({identity.actor_id for identity in identities})
    return {slug: ACTORS.read(paper) for slug, paper in reader.papers(ACTOR, ids).items()}


def _make_credential(
    reader: Reader, item: IdentityCredentialItem, at: int, pointer: str
) -> IdentityCredential:
    if item.delegation_config_id is not None:
        refuse(f"{pointer}/delegation_config_id", _NO_DELEGATION, "const")
    providers = []
    for field, kind in _PARTS:
        named = getattr(item, field)
        if named is None:
            continue
        found = find_previews(reader, kind, [named]).get(named)
        word = field.removesuffix("_id").replace("_", " ")
        if found is None:
            raise missing(f"{pointer}/{field}", f"There is no {word} of this id.")
        if found.status != ACTIVE:
            raise archived(f"{pointer}/{field}", f"This {word} is archived.")
        providers.append(found.provider_id)
    if not providers:
        refuse(pointer, _NOTHING, "minProperties")
    if len({*providers}) > 1:
        refuse(pointer, _MIXED, "reference")
    return IdentityCredential(
        id=new_id("icr", at),
        provider_id=providers[0],
        deployment_id=item.deployment_id,
        config_id=item.config_id,
        auth_config_id=item.auth_config_id,
        created_at=at,
    )
