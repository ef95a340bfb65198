"""When a call is repeated, when it is not, and what becomes of it; with servers that follow a script."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_kinds import KEY, KINDS, URL, Script, answer, receipt, refusal, rest
from credenza.client import (
    BadRequest,
    KeyPair,
    NotFound,
    ServerFault,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from credenza.client.errors import ApiError
from credenza.client.retries import Retries, read_retry_after

ONE = {"name": "a", "type": "openai"}
GONE = refusal(404, "not_found")
EXPIRED = refusal(401, "expired_token", error="EXPIRED_TOKEN")
BUSY = refusal(503, "unavailable", retryable=True)


@pytest.fixture
def pauses(monkeypatch):
    return rest(monkeypatch)


@pytest.fixture(params=KINDS)
def connect(request, pauses):
    del pauses  # nothing here sleeps
    clients = []

    def open_one(script, credential=KEY, **options):
        clients.append(KINDS[request.param](URL, credential, transport=script.transport, **options))
        return clients[-1]

    yield open_one
    for client in clients:
        client.close()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_a_server_cannot_do_now_is_asked_again_after_a_pause(connect, pauses, status):
    script = Script(answer(status), answer(status), answer(json=ONE))

    assert connect(script).get("a").name == "a"
    assert len(script.requests) == 3
    assert 0 < pauses[0] < pauses[1]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refusal(400, "invalid_data"), BadRequest),
        (answer(500), ServerFault),
        (refusal(503, "type_not_loaded"), Unavailable),
        (refusal(429, "quota"), TooManyRequests),
        (answer(302, location="https://elsewhere.example.com/"), UnexpectedAnswer),
    ],
)
def test_what_will_not_pass_by_itself_is_not_asked_again(connect, reply, kind):
    script = Script(reply)

    with pytest.raises(kind):
        connect(script).get("a")
    assert len(script.requests) == 1


@pytest.mark.parametrize("retries", [0, 2])
def test_the_last_refusal_is_raised_when_the_retries_are_used_up(connect, retries):
    script = Script(BUSY)

    with pytest.raises(Unavailable) as caught:
        connect(script, retries=retries).get("a")
    assert caught.value.code == "unavailable"
    assert len(script.requests) == 1 + retries


@pytest.mark.parametrize(
    ("error", "sent", "words"),
    [
        (httpx.ConnectError, False, "cannot be reached"),
        (httpx.ConnectTimeout, False, "reached in time"),
        (httpx.ReadTimeout, True, "answer in time"),
        (httpx.RemoteProtocolError, True, "broke"),
    ],
)
def test_a_server_that_gives_no_answer_is_unreachable_in_words_of_our_own(connect, error, sent, words):
    with pytest.raises(Unreachable, match=words) as caught:
        connect(Script(error)).get("a")
    assert caught.value.sent is sent
    assert "library" not in repr(caught.value)


def test_a_save_whose_answer_was_lost_is_repeated_as_it_was_under_the_same_key(connect):
    script = Script(httpx.ReadError, BUSY, receipt)

    assert connect(script).save([ONE]).created == 1
    bodies = {request.content for request in script.requests}
    keys = {request.headers["Idempotency-Key"] for request in script.requests}
    assert (len(script.requests), len(bodies), len(keys)) == (3, 1, 1)


def test_every_save_has_a_key_of_its_own_unless_one_is_given(connect):
    script = Script(receipt)
    client = connect(script)

    client.save([ONE])
    client.save([ONE])
    client.save([ONE], idempotency_key="mine")

    keys = [request.headers["Idempotency-Key"] for request in script.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_a_rollback_is_repeated_only_where_the_server_cannot_have_seen_it(connect):
    script = Script(httpx.ConnectError, httpx.ReadError)

    with pytest.raises(Unreachable) as caught:
        connect(script).rollback("a", 1)
    assert caught.value.sent
    assert len(script.requests) == 2


def test_a_rollback_that_is_only_planned_is_repeated(connect):
    script = Script(httpx.ReadError, answer(json={"dryRun": True, "results": []}))

    assert connect(script).rollback("a", 1, dry_run=True).dry_run


@pytest.mark.parametrize("first", [httpx.ReadError, httpx.ReadTimeout])
def test_what_is_gone_after_a_lost_answer_has_been_deleted(connect, first):
    assert connect(Script(first, GONE)).delete("a") is None


@pytest.mark.parametrize("replies", [[GONE], [httpx.ConnectError, GONE], [BUSY, GONE]])
def test_what_is_gone_before_a_deletion_was_seen_is_not_found(connect, replies):
    with pytest.raises(NotFound):
        connect(Script(*replies)).delete("a")


def test_a_server_may_say_how_long_to_wait(connect, pauses):
    busy = refusal(503, "unavailable", retryable=True, headers={"Retry-After": "20"})

    connect(Script(busy, answer(json=ONE))).get("a")

    assert 20 <= pauses[0] < 21


def test_a_server_that_asks_for_more_than_a_minute_is_not_waited_for(connect, pauses):
    busy = refusal(503, "unavailable", retryable=True, headers={"Retry-After": "61"})

    with pytest.raises(Unavailable):
        connect(Script(busy)).get("a")
    assert pauses == []


@given(
    st.integers(0, 9), st.sampled_from([429, 502, 503, 504]), st.sampled_from(["", "0", "1", "59", "soon"])
)
def test_a_pause_is_bounded_and_at_least_what_was_asked_for(attempt, status, wish):
    retries = Retries(10)
    failure = ApiError(status=status, retryable=True, retry_after=wish)

    pause = retries.pause(attempt, failure, repeatable=True)

    assert read_retry_after(wish) <= pause <= max(retries.longest, retries.patience + retries.first)
    assert pause > 0


@given(st.text())
def test_whatever_a_retry_after_says_is_a_number_of_seconds(text):
    assert read_retry_after(text) >= 0


def test_a_retry_after_is_a_number_or_a_date():
    soon = datetime.now(UTC) + timedelta(seconds=30)

    assert read_retry_after("7") == 7
    assert 25 < read_retry_after(format_datetime(soon, usegmt=True)) <= 30
    assert read_retry_after("Sun, 06 Nov 1994 08:49:37 GMT") == 0
    assert read_retry_after("Sun, 06 Nov 1994 08:49:37 -0000") == 0


class Tokens:
    """A server that gives tokens, and takes only the last one it gave."""

    def __init__(self, *, error="EXPIRED_TOKEN", status=401, good=True):
        self.given = 0
        self.calls = []
        self.refused = refusal(status, "expired_token", error=error)
        self.good = good
        self.transport = httpx.MockTransport(self)

    def __call__(self, request):
        self.calls.append(request.url.path)
        if request.url.path == "/api/token":
            assert "Authorization" not in request.headers
            self.given += 1
            return answer(json={"token": f"crdt_{self.given}"})
        known = request.headers["Authorization"] == f"Bearer crdt_{self.given}"
        return answer(json=ONE) if known and self.good else self.refused


def test_an_id_and_a_secret_are_exchanged_once_for_a_token(connect):
    tokens = Tokens()
    client = connect(tokens, KeyPair("id", "secret"))

    client.get("a")
    client.get("a")

    assert tokens.calls.count("/api/token") == 1


@pytest.mark.parametrize(("status", "error"), [(401, "EXPIRED_TOKEN"), (403, "INVALID_TOKEN")])
def test_a_token_that_is_good_no_longer_is_renewed_and_the_call_repeated(connect, status, error):
    tokens = Tokens(error=error, status=status)
    client = connect(tokens, KeyPair("id", "secret"))
    client.get("a")
    tokens.given += 1  # another was given meanwhile

    assert client.get("a").name == "a"
    assert tokens.calls.count("/api/token") == 2


def test_a_token_is_renewed_once_in_a_call(connect):
    tokens = Tokens(good=False)

    with pytest.raises(Unauthenticated):
        connect(tokens, KeyPair("id", "secret")).get("a")
    assert tokens.calls == ["/api/token", "/api/integrations/provider/a"] * 2


def test_a_lack_of_permission_renews_nothing(connect):
    tokens = Tokens(error=None, status=403, good=False)

    with pytest.raises(ApiError) as caught:
        connect(tokens, KeyPair("id", "secret")).get("a")
    assert caught.value.status == 403
    assert tokens.given == 1


def test_an_api_key_is_never_exchanged(connect):
    script = Script(EXPIRED)

    with pytest.raises(Unauthenticated):
        connect(script).get("a")
    assert [request.url.path for request in script.requests] == ["/api/integrations/provider/a"]


def test_a_token_is_asked_for_again_while_the_server_cannot_give_one(connect):
    replies = [BUSY, httpx.ReadError, answer(json={"token": "crdt_1"}), answer(json=ONE)]

    assert connect(Script(*replies), KeyPair("id", "secret")).get("a").name == "a"


def test_an_id_and_a_secret_that_are_refused_are_refused(connect):
    script = Script(refusal(401, "invalid_token", error="INVALID_TOKEN"))

    with pytest.raises(Unauthenticated):
        connect(script, KeyPair("id", "secret")).get("a")
    assert len(script.requests) == 1


def test_waiting_for_a_server_ends_when_it_is_ready(connect, pauses):
    script = Script(httpx.ConnectError, answer(503, {"status": "degraded"}), answer(200, {"status": "ok"}))

    assert connect(script).wait_until_ready(60) is None
    assert [request.url.path for request in script.requests] == ["/readyz"] * 3
    assert all("Authorization" not in request.headers for request in script.requests)
    assert len(pauses) == 2


@pytest.mark.parametrize(("reply", "kind"), [(answer(503), Unavailable), (httpx.ConnectError, Unreachable)])
def test_waiting_for_a_server_ends_with_why_it_is_not_ready(connect, reply, kind):
    with pytest.raises(kind):
        connect(Script(reply)).wait_until_ready(0.2)
