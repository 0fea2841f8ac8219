-- One row a publication, so that tens of thousands are read in no time; what a guard withheld,
-- what a person decided about it, the last look at each source, and what a back-fill has done.

-- As with `file`: "PdSt". A backup is known by it.
PRAGMA application_id = 1348752244;

CREATE TABLE publication_row (
    sequence    INTEGER NOT NULL PRIMARY KEY,  -- order of acceptance, from 1
    source      TEXT NOT NULL,
    date        TEXT NOT NULL,    -- YYYY-MM-DD
    revision    INTEGER NOT NULL CHECK (revision >= 1),
    pivot       TEXT NOT NULL,    -- the source's own currency
    per_pivot   INTEGER NOT NULL CHECK (per_pivot IN (0, 1)),
    codes       TEXT NOT NULL,    -- the other currencies, with commas between them
    rates       TEXT NOT NULL,    -- decimal texts as published in the same order, empty for none
    units       TEXT NOT NULL,    -- for how many units each is; empty where all are 1
    withheld    TEXT NOT NULL,    -- currencies whose values were withheld, in order
    document    TEXT NOT NULL REFERENCES document (sha256),
    fetched_at  TEXT NOT NULL,    -- ISO 8601, UTC
    accepted_at TEXT,             -- where it was later
    UNIQUE (source, date, revision)
) STRICT;

INSERT INTO publication_row
SELECT
    row_number() OVER (ORDER BY fetched_at, source, date, revision),
    source, date, revision, pivot, per_pivot, codes, rates, units, '', document, fetched_at, NULL
FROM (
    SELECT DISTINCT
        p.source, p.date, p.revision, p.pivot, p.per_pivot, p.document, d.fetched_at,
        group_concat(r.code, ',') OVER whole AS codes,
        group_concat(r.value, ',') OVER whole AS rates,
        CASE WHEN max(r.units) OVER whole = 1 THEN ''
            ELSE group_concat(r.units, ',') OVER whole END AS units
    FROM publication AS p
    JOIN document AS d ON d.sha256 = p.document
    JOIN rate AS r ON (r.source, r.date, r.revision) = (p.source, p.date, p.revision)
    WINDOW whole AS (
        PARTITION BY r.source, r.date, r.revision ORDER BY r.position
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
);

DROP TABLE rate;
DROP TABLE publication;
ALTER TABLE publication_row RENAME TO publication;

CREATE TABLE withheld (
    number      INTEGER NOT NULL PRIMARY KEY,
    source      TEXT NOT NULL,
    date        TEXT NOT NULL,
    code        TEXT NOT NULL,
    guard       TEXT NOT NULL,    -- which one did not believe the value
    reason      TEXT NOT NULL,    -- and why not
    value       TEXT NOT NULL,    -- the text that is in the document
    units       INTEGER NOT NULL,
    document    TEXT NOT NULL REFERENCES document (sha256),
    fetched_at  TEXT NOT NULL,
    withheld_at TEXT NOT NULL,
    UNIQUE (source, date, code, value, units)
) STRICT;

CREATE TABLE decision (
    number     INTEGER NOT NULL PRIMARY KEY REFERENCES withheld (number),
    verdict    TEXT NOT NULL,     -- released, rejected
    decided_at TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    why        TEXT NOT NULL
) STRICT;

CREATE TABLE look (
    source        TEXT NOT NULL PRIMARY KEY,
    looked_at     TEXT NOT NULL,
    document      TEXT,           -- its name
    accepted      INTEGER NOT NULL,
    withheld      INTEGER NOT NULL,
    failure       TEXT,
    failing_since TEXT,
    not_before TEXT
) STRICT;

CREATE TABLE coverage (
    source TEXT NOT NULL,
    first  TEXT NOT NULL,
    last   TEXT NOT NULL,
    PRIMARY KEY (source, first)
) STRICT, WITHOUT ROWID;
