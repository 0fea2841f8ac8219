-- Publications as they were published, and the raw documents that they were read from.
CREATE TABLE document (
    sha256      TEXT NOT NULL PRIMARY KEY,
    source      TEXT NOT NULL,
    name        TEXT NOT NULL,
    fetched_at  TEXT NOT NULL,  -- ISO 8601, UTC
    content     BLOB NOT NULL   -- zlib
) STRICT;

CREATE TABLE publication (
    source    TEXT NOT NULL,
    date      TEXT NOT NULL,    -- YYYY-MM-DD
    revision  INTEGER NOT NULL CHECK (revision >= 1),
    pivot     TEXT NOT NULL,    -- the source's own currency
    per_pivot INTEGER NOT NULL CHECK (per_pivot IN (0, 1)),
    document  TEXT NOT NULL REFERENCES document (sha256),
    PRIMARY KEY (source, date, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE rate (
    source    TEXT NOT NULL,
    date      TEXT NOT NULL,
    revision  INTEGER NOT NULL,
    position  INTEGER NOT NULL, -- order in the document
    code      TEXT NOT NULL,    -- the other currency
    units     INTEGER NOT NULL CHECK (units >= 1),
    value     TEXT NOT NULL,    -- decimal text as published, for so many units
    PRIMARY KEY (source, date, revision, code),
    FOREIGN KEY (source, date, revision) REFERENCES publication (source, date, revision)
) STRICT, WITHOUT ROWID;
