"""What a store says of its vault: which key it has, and how that is known again."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from credenza.errors import KeyBroken, KeyDenied, KeyUnreachable, KeyUnusable
from credenza.model import VaultMeta
from credenza.ports import KeyProvider
from credenza.sensitive import Sensitive
from credenza.vault import envelope


def describe_key(vault: bytes, kek: bytes, *, created_at: int, keepsake: bytes | None) -> VaultMeta:
    """Return the description of a vault that has this key."""
    name, check = envelope.kek_id(kek, vault), envelope.key_check(kek, vault)
    return VaultMeta(vault, envelope.FORMAT, created_at, name, check, keepsake)


def fetch(provider: KeyProvider, meta: VaultMeta) -> Sensitive[bytes]:
    """Return the key that a vault's description names, from one place.

    Raises:
        KeyUnusable: it is not there, or what is there is another one.
    """
    if meta.format != envelope.FORMAT:
        raise KeyBroken(f"The vault has format {meta.format}, which this program does not know.")
    kek = provider.fetch(meta.id, meta.keepsake)
    key = kek.reveal()
    if len(key) != envelope.KEY_SIZE:
        raise KeyBroken("What it holds is not 32 bytes long.")
    found = envelope.kek_id(key, meta.id)
    if found != meta.kek_id:
        raise KeyBroken(f"The key it holds is {found}, which is not this vault's.")
    if not hmac.compare_digest(envelope.key_check(key, meta.id), meta.check):
        raise KeyBroken("The key has the right name, but the check value in the store does not fit it.")
    return kek


def fetch_any(providers: Sequence[KeyProvider], meta: VaultMeta) -> Sensitive[bytes]:
    """Return the key that a description names from the first of some places that gives it.

    Raises:
        KeyUnusable: none does; of their reasons the one that tells most.
    """
    errors: list[KeyUnusable] = []
    for provider in providers:
        try:
            return fetch(provider, meta)
        except KeyUnusable as error:
            errors.append(error)
    # A place that has another key says nothing of this one, and one that is silent may still give it.
    telling = [each for kind in (KeyUnreachable, KeyDenied) for each in errors if isinstance(each, kind)]
    raise [*telling, *errors][0]
