"""What the apis of an integration say in configurations of their own, checked and sealed like its own.

What an api declares is in one schema for all (`Catalogue.api`); everything else is sealed together, for
nobody can tell whether it is a secret. Its secrets are bound to where those of the integration are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from credenza.connectors import UNKNOWN, ConnectorType, Held, draft_all
from credenza.errors import Problem
from credenza.model import Api, ApiPut, SecretRef, nest
from credenza.pointers import escape
from credenza.workspace.sealing import Outcome, Place, Sealer

_encode = msgspec.json.encode


class Children:
    """The apis of one record on their way to its next version.

    `outcome` gathers what becomes of their secrets, `entered` the stored paths of those that were sent.
    Problems point to `/apis/<position>` of what was sent, or to an api by its name where it was not sent.
    """

    def __init__(self, sealer: Sealer, type: ConnectorType, parent: Place, above: Outcome, by: str) -> None:
        """Take the place of the integration, what became of its own secrets, and who acts."""
        self.outcome = Outcome({}, [], [], [])
        self.entered: list[str] = []
        self._led: list[Callable[[str], bool]] = []
        self._sealer = sealer
        self._type = type
        self._parent = parent
        self._above = above
        self._by = by

    def decide(self, before: Sequence[Api], after: Sequence[Api], puts: Sequence[ApiPut]) -> tuple[Api, ...]:
        """Return the apis `after` a change with their configurations; `puts` are those that were sent."""
        entered = {
            put.api: (at, put.configuration.reveal())
            for at, put in enumerate(puts)
            if put.configuration is not None
        }
        carried = {api.api: api.secrets for api in after}
        self.outcome.retired.extend(
            nest(api.api, pointer)
            for api in before
            for pointer in api.secrets
            if pointer not in carried.get(api.api, {})
        )
        return tuple(
            self._decide(api, *entered.get(api.api, (0, None))) if api.secrets or api.api in entered else api
            for api in after
        )

    def _decide(self, api: Api, at: int, incoming: Mapping[str, Any] | None) -> Api:
        held = Held(api.configuration, {pointer: ref.redacted for pointer, ref in api.secrets.items()})
        (draft,) = draft_all(self._type, [(incoming, held)], lenient=True)
        if draft.problems:
            self.outcome.problems.extend(
                msgspec.structs.replace(problem, pointer=f"/apis/{at}{problem.pointer}")
                for problem in draft.problems
            )
            return api
        place = self._place(api)
        made = self._sealer.decide(place, self._type, draft)
        self.outcome.sealed.extend(made.sealed)
        self.outcome.retired.extend(made.retired)
        self.outcome.problems.extend(
            made.problems
            if incoming is None
            else (_place_in(problem, api.api, at) for problem in made.problems)
        )
        self.entered.extend(nest(api.api, pointer) for pointer in draft.entered)
        if not made.problems:
            self._follow(api, draft.public, made.refs)
        # As text: 1 and true are equal, and are not the same.
        if made.refs == api.secrets and _encode(draft.public) == _encode(api.configuration):
            return api
        return msgspec.structs.replace(
            api, configuration=draft.public, secrets=made.refs, updated_at=place.at, updated_by=self._by
        )

    def leads_away(self, pointer: str) -> bool:
        """Tell whether a secret of the integration would follow an api to where it did not go before."""
        return any(exposes(pointer) for exposes in self._led)

    def _follow(self, api: Api, public: Mapping[str, Any], refs: Mapping[str, SecretRef]) -> None:
        """Note what an api that leads to a place of its own takes along: what it has no secret for itself."""
        place = self._lead(public, refs)
        if place is None:
            return
        stays = place == self._lead(api.configuration, api.secrets)
        # Undeclared keys cover nothing: nobody can tell whether the same stand among them.
        own, before = ({each for each in some if each != UNKNOWN} for some in (refs, api.secrets))
        self._led.append(lambda pointer: pointer not in own and (not stays or pointer in before))

    def _lead(self, public: Mapping[str, Any], refs: Mapping[str, SecretRef]) -> tuple[object, ...] | None:
        """Return what decides where an api leads; None: nowhere of its own. What nobody declared may."""
        sealed = [refs.get(f"/{key}") for key in (UNKNOWN[1:], *sorted(self._type.embeds))]
        redacted = {pointer: ref.redacted for pointer, ref in refs.items() if ref.redacted is not None}
        here = self._type.destination(public, redacted)
        if here == self._type.destination({}, {}) and not any(sealed):
            return None
        return here, *sealed

    def _place(self, api: Api) -> Place:
        held = self._parent.held
        paths = {pointer: nest(api.api, pointer) for pointer in api.secrets}
        return self._parent._replace(
            rule=self._type.rule,
            held={pointer: held[path] for pointer, path in paths.items() if path in held},
            refs=api.secrets,
            api=api.api,
            binding=self._above.destination,
            redirected=self._above.redirected,
        )


def _place_in(problem: Problem, api: str, at: int) -> Problem:
    """Point to where an api stands in what was sent, not to the api by its name."""
    below = problem.pointer.removeprefix(f"/apis/{escape(api)}")
    return msgspec.structs.replace(problem, pointer=f"/apis/{at}{below}")
