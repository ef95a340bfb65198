"""The audit trail: what leaves a row, and that no edit of the database goes unnoticed."""

import hashlib
import hmac
import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from credenza import audit
from credenza.errors import CredenzaError, Forbidden, StoreFull
from credenza.model import Actor, Put, Role
from credenza.sensitive import Sensitive
from credenza.stores.postgres.transaction import PostgresTx
from credenza.stores.sqlite.transaction import SqliteTx
from credenza.trail import Head, Note
from credenza.workspace import face
from examples import query
from postgresql_stores import Database

SECRET = "sk-never-in-a-row"
OTHER = "org-never-in-a-row"


def save(workspace, name="one", key=SECRET, **fields):
    configuration = Sensitive({"api_key": key, "organizationId": OTHER})
    return workspace.apply([Put(name=name, type="openai", configuration=configuration, **fields)])


@pytest.fixture
def trail(workspace):
    """Write nine rows: the workspace's own, and eight of what was done in it."""
    for number in range(4):
        save(workspace, f"n{number}")
    save(workspace, "n0", key="another")
    workspace.reveal("n0")
    workspace.rollback("n0", 1)
    save(workspace, "last")
    assert workspace.verify_audit()[:2] == (9, [])
    return workspace


@pytest.fixture
def edit(database):
    """Return a function that runs statements on the file, beside the service."""

    def run(sql, *parameters):
        if isinstance(database, Database):
            return query(database, sql, *parameters)
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            return connection.execute(sql, parameters).fetchall()

    return run


def problems(workspace, exported=()):
    return workspace.verify_audit(exported)[1]


# What leaves a row


def verbs(edit):
    return [row[0] for row in edit("SELECT verb FROM audit ORDER BY sequence")]


@pytest.mark.usefixtures("trail")
def test_every_change_and_reveal_leaves_one_row(edit):
    saves = ["save"] * 5
    assert verbs(edit) == ["workspace.create", *saves, "reveal", "rollback", "save"]


def test_what_changes_nothing_leaves_no_row(trail, edit):
    before = verbs(edit)
    save(trail, "last")
    trail.apply([Put(name="n0", type="openai", description="x")], dry_run=True)

    assert verbs(edit) == before


@pytest.mark.usefixtures("trail")
def test_a_row_says_who_did_what_to_which_version_by_key_path(edit):
    actor, items = edit("SELECT actor, items FROM audit WHERE sequence = 6")[0]

    assert actor == "test"
    assert json.loads(items) == [
        {"result": "updated", "version": 2, "changed": ["/configuration/api_key"], "names": ["n0"]}
    ]


@pytest.mark.parametrize(
    ("role", "call", "verb"),
    [
        ("viewer", ("POST", "/api/integrations"), "save.refused"),
        ("editor", ("GET", "/api/integrations/provider/n0/resolved"), "reveal.refused"),
        ("viewer", ("POST", "/api/integrations/provider/n0/rollback"), "rollback.refused"),
        ("operator", ("GET", "/api/integrations/"), "list.refused"),
        ("operator", ("GET", "/api/integrations/provider/n0"), "read.refused"),
    ],
)
def test_what_is_forbidden_leaves_a_row(trail, client, key, edit, role, call, verb):  # noqa: PLR0917
    client.headers["X-Authorization"] = key(role)
    body = {"version": 1} if call[1].endswith("rollback") else [{"name": "n0", "type": "openai"}]

    answer = client.request(*call, json=body if call[0] == "POST" else None)

    assert answer.status_code == 403
    actor, said = edit("SELECT actor, verb FROM audit ORDER BY sequence DESC LIMIT 1")[0]
    assert (actor[:4], said) == ("key:", verb)
    assert problems(trail) == []


@pytest.mark.usefixtures("trail")
def test_a_name_that_is_none_is_not_written_down_where_it_is_refused(client, key, edit):
    client.headers["X-Authorization"] = key("viewer")

    client.get("/api/integrations/provider/pasted%7Esecret/resolved")

    [(items,)] = edit("SELECT items FROM audit ORDER BY sequence DESC LIMIT 1")
    assert json.loads(items) == [{"result": "refused", "version": None, "changed": [], "names": [None]}]


@pytest.mark.usefixtures("trail")
def test_no_row_holds_a_value(edit):
    rows = b"".join(str(row).encode() for row in edit("SELECT * FROM audit"))

    assert SECRET.encode() not in rows
    assert OTHER.encode() not in rows


# The row comes first


@pytest.mark.parametrize(
    ("failure", "status"),
    [(StoreFull(), 507), (sqlite3.OperationalError("disk I/O error"), 500), (CredenzaError(), 500)],
    ids=["full", "broken", "other"],
)
def test_what_cannot_be_audited_is_neither_revealed_nor_saved(trail, api, monkeypatch, failure, status):
    def fail(*_):
        raise failure

    for tx in (SqliteTx, PostgresTx):
        monkeypatch.setattr(tx, "append", fail)
    revealed = api.get("/api/integrations/provider/n0/resolved")
    saved = api.post("/api/integrations", json=[{"name": "n9", "type": "sendgrid", "configuration": {}}])
    changed = api.post("/api/integrations", json=[{"name": "n0", "type": "openai", "description": "new"}])
    removed = api.delete("/api/integrations/provider/n0")
    monkeypatch.undo()

    assert [answer.status_code for answer in (revealed, changed, removed)] == [status] * 3
    assert saved.status_code in {400, status}
    assert SECRET not in revealed.text
    assert trail.view("n0").document.description is None


def test_the_row_of_a_reveal_is_committed_before_a_secret_is_opened(trail, edit, monkeypatch):
    seen = []

    def open_all(*arguments):
        seen.append(edit("SELECT verb, items FROM audit ORDER BY sequence DESC LIMIT 1"))
        return opened(*arguments)

    opened = face.open_all
    monkeypatch.setattr(face, "open_all", open_all)

    assert trail.reveal("last").configuration.reveal()["api_key"] == SECRET
    assert seen == [
        [
            (
                "reveal",
                b'[{"result":"revealed","version":1,"changed":["/configuration/api_key"],"names":["last"]}]',
            )
        ]
    ]


@pytest.mark.usefixtures("trail")
def test_only_an_administrator_may_verify_the_trail(service, edit):
    actor = Actor(service.tenant(), "somebody", Role.RUNTIME)

    with pytest.raises(Forbidden):
        service.workspace(actor).verify_audit()

    assert verbs(edit)[-1] == "audit.refused"


# What an edit of the database cannot hide


@pytest.mark.parametrize("sequence", [1, 5, 9], ids=["first", "middle", "last"])
@pytest.mark.parametrize(
    "change",
    [
        "at = at + 1",
        "actor = actor || 'x'",
        "verb = verb || 'x'",
        "items = CAST('[]' AS BLOB)",
        "mac = zeroblob(36)",
        "mac = CAST(x'00' AS BLOB)",
        "sequence = 100",
        "stream = 'other'",
    ],
    ids=lambda change: change.partition(" ")[0],
)
def test_a_changed_row_is_found(trail, edit, sequence, change):
    edit(f"UPDATE audit SET {change} WHERE sequence = ?", sequence)

    assert problems(trail)


@pytest.mark.parametrize("which", ["= 1", "= 5", "= 9", "> 6", "< 5", "BETWEEN 3 AND 5", "> 0"])
def test_a_removed_row_is_found(trail, edit, which):
    edit(f"DELETE FROM audit WHERE sequence {which}")

    assert problems(trail)


@pytest.mark.parametrize("which", ["= 1", "< 5", "= 5", "> 6"])
def test_a_removed_row_is_found_though_the_others_are_renumbered_and_the_head_is_fitted(trail, edit, which):
    edit(f"DELETE FROM audit WHERE sequence {which}")
    rows = edit("SELECT rowid FROM audit ORDER BY sequence")
    for number, (row,) in enumerate(rows, 1):
        edit("UPDATE audit SET sequence = ? WHERE rowid = ?", number, row)
    edit(
        "UPDATE audit_heads SET count = (SELECT max(sequence) FROM audit),"
        " mac = (SELECT mac FROM audit ORDER BY sequence DESC LIMIT 1)"
    )

    assert problems(trail)


@pytest.mark.parametrize(("one", "two"), [(2, 3), (1, 9), (8, 9)])
def test_rows_that_changed_places_are_found(trail, edit, one, two):
    for old, new in ((one, 100), (two, one), (100, two)):
        edit("UPDATE audit SET sequence = ? WHERE sequence = ?", new, old)

    assert problems(trail)


def test_a_row_that_was_put_in_is_found(trail, edit):
    edit(
        "INSERT INTO audit SELECT workspace_id, stream, sequence + 1, at, actor, verb, items, mac FROM audit"
        " WHERE sequence = 9"
    )

    assert problems(trail)


def test_a_trail_chained_anew_by_a_stranger_is_found(service, trail, edit):
    class Stranger:
        def sign(self, data):
            return b"\0\0\0\1" + hmac.digest(b"k" * 32, data, hashlib.sha256)

        def verify(self, data, signature):
            assert self.sign(data) == signature

    tenant, head = service.tenant(), None
    edit("DELETE FROM audit")
    for number in range(9):
        verb = audit.BEGINNING if number == 0 else "save"
        entry, head = audit.chain(tenant, "main", head, Note("stranger", verb, (), number), Stranger())
        columns = (entry.stream, entry.sequence, entry.at, entry.actor, entry.verb, entry.items, entry.mac)
        edit("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", tenant.row, *columns)
    edit("UPDATE audit_heads SET count = ?, mac = ?, seal = ?", head.count, head.mac, head.seal)

    assert len(problems(trail)) >= 9


@pytest.mark.parametrize(
    "change", ["count = 8", "count = 10", "mac = zeroblob(36)", "seal = zeroblob(36)", "stream = 'other'"]
)
def test_an_edited_head_is_found(trail, edit, change):
    edit(f"UPDATE audit_heads SET {change}")

    assert problems(trail)


def test_a_removed_head_is_found_and_nothing_more_is_written_on_that_trail(trail, edit):
    edit("DELETE FROM audit_heads")

    with pytest.raises(CredenzaError) as caught:
        save(trail, "after")

    assert caught.value.code == "audit_damaged"
    assert problems(trail) == ["Stream main: its head is missing."]
    assert [view.record.name for view in trail.list(search="after")] == []


def test_a_removed_trail_is_found_and_not_begun_anew(trail, edit):
    edit("DELETE FROM audit")
    edit("DELETE FROM audit_heads")
    assert problems(trail)

    with pytest.raises(CredenzaError):
        save(trail, "after")

    assert problems(trail)


def test_the_rows_of_another_workspace_are_no_rows_of_this_one(service, trail, edit):
    other = service.accounts.create_workspace("other", by="test")
    mine = service.tenant().row
    for table in ("audit", "audit_heads"):
        edit(f"DELETE FROM {table} WHERE workspace_id = ?", mine)
        edit(f"UPDATE {table} SET workspace_id = ? WHERE workspace_id = ?", mine, other.row)

    assert problems(trail)


# Heads kept elsewhere


def test_a_head_exported_earlier_is_in_every_later_trail(trail):
    exported = trail.verify_audit()[2]
    save(trail, "later")

    assert problems(trail, exported) == []


def test_rows_cut_off_with_an_older_head_put_back_are_found_by_an_exported_head(trail, edit):
    older = edit("SELECT count, mac, seal FROM audit_heads")[0]
    save(trail, "later")
    exported = trail.verify_audit()[2]
    edit("DELETE FROM audit WHERE sequence > ?", older[0])
    edit("UPDATE audit_heads SET count = ?, mac = ?, seal = ?", *older)

    assert problems(trail) == []  # as good as the day before: only what was kept elsewhere can tell
    assert problems(trail, exported)


@pytest.mark.embedded
def test_a_store_set_back_to_an_earlier_day_is_found_by_an_exported_head(open_service, tmp_path):
    def workspace(service):
        return service.workspace(Actor(service.tenant(), "test", Role.ADMIN))

    service = open_service("today")
    save(workspace(service))
    service.close()
    shutil.copytree(tmp_path / "today", tmp_path / "yesterday")
    service = open_service("today")
    save(workspace(service), "later")
    exported = workspace(service).verify_audit()[2]

    set_back = workspace(open_service("yesterday"))
    assert (problems(set_back), problems(workspace(service), exported)) == ([], [])
    assert problems(set_back, exported)


@pytest.mark.parametrize("text", ["", "main", "main:9", "main:9:00", "x:y:z", "main:01:" + "0" * 72])
def test_a_head_that_was_never_exported_is_in_no_trail(trail, text):
    assert problems(trail, [text])


def test_an_exported_head_names_stream_count_and_mac(trail, edit):
    stream, count, mac = edit("SELECT stream, count, mac FROM audit_heads")[0]

    assert (
        trail.verify_audit()[2]
        == audit.export([Head(stream, count, mac, b"")])
        == [f"{stream}:{count}:{mac.hex()}"]
    )


def test_a_forged_head_is_never_made_genuine_by_going_on(trail, edit):
    edit("DELETE FROM audit WHERE sequence > 3")
    third = "(SELECT mac FROM audit WHERE sequence = 3)"
    edit(f"UPDATE audit_heads SET count = 3, mac = {third}, seal = zeroblob(36)")

    with pytest.raises(CredenzaError) as refused:
        trail.apply([Put(name="new", type="openai", configuration=Sensitive({"api_key": SECRET}))])

    assert refused.value.code == "audit_damaged"
    assert problems(trail)


def test_a_missing_head_is_not_begun_anew(trail, edit):
    edit("DELETE FROM audit_heads")

    with pytest.raises(CredenzaError):
        trail.reveal("last")

    assert problems(trail)
