"""Bodies of this surface: JSON objects; where none is sent, an empty one."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from credenza.errors import Invalid
from credenza.web.asking import AnyRequest, decoded
from credenza.web.integrations import bodies
from credenza.web.requests import is_sent, read_body

T = TypeVar("T", bound=msgspec.Struct)
_UNREADABLE = "invalid_json"


class Body(Generic[T]):
    """The reader of one kind of body."""

    def __init__(self, kind: type[T]) -> None:
        """Make decoder and explainer once."""
        self._reader = bodies.Body[T](kind)

    async def read(self, request: AnyRequest) -> T:
        """Return what the body of a request says.

        Raises:
            Invalid: `bad_request` where it is no JSON, else `invalid_data` with all that is wrong.
            Unsupported, TooLarge: see `requests.read_body`.
        """
        body = await read_body(request) if is_sent(request) else bytearray()
        try:
            return await decoded(body or bytearray(b"{}"), self._reader.read)
        except Invalid as error:
            code = "bad_request" if error.code == _UNREADABLE else "invalid_data"
            raise Invalid(error.message, code=code, problems=error.problems) from None
