"""The values of configs, auth configs and credentials: records of their own, and what is said of them.

A paper holds no value. Its record is saved in the same batch and is named after it, so that no client can
name it. What is wrong with a value is told at the place of the body it was sent at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from credenza.errors import Invalid, Problem
from credenza.model import OWNED, Put
from credenza.sensitive import Sensitive

_VALUE = "/configuration"
_UNFIT = "Nothing was saved: the values cannot be accepted, for the reasons listed."
_REENTRY = "secret_reentry_required"
_REENTER = "This secret was entered for another destination: send it again for this one."


def name_record(id: str) -> str:
    """Return the name of the record that holds the values of a paper."""
    return f"{OWNED}{id}"


def put_values(
    kind: str,
    id: str,
    type: str,
    values: Mapping[str, Any] | None,
    *,
    bound_to: str | None = None,
    new: bool = False,
) -> Put:
    """Return the change that saves the values of a paper; None: they stay.

    Those of an auth config are sealed for where the config `bound_to`, by id, leads. `new`: there are none.
    """
    return Put(
        name=name_record(id),
        type=type,
        kind=kind,
        configuration=None if values is None else Sensitive(dict(values)),
        bound_to=None if bound_to is None else name_record(bound_to),
        expected_version=0 if new else None,
    )


def refuse_values(problems: Sequence[Problem], pointer: str = "/value") -> None:
    """Raise Invalid with what is wrong with values that were sent at a place; nothing: return."""
    if problems:
        raise _tell([_move(problem, pointer) for problem in problems])


def place_problems(error: Invalid, pointers: Mapping[str, str]) -> Invalid:
    """Return the error of a batch with problems of values told where they were sent.

    `pointers` are by what the ids of papers begin with, such as `pcf`; other problems stay as they are.
    """
    found = [(each, (each.name or "").removeprefix(OWNED).partition("_")[0]) for each in error.problems]
    if not any(prefix in pointers for _, prefix in found):
        return error
    return _tell([_move(each, pointers[prefix]) if prefix in pointers else each for each, prefix in found])


def _move(problem: Problem, pointer: str) -> Problem:
    inner = problem.pointer.removeprefix(_VALUE)
    again = problem.code == _REENTRY
    return msgspec.structs.replace(
        problem,
        pointer=pointer + inner,
        message=_REENTER if again else problem.message,
        index=None,
        name=None,
    )


def _tell(problems: Sequence[Problem]) -> Invalid:
    codes = {problem.code for problem in problems}
    return Invalid(_UNFIT, code=_REENTRY if codes == {_REENTRY} else "invalid_data", problems=problems)
