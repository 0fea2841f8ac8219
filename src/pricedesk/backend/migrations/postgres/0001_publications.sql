-- The schema of SQLite's second step: see the remarks there. Texts are compared by their bytes,
-- so that both databases give the same order.
CREATE TABLE document (
    sha256     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    source     TEXT NOT NULL,
    name       TEXT NOT NULL,
    fetched_at TEXT NOT NULL,
    content    BYTEA NOT NULL
);
ALTER TABLE document ALTER COLUMN content SET STORAGE EXTERNAL;  -- it is compressed already

CREATE TABLE publication (
    sequence    BIGINT NOT NULL PRIMARY KEY,
    source      TEXT COLLATE "C" NOT NULL,
    date        TEXT COLLATE "C" NOT NULL,
    revision    INTEGER NOT NULL CHECK (revision >= 1),
    pivot       TEXT NOT NULL,
    per_pivot   INTEGER NOT NULL CHECK (per_pivot IN (0, 1)),
    codes       TEXT NOT NULL,
    rates       TEXT NOT NULL,
    units       TEXT NOT NULL,
    withheld    TEXT NOT NULL,
    document    TEXT COLLATE "C" NOT NULL REFERENCES document (sha256),
    fetched_at  TEXT NOT NULL,
    accepted_at TEXT,
    UNIQUE (source, date, revision)
);

CREATE TABLE withheld (
    number      BIGINT NOT NULL PRIMARY KEY,
    source      TEXT COLLATE "C" NOT NULL,
    date        TEXT COLLATE "C" NOT NULL,
    code        TEXT COLLATE "C" NOT NULL,
    guard       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    value       TEXT COLLATE "C" NOT NULL,
    units       BIGINT NOT NULL,
    document    TEXT COLLATE "C" NOT NULL REFERENCES document (sha256),
    fetched_at  TEXT NOT NULL,
    withheld_at TEXT NOT NULL,
    UNIQUE (source, date, code, value, units)
);

CREATE TABLE decision (
    number     BIGINT NOT NULL PRIMARY KEY REFERENCES withheld (number),
    verdict    TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    why        TEXT NOT NULL
);

CREATE TABLE look (
    source        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    looked_at     TEXT NOT NULL,
    document      TEXT,
    accepted      BIGINT NOT NULL,
    withheld      BIGINT NOT NULL,
    failure       TEXT,
    failing_since TEXT,
    not_before    TEXT
);

CREATE TABLE coverage (
    source TEXT COLLATE "C" NOT NULL,
    first  TEXT COLLATE "C" NOT NULL,
    last   TEXT NOT NULL,
    PRIMARY KEY (source, first)
);
