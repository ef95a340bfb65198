"""What stands in an export of Airflow, and command lines and files that cannot be meant."""

import json
import sys
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.cli import failures
from import_scripts import FIXTURES, Importer

import import_airflow  # isort: skip  # the helper above says where it is

AIRFLOW = FIXTURES / "airflow"
DATABASE = AIRFLOW / "airflow.sqlite"
OPEN = ("--fernet-key-file", AIRFLOW / "fernet-keys")


@pytest.fixture
def importer(tmp_path, kek):
    return Importer("airflow", tmp_path / "prompt", kek)


@pytest.fixture
def export(tmp_path):
    """Write an export of one's own and return where it is."""

    def write(content, name="connections.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


# Command lines that cannot be meant, and files that are not what they say


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--database"),
        (["connections.json", "--database", "a.db"], "cannot go with it"),
        (["connections.json", *OPEN], "cannot go with it"),
        (["connections.txt"], "--format"),
        (["--database", "mysql://db.internal/airflow"], "SQLite or PostgreSQL"),
        (["--database", "postgresql://db.internal/a?password=made-up-0001"], import_airflow.DATABASE),
        (["--database", "postgresql+psycopg2://airflow:made-up-0001@db.internal/a"], import_airflow.DATABASE),
    ],
)
def test_a_command_line_that_cannot_be_meant_says_what_can(importer, arguments, told):
    answer = importer.run(*arguments, code=failures.USAGE)

    assert told in answer.stderr
    assert "made-up-0001" not in answer.output


def test_postgresql_asks_for_its_driver_by_name(importer, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)

    answer = importer.run("--database", "postgresql://db.internal/airflow", code=failures.USAGE)

    assert "pip install '.[import]'" in answer.stderr


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.json", "made-up-0001", "is no export in JSON"),
        ("a.json", '["made-up-0001"]', "is no export in JSON"),
        ("a.json", '{"a": {"conn_type": "openai"}, "a": {"conn_type": "http"}}', "is no export in JSON"),
        ("a.json", "[" * 100_000, "is no export in JSON"),
        ("a.yaml", "- made-up-0001", "is no export in YAML"),
        ("a.yaml", "a: [made-up-0001", "this is not YAML"),
        ("a.yml", "a: {}\n---\nb: {}\n", "is no export in YAML"),
        ("a.env", '{"made-up-0001": 1}', "it is no NAME=VALUE"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(importer, export, name, content, told):
    answer = importer.run(export(content, name), code=failures.REFUSED)

    assert told in answer.stderr
    assert "made-up-0001" not in answer.output


@pytest.mark.parametrize("format", ["json", "env"])
def test_a_database_is_not_taken_for_an_export(importer, format):
    answer = importer.run(DATABASE, "--format", format, code=failures.REFUSED)

    assert "--database" in answer.stderr


def test_an_export_is_not_taken_for_a_database(importer):
    answer = importer.run("--database", AIRFLOW / "connections.json", code=failures.REFUSED)

    assert "is not a SQLite database" in answer.stderr


@pytest.mark.parametrize("value", ["made-up-0001", "openai://a:made-up-0001@[h/", 7, ["a"], None])
def test_a_connection_that_is_none_is_named(importer, export, value):
    answer = importer.run(export({"a": value, "b": "openai://:sk-made-up@"}), code=failures.REFUSED)

    assert importer.results["b"] == "created"
    assert importer.results["a"] in {"unreadable", "refused"}
    assert "made-up-0001" not in answer.output + importer.read_report()


# What stands in an export


def test_a_file_of_variables_for_airflow_itself_is_an_export_too(importer, export):
    lines = ["# made up", "", "AIRFLOW_CONN_MY_DB=postgresql://a:b@c/d", 'AI={"conn_type": "openai"}']

    importer.run(export("\n".join(lines), "a.env"), "--dry-run", "--skip-bad", code=failures.REFUSED)

    assert importer.results == {"my_db": "created", "AI": "refused"}


def test_standard_input_is_an_export_too(importer):
    importer.run("-", "--format", "env", input="a=openai://:sk-made-up@\n")

    assert importer.stored() == {"a": ("openai", {"api_key": "sk-made-up"})}


@pytest.mark.parametrize(
    "extra",
    [
        {"keyfile_dict": {"a": 1}, "project": "p", "region": "r"},
        {"keyfile_dict": '{"a": 1}', "project": "p", "region": "r"},
        {
            "extra__google_cloud_platform__keyfile_dict": '{"a": 1}',
            "extra__google_cloud_platform__project": "p",
            "region": "r",
        },
    ],
)
@pytest.mark.parametrize("written", [dict, json.dumps])
def test_a_key_file_comes_in_however_airflow_wrote_it(importer, export, extra, written):
    importer.run(export({"a": {"conn_type": "google_cloud_platform", "extra": written(extra)}}))

    expected = {"projectName": "p", "environment": "r", "file": '{"a": 1}'}
    assert importer.stored() == {"a": ("gcp", expected)}


def test_an_extra_may_stand_under_its_other_name(importer, export):
    extra = {"openai_client_kwargs": {"organization": "org-made-up"}}

    importer.run(export({"a": {"conn_type": "openai", "password": "sk-made-up", "extra_dejson": extra}}))

    assert importer.stored()["a"][1]["organizationId"] == "org-made-up"


def test_an_extra_that_is_no_object_is_told_and_stands_in_nothing_s_way(importer, export):
    importer.run(export({"a": {"conn_type": "openai", "password": "sk-made-up", "extra": "made up"}}))

    assert importer.told[0]["notTakenOver"] == ["extra"]


@pytest.mark.parametrize(
    ("fields", "type"),
    [
        ({"host": "api.openai.com"}, "openai"),
        ({"host": "https://API.openai.com/v1"}, "openai"),
        ({"host": "https://api.perplexity.ai"}, "perplexity"),
        ({"host": "https://api.x.ai"}, "grok"),
        ({"host": "api.cohere.com"}, "cohere"),
        ({"host": "https://api.sendgrid.com"}, "sendgrid"),
        ({"host": "https://api.github.com"}, "git"),
        ({"host": "made-up.openai.azure.com"}, "azure_openai"),
        ({"host": "https://api.openai.com.example.com"}, None),
        ({"host": "https://example.com/api.openai.com"}, None),
        ({"host": "http://api.openai.com"}, None),
        ({"host": "example.com"}, None),
        ({}, None),
    ],
)
def test_http_is_mapped_by_its_whole_host(importer, export, fields, type):
    path = export({"a": {"conn_type": "http", "password": "sk-made-up", **fields}})

    importer.run(path, code=failures.REFUSED if type is None else 0)

    assert [each["type"] for each in importer.told] == [type or ""]


@pytest.mark.parametrize(
    ("extra", "protocol"),
    [
        ({"security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN"}, "SASL_SSL / PLAIN"),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}, "SASL_SSL/SCRAM-SHA-512"),
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}, "SASL_PLAINTEXT"),
        ({}, "PLAINTEXT"),
    ],
)
def test_the_security_of_a_kafka_connection_is_its_protocol(importer, export, extra, protocol):
    sasl = {"sasl.username": "a", "sasl.password": "made-up"} if extra else {}
    extra = {"bootstrap.servers": "a:9092", **sasl, **extra}

    importer.run(export({"a": {"conn_type": "kafka", "extra": extra}}))

    assert importer.stored()["a"][1]["protocol"] == protocol
    assert importer.told[0]["notTakenOver"] == []


parts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(
    kind=st.from_regex(r"[a-z][a-z0-9]{0,8}(_[a-z0-9]{1,5})?", fullmatch=True),
    protocol=st.sampled_from(["", "https://", "http://"]),
    port=st.none() | st.integers(0, 65535),
    texts=st.tuples(parts, parts, parts, parts),
    extra=st.dictionaries(parts.filter(lambda key: key != "__extra__"), parts, max_size=3),
)
def test_a_connection_survives_being_written_as_a_uri(kind, protocol, port, texts, extra):
    host, login, password, schema = texts
    login_part = "".join(f"{quote(part, safe='')}{sign}" for part, sign in ((login, ":"), (password, "@")))
    server = f"{protocol}{login_part}{quote(host, safe='')}{'' if port is None else f':{port}'}"
    uri = f"{kind.replace('_', '-')}://{server}/{quote(schema, safe='')}?{urlencode(extra)}"

    expected = {
        "host": protocol + host,
        "port": port,
        "login": login,
        "password": password,
        "schema": schema,
        "extra": extra,
    }
    assert import_airflow.read_uri(uri) == (kind, expected)
