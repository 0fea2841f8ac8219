"""Keeping up with the store: what one process keeps another one answers from."""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self

import pytest

import store_writer
from held import Asking
from kept import FRIDAY, fetched_days, withheld_value
from pricedesk.backend import store_watch
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.intake import Intake
from pricedesk.backend.quarantine import Decision, Verdict
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Publication
from pricedesk.backend.sources import ecb
from pricedesk.backend.store import Kept, Look, Store, open_store
from pricedesk.backend.store_sqlite import SqliteDatabase
from pricedesk.backend.store_watch import PAUSE_SECONDS, RETRY_SECONDS, StoreWatch
from pricedesk.currencies import currency
from pricedesk.errors import StoreFailed

HANG_SECONDS = 60
"""After so long something never comes; how soon it comes is no matter of a test's clock."""
NOW = datetime(2026, 10, 30, 18, tzinfo=UTC)


class Waiting(Bureau):
    """A bureau that says when it has been told of publications."""

    def __init__(self) -> None:
        terms = Terms(currency("CAD"), currency("USD"))
        super().__init__(RateBook([]), [ecb.source("https://ecb.example")], lambda: NOW, terms)
        self.told = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def take(self, publications: Iterable[Publication]) -> None:
        super().take(publications)
        self._loop.call_soon_threadsafe(self.told.set)

    def newest(self) -> date | None:
        known = self.book.of("ECB").newest
        return known.date if known is not None else None


class Running:
    """A watch that runs until the test is over, with a bureau that says when it is told."""

    def __init__(self, store: Store) -> None:
        self.bureau = Waiting()
        self.watch = StoreWatch(store, Intake(self.bureau, store))
        self.naps: list[float] = []
        self.has_slept = asyncio.Event()
        self._task = asyncio.create_task(self.watch.run(self._nap))

    async def _nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.has_slept.set()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(database, tmp_path)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _read_only_after_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes by the reading from time to time that needs no change."""
    monkeypatch.setattr(store_watch, "WAITS_WITHOUT_READING_MAX", 1_000_000)


def test_a_change_is_looked_for_so_often_that_two_seconds_leave_time_to_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In SQLite; PostgreSQL tells of it."""
    naps: list[float] = []

    def nap(seconds: float) -> bool:
        naps.append(seconds)
        return len(naps) == 3

    with closing(open_store("", tmp_path)) as store:
        store.wait_for_change(0)
        database = store.database
        assert isinstance(database, SqliteDatabase)
        monkeypatch.setattr(database._closed, "wait", nap)
        assert not store.wait_for_change(HANG_SECONDS)
    assert naps == [0.25] * 3


async def test_what_another_process_accepts_is_answered_from_because_the_store_changes(
    store: Store, database: str, tmp_path: Path
) -> None:
    store.add(*fetched_days(FRIDAY))
    async with Running(store) as running:
        async with asyncio.timeout(HANG_SECONDS):
            await running.bureau.told.wait()
        running.bureau.told.clear()
        command = [sys.executable, store_writer.__file__, str(tmp_path), database, "1"]
        writer = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert writer.stdout is not None
        assert await writer.stdout.readline() == b"2026-10-31\n"
        async with asyncio.timeout(HANG_SECONDS):
            await running.bureau.told.wait()
        assert running.bureau.newest() == date(2026, 10, 31)
        assert await writer.wait() == 0


async def test_values_that_wait_are_counted_by_source_until_they_are_decided(
    database: str, tmp_path: Path
) -> None:
    with closing(open_store(database, tmp_path)) as store:
        document, publications = fetched_days(FRIDAY)
        values = [withheld_value(document), withheld_value(document, "EUR")]
        store.add(document, publications)
        store.withhold(document, values)
        async with Running(store) as running:
            async with asyncio.timeout(HANG_SECONDS):
                await running.bureau.told.wait()
            watch = running.watch
            await until(lambda: watch.waiting == {"BOC": 2}, store)
            store.decide([1], Decision(Verdict.REJECTED, NOW, "ada", "a typing error"))
            await until(lambda: watch.waiting == {"BOC": 1}, store)


async def test_the_last_look_at_a_source_is_known_whichever_process_looked(
    database: str, tmp_path: Path
) -> None:
    look = Look("BOC", NOW, "rates.json", failure="no answer", failing_since=NOW)
    with (
        closing(open_store(database, tmp_path)) as store,
        closing(open_store(database, tmp_path)) as other,
    ):
        async with Running(store) as running:
            await asyncio.to_thread(other.note_look, look)
            await until(lambda: running.watch.looks == {"BOC": look}, store)


async def test_looks_of_before_a_start_are_known_at_once(store: Store) -> None:
    """Nobody is told in the meantime that there were none."""
    look = Look("BOC", NOW, "rates.json")
    store.note_look(look)
    terms = Terms(currency("CAD"), currency("USD"))
    bureau = Bureau(RateBook([]), [ecb.source("https://ecb.example")], lambda: NOW, terms)
    assert StoreWatch(store, Intake(bureau, store)).looks == {"BOC": look}


def hold(store: Store) -> None:
    """Hold a price in the store."""
    book = RateBook(fetched_days(FRIDAY)[1])
    terms = Terms(currency("CAD"), currency("USD"))
    bureau = Bureau(book, [ecb.source("https://ecb.example")], lambda: NOW, terms)
    assert Asking(store, bureau).one("hold 1 EUR USD").endswith(" status=held")


async def test_a_quote_is_no_reason_to_read_publications_again(
    store: Store, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(database, tmp_path)) as other:
        terms = Terms(currency("CAD"), currency("USD"))
        bureau = Bureau(RateBook([]), [ecb.source("https://ecb.example")], lambda: NOW, terms)
        watch = StoreWatch(store, Intake(bureau, store))
        other.add(*fetched_days(FRIDAY))
        assert watch.wait_and_catch_up()
        assert bureau.book.of("ECB").newest is not None
        store.wait_for_change(0)
        hold(other)
        # PostgreSQL tells nobody. In SQLite any commit counts; of it only little is read.
        assert store.wait_for_change(0.5) == (not database)
        with monkeypatch.context() as patched:
            patched.setattr(store, "publications", None)
            patched.setattr(store, "withheld", None)
            patched.setattr(store, "wait_for_change", lambda _: True)
            assert watch.wait_and_catch_up()
        document, _ = fetched_days(FRIDAY)
        other.withhold(document, [withheld_value(document)])
        assert watch.wait_and_catch_up()
        assert watch.waiting == {"BOC": 1}
        other.decide([1], Decision(Verdict.REJECTED, NOW, "ada", "a typing error"))
        assert watch.wait_and_catch_up()
        assert watch.waiting == {}


async def until(holds: Callable[[], bool], store: Store) -> None:
    """Let the watch look again and again, for so long at most, until something holds."""
    async with asyncio.timeout(HANG_SECONDS):
        while not holds():
            await asyncio.to_thread(store.looks)


class Failing(Store):
    """A store that cannot be read some times, and tells of a change once."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.changes = 1

    def wait_for_change(self, seconds: float) -> bool:
        assert seconds > 0
        self.changes -= 1
        if self.changes < 0:
            raise StoreFailed("the test is over")
        return True

    def marks(self) -> tuple[int]:
        return (1,)

    def publications(self, after: int = 0) -> Kept:
        if self.failures:
            self.failures -= 1
            raise StoreFailed("the disk is away")
        return Kept(after + 1, fetched_days(FRIDAY)[1])

    def withheld(self, **_: object) -> list[object]:  # type: ignore[override]  # there are none
        return []

    def looks(self) -> dict[str, Look]:
        return {}


async def test_a_change_that_could_not_be_read_is_read_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with Running(Failing(failures=2)) as running:
        async with asyncio.timeout(HANG_SECONDS):
            # The third failure is the end of the test, after what was read has been told of.
            while len(running.naps) < 4:
                await asyncio.to_thread(running.bureau.newest)
        assert running.bureau.newest() == date(2026, 10, 30)
        assert running.naps[:3] == [RETRY_SECONDS, RETRY_SECONDS, PAUSE_SECONDS]
    said = [record.message for record in caplog.records]
    assert said[:2] == ["the store fails", "rates from the store"]


async def test_a_watch_says_whether_the_store_can_be_read() -> None:
    async with Running(Failing(failures=1)) as running:
        async with asyncio.timeout(HANG_SECONDS):
            await running.has_slept.wait()
        assert not running.watch.up
