"""What is wrong in a body is told by its place, however deep, and a word out of a list with the list."""

import json

import pytest

from credenza.errors import Invalid
from credenza.web.integrations.bodies import Body
from credenza.web.packages.packages import PackageBody
from credenza.web.packages.sharing import VisibilityBody

CANARY = "sk-canary-77"


def problems(kind, said):
    with pytest.raises(Invalid) as refused:
        Body(kind).read(json.dumps(said).encode())
    assert CANARY not in str([refused.value.message, refused.value.problems])
    return [(each.code, each.pointer, each.message) for each in refused.value.problems]


def package(**integration):
    member = {"slug": "chat", "integration": {"type": "openai", **integration}}
    return {"workspaceId": "default", "slug": "a", "name": "A", "manifest": {"members": [member]}}


@pytest.mark.parametrize(
    ("part", "place", "field"),
    [
        ({CANARY: 1}, "", 2),
        ({"apis": [{"api": "gpt-4o", CANARY: 1}]}, "/apis/0", 2),
        ({"tags": [{"key": "team", "value": "search", CANARY: 1}]}, "/tags/0", 3),
        ({"apis": [{"api": "x", "tags": [{CANARY: 1, "key": "a", "value": "b"}]}]}, "/apis/0/tags/0", 1),
    ],
)
def test_an_unknown_field_is_the_only_one_that_is_told_however_deep_it_stands(part, place, field):
    assert problems(PackageBody, package(**part)) == [
        (
            "unknown_field",
            f"/manifest/members/0/integration{place}",
            f"Field {field} of this object is not known.",
        )
    ]


def test_a_field_that_is_nearly_known_is_told_with_the_one_that_is_meant():
    said = {**package(), "manifest": {"member": []}}

    assert problems(PackageBody, said) == [
        ("unknown_field", "/manifest", "Field 1 of this object is not known. Is it meant to be `members`?")
    ]


def test_a_word_that_is_none_of_a_list_is_told_the_list():
    assert problems(VisibilityBody, {"visibility": CANARY}) == [
        ("unknown_value", "/visibility", "This must be one of: private, public, unlisted.")
    ]
