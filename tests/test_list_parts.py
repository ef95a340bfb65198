"""Long lists go out part by part: as one array, no faster than they are taken, and cut where they fail."""

import json
import time

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.errors import Unavailable
from credenza.workspace import Workspace
from credenza.workspace.listing import CHUNK
from list_examples import ALL, LISTS, NAMES, fill, make, names, names_in, open_new
from web_server import serve

MANY = 3 * CHUNK + 7
ENDLESS = 2_000  # chunks: 2 GB


@pytest.fixture
def shelf(workspace):
    fill(workspace)


@pytest.fixture
def many(workspace):
    workspace.apply([make(f"n-{number:04}", apis=["a"]) for number in range(MANY)])


@pytest.fixture
def server(service, key):
    headers = {"X-Authorization": key("admin")}
    with serve(service) as base, httpx.Client(base_url=base, headers=headers) as client:
        yield client


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("path", LISTS)
def test_a_long_list_goes_out_in_parts_and_is_one_array(server, path):
    with server.stream("GET", path) as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        assert answer.headers["content-type"] == "application/json"
        text = b"".join(answer.iter_bytes())

    suffix = ":a" if path == NAMES else ""
    assert names(httpx.Response(200, content=text)) == [f"n-{number:04}{suffix}" for number in range(MANY)]


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("path", LISTS)
def test_a_short_list_goes_out_whole_and_says_its_length(server, path):
    answer = server.get(path)

    assert int(answer.headers["content-length"]) == len(answer.content)
    assert json.loads(answer.content)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("error", [Unavailable, ValueError, StopIteration, KeyError])
def test_a_list_that_fails_in_the_middle_is_cut_and_does_not_look_whole(server, monkeypatch, path, error):
    walk = Workspace.walk

    def fail_late(*whose, **asked):
        for number, chunk in enumerate(walk(*whose, **asked)):
            if number == 2:
                raise error
            yield chunk

    monkeypatch.setattr(Workspace, "walk", fail_late)

    with server.stream("GET", path) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_fails_at_its_beginning_says_so(server, service, monkeypatch, path):
    def fail(*_):
        raise Unavailable

    monkeypatch.setattr(service.store, "read", fail)

    assert server.get(path).status_code == 503


@pytest.fixture
def endless(workspace, monkeypatch):
    """Let lists hardly ever end; return what waits until no more is read, and says how much was."""
    workspace.apply([make("one", description="x" * 4_000)])
    [view] = workspace.list()
    read = []

    def walk(*_, **__):
        while len(read) < ENDLESS:
            read.append(view)
            yield [view] * CHUNK

    def settle():
        before = -1
        while len(read) != before:
            before = len(read)
            time.sleep(0.3)
        return before

    monkeypatch.setattr(Workspace, "walk", walk)
    return settle


def test_a_list_is_read_no_faster_than_its_client_takes_it(server, endless):
    with server.stream("GET", ALL):
        assert endless() < ENDLESS


def test_a_list_is_read_no_further_once_its_client_is_gone(server, endless):
    with server.stream("GET", ALL) as answer:
        before = endless()
        next(answer.iter_raw(1 << 24))

    assert before < endless() < ENDLESS


@pytest.mark.usefixtures("many")
def test_what_is_saved_while_a_list_goes_out_is_listed_once_or_not_at_all(workspace):
    chunks = workspace.walk(size=100)
    seen = [view.record.name for view in next(chunks)]

    workspace.apply([make("a-before"), make("n-0999z-behind")])
    workspace.delete("n-0500").result()
    seen += [view.record.name for chunk in chunks for view in chunk]

    there = [f"n-{number:04}" for number in range(MANY) if number != 500]
    assert seen == sorted([*there, "n-0999z-behind"])


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    names=st.sets(st.text("abc", min_size=1, max_size=4), max_size=20),
    late=st.lists(st.text("abc", min_size=1, max_size=4), max_size=20),
    size=st.integers(1, 6),
)
def test_chunks_hold_what_stays_once_and_in_order_and_else_only_what_was_saved_meanwhile(
    service, names, late, size
):
    workspace = open_new(service)
    if names:
        workspace.apply([make(name) for name in names])
    late = [name for name in late if name not in names]
    saved, seen = set(), []

    for chunk in workspace.walk(size=size):
        seen += names_in([chunk])
        if late:
            saved.add(late[-1])
            workspace.apply([make(late.pop())])

    assert seen == sorted(set(seen))
    assert names <= set(seen) <= names | saved
