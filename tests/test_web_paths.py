"""One path, one meaning: what a real server makes of raw paths, methods and bodies that do not end."""

from __future__ import annotations

import socket

import httpx
import pytest

from credenza.web.requests import MAX_BODY
from web_answers import ITEM, PROVIDER, check_problem
from web_server import serve


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/integrations/none/none",
        "/api/integration-installs/none/none",
        "/api/integration-members/none",
        "/API/integrations",
        f"{PROVIDER}/a/b/c",
        "/docs/none",
        "/-",
        "/%",
    ],
)
def test_an_unknown_path_is_a_404_with_or_without_a_credential(api, path):
    for headers in ({}, {"X-Authorization": ""}):
        check_problem(api.get(path, headers=headers), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/integrations", "GET, OPTIONS, POST"),
        ("PUT", "/api/integrations/", "GET, OPTIONS, POST"),
        ("PATCH", f"{PROVIDER}/a", "DELETE, GET, OPTIONS, POST"),
        ("PATCH", f"{PROVIDER}/a/integration/m", "DELETE, GET, OPTIONS, POST"),
        ("POST", f"{PROVIDER}/a/integration/m/tags", "DELETE, GET, OPTIONS, PUT"),
        ("GET", f"{PROVIDER}/a/integration/m/prompt/p", "OPTIONS, POST"),
        ("PUT", "/api/integrations/int_none", "DELETE, GET, OPTIONS, PATCH"),
        ("PATCH", "/api/integrations/int_none/grants/partner", "DELETE, GET, OPTIONS, PUT"),
        ("POST", "/api/integration-installs", "GET, OPTIONS"),
        ("BREW", "/api/token", "OPTIONS, POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_a_405_that_names_those_it_takes(api, method, path, allowed):
    refused = api.request(method, path)
    told = api.options(path)

    check_problem(refused, 405, "method_not_allowed")
    assert sorted(refused.headers["allow"].split(", ")) == allowed.split(", ")
    assert (told.status_code, told.headers["allow"]) == (204, allowed)


@pytest.mark.parametrize("path", ["/api/integrations", "/api/integrations/"])
def test_a_save_is_taken_with_and_without_the_slash_and_never_redirected(api, path):
    saved = api.post(path, json=[ITEM], follow_redirects=False)

    assert (saved.status_code, saved.json()["created"]) == (200, 1)


def test_the_slash_tells_the_list_of_integrations_from_that_of_packages(api):
    assert api.get("/api/integrations/").json() == []
    listed = api.get("/api/integrations", follow_redirects=False)

    assert (listed.status_code, listed.json()["data"], listed.json()["pageInfo"]["total"]) == (200, [], 0)


@pytest.fixture
def url(service):
    with serve(service) as url:
        yield url


def send_raw(url, path, *, method="GET", headers=None, body=b""):
    """Send a request with exactly this path, and return the whole answer."""
    host, port = url.removeprefix("http://").split(":")
    lines = [f"{method} ".encode() + path + b" HTTP/1.1", b"Host: localhost", b"Connection: close"]
    lines += [f"{name}: {value}".encode() for name, value in (headers or {}).items()]
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


@pytest.fixture
def stored(url, key):
    """Return the headers of an administrator, after something was saved."""
    headers = {"X-Authorization": key()}
    assert httpx.post(f"{url}/api/integrations", json=[ITEM], headers=headers).status_code == 200
    return headers


@pytest.mark.parametrize(
    "path",
    [
        b"a%2Fresolved",
        b"a%2fresolved",
        b"a%252Fresolved",
        b"%61%2Fresolved",
        b"x%2F..%2Fa%2Fresolved",
        b"..%2Fprovider%2Fa%2Fresolved",
        b"a%25252Fresolved",
        b"a%2F./resolved",
        b"a/./resolved",
        b"x/../a/resolved",
        b"a//resolved",
        b"a/%72esolved%2F",
        b"a/resolved;x",
        b"a;x/resolved",
        b"a/integration/../resolved",
        b"a/integration/%2e%2e/resolved",
        b"a/integration/m/../../resolved",
        b"a/integration%2F../resolved",
    ],
)
def test_no_slash_dot_or_parameter_inside_a_segment_leads_to_the_reveal(url, stored, path):
    answer = send_raw(url, b"/api/integrations/provider/" + path, headers=stored)

    assert status_of(answer) == 404
    assert b"made-up" not in answer


@pytest.mark.parametrize(
    "path",
    [
        b"/api/integrations/provider/%2e%2e/provider/a",
        b"/api/integrations/provider/../provider/a",
        b"/api/integrations/provider/./a",
        b"/api//integrations/provider/a",
        b"//api/integrations/provider/a",
        b"/api/integrations/provider//a",
        b"/api/integrations/provider/a//",
        b"/api/integrations/provider/a%00",
        b"/api/integrations/provider/%00",
        b"/api/integrations/provider/%ff%fe",
        b"/api/integrations/provider/%C0%AFa",
        b"/api/integrations/provider/%ED%A0%80",
        b"/api/integrations/provider/%",
        b"/api/integrations/%/provider",
        b"/api/integrations/%25",
        b"/api/integrations/provider/a;x",
        b"/api/integrations/provider/a%3Fx",
        b"/api/integrations/provider/A",
    ],
)
def test_no_second_spelling_of_a_path_leads_to_what_is_stored(url, stored, path):
    assert status_of(send_raw(url, path, headers=stored)) == 404


@pytest.mark.parametrize("path", [b"/api/integrations/provider/%61", b"/api/integrations/provider/a/"])
def test_an_encoded_letter_and_a_slash_at_the_end_change_nothing(url, stored, path):
    assert status_of(send_raw(url, path, headers=stored)) == 200


def test_a_stranger_is_refused_before_a_byte_of_the_body_has_come(url):
    headers = {"Content-Type": "application/json", "Content-Length": str(MAX_BODY)}

    answer = send_raw(url, b"/api/integrations", method="POST", headers=headers)

    assert status_of(answer) == 401


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {"Content-Length": str(MAX_BODY + 1)}])
def test_a_stranger_is_told_nothing_of_what_else_is_wrong(url, headers):
    assert status_of(send_raw(url, b"/api/integrations", method="POST", headers=headers)) == 401


def test_a_body_announced_as_too_large_is_refused_before_it_has_come(url, stored):
    headers = {**stored, "Content-Type": "application/json", "Content-Length": str(MAX_BODY + 1)}

    answer = send_raw(url, b"/api/integrations", method="POST", headers=headers)

    assert status_of(answer) == 413
    assert b"too_large" in answer


def test_a_body_that_grows_too_large_without_announcing_it_is_refused(url, stored):
    part = b" " * (1024 * 1024)
    parts = (part for _ in range(33))

    refused = httpx.post(
        f"{url}/api/integrations",
        content=parts,
        headers={**stored, "Content-Type": "application/json"},
        timeout=30,
    )

    check_problem(refused, 413, "too_large")
