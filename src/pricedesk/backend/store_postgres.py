"""The store's database on PostgreSQL: for back-ends on several machines.

A connection that was lost is made again at the next call. Everything that has to wait for the
server or for another process waits for a bounded time.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pricedesk.backend.database import (
    LOOK_FOR_CHANGE_SECONDS,
    WRITER_WAIT_SECONDS,
    Row,
    Value,
    migrations_for,
)
from pricedesk.errors import StoreFailed, without_password

CONNECT_SECONDS = 5
"""How long the server may take to accept a connection."""

STATEMENT_SECONDS = 30
"""How long one statement may take; and how long a transaction may stand still, so that a frozen
process does not keep all others from writing."""

DEAD_PEER_SECONDS = 15
"""How long sent data may go without any sign of the server before the connection is given up."""

CONNECT_AGAIN_SECONDS = 1
"""How often a wait for changes tries to reach a server that is away."""

WRITING, FETCHING = 0x7064_0001, 0x7064_0002
"""Our two advisory locks, each together with the schema, so that stores in two schemas of one
database do not block each other."""

CHANNEL = "pricedesk"
"""What NOTIFY tells after each commit that is news."""

CONNECTION = {
    "application_name": "pricedesk",
    "client_encoding": "UTF8",
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives_idle": str(DEAD_PEER_SECONDS),
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": str(DEAD_PEER_SECONDS * 1000),
}
"""How a connection is made, where the address says nothing else."""

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
_T = TypeVar("_T")


class PostgresDatabase:
    """One schema of a PostgreSQL database, the first one in the role's search path."""

    def __init__(self, address: str, *, read_only: bool = False) -> None:
        """Connect to `address`, postgresql://user:password@host:port/database.

        Raises:
            StoreFailed: the address is wrong, or the server cannot be reached or refuses.
        """
        self._name = without_password(address)
        self._read_only = read_only
        self._parameters: dict[str, Any] = {}
        self._closed = threading.Event()
        self._watching = threading.Lock()
        self._watch: Connection | None = None
        self._connection: Connection | None = None
        self._in_transaction = False
        self._claimed_on: Connection | None = None
        with self._failures():
            self._parameters = conninfo_to_dict(address)
            self._connected()

    @property
    def name(self) -> str:
        """The address without user and password."""
        return self._name

    @cached_property
    def migrations(self) -> Sequence[str]:
        """The numbered scripts for PostgreSQL."""
        return migrations_for("postgres")

    def version(self) -> int:
        """How many of the scripts the schema has seen."""
        # Not by to_regclass: its cache may not know yet what another process has just made.
        made = self.execute(
            "SELECT 1 FROM pg_catalog.pg_tables"
            " WHERE schemaname = current_schema() AND tablename = 'pricedesk_version'"
        )
        if not made:
            return 0
        return int(self.execute("SELECT version FROM pricedesk_version")[0][0])

    def set_version(self, version: int) -> None:
        """Remember how many it has seen, in a table of one row."""
        self.execute("CREATE TABLE IF NOT EXISTS pricedesk_version (version INTEGER NOT NULL)")
        self.execute("DELETE FROM pricedesk_version")
        self.execute("INSERT INTO pricedesk_version VALUES (?)", (version,))

    def run_script(self, script: str) -> None:
        """Run the statements of a script."""
        self._run(lambda connection: connection.execute(script.encode()))

    def execute(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Run a statement; gives the rows that it has."""

        def run(connection: Connection) -> list[Row]:
            cursor = connection.execute(_with_places(statement), values)
            return cursor.fetchall() if cursor.description else []

        return self._run(run)

    def execute_many(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run a statement for each row of values."""
        listed = list(rows)
        self._run(
            lambda connection: connection.cursor().executemany(_with_places(statement), listed)
        )

    def begin_writing(self) -> None:
        """Open a transaction that holds the writers' lock to its end."""

        def begin(connection: Connection) -> None:
            connection.execute("BEGIN")
            # A statement of its own: the next one sees what the writer before has kept.
            connection.execute(
                "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (WRITING,)
            )

        self._begin(begin)

    def begin_reading(self) -> None:
        """Open a transaction that sees one state; it is the one at the first statement."""
        self._begin(lambda c: c.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))

    def commit(self, *, news: bool = True) -> None:
        """End the transaction and tell all who wait for a change, if it is news to them."""
        if news and not self._read_only:
            self.execute(f"NOTIFY {CHANNEL}")
        status = self._run(lambda connection: connection.execute("COMMIT").statusmessage)
        self._in_transaction = False
        if status != "COMMIT":
            raise StoreFailed(f"the store {self.name} keeps nothing: a statement has failed")

    def rollback(self) -> None:
        """Undo the transaction; the server does so itself where the connection is lost."""
        self._in_transaction = False
        if self._connection is None or self._connection.closed:
            return
        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error:
            self._connection.close()

    def wait_for_change(self, seconds: float) -> bool:
        """Listen on a connection of its own, made again as soon as the server is back."""
        end = time.monotonic() + seconds
        with self._watching:
            self._check_open()
            while not self._closed.is_set():
                left = max(end - time.monotonic(), 0)
                try:
                    if self._heard(min(left, LOOK_FOR_CHANGE_SECONDS)):
                        return True
                except (psycopg.Error, StoreFailed):
                    # What uses the store says what is wrong with it.
                    self._stop_listening()
                    self._closed.wait(min(left, CONNECT_AGAIN_SECONDS))
                if left <= 0:
                    return False
            return False

    def claim_fetching(self) -> bool:
        """Hold a lock for as long as the connection lasts."""
        connection = self._run(self._alive)
        if self._claimed_on is connection:
            return True
        [(claimed,)] = self.execute(
            "SELECT pg_try_advisory_lock(?, hashtext(current_schema()))", (FETCHING,)
        )
        self._claimed_on = connection if claimed else None
        return bool(claimed)

    def damage(self) -> list[str]:
        """Nothing: the server has tools of its own for that, for its administrator."""
        return []

    def close(self) -> None:
        """Close all connections."""
        self._closed.set()
        with self._watching:
            self._stop_listening()
        if self._connection is not None:
            self._connection.close()

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise StoreFailed(f"the store {self.name} is closed")

    def _connect(self) -> Connection:
        self._check_open()
        connection = psycopg.connect(
            make_conninfo("", **CONNECTION | self._parameters),
            autocommit=True,
            # Statements that a proxy between us and the server would not know.
            prepare_threshold=None,
        )
        try:
            for setting, value in self._session().items():
                connection.execute("SELECT set_config(%s, %s, false)", (setting, value))
            connection.execute(
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )
        except BaseException:
            connection.close()
            raise
        return connection

    def _session(self) -> dict[str, str]:
        """What holds for each connection."""
        return {
            "statement_timeout": f"{STATEMENT_SECONDS}s",
            "lock_timeout": f"{WRITER_WAIT_SECONDS}s",
            "idle_in_transaction_session_timeout": f"{STATEMENT_SECONDS}s",
            "default_transaction_read_only": "on" if self._read_only else "off",
        }

    def _connected(self) -> Connection:
        """The connection; a new one where it was lost, but not in a transaction."""
        if self._connection is None or self._connection.closed:
            if self._in_transaction:
                raise StoreFailed(f"the store {self.name} failed: the connection was lost")
            self._connection = self._connect()
        return self._connection

    def _run(self, work: Callable[[Connection], _T]) -> _T:
        """Do it; outside a transaction once more where the connection turns out to be lost."""
        with self._failures():
            connection = self._connected()
            try:
                return work(connection)
            except psycopg.OperationalError:
                if self._in_transaction or not connection.closed:
                    raise
            return work(self._connected())

    def _begin(self, begin: Callable[[Connection], object]) -> None:
        try:
            self._run(begin)
        except BaseException:
            self.rollback()
            raise
        self._in_transaction = True

    @staticmethod
    def _alive(connection: Connection) -> Connection:
        connection.execute("SELECT 1")
        return connection

    def _heard(self, seconds: float) -> bool:
        """Whether somebody has told of a change, or may have while nobody listened."""
        if self._watch is None:
            self._watch = self._connect()
            self._watch.execute(f"LISTEN {CHANNEL}")
            return True
        heard = list(self._watch.notifies(timeout=seconds, stop_after=1))
        return bool(heard)

    def _stop_listening(self) -> None:
        if self._watch is not None:
            with suppress(psycopg.Error):
                self._watch.close()
            self._watch = None

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        # ValueError: a text that PostgreSQL does not take, as one with a zero byte.
        except (OSError, ValueError, psycopg.Error) as error:
            raise StoreFailed(f"the store {self.name} failed: {self._shown(error)}") from error

    def _shown(self, error: Exception) -> str:
        """The first line of an error, without the password, whatever libpq quotes of it."""
        diagnosed = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        lines = (diagnosed or str(error)).strip().splitlines()
        shown = without_password(lines[0]) if lines else type(error).__name__
        password = self._parameters.get("password")
        return shown.replace(str(password), "***") if password else shown


def _with_places(statement: str) -> bytes:
    """A statement with psycopg's marks for values; ours have no other `?` and no `%`."""
    return statement.replace("?", "%s").encode()
