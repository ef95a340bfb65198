"""Managed integrations with the records they refer to, as plans save them."""

from __future__ import annotations

import pytest

from credenza.connectors.halves import split_halves
from credenza.errors import Invalid
from credenza.model import AUTH, CONFIG, Put, Source
from credenza.sensitive import Sensitive
from examples import EXAMPLES

INSTANCE = "ini_1"


def config(workspace, type="openai", id="pcf_1", **changed):
    """Return the save of the public half of a type's example."""
    half = {**split_halves(workspace.catalogue[type], EXAMPLES.get(type, {}))[0], **changed}
    return Put(name=f"~{id}", type=type, kind=CONFIG, configuration=Sensitive(half), description="hidden")


def auth(workspace, type="openai", id="pac_1", bound_to="~pcf_1", **changed):
    """Return the save of the secret half of a type's example."""
    half = {**split_halves(workspace.catalogue[type], EXAMPLES.get(type, {}))[1], **changed}
    return Put(
        name=f"~{id}",
        type=type,
        kind=AUTH,
        bound_to=bound_to,
        configuration=Sensitive(half),
        description="hidden",
    )


def managed(type="openai", name="acme", config="~pcf_1", auth="~pac_1", instance=INSTANCE, **fields):
    """Return the save of a managed integration."""
    return Put(name=name, type=type, refers=Source(instance, "iip_1", config, auth), **fields)


def trio(workspace, type="openai", **fields):
    """Return the saves of a managed integration and of both halves."""
    return [config(workspace, type), auth(workspace, type), managed(type, **fields)]


def clear(workspace, name="acme"):
    return workspace.reveal(name).configuration.reveal()


def refusal(call):
    """Make a call that is refused, and return codes and pointers of what is wrong."""
    with pytest.raises(Invalid) as caught:
        call()
    return [(problem.code, problem.pointer) for problem in caught.value.problems]


def verdict(answer):
    """Return status and code of a refusal, which is described as one and holds no value."""
    assert "made-up" not in answer.text
    return answer.status_code, answer.json()["code"]
