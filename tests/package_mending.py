"""Making requests about packages that their schemas allow into ones that mean something."""

from __future__ import annotations

import itertools
import json

from credenza.web.packages.queries import MAX_DEPTH
from package_samples import DRAFT, install, make_package, make_package_things, publish

_numbers = itertools.count()
_kept = {}
# What no schema can say: which slugs are free, what a manifest refers to, and what an operator alone gives.
_SAID = ("manifest", "variablesSchema", "authConfig", "publisher", "iconUrl")


def mend_draft(body):
    """Let a draft be of this workspace, of a slug of its own, with the members of an example."""
    kept = {key: value for key, value in body.items() if key not in {*_SAID, "trustTier"}}
    return {**DRAFT, **kept, "workspaceId": "default", "slug": f"draft-{next(_numbers)}"}


def measure(value):
    """Return how many objects lie within one another."""
    if isinstance(value, dict):
        return 1 + max(map(measure, value.values()), default=0)
    return max(map(measure, value), default=0) if isinstance(value, list) else 0


def mend_package(case, client, name):
    """Let ids lead to what is there, made anew for a call that ends it, and let a body mean something."""
    ids = _kept.setdefault("ids", None) or make_package_things(client)
    _kept["ids"] = ids
    case.query.pop("after", None)  # only the service can make cursors
    case.query.pop("before", None)
    if measure(json.loads(case.query.get("filter") or "null")) > MAX_DEPTH:
        del case.query["filter"]  # how deep one may be, no schema can say
    case.path_parameters.update({key: ids[key] for key in case.path_parameters})
    case.path_parameters.update(_FRESH.get(name, lambda _: {})(client))
    for key in ("against", "integrationVersionId"):
        if key in case.query:
            case.query[key] = ids["version"]
    if isinstance(case.body, dict):
        case.body = _BODIES.get(name, dict)(case.body)


def _delete(client):
    package = make_package(client, retentionTier="none")
    assert client.delete(f"/api/integrations/{package['id']}").status_code == 200
    return {"integration_id": package["id"]}


def _reviewed(client):
    """Return a package that asks to be public, whatever became of the one that is kept."""
    package = make_package(client)
    publish(client, package)
    path = f"/api/integrations/{package['id']}/visibility"
    assert client.put(path, json={"visibility": "public"}).status_code == 200
    return {"integration_id": package["id"]}


_FRESH = {
    "delete_integration_package": lambda client: {"integration_id": make_package(client)["id"]},
    "purge_integration_package": _delete,
    "restore_integration_package": _delete,
    "publish_package": lambda client: {"integration_id": make_package(client)["id"]},
    "update_integration_package": lambda client: {"integration_id": make_package(client)["id"]},
    "review_integration_package": _reviewed,
    "set_visibility": _reviewed,
    "roll_back_install": lambda client: {"install_id": make_package_things(client)["install_id"]},
    "remove_install": lambda client: {"install_id": install(client, _package())["id"]},
}
_BODIES = {
    "update_integration_package": lambda body: {
        key: value for key, value in body.items() if key not in {*_SAID, "trustTier"}
    },
    "publish_package": lambda body: {**body, "version": "1.0.0"},
    "review_integration_package": lambda body: {**body, "integrationVersionId": "1.0.0"},
    "install_package": lambda body: {
        **{key: value for key, value in body.items() if key in {"memberPolicy", "retentionTier"}},
        "workspaceId": "default",
        "variables": {"prefix": f"mended-{next(_numbers)}", "key": "sk-made-up"},
        "selectedMemberSlugs": ["archive"],
    },
    "upgrade_install": lambda body: {
        **{key: value for key, value in body.items() if key == "conflicts"},
        "variables": {"key": f"sk-{next(_numbers)}"},
    },
}


def _package():
    return {"id": _kept["ids"]["integration_id"]}
