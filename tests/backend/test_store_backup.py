"""Checks of a store, backups and their way back, from either kind of store to either."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from held import DAY, EVENING, Asking, quote_id
from kept import (
    FETCHED_AT,
    FRIDAY,
    THURSDAY,
    document_of,
    fetched_days,
    publications,
    withheld_value,
)
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.quarantine import Decision, Verdict
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Publication
from pricedesk.backend.sources import ecb
from pricedesk.backend.store import Kept, Look, Store, find_store, open_store
from pricedesk.backend.store_backup import back_up, restore
from pricedesk.backend.store_check import PROBLEMS_MAX
from pricedesk.backend.store_sqlite import FILE_NAME
from pricedesk.currencies import currency
from pricedesk.errors import StoreFailed
from version_1 import PUBLICATIONS_OF_VERSION_1, write_version_1

DOCUMENT = document_of(b"raw")
TABLES = ("document", "publication", "withheld", "decision", "look", "coverage")
LEDGER = ("quote", "quote_end", "quote_key", "quote_held")


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(database, tmp_path / "one")) as opened:
        yield opened


@pytest.fixture
def empty_one(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store of the same kind."""
    address = request.getfixturevalue("postgres").make_database() if database else ""
    with closing(open_store(address, tmp_path / "two")) as opened:
        yield opened


@pytest.fixture
def empty_file(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store("", tmp_path / "three")) as opened:
        yield opened


def fill(store: Store) -> None:
    """Something in every table."""
    document, found = fetched_days(FRIDAY | THURSDAY)
    store.add(document, found)
    store.add(DOCUMENT, [])
    store.withhold(DOCUMENT, [withheld_value(DOCUMENT), withheld_value(DOCUMENT, "JPY", "\0")])
    store.decide([2], Decision(Verdict.REJECTED, FETCHED_AT, "anna", "a zero byte"))
    store.note_look(Look("ECB", FETCHED_AT, "day.xml", 1, 0))
    store.cover("ECB", date(1999, 1, 4), date(2026, 10, 30))
    hold_some(store)


def hold_some(store: Store) -> None:
    """A price that is held, one that was redeemed, and one that has expired."""
    publications_ = [p for p in packaged_publications() if p.date >= date(2026, 10, 1)]
    terms = Terms(currency("CAD"), currency("USD"))
    source = ecb.source("https://ecb.example")
    bureau = Bureau(RateBook(publications_), [source], lambda: EVENING, terms)
    ask = Asking(store, bureau)
    ask("hold 1100 CAD USD key=k for=ada")
    ask.clock.now += DAY
    ask("hold 1 CAD USD", "hold 2 CAD USD for=bob")
    ask(f"redeem {quote_id(2)}")


def content(store: Store) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: sorted(store.database.execute(f"SELECT * FROM {table}"))  # noqa: S608  # the names are ours
        for table in (*TABLES, *LEDGER)
    }


def failure(what: Callable[[], None]) -> str:
    with pytest.raises(StoreFailed) as caught:
        what()
    return str(caught.value)


def test_a_backup_has_everything_and_can_be_restored_into_either_kind_of_store(
    store: Store, empty_one: Store, empty_file: Store, tmp_path: Path
) -> None:
    fill(store)
    back_up(store, tmp_path / "backup")
    for target in (empty_one, empty_file):
        restore(target, tmp_path / "backup")
        assert content(target) == content(store)
        assert target.publications() == store.publications()
        assert target.withheld() == store.withheld()
        assert target.check() == []
        target.add(*fetched_days({"2026-10-28": {"USD": "1.11"}}))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=25,
)
@given(publications(DOCUMENT))
def test_any_publication_comes_back_from_a_backup(
    store: Store, empty_one: Store, tmp_path: Path, found: list[Publication]
) -> None:
    for used in (store, empty_one):
        for table in reversed(TABLES):
            used.database.execute(f"DELETE FROM {table}")  # noqa: S608  # the names are ours
    first_of_its_day = [replace(publication, revision=1) for publication in found]
    store.add(DOCUMENT, first_of_its_day)
    back_up(store, tmp_path / "backup", force=True)
    restore(empty_one, tmp_path / "backup")
    assert empty_one.publications() == store.publications()
    assert store.publications().publications == first_of_its_day


def test_a_backup_is_one_file_that_is_a_store_by_itself(store: Store, tmp_path: Path) -> None:
    fill(store)
    backups = tmp_path / "backups"
    backups.mkdir()
    back_up(store, backups / FILE_NAME)
    assert [path.name for path in backups.iterdir()] == [FILE_NAME]
    backup = find_store("", backups)
    assert backup is not None
    with closing(backup):
        assert content(backup) == content(store)


def test_a_backup_is_of_one_moment_and_disturbs_no_writer(
    store: Store, database: str, tmp_path: Path
) -> None:
    store.add(*fetched_days(THURSDAY))
    with closing(open_store(database, tmp_path / "one")) as writer, store.snapshot():
        assert len(store.publications().publications) == 1
        writer.add(*fetched_days(FRIDAY))
        assert len(store.publications().publications) == 1
    assert len(store.publications().publications) == 2


def test_a_backup_replaces_no_file_unless_it_is_told_to(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    path.write_bytes(b"precious")
    assert failure(lambda: back_up(store, path)) == f"{path} exists already; --force replaces it"
    assert path.read_bytes() == b"precious"
    back_up(store, path, force=True)
    assert path.read_bytes().startswith(b"SQLite format 3\0")


@pytest.mark.parametrize("force", [False, True])
def test_a_backup_that_cannot_be_written_leaves_nothing(
    store: Store, tmp_path: Path, force: bool
) -> None:
    path = tmp_path / "missing" / "backup"
    said = failure(lambda: back_up(store, path, force=force))
    assert said.startswith(f"the backup {path} cannot be written: [Errno 2]")
    assert not path.parent.exists()


def test_a_backup_that_fails_half_way_leaves_nothing(store: Store, tmp_path: Path) -> None:
    fill(store)
    store.database.execute("DROP TABLE coverage")
    (tmp_path / "backups").mkdir()
    failure(lambda: back_up(store, tmp_path / "backups" / "backup"))
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_file_store_is_not_replaced_by_its_own_backup(tmp_path: Path) -> None:
    with closing(open_store("", tmp_path)) as store:
        path = tmp_path / FILE_NAME
        said = failure(lambda: back_up(store, path, force=True))
        assert said == f"{path} is the store itself"


def test_a_backup_is_restored_into_an_empty_store_only(store: Store, tmp_path: Path) -> None:
    fill(store)
    back_up(store, tmp_path / "backup")
    before = content(store)
    assert failure(lambda: restore(store, tmp_path / "backup")) == (
        f"the store {store.name} is not empty: a backup is restored into an empty one"
    )
    assert content(store) == before


def test_a_store_that_only_knows_when_it_looked_is_empty(
    store: Store, empty_one: Store, tmp_path: Path
) -> None:
    fill(store)
    back_up(store, tmp_path / "backup")
    empty_one.note_look(Look("BOC", FETCHED_AT, failure="the source is away"))
    restore(empty_one, tmp_path / "backup")
    assert content(empty_one) == content(store)


def other_sqlite_file(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE document (x); PRAGMA user_version=2;")


def later_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=99")


def changed_digit(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE publication SET rates = replace(rates, '.', ',')")


NO_BACKUPS: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: path.unlink(), "{path} is no file"),
    (lambda path: path.write_bytes(b"not SQLite" * 100), "{path} is no backup of Pricedesk"),
    (lambda path: path.write_bytes(b""), "{path} is no backup of Pricedesk"),
    (other_sqlite_file, "{path} is no backup of Pricedesk"),
    (later_version, "{path} was written by a later version of Pricedesk"),
    (changed_digit, "{path} is damaged: ECB on 2026-10-29, revision 1 cannot be read: ECB has the"),
]


@pytest.mark.parametrize(("harm", "reason"), NO_BACKUPS)
def test_what_is_no_good_backup_is_not_restored(
    store: Store, empty_one: Store, tmp_path: Path, harm: Callable[[Path], object], reason: str
) -> None:
    fill(store)
    path = tmp_path / "backup"
    back_up(store, path)
    harm(path)
    said = failure(lambda: restore(empty_one, path))
    assert said.startswith(reason.format(path=path))
    assert set(map(len, content(empty_one).values())) == {0}


def test_a_restore_that_fails_half_way_leaves_the_store_empty(
    store: Store, empty_one: Store, tmp_path: Path
) -> None:
    fill(store)
    back_up(store, tmp_path / "backup")
    empty_one.database.execute("DROP TABLE coverage")
    failure(lambda: restore(empty_one, tmp_path / "backup"))
    assert (empty_one.publications().publications, empty_one.withheld()) == ([], [])


def test_a_copied_file_of_version_1_is_restored_and_left_as_it_was(
    empty_one: Store, tmp_path: Path
) -> None:
    path = tmp_path / "old"
    write_version_1(path)
    before = path.read_bytes()
    restore(empty_one, path)
    assert empty_one.publications() == Kept(4, PUBLICATIONS_OF_VERSION_1)
    assert path.read_bytes() == before


DAMAGE = [
    (
        "UPDATE publication SET rates = '1.1,NaN,366.330' WHERE sequence = 2",
        "ECB on 2026-10-30, revision 1 cannot be read: ECB has the values",
    ),
    (
        "UPDATE publication SET codes = 'USD,CAD' WHERE sequence = 2",
        "ECB on 2026-10-30, revision 1 cannot be read: ECB has the values",
    ),
    (
        "UPDATE publication SET units = '1,1' WHERE sequence = 2",
        "ECB on 2026-10-30, revision 1 cannot be read: ECB has the units",
    ),
    (
        "UPDATE publication SET revision = 3 WHERE sequence = 2",
        "ECB on 2026-10-30, revision 3 is there, revision 2 is not",
    ),
    (
        "UPDATE publication SET date = '2026-10-30', revision = 3 WHERE sequence = 1",
        "ECB on 2026-10-30, revision 3 is there, revision 2 is not",
    ),
    (
        "UPDATE publication SET date='2026-10-30', codes='USD', rates='1.1', revision=3-sequence",
        "ECB on 2026-10-30, revision 2 says the same as the one before",
    ),
    (
        "UPDATE document SET content = (SELECT content FROM document WHERE source = 'BOC')",
        "the document ",
    ),
    ("UPDATE withheld SET date = 'today' WHERE number = 1", "a row of withheld cannot be read: "),
    ("UPDATE decision SET verdict = 'maybe'", "a row of decision cannot be read: "),
    ("UPDATE look SET looked_at = 'now'", "a row of look cannot be read: "),
    ("UPDATE coverage SET last = '2026-02-30'", "a row of coverage cannot be read: "),
]

WITHOUT_TRIGGERS = [
    ("UPDATE quote SET record = 'x' WHERE sequence = 1", "the record of the quote {1} says "),
    ("UPDATE quote SET held_at = 'x' WHERE sequence = 1", "the record of the quote {1} says "),
    ("UPDATE quote SET sequence = 9 WHERE sequence = 3", "the ledger lacks what was before "),
    (
        "DELETE FROM quote WHERE sequence = 1; DELETE FROM quote_key",
        "the ledger lacks what was before the quote {2}",
    ),
    ("DELETE FROM quote WHERE sequence = 2", "the ledger lacks what was before the quote {3}"),
    ("DELETE FROM quote_end WHERE id = '{1}'", "the quote {1} is held, and not counted"),
    ("UPDATE quote_end SET at = 'x' WHERE id = '{2}'", "the end of the quote {2} cannot be read"),
    (
        "UPDATE quote_end SET at = '2026-11-30T18:00:00Z' WHERE id = '{2}'",
        "the quote {2} was redeemed at 2026-11-30T18:00:00Z, which is not its time",
    ),
    (
        "UPDATE quote_end SET state = 'cancelled' WHERE id = '{1}'",
        "the quote {1} was cancelled at 2026-10-31T18:00:00Z, which is not its time",
    ),
    ("DELETE FROM quote_held", "the quote {3} is held, and not counted"),
    (
        "INSERT INTO quote_held SELECT id, expires_at, NULL FROM quote WHERE sequence = 1",
        "the quote {1} has expired, and is counted still",
    ),
    (
        "INSERT INTO quote_held VALUES ('{0}', '2026-11-01T18:00:00Z', NULL)",
        "the quote {0} is counted, and not there",
    ),
    (
        "INSERT INTO quote_end VALUES ('{0}', 'redeemed', '2026-11-01T18:00:00Z')",
        "the end of the quote {0} is there, the quote is not",
    ),
    (
        "INSERT INTO quote_key VALUES ('l', 'x', '{0}')",
        "the key of the quote {0} is there, the quote is not",
    ),
    (
        "UPDATE quote_held SET expires_at = 'x'",
        "the quote {2} is counted for another time than it is held",
    ),
]


@pytest.mark.parametrize(("damage", "problem"), DAMAGE)
def test_a_check_names_what_is_wrong(store: Store, damage: str, problem: str) -> None:
    fill(store)
    assert store.check() == []
    store.database.execute(damage)
    [found] = store.check()
    assert found.startswith(problem)


@pytest.mark.parametrize(("damage", "problem"), WITHOUT_TRIGGERS)
def test_a_check_names_what_is_wrong_with_the_ledger(
    tmp_path: Path, damage: str, problem: str
) -> None:
    """Done by a hand that has taken the triggers away."""
    ids = [quote_id(number) for number in range(4)]
    with closing(open_store("", tmp_path)) as store:
        hold_some(store)
        assert store.check() == []
        store.database.execute("PRAGMA foreign_keys=OFF")
        triggers = store.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers:
            store.database.execute(f"DROP TRIGGER {name}")
        for statement in damage.format(*ids).split("; "):
            store.database.execute(statement)
        found = [said for said in store.check() if not said.startswith("table ")]
        assert found[0].startswith(problem.format(*ids))


def test_a_check_finds_documents_that_are_not_there(tmp_path: Path) -> None:
    with closing(open_store("", tmp_path)) as store:
        fill(store)
        store.database.execute("PRAGMA foreign_keys=OFF")
        store.database.execute("DELETE FROM document WHERE source = 'BOC'")
        sha256 = DOCUMENT.provenance.sha256
        assert store.check() == [
            "table withheld, row 1: document lacks its row",
            "table withheld, row 2: document lacks its row",
            f"the document {sha256} of BOC on 2026-10-30 is not there",
        ]


def test_a_check_lists_so_many_problems_and_no_more(store: Store) -> None:
    store.add(DOCUMENT, [])
    document, [friday] = fetched_days(FRIDAY)
    store.add(document, [replace(friday, revision=2 * n) for n in range(1, PROBLEMS_MAX + 10)])
    assert len(store.check()) == PROBLEMS_MAX


def test_a_check_of_a_damaged_file_tells_what_sqlite_says(tmp_path: Path) -> None:
    with closing(open_store("", tmp_path)) as store:
        fill(store)
    path = tmp_path / FILE_NAME
    damaged = bytearray(path.read_bytes())
    damaged[-4096:] = b"\xaa" * 4096
    path.write_bytes(damaged)
    with closing(open_store("", tmp_path)) as store:
        assert store.check() != []
