"""For whom an instance is: an identity that is given, or one it makes for an actor and owns."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from credenza.model import Keep
from credenza.plans.fields import refuse
from credenza.plans.identifiers import new_id
from credenza.plans.identities import ACTORS, IDENTITIES, Identity
from credenza.plans.identities import KIND as IDENTITY
from credenza.plans.instances import Instance
from credenza.plans.previews import ACTIVE
from credenza.plans.reading import Reader
from credenza.plans.singles import archive
from credenza.plans.templates import Given


class Whose(NamedTuple):
    """Whom a body names; what is left out stays."""

    actor_id: str | Given | None
    identity_id: str | Given | None


def assign(reader: Reader, instance: Instance, whose: Whose, at: int) -> tuple[Instance, list[Keep]]:
    """Return an instance with its identity as it is asked for, and the changes which that takes.

    Given an identity, its actor is the instance's; given an actor alone, the instance makes an identity for
    it, or takes the one it made before. Given neither, all stays.

    Raises:
        NotFound: what is named is not there.
        Invalid: `use_after_delete`, `identity_actor_mismatch`,
            `identity_owned_by_other_integration_instance`,
            `integration_instance_owned_identity_actor_mismatch`.
    """
    actor_id, identity_id = whose
    if isinstance(actor_id, Given) and isinstance(identity_id, Given):
        return instance, []
    if not isinstance(identity_id, Given) and identity_id is not None:
        return _take(reader, instance, identity_id, actor_id), []
    if isinstance(actor_id, Given) or actor_id is None:
        return _bind(instance, None), []
    return _derive(reader, instance, actor_id, at)


def archive_identity(reader: Reader, instance: Instance, at: int) -> list[Keep]:
    """Return the change that archives the identity an instance made for itself, if any."""
    if instance.owned_identity_id is None:
        return []
    paper = reader.paper(IDENTITY, instance.owned_identity_id)
    identity = IDENTITIES.read(paper) if paper else None
    if identity is None or identity.status != ACTIVE:
        return []
    return [IDENTITIES.keep(archive(identity, at))]


def _take(reader: Reader, instance: Instance, id: str, actor_id: str | Given | None) -> Instance:
    identity = IDENTITIES.find_usable(reader, id, "/identity_id")
    if not isinstance(actor_id, Given) and actor_id is not None:
        ACTORS.find_usable(reader, actor_id, "/identity_actor_id")
        if actor_id != identity.actor_id:
            message = "This identity is another actor's; leave the actor out, or name that one."
            refuse("/identity_actor_id", message, "reference", code="identity_actor_mismatch")
    if identity.instance_id not in {None, instance.id}:
        message = "This identity was made by another instance for itself."
        code = "identity_owned_by_other_integration_instance"
        refuse("/identity_id", message, "reference", code=code)
    return _bind(instance, identity)


def _derive(reader: Reader, instance: Instance, actor_id: str, at: int) -> tuple[Instance, list[Keep]]:
    actor = ACTORS.find_usable(reader, actor_id, "/identity_actor_id")
    paper = reader.paper(IDENTITY, instance.owned_identity_id) if instance.owned_identity_id else None
    owned = IDENTITIES.read(paper) if paper else None
    if owned is not None and owned.status == ACTIVE:
        if owned.actor_id != actor.id:
            message = "The identity that this instance made is for another actor, and stays that one's."
            code = "integration_instance_owned_identity_actor_mismatch"
            refuse("/identity_actor_id", message, "reference", code=code)
        return _bind(instance, owned), []
    made = Identity(
        id=new_id("idn", at),
        actor_id=actor.id,
        name=instance.name,
        instance_id=instance.id,
        created_at=at,
        updated_at=at,
    )
    bound = msgspec.structs.replace(_bind(instance, made), owned_identity_id=made.id)
    return bound, [IDENTITIES.keep(made)]


def _bind(instance: Instance, identity: Identity | None) -> Instance:
    return msgspec.structs.replace(
        instance,
        identity_id=identity.id if identity else None,
        identity_actor_id=identity.actor_id if identity else None,
        identity_credential_ids=tuple(each.id for each in identity.credentials) if identity else (),
    )
