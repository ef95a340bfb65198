"""The credentials of a real n8n come in; `scripts/fixtures/make_n8n_export` made the files."""

import base64
import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from credenza.cli import failures
from credenza.sensitive import Sensitive
from import_prompt import FIXTURES, SCRIPTS, ImportPrompt, take_picture

import import_n8n  # isort: skip  # the helper above says where it is

N8N = FIXTURES / "n8n"
KEY = ("--key-file", N8N / "encryption-key")
SOURCES = {
    "in clear": (N8N / "credentials.json",),
    "encrypted": (N8N / "encrypted.json", *KEY),
    "database": ("--database", N8N / "n8n.sqlite", *KEY),
    "data keys": ("--database", N8N / "rotated.sqlite", *KEY),
}
ROUGH = ("--database", N8N / "rough.sqlite")

EXPECTED = {
    "OpenAI": ("openai", {"api_key": "sk-made-up-openai-0001", "organizationId": "org-made-up"}),
    "Claude": ("anthropic", {"api_key": "made-up-anthropic-0001", "endpoint": "https://api.anthropic.com"}),
    "Azure (chat)": (
        "azure_openai",
        {"api_key": "made-up-azure-0001", "endpoint": "https://made-up.openai.azure.com"},
    ),
    "Reranker": ("cohere", {"api_key": "made-up-cohere-0001", "endpoint": "https://api.cohere.ai"}),
    "Mistral": ("mistral", {"api_key": "made-up-mistral-0001", "endpoint": "https://api.mistral.ai"}),
    "Perplexity": ("perplexity", {"api_key": "made-up-perplexity-0001"}),
    "Grok": ("grok", {"api_key": "made-up-grok-0001"}),
    "Ollama": ("ollama", {"api_key": "made-up-ollama-0001", "endpoint": "http://ollama.internal:11434"}),
    "Orders: production": (
        "relational_db",
        {
            "jdbcDriver": "Postgres",
            "user": "shop",
            "password": "made-up p@ss/w:rd?ä #1",
            "datasourceURL": "jdbc:postgresql://db.internal:5432/orders?sslmode=require",
        },
    ),
    "Überweisungen": (
        "relational_db",
        {
            "jdbcDriver": "MySQL",
            "user": "bank",
            "password": "made-up-mysql-0001",
            "datasourceURL": "jdbc:mysql://mysql.internal:3306/transfers",
        },
    ),
    "Staff": (
        "relational_db",
        {
            "jdbcDriver": "SQL Server",
            "user": "sa",
            "password": "made-up-mssql-0001",
            "datasourceURL": "jdbc:sqlserver://mssql.internal:1433;databaseName=staff",
        },
    ),
    "Ledger": (
        "relational_db",
        {
            "jdbcDriver": "Oracle",
            "user": "ledger",
            "password": "made-up-oracle-0001",
            "datasourceURL": "jdbc:oracle:thin:@//oracle.internal:1521/LEDGER",
        },
    ),
    "Lake": (
        "aws",
        {
            "connectionType": "ACCESS_KEY",
            "region": "eu-central-1",
            "user": "AKIAMADEUP0000000001",
            "api_key": "made-up-aws-0001",
        },
    ),
    "Lake of others": (
        "aws",
        {
            "connectionType": "EXTERNAL_ROLE",
            "region": "eu-central-1",
            "roleArn": "arn:aws:iam::000000000000:role/reader",
            "externalId": "made-up-external-0001",
        },
    ),
    "Clicks": (
        "kafka",
        {
            "endpoint": "broker-1.internal:9093,broker-2.internal:9093",
            "connectionType": "String",
            "protocol": "SASL_SSL/SCRAM-SHA-512",
            "authenticationType": "NONE",
            "user": "clicks",
            "password": "made-up-kafka-0001",
        },
    ),
    "Jobs": (
        "amqp",
        {
            "protocol": "amqps",
            "endpoint": "rabbit.internal",
            "port": 5671,
            "namespace": "jobs",
            "user": "jobs",
            "password": "made-up-rabbitmq-0001",
        },
    ),
    "Queue": (
        "amqp",
        {
            "protocol": "amqp",
            "endpoint": "amqp.internal",
            "port": 5672,
            "namespace": "/",
            "user": "queue",
            "password": "made-up-amqp-0001",
        },
    ),
    "Products": (
        "weaviatedb",
        {"api_key": "made-up-weaviate-0001", "endpoint": "https://products.weaviate.example.com"},
    ),
    "Products at home": (
        "weaviatedb",
        {"api_key": "made-up-weaviate-0002", "endpoint": "https://weaviate.internal:443"},
    ),
    "Receipts": ("sendgrid", {"api_key": "SG.made-up-sendgrid-0001"}),
    "Code": ("git", {"user": "robot", "api_key": "ghp_made_up_github_0001"}),
    "Dags": ("git", {"user": "robot", "api_key": "made-up-git-0001"}),
    "Analytics": (
        "gcp",
        {
            "projectName": "made-up-project",
            "environment": "europe-west3",
            "file": json.dumps(
                {
                    "type": "service_account",
                    "project_id": "made-up-project",
                    "private_key": "-----BEGIN PRIVATE KEY-----\nmade-up-gcp-0001\n"
                    "-----END PRIVATE KEY-----\n",
                    "client_email": "robot@made-up-project.iam.gserviceaccount.com",
                    "token_uri": "https://oauth2.googleapis.com/token",
                }
            ),
        },
    ),
    "Chat by token": ("openai", {"api_key": "sk-made-up-openai-0002"}),
    "Chat by header": ("openai", {"api_key": "sk-made-up-openai-0003"}),
    "Claude by header": (
        "anthropic",
        {"api_key": "made-up-anthropic-0002", "endpoint": "https://api.anthropic.com"},
    ),
}


@pytest.fixture
def prompt(tmp_path, kek):
    return ImportPrompt(tmp_path / "prompt", kek, "n8n")


@pytest.fixture
def export(tmp_path):
    """Write an export of one's own and return where it is."""

    def write(content, name="credentials.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def database(tmp_path):
    """Change a copy of a database and return where it is."""

    def change(*statements, of="n8n.sqlite"):
        path = tmp_path / "database.sqlite"
        shutil.copyfile(N8N / of, path)
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)
        return path

    return change


def stored_by_foreign_name(prompt):
    ours = {each["name"]: each["foreignName"] for each in prompt.report["results"]}
    return {ours[name]: found for name, found in prompt.stored().items()}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_form_of_it_comes_in_whole(prompt, source):
    prompt.bring(*source)

    assert stored_by_foreign_name(prompt) == EXPECTED


def test_every_form_of_it_means_the_same(prompt):
    prompt.bring(*SOURCES["in clear"])

    for source in SOURCES.values():
        prompt.bring(*source)
        assert prompt.results == dict.fromkeys(EXPECTED, "unchanged")


def test_an_export_in_separate_files_is_a_folder(prompt, tmp_path):
    folder = tmp_path / "separate"
    folder.mkdir()
    for each in json.loads((N8N / "credentials.json").read_text()):
        (folder / f"{each['id']}.json").write_text(json.dumps(each))

    prompt.bring(folder, "--dry-run")

    assert prompt.results == dict.fromkeys(EXPECTED, "created")


def test_what_no_key_of_ours_takes_is_told_by_name(prompt):
    prompt.bring(*SOURCES["in clear"], "--dry-run")

    told = {each["foreignName"]: each["notTakenOver"] for each in prompt.report["results"]}
    assert {name: fields for name, fields in told.items() if fields} == {
        "Azure (chat)": ["apiVersion"],
        "Clicks": ["clientId"],
    }


@pytest.mark.parametrize("name", ["n8n.sqlite", "rotated.sqlite"])
def test_the_database_is_only_read(prompt, tmp_path, name):
    folder = tmp_path / "source"
    folder.mkdir()
    shutil.copyfile(N8N / name, folder / "database.sqlite")
    before = take_picture(folder)

    prompt.bring("--database", folder / "database.sqlite", *KEY)

    assert take_picture(folder) == before


# Keys


def test_the_key_may_stand_in_the_settings_of_n8n(prompt, tmp_path):
    settings = tmp_path / "config"
    settings.write_text(json.dumps({"encryptionKey": (N8N / "encryption-key").read_text().strip()}))

    prompt.bring("--database", N8N / "n8n.sqlite", "--key-file", settings, "--dry-run")

    assert set(prompt.results.values()) == {"created"}


def test_the_key_may_come_from_the_environment_of_n8n(prompt):
    prompt.environment[import_n8n.KEY] = (N8N / "encryption-key").read_text()

    prompt.bring("--database", N8N / "rotated.sqlite", "--dry-run")

    assert set(prompt.results.values()) == {"created"}


@pytest.mark.parametrize("name", ["n8n.sqlite", "rotated.sqlite"])
def test_with_a_wrong_key_every_row_is_named_and_nothing_is_saved(prompt, tmp_path, name):
    wrong = tmp_path / "key"
    wrong.write_text("made-up-wrong-key-0001")

    answer = prompt.bring("--database", N8N / name, "--key-file", wrong, code=failures.REFUSED)

    assert prompt.results == dict.fromkeys(EXPECTED, "unreadable")
    assert all("the key that was given does not open it" in each[0] for each in prompt.problems.values())
    assert "made-up-wrong-key-0001" not in answer.output
    assert prompt.stored() == {}


def test_without_a_key_what_is_encrypted_says_so(prompt):
    prompt.bring(N8N / "encrypted.json", code=failures.REFUSED)

    assert prompt.results == dict.fromkeys(EXPECTED, "unreadable")
    assert "no key was given" in prompt.problems["Lake"][0]


def test_a_data_key_that_lies_in_another_database_is_told(prompt, database):
    path = database("DELETE FROM deployment_key WHERE algorithm = 'aes-256-gcm'", of="rotated.sqlite")

    prompt.bring("--database", path, *KEY, code=failures.REFUSED)

    # What was saved before the data key stands under the encryption key itself.
    assert prompt.results["Lake"] == "created"
    assert "data key that is not here" in prompt.problems["Lake of others"][0]


def test_an_older_database_has_no_data_keys(prompt, database):
    prompt.bring("--database", database("DROP TABLE deployment_key"), *KEY, "--dry-run")

    assert prompt.results == dict.fromkeys(EXPECTED, "created")


@pytest.mark.parametrize(("text", "told"), [("", "is empty"), ('{"a": 1}', "no `encryptionKey`")])
def test_a_key_file_without_a_key_is_refused(prompt, export, text, told):
    answer = prompt.bring(
        "--database", N8N / "n8n.sqlite", "--key-file", export(text, "key"), code=failures.USAGE
    )

    assert told in answer.stderr


def list_texts(name):
    with closing(sqlite3.connect(N8N / name)) as connection:
        return [data for (data,) in connection.execute("SELECT data FROM credentials_entity")]


def test_a_text_may_name_the_key_that_was_there_before_data_keys():
    keys = read_keys()
    (name,) = [name for name, key in keys.data_keys.items() if key.algorithm == "aes-256-cbc"]
    plain = [text for text in list_texts("rotated.sqlite") if ":" not in text]

    assert [keys.open(f"{name}:{text}") for text in plain] == [keys.open(text) for text in plain]


def read_keys():
    with closing(sqlite3.connect(N8N / "rotated.sqlite")) as connection:
        rows = connection.execute("SELECT id, algorithm, value FROM deployment_key").fetchall()
    keys = {name: import_n8n.DataKey(algorithm, value) for name, algorithm, value in rows}
    key = (N8N / "encryption-key").read_text().strip()
    return import_n8n.Keys(Sensitive(key), keys)


SEALED = [text for text in list_texts("rotated.sqlite") if ":" in text]


@given(st.sampled_from(SEALED), st.data())
def test_a_sealed_text_that_was_changed_does_not_open(text, data):
    keys = read_keys()
    assert keys.open(text)
    position = data.draw(st.integers(text.index(":") + 1, len(text.rstrip("=")) - 3))
    letter = data.draw(st.sampled_from("ABCDEFabcdef0123456789+/"))
    assume(letter != text[position])

    with pytest.raises(import_n8n.Closed):
        keys.open(text[:position] + letter + text[position + 1 :])


@given(st.sampled_from(list_texts("rotated.sqlite")), st.integers(0, 200))
def test_a_text_that_was_cut_short_does_not_open(text, length):
    with pytest.raises(import_n8n.Closed):
        read_keys().open(text[: min(length, len(text) - 1)])


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda data: base64.b64encode(data).decode()))
def test_what_is_no_sealed_text_does_not_open(text):
    with pytest.raises(import_n8n.Closed):
        read_keys().open(text)


# Rough databases


def test_every_row_that_cannot_come_is_named_and_nothing_is_half_imported(prompt):
    answer = prompt.bring(*ROUGH, *KEY, code=failures.REFUSED)

    bad = {name: result for name, result in prompt.results.items() if name not in EXPECTED}
    assert bad == {
        "Cut short": "unreadable",
        "Lost key": "unreadable",
        "Papers": "refused",
        "Chat room": "unmapped",
        "Anywhere": "unmapped",
        "Mail": "clash",
    }
    assert "`data`" in prompt.problems["Cut short"][0]
    assert any("projectName" in each for each in prompt.problems["Papers"])
    assert "`slackApi`" in prompt.problems["Chat room"][0]
    assert all(part in prompt.problems["Mail"][0] for part in ("MadeUp0000000034", "MadeUp0000000035"))
    assert "nothing was saved" in answer.stdout
    assert prompt.stored() == {}


def test_credentials_of_one_name_are_told_apart_by_their_ids_where_that_is_asked_for(prompt):
    prompt.bring(*ROUGH, *KEY, "--with-ids", "--skip-bad", code=failures.REFUSED)

    found = stored_by_foreign_name(prompt)
    assert found.keys() - EXPECTED.keys() == {"Mail MadeUp0000000034", "Mail MadeUp0000000035"}
    assert found["Mail MadeUp0000000035"] == ("sendgrid", {"api_key": "SG.made-up-sendgrid-0003"})


def test_what_a_credential_does_not_say_a_mapping_of_your_own_does(prompt, export):
    own = export(
        "source: n8n\ntypes:\n  pineconeApi:\n    type: pineconedb\n    configuration:\n"
        '      {api_key: "${apiKey}", projectName: search, environment: us-east-1}\n',
        "own.yaml",
    )

    prompt.bring(*ROUGH, *KEY, "--only", "Papers", "--mapping", own)

    expected = {"api_key": "made-up-pinecone-0001", "projectName": "search", "environment": "us-east-1"}
    assert prompt.stored() == {"Papers": ("pineconedb", expected)}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER TABLE credentials_entity RENAME COLUMN data TO sealed", "has no `data`"),
        ("ALTER TABLE credentials_entity RENAME TO credentials", "there is no table `credentials_entity`"),
    ],
)
def test_a_database_of_an_unknown_version_is_refused(prompt, database, statement, told):
    answer = prompt.bring("--database", database(statement), *KEY, code=failures.REFUSED)

    assert told in answer.stderr


# Command lines that cannot be meant, and files that are not what they say


@pytest.mark.parametrize("arguments", [[], ["a.json", "--database", "a.sqlite"]])
def test_either_a_database_or_an_export_is_named(prompt, arguments):
    assert "--database" in prompt.bring(*arguments, code=failures.USAGE).stderr


@pytest.mark.parametrize("text", ["made-up-0001", '"made-up-0001"', "7", "[" * 100_000])
def test_an_export_is_a_list_of_credentials_in_json(prompt, export, text):
    answer = prompt.bring(export(text), code=failures.REFUSED)

    assert "is no export of n8n" in answer.stderr
    assert "made-up-0001" not in answer.output


def test_a_folder_without_an_export_is_refused(prompt, tmp_path):
    assert "there is no .json file" in prompt.bring(tmp_path, code=failures.REFUSED).stderr


@pytest.mark.parametrize(
    ("credential", "field"),
    [
        ("made-up-0001", ""),
        ({"type": "openAiApi", "data": {"apiKey": "made-up-0001"}}, "`name`"),
        ({"name": "a", "type": 7, "data": {"apiKey": "made-up-0001"}}, "`type`"),
        ({"name": "a", "type": "openAiApi", "data": ["made-up-0001"]}, "`data`"),
        ({"name": "a", "type": "openAiApi"}, "`data`"),
        (
            {"name": "a", "type": "openAiApi", "data": {"apiKey": "={{ $secrets.made-up-0001 }}"}},
            "`apiKey`: n8n computes it",
        ),
    ],
)
def test_a_credential_that_is_none_is_named_by_field(prompt, export, credential, field):
    answer = prompt.bring(export([credential]), code=failures.REFUSED)

    assert [each["result"] for each in prompt.report["results"]] == ["unreadable"]
    assert field in answer.stderr
    assert "made-up-0001" not in answer.output + prompt.read_report()


# What becomes of some types


def test_a_tunnel_to_a_database_is_told(prompt, export):
    data = {"password": "made-up", "sshTunnel": True, "sshHost": "gate", "sshPassword": "made-up-2"}

    prompt.bring(export([{"name": "a", "type": "postgres", "data": data}]))

    assert prompt.report["results"][0]["notTakenOver"] == ["sshHost", "sshPassword", "sshTunnel"]
    assert prompt.stored()["a"][1]["datasourceURL"] == "jdbc:postgresql://localhost:5432/postgres"


@pytest.mark.parametrize(
    ("data", "protocol"),
    [
        ({"authentication": True, "saslMechanism": "plain"}, "SASL_SSL / PLAIN"),
        ({"authentication": True, "saslMechanism": "scram-sha-512", "ssl": False}, "SASL_PLAINTEXT"),
        ({"ssl": False}, "PLAINTEXT"),
        ({}, "SSL"),
    ],
)
def test_the_security_of_kafka_is_its_protocol(prompt, export, data, protocol):
    login = {"username": "a", "password": "made-up"} if "authentication" in data else {}

    prompt.bring(export([{"name": "a", "type": "kafka", "data": {"brokers": "a:9092", **login, **data}}]))

    assert prompt.stored()["a"][1]["protocol"] == protocol


BEARER = {"name": "authorization", "value": "bearer sk-made-up"}


@pytest.mark.parametrize(
    ("data", "type"),
    [
        (BEARER | {"allowedDomains": "api.openai.com"}, "openai"),
        (BEARER | {"allowedDomains": "api.mistral.ai"}, "mistral"),
        (BEARER | {"allowedDomains": "api.github.com"}, "git"),
        ({"name": "api-key", "value": "a", "allowedDomains": "made-up.openai.azure.com"}, "azure_openai"),
        ({"name": "X-Other", "value": "a", "allowedDomains": "api.openai.com"}, ""),
        ({"name": "X-Other", "value": "Bearer a", "allowedDomains": "api.openai.com"}, ""),
        (BEARER | {"allowedDomains": "api.openai.com.example.com"}, ""),
        (BEARER | {"allowedDomains": "api.openai.com, example.com"}, ""),
        (BEARER | {"allowedDomains": "api.openai.com", "allowedHttpRequestDomains": "all"}, ""),
        (BEARER, ""),
    ],
)
def test_a_header_is_mapped_by_the_one_domain_that_it_may_go_to(prompt, export, data, type):
    data = {"allowedHttpRequestDomains": "domains", **data}

    prompt.bring(
        export([{"name": "a", "type": "httpHeaderAuth", "data": data}]), code=0 if type else failures.REFUSED
    )

    assert [each["type"] for each in prompt.report["results"]] == [type]


# Silence


def list_secrets():
    groups = json.loads((SCRIPTS / "fixtures" / "n8n_credentials.json").read_text())
    public = {"org-made-up", "made-up"}
    values = [value for group in groups.values() for each in group for value in each["data"].values()]
    return {value for value in values if isinstance(value, str) and "made" in value} - public


@pytest.mark.parametrize("more", [["--dry-run"], ["--skip-bad"], []])
def test_no_secret_is_ever_shown(prompt, more):
    secrets = list_secrets()
    assert len(secrets) > 25

    answer = prompt.bring(*ROUGH, *KEY, *more, code=failures.REFUSED)
    told = answer.output + prompt.read_report()

    assert [each for each in secrets if each in told] == []
    assert "U2FsdGVk" not in told
    assert (N8N / "encryption-key").read_text().strip() not in told
