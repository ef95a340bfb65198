"""The shipped connector types: the published key table, written by hand and held against every file."""

import json

import jsonschema
import pytest

from connector_examples import changed, write
from credenza.connectors import EMPTY, Catalogue, draft_all, shipped_schemas
from credenza.errors import SchemaRejected
from credenza.model import CATEGORIES

FOLDER = shipped_schemas()
CATALOGUE = Catalogue.load(FOLDER)
META = json.loads((FOLDER / "meta.json").read_text())

AWS = ("connectionType region", "awsAccountId")
TABLE = {
    "ollama": ("AI_MODEL", "endpoint", "header api_key"),
    "azure_openai": ("AI_MODEL", "api_key endpoint", ""),
    "openai": ("AI_MODEL", "api_key", "endpoint organizationId"),
    "perplexity": ("AI_MODEL", "api_key", ""),
    "grok": ("AI_MODEL", "api_key", ""),
    "cohere": ("AI_MODEL", "api_key endpoint", ""),
    "mistral": ("AI_MODEL", "api_key endpoint", ""),
    "anthropic": ("AI_MODEL", "api_key endpoint", "completionsPath version betaVersion"),
    "vertex_ai": ("AI_MODEL", "projectName environment publisher file", ""),
    "vertex_ai_gemini": ("AI_MODEL", "projectName environment file", ""),
    "huggingface": ("AI_MODEL", "api_key namespace", ""),
    "aws_bedrock_anthropic": ("AI_MODEL", *AWS),
    "aws_bedrock_cohere": ("AI_MODEL", *AWS),
    "aws_bedrock_titan": ("AI_MODEL", *AWS),
    "pineconedb": ("VECTOR_DB", "api_key projectName environment", ""),
    "weaviatedb": ("VECTOR_DB", "api_key endpoint", ""),
    "pgvectordb": (
        "VECTOR_DB",
        "user password datasourceURL dimensions distance_metric indexing_method",
        "inverted_list_count",
    ),
    "mongovectordb": (
        "VECTOR_DB",
        "endpoint namespace dimensions distance_metric",
        "inverted_list_count",
    ),
    "amqp": ("MESSAGE_BROKER", "protocol user password endpoint port namespace", ""),
    "kafka": ("MESSAGE_BROKER", "endpoint connectionType protocol", "groupId"),
    "nats": ("MESSAGE_BROKER", "endpoint connectionType authenticationType protocol tls", ""),
    "aws_sqs": ("MESSAGE_BROKER", *AWS),
    "azure_service_bus": ("MESSAGE_BROKER", "connectionType", "endpoint namespace"),
    "gcp_pubsub": ("MESSAGE_BROKER", "projectName location file", ""),
    "ibm_mq": (
        "MESSAGE_BROKER",
        "endpoint port queueManager channel protocol pubSubMethod authenticationType tls",
        "",
    ),
    "aws": ("CLOUD", *AWS),
    "gcp": ("CLOUD", "projectName environment file", ""),
    "relational_db": ("RELATIONAL_DB", "jdbcDriver user password datasourceURL", ""),
    "sendgrid": ("EMAIL", "api_key", ""),
    "git": ("GIT", "user api_key", ""),
}

AWS_FAMILY = ("aws", "aws_sqs", "aws_bedrock_anthropic", "aws_bedrock_cohere", "aws_bedrock_titan")
USER_INFO = "Schema Registry User Info (Key/Password)"
CONDITIONS = [
    *((name, {"connectionType": "ACCESS_KEY"}, "user api_key") for name in AWS_FAMILY),
    *((name, {"connectionType": "EXTERNAL_ROLE"}, "roleArn externalId") for name in AWS_FAMILY),
    ("pgvectordb", {"indexing_method": "ivfflat"}, "inverted_list_count"),
    ("kafka", {"protocol": "SASL_SSL / PLAIN"}, "user password authenticationType"),
    ("kafka", {"protocol": "SASL_SSL / SCRAM-SHA-256 / JKS"}, "user password file keyStorePassword"),
    ("kafka", {"protocol": "SASL_SSL/SCRAM-SHA-512"}, "user password"),
    ("kafka", {"protocol": "SASL_PLAINTEXT"}, "user password authenticationType mechanism"),
    ("kafka", {"authenticationType": "JKS"}, "file keyStorePassword"),
    ("kafka", {"authenticationType": "PEM"}, "file"),
    (
        "kafka",
        {"connectionType": "AVRO"},
        "schemaRegistryUrl schemaRegistryAuthType valueSubjectNameStrategy",
    ),
    (
        "kafka",
        {"connectionType": "AVRO", "schemaRegistryAuthType": USER_INFO},
        "schemaRegistryApiKey schemaRegistryApiSecret",
    ),
    (
        "kafka",
        {"connectionType": "AVRO", "schemaRegistryAuthType": "GCP Service Account (OAuth2)"},
        "schemaRegistryApiSecret",
    ),
    ("nats", {"authenticationType": "With Credentials"}, "user password"),
    ("nats", {"protocol": "JWT"}, "file"),
    ("nats", {"tls": "PEM"}, "tlsFile"),
    ("nats", {"tls": "JKS"}, "tlsFile truststoreAuthenticationType"),
    ("nats", {"truststoreAuthenticationType": "usingPassword"}, "keyStorePassword"),
    ("nats", {"connectionType": "Jetstream"}, "mechanism"),
    (
        "nats",
        {"connectionType": "Jetstream", "mechanism": "With consumer"},
        "stream consumer consumer_type",
    ),
    (
        "nats",
        {"connectionType": "Jetstream", "mechanism": "With consumer", "consumer_type": "Pull"},
        "batchPollConsumersCount pullPeriod pullBatchWaitMillis",
    ),
    ("azure_service_bus", {"connectionType": "Connection String"}, "endpoint"),
    ("azure_service_bus", {"connectionType": "Password Less"}, "namespace"),
    ("ibm_mq", {"protocol": "With Username/Password"}, "user password"),
    ("ibm_mq", {"authenticationType": "JKS"}, "file keyStorePassword"),
    ("ibm_mq", {"tls": "usingCipherSuite"}, "cipherSuite"),
]

SECRETS = {
    "api_key",
    "password",
    "awsAccountId",
    "externalId",
    "schemaRegistryApiSecret",
    "keyStorePassword",
    "file",
    "tlsFile",
    "serviceAccountCredentials",
}
SEALABLE = {
    **{name: {"endpoint"} for name in ("ollama", "azure_openai", "openai", "cohere", "mistral", "anthropic")},
    **{name: {"endpoint"} for name in ("pineconedb", "weaviatedb", "mongovectordb", "amqp", "ibm_mq")},
    "azure_service_bus": {"endpoint"},
    "kafka": {"endpoint", "schemaRegistryUrl"},
    "nats": {"endpoint", "authUrl"},
    "pgvectordb": {"datasourceURL"},
    "relational_db": {"datasourceURL"},
}
ENUMERATED = {
    *((name, "connectionType") for name in AWS_FAMILY),
    ("amqp", "protocol"),
    ("ibm_mq", "cipherSuite"),
    ("kafka", "valueSubjectNameStrategy"),
    ("pgvectordb", "indexing_method"),
}
OPEN_CHOICES = {
    ("pgvectordb", "distance_metric"),
    ("mongovectordb", "distance_metric"),
    *(("kafka", key) for key in ("connectionType", "protocol", "mechanism", "authenticationType")),
    ("kafka", "schemaRegistryAuthType"),
    *(("nats", key) for key in ("connectionType", "authenticationType", "protocol", "tls", "mechanism")),
    *(("nats", key) for key in ("truststoreAuthenticationType", "consumer_type")),
    ("azure_service_bus", "connectionType"),
    *(("ibm_mq", key) for key in ("protocol", "pubSubMethod", "authenticationType", "tls")),
    ("relational_db", "jdbcDriver"),
}
TRUSTS = {"kafka": {"file"}, "nats": {"tlsFile"}, "ibm_mq": {"file"}}
EACH = pytest.mark.parametrize("name", TABLE)


def neutral(name, keys):
    """A valid value for each of these keys, chosen so that no condition of the type applies."""
    properties = CATALOGUE[name].schema["properties"]
    made = {}
    for key in keys:
        rules = properties[key]
        if "enum" in rules:
            made[key] = rules["enum"][0]
        elif isinstance(rules["type"], list):
            made[key] = rules["minimum"]
        else:
            made[key] = "other"
    return made


def problems(name, configuration):
    [draft] = draft_all(CATALOGUE[name], [(configuration, EMPTY)], lenient=False)
    return [(problem.code, problem.pointer) for problem in draft.problems]


def test_the_folder_holds_the_published_types_and_the_rules_for_them():
    names = [*TABLE, "api", "meta"]
    assert {path.name for path in FOLDER.glob("*.*")} == {f"{name}.json" for name in names}
    assert list(CATALOGUE) == sorted(TABLE)


def test_the_rules_know_the_categories_of_the_model():
    assert META["properties"]["x-category"]["enum"] == list(CATEGORIES)


@EACH
def test_a_file_is_json_schema_2020_12_and_keeps_the_rules(name):
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator.check_schema(META)
    assert list(jsonschema.Draft202012Validator(META).iter_errors(schema)) == []
    assert CATALOGUE[name].schema == schema


@EACH
def test_a_file_says_which_version_of_the_type_it_is(name):
    assert CATALOGUE[name].version == json.loads((FOLDER / f"{name}.json").read_text())["x-version"]


@EACH
def test_a_type_has_the_published_category_and_keys(name):
    category, required, optional = TABLE[name]
    type_ = CATALOGUE[name]
    assert type_.category == category
    alternatives = {"location"} if name == "gcp_pubsub" else set()
    assert set(type_.schema["required"]) == set(required.split()) - alternatives
    assert {*required.split(), *optional.split()} <= set(type_.keys)


@EACH
def test_every_required_key_is_missed_and_no_optional_one_is(name):
    required = TABLE[name][1].split()
    whole = neutral(name, required)
    assert problems(name, whole) == []
    for key in required:
        rest = {other: value for other, value in whole.items() if other != key}
        pointer = "/configuration" if key == "location" else f"/configuration/{key}"
        assert problems(name, rest) == [("required", pointer)]


@EACH
def test_every_declared_key_is_accepted(name):
    assert problems(name, neutral(name, CATALOGUE[name].keys)) == []


@pytest.mark.parametrize(("name", "when", "needed"), CONDITIONS)
def test_a_condition_requires_its_keys_where_it_holds_and_only_there(name, when, needed):
    base = neutral(name, TABLE[name][1].split())
    whole = {**base, **when}
    for other, condition, keys in CONDITIONS:
        if other == name and condition.items() <= whole.items():
            whole = {**neutral(name, keys.split()), **whole}
    assert problems(name, whole) == []
    for key in needed.split():
        rest = {other: value for other, value in whole.items() if other != key}
        assert ("required", f"/configuration/{key}") in problems(name, rest)
        assert ("required", f"/configuration/{key}") not in problems(name, base)


def test_every_condition_of_the_files_is_one_of_the_published():
    counted = sum(len(type_.schema.get("allOf", ())) for type_ in CATALOGUE.values())
    split = {"SASL_SSL / PLAIN": 2, "SASL_SSL / SCRAM-SHA-256 / JKS": 2, "SASL_PLAINTEXT": 3}
    assert counted == sum(split.get(when.get("protocol"), 1) for _, when, _ in CONDITIONS)


def test_a_subscription_goes_by_either_of_its_two_names():
    base = {"projectName": "p", "file": "{}"}
    assert problems("gcp_pubsub", {**base, "location": "s"}) == []
    assert problems("gcp_pubsub", {**base, "subscription": "s"}) == []
    assert problems("gcp_pubsub", base) == [("required", "/configuration")]


@EACH
def test_what_must_not_be_shown_is_marked_as_secret_and_nothing_else(name):
    type_ = CATALOGUE[name]
    assert type_.secrets == SECRETS & set(type_.keys)
    for key in type_.secrets:
        rules = type_.schema["properties"][key]
        assert rules["format"] == "password"
        assert ("contentMediaType" in rules) == (key in {"file", "tlsFile"})


@EACH
def test_a_key_that_may_hold_credentials_inside_its_text_is_marked(name):
    assert CATALOGUE[name].embeds == SEALABLE.get(name, set())


@EACH
def test_a_secret_that_decides_which_servers_are_believed_is_marked(name):
    assert CATALOGUE[name].trusts == TRUSTS.get(name, set())
    assert CATALOGUE[name].trusts <= CATALOGUE[name].secrets


def test_the_name_of_a_header_is_no_secret():
    assert "header" not in CATALOGUE["ollama"].secrets


@EACH
def test_values_are_enumerated_only_where_the_raw_ones_are_known(name):
    properties = CATALOGUE[name].schema["properties"]
    enumerated = {(name, key) for key, rules in properties.items() if "enum" in rules}
    assert enumerated == {pair for pair in ENUMERATED if pair[0] == name}
    chosen = {(name, key) for key, rules in properties.items() if "x-choices" in rules}
    assert chosen == {pair for pair in OPEN_CHOICES if pair[0] == name}


@pytest.mark.parametrize(("name", "key"), sorted(OPEN_CHOICES))
def test_an_unlisted_choice_is_accepted_where_only_labels_are_known(name, key):
    whole = {**neutral(name, TABLE[name][1].split()), key: "SOMETHING_ELSE"}
    assert problems(name, whole) == []


@pytest.mark.parametrize(("name", "key"), sorted(ENUMERATED))
def test_an_unlisted_choice_is_refused_where_raw_values_are_known(name, key):
    whole = {**neutral(name, TABLE[name][1].split()), key: "SOMETHING_ELSE"}
    assert ("not_allowed", f"/configuration/{key}") in problems(name, whole)


MODE, PORT = "/properties/mode", "/properties/port"


@pytest.mark.parametrize(
    ("edits", "taken"),
    [
        ([(f"{PORT}/examples", [1]), (f"{PORT}/x-choices", True)], True),
        ([(f"{PORT}/x-choices", True)], False),
        ([(f"{PORT}/examples", [1]), (f"{PORT}/x-choices", False)], False),
        ([(f"{MODE}/examples", ["a"]), (f"{MODE}/x-choices", True)], False),
        ([("/properties/token/x-choices", True)], False),
    ],
)
def test_examples_are_choices_where_there_are_some_and_no_other_value_is_ruled_out(tmp_path, edits, taken):
    write(tmp_path, changed(*edits))
    assert loads(tmp_path) == taken


@pytest.mark.parametrize(
    ("edits", "taken"),
    [
        ([(f"{MODE}/x-credentials", True), ("/allOf", ...)], True),
        ([(f"{PORT}/x-destination", "text"), (f"{PORT}/x-credentials", True)], False),
        ([(f"{MODE}/x-credentials", True), (f"{MODE}/x-destination", ...)], False),
        ([(f"{MODE}/x-credentials", True)], False),
    ],
)
def test_any_text_that_is_a_destination_may_be_searched_for_credentials(tmp_path, edits, taken):
    write(tmp_path, changed(*edits))
    assert loads(tmp_path) == taken


def loads(folder):
    try:
        return "acme" in Catalogue.load(folder)
    except SchemaRejected:
        return False
