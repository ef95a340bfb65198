"""The two clients: sockets and sleep for the plans of `verbs`, and nothing that both would have to say."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from credenza.client.errors import describe_loss
from credenza.client.exchange import Credential, Exchange, Plan, Reply, Send
from credenza.client.retries import Retries
from credenza.client.verbs import Page, Verbs

P = ParamSpec("P")
T = TypeVar("T")
Verb = Callable[Concatenate[Verbs, P], Plan[T]]
_TIMEOUT = 60.0


class _Connection:
    """What both clients are: a server's URL, a credential and the verbs."""

    def __init__(self, url: str, credential: Credential, retries: int) -> None:
        exchange = Exchange(url, credential, Retries(retries))
        self.url = exchange.root
        self._verbs = Verbs(exchange)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"


def _call(verb: Verb[P, T]) -> Callable[Concatenate[Client, P], T]:
    @wraps(verb)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self._verbs, *args, **kwargs))

    return call


def _walk(verb: Verb[P, Page[T]]) -> Callable[Concatenate[Client, P], Iterator[T]]:
    @wraps(verb)
    def walk(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        plan: Plan[Page[T]] | None = verb(self._verbs, *args, **kwargs)
        while plan is not None:
            page = self.run(plan)
            yield from page.items
            plan = page.next

    return walk


class Client(_Connection):
    """A server of the bulk-save API, for programs of threads; may be shared between them.

    `credential` is an API key, or a `KeyPair` that is exchanged for tokens as they are needed. `timeout` is
    in seconds, for each request and each of its parts; `retries` is how often a call that may be repeated is.
    """

    def __init__(
        self,
        url: str,
        credential: Credential,
        *,
        timeout: float = _TIMEOUT,
        retries: int = 4,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Take where the server is; raises ValueError where URL or credential cannot be one."""
        super().__init__(url, credential, retries)
        self._http = httpx.Client(timeout=timeout, verify=verify, transport=transport)

    save = _call(Verbs.save)
    integrations = _walk(Verbs.integrations)
    get = _call(Verbs.get)
    reveal = _call(Verbs.reveal)
    history = _walk(Verbs.history)
    version = _call(Verbs.version)
    rollback = _call(Verbs.rollback)
    delete = _call(Verbs.delete)
    wait_until_ready = _call(Verbs.wait_until_ready)

    def run(self, plan: Plan[T]) -> T:
        """Carry out a plan and return what comes of it."""
        try:
            step = next(plan)
            while True:
                step = plan.send(self._send(step))
        except StopIteration as done:
            result: T = done.value
            return result

    def _send(self, step: Send) -> Reply:
        if step.after:
            time.sleep(step.after)
        try:
            return self._http.send(step.request)
        except httpx.RequestError as error:
            lost = describe_loss(error)
        return lost

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _acall(verb: Verb[P, T]) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    @wraps(verb)
    async def call(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(verb(self._verbs, *args, **kwargs))

    return call


def _awalk(verb: Verb[P, Page[T]]) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]:
    @wraps(verb)
    async def walk(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        plan: Plan[Page[T]] | None = verb(self._verbs, *args, **kwargs)
        while plan is not None:
            page = await self.run(plan)
            for item in page.items:
                yield item
            plan = page.next

    return walk


class AsyncClient(_Connection):
    """A server of the bulk-save API, for programs of an event loop; see `Client`."""

    def __init__(
        self,
        url: str,
        credential: Credential,
        *,
        timeout: float = _TIMEOUT,
        retries: int = 4,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Take where the server is; raises ValueError where URL or credential cannot be one."""
        super().__init__(url, credential, retries)
        self._http = httpx.AsyncClient(timeout=timeout, verify=verify, transport=transport)

    save = _acall(Verbs.save)
    integrations = _awalk(Verbs.integrations)
    get = _acall(Verbs.get)
    reveal = _acall(Verbs.reveal)
    history = _awalk(Verbs.history)
    version = _acall(Verbs.version)
    rollback = _acall(Verbs.rollback)
    delete = _acall(Verbs.delete)
    wait_until_ready = _acall(Verbs.wait_until_ready)

    async def run(self, plan: Plan[T]) -> T:
        """Carry out a plan and return what comes of it."""
        try:
            step = next(plan)
            while True:
                step = plan.send(await self._send(step))
        except StopIteration as done:
            result: T = done.value
            return result

    async def _send(self, step: Send) -> Reply:
        if step.after:
            await asyncio.sleep(step.after)
        try:
            return await self._http.send(step.request)
        except httpx.RequestError as error:
            lost = describe_loss(error)
        return lost

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
