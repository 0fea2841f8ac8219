"""The back-end's composition root: settings in, a running service out."""

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.download import download
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.line_server import NOTICES, LineSession
from pricedesk.backend.rates import RateBook
from pricedesk.backend.refresh import Refresher
from pricedesk.backend.sources import ecb
from pricedesk.backend.sources.source import Request, Source
from pricedesk.backend.store_sqlite import FILE_NAME, SqliteStore
from pricedesk.clock import Clock, clock_from
from pricedesk.line_service import Limits, LineService
from pricedesk.running import serve
from pricedesk.settings import HostPort, Settings

logger = logging.getLogger(__name__)


def sources_in(settings: Settings) -> list[Source]:
    """The sources that are asked, in the order in which they answer."""
    return [ecb.source(settings.ecb_url)]


def make_bureau(settings: Settings, store: SqliteStore | None, clock: Clock) -> Bureau:
    """A bureau that knows what the package carries and what the store has kept.

    Raises:
        StoreFailed: the store cannot be read.
    """
    kept = store.publications() if store is not None else []
    known = [*packaged_publications(), *kept]
    if settings.clock is not None:
        # What was not out yet on the day that is rehearsed is not known.
        out = ecb.CALENDAR.newest_possible(settings.clock)
        known = [publication for publication in known if publication.date <= out]
    return Bureau(
        RateBook(known, [s.key for s in sources_in(settings)]),
        {source.key: source.calendar for source in sources_in(settings)},
        clock,
        Terms(settings.default_from, settings.default_to, settings.rounding),
    )


@contextmanager
def readable_store(settings: Settings) -> Iterator[SqliteStore | None]:
    """The store, if a back-end has made one; None otherwise, and nothing is made.

    Raises:
        StoreFailed: there is one, and it cannot be opened.
    """
    if not (settings.data_dir / FILE_NAME).exists():
        yield None
        return
    store = SqliteStore(settings.data_dir, read_only=True)
    try:
        yield store
    finally:
        store.close()


async def run_backend(settings: Settings) -> int:
    """Serve lines and fetch rates until a signal stops it; gives the exit code.

    Raises:
        StoreFailed: the store cannot be opened.
    """
    clock = clock_from(settings.clock)
    if settings.clock is not None:
        logger.warning("the clock is set by PRICEDESK_CLOCK", extra={"now": str(clock())})
    store = SqliteStore(settings.data_dir)
    bureau = make_bureau(settings, store, clock)
    service = LineService(
        lambda: LineSession(bureau),
        NOTICES,
        Limits(
            connections=settings.max_connections,
            connections_per_address=settings.max_connections_per_address,
            idle_seconds=settings.lines_idle_seconds,
            line_seconds=settings.line_seconds,
        ),
        time.monotonic,
    )

    [source] = sources_in(settings)

    async def fetch(request: Request) -> bytes:
        return await download(request.url, bytes_max=source.document_bytes_max)

    refresher = Refresher(source, bureau, store, fetch)

    async def know_the_calendar_and_refresh() -> None:
        # The calendar's library is loaded in a thread, so that the first answers do not wait.
        await asyncio.to_thread(ecb.CALENDAR.newest_possible, clock())
        if settings.fetch:
            await refresher.run(clock, random.random)

    newest = bureau.book.newest
    logger.info(
        "rates known",
        extra={"publications": len(bureau.book), "newest": str(newest.date)},
    )
    code = await serve(
        service,
        HostPort(settings.lines_address, settings.lines_port),
        [know_the_calendar_and_refresh],
        settings.drain_seconds,
        "PRICEDESK_LINES_ADDRESS and PRICEDESK_LINES_PORT",
    )
    await refresher.finish()
    store.close()
    return code
