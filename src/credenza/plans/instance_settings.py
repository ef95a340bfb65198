"""Setting providers of an instance: what a template lets it, and what is refused.

Rules are looked at provider by provider, in the order in which they stand here; the first that is broken is
told. What an instance has already is not held against it: only what is asked for anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from credenza.connectors.halves import public_half
from credenza.errors import Invalid, Problem
from credenza.plans.fields import keep, refuse
from credenza.plans.instance_providers import (
    AUTH_CONFIG,
    CONFIG,
    Means,
    check_pair,
    describe_provider,
    find_before,
    find_inherited,
    find_parent,
)
from credenza.plans.instances import Instance, InstanceProvider
from credenza.plans.previews import ACTIVE, find_previews
from credenza.plans.templates import Given, Template, TemplateProvider, archived, missing
from credenza.plans.tool_filters import ToolFilter, count_patterns, read_filter

MAX_PROVIDERS = 50
MAX_PATTERNS = 200  # of the tool filters of one request
_WORDS = {CONFIG: "config", AUTH_CONFIG: "auth config"}
_UNFIT = "The config and the auth config of this provider do not fit together."
_INCOMPLETE = "An active instance needs all that its providers require; send what is missing as well."
_REENTRY = "secret_reentry_required"


class InstanceProviderItem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How an instance is to use a provider of its template, named by either id of it, or by its slug.

    What is left out stays. A config of null is the one of the template, tool filters of null allow all.
    """

    provider_id: str
    provider_config_id: str | Given | None = msgspec.UNSET
    provider_auth_config_id: str | Given | None = msgspec.UNSET
    tool_filters: Any = msgspec.UNSET
    is_override_tool_filter: bool | Given = msgspec.UNSET


def set_providers(
    means: Means, template: Template, instance: Instance, items: Sequence[InstanceProviderItem]
) -> Instance:
    """Return an instance with some of its providers set, all or none.

    Raises:
        NotFound: something that an item names is not there.
        Invalid: `duplicate_integration_instance_provider`, or what `Setting` finds.
    """
    if len(items) > MAX_PROVIDERS:
        refuse("/providers", f"An instance has at most {MAX_PROVIDERS} providers.", "maxItems")
    if sum(count_patterns(item.tool_filters) for item in items) > MAX_PATTERNS:
        message = (
            f"The tool filters of one request have at most {MAX_PATTERNS} patterns; send fewer providers."
        )
        refuse("/providers", message, "maxItems")
    seen: set[str] = set()
    for place, item in enumerate(items):
        pointer = f"/providers/{place}"
        parent = find_parent(means, template, item.provider_id, f"{pointer}/provider_id")
        if parent.id in seen:
            message = "This provider stands twice among the providers; name each once."
            code = "duplicate_integration_instance_provider"
            refuse(f"{pointer}/provider_id", message, "uniqueItems", code=code)
        seen.add(parent.id)
        instance = Setting(means, template, instance, parent, item, pointer).apply()
    return instance


class Setting(NamedTuple):
    """One provider of an instance that is to be set; `pointer` is the place of the item in the body."""

    means: Means
    template: Template
    instance: Instance
    parent: TemplateProvider
    item: InstanceProviderItem
    pointer: str = ""

    def apply(self) -> Instance:
        """Return the instance with the provider set as it is asked for.

        One that lacks what its type requires is kept, and not set, while the instance is a draft.

        Raises:
            NotFound: a config is not there, or is another provider's.
            Invalid: with the first rule that is broken.
        """
        before, inherited = find_before(self.instance, self.parent), find_inherited(self.means, self.parent)
        config_id = self._choose_config(before, inherited)
        overrides, own_filter = self._choose_filter(before)
        auth_id = keep(self.item.provider_auth_config_id, before.auth_config_id if before else None)
        if config_id is not None and (before is None or config_id != before.config_id):
            self._check_reference(CONFIG, config_id)
        if auth_id is not None and (before is None or auth_id != before.auth_config_id):
            self._check_reference(AUTH_CONFIG, auth_id)
        changed = msgspec.structs.replace(
            describe_provider(self.means, self.instance, self.parent),
            config_id=config_id,
            used_config_id=config_id or inherited,
            auth_config_id=auth_id,
            tool_filter=own_filter,
            overrides=overrides,
        )
        if before is not None and self.instance.status == ACTIVE and self._keeps_values():
            changed = msgspec.structs.replace(changed, used_config_id=before.used_config_id)
            return self._put(before, changed)
        problems = check_pair(self.means, changed)
        whole = changed.used_config_id is not None and auth_id is not None
        if problems and (whole or self.instance.status == ACTIVE):
            raise self._tell_unfit(problems, _UNFIT if whole else _INCOMPLETE)
        return self._put(before, msgspec.structs.replace(changed, is_set=not problems))

    def _put(self, before: InstanceProvider | None, changed: InstanceProvider) -> Instance:
        if changed != before:
            changed = msgspec.structs.replace(changed, updated_at=self.means.at)
        return self.instance.put(changed)

    def _keeps_values(self) -> bool:
        given = (self.item.provider_config_id, self.item.provider_auth_config_id)
        return all(isinstance(each, Given) for each in given)

    def _choose_config(self, before: InstanceProvider | None, inherited: str | None) -> str | None:
        """Return the config of an instance's own; None: it inherits."""
        wanted = self.item.provider_config_id
        if isinstance(wanted, Given):
            return before.config_id if before else None
        if wanted in {None, inherited}:
            return None
        offered = self.means.providers.find(self.parent.provider_id)
        takes = offered is not None and bool(public_half(offered.type)["properties"])
        if inherited is not None and takes and not self.template.flags.can_attach_custom_provider_config:
            message = "The integration shares a config, and lets no instance bring its own; leave this out."
            code = "custom_provider_config_not_allowed"
            refuse(f"{self.pointer}/provider_config_id", message, "const", code=code)
        return wanted

    def _choose_filter(self, before: InstanceProvider | None) -> tuple[bool, ToolFilter | None]:
        """Return whether a filter overrides that of the template, and the filter; None: all is allowed."""
        flags, item = self.template.flags, self.item
        given, flagged = not isinstance(item.tool_filters, Given), item.is_override_tool_filter
        said = before.tool_filter if before else None
        if given:
            said = read_filter(item.tool_filters, f"{self.pointer}/tool_filters")
        # A filter that is to stand alone asks for the same in other words.
        kept = (said is not None and said.alone) or (before is not None and before.overrides)
        overrides = keep(flagged, kept)
        if overrides and (given or not isinstance(flagged, Given)) and not flags.can_override_tool_filters:
            field = "tool_filters" if isinstance(flagged, Given) else "is_override_tool_filter"
            message = "The integration lets no instance replace its tool filters."
            code = "tool_filter_override_not_allowed"
            refuse(f"{self.pointer}/{field}", message, "const", code=code)
        may_attach = flags.can_attach_custom_tool_filters or flags.can_override_tool_filters
        if given and said is not None and said.rules and not may_attach:
            message = "The integration lets no instance have tool filters of its own; leave this out."
            code = "custom_tool_filters_not_allowed"
            refuse(f"{self.pointer}/tool_filters", message, "const", code=code)
        if said is None or not said.rules:
            return overrides, ToolFilter() if overrides else None
        return overrides, msgspec.structs.replace(said, alone=False)

    def _check_reference(self, kind: str, id: str) -> None:
        """Refuse a config or an auth config that is not there, or is not for this."""
        pointer, word = f"{self.pointer}/provider_{kind}_id", _WORDS[kind]
        found = find_previews(self.means.reader, kind, [id]).get(id)
        if found is None or found.provider_id != self.parent.provider_id:
            raise missing(pointer, f"There is no {word} of this id, or it is another provider's.")
        if found.status != ACTIVE:
            raise archived(pointer, f"This {word} is archived.")
        row = self.instance.provider_of(self.parent.id)
        if found.owner_id is not None and (row is None or found.owner_id != row.id):
            message = f"This {word} belongs to another instance alone."
            refuse(pointer, message, "reference", code=f"provider_{kind}_already_owned")
        if found.deployment_id not in {None, self.parent.current.deployment_id}:
            message = f"This {word} is for another deployment."
            refuse(pointer, message, "reference", code=f"provider_{kind}_deployment_mismatch")

    def _tell_unfit(self, problems: Sequence[Problem], message: str) -> Invalid:
        """Return the error of a pair that does not fit, at the part of the body that brought it about."""
        config = isinstance(self.item.provider_auth_config_id, Given) and not isinstance(
            self.item.provider_config_id, Given
        )
        pointer = f"{self.pointer}/provider_{CONFIG if config else AUTH_CONFIG}_id"
        told = [
            Problem(each.code, f"{_say_where(each)}{each.message}", pointer, each.keyword)
            for each in problems
        ]
        reentry = any(each.code == _REENTRY for each in problems)
        return Invalid(message, code=_REENTRY if reentry else "invalid_data", problems=told)


def _say_where(problem: Problem) -> str:
    """Say which key of the whole a problem is about; these pointers lead only to declared keys."""
    key = problem.pointer.removeprefix("/configuration").removeprefix("/")
    return f"`{key}`: " if key else ""
