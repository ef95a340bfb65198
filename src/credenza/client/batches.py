"""A save of any size in parts that a server takes, and their receipts joined. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from credenza.client.answers import Integration, Problem, Receipt, Result
from credenza.client.errors import ApiError, ClientError, TooLarge
from credenza.sensitive import Sensitive

MAX_ITEMS = 10_000
MAX_BODY = 32 * 1024 * 1024
_LONGEST_KEY = 240  # of the 255 a server takes: each batch but the first adds its number
_BRACKETS = 2

Item = Mapping[str, Any] | Integration | msgspec.Raw


class Batch(NamedTuple):
    """Items from `first` on, as one body; `key` makes its repetition safe."""

    first: int
    body: Sensitive[bytes]
    key: str


def write_items(items: Sequence[Item]) -> list[bytes]:
    """Return every item as JSON; a boxed value in it is written in clear.

    Raises:
        ValueError: an item holds what JSON cannot say.
        TooLarge: an item alone is more than a server takes.
    """
    texts = [_write(item, index) for index, item in enumerate(items)]
    for index, text in enumerate(texts):
        if len(text) + _BRACKETS > MAX_BODY:
            message = f"An integration may have {MAX_BODY // 1024 // 1024} MiB."
            problem = Problem("too_large", message, index=index)
            raise TooLarge(message, status=413, code="too_large", problems=[problem])
    return texts


def cut(texts: Iterable[bytes], key: str) -> Iterator[Batch]:
    """Cut items into batches of at most 10,000 and 32 MiB, in order.

    The first batch goes by the key as it is given, the others by it and their number.
    """
    held: list[bytes] = []
    first, size, number = 0, _BRACKETS, 1
    for text in texts:
        if held and (len(held) == MAX_ITEMS or size + len(text) > MAX_BODY):
            yield _close(held, first, key, number)
            first, size, number, held = first + len(held), _BRACKETS, number + 1, []
        held.append(text)
        size += len(text) + 1
    if held:
        yield _close(held, first, key, number)


def check_key(key: str) -> str:
    """Return an idempotency key; raises ValueError where it cannot be one."""
    if not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise ValueError(f"An idempotency key has 1 to {_LONGEST_KEY} printable ASCII characters.")
    return key


def join(receipt: Receipt | None, more: Receipt) -> Receipt:
    """Return the receipt of all batches so far; problems count items from the first of all."""
    if receipt is None:
        return more
    first = len(receipt.results)
    return Receipt(
        dry_run=more.dry_run,
        created=receipt.created + more.created,
        updated=receipt.updated + more.updated,
        unchanged=receipt.unchanged + more.unchanged,
        failed=receipt.failed + more.failed,
        results=receipt.results + tuple(_shift_result(result, first) for result in more.results),
    )


def mark(error: ClientError, receipt: Receipt | None, key: str) -> None:
    """Write into an error what was saved before it, and let its problems count from the first item."""
    error.idempotency_key = key
    if receipt is None:
        return
    error.receipt = receipt
    if isinstance(error, ApiError):
        error.problems = _shift(error.problems, error.saved)
    done = "looked at" if receipt.dry_run else "saved"
    error.message = f"{error.message} The {error.saved:,} integrations before were {done}."
    error.args = (error.message,)


def _write(item: Item, index: int) -> bytes:
    try:
        return msgspec.json.encode(_fill(item), enc_hook=_open)
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass
    # Outside, so that what failed, which may hold a value, does not hang on to this one.
    raise ValueError(f"Item {index + 1} holds something that JSON cannot say.")


def _fill(item: Item) -> object:
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, Integration) and item.apis:
        apis = [msgspec.structs.replace(api, integration_name=item.name) for api in item.apis]
        return msgspec.structs.replace(item, apis=apis)
    return item


def _open(value: object) -> object:
    if isinstance(value, Sensitive):
        return value.reveal()
    raise TypeError


def _close(texts: Sequence[bytes], first: int, key: str, number: int) -> Batch:
    body = b"[" + b",".join(texts) + b"]"
    return Batch(first, Sensitive(body), key if number == 1 else f"{key}.{number}")


def _shift_result(result: Result, first: int) -> Result:
    if not result.problems:
        return result
    return msgspec.structs.replace(result, problems=_shift(result.problems, first))


def _shift(problems: Sequence[Problem], first: int) -> tuple[Problem, ...]:
    return tuple(
        problem if problem.index is None else msgspec.structs.replace(problem, index=problem.index + first)
        for problem in problems
    )
