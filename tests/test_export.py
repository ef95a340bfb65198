"""`credenza export`: integrations in a file, their secrets sealed to public keys or left out."""

import itertools
import json
import os
import re
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from age_keys import DATABASE, MODELS, make_pair, new_store, resolved
from canary import Canaries
from cli_prompt import OPENAI, SENDGRID, Prompt
from credenza.cli import failures
from credenza.cli.documents import convert
from credenza.transfer.documents import name_file, portray, render
from examples import EXAMPLES
from web_server import serve

numbers = itertools.count()


@pytest.fixture
def here(tmp_path, kek):
    return new_store(tmp_path / "here", kek)


@pytest.fixture
def there(tmp_path, kek):
    return new_store(tmp_path / "there", kek)


@pytest.fixture
def stores(here, there):
    return here, there


@pytest.fixture
def pair(tmp_path):
    return make_pair(tmp_path)


def audited(prompt):
    return int(prompt.run("audit", "verify").stdout.split()[0])


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
secrets = texts.filter(re.compile(r"[^*•\s]").search)


@st.composite
def integrations(draw):
    """Draw an integration of any type, with texts of any kind in its secrets and apis."""
    kind = draw(st.sampled_from(sorted(EXAMPLES)))
    configuration = dict(EXAMPLES[kind])
    for key in sorted(
        {"api_key", "password", "file", "externalId", "keyStorePassword"} & configuration.keys()
    ):
        configuration[key] = draw(secrets)
    apis = draw(st.dictionaries(texts.filter(bool), st.none() | secrets, max_size=2))
    name = f"{draw(st.sampled_from(['a', 'aux', 'B .b']))}{next(numbers)}"
    return {
        "name": name,
        "type": kind,
        "description": draw(texts),
        "enabled": draw(st.booleans()),
        "tags": [{"key": "k", "value": draw(texts)}],
        "configuration": configuration,
        "apis": [
            {
                "integrationName": name,
                "api": api,
                "configuration": {} if text is None else {"api_key": text, "x": text},
            }
            for api, text in apis.items()
        ],
    }


@settings(
    max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(
    st.lists(integrations(), min_size=2, max_size=6), st.sampled_from(["x.yaml", "x.json", "x.jsonl", "x/"])
)
def test_what_is_exported_to_a_key_and_imported_with_it_is_the_same(tmp_path, stores, pair, items, file):
    here, there = stores
    public, private = pair
    names = [item["name"] for item in items]
    target = f"{tmp_path}/{next(numbers)}-{file}"
    here.run("apply", "-", input=items)

    here.run("export", target, "--recipient", public, *(f"--names={name}" for name in names))
    told = there.json("import", target, "--identity", private)

    assert (told["created"], [each["needsSecrets"] for each in told["results"]]) == (
        len(items),
        [[]] * len(items),
    )
    assert resolved(there, *names) == resolved(here, *names)
    assert there.json("import", target, "--identity", private)["unchanged"] == len(items)


def test_no_part_of_a_secret_stands_in_a_file_or_an_answer(tmp_path, here, pair):
    canaries = Canaries()
    own, url, model, unknown = (canaries.plant(slot) for slot in ("own", "url", "model", "unknown"))
    api = {"integrationName": "m", "api": "x", "configuration": {"api_key": model, "mine": {unknown: 1}}}
    configuration = {"api_key": own, "endpoint": f"https://u:{url}@a.example"}
    here.run(
        "apply", "-", input=[{"name": "m", "type": "openai", "configuration": configuration, "apis": [api]}]
    )
    written = [tmp_path / "a.yaml", tmp_path / "b.json", tmp_path / "c"]

    told = [here.run("export", written[0], "--recipient", pair[0]), here.run("export", written[1])]
    told += [here.run("export", f"{written[2]}/", "--recipient", pair[0]), here.run("export", "-")]

    places = {str(each): each.read_bytes() for each in (*written[:2], *written[2].iterdir())}
    places |= {str(number): each.output.encode() for number, each in enumerate(told)}
    assert len(places) == 7
    assert canaries.scan_all(places) == {}


def test_every_secret_that_is_sealed_was_revealed_and_the_audit_has_it(tmp_path, here, pair):
    here.run("apply", "-", input=[DATABASE, MODELS])
    before = audited(here)

    here.run("export", tmp_path / "none.yaml")
    assert audited(here) == before
    here.run("export", tmp_path / "x.yaml", "--recipient", pair[0])
    assert audited(here) == before + 2


def test_each_secret_is_sealed_by_itself_so_that_a_second_export_differs_in_nothing_else(
    tmp_path, here, pair
):
    here.run("apply", "-", input=[DATABASE, MODELS])
    texts = []
    for name in ("a.json", "b.json"):
        here.run("export", tmp_path / name, "--recipient", pair[0])
        texts.append((tmp_path / name).read_text().splitlines())

    differing = [line for line, other in zip(*texts, strict=True) if line != other]

    assert len(differing) == 5
    assert all('"$age": "-----BEGIN AGE' in line for line in differing)


def test_how_long_a_secret_is_cannot_be_seen(here, pair):
    texts = ["k", "k" * 90]
    here.run(
        "apply",
        "-",
        input=[
            {**SENDGRID, "name": f"n{at}", "configuration": {"api_key": text}}
            for at, text in enumerate(texts)
        ],
    )

    lengths = set()
    for _ in range(4):  # age adds a stanza of a random length now and then
        items = here.json("export", "-", "--recipient", pair[0])
        lengths |= {len(item["configuration"]["api_key"]["$age"]) for item in items[:1]}
        others = {len(item["configuration"]["api_key"]["$age"]) for item in items[1:]}

    assert max(lengths | others) - min(lengths | others) < 300


def test_without_a_recipient_the_file_says_only_that_secrets_are_there(here):
    here.run("apply", "-", input=[DATABASE, MODELS])

    models, database = here.json("export", "-")

    assert models["configuration"] == {
        "api_key": {"$secret": {}},
        "endpoint": {"$secret": {"redacted": "https://api.example.com/v1"}},
    }
    assert models["apis"][0]["configuration"]["$unknown"] == {"$secret": {}}
    assert database == {
        **DATABASE,
        "category": "RELATIONAL_DB",
        "apis": [],
        "configuration": {**DATABASE["configuration"], "password": {"$secret": {}}},
    }


@pytest.mark.parametrize("form", ["x.yaml", "x.json", "folder"])
def test_what_is_exported_without_secrets_changes_nothing_where_it_comes_from(tmp_path, here, form):
    here.run("apply", "-", input=[DATABASE, MODELS])
    here.run("export", tmp_path / form if form != "folder" else f"{tmp_path}/folder/")

    assert here.run("apply", tmp_path / form).stdout == "2 unchanged.\n"


def test_names_and_tags_say_which_are_meant(here):
    here.run("apply", "-", input=[DATABASE, MODELS, OPENAI])

    def names(*options):
        return [item["name"] for item in here.json("export", "-", *options)]

    assert names("--names", "m*", "--names", "a") == ["a", "models"]
    assert names("--tag", "team=shop") == ["orders-db"]
    assert (
        here.refusal("export", "-", "--names", "z*", code=failures.NOT_FOUND)["code"] == "nothing_to_export"
    )


def test_a_file_is_its_owners_alone_and_is_not_replaced_unasked(tmp_path, here):
    here.run("apply", "-", input=[OPENAI])
    file = tmp_path / "x.yaml"
    here.run("export", file)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("mine")

    before = audited(here)
    refusal = here.refusal("export", file, "--recipient", make_pair(tmp_path)[0], code=failures.USAGE)
    assert "--force" in refusal["message"]
    assert audited(here) == before
    assert file.read_text() == "mine"
    here.run("export", file, "--force")
    assert "openai" in file.read_text()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".credenza")] == []


@pytest.mark.parametrize("file", ["x.txt", "x", "no/where/x.yaml", "here/x/y/"])
def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left_behind(tmp_path, here, file):
    here.run("apply", "-", input=[OPENAI])

    here.refusal("export", tmp_path / file, code=failures.USAGE)

    assert [path.name for path in tmp_path.iterdir()] == ["here"]


@pytest.mark.parametrize("name", ["con", "Aux.x", "COM1", "nul "[:3], "a b.c", "a."])
def test_a_folder_has_a_file_for_each_under_a_name_that_every_system_takes(name):
    file = name_file(name)

    assert file.endswith(".yaml")
    assert file.partition(".")[0].lower() not in {"con", "aux", "com1", "nul"}
    assert name in file


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.dictionaries(
        texts, texts | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
    )
)
def test_every_form_of_file_is_read_back_as_what_it_was(configuration):
    item = portray({"name": "a", "type": "t", "configuration": configuration})

    for form in ("yaml", "json", "jsonl"):
        assert json.loads(convert(render([item], form), form)) == [item]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--recipient", "age1nope"], "A recipient is a public key"),
        (["--recipient", "AGE-SECRET-KEY-1QQQ"], "a private one"),
        (["--recipients-file", "/nonexistent"], "cannot be read"),
    ],
)
def test_a_recipient_that_is_none_is_refused_and_not_repeated(here, options, words):
    here.run("apply", "-", input=[OPENAI])

    told = here.refusal("export", "-", *options, code=failures.USAGE)["message"]

    assert words in told
    assert options[1] not in told


def test_a_file_of_recipients_seals_to_all_of_them(tmp_path, here, there):
    pairs = [make_pair(tmp_path, name) for name in ("one", "two")]
    recipients = tmp_path / "recipients"
    recipients.write_text(f"# ours\n{pairs[0][0]}\n\n{pairs[1][0]}\n")
    here.run("apply", "-", input=[OPENAI])
    here.run("export", tmp_path / "x.yaml", "--recipients-file", recipients)

    for _, private in pairs:
        there.run("import", tmp_path / "x.yaml", "--identity", private)
        assert there.run("resolve", "a", "--key", "api_key").stdout == "sk-made-up"
        there.run("delete", "a", "--yes")


def test_a_server_exports_what_its_store_does_and_a_key_that_may_not_reveal_seals_nothing(
    tmp_path, service, key, stores, pair
):
    here, there = stores
    with serve(service) as url:
        remote = Prompt(tmp_path / "none", "env://CREDENZA_TEST_NONE")
        remote.environment |= {"CREDENZA_URL": url, "CREDENZA_TOKEN": key()}
        for prompt in (remote, here):
            prompt.run("apply", "-", input=[DATABASE, MODELS])
        assert remote.json("export", "-") == here.json("export", "-")

        remote.run("export", tmp_path / "x.yaml", "--recipient", pair[0])
        there.run("import", tmp_path / "x.yaml", "--identity", pair[1])
        assert resolved(there, "models", "orders-db") == resolved(here, "models", "orders-db")

        remote.environment["CREDENZA_TOKEN"] = key("viewer")
        refusal = remote.refusal("export", tmp_path / "y.yaml", "--recipient", pair[0], code=failures.REFUSED)
        assert refusal["code"] == "forbidden"
        assert not (tmp_path / "y.yaml").exists()
        assert len(remote.json("export", "-")) == 2
