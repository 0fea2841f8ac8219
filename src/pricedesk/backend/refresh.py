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
from pricedesk.backend.rates import Provenance, Publication, RateBook
from pricedesk.backend.sources import ecb
from pricedesk.backend.store_sqlite import RawDocument, SqliteStore
from pricedesk.clock import Clock
from pricedesk.errors import DownloadFailed, RefusedDocument, StoreFailed

logger = logging.getLogger(__name__)

NINETY_DAYS_REACH = timedelta(days=80)
"""How far back a gap may begin for the ninety-day document to be sure to cover it."""

POLL_SOON = timedelta(minutes=5)
POLL_LATER = timedelta(minutes=30)
POLL_SOON_FOR = timedelta(hours=2)
"""A publication that is due is looked for every POLL_SOON at first, then every POLL_LATER."""

JITTER = timedelta(seconds=60)
"""Looks are put off by up to this, so that not all desks in the world ask at once."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What came of one look: the document asked for, what was accepted, why not if not."""

    document: ecb.Document | None = None
    accepted: tuple[Publication, ...] = ()
    failure: str | None = None


class Refresher:
    """Looks for the ECB's publications and gives the new ones to store and bureau.

    `fetch` gets a document's bytes; it raises DownloadFailed.
    """

    def __init__(
        self,
        bureau: Bureau,
        store: SqliteStore,
        fetch: Callable[[ecb.Document], Awaitable[bytes]],
    ) -> None:
        self._bureau = bureau
        self._store = store
        self._fetch = fetch
        self._looked_for: date | None = None
        self._keeping: asyncio.Future[list[Publication]] | None = None

    async def tick(self, now: datetime) -> Tick:
        """Look once, if a publication can be out that is not known yet."""
        newest = self._bureau.book.newest.date
        wanted = ecb.CALENDAR.newest_possible(now)
        if newest >= wanted:
            return Tick()
        document = document_for(newest, wanted, first_look=self._looked_for != wanted)
        try:
            raw = await self._fetch(document)
            self._keeping = asyncio.ensure_future(
                asyncio.to_thread(self._accept, document, raw, now)
            )
            accepted = await asyncio.shield(self._keeping)
        except (DownloadFailed, RefusedDocument, StoreFailed) as error:
            logger.warning("no new rates", extra={"document": document.value, "reason": str(error)})
            return Tick(document, failure=str(error))
        self._looked_for = wanted
        if accepted:
            self._bureau.take(accepted)
            logger.info(
                "new rates",
                extra={"publications": len(accepted), "newest": str(self._bureau.book.newest.date)},
            )
        return Tick(document, tuple(accepted))

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
                logger.exception("internal error while looking for new rates")
            now = clock()
            pause = next_look(self._bureau.book.newest.date, ecb.CALENDAR, now) - now
            await sleep((pause + JITTER * jitter()).total_seconds())

    async def finish(self) -> None:
        """Wait until the document in hand, if there is one, is in the store or refused."""
        if self._keeping is not None:
            await asyncio.wait([self._keeping])

    def _accept(self, document: ecb.Document, raw: bytes, now: datetime) -> list[Publication]:
        """What the book lacks: what is new in a document, which the store now keeps.

        Another process may have kept some of it since; that is taken from the store.
        """
        provenance = Provenance(hashlib.sha256(raw).hexdigest(), now)
        publications = ecb.parse(document, raw, provenance, ecb.CALENDAR.today(now))
        book = self._bureau.book
        kept = [p for p in self._store.publications() if supersedes(p, book)]
        added = news(publications, book.with_publications(kept))
        if added:
            self._store.add(RawDocument(ecb.NAME, document.value, raw, provenance), added)
        return [*kept, *added]


def document_for(newest: date, wanted: date, *, first_look: bool) -> ecb.Document:
    """The smallest document that brings what is missing.

    The first look for a day's publication reads ninety days also when one day is missing:
    that is how corrections of earlier days are noticed.
    """
    if wanted - newest > NINETY_DAYS_REACH:
        return ecb.Document.HISTORY
    if first_look or ecb.CALENDAR.missed_on(newest, wanted) > 1:
        return ecb.Document.NINETY_DAYS
    return ecb.Document.DAY


def supersedes(publication: Publication, book: RateBook) -> bool:
    """Whether the book would answer from this publication in the place of its own, if any."""
    known = book.on(publication.date)
    return known is None or publication.revision > known.revision


def news(publications: list[Publication], book: RateBook) -> list[Publication]:
    """The publications that the book does not have: new dates, and further revisions."""
    fresh = []
    for publication in publications:
        known = book.on(publication.date)
        if known is None:
            fresh.append(publication)
        elif not publication.says_the_same(known):
            fresh.append(replace(publication, revision=known.revision + 1))
    return fresh


def next_look(newest: date, calendar: Calendar, now: datetime) -> datetime:
    """When to look next, knowing publications up to `newest`."""
    wanted = calendar.newest_possible(now)
    if newest >= wanted:
        return calendar.next_publication(now)
    waited = now - calendar.published(wanted)
    return now + (POLL_SOON if waited < POLL_SOON_FOR else POLL_LATER)
