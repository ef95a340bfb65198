"""The tables, as numbered migrations write them: integer keys inside, children on their parent's key.

All text is compared by its code points (`COLLATE "C"`), which `read` sees to.
"""

from __future__ import annotations

SYSTEM = """
CREATE TABLE vault (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    uuid BYTEA NOT NULL,
    format BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    kek_id TEXT NOT NULL,
    key_check BYTEA NOT NULL,
    keepsake BYTEA
);

CREATE TABLE workspaces (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid BYTEA NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE rings (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('dek', 'fpk', 'mak')),
    term BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pre_active', 'active', 'decrypt_only', 'destroyed')),
    kek_id TEXT NOT NULL,
    wrapped BYTEA,
    created_at BIGINT NOT NULL,
    seals BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, purpose, term)
);

CREATE UNIQUE INDEX rings_one_active ON rings (workspace_id, purpose) WHERE state = 'active';

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    hash BYTEA NOT NULL,
    role TEXT NOT NULL,
    names TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at BIGINT,
    mac BYTEA NOT NULL
);

CREATE INDEX api_keys_by_workspace ON api_keys (workspace_id, created_at);

CREATE TABLE audit (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    stream TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    verb TEXT NOT NULL,
    items BYTEA NOT NULL,
    mac BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, stream, sequence)
);

CREATE TABLE audit_heads (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    stream TEXT NOT NULL,
    count BIGINT NOT NULL,
    mac BYTEA NOT NULL,
    seal BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, stream)
);

CREATE TABLE idempotency (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    key TEXT NOT NULL,
    digest BYTEA NOT NULL,
    answer BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, key)
);

CREATE INDEX idempotency_by_age ON idempotency (created_at)
"""

# Numbers are handed out a million at a time, to be used up by one process.
RECORDS = """
CREATE SEQUENCE integration_rows AS BIGINT INCREMENT BY 1000000;

CREATE TABLE integrations (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    id BIGINT NOT NULL,
    uuid BYTEA NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL GENERATED ALWAYS AS (lower(name)) STORED,
    name_folded TEXT NOT NULL,
    type TEXT NOT NULL,
    category TEXT NOT NULL,
    description TEXT,
    description_folded TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    digest BYTEA,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    type_version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, key)
);

CREATE TABLE integration_versions (
    workspace_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    edits BYTEA NOT NULL,
    document BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, integration_id, version),
    FOREIGN KEY (workspace_id, integration_id) REFERENCES integrations ON DELETE CASCADE
);

CREATE TABLE integration_apis (
    workspace_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    api TEXT NOT NULL,
    description TEXT,
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (workspace_id, integration_id, api),
    FOREIGN KEY (workspace_id, integration_id) REFERENCES integrations ON DELETE CASCADE
);

CREATE TABLE integration_tags (
    workspace_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (workspace_id, integration_id, key, value),
    FOREIGN KEY (workspace_id, integration_id) REFERENCES integrations ON DELETE CASCADE
);

CREATE INDEX integration_tags_by_key ON integration_tags (workspace_id, key, value);

CREATE TABLE secrets (
    workspace_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    path TEXT NOT NULL,
    version BIGINT NOT NULL,
    uuid BYTEA NOT NULL,
    destination BYTEA NOT NULL,
    rule BIGINT NOT NULL,
    fingerprint BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    last_version BIGINT,
    PRIMARY KEY (workspace_id, integration_id, path, version),
    FOREIGN KEY (workspace_id, integration_id) REFERENCES integrations ON DELETE CASCADE
);

CREATE TABLE usage (
    workspace_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    api TEXT NOT NULL,
    period BIGINT NOT NULL,
    prompt BIGINT NOT NULL,
    completion BIGINT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, integration_id, api, period),
    FOREIGN KEY (workspace_id, integration_id) REFERENCES integrations ON DELETE CASCADE
)
"""

PAPERS = """
CREATE TABLE papers (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    kind TEXT NOT NULL,
    slug TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    body BYTEA NOT NULL,
    mac BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, kind, slug)
);

CREATE TABLE cards (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    paper_kind TEXT NOT NULL,
    paper_slug TEXT NOT NULL,
    status TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description_folded TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    hidden BOOLEAN NOT NULL,
    PRIMARY KEY (workspace_id, kind, id)
);

CREATE INDEX cards_by_paper ON cards (workspace_id, paper_kind, paper_slug);

CREATE INDEX cards_by_status ON cards (workspace_id, kind, status, id);

CREATE INDEX cards_by_creation ON cards (workspace_id, kind, created_at, id);

CREATE INDEX cards_by_change ON cards (workspace_id, kind, updated_at, id);

CREATE TABLE card_links (
    workspace_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    relation TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (workspace_id, kind, relation, target, id),
    FOREIGN KEY (workspace_id, kind, id) REFERENCES cards ON DELETE CASCADE
);

CREATE INDEX card_links_by_card ON card_links (workspace_id, kind, id)
"""

PACKAGES = """
CREATE TABLE packages (
    id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    workspace TEXT NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT,
    description_folded TEXT NOT NULL,
    icon_url TEXT,
    publisher TEXT,
    publisher_folded TEXT NOT NULL,
    trust_tier TEXT,
    visibility TEXT NOT NULL,
    published BOOLEAN NOT NULL,
    listed BOOLEAN NOT NULL,
    by_id BOOLEAN NOT NULL,
    current TEXT,
    current_id TEXT,
    current_at BIGINT,
    public_version TEXT,
    public_id TEXT,
    public_at BIGINT,
    created_by TEXT NOT NULL,
    deleted_at BIGINT,
    retention_tier TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (workspace_id, slug)
);

CREATE INDEX packages_by_creation ON packages (created_at, id);

CREATE INDEX packages_by_change ON packages (updated_at, id);

CREATE INDEX packages_by_name ON packages (name, id);

CREATE INDEX packages_by_publisher ON packages (publisher, id);

CREATE INDEX packages_by_current ON packages (current_id);

CREATE INDEX packages_by_public ON packages (public_id);

CREATE TABLE package_grants (
    package TEXT NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    workspace TEXT NOT NULL,
    workspace_id BIGINT NOT NULL,
    PRIMARY KEY (package, workspace)
);

CREATE TABLE package_approvals (
    package TEXT NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    version TEXT NOT NULL,
    workspace_id BIGINT NOT NULL,
    PRIMARY KEY (package, version)
);

CREATE TABLE package_versions (
    id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    published_by TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    UNIQUE (package, version)
);

CREATE TABLE package_parts (
    version TEXT NOT NULL REFERENCES package_versions (id) ON DELETE CASCADE,
    slug TEXT NOT NULL,
    type TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    workspace_id BIGINT NOT NULL,
    PRIMARY KEY (version, slug)
);

CREATE TABLE package_installs (
    id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    previous TEXT,
    policy TEXT NOT NULL,
    parent TEXT,
    installed_by TEXT NOT NULL,
    installed_at BIGINT NOT NULL,
    upgraded_at BIGINT,
    deleted_at BIGINT,
    retention_tier TEXT NOT NULL
);

CREATE INDEX package_installs_by_package ON package_installs (package, workspace_id);

CREATE INDEX package_installs_by_workspace ON package_installs (workspace_id, installed_at, id);

CREATE TABLE install_members (
    id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    install TEXT NOT NULL REFERENCES package_installs (id) ON DELETE CASCADE,
    slug TEXT NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    detached BOOLEAN NOT NULL
);

CREATE INDEX install_members_by_install ON install_members (install)
"""


def read(statements: str) -> str:
    """Return statements with the collation of all text."""
    return statements.replace(" TEXT", ' TEXT COLLATE "C"')
