"""How the embedded store finds a page: by an index whatever is asked for, and the indexes stay true."""

import sqlite3
from contextlib import closing

import pytest
from sqlite_utils import Database

from credenza.model import Tag
from credenza.stores.sqlite import SqliteStore, search
from credenza.stores.sqlite.schema import migrations
from store_rows import add_tenant, drop_later_tables, names_of, put, run
from test_store_contract import settle

ASKED = [
    {},
    {"enabled": True},
    {"type": "openai"},
    {"category": "API"},
    {"tags": [("team", None)]},
    {"tags": [("team", "x")]},
    {"tags": [("team", "x"), ("env", None)], "type": "openai", "category": "API", "enabled": True},
    {"search": "descr"},
    {"search": "descr", "type": "openai", "tags": [("team", "x")]},
]
FEW = (
    "SCAN search_progress",
    "SCAN search_pending",
    "SCAN found",
    "SCAN page",
    "SCAN CONSTANT",
    "SCAN (subquery",
)


@pytest.fixture
def tagged(store, tenant):
    def save(tx):
        for number in range(40):
            put(
                tx, f"n-{number}", description="description", tags=(Tag("team", "x"), Tag("env", str(number)))
            )

    run(store, tenant, save)
    settle(store)
    return store


def trace(store, tenant, job):
    """Return the statements of a read, as they were run."""
    seen = []
    with store._readers.lend() as connection:
        connection.set_trace_callback(seen.append)
    try:
        store.read(tenant, job)
    finally:
        with store._readers.lend() as connection:
            connection.set_trace_callback(None)
    # Without the statements that the search index makes for itself.
    return [
        each for each in seen if each.lstrip().startswith("SELECT") and "integrations_search_" not in each
    ]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: " ".join(asked) or "nothing")
@pytest.mark.parametrize("after", [None, "n-20"])
@pytest.mark.parametrize("rare", [0, 5_000], ids=["common", "rare"])
def test_no_page_scans_a_table_or_sorts_more_than_the_few_that_wait(  # noqa: PLR0917
    tagged, tenant, monkeypatch, asked, after, rare
):
    monkeypatch.setattr(search, "_RARE", rare)

    statements = trace(tagged, tenant, lambda tx: list(tx.page(**asked, after=after, limit=10)))

    assert any("LIMIT 10" in statement for statement in statements)
    with tagged._readers.lend() as connection:
        for statement in statements:
            plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
            scans = [step for step in plan if step.startswith("SCAN") and "VIRTUAL TABLE" not in step]
            assert [step for step in scans if not step.startswith(FEW)] == []
            by_text = "MATCH" in statement
            sorts = [at for at, step in enumerate(plan) if "TEMP B-TREE FOR ORDER BY" in step]
            first_waiting = plan.index("RIGHT") if "RIGHT" in plan else len(plan)
            assert by_text or all(at > first_waiting for at in sorts)


@pytest.mark.parametrize(
    ("rare", "facet"),
    [({"tags": [("rare", None)]}, "key"), ({"tags": [("n", "7")]}, "tag"), ({"category": "GIT"}, "category")],
)
def test_of_several_conditions_the_one_that_fewest_meet_leads(store, tenant, rare, facet):
    def save(tx):
        for number in range(450):
            tags = (Tag("all", "x"), Tag("n", str(number % 50)), *([Tag("rare", "")] * (number == 7)))
            put(tx, f"n-{number:03}", category="GIT" if number == 7 else "API", tags=tags)

    run(store, tenant, save)
    settle(store)
    asked = {"type": "openai", "enabled": True, **rare}
    asked["tags"] = [("all", "x"), *rare.get("tags", ())]

    [page] = [each for each in trace(store, tenant, lambda tx: list(tx.page(**asked))) if "UNION" in each]

    assert f"f.facet = '{facet}'" in page
    assert names_of(store, tenant, **asked)[0] == "n-007"


def entries(store):
    return store._query("SELECT facet, key, value, name FROM integration_facets ORDER BY 1, 2, 3, 4")


def test_new_records_are_indexed_when_nobody_waits_and_not_before(path):
    with closing(SqliteStore(path, serving=False)) as store:
        tenant = add_tenant(store)
        run(store, tenant, lambda tx: put(tx, "one", tags=(Tag("k", "1"), Tag("k", "2"))))
        assert entries(store) == []
        store.close()

    with closing(SqliteStore(path, serving=True)) as store:
        settle(store)
        assert entries(store) == [
            ("category", "API", "", "one"),
            ("key", "k", "", "one"),
            ("tag", "k", "1", "one"),
            ("tag", "k", "2", "one"),
            ("type", "openai", "", "one"),
        ]


def test_what_is_indexed_follows_every_change_at_once_and_goes_with_its_record(store, tenant):
    run(store, tenant, lambda tx: put(tx, "one", tags=(Tag("k", "1"),)))
    settle(store)
    record = run(store, tenant, lambda tx: put(tx, "one", category="GIT", tags=(Tag("j", "1"),)))
    changed = entries(store)
    run(store, tenant, lambda tx: tx.drop([record]))

    assert changed == [
        ("category", "GIT", "", "one"),
        ("key", "j", "", "one"),
        ("tag", "j", "1", "one"),
        ("type", "openai", "", "one"),
    ]
    assert entries(store) == []


@pytest.mark.parametrize("asked", ASKED)
def test_by_every_index_records_of_papers_are_found_apart(store, tenant, asked):
    tags = (Tag("team", "x"), Tag("env", "y"))
    run(store, tenant, lambda tx: [put(tx, n, description="descr", tags=tags) for n in ("a", "~pcf_1")])
    settle(store)

    assert (names_of(store, tenant, **asked), names_of(store, tenant, **asked, owned=True)) == (
        ["a"],
        ["~pcf_1"],
    )


def test_a_store_from_before_the_index_is_indexed_as_far_as_its_search_was(store, tenant, path):
    run(store, tenant, lambda tx: put(tx, "one", tags=(Tag("k", "1"),)))
    settle(store)
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        drop_later_tables(connection)
        connection.execute("DROP TABLE integration_facets")
        connection.execute("ALTER TABLE integrations DROP COLUMN type_version")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name >= '003'")
        connection.execute("PRAGMA user_version = 2")
        assert next(each.name for each in migrations.pending(Database(connection))) == "003_facets"

    with closing(SqliteStore(path, serving=False)) as again:
        assert len(entries(again)) == 4
        assert names_of(again, tenant, tags=[("k", "1")]) == ["one"]
