"""The variables that an installer gives: the public ones and the secret ones apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from credenza.errors import Invalid, Problem
from credenza.plans.packages.variables import Variables, check_values, read_variables
from credenza.plans.packages.versions import PackageVersion


class Given(NamedTuple):
    """The variables of an install: public values with defaults, and the secret texts that were given."""

    variables: Variables
    public: Mapping[str, Any]
    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        """Show nothing of them."""
        return "<given>"


def take_variables(
    version: PackageVersion, public: Mapping[str, Any], secrets: Mapping[str, str], known: Sequence[str] = ()
) -> Given:
    """Return the variables of a version; secret ones that are `known` from before need not be given again.

    Raises:
        Invalid: with all that is missing, too much or wrong, under `/variables`.
    """
    variables, _ = read_variables(version.variables_schema)
    filled, problems = check_values(variables, {**public, **secrets}, known)
    if problems:
        raise Invalid("The variables of this integration are not right.", problems=problems)
    return Given(
        variables,
        {name: value for name, value in filled.items() if name not in variables.secrets},
        {name: value for name, value in secrets.items() if name in variables.secrets},
    )


def split_variables(
    version: PackageVersion, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what was given, the public and the secret apart; what is neither is told of later."""
    variables, _ = read_variables(version.variables_schema)
    secrets = {name: value for name, value in given.items() if name in variables.secrets}
    wrong = [name for name, value in secrets.items() if not isinstance(value, str)]
    if wrong:
        raise Invalid(
            "A secret variable is a text.",
            problems=[
                Problem("wrong_type", "This must be a text.", f"/variables/{n}", "type") for n in wrong
            ],
        )
    return {name: value for name, value in given.items() if name not in secrets}, secrets
