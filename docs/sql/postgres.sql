-- The tables of tower-bearer in PostgreSQL, version 1.
--
-- The store makes them itself when it connects, unless it is told not to. They are made in the first
-- schema of the search path. Times are milliseconds since 1970; a time that is not known, or that never
-- comes, is NULL.

CREATE TABLE tower_bearer_migrations (
    version         BIGINT PRIMARY KEY,
    -- The lowest version that a program must know to work with the tables as they are now.
    compatible_from BIGINT NOT NULL
);

CREATE TABLE tower_bearer_tokens (
    -- Compared and put in order byte by byte.
    subject       TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    -- What is kept in place of the token: a SHA-256, or an HMAC under the pepper of this name.
    digest        BYTEA NOT NULL UNIQUE,
    pepper        TEXT,
    kind          TEXT COLLATE "C" NOT NULL,
    name          TEXT,
    client_id     TEXT,
    session_id    TEXT COLLATE "C",
    -- Separated by spaces.
    scopes        TEXT NOT NULL,
    -- JSON: [["editor", "site 1"], ["admin", null]].
    roles         TEXT NOT NULL,
    created       BIGINT NOT NULL,
    expires       BIGINT,
    -- For how long it may lie unused, in milliseconds.
    idle          BIGINT,
    last_used     BIGINT,
    revoked       BIGINT,
    disabled      BOOLEAN NOT NULL,
    replaced_by   TEXT,
    seed          BYTEA,
    display_start TEXT NOT NULL,
    auth_time     BIGINT,
    acr           TEXT,
    -- JSON: {"device": "phone"}.
    attributes    TEXT NOT NULL,
    -- No later than the token is over: when pruning looks at it. A use does not move it, so that it
    -- changes no index.
    due           BIGINT,
    PRIMARY KEY (subject, id)
) WITH (fillfactor = 80);

CREATE INDEX tower_bearer_tokens_due ON tower_bearer_tokens (due) WHERE due IS NOT NULL;

CREATE TABLE tower_bearer_revocations (
    -- The SHA-256 of the target, which may be longer than a key.
    key           BYTEA PRIMARY KEY,
    target        BYTEA NOT NULL,
    issued_before BIGINT NOT NULL,
    keep_until    BIGINT NOT NULL
);

CREATE INDEX tower_bearer_revocations_keep_until ON tower_bearer_revocations (keep_until);

-- The audit trail. Nothing removes a line but whoever runs the service.
CREATE TABLE tower_bearer_audit (
    -- A random number in hexadecimal.
    event           TEXT PRIMARY KEY,
    at              BIGINT NOT NULL,
    action          TEXT NOT NULL,
    -- How many tokens were ended at once.
    ended           BIGINT,
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
    lost_before     BIGINT NOT NULL
);

CREATE INDEX tower_bearer_audit_at ON tower_bearer_audit (at);

INSERT INTO tower_bearer_migrations (version, compatible_from) VALUES (1, 1);
