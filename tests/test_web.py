"""What a request may say: its content type, its query, its conditions."""

from __future__ import annotations

import json

import pytest

from web_answers import CANARY, ITEM, PROVIDER, check_problem


@pytest.mark.parametrize(
    "kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
@pytest.mark.parametrize("path", ["/api/integrations", f"{PROVIDER}/a/rollback", "/api/token"])
def test_a_body_that_is_not_declared_as_json_is_a_415(api, path, kind):
    headers = {} if kind is None else {"Content-Type": kind}

    refused = api.post(path, content=json.dumps([ITEM]), headers=headers)

    check_problem(refused, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind",
    [
        "application/json; charset=latin1",
        'application/json; charset="ISO-8859-1"',
        "application/json; x=1;Charset = utf-16",
        "application/merge-patch+json;charset=",
    ],
)
def test_json_in_another_charset_is_refused(api, kind):
    refused = api.post("/api/integrations", content=json.dumps([ITEM]), headers={"Content-Type": kind})

    check_problem(refused, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; x=1; charset=utf8;",
        "application/merge-patch+json",
    ],
)
def test_a_body_declared_as_any_kind_of_json_is_read(api, kind):
    saved = api.post("/api/integrations", content=json.dumps([ITEM]), headers={"Content-Type": kind})

    assert saved.status_code == 200


@pytest.mark.parametrize("query", ["secret=" + CANARY, CANARY, "dryrun=true"])
@pytest.mark.parametrize("path", ["/api/integrations", "/api/token", f"{PROVIDER}/a/rollback"])
def test_an_unknown_query_parameter_is_refused_and_not_repeated(api, path, query):
    refused = api.post(f"{path}?{query}", json=[ITEM])

    check_problem(refused, 400)
    assert CANARY not in refused.text


@pytest.mark.parametrize("query", ["dryRun=true&dryRun=false", "mode=atomic&mode=atomic", "x=1&x=2"])
def test_a_query_parameter_that_stands_twice_is_refused(api, query):
    body = check_problem(api.post(f"/api/integrations?{query}", json=[ITEM]), 400)

    assert "twice" in body["detail"]


@pytest.mark.parametrize(
    "query", ["mode=", "mode=ATOMIC", "dryRun=1", "dryRun=", "apis=all", f"mode={CANARY}", "dryRun=%00"]
)
def test_a_query_parameter_takes_its_values_and_no_other(api, query):
    refused = api.post(f"/api/integrations?{query}", json=[ITEM])

    check_problem(refused, 400)
    assert CANARY not in refused.text


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=-1", "limit=1e2", "limit=%D9%A3", "before=0"]
)
def test_a_number_in_a_query_has_bounds(api, query):
    check_problem(api.get(f"{PROVIDER}/a/history?{query}"), 400)


@pytest.mark.parametrize("version", ["0", "-1", "x", "1.0", "9" * 12, "9" * 30, "9" * 5000])
def test_a_version_that_cannot_be_is_a_404(api, version):
    api.post("/api/integrations", json=[ITEM])

    check_problem(api.get(f"{PROVIDER}/a/history/{version}"), 404)


@pytest.mark.parametrize("version", [0, -1, 10**12, 10**30, "1", 1.5, None, True])
def test_a_rollback_to_a_version_that_cannot_be_is_refused(api, version):
    api.post("/api/integrations", json=[ITEM])

    assert api.post(f"{PROVIDER}/a/rollback", json={"version": version}).status_code in {400, 404}


@pytest.mark.parametrize("tag", ["*", '"x"', '"1", "2"', "", '"' + "9" * 20 + '"', CANARY])
def test_if_match_holds_one_version_and_nothing_else(api, tag):
    refused = api.post("/api/integrations", json=[ITEM], headers={"If-Match": tag})

    check_problem(refused, 400)
    assert CANARY not in refused.text


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', "1", ' "1" '])
def test_the_etag_of_a_read_is_taken_as_if_match(api, tag):
    api.post("/api/integrations", json=[ITEM])
    assert api.get(f"{PROVIDER}/a").headers["etag"] == '"1"'

    changed = ITEM | {"description": "new"}
    assert api.post("/api/integrations", json=[changed], headers={"If-Match": tag}).status_code == 200
    check_problem(api.post("/api/integrations", json=[ITEM], headers={"If-Match": tag}), 412)


@pytest.mark.parametrize("idempotency", ["", "x" * 256, "a\tb"])
def test_an_idempotency_key_is_a_short_printable_text(api, idempotency):
    refused = api.post("/api/integrations", json=[ITEM], headers={"Idempotency-Key": idempotency})

    check_problem(refused, 400)


def test_answers_that_hold_a_secret_or_a_token_are_kept_by_no_cache(api):
    api.post("/api/integrations", json=[ITEM])

    assert api.get(f"{PROVIDER}/a/resolved").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/integrations/eventStats/SEND"),
        ("GET", "/api/integrations/one/def/apis"),
        ("GET", "/api/integrations/one/def/api/search"),
    ],
)
def test_calls_for_events_and_for_tools_of_an_integration_are_not_there(api, method, path):
    answer = api.request(method, path, json=[] if method == "POST" else None)

    check_problem(answer, 404, "not_found")
