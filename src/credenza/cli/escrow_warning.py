"""Whether anybody has seen that the vault's key can be brought back."""

from __future__ import annotations

from credenza.settings import Credenza


def warn_of_escrow(credenza: Credenza) -> str | None:
    """Say that nobody has seen yet that the vault's key can be brought back; None: somebody has."""
    kek_id = credenza.vault.meta.kek_id
    if credenza.store.escrowed_at(kek_id) is not None:
        return None
    return (
        f"No escrow of the vault's key {kek_id} was verified yet: when its place loses the key, every secret "
        "is lost. See `credenza vault escrow export` and `verify`."
    )
