"""Where people may be sent after a setup, and secrets of links: texts that are read in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.errors import Misconfigured
from credenza.plans import links
from credenza.plans.redirects import Redirects, read_origin, read_origins
from credenza.settings import Settings

LISTED = Redirects(read_origins("https://app.example.com, https://other.example:8443"))
ALLOWED = [
    "https://app.example.com",
    "https://app.example.com/",
    "https://APP.example.com/done",
    "https://app.example.com:443/done?customer=17&next=https://elsewhere.example",
    "https://other.example:8443?x",
]
REFUSED = [
    "",
    "/done",
    "//app.example.com/done",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://app.example.com/done",
    "https://elsewhere.example/done",
    "https://app.example.com.elsewhere.example/",
    "https://app.example.com:8443/",
    "https://app.example.com@elsewhere.example/",
    "https://user:word@app.example.com/",
    "https://app.example.com\\@elsewhere.example/",
    "https://app.example.com/\\elsewhere.example",
    "https://app.example.com//elsewhere.example",
    "https://app.example.com/#fragment",
    "https://app.example.com#fragment",
    "https://app.example.com/\r\nLocation: https://elsewhere.example",
    "https://app.example.com/a b",
    "https://app.example.com/\x00",
    " https://app.example.com/",
    "https://app.example.com/\u00e9",
    "https://\u0430pp.example.com/",
    "https://app.example.com./",
    "https:/app.example.com/",
    "https:app.example.com",
    "https://[::1]/",
    "https://app.example.com/" + "x" * 2_048,
    "http://localhost:3000/",
]


@pytest.mark.parametrize("address", ALLOWED)
def test_an_address_of_a_listed_origin_is_allowed_whatever_its_case_or_default_port(address):
    assert LISTED.allows(address)


@pytest.mark.parametrize("address", REFUSED, ids=range(len(REFUSED)))
def test_no_other_address_is_allowed(address):
    assert not LISTED.allows(address)


def test_in_developer_mode_this_machine_is_allowed_by_plain_http():
    local = Redirects(local=True)

    assert local.allows("http://localhost:3000/done")
    assert local.allows("http://127.0.0.1/")
    assert local.allows("http://[::1]:3000/done")
    assert not local.allows("http://[::2]/")
    assert not local.allows("http://[::1]@elsewhere.example/")
    assert not local.allows("https://[::1]/")
    assert not local.allows("http://127.0.0.2/")
    assert not local.allows("http://localhost.elsewhere.example/")
    assert not local.allows("https://app.example.com/")


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_stands_before_or_behind_an_origin_leads_to_it_or_nowhere(before, behind):
    address = f"{before}https://app.example.com{behind}"

    if LISTED.allows(address):
        assert before == ""
        assert behind == "" or behind[0] in "/?" or behind.startswith(":443")


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=1, max_size=40))
def test_a_secret_says_in_which_workspace_to_look_and_what_proves_it(workspace, proof):
    secret = links.write_secret(links.SETUP, workspace, proof)

    assert links.read_secret(links.SETUP, secret) == (workspace, proof)
    assert links.read_secret(links.SESSION, secret) is None


@given(st.text(max_size=60))
def test_whatever_else_is_sent_as_a_secret_is_none_or_proves_nothing(text):
    read = links.read_secret(links.SETUP, links.SETUP + text)

    assert read is None or len(read.workspace) == 16


@pytest.mark.parametrize(
    "text", ["app.example.com", "https://app.example.com/", "http://app.example.com", "*"]
)
def test_what_is_no_origin_keeps_the_program_from_starting(open_service, text):
    for name in ("redirect_origins", "frame_origins"):
        with pytest.raises(Misconfigured) as refused:
            open_service(**{name: f"https://fine.example {text}"})
        assert f"CREDENZA_{name.upper()}" in refused.value.message
        assert text not in refused.value.message.replace("https://app.example.com, with", "")


def test_an_origin_is_compared_without_case_and_default_port():
    assert read_origin("HTTPS://App.Example:443") is None
    assert read_origin("https://App.Example:443") == "https://app.example"
    assert Settings(redirect_origins="https://App.Example:443").redirects().origins == (
        "https://app.example",
    )
