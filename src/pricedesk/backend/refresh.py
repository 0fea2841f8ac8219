"""Looking for new publications: when, and for which document.

One tick looks once at one source. Whatever goes wrong in it leaves everything that was known
as it was, and is noted for `pricedesk rates status`.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pricedesk.backend.announced import announced, announced_in
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.calendars import Calendar
from pricedesk.backend.download import ASK_AGAIN_MAX, Downloads
from pricedesk.backend.intake import Intake, Intaken
from pricedesk.backend.places import Places
from pricedesk.backend.quarantine import WithheldValue
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Provenance, Publication, Sheet
from pricedesk.backend.sources.source import Request, Source
from pricedesk.backend.store import Look, RawDocument, Store
from pricedesk.clock import Clock
from pricedesk.errors import DownloadFailed, RefusedDocument, StoreFailed

logger = logging.getLogger(__name__)

READ_AGAIN = timedelta(days=60)
"""How far back the first look for a day's publication reads: so corrections are noticed."""

POLL_SOON = timedelta(minutes=5)
POLL_LATER = timedelta(minutes=30)
POLL_SOON_FOR = timedelta(hours=2)
"""A publication that is due is looked for every POLL_SOON at first, then every POLL_LATER."""

DAYS_LOST_MAX = 2
"""The most publication days that a document may leave out, for a day off that is not known."""

LOOK_EVERY = timedelta(hours=1)
"""So often at least is it seen whether something is due: the machine may have slept."""

PAUSE_KEPT = timedelta(minutes=5)
"""A restart may ask a source again at once, unless the pause that it wants is longer than this."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What came of one look: the document asked for, what was taken in, why not if not.

    Before `again_at`, if there is one, the source does not want to be asked again.
    """

    document: str | None = None
    accepted: tuple[Publication, ...] = ()
    withheld: tuple[WithheldValue, ...] = ()
    failure: str | None = None
    again_at: datetime | None = None


class Refresher:
    """Looks for a source's publications and hands its documents to the intake."""

    def __init__(
        self,
        source: Source,
        bureau: Bureau,
        intake: Intake,
        store: Store,
        downloads: Downloads,
    ) -> None:
        self.failures = 0
        """Looks that came to nothing because something was wrong, since the start."""
        self._source = source
        self._bureau = bureau
        self._intake = intake
        self._store = store
        self._downloads = downloads
        self._looked_for: date | None = None
        self._go_on_from: date | None = None
        self._recalled = False
        self._places = Places(source)
        self._failing_since: datetime | None = None
        self._not_before: datetime | None = None
        self._next_due: datetime | None = None
        self._due: datetime | None = None
        self._look_at: datetime | None = None
        self._keeping: asyncio.Future[Intaken] | None = None

    @property
    def source_key(self) -> str:
        """The key of the source that is looked at."""
        return self._source.key

    async def tick(self, now: datetime) -> Tick:
        """Look once, if a publication can be out that is not known yet, and note how it went."""
        wanted = self._source.calendar.newest_possible(now)
        newest = self._newest()
        if newest is not None and newest >= wanted:
            self._go_on_from = None  # Another process may have brought the rest.
            return Tick()
        if self._is_early(now):
            return Tick()
        if not await self._claims_fetching():
            self._go_on_from = None  # Another process fetches; it begins with what it knows.
            return Tick()
        await self._recall(now)
        if self._is_early(now):
            return Tick()
        # Told before the answer is there: what is put off is the request after this one.
        self._put_off(now + self._source.pause_min)
        tick = await self._look(newest, wanted, now)
        self._failing_since = (self._failing_since or now) if tick.failure else None
        names = {"source": self._source.key, "document": tick.document}
        if tick.accepted:
            news_of = {"publications": len(tick.accepted), "newest": str(self._newest())}
            logger.info("new rates", extra={**names, **news_of})
        if tick.withheld:
            first = tick.withheld[0].doubt.reason
            logger.warning(
                "values withheld", extra={**names, "values": len(tick.withheld), "first": first}
            )
        if tick.failure:
            self.failures += 1
            logger.warning("no new rates", extra={**names, "reason": tick.failure})
        await self._note(tick, now)
        return tick

    async def run(
        self,
        clock: Clock,
        jitter: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Look now and then for ever; `jitter` gives numbers from 0 up to 1."""
        while True:
            try:
                await self.tick(clock())
            except Exception:  # looking must go on for as long as the service does
                logger.exception("internal error while looking for new rates")
            now = clock()
            await sleep((self.next_look(now, jitter()) - now).total_seconds())

    def next_look(self, now: datetime, jitter: float) -> datetime:
        """When to look next; put off by a part of what the source asks for, 0 up to 1."""
        source = self._source
        earliest = max(self._not_before or now, self._places.not_before or now)
        if self._go_on_from is not None and self._failing_since is None:
            return max(now, earliest)
        due = next_look(self._newest(), source.calendar, now, self._next_due)
        if self._places.is_other_next:
            due = min(due, now + source.pause_min)
        at = due + source.delay_min + (source.delay_max - source.delay_min) * jitter
        newest = self._newest()
        if newest is not None and newest >= source.calendar.newest_possible(now):
            # The delay after a publication is drawn once: waking up meanwhile changes nothing.
            if due != self._due:
                self._due, self._look_at = due, at
            at = self._look_at or at
        elif self._look_at is not None and now < self._look_at:
            at = self._look_at
        return min(max(at, earliest), max(now + LOOK_EVERY, earliest))

    async def finish(self) -> None:
        """Wait until the document in hand, if there is one, is in the store or refused."""
        if self._keeping is not None:
            await asyncio.wait([self._keeping])

    def _is_early(self, now: datetime) -> bool:
        """Whether the source wants to be left alone, or has said that nothing can be there yet."""
        instants = (self._not_before, self._places.not_before, self._next_due, self._look_at)
        return any(at is not None and now < at for at in instants)

    def _put_off(self, at: datetime) -> None:
        self._not_before = max(self._not_before or at, at)

    async def _recall(self, now: datetime) -> None:
        """Learn from the store, once, how the last look before this process's start went.

        And what the source said then of its next document.
        """
        if self._recalled:
            return
        try:
            look = (await asyncio.to_thread(self._store.looks)).get(self._source.key)
            newest = self._bureau.book.of(self._source.key).newest
            self._next_due = await asyncio.to_thread(announced, self._source, newest, self._store)
        except StoreFailed as error:
            logger.warning("the store fails", extra={"reason": str(error)})
            return
        self._recalled = True
        # With the clock of a rehearsal it may be one in the future.
        if look is not None and look.at <= now:
            self._failing_since = look.failing_since
            if self._source.pause_min > PAUSE_KEPT:
                self._put_off(look.at + self._source.pause_min)
            asked_for = look.not_before
            if asked_for is not None and asked_for - look.at <= ASK_AGAIN_MAX:
                self._places.recall(look.document, asked_for, self._source.first_date)

    def _newest(self) -> date | None:
        newest = self._bureau.book.of(self._source.key).newest
        return newest.date if newest is not None else None

    async def _claims_fetching(self) -> bool:
        """Whether this process is the one that fetches for its store."""
        try:
            return await asyncio.to_thread(self._store.claim_fetching)
        except StoreFailed as error:
            logger.warning("the store fails", extra={"reason": str(error)})
            return False

    async def _look(self, newest: date | None, wanted: date, now: datetime) -> Tick:
        """Ask for what is missing: for its first piece, where the source gives it in pieces.

        The next look goes on with the piece after it.
        """
        source, places = self._source, self._places
        first = self._go_on_from or self._first_day(newest, wanted)
        last = source.last_day(first, wanted)
        request = places.request(first, last, now)
        try:
            taken = await self._fetch_and_take_in(request, now)
        except StoreFailed as error:
            return Tick(request.name, failure=str(error))
        except (DownloadFailed, RefusedDocument) as error:
            again_at = error.again_at if isinstance(error, DownloadFailed) else None
            failure = places.failed(str(error), again_at)
            return Tick(request.name, failure=failure, again_at=again_at)
        # What was withheld may be confirmed by now, or its day may have come.
        await asyncio.to_thread(self._reconsider, now)
        if last < wanted:
            self._go_on_from = last + timedelta(days=1)
        else:
            self._go_on_from = None
            # Corrections of earlier days are not looked for in what comes by series.
            self._looked_for = self._looked_for if request.by_series else wanted
        reached = self._newest()
        if taken.accepted or (reached is not None and reached >= last):
            places.has_news()
            return Tick(request.name, taken.accepted, taken.withheld)
        overdue = now >= source.calendar.published(wanted) + source.calendar.overdue_after
        still_failing = places.is_behind(overdue=overdue)
        return Tick(request.name, taken.accepted, taken.withheld, still_failing)

    def _first_day(self, newest: date | None, wanted: date) -> date:
        source = self._source
        if not source.has_history:
            return wanted
        first = first_day(newest, wanted, first_look=self._looked_for != wanted)
        if newest is not None and source.span_days is not None:
            # A day that is known is asked for as well: several sources answer as if something
            # were wrong where there is nothing yet, or a day off that the calendar does not know.
            first = min(first, newest)
        return max(first, source.first_date)

    async def _fetch_and_take_in(self, request: Request, now: datetime) -> Intaken:
        raw = await self._downloads.fetch(request.url)
        if raw is None:
            return Intaken()
        self._keeping = asyncio.ensure_future(asyncio.to_thread(self._take_in, request, raw, now))
        taken = await asyncio.shield(self._keeping)
        self._downloads.accepted(request.url)
        return taken

    def _take_in(self, request: Request, raw: bytes, now: datetime) -> Intaken:
        """Read a document and keep what is new in it."""
        source = self._source
        sheets, known = source.read(request, raw), self._bureau.book.of(source.key)
        check_no_days_left_out(sheets, known, source.calendar, source.calendar.today(now))
        if request.by_series:
            sheets = whole_new_days(sheets, known)
            if not sheets:
                return Intaken()
        next_due = announced_in(source, raw, now)
        document = RawDocument(
            source.key, request.name, raw, Provenance(hashlib.sha256(raw).hexdigest(), now)
        )
        taken = self._intake.take_in(source, document, sheets)
        self._next_due = next_due
        return taken

    def _reconsider(self, now: datetime) -> None:
        try:
            self._intake.reconsider(now)
        except StoreFailed as error:
            logger.warning("the store fails", extra={"reason": str(error)})

    async def _note(self, tick: Tick, now: datetime) -> None:
        """Keep how a look went; that it cannot be kept is told in the log only."""
        look = Look(
            source=self._source.key,
            at=now,
            document=tick.document,
            accepted=len(tick.accepted),
            withheld=len(tick.withheld),
            failure=tick.failure,
            failing_since=self._failing_since,
            not_before=tick.again_at,
        )
        try:
            await asyncio.to_thread(self._store.note_look, look)
        except StoreFailed as error:
            logger.warning("the look was not noted", extra={"reason": str(error)})


def first_day(newest: date | None, wanted: date, *, first_look: bool) -> date:
    """From which day on to ask, knowing publications up to `newest`.

    The first look for a day's publication reads further back also when one day is missing:
    that is how corrections of earlier days are noticed.
    """
    again = wanted - READ_AGAIN
    if newest is None:
        return again
    following = newest + timedelta(days=1)
    return min(following, again) if first_look else following


def check_no_days_left_out(
    sheets: Sequence[Sheet], known: SourceHistory, calendar: Calendar, today: date
) -> None:
    """Refuse a document that passes over publication days: part of it may be missing.

    Raises:
        RefusedDocument: by a calendar that is proven, more than DAYS_LOST_MAX are left out
            between what is known and the newest day of the document.
    """
    newest = known.newest
    if not calendar.proven or newest is None:
        return
    there = {sheet.date for sheet in sheets if newest.date < sheet.date <= today}
    last = max(there, default=newest.date)
    left_out = calendar.missed_on(newest.date, last) - len(there)
    if left_out > DAYS_LOST_MAX:
        raise RefusedDocument(f"{left_out} days after {newest.date} are left out")


def whole_new_days(sheets: Sequence[Sheet], known: SourceHistory) -> list[Sheet]:
    """The days after what is known, where a document comes by series.

    Raises:
        RefusedDocument: one of them lacks a currency that the publication before it has.
    """
    newest = known.newest
    if newest is None:
        return list(sheets)
    new = [sheet for sheet in sheets if sheet.date > newest.date]
    last, before = newest.date, set(newest.rates())
    for sheet in new:
        lost = sorted(before - set(sheet.rates))
        if lost:
            raise RefusedDocument(f"{sheet.date} lacks {', '.join(lost)}, which {last} has")
        last, before = sheet.date, set(sheet.rates)
    return new


def next_look(
    newest: date | None, calendar: Calendar, now: datetime, next_due: datetime | None = None
) -> datetime:
    """When to look next, knowing publications up to `newest`.

    `next_due` is when the source itself said that its next one comes.
    """
    if next_due is not None and next_due > now:
        return next_due
    wanted = calendar.newest_possible(now)
    if newest is not None and newest >= wanted:
        return calendar.next_publication(now)
    waited = now - calendar.published(wanted)
    return now + (POLL_SOON if waited < POLL_SOON_FOR else POLL_LATER)
