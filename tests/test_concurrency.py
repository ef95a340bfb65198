"""Many writers at once: every save is whole, names and types hold, nobody sees an error not theirs."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from credenza.errors import Conflict, CredenzaError, Invalid, PreconditionFailed
from credenza.model import ApiPut, Drop, Keep, Put
from credenza.sensitive import Sensitive
from credenza.workspace import Mode
from credenza.workspace.desk import Papers, Planned

WRITERS = 12


def put(name="one", type="openai", **fields):
    return Put(name=name, type=type, configuration=Sensitive({"api_key": "sk"}), **fields)


def race(calls):
    """Make all calls at the same moment and return what each gave or raised."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call()
        except CredenzaError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_of_two_types_racing_for_one_name_exactly_one_wins(workspace):
    for turn in range(5):
        types = ["openai", "grok"] * (WRITERS // 2)
        outcomes = race([lambda t=t, n=f"n-{turn}": workspace.apply([put(n, t)]) for t in types])

        stored = workspace.view(f"n-{turn}").record.type
        for asked, outcome in zip(types, outcomes, strict=True):
            if asked == stored:
                assert outcome.items[0].result in {"created", "unchanged"}
            else:
                assert isinstance(outcome, Invalid)
                assert outcome.code == "type_immutable"
        results = [each.items[0].result for each in outcomes if not isinstance(each, Exception)]
        assert results.count("created") == 1


def test_of_names_that_differ_by_case_exactly_one_is_created(workspace):
    names = ["alpha", "ALPHA", "Alpha"] * 4

    outcomes = race([lambda n=n: workspace.apply([put(n)]) for n in names])

    assert len(workspace.list()) == 1
    assert {each.code for each in outcomes if isinstance(each, Exception)} == {"name_taken"}


def test_every_one_of_many_updates_becomes_a_version_of_its_own(workspace):
    workspace.apply([put()])

    outcomes = race([lambda n=n: workspace.apply([put(description=f"{n}")]) for n in range(WRITERS)])

    assert {each.items[0].result for each in outcomes} == {"updated"}
    assert [each.version for each in workspace.history("one")] == list(range(WRITERS + 1, 0, -1))


def test_of_many_that_expect_one_version_exactly_one_is_served(workspace):
    workspace.apply([put()])

    outcomes = race(
        [lambda n=n: workspace.apply([put(description=f"{n}", expected_version=1)]) for n in range(WRITERS)]
    )

    lost = [each for each in outcomes if isinstance(each, Exception)]
    assert len(lost) == WRITERS - 1
    assert {type(each) for each in lost} == {PreconditionFailed}


def test_apis_added_by_many_at_once_are_all_there(workspace):
    workspace.apply([put()])

    race([lambda n=n: workspace.apply([put(apis=(ApiPut(f"m-{n}"),))]) for n in range(WRITERS)])

    assert len(workspace.view("one").document.apis) == WRITERS


def test_batches_over_the_same_names_in_different_orders_all_come_through(workspace):
    names = [f"n-{number}" for number in range(20)]
    batches = [names if n % 2 else names[::-1] for n in range(WRITERS)]

    outcomes = race(
        [
            lambda b=b, n=n: workspace.apply([put(x, description=f"{n}") for x in b])
            for n, b in enumerate(batches)
        ]
    )

    assert not [each for each in outcomes if isinstance(each, Exception)]
    assert len({each.document.description for each in workspace.list()}) == 1
    assert {each.record.version for each in workspace.list()} == {WRITERS}


def test_saving_and_deleting_one_name_at_once_never_breaks(workspace):
    calls = [lambda: workspace.apply([put()]), lambda: workspace.apply([Drop("one")])] * (WRITERS // 2)

    outcomes = race(calls)

    assert {each.code for each in outcomes if isinstance(each, Exception)} <= {"not_found"}
    assert not workspace.verify_audit()[1]


def test_a_bad_batch_in_a_shared_commit_costs_its_neighbours_nothing(workspace):
    good = [[put(f"n-{number}")] for number in range(30)]
    bad = [[put(f"x-{number}"), put("bad", "unheard_of")] for number in range(30)]

    futures = [workspace.submit(batch) for pair in zip(good, bad, strict=True) for batch in pair]

    assert [future.exception() is None for future in futures] == [True, False] * 30
    assert len(workspace.list()) == 30


def test_reads_beside_a_writer_see_whole_batches_only(workspace):
    names = [f"n-{number}" for number in range(5)]
    workspace.apply([put(name, description="0") for name in names])
    stop = threading.Event()
    torn = []

    def look():
        while not stop.is_set():
            seen = {each.document.description for each in workspace.list()}
            torn.extend(seen if len(seen) != 1 else ())

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(1, 40):
        workspace.apply([put(name, description=f"{number}") for name in names])
    stop.set()
    reader.join()

    assert torn == []


@pytest.mark.parametrize(("misses", "served"), [(2, True), (3, False)])
def test_a_save_that_finds_the_record_moved_plans_again_three_times_at_most(
    workspace, service, monkeypatch, misses, served
):
    write, tries = service.store.write, []

    def write_late(tenant, job, **_):
        tries.append(1)

        def missing(tx):
            if len(tries) <= misses:
                raise Conflict
            return job(tx)

        return write(tenant, missing)

    monkeypatch.setattr(service.store, "write", write_late)
    future = workspace.submit([put()], mode=Mode.ATOMIC)

    if served:
        assert future.result().items[0].result == "created"
    else:
        assert future.exception().retryable
    assert len(tries) == 3


@pytest.mark.parametrize("many", [8, 24])
def test_of_many_who_change_one_document_at_once_nobodys_change_is_lost_or_refused(workspace, many):
    def add_one(desk):
        paper = desk.paper("note", "one")
        count = int(paper.body) + 1 if paper else 1
        return Planned([Keep(kind="note", slug="one", body=b"%d" % count)], count)

    counts = race([lambda: Papers(workspace).change("test", add_one)] * many)

    assert {*map(repr, counts)} == {repr(each) for each in range(1, many + 1)}
