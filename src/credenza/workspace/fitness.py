"""Whether a stored configuration fits the version that its type has now, and what it would say there. Pure.

A secret is sealed anew where its key has another name, or its type another rule for where it may go; and only
where it belongs to what is stored, and the steps change nothing of where that leads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from credenza.connectors import UNKNOWN, ConnectorType, Draft, Held, draft_all
from credenza.connectors.destination import read_public
from credenza.connectors.evolution import Evolved, evolve, list_steps, trace
from credenza.connectors.merging import PRESENCE
from credenza.errors import Problem
from credenza.model import Document, Secret, locate
from credenza.pointers import escape
from credenza.workspace.compose import MOST_PROBLEMS
from credenza.workspace.reveal import find_misplaced

_AWAY = "The migration changes where this secret is sent: enter it again."
_MISPLACED = "This secret was not sealed for where the stored integration leads: enter it again."
_LOST = "This secret is missing: enter it again."
_PUBLIC = "This key holds a secret, and its type says no longer that it is one: enter it again."
_TAKEN = "This key holds a value already, so the migration renamed no other key to it."
_UNDECLARED = "This is no key of the type any longer, and no migration renames or removes it."


UNREADABLE = Problem(
    "unreadable",
    "This integration, or an earlier version of it, cannot be read any longer: bring the store back from a "
    "backup, or delete the integration and save it anew.",
)


class Plan(NamedTuple):
    """What a configuration would say; where it does not fit, as much of that as can be told.

    `origins` gives of each secret the pointer it is held under; `reseals` says that secrets must be sealed
    anew, `astray` that they may not be.
    """

    draft: Draft
    origins: Mapping[str, str]
    reseals: bool
    astray: bool
    problems: tuple[Problem, ...]


def plan(
    type: ConnectorType, api: ConnectorType, document: Document, held: Mapping[str, Secret], *, lenient: bool
) -> Plan:
    """Plan what a document would say under the version its type has now; `api` is what apis may say."""
    evolved = evolve(
        type.moves,
        document.type_version,
        document.configuration,
        [pointer[1:] for pointer in document.secrets],
    )
    origins, shown = _carry(document, evolved)
    astray = [*_find_astray(type, api, document, held, evolved)]
    problems = [*_find_unfit(type, evolved, shown, lenient=lenient), *astray]
    incoming = {key: value for key, value in evolved.public.items() if lenient or key in type.keys}
    if UNKNOWN in origins:
        incoming = {key: value for key, value in incoming.items() if key in type.keys}
        incoming[UNKNOWN[1:]] = {PRESENCE: {}}
    (draft,) = draft_all(type, [(incoming, Held(evolved.public, shown))], lenient=lenient)
    problems += draft.problems
    if problems:
        draft = _draft_roughly(type, evolved, shown)
    reseals = not astray and _must_reseal(type, api, document, held, draft, origins)
    return Plan(draft, origins, reseals, bool(astray), tuple(problems[:MOST_PROBLEMS]))


def _carry(document: Document, evolved: Evolved) -> tuple[dict[str, str], dict[str, str | None]]:
    """Return under which pointer each secret is held, and its public form, by the pointer it has now."""
    origins = {f"/{new}": f"/{old}" for new, old in evolved.origins.items()}
    return origins, {pointer: document.secrets[old].redacted for pointer, old in origins.items()}


def _find_unfit(
    type: ConnectorType, evolved: Evolved, shown: Mapping[str, str | None], *, lenient: bool
) -> Iterator[Problem]:
    """Yield what is wrong with the keys of a configuration, whatever the schema says of their values."""
    for key in evolved.clashes:
        yield Problem("key_taken", _TAKEN, f"/configuration/{escape(key)}", "rename")
    for pointer, redacted in shown.items():
        key = pointer[1:]
        fits = key in type.secrets or (key in type.embeds and redacted is not None)
        if pointer != UNKNOWN and not fits:
            yield Problem("secret_reentry_required", _PUBLIC, locate(pointer), "writeOnly")
    for key in evolved.public:
        if key not in type.keys and (UNKNOWN in shown or not lenient):
            yield Problem("unknown_key", _UNDECLARED, f"/configuration/{escape(key)}", "additionalProperties")


def _find_astray(
    type: ConnectorType,
    api: ConnectorType,
    document: Document,
    held: Mapping[str, Secret],
    evolved: Evolved,
) -> Iterator[Problem]:
    """Yield the secrets that do not belong to the document, or would be sent to where they were not."""
    references = document.references()
    lost = [path for path, ref in references.items() if path not in held or held[path].version != ref.version]
    if lost:
        yield from (_ask_again(path, _LOST, "stored") for path in lost)
        return
    misplaced = find_misplaced(type, api, document, held) if references else []
    if misplaced:
        # What was sealed since, for what the same values mean now, stands in versions from before too.
        later = _find_later(type, api, document, held, evolved)
        misplaced = [path for path in misplaced if path in later]
    yield from (_ask_again(path, _MISPLACED, "x-destination") for path in misplaced)
    if not misplaced and references and _leads_elsewhere(type, document, evolved):
        yield from (_ask_again(path, _AWAY, "x-destination") for path in references)


def _find_later(
    type: ConnectorType,
    api: ConnectorType,
    document: Document,
    held: Mapping[str, Secret],
    evolved: Evolved,
) -> set[str]:
    """Return the stored paths of secrets that do not belong to what a document says after its migration."""
    origins, shown = _carry(document, evolved)
    draft = _draft_roughly(type, evolved, shown)
    after = _apply(type, document, draft, origins)
    found = find_misplaced(type, api, after, {**held} | {new: held[old] for new, old in origins.items()})
    return {origins.get(path, path) for path in found}


def _apply(type: ConnectorType, document: Document, draft: Draft, origins: Mapping[str, str]) -> Document:
    refs = {pointer: document.secrets[origins[pointer]] for pointer in draft.kept}
    return msgspec.structs.replace(
        document, configuration=draft.public, secrets=refs, type_version=type.version
    )


def _ask_again(path: str, message: str, keyword: str) -> Problem:
    return Problem("secret_reentry_required", message, locate(path), keyword)


def _leads_elsewhere(type: ConnectorType, document: Document, evolved: Evolved) -> bool:
    """Tell whether the steps change a value that says where secrets go; other names for them do not count."""
    steps = list_steps(type.moves, document.type_version)
    defaults = {key: rules.get("default") for key, rules in type.schema["properties"].items()}
    former = {key: default for key, _, default in type.former(document.type_version).targets}
    names = {*former, *document.configuration, *(pointer[1:] for pointer in document.secrets)}
    finals = {key: trace(steps, key) for key in names}
    for key, final in finals.items():
        if key not in former and final not in type.destinations:
            continue
        before = read_public(_redacted(document, key), document.configuration.get(key), former.get(key))
        after = None
        if final is not None:
            shown = _redacted(document, evolved.origins.get(final, ""))
            default = defaults.get(final) if key in former else None
            after = read_public(shown, evolved.public.get(final), default)
        if before != after:
            return True
    # What was not there before, by any name, may come by a default, but not by a step.
    return any(key in evolved.public for key in type.destinations if key not in finals.values())


def _redacted(document: Document, key: str) -> str | None:
    ref = document.secrets.get(f"/{key}")
    return None if ref is None else ref.redacted


def _draft_roughly(type: ConnectorType, evolved: Evolved, shown: Mapping[str, str | None]) -> Draft:
    """Split what does not fit as far as that goes, so that a correction can be saved over it."""
    public = {key: evolved.public[key] for key in type.keys if key in evolved.public}
    # What is a secret now is public no longer.
    texts = {key: public.pop(key) for key in type.keys if key in type.secrets and key in public}
    entered = {f"/{key}": text for key, text in texts.items() if isinstance(text, str) and text}
    kept = tuple(p for p in shown if p == UNKNOWN or p[1:] in type.secrets or p[1:] in type.embeds)
    redacted = {pointer: text for pointer, text in shown.items() if text is not None and pointer in kept}
    return Draft(public, entered, kept, (), redacted)


def _must_reseal(  # noqa: PLR0917
    type: ConnectorType,
    api: ConnectorType,
    document: Document,
    held: Mapping[str, Secret],
    draft: Draft,
    origins: Mapping[str, str],
) -> bool:
    if any(origins[pointer] != pointer for pointer in draft.kept):
        return True
    # What decides where the others go, and what undeclared keys are sealed as, binds all others.
    if any(p == UNKNOWN or p[1:] in type.embeds | type.trusts for p in draft.entered):
        return bool(document.references())
    after = _apply(type, document, draft, origins)
    return bool(after.references()) and bool(find_misplaced(type, api, after, held))
