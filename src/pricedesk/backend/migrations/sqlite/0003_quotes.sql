-- The ledger: quotes as they were held, what became of each, and the keys that requests came with.
-- What is in it is neither changed nor deleted.
CREATE TABLE quote (
    sequence   INTEGER NOT NULL PRIMARY KEY,  -- order of holding, from 1
    id         TEXT NOT NULL UNIQUE,
    record     TEXT NOT NULL,                 -- all that was said of it, as it was said
    held_at    TEXT NOT NULL,                 -- YYYY-MM-DDTHH:MM:SSZ, as in the record
    expires_at TEXT NOT NULL
) STRICT;

CREATE TABLE quote_end (
    id    TEXT NOT NULL PRIMARY KEY REFERENCES quote (id),
    state TEXT NOT NULL CHECK (state IN ('redeemed', 'expired', 'cancelled')),
    at    TEXT NOT NULL                       -- when it was recorded
) STRICT, WITHOUT ROWID;
CREATE INDEX quote_end_at ON quote_end (at);

CREATE TABLE quote_key (
    key         TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,                -- of the request that it came with
    id          TEXT NOT NULL REFERENCES quote (id)
) STRICT, WITHOUT ROWID;

-- The quotes whose time is not over, whatever has become of them, to be counted: rows are deleted by
-- time only. For whom a price was held is known no longer than that.
CREATE TABLE quote_held (
    id         TEXT NOT NULL PRIMARY KEY REFERENCES quote (id),
    expires_at TEXT NOT NULL,
    customer   TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX quote_held_expires_at ON quote_held (expires_at);
CREATE INDEX quote_held_customer ON quote_held (customer, expires_at);

CREATE TRIGGER quote_is_not_changed BEFORE UPDATE ON quote
BEGIN SELECT RAISE(ABORT, 'a quote is not changed'); END;
CREATE TRIGGER quote_is_not_deleted BEFORE DELETE ON quote
BEGIN SELECT RAISE(ABORT, 'a quote is not deleted'); END;
CREATE TRIGGER quote_end_is_not_changed BEFORE UPDATE ON quote_end
BEGIN SELECT RAISE(ABORT, 'the end of a quote is not changed'); END;
CREATE TRIGGER quote_end_is_not_deleted BEFORE DELETE ON quote_end
BEGIN SELECT RAISE(ABORT, 'the end of a quote is not deleted'); END;
CREATE TRIGGER quote_key_is_not_changed BEFORE UPDATE ON quote_key
BEGIN SELECT RAISE(ABORT, 'the key of a quote is not changed'); END;
CREATE TRIGGER quote_key_is_not_deleted BEFORE DELETE ON quote_key
BEGIN SELECT RAISE(ABORT, 'the key of a quote is not deleted'); END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER quote_is_not_replaced BEFORE INSERT ON quote
WHEN EXISTS (SELECT 1 FROM quote WHERE sequence = NEW.sequence OR id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a quote is not replaced'); END;
CREATE TRIGGER quote_end_is_not_replaced BEFORE INSERT ON quote_end
WHEN EXISTS (SELECT 1 FROM quote_end WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the end of a quote is not replaced'); END;
CREATE TRIGGER quote_key_is_not_replaced BEFORE INSERT ON quote_key
WHEN EXISTS (SELECT 1 FROM quote_key WHERE key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'the key of a quote is not replaced'); END;
