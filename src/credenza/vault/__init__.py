"""Keep secrets sealed: the record format, the keys of a workspace, and the vault that guards them."""

from credenza.vault.descriptions import describe_key, fetch
from credenza.vault.ring import Ring, Sealing
from credenza.vault.vault import LOST, Vault

__all__ = ["LOST", "Ring", "Sealing", "Vault", "describe_key", "fetch"]
