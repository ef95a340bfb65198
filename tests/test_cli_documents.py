"""Files of integrations: JSON, JSON Lines and YAML become the one array that the bulk save reads."""

import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from credenza.cli.documents import convert
from credenza.errors import Invalid

ITEM = {"name": "a", "type": "openai", "configuration": {"api_key": "sk-1"}}
LINE = json.dumps(ITEM).encode()
YAML = b"name: a\ntype: openai\nconfiguration:\n  api_key: sk-1\n"


def is_number_in_json_alone(text):
    """Tell whether a text is a number in JSON and a text in YAML 1.1, which nobody can write for both."""
    return re.fullmatch(r"-?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+", text) and yaml.safe_load(text) == text


keys = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20).filter(
    lambda text: not is_number_in_json_alone(text)
)
scalars = st.none() | st.booleans() | st.integers() | keys | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars, lambda each: st.lists(each, max_size=4) | st.dictionaries(keys, each, max_size=4)
)


def read(data, format=""):
    return json.loads(convert(data, format))


def refused(data, format=""):
    with pytest.raises(Invalid) as caught:
        convert(data, format)
    return [(problem.code, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("data", "format"),
    [
        (b"[" + LINE + b"]", "json"),
        (LINE, "json"),
        (LINE, ""),
        (b"\xef\xbb\xbf" + LINE, ""),
        (LINE + b"\n", "jsonl"),
        (b"\n" + LINE + b"\r\n\n", "ndjson"),
        (YAML, "yaml"),
        (b"- " + YAML.replace(b"\n", b"\n  ").strip(), "yml"),
        (b"---\n" + YAML + b"---\n", ""),
        (LINE, "yaml"),
    ],
)
def test_one_item_is_the_same_in_every_format(data, format):
    assert read(data, format) == [ITEM]


def test_several_lines_or_documents_are_several_items():
    assert read(LINE + b"\n" + LINE) == [ITEM, ITEM]
    assert read(YAML + b"---\n" + YAML, "yaml") == [ITEM, ITEM]
    assert read(YAML + b"---\n- " + LINE + b"\n- " + LINE, "yaml") == [ITEM] * 3


def test_an_unknown_suffix_leaves_the_format_to_the_text():
    assert read(b"[" + LINE + b"]", "txt") == read(YAML, "txt") == [ITEM]


@given(st.dictionaries(keys, values, max_size=4))
def test_what_a_yaml_library_writes_is_read_back_as_it_was(item):
    text = yaml.safe_dump(item, allow_unicode=True).encode()

    assert read(text, "yaml") == [item]


@given(st.dictionaries(keys, values, max_size=4))
def test_json_is_yaml_that_says_the_same(item):
    assert read(json.dumps(item).encode(), "yaml") == [item]


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01",
        "12:30:45",
        "yes",
        "No",
        "off",
        "012",
        "0x1F",
        "1_000",
        "+1",
        ".5",
        "1.",
        ".inf",
        "<<",
        "=",
    ],
)
def test_a_plain_text_that_json_would_not_read_stays_text(text):
    assert read(f"v: {text}".encode(), "yaml") == [{"v": text}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-2.5e3", -2500.0),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("Null", None),
    ],
)
def test_a_plain_text_that_json_would_read_is_a_value_and_quoted_a_text(text, value):
    assert read(f"v: {text}".encode(), "yaml") == [{"v": value}]
    assert read(f"v: '{text}'\nw: !!str {text}".encode(), "yaml") == [{"v": text, "w": text}]


def test_a_number_is_handed_on_as_it_is_written():
    assert convert(b"v: 123456789012345678901234567890", "yaml") == b'[{"v":123456789012345678901234567890}]'


def test_a_key_is_the_text_that_is_written():
    assert read(b"1: a\nyes: b\n2024-01-01: c", "yaml") == [{"1": "a", "yes": "b", "2024-01-01": "c"}]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"a: 1\nb: 2\na: 3", "duplicate_key"),
        (b"a:\n  x: 1\n  x: 1", "duplicate_key"),
        (b"a: &x 1\nb: *x", "invalid_yaml"),
        (b"a: &x [*x]", "invalid_yaml"),
        (b"a: !!python/object:os.system x", "invalid_yaml"),
        (b"a: !!binary aGk=", "invalid_yaml"),
        (b"!!set {a, b}", "invalid_yaml"),
        (b"[a, b]: c", "invalid_yaml"),
        (b"{a: 1}: c", "invalid_yaml"),
        (b"a: [1", "invalid_yaml"),
        (b"a: '\x00'", "invalid_yaml"),
        (b"a: \xff\xfe", "invalid_yaml"),
        (b"a: " + b"[" * 200 + b"]" * 200, "too_deep"),
    ],
)
def test_yaml_that_says_more_than_json_can_is_refused(text, code):
    assert refused(text, "yaml")[0][0] == code


@pytest.mark.parametrize("text", [b"[" * 50_000, b"- " * 50_000, b"{a: " * 50_000, b"? " * 50_000])
def test_yaml_nested_however_deeply_is_refused_and_no_more(text):
    assert refused(text, "yaml")


def test_every_line_of_a_yaml_that_is_wrong_is_named():
    found = refused(b"a: 1\na: 2\nb: *c\nd: !x 3", "yaml")

    assert [message.partition(":")[0] for _, message in found] == [
        "Line 2, column 1",
        "Line 3, column 4",
        "Line 4, column 4",
    ]


def test_every_line_that_is_no_json_is_named():
    assert refused(LINE + b"\n{\n" + LINE + b"," + LINE, "jsonl") == [
        ("invalid_json", "Line 2 is not JSON from column 2 on."),
        ("invalid_json", f"Line 3 is not JSON from column {len(LINE) + 1} on."),
    ]


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [(b"{", 1, 2), (b'{"a": 1}, {"b": 2}', 1, 9), (b"\n\n{'a': 1}", 3, 2)],
)
def test_an_object_that_is_no_json_is_refused_as_json_by_where_it_stops_being_it(data, line, column):
    told = f"The text is not JSON from line {line}, column {column} on."

    assert refused(data, "json") == [("invalid_json", told)]


@pytest.mark.parametrize(
    ("data", "format"),
    [(b"SECRET: [", "yaml"), (b"SECRET: 1\nSECRET: 2", "yaml"), (b"{SECRET", "json"), (b"SECRET", "jsonl")],
)
def test_no_text_of_a_file_is_repeated(data, format):
    with pytest.raises(Invalid) as caught:
        convert(data, format)

    assert "SECRET" not in repr((caught.value.message, caught.value.problems))
    assert caught.value.__cause__ is None
