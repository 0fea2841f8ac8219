"""How sources are asked: for what they can answer, not too often, and not before it is time."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from pricedesk.backend.announced import announced, awaited_at
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.download import Downloads
from pricedesk.backend.intake import Intake
from pricedesk.backend.rate_book import Order, RateBook
from pricedesk.backend.rates import Provenance, Sheet
from pricedesk.backend.refresh import POLL_SOON, Refresher, Tick
from pricedesk.backend.sources import find_sources
from pricedesk.backend.sources.source import Request
from pricedesk.backend.store import RawDocument, open_store
from pricedesk.currencies import currency
from pricedesk.errors import DownloadFailed, RefusedDocument
from published_as import document_of

RATES = {"BOC": {"EUR": "1.5"}, "ERAPI": {"EUR": "0.9"}}
"""What a source says every day; of those that are not here it is the dollar's rate."""

AWAY = DownloadFailed("the source is away")

BY_RANGE = ("BOC", "NB", "BOE", "CNB", "NBP", "RB")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NextDue: TypeAlias = Callable[[bytes], datetime] | None


class Asked(Downloads):
    """Gives what a source has published for the days that it is asked for, and notes those."""

    def __init__(self, desk: "Desk") -> None:  # nothing of a real one is used
        self._desk = desk

    async def fetch(self, url: str) -> bytes | None:
        return self._desk.answer(*self._desk.asked[-1])

    def accepted(self, url: str) -> None:
        """It is all the same to it."""


class Desk:
    """A back-end with one source, whose publications up to now can be had, at an instant."""

    def __init__(self, folder: Path, key: str, now: str, next_due: NextDue = None) -> None:
        self.now = utc(now)
        self.asked: list[tuple[date, date]] = []
        self.days_off: set[date] = set()
        self.failure: DownloadFailed | None = None
        self.store = open_store("", folder)
        [original] = find_sources((key,), "https://ecb.example")

        def request(first: date, last: date) -> Request:
            self.asked.append((first, last))
            return original.request(first, last)

        self.source = replace(original, request=request, next_due=next_due or original.next_due)
        kept = self.store.publications()
        book = RateBook(kept.publications, Order((key,)))
        terms = Terms(currency("CAD"), currency("USD"))
        self.bureau = Bureau(book, [self.source], lambda: self.now, terms)
        self.intake = Intake(self.bureau, self.store, kept.sequence)
        self.refresher = Refresher(self.source, self.bureau, self.intake, self.store, Asked(self))

    def answer(self, first: date, last: date) -> bytes:
        """The document of a range; as with a real source, of one without a day it is a failure."""
        if self.failure is not None:
            raise self.failure
        calendar = self.source.calendar
        last = min(last, calendar.newest_possible(self.now))
        if not self.source.has_history:
            first = last = calendar.newest_possible(self.now)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        there = [d for d in days if calendar.is_publication_day(d) and d not in self.days_off]
        if not there:
            raise DownloadFailed("answered with status 404")
        rates = RATES.get(self.source.key, {"USD": "10.5"})
        return document_of(self.source.key, [Sheet(day, rates) for day in there])

    async def look(self) -> Tick:
        return await self.refresher.tick(self.now)

    async def look_when_it_is_time(self) -> Tick:
        """The next look, without jitter."""
        self.now = self.refresher.next_look(self.now, 0)
        return await self.look()


Opened: TypeAlias = Callable[..., Desk]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Opened]:
    """Opens desks on one store, one after another."""
    opened: list[Desk] = []

    def open_another(key: str, now: str, next_due: NextDue = None) -> Desk:
        opened.append(Desk(tmp_path, key, now, next_due))
        return opened[-1]

    yield open_another
    for one in opened:
        one.store.close()


async def failed_before(desk: Desk, failure: DownloadFailed = AWAY) -> None:
    """The last look of the process before."""
    desk.failure = failure
    await desk.look()
    desk.store.close()


@pytest.mark.parametrize("key", BY_RANGE)
async def test_a_day_off_that_the_calendar_does_not_know_looks_like_no_outage(
    desk: Opened, key: str
) -> None:
    opened = desk(key, "2026-11-03 22:00")
    await opened.look()
    newest = opened.bureau.book.of(key).newest
    assert newest is not None
    opened.now += timedelta(days=1)
    opened.days_off = {opened.source.calendar.newest_possible(opened.now)}
    for _ in range(3):
        tick = await opened.look_when_it_is_time()
        assert (tick.accepted, tick.failure) == ((), None)
        assert opened.asked[-1][0] <= newest.date
    assert opened.store.looks()[key].failing_since is None


async def test_what_is_missing_for_long_is_asked_for_in_pieces_one_a_look(desk: Opened) -> None:
    before = desk("NBP", "2026-01-30 20:00")
    await before.look()
    before.store.close()
    after = desk("NBP", "2026-11-03 20:00")
    started = after.now
    ticks = [await after.look(), *[await after.look_when_it_is_time() for _ in range(2)]]
    assert [tick.failure for tick in ticks] == [None] * 3
    assert [(str(first), str(last)) for first, last in after.asked] == [
        ("2026-01-30", "2026-05-02"),
        ("2026-05-03", "2026-08-03"),
        ("2026-08-04", "2026-11-03"),
    ]
    assert after.now - started == 2 * after.source.pause_min
    assert await after.look_when_it_is_time() == Tick()


async def test_a_piece_that_fails_is_asked_for_again_at_the_usual_pace(desk: Opened) -> None:
    desk_before = desk("NBP", "2026-03-30 20:00")
    await desk_before.look()
    desk_before.store.close()
    after = desk("NBP", "2026-11-03 13:00")
    await after.look()
    after.failure = AWAY
    await after.look_when_it_is_time()
    failed_at = after.now
    after.failure = None
    await after.look_when_it_is_time()
    assert after.now - failed_at == POLL_SOON
    assert after.asked[1] == after.asked[2]


async def test_a_year_that_begins_is_asked_for_after_the_one_that_ends(desk: Opened) -> None:
    opened = desk("CNB", "2027-01-04 20:00")
    await opened.look()
    await opened.look_when_it_is_time()
    assert [(str(first), str(last)) for first, last in opened.asked] == [
        ("2026-11-05", "2026-12-31"),
        ("2027-01-01", "2027-01-04"),
    ]


async def test_a_source_without_a_history_is_asked_once_however_long_it_was(
    desk: Opened,
) -> None:
    before = desk("ERAPI", "2024-01-30 20:00")
    await before.look()
    before.store.close()
    after = desk("ERAPI", "2026-11-03 20:00")
    assert len((await after.look()).accepted) == 1
    assert await after.look_when_it_is_time() == Tick()
    assert after.asked == [(date(2026, 11, 3), date(2026, 11, 3))]


async def test_what_a_source_says_of_its_next_document_is_waited_for(desk: Opened) -> None:
    """It says 00:02:31; by its calendar that would be 00:05."""
    opened = desk("ERAPI", "2026-11-03 20:00")
    await opened.look()
    opened.now = utc("2026-11-03 23:59")
    at = opened.refresher.next_look(opened.now, 0)
    assert at == utc("2026-11-04 00:02:31") + opened.source.delay_min
    # A document that is expected late is not asked for by the calendar either.
    opened.refresher._next_due = utc("2026-11-04 01:30")
    opened.now = utc("2026-11-04 00:40")
    assert await opened.look() == Tick()
    assert opened.refresher.next_look(opened.now, 0) == utc("2026-11-04 01:30:30")
    opened.now = utc("2026-11-04 01:30:30")
    assert len((await opened.look()).accepted) == 1


async def test_what_a_source_said_of_its_next_document_is_waited_for_by_the_next_process(
    desk: Opened,
) -> None:
    """It is expected at half past one, where the calendar has five past midnight."""
    before = desk("ERAPI", "2026-11-03 20:00", lambda _: utc("2026-11-04 01:30"))
    await before.look()
    before.store.close()
    after = desk("ERAPI", "2026-11-04 00:40", lambda _: utc("2026-11-04 01:30"))
    newest = after.bureau.book.of("ERAPI").newest
    due = announced(after.source, newest, after.store)
    assert awaited_at(after.source, newest, due, after.now) == utc("2026-11-04 01:30")
    assert await after.look() == Tick()
    assert after.asked == []
    assert len((await after.look_when_it_is_time()).accepted) == 1
    assert after.now == utc("2026-11-04 01:30:30")


@pytest.mark.parametrize(
    ("said", "now", "awaited"),
    [
        # The calendar has 00:05 each day, and has it overdue hours later.
        ("2026-11-04 00:22:11", "2026-11-03 20:00", "2026-11-04 00:22:11"),
        ("2026-11-04 00:22:11", "2026-11-04 00:10", "2026-11-04 00:22:11"),
        ("2026-11-04 00:22:11", "2026-11-04 00:22:11", "2026-11-05 00:05"),
        ("2026-11-04 00:02:31", "2026-11-03 20:00", "2026-11-04 00:05"),
        ("2286-11-20 17:46", "2026-11-03 20:00", "2026-11-04 00:05"),
        ("2026-11-03 19:00", "2026-11-03 20:00", "2026-11-04 00:05"),
    ],
)
async def test_what_is_awaited_is_what_a_source_says_as_far_as_its_calendar_agrees(
    desk: Opened, said: str, now: str, awaited: str
) -> None:
    opened = desk("ERAPI", "2026-11-03 19:30", lambda _: utc(said))
    await opened.look()
    newest = opened.bureau.book.of("ERAPI").newest
    due = announced(opened.source, newest, opened.store)
    assert awaited_at(opened.source, newest, due, utc(now)) == utc(awaited)


async def test_what_is_not_known_or_cannot_be_read_says_nothing_of_the_next_one(
    desk: Opened,
) -> None:
    opened = desk("ERAPI", "2026-11-03 20:00")
    assert announced(opened.source, None, opened.store) is None
    await opened.look()
    newest = opened.bureau.book.of("ERAPI").newest
    assert newest is not None
    lost = replace(newest, provenance=replace(newest.provenance, sha256="0" * 64))
    assert announced(opened.source, lost, opened.store) is None

    def refused(_: bytes) -> datetime:
        raise RefusedDocument("it is no time")

    assert announced(replace(opened.source, next_due=refused), newest, opened.store) is None


async def test_a_source_that_puts_itself_off_for_long_is_asked_by_the_calendar(
    desk: Opened,
) -> None:
    opened = desk("ERAPI", "2026-11-03 20:00", lambda _: utc("2286-11-20 17:46"))
    await opened.look()
    opened.now = utc("2026-11-04 00:06")
    assert len((await opened.look()).accepted) == 1


async def test_a_source_that_wants_long_pauses_is_not_asked_again_by_a_restart(
    desk: Opened,
) -> None:
    await failed_before(desk("ERAPI", "2026-11-03 20:00"))
    after = desk("ERAPI", "2026-11-03 20:59")
    assert await after.look() == Tick()
    assert after.asked == []
    assert after.refresher.next_look(after.now, 0) >= utc("2026-11-03 21:00")
    after.now = utc("2026-11-03 21:00")
    assert len((await after.look()).accepted) == 1


async def test_others_are_asked_at_once_after_a_restart_and_have_failed_since_before(
    desk: Opened,
) -> None:
    await failed_before(desk("NBP", "2026-11-03 20:00"))
    after = desk("NBP", "2026-11-03 20:00:10")
    after.failure = AWAY
    assert (await after.look()).failure == "the source is away"
    assert after.store.looks()["NBP"].failing_since == utc("2026-11-03 20:00")


async def test_a_look_of_the_future_holds_up_no_rehearsal(desk: Opened) -> None:
    await failed_before(desk("ERAPI", "2026-11-03 20:00"))
    rehearsal = desk("ERAPI", "2026-10-30 20:00")
    assert len((await rehearsal.look()).accepted) == 1


async def test_how_long_a_source_wants_to_be_left_alone_is_known_after_a_restart(
    desk: Opened,
) -> None:
    in_two_hours = utc("2026-11-03 22:00")
    await failed_before(desk("NBP", "2026-11-03 20:00"), DownloadFailed("busy", in_two_hours))
    after = desk("NBP", "2026-11-03 20:01")
    assert await after.look() == Tick()
    assert after.asked == []
    assert after.refresher.next_look(after.now, 0) == in_two_hours
    after.now = in_two_hours
    assert (await after.look()).accepted


async def test_an_instant_that_no_source_can_ask_for_is_not_waited_for(desk: Opened) -> None:
    too_late = utc("2026-11-04 02:00:01")
    await failed_before(desk("NBP", "2026-11-03 20:00"), DownloadFailed("busy", too_late))
    assert (await desk("NBP", "2026-11-03 20:01").look()).accepted


@pytest.fixture
async def in_pieces(desk: Opened) -> Desk:
    """A desk that has asked for the first of several pieces that are missing."""
    before = desk("NBP", "2026-01-30 20:00")
    await before.look()
    before.store.close()
    after = desk("NBP", "2026-11-03 20:00")
    assert (await after.look()).accepted
    return after


async def test_the_rest_that_another_process_brings_is_not_asked_for_without_an_end(
    in_pieces: Desk,
) -> None:
    for first, last in (
        (date(2026, 5, 3), date(2026, 8, 3)),
        (date(2026, 8, 4), date(2026, 11, 3)),
    ):
        raw = in_pieces.answer(first, last)
        provenance = Provenance(hashlib.sha256(raw).hexdigest(), in_pieces.now)
        document = RawDocument("NBP", "back-fill", raw, provenance)
        sheets = in_pieces.source.read(in_pieces.source.request(first, last), raw)
        in_pieces.intake.take_in(in_pieces.source, document, sheets)
    asked = len(in_pieces.asked)
    for _ in range(3):
        before = in_pieces.now
        assert await in_pieces.look_when_it_is_time() == Tick()
        assert in_pieces.now > before
    assert len(in_pieces.asked) == asked


async def test_a_process_that_may_not_fetch_any_more_looks_at_the_usual_pace(
    in_pieces: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_pieces.store, "claim_fetching", lambda: False)
    await in_pieces.look_when_it_is_time()
    for _ in range(3):
        before = in_pieces.now
        assert await in_pieces.look_when_it_is_time() == Tick()
        assert in_pieces.now - before >= POLL_SOON


async def test_waking_up_between_a_publication_and_the_instant_drawn_for_it_changes_nothing(
    desk: Opened,
) -> None:
    opened = desk("NBP", "2026-11-03 20:00")
    await opened.look()
    due = opened.source.calendar.next_publication(opened.now)
    opened.now = due - timedelta(minutes=1)
    drawn = opened.refresher.next_look(opened.now, 1)
    opened.now = drawn - timedelta(seconds=1)
    assert opened.now > due
    assert await opened.look() == Tick()
    assert opened.refresher.next_look(opened.now, 0.5) == drawn
