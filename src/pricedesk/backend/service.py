"""The back-end's composition root: settings in, a running service out."""

import asyncio
import importlib
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from pricedesk.admission import ClientLimits
from pricedesk.backend.assembly import (
    Known,
    downloads_of,
    known_in,
    ledger_of,
    quote_terms,
    writing,
)
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.line_server import NOTICES, LineSession
from pricedesk.backend.news import News
from pricedesk.backend.quote_desk import QuoteDesk
from pricedesk.backend.recent_answers import RecentAnswers
from pricedesk.backend.refresh import Refresher
from pricedesk.backend.store import open_store
from pricedesk.backend.store_rows import Look
from pricedesk.backend.store_watch import StoreWatch
from pricedesk.backend.surroundings import (
    DoorCount,
    Gauges,
    Readiness,
    Surroundings,
)
from pricedesk.backend.worker_counts import CountsBoard, WorkerCounts
from pricedesk.line_service import Limits, LineService
from pricedesk.listening import place_of
from pricedesk.running import Door, Ending, Opening, serve
from pricedesk.settings import Settings
from pricedesk.tally import Tally
from pricedesk.workers import Work, Worker

logger = logging.getLogger(__name__)

DOORS = ("lines", "http", "grpc")


def line_door(
    settings: Settings,
    bureau: Bureau,
    looks: Callable[[], Mapping[str, Look]],
    quotes: QuoteDesk,
) -> LineService:
    """The door on port 3000."""
    tally, recent = Tally(), RecentAnswers(bureau)
    return LineService(
        lambda _peer: LineSession(bureau, tally, looks, quotes, recent),
        NOTICES,
        Limits(
            connections=settings.max_connections,
            connections_per_address=settings.max_connections_per_address,
            idle_seconds=settings.lines_idle_seconds,
            line_seconds=settings.line_seconds,
        ),
        time.monotonic,
        tally,
        known=recent.now,
    )


def http_door(surroundings: Surroundings, settings: Settings) -> Door:
    """The door on port 8000."""
    # Imported late: it takes a fifth of a second, which the first lines need not wait for.
    from pricedesk.backend.http import door  # noqa: PLC0415

    limits = ClientLimits(settings.http_max_connections, settings.max_connections_per_address)
    return door.http_door(surroundings, limits)


def grpc_door(surroundings: Surroundings, news: News, settings: Settings) -> Door:
    """The door on port 7000."""
    # As above.
    from pricedesk.backend.grpc import door  # noqa: PLC0415

    limits = ClientLimits(settings.grpc_max_connections, settings.max_connections_per_address)
    return door.grpc_door(surroundings, news, settings.grpc_server, limits)


def openings(
    settings: Settings, lines: LineService, surroundings: Surroundings, news: News
) -> list[Opening]:
    """The doors of the back-end and where they are, in the order in which they open."""
    return [
        Opening(place_of("lines", settings), lambda: lines, settings.max_connections),
        Opening(
            place_of("http", settings),
            lambda: http_door(surroundings, settings),
            settings.http_max_connections,
        ),
        Opening(
            place_of("grpc", settings),
            lambda: grpc_door(surroundings, news, settings),
            settings.grpc_max_connections,
        ),
    ]


@dataclass(frozen=True, slots=True)
class Share:
    """What a worker has of what was loaded for all of them, and what it is told of itself."""

    known: Known
    board: CountsBoard
    worker: Worker


def prepare_workers(settings: Settings) -> Work:
    """Load what all workers share; gives what each of them does.

    Raises:
        InvalidSetting: a source that is named does not exist.
        StoreFailed: the store cannot be opened.
    """
    # Else each of them would load it for itself, after its first answers.
    importlib.import_module("pricedesk.backend.http.door")
    importlib.import_module("pricedesk.backend.grpc.door")
    with closing(open_store(settings.database, settings.data_dir)) as store:
        known = known_in(store, settings)
    known.bureau.ages()
    known.bureau.book.prepare()
    board = CountsBoard(settings.workers, DOORS, list(known.bureau.sources))
    return lambda worker: run_backend(settings, Share(known, board, worker))


async def run_backend(settings: Settings, share: Share | None = None) -> int:
    """Serve lines, HTTP and gRPC and fetch rates until a signal stops it; gives the exit code.

    Raises:
        StoreFailed: the store cannot be opened.
    """
    with writing(settings, share.known if share is not None else None) as (bureau, store, intake):
        if settings.clock is not None:
            now = str(bureau.clock())
            logger.warning("the clock is set by PRICEDESK_CLOCK", extra={"now": now})
        logger.info(
            "rates known",
            extra={
                "publications": len(bureau.book),
                "newest": max((str(p.date) for p in bureau.book), default="none"),
            },
        )
        watch = StoreWatch(store, intake)
        refreshers = [
            Refresher(source, bureau, intake, store, downloads_of(source, bureau.clock))
            for source in bureau.sources.values()
        ]
        readiness = Readiness(bureau)
        terms = quote_terms(settings)
        quotes = QuoteDesk(ledger_of(store, settings, bureau.clock), bureau, terms)
        lines = line_door(settings, bureau, lambda: watch.looks, quotes)
        doors = [DoorCount("lines", lines.tally, lines.gate)]
        gauges = gauges_of(refreshers, watch, quotes)
        background = [
            watch.run,
            quotes.run,
            lambda: refresh(refreshers if settings.fetch else [], bureau),
        ]
        if share is None:
            surroundings = Surroundings(bureau, quotes, readiness, doors, lambda: doors, gauges)
        else:
            gauges = replace(gauges, workers_replaced=share.worker.replaced)
            counts = WorkerCounts(share.board, share.worker.number, doors, gauges)
            background.append(counts.run)
            surroundings = Surroundings(
                bureau, quotes, readiness, doors, counts.doors, counts.gauges()
            )
        code = await serve(
            openings(settings, lines, surroundings, News(bureau, store)),
            background,
            Ending(settings.drain_delay_seconds, settings.drain_seconds, readiness.drain),
            share.worker.sockets if share is not None else None,
        )
        for refresher in refreshers:
            await refresher.finish()
        await quotes.finish()
        return code


def gauges_of(refreshers: Sequence[Refresher], watch: StoreWatch, quotes: QuoteDesk) -> Gauges:
    """Where the numbers are read that no door keeps."""
    return Gauges(
        refresh_failures=lambda: {r.source_key: r.failures for r in refreshers},
        withheld_waiting=lambda: watch.waiting,
        store_up=lambda: watch.up,
        quotes_held=lambda: quotes.held,
        ledger_ahead=lambda: quotes.ahead_seconds,
        quotes_ended=lambda: {end.value: count for end, count in quotes.ended.items()},
    )


async def refresh(refreshers: Sequence[Refresher], bureau: Bureau) -> None:
    """Load the calendars' library, and look at the sources for ever."""
    # In a thread, so that the first answers do not wait for it.
    await asyncio.to_thread(bureau.ages)
    await asyncio.to_thread(bureau.book.prepare)
    async with asyncio.TaskGroup() as running:
        for refresher in refreshers:
            running.create_task(refresher.run(bureau.clock, random.random))
