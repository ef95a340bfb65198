"""What tests of packages share: one of each thing, by the name that paths have for its id."""

from __future__ import annotations

import itertools

from credenza.web.openapi.package_examples import NEW_PACKAGE
from template_things import Ids, post

DRAFT = NEW_PACKAGE["package"]["value"]
_numbers = itertools.count()


def make_package(client, **body):
    """Make a draft of a slug of its own."""
    return post(client, "/api/integrations", **{**DRAFT, "slug": f"package-{next(_numbers)}", **body})


def publish(client, package, version="1.0.0"):
    return post(client, f"/api/integrations/{package['id']}/publish", version=version, changelog="First.")


def install(client, package, prefix=None, **body):
    """Install a package under a prefix of its own."""
    variables = {"prefix": prefix or f"install-{next(_numbers)}", "key": "sk-made-up"}
    path = f"/api/integrations/{package['id']}/install"
    return post(client, path, **{"workspaceId": "default", "variables": variables, **body})


def make_package_things(client):
    """Make a public package in two versions, granted to a workspace, and an install that was upgraded."""
    ids = Ids(workspace_id="partner", version="1.0.0")
    package = make_package(client)
    ids["integration_id"] = package["id"]
    ids["integration_version_id"] = publish(client, package)["id"]
    ids["install_id"] = install(client, package)["id"]
    publish(client, package, "1.1.0")
    post(client, f"/api/integration-installs/{ids['install_id']}/upgrade", variables={"key": "sk-other"})
    at = f"/api/integration-installs/{ids['install_id']}"
    ids["member_id"] = client.get(f"{at}/members").json()["members"][0]["id"]
    path = f"/api/integrations/{package['id']}"
    assert client.put(f"{path}/visibility", json={"visibility": "public"}).status_code == 200
    assert client.put(f"{path}/grants/partner").status_code == 200
    return ids
