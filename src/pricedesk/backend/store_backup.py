"""Backups: one SQLite file of the store's own schema, whatever the store is kept in.

So a backup also moves a store from SQLite to PostgreSQL, and back.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pricedesk.backend import store_rows as rows
from pricedesk.backend.database import Database, lacking, migrate, pages
from pricedesk.backend.store import Store
from pricedesk.backend.store_check import problems
from pricedesk.backend.store_sqlite import APPLICATION_ID, SqliteDatabase
from pricedesk.errors import StoreFailed

TABLES = {
    "document": ("sha256, source, name, fetched_at, content", "sha256"),
    "publication": (rows.PUBLICATION_COLUMNS, "sequence"),
    "withheld": (rows.WITHHELD_COLUMNS, "number"),
    "decision": (f"number, {rows.DECISION_COLUMNS}", "number"),
    "look": (rows.LOOK_COLUMNS, "source"),
    "coverage": ("source, first, last", "source, first"),
    "quote": ("sequence, id, record, held_at, expires_at", "sequence"),
    "quote_end": ("id, state, at", "id"),
    "quote_key": ("key, fingerprint, id", "key"),
    "quote_held": ("id, expires_at, customer", "id"),
}
"""Each table's columns and key, those first that others refer to."""

FIRST_VERSION_WITH_ID = 2
"""From this schema on a file says in its head that it is ours."""


def back_up(store: Store, path: Path, *, force: bool = False) -> None:
    """Write a backup of the store as it is now to `path`; a service may go on using the store.

    The file appears once it is complete and on the disk. An existing file is left alone, or
    with `force` replaced.

    Raises:
        StoreFailed: the store cannot be read or the file not written; nothing was changed.
    """
    if path.exists() and Path(store.name).exists() and path.samefile(store.name):
        raise StoreFailed(f"{path} is the store itself")
    if path.exists() and not path.is_file():
        raise StoreFailed(f"{path} is no file that could be replaced")
    if path.exists() and not force:
        raise StoreFailed(f"{path} exists already; --force replaces it")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            written = Path(folder) / path.name
            _write(store, written)
            if path.exists() and not force:
                raise FileExistsError(errno.EEXIST, "it has come to exist meanwhile")
            written.replace(path)
            _sync(path.parent)
    except OSError as error:
        raise StoreFailed(f"the backup {path} cannot be written: {error}") from error


def restore(store: Store, path: Path) -> None:
    """Fill an empty store from a backup: all of it or nothing.

    A backup of an earlier version is brought to this one's schema; the file stays as it is.

    Raises:
        StoreFailed: the file is no backup, damaged, or of a later version; or the store has
            something in it already. Nothing was changed.
    """
    with _readable(path) as source:
        found = problems(source)
        if found:
            more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
            raise StoreFailed(f"{path} is damaged: {found[0]}{more}")
        with store.transaction():
            _check_empty(store.database)
            _copy(source, store.database)


def _write(store: Store, path: Path) -> None:
    """Write the store's content as a file that needs no other one beside it."""
    with closing(SqliteDatabase(path)) as target:
        migrate(target)
        target.begin_writing()
        with store.snapshot():
            _copy(store.database, target)
        target.commit()
        target.execute("PRAGMA journal_mode=DELETE")
    _sync(path)


def _sync(path: Path) -> None:
    """See to it that a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(source: Database, target: Database) -> None:
    for table, (columns, key) in TABLES.items():
        places = ", ".join("?" * (columns.count(",") + 1))
        for page in pages(source, table, columns, key=key):
            target.execute_many(f"INSERT INTO {table} ({columns}) VALUES ({places})", page)  # noqa: S608  # the names are ours


def _check_empty(database: Database) -> None:
    """Refuse a store that has something in it; when sources were looked at does not count."""
    database.execute("DELETE FROM look")
    for table in TABLES:
        if database.execute(f"SELECT 1 FROM {table} LIMIT 1"):  # noqa: S608  # the names are ours
            raise StoreFailed(
                f"the store {database.name} is not empty: a backup is restored into an empty one"
            )


@contextmanager
def _readable(path: Path) -> Iterator[Database]:
    """A backup, open for reading, in this version's schema."""
    if not path.is_file():
        raise StoreFailed(f"{path} is no file")
    with closing(SqliteDatabase(path, read_only=True)) as backup:
        if not _is_ours(backup):
            raise StoreFailed(f"{path} is no backup of Pricedesk")
        if not lacking(backup):
            yield backup
            return
    with tempfile.TemporaryDirectory(prefix="pricedesk-restore-") as folder:
        copied = Path(folder) / path.name
        try:
            shutil.copyfile(path, copied)
        except OSError as error:
            raise StoreFailed(f"{path} cannot be copied to {copied}: {error}") from error
        with closing(SqliteDatabase(copied)) as migrated:
            migrate(migrated)
            yield migrated


def _is_ours(backup: Database) -> bool:
    """Whether the file says that it is, or has the tables of the time before files did."""
    try:
        version = backup.version()
        [(application_id,)] = backup.execute("PRAGMA application_id")
        tables = {name for (name,) in backup.execute("SELECT name FROM sqlite_master")}
    except StoreFailed:
        return False
    if version >= FIRST_VERSION_WITH_ID:
        return bool(application_id == APPLICATION_ID)
    return version > 0 and {"document", "publication", "rate"} <= tables
