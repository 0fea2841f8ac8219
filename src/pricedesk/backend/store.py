"""What the back-end keeps: publications, raw documents, the quarantine, how looks went.

All SQL that both databases understand is here and beside it; `open_store` decides which one it
is. Publications and documents are never overwritten or deleted: a correction is a further
revision.
"""

import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from pricedesk.backend import store_rows as rows
from pricedesk.backend.database import Database, Row, Value, check_version, migrate
from pricedesk.backend.quarantine import Decision, WithheldValue
from pricedesk.backend.rates import Provenance, Publication
from pricedesk.backend.store_check import problems
from pricedesk.backend.store_rows import Look
from pricedesk.backend.store_sqlite import FILE_NAME, SqliteDatabase
from pricedesk.errors import DecidedAlready, StoreFailed, UnknownWithheldValue

__all__ = ["Kept", "Look", "RawDocument", "Store", "find_store", "open_store"]


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A document as a source sent it."""

    source: str
    name: str
    content: bytes
    provenance: Provenance


class Kept(NamedTuple):
    """Publications in the order in which they were accepted, and the last one's number.

    `sequence` goes into the next question, which is then answered with what is new.
    """

    sequence: int
    publications: list[Publication]


class Store:
    """Everything that is kept, in one database. Threads take turns."""

    def __init__(self, database: Database) -> None:
        """A store on a database that is open and of this version; `open_store` makes both so."""
        self._database = database
        self._turn = threading.RLock()
        self._in_transaction = False
        self._spoiled = False
        self._news = True

    @property
    def name(self) -> str:
        """The store as messages show it: the file, or the address without its password."""
        return self._database.name

    @property
    def database(self) -> Database:
        """For what goes through all tables: a check, a backup."""
        return self._database

    def close(self) -> None:
        """Close the database and end a wait for a change; the store fails from now on."""
        with self._turn:
            self._database.close()

    @contextmanager
    def transaction(self, *, news: bool = True) -> Iterator[None]:
        """All that is done inside is kept together at the end, or nothing of it.

        Inside, this thread is the only writer of the store among all threads and processes, and
        sees what all others have kept. The methods below join the transaction that they are
        called in, and have one of their own otherwise. If one of them fails inside, nothing is
        kept at the end, even if its error was caught. It belongs to a thread: nothing may be
        awaited inside. Without `news` who waits for a change need not hear of this one: it is for
        what concerns nobody but who asks for it.

        Raises:
            StoreFailed: nothing was kept; where the connection broke at the very end, it is not
                known whether.
        """
        with self._turn:
            if self._in_transaction:
                self._news = self._news or news
                try:
                    yield
                except BaseException:
                    self._spoiled = True
                    raise
                return
            self._database.begin_writing()
            self._in_transaction, self._spoiled, self._news = True, False, news
            try:
                yield
                self._commit()
            except BaseException:
                self._database.rollback()
                raise
            finally:
                self._in_transaction = False

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read inside is the store of one moment, whoever writes meanwhile.

        Raises:
            StoreFailed: it cannot be read.
        """
        with self._turn:
            self._database.begin_reading()
            try:
                yield
            finally:
                self._database.rollback()

    def publications(self, after: int = 0) -> Kept:
        """Every publication that was accepted after this number of a `Kept`; 0 gives all.

        Every revision, in order of acceptance.

        Raises:
            StoreFailed: the store cannot be read, or is damaged.
        """
        with self._reading():
            found = self._database.execute(
                f"SELECT {rows.PUBLICATION_COLUMNS} FROM publication WHERE sequence > ?"  # noqa: S608  # the columns' names are ours
                " ORDER BY sequence",
                (after,),
            )
            sequence = found[-1][0] if found else after
            return Kept(sequence, [rows.publication_of_row(row) for row in found])

    def accepted_after(self, number: int, most: int) -> list[tuple[int, Publication]]:
        """So many of the publications that were accepted after a number, each with its own.

        Raises:
            StoreFailed: the store cannot be read, or is damaged.
        """
        with self._reading():
            found = self._database.execute(
                f"SELECT {rows.PUBLICATION_COLUMNS} FROM publication WHERE sequence > ?"  # noqa: S608  # the columns' names are ours
                " ORDER BY sequence LIMIT ?",
                (number, most),
            )
            return [(row[0], rows.publication_of_row(row)) for row in found]

    def newest_number(self) -> int:
        """The number of the publication that was accepted last; 0 if there is none.

        Raises:
            StoreFailed: the store cannot be read.
        """
        with self._reading():
            return self._last("sequence", "publication")

    def add(self, document: RawDocument, publications: Iterable[Publication]) -> None:
        """Keep these publications and the document that they are from.

        Raises:
            StoreFailed: nothing was kept; one of them may be known already.
        """
        with self.transaction():
            self._keep(document)
            last = self._last("sequence", "publication")
            self._insert(
                "publication",
                rows.PUBLICATION_COLUMNS,
                [
                    rows.row_of_publication(sequence, publication)
                    for sequence, publication in enumerate(publications, start=last + 1)
                ],
            )

    def document(self, sha256: str) -> bytes | None:
        """The raw document with this digest.

        Raises:
            StoreFailed: the store cannot be read, or is damaged.
        """
        with self._reading():
            found = self._database.execute(
                "SELECT content FROM document WHERE sha256 = ?", (sha256,)
            )
            return zlib.decompress(found[0][0]) if found else None

    def withhold(
        self, document: RawDocument, values: Iterable[WithheldValue]
    ) -> list[WithheldValue]:
        """Put values into quarantine, with the document that they are from; gives the new ones.

        The same text for the same source, date and currency is withheld once: read again it
        makes no second entry, whatever was decided about it. Numbers are given in order.

        Raises:
            StoreFailed: nothing was kept.
        """
        listed = list(values)
        new: list[WithheldValue] = []
        with self.transaction():
            known = {
                source: set(
                    self._database.execute(
                        "SELECT date, code, value, units FROM withheld WHERE source = ?", (source,)
                    )
                )
                for source in {value.source for value in listed}
            }
            last = self._last("number", "withheld")
            for value in listed:
                key = rows.key_of_withheld(value)
                if key not in known[value.source]:
                    known[value.source].add(key)
                    new.append(replace(value, number=last + len(new) + 1, decision=None))
            if new:
                self._keep(document)
            self._insert("withheld", rows.WITHHELD_COLUMNS, list(map(rows.row_of_withheld, new)))
        return new

    def withheld(
        self,
        *,
        waiting_only: bool = False,
        numbers: Iterable[int] | None = None,
        source: str | None = None,
        day: date | None = None,
    ) -> list[WithheldValue]:
        """Values in quarantine with what was decided about them, by number.

        Those still waiting, of these numbers, of a source, of a date: all that is asked for.

        Raises:
            StoreFailed: the store cannot be read, or is damaged.
        """
        conditions, values = ["1 = 1"], list[Value]()
        if waiting_only:
            conditions.append("verdict IS NULL")
        if source is not None:
            conditions.append("source = ?")
            values.append(source)
        if day is not None:
            conditions.append("date = ?")
            values.append(day.isoformat())
        wanted = None if numbers is None else set(numbers)
        with self._reading():
            found = self._database.execute(
                f"SELECT withheld.{rows.WITHHELD_COLUMNS}, {rows.DECISION_COLUMNS} FROM withheld"  # noqa: S608  # the names are ours
                " LEFT JOIN decision ON decision.number = withheld.number"
                f" WHERE {' AND '.join(conditions)} ORDER BY withheld.number",
                values,
            )
            return [rows.withheld_of_row(r) for r in found if wanted is None or r[0] in wanted]

    def decide(self, numbers: Iterable[int], decision: Decision) -> None:
        """Record what a person decided about withheld values: all of them or none.

        Raises:
            UnknownWithheldValue: there is no value of one of the numbers.
            DecidedAlready: one of them has a decision; the text says who decided what and when.
            StoreFailed: nothing was kept.
        """
        wanted = sorted(set(numbers))
        with self.transaction():
            known = {value.number: value for value in self.withheld(numbers=wanted)}
            for number in wanted:
                if number not in known:
                    raise UnknownWithheldValue(f"no value with the number {number} was withheld")
                made = known[number].decision
                if made is not None:
                    raise DecidedAlready(
                        f"{number} was {made.verdict.value} on {made.decided_at:%Y-%m-%d %H:%M}"
                        f" UTC by {made.decided_by}: {made.why}"
                    )
            self._insert(
                "decision",
                f"number, {rows.DECISION_COLUMNS}",
                [rows.row_of_decision(number, decision) for number in wanted],
            )

    def note_look(self, look: Look) -> None:
        """Keep a source's last look in the place of the one before.

        Raises:
            StoreFailed: it was not kept.
        """
        with self.transaction():
            self._database.execute("DELETE FROM look WHERE source = ?", (look.source,))
            self._insert("look", rows.LOOK_COLUMNS, [rows.row_of_look(look)])

    def looks(self) -> dict[str, Look]:
        """The last look at each source, by source.

        Raises:
            StoreFailed: the store cannot be read, or is damaged.
        """
        with self._reading():
            found = self._database.execute(
                f"SELECT {rows.LOOK_COLUMNS} FROM look ORDER BY source"  # noqa: S608  # the columns' names are ours
            )
            return {row[0]: rows.look_of_row(row) for row in found}

    def covered(self, source: str) -> list[tuple[date, date]]:
        """The days that back-fills of a source have done: first and last day of each range.

        Raises:
            StoreFailed: the store cannot be read, or is damaged.
        """
        with self._reading():
            found = self._database.execute(
                "SELECT first, last FROM coverage WHERE source = ? ORDER BY first", (source,)
            )
            return [rows.days_of_row(row) for row in found]

    def cover(self, source: str, first: date, last: date) -> None:
        """Note that a back-fill has done these days; ranges that touch become one.

        Raises:
            StoreFailed: it was not kept.
        """
        with self.transaction():
            ranges = rows.merged([*self.covered(source), (first, last)])
            self._database.execute("DELETE FROM coverage WHERE source = ?", (source,))
            self._insert(
                "coverage",
                "source, first, last",
                [[source, start.isoformat(), end.isoformat()] for start, end in ranges],
            )

    def marks(self) -> Row:
        """What is another tuple after any change to publications, withheld values or decisions.

        Nothing of them is deleted, so their numbers say it.

        Raises:
            StoreFailed: the store cannot be read.
        """
        [marks] = self.rows(
            "SELECT (SELECT MAX(sequence) FROM publication), (SELECT MAX(number) FROM withheld),"
            " (SELECT COUNT(*) FROM decision)"
        )
        return marks

    def wait_for_change(self, seconds: float) -> bool:
        """Block until any process may have kept something since the last call, or time is up.

        The first call says so at once, and so does the one after a lost connection was made
        again: nobody has watched until then. Called by one thread, not inside a transaction;
        `close` from another one ends it.

        Raises:
            StoreFailed: the store is closed.
        """
        return self._database.wait_for_change(seconds)

    def claim_fetching(self) -> bool:
        """Whether this process is the one that fetches for this store; it is until it ends.

        To be asked before each round of looks: after a lost connection another process may
        have become the one.

        Raises:
            StoreFailed: the store cannot be reached.
        """
        with self._turn:
            return self._database.claim_fetching()

    def rows(self, select: str, values: Sequence[Value] = ()) -> list[Row]:
        """What a SELECT gives, for the ledger, which has its SQL in a module of its own.

        Raises:
            StoreFailed: the store cannot be read.
        """
        with self._turn:
            return self._database.execute(select, values)

    def check(self) -> list[str]:
        """What is wrong with the store, a sentence each; empty if it is in order.

        Every value, document, digest and revision is looked at.

        Raises:
            StoreFailed: the store cannot be read.
        """
        with self.snapshot():
            return problems(self._database)

    def _commit(self) -> None:
        if self._spoiled:
            raise StoreFailed(f"the store {self.name} keeps nothing: a part has failed")
        self._database.commit(news=self._news)

    def _keep(self, document: RawDocument) -> None:
        """Keep a raw document, if it is not there already."""
        self._database.execute(
            "INSERT INTO document (sha256, source, name, fetched_at, content)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                document.provenance.sha256,
                document.source,
                document.name,
                rows.text_of(document.provenance.fetched_at),
                zlib.compress(document.content),
            ),
        )

    def _last(self, column: str, table: str) -> int:
        """The highest number that was given; the writer gives the next one."""
        [(last,)] = self._database.execute(f"SELECT COALESCE(MAX({column}), 0) FROM {table}")  # noqa: S608  # the names are ours
        return int(last)

    def _insert(self, table: str, columns: str, values: list[list[Value]]) -> None:
        places = ", ".join("?" * (columns.count(",") + 1))
        self._database.execute_many(
            f"INSERT INTO {table} ({columns}) VALUES ({places})",  # noqa: S608  # the names are ours
            values,
        )

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A turn at the database, in which damaged values are a failure of the store."""
        with self._turn:
            try:
                yield
            except (ValueError, zlib.error) as error:
                raise StoreFailed(f"the store {self.name} is damaged: {error}") from error


def open_store(database: str, folder: Path) -> Store:
    """The store of the setting `database`: PostgreSQL, or if empty the SQLite file in `folder`.

    What is missing of file, folder and tables is made.

    Raises:
        StoreFailed: it cannot be opened, is damaged, or of another version of Pricedesk than can
            be read or migrated.
    """
    opened = _database(database, folder, read_only=False)
    with _closed_at_failure(opened):
        migrate(opened)
    return Store(opened)


def find_store(database: str, folder: Path) -> Store | None:
    """The store as `open_store` gives it, for reading only; None if none was made so far.

    Raises:
        StoreFailed: there is one, and it cannot be opened or has to be migrated first.
    """
    if not database and not (folder / FILE_NAME).exists():
        return None
    opened = _database(database, folder, read_only=True)
    with _closed_at_failure(opened):
        if database and opened.version() == 0:
            opened.close()
            return None
        check_version(opened)
    return Store(opened)


def _database(database: str, folder: Path, *, read_only: bool) -> Database:
    if not database:
        return SqliteDatabase(folder / FILE_NAME, read_only=read_only)
    from pricedesk.backend.store_postgres import PostgresDatabase  # noqa: PLC0415  # psycopg only for those who use it

    return PostgresDatabase(database, read_only=read_only)


@contextmanager
def _closed_at_failure(database: Database) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        raise
