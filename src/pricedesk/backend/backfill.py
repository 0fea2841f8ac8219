"""Back-filling: a source's history, brought into the store piece by piece, oldest first.

Each piece that is in the store is noted there in the same step, so that a back-fill that was
interrupted goes on where it was.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import TypeAlias

from pricedesk.backend.download import Downloads
from pricedesk.backend.intake import Intake, Intaken
from pricedesk.backend.rates import Provenance, Sheet
from pricedesk.backend.refresh import DAYS_LOST_MAX
from pricedesk.backend.sources.source import Source
from pricedesk.backend.store import RawDocument, Store
from pricedesk.clock import Clock
from pricedesk.errors import RefusedDocument

Days: TypeAlias = tuple[date, date]
"""A range of days, the first and the last of them."""

ASKED_DAYS_MIN = 14
"""A shorter piece is asked for together with days before it: several sources answer a range
without a publication as if it were wrong, and none pauses for so long."""

SETTLED_AFTER = timedelta(days=14)
"""Younger days count as done only as far as there are publications: more may be to come."""

_ONE_DAY = timedelta(days=1)


def pieces(source: Source, first: date, last: date, covered: Iterable[Days]) -> Iterator[Days]:
    """The ranges to ask a source for, from the first day to the last, without what is covered."""
    first = max(first, source.first_date)
    done = sorted(covered)
    while first <= last:
        while done and done[0][1] < first:
            done.pop(0)
        if done and done[0][0] <= first:
            first = done[0][1] + _ONE_DAY
            continue
        end = source.last_day(first, last)
        if done:
            end = min(end, done[0][0] - _ONE_DAY)
        yield first, end
        first = end + _ONE_DAY


class Backfill:
    """Brings a source's history into a store, asking for no more than the source allows."""

    def __init__(  # noqa: PLR0913  # its collaborators
        self,
        source: Source,
        intake: Intake,
        store: Store,
        downloads: Downloads,
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._intake = intake
        self._store = store
        self._downloads = downloads
        self._clock = clock
        self._sleep = sleep

    def todo(self, since: date) -> list[Days]:
        """The pieces that are missing, from a day on.

        Raises:
            StoreFailed: the store cannot be read.
        """
        newest = self._source.calendar.newest_possible(self._clock())
        return list(pieces(self._source, since, newest, self._store.covered(self._source.key)))

    async def run(self, todo: Iterable[Days]) -> AsyncIterator[tuple[Days, Intaken]]:
        """Fetch these pieces one after another and take them in; tells of each.

        Raises:
            DownloadFailed, RefusedDocument: a piece could not be had; those before it are kept.
            StoreFailed: a piece was not kept; those before it are.
        """
        asked = False
        for piece in todo:
            if not _publication_days(self._source, *piece):
                await asyncio.to_thread(self._store.cover, self._source.key, *piece)
                yield piece, Intaken()
                continue
            if asked:
                await self._sleep(self._source.piece_pause.total_seconds())
            asked = True
            yield piece, await self._take_in(piece)

    async def _take_in(self, piece: Days) -> Intaken:
        source, now = self._source, self._clock()
        request = source.request(*asked_days(source, piece, source.calendar.newest_possible(now)))
        raw = await self._downloads.fetch(request.url)
        if raw is None:
            # There is nothing for these days, says the source.
            done = covered_days(source, piece, [], source.calendar.today(now))
            if done is not None:
                await asyncio.to_thread(self._store.cover, source.key, *done)
            return Intaken()
        provenance = Provenance(hashlib.sha256(raw).hexdigest(), now)
        document = RawDocument(source.key, request.name, raw, provenance)

        def read_and_keep() -> Intaken:
            sheets = [s for s in source.read(request, raw) if piece[0] <= s.date <= piece[1]]
            done = covered_days(source, piece, sheets, source.calendar.today(now))
            if not sheets:
                if done is not None:
                    self._store.cover(source.key, *done)
                return Intaken()
            return self._intake.take_in(source, document, sheets, done)

        return await asyncio.to_thread(read_and_keep)


def asked_days(source: Source, piece: Days, newest: date) -> Days:
    """The days to ask a source for so that its document has those of a piece.

    A source whose documents are not by days gives all of them from a day on.
    """
    first, last = piece
    if source.span_days is None:
        return first, max(last, newest)
    days = min(ASKED_DAYS_MIN, source.span_days)
    first = max(min(first, last - timedelta(days=days - 1)), source.first_date)
    return (max(first, date(last.year, 1, 1)) if source.within_a_year else first), last


def covered_days(source: Source, piece: Days, sheets: Sequence[Sheet], today: date) -> Days | None:
    """The days of a piece that a document has all of; None if none of them are certain.

    Raises:
        RefusedDocument: by a calendar that is proven, more than DAYS_LOST_MAX publication days
            are left out: part of the document is missing. By any calendar, there is nothing.
    """
    first, last = piece
    if last > today - SETTLED_AFTER:
        newest = max((sheet.date for sheet in sheets), default=first - _ONE_DAY)
        last = max(newest, min(last, today - SETTLED_AFTER))
    if last < first:
        return None
    left_out = _publication_days(source, first, last) - len(sheets)
    if left_out > DAYS_LOST_MAX and (source.calendar.proven or not sheets):
        raise RefusedDocument(f"{left_out} days from {first} to {last} are left out")
    return first, last


def _publication_days(source: Source, first: date, last: date) -> int:
    """On how many of these days the source publishes, by its calendar."""
    return source.calendar.missed_on(first - _ONE_DAY, last)
