"""Back-fills and back-ends that are killed again and again lose nothing and double nothing.

Each is killed a random little after it has asked its source for a document: while it reads it,
judges it, keeps it, or has begun with the next one. `--kills 200` does it thoroughly.
"""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import date
from pathlib import Path
from typing import TypeAlias

import pytest

import rerouted
from archives import CALENDARS, TENFOLD, boc, boc_value, by_key, publication_days
from fake_source import Answer, Exchange, FakeSource
from pricedesk.backend.rates import Publication
from pricedesk.backend.refresh import READ_AGAIN
from pricedesk.backend.sources import find_sources
from pricedesk.backend.store import Store, open_store
from services import environment

KILLS = 5
"""On each kind of store, unless `--kills` says otherwise."""

(BOC,) = find_sources(["BOC"], "https://ecb.example")
LAST = date(2026, 10, 30)
PIECES_MAX = 4
"""So many pieces more than it was killed at does a back-fill begin with before it is killed."""

RUN_ON_SECONDS = 0.05
"""Within this a document is read, judged and kept."""

WAIT_SECONDS = 60

Process: TypeAlias = asyncio.subprocess.Process


class Kept:
    """What a store had the last time; nothing of it may ever be missing."""

    def __init__(self, database: str, folder: Path) -> None:
        self._where = (database, folder)
        self.publications: list[Publication] = []

    def look(self) -> None:
        """See that all is in order and that what was there still is, in the same order."""
        with closing(open_store(*self._where)) as store:
            assert store.check() == []
            found = store.publications().publications
        assert found[: len(self.publications)] == self.publications
        dates = [publication.date for publication in found]
        assert len(set(dates)) == len(dates)
        self.publications = found


class Source(FakeSource):
    """The Bank of Canada; `asked` is how often, and `until_asked` waits for the next times."""

    def __init__(self) -> None:
        super().__init__(self._counting(by_key({"BOC": boc})))
        self._more = asyncio.Condition()

    def _counting(self, answer: Answer) -> Answer:
        async def counted(exchange: Exchange) -> None:
            async with self._more:
                self._more.notify_all()
            with suppress(ConnectionError):
                await answer(exchange)

        return counted

    async def until_asked(self, times: int) -> None:
        """Wait until it has been asked so many times in all."""
        async with asyncio.timeout(WAIT_SECONDS), self._more:
            await self._more.wait_for(lambda: len(self.requests) >= times)


@asynccontextmanager
async def program(
    source: Source, span_days: int, *words: str, **settings: str
) -> AsyncIterator[Process]:
    """`pricedesk` with its source at this server, killed at the end."""
    address = f"http://127.0.0.1:{source.port}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, rerouted.__file__, address, str(span_days), *words),
        env=environment(sources="BOC", log="json", **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def goes_on_for(process: Process, seconds: float) -> None:
    """Let it run a little longer, or until it ends."""
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), seconds)


def result(store: Store) -> object:
    """All that a back-fill leaves behind, without the instants at which it ran."""
    return (
        [(p.date, p.revision, p.rates(), p.withheld) for p in store.publications().publications],
        [(v.number, v.date, v.code, v.value, v.doubt) for v in store.withheld()],
        store.covered("BOC"),
    )


@pytest.fixture
def kills(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("--kills") or KILLS)


async def test_a_back_fill_that_is_killed_again_and_again_comes_to_the_same_end(
    database: str, tmp_path: Path, kills: int
) -> None:
    # So long are the pieces that it is not done before it was killed for the last time.
    days = (LAST - BOC.first_date).days
    span_days = max(1, days // (kills * (PIECES_MAX + 6)))
    folder, kept, chance = (
        tmp_path / "killed",
        Kept(database, tmp_path / "killed"),
        random.Random(1),  # noqa: S311  # no secret
    )
    settings = {"data_dir": str(folder), "database": database, "clock": f"{LAST}T22:00:00Z"}
    async with Source() as source:
        for _ in range(kills):
            async with program(source, span_days, "rates", "backfill", **settings) as process:
                await source.until_asked(len(source.requests) + chance.randint(1, PIECES_MAX))
                await goes_on_for(process, chance.uniform(0, RUN_ON_SECONDS))
                assert process.returncode is None
            kept.look()
        async with program(source, span_days, "rates", "backfill", **settings) as process:
            assert await process.wait() == 0
        whole = {"data_dir": str(tmp_path / "whole"), "clock": settings["clock"]}
        async with program(source, 365, "rates", "backfill", **whole) as process:
            assert await process.wait() == 0
    kept.look()
    with (
        closing(open_store(database, folder)) as killed,
        closing(open_store("", tmp_path / "whole")) as unhurt,
    ):
        assert result(killed) == result(unhurt)
        assert len(killed.withheld()) == len(TENFOLD) - 3  # Three of them are days off.


async def until_logged(process: Process, event: str) -> None:
    """Read the log until there is a record of an event."""
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_SECONDS):
        async for line in process.stdout:
            if json.loads(line)["event"] == event:
                return
    raise AssertionError(f"it ended without the event {event!r}")


async def test_a_back_end_that_is_killed_while_it_refreshes_keeps_each_day_once(
    database: str, tmp_path: Path, kills: int
) -> None:
    """It is started on one publication day after the other."""
    kept, chance = Kept(database, tmp_path), random.Random(2)  # noqa: S311  # no secret
    every = publication_days(CALENDARS["BOC"], date(2025, 6, 2), date(2026, 10, 30))
    days = every[: kills + 1]
    doors = {"lines_port": "0", "http_port": "0", "grpc_port": "0"}
    settings = {"data_dir": str(tmp_path), "database": database, **doors}
    async with Source() as source:
        for day in days[:-1]:
            clock = f"{day}T22:00:00Z"
            async with program(source, 365, "backend", clock=clock, **settings) as process:
                await source.until_asked(len(source.requests) + 1)
                await goes_on_for(process, chance.uniform(0, RUN_ON_SECONDS))
                assert process.returncode is None
            kept.look()
        clock = f"{days[-1]}T22:00:00Z"
        async with program(source, 365, "backend", clock=clock, **settings) as process:
            await until_logged(process, "new rates")
    kept.look()
    there = {publication.date: publication.rates() for publication in kept.publications}
    known = publication_days(CALENDARS["BOC"], min(there), days[-1])
    assert days[0] - READ_AGAIN <= known[0] <= days[0]
    assert there == {day: {"USD": boc_value(day)} for day in known if day not in TENFOLD}
