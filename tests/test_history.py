"""Every change is a version: listed, compared without values, brought back; ten keep their secrets."""

import time

import pytest

from examples import API, dump, item, problems, query, read, resolve, save

ONE = f"{API}/provider/one"


def configure(api, headers=None, **configuration):
    return save(api, item(configuration=configuration), headers=headers)


def rollback(api, version, **request):
    return api.post(f"{ONE}/rollback", json={"version": version}, **request)


def versions(api):
    return api.get(f"{ONE}/history").json()["versions"]


def test_the_history_lists_every_change_newest_first_by_key_path_and_word(api):
    configure(api, api_key="sk-1", organizationId="org-1")
    configure(api, api_key="sk-2")
    configure(api, api_key="sk-2")
    save(api, item(configuration=None, description="text", apis=[{"integrationName": "one", "api": "a/b"}]))

    listed = versions(api)

    told = [(v["version"], [(c["pointer"], c["change"]) for c in v["changes"]]) for v in listed]
    assert told == [
        (3, [("/description", "changed"), ("/apis/a~1b", "added")]),
        (2, [("/configuration/organizationId", "removed"), ("/configuration/api_key", "secret_replaced")]),
        (1, []),
    ]
    assert all(each["createdBy"].startswith("key:") and each["createTime"] > 0 for each in listed)


def test_the_history_comes_in_pages(api):
    for number in range(5):
        configure(api, api_key=f"sk-{number}")

    page = api.get(f"{ONE}/history", params={"limit": 2, "before": 4}).json()["versions"]

    assert [each["version"] for each in page] == [3, 2]


def test_two_versions_are_compared_without_a_value(api):
    configure(api, api_key="sk-1", organizationId="org-1")
    configure(api, api_key="sk-2", organizationId="org-2", endpoint="https://api.openai.com/v1")

    answer = api.get(f"{ONE}/history/2", params={"against": 1})

    assert {each["pointer"]: each["change"] for each in answer.json()["changes"]} == {
        "/configuration/organizationId": "changed",
        "/configuration/endpoint": "added",
        "/configuration/api_key": "secret_replaced",
    }
    assert not any(value in answer.text for value in ("sk-", "org-", "https"))


def test_an_earlier_version_is_shown_as_it_was(api):
    configure(api, api_key="sk-1", organizationId="org-1")
    configure(api, api_key="sk-2")

    shown = api.get(f"{ONE}/history/1").json()

    assert (shown["version"], shown["configuration"]["organizationId"]) == (1, "org-1")
    assert shown["configuration"]["api_key"]["$secret"]["version"] == 1


@pytest.mark.parametrize("version", [0, 2, -1, 2**31, 2**63, 10**30])
def test_a_version_that_does_not_exist_is_not_found(api, version):
    configure(api, api_key="sk")

    assert api.get(f"{ONE}/history/{version}").status_code == 404
    assert rollback(api, version).status_code == 404


def test_a_rollback_is_a_new_version_that_says_what_the_old_one_said_secrets_included(api):
    first = item(
        configuration={"api_key": "sk-1", "organizationId": "org-1"},
        description="first",
        tags=[{"key": "team", "value": "a"}],
        apis=[{"integrationName": "one", "api": "a"}],
    )
    save(api, first)
    configure(api, api_key="sk-2", endpoint="https://elsewhere.example")
    save(api, item(configuration=None, description="second", tags=[], enabled=False))

    answer = rollback(api, 1)

    assert answer.json()["results"][0]["secrets"] == {"/configuration/api_key": "replaced"}
    shown = read(api)
    assert (shown["version"], shown["description"], shown["enabled"]) == (4, "first", True)
    assert shown["tags"] == first["tags"]
    assert resolve(api) == first["configuration"]
    assert rollback(api, 2).status_code == 200
    assert resolve(api) == {"api_key": "sk-2", "endpoint": "https://elsewhere.example"}


def test_a_rollback_brings_a_cleared_secret_back_and_takes_a_later_one_away(api):
    llama = {"endpoint": "http://localhost:11434"}
    save(api, item(type="ollama", configuration={**llama, "api_key": "first"}))
    save(api, item(type="ollama", configuration={**llama, "api_key": None}))
    save(api, item(type="ollama", configuration={**llama, "api_key": "second"}))

    rollback(api, 2)
    assert resolve(api) == llama
    rollback(api, 1)
    assert resolve(api)["api_key"] == "first"
    rollback(api, 3)
    assert resolve(api)["api_key"] == "second"


def test_a_rollback_to_what_is_changes_nothing(api, database):
    configure(api, api_key="sk")
    save(api, item(configuration=None, description="a"))
    save(api, item(configuration=None, description=""))
    save(api, item(configuration=None, description="a"))
    before = dump(database)

    answer = rollback(api, 2)

    assert (answer.json()["unchanged"], dump(database)) == (1, before)


def test_an_api_that_was_changed_and_changed_back_is_no_difference(api):
    for enabled in (True, False, True):
        save(api, item(apis=[{"integrationName": "one", "api": "x", "enabled": enabled}]))
        time.sleep(0.003)

    assert api.get(f"{ONE}/history/3", params={"against": 1}).json()["changes"] == []
    assert rollback(api, 1).json()["unchanged"] == 1


def test_what_was_rolled_back_can_be_saved_again_by_the_very_same_text(api):
    configure(api, api_key="sk-1")
    configure(api, api_key="sk-2")
    rollback(api, 1)

    assert configure(api, api_key="sk-2").json()["updated"] == 1
    assert resolve(api)["api_key"] == "sk-2"


def test_a_rollback_rehearsed_answers_the_same_and_writes_nothing(api, database):
    configure(api, api_key="sk-1")
    configure(api, api_key="sk-2")
    before = dump(database)

    planned = rollback(api, 1, params={"dryRun": "true"})

    assert dump(database) == before
    assert planned.json() == rollback(api, 1).json() | {"dryRun": True}


def test_the_last_ten_versions_keep_their_secrets_and_older_ones_are_destroyed(api, database):
    for number in range(1, 13):
        configure(api, api_key=f"sk-{number}")

    assert query(database, "SELECT version FROM secrets ORDER BY version") == [(v,) for v in range(3, 13)]
    assert problems(rollback(api, 2)) == [(0, "secret_reentry_required", "/configuration/api_key")]
    assert rollback(api, 3).status_code == 200
    assert resolve(api)["api_key"] == "sk-3"


def test_a_secret_that_is_still_in_use_is_never_destroyed(api):
    configure(api, api_key="sk")
    for number in range(15):
        save(api, item(configuration=None, description=str(number)))

    assert resolve(api)["api_key"] == "sk"
    assert rollback(api, 1).status_code == 200


def test_a_rollback_that_is_refused_for_a_destroyed_secret_changes_nothing(api, database):
    for number in range(1, 13):
        configure(api, api_key=f"sk-{number}")
    before = dump(database)

    assert rollback(api, 1).status_code == 400
    assert dump(database) == before


def test_nothing_of_a_deleted_integration_comes_back_under_its_name(api):
    configure(api, api_key="sk-old")
    configure(api, api_key="sk-older")
    api.delete(ONE)

    refused = save(api, {"name": "one", "type": "openai", "configuration": {}})
    assert problems(refused) == [(0, "required", "/configuration/api_key")]
    save(api, item(type="anthropic"))

    assert [each["version"] for each in versions(api)] == [1]
    assert rollback(api, 2).status_code == 404
    assert read(api)["type"] == "anthropic"


@pytest.mark.parametrize("how", ["header", "weak header", "field"])
def test_a_save_expecting_another_version_is_refused_with_412(api, database, how):
    configure(api, api_key="sk-1")
    configure(api, api_key="sk-2")
    before = dump(database)

    def send(version):
        if how == "field":
            return save(api, item(configuration={"api_key": "sk-3"}, expectedVersion=version))
        mark = f'W/"{version}"' if how == "weak header" else f'"{version}"'
        return configure(api, {"If-Match": mark}, api_key="sk-3")

    refused = send(1)
    assert (refused.status_code, refused.json()["code"]) == (412, "version_mismatch")
    assert dump(database) == before
    assert send(2).json()["updated"] == 1


def test_even_a_save_that_would_change_nothing_is_held_to_its_expectation(api):
    configure(api, api_key="sk")

    assert configure(api, {"If-Match": '"9"'}, api_key="sk").status_code == 412
    assert save(api, item(expectedVersion=9)).status_code == 412


def test_expecting_a_version_of_what_is_not_there_is_refused(api):
    assert save(api, item(expectedVersion=1)).status_code == 412
    assert api.delete(ONE, headers={"If-Match": '"1"'}).status_code == 412


def test_expecting_version_0_means_that_nothing_is_there_yet(api):
    assert save(api, item(expectedVersion=0)).status_code == 200
    assert save(api, item(expectedVersion=0)).status_code == 412


def test_a_read_gives_the_version_that_the_next_save_may_expect(api):
    configure(api, api_key="sk")

    mark = api.get(ONE).headers["ETag"]

    assert mark == '"1"'
    assert configure(api, {"If-Match": mark}, api_key="sk-2").status_code == 200


def test_a_delete_and_a_rollback_expect_versions_too(api):
    configure(api, api_key="sk-1")
    configure(api, api_key="sk-2")

    assert rollback(api, 1, headers={"If-Match": '"1"'}).status_code == 412
    assert api.delete(ONE, headers={"If-Match": '"1"'}).status_code == 412
    for version, status in ((1, 412), (2, 200)):
        headers = {"If-Match": f'"{version}"'}
        assert api.delete(f"{ONE}?dryRun=true", headers=headers).status_code == status
    assert api.delete(ONE, headers={"If-Match": '"2"'}).status_code == 200


def test_one_missed_expectation_stops_the_whole_batch(api, database):
    configure(api, api_key="sk")
    before = dump(database)

    answer = save(api, item("two"), item(expectedVersion=7))

    assert [(e["index"], e["name"], e["pointer"]) for e in answer.json()["errors"]] == [
        (1, "one", "/expectedVersion")
    ]
    assert (answer.status_code, dump(database)) == (412, before)


def test_if_match_goes_with_one_integration_only(api):
    answer = save(api, item(), item("two"), headers={"If-Match": '"1"'})

    assert answer.json()["code"] == "if_match_needs_one_item"
