"""What the store asks of a database: SQL with `?` for values, one writer at a time, news.

Both databases understand the same statements; what they do each in their own way is behind
`Database`.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from pricedesk.errors import StoreFailed

Value: TypeAlias = str | int | bytes | None
Row: TypeAlias = tuple[Any, ...]

WRITER_WAIT_SECONDS = 5
"""How long a writer waits for another one to finish before it gives up."""

LOOK_FOR_CHANGE_SECONDS = 0.25
"""How often a wait looks up: for a change, where it is not told; for the end of the service."""

MIGRATIONS = Path(__file__).with_name("migrations")
"""A folder of numbered SQL scripts for each kind of database; a store remembers how many of
them it has seen. A script that was released is never changed."""


class Database(Protocol):
    """A database that holds one store.

    Every method raises StoreFailed, and nothing else, when the database fails. A method that
    reads or writes is called by one thread at a time; `wait_for_change` and `close` by any.
    """

    @property
    def name(self) -> str:
        """The database as it is shown in messages, without user and password."""

    @property
    def migrations(self) -> Sequence[str]:
        """The numbered scripts of this kind of database, in order."""

    def version(self) -> int:
        """How many of the scripts the database has seen."""

    def set_version(self, version: int) -> None:
        """Remember how many it has seen, in the transaction that is open."""

    def run_script(self, script: str) -> None:
        """Run the statements of a script, in the transaction that is open."""

    def execute(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Run a statement; gives the rows that it has."""

    def execute_many(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run a statement for each row of values."""

    def begin_writing(self) -> None:
        """Open a transaction as the only writer of the store, among threads and processes."""

    def begin_reading(self) -> None:
        """Open a transaction that sees the store as it is now, whoever writes meanwhile."""

    def commit(self, *, news: bool = True) -> None:
        """End the transaction; what it wrote is on the disk when this returns.

        Without `news` those who wait for a change need not be told of it.
        """

    def rollback(self) -> None:
        """End the transaction and undo what it did; never raises."""

    def wait_for_change(self, seconds: float) -> bool:
        """Block until something may have changed since the last call; False if time is up."""

    def claim_fetching(self) -> bool:
        """Be the one process that fetches, until it ends; False if another one is."""

    def damage(self) -> list[str]:
        """What the database itself finds wrong with its content."""

    def close(self) -> None:
        """End everything, a wait in another thread too."""


PAGE_ROWS = 200
"""How many rows of a table are in memory at a time where all of it is gone through."""


def migrations_for(kind: str) -> list[str]:
    """The scripts for a kind of database, in order of their numbers."""
    return [
        script.read_text(encoding="utf-8") for script in sorted((MIGRATIONS / kind).glob("*.sql"))
    ]


def migrate(database: Database) -> None:
    """Apply the scripts that a database has not seen: whichever process comes first does it.

    Raises:
        StoreFailed: a script failed, and the database is as it was; or it is of a later version.
    """
    if not lacking(database):
        return
    database.begin_writing()
    try:
        seen = len(database.migrations) - len(lacking(database))
        for number, script in enumerate(lacking(database), start=seen + 1):
            database.run_script(script)
            database.set_version(number)
        database.commit()
    except BaseException:
        database.rollback()
        raise


def check_version(database: Database) -> None:
    """Refuse a database that has to be migrated first.

    Raises:
        StoreFailed: it is of another version of Pricedesk.
    """
    if lacking(database):
        raise StoreFailed(f"{database.name} was written by an earlier version of Pricedesk")


def lacking(database: Database) -> Sequence[str]:
    """The scripts that a database has not seen yet.

    Raises:
        StoreFailed: it was written by a later version of Pricedesk.
    """
    version = database.version()
    if version > len(database.migrations):
        raise StoreFailed(f"{database.name} was written by a later version of Pricedesk")
    return database.migrations[version:]


def pages(database: Database, table: str, columns: str, *, key: str) -> Iterator[list[Row]]:
    """All rows of a table by its key, some at a time; `columns` has the columns of the key."""
    names, keys = columns.split(", "), key.split(", ")
    places = [names.index(name) for name in keys]
    end = f"ORDER BY {key} LIMIT {PAGE_ROWS}"
    page = database.execute(f"SELECT {columns} FROM {table} {end}")  # noqa: S608  # the names are ours
    while page:
        yield page
        page = database.execute(
            f"SELECT {columns} FROM {table} WHERE ({key}) > ({', '.join('?' * len(keys))}) {end}",  # noqa: S608  # the names are ours
            [page[-1][place] for place in places],
        )
