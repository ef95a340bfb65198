"""Give a vault new keys while it is used: another key-encryption key, or new terms of the workspaces' rings.

Both go on from where they were cut off, because what is left to do stands in the rows themselves: which key
wraps a ring row, and which term a secret was sealed under. `rewrap` (a new key-encryption key) changes ring
rows only; `rotate` (new terms) seals every secret anew.
"""

from credenza.rotation.limits import Limits, Standing, look
from credenza.rotation.rewrapping import Rewrapped, prepare, rewrap
from credenza.rotation.terms import Rotated, rotate

__all__ = ["Limits", "Rewrapped", "Rotated", "Standing", "look", "prepare", "rewrap", "rotate"]
