"""Credentials inside a text: what is found, what is shown instead, and what is refused as unreadable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.connectors import redact

# the letters on whose meaning in a host name the editions of IDNA differ, and two that become one
DEVIATIONS = (
    "\N{LATIN SMALL LETTER SHARP S}\N{LATIN CAPITAL LETTER SHARP S}\N{GREEK SMALL LETTER FINAL SIGMA}"
)
DEVIATIONS += "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}\N{MATHEMATICAL BOLD SMALL FINAL SIGMA}"

PUBLIC = [
    "",
    "https://api.openai.com",
    "https://api.anthropic.com/v1",
    "http://localhost:11434",
    "localhost",
    "localhost:9092",
    "broker-1.example.com:9092,broker-2.example.com:9092",
    "broker-1:9092, broker-2:9092",
    "nats://a:4222,nats://b:4222",
    "[2001:db8::1]:9092",
    "https://[2001:db8::1]:8443/v1",
    "https://bücher.example/v1",
    "mongodb+srv://cluster0.example.mongodb.net/",
    "mongodb://a:27017,b:27017/db?replicaSet=rs0&authSource=admin&w=majority",
    "mongodb://a/?retryWrites=true&loadBalanced=false&tls=true",
    "jdbc:postgresql://db:5432/x",
    "jdbc:postgresql://db:5432/x?sslmode=require",
    "jdbc:postgresql://db:5432/x?user=me&ssl=true&currentSchema=s&ApplicationName=a&connectTimeout=5",
    "jdbc:postgresql://a:5432,b:5433/x?targetServerType=primary",
    "jdbc:postgresql:x",
    "jdbc:mysql://db:3306/x?useSSL=true",
    "jdbc:sqlserver://db:1433;databaseName=x;encrypt=true;user=me",
    "jdbc:sqlserver://db\\sql2019:1433;databaseName=x",
    "jdbc:sqlserver://;serverName=db;databaseName=x",
    "jdbc:oracle:thin:@db:1521:orcl",
    "jdbc:oracle:thin:@//db:1521/service",
    "jdbc:oracle:thin:@tcps://db:2484/service?ssl_server_dn_match=true",
    "jdbc:oracle:thin:@alias",
    "jdbc:oracle:thin:/@alias",
    "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(PROTOCOL=tcp)(HOST=db)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=x)))",
    "jdbc:db2://db:50000/x:user=me;",
    "jdbc:h2:mem:test;USER=sa",
    "jdbc:sqlite:/var/lib/x.db",
    "Endpoint=sb://ns.servicebus.windows.net/",
    "Endpoint=sb://ns.servicebus.windows.net/;EntityPath=q;SharedAccessKeyName=Root",
    "Server=tcp:db.example.com,1433;Initial Catalog=x;User ID=me@tenant;Encrypt=True",
    "https://host\\path",
    "not a url at all",
    "https://ex%61mple.com/",
    "https://host/a%20b/v1",
    "jdbc:postgresql://db/x?currentSchema=a,public",
    "mongodb://a:27017/?compressors=snappy,zlib",
    "jdbc:postgresql://db/stra\N{LATIN SMALL LETTER SHARP S}e",
    "Endpoint=sb://ns/?version=1;EntityPath=q",
]

SEALED = [
    ("https://user:pw@host/v1", "https://host/v1"),
    ("https://user@host/v1", "https://host/v1"),
    ("https://:pw@host", "https://host"),
    ("https://@host", "https://host"),
    ("HTTPS://user:pw@Host:8443/A", "HTTPS://Host:8443/A"),
    ("https://us%40er:p%2Fw@host", "https://host"),
    ("https://user:pw@[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
    ("https://user:pw@bücher.example/", "https://bücher.example/"),
    ("https://host/v1?api_key=k", "https://host/v1"),
    ("https://host/v1?version=1&token=t", "https://host/v1"),
    ("https://host/v1?k", "https://host/v1"),
    ("https://host/v1#secret", "https://host/v1"),
    ("https://host?sig=a#b", "https://host"),
    ("https://host/v1;jsessionid=s", "https://host/v1"),
    ("https://host/v1/key=s/x", "https://host/v1"),
    ("https://host/v1/key%3Ds/x", "https://host/v1"),
    ("https://host/v1?token=a=", "https://host/v1"),
    ("https://host/v1?token=a%3D,b=c", "https://host/v1"),
    ("https://user:p%3Dw@host/v1", "https://host/v1"),
    ("https://user:pw@host/x?host=other", "https://host/x?host=other"),
    ("user:pw@host:9092", "host:9092"),
    ("token@host:4222", "host:4222"),
    ("user:pw@a:9092,b:9092", "a:9092,b:9092"),
    ("user:pw@a:9092,other:pw2@b:9092", "a:9092,b:9092"),
    ("host:9092?password=pw", "host:9092"),
    ("nats://user:pw@a:4222", "nats://a:4222"),
    ("nats://user:pw@a:4222,nats://b:4222", "nats://a:4222,nats://b:4222"),
    ("nats://a:4222, tls://user:pw@b:4222", "nats://a:4222,tls://b:4222"),
    ("nats://token@a:4222,nats://token@b:4222", "nats://a:4222,nats://b:4222"),
    ("amqps://user:pw@broker:5671/vhost", "amqps://broker:5671/vhost"),
    ("mongodb+srv://user:pw@c0.mongodb.net/?retryWrites=true", "mongodb+srv://c0.mongodb.net/"),
    ("mongodb://user:pw@a:27017,b:27017/db?w=1", "mongodb://a:27017,b:27017/db"),
    ("mongodb://a/?tls=true&tlsCertificateKeyFilePassword=pw", "mongodb://a/?tls=true"),
    ("mongodb://a/?authMechanismProperties=AWS_SESSION_TOKEN:t", "mongodb://a/"),
    ("postgresql://user:pw@db/x", "postgresql://db/x"),
    ("postgresql://db/x?password=pw&host=other", "postgresql://db/x?host=other"),
    ("jdbc:postgresql://user:pw@db:5432/x", "jdbc:postgresql://db:5432/x"),
    ("jdbc:postgresql://db:5432/x?user=me&password=pw", "jdbc:postgresql://db:5432/x"),
    ("jdbc:postgresql://db/x?PASSWORD=pw", "jdbc:postgresql://db/x"),
    ("jdbc:postgresql://db/x?sslmode=require&sslpassword=pw", "jdbc:postgresql://db/x?sslmode=require"),
    ("jdbc:postgresql://db/x?pass%77ord=pw", "jdbc:postgresql://db/x"),
    ("jdbc:postgresql://db/x?unheardOf=1", "jdbc:postgresql://db/x"),
    ("jdbc:postgresql://db/x?password=pw&PGHOST=evil", "jdbc:postgresql://db/x?PGHOST=evil"),
    ("JDBC:PostgreSQL://user:pw@db/x", "JDBC:PostgreSQL://db/x"),
    ("jdbc:mysql:loadbalance://user:pw@a:3306/x", "jdbc:mysql:loadbalance://a:3306/x"),
    ("jdbc:mysql://db/x?user=me;password=pw", "jdbc:mysql://db/x"),
    ("jdbc:sqlserver://db:1433;user=me;password=pw", "jdbc:sqlserver://db:1433"),
    ("jdbc:sqlserver://db\\i:1433;databaseName=x;password=pw", "jdbc:sqlserver://db\\i:1433;databaseName=x"),
    ("jdbc:sqlserver://;serverName=db;password=pw", "jdbc:sqlserver://;serverName=db"),
    ("jdbc:oracle:thin:scott/tiger@db:1521:orcl", "jdbc:oracle:thin:@db:1521:orcl"),
    ("jdbc:oracle:thin:scott/tiger@//db:1521/x", "jdbc:oracle:thin:@//db:1521/x"),
    ("jdbc:oracle:oci:scott/tiger@alias", "jdbc:oracle:oci:@alias"),
    (
        "jdbc:oracle:thin:scott/tiger@(DESCRIPTION=(ADDRESS=(HOST=db)(PORT=1521)))",
        "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(HOST=db)(PORT=1521)))",
    ),
    ("jdbc:oracle:thin:@//db/x?wallet_password=pw", "jdbc:oracle:thin:@//db/x"),
    ("jdbc:db2://db:50000/x:user=me;password=pw;", "jdbc:db2://db:50000/x"),
    ("jdbc:db2://db:50000/x:password=pw;user=me;", "jdbc:db2://db:50000/x"),
    ("jdbc:informix-sqli://db:1533/x:INFORMIXSERVER=s;password=pw", "jdbc:informix-sqli://db:1533/x"),
    ("jdbc:h2:mem:test;USER=sa;PASSWORD=pw", "jdbc:h2:mem:test"),
    ("jdbc:h2:mem:test?x#y", "jdbc:h2:mem:test"),
    (
        "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=a+b/c=",
        "Endpoint=sb://ns.servicebus.windows.net/",
    ),
    (
        "SharedAccessKey=a=;Endpoint=sb://ns.servicebus.windows.net/;EntityPath=q",
        "Endpoint=sb://ns.servicebus.windows.net/",
    ),
    ("Endpoint=sb://ns/;SharedAccessSignature=SharedAccessSignature sr=x&sig=y", "Endpoint=sb://ns/"),
    ("Endpoint=sb://user:pw@ns/", "Endpoint=sb://ns/"),
    ("Endpoint=sb://ns/?key=k", "Endpoint=sb://ns/"),
    ("jdbc:exa:h:8563;user%3Du,password%3Dpw", "jdbc:exa:h:8563"),
    ("jdbc:db2://h:50000/db:currentSchema%3Da,password%3Dpw;", "jdbc:db2://h:50000/db"),
    (
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=k==;EndpointSuffix=core.windows.net",
        "DefaultEndpointsProtocol=https;AccountName=a;EndpointSuffix=core.windows.net",
    ),
    ("Data Source=db,1433;User ID=me;Password=pw", "Data Source=db,1433"),
    ("Server=db;Pwd=pw;Database=x", "Server=db;Database=x"),
    ("Endpoint=sb://ns/;Unheard Of=1", "Endpoint=sb://ns/"),
]

UNREADABLE = [
    "https://user:p@ss@host/",
    "https://good.example\\@evil.example/",
    "https://good.example\\user:pw@evil.example/",
    "https://user:pw@host\\x",
    "https://user:p/w@host/",
    "https://user:1/w@host/",
    "https://user:p?w@host/",
    "https://user:1?w@host/",
    "https://user:p#w@host/",
    "https://user:1;w@host/",
    "https://user:pw@ho st/",
    "https://us er:pw@host/",
    "https://user:pw@host\n/",
    "https://user:pw@host\t.evil/",
    " https://user:pw@host/",
    "https://user:pw@ex%61mple.com/",
    "https://user:pw@",
    "https:///user:pw@host/",
    "https:/user:pw@host/",
    "https://user:pw@host:port/",
    "https://user:pw@host:65536/",
    "https://user:pw@[::1/",
    "https://user:pw@[nonsense]/",
    "https://user:pw@[:::]/",
    "https://user:pw@a..\N{ZERO WIDTH JOINER}/",
    "https://user:pw\N{FULLWIDTH COMMERCIAL AT}host/",
    "https://host/\N{FULLWIDTH QUESTION MARK}token=x",
    "postgres://user:p?w=1",
    "mongodb://a:1,user:pw@b",
    "user:p,w@host",
    "https://host/@scope/x",
    "https://host/?mail=me@example.com",
    "jdbc:mysql://address=(host=db)(password=pw)/x",
    "jdbc:mysql://(host=db,password=pw)/x",
    "jdbc:sqlserver://db;password={p;w@x}",
    'jdbc:oracle:thin:scott/"t@ger"@db:1521:x',
    "jdbc:oracle:thin:scott/tiger@(DESCRIPTION=(PASSWORD=pw)(HOST=db))",
    "jdbc:oracle:thin:scott/tiger@(DESCRIPTION=(HOST=db",
    "jdbc:h2:user@mem:x",
    'Server=db;Password="a;Server=b"',
    "Server=db;Password='a;Server=b'",
    "Server=db;Password={a;Server=b}",
    "Password=pw",
    "Server=me@host;Password=pw",
    "Endpoint=sb://ns/\n;SharedAccessKey=k",
    "jdbc:oracle:thin:scott/tiger@//db/x y",
    "jdbc:postgresql://db/x?password=pw&host=a%20b",
    "https://user:pw@xn--\N{SNOWMAN}.example/",
    "https://host/\N{DIGIT ONE}?a=\N{COMBINING LONG SOLIDUS OVERLAY}b",
    *(f"https://user:pw@a{letter}b.example/" for letter in DEVIATIONS),
    *(f"https://a{letter}b.example" for letter in DEVIATIONS),
    *(f"a{letter}b.example:9092" for letter in DEVIATIONS),
    *(f"jdbc:postgresql://a.example,a{letter}b.example/x" for letter in DEVIATIONS),
    "https://user:pw@b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/" + "x" * 2048,
    ",".join(["user:pw@host"] * 101),
    ",".join(["nats://user:pw@host"] * 101),
]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_text_without_credentials_stays_public(text):
    assert redact(text) is None


@pytest.mark.parametrize(("text", "shown"), SEALED)
def test_a_text_with_credentials_is_shown_without_them(text, shown):
    assert redact(text) == shown


@pytest.mark.parametrize(("_", "shown"), SEALED)
def test_what_is_shown_carries_no_credentials_itself(_, shown):
    assert redact(shown) is None


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_text_with_two_readings_is_refused_and_not_quoted(text):
    with pytest.raises(ValueError, match=r"^$") as caught:
        redact(text)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


SCHEMES = ["https", "nats", "amqps", "mongodb+srv", "jdbc:postgresql", "jdbc:mysql"]
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+%", min_size=1, max_size=20)


@given(st.sampled_from(SCHEMES), WORDS.map("CANARY".__add__), WORDS.map("CANARY".__add__))
def test_userinfo_is_never_shown(scheme, user, password):
    shown = redact(f"{scheme}://{user}:{password}@db.example.com:99/x")
    assert shown == f"{scheme}://db.example.com:99/x"


@given(st.text(max_size=40), st.sampled_from(["@h", "?p", ";p=", "#", "password="]), st.text(max_size=40))
def test_any_text_at_all_is_public_or_shown_without_credentials_or_refused(before, mark, after):
    try:
        shown = redact(before + mark + after)
    except ValueError:
        return
    assert shown is None or redact(shown) is None


@given(st.text("abc@:/?#;=,.\\ []%&(){}", max_size=30))
def test_what_is_shown_never_holds_what_stands_before_an_at_sign(text):
    try:
        shown = redact(text)
    except ValueError:
        return
    if shown is None:
        oracle = text.lower().startswith("jdbc:oracle")
        assert oracle or "@" not in text or "=" in text.partition("@")[0]
    else:
        assert "@" not in shown
