-- The tables of tower-bearer in SQLite, from version 2 to 3: what may be presented once, such as a proof of
-- possession.
--
-- A program that knows version 1 goes on with them.

CREATE TABLE tower_bearer_replays (
    -- A SHA-256 of what was presented.
    id         BLOB PRIMARY KEY,
    -- Until when it must not be presented again.
    keep_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tower_bearer_replays_keep_until ON tower_bearer_replays (keep_until);

INSERT INTO tower_bearer_migrations (version, compatible_from) VALUES (3, 1);
