"""A key provider whose calls are counted and timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from credenza.errors import CredenzaError
from credenza.observer import Observer
from credenza.ports import KeyProvider

_CALLS = frozenset({"fetch", "create", "wrap", "unwrap"})


class _Watched:
    """Whatever the provider is, with its calls watched."""

    def __init__(self, provider: KeyProvider, observer: Observer) -> None:
        self._provider = provider
        self._observer = observer

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a provider has
        found = getattr(self._provider, name)
        return self._watch(name, found) if name in _CALLS else found

    def _watch(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def watched(*arguments: object, **named: object) -> object:
            begun, outcome = time.perf_counter(), "internal_error"
            try:
                answer = call(*arguments, **named)
                outcome = "ok"
            except CredenzaError as error:
                outcome = error.code
                raise
            else:
                return answer
            finally:
                self._observer.count_key_call(name, outcome, time.perf_counter() - begun)

        return watched


def watch_provider(provider: KeyProvider, observer: Observer) -> KeyProvider:
    """Return a provider that does what this one does, and tells an observer of each call."""
    return cast("KeyProvider", _Watched(provider, observer))
