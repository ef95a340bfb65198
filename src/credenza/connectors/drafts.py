"""Drafts: configurations that came in, merged with what is held, checked, and split into public and secret.

This is the path every saved configuration takes. `draft_all` asks the validator once for a whole batch of
one type, and looks closer only at a configuration that is out of the ordinary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from credenza.connectors.addresses import is_plain
from credenza.connectors.explain import explain
from credenza.connectors.merging import PLACEHOLDER, Guesses, Merging
from credenza.connectors.types import PLAIN, SEALABLE, SECRET, ConnectorType
from credenza.connectors.values import MAX_LENGTH, MAX_NUMBER, limit_problems
from credenza.errors import Problem

_ABSENT: Final = object()


class Held(msgspec.Struct, frozen=True):
    """What a record holds: public values, and by pointer the public form of each secret, or None."""

    public: Mapping[str, Any]
    secrets: Mapping[str, str | None]

    def __repr__(self) -> str:
        """Show how much is held, and nothing of it."""
        return f"<held: {len(self.public)} public, {len(self.secrets)} secret>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show the same to rich, which reads fields otherwise."""
        return [("public", len(self.public)), ("secrets", len(self.secrets))]


EMPTY: Final = Held({}, {})


class Draft(msgspec.Struct, frozen=True):
    """One configuration, split.

    `public` is in schema order. `entered` holds secret texts by pointer (undeclared keys as JSON under
    `/$unknown`), `kept` and `cleared` the pointers of held secrets that stay and go, `redacted` the public
    form of each sealed URL that was entered or kept, `missing` what a lenient check found absent. A draft
    with problems carries nothing else.
    """

    public: dict[str, Any] = {}
    entered: dict[str, str] = {}
    kept: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    redacted: dict[str, str] = {}
    missing: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        """Show how much there is, and nothing of it."""
        return (
            f"<draft: {len(self.public)} public, {len(self.entered)} entered, {len(self.kept)} kept,"
            f" {len(self.cleared)} cleared, {len(self.problems)} problems>"
        )

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show the same to rich, which reads fields otherwise."""
        return [
            ("public", len(self.public)),
            ("entered", len(self.entered)),
            ("problems", len(self.problems)),
        ]


Offer = tuple[Mapping[str, Any] | None, Held]


def draft_all(type: ConnectorType, offers: Sequence[Offer], *, lenient: bool) -> list[Draft]:
    """Merge, check and split configurations of one type; one draft per offer, in order.

    An offer is the configuration that came in (None: everything stays as it is, unchecked but for what
    is missing) and what the record holds (`EMPTY`: a new record). Nothing is raised: problems are in the
    drafts, with pointers that begin with `/configuration`.
    """
    drafts: list[Draft] = []
    wholes: list[dict[str, Any]] = []
    guesses = Guesses(type.keys)
    for incoming, held in offers:
        if incoming is None and held is not EMPTY:
            draft, whole = _leave(type, held)
        else:
            draft, whole = _split(type, {} if incoming is None else incoming, held, lenient, guesses)
        drafts.append(draft)
        wholes.append(whole)
    if not type.checker.is_valid(wholes):
        for at, (incoming, held) in enumerate(offers):
            untouched = incoming is None and held is not EMPTY
            drafts[at] = _check(type, drafts[at], wholes[at], lenient=lenient, untouched=untouched)
    return [_drop_rest(draft) if draft.problems else draft for draft in drafts]


def _split(
    type: ConnectorType, incoming: Mapping[str, Any], held: Held, lenient: bool, guesses: Guesses
) -> tuple[Draft, dict[str, Any]]:
    """Return a draft, unchecked, and the merged configuration that its check is to run on."""
    public: dict[str, Any] = {}
    entered: dict[str, str] = {}
    find = incoming.get
    for key, sort, pointer in type.plan:
        value = find(key, _ABSENT)
        if value is _ABSENT:
            continue
        if value.__class__ is str:
            # the usual text, decided without a call; whatever else there is, `Merging` looks at
            if value.isascii() and "\0" not in value and len(value) <= MAX_LENGTH:
                if sort == PLAIN or (sort == SEALABLE and is_plain(value) and value[:1] != "*"):
                    public[key] = value
                    continue
                if sort == SECRET and " " < value[:1] != "*":
                    entered[pointer] = value
                    continue
        elif sort == PLAIN and value.__class__ is int and -MAX_NUMBER <= value <= MAX_NUMBER:
            public[key] = value
            continue
        break
    else:
        if held is EMPTY and len(public) + len(entered) == len(incoming):
            whole = incoming if incoming.__class__ is dict else dict(incoming)
            return Draft(public, entered), whole
    return _merge(type, incoming, held, lenient, guesses)


def _merge(
    type: ConnectorType, incoming: Mapping[str, Any], held: Held, lenient: bool, guesses: Guesses
) -> tuple[Draft, dict[str, Any]]:
    merging = Merging(type, held.secrets, guesses)
    for key, sort, pointer in type.plan:
        merging.take(key, sort, pointer, incoming)
    merging.take_unknown(incoming, lenient)
    draft = Draft(
        merging.public,
        merging.entered,
        tuple(merging.kept),
        merging.find_cleared(),
        merging.redacted,
        (),
        tuple(merging.problems),
    )
    return draft, merging.whole


def _leave(type: ConnectorType, held: Held) -> tuple[Draft, dict[str, Any]]:
    """Keep everything, even what the type does not declare any longer."""
    redacted = {pointer: text for pointer, text in held.secrets.items() if text is not None}
    whole = {key: held.public[key] for key in type.keys if key in held.public}
    for pointer in held.secrets:
        key = pointer[1:]
        if key in type.secrets or key in type.embeds:
            whole[key] = redacted.get(pointer, PLACEHOLDER)
    return Draft(dict(held.public), {}, tuple(held.secrets), (), redacted), whole


def _check(
    type: ConnectorType, draft: Draft, whole: dict[str, Any], *, lenient: bool, untouched: bool
) -> Draft:
    if type.checker.is_valid([whole]):
        return draft
    findings = explain(type, whole)
    known = {problem.pointer for problem in draft.problems}
    soft = lenient or untouched
    problems = [
        finding.problem
        for finding in findings
        if finding.problem.pointer not in known and not (soft and finding.absent)
    ]
    missing = dict.fromkeys(key for finding in findings if soft for key in finding.absent)
    return msgspec.structs.replace(
        draft,
        missing=tuple(f"/{key}" for key in missing),
        problems=() if untouched else (*draft.problems, *problems),
    )


def _drop_rest(draft: Draft) -> Draft:
    return Draft(problems=limit_problems(draft.problems))
