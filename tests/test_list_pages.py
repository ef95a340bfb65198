"""Pages of lists: links lead from one to the next, and a cursor is good for its own list alone."""

import base64
import os
from urllib.parse import parse_qsl, urlsplit

import pytest

from credenza.workspace.listing import CHUNK
from list_examples import ALL, PAGED, PROVIDERS, ask, fill, make, names


@pytest.fixture
def shelf(workspace):
    fill(workspace)


def walk(api, path, **query):
    """Follow the links of a list and return its pages."""
    answer = ask(api, path, **query)
    pages = [answer.json()]
    while "link" in answer.headers:
        assert answer.links["next"]["url"].startswith(f"{path}?")
        answer = api.get(answer.links["next"]["url"])
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
    return pages


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"activeOnly": "false"},
        {"search": 'a&b=ü ?#%+\\" >'},
        {"search": "blue"},
        {"tag": ["team", "env"]},
        {"type": "openai", "category": "AI_MODEL"},
    ],
)
@pytest.mark.parametrize("path", PAGED)
@pytest.mark.parametrize("limit", [1, 2, 4, 5, 1000])
def test_the_pages_of_a_list_are_the_list_each_full_and_none_empty(api, workspace, path, query, limit):
    workspace.apply([make(f"odd-{n}", description='a&B=Ü ?#%+\\" >', tags=["team=1", "env=2"]) for n in "12"])
    whole = ask(api, path, **query).json()
    pages = walk(api, path, limit=limit, **query)

    assert [each for page in pages for each in page] == whole
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert pages[-1]


@pytest.mark.usefixtures("shelf")
def test_a_link_keeps_the_filters_and_adds_a_cursor(api):
    query = {"limit": "1", "tag": ["team=search", "env"], "search": "lu", "activeOnly": "false"}
    [link] = [ask(api, PROVIDERS, **query).links["next"]]
    parts = urlsplit(link["url"])
    kept = parse_qsl(parts.query, strict_parsing=True)

    assert (parts.scheme, parts.netloc, parts.path, link["rel"]) == ("", "", PROVIDERS, "next")
    assert [name for name, _ in kept] == ["limit", "tag", "tag", "search", "activeOnly", "cursor"]
    assert kept[:-1] == [
        ("limit", "1"),
        ("tag", "team=search"),
        ("tag", "env"),
        ("search", "lu"),
        ("activeOnly", "false"),
    ]


@pytest.mark.usefixtures("shelf")
def test_pages_are_full_where_a_credential_sees_little(client, key, workspace):
    workspace.apply([make(f"hidden-{n:04}") for n in range(2 * CHUNK)])
    client.headers["X-Authorization"] = key("viewer", names=["alpha", "[gZ]*"])

    assert [[each["name"] for each in page] for page in walk(client, PROVIDERS, limit=2)] == [
        ["alpha", "gamma"],
        ["Zeta"],
    ]


# Cursors


def cursor(api, path=PROVIDERS, **query):
    link = ask(api, path, limit=1, **query).links["next"]["url"]
    return dict(parse_qsl(urlsplit(link).query))["cursor"]


def is_refused(answer):
    told = answer.json()
    return (answer.status_code, told["code"], told["errors"][0]["code"]) == (400, *["invalid_cursor"] * 2)


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("path", "query"),
    [
        (ALL, {}),
        (PROVIDERS, {"search": "a"}),
        (PROVIDERS, {"tag": "team"}),
        (PROVIDERS, {"tag": "team=search"}),
        (PROVIDERS, {"type": "openai"}),
        (PROVIDERS, {"category": "AI_MODEL"}),
        (PROVIDERS, {"activeOnly": "false"}),
    ],
)
def test_the_cursor_of_one_list_is_refused_by_another(api, path, query):
    plain = cursor(api)
    own = cursor(api, path, **query)

    assert ask(api, path, limit=1, cursor=own, **query).status_code == 200
    assert is_refused(ask(api, path, limit=1, cursor=plain, **query))
    assert is_refused(ask(api, PROVIDERS, limit=1, cursor=own))


@pytest.mark.usefixtures("shelf")
def test_a_cursor_is_good_for_another_limit_and_for_everything_that_is_left(api):
    place = cursor(api)

    assert names(ask(api, PROVIDERS, limit=2, cursor=place)) == ["Beta", "gamma"]
    assert names(ask(api, PROVIDERS, cursor=place)) == ["Beta", "gamma", "Zeta"]


@pytest.mark.usefixtures("shelf")
def test_the_cursor_of_one_workspace_is_refused_by_another(api, key):
    place = cursor(api)

    api.headers["X-Authorization"] = key(workspace="other")
    assert is_refused(ask(api, PROVIDERS, limit=1, cursor=place))


@pytest.mark.usefixtures("shelf")
def test_a_cursor_changed_anywhere_is_refused(api):
    raw = bytearray(decode(cursor(api)))
    for place in range(len(raw)):
        changed = raw.copy()
        changed[place] ^= 1
        assert is_refused(ask(api, PROVIDERS, limit=1, cursor=encode(changed))), place


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("text", ["x", "AAAA", "é", "====", "%00", "a b", "A" * 256, "-_-_" * 30, "none"])
def test_what_is_no_cursor_is_refused(api, text):
    assert is_refused(ask(api, PROVIDERS, limit=1, cursor=text))


@pytest.mark.usefixtures("shelf")
def test_a_cursor_holds_a_name_and_nothing_of_a_configuration(api):
    raw = decode(cursor(api))

    assert raw[52:] == b"alpha"
    assert encode(raw) == cursor(api)


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.fixture
def locked(service, monkeypatch):
    """Lock the vault and give back how to unlock it."""
    kek = os.environ["CREDENZA_TEST_KEK"]
    monkeypatch.delenv("CREDENZA_TEST_KEK")

    def lock():
        service.vault.unlock()
        assert service.vault.locked

    def unlock():
        monkeypatch.setenv("CREDENZA_TEST_KEK", kek)
        service.vault.unlock()
        assert service.vault.locked is None

    return lock, unlock


@pytest.mark.usefixtures("shelf")
def test_while_the_vault_is_locked_pages_go_on_and_a_cursor_is_bound_to_its_list(api, locked):
    lock, unlock = locked
    signed = cursor(api)
    lock()

    assert names(ask(api, PROVIDERS, limit=2, cursor=signed)) == ["Beta", "gamma"]
    assert [len(page) for page in walk(api, PROVIDERS, limit=1)] == [1] * 4
    assert is_refused(ask(api, ALL, limit=1, cursor=signed))
    unsigned = cursor(api)
    assert is_refused(ask(api, PROVIDERS, limit=1, tag="team", cursor=unsigned))
    unlock()
    assert is_refused(ask(api, PROVIDERS, limit=1, cursor=unsigned))
    assert names(ask(api, PROVIDERS, limit=2, cursor=signed)) == ["Beta", "gamma"]
