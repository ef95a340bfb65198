"""What can be asked of a server, each verb a plan; both clients carry them under the same names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

import httpx
import msgspec

from credenza.client.answers import History, Integration, Receipt, Resolved, Version, box
from credenza.client.batches import Item, check_key, cut, join, mark, write_items
from credenza.client.errors import ClientError, NotFound, Unavailable, Unreachable
from credenza.client.exchange import Call, Exchange, Plan, Send, read
from credenza.sensitive import Sensitive

T = TypeVar("T")
Pairs = tuple[tuple[str, str], ...]
Progress = Callable[[int, int], object]

_BASE = "/api/integrations"
_PROVIDER = f"{_BASE}/provider"
_HISTORY_PAGE = 100
_POLL_SECONDS = 0.25
_POLL_TIMEOUT = 5.0
_integration = msgspec.json.Decoder(Integration)
_integrations = msgspec.json.Decoder(list[Integration])
_receipt = msgspec.json.Decoder(Receipt)
_history = msgspec.json.Decoder(History)


class Page(NamedTuple, Generic[T]):
    """Some of many things, and the plan for those after them."""

    items: Sequence[T]
    next: Plan[Page[T]] | None


class Verbs:
    """The verbs of one server, under one credential."""

    def __init__(self, exchange: Exchange) -> None:
        """Take where to ask."""
        self._exchange = exchange

    def save(
        self,
        integrations: Iterable[Item],
        *,
        dry_run: bool = False,
        mode: Literal["atomic", "per-item"] = "atomic",
        replace_apis: bool = False,
        leads: Literal["allow", "refuse"] = "allow",
        progress: Progress | None = None,
        idempotency_key: str | None = None,
    ) -> Plan[Receipt]:
        """Save integrations: mappings as the API takes them, `Integration`s, or ready JSON.

        Up to 10,000 and 32 MiB are one batch, which is saved as a whole or not at all; more are cut into
        several, one after the other. `progress` is called with how many are done, and of how many, after
        each. With `leads="refuse"` no api may begin to lead to a place of its own with a secret that is
        kept, though the credential may reveal. An idempotency key is made for every call, so a batch whose
        answer was lost is not saved twice.

        Raises:
            ApiError, Unreachable: with what was saved before in `receipt`.
            ValueError: an item cannot be written as JSON; nothing was sent.
        """
        texts = Sensitive(write_items(list(integrations)))
        total = len(texts.reveal())
        key = check_key(str(uuid4()) if idempotency_key is None else idempotency_key)
        query = (
            ("mode", mode),
            ("dryRun", _flag(dry_run)),
            ("apis", "replace" if replace_apis else "upsert"),
            *((("leads", leads),) if leads != "allow" else ()),
        )
        done: Receipt | None = None
        try:
            for batch in cut(texts.reveal(), key):
                headers = {"Idempotency-Key": batch.key}
                call = Call("POST", _BASE, query, batch.body, headers)
                answer = yield from self._exchange.perform(call)
                done = join(done, read(answer, _receipt))
                if progress is not None:
                    progress(len(done.results), total)
        except ClientError as error:
            mark(error, done, key)
            raise
        return done or Receipt(dry_run=dry_run)

    def integrations(
        self,
        *,
        search: str | None = None,
        tag: str | Sequence[str] | None = None,
        type: str | None = None,
        category: str | None = None,
        active_only: bool = True,
        apis: bool = True,
        page: int = 100,
    ) -> Plan[Page[Integration]]:
        """Iterate over all integrations in the order of their names, read page by page.

        `tag` is `key` or `key=value`, or several of those, which all must hold; `active_only` leaves out what
        is disabled, apis too.
        """
        tags = [] if tag is None else [tag] if isinstance(tag, str) else list(tag)
        given = {"search": search, "type": type, "category": category}
        query = (
            ("limit", str(page)),
            ("activeOnly", _flag(active_only)),
            *((name, value) for name, value in given.items() if value is not None),
            *(("tag", each) for each in tags),
        )
        return self._page(f"{_BASE}/" if apis else _PROVIDER, query)

    def get(self, name: str) -> Plan[Integration]:
        """Return one integration without its apis, its secrets only as being there; raises NotFound."""
        answer = yield from self._exchange.perform(Call("GET", _place(name)))
        return read(answer, _integration)

    def reveal(self, name: str) -> Plan[Resolved]:
        """Return one integration with its secrets in clear, boxed; the server's audit has it before.

        Raises:
            Forbidden: the credential may not reveal.
            NotFound: there is no such integration.
        """
        answer = yield from self._exchange.perform(Call("GET", _place(name, "/resolved")))
        return box(read(answer, _integration))

    def history(self, name: str, *, before: int | None = None) -> Plan[Page[Version]]:
        """Iterate over the versions of one integration, newest first; `before`: only those below it."""
        query: Pairs = (("limit", str(_HISTORY_PAGE)),)
        if before is not None:
            query += (("before", str(before)),)
        answer = yield from self._exchange.perform(Call("GET", _place(name, "/history"), query))
        versions = read(answer, _history).versions
        oldest = versions[-1].version if versions else 1
        return Page(versions, self.history(name, before=oldest) if oldest > 1 else None)

    def version(self, name: str, version: int) -> Plan[Integration]:
        """Return what one integration said at a version; raises NotFound."""
        answer = yield from self._exchange.perform(Call("GET", _place(name, f"/history/{version:d}")))
        return read(answer, _integration)

    def rollback(
        self, name: str, version: int, *, dry_run: bool = False, expected_version: int | None = None
    ) -> Plan[Receipt]:
        """Make what one integration said at an earlier version its next one, secrets included.

        Not repeated when its answer is lost: it takes no idempotency key.

        Raises:
            NotFound: no such integration or version.
            BadRequest: secrets of that version are destroyed; the problems name those to enter again.
            PreconditionFailed: it is not at `expected_version`.
        """
        body = Sensitive(msgspec.json.encode({"version": version}))
        call = Call(
            "POST",
            _place(name, "/rollback"),
            (("dryRun", _flag(dry_run)),),
            body,
            _if_match(expected_version),
            repeatable=dry_run,
        )
        answer = yield from self._exchange.perform(call)
        return read(answer, _receipt)

    def delete(self, name: str, *, expected_version: int | None = None, dry_run: bool = False) -> Plan[None]:
        """Remove one integration with its apis, history and secrets; with `dry_run` only ask whether it may.

        When an answer is lost it is repeated, and then to find nothing is success.

        Raises:
            NotFound: there is no such integration.
            PreconditionFailed: it is not at `expected_version`.
        """
        query = (("dryRun", "true"),) if dry_run else ()
        call = Call("DELETE", _place(name), query, headers=_if_match(expected_version))
        yield from self._exchange.perform(call)

    def wait_until_ready(self, timeout: float = 60.0) -> Plan[None]:
        """Return when the server says that it is ready; asks four times a second, for `timeout` seconds.

        Raises:
            Unavailable: it answers, and is not ready.
            Unreachable: it does not answer.
        """
        deadline, after = time.monotonic() + timeout, 0.0
        while True:
            request = self._exchange.write(Call("GET", "/readyz"))
            left = max(_POLL_SECONDS, deadline - time.monotonic() - after)
            request.extensions["timeout"] = httpx.Timeout(min(_POLL_TIMEOUT, left)).as_dict()
            reply = yield Send(request, after)
            if isinstance(reply, httpx.Response) and reply.is_success:
                return
            after = _POLL_SECONDS
            if time.monotonic() + after >= deadline:
                break
        if isinstance(reply, Unreachable):
            raise reply
        message = "The server is not ready."
        raise Unavailable(message, status=reply.status_code, code="not_ready", retryable=True)

    def _page(self, path: str, query: Pairs) -> Plan[Page[Integration]]:
        answer = yield from self._exchange.perform(Call("GET", path, query))
        link = answer.links.get("next", {}).get("url")
        # Of the link (RFC 8288) only the query: the credential goes nowhere that a header points to.
        following = tuple(parse_qsl(urlsplit(link).query)) if link else ()
        found = read(answer, _integrations)
        return Page(found, self._page(path, following) if following else None)


def _place(name: str, rest: str = "") -> str:
    if not name:
        # Its path would be that of them all.
        raise NotFound("There is no integration without a name.", status=404, code="not_found")
    segment = quote(name, safe="", errors="replace")
    # A lone dot, or two, would be taken for a step in the path.
    return f"{_PROVIDER}/{segment if segment.strip('.') else segment.replace('.', '%2E')}{rest}"


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _if_match(version: int | None) -> dict[str, Any]:
    return {} if version is None else {"If-Match": f'"{version:d}"'}
