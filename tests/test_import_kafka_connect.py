"""Kafka Connect's configurations become the cluster, and the databases and clouds of its connectors."""

import json
import shutil

import pytest

from canary import Canaries
from credenza.sensitive import Sensitive
from import_scripts import FIXTURES, Importer
from importing.providers import Malformed, Providers, Unresolved, read_properties

FOLDER = FIXTURES / "kafka_connect"
THERE = "/etc/kafka/secrets"
WORKER = "connect-distributed.properties"
ALL = (WORKER, "connectors.json", "--secrets-root", f"{THERE}=secrets")
VARIABLES = {"AUDIT_SECRET_KEY": "made-up-audit"}
JDBC = {
    "name": "j",
    "connector.class": "io.aiven.connect.jdbc.JdbcSinkConnector",
    "connection.url": "jdbc:postgresql://h/d",
    "connection.user": "u",
    "connection.password": "p",
}


@pytest.fixture
def importer(tmp_path, kek):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    return Importer("kafka_connect", tmp_path, kek)


@pytest.fixture
def write(importer):
    def write(content, name="x.json"):
        path = importer.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_a_worker_and_its_connectors_become_integrations(importer):
    done = importer.run(*ALL, **VARIABLES)

    assert done.stdout == "5 created.\n"
    assert importer.names() == [
        "audit-events",
        "connect-cluster",
        "inventory",
        "inventory-schema-history-internal-kafka",
        "orders-source",
    ]
    assert importer.reveal("connect-cluster") == {
        "endpoint": "broker-1.example.com:9093,broker-2.example.com:9093",
        "connectionType": "AVRO",
        "protocol": "SASL_SSL/SCRAM-SHA-512",
        "user": "connect",
        "password": "made-up worker: pass",
        "authenticationType": "PEM",
        "file": (FOLDER / "secrets" / "keys" / "ca.pem").read_text(),
        "schemaRegistryUrl": "https://registry.example.com",
        "schemaRegistryAuthType": "Schema Registry User Info (Key/Password)",
        "schemaRegistryApiKey": "registry-key",
        "schemaRegistryApiSecret": "made-up-registry",
        "valueSubjectNameStrategy": "io.confluent.kafka.serializers.subject.TopicNameStrategy",
    }
    assert importer.reveal("orders-source")["password"] == "made-up-orders"
    assert importer.reveal("audit-events")["api_key"] == "made-up-audit"
    assert (
        importer.reveal("inventory")["datasourceURL"]
        == "jdbc:postgresql://inventory.example.com:5433/inventory"
    )
    assert importer.run(*ALL, **VARIABLES).stdout == "5 unchanged.\n"


def test_what_is_not_taken_over_is_named(importer):
    plan = importer.plan(*ALL, **VARIABLES)

    assert {name: row["not taken over"] for name, row in plan.items() if row["not taken over"]} == {
        "orders-source": "connection.attempts"
    }


@pytest.mark.parametrize(
    "content",
    [
        JDBC,
        {"name": "j", "config": JDBC},
        {"name": "j", "config": {**JDBC, "name": "other"}, "tasks": [], "type": "sink"},
        [{"name": "j", "config": JDBC}],
        [JDBC],
        {"j": {"info": {"name": "j", "config": JDBC}, "status": {}}},
        "".join(f"{key}={value}\n" for key, value in JDBC.items()),
        "# a connector\n" + "".join(f"  {key} : {value}\n" for key, value in JDBC.items()),
    ],
)
def test_a_connector_is_known_in_every_form(importer, write, content):
    importer.run(write(content))

    assert importer.reveal("j") == {
        "jdbcDriver": "Postgres",
        "user": "u",
        "password": "p",
        "datasourceURL": "jdbc:postgresql://h/d",
    }


@pytest.mark.parametrize(
    "kind",
    [
        "org.apache.kafka.connect.mirror.MirrorSourceConnector",
        "org.apache.kafka.connect.file.FileStreamSinkConnector",
    ],
)
def test_a_connector_without_a_system_of_its_own_is_left_out(importer, write, kind):
    config = {
        "connector.class": kind,
        "source.cluster.bootstrap.servers": "a:1",
        "target.cluster.bootstrap.servers": "b:1",
    }

    done = importer.run(write({"name": "m", "config": config}))

    assert done.stdout == "1 record left out, as the mapping says.\n2 created.\n"
    assert importer.names() == ["m-source-cluster", "m-target-cluster"]


def test_a_connector_that_is_not_known_is_told_by_its_class(importer, write):
    done = importer.run(write({**JDBC, "connector.class": "com.example.Sink"}), code=1)

    assert done.stderr == "j: The mapping has no entry for `com.example.Sink`. [unmapped]\n"


@pytest.mark.parametrize(
    ("jaas", "user", "password"),
    [
        ('M required username="u" password="p";', "u", "p"),
        ("M required username='u' password='p q';", "u", "p q"),
        ("M required\n  username=u\n  password=p;", "u", "p"),
        (r'M required username="a\"b" password="c\\d=;";', 'a"b', r"c\d=;"),
        ('M required password="=x " username="u" debug="true";', "u", "=x "),
    ],
)
def test_user_and_password_are_found_in_a_jaas_entry(importer, write, jaas, user, password):
    config = {
        "bootstrap.servers": "a:1",
        "group.id": "w",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": jaas,
    }
    importer.run(write(config))

    shown = importer.reveal("w")
    assert (shown["user"], shown["password"]) == (user, password)


def test_what_a_worker_says_again_for_its_clients_is_not_told_where_it_is_the_same(importer, write):
    config = {"bootstrap.servers": "a:1", "group.id": "w", "security.protocol": "SSL"}
    config |= {"producer.security.protocol": "SSL", "consumer.security.protocol": "PLAINTEXT"}

    assert importer.plan(write(config))["w"]["not taken over"] == "consumer.security.protocol"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (f"${{file:{THERE}/none.properties:k}}", "the file it names cannot be read"),
        (f"${{file:{THERE}/db.properties:none}}", "there is nothing where its reference to `file` points"),
        ("${file:/etc/passwd:root}", "the file it names lies outside of --secrets-root"),
        (f"${{file:{THERE}/../x:k}}", "the file it names lies outside of --secrets-root"),
        (f"${{file:{THERE}/link/passwd:root}}", "the file it names lies outside of --secrets-root"),
        ("${file:db.properties:db.password}", "the file it names lies outside of --secrets-root"),
        ("${dir:/etc:passwd}", "the file it names lies outside of --secrets-root"),
        (f"${{dir:{THERE}:../../x}}", "the file it names lies outside of --secrets-root"),
        ("${env:CREDENZA_TEST_NONE}", "there is nothing where its reference to `env` points"),
        ("${vault:secret/db:password}", "it is kept by a provider that cannot be asked here"),
        (
            f"${{file:{THERE}/worker.properties:ring}}",
            "its reference points to another one, which Kafka does not follow",
        ),
        (
            f"${{dir:{THERE}:worker.properties}}",
            "its reference points to another one, which Kafka does not follow",
        ),
        (f"${{file:{THERE}/keys/ca.pem:k}}", "the file it names is no properties file"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_told_by_connector_and_field(
    importer, write, reference, reason
):
    (importer.folder / "secrets" / "link").symlink_to("/etc")
    path = write({"name": "j", "config": {**JDBC, "connection.password": reference}})

    done = importer.run(path, "--secrets-root", f"{THERE}=secrets", code=1)

    assert done.stderr == f"j: x.json: `connection.password`: {reason}. [unreadable]\n"
    assert importer.names() == []


def test_without_a_folder_for_secrets_no_file_is_read(importer):
    done = importer.run(*ALL[:2], code=1, **VARIABLES)

    assert (
        done.stderr.count("it is kept in a file; --secrets-root FOLDER lets files of a folder be read.") == 2
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${file:{root}/db.properties:db.password}", "made-up-orders"),
        ("a ${env:CREDENZA_TEST_X}, ${env::CREDENZA_TEST_X}!", "a x, x!"),
        ("${dir:{root}/keys:registry}", "registry-key:made-up-registry"),
        ("kafka_${topic}", "kafka_${topic}"),
        ("$5:00}", "$5:00}"),
    ],
)
def test_a_reference_is_followed_below_the_folder_itself(monkeypatch, text, value):
    monkeypatch.setenv("CREDENZA_TEST_X", "x")
    root = FOLDER / "secrets"

    assert Providers(root).resolve(text.replace("{root}", str(root))) == value


def test_a_worker_says_what_its_providers_are_called(monkeypatch):
    monkeypatch.setenv("CREDENZA_TEST_X", "x")
    providers = Providers(None)
    providers.learn(
        {
            "config.providers": "a, env",
            "config.providers.a.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
            "config.providers.env.class": "com.example.Vault",
        }
    )

    assert providers.resolve("${a:CREDENZA_TEST_X}") == "x"
    with pytest.raises(Unresolved, match="cannot be asked here"):
        providers.resolve("${env:CREDENZA_TEST_X}")


@pytest.mark.parametrize("text", ["a=\\uZZZZ", "-----BEGIN KEY-----\nMIIE", "key"])
def test_a_text_that_is_no_properties_file_is_refused(text):
    with pytest.raises(Malformed):
        read_properties(Sensitive(text))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "x.json",
            '["a", "b"]',
            "x.json, item 1: it holds no configuration; GET /connectors?expand=info answers one.",
        ),
        ("x.json", '{"a": {"status": {}}}', "x.json: it holds no configuration; GET"),
        ("x.json", "{", "x.json is not JSON."),
        ("x.properties", "line\n", "is no properties file, and no JSON."),
        (
            "x.properties",
            "a=b\n",
            "x: x.properties: it has neither `connector.class` nor `bootstrap.servers`.",
        ),
        ("x.properties", b"a=\xff", "is not a text in UTF-8."),
    ],
)
def test_a_file_that_is_not_what_it_says_is_told(importer, name, content, told):
    path = importer.folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    assert told in importer.run(path, code=1).stderr


def test_a_folder_for_secrets_that_is_none_is_told(importer):
    assert "--secrets-root is a FOLDER" in importer.run(WORKER, "--secrets-root", "x=none", code=2).stderr


def test_no_secret_is_told(importer, write):
    canaries = Canaries()
    (importer.folder / "secrets" / "c.properties").write_text(
        f"a={canaries.plant('file')}\n{canaries.plant('key')}=x\nring=${{env:{canaries.plant('ring')}}}\n"
    )
    config = {
        **JDBC,
        "connection.password": canaries.plant("password"),
        "connection.user": f"${{file:{THERE}/c.properties:a}}",
        "topic.secret": canaries.plant("topic"),
        "sasl.jaas.config": f'M required password="{canaries.plant("jaas")}";',
    }
    connectors = [
        {"name": "a", "config": config},
        {"name": "b", "config": {**config, "connection.url": f"${{file:{THERE}/c.properties:ring}}"}},
        {"name": "c", "config": {**config, "connection.url": f"${{file:{canaries.plant('path')}:k}}"}},
        {"name": "d", "config": {**config, "connection.url": f"x://{canaries.plant('url')}"}},
        {canaries.plant("name"): 1},
    ]
    path = write(connectors)

    for more in (["--dry-run"], ["--skip-bad"]):
        importer.run(path, "--secrets-root", f"{THERE}=secrets", *more, "--report", "report.json", code=1)

    assert importer.names() == ["a"]
    assert canaries.scan("\n".join(importer.outputs).encode()) == set()
    assert canaries.scan((importer.folder / "report.json").read_bytes()) == set()
    assert len(canaries.slots) == 9
