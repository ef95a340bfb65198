"""Where a secret may be sent: what counts, what does not, for every type and every key that says so."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.connectors import Catalogue, ConnectorType, redact, shipped_schemas
from credenza.connectors.destination import canonicalise

CATALOGUE = Catalogue.load(shipped_schemas())
EXPECTED = {
    "anthropic": {"endpoint": "url", "completionsPath": "text"},
    "ollama": {"endpoint": "url", "header": "text"},
    **{name: {"endpoint": "url"} for name in ("azure_openai", "openai", "cohere", "mistral")},
    **{name: {"endpoint": "url"} for name in ("weaviatedb", "mongovectordb")},
    **{name: {"environment": "text"} for name in ("vertex_ai", "vertex_ai_gemini", "gcp")},
    **{name: {} for name in ("perplexity", "grok", "sendgrid", "git", "gcp_pubsub")},
    **{
        name: {"region": "text", "roleArn": "text"}
        for name in ("aws", "aws_sqs", "aws_bedrock_anthropic", "aws_bedrock_cohere", "aws_bedrock_titan")
    },
    "huggingface": {"namespace": "text"},
    "pineconedb": {"projectName": "text", "environment": "text", "endpoint": "url"},
    "pgvectordb": {"datasourceURL": "jdbc"},
    "relational_db": {"jdbcDriver": "text", "datasourceURL": "jdbc"},
    "amqp": {"protocol": "text", "endpoint": "hosts", "port": "text"},
    "kafka": {
        "endpoint": "hosts",
        "protocol": "text",
        "mechanism": "text",
        "authenticationType": "text",
        "schemaRegistryUrl": "url",
    },
    "nats": {
        "endpoint": "hosts",
        "protocol": "text",
        "tls": "text",
        "authUrl": "url",
        "truststoreAuthenticationType": "text",
    },
    "azure_service_bus": {"endpoint": "connection-string", "namespace": "text"},
    "ibm_mq": {
        "endpoint": "hosts",
        "port": "text",
        "protocol": "text",
        "authenticationType": "text",
        "tls": "text",
        "cipherSuite": "text",
    },
}
KEYS = [(name, key, kind) for name, keys in EXPECTED.items() for key, kind in keys.items()]
TEXTS = {
    "url": "https://host.example:8443/a",
    "jdbc": "jdbc:postgresql://host.example:5433/a",
    "hosts": "a.example:9092,b.example:9092",
    "connection-string": "Endpoint=sb://a.example/;EntityPath=q",
    "text": "one",
}
OTHERS = {
    "url": [
        "http://host.example:8443/a",
        "https://other.example:8443/a",
        "https://host.example:8444/a",
        "https://host.example/a",
        "https://host.example.evil.example:8443/a",
        "https://host.example:8443\\@evil.example/a",
        "https://host.example:8443/,evil.example",
        "https://host.example:8443?version=1,evil.example",
    ],
    "jdbc": [
        "jdbc:mysql://host.example:5433/a",
        "jdbc:postgresql://other.example:5433/a",
        "jdbc:postgresql://host.example:5434/a",
        "jdbc:postgresql://host.example:5433/b",
        "jdbc:postgresql://host.example:5433,evil.example:5433/a",
        "jdbc:postgresql://host.example:5433/a?PGHOST=evil.example",
        "jdbc:postgresql://host.example:5433/a?sslmode=disable",
    ],
    "hosts": [
        "a.example:9092",
        "b.example:9092,a.example:9092",
        "a.example:9092,b.example:9093",
        "a.example:9092,b.example:9092,evil.example:9092",
        "tls://a.example:9092,b.example:9092",
        "a.example:9092,b.example:9092/,evil.example:9092",
        "a.example:9092,b.example:9092/x,evil.example:9092",
        "a.example:9092,b.example:9092;user=x,evil.example:9092",
    ],
    "connection-string": [
        "Endpoint=sb://b.example/;EntityPath=q",
        "Endpoint=http://a.example/;EntityPath=q",
        "Endpoint=sb://a.example/;UseDevelopmentEmulator=true",
        "sb://a.example/",
        "Endpoint=sb://a.example/;Endpoint=sb://evil.example/",
        "Endpoint=sb://a.example/,evil.example;EntityPath=q",
        "Endpoint=sb://a.example/;EntityPath=q,Endpoint=sb://evil.example",
    ],
    "text": ["two", "One", "one ", ""],
}
SAME = {
    "url": [
        "https://host.example:8443/other/path",
        "https://host.example:8443",
        "HTTPS://HOST.example:8443/a",
        "https://host.example.:8443/a",
        "https://host.example:08443/a",
    ],
    "jdbc": [
        "JDBC:PostgreSQL://HOST.example:5433/a",
        "jdbc:postgresql://host.example:5433/a?user=me&applicationName=b",
    ],
    "hosts": ["A.example:9092,b.example.:9092", "a.example:9092, b.example:9092"],
    "connection-string": ["Endpoint=sb://A.example", "endpoint=sb://a.example:5671/;EntityPath=other"],
    "text": [],
}


def destination(name, values):
    return CATALOGUE[name].destination(values, {})


def base(name):
    return {key: TEXTS[kind] for key, kind in EXPECTED[name].items()}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_type_names_the_keys_that_say_where_its_secrets_go(name):
    assert dict(CATALOGUE[name].destinations) == EXPECTED[name]


@pytest.mark.parametrize(("name", "key", "kind"), KEYS)
def test_a_changed_destination_key_changes_the_hash(name, key, kind):
    before = destination(name, base(name))
    seen = {before} | {destination(name, {**base(name), key: other}) for other in OTHERS[kind]}
    assert len(seen) == 1 + len(OTHERS[kind])
    absent = {other: value for other, value in base(name).items() if other != key}
    assert destination(name, absent) != before


@pytest.mark.parametrize(("name", "key", "kind"), KEYS)
def test_another_writing_of_the_same_destination_keeps_the_hash(name, key, kind):
    before = destination(name, base(name))
    assert {destination(name, {**base(name), key: same}) for same in SAME[kind]} <= {before}


@pytest.mark.parametrize(("name", "key", "_"), KEYS)
def test_the_default_written_out_is_the_same_as_none(name, key, _):
    default = CATALOGUE[name].schema["properties"][key].get("default")
    absent = {other: value for other, value in base(name).items() if other != key}
    same = default is not None and destination(name, {**absent, key: default}) == destination(name, absent)
    assert same == (default is not None)


@pytest.mark.parametrize("name", ["openai", "cohere", "mistral", "anthropic", "ollama"])
def test_a_default_endpoint_counts(name):
    assert destination(name, {}) != destination(name, {"endpoint": "https://evil.example"})


@pytest.mark.parametrize("name", [name for name, keys in EXPECTED.items() if not keys])
def test_a_type_without_destinations_has_one_of_its_own(name):
    text = b"".join(
        len(part).to_bytes(4, "big") + part for part in (b"credenza.destination", name.encode(), b"")
    )
    assert destination(name, {"user": "anyone"}) == hashlib.sha256(text).digest()


@pytest.mark.parametrize("values", [{}, {"endpoint": "https://host.example"}])
def test_no_two_types_share_a_destination(values):
    assert len({destination(name, values) for name in CATALOGUE}) == len(CATALOGUE)


def test_keys_that_are_no_destination_do_not_count():
    assert destination("openai", {"organizationId": "a"}) == destination("openai", {"organizationId": "b"})


def test_a_value_counts_for_its_own_key_only():
    first = destination("pineconedb", {"projectName": "a", "environment": "b"})
    assert first != destination("pineconedb", {"projectName": "b", "environment": "a"})
    assert destination("pineconedb", {"projectName": "ab"}) != destination(
        "pineconedb", {"environment": "ab"}
    )


def test_an_empty_text_is_not_an_absent_one():
    assert destination("aws", {"region": "x", "roleArn": ""}) != destination("aws", {"region": "x"})


@pytest.mark.parametrize("port", [5671, "5671", 5671.0])
def test_a_number_counts_the_same_in_digits(port):
    assert destination("amqp", {"port": port}) == destination("amqp", {"port": 5671})
    assert destination("amqp", {"port": port}) != destination("amqp", {"port": 5672})


def test_undeclared_keys_count_by_their_fingerprint():
    openai, grok = CATALOGUE["openai"], CATALOGUE["grok"]
    assert openai.destination({}, {}, b"one") != openai.destination({}, {}, b"two")
    assert openai.destination({}, {}, b"one") != openai.destination({}, {})
    assert grok.destination({}, {}, b"one") != grok.destination({}, {})


def test_of_a_sealed_url_the_public_form_counts():
    type_ = CATALOGUE["relational_db"]
    sealed = type_.destination({}, {"/datasourceURL": "jdbc:postgresql://db/x", "/password": None})
    assert sealed == type_.destination({"datasourceURL": "jdbc:postgresql://db:5432/x"}, {})
    assert sealed != type_.destination({}, {"/datasourceURL": "jdbc:postgresql://evil/x"})


def test_a_parameter_that_redirects_counts_even_in_a_sealed_url():
    texts = ["jdbc:postgresql://db/x?password=p", "jdbc:postgresql://db/x?password=p&PGHOST=evil.example"]
    type_ = CATALOGUE["relational_db"]
    assert len({type_.destination({}, {"/datasourceURL": redact(text)}) for text in texts}) == 2


def test_the_order_of_equal_parameters_counts():
    url = "postgresql://h/?host=a&host=b"
    assert canonicalise("url", url) != canonicalise("url", "postgresql://h/?host=b&host=a")


def test_remembering_a_destination_changes_nothing():
    type_ = CATALOGUE["openai"]
    fresh = ConnectorType.compile("openai", type_.schema, b"")
    for number in (*range(600), *range(600)):
        text = {"endpoint": f"https://host-{number}.example"}
        assert type_.destination(text, {}) == type_.destination(text, {})
    assert fresh.destination({"endpoint": "https://host-7.example"}, {}) == type_.destination(
        {"endpoint": "https://host-7.example"}, {}
    )


def test_every_part_of_a_destination_is_written_behind_its_length():
    parts = ["credenza.destination", "openai", "endpoint", "3", "url", "https", "h:443"]
    text = b"".join(len(part).to_bytes(4, "big") + part.encode() for part in parts) + bytes(4)
    assert destination("openai", {"endpoint": "https://h"}) == hashlib.sha256(text).digest()


def test_the_hash_of_a_destination_is_the_same_in_every_version():
    """A stored hash must be found again: whoever changes a canonical form raises the generation."""
    frozen = {
        "openai": "4aee1e2cc524cad2ce01dd6d54610ff700dfaf76f4fe37032fc7de80e79054b7",
        "kafka": "86fbbefe13999b07613d11cbccd263d0fef60598b8ec329d09cba609c23365e2",
        "relational_db": "7c8a9590dbcdd3c04c942c4500ffbcde9ec1725839c0578f45f644e46962a2a8",
        "azure_service_bus": "6a7c7cb9adad154f6d3559c185c142e444132f9ca80b1ec3fc598a2aee9a8dbe",
        "nats": "45afcef3eca433ec27202ab938dedf17b5c987f9992605f084cdf1b93df274bc",
        "ollama": "98670bc052ffec090f94da5d4290b6e70ceb5b6833ef0e92e406d34221441ca2",
        "sendgrid": "cd8aac3d5fef3a2d036738f801b86846c0db3dd582c276628e02c431dfbadcae",
    }
    assert {name: destination(name, base(name)).hex() for name in frozen} == frozen


FORMS = [
    ("url", "https://h", ("https", "h:443")),
    ("url", "http://h:80/x?version=1", ("http", "h:80")),
    ("url", "https://BÜCHER.example", ("https", "xn--bcher-kva.example:443")),
    ("url", "https://xn--bcher-kva.example", ("https", "xn--bcher-kva.example:443")),
    ("url", "https://[2001:DB8:0::1]", ("https", "[2001:db8::1]:443")),
    ("url", "localhost:11434", ("", "localhost:11434")),
    ("url", "mongodb+srv://c0.mongodb.net/x", ("mongodb+srv", "c0.mongodb.net:")),
    ("url", "mongodb://a,b:1/x?tls=false", ("mongodb", "a:27017", "b:1", "?tls=false")),
    ("hosts", "a:1,b", ("", "a:1", "b:")),
    ("hosts", "nats://a,tls://b:1", ("nats", "a:4222", ",", "tls", "b:1")),
    ("jdbc", "jdbc:postgresql://a/x", ("jdbc:postgresql", "a:5432", "/x")),
    ("jdbc", "jdbc:postgresql://a", ("jdbc:postgresql", "a:5432", "/")),
    ("jdbc", "jdbc:sqlserver://a;databaseName=x", ("jdbc:sqlserver", "a:1433", "/", "?databasename=x")),
    ("jdbc", "jdbc:sqlserver://a\\i", ("jdbc:sqlserver", "a\\i:", "/")),
    ("jdbc", "jdbc:oracle:thin:@a:1521:x", ("jdbc:oracle:thin", "a:1521", "/x")),
    ("jdbc", "jdbc:oracle:thin:@//a/x", ("jdbc:oracle:thin", "a:1521", "/x")),
    ("jdbc", "jdbc:h2:mem:x", ("jdbc:h2:mem", "x")),
    ("connection-string", "Endpoint=sb://a/", ("endpoint", "sb", "a:5671")),
    ("connection-string", "sb://a/", ("sb", "a:5671")),
    ("connection-string", "a.example", ("", "a.example:")),
    ("text", " A ", (" A ",)),
]


@pytest.mark.parametrize(("kind", "text", "form"), FORMS)
def test_a_destination_has_one_form(kind, text, form):
    assert canonicalise(kind, text) == (kind, *form)


@pytest.mark.parametrize(
    "text",
    [
        "https://good\\@evil",
        "https://good\\.evil",
        "https://go od",
        "https://good\n",
        "https://good\t.evil",
        "https://user@good",
        "https://g%6fod",
        "https:///evil",
        "https:evil",
        "https://good:99999",
        "https://good:",
        "https://[::1",
        "https://[fe80::1%25eth0]",
        "https://",
        "",
        "a b",
        "https://stra\N{LATIN SMALL LETTER SHARP S}e.example",
        "https://host/?user=u,HOST=evil",
        "nats://good:4222/,evil:4222",
        "good:9092?version=1,evil:9092",
        "Endpoint=sb://a/;EntityPath=q%3Dx",
        "Endpoint=sb://a/;Endpoint=sb://b/",
        "Endpoint=sb://user:p@a/",
        'Endpoint="sb://a/"',
    ],
)
def test_what_has_no_strict_reading_counts_as_it_is_written(text):
    assert canonicalise("connection-string", text) == ("raw", text)


HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z][a-z0-9]{0,8}){0,2}", fullmatch=True)
PATHS = st.text("abc/._-~", max_size=20)


@given(HOSTS, st.integers(1, 65535), PATHS, PATHS)
def test_only_the_origin_of_a_url_counts(host, port, path, other):
    first = canonicalise("url", f"https://{host}:{port}/{path}")
    assert first == canonicalise("url", f"HTTPS://{host.upper()}.:{port}/{other}")
    assert first != canonicalise("url", f"http://{host}:{port}/{path}")
    assert first != canonicalise("url", f"https://x{host}:{port}/{path}")
    assert first != canonicalise("url", f"https://{host}:{port % 65535 + 1}/{path}")
