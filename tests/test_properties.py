"""Laws of the save that hold for any input: all or nothing, nothing lost, nothing twice, no order."""

import itertools
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.errors import CredenzaError
from credenza.model import Actor, ApiPut, Drop, Put, Role, Tag
from credenza.sensitive import Sensitive
from credenza.workspace import Mode
from examples import EXAMPLES, dump

quick = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
numbers = itertools.count()

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
SECRET = TEXT.filter(re.compile(r"[^*•\s]").search)
TAG = st.builds(Tag, TEXT.filter(bool), TEXT)
APIS = st.dictionaries(TEXT.filter(bool), st.tuples(st.none() | TEXT, st.none() | st.booleans()), max_size=3)


@st.composite
def puts(draw, name="one", of=None):
    """Draw a valid save of an integration; its secrets and free texts are arbitrary."""
    of = draw(st.sampled_from(sorted(EXAMPLES))) if of is None else of
    configuration = dict(EXAMPLES[of])
    for key in sorted(SECRETS & configuration.keys()):
        configuration[key] = draw(SECRET)
    apis = draw(st.none() | APIS)
    return Put(
        name=name,
        type=of,
        configuration=Sensitive(configuration),
        category=draw(st.sampled_from([None, "API", "CLOUD"])),
        description=draw(st.none() | TEXT),
        enabled=draw(st.none() | st.booleans()),
        tags=draw(st.none() | st.lists(TAG, max_size=3).map(tuple)),
        apis=apis if apis is None else tuple(ApiPut(api, *rest) for api, rest in apis.items()),
    )


SECRETS = {"api_key", "password", "awsAccountId", "externalId", "keyStorePassword", "file", "tlsFile"}
BAD = [
    Put(name="x", type="unheard_of"),
    Put(name="x", type="openai"),
    Put(name="x", type="openai", configuration=Sensitive({"api_key": "***"})),
    Put(name="x", type="openai", configuration=Sensitive({"api_key": "k", "colour": "blue"})),
    Put(name="x/y", type="openai", configuration=Sensitive({"api_key": "k"})),
    Put(name="there", type="grok", configuration=Sensitive({"api_key": "k"})),
    Put(name="THERE", type="openai", configuration=Sensitive({"api_key": "k"})),
    Put(name="there", type="openai", configuration=Sensitive({"endpoint": "https://evil.example"})),
    Put(name="there", type="openai", expected_version=9),
    Put(name="n-0", type="openai", configuration=Sensitive({"api_key": "k"}), category="NONE"),
    Drop("nowhere"),
]


def visible(workspace):
    """Return all that the records of a workspace say, apart from ids and times."""
    found = []
    for view in workspace.list():
        shown = json.loads(view.record.body)
        for part in (*shown.get("secrets", {}).values(), *shown.get("apis", ())):
            for key in [key for key in part if key.endswith("_at")]:
                del part[key]
        clear = workspace.reveal(view.record.name).configuration.reveal()
        found.append((view.record.name, view.record.type, view.record.version, shown, clear))
    return found


@quick
@given(data=st.data())
@pytest.mark.parametrize("bad", BAD)
def test_a_batch_with_anything_wrong_in_it_leaves_every_row_as_it_was(workspace, database, bad, data):
    workspace.apply([Put(name="there", type="openai", configuration=Sensitive({"api_key": "k"}))])
    good = [data.draw(puts(f"n-{number}")) for number in range(data.draw(st.integers(0, 3)))]
    at = data.draw(st.integers(0, len(good)))
    before = dump(database)

    with pytest.raises(CredenzaError):
        workspace.apply([*good[:at], bad, *good[at:]])

    assert dump(database) == before


@settings(quick, max_examples=4)
@given(data=st.data())
@pytest.mark.parametrize("type", EXAMPLES)
def test_what_is_saved_is_what_is_revealed_whatever_the_type(workspace, type, data):
    put = data.draw(puts(f"{type}-{next(numbers)}", type))

    workspace.apply([put])

    resolved = workspace.reveal(put.name)
    assert resolved.configuration.reveal() == put.configuration.reveal()
    assert workspace.view(put.name).document.description == put.description
    assert set(resolved.document.tags) == set(put.tags or ())
    assert {api.api for api in resolved.document.apis} == {api.api for api in put.apis or ()}


@settings(quick, max_examples=20)
@given(data=st.data())
def test_the_same_save_twice_is_the_save_once(workspace, database, data):
    batch = [data.draw(puts(f"i-{next(numbers)}")) for _ in range(3)]
    workspace.apply(batch)
    before = dump(database)

    receipt = workspace.apply(batch)

    assert {item.result for item in receipt.items} == {"unchanged"}
    assert dump(database) == before


@settings(quick, max_examples=15)
@given(data=st.data())
def test_independent_items_may_come_in_any_order_and_in_any_cut(service, data):
    batch = [data.draw(puts(f"n-{number}")) for number in range(4)]
    shuffled = data.draw(st.permutations(batch))
    first, second, third = (_open(service) for _ in range(3))

    first.apply(batch)
    second.apply(shuffled, mode=Mode.PER_ITEM)
    for put in shuffled:
        third.apply([put])

    assert visible(first) == visible(second) == visible(third)


@settings(quick, max_examples=15)
@given(data=st.data())
def test_a_dry_run_foretells_the_save(service, database, data):
    workspace = _open(service)
    workspace.apply([data.draw(puts(f"n-{number}")) for number in range(2)])
    types = {view.record.name: view.record.type for view in workspace.list()}
    batch = [data.draw(puts(f"n-{number}", types.get(f"n-{number}"))) for number in range(3)]
    before = dump(database)

    planned = workspace.apply(batch, dry_run=True)

    assert dump(database) == before
    assert planned.items == workspace.apply(batch).items


def _open(service):
    tenant = service.accounts.create_workspace(f"w-{next(numbers)}", by="test")
    return service.workspace(Actor(tenant, "test", Role.ADMIN))
