"""The schema of the database, as numbered migrations that only ever go forward.

A fresh database runs them all, so a fresh schema equals a migrated one. They run in one transaction under a
lock, so that of several servers that start at once one does it, and a start that is cut short leaves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import psycopg
from psycopg import errors

from credenza.errors import CredenzaError, StoreRejected, Unavailable
from credenza.stores.postgres import changes, folding, losses, policies, tables, terms
from credenza.stores.postgres.connect import ROLE, SCHEMA, Connection

OLDEST, SET_APART = 140_000, 160_000  # PostgreSQL 14 and 16
_LOCK = 0x43525A44  # "CRDZ": a number of ours among those of other programs
# For a table that the release which still runs has in use; whoever comes after waits as long, so it is short.
_LOCK_WAIT = "2s"
_ATTEMPTS = 20
_PAUSE_SECONDS = 0.5
LATER = "This store was written by a later release of credenza; upgrade the program and start again."
_ABSENT = "There is no store in this database yet: run `credenza init`, or `credenza serve --dev`."
_EARLIER = "This store was written by an earlier release; `credenza list` brings it up to date."
_CLOSED_DOOR = (
    "PostgreSQL cannot be reached, or does not let the login of CREDENZA_STORE into the database named there."
)
_IN_USE = "The tables of this store are in use without a pause; start again when there is less to do."
_TOO_OLD = "This store needs PostgreSQL 14 or later."
_ENCODING = "This store needs a database in UTF8; make one with `CREATE DATABASE ... ENCODING 'UTF8'`."
_NO_ROLE = (
    f"The login of CREDENZA_STORE may not make the role that row-level security binds. Have an administrator "
    f"run `CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO <login>` once, and start again."
)
_NO_SCHEMA = (
    f"The login of CREDENZA_STORE may not make the schema {SCHEMA} in this database. Have an administrator "
    f"run `CREATE SCHEMA {SCHEMA} AUTHORIZATION <login>` once, and start again."
)
_FUNCTIONS = """
CREATE FUNCTION folded(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lower(value COLLATE "C");

CREATE FUNCTION is_installed(wanted text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path FROM CURRENT AS
    'SELECT EXISTS (SELECT 1 FROM package_installs i WHERE i.package = wanted AND i.deleted_at IS NULL)';

CREATE FUNCTION forget_answers(since BIGINT) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path FROM CURRENT AS
    'DELETE FROM idempotency d USING (
        SELECT e.workspace_id, e.key FROM idempotency e WHERE e.created_at < since
        LIMIT 1000 FOR UPDATE SKIP LOCKED
    ) old WHERE d.workspace_id = old.workspace_id AND d.key = old.key'
"""
_GRANTS = (
    f"GRANT USAGE ON SCHEMA {SCHEMA} TO {ROLE}",
    f"GRANT USAGE ON SEQUENCE integration_rows TO {ROLE}",
)


class Migration(NamedTuple):
    """One step forward."""

    name: str
    run: Callable[[Connection], None]


def migrate(connection: Connection, *, create: bool, read_only: bool) -> None:
    """Bring a database up to date, all steps or none; with `read_only`, only look whether it is.

    Raises:
        StoreRejected: there is no store and none is to be made, a later release has written to it, the
            database has another encoding, the login may not do what must be done, or tables are in use.
    """
    if connection.info.server_version < OLDEST:
        raise StoreRejected(_TOO_OLD)
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise StoreRejected(_ENCODING)
    applied = _applied(connection)
    if applied is None and not create:
        raise StoreRejected(_ABSENT)
    if not _pending(applied or ()):
        return
    if read_only:
        raise StoreRejected(_EARLIER)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _move_on(connection)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            if attempt == _ATTEMPTS:
                raise StoreRejected(_IN_USE) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _move_on(connection: Connection) -> None:
    """Take the steps that are left, all or none."""
    with connection.transaction():
        # The schema first: where it cannot be made, the lock is nobody's business.
        connection.execute("SELECT pg_advisory_xact_lock(%s::bigint)", (_LOCK,))
        connection.execute(f"SET LOCAL lock_timeout TO '{_LOCK_WAIT}'")
        _make_place(connection)
        for migration in _pending(_applied(connection) or ()):
            migration.run(connection)
            connection.execute("INSERT INTO migrations (name) VALUES (%s)", (migration.name,))


def _applied(connection: Connection) -> Sequence[str] | None:
    """Return the names of the migrations that were run; None: there is no store here."""
    if connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.migrations",)).fetchone() == (None,):
        return None
    rows = connection.execute(f"SELECT name FROM {SCHEMA}.migrations ORDER BY name").fetchall()  # noqa: S608
    return [row[0] for row in rows]


def _pending(applied: Sequence[str]) -> list[Migration]:
    if not set(applied) <= {migration.name for migration in MIGRATIONS}:
        raise StoreRejected(LATER)
    return [migration for migration in MIGRATIONS if migration.name not in applied]


def _make_place(connection: Connection) -> None:
    """Make the role and the schema, where they are not there yet."""
    try:
        with connection.transaction():
            _make_role(connection)
    except errors.InsufficientPrivilege:
        raise StoreRejected(_NO_ROLE) from None
    try:
        with connection.transaction():
            if connection.execute("SELECT to_regnamespace(%s)", (SCHEMA,)).fetchone() == (None,):
                connection.execute(f"CREATE SCHEMA {SCHEMA}")
    except errors.InsufficientPrivilege:
        raise StoreRejected(_NO_SCHEMA) from None
    connection.execute(f"SET LOCAL search_path TO {SCHEMA}, pg_catalog")
    connection.execute(
        tables.read(
            "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, at TIMESTAMPTZ DEFAULT now())"
        )
    )


def _make_role(connection: Connection) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone()
    if found is None:
        try:
            with connection.transaction():
                connection.execute(f"CREATE ROLE {ROLE} NOLOGIN NOBYPASSRLS")
        except (errors.DuplicateObject, errors.UniqueViolation):
            pass  # roles are the whole server's: another database was faster
    # Since 16, who makes a role is a member of it without the right to take it.
    right = "SET" if connection.info.server_version >= SET_APART else "MEMBER"
    member = connection.execute("SELECT pg_has_role(current_user, %s, %s)", (ROLE, right)).fetchone()
    if member != (True,):
        connection.execute(f"GRANT {ROLE} TO CURRENT_USER")


def _begin(connection: Connection) -> None:
    parts = (tables.SYSTEM, tables.RECORDS, tables.PAPERS, tables.PACKAGES, _FUNCTIONS)
    for statement in ";\n\n".join(part.strip() for part in parts).split(";\n\n"):
        connection.execute(tables.read(statement))
    for statement in (*policies.write(), *_GRANTS):
        connection.execute(statement)
    for table in policies.FIRST_TABLES:
        connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLE}")


def _announce(connection: Connection) -> None:
    for statement in changes.STATEMENTS:
        connection.execute(statement)
    connection.execute(f"GRANT SELECT ON {changes.TABLE} TO {ROLE}")


def _fold(connection: Connection) -> None:
    connection.execute(folding.write_function())


def _add_next_key(connection: Connection) -> None:
    """Make the place of the vault's description with the key it is to have, and guard retired terms."""
    for statement in (tables.read(terms.NEXT), *terms.NEXT_WALLS, *terms.GUARD):
        connection.execute(statement)


def _add_losses(connection: Connection) -> None:
    """Make the tables of escrows, of keys that were lost, and of workspaces that ended."""
    for statement in (*tables.read(losses.TABLES.strip()).split(";\n\n"), *losses.WALLS):
        connection.execute(statement)


MIGRATIONS: Sequence[Migration] = (
    Migration("001_begin", _begin),
    Migration("002_changes", _announce),
    Migration("003_folding", _fold),
    Migration("004_next_key", _add_next_key),
    Migration("005_losses", _add_losses),
)
GUARDED = (*policies.TABLES, changes.TABLE)


def examine(connection: Connection) -> list[str]:
    """Return what is wrong with the schema and the server, as the role of the row policies sees them."""
    found = []
    role = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if role != (False,):
        found.append("The role in effect passes by row-level security: workspaces have one wall only.")
    open_tables = connection.execute(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = ANY(%s) "
        "AND (NOT c.relrowsecurity OR pg_has_role(current_user, c.relowner, 'USAGE'))",
        (SCHEMA, [*GUARDED]),
    ).fetchone()
    if open_tables != (0,):
        found.append("There are tables whose rows no policy guards.")
    if connection.execute("SELECT current_setting('fsync')").fetchone() == ("off",):
        found.append("PostgreSQL runs with fsync off: what was acknowledged may be lost.")
    return found


def translate(error: psycopg.Error) -> CredenzaError | None:
    """Return why a store cannot be opened; None: for no reason that opening alone has."""
    if isinstance(error, errors.InsufficientPrivilege):
        return StoreRejected("The login of CREDENZA_STORE may not do what a migration must do.")
    # libpq gives no code for what keeps a connection from being made, and its text may hold a password.
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return Unavailable(_CLOSED_DOOR)
    return None
