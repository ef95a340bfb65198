"""Every error of the project, as one tree. No value of a configuration ever stands in a message.

    CredenzaError
    ├── Invalid                what was sent cannot be accepted; carries every problem found
    ├── Unauthenticated        no credential, or one that is not good
    ├── Forbidden              a good credential that may not do this
    ├── NotFound               nothing of that name in this workspace
    ├── Conflict               somebody else changed it meanwhile; trying again may help
    │   └── TermRetired        the data key it was sealed under seals no longer
    ├── Clash                  it clashes with what is there; trying again does not help
    ├── Gone                   it is archived and takes no changes any more
    ├── PreconditionFailed     the caller's own expectation does not hold
    ├── KeyReused              an idempotency key came back with another body
    ├── TooLarge               more than a soft limit allows
    ├── Unsupported            a body that is not declared as JSON
    ├── Unavailable            the service cannot do this now
    │   ├── VaultLocked        the key-encryption key is missing or is not this vault's
    │   ├── StoreFull          no room left on the device
    │   ├── StoreDamaged       the store's file is damaged
    │   └── TypeNotLoaded      a record's connector type is not loaded
    ├── Damaged                a sealed record was changed, moved or cut short
    ├── WrongKey               a sealed record was made with another key
    └── Misconfigured          the program cannot start like this
        ├── SchemaRejected     a connector type file breaks the rules for such files
        ├── StoreRejected      the store is not ours, newer than the program, or in use
        └── KeyUnusable        a key provider cannot give the key
            ├── KeyAbsent      it works, and holds no key for this vault
            ├── KeyDenied      it holds one, and will not hand it over
            └── KeyBroken      it cannot be reached, or what it holds is no key
                └── KeyUnreachable   it does not answer or is too busy; trying again may help

An error raised without a message says its own docstring.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Name one thing that is wrong, by place and rule, never by value.

    `pointer` is a JSON Pointer (RFC 6901) inside the item, `keyword` the rule that refused it.
    """

    code: str
    message: str
    pointer: str = ""
    keyword: str = ""
    index: int | None = None
    name: str | None = None


class CredenzaError(Exception):
    """Something went wrong."""

    code = "internal_error"
    retryable = False
    advice = ""  # what a person at a prompt can do, where that is more than the message says

    def __init__(self, message: str = "", *, code: str = "", problems: Sequence[Problem] = ()) -> None:
        """Take the sentence for a person, a narrower code, and the problems found."""
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        self.code = code or type(self).code
        self.problems = tuple(problems)
        super().__init__(self.message)


class Invalid(CredenzaError):
    """The request is not valid."""

    code = "invalid_data"


class Unauthenticated(CredenzaError):
    """Send a credential: X-Authorization: <key>, or Authorization: Bearer <key>."""

    code = "unauthenticated"


class Forbidden(CredenzaError):
    """This credential may not do that."""

    code = "forbidden"


class NotFound(CredenzaError):
    """There is nothing of that name here."""

    code = "not_found"


class Conflict(CredenzaError):
    """The record changed while it was being saved; send the request again."""

    code = "conflict"
    retryable = True


class TermRetired(Conflict):
    """The data key changed while this was being saved; send the request again."""


class Clash(CredenzaError):
    """What was asked clashes with what is there."""

    code = "clash"


class Gone(CredenzaError):
    """It is archived and takes no changes any more."""

    code = "gone"


class PreconditionFailed(CredenzaError):
    """The record is no longer at the version that was expected."""

    code = "version_mismatch"


class KeyReused(CredenzaError):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


class TooLarge(CredenzaError):
    """The request is larger than the limit."""

    code = "too_large"


class Unsupported(CredenzaError):
    """Send the body as JSON, with Content-Type: application/json."""

    code = "unsupported_media_type"


class Unavailable(CredenzaError):
    """The service cannot do this at the moment; try again later."""

    code = "unavailable"
    retryable = True


class VaultLocked(Unavailable):
    """The vault's key is not available: values stay sealed until the service is given it."""

    code = "vault_key_unavailable"


class StoreFull(Unavailable):
    """There is no room left on the device; nothing was saved."""

    code = "store_full"


class StoreDamaged(Unavailable):
    """The store's file is damaged; run `credenza doctor`."""

    code = "store_damaged"
    retryable = False


class TypeNotLoaded(Unavailable):
    """The connector type is not loaded: name its folder in CREDENZA_SCHEMAS and start again."""

    code = "type_not_loaded"
    retryable = False


class Damaged(CredenzaError):
    """A sealed record was changed, moved or cut short."""

    code = "secret_damaged"


class WrongKey(CredenzaError):
    """A sealed record was made with another key."""

    code = "secret_wrong_key"


class Misconfigured(CredenzaError):
    """The program cannot start like this."""

    code = "misconfigured"


class SchemaRejected(Misconfigured):
    """A connector type file breaks the rules for such files."""

    code = "schema_rejected"


class StoreRejected(Misconfigured):
    """The store cannot be used."""

    code = "store_rejected"


class KeyUnusable(Misconfigured):
    """The key provider cannot give the key."""

    code = "key_unusable"


class KeyAbsent(KeyUnusable):
    """The key provider holds no key for this vault."""

    code = "key_absent"


class KeyDenied(KeyUnusable):
    """The key provider will not hand over the key."""

    code = "key_denied"


class KeyBroken(KeyUnusable):
    """The key provider cannot be reached, or what it holds is not a key."""

    code = "key_broken"


class KeyUnreachable(KeyBroken):
    """The key provider does not answer, or is too busy; try again later."""

    code = "key_unreachable"
    retryable = True
