"""Looking for new publications: when, for which document, and what comes of it."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from fake_source import xml_document
from pricedesk.backend import history
from pricedesk.backend.assembly import make_bureau
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.download import Downloads, Rules
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.intake import Intake
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Provenance
from pricedesk.backend.refresh import Refresher, Tick
from pricedesk.backend.sources import ecb
from pricedesk.backend.sources.ecb import Document
from pricedesk.backend.store import open_store
from pricedesk.backend.store_sqlite import FILE_NAME
from pricedesk.currencies import currency
from pricedesk.errors import DownloadFailed
from pricedesk.money import ExactDecimal
from pricedesk.settings import Settings

URL = "https://ecb.example"
FRIDAY, MONDAY, TUESDAY = "2026-10-30", "2026-11-02", "2026-11-03"
FRIDAY_RATES = packaged_publications()[-1].rates()
"""The newest ones that the package knows."""
MONDAY_RATES = FRIDAY_RATES | {"USD": "1.1300", "CAD": "1.5700"}
TUESDAY_RATES = FRIDAY_RATES | {"USD": "1.1400", "CAD": "1.5500"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Served(Downloads):
    """Gives what the desk says is served."""

    def __init__(self, desk: "Desk") -> None:
        super().__init__(Rules(bytes_max=0), lambda: desk.now)
        self._desk = desk

    async def fetch(self, url: str) -> bytes:
        document = Document(url.rpartition("/")[2])
        self._desk.asked.append(document)
        if document not in self._desk.served:
            raise DownloadFailed("the source is away")
        return self._desk.served[document]


class Desk:
    """A back-end without doors, at an instant that stands still: Monday's rates are just out.

    What `served` has not got cannot be fetched.
    """

    def __init__(self, folder: Path, book: RateBook | None = None) -> None:
        """With this book; without one, with what a start finds."""
        self.now = utc("2026-11-02 15:01")
        self.served: dict[Document, bytes] = {}
        self.asked: list[Document] = []
        self.store = open_store("", folder)
        kept = self.store.publications()
        if book is None:
            settings = Settings(data_dir=folder, sources=("ECB",), ecb_url=URL)
            self.bureau = make_bureau(settings, kept.publications, lambda: self.now)
        else:
            terms = Terms(currency("CAD"), currency("USD"))
            source = replace(ecb.source(URL), elsewhere=None)
            self.bureau = Bureau(book, [source], lambda: self.now, terms)
        intake = Intake(self.bureau, self.store, kept.sequence)
        self.refresher = Refresher(
            self.bureau.sources["ECB"], self.bureau, intake, self.store, Served(self)
        )

    async def look(self, days: dict[str, dict[str, str]]) -> Tick:
        """One look at a source that has these days."""
        self.served = dict.fromkeys((Document.DAY, Document.NINETY_DAYS), xml_document(days))
        tick = await self.refresher.tick(self.now)
        self.now += timedelta(minutes=1)
        return tick

    def usd_for_100_cad(self, on: date | None = None) -> str:
        amount, cad, usd = ExactDecimal.parse("100"), currency("CAD"), currency("USD")
        return self.bureau.convert(amount, cad, usd, on).explained().result

    def kept(self) -> list[tuple[str, int, str | None]]:
        kept = self.store.publications().publications
        return sorted((str(p.date), p.revision, p.rates()["USD"]) for p in kept)


@pytest.fixture
def desk(tmp_path: Path, book: RateBook) -> Iterator[Desk]:
    opened = Desk(tmp_path, book)
    with closing(opened.store):
        yield opened


def news_of(tick: Tick) -> list[tuple[str, int]]:
    """Day and revision of what a look brought."""
    assert tick.failure is None
    return [(str(publication.date), publication.revision) for publication in tick.accepted]


@pytest.mark.parametrize(
    "now", ["2026-10-30 18:00", "2026-10-31 16:00", "2026-11-01 16:00", "2026-11-02 14:59:59"]
)
async def test_where_nothing_is_due_nothing_is_asked(desk: Desk, now: str) -> None:
    desk.now = utc(now)
    assert await desk.refresher.tick(desk.now) == Tick()
    assert desk.asked == []


async def test_the_first_look_for_a_day_asks_for_ninety_days_and_later_ones_for_the_day(
    desk: Desk,
) -> None:
    looks = [await desk.look({FRIDAY: FRIDAY_RATES}) for _ in range(3)]
    assert looks == [
        Tick(Document.NINETY_DAYS.value),
        Tick(Document.DAY.value),
        Tick(Document.DAY.value),
    ]
    assert news_of(await desk.look({MONDAY: MONDAY_RATES})) == [(MONDAY, 1)]
    assert await desk.look({MONDAY: MONDAY_RATES}) == Tick()
    desk.now += timedelta(days=1)
    assert (await desk.look({MONDAY: MONDAY_RATES})).document == Document.NINETY_DAYS.value
    assert desk.asked == [
        *(Document.NINETY_DAYS, Document.DAY, Document.DAY, Document.DAY),
        Document.NINETY_DAYS,
    ]


async def test_a_first_look_that_fails_is_still_to_be_made(desk: Desk) -> None:
    await desk.refresher.tick(desk.now)
    await desk.refresher.tick(desk.now + timedelta(minutes=1))
    assert desk.asked == [Document.NINETY_DAYS, Document.NINETY_DAYS]


async def test_a_long_gap_is_filled_from_the_history(desk: Desk) -> None:
    whole = desk.bureau.book
    desk.bureau.book = RateBook(p for p in whole if p.date < date(2026, 8, 3))
    desk.now = utc("2026-10-30 18:00")
    desk.served = {Document.HISTORY: files(history).joinpath("eurofxref-hist.zip").read_bytes()}
    tick = await desk.refresher.tick(desk.now)
    assert (tick.document, len(tick.accepted), len(desk.kept())) == (Document.HISTORY.value, 65, 65)
    # A week before its end the real jumped by a tenth, and no other source is asked.
    jump = date(2026, 10, 26)
    expected = [{c: v for c, v in p.rates().items() if c != "BRL" or p.date != jump} for p in whole]
    assert [p.rates() for p in desk.bureau.book] == expected
    assert [(value.date, value.code) for value in tick.withheld] == [(jump, "BRL")]


async def test_a_new_publication_answers_at_once(desk: Desk) -> None:
    assert desk.usd_for_100_cad() == "71.59"
    assert news_of(await desk.look({MONDAY: MONDAY_RATES})) == [(MONDAY, 1)]
    assert desk.usd_for_100_cad() == "71.97"
    assert desk.usd_for_100_cad(date(2026, 10, 30)) == "71.59"
    assert desk.kept() == [(MONDAY, 1, "1.1300")]


async def test_what_was_fetched_answers_after_a_restart_too(desk: Desk, tmp_path: Path) -> None:
    await desk.look({MONDAY: MONDAY_RATES})
    restarted = Desk(tmp_path)
    with closing(restarted.store):
        assert restarted.usd_for_100_cad() == "71.97"
        assert len(restarted.bureau.book) == 7127
        assert await restarted.refresher.tick(restarted.now) == Tick()


async def test_the_raw_document_is_kept_with_what_was_read_from_it(desk: Desk) -> None:
    looked_at = desk.now
    [publication] = (await desk.look({MONDAY: MONDAY_RATES})).accepted
    raw = xml_document({MONDAY: MONDAY_RATES})
    assert publication.provenance == Provenance(hashlib.sha256(raw).hexdigest(), looked_at)
    assert desk.store.document(publication.provenance.sha256) == raw


async def test_more_or_fewer_zeros_at_the_end_are_no_correction(desk: Desk) -> None:
    with_zeros = {c: f"{v}0" if "." in v else f"{v}.00" for c, v in FRIDAY_RATES.items()}
    assert news_of(await desk.look({FRIDAY: with_zeros, MONDAY: MONDAY_RATES})) == [(MONDAY, 1)]
    assert desk.kept() == [(MONDAY, 1, "1.1300")]


async def test_a_correction_is_a_further_revision_and_the_earlier_ones_stay(
    desk: Desk, tmp_path: Path
) -> None:
    friday, monday = date(2026, 10, 30), date(2026, 11, 2)
    corrected = FRIDAY_RATES | {"USD": "1.1250"}
    assert news_of(await desk.look({FRIDAY: corrected, MONDAY: MONDAY_RATES})) == [
        (FRIDAY, 2),
        (MONDAY, 1),
    ]
    desk.now += timedelta(days=1)
    days = {
        FRIDAY: FRIDAY_RATES,
        MONDAY: MONDAY_RATES | {"USD": "1.1350"},
        TUESDAY: TUESDAY_RATES,
    }
    assert news_of(await desk.look(days)) == [(FRIDAY, 3), (MONDAY, 2), (TUESDAY, 1)]
    assert desk.kept() == [
        (FRIDAY, 2, "1.1250"),
        (FRIDAY, 3, "1.1172"),
        (MONDAY, 1, "1.1300"),
        (MONDAY, 2, "1.1350"),
        (TUESDAY, 1, "1.1400"),
    ]
    restarted = Desk(tmp_path)
    with closing(restarted.store):
        for back_end in (desk, restarted):
            assert back_end.usd_for_100_cad(friday) == "71.59"
            assert back_end.usd_for_100_cad(monday) == "72.29"


async def test_what_another_process_has_kept_is_taken_from_the_store(
    desk: Desk, book: RateBook, tmp_path: Path
) -> None:
    other = Desk(tmp_path, book)
    with closing(other.store):
        await other.look({MONDAY: MONDAY_RATES})
    assert news_of(await desk.look({FRIDAY: FRIDAY_RATES})) == []
    assert desk.usd_for_100_cad() == "71.97"
    desk.now += timedelta(days=1)
    assert news_of(await desk.look({MONDAY: MONDAY_RATES, TUESDAY: TUESDAY_RATES})) == [
        (TUESDAY, 1)
    ]
    assert [day for day, _, _ in desk.kept()] == [MONDAY, TUESDAY]


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        ({}, "the source is away"),
        ({Document.NINETY_DAYS: b""}, "the document is empty"),
        (
            {Document.NINETY_DAYS: xml_document({MONDAY: MONDAY_RATES, "2026-10-26": {}})},
            "there are no rates on 2026-10-26",
        ),
    ],
)
async def test_a_look_that_fails_changes_nothing(
    desk: Desk, served: dict[Document, bytes], reason: str
) -> None:
    book, desk.served = desk.bureau.book, served
    tick = await desk.refresher.tick(desk.now)
    assert tick == Tick(Document.NINETY_DAYS.value, failure=reason)
    look = desk.store.looks()["ECB"]
    assert (look.at, look.failing_since, look.failure) == (desk.now, desk.now, reason)
    desk.now += timedelta(minutes=1)
    assert desk.bureau.book is book
    assert desk.kept() == []
    assert news_of(await desk.look({MONDAY: MONDAY_RATES})) == [(MONDAY, 1)]


async def test_what_the_store_cannot_keep_does_not_answer(desk: Desk, tmp_path: Path) -> None:
    book = desk.bureau.book
    desk.store._database.execute("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        tick = await desk.look({MONDAY: MONDAY_RATES})
    assert tick.failure == f"the store {tmp_path / FILE_NAME} failed: database is locked"
    assert desk.bureau.book is book
    assert desk.kept() == []
    assert news_of(await desk.look({MONDAY: MONDAY_RATES})) == [(MONDAY, 1)]
