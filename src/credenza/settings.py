"""Configuration is a value: read once from the environment and options, frozen, then opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
import platformdirs

from credenza.accounts import DEFAULT, Accounts
from credenza.connectors import Catalogue, shipped_schemas
from credenza.errors import Misconfigured, StoreRejected
from credenza.keys import keep_apart, open_provider
from credenza.keys.development import developer_provider
from credenza.keys.files import lies_within
from credenza.keys.watched import watch_provider
from credenza.model import Actor, Tenant, VaultMeta
from credenza.observer import SILENT, Observer
from credenza.plans.redirects import Redirects, read_origins
from credenza.ports import KeyProvider, Store, Subject
from credenza.vault import Vault
from credenza.vault.lease import Lease, is_revocable
from credenza.workspace import Policy, Workspace, milliseconds
from credenza.workspace.types import Types

_PREFIX = "CREDENZA_"
_NO_KEY = (
    "Say where the vault's key is: CREDENZA_KEK=keyring://credenza, file:///path/to/key, env://NAME or a key "
    "of AWS, Google Cloud, Azure or HashiCorp Vault (or use --dev on your own machine)."
)
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
WEEK = 7 * 24 * 60  # minutes
UpToWeek = Annotated[int, msgspec.Meta(ge=1, le=WEEK)]
DAY = 24 * 60  # minutes
UpToDay = Annotated[int, msgspec.Meta(ge=1, le=DAY)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the program was told. URIs name back ends; None stands for the default of the mode."""

    store: str | None = None
    kek: str | None = None
    kek_next: str | None = None
    key_minutes: UpToDay = 10
    key_grace_minutes: UpToWeek = 24 * 60
    schemas: str | None = None
    validation: Literal["strict", "lenient"] = "strict"
    public_url: str | None = None
    keep_versions: Positive = 10
    cache_mib: Positive = 2
    checkpoint_mib: Positive = 16
    access_log: bool = True
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics: str = "on"
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    drain_delay: Annotated[int, msgspec.Meta(ge=0, le=600)] = 0  # seconds, as is the next
    drain_seconds: Annotated[int, msgspec.Meta(ge=1, le=3_600)] = 10
    dev: bool = False
    setup_minutes: UpToWeek = 30
    session_minutes: UpToWeek = 60
    redirect_origins: str | None = None
    frame_origins: str | None = None

    def __repr__(self) -> str:
        """Show nothing: the address of a store may hold a password."""
        return "<settings>"

    @classmethod
    def read(cls, environment: Mapping[str, str], **options: object) -> Settings:
        """Return the settings of an environment; options that are not None go first.

        Raises:
            Misconfigured: a setting has a value it cannot have; the setting is named, not the value.
        """
        given: dict[str, object] = {
            field: environment[_PREFIX + field.upper()]
            for field in cls.__struct_fields__
            if environment.get(_PREFIX + field.upper())
        }
        given |= {name: value for name, value in options.items() if value is not None}
        for name, value in given.items():
            try:
                msgspec.convert({name: value}, cls, strict=False)
            except msgspec.ValidationError:
                told = f"{_PREFIX}{name.upper()} has a value it cannot have{_say_allowed(cls, name)}."
                raise Misconfigured(told) from None
        return msgspec.convert(given, cls, strict=False)

    def policy(self, observer: Observer = SILENT) -> Policy:
        """Return what the core needs of the settings, and who hears what it does."""
        lenient = self.validation == "lenient"
        return Policy(lenient=lenient, keep_versions=self.keep_versions, observer=observer)

    @property
    def logs_requests(self) -> bool:
        """Say whether each request is a line of the log."""
        return self.access_log and self.log_level in {"debug", "info"}

    @property
    def kind(self) -> str:
        """Return what kind of store it is: the scheme of its address."""
        return (self.store or "sqlite:").partition(":")[0]

    def redirects(self) -> Redirects:
        """Return where people may be sent once they have set something up; raises Misconfigured."""
        return Redirects(_read_origins("REDIRECT_ORIGINS", self.redirect_origins), self.dev)

    def frames(self) -> tuple[str, ...]:
        """Return the origins whose pages may hold a setup page; raises Misconfigured."""
        return _read_origins("FRAME_ORIGINS", self.frame_origins)

    def catalogue(self) -> Catalogue:
        """Load the shipped types and those of CREDENZA_SCHEMAS; raises SchemaRejected."""
        folders = [Path(folder) for folder in (self.schemas or "").split(os.pathsep) if folder]
        return Catalogue.load(shipped_schemas(), *folders)


class Credenza(msgspec.Struct, frozen=True):
    """Everything that is open: what the web and the command line are made of."""

    settings: Settings
    policy: Policy
    types: Types
    store: Store
    vault: Vault
    accounts: Accounts
    provider: KeyProvider
    remark: str = ""

    def lease(self) -> Lease | None:
        """Return what asks for the key again; None: the key is one that nobody can take back."""
        settings = self.settings
        # Between two keys the vault may have the next one already.
        next_one = [open_provider(settings.kek_next)] if settings.kek_next else []
        if not any(map(is_revocable, [self.provider, *next_one])):
            return None
        return Lease(self.vault, seconds=settings.key_minutes * 60, grace=settings.key_grace_minutes * 60)

    @property
    def catalogue(self) -> Catalogue:
        """Return the types that every workspace has."""
        return self.types.shipped

    def workspace(self, actor: Actor) -> Workspace:
        """Return the workspace of an actor."""
        return Workspace(actor, self.store, self.vault, self.types, self.policy)

    def tenant(self, slug: str | None = None) -> Tenant:
        """Return a workspace by its slug, else the default one; raises NotFound."""
        return self.accounts.workspace(slug or DEFAULT)

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()


def _say_allowed(settings: type[Settings], name: str) -> str:
    """Say which values a setting can have, as the end of a sentence; those of a text say so themselves."""
    rules = msgspec.json.schema(settings)["$defs"][settings.__name__]["properties"][name]
    if "enum" in rules:
        return f": it is {' or '.join(sorted(rules['enum'], reverse=True))}"
    if "minimum" in rules:
        return f": it is a whole number from {rules['minimum']:,} to {rules['maximum']:,}"
    return ": it is true or false" if rules.get("type") == "boolean" else ""


def _read_origins(name: str, text: str | None) -> tuple[str, ...]:
    try:
        return read_origins(text or "")
    except ValueError:
        raise Misconfigured(
            f"{_PREFIX}{name} lists origins like https://app.example.com, with commas between them."
        ) from None


def default_store() -> str:
    """Return the store used when none is named: a file of its own in the user's data directory."""
    path = Path(platformdirs.user_data_path("credenza")) / "store" / "credenza.db"
    return "sqlite:///" + quote(str(path))


def key_folder() -> Path:
    """Return where developer mode keeps key files: never below the store's own folder."""
    return Path(platformdirs.user_config_path("credenza")) / "keys"


def open_credenza(
    settings: Settings,
    *,
    serving: bool = False,
    create: bool = False,
    read_only: bool = False,
    observer: Observer | None = None,
) -> Credenza:
    """Open everything the settings name; `create` makes the vault and workspace of a new store.

    With `read_only`, a store of an earlier release stays as it is. The observer hears what is done; where
    none is given, a server counts it.

    Raises:
        Misconfigured: something named cannot be opened, or a new store was not asked for.
    """
    observer = observer or (_count() if serving else SILENT)
    policy = settings.policy(observer)
    settings.redirects()
    settings.frames()
    catalogue = settings.catalogue()
    store = _open_store(settings, serving=serving, create=create, read_only=read_only)
    try:
        store.watch(observer)
        provider, vault, remark = _open_vault(settings, store, observer, serving=serving, create=create)
        vault.follow(partial(store.revision, Subject.RINGS))
        accounts = Accounts(store, vault, policy)
        if create and vault.locked is None:
            accounts.ensure_workspace(DEFAULT, by="init")
    except BaseException:
        store.close()
        raise
    if serving:
        _register(observer, settings, store, vault)
    types = Types(catalogue, store, vault)
    return Credenza(settings, policy, types, store, vault, accounts, provider, remark)


def _count() -> Observer:
    from credenza.metrics import Metrics  # noqa: PLC0415  # a command at a prompt counts nothing

    return Metrics()


def _register(observer: Observer, settings: Settings, store: Store, vault: Vault) -> None:
    from credenza.metrics import Gauges, Metrics  # noqa: PLC0415

    if isinstance(observer, Metrics):
        unlocked = "credenza_vault_unlocked", "1: secrets can be opened."
        gauges = Gauges(store, settings.kind, lambda: [(*unlocked, float(vault.locked is None))])
        observer.registry.register(gauges)


def _open_store(settings: Settings, *, serving: bool, create: bool, read_only: bool) -> Store:
    uri = settings.store or default_store()
    scheme = uri.partition(":")[0]
    known = {entry.name: entry for entry in entry_points(group="credenza.stores")}
    if scheme not in known:
        raise Misconfigured(f"CREDENZA_STORE begins with one of: {', '.join(sorted(known))}.")
    opened: Store = known[scheme].load()(
        uri,
        serving=serving,
        create=create,
        approve=partial(_approve_place, settings),
        **({"read_only": True} if read_only else {}),
        cache_mib=settings.cache_mib,
        checkpoint_mib=settings.checkpoint_mib,
    )
    return opened


def _approve_place(settings: Settings, path: Path) -> None:
    """Refuse a key that cannot be this store's, before a file is made that would seem to be a store."""
    if settings.kek is not None:
        keep_apart(open_provider(settings.kek), path.parent)
    elif not (settings.dev or path.exists()):
        raise Misconfigured(_NO_KEY)


def _open_vault(
    settings: Settings, store: Store, observer: Observer, *, serving: bool, create: bool
) -> tuple[KeyProvider, Vault, str]:
    meta = store.vault()
    if meta is None and not create:
        raise Misconfigured("This store has no vault yet: run `credenza init`, or `credenza serve --dev`.")
    provider, remark = _provider(settings, meta.id if meta else None, serving=serving)
    if store.folder is not None:
        keep_apart(provider, store.folder)
    others = [open_key(settings.kek_next, store)] if settings.kek_next else []
    if observer is not SILENT:
        provider, *others = (watch_provider(each, observer) for each in (provider, *others))
    describe = partial(_describe_vault, store)
    if meta is not None:
        return provider, Vault.open(provider, meta, store.rings, others=others, describe=describe), remark
    if store.tenants():
        raise StoreRejected(
            "This store holds workspaces, but the description of their vault is gone: no new key would open "
            "them. Bring the store back from a backup."
        )
    vault, meta = Vault.create(provider, store.rings, now=milliseconds(), others=others, describe=describe)
    store.add_vault(meta)
    return provider, vault, remark


def open_key(uri: str, store: Store) -> KeyProvider:
    """Open the place of a key for a store, where it may lie; raises Misconfigured."""
    provider = open_provider(uri)
    if store.folder is not None:
        keep_apart(provider, store.folder)
    return provider


def _describe_vault(store: Store) -> list[VaultMeta]:
    return [meta for meta in (store.vault(), store.next_vault()) if meta is not None]


def find_providers(settings: Settings, vault: bytes, folder: Path | None) -> list[KeyProvider]:
    """Return who keeps the key of a vault, and the key it is to have; none may lie in its store's folder.

    Raises:
        Misconfigured: none is named, or a key lies in the folder or below.
    """
    providers = [_provider(settings, vault, serving=False)[0]]
    if settings.kek_next:
        providers.append(open_provider(settings.kek_next))
    for provider in providers:
        if folder is not None:
            keep_apart(provider, folder)
    return providers


def lies_in_store(path: Path, store: Store) -> bool:
    """Tell whether a path is in the folder of a store or below it, where one backup would hold both."""
    return store.folder is not None and lies_within(path, store.folder)


def _provider(settings: Settings, vault: bytes | None, *, serving: bool) -> tuple[KeyProvider, str]:
    if settings.kek is not None:
        return open_provider(settings.kek), ""
    # Beside a developer's server, a command finds the same key; it never makes one.
    if settings.dev or (vault is not None and not serving):
        return developer_provider(vault, key_folder())
    raise Misconfigured(_NO_KEY)
