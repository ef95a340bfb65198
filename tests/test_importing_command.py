"""What every import script does: a plan first, all or nothing, twice the same, and never a value."""

import os

import pytest

from canary import Canaries
from import_scripts import FIXTURES, SCRIPTS, Importer, read_table
from web_server import serve

CSV = FIXTURES / "table" / "accounts.csv"
EXAMPLE = ("--mapping", SCRIPTS / "mappings" / "table-example.yaml")
NAMES = ["audit-log", "news", "orders", "speech"]
HEAD = "name,type,host,port,database,login,secret,note\n"


@pytest.fixture
def importer(tmp_path, kek):
    return Importer("table", tmp_path, kek)


@pytest.fixture
def sheet(tmp_path):
    """Write a table of the example's columns: rows of name, type, secret and more."""

    def write(*rows, name="more.csv"):
        path = tmp_path / name
        columns = HEAD.strip().split(",")
        lines = [",".join(str(row.get(column, "")) for column in columns) for row in rows]
        path.write_text(HEAD + "".join(f"{line}\n" for line in lines))
        return path

    return write


def account(name, secret="made-up", **more):
    return {"name": name, "type": "openai", "secret": secret, **more}


def test_a_dry_run_shows_a_plan_and_saves_nothing(importer):
    done = importer.run(CSV, *EXAMPLE, "--dry-run")

    assert read_table(done.stdout) == {
        "orders": _row("orders", "relational_db", secrets="password"),
        "audit-log": _row("audit-log", "relational_db", secrets="password", came="audit/log"),
        "speech": _row("speech", "openai", secrets="api_key"),
        "news": _row("news", "sendgrid", secrets="api_key"),
    }
    assert done.stdout.endswith("4 created; nothing was saved: this is a dry run.\n")
    assert importer.names() == []


def _row(name, type, *, secrets, came=""):
    empty = {"missing": "", "not taken over": ""}
    return {"name": name, "type": type, "result": "created", "secrets": secrets, **empty, "from": came}


def test_an_import_saves_what_the_plan_says(importer):
    assert importer.run(CSV, *EXAMPLE).stdout == "4 created.\n"

    assert importer.names() == NAMES
    assert importer.show("orders")["description"] == "Orders of the shop"
    assert importer.reveal("orders") == {
        "jdbcDriver": "Postgres",
        "user": "orders",
        "password": "made-up-orders",
        "datasourceURL": "jdbc:postgresql://db.example.com:5432/orders",
    }
    assert importer.tags("orders") == {"imported-from": "table"}


def test_a_second_import_changes_nothing(importer):
    importer.run(CSV, *EXAMPLE)
    before = [importer.show(name) for name in NAMES]

    assert {row["result"] for row in importer.plan(CSV, *EXAMPLE).values()} == {"unchanged"}
    assert importer.run(CSV, *EXAMPLE).stdout == "4 unchanged.\n"
    assert [importer.show(name) for name in NAMES] == before


def test_a_changed_secret_is_an_update_and_labels_of_others_stay(importer, sheet):
    importer.run(sheet(account("a")), *EXAMPLE)
    item = {
        "name": "a",
        "type": "openai",
        "tags": [{"key": "imported-from", "value": "table"}, {"key": "team", "value": "x"}],
    }
    importer.prompt.run("apply", "-", input=[item])

    done = importer.run(sheet(account("a", "made-up-2")), *EXAMPLE)

    assert done.stdout == "1 updated.\n"
    assert importer.reveal("a") == {"api_key": "made-up-2"}
    assert importer.tags("a") == {"imported-from": "table", "team": "x"}


@pytest.mark.parametrize(
    ("bad", "result", "code"),
    [
        ({"name": "bad", "type": "unheard-of", "secret": "x"}, "unmapped", "unmapped"),
        ({"name": "bad", "type": "mail", "secret": "x"}, "unmapped", "unmapped"),
        (
            {"name": "bad", "type": "postgres", "login": "x", "host": "h", "database": "d"},
            "refused",
            "required",
        ),
        ({"name": "bad", "type": "openai", "secret": "****"}, "refused", "masked_secret"),
        ({"name": "日本", "type": "openai", "secret": "x"}, "refused", "invalid_name"),
        ({"name": "", "type": "openai", "secret": "x"}, "unreadable", "unreadable"),
        ({"name": "bad", "type": "", "secret": "x"}, "unreadable", "unreadable"),
        ({"name": "go/od", "type": "openai", "secret": "x"}, "clash", "merged_names"),
        ({"name": "GOOD", "type": "openai", "secret": "x"}, "clash", "merged_names"),
        ({"name": "go-od", "type": "openai", "secret": "x"}, "clash", "merged_names"),
    ],
)
def test_one_that_does_not_go_in_keeps_all_out_unless_it_is_skipped(importer, sheet, bad, result, code):
    path = sheet(
        account("fine"), account("go:od" if "-od" in bad["name"] or "/" in bad["name"] else "good"), bad
    )

    told = importer.report(path, *EXAMPLE, code=1)
    last = told["results"][-1]
    assert (last["result"], [each["code"] for each in last["problems"]]) == (result, [code])
    assert (importer.names(), told["saved"], told["finished"]) == ([], 0, False)

    told = importer.report(path, *EXAMPLE, "--skip-bad", code=1)
    assert importer.names() == (["fine"] if result == "clash" else ["fine", "good"])
    assert (told["saved"], told["finished"]) == (len(importer.names()), True)
    assert [each["saved"] for each in told["results"]] == [
        each["result"] == "created" for each in told["results"]
    ]


def test_names_that_become_one_are_both_named(importer, sheet):
    done = importer.run(sheet(account("a/b"), account("a:b")), *EXAMPLE, code=1)

    both = "`a/b` (row 1) and `a:b` (row 2) come to one name"
    assert done.stderr == f"a-b: {both}; --rename tells them apart. [merged_names]\n" * 2
    assert (
        importer.run(sheet(account("a/b"), account("a:b")), *EXAMPLE, "--rename", "a:b=c").stdout
        == "2 created.\n"
    )
    assert importer.names() == ["a-b", "c"]


def test_two_of_one_name_are_not_sent_to_an_option_that_cannot_tell_them_apart(importer, sheet):
    path = sheet(account("a"), account("a", "made-up-2"))

    done = importer.run(path, *EXAMPLE, "--rename", "a=b", code=1)

    both = "`a` (row 1) and `a` (row 2) come to one name"
    way = "one of them needs another name where they come from"
    assert done.stderr == f"b: {both}; {way}. [merged_names]\n" * 2


@pytest.mark.parametrize(
    "there",
    [
        {"name": "a", "type": "openai", "configuration": {"api_key": "made-up"}},
        {"name": "a", "type": "sendgrid", "configuration": {"api_key": "made-up"}},
        {"name": "A", "type": "openai", "configuration": {"api_key": "made-up"}},
        {
            "name": "a",
            "type": "openai",
            "configuration": {"api_key": "made-up"},
            "tags": [{"key": "imported-from", "value": "elsewhere"}],
        },
    ],
    ids=["made by hand", "another type", "another case", "another origin"],
)
def test_a_name_that_somebody_else_gave_is_a_clash(importer, sheet, there):
    importer.prompt.run("apply", "-", input=[there])
    path = sheet(account("a", "made-up-2"), account("b"))

    plan = importer.plan(path, *EXAMPLE, code=1)
    assert [row["result"] for row in plan.values()] == ["clash", "created"]

    importer.run(path, *EXAMPLE, "--mode", "per-item", code=1)
    assert importer.reveal(there["name"]) == {"api_key": "made-up"}

    assert importer.run(path, *EXAMPLE, "--rename", "a=c").stdout == "1 created, 1 unchanged.\n"
    assert importer.run(path, *EXAMPLE, "--prefix", "eu-").stdout == "2 created.\n"
    assert importer.names() == sorted([there["name"], "b", "c", "eu-a", "eu-b"])


def test_a_type_that_an_earlier_run_gave_otherwise_is_a_clash(importer, sheet):
    importer.run(sheet(account("a")), *EXAMPLE)

    plan = importer.plan(sheet(account("a", type="mail", host="sendgrid")), *EXAMPLE, code=1)

    assert plan["a"]["result"] == "clash"


def test_only_takes_some_by_either_name(importer):
    plan = importer.plan(CSV, *EXAMPLE, "--only", "audit/*", "--only", "s*")

    assert sorted(plan) == ["audit-log", "speech"]


def test_a_rename_of_what_is_not_there_is_refused(importer):
    done = importer.run(CSV, *EXAMPLE, "--rename", "order=x", code=1)

    assert "order: No record has this name. [unknown_name]" in done.stderr
    assert importer.names() == []


def test_a_column_that_nothing_takes_over_is_named(importer, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("name,type,secret,owner\na,openai,made-up,somebody\nb,openai,made-up,\n")

    plan = importer.plan(path, *EXAMPLE)

    assert [plan[name]["not taken over"] for name in "ab"] == ["owner", ""]


def test_a_lenient_store_takes_what_lacks_a_secret_and_says_so(importer, sheet):
    path = sheet({"name": "a", "type": "postgres", "login": "x", "host": "h", "database": "d"})

    plan = importer.plan(path, *EXAMPLE, "--validation", "lenient")

    assert (plan["a"]["result"], plan["a"]["missing"]) == ("created", "password")


def test_what_cannot_be_written_for_want_of_a_field_is_missing(importer, sheet):
    plan = importer.plan(
        sheet({"name": "a", "type": "postgres", "login": "x", "secret": "y"}), *EXAMPLE, code=1
    )

    assert plan["a"]["missing"] == "datasourceURL"


def test_a_mapping_to_a_type_that_there_is_not_is_refused(importer, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("source: table\ntypes: {a: {type: unheard-of}}")

    done = importer.run(CSV, "--mapping", path, code=1)

    assert "There is no connector type `unheard-of`. [unknown_type]" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--mode", "some"], ["--prefix", "/"], ["--token-file", "x"], ["--nope"], []]
)
def test_a_command_line_that_is_not_understood_is_told_so(importer, arguments):
    file = [CSV] if arguments else []

    assert importer.run(*file, *EXAMPLE, *arguments, code=2).stderr.startswith("error: ")


def test_the_help_says_what_a_script_reads_and_how_it_begins():
    for path in sorted(SCRIPTS.glob("import_*.py")):
        assert path.stat().st_mode & 0o111, path.name
        assert path.read_text().startswith("#!/usr/bin/env python3\n"), path.name


def test_an_import_through_a_server_says_the_same(importer, sheet, service, key, tmp_path):
    token = tmp_path / "token"
    token.write_text(key("admin"))
    token.chmod(0o600)
    apart = Importer("table", tmp_path / "apart", "env://CREDENZA_TEST_KEK")
    (tmp_path / "apart").mkdir(exist_ok=True)
    for name in ("CREDENZA_STORE", "CREDENZA_KEK"):
        del apart.environment[name]
    bad = sheet({"name": "x", "type": "openai"}, {"name": "orders", "type": "openai", "secret": "y"})
    with serve(service) as url:
        there = ("--url", url, "--token-file", token)
        for arguments, code in (
            ((CSV, "--dry-run"), 0),
            ((CSV,), 0),
            ((CSV, "--dry-run"), 0),
            ((bad, "--dry-run"), 1),
            ((bad,), 1),
        ):
            ours = importer.run(*arguments, *EXAMPLE, code=code)
            theirs = apart.run(*arguments, *EXAMPLE, *there, code=code)
            assert (theirs.stdout, theirs.stderr) == (ours.stdout, ours.stderr)


def test_who_may_not_reveal_is_not_told_before_a_save_that_nothing_changes(importer, service, key):
    with serve(service) as url:
        importer.environment |= {"CREDENZA_URL": url, "CREDENZA_TOKEN": key("editor")}
        importer.run(CSV, *EXAMPLE)

        assert {row["result"] for row in importer.plan(CSV, *EXAMPLE).values()} == {"updated"}
        assert importer.run(CSV, *EXAMPLE).stdout == "4 unchanged.\n"


def test_no_secret_is_found_in_what_a_script_says_and_writes(importer, sheet, tmp_path):
    canaries = Canaries()
    rows = [account(name, canaries.plant(name)) for name in ("a", "b", "c/d", "c:d")]
    rows += [
        {
            "name": "p",
            "type": "postgres",
            "login": "x",
            "host": "h",
            "database": "d",
            "secret": canaries.plant("p"),
        }
    ]
    rows += [{"name": name, "type": "unheard-of", "secret": canaries.plant(name)} for name in ("u", "")]
    rows += [account("kept", canaries.plant("kept"), port=canaries.plant("port"))]
    path = sheet(*rows)
    with path.open("a") as opened:
        opened.write(f"short,openai,{canaries.plant('short')}\n")
        opened.write(f"long,openai,,,,,{canaries.plant('long')},,,{canaries.plant('more')}\n")
    source = path.read_bytes()

    for more in (["--dry-run"], [], ["--skip-bad"], ["--skip-bad"], ["--prefix", "x-", "--skip-bad"]):
        importer.run(path, *EXAMPLE, *more, "--report", tmp_path / "report.json", code=1)
    importer.run(path, *EXAMPLE, "--format", "jsonl", code=1)
    importer.run(path, *EXAMPLE, "--name-column", "secret", "--dry-run", "--format", "sqlite", code=1)

    assert "kept" in importer.names()
    assert canaries.scan("\n".join(importer.outputs).encode()) == set()
    path.unlink()
    left = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert tmp_path / "report.json" in left
    assert {
        str(each): canaries.scan(each.read_bytes()) for each in left if canaries.scan(each.read_bytes())
    } == {}
    assert os.fspath(path) not in map(str, left)
    assert len(canaries.slots) == 12
    assert canaries.scan(source)


def test_what_a_script_needs_is_installed_from_the_clone_and_from_nowhere_else():
    told = [
        line for path in SCRIPTS.rglob("*.py") for line in path.read_text().splitlines() if "pip ins" in line
    ]

    assert len(told) == 3
    assert all("pip install '.[import]'" in line for line in told)
