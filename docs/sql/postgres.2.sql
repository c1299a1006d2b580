-- The tables of tower-bearer in PostgreSQL, from version 1 to 2: what the audit trail tells of tokens that no
-- store knows.
--
-- A program that knows version 1 goes on with them.

ALTER TABLE tower_bearer_audit ADD COLUMN token_issuer TEXT;
ALTER TABLE tower_bearer_audit ADD COLUMN token_session TEXT;
ALTER TABLE tower_bearer_audit ADD COLUMN token_client TEXT;
ALTER TABLE tower_bearer_audit ADD COLUMN token_key TEXT;
-- Before when those tokens were issued that were ended, or NULL for all of them.
ALTER TABLE tower_bearer_audit ADD COLUMN token_issued_before BIGINT;

INSERT INTO tower_bearer_migrations (version, compatible_from) VALUES (2, 1);
