"""What a cluster and a connector of Kafka Connect become, by their fields and their class."""

import pytest

import import_scripts  # noqa: F401  # brings the scripts into the path
from credenza.connectors import Catalogue
from importing.entries import fill
from importing.mapping import load_mapping

MAPPING = load_mapping("kafka_connect")


def make(kind, **fields):
    """Return what becomes of a record whose fields have dots in their names."""
    fields = {key.replace("__", "."): value for key, value in fields.items()}
    return fill(MAPPING.choose(kind, fields), fields)


BASE = {"bootstrap__servers": "a:1"}
SASL = {"sasl__jaas__config": {"module": "m", "username": "u", "password": "p"}}
AVRO = {
    "value__converter": "io.confluent.connect.avro.AvroConverter",
    "value__converter__schema__registry__url": "https://r",
}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, {"protocol": "PLAINTEXT", "authenticationType": "NONE"}),
        ({"security__protocol": "SSL"}, {"protocol": "SSL", "authenticationType": "NONE"}),
        (
            {**SASL, "security__protocol": "SASL_PLAINTEXT", "sasl__mechanism": "PLAIN"},
            {"protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN", "authenticationType": "NONE"},
        ),
        (
            {**SASL, "security__protocol": "SASL_SSL", "sasl__mechanism": "PLAIN"},
            {"protocol": "SASL_SSL / PLAIN", "authenticationType": "NONE"},
        ),
        (
            {**SASL, "security__protocol": "SASL_SSL", "sasl__mechanism": "SCRAM-SHA-256"},
            {"protocol": "SASL_SSL/SCRAM-SHA-256", "authenticationType": "NONE"},
        ),
        (
            {
                **SASL,
                "security__protocol": "SASL_SSL",
                "sasl__mechanism": "SCRAM-SHA-512",
                "ssl__truststore__type": "PEM",
                "ssl__truststore__certificates": "-----BEGIN",
            },
            {"protocol": "SASL_SSL/SCRAM-SHA-512", "authenticationType": "PEM", "file": "-----BEGIN"},
        ),
    ],
)
def test_the_security_of_a_cluster_is_told_in_our_words(fields, said):
    made = make("worker", **BASE, **fields)

    user = {"user": "u", "password": "p"} if "sasl__jaas__config" in fields else {}
    assert made.body.reveal()["configuration"] == {
        "endpoint": "a:1",
        "connectionType": "String",
        **user,
        **said,
    }
    assert made.unused == ()
    assert list(Catalogue.load()["kafka"].checker.iter_errors([made.body.reveal()["configuration"]])) == []


@pytest.mark.parametrize(
    ("fields", "auth"),
    [
        ({}, "NONE"),
        ({"value__converter__schema__registry__url": "https://u:p@r"}, "Password in URL"),
        (
            {"value__converter__basic__auth__user__info": {"key": "k", "secret": "s"}},
            "Schema Registry User Info (Key/Password)",
        ),
        (
            {"value__converter__schema__registry__basic__auth__user__info": {"key": "k", "secret": "s"}},
            "Schema Registry User Info (Key/Password)",
        ),
    ],
)
def test_the_way_into_a_schema_registry_is_told_in_our_words(fields, auth):
    made = make("cluster", **BASE, **{**AVRO, **fields})

    assert made.body.reveal()["configuration"]["schemaRegistryAuthType"] == auth
    assert list(Catalogue.load()["kafka"].checker.iter_errors([made.body.reveal()["configuration"]])) == []


def test_a_binary_trust_store_is_named_as_not_taken_over():
    made = make(
        "cluster",
        **BASE,
        **SASL,
        security__protocol="SASL_SSL",
        sasl__mechanism="SCRAM-SHA-256",
        ssl__truststore__location="/x.jks",
    )

    assert made.body.reveal()["configuration"]["protocol"] == "SASL_SSL / SCRAM-SHA-256 / JKS"
    assert made.unused == ("ssl.truststore.location",)


@pytest.mark.parametrize(
    ("kind", "fields", "type", "said"),
    [
        (
            "io.confluent.connect.jdbc.JdbcSourceConnector",
            {"connection__url": "jdbc:mysql://h/d?user=u&password=p"},
            "relational_db",
            {"jdbcDriver": "MySQL", "user": "u", "password": "p"},
        ),
        (
            "io.debezium.connector.mysql.MySqlConnector",
            {"database__hostname": "h", "database__user": "u", "database__password": "p"},
            "relational_db",
            {"jdbcDriver": "MySQL", "datasourceURL": "jdbc:mysql://h:3306/"},
        ),
        (
            "io.confluent.connect.rabbitmq.RabbitMQSourceConnector",
            {"rabbitmq__host": "h", "rabbitmq__username": "u", "rabbitmq__password": "p"},
            "amqp",
            {"protocol": "amqp", "port": "5672", "namespace": "/"},
        ),
    ],
)
def test_a_connector_is_mapped_by_its_class(kind, fields, type, said):
    made = make(kind, **fields)

    assert made.type == type
    assert said.items() <= made.body.reveal()["configuration"].items()
    assert list(Catalogue.load()[type].checker.iter_errors([made.body.reveal()["configuration"]])) == []
