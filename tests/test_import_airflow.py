"""The connections of a real Airflow come in; `scripts/fixtures/make_airflow_export` made the files."""

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from urllib.parse import quote, urlencode

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from credenza.cli import failures
from import_prompt import FIXTURES, SCRIPTS, ImportPrompt, take_picture

import import_airflow  # isort: skip  # the helper above says where it is

AIRFLOW = FIXTURES / "airflow"
DATABASE, ROUGH, KEYS = AIRFLOW / "airflow.sqlite", AIRFLOW / "rough.sqlite", AIRFLOW / "fernet-keys"
EXPORTS = ["connections.json", "connections.yaml", "connections.env", "connections-json.env"]
OPEN = ("--fernet-key-file", KEYS)
OLDER = {"orders_db", "warehouse", "clicks"}

EXPECTED = {
    "orders_db": (
        "relational_db",
        {
            "jdbcDriver": "Postgres",
            "user": "shop",
            "password": "made-up p@ss/w:rd?ä #1",
            "datasourceURL": "jdbc:postgresql://db.internal:5432/orders?sslmode=require",
        },
    ),
    "warehouse": (
        "relational_db",
        {
            "jdbcDriver": "MySQL",
            "user": "stock",
            "password": "made-up-mysql-0001",
            "datasourceURL": "jdbc:mysql://mysql.internal:3306/stock",
        },
    ),
    "clicks": (
        "kafka",
        {
            "endpoint": "broker-1.internal:9093,broker-2.internal:9093",
            "connectionType": "String",
            "protocol": "SASL_SSL/SCRAM-SHA-512",
            "authenticationType": "NONE",
            "groupId": "readers",
            "user": "clicks",
            "password": "made-up-kafka-0001",
        },
    ),
    "staff": (
        "relational_db",
        {
            "jdbcDriver": "SQL Server",
            "user": "sa",
            "password": "made-up-mssql-0001",
            "datasourceURL": "jdbc:sqlserver://mssql.internal:1433;databaseName=staff",
        },
    ),
    "ledger": (
        "relational_db",
        {
            "jdbcDriver": "Oracle",
            "user": "ledger",
            "password": "made-up-oracle-0001",
            "datasourceURL": "jdbc:oracle:thin:@//oracle.internal:1521/LEDGER",
        },
    ),
    "lake": (
        "aws",
        {
            "connectionType": "ACCESS_KEY",
            "region": "eu-central-1",
            "user": "AKIAMADEUP0000000001",
            "api_key": "made-up-aws-0001",
        },
    ),
    "lake_of_others": (
        "aws",
        {
            "connectionType": "EXTERNAL_ROLE",
            "region": "eu-central-1",
            "roleArn": "arn:aws:iam::000000000000:role/reader",
            "externalId": "made-up-external-0001",
        },
    ),
    "analytics": (
        "gcp",
        {
            "projectName": "made-up-project",
            "environment": "europe-west3",
            "file": '{"type": "service_account", "project_id": "made-up-project", '
            '"private_key": "made-up-gcp-0001"}',
        },
    ),
    "assistant": ("openai", {"api_key": "sk-made-up-openai-0001", "organizationId": "org-made-up"}),
    "papers": (
        "pineconedb",
        {
            "api_key": "made-up-pinecone-0001",
            "projectName": "made-up",
            "environment": "us-east-1",
            "endpoint": "https://papers.example.com",
        },
    ),
    "products": (
        "weaviatedb",
        {"api_key": "made-up-weaviate-0001", "endpoint": "https://weaviate.internal:443"},
    ),
    "vectors": (
        "pgvectordb",
        {
            "user": "vectors",
            "password": "made-up-pgvector-0001",
            "datasourceURL": "jdbc:postgresql://pgvector.internal:5432/vectors",
            "dimensions": 1536,
            "distance_metric": "Cosine Similarity",
            "indexing_method": "hnsw",
        },
    ),
    "reranker": ("cohere", {"api_key": "made-up-cohere-0001", "endpoint": "https://api.cohere.com"}),
    "chat": ("openai", {"api_key": "sk-made-up-openai-0002"}),
    "chat_2": (
        "anthropic",
        {
            "api_key": "made-up-anthropic-0001",
            "endpoint": "https://api.anthropic.com",
            "version": "2023-06-01",
        },
    ),
    "chat_3": ("mistral", {"api_key": "made-up-mistral-0001", "endpoint": "https://api.mistral.ai"}),
    "receipts": ("sendgrid", {"api_key": "SG.made-up-sendgrid-0001"}),
    "jobs": (
        "amqp",
        {
            "protocol": "amqp",
            "endpoint": "rabbit.internal",
            "port": 5672,
            "namespace": "jobs",
            "user": "jobs",
            "password": "made-up-rabbitmq-0001",
        },
    ),
    "bus": (
        "azure_service_bus",
        {
            "connectionType": "Connection String",
            "endpoint": "Endpoint=sb://made-up.servicebus.windows.net/;SharedAccessKeyName=root;"
            "SharedAccessKey=made-up-servicebus-0001=",
        },
    ),
    "code": ("git", {"user": "robot", "api_key": "ghp_made_up_github_0001"}),
    "dags": ("git", {"user": "robot", "api_key": "made-up-git-0001"}),
    "answers": ("openai", {"api_key": "sk-made-up-openai-0003"}),
}


@pytest.fixture
def prompt(tmp_path, kek):
    return ImportPrompt(tmp_path / "prompt", kek, "airflow")


@pytest.fixture
def export(tmp_path):
    """Write an export of one's own and return where it is."""

    def write(content, name="connections.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def database(tmp_path):
    """Return a copy of the database, and a way to change it."""
    path = tmp_path / "airflow.db"
    shutil.copyfile(DATABASE, path)

    def change(*statements):
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(*statement if isinstance(statement, tuple) else (statement,))
        return path

    return change


def test_the_database_of_an_airflow_comes_in_whole(prompt):
    prompt.bring("--database", DATABASE, *OPEN)

    assert prompt.stored() == EXPECTED


def test_every_form_of_an_export_means_what_the_database_means(prompt):
    prompt.bring("--database", DATABASE, *OPEN)

    for name in EXPORTS:
        prompt.bring(AIRFLOW / name)
        assert prompt.results == dict.fromkeys(EXPECTED, "unchanged")


def test_descriptions_come_too_and_the_source_is_a_tag(prompt):
    prompt.bring("--database", DATABASE, *OPEN, "--only", "orders_db")

    saved = prompt.json("get", "orders_db")
    assert saved["description"] == "Orders of the shop"
    assert {"key": "imported-from", "value": "airflow"} in saved["tags"]


def test_what_no_key_of_ours_takes_is_told_by_name(prompt):
    prompt.bring("--database", DATABASE, *OPEN, "--dry-run")

    told = {each["foreignName"]: each["notTakenOver"] for each in prompt.report["results"]}
    assert {name: fields for name, fields in told.items() if fields} == {
        "products": ["extra.grpc_secure"],
        "receipts": ["extra.from_email"],
        "dags": ["extra.branch", "host"],
    }


def test_the_database_is_only_read(prompt, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    shutil.copyfile(DATABASE, folder / "airflow.db")
    before = take_picture(folder)

    prompt.bring("--database", folder / "airflow.db", *OPEN)

    assert take_picture(folder) == before


@pytest.mark.parametrize("address", ["sqlite:///{}", "sqlite+aiosqlite:///{}", "{}"])
def test_a_sqlite_database_is_named_by_its_path_or_as_airflow_names_it(prompt, address):
    prompt.bring("--database", address.format(DATABASE), *OPEN, "--dry-run")

    assert prompt.results.keys() == EXPECTED.keys()


def test_database_and_keys_may_come_from_the_environment_of_airflow(prompt):
    prompt.environment |= {
        import_airflow.DATABASE: f"sqlite:///{DATABASE}",
        import_airflow.KEYS: KEYS.read_text(),
    }

    prompt.bring("--dry-run")

    assert set(prompt.results.values()) == {"created"}


# Keys


def write_keys(folder, *keys):
    path = folder / "keys"
    path.write_text(",".join(keys))
    return path


def test_without_the_older_key_the_rows_it_made_are_named_by_column_and_nothing_is_saved(prompt, tmp_path):
    newest = KEYS.read_text().partition(",")[0]

    prompt.bring(
        "--database", DATABASE, "--fernet-key-file", write_keys(tmp_path, newest), code=failures.REFUSED
    )

    assert prompt.problems.keys() == OLDER
    assert "`password, extra`: no Fernet key" in prompt.problems["orders_db"][0]
    assert "`extra`: no Fernet key" in prompt.problems["clicks"][0]
    assert prompt.stored() == {}


def test_keys_may_stand_in_any_order(prompt, tmp_path):
    newest, _, older = KEYS.read_text().strip().partition(",")

    prompt.bring(
        "--database", DATABASE, "--fernet-key-file", write_keys(tmp_path, older, newest), "--dry-run"
    )

    assert set(prompt.results.values()) == {"created"}


def test_a_key_of_somebody_else_opens_nothing(prompt, tmp_path):
    keys = write_keys(tmp_path, Fernet.generate_key().decode())

    prompt.bring("--database", DATABASE, "--fernet-key-file", keys, code=failures.REFUSED)

    # What is in clear needs no key: one stored before there was one, one without password and extra.
    assert prompt.results.keys() - prompt.problems.keys() == {"answers", "bus"}


def test_without_a_key_what_is_encrypted_says_so(prompt):
    prompt.bring("--database", DATABASE, "--skip-bad", code=failures.REFUSED)

    assert "no Fernet key was given" in prompt.problems["orders_db"][0]
    assert prompt.stored().keys() == {"answers", "bus"}


def test_what_is_no_key_is_told_by_its_number(prompt, tmp_path):
    keys = write_keys(tmp_path, Fernet.generate_key().decode(), "made-up-no-key")

    told = prompt.bring("--database", DATABASE, "--fernet-key-file", keys, code=failures.USAGE)

    assert "Fernet key 2 of 2" in told.stderr
    assert "made-up-no-key" not in told.output


# Rough databases


def test_every_row_that_cannot_come_is_named_and_nothing_is_half_imported(prompt):
    told = prompt.bring("--database", ROUGH, *OPEN, code=failures.REFUSED)

    bad = {name: result for name, result in prompt.results.items() if name not in EXPECTED}
    assert bad == {
        "cut_short": "unreadable",
        "half": "unreadable",
        "lost_key": "unreadable",
        "no_region": "refused",
        "shell": "unmapped",
        "Twice": "clash",
        "twice": "clash",
    }
    assert "`password`" in prompt.problems["cut_short"][0]
    assert "`extra`" in prompt.problems["half"][0]
    assert "`ssh`" in prompt.problems["shell"][0]
    assert "environment" in prompt.problems["no_region"][0]
    assert "`Twice`" in prompt.problems["twice"][0]
    assert "nothing was saved" in told.stdout
    assert prompt.stored() == {}


def test_the_good_rows_of_a_rough_database_come_in_where_that_is_asked_for(prompt):
    prompt.bring("--database", ROUGH, *OPEN, "--skip-bad", code=failures.REFUSED)

    assert prompt.stored() == EXPECTED


def test_rows_that_come_to_one_name_are_told_apart_by_renaming(prompt):
    prompt.bring("--database", ROUGH, *OPEN, "--only", "?wice", "--rename", "Twice=Reranker of two")

    assert prompt.stored().keys() == {"Reranker of two", "twice"}


def test_what_a_connection_does_not_say_a_mapping_of_your_own_does(prompt, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "source: airflow\n"
        "types:\n"
        "  google_cloud_platform: {use: google_cloud, configuration: {environment: europe-west1}}\n"
    )

    prompt.bring("--database", ROUGH, *OPEN, "--only", "no_region", "--mapping", own)

    assert prompt.stored()["no_region"][1]["environment"] == "europe-west1"


def test_a_column_that_is_no_text_is_unreadable(prompt, database):
    path = database(
        ("UPDATE connection SET conn_type = ? WHERE conn_id = 'chat'", (b"\xff\xfe",)),
        ("UPDATE connection SET host = CAST(? AS TEXT) WHERE conn_id = 'jobs'", (b"\xff\xfe",)),
        ("UPDATE connection SET conn_id = ? WHERE conn_id = 'code'", (b"\xff\xfe",)),
        "UPDATE connection SET conn_type = '' WHERE conn_id = 'dags'",
    )

    prompt.bring("--database", path, *OPEN, code=failures.REFUSED)

    bad = {name for name, result in prompt.results.items() if result == "unreadable"}
    assert bad == {"chat", "jobs", None, "dags"}
    assert "`conn_id`" in prompt.problems[None][0]
    assert "`host`" in prompt.problems["jobs"][0]


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["ALTER TABLE connection DROP COLUMN is_extra_encrypted"], "has no `is_extra_encrypted`"),
        (["ALTER TABLE connection RENAME TO link"], "there is no table `connection`"),
    ],
)
def test_a_database_of_an_unknown_version_is_refused(prompt, database, statements, told):
    answer = prompt.bring("--database", database(*statements), *OPEN, code=failures.REFUSED)

    assert told in answer.stderr


def test_columns_that_a_later_version_adds_are_told_where_they_hold_something(prompt, database):
    path = database(
        "ALTER TABLE connection ADD COLUMN quota TEXT",
        "UPDATE connection SET quota = 'made-up' WHERE conn_id = 'chat'",
    )

    prompt.bring("--database", path, *OPEN, "--only", "chat*")

    told = {each["foreignName"]: each["notTakenOver"] for each in prompt.report["results"]}
    assert told == {"chat": ["quota"], "chat_2": [], "chat_3": []}


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
def test_a_command_line_that_cannot_be_meant_says_what_can(prompt, arguments, told):
    answer = prompt.bring(*arguments, code=failures.USAGE)

    assert told in answer.stderr
    assert "made-up-0001" not in answer.output


def test_postgresql_asks_for_its_driver_by_name(prompt, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)

    answer = prompt.bring("--database", "postgresql://db.internal/airflow", code=failures.USAGE)

    assert "credenza[import]" in answer.stderr


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
def test_a_file_that_is_not_what_it_says_is_refused(prompt, export, name, content, told):
    answer = prompt.bring(export(content, name), code=failures.REFUSED)

    assert told in answer.stderr
    assert "made-up-0001" not in answer.output


@pytest.mark.parametrize("format", ["json", "env"])
def test_a_database_is_not_taken_for_an_export(prompt, format):
    answer = prompt.bring(DATABASE, "--format", format, code=failures.REFUSED)

    assert "--database" in answer.stderr


def test_an_export_is_not_taken_for_a_database(prompt):
    answer = prompt.bring("--database", AIRFLOW / "connections.json", code=failures.REFUSED)

    assert "is not a SQLite database" in answer.stderr


@pytest.mark.parametrize("value", ["made-up-0001", "openai://a:made-up-0001@[h/", 7, ["a"], None])
def test_a_connection_that_is_none_is_named(prompt, export, value):
    answer = prompt.bring(export({"a": value, "b": "openai://:sk-made-up@"}), code=failures.REFUSED)

    assert prompt.results["b"] == "created"
    assert prompt.results["a"] in {"unreadable", "refused"}
    assert "made-up-0001" not in answer.output + prompt.read_report()


# What stands in an export


def test_a_file_of_variables_for_airflow_itself_is_an_export_too(prompt, export):
    lines = ["# made up", "", "AIRFLOW_CONN_MY_DB=postgresql://a:b@c/d", 'AI={"conn_type": "openai"}']

    prompt.bring(export("\n".join(lines), "a.env"), "--dry-run", "--skip-bad", code=failures.REFUSED)

    assert prompt.results == {"my_db": "created", "AI": "refused"}


def test_standard_input_is_an_export_too(prompt):
    prompt.bring("-", "--format", "env", input="a=openai://:sk-made-up@\n")

    assert prompt.stored() == {"a": ("openai", {"api_key": "sk-made-up"})}


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
def test_a_key_file_comes_in_however_airflow_wrote_it(prompt, export, extra, written):
    prompt.bring(export({"a": {"conn_type": "google_cloud_platform", "extra": written(extra)}}))

    expected = {"projectName": "p", "environment": "r", "file": '{"a": 1}'}
    assert prompt.stored() == {"a": ("gcp", expected)}


def test_an_extra_may_stand_under_its_other_name(prompt, export):
    extra = {"openai_client_kwargs": {"organization": "org-made-up"}}

    prompt.bring(export({"a": {"conn_type": "openai", "password": "sk-made-up", "extra_dejson": extra}}))

    assert prompt.stored()["a"][1]["organizationId"] == "org-made-up"


def test_an_extra_that_is_no_object_is_told_and_stands_in_nothing_s_way(prompt, export):
    prompt.bring(export({"a": {"conn_type": "openai", "password": "sk-made-up", "extra": "made up"}}))

    assert prompt.report["results"][0]["notTakenOver"] == ["extra"]


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
def test_http_is_mapped_by_its_whole_host(prompt, export, fields, type):
    path = export({"a": {"conn_type": "http", "password": "sk-made-up", **fields}})

    prompt.bring(path, code=failures.REFUSED if type is None else 0)

    assert [each["type"] for each in prompt.report["results"]] == [type or ""]


@pytest.mark.parametrize(
    ("extra", "protocol"),
    [
        ({"security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN"}, "SASL_SSL / PLAIN"),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}, "SASL_SSL/SCRAM-SHA-512"),
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}, "SASL_PLAINTEXT"),
        ({}, "PLAINTEXT"),
    ],
)
def test_the_security_of_a_kafka_connection_is_its_protocol(prompt, export, extra, protocol):
    sasl = {"sasl.username": "a", "sasl.password": "made-up"} if extra else {}
    extra = {"bootstrap.servers": "a:9092", **sasl, **extra}

    prompt.bring(export({"a": {"conn_type": "kafka", "extra": extra}}))

    assert prompt.stored()["a"][1]["protocol"] == protocol
    assert prompt.report["results"][0]["notTakenOver"] == []


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


# Silence


def list_secrets():
    groups = json.loads((SCRIPTS / "fixtures" / "airflow_connections.json").read_text())
    text = json.dumps(groups)
    return {part for part in text.replace("\\", "").split('"') if part.endswith(tuple("0123456789="))} - {""}


@pytest.mark.parametrize("more", [["--dry-run"], ["--skip-bad"], []])
def test_no_secret_is_ever_shown(prompt, more):
    secrets = {each for each in list_secrets() if "made" in each}
    assert len(secrets) > 25

    answer = prompt.bring("--database", ROUGH, *OPEN, *more, code=failures.REFUSED)
    told = answer.output + prompt.read_report()

    assert [each for each in secrets if each in told] == []
    assert "gAAAA" not in told
    assert not any(key in told for key in KEYS.read_text().strip().split(","))
