"""Laws of instances: active once all is set, whatever the order; and whose tool filter counts."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.plans.instance_providers import list_filters
from credenza.plans.templates import Flags
from credenza.plans.tool_filters import passes, read_filter
from instance_things import Values, list_integrations, make_instance, read_instance, set_provider
from template_things import add_provider, make_template

NEEDED = {"relational_db": {"config", "auth"}, "openai": {"auth"}, "git": {"config", "auth"}}
TYPES = tuple(NEEDED)
FIELDS = {"config": "provider_config_id", "auth": "provider_auth_config_id"}
KINDS = ("tool", "prompt", "resource")
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["config", "auth", "both", "offer", "withdraw"]), st.sampled_from(TYPES)),
    max_size=9,
)


class Told:
    """What is known of an instance without asking: what its template offers, and what was set."""

    def __init__(self):
        self.offered, self.parts, self.active = {}, {}, False

    def settle(self):
        whole = all(NEEDED[name] <= self.parts.get(name, set()) for name in self.offered)
        self.active = self.active or (bool(self.offered) and whole)


@pytest.fixture(scope="module")
def known():
    """Return configs and auth configs by workspace; they serve every example."""
    return {}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS, start=st.sets(st.sampled_from(TYPES), min_size=1))
def test_an_instance_is_active_exactly_from_when_all_its_providers_are_set(
    api, workspace, known, actions, start
):
    pairs = known.setdefault(
        workspace.actor.tenant.id, {name: Values(workspace).pair(name) for name in TYPES}
    )
    template, told = make_template(api), Told()
    for name in sorted(start):
        told.offered[name] = add_provider(api, template, name)
    instance = make_instance(api, template)
    for action, name in actions:
        if action == "offer" and name not in told.offered:
            told.offered[name] = add_provider(api, template, name)
        elif action == "withdraw" and name in told.offered:
            api.delete(f"/integration-providers/{told.offered.pop(name)['id']}")
            told.parts.pop(name, None)
            told.settle()
        elif action in {"config", "auth", "both"} and name in told.offered:
            named = {*FIELDS} if action == "both" else {action}
            parts = told.parts.get(name, set()) | named
            answer = set_provider(
                api, instance, name, **{FIELDS[part]: pairs[name][FIELDS[part]] for part in named}
            )
            if told.active and not NEEDED[name] <= parts:
                assert answer.status_code == 400
            else:
                assert answer.status_code == 200
                told.parts[name] = parts
                told.settle()
    assert read_instance(api, instance)["status"] == ("active" if told.active else "draft")
    shown = [each["integration"] for each in read_instance(api, instance)["providers"]]
    mine = [name for name, each in list_integrations(api).items() if each["managedBy"] == instance["id"]]
    assert sorted(mine) == sorted(name for name in shown if name)
    assert told.active == bool(mine) or not shown


rules = st.one_of(
    st.builds(
        lambda kind, keys: {"type": f"{kind}_keys", "keys": keys},
        st.sampled_from(["tool", "prompt"]),
        st.lists(st.sampled_from("abc")),
    ),
    st.builds(
        lambda kind, text: {"type": f"{kind}_regex", "pattern": text},
        st.sampled_from(KINDS),
        st.sampled_from(["a", "^b", "c$", "."]),
    ),
)
filters = st.builds(read_filter, st.lists(rules, max_size=3))
names = st.sampled_from(["a", "b", "c", "abc"])


@given(parent=filters, own=st.none() | filters, kind=st.sampled_from(KINDS), name=names)
def test_both_filters_must_let_a_thing_pass(parent, own, kind, name):
    found = list_filters(parent, own, overrides=False, flags=Flags())

    assert passes(found, kind, name) == (
        passes([parent], kind, name) and (own is None or passes([own], kind, name))
    )


@given(parent=filters, own=filters, kind=st.sampled_from(KINDS), name=names, may=st.booleans())
def test_a_filter_counts_alone_where_it_overrides_as_long_as_it_may(parent, own, kind, name, may):
    found = list_filters(parent, own, overrides=True, flags=Flags(can_override_tool_filters=may))

    assert passes(found, kind, name) == (passes([own], kind, name) and (may or passes([parent], kind, name)))
