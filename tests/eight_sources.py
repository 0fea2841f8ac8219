"""All eight sources behind a server of this machine, and a back-end's parts that ask them.

They are first served as they were recorded. For the days after its recording a source says
what the ECB's history lets one expect of it: the last recorded values, moved as the ECB's have
moved. So the sources agree with each other, as they do.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path

from fake_source import Answer, Exchange, FakeSource, reply
from pricedesk.backend.assembly import downloads_of, make_bureau, sources_in
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.intake import Intake
from pricedesk.backend.rates import Publication, Sheet
from pricedesk.backend.refresh import Refresher, Tick
from pricedesk.backend.sources import find_sources
from pricedesk.backend.store import open_store
from pricedesk.backend.store_sqlite import FILE_NAME
from pricedesk.settings import Settings
from published_as import document_of

FIXTURES = Path(__file__).parent / "fixtures"
KEYS = ("ECB", "BOC", "NB", "BOE", "CNB", "NBP", "RB", "ERAPI")
RECORDED = {
    "BOC": "boc/FX_RATES_DAILY-2026-03-12.json",
    "BOE": "boe/boe-iadb-2026-03-17_2026-03-20.csv",
    "NB": "nb/norges-bank-sdmx-2026-03-16_2026-03-24.csv",
    "CNB": "cnb/cnb-daily-year-2026.json",
    "NBP": "nbp/nbp-table-A-2026-03-01_2026-03-05.json",
    "RB": "rb/riksbank-bygroup130-2026-03-24_2026-03-28.json",
}
"""The ECB's is the history in the package; open.er-api.com's is of another day."""

MADE = {"ERAPI": "erapi/latest-USD.MADE-BY-US.json"}

THURSDAY_EVENING = datetime(2026, 4, 2, 21, tzinfo=UTC)
"""Before Easter. Everything recorded is in the past."""

WEDNESDAY_MORNING = datetime(2026, 4, 8, 9, tzinfo=UTC)
"""After Easter: each source has published for Tuesday, open.er-api.com for Wednesday."""

SOURCES = {source.key: source for source in find_sources(KEYS, "https://ecb.example")}


@cache
def _euros() -> Sequence[tuple[date, Mapping[str, str]]]:
    """The ECB's rates, newest first."""
    return [(p.date, p.rates()) for p in reversed(packaged_publications())]


def _worth(code: str, day: date) -> Fraction:
    """What one euro was worth then. A currency that the ECB lacks keeps to the dollar."""
    rates = next(rates for published, rates in _euros() if published <= day)
    return Fraction(1) if code == "EUR" else Fraction(rates.get(code, rates["USD"]))


def rounded(value: Fraction, decimals: int) -> str:
    """A positive number as a text with so many decimals."""
    scaled = round(value * 10**decimals)
    digits = f"{scaled:0{decimals + 1}}"
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


@cache
def recorded(key: str) -> Sequence[Sheet]:
    """The sheets of a source's recording."""
    source = SOURCES[key]
    raw = (FIXTURES / {**RECORDED, **MADE}[key]).read_bytes()
    return source.read(source.request(date(2026, 3, 2), date(2026, 3, 2)), raw)


@cache
def sheet_of(key: str, day: date) -> Sheet:
    """What a source says for a day after its recording."""
    if key == "ECB":
        return next(Sheet(day, rates) for published, rates in _euros() if published == day)
    last, convention = recorded(key)[-1], SOURCES[key].convention
    rates = {}
    for code, text in last.rates.items():
        then, now = (_worth(code, on) / _worth(convention.pivot, on) for on in (last.date, day))
        moved = now / then if convention.per_pivot else then / now
        rates[code] = rounded(Fraction(text) * moved, len(text.partition(".")[2]))
    return Sheet(day, rates, last.units)


class Desk:
    """A store, a bureau and a refresher for each source, at an instant that stands still."""

    def __init__(self, folder: Path, now: datetime, port: int) -> None:
        self.now = now
        base = f"http://127.0.0.1:{port}"
        settings = Settings(
            data_dir=folder,
            sources=KEYS,
            ecb_url=f"{base}/ECB",
            source_urls={key: f"{base}/{key}" for key in KEYS if key != "ECB"},
            # Of the packaged history nothing is known that came out later.
            clock=THURSDAY_EVENING,
        )
        self.file = folder / FILE_NAME
        self.store = open_store("", folder)
        kept = self.store.publications()
        self.bureau = make_bureau(settings, kept.publications, lambda: self.now)
        self.intake = Intake(self.bureau, self.store, kept.sequence)
        self.refreshers = {
            source.key: Refresher(
                source,
                self.bureau,
                self.intake,
                self.store,
                downloads_of(source, lambda: self.now),
            )
            for source in sources_in(settings)
        }

    async def look(self, *keys: str) -> dict[str, Tick]:
        """One look at these sources, all at the same time."""
        ticks = await asyncio.gather(*(self.refreshers[key].tick(self.now) for key in keys))
        return dict(zip(keys, ticks, strict=True))

    def newest(self, key: str) -> date:
        newest = self.bureau.book.of(key).newest
        assert newest is not None
        return newest.date

    def wanted(self, key: str) -> date:
        """The day whose publication is to be had."""
        return SOURCES[key].calendar.newest_possible(self.now)

    def missing(self, key: str) -> list[Sheet]:
        """What a source has published that is not known; of all of it that it has."""
        first, last = self.newest(key) + timedelta(days=1), self.wanted(key)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        there = [day for day in days if SOURCES[key].calendar.is_publication_day(day)]
        known = [] if key == "ERAPI" else [self.known(key)]
        return [*known, *(sheet_of(key, day) for day in there)]

    def known(self, key: str) -> Sheet:
        """The newest sheet that is known, as a document has it."""
        publication = self.bureau.book.of(key).newest
        assert publication is not None
        return Sheet(publication.date, publication.rates(), publication.units_by_code())

    def publications(self) -> list[Publication]:
        """Everything that answers, with every digit."""
        return sorted(self.bureau.book, key=lambda p: (p.source, p.date, p.revision))


class EightSources:
    """The server: what it answers for each source can be changed at any time."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.server = FakeSource(self._answer)

    async def _answer(self, exchange: Exchange) -> None:
        await self.answers[exchange.path.split("/")[1]](exchange)

    def serve(self, key: str, sheets: Iterable[Sheet]) -> None:
        """Let a source say this."""
        self.answers[key] = reply(document_of(key, list(sheets)))


async def prepare(folder: Path) -> None:
    """Make a store that knows the recordings and what came after them until Thursday evening."""
    world = EightSources()
    async with world.server as server:
        desk = Desk(folder, THURSDAY_EVENING, server.port)
        with closing(desk.store):
            for key, recording in RECORDED.items():
                world.answers[key] = reply((FIXTURES / recording).read_bytes())
            world.serve("ERAPI", [sheet_of("ERAPI", desk.wanted("ERAPI"))])
            check_taken_in(await desk.look(*KEYS))
            desk.now += timedelta(hours=1)
            behind = [key for key in KEYS if desk.newest(key) < desk.wanted(key)]
            for key in behind:
                world.serve(key, desk.missing(key))
            check_taken_in(await desk.look(*behind))
            assert [key for key in KEYS if desk.newest(key) < desk.wanted(key)] == []


def check_taken_in(ticks: Mapping[str, Tick]) -> None:
    """Every one of these looks went well, and brought something that was believed."""
    assert {key: tick.failure for key, tick in ticks.items() if tick.failure} == {}
    withheld = {key: [v.doubt.reason for v in tick.withheld] for key, tick in ticks.items()}
    assert {key: reasons for key, reasons in withheld.items() if reasons} == {}


@asynccontextmanager
async def wednesday(prepared: Path, folder: Path) -> AsyncIterator[tuple[EightSources, Desk]]:
    """The server and a desk on Wednesday morning; every source has something new, and is well."""
    shutil.copy(prepared / FILE_NAME, folder / FILE_NAME)
    world = EightSources()
    async with world.server as server:
        desk = Desk(folder, WEDNESDAY_MORNING, server.port)
        with closing(desk.store):
            for key in KEYS:
                world.serve(key, desk.missing(key))
            yield world, desk
