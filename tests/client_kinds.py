"""Both clients under one face, for rules that hold for both; and servers that answer by a script."""

from __future__ import annotations

import asyncio
import inspect
from types import SimpleNamespace

import httpx
import msgspec

from credenza.client import AsyncClient, Client, drivers

URL = "https://credenza.example.com"
KEY = "crdz_abc_made-up"


class Awaited:
    """An `AsyncClient` that is called like a `Client`."""

    def __init__(self, *arguments, **options):
        self.inner = AsyncClient(*arguments, **options)
        self._runner = asyncio.Runner()

    def __getattr__(self, name):
        def call(*arguments, **options):
            made = getattr(self.inner, name)(*arguments, **options)
            return self._walk(made) if inspect.isasyncgen(made) else self._runner.run(made)

        return call

    def _walk(self, made):
        while True:
            try:
                yield self._runner.run(anext(made))
            except StopAsyncIteration:
                return

    def close(self):
        self._runner.run(self.inner.close())
        self._runner.close()


KINDS = {"sync": Client, "async": Awaited}


def answer(status=200, json=None, **headers):
    """Return an answer; header names are given with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=json, headers=named)


def refusal(status, code="", *, retryable=False, error=None, errors=(), headers=None):
    """Return an answer with a problem body."""
    body = {"status": status, "message": f"It is {code}.", "code": code, "instance": "r-1"}
    body |= {"retryable": retryable, "errors": list(errors)} | ({"error": error} if error else {})
    return httpx.Response(status, json=body, headers=headers)


def receipt(request, result="created"):
    """Return the answer to a save in which every item had this result."""
    names = [item["name"] for item in msgspec.json.decode(request.content)]
    results = [{"name": name, "result": result, "version": 1} for name in names]
    return answer(json={"dryRun": False, result: len(names), "results": results})


class Script:
    """A server that gives these replies in order, the last one for ever; keeps what it was sent."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, type):
            raise reply("text of a library", request=request)
        reply = reply(request) if callable(reply) else reply
        # Anew, for an answer that was read by one kind of client cannot be read by the other.
        return httpx.Response(reply.status_code, content=reply.content, headers=reply.headers)

    @property
    def transport(self):
        return httpx.MockTransport(self)


def rest(monkeypatch):
    """Let the clients not sleep, and return the list of how long they would have."""
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    monkeypatch.setattr(drivers, "time", SimpleNamespace(sleep=pauses.append))
    monkeypatch.setattr(drivers, "asyncio", SimpleNamespace(sleep=pause))
    return pauses
