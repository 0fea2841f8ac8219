-- The ledger; the schema of SQLite's third step: see the remarks there.
CREATE TABLE quote (
    sequence   BIGINT NOT NULL PRIMARY KEY,
    id         TEXT COLLATE "C" NOT NULL UNIQUE,
    record     TEXT NOT NULL,
    held_at    TEXT COLLATE "C" NOT NULL,
    expires_at TEXT COLLATE "C" NOT NULL
);

CREATE TABLE quote_end (
    id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES quote (id),
    state TEXT NOT NULL CHECK (state IN ('redeemed', 'expired', 'cancelled')),
    at    TEXT COLLATE "C" NOT NULL
);
CREATE INDEX quote_end_at ON quote_end (at);

CREATE TABLE quote_key (
    key         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    id          TEXT COLLATE "C" NOT NULL REFERENCES quote (id)
);

CREATE TABLE quote_held (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES quote (id),
    expires_at TEXT COLLATE "C" NOT NULL,
    customer   TEXT COLLATE "C"
);
CREATE INDEX quote_held_expires_at ON quote_held (expires_at);
CREATE INDEX quote_held_customer ON quote_held (customer, expires_at);

CREATE FUNCTION pricedesk_ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what is in % is neither changed nor deleted', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER quote_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON quote
    FOR EACH STATEMENT EXECUTE FUNCTION pricedesk_ledger_refuses();
CREATE TRIGGER quote_end_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON quote_end
    FOR EACH STATEMENT EXECUTE FUNCTION pricedesk_ledger_refuses();
CREATE TRIGGER quote_key_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON quote_key
    FOR EACH STATEMENT EXECUTE FUNCTION pricedesk_ledger_refuses();
