"""Mapping files are data: what they may say, and what they make of a record."""

from pathlib import Path

import pytest

from credenza.connectors import Catalogue
from credenza.errors import Invalid
from import_scripts import SCRIPTS
from importing.entries import fill
from importing.grammar import Grammar
from importing.mapping import Mapping, load_mapping

SHIPPED = sorted((SCRIPTS / "mappings").glob("*.yaml"))
MAPPING = """
source: acme
ignore: [fs, "sql*"]
types:
  postgres:
    type: relational_db
    configuration:
      jdbcDriver: Postgres
      user: ${login}
      datasourceURL: jdbc:postgresql://${host}:${port:-5432}/${schema}
      pool: {size: 5, names: ["${schema}", "${nope}"], none: "${nope}"}
    description: ${note}
    tags: {origin: acme, team: "${extra.team}"}
    apis: ["${models}", fixed, "${nope}"]
    ignore: [conn_id, "extra.__*", "raw*"]
  mysql:
    use: postgres
    configuration: {jdbcDriver: MySQL, user: null}
  http:
    configuration: {api_key: "${password}"}
    choose:
      - when: {host: ["*api.openai.com*", "*oai.example*"], port: 443}
        use: openai
      - {when: {host: "*openai*"}, use: openai, configuration: {endpoint: "https://${host}"}}
      - {when: {password: "*"}, type: sendgrid}
  openai: {type: openai, tags: {via: http}}
  "kafka*": {type: kafka}
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "mine.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def mapping(write) -> Mapping:
    return load_mapping("acme", [write(MAPPING)])


def make(mapping, kind, **fields):
    return fill(mapping.choose(kind, fields), fields)


def refuse(*files, source="acme"):
    with pytest.raises(Invalid) as caught:
        load_mapping(source, files)
    return {(each.name, each.pointer, each.keyword) for each in caught.value.problems}


def test_constants_and_fields_make_a_configuration(mapping):
    made = make(
        mapping,
        "postgres",
        login="me",
        host="h",
        schema="s",
        note="Words.",
        models=["a", "b"],
        extra={"team": 7},
    )

    assert made.type == "relational_db"
    assert made.body.reveal() == {
        "configuration": {
            "jdbcDriver": "Postgres",
            "user": "me",
            "datasourceURL": "jdbc:postgresql://h:5432/s",
            "pool": {"size": 5, "names": ["s"]},
        },
        "description": "Words.",
        "tags": [{"key": "origin", "value": "acme"}, {"key": "team", "value": "7"}],
        "apis": [{"api": "a"}, {"api": "b"}, {"api": "fixed"}],
    }
    assert (made.missing, made.unused, made.broken) == ((), (), ())


def test_a_text_that_lacks_a_field_is_missing_and_a_lone_field_is_just_not_there(mapping):
    made = make(mapping, "postgres", host="h")

    assert made.missing == ("datasourceURL",)
    assert made.body.reveal()["configuration"] == {"jdbcDriver": "Postgres", "pool": {"size": 5, "names": []}}


def test_what_nothing_took_over_is_told_unless_it_is_ignored(mapping):
    fields = {"conn_id": 1, "raw_a": 2, "extra": {"__x": 1, "y": 2, "team": "t"}, "host": "h", "left": 1}

    assert make(mapping, "postgres", **fields).unused == ("extra.y", "host", "left")


def test_what_is_no_text_is_told_where_it_was_to_be_taken_over(mapping):
    assert make(mapping, "postgres", login=b"\xff", left=b"\xff").broken == ("login",)
    assert make(mapping, "postgres", host=b"\xff", schema="s").broken == ("host",)


def test_an_entry_lays_its_own_parts_over_what_it_uses(mapping):
    made = make(mapping, "mysql", login="me", host="h", schema="s")

    assert made.body.reveal()["configuration"]["jdbcDriver"] == "MySQL"
    assert "user" not in made.body.reveal()["configuration"]
    assert made.unused == ("login",)


@pytest.mark.parametrize(
    ("fields", "type", "configuration"),
    [
        ({"host": "API.OpenAI.com", "port": 443}, "openai", {"api_key": "x"}),
        ({"host": "oai.example", "port": "443"}, "openai", {"api_key": "x"}),
        (
            {"host": "api.openai.com", "port": 80},
            "openai",
            {"api_key": "x", "endpoint": "https://api.openai.com"},
        ),
        ({"host": "mail"}, "sendgrid", {"api_key": "x"}),
        ({}, "sendgrid", {"api_key": "x"}),
    ],
)
def test_the_first_case_whose_conditions_all_hold_decides(mapping, fields, type, configuration):
    made = make(mapping, "http", password="x", **fields)

    assert (made.type, made.body.reveal()["configuration"]) == (type, configuration)


@pytest.mark.parametrize("fields", [{"host": "mail"}, {"host": "", "password": None}, {}])
def test_where_no_case_fits_nothing_is_made(mapping, fields):
    assert mapping.choose("http", fields) is None
    assert mapping.knows("http")


def test_a_kind_may_be_named_by_a_glob_and_an_exact_name_goes_first(write):
    mapping = load_mapping("acme", [write('source: acme\ntypes: {"k*": {type: kafka}, kb: {type: nats}}')])

    assert [mapping.choose(kind, {}).type for kind in ("ka", "kb")] == ["kafka", "nats"]
    assert not mapping.knows("x")


def test_a_kind_is_ignored_unless_there_is_an_entry_for_it(write, mapping):
    assert [mapping.ignores(kind) for kind in ("fs", "sqlite", "postgres", "other")] == [
        True,
        True,
        False,
        False,
    ]

    later = load_mapping("acme", [write(MAPPING), write("source: acme\ntypes: {fs: {type: git}}", "b.yaml")])
    assert not later.ignores("fs")


def test_a_later_file_goes_before_an_earlier_one_kind_by_kind(write):
    later = write('source: acme\ntypes: {postgres: {type: pgvectordb}, "*": {type: git}}', "later.yaml")
    mapping = load_mapping("acme", [write(MAPPING), later])

    assert mapping.choose("postgres", {}).type == "pgvectordb"
    assert mapping.choose("mysql", {}).configuration["jdbcDriver"].parts == ("MySQL",)
    assert mapping.choose("kafka_x", {}).type == "git"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("source: other", {("/source", "const")}),
        ("types: {}", {("/source", "const")}),
        ("source: acme\ntypez: {}", {("/typez", "unknown_key")}),
        ("source: acme\ntypes: {a: {type: x, confguration: {}}}", {("/types/a/confguration", "unknown_key")}),
        ("source: acme\ntypes: {a: {type: x, when: {}}}", {("/types/a/when", "unknown_key")}),
        ("source: acme\ntypes: {a/b~c: {typo: x}}", {("/types/a~1b~0c/typo", "unknown_key")}),
        ("source: acme\ntypes: {a: {choose: [{typ: x}]}}", {("/types/a/choose/0/typ", "unknown_key")}),
        (
            "source: acme\nnames: {a: {need: [A]}}",
            {("/names/a/need", "unknown_key"), ("/names/a/needs", "required")},
        ),
        ("source: acme\ntypes: [a]", {("/types", "type")}),
        ("source: acme\ntypes: {a: text}", {("/types/a", "type")}),
        ("source: acme\ntypes: {a: {type: [x]}}", {("/types/a/type", "type")}),
        ("source: acme\ntypes: {a: {type: x, apis: y}}", {("/types/a/apis", "type")}),
        ("source: acme\ntypes: {a: {type: x, ignore: [1]}}", {("/types/a/ignore/0", "type")}),
        ("source: acme\ntypes: {a: {type: x, description: [1]}}", {("/types/a/description", "type")}),
        (
            'source: acme\ntypes: {a: {type: x, configuration: {k: "${", l: {m: "${}"}}}}',
            {("/types/a/configuration/k", "pattern"), ("/types/a/configuration/l/m", "pattern")},
        ),
        ("source: acme\ntypes: {a: {type: x}, a: {type: y}}", {("", "yaml")}),
        ("source: acme\n---\nsource: acme", {("", "maxItems")}),
        ("a: [", {("", "yaml")}),
        ("source: acme\nsource: acme", {("", "yaml")}),
        ("just text", {("", "type")}),
    ],
)
def test_what_a_file_may_not_say_is_told_by_file_and_place(write, text, problems):
    assert refuse(write(text)) == {("mine.yaml", *problem) for problem in problems}


@pytest.mark.parametrize(
    ("types", "problems"),
    [
        ("{a: {use: a}}", {("/types/a", "cycle")}),
        ("{a: {use: b}, b: {choose: [{use: a}]}}", {("/types/a", "cycle"), ("/types/b", "cycle")}),
        ("{a: {use: b}}", {("/types/a", "use")}),
        ("{a: {}}", {("/types/a", "required")}),
        ("{a: {choose: [{type: x}, {configuration: {}}]}}", {("/types/a", "required")}),
        ("{a: {use: b}, b: {configuration: {}}}", {("/types/a", "required"), ("/types/b", "required")}),
    ],
)
def test_uses_that_lead_nowhere_are_refused(write, types, problems):
    found = refuse(write(f"source: acme\ntypes: {types}"))

    assert {(pointer, keyword) for _, pointer, keyword in found} == problems


def test_a_group_of_names_needs_an_entry(write):
    assert refuse(write("source: acme\nnames: {a: {needs: [A]}}")) == {(None, "/names/a", "use")}


def test_a_near_miss_is_named(write):
    with pytest.raises(Invalid) as caught:
        load_mapping("acme", [write("source: acme\ntypes: {a: {type: x, confguration: {}}}")])

    assert "`configuration`" in caught.value.problems[0].message


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Invalid, match="cannot be read"):
        load_mapping("acme", [tmp_path / "none.yaml"])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_mapping_names_types_and_keys_that_there_are(path):
    catalogue = Catalogue.load()
    _, types, _, _ = Grammar(path.name).read(path.read_bytes())

    def look(entry, above=()):
        keys = {*above, *entry.configuration}
        if entry.type is not None:
            assert keys <= set(catalogue[entry.type].keys), (path.name, entry.type)
        for case in entry.choose:
            look(case.entry, keys)

    assert types
    for entry in types.values():
        look(entry)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_mapping_is_accepted(path):
    source = path.stem.removesuffix("-example")

    assert load_mapping(source, [] if source == path.stem else [path]).types
