"""What of a record nothing took over is told by its path, to the leaf."""

import pytest

import import_scripts  # noqa: F401  # brings the scripts into the path
from importing.values import list_unused

URL = "amqps://me:pw@mq.example.com:5671/v?heartbeat=5"
RECORD = {
    "a": 1,
    "b": {"c": "x", "d": {"e": True, "f": ""}},
    "url": URL,
    "json": '{"k": "v", "l": "w"}',
    "no": None,
}


@pytest.mark.parametrize(
    ("used", "unused"),
    [
        (set(), ["a", "b.c", "b.d.e", "json", "url"]),
        ({"a", "b", "url", "json"}, []),
        ({"a", "b.d", "url", "json"}, ["b.c"]),
        ({"a", "b", "url", "json.k"}, ["json.l"]),
        (
            {"a", "b", "json", "url.host"},
            ["url.password", "url.path", "url.port", "url.query.heartbeat", "url.user"],
        ),
        (
            {"a", "b", "json", "url.server", "url.user", "url.password", "url.path", "url.search"},
            [],
        ),
        (
            {"a", "b", "json", "url.host", "url.port", "url.user", "url.password", "url.path", "url.scheme"},
            ["url.query.heartbeat"],
        ),
    ],
)
def test_what_is_left_is_named(used, unused):
    assert list_unused(RECORD, used) == unused


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_what_holds_nothing_is_not_missed(value):
    assert list_unused({"a": value, "b": {"c": value}}, set()) == []


@pytest.mark.parametrize("value", [0, False, "0", " ", [None]])
def test_zero_and_false_are_values(value):
    assert list_unused({"a": value}, set()) == ["a"]
