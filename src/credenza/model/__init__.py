"""The words of the project as frozen values: who acts, what changes, what is stored, what is answered.

Times are milliseconds since the epoch, ids are 16 bytes (UUIDv7, RFC 9562), `row` numbers stay
inside a store.
"""

from credenza.model.actors import Actor, ApiKey, Permission, Role, Tag, Tenant
from credenza.model.changes import (
    AddPrompt,
    AddTags,
    Amend,
    Amendment,
    ApiPut,
    Change,
    Drop,
    DropApi,
    DropTags,
    Expect,
    Flawed,
    Keep,
    Put,
    Restore,
    TokenLimit,
)
from credenza.model.keys import RingRow, VaultMeta
from credenza.model.receipts import Item, Receipt
from credenza.model.records import (
    CATEGORIES,
    Api,
    Document,
    Edit,
    Paper,
    Prompt,
    Record,
    Secret,
    SecretRef,
    Usage,
    Version,
    Write,
    locate,
    nest,
)

__all__ = [
    "CATEGORIES",
    "Actor",
    "AddPrompt",
    "AddTags",
    "Amend",
    "Amendment",
    "Api",
    "ApiKey",
    "ApiPut",
    "Change",
    "Document",
    "Drop",
    "DropApi",
    "DropTags",
    "Edit",
    "Expect",
    "Flawed",
    "Item",
    "Keep",
    "Paper",
    "Permission",
    "Prompt",
    "Put",
    "Receipt",
    "Record",
    "Restore",
    "RingRow",
    "Role",
    "Secret",
    "SecretRef",
    "Tag",
    "Tenant",
    "TokenLimit",
    "Usage",
    "VaultMeta",
    "Version",
    "Write",
    "locate",
    "nest",
]
