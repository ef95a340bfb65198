"""The names of integrations that members are about to become: sound, free, and each of one member."""

from __future__ import annotations

from collections.abc import Sequence

from credenza.errors import Clash, Invalid, Problem
from credenza.model import NAME_RULE, is_name
from credenza.plans.packages.reading import Library
from credenza.plans.packages.rendering import Rendered


def require_names(library: Library, members: Sequence[Rendered]) -> None:
    """Refuse names that new integrations cannot have.

    Raises:
        Invalid: `invalid_name`: a name with its variables filled in is none; its member is named.
        Clash: `name_taken`: integrations of such names are there, or two members would have one.
    """
    unsound = [each for each in members if is_name(each.name) is None]
    if unsound:
        raise Invalid(
            "Integrations cannot have the names that these members would give them.",
            code="invalid_name",
            problems=[
                Problem("invalid_name", NAME_RULE, f"/members/{each.slug}/name", "pattern", name=each.slug)
                for each in unsound
            ],
        )
    taken = library.taken([each.name for each in members])
    seen: set[str] = set()
    problems = []
    for each in members:
        folded = each.name.lower()
        if folded in taken or folded in seen:
            word = "is there already" if folded in taken else "would be made twice"
            problems.append(tell_taken(each.slug, each.name, word))
        seen.add(folded)
    if problems:
        raise Clash(
            "Names of integrations that would be made are taken.", code="name_taken", problems=problems
        )


def tell_taken(slug: str, name: str, word: str) -> Problem:
    """Return the problem of a member whose name another integration has."""
    message = f"An integration of the name of member {slug} {word}."
    return Problem("name_taken", message, f"/members/{slug}/name", "uniqueItems", name=name)
