"""When the refresher looks, which document it asks for, and that nothing stops it."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fake_source import xml_document
from pricedesk.backend.assembly import make_bureau
from pricedesk.backend.download import Downloads, Rules
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.intake import Intake
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Sheet
from pricedesk.backend.refresh import (
    Refresher,
    check_no_days_left_out,
    first_day,
    next_look,
)
from pricedesk.backend.sources import ecb
from pricedesk.backend.sources.ecb import Document
from pricedesk.backend.store import open_store
from pricedesk.errors import DownloadFailed, RefusedDocument
from pricedesk.settings import Settings


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("newest", "wanted", "first_look", "document"),
    [
        ("2026-10-30", "2026-11-02", True, Document.NINETY_DAYS),
        ("2026-10-30", "2026-11-02", False, Document.DAY),
        ("2026-10-29", "2026-11-02", False, Document.NINETY_DAYS),
        ("2026-08-14", "2026-11-02", False, Document.NINETY_DAYS),
        ("2026-08-14", "2026-11-02", True, Document.NINETY_DAYS),
        ("2026-08-13", "2026-11-02", False, Document.HISTORY),
        ("2026-08-13", "2026-11-02", True, Document.HISTORY),
        ("1999-01-04", "2026-11-02", True, Document.HISTORY),
    ],
)
def test_the_smallest_document_that_brings_what_is_missing_is_asked_for(
    newest: str, wanted: str, first_look: bool, document: Document
) -> None:
    last = date.fromisoformat(wanted)
    first = first_day(date.fromisoformat(newest), last, first_look=first_look)
    assert ecb.document_for(first, last) is document


@pytest.mark.parametrize(
    ("newest", "now", "look"),
    [
        # Everything is known: the next publication, at 16:00 in Frankfurt.
        ("2026-10-30", "2026-10-30 18:00", "2026-11-02 15:00"),
        ("2026-10-30", "2026-11-01 12:00", "2026-11-02 15:00"),
        ("2026-10-30", "2026-11-02 14:59:59", "2026-11-02 15:00"),
        ("2026-10-23", "2026-10-23 14:00", "2026-10-26 15:00"),
        ("2026-03-27", "2026-03-27 15:00", "2026-03-30 14:00"),
        ("2026-12-24", "2026-12-24 15:30", "2026-12-28 15:00"),
        # One is due: soon, from two hours on later.
        ("2026-10-30", "2026-11-02 15:00", "2026-11-02 15:05"),
        ("2026-10-30", "2026-11-02 16:59:59", "2026-11-02 17:04:59"),
        ("2026-10-30", "2026-11-02 17:00", "2026-11-02 17:30"),
        ("2026-10-30", "2026-11-03 03:00", "2026-11-03 03:30"),
        ("2026-10-30", "2026-11-03 15:00", "2026-11-03 15:05"),
        ("1999-01-04", "2026-11-02 15:00", "2026-11-02 15:05"),
    ],
)
def test_a_publication_that_is_due_is_looked_for_soon_and_the_next_one_when_it_comes_out(
    newest: str, now: str, look: str
) -> None:
    assert next_look(date.fromisoformat(newest), ecb.CALENDAR, utc(now)) == utc(look)


class Stop(Exception):
    """What the fake sleep ends a run with."""


class Scripted(Downloads):
    """Gives the outcome of each look in turn."""

    def __init__(self, *fetches: Callable[[], Awaitable[bytes]]) -> None:
        super().__init__(Rules(bytes_max=0), lambda: utc("2026-11-02 15:01"))
        self._fetches = iter(fetches)

    async def fetch(self, url: str) -> bytes:
        return await next(self._fetches)()


async def run(folder: Path, *fetches: Callable[[], Awaitable[bytes]]) -> list[str]:
    """Run from Monday afternoon on, with one of these at each look; gives when the next one is."""
    now = utc("2026-11-02 15:01")
    looks: list[str] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)
        looks.append(f"{now:%A %H:%M:%S}")
        if len(looks) == len(fetches):
            raise Stop

    with closing(open_store("", folder)) as store:
        settings = Settings(data_dir=folder, sources=("ECB",), ecb_url="https://ecb.example")
        bureau = make_bureau(settings, [], lambda: now)
        refresher = Refresher(
            bureau.sources["ECB"], bureau, Intake(bureau, store), store, Scripted(*fetches)
        )
        with pytest.raises(Stop):
            await refresher.run(lambda: now, lambda: 0.5, sleep)
        looks.append(f"{refresher.next_look(utc('2026-11-03 14:30'), 0.5):%A %H:%M:%S}")
    return looks


async def bug() -> bytes:
    raise ZeroDivisionError


async def away() -> bytes:
    raise DownloadFailed("the source is away")


async def asks_for_an_hour() -> bytes:
    raise DownloadFailed("the source is busy", utc("2026-11-02 16:01"))


async def rates() -> bytes:
    return xml_document({"2026-11-02": packaged_publications()[-1].rates()})


async def test_a_source_that_says_when_to_ask_again_is_not_looked_at_before(tmp_path: Path) -> None:
    assert await run(tmp_path, asks_for_an_hour, rates) == [
        "Monday 16:01:00",
        "Monday 17:01:00",
        "Tuesday 15:00:30",
    ]


async def test_a_run_goes_on_after_every_kind_of_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With half a minute of jitter."""
    caplog.set_level(logging.INFO, "pricedesk")
    assert await run(tmp_path, bug, away, rates) == [
        "Monday 15:06:30",
        "Monday 15:12:00",
        # The next publication is a day away, but the machine may be put to sleep until then.
        "Monday 16:12:00",
        "Tuesday 15:00:30",
    ]
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "internal error while looking for new rates"),
        ("WARNING", "no new rates"),
        ("INFO", "new rates"),
    ]


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (["2026-11-02"], None),
        (["2026-11-04"], None),
        (["2026-11-05"], "3 days after 2026-10-30 are left out"),
        (["2026-10-29", "2026-11-06"], "4 days after 2026-10-30 are left out"),
        (["2026-11-02", "2026-11-03", "2026-11-06"], None),
        # A date that cannot be is for the guards to judge, and leaves nothing out.
        (["2026-11-02", "2027-11-02"], None),
    ],
)
def test_a_document_that_leaves_days_out_is_refused(days: list[str], reason: str | None) -> None:
    """A day off may be unknown to the calendar, three are not."""
    known = SourceHistory(packaged_publications()[-3:])
    sheets = [Sheet(date.fromisoformat(day), {"USD": "1.1"}) for day in days]
    today = date(2026, 11, 6)
    if reason is None:
        check_no_days_left_out(sheets, known, ecb.CALENDAR, today)
        return
    with pytest.raises(RefusedDocument) as refusal:
        check_no_days_left_out(sheets, known, ecb.CALENDAR, today)
    assert str(refusal.value) == reason
