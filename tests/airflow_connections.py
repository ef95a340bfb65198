"""What becomes of the connections of `tests/fixtures/airflow`: type and configuration, by name."""

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
