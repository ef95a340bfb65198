"""What deployments and identities refer to, and what an answer says of a reference that is wrong."""

import json

from credenza.model import Actor, Card, Keep, Role
from credenza.plans.catalogue import provider_id


def refused(answer, status, code, pointer=None):
    """Check what an answer says is wrong, and where."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert (body["__typename"], body["ok"]) == ("error", False)
    if pointer is not None:
        assert [each.get("pointer", "") for each in body["errors"]] == [pointer]
    return body


def keep_config(service, id, provider, **fields):
    """Save a config, as far as what refers to it looks at it, and return its id."""
    tenant = service.accounts.ensure_workspace("default", by="test")
    said = {"status": "active", "provider_id": provider_id(provider), "created_at": 1, "updated_at": 1}
    body = json.dumps({**said, **fields}).encode()
    card = Card("config", id, "active", "", None, 1, 1)
    workspace = service.workspace(Actor(tenant, "test", Role.ADMIN))
    workspace.apply([Keep(kind="config", slug=id, body=body, cards=(card,))])
    return id
