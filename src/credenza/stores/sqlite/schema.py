"""The tables of the embedded store, as numbered migrations that only ever go forward.

A fresh file runs them all, so a fresh schema equals a migrated one. Rows have integer keys; children
hang on their parent's key, so that the only index that a save fills in random order is (workspace, name).
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database, Migrations

from credenza.errors import StoreRejected
from credenza.stores.sqlite import cards, catalogue, facets, losses, terms
from credenza.stores.sqlite.connect import APPLICATION, LATER, SCHEMA

migrations = Migrations("credenza")
TRIGGERS = (("rings_seal_active", terms.GUARD.strip()),)  # all there are, by name, as a file keeps them


@migrations(name="001_begin")
def begin(db: Database) -> None:
    """Make the tables of the first release."""
    for statement in _TABLES.split(";\n\n"):
        db.execute(statement)


@migrations(name="002_papers")
def add_papers(db: Database) -> None:
    """Make the tables of papers and of counted tokens."""
    for statement in _PAPERS.split(";\n\n"):
        db.execute(statement)


@migrations(name="003_facets")
def add_facets(db: Database) -> None:
    """Make the index of types, categories and tags, with what a search would find."""
    db.execute(_FACETS)
    done = db.execute("SELECT indexed_to FROM search_progress").fetchone()[0]
    facets.index_next(db.conn, 0, done)


@migrations(name="004_type_versions")
def add_type_versions(db: Database) -> None:
    """Note the version of the type that an integration was last saved under; so far there was one only."""
    db.execute("ALTER TABLE integrations ADD COLUMN type_version INTEGER NOT NULL DEFAULT 1")


@migrations(name="005_cards")
def add_cards(db: Database) -> None:
    """Make the tables of what lists know of papers."""
    for statement in cards.TABLES.split(";\n\n"):
        db.execute(statement)


@migrations(name="006_packages")
def add_packages(db: Database) -> None:
    """Make the catalogue of packages."""
    for statement in catalogue.TABLES.split(";\n\n"):
        db.execute(statement)


@migrations(name="007_next_key")
def add_next_key(db: Database) -> None:
    """Make the place of the vault's description with the key it is to have, and guard retired terms."""
    db.execute(terms.NEXT)
    db.execute(terms.GUARD)


@migrations(name="008_losses")
def add_losses(db: Database) -> None:
    """Make the tables of escrows, of keys that were lost, and of workspaces that ended."""
    for statement in losses.TABLES.split(";\n\n"):
        db.execute(statement)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to date, all steps or none.

    Raises:
        StoreRejected: a later release of the program has written to it.
    """
    db = Database(connection, recursive_triggers=False, execute_plugins=False)
    applied = {migration.name for migration in migrations.applied(db)}
    if not applied <= {m.name for m in migrations._migrations}:  # noqa: SLF001  # no public list exists
        raise StoreRejected(LATER)
    if not migrations.pending(db):
        return
    # In one transaction: a start that is cut short, or two at once, leave no half of a schema.
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        migrations.apply(db)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


_TABLES = """
CREATE TABLE vault (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    uuid BLOB NOT NULL,
    format INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    kek_id TEXT NOT NULL,
    key_check BLOB NOT NULL,
    keepsake BLOB
) STRICT;

CREATE TABLE workspaces (
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE rings (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('dek', 'fpk', 'mak')),
    term INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pre_active', 'active', 'decrypt_only', 'destroyed')),
    kek_id TEXT NOT NULL,
    wrapped BLOB,
    created_at INTEGER NOT NULL,
    seals INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, purpose, term)
) STRICT;

CREATE UNIQUE INDEX rings_one_active ON rings (workspace_id, purpose) WHERE state = 'active';

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    hash BLOB NOT NULL,
    role TEXT NOT NULL,
    names TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at INTEGER,
    mac BLOB NOT NULL
) STRICT;

CREATE INDEX api_keys_by_workspace ON api_keys (workspace_id, created_at);

CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('integrations', 0);

CREATE TABLE integrations (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    uuid BLOB NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    type TEXT NOT NULL,
    category TEXT NOT NULL,
    description TEXT,
    enabled INTEGER NOT NULL,
    version INTEGER NOT NULL,
    digest BLOB,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    UNIQUE (workspace_id, name)
) STRICT;

CREATE TABLE integration_versions (
    integration_id INTEGER NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    edits TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (integration_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE integration_apis (
    integration_id INTEGER NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    api TEXT NOT NULL,
    description TEXT,
    enabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (integration_id, api)
) STRICT, WITHOUT ROWID;

CREATE TABLE integration_tags (
    integration_id INTEGER NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (integration_id, key, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    id INTEGER PRIMARY KEY,
    integration_id INTEGER NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    version INTEGER NOT NULL,
    uuid BLOB NOT NULL,
    destination BLOB NOT NULL,
    rule INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    sealed BLOB NOT NULL,
    last_version INTEGER,
    UNIQUE (integration_id, path, version)
) STRICT;

CREATE TABLE audit (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    stream TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    verb TEXT NOT NULL,
    items BLOB NOT NULL,
    mac BLOB NOT NULL,
    PRIMARY KEY (workspace_id, stream, sequence)
) STRICT;

CREATE TABLE audit_heads (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    stream TEXT NOT NULL,
    count INTEGER NOT NULL,
    mac BLOB NOT NULL,
    seal BLOB NOT NULL,
    PRIMARY KEY (workspace_id, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    answer BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, key)
) STRICT;

CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE VIRTUAL TABLE integrations_search USING fts5 (
    name, description, content='integrations', content_rowid='id', tokenize='trigram'
);

CREATE TABLE search_progress (id INTEGER PRIMARY KEY CHECK (id = 1), indexed_to INTEGER NOT NULL) STRICT;

INSERT INTO search_progress (id, indexed_to) VALUES (1, 0);

CREATE TABLE search_pending (integration_id INTEGER PRIMARY KEY) STRICT
"""

_PAPERS = """
CREATE TABLE papers (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    kind TEXT NOT NULL,
    slug TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    body TEXT NOT NULL,
    mac BLOB NOT NULL,
    PRIMARY KEY (workspace_id, kind, slug)
) STRICT;

CREATE TABLE usage (
    integration_id INTEGER NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    api TEXT NOT NULL,
    period INTEGER NOT NULL,
    prompt INTEGER NOT NULL,
    completion INTEGER NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (integration_id, api, period)
) STRICT, WITHOUT ROWID
"""

# No foreign key: it would need an index of its own; `facets.forget` sees to it.
_FACETS = """
CREATE TABLE integration_facets (
    workspace_id INTEGER NOT NULL,
    facet TEXT NOT NULL CHECK (facet IN ('type', 'category', 'key', 'tag')),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    integration_id INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, facet, key, value, name)
) STRICT, WITHOUT ROWID
"""
