"""What becomes of the credentials of `tests/fixtures/n8n`: type and configuration, by n8n's name."""

import json

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
