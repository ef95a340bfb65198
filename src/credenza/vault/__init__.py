"""Keep secrets sealed: the record format, the keys of a workspace, and the vault that guards them."""

from credenza.vault.ring import Ring, Sealing
from credenza.vault.vault import Vault, describe_key, fetch

__all__ = ["Ring", "Sealing", "Vault", "describe_key", "fetch"]
