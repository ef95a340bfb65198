"""Variables with well-known names make integrations of our types."""

import pytest

import import_scripts  # noqa: F401  # brings the scripts into the path
from credenza.connectors import Catalogue
from credenza.sensitive import Sensitive
from importing.entries import fill
from importing.groups import group
from importing.mapping import load_mapping
from importing.records import Single

MAPPING = load_mapping("dotenv")

# Variables, and what becomes of them; the rest of the well-known names is in the file.
KNOWN = [
    ({"OPENAI_API_KEY": "k"}, "openai", "openai", {"api_key": "k"}),
    (
        {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://x", "OPENAI_ORG_ID": "o"},
        "openai",
        "openai",
        {"api_key": "k", "endpoint": "https://x", "organizationId": "o"},
    ),
    (
        {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://x"},
        "azure-openai",
        "azure_openai",
        {"api_key": "k", "endpoint": "https://x"},
    ),
    (
        {"ANTHROPIC_API_KEY": "k"},
        "anthropic",
        "anthropic",
        {"api_key": "k", "endpoint": "https://api.anthropic.com/v1"},
    ),
    ({"COHERE_API_KEY": "k"}, "cohere", "cohere", {"api_key": "k", "endpoint": "https://api.cohere.ai/v1"}),
    (
        {"MISTRAL_API_KEY": "k"},
        "mistral",
        "mistral",
        {"api_key": "k", "endpoint": "https://api.mistral.ai/v1"},
    ),
    ({"PERPLEXITY_API_KEY": "k"}, "perplexity", "perplexity", {"api_key": "k"}),
    ({"XAI_API_KEY": "k"}, "grok", "grok", {"api_key": "k"}),
    ({"OLLAMA_HOST": "10.0.0.7:11434"}, "ollama", "ollama", {"endpoint": "http://10.0.0.7:11434"}),
    ({"OLLAMA_HOST": "https://ollama"}, "ollama", "ollama", {"endpoint": "https://ollama"}),
    (
        {"HF_TOKEN": "k", "HF_NAMESPACE": "n"},
        "huggingface",
        "huggingface",
        {"api_key": "k", "namespace": "n"},
    ),
    (
        {"AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "r"},
        "aws",
        "aws",
        {"connectionType": "ACCESS_KEY", "region": "r", "user": "i", "api_key": "s"},
    ),
    (
        {"DATABASE_URL": "postgresql+psycopg://me:p%40ss@h/d"},
        "database",
        "relational_db",
        {
            "jdbcDriver": "Postgres",
            "user": "me",
            "password": "p@ss",
            "datasourceURL": "jdbc:postgresql://h/d",
        },
    ),
    (
        {"POSTGRES_URL": "postgres://me:p@h:1/d?sslmode=require"},
        "database",
        "relational_db",
        {
            "jdbcDriver": "Postgres",
            "user": "me",
            "password": "p",
            "datasourceURL": "jdbc:postgresql://h:1/d?sslmode=require",
        },
    ),
    (
        {"PGHOST": "h", "PGUSER": "me", "PGPASSWORD": "p"},
        "postgres",
        "relational_db",
        {
            "jdbcDriver": "Postgres",
            "user": "me",
            "password": "p",
            "datasourceURL": "jdbc:postgresql://h:5432/me",
        },
    ),
    (
        {"PINECONE_API_KEY": "k", "PINECONE_PROJECT": "p", "PINECONE_REGION": "r"},
        "pinecone",
        "pineconedb",
        {"api_key": "k", "projectName": "p", "environment": "r"},
    ),
    (
        {"WEAVIATE_API_KEY": "k", "WEAVIATE_URL": "https://w"},
        "weaviate",
        "weaviatedb",
        {"api_key": "k", "endpoint": "https://w"},
    ),
    ({"SENDGRID_API_KEY": "k"}, "sendgrid", "sendgrid", {"api_key": "k"}),
    (
        {"KAFKA_BROKERS": "a:1,b:2"},
        "kafka",
        "kafka",
        {"endpoint": "a:1,b:2", "connectionType": "String", "protocol": "PLAINTEXT"},
    ),
    (
        {
            "KAFKA_BOOTSTRAP_SERVERS": "a:1",
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SASL_USERNAME": "u",
            "KAFKA_SASL_PASSWORD": "p",
        },
        "kafka",
        "kafka",
        {
            "endpoint": "a:1",
            "connectionType": "String",
            "protocol": "SASL_SSL / PLAIN",
            "authenticationType": "NONE",
            "user": "u",
            "password": "p",
        },
    ),
    (
        {
            "KAFKA_BROKERS": "a:1",
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_USERNAME": "u",
            "KAFKA_PASSWORD": "p",
        },
        "kafka",
        "kafka",
        {
            "endpoint": "a:1",
            "connectionType": "String",
            "protocol": "SASL_PLAINTEXT",
            "mechanism": "PLAIN",
            "authenticationType": "NONE",
            "user": "u",
            "password": "p",
        },
    ),
    (
        {"RABBITMQ_URL": "amqp://u:p@h"},
        "rabbitmq",
        "amqp",
        {"protocol": "amqp", "port": "5672", "user": "u", "password": "p", "endpoint": "h", "namespace": "/"},
    ),
    (
        {"CLOUDAMQP_URL": "amqps://u:p@h:5999/v"},
        "rabbitmq",
        "amqp",
        {"protocol": "amqps", "port": 5999, "user": "u", "password": "p", "endpoint": "h", "namespace": "v"},
    ),
    (
        {"NATS_URL": "nats://u:p@h:4222"},
        "nats",
        "nats",
        {
            "endpoint": "nats://h:4222",
            "connectionType": "Default",
            "authenticationType": "With Credentials",
            "protocol": "NONE",
            "tls": "NONE",
            "user": "u",
            "password": "p",
        },
    ),
    ({"GITHUB_TOKEN": "k"}, "github", "git", {"user": "x-access-token", "api_key": "k"}),
    ({"GITLAB_TOKEN": "k", "GITLAB_USER": "u"}, "gitlab", "git", {"user": "u", "api_key": "k"}),
    ({"GIT_TOKEN": "k", "GIT_USERNAME": "u"}, "git", "git", {"user": "u", "api_key": "k"}),
]


@pytest.mark.parametrize(
    ("values", "name", "type", "configuration"), KNOWN, ids=[" ".join(row[0]) for row in KNOWN]
)
@pytest.mark.parametrize("prefix", ["", "STAGING_"])
def test_well_known_names_make_integrations_of_our_types(prefix, values, name, type, configuration):
    singles = [Single(prefix + name, Sensitive(value), "line 1") for name, value in values.items()]

    (found,) = group(singles, MAPPING.names, lambda _: None)
    fields = found.fields.reveal()
    made = fill(MAPPING.choose(found.kind, fields), fields)

    assert found.name == prefix.lower().replace("_", "-") + name
    assert (made.type, made.body.reveal()["configuration"]) == (type, configuration)
    assert (made.missing, made.unused) == ((), ())
    assert next(iter(Catalogue.load()[type].checker.iter_errors([configuration])), None) is None
