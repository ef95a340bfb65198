"""A template puts the fields of a record into a text, and takes over nothing that is not there."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import import_scripts  # noqa: F401  # brings the scripts into the path
from importing.templates import Broken, Template

FIELDS = {
    "login": "me",
    "port": 5432,
    "on": False,
    "zero": 0,
    "empty": "",
    "none": None,
    "models": ["a", "b"],
    "inner": {"mode": "require", "deep": {"a.b": "c"}},
    "text": '{"mode": "verify", "n": 1}',
    "no.json": "{oops",
    "uri": "postgresql+x://me:p%40ss@db.example.com:5433/or%20ders?sslmode=require&a=b",
    "many": "amqp://a:1,b:2/v",
    "ipv6": "http://[::1]:80/",
    "jdbc": "jdbc:postgresql://h/db?user=u",
    "no.url": "http://h:port/",
    "bootstrap.servers": "k:9092",
}


def fill(text):
    used = set()
    return Template.read(text).fill(FIELDS, used), used


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${login}", "me"),
        ("${ login }", "me"),
        ("${port}", 5432),
        ("${on}", False),
        ("${zero}", 0),
        ("${models}", ["a", "b"]),
        ("${inner}", FIELDS["inner"]),
        ("<${login}>", "<me>"),
        ("${login}:${port}", "me:5432"),
        ("${on}!", "false!"),
        ("x${models}", 'x["a","b"]'),
        ("$${login}", "${login}"),
        ("$${${login}", "${me"),
        ("a$b{c}", "a$b{c}"),
        ("${nope}", None),
        ("${empty}", None),
        ("${none}", None),
        ("<${nope}>", None),
        ("${nope:-x}", "x"),
        ("<${empty:-}>", "<>"),
        ("${nope:-a:-b}", "a:-b"),
        ("${nope|none|login}", "me"),
        ("${nope|login:-x}", "me"),
        ("${inner.mode}", "require"),
        ("${inner.deep.a.b}", "c"),
        ("${text.mode}", "verify"),
        ("${text.n}", 1),
        ("${no.json.a:-none}", "none"),
        ("${bootstrap.servers}", "k:9092"),
        ("${uri.scheme}", "postgresql+x"),
        ("${uri.user}", "me"),
        ("${uri.password}", "p@ss"),
        ("${uri.password!url}", "p%40ss"),
        ("${uri.host}:${uri.port}", "db.example.com:5433"),
        ("${uri.server}", "db.example.com:5433"),
        ("${uri.path}", "or ders"),
        ("${uri.path!url}", "or%20ders"),
        ("${uri.search}", "?sslmode=require&a=b"),
        ("${uri.query.sslmode}", "require"),
        ("${many.server}", "a:1,b:2"),
        ("${many.host:-}", ""),
        ("${ipv6.host}", "[::1]"),
        ("${jdbc.scheme}", "postgresql"),
        ("${jdbc.query.user}", "u"),
        ("${no.url.host:-none}", "none"),
        ("${login.more:-none}", "none"),
    ],
)
def test_what_a_template_makes_of_fields(text, value):
    made, _ = fill(text)

    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    "text",
    ["${}", "${ }", "${", "a${b", "${a||b}", "${|a}", "${a|}", "${a!}", "${a!quoted}", "${${a}}", "${a:b}"],
)
def test_what_names_no_field_is_refused(text):
    with pytest.raises(Broken):
        Template.read(text)


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("${nope|login}", {"login"}),
        ("${inner.mode}:${port}", {"inner.mode", "port"}),
        ("${nope:-x}", set()),
        ("${port}${nope}", set()),
    ],
)
def test_a_field_counts_as_used_where_its_value_went_somewhere(text, used):
    assert fill(text)[1] == used


@given(st.text() | st.text("${}a"))
def test_any_text_can_be_written_with_doubled_dollars(text):
    assert Template.read(text.replace("${", "$${")).fill({}, set()) == text


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_value_comes_back_out_of_a_url(value):
    made = Template.read("${a!url}").fill({"a": value}, set())

    assert unquote(made) == value
    assert not set(made) & set("/?#@: ")


@given(st.text(min_size=1) | st.integers() | st.booleans() | st.lists(st.integers(), min_size=1))
def test_a_lone_field_is_taken_over_as_it_is(value):
    assert Template.read("${a}").fill({"a": value}, set()) is value
