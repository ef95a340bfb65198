"""Secrets: taken out, never shown, kept, replaced or cleared, opened only for where they were meant to go."""

import sqlite3

import pytest

from examples import API, EXAMPLES, JDBC, dump, item, problems, query, read, resolve, save

ENDPOINT = "https://api.openai.com"


def configure(api, name="one", type="openai", **configuration):
    return save(api, {"configuration": configuration, "name": name, "type": type})


def told(answer):
    """Return what became of each secret of the only item."""
    return answer.json()["results"][0].get("secrets", {})


@pytest.mark.parametrize("type", EXAMPLES)
def test_no_answer_but_a_reveal_shows_a_secret_of_any_type(api, service, type):
    connector = service.catalogue[type]
    saved = save(api, item("one", type))

    shown = read(api)["configuration"]
    secret = {key for key, value in shown.items() if isinstance(value, dict)}
    assert connector.secrets & EXAMPLES[type].keys() <= secret <= connector.secrets | connector.embeds
    assert all(set(shown[key]["$secret"]) <= {"version", "updatedAt", "redacted"} for key in secret)
    seen = saved.text + api.get(API + "/").text + api.get(f"{API}/provider/one/history").text
    assert not [key for key in secret if EXAMPLES[type][key] in seen]
    assert resolve(api) == EXAMPLES[type]


@pytest.mark.parametrize(
    ("sent", "word", "left"),
    [
        ({}, "kept", "first"),
        ({"api_key": "first"}, "unchanged", "first"),
        ({"api_key": "second"}, "replaced", "second"),
        ({"api_key": None}, "cleared", None),
    ],
)
def test_a_secret_is_kept_when_absent_cleared_by_null_and_replaced_by_a_text(api, sent, word, left):
    configure(api, type="ollama", endpoint="http://localhost", api_key="first")

    answer = save(api, item(type="ollama", configuration={"endpoint": "http://localhost", **sent}))

    assert told(answer) == {"/configuration/api_key": word}
    assert resolve(api).get("api_key") == left


def test_a_key_that_is_no_secret_goes_when_it_is_absent(api):
    configure(api, api_key="sk", organizationId="org")

    configure(api, api_key="sk")

    assert "organizationId" not in read(api)["configuration"]


def test_a_required_secret_cannot_be_cleared(api):
    configure(api, api_key="sk")

    assert problems(configure(api, api_key=None)) == [(0, "required", "/configuration/api_key")]


def test_a_kept_secret_counts_as_present_where_it_is_required(api):
    configure(api, "one", "relational_db", **EXAMPLES["relational_db"])

    changed = {**EXAMPLES["relational_db"], "user": "other"}
    del changed["password"]
    assert configure(api, "one", "relational_db", **changed).status_code == 200
    assert resolve(api)["password"] == "made-up"


@pytest.mark.parametrize("mask", ["*", "********", "••••••", "*•*"])
@pytest.mark.parametrize("where", ["api_key", "endpoint"])
def test_a_mask_is_refused_by_name_and_changes_nothing(api, mask, where):
    configure(api, api_key="sk", endpoint=ENDPOINT)

    answer = configure(api, **{"api_key": "sk", "endpoint": ENDPOINT, where: mask})

    assert problems(answer) == [(0, "masked_secret", f"/configuration/{where}")]
    assert resolve(api) == {"api_key": "sk", "endpoint": ENDPOINT}


@pytest.mark.parametrize("text", ["", 5, True, [], {"$secret": "x"}, {"$secret": {}, "x": 1}])
def test_what_is_neither_a_text_nor_a_reference_is_no_secret(api, text):
    configure(api, api_key="sk")

    assert configure(api, api_key=text).status_code == 400
    assert resolve(api) == {"api_key": "sk"}


@pytest.mark.parametrize("inner", [{}, {"version": 99}, {"version": 1, "redacted": "https://evil.example"}])
def test_a_reference_keeps_the_secret_whatever_stands_inside_it(api, inner):
    configure(api, api_key="sk")

    answer = configure(api, api_key={"$secret": inner})

    assert (answer.json()["unchanged"], resolve(api)) == (1, {"api_key": "sk"})


def test_a_reference_where_nothing_is_held_is_refused_as_under_another_name(api):
    configure(api, api_key="sk")

    renamed = read(api) | {"name": "two"}
    answer = save(api, renamed)

    assert problems(answer) == [(0, "secret_not_held", "/configuration/api_key")]


def test_a_secret_shows_the_version_that_set_it(api):
    configure(api, api_key="sk")
    configure(api, api_key="sk", organizationId="org")
    assert read(api)["configuration"]["api_key"]["$secret"]["version"] == 1

    configure(api, api_key="sk-2", organizationId="org")
    assert read(api)["configuration"]["api_key"]["$secret"]["version"] == 3


def test_a_secret_may_have_64_kib_and_not_a_byte_more(api):
    assert configure(api, api_key="k" * 65_536).status_code == 200
    assert problems(configure(api, api_key="k" * 65_537)) == [
        (0, "secret_too_long", "/configuration/api_key")
    ]
    assert problems(configure(api, api_key="é" * 32_769)) == [
        (0, "secret_too_long", "/configuration/api_key")
    ]


DESTINATIONS = [
    ("openai", {"endpoint": "https://elsewhere.example"}),
    ("openai", {"endpoint": "http://api.openai.com"}),
    ("openai", {"endpoint": "https://api.openai.com:8443"}),
    ("relational_db", {"datasourceURL": "jdbc:postgresql://elsewhere.example:5432/app"}),
    ("relational_db", {"datasourceURL": "jdbc:postgresql://db.example.com:5432/other"}),
    ("amqp", {"port": 5672}),
    ("amqp", {"protocol": "amqp"}),
    ("aws", {"region": "eu-west-1"}),
    ("nats", {"tls": "NONE"}),
]


@pytest.mark.parametrize(("type", "change"), DESTINATIONS)
def test_a_kept_secret_does_not_follow_to_another_destination(api, service, database, type, change):
    save(api, item("one", type))
    before = dump(database)
    shown = read(api)["configuration"]

    answer = configure(api, "one", type, **{**shown, **change})

    secrets = [key for key in EXAMPLES[type] if key in service.catalogue[type].secrets]
    assert answer.json()["code"] == "secret_reentry_required"
    assert problems(answer) == [(0, "secret_reentry_required", f"/configuration/{key}") for key in secrets]
    assert dump(database) == before


@pytest.mark.parametrize(("type", "change"), DESTINATIONS)
def test_entered_again_a_secret_goes_along_and_is_sealed_anew(api, database, type, change):
    save(api, item("one", type))
    sealed = query(database, "SELECT sealed FROM secrets")

    answer = configure(api, "one", type, **{**EXAMPLES[type], **change})

    assert set(told(answer).values()) == {"replaced"}
    assert resolve(api) == {**EXAMPLES[type], **change}
    now = query(database, "SELECT sealed FROM secrets WHERE last_version IS NULL")
    assert not set(now) & set(sealed)


@pytest.mark.parametrize(
    "endpoint",
    [ENDPOINT + "/v2", ENDPOINT + ":443", "https://API.openai.com/", None],
    ids=["path", "usual port", "case", "default"],
)
def test_another_spelling_of_the_same_destination_keeps_the_secret(api, endpoint):
    configure(api, api_key="sk", endpoint=ENDPOINT)

    answer = configure(api, **({"endpoint": endpoint} if endpoint else {}))

    assert (answer.status_code, told(answer)) == (200, {"/configuration/api_key": "kept"})


URLS = [
    ("relational_db", "datasourceURL", JDBC + "?user=u&password=made-up", JDBC),
    (
        "mongovectordb",
        "endpoint",
        "mongodb://robot:made-up@db.example:27017/x",
        "mongodb://db.example:27017/x",
    ),
    ("openai", "endpoint", "https://robot:made-up@api.openai.com/v1", "https://api.openai.com/v1"),
    (
        "azure_service_bus",
        "endpoint",
        "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey=made-up",
        "Endpoint=sb://ns.servicebus.windows.net/",
    ),
]


@pytest.mark.parametrize(("type", "place", "url", "redacted"), URLS)
def test_a_url_that_carries_credentials_is_sealed_whole_and_shown_without_them(
    api, type, place, url, redacted
):
    saved = configure(api, "one", type, **{**EXAMPLES[type], place: url})

    assert read(api)["configuration"][place]["$secret"]["redacted"] == redacted
    assert url not in saved.text + api.get(f"{API}/provider/one/history").text
    assert resolve(api)[place] == url


@pytest.mark.parametrize(("type", "place", "url", "redacted"), URLS)
def test_a_text_saved_over_a_sealed_url_replaces_the_whole_of_it(api, type, place, url, redacted):
    example = {**EXAMPLES[type], place: url}
    configure(api, "one", type, **example)

    answer = configure(api, "one", type, **{**example, place: redacted})

    assert told(answer)[f"/configuration/{place}"] == "cleared"
    assert resolve(api)[place] == read(api)["configuration"][place] == redacted


def test_a_kept_sealed_url_does_not_move_with_another_key_either(api):
    example = EXAMPLES["relational_db"] | {"datasourceURL": JDBC + "?password=a"}
    configure(api, "one", "relational_db", **example)

    answer = configure(api, "one", "relational_db", jdbcDriver="Other", user="robot", password="made-up")

    assert problems(answer) == [(0, "secret_reentry_required", "/configuration/datasourceURL")]


def test_a_url_with_more_than_one_reading_is_refused_and_not_repeated(api):
    answer = configure(api, api_key="sk", endpoint="https://user:made-up\\@api.openai.com@evil.example")

    assert problems(answer) == [(0, "unreadable_url", "/configuration/endpoint")]
    assert "evil" not in answer.text


def test_a_file_is_taken_as_the_text_it_is(api):
    configure(api, "one", "gcp", projectName="p", environment="e", file="S0VZ\n")

    assert resolve(api)["file"] == "S0VZ\n"


@pytest.mark.parametrize("text", ["made-up", "wrong"])
def test_a_dry_run_never_tells_one_who_may_not_reveal_whether_a_guess_was_right(api, key, text):
    guess = item("one", "ollama", configuration={"endpoint": "http://localhost:11434", "api_key": text})
    save(api, item("one", "ollama", configuration=guess["configuration"] | {"api_key": "made-up"}))

    answer = save(api, guess, headers={"X-Authorization": key("editor")}, dryRun="true")

    [result] = answer.json()["results"]
    assert result == {
        "name": "one",
        "result": "updated",
        "version": 2,
        "changed": ["/configuration/api_key"],
        "secrets": {"/configuration/api_key": "provided"},
    }


def test_one_who_may_reveal_is_told(api):
    save(api, item())

    assert told(save(api, item(description="new"), dryRun="true")) == {"/configuration/api_key": "unchanged"}


def tamper(database, sql, *parameters):
    with sqlite3.connect(database) as connection:
        changed = connection.execute(sql, parameters).rowcount
    connection.close()
    assert changed > 0


DAMAGE = {
    "endpoint in the document": "UPDATE integration_versions SET document = replace(document, "
    "'api.openai.com', 'evil.example')",
    "destination column": "UPDATE secrets SET destination = randomblob(32)",
    "rule column": "UPDATE secrets SET rule = rule + 1",
    "path column": "UPDATE secrets SET path = '/other' || version",
    "version column": "UPDATE secrets SET version = version + 7",
    "sealed bytes": "UPDATE secrets SET sealed = zeroblob(length(sealed))",
    "sealed bytes cut": "UPDATE secrets SET sealed = substr(sealed, 1, 20)",
    "row gone": "DELETE FROM secrets",
    "an earlier document": "UPDATE integrations SET version = 1",
    "type": "UPDATE integrations SET type = 'anthropic'",
    "type that is not loaded": "UPDATE integrations SET type = 'unheard_of'",
    "owner": "UPDATE integrations SET uuid = randomblob(16)",
}


@pytest.mark.parametrize("sql", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_reveal_refuses_a_record_that_was_changed_behind_its_back(api, database, sql):
    configure(api, api_key="sk-start", endpoint=ENDPOINT)
    configure(api, api_key="sk-first", endpoint=ENDPOINT)
    tamper(database, sql)

    answer = api.get(f"{API}/provider/one/resolved")

    assert answer.status_code in {500, 503}
    assert answer.json()["code"] in {"secret_damaged", "secret_wrong_key", "type_not_loaded"}
    assert "sk-first" not in answer.text


def swap(database):
    """Give every sealed value the place of the next."""
    rows = query(database, "SELECT id, sealed FROM secrets ORDER BY id")
    for (row, _), (_, sealed) in zip(rows, rows[1:] + rows[:1], strict=True):
        tamper(database, "UPDATE secrets SET sealed = ? WHERE id = ?", sealed, row)


@pytest.mark.parametrize("where", ["records", "paths", "versions", "workspaces"])
def test_a_sealed_value_in_another_place_is_refused_there(api, key, database, where):
    if where == "paths":
        save(api, item("one", "aws"))
    elif where == "versions":
        configure(api, api_key="sk-1")
        configure(api, api_key="sk-2")
    else:
        other = {"X-Authorization": key("admin", workspace="other" if where == "workspaces" else "default")}
        save(api, item(configuration={"api_key": "sk-1"}))
        save(api, item("two", configuration={"api_key": "sk-2"}), headers=other)
    swap(database)

    answer = api.get(f"{API}/provider/one/resolved")

    assert answer.status_code in {500, 503}
    assert answer.json()["code"] in {"secret_damaged", "secret_wrong_key", "type_not_loaded"}
    assert "sk-" not in answer.text
