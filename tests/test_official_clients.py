"""Official clients, as they are on PyPI, lead an integration's whole life against a real server.

1.1.10 has no tag methods of its own (they return at once) and lists neither names nor available apis; its
generated client has them all. No version can read the definitions of connector types.
"""

import base64
import os
import re
import subprocess
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import official_clients
from credenza.model import Role
from credenza.settings import Settings, open_credenza
from credenza.workspace.listing import CHUNK
from web_server import serve

pytestmark = pytest.mark.system("conductor-python")
MODEL = "org/model:1.2 β"
OLDEST = "1.1.10"
HOUR = 3_600_000  # milliseconds
MANY = 2 * CHUNK + 1


@contextmanager
def opened(folder, **options):
    """Give a service over a store of its own, its address, and the id and the secret of a key to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENZA_CLIENTS_KEK", base64.b64encode(os.urandom(32)).decode())
        options = {"kek": "env://CREDENZA_CLIENTS_KEK", "access_log": False, **options}
        settings = Settings.read({}, store=f"sqlite:///{folder}/credenza.db", **options)
        with closing(open_credenza(settings, serving=True, create=True)) as service, serve(service) as url:
            key = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test")
            yield service, url, key.key.id, key.secret.reveal()


@pytest.fixture(scope="module", params=official_clients.VERSIONS)
def version(request):
    return request.param


@pytest.fixture(scope="module")
def life(version, tmp_path_factory):
    with opened(tmp_path_factory.mktemp("life")) as (_, *credential):
        return official_clients.tell(version, "life", *credential)


def test_the_example_of_the_readme_gives_a_client_that_answers(version, tmp_path):
    """With its address, key id and secret in place of those that stand there."""
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    [example] = [
        each for each in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "conductor" in each
    ]
    with opened(tmp_path) as (_, url, key_id, secret):
        program = example.replace("http://127.0.0.1:8080", url)
        program = program.replace('"…"', repr(key_id), 1).replace('"…"', repr(secret), 1)
        ask = f"{program}\nprint(integrations.get_integrations())"
        done = subprocess.run(
            [official_clients.prepare(version), "-I", "-c", ask], capture_output=True, text=True, check=True
        )

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.fixture(scope="module")
def bulk(version, tmp_path_factory):
    with opened(tmp_path_factory.mktemp("bulk")) as (_, *credential):
        return official_clients.tell(version, "bulk", *credential)


@pytest.fixture(scope="module")
def lenient(version, tmp_path_factory):
    with opened(tmp_path_factory.mktemp("lenient"), validation="lenient") as (_, *credential):
        return official_clients.tell(version, "lenient", *credential)


@pytest.fixture(scope="module")
def renewal(version, tmp_path_factory):
    with opened(tmp_path_factory.mktemp("renewal")) as (service, url, key_id, secret):
        now = service.accounts._clock
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(service.accounts, "_clock", lambda: now() - 2 * HOUR)
            expired = service.accounts.issue_token(key_id, secret)
        return official_clients.tell(version, "renewal", url, key_id, secret, expired)


def returned(step):
    """Return what a step returned; one that raised fails here, with what it raised."""
    assert "raised" not in step, step
    return step["returned"]


def refused(step, status):
    """Return the message of a step that had to be refused."""
    assert (step.get("raised"), step.get("status")) == ("ApiException", status), step
    return step["message"]


def names(entries, field="name"):
    return [entry[field] for entry in entries]


def pairs(tags):
    return [(tag["key"], tag["value"]) for tag in tags]


# From the first save to the last delete


def test_the_client_exchanges_its_key_for_a_token(life):
    assert returned(life["have a token"]) == "crdt_"


@pytest.mark.parametrize(
    "step",
    [
        "save",
        "save one that is off",
        "save an api",
        "save an api with nothing said",
        "save an api that is off",
        "tag",
        "tag an api",
        "untag an api",
        "tag through the generated client",
        "tag the same again",
        "untag by a single object",
        "register use",
        "register more",
        "associate a prompt",
        "associate it again",
        "update",
        "update an api",
        "delete an api",
        "delete",
    ],
)
def test_every_write_is_taken(life, step):
    assert returned(life[step]) is None


def test_an_integration_reads_as_it_was_saved_and_its_secret_does_not_come_back(life):
    read = returned(life["read"])

    assert (read["name"], read["type"], read["category"]) == ("ai", "openai", "AI_MODEL")
    assert (read["description"], read["enabled"], read["models_count"]) == ("First", True, 3)
    assert list(read["configuration"]) == ["api_key"]
    assert list(read["configuration"]["api_key"]) == ["$secret"]
    assert read["created_by"].startswith("key:")


def test_an_integration_that_is_off_reads_so(life):
    assert returned(life["read one that is off"])["enabled"] is False


@pytest.mark.parametrize(
    "step",
    [
        "read one that is not there",
        "read an api that is not there",
        "read an api of an integration that is not there",
        "read the api that is gone",
        "read what is gone",
        "read an api of what is gone",
    ],
)
def test_what_is_not_there_or_no_longer_reads_as_none(life, step):
    assert returned(life[step]) is None


def test_an_api_reads_as_it_was_saved(life):
    read = returned(life["read an api"])

    assert (read["integration_name"], read["api"]) == ("ai", "gpt-4o")
    assert (read["description"], read["enabled"], read["tags"]) == ("Large", True, [])
    assert read["configuration"] == {"temperature": 0.5}


def test_an_api_of_which_nothing_was_said_is_on_and_keeps_the_slash_in_its_name(life):
    read = returned(life["read an api with a slash"])

    assert (read["integration_name"], read["api"], read["enabled"]) == ("ai", MODEL, True)


def test_a_list_has_those_that_are_on_unless_all_are_asked_for(life):
    assert names(returned(life["list"])) == ["ai"]
    assert names(returned(life["list those that are off too"])) == ["ai", "off"]
    assert names(returned(life["list apis"]), "api") == ["gpt-4o", MODEL]
    assert names(returned(life["list apis that are off too"]), "api") == ["gpt-4o", MODEL, "old"]


def test_a_list_of_a_type_has_only_that_type(life):
    assert returned(life["list by type"]) == []
    assert returned(life["list the names by type"]) == []


def test_names_are_listed_as_provider_and_api(life):
    assert returned(life["list the names"]) == ["ai:gpt-4o", f"ai:{MODEL}"]


def test_available_apis_are_listed_by_their_names(life):
    assert returned(life["list available apis"]) == ["gpt-4o", MODEL, "old"]


def test_no_version_has_a_model_for_the_definitions_that_it_is_sent(life):
    """The client fails at the first definition of the answer: an error of ours would be an ApiException."""
    assert life["list definitions"]["raised"] == "AttributeError"
    assert "IntegrationDef" in life["list definitions"]["message"]


def test_tags_are_added_read_and_removed(life, version):
    expected = [] if version == OLDEST else [("team", "search"), ("tier", "1")]
    for step in ("read tags", "read an api's tags"):
        assert pairs(returned(life[step]) or []) == expected
    assert pairs(returned(life["read an api's other tags"]) or []) == expected[1:]


def test_the_generated_client_of_every_version_adds_reads_and_removes_tags(life):
    assert pairs(returned(life["read all tags"])) == [("team", "search"), ("tier", "1")]
    assert pairs(returned(life["read the other tags"])) == [("tier", "1")]
    assert pairs(returned(life["read a tagged integration"])["tags"]) == [("tier", "1")]


def test_the_tokens_that_an_api_used_are_counted(life):
    assert returned(life["read the use of an api before"]) == 0
    assert returned(life["read the use of an api"]) == 12
    assert returned(life["read the use of an integration"])[MODEL] == "12"


def test_a_prompt_is_associated_with_one_api_once(life):
    assert names(returned(life["read prompts"])) == ["greet/ü"]
    assert returned(life["read the prompts of another api"]) == []


def test_an_update_keeps_the_secret_and_all_that_it_does_not_say(life):
    before, after = returned(life["read"]), returned(life["read what was updated"])

    assert (after["description"], after["enabled"], after["category"]) == ("Second", True, "AI_MODEL")
    assert after["configuration"] == before["configuration"]


def test_an_update_of_an_api_keeps_all_that_it_does_not_say(life):
    before, after = returned(life["read an api"]), returned(life["read the api that was updated"])

    assert after["description"] == "Larger"
    assert (after["enabled"], after["configuration"]) == (before["enabled"], before["configuration"])


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ("change the type", 400),
        ("save an unknown type", 404),
        ("save an api of nothing", 404),
        ("delete the api again", 404),
        ("list apis of what is gone", 404),
        ("delete again", 404),
    ],
)
def test_a_refusal_reaches_the_client_with_its_status_and_a_sentence(life, step, status):
    message = refused(life[step], status)

    assert message.endswith(".")
    assert "made-up" not in message


# Saved in bulk, read one by one


def test_what_a_bulk_saved_is_read_back_by_the_client(bulk):
    read, other = returned(bulk["read"]), returned(bulk["read the other"])

    assert returned(bulk["save"])["created"] == 2
    assert (read["name"], read["type"], read["enabled"]) == ("bulk", "openai", True)
    assert read["configuration"]["organizationId"] == "org-1"
    assert list(read["configuration"]["api_key"]) == ["$secret"]
    assert pairs(read["tags"]) == pairs(returned(bulk["read tags"])) == [("team", "search")]
    assert (other["name"], other["category"], other["enabled"]) == ("vectors", "VECTOR_DB", False)
    assert names(returned(bulk["list"])) == ["bulk", "vectors"]


def test_the_apis_of_a_bulk_are_read_back_by_the_client(bulk):
    assert names(returned(bulk["list apis"]), "api") == ["gpt-4o", MODEL]
    assert returned(bulk["read an api"])["description"] == "Named like a path"
    assert returned(bulk["list the names"]) == ["bulk:gpt-4o", f"bulk:{MODEL}", "vectors"]


def test_saving_what_was_read_changes_nothing(bulk):
    receipt = returned(bulk["save what was read"])

    assert [item["result"] for item in receipt["results"]] == ["unchanged", "unchanged"]


def test_a_list_that_is_sent_in_parts_is_read_whole(version, tmp_path):
    with opened(tmp_path) as (_, *credential):
        many = official_clients.tell(version, "many", *credential, str(MANY))

    assert returned(many["save"])["created"] == MANY
    assert sorted(returned(many["list"])) == sorted(f"ai-{number}" for number in range(MANY))


# A token that is no longer good, a role that may not


def test_an_expired_token_is_renewed_and_the_call_repeated(renewal):
    assert returned(renewal["read with an expired token"]) == []
    assert returned(renewal["have another token"]) is True


def test_a_bad_token_is_renewed_too_except_by_the_oldest_which_is_told_why(renewal, version):
    step = renewal["read with a bad token"]
    if version == OLDEST:
        assert (step["raised"], step["status"]) == ("AuthorizationException", 401)
    else:
        assert returned(step) == []


def test_what_a_role_may_not_do_is_refused_without_asking_for_another_token(version, tmp_path):
    with opened(tmp_path) as (service, url, *_):
        made = service.accounts.create_key(service.tenant(), Role.VIEWER, by="test")
        viewer = official_clients.tell(version, "viewer", url, made.key.id, made.secret.reveal())

    assert returned(viewer["read"]) == []
    assert (viewer["save"]["raised"], viewer["save"]["status"]) == ("AuthorizationException", 403)
    assert returned(viewer["keep the token"]) is True


# A server that takes what is not complete


def test_a_lenient_server_takes_what_the_clients_own_tests_save(lenient):
    for step in ("save with a foreign key", "save with nothing", "save an api"):
        assert returned(lenient[step]) is None
    for name in ("foreign", "bare"):
        read = returned(lenient[f"read {name}"])
        assert (read["name"], read["type"], read["enabled"]) == (name, "openai", True)


@pytest.mark.parametrize("name", ["foreign", "bare"])
def test_the_record_then_says_what_is_missing(lenient, name):
    read = returned(lenient[f"read all of {name}"])

    assert (read["complete"], read["missing"]) == (False, ["/api_key"])
    assert "210987654321" not in str(read)
