"""The store in an SQLite file: full disks, damaged files, files of earlier versions."""

import hashlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kept import FRIDAY, THURSDAY, fetched_days
from pricedesk.backend.store import Kept, Store, find_store, open_store
from pricedesk.backend.store_sqlite import FILE_NAME, SqliteDatabase
from pricedesk.errors import StoreFailed
from version_1 import PUBLICATIONS_OF_VERSION_1, write_version_1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store("", tmp_path)) as opened:
        yield opened


def failure_to_open(folder: Path) -> str:
    with pytest.raises(StoreFailed) as caught:
        open_store("", folder)
    return str(caught.value).removeprefix(f"the store {folder / FILE_NAME} failed: ")


def failure_to_add(store: Store, days: dict[str, dict[str, str]]) -> str:
    """The reason; nothing was kept, neither publications nor the document."""
    document, publications = fetched_days(days)
    before = store.publications()
    with pytest.raises(StoreFailed) as caught:
        store.add(document, publications)
    assert store.publications() == before
    assert store.document(document.provenance.sha256) is None
    return str(caught.value).removeprefix(f"the store {store.name} failed: ")


def test_a_commit_waits_for_the_disk(store: Store) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "user_version", "application_id")
    values = [store.database.execute(f"PRAGMA {name}")[0][0] for name in pragmas]
    assert values == ["wal", 2, 1, 3, 0x50645374]


def test_a_full_disk_leaves_nothing_and_is_named(store: Store) -> None:
    [[pages]] = store.database.execute("PRAGMA page_count")
    store.database.execute(f"PRAGMA max_page_count={pages}")
    days = {
        f"2026-{month:02}-{day:02}": FRIDAY["2026-10-30"]
        for month in range(1, 10)
        for day in range(1, 29)
    }
    assert failure_to_add(store, days) == "database or disk is full"
    store.database.execute("PRAGMA max_page_count=1000000")
    store.add(*fetched_days(days))
    assert len(store.publications().publications) == len(days)


def test_a_store_that_another_program_writes_to_for_long_leaves_nothing(
    store: Store, tmp_path: Path
) -> None:
    store.database.execute("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert failure_to_add(store, FRIDAY) == "database is locked"
    store.add(*fetched_days(FRIDAY))


def test_a_folder_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "folder"
    assert failure_to_open(folder) == f"[Errno 20] Not a directory: '{folder}'"


def test_a_file_that_cannot_be_opened_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    assert failure_to_open(tmp_path) == "unable to open database file"


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (0, 100, "file is not a database"),
        (4096, None, "database disk image is malformed"),
    ],
)
def test_a_damaged_file_is_a_failure(
    tmp_path: Path, first: int, last: int | None, reason: str
) -> None:
    with closing(open_store("", tmp_path)) as store:
        store.add(*fetched_days(FRIDAY))
    content = bytearray((tmp_path / FILE_NAME).read_bytes())
    content[first:last] = b"\xaa" * len(content[first:last])
    (tmp_path / FILE_NAME).write_bytes(content)
    with (
        pytest.raises(StoreFailed, match=f"failed: {reason}$"),
        closing(open_store("", tmp_path)) as store,
    ):
        store.publications()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE publication SET date='2026-02-30'",
        "UPDATE publication SET fetched_at='yesterday'",
        "UPDATE publication SET rates='1.1172,1.5606'",
        "UPDATE publication SET rates='1.1172,0,366.330'",
        "UPDATE publication SET units='1,100'",
        "UPDATE publication SET units='1,many,1'",
        "UPDATE document SET content=x'00'",
        "DROP TABLE document",
    ],
)
def test_damaged_content_is_a_failure(store: Store, damage: str) -> None:
    document, publications = fetched_days(FRIDAY)
    store.add(document, publications)
    store.database.execute("PRAGMA foreign_keys=OFF")
    store.database.execute(damage)
    with pytest.raises(StoreFailed):
        (store.publications(), store.document(document.provenance.sha256))


def test_postgresqls_driver_is_loaded_only_where_it_is_used(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pricedesk.backend.store import open_store;"
        f"open_store('', Path({str(tmp_path)!r})); sys.exit('psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_wait_outlives_a_file_that_cannot_be_read_for_a_while(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / FILE_NAME
    away = path.rename(tmp_path / "away")
    assert store.wait_for_change(0) is False
    away.rename(path)
    assert store.wait_for_change(10) is True


def test_a_file_of_version_1_has_the_same_publications_and_documents_now(tmp_path: Path) -> None:
    write_version_1(tmp_path / FILE_NAME)
    with closing(open_store("", tmp_path)) as store:
        assert store.publications() == Kept(4, PUBLICATIONS_OF_VERSION_1)
        assert store.document(hashlib.sha256(b"third").hexdigest()) == b"third"
        assert store.check() == []
        document, [thursday] = fetched_days(THURSDAY)
        corrected = replace(thursday, revision=2)
        store.add(document, [corrected])
        assert store.publications(4) == Kept(5, [corrected])


def test_a_file_of_version_1_is_not_read_before_it_was_migrated(tmp_path: Path) -> None:
    write_version_1(tmp_path / FILE_NAME)
    with pytest.raises(StoreFailed, match=r"was written by an earlier version of Pricedesk$"):
        find_store("", tmp_path)


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    write_version_1(tmp_path / FILE_NAME)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database:
        database.execute("CREATE TABLE look (x)")
        before = list(database.iterdump())
    assert failure_to_open(tmp_path) == "table look already exists"
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database:
        assert list(database.iterdump()) == before
        assert database.execute("PRAGMA user_version").fetchone() == (1,)


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Each waits for the one that makes it."""
    for number in range(40):
        file = tmp_path / f"{number}.sqlite3"
        together = threading.Barrier(6)

        def opened(file: Path = file, together: threading.Barrier = together) -> None:
            together.wait()
            SqliteDatabase(file).close()

        with ThreadPoolExecutor(6) as pool:
            for future in [pool.submit(opened) for _ in range(6)]:
                future.result()
