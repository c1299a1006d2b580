-- The tables of tower-bearer in SQLite, version 1.
--
-- The store makes them itself when it is opened, unless it is told not to. Times are milliseconds since
-- 1970; a time that is not known, or that never comes, is NULL.

CREATE TABLE tower_bearer_migrations (
    version         INTEGER PRIMARY KEY,
    -- The lowest version that a program must know to work with the tables as they are now.
    compatible_from INTEGER NOT NULL
) STRICT;

CREATE TABLE tower_bearer_tokens (
    subject       TEXT NOT NULL,
    id            TEXT NOT NULL,
    -- What is kept in place of the token: a SHA-256, or an HMAC under the pepper of this name.
    digest        BLOB NOT NULL UNIQUE,
    pepper        TEXT,
    kind          TEXT NOT NULL,
    name          TEXT,
    client_id     TEXT,
    session_id    TEXT,
    -- Separated by spaces.
    scopes        TEXT NOT NULL,
    -- JSON: [["editor", "site 1"], ["admin", null]].
    roles         TEXT NOT NULL,
    created       INTEGER NOT NULL,
    expires       INTEGER,
    -- For how long it may lie unused, in milliseconds.
    idle          INTEGER,
    last_used     INTEGER,
    revoked       INTEGER,
    disabled      INTEGER NOT NULL,
    replaced_by   TEXT,
    seed          BLOB,
    display_start TEXT NOT NULL,
    auth_time     INTEGER,
    acr           TEXT,
    -- JSON: {"device": "phone"}.
    attributes    TEXT NOT NULL,
    -- No later than the token is over: when pruning looks at it.
    due           INTEGER,
    PRIMARY KEY (subject, id)
) STRICT;

CREATE INDEX tower_bearer_tokens_due ON tower_bearer_tokens (due) WHERE due IS NOT NULL;

CREATE TABLE tower_bearer_revocations (
    -- The SHA-256 of the target, which may be longer than a key.
    key           BLOB PRIMARY KEY,
    target        BLOB NOT NULL,
    issued_before INTEGER NOT NULL,
    keep_until    INTEGER NOT NULL
) STRICT;

CREATE INDEX tower_bearer_revocations_keep_until ON tower_bearer_revocations (keep_until);

-- What was ended of late, for the other processes on this file.
CREATE TABLE tower_bearer_endings (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    message TEXT NOT NULL
) STRICT;

-- The audit trail. Nothing removes a line but whoever runs the service.
CREATE TABLE tower_bearer_audit (
    -- A random number in hexadecimal.
    event           TEXT PRIMARY KEY,
    at              INTEGER NOT NULL,
    action          TEXT NOT NULL,
    -- How many tokens were ended at once.
    ended           INTEGER,
    outcome         TEXT NOT NULL,
    -- 'user' or 'token': whose name is in "actor".
    actor_kind      TEXT,
    actor           TEXT,
    credential_kind TEXT,
    credential_id   TEXT,
    credential_name TEXT,
    token_kind      TEXT,
    token_subject   TEXT,
    token_id        TEXT,
    token_name      TEXT,
    -- The token whose place it took.
    token_replaces  TEXT,
    method          TEXT,
    resource        TEXT,
    client_addr     TEXT,
    detail          TEXT,
    -- How many lines before this one were dropped.
    lost_before     INTEGER NOT NULL
) STRICT;

CREATE INDEX tower_bearer_audit_at ON tower_bearer_audit (at);

INSERT INTO tower_bearer_migrations (version, compatible_from) VALUES (1, 1);
