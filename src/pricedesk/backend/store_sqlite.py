"""The store's database as one SQLite file: the default, for one machine.

What a commit has returned from is on the disk (`synchronous=FULL`); readers are not disturbed
by the writer (WAL).
"""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from pricedesk.backend.database import (
    LOOK_FOR_CHANGE_SECONDS,
    WRITER_WAIT_SECONDS,
    Row,
    Value,
    migrations_for,
)
from pricedesk.errors import StoreFailed

FILE_NAME = "pricedesk.sqlite3"
APPLICATION_ID = 0x50645374
"""What the head of the file has, so that one of ours is told from any other SQLite file."""


LOCKED_SECONDS = 0.01
"""After this a file that another one has locked is tried again."""


class SqliteDatabase:
    """One SQLite file."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file, making it and its folder where they are missing unless `read_only`.

        Raises:
            StoreFailed: the folder cannot be written, or the file is none of SQLite.
        """
        self._path = path
        self._closed = threading.Event()
        self._watching = threading.Lock()
        self._watch: sqlite3.Connection | None = None
        self._seen = -1
        self._claim: int | None = None
        with self._failures():
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._connect(self._address(read_only=read_only))
            try:
                if not read_only:
                    self._write_ahead()
                    self._connection.executescript(
                        "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                    )
            except BaseException:
                self._connection.close()
                raise

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    @cached_property
    def migrations(self) -> Sequence[str]:
        """The numbered scripts for SQLite."""
        return migrations_for("sqlite")

    def version(self) -> int:
        """How many of the scripts the file has seen: its `user_version`."""
        return int(self.execute("PRAGMA user_version")[0][0])

    def set_version(self, version: int) -> None:
        """Remember how many it has seen."""
        self.execute(f"PRAGMA user_version = {version:d}")

    def run_script(self, script: str) -> None:
        """Run the statements one by one: `executescript` would end the transaction."""
        statement = ""
        for line in script.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                self.execute(statement)
                statement = ""

    def execute(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Run a statement; gives the rows that it has."""
        with self._failures():
            return self._connection.execute(statement, values).fetchall()

    def execute_many(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run a statement for each row of values."""
        listed = list(rows)
        with self._failures():
            self._connection.executemany(statement, listed)

    def begin_writing(self) -> None:
        """Take SQLite's one write lock."""
        self.execute("BEGIN IMMEDIATE")

    def begin_reading(self) -> None:
        """Read one state of the file; it is the one at the first statement."""
        self.execute("BEGIN")

    def commit(self, *, news: bool = True) -> None:  # noqa: ARG002  # SQLite counts every commit
        """End the transaction."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction; after some failures, as a full disk, SQLite has done so."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def wait_for_change(self, seconds: float) -> bool:
        """Look at SQLite's count of other connections' commits, a few times a second."""
        end = time.monotonic() + seconds
        with self._watching:
            self._check_open()
            while True:
                if self._has_changed():
                    return True
                left = end - time.monotonic()
                if left <= 0 or self._closed.wait(min(left, LOOK_FOR_CHANGE_SECONDS)):
                    return False

    def claim_fetching(self) -> bool:
        """Lock a file beside the store; the lock ends with this process at the latest."""
        self._check_open()
        if self._claim is not None:
            return True
        with self._failures():
            lock = os.open(f"{self._path}-fetching", os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return False
            except BaseException:
                os.close(lock)
                raise
        self._claim = lock
        return True

    def damage(self) -> list[str]:
        """What SQLite's own checks say."""
        try:
            said = [text for (text,) in self.execute("PRAGMA integrity_check") if text != "ok"]
            lost = self.execute("PRAGMA foreign_key_check")
        except StoreFailed as error:
            return [str(error)]
        return said + [f"table {row[0]}, row {row[1]}: {row[2]} lacks its row" for row in lost]

    def close(self) -> None:
        """Close the file."""
        self._closed.set()
        with self._watching:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self._connection.close()
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise StoreFailed(f"the store {self.name} is closed")

    def _write_ahead(self) -> None:
        """Have the file keep a write-ahead log.

        Where several open a new file at once, SQLite does not wait for its lock in this one case.
        """
        end = time.monotonic() + WRITER_WAIT_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode=WAL").fetchall()
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > end:
                    raise
                self._closed.wait(LOCKED_SECONDS)
            else:
                return

    def _connect(self, address: str) -> sqlite3.Connection:
        return sqlite3.connect(
            address,
            uri=True,
            timeout=WRITER_WAIT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    def _address(self, *, read_only: bool) -> str:
        """The file as SQLite is told to open it."""
        address = self._path.absolute().as_uri()
        if not read_only:
            return f"{address}?mode=rwc"
        # Reading needs files beside the database; where they cannot be made, nobody writes.
        writable = os.access(self._path.parent, os.W_OK)
        unused = not self._path.with_name(f"{self._path.name}-wal").exists()
        return f"{address}?mode=ro" + ("&immutable=1" if unused and not writable else "")

    def _has_changed(self) -> bool:
        """Whether anybody has committed since the last look; so it may be at the first one.

        A look that fails says nothing: what uses the store will say so.
        """
        try:
            if self._watch is None:
                # A connection of its own: one does not count its own commits.
                self._watch = self._connect(self._address(read_only=True))
            count = int(self._watch.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return False
        changed, self._seen = count != self._seen, count
        return changed

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        # ValueError: a text that cannot be written as UTF-8.
        except (OSError, ValueError, sqlite3.Error) as error:
            raise StoreFailed(f"the store {self.name} failed: {error}") from error
