"""A .env file, or the environment, becomes integrations by the names of its variables."""

import shutil

import pytest

from canary import Canaries
from import_scripts import FIXTURES, Importer, read_table

FOLDER = FIXTURES / "dotenv"
PEM = "-----BEGIN PRIVATE KEY-----"


@pytest.fixture
def importer(tmp_path, kek):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    return Importer("dotenv", tmp_path, kek)


@pytest.fixture
def write(importer):
    def write(text):
        path = importer.folder / "x.env"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_file_makes_the_integrations_that_its_names_say(importer):
    done = importer.run("app.env")

    assert done.stdout == "Not taken over: DB_PASSWORD, DEBUG, EMPTY.\n9 created.\n"
    assert importer.names() == [
        "aws",
        "azure-openai",
        "database",
        "gcp",
        "openai",
        "rabbitmq",
        "readonly-database",
        "sendgrid",
        "staging-openai",
    ]
    assert importer.reveal("staging-openai") == {"api_key": "sk-made-up-staging"}
    assert importer.show("openai")["modelsCount"] == 1
    assert importer.reveal("database") == {
        "jdbcDriver": "Postgres",
        "user": "shop",
        "password": "p@ss",
        "datasourceURL": "jdbc:postgresql://db.example.com:5432/orders?sslmode=require",
    }
    assert importer.reveal("rabbitmq")["namespace"] == "/"
    assert importer.reveal("gcp") == {
        "projectName": "shop-example",
        "environment": "europe-west3",
        "file": (FOLDER / "service-account.json").read_text(),
    }
    assert importer.run("app.env").stdout.endswith("\n9 unchanged.\n")
    assert (importer.folder / "app.env").read_bytes() == (FOLDER / "app.env").read_bytes()


def test_standard_input_is_read_for_a_dash(importer):
    assert list(importer.plan("-", input="COHERE_API_KEY=made-up\n")) == ["cohere"]


def test_the_environment_is_read_without_what_opens_the_vault(importer):
    done = importer.run("--environment", "--dry-run", EU_MISTRAL_API_KEY="made-up", SOME_DEBUG="1")

    assert read_table(done.stdout)["eu-mistral"]["secrets"] == "api_key"
    (loose,) = [line for line in done.stdout.splitlines() if line.startswith("Not taken over: ")]
    assert "SOME_DEBUG" in loose
    assert "CREDENZA" not in done.stdout
    assert "PATH" not in loose.split(", ")


def test_a_mapping_of_ones_own_knows_more_names(importer, write):
    mapping = importer.folder / "mine.yaml"
    mapping.write_text(
        "source: dotenv\n"
        "ignore: [DEBUG]\n"
        "names: {acme: {needs: [ACME_KEY], takes: [ACME_*]}}\n"
        "types: {acme: {type: sendgrid, configuration: {api_key: '${ACME_KEY}'}}}\n"
    )
    path = write("ACME_KEY=made-up\nEU_ACME_KEY=made-up\nACME_ID=1\nDEBUG=1\nOPENAI_API_KEY=made-up\n")

    done = importer.run(path, "--mapping", mapping, "--dry-run")

    rows = read_table(done.stdout)
    assert {name: row["type"] for name, row in rows.items()} == {
        "acme": "sendgrid",
        "eu-acme": "sendgrid",
        "openai": "openai",
    }
    assert rows["acme"]["not taken over"] == "ACME_ID"
    assert "Not taken over" not in done.stdout


def test_of_a_name_that_stands_twice_the_later_one_counts(importer, write):
    importer.run(write("COHERE_API_KEY=made-up-1\nCOHERE_API_KEY=made-up-2\n"))

    assert importer.reveal("cohere")["api_key"] == "made-up-2"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("COHERE_API_KEY=x\n='y'\n", "line 2: it is no NAME=value. [unreadable]"),
        ("\n\nCOHERE_API_KEY='x\n", "line 3: it is no NAME=value. [unreadable]"),
        ("COHERE_API_KEY=x\nMIIEvQIBADANBg\n", "line 2: it is no NAME=value. [unreadable]"),
        ("a-b c=x\n", "line 1: it is no NAME=value. [unreadable]"),
        ('["sk-made-up",\n', "line 1: it is no NAME=value. [unreadable]"),
        (
            "GOOGLE_APPLICATION_CREDENTIALS=none.json\n",
            "GOOGLE_APPLICATION_CREDENTIALS`: the file it names cannot",
        ),
        (b"COHERE_API_KEY=\xff\n", "is not a text in UTF-8."),
        ("DATABASE_URL=sqlite:///x.db\n", "database: None of the cases of `database` fits. [unmapped]"),
        ("HF_TOKEN=x\n", "huggingface /configuration/namespace: namespace is required. [required]"),
    ],
)
def test_what_is_wrong_is_told_by_line_or_name(importer, write, text, told):
    done = importer.run(write(text), code=1)

    assert told in done.stderr
    assert importer.names() == []


@pytest.mark.parametrize("arguments", [[], ["app.env", "--environment"]])
def test_one_source_is_named_and_no_two(importer, arguments):
    assert "Say either which .env FILE" in importer.run(*arguments, code=2).stderr


def test_a_file_that_is_not_there_is_told(importer):
    assert "none.env cannot be read: No such file or directory." in importer.run("none.env", code=1).stderr


def test_no_secret_is_told_even_of_a_file_that_is_broken(importer, write):
    canaries = Canaries()
    lines = [
        f"OPENAI_API_KEY={canaries.plant('value')}",
        f"SIGNING_KEY={PEM}",
        canaries.plant("line"),
        "-----END",
    ]
    lines += [
        f"{canaries.plant('key').lower()}==",
        f'"{canaries.plant("quoted")}"="x"',
        f"{canaries.plant('K')}=",
    ]
    lines += [
        f"GOOGLE_APPLICATION_CREDENTIALS={canaries.plant('path')}",
        f"DATABASE_URL=x://{canaries.plant('url')}",
    ]
    lines += [f"KAFKA_BROKERS=a:1\nKAFKA_OTHER={canaries.plant('other')}"]

    importer.run(write("\n".join(lines)), code=1)
    importer.run(write("\n".join(lines)), "--skip-bad", "--report", "report.json", code=1)

    assert importer.names() == ["kafka", "openai"]
    assert canaries.scan("\n".join(importer.outputs).encode()) == set()
    assert canaries.scan((importer.folder / "report.json").read_bytes()) == set()
    assert len(canaries.slots) == 8
