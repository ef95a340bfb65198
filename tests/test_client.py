"""The client and a real server: every verb, from a thread and from an event loop alike."""

import httpx
import msgspec
import pytest

from client_kinds import KEY, KINDS, URL, Script, answer
from credenza import client
from credenza.client import (
    Api,
    BadRequest,
    Client,
    Forbidden,
    Integration,
    KeyPair,
    KeyReused,
    NotFound,
    PreconditionFailed,
    Tag,
    Unauthenticated,
    UnexpectedAnswer,
    Unreachable,
    batches,
)
from credenza.sensitive import Sensitive
from examples import EXAMPLES, item
from web_server import serve


@pytest.fixture
def url(service):
    with serve(service) as url:
        yield url


@pytest.fixture(params=KINDS)
def connect(request, url, key):
    opened = []

    def open_one(credential=None, **options):
        opened.append(KINDS[request.param](url, credential or key(), **options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def remote(connect):
    return connect()


ONE = Integration(
    name="one",
    type="openai",
    description="Words.",
    configuration={"api_key": "sk-made-up", "endpoint": "https://api.openai.com"},
    tags=[Tag("team", "search")],
    apis=[Api(api="gpt-4o"), Api(api="org/model:1", enabled=False)],
)


def test_what_is_saved_is_read_back_without_its_secrets(remote):
    receipt = remote.save([ONE, item("two", "sendgrid")])

    assert (receipt.created, [result.name for result in receipt.results]) == (2, ["one", "two"])
    assert receipt.results[0].secrets == {"/configuration/api_key": "set"}
    found = remote.get("one")
    assert (found.type, found.description, found.version, found.tags) == ("openai", "Words.", 1, ONE.tags)
    assert found.configuration["endpoint"] == "https://api.openai.com"
    assert found.configuration["api_key"]["$secret"]["version"] == 1
    assert (found.models_count, found.apis) == (2, None)


def test_a_secret_is_revealed_in_a_box(remote):
    remote.save([ONE])

    found = remote.reveal("one")

    assert found.configuration.reveal() == ONE.configuration
    assert found.integration.configuration is None
    assert "sk-made-up" not in repr(found)


@pytest.mark.parametrize("apis", [True, False])
def test_all_are_iterated_over_page_by_page_in_the_order_of_their_names(remote, apis):
    remote.save([item(f"n{number}") for number in range(7)])

    found = list(remote.integrations(apis=apis, page=3))

    assert [each.name for each in found] == [f"n{number}" for number in range(7)]
    assert all((each.apis is not None) is apis for each in found)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ["a", "b"]),
        ({"active_only": False}, ["a", "b", "c"]),
        ({"type": "sendgrid"}, ["b"]),
        ({"category": "AI_MODEL"}, ["a"]),
        ({"search": "FOR A"}, ["a"]),
        ({"tag": "env=prod", "active_only": False}, ["b", "c"]),
        ({"tag": ["env", "team=x & y"], "active_only": False}, ["c"]),
    ],
)
def test_a_list_holds_what_is_asked_for_on_every_page(remote, given, names):
    tags = [{"key": "env", "value": "prod"}, {"key": "team", "value": "x & y"}]
    remote.save(
        [
            item("a", description="for a + b"),
            item("b", "sendgrid", tags=tags[:1]),
            item("c", "git", tags=tags, enabled=False),
        ]
    )

    assert [each.name for each in remote.integrations(**given, page=1)] == names


def test_what_was_read_can_be_saved_back_and_changes_nothing(remote):
    remote.save([ONE, item("two", "kafka")])

    assert remote.save(list(remote.integrations(active_only=False))).unchanged == 2
    assert remote.save([remote.get("one")]).unchanged == 1


def test_what_is_revealed_can_be_saved_elsewhere_without_leaving_its_box(remote):
    remote.save([ONE])
    found = remote.reveal("one")

    copy = msgspec.structs.replace(found.integration, name="copy", apis=None)
    boxed = {key: Sensitive(value) for key, value in found.configuration.reveal().items()}
    remote.save([msgspec.structs.replace(copy, configuration=boxed)])

    assert remote.reveal("copy").configuration.reveal() == ONE.configuration


def test_a_dry_run_answers_the_plan_and_saves_nothing(remote):
    receipt = remote.save([ONE], dry_run=True)

    assert (receipt.dry_run, receipt.created) == (True, 1)
    with pytest.raises(NotFound):
        remote.get("one")


def test_a_refusal_names_every_problem_by_place_and_the_call_by_its_id(remote):
    with pytest.raises(BadRequest) as caught:
        remote.save([ONE, item("x", "nope"), item("y", "sendgrid", configuration={})])

    error = caught.value
    assert [(each.index, each.name, each.pointer) for each in error.problems] == [
        (1, "x", "/type"),
        (2, "y", "/configuration/api_key"),
    ]
    assert (error.status, error.retryable, error.saved) == (400, False, 0)
    assert error.request_id
    assert list(remote.integrations()) == []


def test_each_for_itself_saves_what_it_can(remote):
    receipt = remote.save([ONE, item("x", "nope")], mode="per-item")

    assert (receipt.created, receipt.failed) == (1, 1)
    assert receipt.results[1].problems[0].code == "unknown_type"


def test_apis_that_are_not_listed_stay_unless_they_are_replaced(remote):
    remote.save([ONE])
    few = Integration(name="one", type="openai", apis=[Api(api="o3")])

    remote.save([few])
    assert {api.api for api in remote.version("one", 2).apis} == {"gpt-4o", "o3", "org/model:1"}
    remote.save([few], replace_apis=True)
    assert [api.api for api in remote.version("one", 3).apis] == ["o3"]


def test_more_than_a_batch_holds_is_saved_in_several(remote, monkeypatch):
    monkeypatch.setattr(batches, "MAX_ITEMS", 4)
    told = []

    receipt = remote.save(
        [item(f"n{number}") for number in range(10)], progress=lambda *now: told.append(now)
    )

    assert (receipt.created, told) == (10, [(4, 10), (8, 10), (10, 10)])
    assert len(list(remote.integrations())) == 10


def test_a_save_that_stopped_goes_on_under_its_key_and_saves_nothing_twice(remote, monkeypatch):
    monkeypatch.setattr(batches, "MAX_ITEMS", 2)
    items = [item("a"), item("b"), item("c"), item("d", "nope")]
    with pytest.raises(BadRequest) as caught:
        remote.save(items)
    assert caught.value.saved == 2

    items[3] = item("d")
    again = remote.save(items, idempotency_key=caught.value.idempotency_key)

    assert again.created == 4  # the first receipt of the first two
    assert [version.version for version in remote.history("a")] == [1]


def test_a_key_of_another_save_is_refused(remote):
    remote.save([ONE], idempotency_key="k")

    with pytest.raises(KeyReused):
        remote.save([item("two")], idempotency_key="k")


def test_versions_are_listed_read_and_brought_back(remote):
    remote.save([ONE])
    for number in range(2, 5):
        remote.save([msgspec.structs.replace(ONE, description=f"Words {number}.")])

    assert [version.version for version in remote.history("one")] == [4, 3, 2, 1]
    assert [version.version for version in remote.history("one", before=3)] == [2, 1]
    assert next(remote.history("one")).changes[0].pointer == "/description"
    assert remote.version("one", 2).description == "Words 2."
    assert remote.rollback("one", 1, dry_run=True).dry_run
    assert remote.get("one").version == 4
    assert remote.rollback("one", 1, expected_version=4).updated == 1
    assert remote.get("one").description == "Words."


def test_a_long_history_is_read_page_by_page(remote, monkeypatch):
    monkeypatch.setattr("credenza.client.verbs._HISTORY_PAGE", 2)
    for number in range(5):
        remote.save([msgspec.structs.replace(ONE, description=str(number))])

    assert [version.version for version in remote.history("one")] == [5, 4, 3, 2, 1]


def test_what_is_deleted_is_gone(remote):
    remote.save([ONE])

    with pytest.raises(PreconditionFailed):
        remote.delete("one", expected_version=7)
    remote.delete("one", expected_version=1, dry_run=True)
    remote.delete("one", expected_version=1)
    with pytest.raises(NotFound):
        remote.delete("one")


@pytest.mark.parametrize(
    "call",
    [
        lambda remote: remote.save([msgspec.structs.replace(ONE, expected_version=7)]),
        lambda remote: remote.rollback("one", 1, expected_version=7),
        lambda remote: remote.delete("one", expected_version=7),
    ],
)
def test_a_version_that_is_expected_and_not_there_is_refused(remote, call):
    remote.save([ONE])

    with pytest.raises(PreconditionFailed) as caught:
        call(remote)
    assert caught.value.status == 412


@pytest.mark.parametrize(
    "name", ["", ".", "..", "one/resolved", "one%2Fresolved", "../provider/one", "ä?#", "\ud800"]
)
def test_a_name_that_none_can_have_is_not_found_and_leads_nowhere_else(remote, name):
    remote.save([ONE])

    for call in (remote.get, remote.reveal, remote.delete):
        with pytest.raises(NotFound):
            call(name)
    assert remote.get("one").version == 1


def test_a_name_with_spaces_and_dots_is_found(remote):
    remote.save([item("my db v1.2")])

    assert remote.get("my db v1.2").name == "my db v1.2"


def test_a_credential_that_may_not_is_forbidden_and_one_that_is_not_good_is_refused(connect, key):
    connect().save([ONE])

    with pytest.raises(Forbidden):
        connect(key("editor")).reveal("one")
    with pytest.raises(Unauthenticated) as caught:
        connect("crdz_abc_wrong").get("one")
    assert caught.value.code == "invalid_token"


def test_an_id_and_a_secret_do_as_well_as_the_key_and_outlive_their_token(connect, key, service):
    _, name, secret = key().split("_", 2)
    remote = connect(KeyPair(name, secret))
    remote.save([ONE])
    exchange = (remote if isinstance(remote, Client) else remote.inner)._verbs._exchange
    exchange._token = Sensitive(service.accounts.issue_token(name, secret, 0))

    assert remote.get("one").name == "one"


def test_a_server_is_waited_for(remote):
    assert remote.wait_until_ready(5) is None


def test_a_server_that_is_not_there_is_unreachable():
    with Client("http://127.0.0.1:9", KEY, retries=0) as remote, pytest.raises(Unreachable) as caught:
        remote.get("one")
    assert not caught.value.sent


@pytest.mark.parametrize("ending", ["", "/", "/api", "/api/", "/behind/a/proxy/api"])
def test_a_url_is_that_of_the_server_or_of_its_api(ending):
    script = Script(answer(json=EXAMPLES and {"name": "one", "type": "openai"}))

    with Client(URL + ending, KEY, transport=script.transport) as remote:
        remote.get("one")

    path = script.requests[0].url.path
    assert path == f"{'/behind/a/proxy' if 'proxy' in ending else ''}/api/integrations/provider/one"


def test_of_the_link_to_a_next_page_only_the_query_is_followed():
    there = "https://elsewhere.example.com/api/integrations/?cursor=a%2Fb%26c&limit=1"
    page = [{"name": "one", "type": "openai"}]
    script = Script(answer(json=page, link=f'<{there}>; rel="next"'), answer(json=page))

    with Client(URL, KEY, transport=script.transport) as remote:
        assert len(list(remote.integrations())) == 2

    second = script.requests[1].url
    assert (second.host, second.path) == ("credenza.example.com", "/api/integrations/")
    assert dict(second.params) == {"cursor": "a/b&c", "limit": "1"}


def test_a_redirect_is_not_followed():
    script = Script(answer(307, location="https://elsewhere.example.com/"))

    with Client(URL, KEY, transport=script.transport) as remote, pytest.raises(UnexpectedAnswer) as caught:
        remote.get("one")
    assert (len(script.requests), caught.value.code) == (1, "redirect")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"name": 1}', b"\xff", b"[" * 5_000])
def test_an_answer_of_another_shape_is_told_from_one_of_ours(content):
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))

    with Client(URL, KEY, transport=transport) as remote, pytest.raises(UnexpectedAnswer):
        remote.get("one")


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 409, 412, 413, 422, 429, 500, 502, 503, 504, 507, 418]
)
def test_an_error_without_a_body_of_ours_is_told_by_its_status(status):
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=b"<html>"))

    with Client(URL, KEY, transport=transport, retries=0) as remote, pytest.raises(client.ApiError) as caught:
        remote.get("one")
    assert (caught.value.status, caught.value.code) == (status, f"http_{status}")
    assert caught.value.message == f"The server answered {status}."


def test_a_client_whose_block_is_left_is_closed():
    with Client(URL, KEY, transport=Script(answer(json=[])).transport) as remote:
        pass

    with pytest.raises(RuntimeError):
        remote.get("one")
