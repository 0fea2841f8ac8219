"""A store as version 0.1 made it, and what that version read from it."""

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from pricedesk.backend.rates import Convention, Provenance, Publication

VERSION_1 = """
    CREATE TABLE document (
        sha256 TEXT NOT NULL PRIMARY KEY, source TEXT NOT NULL, name TEXT NOT NULL,
        fetched_at TEXT NOT NULL, content BLOB NOT NULL
    ) STRICT;
    CREATE TABLE publication (
        source TEXT NOT NULL, date TEXT NOT NULL, revision INTEGER NOT NULL CHECK (revision >= 1),
        pivot TEXT NOT NULL, per_pivot INTEGER NOT NULL CHECK (per_pivot IN (0, 1)),
        document TEXT NOT NULL REFERENCES document (sha256),
        PRIMARY KEY (source, date, revision)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE rate (
        source TEXT NOT NULL, date TEXT NOT NULL, revision INTEGER NOT NULL,
        position INTEGER NOT NULL, code TEXT NOT NULL, units INTEGER NOT NULL CHECK (units >= 1),
        value TEXT NOT NULL,
        PRIMARY KEY (source, date, revision, code),
        FOREIGN KEY (source, date, revision) REFERENCES publication (source, date, revision)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 1;
    PRAGMA journal_mode = WAL;
    INSERT INTO document VALUES
        (
            'a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e',
            'ECB', 'day.xml', '2026-10-30T15:04:05.678901+00:00', x'789c4bcb2c2a2e010006570229'
        ),
        (
            '16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4',
            'ECB', 'day.xml', '2026-10-31T08:00:00+00:00', x'789c2b4e4dcecf4b010008ca027d'
        ),
        (
            'b1e99324505bd32da0e1f85dcf5e19a09db0481e8a15f62c41eb320304a8e927',
            'NB', 'rates.csv', '2026-10-30T16:00:00+00:00', x'789c2bc9c82c4a0100066c021c'
        );
    INSERT INTO publication VALUES
        (
            'ECB', '2026-10-29', 1, 'EUR', 1,
            'a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e'
        ),
        (
            'ECB', '2026-10-30', 1, 'EUR', 1,
            'a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e'
        ),
        (
            'ECB', '2026-10-30', 2, 'EUR', 1,
            '16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4'
        ),
        (
            'NB', '2026-10-30', 1, 'NOK', 0,
            'b1e99324505bd32da0e1f85dcf5e19a09db0481e8a15f62c41eb320304a8e927'
        );
    INSERT INTO rate VALUES
        ('ECB', '2026-10-29', 1, 0, 'USD', 1, '1.1130'),
        ('ECB', '2026-10-30', 1, 0, 'USD', 1, '1.1172'),
        ('ECB', '2026-10-30', 1, 1, 'CAD', 1, '1.5606'),
        ('ECB', '2026-10-30', 1, 2, 'AUD', 1, '1.60'),
        ('ECB', '2026-10-30', 2, 0, 'USD', 1, '1.1173'),
        ('NB', '2026-10-30', 1, 0, 'USD', 1, '9.8765'),
        ('NB', '2026-10-30', 1, 1, 'HUF', 100, '2.7123'),
        ('NB', '2026-10-30', 1, 2, 'DKK', 100, '148.10');
"""
"""The released schema of version 0.1, with publications in it."""

EUR = Convention("EUR", per_pivot=True)
FIRST = Provenance(
    hashlib.sha256(b"first").hexdigest(), datetime(2026, 10, 30, 15, 4, 5, 678901, tzinfo=UTC)
)
SECOND = Provenance(hashlib.sha256(b"second").hexdigest(), datetime(2026, 10, 31, 8, tzinfo=UTC))
THIRD = Provenance(hashlib.sha256(b"third").hexdigest(), datetime(2026, 10, 30, 16, tzinfo=UTC))
PUBLICATIONS_OF_VERSION_1 = [
    Publication("ECB", date(2026, 10, 29), EUR, ("USD",), "1.1130", FIRST),
    Publication("ECB", date(2026, 10, 30), EUR, ("USD", "CAD", "AUD"), "1.1172,1.5606,1.60", FIRST),
    Publication(
        "NB",
        date(2026, 10, 30),
        Convention("NOK", per_pivot=False),
        ("USD", "HUF", "DKK"),
        "9.8765,2.7123,148.10",
        THIRD,
        (1, 100, 100),
    ),
    Publication("ECB", date(2026, 10, 30), EUR, ("USD",), "1.1173", SECOND, revision=2),
]
"""What version 0.1 read from it, in the order in which it was fetched."""


def write_version_1(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(VERSION_1)
