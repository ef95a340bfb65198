"""The box around a secret: redacted wherever it could be shown, opened by one verb you can grep for."""

from __future__ import annotations

from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")


class Sensitive(Generic[T]):
    """Hold a value that no repr, encoder, pickle, copy or format may show.

    `msgspec`, `json` and `pickle` refuse it; `reveal` is the only way out.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        """Box the value."""
        self._value = value

    def reveal(self) -> T:
        """Return the value in clear."""
        return self._value

    def __repr__(self) -> str:
        """Show that something is there, and nothing of it."""
        return "<sensitive>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Ignore the format: it could cut a value out."""
        return "<sensitive>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        message = "a sensitive value is not pickled"
        raise TypeError(message)
