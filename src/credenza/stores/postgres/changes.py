"""What processes keep in memory, counted and told by triggers when it changes, whoever changes it."""

from __future__ import annotations

from credenza.ports import Subject
from credenza.stores.postgres.news import CHANNEL
from credenza.stores.postgres.policies import STORE

TABLE = "changes"
_SEALS_APART = "INSERT OR DELETE OR UPDATE OF workspace_id, purpose, term, state, kek_id, wrapped"

_STATEMENT = "FOR EACH STATEMENT"
_TRIGGERS = (
    ("keys", "INSERT OR UPDATE OR DELETE", "api_keys", _STATEMENT, Subject.KEYS),
    # Every save counts its seals there: that is nobody's business.
    ("rings", _SEALS_APART, "rings", _STATEMENT, Subject.RINGS),
    ("vault", "INSERT OR UPDATE OR DELETE", "vault", _STATEMENT, Subject.RINGS),
    ("types", "INSERT OR UPDATE", "papers", "FOR EACH ROW WHEN (NEW.kind = 'type')", Subject.TYPES),
    ("lost_types", "DELETE", "papers", "FOR EACH ROW WHEN (OLD.kind = 'type')", Subject.TYPES),
)

STATEMENTS = (
    f'CREATE TABLE {TABLE} (subject TEXT COLLATE "C" PRIMARY KEY, count BIGINT NOT NULL)',
    # Whoever writes counts, and may not write to the table itself.
    f"""
    CREATE FUNCTION announce() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path FROM CURRENT AS $$
    BEGIN
        INSERT INTO {TABLE} AS c (subject, count) VALUES (TG_ARGV[0], 1)
            ON CONFLICT (subject) DO UPDATE SET count = c.count + 1;
        PERFORM pg_notify('{CHANNEL}', TG_ARGV[0]);
        RETURN NULL;
    END $$
    """,  # noqa: S608  # made of our own words
    *(
        f"CREATE TRIGGER announce_{name} AFTER {event} ON {table} {each} "
        f"EXECUTE FUNCTION announce('{subject}')"
        for name, event, table, each, subject in _TRIGGERS
    ),
    f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY",
    f"CREATE POLICY above ON {TABLE} FOR SELECT USING ({STORE})",
)
