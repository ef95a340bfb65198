"""What is sealed may decide where other secrets go: changing it asks for them again."""

import pytest

from examples import EXAMPLES, JDBC, item, problems, save

KEEP = {"jdbcDriver": "Postgres", "user": "robot"}
REENTER = [(0, "secret_reentry_required", "/configuration/password")]
KAFKA = {
    "endpoint": "broker.internal:9093",
    "connectionType": "String",
    "protocol": "SASL_SSL/SCRAM-SHA-512",
    "user": "robot",
}


def configure(api, type="relational_db", headers=None, **configuration):
    return save(api, item("one", type, configuration=configuration), headers=headers)


@pytest.fixture
def database(api):
    """Save a database whose URL is sealed for the password in it, with another password beside it."""
    configure(api, **EXAMPLES["relational_db"] | {"datasourceURL": JDBC + "?password=a"})


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "url",
    [
        JDBC + "?password=b",
        JDBC + "?socksProxyHost=evil.example&socksProxyPort=1080",
        JDBC + "?password=a&loggerFile=/tmp/x",
        "jdbc:postgresql://evil.example/app?password=a",
    ],
)
def test_another_sealed_url_keeps_no_secret_beside_it_however_alike_it_looks(api, url):
    assert problems(configure(api, **KEEP, datasourceURL=url)) == REENTER
    assert configure(api, **KEEP, datasourceURL=url, password="new").status_code == 200


@pytest.mark.usefixtures("database")
def test_the_same_sealed_url_keeps_the_secret_beside_it(api):
    assert configure(api, **KEEP, datasourceURL=JDBC + "?password=a").status_code == 200
    assert configure(api, **KEEP).status_code == 200


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("guess", ["a", "wrong"])
def test_one_who_may_not_reveal_is_not_told_whether_a_sealed_url_was_guessed(api, key, guess):
    editor = {"X-Authorization": key("editor")}

    answer = configure(api, **KEEP, datasourceURL=f"{JDBC}?password={guess}", headers=editor)

    assert problems(answer) == REENTER


def test_another_trust_store_keeps_no_password(api):
    configure(api, "kafka", **KAFKA, password="made-up", file="the company's own")

    assert configure(api, "kafka", **KAFKA).status_code == 200
    assert problems(configure(api, "kafka", **KAFKA, file="a stranger's")) == REENTER
    assert problems(configure(api, "kafka", **KAFKA, file=None)) == REENTER
