"""What an installer brings to a package: an auth config of the workspace, for the members that take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from credenza.connectors.halves import name_half
from credenza.errors import Invalid, Problem
from credenza.plans.auth_configs import SHELF
from credenza.plans.packages.installs import Bound
from credenza.plans.packages.versions import PackageVersion
from credenza.plans.values import name_record
from credenza.workspace.desk import Desk
from credenza.workspace.pairing import Entered


def bind(desk: Desk, version: PackageVersion, id: str | None) -> Bound | None:
    """Return the auth config that an installer brings, as a version asks for it; raises NotFound, Invalid."""
    auth = version.auth_config
    if auth is None:
        if id is not None:
            _refuse("not_allowed", "This integration takes no auth config.", "authConfig")
        return None
    if id is None:
        if auth.required:
            _refuse("required", "This integration needs an auth config of the workspace.", "required")
        return None
    found = SHELF.find_usable(desk, id, "/authStateId")
    name = name_record(found.id)
    record = desk.records([name]).get(name)
    if record is None or record.type != name_half(auth.provider, "auth"):
        _refuse("wrong_type", "This auth config is of another provider.", "const")

    def pair(type: str, values: Mapping[str, Any], config: str) -> Sequence[Problem]:
        kind = desk.catalogue.get(type)
        return [] if kind is None else desk.pairing(kind, config, name, Entered(config=values))

    return Bound(auth, name, pair)


def _refuse(code: str, message: str, keyword: str) -> NoReturn:
    raise Invalid(message, code=code, problems=[Problem(code, message, "/authStateId", keyword)])
