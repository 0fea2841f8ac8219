"""Back-filling: a source's history, brought into the store piece by piece, oldest first.

Each piece that is in the store is noted there in the same step, so that a back-fill that was
interrupted goes on where it was.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import date, timedelta

from pricedesk.backend.download import Downloads
from pricedesk.backend.intake import Intake, Intaken
from pricedesk.backend.rates import Provenance
from pricedesk.backend.sources.source import Source
from pricedesk.backend.store import RawDocument
from pricedesk.clock import Clock

PAUSE_SECONDS = 1
"""Between two requests to a source, which is somebody else's machine."""

_ONE_DAY = timedelta(days=1)


def pieces(
    source: Source, first: date, last: date, covered: Iterable[tuple[date, date]]
) -> Iterator[tuple[date, date]]:
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


async def backfill(
    source: Source,
    todo: Iterable[tuple[date, date]],
    intake: Intake,
    downloads: Downloads,
    clock: Clock,
) -> AsyncIterator[tuple[tuple[date, date], Intaken]]:
    """Fetch these ranges of a source one after another and take them in; tells of each.

    Raises:
        DownloadFailed, RefusedDocument: a range could not be had; those before it are kept.
        StoreFailed: a range was not kept; those before it are.
    """
    for number, piece in enumerate(todo):
        if number:
            await asyncio.sleep(PAUSE_SECONDS)
        request = source.request(*piece)
        raw = await downloads.fetch(request.url)
        if raw is None:
            await asyncio.to_thread(intake.nothing_in, source, piece)
            yield piece, Intaken()
            continue
        provenance = Provenance(hashlib.sha256(raw).hexdigest(), clock())
        document = RawDocument(source.key, request.name, raw, provenance)
        sheets = [s for s in source.read(request, raw) if piece[0] <= s.date <= piece[1]]
        yield piece, await asyncio.to_thread(intake.take_in, source, document, sheets, piece)
