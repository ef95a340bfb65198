"""Templates: what they say, and the rules of making, changing and archiving one.

A template's paper holds its providers with all their versions, so that its version guards every rule that
spans them. See `template_providers` for what is done to one of these.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import msgspec

from credenza.errors import Gone, Invalid, NotFound, Problem
from credenza.model import Card, Keep, Paper
from credenza.plans.fields import keep, read_description, read_metadata, read_name
from credenza.plans.identifiers import new_id
from credenza.plans.previews import ACTIVE, ARCHIVED
from credenza.plans.reading import Reader
from credenza.plans.tool_filters import ToolFilter

KIND, PROVIDER_KIND = "integration", "integration_provider"
MAX_PAPER = 2_000_000  # bytes
MAX_VERSIONS = 20  # of each provider; older ones go, and their numbers are not used again
_ROOMY = 200_000  # bytes, up to which versions of the past are kept
_SLUG_LETTERS = 48
_SUFFIX = 7
Given = msgspec.UnsetType


class Flags(msgspec.Struct, frozen=True, kw_only=True):
    """What instances of a template may do differently."""

    can_attach_custom_tool_filters: bool = True
    can_attach_custom_provider_config: bool = False
    can_override_tool_filters: bool = False
    enable_callback_tools: bool = False
    use_integration_name_in_tool_names: bool | None = None


class ProviderVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider of a template was bound to at one version; `created_at` is milliseconds."""

    id: str
    index: int
    status: str
    deployment_id: str
    auth_method_id: str | None
    auth_credentials_id: str | None
    config_id: str | None
    tool_filter: ToolFilter
    created_at: int


class TemplateProvider(msgspec.Struct, frozen=True, kw_only=True):
    """One provider of a template; `versions` are the oldest first, the last is what counts.

    `type` and `provider_name` are the connector type's name and title when it was added.
    """

    id: str
    status: str
    name: str
    description: str | None
    metadata: dict[str, Any] | None
    provider_id: str
    type: str
    provider_name: str
    versions: tuple[ProviderVersion, ...]
    created_at: int
    updated_at: int
    archived_at: int | None = None

    @property
    def current(self) -> ProviderVersion:
        """Return the newest version."""
        return self.versions[-1]


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A template; times are milliseconds since the epoch."""

    id: str
    status: str
    slug: str
    name: str
    description: str | None
    metadata: dict[str, Any] | None
    flags: Flags
    providers: tuple[TemplateProvider, ...]
    created_at: int
    updated_at: int
    archived_at: int | None = None

    @property
    def active_providers(self) -> tuple[TemplateProvider, ...]:
        """Return the providers that are not archived, in the order in which they were added."""
        return tuple(provider for provider in self.providers if provider.status == ACTIVE)


class TemplateBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A template to make. Overriding tool filters includes attaching some."""

    name: str
    description: str | None = None
    metadata: dict[str, Any] | None = None
    can_attach_custom_tool_filters: bool | Given = msgspec.UNSET
    can_attach_custom_provider_config: bool | Given = msgspec.UNSET
    can_override_tool_filters: bool | Given = msgspec.UNSET
    enable_callback_tools: bool | Given = msgspec.UNSET
    use_integration_name_in_tool_names: bool | Given | None = msgspec.UNSET


class TemplateUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to change of a template; what is left out stays."""

    name: str | Given = msgspec.UNSET
    description: str | Given | None = msgspec.UNSET
    metadata: dict[str, Any] | Given | None = msgspec.UNSET
    can_attach_custom_tool_filters: bool | Given = msgspec.UNSET
    can_attach_custom_provider_config: bool | Given = msgspec.UNSET
    can_override_tool_filters: bool | Given = msgspec.UNSET
    enable_callback_tools: bool | Given = msgspec.UNSET
    use_integration_name_in_tool_names: bool | Given | None = msgspec.UNSET


_read = msgspec.json.Decoder(Template).decode
_encode = msgspec.json.encode


def read_template(paper: Paper) -> Template:
    """Return the template of a paper."""
    return _read(paper.body)


def find_template(reader: Reader, id: str) -> Template:
    """Return a template by id; raises NotFound."""
    paper = reader.paper(KIND, id)
    if paper is None:
        raise NotFound("There is no integration of this id.")
    return read_template(paper)


def find_open_template(reader: Reader, id: str) -> Template:
    """Return a template that may be changed; raises NotFound, or Gone where it is archived."""
    template = find_template(reader, id)
    if template.status != ACTIVE:
        raise Gone("This integration is archived.")
    return template


def find_usable_template(reader: Reader, id: str, pointer: str = "/integration_id") -> Template:
    """Return a template that something new is to refer to.

    Raises:
        NotFound: there is none of this id.
        Invalid: `use_after_delete`: it is archived.
    """
    paper = reader.paper(KIND, id)
    if paper is None:
        raise missing(pointer, "There is no integration of this id.")
    template = read_template(paper)
    if template.status != ACTIVE:
        raise archived(pointer, "This integration is archived.")
    return template


def create_template(body: TemplateBody, at: int) -> Template:
    """Return a new template; raises Invalid."""
    name = read_name(body.name)
    made = new_id("int", at)
    return Template(
        id=made,
        status=ACTIVE,
        slug=f"{_write_slug(name)}-{made[-_SUFFIX:].lower()}",
        name=name,
        description=read_description(body.description),
        metadata=read_metadata(body.metadata),
        flags=_change_flags(Flags(), body),
        providers=(),
        created_at=at,
        updated_at=at,
    )


def update_template(template: Template, body: TemplateUpdate, at: int) -> Template:
    """Return a template with what is given changed; the same one where that changes nothing."""
    changed = msgspec.structs.replace(
        template,
        name=template.name if isinstance(body.name, Given) else read_name(body.name),
        description=read_description(keep(body.description, template.description)),
        metadata=read_metadata(keep(body.metadata, template.metadata)),
        flags=_change_flags(template.flags, body),
    )
    return template if changed == template else msgspec.structs.replace(changed, updated_at=at)


def archive_template(template: Template, at: int) -> Template:
    """Return a template archived with all its providers."""
    providers = tuple(
        archive_provider(provider, at) if provider.status == ACTIVE else provider
        for provider in template.providers
    )
    return msgspec.structs.replace(
        template, status=ARCHIVED, providers=providers, updated_at=at, archived_at=at
    )


def archive_provider(provider: TemplateProvider, at: int) -> TemplateProvider:
    """Return a provider archived, which is a version of its own."""
    last = add_version(provider.versions, at, msgspec.structs.replace(provider.current, status=ARCHIVED))
    return msgspec.structs.replace(provider, status=ARCHIVED, versions=last, updated_at=at, archived_at=at)


def add_version(
    versions: tuple[ProviderVersion, ...], at: int, said: ProviderVersion
) -> tuple[ProviderVersion, ...]:
    """Return versions with one more, which says this."""
    index = versions[-1].index + 1 if versions else 1
    return (
        *versions[1 - MAX_VERSIONS :],
        msgspec.structs.replace(said, id=new_id("ipv", at), index=index, created_at=at),
    )


def keep_template(template: Template) -> Keep:
    """Return the change that saves a template; past versions of its providers go where it grows large.

    Raises:
        Invalid: it is too large all the same.
    """
    body = _encode(template)
    if len(body) > _ROOMY:
        template = msgspec.structs.replace(
            template,
            providers=tuple(
                msgspec.structs.replace(provider, versions=provider.versions[-1:])
                for provider in template.providers
            ),
        )
        body = _encode(template)
    # What is archived must not be kept from it by its size.
    if len(body) > MAX_PAPER and template.status == ACTIVE:
        message = (
            f"An integration and its providers hold at most {MAX_PAPER // 1_000_000} MB together; "
            "shorten metadata or tool filters."
        )
        raise Invalid(message, problems=[Problem("too_large", message, "", "maxLength")])
    return Keep(kind=KIND, slug=template.id, body=body, cards=_list_cards(template))


def missing(pointer: str, message: str) -> NotFound:
    """Return the error for an id of a body that leads nowhere in this workspace."""
    return NotFound(message, problems=[Problem("not_found", message, pointer, "reference")])


def archived(pointer: str, message: str) -> Invalid:
    """Return the error for an id of a body that leads to what is archived."""
    code = "use_after_delete"
    return Invalid(message, code=code, problems=[Problem(code, message, pointer, "reference")])


def _change_flags(flags: Flags, body: TemplateBody | TemplateUpdate) -> Flags:
    given = {name: getattr(body, name) for name in Flags.__struct_fields__}
    changed = msgspec.structs.replace(
        flags, **{name: value for name, value in given.items() if not isinstance(value, Given)}
    )
    if changed.can_override_tool_filters:
        return msgspec.structs.replace(changed, can_attach_custom_tool_filters=True)
    return changed


def _write_slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:_SLUG_LETTERS].strip("-") or KIND


def _list_cards(template: Template) -> tuple[Card, ...]:
    active = template.active_providers
    # Archived with its template, a provider is still found by it; removed from one in use, it is not.
    linked = active if template.status == ACTIVE else template.providers
    links = [("provider", each.provider_id) for each in linked]
    links += [("integration_provider", each.id) for each in linked]
    own = Card(
        kind=KIND,
        id=template.id,
        status=template.status,
        name=template.name,
        description=template.description,
        created_at=template.created_at,
        updated_at=template.updated_at,
        links=tuple(links),
    )
    return (own, *(_make_card(template, provider) for provider in template.providers))


def _make_card(template: Template, provider: TemplateProvider) -> Card:
    current = provider.current
    links = (
        ("integration", template.id),
        ("provider", provider.provider_id),
        ("provider_deployment", current.deployment_id),
        ("provider_auth_method", current.auth_method_id),
        ("provider_auth_credentials", current.auth_credentials_id),
        ("provider_config", current.config_id),
    )
    return Card(
        kind=PROVIDER_KIND,
        id=provider.id,
        status=provider.status,
        name=provider.name,
        # A search finds it by what the provider is called, too.
        description=f"{provider.description or ''}\n{provider.provider_name}",
        created_at=provider.created_at,
        updated_at=provider.updated_at,
        links=tuple((relation, target) for relation, target in links if target is not None),
    )
