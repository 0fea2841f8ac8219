"""Publications that were fetched, kept in SQLite with the raw documents behind them.

Nothing is ever overwritten or deleted: a correction is a further revision. What `add` has
returned from is on the disk (`synchronous=FULL`).
"""

import os
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from pricedesk.backend.rates import Convention, Provenance, Publication, is_published_value
from pricedesk.errors import StoreFailed, in_quotes

FILE_NAME = "pricedesk.sqlite3"
BUSY_SECONDS = 5

MIGRATIONS = sorted(Path(__file__).with_name("migrations").glob("*.sql"))
"""The schema, step by step; a file remembers in `user_version` how many it has seen."""


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A document as a source sent it."""

    source: str
    name: str
    content: bytes
    provenance: Provenance


class SqliteStore:
    """The publications in one SQLite file. Threads take turns."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open the store in `folder`, making both where they are missing unless `read_only`.

        Raises:
            StoreFailed: the folder cannot be written, or the file is damaged or of another
                version of Pricedesk than can be read or migrated.
        """
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        with self._failures():
            if not read_only:
                folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                self._address(read_only=read_only),
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                if read_only:
                    self._check_version()
                else:
                    self._database.executescript(
                        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                    )
                    self._migrate()
            except BaseException:
                self._database.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def publications(self, source: str | None = None) -> list[Publication]:
        """Every publication that is kept, or those of one source; every revision, by date.

        Raises:
            StoreFailed: the file cannot be read.
        """
        with self._failures():
            rows = self._database.execute(
                "SELECT p.source, p.date, p.revision, pivot, per_pivot, sha256,"
                " fetched_at, code, units, value"
                " FROM publication AS p JOIN document ON document.sha256 = p.document"
                " JOIN rate AS r ON (r.source, r.date, r.revision) = (p.source, p.date, p.revision)"
                " WHERE ? IN (p.source, '') ORDER BY p.source, p.date, p.revision, position",
                (source or "",),
            )
            return [_publication(key, list(group)) for key, group in groupby(rows, lambda r: r[:7])]

    def add(self, document: RawDocument, publications: Iterable[Publication]) -> None:
        """Keep these publications and the document they are from: all of it or nothing.

        Raises:
            StoreFailed: nothing was kept.
        """
        with self._failures(), self._transaction():
            self._database.execute(
                "INSERT INTO document VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    document.provenance.sha256,
                    document.source,
                    document.name,
                    document.provenance.fetched_at.isoformat(),
                    zlib.compress(document.content),
                ),
            )
            for publication in publications:
                key = (publication.source, publication.date.isoformat(), publication.revision)
                self._database.execute(
                    "INSERT INTO publication VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        *key,
                        publication.convention.pivot,
                        publication.convention.per_pivot,
                        publication.provenance.sha256,
                    ),
                )
                units = publication.units_by_code()
                self._database.executemany(
                    "INSERT INTO rate VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        (*key, position, code, units.get(code, 1), value)
                        for position, (code, value) in enumerate(publication.rates().items())
                    ],
                )

    def document(self, sha256: str) -> bytes | None:
        """The raw document with this digest.

        Raises:
            StoreFailed: the file cannot be read.
        """
        with self._failures():
            row = self._database.execute(
                "SELECT content FROM document WHERE sha256 = ?", (sha256,)
            ).fetchone()
            return zlib.decompress(row[0]) if row else None

    def _address(self, *, read_only: bool) -> str:
        """The file as SQLite is told to open it."""
        address = self._path.absolute().as_uri()
        if not read_only:
            return f"{address}?mode=rwc"
        # Reading needs files beside the database; where they cannot be made, nobody writes.
        writable = os.access(self._path.parent, os.W_OK)
        unused = not self._path.with_name(f"{FILE_NAME}-wal").exists()
        return f"{address}?mode=ro" + ("&immutable=1" if unused and not writable else "")

    def _version(self) -> int:
        """How many of the migrations this file has seen."""
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise StoreFailed(f"{self._path} was written by a later version of Pricedesk")
        return int(version)

    def _check_version(self) -> None:
        if self._version() < len(MIGRATIONS):
            raise StoreFailed(f"{self._path} was written by an earlier version of Pricedesk")

    def _migrate(self) -> None:
        """Apply the numbered migrations that this file has not seen yet, in order."""
        with self._transaction():
            version = self._version()
            for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
                for statement in _statements(script.read_text(encoding="utf-8")):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            # SQLite has already rolled back after some failures, such as a full disk.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except (OSError, ValueError, sqlite3.Error, zlib.error) as error:
            raise StoreFailed(f"the store {self._path} failed: {error}") from error


def _statements(script: str) -> Iterator[str]:
    """The statements of an SQL script, each with the comments before it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _publication(
    key: tuple[str, str, int, str, int, str, str], rows: list[tuple[Any, ...]]
) -> Publication:
    source, day, revision, pivot, per_pivot, sha256, fetched_at = key
    codes, units, values = zip(*(row[7:] for row in rows), strict=True)
    for code, value in zip(codes, values, strict=True):
        if not is_published_value(value):
            raise StoreFailed(f"the store has the value {in_quotes(value)} for {code} on {day}")
    return Publication(
        source=source,
        date=date.fromisoformat(day),
        convention=Convention(pivot, per_pivot=bool(per_pivot)),
        codes=codes,
        row=",".join(values),
        provenance=Provenance(sha256, datetime.fromisoformat(fetched_at)),
        units=units if set(units) != {1} else (),
        revision=revision,
    )
