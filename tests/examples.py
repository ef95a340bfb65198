"""One valid configuration of every connector type, and a few words that the tests of the core share."""

import sqlite3

from postgresql_stores import Database

API = "/api/integrations"
RULES = '{"type": "service_account", "private_key": "made-up"}'
JDBC = "jdbc:postgresql://db.example.com:5432/app"
AWS = {"connectionType": "EXTERNAL_ROLE", "region": "us-east-1", "awsAccountId": "210987654321"}
AWS |= {"roleArn": "arn:aws:iam::123456789012:role/reader", "externalId": "made-up-external-id"}
GCP = {"projectName": "demo", "environment": "us-central1", "file": RULES}

EXAMPLES = {
    "amqp": {
        "protocol": "amqps",
        "user": "guest",
        "password": "made-up",
        "endpoint": "mq.example.com",
        "port": 5671,
        "namespace": "/",
    },
    "anthropic": {
        "api_key": "sk-ant-made-up",
        "endpoint": "https://api.anthropic.com/v1",
        "completionsPath": "/v1/messages",
        "version": "2023-06-01",
    },
    "aws": AWS,
    "aws_bedrock_anthropic": AWS,
    "aws_bedrock_cohere": {
        "connectionType": "ACCESS_KEY",
        "region": "eu-west-1",
        "user": "AK",
        "api_key": "sk",
    },
    "aws_bedrock_titan": {"connectionType": "CONDUCTOR_ROLE", "region": "eu-west-1", "awsAccountId": "1234"},
    "aws_sqs": AWS,
    "azure_openai": {"api_key": "made-up", "endpoint": "https://example.openai.azure.com"},
    "azure_service_bus": {
        "connectionType": "Connection String",
        "endpoint": "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=aGVsbG8=",
    },
    "cohere": {"api_key": "made-up", "endpoint": "https://api.cohere.ai/v1"},
    "gcp": GCP,
    "gcp_pubsub": {"projectName": "demo", "subscription": "jobs", "file": RULES},
    "git": {"user": "robot", "api_key": "ghp_made_up"},
    "grok": {"api_key": "xai-made-up"},
    "huggingface": {"api_key": "hf_made_up", "namespace": "acme"},
    "ibm_mq": {
        "endpoint": "mq.example.com",
        "port": "1414",
        "queueManager": "QM1",
        "channel": "DEV.APP",
        "protocol": "With Username/Password",
        "pubSubMethod": "Topic-based Messaging",
        "authenticationType": "JKS",
        "tls": "NONE",
        "user": "app",
        "password": "made-up",
        "file": "S0VZU1RPUkU=",
        "keyStorePassword": "also-made-up",
    },
    "kafka": {
        "endpoint": "broker-1.example.com:9092,broker-2.example.com:9092",
        "connectionType": "AVRO",
        "protocol": "PLAINTEXT",
        "schemaRegistryUrl": "https://key:made-up@registry.example.com",
        "schemaRegistryAuthType": "Password in URL",
        "valueSubjectNameStrategy": "io.confluent.kafka.serializers.subject.TopicNameStrategy",
    },
    "mistral": {"api_key": "made-up", "endpoint": "https://api.mistral.ai/v1"},
    "mongovectordb": {
        "endpoint": "mongodb+srv://robot:made-up@cluster0.example.mongodb.net/",
        "namespace": "db.items",
        "dimensions": 1536,
        "distance_metric": "Cosine Similarity",
    },
    "nats": {
        "endpoint": "nats://nats.example.com:4222",
        "connectionType": "Default",
        "authenticationType": "With Credentials",
        "protocol": "JWT",
        "tls": "PEM",
        "user": "robot",
        "password": "made-up",
        "file": "-----BEGIN NATS USER JWT-----\nmade-up\n",
        "tlsFile": "-----BEGIN CERTIFICATE-----\nmade-up\n",
    },
    "ollama": {"endpoint": "http://localhost:11434", "header": "Authorization", "api_key": "made-up"},
    "openai": {"api_key": "sk-made-up", "endpoint": "https://api.openai.com", "organizationId": "org-1"},
    "perplexity": {"api_key": "pplx-made-up"},
    "pgvectordb": {
        "user": "robot",
        "password": "made-up",
        "datasourceURL": "jdbc:postgresql://db.example.com:5432/vectors?user=robot&password=made-up",
        "dimensions": "768",
        "distance_metric": "Cosine Similarity",
        "indexing_method": "hnsw",
    },
    "pineconedb": {"api_key": "made-up", "projectName": "demo", "environment": "us-east-1"},
    "relational_db": {
        "jdbcDriver": "Postgres",
        "user": "robot",
        "password": "made-up",
        "datasourceURL": JDBC,
    },
    "sendgrid": {"api_key": "SG.made-up"},
    "vertex_ai": {**GCP, "publisher": "google"},
    "vertex_ai_gemini": GCP,
    "weaviatedb": {"api_key": "made-up", "endpoint": "https://weaviate.example.com"},
}

TABLES = (
    "integrations",
    "integration_versions",
    "integration_apis",
    "integration_tags",
    "secrets",
    "audit",
    "audit_heads",
    "idempotency",
    "rings",
)


def item(name="one", type="openai", **fields):
    """Return an integration of a type, with its example configuration unless another is given."""
    return {"name": name, "type": type, "configuration": EXAMPLES.get(type), **fields}


def save(client, *items, headers=None, **query):
    return client.post(API, json=list(items), params=query, headers=headers)


def read(client, name="one"):
    return client.get(f"{API}/provider/{name}").json()


def resolve(client, name="one"):
    return client.get(f"{API}/provider/{name}/resolved").json()["configuration"]


def problems(answer):
    """Return what an answer says is wrong, as (index, code, pointer)."""
    return [(each.get("index"), each["code"], each.get("pointer", "")) for each in answer.json()["errors"]]


def query(database, sql, *parameters):
    if isinstance(database, Database):
        return database.query(sql, parameters)
    with sqlite3.connect(database) as connection:
        rows = connection.execute(sql, parameters).fetchall()
    connection.close()
    return rows


def dump(database):
    """Return every row that a save could touch."""
    return {table: query(database, f"SELECT * FROM {table}") for table in TABLES}
