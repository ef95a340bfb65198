"""A type changes: what is stored moves along, with secrets and history, and what does not fit is not lost."""

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.errors import Clash, Forbidden, Invalid
from credenza.model import Actor, AddPrompt, Amend, ApiPut, Migrate, Role, Tag, TokenLimit
from credenza.sensitive import Sensitive
from credenza.stores.sqlite.transaction import SqliteTx
from credenza.workspace import Mode
from examples import query
from type_versions import (
    ADDRESS,
    FIRST,
    MOVES,
    SECOND,
    SECRET,
    URL,
    Ages,
    clear,
    key,
    old,
    put,
    reasons,
    results,
    verbs,
)


@pytest.fixture
def ages(open_service, tmp_path):
    return Ages(open_service, tmp_path / "types")


def refused(call):
    with pytest.raises(Invalid) as caught:
        call()
    return [(problem.code, problem.pointer) for problem in caught.value.problems]


def test_a_migration_renames_maps_sets_removes_and_seals_and_keeps_every_secret(ages):
    ages.begin().apply([put("one", old(pin="1234", mode="quick", legacy="x"), inner="of the api")])

    later = ages.go_on()
    assert results(later.migrate(["one"])) == {"one": "updated"}

    assert clear(later) == {"url": ADDRESS, "api_key": "sk-made-up", "pin": "1234", "mode": "fast"}
    assert later.reveal("one").apis["model"].reveal() == {"api_key": "of the api"}
    shown = later.view("one")
    assert (shown.record.version, shown.record.type_version, shown.document.unfit) == (2, 2, ())
    assert set(shown.document.secrets) == {"/api_key", "/pin"}


def test_history_says_from_which_version_to_which(ages):
    ages.begin().apply([put("one", old())])
    later = ages.go_on()
    later.migrate(["one"])

    edits = {edit.pointer: edit.change for edit in later.history("one")[0].edits}

    assert edits["/typeVersion"] == "migrated from 1 to 2"
    assert edits["/configuration/api_key"] == "secret_set"


def test_a_value_that_becomes_a_secret_is_one_difference(ages):
    ages.begin().apply([put("one", old(pin="1234"))])
    later = ages.go_on()

    [item] = later.migrate(["one"]).items

    assert sorted(item.changed) == sorted(set(item.changed))
    told = [(edit.pointer, edit.change) for edit in later.history("one")[0].edits]
    assert [each for each in told if each[0] == "/configuration/pin"] == [
        ("/configuration/pin", "secret_set")
    ]
    assert [each for each in later.difference("one", 1, 2) if each[0] == "/configuration/mode"] == [
        ("/configuration/mode", "added")
    ]


def test_apis_whose_secrets_are_sealed_anew_say_by_whom_wherever_they_are_listed(ages):
    ages.begin().apply([put("one", old(), inner="x")])
    ages.go_on()
    mover = ages.service.workspace(Actor(ages.service.tenant(), "mover", Role.ADMIN))

    mover.migrate(["one"])

    [api] = mover.view("one").document.apis
    assert api.updated_by == "mover"
    assert query(ages.service.store.path, "SELECT updated_by FROM integration_apis") == [("mover",)]


def is_masked(text):
    """Tell whether a text is none that can be a secret."""
    return all(letter in "*•" or letter.isspace() for letter in text)


texts = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=12)
modes = {"quick": "fast", "5": "slow", "fast": "fast", "slow": "slow"}
stored = st.fixed_dictionaries(
    {"endpoint": st.sampled_from([ADDRESS, "https://u:p@acme.example/x"]), "apiKey": texts},
    optional={"pin": texts, "mode": st.sampled_from([*modes]), "legacy": texts},
).filter(lambda each: not any(is_masked(text) for text in each.values()))


def expected(first):
    """What the steps of the second version are documented to make of a configuration."""
    second = {"url": first["endpoint"], "api_key": first["apiKey"], "mode": modes[first.get("mode", "slow")]}
    return second | ({"pin": first["pin"]} if "pin" in first else {})


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(configurations=st.lists(stored, min_size=8, max_size=16))
def test_a_migrated_configuration_is_the_documented_one_secrets_and_all(
    open_service, tmp_path, configurations
):
    with_name = {f"r{at}": each for at, each in enumerate(configurations)}
    ages = Ages(open_service, tmp_path / "types")
    first = ages.begin()
    for name in [view.record.name for view in first.list()]:
        first.delete(name).result()
    first.apply([put(name, each) for name, each in with_name.items()])
    later = ages.go_on()

    assert set(results(later.migrate([*with_name])).values()) == {"updated"}
    assert {name: clear(later, name) for name in with_name} == {
        name: expected(each) for name, each in with_name.items()
    }
    ages.service.close()


def test_a_plan_writes_nothing_and_opens_nothing(ages):
    ages.begin().apply([put("one", old(pin="1234"), inner="x")])
    later = ages.go_on()
    before = [
        query(ages.service.store.path, f"SELECT * FROM {t}") for t in ("integrations", "secrets", "audit")
    ]

    plan = later.migrate(["one"], dry_run=True)

    tables = ("integrations", "secrets", "audit")
    assert [query(ages.service.store.path, f"SELECT * FROM {each}") for each in tables] == before
    done = later.migrate(["one"])
    assert set(plan.items[0].changed) == set(done.items[0].changed)
    assert plan.items[0].secrets == done.items[0].secrets


def test_what_was_opened_to_be_sealed_again_is_in_the_audit(ages):
    ages.begin().apply([put("one", old())])
    later = ages.go_on()
    later.migrate(["one"])

    assert verbs(ages.service)[-2:] == ["reseal", "migrate"]
    assert later.verify_audit()[1] == []


def test_one_that_cannot_be_read_fails_by_itself_and_says_nothing_of_what_it_holds(ages):
    ages.begin().apply([put("one", old()), put("two", old())])
    later = ages.go_on()
    query(ages.service.store.path, "UPDATE integration_versions SET document = 'x' WHERE integration_id = 1")

    one, two = later.migrate(["one", "two"]).items

    assert (one.result, [problem.code for problem in one.problems]) == ("failed", ["unreadable"])
    assert two.result == "updated"


def test_a_change_that_touches_no_secret_opens_none(ages):
    ages.begin().apply([put("one", old(mode="a"))])
    later = ages.go_on(
        {**FIRST, "way": FIRST["mode"]}, moves="[{from: 1, to: 2, steps: [{rename: {mode: way}}]}]"
    )
    later.migrate(["one"])

    assert verbs(ages.service)[-1:] == ["migrate"]
    assert "reseal" not in verbs(ages.service)
    assert later.view("one").document.secrets["/apiKey"].version == 1


def test_migrating_again_changes_nothing(ages):
    ages.begin().apply([put("one", old())])
    later = ages.go_on()
    later.migrate(["one"])

    assert results(later.migrate(["one"])) == {"one": "unchanged"}


def test_it_is_for_administrators_and_leaves_a_row_where_it_is_refused(ages):
    ages.begin().apply([put("one", old())])
    ages.go_on()
    editor = ages.workspace(role=Role.EDITOR)

    with pytest.raises(Forbidden):
        editor.migrate(["one"])
    with pytest.raises(Forbidden):
        editor.apply([Migrate("one")])
    assert verbs(ages.service)[-2:] == ["migrate.refused", "save.refused"]


class TestWhatDoesNotFit:
    @pytest.fixture
    def lagging(self, ages):
        ages.begin().apply([put("one", old(pin="1234", mode="odd"), inner="x"), put("two", old())])
        return ages.go_on()

    @pytest.fixture
    def later(self, lagging):
        lagging.migrate(["one", "two"])
        return lagging

    def test_is_marked_and_the_others_move(self, lagging):
        receipt = lagging.migrate(["one", "two"])

        assert results(receipt) == {"one": "marked", "two": "updated"}
        assert reasons(receipt.items[0]) == [("/configuration/mode", "enum")]

    def test_keeps_all_it_says_and_is_resolved_as_before(self, later):
        assert clear(later) == old(pin="1234", mode="odd")
        assert later.reveal("one").apis["model"].reveal() == {"api_key": "x"}
        assert later.view("one").record.type_version == 1
        assert [problem.pointer for problem in later.view("one").document.unfit] == ["/configuration/mode"]

    def test_is_not_marked_twice(self, later):
        again = later.migrate(["one"])

        assert (results(again), again.items[0].changed) == ({"one": "marked"}, ())
        assert later.view("one").record.version == 2

    def test_can_be_changed_apart_from_its_configuration(self, later):
        later.apply([put("one", enabled=False, description="off")])
        later.amend("one", TokenLimit(5, "DAY")).result()

        view = later.view("one")
        assert (view.document.enabled, bool(view.document.unfit)) == (False, True)
        assert clear(later) == old(pin="1234", mode="odd")

    def test_takes_no_configuration_of_an_api_before_its_own_fits(self, later):
        api = ApiPut("model", configuration=Sensitive({"api_key": "y"}))

        found = refused(lambda: later.apply([Amend(name="one", parts=(api,))]))
        assert found == [("needs_reconfiguration", "/apis/0/configuration")]

    def test_ends_with_a_configuration_that_fits_and_secrets_left_out_are_kept(self, later):
        receipt = later.apply([put("one", {"url": ADDRESS, "mode": "fast"})])

        assert later.view("one").document.unfit == ()
        assert clear(later) == {"url": ADDRESS, "mode": "fast", "api_key": "sk-made-up", "pin": "1234"}
        assert later.reveal("one").apis["model"].reveal() == {"api_key": "x"}
        assert receipt.items[0].secrets["/configuration/pin"] == "kept"

    def test_a_secret_that_is_entered_with_the_correction_is_the_new_one(self, later):
        receipt = later.apply([put("one", {"url": ADDRESS, "mode": "fast", "pin": "9"})])

        assert receipt.items[0].secrets["/configuration/pin"] == "replaced"
        assert clear(later)["pin"] == "9"
        assert refused(lambda: later.rollback("one", 1)) != []

    def test_a_correction_may_not_send_the_secrets_elsewhere(self, later):
        found = refused(lambda: later.apply([put("one", {"url": "https://evil.example", "mode": "fast"})]))

        assert ("secret_reentry_required", "/configuration/api_key") in found
        assert later.view("one").record.version == 2

    @pytest.mark.usefixtures("later")
    def test_a_later_migration_takes_it_along(self, ages):
        third = SECOND | {"mode": key(enum=["fast", "slow", "odd"])}
        moves = (ages._folder / "later2/migrations/acme.yaml").read_text() + "\n- {from: 2, to: 3, steps: []}"

        again = ages.go_on(third, moves=moves, version=3)

        assert results(again.migrate(["one", "two"])) == {"one": "updated", "two": "updated"}
        assert again.view("one").document.unfit == ()


class TestWhereSecretsGo:
    def test_another_rule_for_it_seals_them_anew(self, ages):
        first = {"endpoint": URL, "region": key(), "apiKey": SECRET}
        ages.begin(first).apply([put("one", old(region="eu"), inner="x")])
        second = {"endpoint": URL, "region": key(**{"x-destination": "text"}), "apiKey": SECRET}
        moves = "[{from: 1, to: 2, destinations: {endpoint: url}, steps: []}]"

        later = ages.go_on(second, moves=moves, rule=2)

        assert clear(later) == old(region="eu")
        assert results(later.migrate(["one"])) == {"one": "updated"}
        assert clear(later) == old(region="eu")
        assert later.reveal("one").apis["model"].reveal() == {"api_key": "x"}
        assert refused(lambda: later.apply([put("one", {"endpoint": ADDRESS, "region": "us"})])) != []

    @pytest.mark.parametrize(
        "steps",
        [
            "[{map: {endpoint: {'https://acme.example': 'https://other.example'}}}]",
            "[{remove: [endpoint]}, {set: {endpoint: 'https://other.example'}}]",
            "[{rename: {endpoint: region}}], destinations: {endpoint: url, region: text}",
        ],
    )
    def test_steps_that_change_that_do_not_take_them_along(self, ages, steps):
        first = {"endpoint": URL, "region": key(**{"x-destination": "text"}), "apiKey": SECRET}
        ages.begin(first).apply([put("one", old())])

        later = ages.go_on(first, moves=f"[{{from: 1, to: 2, steps: {steps}}}]")
        [item] = later.migrate(["one"]).items

        assert (item.result, item.problems[0].code) == ("marked", "secret_reentry_required")
        assert clear(later) == old()

    def test_a_step_that_makes_a_destination_where_there_was_none_does_not_take_them_along(self, ages):
        first = {"endpoint": URL, "apiKey": SECRET}
        ages.begin(first).apply([put("one", old())])
        steps = "[{set: {tunnel: 'https://other.example'}}]"
        moves = f"[{{from: 1, to: 2, destinations: {{endpoint: url}}, steps: {steps}}}]"

        later = ages.go_on({**first, "tunnel": URL}, moves=moves, rule=2)
        [item] = later.migrate(["one"]).items

        assert (item.result, reasons(item)) == ("marked", [("/configuration/apiKey", "x-destination")])
        assert clear(later) == old()

    def test_a_record_that_was_changed_behind_the_programs_back_takes_none_along(self, ages):
        ages.begin().apply([put("one", old())])
        path = ages.service.store.path
        later = ages.go_on()
        sql = "UPDATE integration_versions SET document = replace(document, 'acme.example', 'evil.example')"
        query(path, sql)

        [item] = later.migrate(["one"]).items

        assert (item.result, reasons(item)) == ("marked", [("/configuration/apiKey", "x-destination")])
        found = refused(lambda: later.apply([put("one", {"url": "https://evil.example", "mode": "fast"})]))
        assert ("secret_reentry_required", "/configuration/api_key") in found

    def test_one_that_cannot_be_opened_is_asked_for_again_and_entering_it_mends_the_record(self, ages):
        ages.begin().apply([put("one", old(), inner="x"), put("two", old())])
        sql = "UPDATE secrets SET sealed = zeroblob(length(sealed)) WHERE path = '/apiKey' AND id = 1"
        query(ages.service.store.path, sql)
        later = ages.go_on()

        one, two = later.migrate(["one", "two"]).items

        assert (one.result, two.result) == ("marked", "updated")
        assert reasons(one) == [
            ("/configuration/apiKey", "sealed"),
            ("/apis/model/configuration/api_key", "sealed"),
        ]
        new = {"url": ADDRESS, "mode": "fast", "api_key": "new"}
        later.apply([put("one", new, inner="y")])
        assert clear(later) == new
        assert later.reveal("one").apis["model"].reveal() == {"api_key": "y"}

    def test_a_secret_is_never_made_public(self, ages):
        ages.begin().apply([put("one", old())])

        later = ages.go_on({**FIRST, "apiKey": key()}, moves=None)
        [item] = later.migrate(["one"]).items

        assert (item.result, reasons(item)) == ("marked", [("/configuration/apiKey", "writeOnly")])


class TestWhatBecameASecret:
    def stored(self, ages):
        path = ages.service.store.path
        rows = query(path, "SELECT document FROM integration_versions ORDER BY version")
        return [row[0] if isinstance(row[0], str) else row[0].decode() for row in rows]

    def test_is_not_shown_in_clear_before_it_is_sealed_and_not_in_history(self, ages):
        ages.begin().apply([put("one", old(pin="1234"))])
        later = ages.go_on()

        for view in (later.view("one"), later.version("one", 1), *later.list()):
            assert list(view.configuration["pin"]) == ["$secret"]
        assert clear(later)["pin"] == "1234"

    def test_does_not_seem_to_be_replaced_by_changes_of_anything_else(self, ages):
        ages.begin().apply([put("one", old(pin="1234", mode="odd"))])
        later = ages.go_on()
        shown = later.view("one").configuration["pin"]

        later.migrate(["one"])
        later.apply([put("one", tags=(Tag("k", "v"),))])

        assert later.view("one").record.version == 3
        assert later.view("one").configuration["pin"] == shown
        assert later.version("one", 2).configuration["pin"] == shown

    def test_is_taken_out_of_every_version_that_is_kept(self, ages):
        first = ages.begin()
        first.apply([put("one", old(pin="before-1"))])
        first.apply([put("one", old(pin="pin-1234"))])
        assert "before-1" in self.stored(ages)[0]

        later = ages.go_on()
        later.migrate(["one"])

        assert not any("before-1" in each or "pin-1234" in each for each in self.stored(ages))

    def test_comes_back_with_the_version_that_held_the_same_value(self, ages):
        first = ages.begin()
        first.apply([put("one", old(pin="before-1"))])
        first.apply([put("one", old(pin="pin-1234"))])
        later = ages.go_on()
        later.migrate(["one"])
        later.apply([put("one", {"url": ADDRESS, "mode": "fast", "pin": "new"})])

        later.rollback("one", 2)

        assert clear(later) == {"url": ADDRESS, "api_key": "sk-made-up", "pin": "pin-1234", "mode": "slow"}
        assert refused(lambda: later.rollback("one", 1)) == [
            ("secret_reentry_required", "/configuration/pin")
        ]

    def test_a_name_that_was_used_again_brings_no_secret_of_another_key_back(self, ages):
        first = {"endpoint": URL, "pin": key(), "old": key()}
        stored = {"endpoint": ADDRESS, "pin": "value-of-pin"}
        begun = ages.begin(first)
        begun.apply([put("one", stored)])
        begun.apply([put("one", stored | {"old": "value-of-old"})])
        # Under both names the same text, so that none of the values tells them apart.
        begun.apply([put("two", stored | {"old": "value-of-pin"})])
        moves = "[{rename: {pin: code}}, {rename: {old: pin}}, {make_secret: [code, pin]}]"
        later = ages.go_on(
            {"endpoint": URL, "code": SECRET, "pin": SECRET}, moves=f"[{{from: 1, to: 2, steps: {moves}}}]"
        )

        assert results(later.migrate(["one", "two"])) == {"one": "updated", "two": "updated"}

        assert clear(later) == {"endpoint": ADDRESS, "code": "value-of-pin", "pin": "value-of-old"}
        assert refused(lambda: later.rollback("one", 1)) == [
            ("secret_reentry_required", "/configuration/pin")
        ]
        assert not any("value-of" in each for each in self.stored(ages))
        kept = [json.loads(each)["secrets"]["/pin"]["version"] for each in self.stored(ages)[:2]]
        assert kept == [1, 1]

    def test_a_key_that_is_removed_and_is_a_secret_from_now_on_is_shown_and_kept_nowhere(self, ages):
        first = ages.begin()
        first.apply([put("one", old(pin="before-1"))])
        first.apply([put("one", old(pin="pin-1234"))])
        moves = "[{from: 1, to: 2, steps: [{rename: {pin: code}}, {remove: [code, mode]}]}]"
        second = {**FIRST, "pin": SECRET}
        del second["mode"]
        later = ages.go_on(second, moves=moves)

        for view in (later.view("one"), later.version("one", 1), *later.list()):
            assert list(view.configuration["pin"]) == ["$secret"]
        assert results(later.migrate(["one"])) == {"one": "updated"}

        assert clear(later) == old()
        assert not any("before-1" in each or "pin-1234" in each for each in self.stored(ages))
        assert list(later.version("one", 2).configuration["pin"]) == ["$secret"]
        assert refused(lambda: later.rollback("one", 1)) == [
            ("secret_reentry_required", "/configuration/pin")
        ]
        later.apply([put("one", old(pin="anew"))])
        assert clear(later)["pin"] == "anew"

    def test_an_address_that_is_removed_and_may_hold_credentials_from_now_on_is_kept_without_them(self, ages):
        first = {"endpoint": URL, "proxy": key()}
        stored = {"endpoint": ADDRESS, "proxy": "https://u:pass-1@p.example"}
        ages.begin(first).apply([put("one", stored)])
        moves = "[{from: 1, to: 2, steps: [{remove: [proxy]}]}]"
        later = ages.go_on({**first, "proxy": URL}, moves=moves)

        assert "pass-1" not in str(later.view("one").configuration)
        later.migrate(["one"])
        assert "pass-1" not in self.stored(ages)[0]

    @pytest.mark.embedded
    def test_is_looked_for_in_history_only_where_something_is_written_and_a_few_versions_at_a_time(
        self, ages, monkeypatch
    ):
        begun = ages.begin()
        for number in range(45):
            begun.apply([put("one", old(pin=f"pin-{number}"))])
        begun.apply([put("two", old(mode="odd"))])
        later = ages.go_on()
        later.migrate(["two"])
        pages = []
        history = SqliteTx.history

        def counted(self, row, **more):
            found = history(self, row, **more)
            pages.append(len(found))
            return found

        monkeypatch.setattr(SqliteTx, "history", counted)
        new = {"url": ADDRESS, "mode": "fast"}

        later.apply([put("one", new)], dry_run=True)
        later.migrate(["one"], dry_run=True)
        later.rollback("one", 3, dry_run=True)
        assert refused(lambda: later.apply([put("one", {**new, "mode": "odd"})])) != []
        later.apply([put("two", description="marked, and stays so")])
        later.migrate(["two"])
        assert sum(pages) == 1  # the version to go back to

        later.apply([put("one", new)])
        assert sum(pages) >= 45
        assert max(pages) <= 20
        assert not any("pin-" in each for each in self.stored(ages)[:46])


class TestMeanwhile:
    def test_a_save_migrates_what_it_is_saved_over(self, ages):
        ages.begin().apply([put("one", old(pin="1234", mode="quick"))])
        later = ages.go_on()

        later.apply([put("one", description="new")])

        assert clear(later) == {"url": ADDRESS, "api_key": "sk-made-up", "pin": "1234", "mode": "fast"}
        assert (later.view("one").record.version, later.view("one").record.type_version) == (2, 2)
        assert verbs(ages.service)[-3:-1] == ["reseal", "save"]

    def test_so_does_one_who_may_not_reveal_and_an_amendment(self, ages):
        ages.begin().apply([put("one", old()), put("two", old())])
        later = ages.go_on()

        ages.workspace(role=Role.EDITOR).apply([put("one", {"url": ADDRESS, "mode": "fast"})])
        ages.workspace(role=Role.EDITOR).amend("two", ApiPut("m")).result()

        assert [clear(later, name)["api_key"] for name in ("one", "two")] == ["sk-made-up", "sk-made-up"]

    def test_saving_back_what_was_read_migrates_it_and_changes_nothing_else(self, ages):
        ages.begin().apply([put("one", old(pin="1234", mode="quick"))])
        later = ages.go_on()

        later.apply([put("one", later.view("one").configuration)])

        assert clear(later) == {"url": ADDRESS, "api_key": "sk-made-up", "pin": "1234", "mode": "fast"}

    def test_a_dry_run_of_a_save_says_what_it_would_do(self, ages):
        ages.begin().apply([put("one", old(pin="1234"))])
        later = ages.go_on()

        dry = later.apply([put("one", {"url": ADDRESS, "mode": "fast"})], dry_run=True)

        assert later.view("one").record.type_version == 1
        wet = later.apply([put("one", {"url": ADDRESS, "mode": "fast"})])
        assert msgspec.structs.replace(dry, dry_run=False) == wet


class TestRollback:
    def test_to_a_version_from_before_migrates_that_forward(self, ages):
        first = ages.begin()
        first.apply([put("one", old(mode="quick"))])
        first.apply([put("one", {"endpoint": "https://b.example", "apiKey": "other", "mode": "5"})])
        later = ages.go_on()
        later.migrate(["one"])

        later.rollback("one", 1)

        assert clear(later) == {"url": ADDRESS, "api_key": "sk-made-up", "mode": "fast"}
        assert later.view("one").record.type_version == 2

    def test_says_what_stands_in_the_way(self, ages):
        first = ages.begin()
        first.apply([put("one", old(mode="odd"))])
        first.apply([put("one", old(mode="quick"))])
        later = ages.go_on()
        later.migrate(["one"])

        assert refused(lambda: later.rollback("one", 1)) == [("not_allowed", "/configuration/mode")]


class TestALaterVersionThanTheProgramHas:
    @pytest.fixture
    def earlier(self, ages):
        ages.begin().apply([put("one", old())])
        ages.go_on().migrate(["one"])
        return ages.back()

    def test_can_be_read(self, earlier):
        assert earlier.view("one").configuration["url"] == ADDRESS
        assert earlier.view("one").record.type_version == 2

    def test_is_left_as_it_is_by_a_migration(self, earlier):
        [item] = earlier.migrate(["one"]).items

        assert (item.result, [problem.code for problem in item.problems]) == ("failed", ["type_outdated"])
        assert earlier.view("one").record.version == 2

    @pytest.mark.parametrize(
        "change",
        [
            lambda w: w.apply([put("one", description="x")]),
            lambda w: w.amend("one", ApiPut("m")).result(),
            lambda w: w.rollback("one", 1),
            lambda w: w.reveal("one"),
        ],
        ids=["save", "amend", "rollback", "reveal"],
    )
    def test_is_not_changed_and_not_resolved_by_another_rule(self, earlier, change):
        with pytest.raises(Clash) as caught:
            change(earlier)
        assert "type_outdated" in {caught.value.code, *(problem.code for problem in caught.value.problems)}

    def test_in_a_batch_item_by_item_the_others_are_saved(self, earlier):
        receipt = earlier.apply([put("one", description="x"), put("two", old())], mode=Mode.PER_ITEM)

        assert results(receipt) == {"one": "failed", "two": "created"}


def test_a_mark_ends_where_the_later_version_of_the_type_is_taken_back(ages):
    ages.begin().apply([put("one", old(mode="odd"))])
    ages.go_on().migrate(["one"])

    earlier = ages.back()

    assert earlier.view("one").document.unfit == ()
    earlier.apply([put("one", description="x")])
    assert clear(earlier) == old(mode="odd")


def test_a_save_of_what_is_at_the_version_of_its_type_asks_the_store_nothing_more(ages):
    def count(workspace, *configurations):
        seen = []
        connection = ages.service.store._writer._connection
        connection.set_trace_callback(lambda statement: seen.append(statement.split()[:3]))
        for configuration in configurations:
            workspace.apply([put("one", configuration)])
        connection.set_trace_callback(None)
        return seen

    before = count(ages.begin(), old(pin="1"), old(pin="2"), old(mode="a"))
    later = ages.go_on()
    later.delete("one").result()
    new = {"url": ADDRESS, "api_key": "sk-made-up", "mode": "fast"}
    after = count(later, {**new, "mode": "slow"}, new, {**new, "mode": "slow"})

    assert len(after) > 20
    assert after == before


class TestLenient:
    @pytest.fixture
    def ages(self, open_service, tmp_path):
        return Ages(lambda name, **more: open_service(name, validation="lenient", **more), tmp_path / "types")

    def test_undeclared_keys_stay_sealed_beside_the_secrets_that_are_bound_to_them(self, ages):
        ages.begin().apply([put("one", old(base="https://b.example", mode="quick"))])
        later = ages.go_on()

        assert results(later.migrate(["one"])) == {"one": "updated"}
        assert clear(later) == {
            "url": ADDRESS,
            "api_key": "sk-made-up",
            "mode": "fast",
            "base": "https://b.example",
        }

    def test_a_key_that_is_declared_no_longer_is_sealed_and_all_secrets_are_bound_to_it(self, ages):
        ages.begin().apply([put("one", old(legacy="x"))])
        kept = {each: rules for each, rules in FIRST.items() if each != "legacy"}
        later = ages.go_on(kept, moves=None)

        assert results(later.migrate(["one"])) == {"one": "updated"}
        assert clear(later) == old(legacy="x")
        assert "/$unknown" in later.view("one").document.secrets

    def test_a_key_that_is_required_now_is_missing_and_does_not_keep_anything_from_moving(self, ages):
        ages.begin().apply([put("one", old())])
        later = ages.go_on({**FIRST, "more": key()}, "more", moves=None)

        assert results(later.migrate(["one"])) == {"one": "updated"}
        assert later.view("one").document.missing == ("/more",)


def test_a_change_without_steps_moves_what_fits_and_marks_what_lacks_a_key(ages):
    ages.begin().apply([put("one", old()), put("two", old(mode="a"))])
    later = ages.go_on(FIRST, "mode", moves=None)

    receipt = later.migrate(["one", "two"])

    assert results(receipt) == {"one": "marked", "two": "updated"}
    assert reasons(receipt.items[0]) == [("/configuration/mode", "required")]


def test_a_rename_never_overwrites_what_holds_a_value(ages):
    ages.begin({**FIRST, "url": URL}).apply([put("one", old(url="https://b.example"))])
    later = ages.go_on(moves=MOVES.replace("steps:", "destinations: {endpoint: url, url: url}\n  steps:"))

    [item] = later.migrate(["one"]).items

    assert (item.result, ("/configuration/url", "rename") in reasons(item)) == ("marked", True)
    assert clear(later) == old(url="https://b.example")


def test_of_a_type_without_secrets_no_history_is_read(ages, monkeypatch):
    ages.begin({"endpoint": key(), "mode": key()}).apply([put("one", {"mode": "a"})])
    later = ages.go_on(
        {"endpoint": key(), "way": key()}, moves="[{from: 1, to: 2, steps: [{rename: {mode: way}}]}]"
    )
    monkeypatch.setattr(SqliteTx, "history", None)

    assert results(later.migrate(["one"])) == {"one": "updated"}
    assert clear(later) == {"way": "a"}


def test_each_workspace_moves_by_itself(ages):
    ages.begin().apply([put("one", old())])
    ages.workspace("other").apply([put("one", old(pin="other"))])
    later = ages.go_on()

    later.migrate(["one"])

    other = ages.workspace("other")
    assert other.view("one").record.type_version == 1
    assert clear(other) == old(pin="other")
    other.migrate(["one"])
    assert clear(other)["pin"] == "other"


def test_tags_limits_prompts_and_descriptions_stay_as_they_are(ages):
    first = ages.begin()
    first.apply([put("one", old(), inner="x", tags=(Tag("k", "v"),), description="d", enabled=False)])
    first.amend("one", TokenLimit(5, "DAY", "model"), AddPrompt("model", "p")).result()
    before = first.view("one").document
    later = ages.go_on()
    later.migrate(["one"])

    after = later.view("one").document
    assert [each.name for each in after.apis[0].prompts] == ["p"]
    for field in ("category", "description", "enabled", "tags", "limits"):
        assert getattr(after, field) == getattr(before, field)
