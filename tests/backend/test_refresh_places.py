"""A source in two places: which of them is asked, and what is taken from the second."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fake_source import Exchange, FakeSource, reply, xml_document
from pricedesk.backend.assembly import downloads_of, make_bureau
from pricedesk.backend.download import Downloads, Rules
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.intake import Intake
from pricedesk.backend.refresh import Refresher, Tick
from pricedesk.backend.sources import ecb_portal
from pricedesk.backend.store import open_store
from pricedesk.backend.store_sqlite import FILE_NAME
from pricedesk.errors import DownloadFailed
from pricedesk.settings import Settings

FRIDAY, MONDAY, TUESDAY = "2026-10-30", "2026-11-02", "2026-11-03"
RATES = packaged_publications()[-1].rates()
"""Friday's, the newest that the package knows; and here those of the days after it."""

LACKS_USD = {code: value for code, value in RATES.items() if code != "USD"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def portal_document(days: dict[str, dict[str, str]]) -> bytes:
    rows = [f"D,{code},{day},{value}" for day in days for code, value in days[day].items()]
    return "\n".join(["FREQ,CURRENCY,TIME_PERIOD,OBS_VALUE", *rows, ""]).encode()


class Served(Downloads):
    """Gives what each place has; an instant is when a place wants to be asked again."""

    def __init__(self, desk: "Desk") -> None:
        super().__init__(Rules(bytes_max=0), lambda: desk.now)
        self._desk = desk

    async def fetch(self, url: str) -> bytes:
        place = "portal" if url.startswith("https://data-api.ecb.europa.eu/") else "documents"
        self._desk.asked.append(f"{self._desk.now:%H:%M} {place}")
        answer = self._desk.portal if place == "portal" else self._desk.documents
        if not isinstance(answer, bytes):
            raise DownloadFailed(f"the {place} are away", answer)
        return answer


class Desk:
    """A back-end that asks the ECB alone, from Monday on when its rates come out."""

    def __init__(self, folder: Path) -> None:
        self.now = utc("2026-11-02 15:00")
        self.documents: bytes | datetime | None = None
        self.portal: bytes | datetime | None = None
        self.asked: list[str] = []
        self.store = open_store("", folder)
        kept = self.store.publications()
        settings = Settings(data_dir=folder, sources=("ECB",))
        self.bureau = make_bureau(settings, kept.publications, lambda: self.now)
        intake = Intake(self.bureau, self.store, kept.sequence)
        self.refresher = Refresher(
            self.bureau.sources["ECB"], self.bureau, intake, self.store, Served(self)
        )

    async def look(self) -> Tick:
        return await self.refresher.tick(self.now)

    async def looks(self, count: int) -> list[str]:
        """So many looks, each when it is time without jitter; what was asked, and when."""
        for _ in range(count):
            await self.look()
            self.now = self.refresher.next_look(self.now, 0)
        return self.asked[-count:]

    def kept(self) -> list[tuple[str, int, str | None]]:
        kept = self.store.publications().publications
        return sorted((str(p.date), p.revision, p.rates()["USD"]) for p in kept)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(tmp_path)
    with closing(opened.store):
        yield opened


async def test_after_a_failure_the_other_place_is_asked_within_a_minute(desk: Desk) -> None:
    assert await desk.looks(5) == [
        "15:00 documents",
        "15:01 portal",
        "15:06 documents",
        "15:07 portal",
        "15:12 documents",
    ]


async def test_news_from_the_other_place_are_news_and_then_it_is_the_first_ones_turn(
    desk: Desk,
) -> None:
    desk.portal = portal_document({FRIDAY: RATES, MONDAY: RATES | {"USD": "1.1300"}})
    assert await desk.looks(2) == ["15:00 documents", "15:01 portal"]
    assert desk.kept() == [(MONDAY, 1, "1.1300")]
    assert desk.store.looks()["ECB"].failure is None
    desk.now = utc("2026-11-03 15:00")
    desk.documents = xml_document({MONDAY: RATES | {"USD": "1.1300"}, TUESDAY: RATES})
    assert await desk.looks(1) == ["15:00 documents"]
    assert [day for day, _, _ in desk.kept()] == [MONDAY, TUESDAY]


async def test_both_reasons_are_told_until_one_of_both_has_news(desk: Desk) -> None:
    await desk.looks(1)
    assert desk.store.looks()["ECB"].failure == "the documents are away"
    desk.portal = b"a,b\n"
    await desk.looks(1)
    look = desk.store.looks()["ECB"]
    assert look.failure == "the documents are away; elsewhere: the header has 0 columns FREQ"
    desk.portal = portal_document({FRIDAY: RATES})
    await desk.looks(2)
    look = desk.store.looks()["ECB"]
    # That the portal is well does not mend the documents; Monday is still missing.
    assert (look.document, look.failure) == (ecb_portal.NAME, "the documents are away")
    assert look.failing_since == utc("2026-11-02 15:00")


async def test_a_place_that_wants_to_be_left_alone_does_not_shut_off_the_other(desk: Desk) -> None:
    desk.documents = utc("2026-11-02 16:00")
    assert await desk.looks(4) == [
        "15:00 documents",
        "15:01 portal",
        "15:06 portal",
        "15:11 portal",
    ]
    desk.portal = utc("2026-11-02 19:00")
    await desk.look()
    desk.now = desk.refresher.next_look(desk.now, 0)
    assert desk.now == utc("2026-11-02 16:00")
    assert await desk.looks(1) == ["16:00 documents"]


async def test_so_it_is_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.documents = utc("2026-11-02 16:00")
    await desk.look()
    desk.store.close()
    restarted = Desk(tmp_path)
    with closing(restarted.store):
        restarted.now = desk.now + timedelta(minutes=2)
        assert await restarted.looks(1) == ["15:02 portal"]


async def test_where_the_first_place_is_behind_for_long_the_other_is_asked_too(desk: Desk) -> None:
    desk.documents = xml_document({FRIDAY: RATES})
    assert await desk.looks(2) == ["15:00 documents", "15:05 documents"]
    desk.now = utc("2026-11-02 16:00")
    desk.portal = portal_document({FRIDAY: RATES, MONDAY: RATES})
    assert await desk.looks(2) == ["16:00 documents", "16:01 portal"]
    assert [day for day, _, _ in desk.kept()] == [MONDAY]


@pytest.mark.parametrize(
    "days", [{MONDAY: LACKS_USD}, {FRIDAY: RATES, MONDAY: LACKS_USD}, {MONDAY: {"JPY": "170.01"}}]
)
async def test_a_day_that_is_there_in_part_is_not_taken_from_the_other_place(
    desk: Desk, days: dict[str, dict[str, str]]
) -> None:
    desk.portal = portal_document(days)
    await desk.looks(2)
    assert desk.kept() == []
    assert (desk.store.looks()["ECB"].failure or "").startswith(
        "the documents are away; elsewhere: 2026-11-02 lacks "
    )
    assert "USD" in str(desk.store.looks()["ECB"].failure)
    desk.documents = xml_document({FRIDAY: RATES, MONDAY: RATES})
    await desk.looks(1)
    assert [day for day, _, _ in desk.kept()] == [MONDAY]


async def test_a_day_that_is_known_is_not_corrected_from_the_other_place(desk: Desk) -> None:
    desk.documents = xml_document({MONDAY: RATES | {"USD": "1.1180"}})
    await desk.looks(1)
    desk.documents, desk.now = None, utc("2026-11-03 15:00")
    desk.portal = portal_document({MONDAY: RATES | {"USD": "1.1190"}, TUESDAY: RATES})
    await desk.looks(2)
    assert desk.kept() == [(MONDAY, 1, "1.1180"), (TUESDAY, 1, RATES["USD"])]


async def test_a_store_that_fails_is_no_reason_to_ask_elsewhere(desk: Desk, tmp_path: Path) -> None:
    desk.documents = xml_document({MONDAY: RATES})
    desk.store._database.execute("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await desk.looks(1)
    assert await desk.looks(1) == ["15:05 documents"]
    assert [day for day, _, _ in desk.kept()] == [MONDAY]


async def test_both_places_are_asked_over_the_wire(tmp_path: Path) -> None:
    """At a mirror, which has them under the paths of the ECB's own hosts."""
    now = utc("2026-11-02 15:00")
    asked: list[str] = []

    async def answer(exchange: Exchange) -> None:
        asked.append(exchange.path)
        there = exchange.path.startswith("/ecb/service/data/")
        days = {FRIDAY: RATES, MONDAY: RATES}
        await (reply(portal_document(days)) if there else reply(status=404))(exchange)

    async with FakeSource(answer) as server:
        settings = Settings(
            data_dir=tmp_path,
            sources=("ECB",),
            source_urls={"ECB": f"http://127.0.0.1:{server.port}/ecb"},
        )
        with closing(open_store("", tmp_path)) as store:
            bureau = make_bureau(settings, [], lambda: now)
            source = bureau.sources["ECB"]
            downloads = downloads_of(source, lambda: now)
            refresher = Refresher(source, bureau, Intake(bureau, store), store, downloads)
            first = await refresher.tick(now)
            now += timedelta(minutes=1)
            second = await refresher.tick(now)
    assert (first.failure or "").endswith("eurofxref-hist-90d.xml answered with status 404")
    assert [str(publication.date) for publication in second.accepted] == [MONDAY]
    assert asked == [
        "/ecb/stats/eurofxref/eurofxref-hist-90d.xml",
        (
            "/ecb/service/data/EXR/D..EUR.SP00.A?format=csvdata&detail=dataonly"
            "&startPeriod=2026-08-24&endPeriod=2026-11-02"
        ),
    ]
