"""Saves of any size: how they are cut, joined and told of, and what is left of one that stops in between."""

from unittest.mock import patch

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_kinds import KEY, KINDS, URL, Script, answer, receipt, refusal
from credenza.client import (
    Api,
    BadRequest,
    Integration,
    Receipt,
    TooLarge,
    UnexpectedAnswer,
    Unreachable,
    batches,
)
from credenza.client.batches import cut, write_items
from credenza.sensitive import Sensitive


def items(count):
    return [{"name": f"n{number}", "type": "openai"} for number in range(count)]


@pytest.fixture(params=KINDS)
def connect(request):
    clients = []

    def open_one(script):
        clients.append(KINDS[request.param](URL, KEY, transport=script.transport, retries=0))
        return clients[-1]

    yield open_one
    for client in clients:
        client.close()


@pytest.fixture
def small(monkeypatch):
    """Let a batch hold three items."""
    monkeypatch.setattr(batches, "MAX_ITEMS", 3)


@given(st.lists(st.integers(1, 40)), st.integers(1, 5), st.integers(42, 90))
def test_cutting_loses_nothing_keeps_the_order_and_both_limits_and_cuts_no_more_than_it_must(
    lengths, most, largest
):
    texts = [b'"' + b"x" * (length - 2) + b'"' if length > 1 else b"7" for length in lengths]
    with patch.multiple(batches, MAX_ITEMS=most, MAX_BODY=largest):
        parts = list(cut(texts, "k"))

    bodies = [msgspec.json.decode(part.body.reveal(), type=list[msgspec.Raw]) for part in parts]
    assert [bytes(raw) for body in bodies for raw in body] == texts
    assert all(len(body) <= most for body in bodies)
    assert all(len(part.body.reveal()) <= largest for part in parts)
    assert [part.first for part in parts] == [sum(map(len, bodies[:index])) for index in range(len(bodies))]
    for body, part, after in zip(bodies, parts, bodies[1:], strict=False):
        assert len(body) == most or len(part.body.reveal()) + 1 + len(after[0]) > largest
    assert len({part.key for part in parts}) == len(parts)


def test_a_body_of_ten_thousand_items_and_32_mib_is_one_batch_and_more_is_not():
    assert [len(list(cut([b"{}"] * count, "k"))) for count in (0, 1, 10_000, 10_001)] == [0, 1, 1, 2]

    half = b'"' + b"x" * (16 * 1024 * 1024 - 5) + b'"'
    assert [len(part.body.reveal()) for part in cut([half, half], "k")] == [32 * 1024 * 1024 - 3]
    assert len(list(cut([half, half + b"    "], "k"))) == 2


@pytest.mark.usefixtures("small")
def test_batches_go_one_after_the_other_under_keys_of_their_own_and_their_receipts_are_joined(connect):
    script, told = Script(receipt), []

    whole = connect(script).save(
        items(7), idempotency_key="k", progress=lambda *progress: told.append(progress)
    )

    assert [request.headers["Idempotency-Key"] for request in script.requests] == ["k", "k.2", "k.3"]
    assert [result.name for result in whole.results] == [f"n{number}" for number in range(7)]
    assert (whole.created, whole.updated, whole.failed) == (7, 0, 0)
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_nothing_to_save_is_saved_without_a_call(connect):
    script = Script(receipt)

    assert connect(script).save([], dry_run=True) == Receipt(dry_run=True)
    assert script.requests == []


@pytest.mark.usefixtures("small")
def test_problems_count_the_items_of_the_whole_call(connect):
    problem = {"index": 1, "name": "n4", "pointer": "/type", "code": "unknown_type", "message": "No."}
    script = Script(receipt, refusal(400, "invalid_data", errors=[problem]))

    with pytest.raises(BadRequest) as caught:
        connect(script).save(items(7))

    error = caught.value
    assert [(each.index, each.name) for each in error.problems] == [(4, "n4")]
    assert error.message == str(error) == "It is invalid_data. The 3 integrations before were saved."


@pytest.mark.usefixtures("small")
def test_problems_of_receipts_count_the_items_of_the_whole_call_too(connect):
    def fail(_):
        result = {"name": "x", "result": "failed", "problems": [{"index": 0, "code": "c"}, {"code": "d"}]}
        return answer(207, {"failed": 1, "results": [result]})

    whole = connect(Script(receipt, fail)).save(items(4), mode="per-item")

    assert [problem.index for problem in whole.results[3].problems] == [3, None]
    assert (whole.created, whole.failed) == (3, 1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("reply", "kind"),
    [(httpx.ReadError, Unreachable), (refusal(413, "too_large"), TooLarge), (answer(200), UnexpectedAnswer)],
)
def test_a_save_that_stops_in_between_tells_what_was_saved_and_the_key_to_go_on_with(connect, reply, kind):
    script = Script(receipt, receipt, reply)

    with pytest.raises(kind, match="The 6 integrations before were saved") as caught:
        connect(script).save(items(8))

    error = caught.value
    assert (error.saved, error.receipt.created, len(error.receipt.results)) == (6, 6, 6)
    assert script.requests[0].headers["Idempotency-Key"] == error.idempotency_key


def test_a_save_that_fails_at_once_has_saved_nothing(connect):
    with pytest.raises(BadRequest) as caught:
        connect(Script(refusal(400, "invalid_data"))).save(items(2))

    assert (caught.value.saved, caught.value.receipt) == (0, None)


@pytest.mark.usefixtures("small")
def test_a_plan_that_stops_in_between_has_saved_nothing(connect):
    def plan(_):
        return answer(json={"dryRun": True, "results": [{"name": "n", "result": "created"}] * 3})

    with pytest.raises(BadRequest, match="before were looked at"):
        connect(Script(plan, refusal(400, "invalid_data"))).save(items(4), dry_run=True)


def test_an_item_is_a_mapping_an_integration_or_ready_json():
    texts = write_items(
        [
            {"name": "a", "type": "openai", "configuration": {"api_key": Sensitive("made-up")}},
            Integration(name="b", type="openai", enabled=False, tags=[], apis=[Api(api="m")]),
            msgspec.Raw(b'{ "name": "c" }'),
        ]
    )

    assert [msgspec.json.decode(text) for text in texts] == [
        {"name": "a", "type": "openai", "configuration": {"api_key": "made-up"}},
        {
            "name": "b",
            "type": "openai",
            "enabled": False,
            "tags": [],
            "apis": [{"api": "m", "integrationName": "b"}],
        },
        {"name": "c"},
    ]


@pytest.mark.parametrize("value", [object(), "\ud800", {(1, 2): 3}])
def test_what_json_cannot_say_is_refused_by_its_number_before_anything_is_sent(connect, value):
    script = Script(receipt)
    bad = {"name": "x", "type": "openai", "configuration": {"api_key": value}}

    with pytest.raises(ValueError, match=r"^Item 2 holds something that JSON cannot say\.$") as caught:
        connect(script).save([*items(1), bad])
    assert caught.value.__context__ is None
    assert script.requests == []


def test_an_item_that_no_body_can_hold_is_refused_before_anything_is_sent(connect):
    script = Script(receipt)
    large = {"name": "x", "type": "openai", "description": "x" * batches.MAX_BODY}

    with pytest.raises(TooLarge) as caught:
        connect(script).save([*items(1), large])
    assert [problem.index for problem in caught.value.problems] == [1]
    assert script.requests == []


@pytest.mark.parametrize("key", ["", "x" * 241, "a\nb", "ä"])
def test_an_idempotency_key_is_some_printable_ascii(connect, key):
    with pytest.raises(ValueError, match="idempotency key"):
        connect(Script(receipt)).save(items(1), idempotency_key=key)
