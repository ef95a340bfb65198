"""The credentials of a real n8n come in; `scripts/fixtures/make_n8n_export` made the files."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from credenza.cli import failures
from import_scripts import FIXTURES, SCRIPTS, Importer, take_picture
from n8n_credentials import EXPECTED

N8N = FIXTURES / "n8n"
KEY = ("--key-file", N8N / "encryption-key")
SOURCES = {
    "in clear": (N8N / "credentials.json",),
    "encrypted": (N8N / "encrypted.json", *KEY),
    "database": ("--database", N8N / "n8n.sqlite", *KEY),
    "data keys": ("--database", N8N / "rotated.sqlite", *KEY),
}
ROUGH = ("--database", N8N / "rough.sqlite")


@pytest.fixture
def importer(tmp_path, kek):
    return Importer("n8n", tmp_path / "prompt", kek)


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


def stored_by_foreign_name(importer):
    ours = {each["name"]: each["foreignName"] for each in importer.told}
    return {ours[name]: found for name, found in importer.stored().items()}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_form_of_it_comes_in_whole(importer, source):
    importer.run(*source)

    assert stored_by_foreign_name(importer) == EXPECTED


def test_every_form_of_it_means_the_same(importer):
    importer.run(*SOURCES["in clear"])

    for source in SOURCES.values():
        importer.run(*source)
        assert importer.results == dict.fromkeys(EXPECTED, "unchanged")


def test_an_export_in_separate_files_is_a_folder(importer, tmp_path):
    folder = tmp_path / "separate"
    folder.mkdir()
    for each in json.loads((N8N / "credentials.json").read_text()):
        (folder / f"{each['id']}.json").write_text(json.dumps(each))

    importer.run(folder, "--dry-run")

    assert importer.results == dict.fromkeys(EXPECTED, "created")


def test_what_no_key_of_ours_takes_is_told_by_name(importer):
    importer.run(*SOURCES["in clear"], "--dry-run")

    told = {each["foreignName"]: each["notTakenOver"] for each in importer.told}
    assert {name: fields for name, fields in told.items() if fields} == {
        "Azure (chat)": ["apiVersion"],
        "Clicks": ["clientId"],
    }


@pytest.mark.parametrize("name", ["n8n.sqlite", "rotated.sqlite"])
def test_the_database_is_only_read(importer, tmp_path, name):
    folder = tmp_path / "source"
    folder.mkdir()
    shutil.copyfile(N8N / name, folder / "database.sqlite")
    before = take_picture(folder)

    importer.run("--database", folder / "database.sqlite", *KEY)

    assert take_picture(folder) == before


# Rough databases


def test_every_row_that_cannot_come_is_named_and_nothing_is_half_imported(importer):
    answer = importer.run(*ROUGH, *KEY, code=failures.REFUSED)

    bad = {name: result for name, result in importer.results.items() if name not in EXPECTED}
    assert bad == {
        "Cut short": "unreadable",
        "Lost key": "unreadable",
        "Papers": "refused",
        "Chat room": "unmapped",
        "Anywhere": "unmapped",
        "Mail": "clash",
    }
    assert "`data`" in importer.problems["Cut short"][0]
    assert any("projectName" in each for each in importer.problems["Papers"])
    assert "`slackApi`" in importer.problems["Chat room"][0]
    assert all(part in importer.problems["Mail"][0] for part in ("MadeUp0000000034", "MadeUp0000000035"))
    assert importer.problems["Mail"][0].endswith("come to one name; --with-ids tells them apart.")
    assert "nothing was saved" in answer.stdout
    assert importer.stored() == {}


def test_credentials_of_one_name_are_told_apart_by_their_ids_where_that_is_asked_for(importer):
    importer.run(*ROUGH, *KEY, "--with-ids", "--skip-bad", code=failures.REFUSED)

    found = stored_by_foreign_name(importer)
    assert "Mail" not in importer.problems
    assert found.keys() - EXPECTED.keys() == {"Mail MadeUp0000000034", "Mail MadeUp0000000035"}
    assert found["Mail MadeUp0000000035"] == ("sendgrid", {"api_key": "SG.made-up-sendgrid-0003"})


def test_what_a_credential_does_not_say_a_mapping_of_your_own_does(importer, export):
    own = export(
        "source: n8n\ntypes:\n  pineconeApi:\n    type: pineconedb\n    configuration:\n"
        '      {api_key: "${apiKey}", projectName: search, environment: us-east-1}\n',
        "own.yaml",
    )

    importer.run(*ROUGH, *KEY, "--only", "Papers", "--mapping", own)

    expected = {"api_key": "made-up-pinecone-0001", "projectName": "search", "environment": "us-east-1"}
    assert importer.stored() == {"Papers": ("pineconedb", expected)}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER TABLE credentials_entity RENAME COLUMN data TO sealed", "has no `data`"),
        ("ALTER TABLE credentials_entity RENAME TO credentials", "there is no table `credentials_entity`"),
    ],
)
def test_a_database_of_an_unknown_version_is_refused(importer, database, statement, told):
    answer = importer.run("--database", database(statement), *KEY, code=failures.REFUSED)

    assert told in answer.stderr


# Command lines that cannot be meant, and files that are not what they say


@pytest.mark.parametrize("arguments", [[], ["a.json", "--database", "a.sqlite"]])
def test_either_a_database_or_an_export_is_named(importer, arguments):
    assert "--database" in importer.run(*arguments, code=failures.USAGE).stderr


@pytest.mark.parametrize("text", ["made-up-0001", '"made-up-0001"', "7", "[" * 100_000])
def test_an_export_is_a_list_of_credentials_in_json(importer, export, text):
    answer = importer.run(export(text), code=failures.REFUSED)

    assert "is no export of n8n" in answer.stderr
    assert "made-up-0001" not in answer.output


def test_a_folder_without_an_export_is_refused(importer, tmp_path):
    assert "there is no .json file" in importer.run(tmp_path, code=failures.REFUSED).stderr


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
def test_a_credential_that_is_none_is_named_by_field(importer, export, credential, field):
    answer = importer.run(export([credential]), code=failures.REFUSED)

    assert [each["result"] for each in importer.told] == ["unreadable"]
    assert field in answer.stderr
    assert "made-up-0001" not in answer.output + importer.read_report()


# What becomes of some types


def test_a_tunnel_to_a_database_is_told(importer, export):
    data = {"password": "made-up", "sshTunnel": True, "sshHost": "gate", "sshPassword": "made-up-2"}

    importer.run(export([{"name": "a", "type": "postgres", "data": data}]))

    assert importer.told[0]["notTakenOver"] == ["sshHost", "sshPassword", "sshTunnel"]
    assert importer.stored()["a"][1]["datasourceURL"] == "jdbc:postgresql://localhost:5432/postgres"


@pytest.mark.parametrize(
    ("data", "protocol"),
    [
        ({"authentication": True, "saslMechanism": "plain"}, "SASL_SSL / PLAIN"),
        ({"authentication": True, "saslMechanism": "scram-sha-512", "ssl": False}, "SASL_PLAINTEXT"),
        ({"ssl": False}, "PLAINTEXT"),
        ({}, "SSL"),
    ],
)
def test_the_security_of_kafka_is_its_protocol(importer, export, data, protocol):
    login = {"username": "a", "password": "made-up"} if "authentication" in data else {}

    importer.run(export([{"name": "a", "type": "kafka", "data": {"brokers": "a:9092", **login, **data}}]))

    assert importer.stored()["a"][1]["protocol"] == protocol


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
def test_a_header_is_mapped_by_the_one_domain_that_it_may_go_to(importer, export, data, type):
    data = {"allowedHttpRequestDomains": "domains", **data}

    importer.run(
        export([{"name": "a", "type": "httpHeaderAuth", "data": data}]), code=0 if type else failures.REFUSED
    )

    assert [each["type"] for each in importer.told] == [type]


# Silence


def list_secrets():
    groups = json.loads((SCRIPTS / "fixtures" / "n8n_credentials.json").read_text())
    public = {"org-made-up", "made-up"}
    values = [value for group in groups.values() for each in group for value in each["data"].values()]
    return {value for value in values if isinstance(value, str) and "made" in value} - public


@pytest.mark.parametrize("more", [["--dry-run"], ["--skip-bad"], []])
def test_no_secret_is_ever_shown(importer, more):
    secrets = list_secrets()
    assert len(secrets) > 25

    answer = importer.run(*ROUGH, *KEY, *more, code=failures.REFUSED)
    told = answer.output + importer.read_report()

    assert [each for each in secrets if each in told] == []
    assert "U2FsdGVk" not in told
    assert (N8N / "encryption-key").read_text().strip() not in told
