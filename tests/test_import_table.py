"""Any table that a mapping file explains: CSV, JSON, JSON Lines, SQLite."""

import json
import sqlite3
from contextlib import closing

import pytest

from canary import Canaries
from import_scripts import FIXTURES, SCRIPTS, Importer

CSV = FIXTURES / "table" / "accounts.csv"
EXAMPLE = ("--mapping", SCRIPTS / "mappings" / "table-example.yaml")
ROWS = [
    {
        "name": "orders",
        "type": "postgres",
        "host": "h",
        "port": 5433,
        "database": "d",
        "login": "u",
        "secret": "p",
    },
    {"name": "speech", "type": "openai", "secret": "sk-made-up", "note": "Words.", "host": None},
]
ORDERS = {
    "jdbcDriver": "Postgres",
    "user": "u",
    "password": "p",
    "datasourceURL": "jdbc:postgresql://h:5433/d",
}


@pytest.fixture
def importer(tmp_path, kek):
    return Importer("table", tmp_path, kek)


def write_csv(folder, delimiter=","):
    columns = ["name", "type", "host", "port", "database", "login", "secret", "note"]
    lines = [delimiter.join(columns)]
    lines += [delimiter.join(str(row.get(column) or "") for column in columns) for row in ROWS]
    path = folder / "rows.csv"
    path.write_text("\ufeff" + "\r\n".join(lines))
    return [path]


def write_tsv(folder):
    return [write_csv(folder, "\t")[0].rename(folder / "rows.tsv")]


def write_json(folder):
    path = folder / "rows.json"
    path.write_text(json.dumps(ROWS))
    return [path]


def write_lines(folder):
    path = folder / "rows.jsonl"
    path.write_text("\n\n".join(map(json.dumps, ROWS)) + "\n")
    return [path]


def write_sqlite(folder, *, more=False):
    path = folder / "rows.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "create table accounts (name, type, host, port, 'database', login, secret, note, icon)"
        )
        for row in ROWS:
            marks = ", ".join(f":{key}" for key in row)
            database.execute(f"insert into accounts ({', '.join(row)}) values ({marks})", row)
        if more:
            database.execute("create table others (name)")
        database.commit()
    return [path]


def write_named_table(folder):
    return [*write_sqlite(folder, more=True), "--table", "accounts"]


def write_without_suffix(folder):
    return [write_json(folder)[0].rename(folder / "rows"), "--format", "json"]


@pytest.mark.parametrize(
    "write",
    [
        write_csv,
        lambda folder: write_csv(folder, ";"),
        lambda folder: write_csv(folder, "|"),
        write_tsv,
        write_json,
        write_lines,
        write_sqlite,
        write_named_table,
        write_without_suffix,
    ],
)
def test_one_table_makes_the_same_in_every_form(importer, tmp_path, write):
    importer.run(*write(tmp_path), *EXAMPLE)

    assert importer.reveal("orders") == ORDERS
    assert importer.reveal("speech") == {"api_key": "sk-made-up"}
    assert importer.show("speech")["description"] == "Words."


def test_standard_input_is_read_for_a_dash(importer):
    done = importer.run("-", "--format", "jsonl", *EXAMPLE, input=json.dumps(ROWS[0]))

    assert done.stdout == "1 created.\n"


def test_a_kind_for_all_and_other_columns_can_be_said(importer, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id;type;secret\n7;whatever;made-up\n")

    plan = importer.plan(path, *EXAMPLE, "--type", "openai", "--name-column", "id", "--prefix", "ai-")
    assert {name: (row["type"], row["not taken over"]) for name, row in plan.items()} == {
        "ai-7": ("openai", "type")
    }

    path.write_text("name;kind;secret\na;openai;made-up\n")
    assert list(importer.plan(path, *EXAMPLE, "--type-column", "kind")) == ["a"]


def test_a_column_may_hold_an_object_or_its_text(importer, tmp_path):
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(
        "source: table\n"
        "types: {k: {type: openai, configuration: {api_key: '${extra.key}'}, apis: ['${extra.models}']}}\n"
    )
    extra = {"key": "made-up", "models": ["a", "b"], "left": 1}
    path = tmp_path / "x.jsonl"
    path.write_text(
        json.dumps({"name": "a", "type": "k", "extra": extra})
        + "\n"
        + json.dumps({"name": "b", "type": "k", "extra": json.dumps(extra)})
    )

    plan = importer.plan(path, "--mapping", mapping)
    importer.run(path, "--mapping", mapping)

    assert {row["not taken over"] for row in plan.values()} == {"extra.left"}
    assert [importer.show(name)["modelsCount"] for name in "ab"] == [2, 2]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "x.csv",
            "name,type,secret\na,openai,x,y\n",
            "row 1: it has more cells than the first line has names.",
        ),
        (
            "x.csv",
            "name,type,secret\nb,openai,x\na,openai\n",
            "row 2: it has fewer cells than the first line has",
        ),
        ("x.csv", "orders,postgres,hunter2\n", "is to name the columns, each once, with `name` among them."),
        ("x.csv", "name,type,type\na,b,c\n", "is to name the columns, each once, with `name` among them."),
        ("x.csv", "", "is to name the columns, each once, with `name` among them."),
        ("x.csv", "name,type\n,openai\n", "row 1: `name`: a name belongs here."),
        ("x.csv", "name,type\na,\n", "row 1: `type`: a kind belongs here, or --type for all rows."),
        ("x.csv", b"name,type\n\xff,a\n", "is not a text in UTF-8."),
        ("x.csv", "name,type\n\0,a\n", "\\x00: Nothing of its name can be a name here"),
        ("x.csv", 'name,type\na,openai\n"b,openai\n', "is no CSV from row 2 on."),
        ("x.jsonl", '{"name": "a"\n', "line 1: it is no JSON object."),
        ("x.jsonl", '{"name": "a", "type": "openai", "secret": "x"}\n[1]\n', "line 2: it is no JSON object."),
        ("x.jsonl", "[" * 100_000, "line 1: it is no JSON object."),
        ("x.json", "{}", "is no JSON array of objects."),
        ("x.json", "[1]", "row 1: it is no JSON object."),
        ("x.json", "nope", "is no JSON array of objects."),
        ("x.json", '[{"name": ["a"], "type": "openai"}]', "row 1: `name`: a name belongs here."),
        ("x.json", '[{"name": true, "type": "openai"}]', "row 1: `name`: a name belongs here."),
        ("x.db", "name,type\n", "is not a SQLite database."),
    ],
)
def test_a_file_that_is_not_what_it_says_is_told(importer, tmp_path, name, content, told):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    done = importer.run(path, *EXAMPLE, code=1)

    assert told in done.stderr
    assert "hunter2" not in done.stderr
    assert importer.names() == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Say which --table: accounts, others."),
        (["--table", "nope"], "There is no such --table: there are accounts, others."),
    ],
)
def test_which_table_is_meant_is_to_be_said(importer, tmp_path, arguments, told):
    (path,) = write_sqlite(tmp_path, more=True)

    assert told in importer.run(path, *arguments, *EXAMPLE, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rows.txt"], "say --format."),
        (["rows.csv", "--table", "x"], "--table goes with a SQLite database."),
    ],
)
def test_a_form_that_is_not_known_is_asked_for(importer, tmp_path, arguments, told):
    (path,) = write_csv(tmp_path)
    path.with_suffix(".txt").write_text(path.read_text())

    assert told in importer.run(*arguments, *EXAMPLE, code=2).stderr


def test_a_table_without_a_column_of_names_is_told(importer, tmp_path):
    (path,) = write_sqlite(tmp_path)

    assert "has no column `id`." in importer.run(path, *EXAMPLE, "--name-column", "id", code=1).stderr


def test_what_is_no_text_is_told_where_it_was_to_be_taken_over(importer, tmp_path):
    (path,) = write_sqlite(tmp_path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("update accounts set secret = x'ff00', icon = x'ff' where name = 'orders'")
        database.commit()

    done = importer.run(path, *EXAMPLE, "--skip-bad", code=1)

    assert done.stderr == "orders: row 1: `secret`: it is no text in UTF-8. [unreadable]\n"
    assert importer.names() == ["speech"]


def test_the_source_is_left_as_it_was(importer, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    (path,) = write_sqlite(folder)
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma journal_mode=wal")
    before = path.read_bytes(), path.stat().st_mtime_ns

    importer.run(path, *EXAMPLE)

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [each.name for each in folder.iterdir()] == ["rows.sqlite"]


def test_the_example_mapping_explains_the_example_table(importer):
    plan = importer.plan(CSV, *EXAMPLE)

    assert {row["result"] for row in plan.values()} == {"created"}
    assert {row["not taken over"] for row in plan.values()} == {""}


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "sqlite"])
def test_no_secret_is_told_whatever_a_file_is_taken_for(importer, tmp_path, form):
    canaries = Canaries()
    rows = [{**row, "secret": canaries.plant(row["name"]), "host": canaries.plant("host")} for row in ROWS]
    sources = {
        "a.csv": f"name,type,secret\na,openai,{canaries.plant('csv')},{canaries.plant('more')}\n",
        "b.csv": f"{canaries.plant('head')},name,{canaries.plant('twice')}\n{canaries.plant('cell')},b",
        "c.json": json.dumps(rows)[:-1],
        "d.jsonl": "\n".join(json.dumps(row)[:-1] for row in rows),
    }
    for name, content in sources.items():
        (tmp_path / name).write_text(content)
        importer.run(name, *EXAMPLE, "--format", form, "--type", "nope", "--dry-run", code=1)

    assert canaries.scan("\n".join(importer.outputs).encode()) == set()
    assert len(canaries.slots) == 9
