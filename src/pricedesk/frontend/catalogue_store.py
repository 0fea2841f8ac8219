"""A catalogue in a database, and all SQL about it: an SQLite file, or PostgreSQL.

What is in a database is checked as strictly as a file, because anybody may write to it.
psycopg is imported where PostgreSQL is used: a front-end without it needs no driver.
"""

import sqlite3
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pricedesk.errors import (
    InvalidCatalogue,
    PricedeskError,
    StoreFailed,
    in_quotes,
    without_password,
)
from pricedesk.frontend.catalogue import (
    COLUMNS,
    OPTIONAL_COLUMNS,
    PRODUCTS_MAX,
    Catalogue,
    Product,
    product_from,
    row_of,
)

if TYPE_CHECKING:
    import psycopg

WAIT_SECONDS = 5
"""How long another writer, or a server that is asked for a connection, is waited for."""

STATEMENT_SECONDS = 60

_NO_TABLE = "there is no catalogue yet; pricedesk catalogue import puts one in"

_NAMES = COLUMNS + OPTIONAL_COLUMNS
_SELECT = f"SELECT {', '.join(_NAMES)} FROM catalogue_product ORDER BY position LIMIT ?"  # noqa: S608  # our own names
_DELETE = "DELETE FROM catalogue_product"
_TABLE = """
CREATE TABLE IF NOT EXISTS catalogue_product (
    position INTEGER PRIMARY KEY,
    sku TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    price TEXT NOT NULL,
    currency TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    category TEXT NOT NULL DEFAULT '',
    picture TEXT NOT NULL DEFAULT ''
)"""
_COUNTED_CHANGES = """
CREATE TABLE IF NOT EXISTS catalogue_change (number BIGINT NOT NULL);
INSERT INTO catalogue_change SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM catalogue_change);
CREATE OR REPLACE FUNCTION catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN UPDATE catalogue_change SET number = number + 1; RETURN NULL; END';
CREATE OR REPLACE TRIGGER catalogue_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON catalogue_product
    FOR EACH STATEMENT EXECUTE FUNCTION catalogue_changed();
"""
"""PostgreSQL says nowhere cheaply whether a table has changed."""


class CatalogueSource(Protocol):
    """Something that a catalogue is read from."""

    @property
    def name(self) -> str:
        """What it is called in a log, without a password."""

    def read(self, problems_max: int = 1) -> Catalogue:
        """All products.

        Raises:
            InvalidCatalogue: something is wrong with them; at most so many problems.
            StoreFailed: the database cannot be read.
        """

    def mark(self) -> Hashable:
        """Something that is another thing after each change; None if nothing is there.

        Raises:
            StoreFailed: the database cannot be read.
        """

    def close(self) -> None:
        """Keep nothing open until it is asked again."""


class CatalogueStore(CatalogueSource, Protocol):
    """A database that a catalogue can be put into."""

    def replace(self, products: Iterable[Product]) -> None:
        """Put these in the place of all others, at once or not at all.

        Raises:
            StoreFailed: nothing was changed.
        """


def stamp(path: Path) -> tuple[int, int, int] | None:
    """When a file was changed, how long it is, and which one it is; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class SqliteCatalogue:
    """An SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def read(self, problems_max: int = 1) -> Catalogue:
        """All products; the file is not written to."""
        if stamp(self._path) is None:
            reason = f"{self.name} cannot be read: No such file or directory"
            raise InvalidCatalogue(reason, passing=True)
        with self._connected("ro") as connection:
            rows = connection.execute(_SELECT, (PRODUCTS_MAX + 1,)).fetchall()
        return _catalogue(rows, self.name, problems_max)

    def mark(self) -> Hashable:
        """The state of the file, and of the journal that may be beside it."""
        journal = self._path.with_name(f"{self._path.name}-wal")
        found = stamp(self._path)
        return None if found is None else (found, stamp(journal))

    def close(self) -> None:
        """Nothing is open between two looks."""

    def replace(self, products: Iterable[Product]) -> None:
        """Put these in the place of all others; makes the file if there is none."""
        places = ", ".join("?" for _ in ("position", *_NAMES))
        insert = f"INSERT INTO catalogue_product VALUES ({places})"  # noqa: S608  # our own text
        with self._connected("rwc") as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_TABLE)
            connection.execute(_DELETE)
            connection.executemany(insert, _numbered(products))
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self, mode: str) -> Iterator[sqlite3.Connection]:
        address = f"{self._path.absolute().as_uri()}?mode={mode}"
        try:
            with closing(
                sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None)
            ) as connection:
                # Text that is no UTF-8 is refused with the product's other mistakes.
                connection.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
                yield connection
        except sqlite3.Error as error:
            missing = str(error).startswith("no such table")
            raise StoreFailed(f"{self.name}: {_NO_TABLE if missing else error}") from error


class PostgresCatalogue:
    """A table in a PostgreSQL database."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._watched: psycopg.Connection[tuple[Any, ...]] | None = None

    @property
    def name(self) -> str:
        """The address without user and password."""
        return without_password(self._address)

    def read(self, problems_max: int = 1) -> Catalogue:
        """All products."""
        with self._failures(), closing(self._connect()) as connection:
            select = _SELECT.replace("?", "%s").encode()
            rows = connection.execute(select, (PRODUCTS_MAX + 1,)).fetchall()
        return _catalogue(rows, self.name, problems_max)

    def mark(self) -> Hashable:
        """How often the table has been changed; asked over one connection that stays open."""
        try:
            with self._failures():
                if self._watched is None:
                    self._watched = self._connect()
                asked = self._watched.execute("SELECT number FROM catalogue_change").fetchone()
                return asked[0] if asked else None
        except StoreFailed:
            self.close()
            raise

    def close(self) -> None:
        """Leave the server."""
        if self._watched is not None:
            with suppress(Exception):
                self._watched.close()
        self._watched = None

    def replace(self, products: Iterable[Product]) -> None:
        """Put these in the place of all others; makes the table if there is none."""
        copy = f"COPY catalogue_product (position, {', '.join(_NAMES)}) FROM STDIN"
        with self._failures(), closing(self._connect()) as connection, connection.transaction():
            connection.execute(f"{_TABLE};{_COUNTED_CHANGES}".encode())
            connection.execute("LOCK TABLE catalogue_product IN EXCLUSIVE MODE")
            connection.execute(_DELETE)
            with connection.cursor() as cursor, cursor.copy(copy.encode()) as rows:
                for row in _numbered(products):
                    rows.write_row(row)

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        import psycopg

        return psycopg.connect(
            self._address,
            autocommit=True,
            connect_timeout=WAIT_SECONDS,
            application_name="pricedesk",
            client_encoding="UTF8",
            tcp_user_timeout=STATEMENT_SECONDS * 1000,
            options=f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout={WAIT_SECONDS}s",
        )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            import psycopg
        except ImportError as error:
            raise StoreFailed(
                f"{self.name}: a catalogue in PostgreSQL needs the package psycopg, which is not"
                " installed here; requirements/frontend-postgres.txt has it"
            ) from error
        try:
            yield
        except psycopg.errors.UndefinedTable as error:
            raise StoreFailed(f"{self.name}: {_NO_TABLE}") from error
        except psycopg.Error as error:
            reason = " ".join(without_password(str(error)).split())
            raise StoreFailed(f"{self.name}: {reason}") from error


def _numbered(products: Iterable[Product]) -> Iterator[tuple[int | str, ...]]:
    return ((position, *row_of(product)) for position, product in enumerate(products))


def _catalogue(rows: Sequence[Sequence[object]], name: str, problems_max: int) -> Catalogue:
    """The products of rows.

    Raises:
        InvalidCatalogue: with the sku of each product that is wrong.
    """
    problems: list[str] = []
    products: list[Product] = []
    for row in rows:
        values = dict(zip(_NAMES, (str(value) for value in row), strict=True))
        try:
            products.append(product_from(values))
        except PricedeskError as error:
            problems.append(f"{name}, product {in_quotes(values['sku'])}: {error}")
            if len(problems) == problems_max:
                break
    if len(products) > PRODUCTS_MAX:
        problems.append(f"{name}: there are more than {PRODUCTS_MAX} products")
    if not products and not problems:
        problems.append(f"{name} has no products")
    if problems:
        raise InvalidCatalogue(problems[0], tuple(problems))
    return Catalogue(products)
