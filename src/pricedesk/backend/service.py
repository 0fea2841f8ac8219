"""The back-end's composition root: settings in, a running service out."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.calendars import AgeLimits
from pricedesk.backend.download import download
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.http.surroundings import (
    DoorCount,
    Gauges,
    HttpLimits,
    Readiness,
    Surroundings,
)
from pricedesk.backend.line_server import NOTICES, LineSession
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.backend.refresh import Refresher
from pricedesk.backend.sources import ecb, find_sources
from pricedesk.backend.sources.source import Request, Source
from pricedesk.backend.store import Store, find_store, open_store
from pricedesk.clock import Clock, clock_from
from pricedesk.errors import InvalidSetting, StoreFailed, in_quotes, without_password
from pricedesk.line_service import Limits, LineService
from pricedesk.running import Door, Ending, Opening, serve
from pricedesk.settings import HostPort, Settings
from pricedesk.tally import Tally

logger = logging.getLogger(__name__)


def sources_in(settings: Settings) -> list[Source]:
    """The sources that are asked, in the order in which they answer.

    Raises:
        InvalidSetting: one of them does not exist.
    """
    return find_sources([key for key in settings.sources if key != PEG], settings.ecb_url)


def order_in(settings: Settings) -> Order:
    """The order in which sources answer.

    Raises:
        InvalidSetting: a pair's order names a source that is not asked.
    """
    for pair, keys in settings.pair_sources.items():
        for key in keys:
            if key not in settings.sources:
                raise InvalidSetting(
                    f"PRICEDESK_PAIR_SOURCES: {in_quotes(key)} for {'/'.join(sorted(pair))}"
                    " is not in PRICEDESK_SOURCES"
                )
    return Order(settings.sources, settings.pair_sources)


def make_bureau(settings: Settings, store: Store | None, clock: Clock) -> Bureau:
    """A bureau that knows what the package carries and what the store has kept.

    Raises:
        StoreFailed: the store cannot be read.
    """
    sources = sources_in(settings)
    kept = store.publications().publications if store is not None else []
    keys = {source.key for source in sources}
    known = [p for p in (*packaged_publications(), *kept) if p.source in keys]
    if settings.clock is not None:
        # What was not out yet on the day that is rehearsed is not known.
        out = {s.key: s.calendar.newest_possible(settings.clock) for s in sources}
        known = [p for p in known if p.date <= out[p.source]]
    return Bureau(
        RateBook(known, order_in(settings), all_pegs() if PEG in settings.sources else ()),
        sources,
        clock,
        Terms(
            settings.default_from,
            settings.default_to,
            settings.rounding,
            AgeLimits(settings.stale_after_missed, settings.refuse_after_missed),
        ),
    )


@contextmanager
def readable_store(settings: Settings) -> Iterator[Store | None]:
    """The store, if a back-end has made one; None otherwise, and nothing is made.

    Raises:
        StoreFailed: there is one, and it cannot be opened.
    """
    store = find_store(settings.database, settings.data_dir)
    try:
        yield store
    finally:
        if store is not None:
            store.close()


@contextmanager
def existing_store(settings: Settings) -> Iterator[Store]:
    """The store that a back-end has made, for reading only.

    Raises:
        StoreFailed: there is none, or it cannot be opened.
    """
    with readable_store(settings) as store:
        if store is None:
            where = without_password(settings.database) or settings.data_dir
            raise StoreFailed(f"no back-end has made a store in {where} so far")
        yield store


def fetching(source: Source) -> Callable[[Request], Awaitable[bytes]]:
    """Fetches documents of a source, within its bounds."""

    async def fetch(request: Request) -> bytes:
        return await download(request.url, bytes_max=source.document_bytes_max)

    return fetch


def line_door(settings: Settings, bureau: Bureau) -> LineService:
    """The door on port 3000."""
    tally = Tally()
    return LineService(
        lambda: LineSession(bureau, tally),
        NOTICES,
        Limits(
            connections=settings.max_connections,
            connections_per_address=settings.max_connections_per_address,
            idle_seconds=settings.lines_idle_seconds,
            line_seconds=settings.line_seconds,
        ),
        time.monotonic,
        tally,
    )


def store_up(settings: Settings) -> bool:
    """Whether the store can be read."""
    try:
        with readable_store(settings) as store:
            return store is not None
    except StoreFailed:
        return False


def http_door(surroundings: Surroundings, settings: Settings) -> Door:
    """The door on port 8000."""
    # Imported late: it takes a fifth of a second, which the first lines need not wait for.
    from pricedesk.backend.http import door  # noqa: PLC0415

    limits = HttpLimits(settings.max_connections, settings.max_connections_per_address)
    return door.http_door(surroundings, limits)


def openings(settings: Settings, lines: LineService, surroundings: Surroundings) -> list[Opening]:
    """The doors of the back-end and where they are, in the order in which they open."""
    return [
        Opening(
            "lines",
            lambda: lines,
            HostPort(settings.lines_address, settings.lines_port),
            "PRICEDESK_LINES_ADDRESS and PRICEDESK_LINES_PORT",
        ),
        Opening(
            "http",
            lambda: http_door(surroundings, settings),
            HostPort(settings.http_address, settings.http_port),
            "PRICEDESK_HTTP_ADDRESS and PRICEDESK_HTTP_PORT",
        ),
    ]


async def run_backend(settings: Settings) -> int:
    """Serve lines and HTTP and fetch rates until a signal stops it; gives the exit code.

    Raises:
        StoreFailed: the store cannot be opened.
    """
    clock = clock_from(settings.clock)
    if settings.clock is not None:
        logger.warning("the clock is set by PRICEDESK_CLOCK", extra={"now": str(clock())})
    store = open_store(settings.database, settings.data_dir)
    bureau = make_bureau(settings, store, clock)
    refreshers = [
        Refresher(source, bureau, store, fetching(source)) for source in sources_in(settings)
    ]

    async def know_the_calendar_and_refresh() -> None:
        # The calendar's library is loaded in a thread, so that the first answers do not wait.
        await asyncio.to_thread(ecb.CALENDAR.newest_possible, clock())
        if settings.fetch:
            async with asyncio.TaskGroup() as running:
                for refresher in refreshers:
                    running.create_task(refresher.run(clock, random.random))

    logger.info(
        "rates known",
        extra={
            "publications": len(bureau.book),
            "newest": max((str(p.date) for p in bureau.book), default="none"),
        },
    )
    readiness = Readiness(bureau)
    lines = line_door(settings, bureau)
    surroundings = Surroundings(
        bureau,
        readiness,
        clock,
        (DoorCount("lines", lines.tally, lines.gate),),
        Gauges(
            refresh_failures=lambda: {r.source_key: r.failures for r in refreshers},
            store_up=lambda: store_up(settings),
        ),
    )
    code = await serve(
        openings(settings, lines, surroundings),
        [know_the_calendar_and_refresh],
        Ending(settings.drain_delay_seconds, settings.drain_seconds, readiness.drain),
    )
    for refresher in refreshers:
        await refresher.finish()
    store.close()
    return code
