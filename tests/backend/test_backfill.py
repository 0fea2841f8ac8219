"""Back-filling: which pieces are asked for, what counts as done, what is kept."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archives import TENFOLD, boc_document, boc_value, publication_days
from fake_source import zip_archive
from pricedesk.backend.backfill import (
    ASKED_DAYS_MIN,
    Backfill,
    Days,
    asked_days,
    covered_days,
    pieces,
)
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.download import Downloads, Rules
from pricedesk.backend.intake import Intake
from pricedesk.backend.rate_book import Order, RateBook
from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import find_sources
from pricedesk.backend.sources.source import Source
from pricedesk.backend.store import Store, open_store
from pricedesk.clock import system_clock
from pricedesk.currencies import currency
from pricedesk.errors import DownloadFailed, RefusedDocument

KEYS = ("ECB", "BOC", "NB", "BOE", "CNB", "NBP", "RB")
SOURCES = {source.key: source for source in find_sources(KEYS, "https://ecb.example")}
ECB, BOC, NBP = (SOURCES[key] for key in ("ECB", "BOC", "NBP"))
FRIDAY_NIGHT = datetime(2026, 10, 30, 22, tzinfo=UTC)
FRIDAY = date(2026, 10, 30)
ONE_DAY = timedelta(days=1)

DAYS = st.dates(date(1998, 1, 1), date(2027, 12, 31))
RANGES = st.tuples(DAYS, DAYS).map(sorted).map(lambda ends: (ends[0], ends[1]))


@st.composite
def sources(draw: st.DrawFn) -> Source:
    """One of ours, which may be asked for any number of days at once."""
    source = SOURCES[draw(st.sampled_from(KEYS))]
    if source.span_days is None:
        return source
    return replace(source, span_days=draw(st.integers(1, 400)))


def days(ranges: Iterable[Days]) -> list[date]:
    return [
        first + timedelta(days=n) for first, last in ranges for n in range((last - first).days + 1)
    ]


@given(sources(), RANGES, st.lists(RANGES, max_size=4))
def test_pieces_and_what_is_covered_are_all_days_that_are_asked_for_and_each_once(
    source: Source, asked: Days, covered: list[Days]
) -> None:
    found = list(pieces(source, *asked, covered))
    wanted = [day for day in days([asked]) if day >= source.first_date]
    done = set(days(covered))
    assert days(found) == [day for day in wanted if day not in done]


@given(sources(), RANGES, st.lists(RANGES, max_size=4))
def test_no_piece_is_longer_than_its_source_answers_at_once(
    source: Source, asked: Days, covered: list[Days]
) -> None:
    for first, last in pieces(source, *asked, covered):
        assert first <= last
        assert source.span_days is None or (last - first).days < source.span_days
        assert not source.within_a_year or first.year == last.year


@given(sources(), RANGES)
def test_what_is_asked_for_has_the_piece_in_it_and_is_allowed(source: Source, asked: Days) -> None:
    piece = next(pieces(source, *asked, []), None)
    assume(piece is not None)
    assert piece is not None
    first, last = asked_days(source, piece, max(piece[1], FRIDAY))
    assert source.first_date <= first <= piece[0]
    assert piece[1] <= last
    if source.span_days is not None:
        assert last == piece[1]
        assert (last - first).days < source.span_days
        enough = min(ASKED_DAYS_MIN, source.span_days)
        begun = source.first_date if not source.within_a_year else date(last.year, 1, 1)
        assert (last - first).days + 1 >= enough or first == max(begun, source.first_date)


def test_a_source_without_ranges_is_asked_for_all_up_to_the_newest() -> None:
    """A document of the ECB that has some old days is the one with all days since."""
    assert asked_days(ECB, (date(1999, 1, 4), date(1999, 1, 31)), FRIDAY) == (
        date(1999, 1, 4),
        FRIDAY,
    )


def sheets(days: Iterable[date]) -> list[Sheet]:
    return [Sheet(day, {"USD": "1"}) for day in days]


APRIL = (date(2026, 4, 1), date(2026, 4, 30))
IN_APRIL = publication_days(BOC.calendar, *APRIL)


@pytest.mark.parametrize(
    ("there", "today", "done"),
    [
        (IN_APRIL, FRIDAY, APRIL),
        (IN_APRIL[:-2], FRIDAY, APRIL),
        (IN_APRIL, date(2026, 5, 14), APRIL),
        (IN_APRIL, date(2026, 5, 13), APRIL),
        (IN_APRIL[:-1], date(2026, 5, 13), (APRIL[0], date(2026, 4, 29))),
        (IN_APRIL[:-1], date(2026, 4, 30), (APRIL[0], date(2026, 4, 29))),
        ([], date(2026, 4, 14), None),
    ],
)
def test_young_days_count_as_done_as_far_as_there_are_publications(
    there: Sequence[date], today: date, done: Days | None
) -> None:
    assert covered_days(BOC, APRIL, sheets(there), today) == done


@pytest.mark.parametrize(("source", "there"), [(BOC, IN_APRIL[3:]), (SOURCES["NB"], [])])
def test_a_document_that_leaves_out_many_days_is_refused(
    source: Source, there: Sequence[date]
) -> None:
    with pytest.raises(RefusedDocument, match="from 2026-04-01 to 2026-04-30 are left out"):
        covered_days(source, APRIL, sheets(there), FRIDAY)


def test_a_calendar_that_is_not_proven_refuses_no_document_that_has_something() -> None:
    assert covered_days(SOURCES["NB"], APRIL, sheets(IN_APRIL[9:]), FRIDAY) == APRIL


class Bank(Downloads):
    """The Bank of Canada's server, in this process; what it is asked for is in `asked`."""

    def __init__(self, fails_at: date | None = None) -> None:
        super().__init__(Rules(bytes_max=0), system_clock)
        self.fails_at = fails_at
        self.asked: list[Days] = []

    async def fetch(self, url: str) -> bytes:
        query = parse_qs(urlsplit(url).query)
        first, last = (date.fromisoformat(query[f"{end}_date"][0]) for end in ("start", "end"))
        if self.fails_at is not None and first <= self.fails_at <= last:
            raise DownloadFailed("the bank is away")
        self.asked.append((first, last))
        return boc_document(first, last)


class Desk:
    """A back-end's parts on one store, on a Friday night; pauses are noted and not made."""

    def __init__(self, store: Store, source: Source, downloads: Downloads) -> None:
        self.store = store
        self.pauses: list[float] = []
        terms = Terms(currency("CAD"), currency("USD"))
        kept = store.publications()
        book = RateBook(kept.publications, Order((source.key,)))
        self.bureau = Bureau(book, [source], lambda: FRIDAY_NIGHT, terms)
        intake = Intake(self.bureau, store, kept.sequence)
        self.backfill = Backfill(
            source, intake, store, downloads, self.bureau.clock, sleep=self._pause
        )

    async def run(self, since: date) -> list[Days]:
        """Fetch all that is missing; gives the pieces."""
        return [piece async for piece, _ in self.backfill.run(self.backfill.todo(since))]

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def kept(self) -> dict[date, str]:
        """The value of the dollar on each day that the store has."""
        publications = self.store.publications().publications
        found = {p.date: p.rates()["USD"] for p in publications}
        assert len(found) == len(publications)
        return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store("", tmp_path)) as opened:
        yield opened


async def test_a_history_comes_in_pieces_oldest_first_with_pauses_between(store: Store) -> None:
    bank = Bank()
    desk = Desk(store, BOC, bank)
    done = await desk.run(date.min)
    assert done == bank.asked == list(pieces(BOC, date.min, FRIDAY, []))
    assert desk.pauses == [1] * (len(done) - 1)
    every = publication_days(BOC.calendar, BOC.first_date, FRIDAY)
    assert desk.kept() == {day: boc_value(day) for day in every if day not in TENFOLD}
    assert {value.date for value in store.withheld()} == TENFOLD & set(every)
    assert store.covered("BOC") == [(BOC.first_date, FRIDAY)]
    assert desk.backfill.todo(date.min) == []


async def test_what_failed_is_asked_for_again_and_nothing_else(store: Store) -> None:
    bank = Bank(fails_at=date(2019, 7, 1))
    desk = Desk(store, BOC, bank)
    with pytest.raises(DownloadFailed):
        await desk.run(date.min)
    before, bank.fails_at = list(bank.asked), None
    await Desk(store, BOC, bank).run(date.min)
    assert bank.asked == [*before, *pieces(BOC, date(2019, 1, 3), FRIDAY, [])]
    assert len(desk.kept()) == len(publication_days(BOC.calendar, BOC.first_date, FRIDAY)) - 7


async def test_a_piece_without_a_publication_day_is_done_without_asking(store: Store) -> None:
    bank = Bank()
    store.cover("BOC", BOC.first_date, date(2026, 10, 23))
    store.cover("BOC", date(2026, 10, 26), FRIDAY)
    assert await Desk(store, BOC, bank).run(date.min) == [(date(2026, 10, 24), date(2026, 10, 25))]
    assert bank.asked == []
    assert store.covered("BOC") == [(BOC.first_date, FRIDAY)]


async def test_a_short_piece_is_asked_for_with_days_before_and_only_it_is_kept(
    store: Store,
) -> None:
    bank = Bank()
    desk = Desk(store, BOC, bank)
    assert await desk.run(FRIDAY) == [(FRIDAY, FRIDAY)]
    assert bank.asked == [(date(2026, 10, 17), FRIDAY)]
    assert desk.kept() == {FRIDAY: boc_value(FRIDAY)}
    assert store.covered("BOC") == [(FRIDAY, FRIDAY)]


async def test_days_whose_publications_are_not_out_are_asked_for_again(store: Store) -> None:
    class NotOut(Bank):
        async def fetch(self, url: str) -> bytes:
            await super().fetch(url)
            first, _ = self.asked[-1]
            return boc_document(first, date(2026, 10, 28))

    desk = Desk(store, BOC, NotOut())
    await desk.run(date(2026, 10, 1))
    assert store.covered("BOC") == [(date(2026, 10, 1), date(2026, 10, 28))]
    assert desk.backfill.todo(date(2026, 10, 1)) == [(date(2026, 10, 29), FRIDAY)]


class Ecb(Downloads):
    """The ECB's server with the history of its first two months, whatever is asked for."""

    def __init__(self) -> None:
        super().__init__(Rules(bytes_max=0), system_clock)
        self.asked: list[str] = []

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url.rpartition("/")[2])
        open_days = publication_days(ECB.calendar, date(1999, 1, 4), date(1999, 2, 28))
        rows = "".join(f"{day},1.1{day.day:03},\n" for day in reversed(open_days))
        return zip_archive(f"Date,USD,\n{rows}".encode())


async def test_old_days_of_the_ecb_come_from_its_history_however_few_they_are(
    store: Store,
) -> None:
    store.cover("ECB", date(1999, 2, 1), FRIDAY)
    bank = Ecb()
    desk = Desk(store, ECB, bank)
    assert await desk.run(date.min) == [(date(1999, 1, 4), date(1999, 1, 31))]
    assert bank.asked == ["eurofxref-hist.zip"]
    january = publication_days(ECB.calendar, date(1999, 1, 4), date(1999, 1, 31))
    assert sorted(desk.kept()) == january
    assert store.covered("ECB") == [(date(1999, 1, 4), FRIDAY)]
