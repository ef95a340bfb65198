"""Texts made to be misread: a credential behind a public name, and a text that takes long to read."""

import contextlib
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.connectors import redact
from credenza.connectors.destination import canonicalise
from credenza.connectors.parameters import HARMLESS

HIDDEN = [
    "jdbc:teradata://db.internal/DATABASE=x,USER=u,PASSWORD=CANARY",
    "jdbc:teradata://db.internal/USER=u,PASSWORD=CANARY",
    "jdbc:postgresql://db/x?user=u,HOST=CANARY",
    "jdbc:postgresql://db/x?user=u password=CANARY",
    "jdbc:postgresql://db/x?user=u|password=CANARY",
    "jdbc:postgresql://db/x?user=u\npassword=CANARY",
    "jdbc:postgresql://db/x?user=u%26password=CANARY",
    "jdbc:postgresql://db/x?host=a://b,password=CANARY",
    "jdbc:db2://h:50000/db:currentSchema=a,password=CANARY;",
    "jdbc:exa:h:8563;user=u,password=CANARY",
    "jdbc:oracle:thin:@db:1521/x:password=CANARY",
    "jdbc:oracle:thin:@//db/x,password=CANARY",
    "host=db.internal user=u password=CANARY dbname=x",
    "user=u&password=CANARY",
    "Server=h,1433 Password=CANARY",
    "Server=h|Password=CANARY",
    "Server=x://h/?version=1,Password=CANARY",
    "Endpoint=sb://h/;SharedAccessKeyName=a,SharedAccessKey=CANARY",
    "Endpoint=sb://h,SharedAccessKey=CANARY",
    "Endpoint=sb://h/;User=a://b,SharedAccessKey=CANARY",
]


@pytest.mark.parametrize("text", HIDDEN)
@pytest.mark.parametrize("equals", ["=", "%3D", "%3d"])
def test_a_parameter_in_the_value_of_a_public_one_is_never_stored_in_clear(text, equals):
    with pytest.raises(ValueError, match=r"^$"):
        redact(text.replace("=CANARY", f"{equals}CANARY"))


@given(st.sampled_from(sorted(HARMLESS)), st.sampled_from([",", " ", "|", "\t", "%2C", ""]), st.booleans())
def test_no_public_name_lets_another_parameter_through(name, comma, encoded):
    hidden = f"{name}=a{comma}password{'%3D' if encoded else '='}CANARY"
    for text in (f"jdbc:x://h/d?{hidden}", f"jdbc:x:h;{hidden}", f"jdbc:x://h/{hidden}", hidden):
        with pytest.raises(ValueError, match=r"^$"):
            redact(text)


PUMPS = [
    "a",
    "@",
    ":",
    "/",
    ",",
    ", ",
    "=",
    ";",
    "?",
    "#",
    "%",
    "\\",
    " ",
    "a:b@",
    "a=b;",
    "://",
    "a://",
    "[",
    "(a=",
    "\u0301\u0323",
    "host=",
    "%3D",
    "\u00df",
]
LEADS = [
    "",
    "https://",
    "https://u:p@",
    "jdbc:x://h/d?",
    "jdbc:oracle:thin:u/p@(",
    "Endpoint=",
    "h,",
    "é@",
    "http://a",
]


@pytest.mark.parametrize("pump", PUMPS)
@pytest.mark.parametrize("lead", LEADS)
def test_a_hundred_thousand_characters_are_read_at_once(lead, pump):
    text = lead + pump * (100_000 // len(pump)) + "@x?y=z"
    began = time.perf_counter()
    with contextlib.suppress(ValueError):
        redact(text)
    for kind in ("url", "jdbc", "hosts", "connection-string"):
        canonicalise(kind, text)
    assert time.perf_counter() - began < 1


def test_a_connection_string_in_a_connection_string_is_refused_however_deep():
    with pytest.raises(ValueError, match=r"^$"):
        redact("host=" * 20_000 + "://")


def test_a_text_is_normalised_one_character_at_a_time(monkeypatch):
    """The time to normalise grows with the square of the combining marks in a row."""
    seen = []
    monkeypatch.setattr(unicodedata, "normalize", lambda form, text: seen.append((form, len(text))) or text)
    redact("jdbc:sqlite:/" + "a\u0301\u0323" * 400)
    with pytest.raises(ValueError, match=r"^$"):
        redact("http://a" + "\u0301\u0323" * 48_000)
    assert set(seen) == {("NFKC", 1)}
    assert len(seen) < 4000
