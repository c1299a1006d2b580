-- The tables of tower-bearer in PostgreSQL, from version 2 to 3: what may be presented once, such as a proof of
-- possession.
--
-- A program that knows version 1 goes on with them.

CREATE TABLE tower_bearer_replays (
    -- A SHA-256 of what was presented.
    id         BYTEA PRIMARY KEY,
    -- Until when it must not be presented again.
    keep_until BIGINT NOT NULL
);

CREATE INDEX tower_bearer_replays_keep_until ON tower_bearer_replays (keep_until);

INSERT INTO tower_bearer_migrations (version, compatible_from) VALUES (3, 1);
