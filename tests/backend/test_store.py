"""The store, whatever it is kept in: what it kept it gives back; what failed has left nothing."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_source import zip_archive
from kept import (
    FRIDAY,
    THURSDAY,
    document_of,
    fetched,
    fetched_days,
    publications,
    withheld_value,
)
from pricedesk.backend.quarantine import Decision, Verdict, WithheldValue
from pricedesk.backend.rates import Provenance, Publication
from pricedesk.backend.sources import ecb
from pricedesk.backend.store import Kept, Look, Store, find_store, open_store
from pricedesk.backend.store_rows import are_published_values, as_kept, keepable, merged
from pricedesk.errors import DecidedAlready, StoreFailed, UnknownWithheldValue

NOON = datetime(2026, 10, 30, 12, tzinfo=UTC)
RELEASED = Decision(Verdict.RELEASED, NOON, "anna", "the bank has confirmed it")
DOCUMENT = document_of(b"raw")
ANY_TEXT = st.text(st.characters(), max_size=40)

same_store = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(database, tmp_path)) as opened:
        yield opened


@pytest.fixture
def other(store: Store, database: str, tmp_path: Path) -> Iterator[Store]:
    """What another process has open."""
    with closing(open_store(database, tmp_path)) as opened:
        yield opened


def kept(store: Store) -> list[Publication]:
    return store.publications().publications


def documents(store: Store) -> list[str]:
    return [sha256 for (sha256,) in store.database.execute("SELECT sha256 FROM document")]


def is_empty(store: Store) -> bool:
    return (kept(store), documents(store), store.withheld()) == ([], [], [])


def empty(store: Store) -> None:
    for table in ("publication", "decision", "withheld", "document"):
        store.database.execute(f"DELETE FROM {table}")  # noqa: S608  # the names are ours


def test_a_new_store_is_empty(store: Store) -> None:
    assert store.publications() == Kept(0, [])
    assert store.document("5" * 64) is None
    assert (store.withheld(), store.looks(), store.covered("ECB")) == ([], {}, [])
    assert store.check() == []


def test_publications_are_read_back_identical_in_order_of_acceptance(store: Store) -> None:
    document, found = fetched_days(FRIDAY | THURSDAY)
    store.add(document, reversed(found))
    assert store.publications() == Kept(2, found[::-1])
    assert list(kept(store)[0].rates()) == ["USD", "CAD", "HUF"]


@same_store
@given(publications(DOCUMENT))
def test_any_publication_is_read_back_identical(store: Store, found: list[Publication]) -> None:
    empty(store)
    store.add(DOCUMENT, found)
    assert kept(store) == found


def test_what_many_publications_share_is_there_once(store: Store) -> None:
    document, found = fetched_days({**FRIDAY, "2026-10-29": FRIDAY["2026-10-30"]})
    store.add(document, found)
    one, two = kept(store)
    assert one.codes is two.codes
    assert one.convention is two.convention
    assert one.provenance is two.provenance


def test_a_column_without_values_is_read_back_as_it_was(store: Store) -> None:
    csv = b"Date,USD,ISK,CAD,\n2026-10-30,1.1172,N/A,1.5606,\n"
    document, found = fetched(zip_archive(csv), ecb.Document.HISTORY)
    store.add(document, found)
    assert kept(store) == found
    assert list(kept(store)[0].rates()) == ["USD", "CAD"]


def test_every_revision_is_kept_with_the_document_that_it_is_from(store: Store) -> None:
    first_document, [first] = fetched_days(FRIDAY)
    second_document, [second] = fetched_days({"2026-10-30": {"USD": "1.1173"}})
    store.add(first_document, [first])
    store.add(second_document, [replace(second, revision=2)])
    assert kept(store) == [first, replace(second, revision=2)]


def test_only_what_is_new_is_given_after_a_sequence_number(store: Store, other: Store) -> None:
    store.add(*fetched_days(THURSDAY))
    seen = other.publications().sequence
    assert other.publications(seen) == Kept(seen, [])
    document, found = fetched_days(FRIDAY)
    store.add(document, found)
    assert other.publications(seen) == Kept(seen + 1, found)


def test_a_raw_document_is_given_back_byte_for_byte(store: Store) -> None:
    document, found = fetched_days(FRIDAY | THURSDAY)
    store.add(document, found[:1])
    store.add(document, found[1:])
    assert store.document(document.provenance.sha256) == document.content
    assert kept(store) == found


def test_a_document_read_again_later_keeps_each_publications_own_instant(store: Store) -> None:
    _, [thursday] = fetched_days(THURSDAY)
    later = DOCUMENT.provenance.fetched_at + timedelta(days=1)
    provenance = Provenance(DOCUMENT.provenance.sha256, later)
    store.add(DOCUMENT, [])
    store.add(DOCUMENT, [replace(thursday, provenance=provenance)])
    assert kept(store)[0].provenance == provenance


def test_what_was_kept_is_there_when_the_store_is_opened_again(
    database: str, tmp_path: Path
) -> None:
    document, found = fetched_days(FRIDAY | THURSDAY)
    with closing(open_store(database, tmp_path / "a" / "b")) as store:
        store.add(document, found)
    with closing(open_store(database, tmp_path / "a" / "b")) as store:
        assert kept(store) == found
        assert store.document(document.provenance.sha256) == document.content


def test_a_store_is_found_for_reading_once_one_was_made(database: str, tmp_path: Path) -> None:
    assert find_store(database, tmp_path) is None
    document, found = fetched_days(FRIDAY)
    with closing(open_store(database, tmp_path)) as store:
        store.add(document, found)
    reading = find_store(database, tmp_path)
    assert reading is not None
    with closing(reading):
        assert kept(reading) == found
        with pytest.raises(StoreFailed, match=r"read-?only"):
            reading.add(*fetched_days(THURSDAY))
        assert kept(reading) == found


def test_stores_that_are_opened_at_the_same_moment_make_one(database: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        stores = list(threads.map(lambda folder: open_store(database, folder), [tmp_path] * 8))
    stores[0].add(*fetched_days(FRIDAY))
    for store in stores:
        assert len(kept(store)) == 1
        store.close()


def test_an_add_with_a_key_that_is_taken_leaves_nothing(store: Store) -> None:
    store.add(*fetched_days(FRIDAY))
    before = documents(store)
    with pytest.raises(StoreFailed, match=r"failed: .*(?i:unique constraint)"):
        store.add(*fetched_days(THURSDAY | FRIDAY))
    assert documents(store) == before
    store.add(*fetched_days(THURSDAY))
    assert [p.date.day for p in kept(store)] == [30, 29]


def test_a_publication_of_another_document_leaves_nothing(store: Store) -> None:
    document, _ = fetched_days(FRIDAY)
    _, found = fetched_days(THURSDAY)
    with pytest.raises(StoreFailed, match=r"(?i:foreign key constraint)"):
        store.add(document, found)
    assert is_empty(store)


def test_a_bug_in_the_middle_of_an_add_leaves_nothing(store: Store) -> None:
    document, found = fetched_days(FRIDAY)

    def broken() -> Iterator[Publication]:
        yield found[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.add(document, broken())
    assert is_empty(store)
    store.add(document, found)


def test_a_text_that_cannot_be_kept_is_a_failure_and_leaves_nothing(store: Store) -> None:
    document, [publication] = fetched_days(FRIDAY)
    with pytest.raises(StoreFailed):
        store.add(document, [replace(publication, source="\udcff")])
    assert is_empty(store)


def test_all_of_a_transaction_is_kept_together(store: Store, other: Store) -> None:
    document, found = fetched_days(FRIDAY)
    with store.transaction():
        store.add(document, found)
        store.withhold(DOCUMENT, [withheld_value(DOCUMENT)])
        assert kept(store) == found
        assert is_empty(other)
    assert kept(other) == found
    assert len(other.withheld()) == 1


def add_and_fail(store: Store) -> None:
    with store.transaction():
        store.add(*fetched_days(FRIDAY))
        raise ZeroDivisionError


def test_nothing_of_a_transaction_that_fails_is_kept(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        add_and_fail(store)
    assert is_empty(store)


def test_nothing_is_kept_where_a_part_failed_though_its_error_was_caught(store: Store) -> None:
    store.add(*fetched_days(FRIDAY))

    def keep_what_can_be_kept() -> None:
        with store.transaction():
            store.add(*fetched_days(THURSDAY))
            with pytest.raises(StoreFailed):
                store.add(*fetched_days(FRIDAY))

    with pytest.raises(StoreFailed, match=r"keeps nothing: a part has failed$"):
        keep_what_can_be_kept()
    assert [p.date.day for p in kept(store)] == [30]
    store.add(*fetched_days(THURSDAY))


def test_threads_take_turns_for_whole_transactions(store: Store) -> None:
    def add_next(number: int) -> None:
        with store.transaction():
            day = max((p.date for p in kept(store)), default=date(2026, 1, 1)) + timedelta(days=1)
            document, found = fetched_days({str(day): {"USD": f"1.{number + 1}"}})
            store.add(document, found)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add_next, range(20)))
    days = [p.date for p in kept(store)]
    assert days == [date(2026, 1, 2) + timedelta(days=n) for n in range(20)]


def test_a_store_that_was_closed_has_failed(store: Store) -> None:
    store.close()
    for use in (store.publications, store.claim_fetching, lambda: store.wait_for_change(5)):
        with pytest.raises(StoreFailed, match="closed"):
            use()


def test_a_withheld_value_gets_a_number_and_waits(store: Store) -> None:
    values = [withheld_value(DOCUMENT), withheld_value(DOCUMENT, "JPY")]
    new = store.withhold(DOCUMENT, values)
    assert new == [replace(value, number=n) for n, value in enumerate(values, start=1)]
    assert store.withheld() == store.withheld(waiting_only=True) == new
    assert new[0].verdict is Verdict.WAITING
    assert store.document(DOCUMENT.provenance.sha256) == b"raw"


def test_the_same_value_read_again_makes_no_second_entry_whatever_was_decided(
    store: Store,
) -> None:
    again = document_of(b"raw, a day later")
    new = store.withhold(DOCUMENT, [withheld_value(DOCUMENT), withheld_value(DOCUMENT)])
    assert [value.number for value in new] == [1]
    assert store.withhold(again, [withheld_value(again)]) == []
    store.decide([1], RELEASED)
    assert store.withhold(again, [withheld_value(again)]) == []
    assert documents(store) == [DOCUMENT.provenance.sha256]
    new = store.withhold(again, [withheld_value(again, value="13.8")])
    assert [value.number for value in new] == [2]


@same_store
@given(st.lists(ANY_TEXT, unique=True, max_size=4), ANY_TEXT, ANY_TEXT)
def test_any_text_of_a_stranger_is_kept_as_it_was(
    store: Store, values: list[str], why: str, by: str
) -> None:
    empty(store)
    given_values = [withheld_value(DOCUMENT, value=value) for value in values]
    new = store.withhold(DOCUMENT, given_values)
    assert [value.value for value in new] == values
    decision = Decision(Verdict.REJECTED, NOON, by, why)
    store.decide([value.number for value in new], decision)
    assert store.withheld() == [replace(value, decision=decision) for value in new]
    look = Look("ECB", NOON, failure=why, failing_since=NOON)
    store.note_look(look)
    assert store.looks() == {"ECB": look}


def test_withheld_values_are_found_by_number_source_and_date(store: Store) -> None:
    value = withheld_value(DOCUMENT)
    day = date(2026, 10, 29)
    numbered = store.withhold(
        DOCUMENT, [value, replace(value, source="NB"), replace(value, date=day)]
    )
    store.decide([3], RELEASED)

    def numbers(found: list[WithheldValue]) -> list[int]:
        return [value.number for value in found]

    assert numbers(numbered) == [1, 2, 3]
    assert numbers(store.withheld(numbers=[3, 1, 9])) == [1, 3]
    assert numbers(store.withheld(numbers=[])) == []
    assert numbers(store.withheld(source="BOC")) == [1, 3]
    assert numbers(store.withheld(source="BOC", waiting_only=True)) == [1]
    assert numbers(store.withheld(source="BOC", day=day)) == [3]


def test_a_decision_is_recorded_once_with_who_when_and_why(store: Store) -> None:
    store.withhold(DOCUMENT, [withheld_value(DOCUMENT), withheld_value(DOCUMENT, "JPY")])
    store.decide([2], RELEASED)
    assert [value.decision for value in store.withheld()] == [None, RELEASED]
    rejected = replace(RELEASED, verdict=Verdict.REJECTED, decided_by="ben")
    with pytest.raises(DecidedAlready) as refusal:
        store.decide([1, 2], rejected)
    assert str(refusal.value) == (
        "2 was released on 2026-10-30 12:00 UTC by anna: the bank has confirmed it"
    )
    assert [value.decision for value in store.withheld()] == [None, RELEASED]
    store.decide([1], rejected)
    assert store.withheld(waiting_only=True) == []


def test_a_decision_about_a_number_that_is_not_there_records_nothing(store: Store) -> None:
    store.withhold(DOCUMENT, [withheld_value(DOCUMENT)])
    with pytest.raises(UnknownWithheldValue, match=r"^no value with the number 2 was withheld$"):
        store.decide([1, 2], RELEASED)
    assert len(store.withheld(waiting_only=True)) == 1


def test_the_last_look_at_each_source_is_kept(store: Store) -> None:
    failed = Look("ECB", NOON, None, 0, 0, "the source is away", NOON)
    store.note_look(failed)
    boc = Look("BOC", NOON, "rates.json", 3, 1)
    store.note_look(boc)
    assert store.looks() == {"BOC": boc, "ECB": failed}
    better = Look("ECB", NOON + timedelta(hours=1), "day.xml", accepted=1)
    store.note_look(better)
    assert store.looks() == {"BOC": boc, "ECB": better}


JANUARY = [date(2026, 1, day) for day in range(1, 32)]
RANGES = st.lists(st.tuples(st.sampled_from(JANUARY), st.sampled_from(JANUARY)).map(sorted))


@same_store
@given(RANGES)
def test_covered_ranges_have_every_day_that_was_covered_and_no_other(
    store: Store, ranges: list[list[date]]
) -> None:
    store.database.execute("DELETE FROM coverage")
    days = set()
    for first, last in ranges:
        store.cover("ECB", first, last)
        days |= {day for day in JANUARY if first <= day <= last}
    covered = store.covered("ECB")
    assert {day for day in JANUARY if any(a <= day <= b for a, b in covered)} == days
    gaps = [(b[0] - a[1]).days for a, b in pairwise(covered)]
    assert all(days > 1 for days in gaps)
    assert store.covered("BOC") == []


def test_ranges_that_touch_become_one() -> None:
    day = JANUARY
    assert merged([(day[4], day[5]), (day[0], day[1]), (day[2], day[2])]) == [
        (day[0], day[2]),
        (day[4], day[5]),
    ]


def test_the_first_wait_says_that_something_may_have_changed_the_next_one_waits(
    store: Store,
) -> None:
    assert store.wait_for_change(0) is True
    assert store.wait_for_change(0) is False


@pytest.mark.parametrize("by", ["store", "other"])
def test_a_wait_ends_when_anybody_has_kept_something(store: Store, other: Store, by: str) -> None:
    store.wait_for_change(0)
    {"store": store, "other": other}[by].add(*fetched_days(FRIDAY))
    assert store.wait_for_change(10) is True
    assert len(kept(store)) == 1
    assert store.wait_for_change(0) is False


def test_a_wait_is_not_ended_by_what_was_not_kept(store: Store, other: Store) -> None:
    store.wait_for_change(0)
    with pytest.raises(ZeroDivisionError):
        add_and_fail(other)
    assert store.wait_for_change(0.3) is False


def test_others_use_the_store_while_a_thread_waits_and_closing_ends_the_wait(
    store: Store,
) -> None:
    store.wait_for_change(0)
    said: list[bool] = []
    waiting = threading.Thread(target=lambda: said.append(store.wait_for_change(600)))
    waiting.start()
    assert kept(store) == []
    store.close()
    waiting.join(10)
    assert said == [False]


def test_one_store_at_a_time_fetches(store: Store, other: Store) -> None:
    assert (store.claim_fetching(), other.claim_fetching()) == (True, False)
    assert (store.claim_fetching(), other.claim_fetching()) == (True, False)
    store.add(*fetched_days(FRIDAY))
    other.add(*fetched_days(THURSDAY))
    store.close()
    assert other.claim_fetching() is True


def test_a_store_of_a_later_version_is_refused_and_left_alone(
    database: str, tmp_path: Path
) -> None:
    with closing(open_store(database, tmp_path)) as store:
        later = len(store.database.migrations) + 1
        store.database.set_version(later)
        expected = f"{store.name} was written by a later version of Pricedesk"
    for open_it in (open_store, find_store):
        with pytest.raises(StoreFailed) as refusal:
            open_it(database, tmp_path)
        assert str(refusal.value) == expected


@given(ANY_TEXT)
def test_a_keepable_text_has_nothing_that_cannot_be_kept_and_is_the_same_again(text: str) -> None:
    assert "\0" not in keepable(text)
    keepable(text).encode()
    assert as_kept(keepable(text)) == text


@pytest.mark.parametrize(
    ("rates", "good"),
    [
        ("1.5", True),
        ("1,0.5,", True),
        (",", True),
        ("123456789012.123456789012", True),
        ("0", False),
        ("1,0.00,2", False),
        ("1,00", False),
        ("1234567890123", False),
        ("1.1234567890123", False),
        ("1.", False),
        (".5", False),
        ("1..5", False),
        ("-1", False),
        ("1e3", False),
        ("NaN", False),
        ("1, 2", False),
        ("1\n", False),
        ("\N{ARABIC-INDIC DIGIT THREE}", False),
    ],
)
def test_only_published_values_are_read(rates: str, good: bool) -> None:
    assert are_published_values(rates) is good
