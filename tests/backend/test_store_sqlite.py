"""The store: what it kept it gives back as it was; what failed has left nothing."""

import hashlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fake_source import xml_document, zip_archive
from pricedesk.backend.rates import Provenance, Publication
from pricedesk.backend.sources import ecb
from pricedesk.backend.sources.source import publications
from pricedesk.backend.store import RawDocument, Store, open_store
from pricedesk.backend.store_sqlite import FILE_NAME
from pricedesk.errors import StoreFailed

FETCHED_AT = datetime(2026, 10, 30, 15, 4, 5, 678901, tzinfo=UTC)
FRIDAY = {"2026-10-30": {"USD": "1.1172", "CAD": "1.5606", "HUF": "366.330"}}
THURSDAY = {"2026-10-29": {"USD": "1.1130", "CAD": "1.5588"}}


def fetched(raw: bytes, document: ecb.Document) -> tuple[RawDocument, list[Publication]]:
    """A document and its publications, as the refresher gives them to the store."""
    provenance = Provenance(hashlib.sha256(raw).hexdigest(), FETCHED_AT)
    sheets = ecb.parse(document, raw)
    read = publications(ecb.NAME, ecb.CONVENTION, sheets, provenance)
    return RawDocument("ECB", document.value, raw, provenance), read


def fetched_days(days: dict[str, dict[str, str]]) -> tuple[RawDocument, list[Publication]]:
    return fetched(xml_document(days), ecb.Document.NINETY_DAYS)


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
    before = store.publications().publications
    with pytest.raises(StoreFailed) as caught:
        store.add(document, publications)
    assert store.publications().publications == before
    assert store.document(document.provenance.sha256) is None
    return str(caught.value).removeprefix(f"the store {store.name} failed: ")


def test_a_new_store_is_empty(store: Store) -> None:
    assert store.publications().publications == []
    assert store.document("5" * 64) is None


def test_publications_are_read_back_identical_by_date(store: Store) -> None:
    document, publications = fetched_days(FRIDAY | THURSDAY)
    store.add(document, publications)
    assert store.publications().publications == publications
    assert list(publications[1].rates()) == ["USD", "CAD", "HUF"]


def test_what_the_history_has_no_value_for_is_not_there_when_it_is_read_back(
    store: Store,
) -> None:
    csv = b"Date,USD,ISK,CAD,\n2026-10-30,1.1172,N/A,1.5606,\n"
    document, [publication] = fetched(zip_archive(csv), ecb.Document.HISTORY)
    store.add(document, [publication])
    [kept] = store.publications().publications
    assert list(kept.rates().items()) == [("USD", "1.1172"), ("CAD", "1.5606")]
    assert (kept.provenance, kept.revision) == (publication.provenance, 1)


def test_every_revision_is_kept_with_the_document_that_it_is_from(store: Store) -> None:
    first_document, [first] = fetched_days(FRIDAY)
    second_document, [second] = fetched_days({"2026-10-30": {"USD": "1.1173"}})
    store.add(first_document, [first])
    store.add(second_document, [replace(second, revision=2)])
    assert store.publications().publications == [first, replace(second, revision=2)]


def test_a_raw_document_is_given_back_byte_for_byte(store: Store) -> None:
    document, publications = fetched_days(FRIDAY | THURSDAY)
    store.add(document, publications[:1])
    store.add(document, publications[1:])
    assert store.document(document.provenance.sha256) == document.content
    assert store.publications().publications == publications


def test_what_was_kept_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    document, publications = fetched_days(FRIDAY | THURSDAY)
    with closing(open_store("", tmp_path / "a" / "b")) as store:
        store.add(document, publications)
    with closing(open_store("", tmp_path / "a" / "b")) as store:
        assert store.publications().publications == publications
        assert store.document(document.provenance.sha256) == document.content


def test_a_second_store_on_the_file_sees_what_the_first_one_adds(
    store: Store, tmp_path: Path
) -> None:
    with closing(open_store("", tmp_path)) as other:
        document, publications = fetched_days(FRIDAY)
        store.add(document, publications)
        assert other.publications().publications == publications


def test_stores_that_are_opened_at_the_same_moment_make_one_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        stores = list(threads.map(lambda folder: open_store("", folder), [tmp_path / "new"] * 8))
    stores[0].add(*fetched_days(FRIDAY))
    for store in stores:
        assert len(store.publications().publications) == 1
        store.close()


def test_a_commit_waits_for_the_disk(store: Store) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "user_version")
    values = [store._database.execute(f"PRAGMA {name}")[0][0] for name in pragmas]
    assert values == ["wal", 2, 1, 2]


def test_an_add_with_a_key_that_is_taken_leaves_nothing(store: Store) -> None:
    store.add(*fetched_days(FRIDAY))
    assert failure_to_add(store, THURSDAY | FRIDAY) == (
        "UNIQUE constraint failed: publication.source, publication.date, publication.revision"
    )
    store.add(*fetched_days(THURSDAY))
    assert [p.date.day for p in store.publications().publications] == [30, 29]


def test_a_publication_of_another_document_leaves_nothing(store: Store) -> None:
    document, _ = fetched_days(FRIDAY)
    _, publications = fetched_days(THURSDAY)
    with pytest.raises(StoreFailed, match="FOREIGN KEY constraint failed"):
        store.add(document, publications)
    assert store.document(document.provenance.sha256) is None


def test_a_bug_in_the_middle_of_an_add_leaves_nothing(store: Store) -> None:
    document, publications = fetched_days(FRIDAY)

    def broken() -> Iterator[Publication]:
        yield publications[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.add(document, broken())
    assert store.publications().publications == []
    store.add(document, publications)


def test_a_full_disk_leaves_nothing_and_is_named(store: Store) -> None:
    [[pages]] = store._database.execute("PRAGMA page_count")
    store._database.execute(f"PRAGMA max_page_count={pages}")
    days = {
        f"2026-{month:02}-{day:02}": FRIDAY["2026-10-30"]
        for month in range(1, 10)
        for day in range(1, 29)
    }
    assert failure_to_add(store, days) == "database or disk is full"
    store._database.execute("PRAGMA max_page_count=1000000")
    store.add(*fetched_days(days))
    assert len(store.publications().publications) == len(days)


def test_a_store_that_another_program_writes_to_for_long_leaves_nothing(
    store: Store, tmp_path: Path
) -> None:
    store._database.execute("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert failure_to_add(store, FRIDAY) == "database is locked"
    store.add(*fetched_days(FRIDAY))


def test_a_store_that_was_closed_has_failed(store: Store) -> None:
    store.close()
    with pytest.raises(StoreFailed, match="Cannot operate on a closed database"):
        store.publications()


def test_a_file_of_a_later_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_store("", tmp_path).close()
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA user_version=3")
    assert failure_to_open(tmp_path) == f"{path} was written by a later version of Pricedesk"
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (3,)


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
        "UPDATE document SET content=x'00'",
        "DROP TABLE document",
    ],
)
def test_damaged_content_is_a_failure(store: Store, damage: str) -> None:
    document, publications = fetched_days(FRIDAY)
    store.add(document, publications)
    store._database.execute("PRAGMA foreign_keys=OFF")
    store._database.execute(damage)
    with pytest.raises(StoreFailed):
        (store.publications().publications, store.document(document.provenance.sha256))
