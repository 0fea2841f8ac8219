"""Getting new publications: when to look, which document to ask for, what is new in it.

One tick looks once. Whatever goes wrong in it leaves everything that was known as it was.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.calendars import Calendar
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Provenance, Publication, Sheet, is_published_value
from pricedesk.backend.sources.source import Request, Source
from pricedesk.backend.sources.source import publications as publications_of
from pricedesk.backend.store import RawDocument, Store
from pricedesk.clock import Clock
from pricedesk.currencies import CURRENCIES
from pricedesk.errors import DownloadFailed, RefusedDocument, StoreFailed, in_quotes

logger = logging.getLogger(__name__)

READ_AGAIN = timedelta(days=60)
"""How far back the first look for a day's publication reads: so corrections are noticed."""

POLL_SOON = timedelta(minutes=5)
POLL_LATER = timedelta(minutes=30)
POLL_SOON_FOR = timedelta(hours=2)
"""A publication that is due is looked for every POLL_SOON at first, then every POLL_LATER."""

CURRENCIES_LOST_MAX = 2
"""The most currencies that a source may stop to publish at once: the ECB did so with two."""

DAYS_LOST_MAX = 2
"""The most publication days that a document may leave out, for a day off that is not known."""

JITTER = timedelta(seconds=60)
"""Looks are put off by up to this, so that not all desks in the world ask at once."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What came of one look: the document asked for, what was accepted, why not if not."""

    document: str | None = None
    accepted: tuple[Publication, ...] = ()
    failure: str | None = None


class Refresher:
    """Looks for a source's publications and gives the new ones to store and bureau.

    `fetch` gets a document's bytes; it raises DownloadFailed.
    """

    def __init__(
        self,
        source: Source,
        bureau: Bureau,
        store: Store,
        fetch: Callable[[Request], Awaitable[bytes]],
    ) -> None:
        self.failures = 0
        """Looks that came to nothing because something was wrong, since the start."""
        self._source = source
        self._bureau = bureau
        self._store = store
        self._fetch = fetch
        self._looked_for: date | None = None
        self._keeping: asyncio.Future[list[Publication]] | None = None

    @property
    def source_key(self) -> str:
        """The key of the source that is looked at."""
        return self._source.key

    async def tick(self, now: datetime) -> Tick:
        """Look once, if a publication can be out that is not known yet."""
        newest = self._newest()
        wanted = self._source.calendar.newest_possible(now)
        if newest is not None and newest >= wanted:
            return Tick()
        first = first_day(newest, wanted, first_look=self._looked_for != wanted)
        request = self._source.request(first, self._source.last_day(first, wanted))
        names = {"source": self._source.key, "document": request.name}
        try:
            raw = await self._fetch(request)
            self._keeping = asyncio.ensure_future(
                asyncio.to_thread(self._accept, request, raw, now)
            )
            accepted = await asyncio.shield(self._keeping)
        except (DownloadFailed, RefusedDocument, StoreFailed) as error:
            self.failures += 1
            logger.warning("no new rates", extra={**names, "reason": str(error)})
            return Tick(request.name, failure=str(error))
        self._looked_for = wanted
        if accepted:
            self._bureau.take(accepted)
            news_of = {"publications": len(accepted), "newest": str(self._newest())}
            logger.info("new rates", extra={**names, **news_of})
        return Tick(request.name, tuple(accepted))

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
            except Exception:
                self.failures += 1
                logger.exception("internal error while looking for new rates")
            now = clock()
            pause = next_look(self._newest(), self._source.calendar, now) - now
            await sleep((pause + JITTER * jitter()).total_seconds())

    async def finish(self) -> None:
        """Wait until the document in hand, if there is one, is in the store or refused."""
        if self._keeping is not None:
            await asyncio.wait([self._keeping])

    def _newest(self) -> date | None:
        newest = self._bureau.book.of(self._source.key).newest
        return newest.date if newest is not None else None

    def _accept(self, request: Request, raw: bytes, now: datetime) -> list[Publication]:
        """What the book lacks: what is new in a document, which the store now keeps.

        Another process may have kept some of it since; that is taken from the store.
        """
        provenance = Provenance(hashlib.sha256(raw).hexdigest(), now)
        source = self._source
        sheets = source.read(request, raw)
        check_believable(source, sheets, source.calendar.today(now))
        publications = publications_of(source.key, source.convention, sheets, provenance)
        known = self._bureau.book.of(source.key)
        stored = self._store.publications().publications
        kept = [p for p in stored if p.source == source.key and supersedes(p, known)]
        together = SourceHistory([*known, *kept])
        added = news(publications, together)
        check_complete(added, publications, together, source.calendar)
        if added:
            self._store.add(RawDocument(source.key, request.name, raw, provenance), added)
        return [*kept, *added]


def check_believable(source: Source, sheets: list[Sheet], today: date) -> None:
    """Refuse a document for a single odd thing in it.

    Raises:
        RefusedDocument: a date before the source's first or after today, a code that it cannot
            publish, or what is no positive decimal.
    """
    for sheet in sheets:
        if sheet.date < source.first_date:
            raise RefusedDocument(f"the date {sheet.date} is before the source's first")
        if sheet.date > today:
            raise RefusedDocument(f"the date {sheet.date} is in the future")
        for code, value in sheet.rates.items():
            if code not in CURRENCIES or code == source.convention.pivot:
                raise RefusedDocument(f"{code} on {sheet.date} is no currency that it can publish")
            if not is_published_value(value):
                raise RefusedDocument(f"{code} on {sheet.date} has the value {in_quotes(value)}")


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


def supersedes(publication: Publication, known: SourceHistory) -> bool:
    """Whether this publication would answer in the place of the known one, if there is one."""
    mine = known.on(publication.date)
    return mine is None or publication.revision > mine.revision


def news(publications: list[Publication], known: SourceHistory) -> list[Publication]:
    """The publications that are not known: new dates, and further revisions."""
    fresh = []
    for publication in publications:
        mine = known.on(publication.date)
        if mine is None:
            fresh.append(publication)
        elif not publication.says_the_same(mine):
            fresh.append(replace(publication, revision=mine.revision + 1))
    return fresh


def check_complete(
    added: list[Publication],
    document: list[Publication],
    known: SourceHistory,
    calendar: Calendar,
) -> None:
    """Refuse a document that says less than it should: part of it may be missing.

    Raises:
        RefusedDocument: a correction that takes a currency away; a day with more than
            CURRENCIES_LOST_MAX currencies fewer than the one before it; by a calendar that is
            proven, a day that is no publication day, or more than DAYS_LOST_MAX left out.
    """
    newest = known.newest
    for publication in added:
        if calendar.proven and not calendar.is_publication_day(publication.date):
            raise RefusedDocument(f"{publication.date} is no day on which the source publishes")
        before = known.as_of(publication.date)
        if before is None:
            continue
        lost = sorted(before.rates().keys() - publication.rates().keys())
        corrects = before.date == publication.date
        if lost and (corrects or len(lost) > CURRENCIES_LOST_MAX):
            raise RefusedDocument(f"{publication.date} lacks {', '.join(lost[:3])}, known before")
    if calendar.proven and added and newest is not None:
        days = {publication.date for publication in document}
        expected = calendar.missed_on(newest.date, added[-1].date)
        there = sum(newest.date < day <= added[-1].date for day in days)
        if expected - there > DAYS_LOST_MAX:
            raise RefusedDocument(f"{expected - there} days after {newest.date} are left out")


def next_look(newest: date | None, calendar: Calendar, now: datetime) -> datetime:
    """When to look next, knowing publications up to `newest`."""
    wanted = calendar.newest_possible(now)
    if newest is not None and newest >= wanted:
        return calendar.next_publication(now)
    waited = now - calendar.published(wanted)
    return now + (POLL_SOON if waited < POLL_SOON_FOR else POLL_LATER)
