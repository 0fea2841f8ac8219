"""The calendars of the other sources, held against their recorded answers and known days off."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pricedesk.backend import calendars
from pricedesk.backend.calendars import AgeLimits, Calendar, State, state
from pricedesk.backend.sources import find_sources
from pricedesk.backend.sources.source import Source

FIXTURES = Path(__file__).parents[1] / "fixtures"
ONE_DAY = timedelta(days=1)
KEYS = ("ECB", "BOC", "NB", "BOE", "CNB", "NBP", "RB", "ERAPI")
SOURCES: dict[str, Source] = {s.key: s for s in find_sources(KEYS, "https://ecb.example")}


def calendar(key: str) -> Calendar:
    return SOURCES[key].calendar


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "recording", "count"),
    [
        ("BOC", "FX_RATES_DAILY-2026-03-12.json", 5),
        ("NB", "norges-bank-sdmx-2026-03-16_2026-03-24.csv", 7),
        ("BOE", "boe-iadb-2026-03-17_2026-03-20.csv", 4),
        ("CNB", "cnb-daily-year-2026.json", 65),
        ("NBP", "nbp-table-A-2026-03-01_2026-03-05.json", 4),
        ("RB", "riksbank-bygroup130-2026-03-24_2026-03-28.json", 4),
    ],
)
def test_the_days_of_a_recorded_answer_are_the_publication_days(
    key: str, recording: str, count: int
) -> None:
    source = SOURCES[key]
    first, last = date(2026, 3, 1), date(2026, 3, 5)
    raw = (FIXTURES / key.lower() / recording).read_bytes()
    published = [sheet.date for sheet in source.read(source.request(first, last), raw)]
    every_day = (published[0] + n * ONE_DAY for n in range((published[-1] - published[0]).days + 1))
    assert [day for day in every_day if calendar(key).is_publication_day(day)] == published
    assert len(published) == count


@pytest.mark.parametrize(
    ("key", "closed", "opened"),
    [
        (
            "BOC",
            # Family Day, Civic Holiday, Truth and Reconciliation, Remembrance Day, Boxing Day.
            "2025-02-17 2025-08-04 2025-09-30 2025-11-11 2025-12-26 2022-12-27",
            # Easter Monday; before 2021 the thirtieth of September was a day like any other.
            "2025-04-21 2025-12-24 2025-12-31 2020-09-30",
        ),
        (
            "NB",
            "2024-12-24 2024-12-25 2024-12-26 2025-04-17 2025-05-29 2025-06-09 2027-05-17",
            "2024-12-23 2024-12-27 2024-12-31 2023-12-29",
        ),
        (
            "BOE",
            # The coronation, the funeral of Queen Elizabeth, and the moved holidays of 2022.
            "2023-05-08 2022-09-19 2022-06-02 2022-06-03 2025-08-25 2026-12-28",
            "2025-12-24 2025-12-31 2025-11-11 2022-05-30",
        ),
        (
            "CNB",
            "2025-05-08 2022-07-05 2022-07-06 2022-09-28 2025-11-17 2025-12-24 2026-04-03",
            "2025-12-31 2025-12-23 2015-04-03",
        ),
        (
            "NBP",
            "2025-12-24 2026-12-24 2025-06-19 2022-08-15 2025-11-11 2026-01-06",
            # Christmas Eve is a day off in Poland since 2025; the last one was made in a hurry.
            "2024-12-24 2025-04-18 2025-12-31 2018-11-12",
        ),
        (
            "RB",
            "2025-06-20 2025-12-24 2025-12-31 2025-06-06 2014-06-06 2025-05-29 2025-01-06",
            # Banks close at two on these, which leaves the day for publishing.
            "2025-04-17 2025-04-30 2025-05-30 2025-10-31 2025-12-23 2025-12-30",
        ),
        ("ERAPI", "", "2025-12-25 2026-01-01 2026-10-31 2026-11-01"),
    ],
)
def test_the_days_off_of_a_bank_are_its_days_without_a_publication(
    key: str, closed: str, opened: str
) -> None:
    publishes = calendar(key).is_publication_day
    assert [day for day in closed.split() if publishes(date.fromisoformat(day))] == []
    assert [day for day in opened.split() if not publishes(date.fromisoformat(day))] == []


@pytest.mark.parametrize("language", ["C", "en_US", "sv_SE", "de_DE"])
def test_no_calendar_depends_on_the_language_of_the_machine(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", language)
    calendars._closing_days.cache_clear()
    assert calendar("RB").is_publication_day(date(2025, 4, 17))
    assert not calendar("RB").is_publication_day(date(2025, 6, 6))


def test_what_agrees_with_years_of_publications_is_proven() -> None:
    assert [key for key in KEYS if calendar(key).proven] == ["ECB", "BOC", "CNB", "NBP", "RB"]


@pytest.mark.parametrize(
    ("key", "day", "out"),
    [
        # By the clock where the bank is: in winter, in summer, and where the weeks differ.
        ("BOC", "2026-01-15", "2026-01-15 21:30"),
        ("BOC", "2026-07-15", "2026-07-15 20:30"),
        ("BOC", "2026-03-17", "2026-03-17 20:30"),
        ("NB", "2026-03-17", "2026-03-17 15:00"),
        ("NB", "2026-07-15", "2026-07-15 14:00"),
        ("CNB", "2026-01-15", "2026-01-15 13:30"),
        ("CNB", "2026-07-15", "2026-07-15 12:30"),
        ("NBP", "2026-01-15", "2026-01-15 11:15"),
        ("NBP", "2026-07-15", "2026-07-15 10:15"),
        ("RB", "2026-01-15", "2026-01-15 15:15"),
        ("RB", "2026-07-15", "2026-07-15 14:15"),
        ("ERAPI", "2026-10-31", "2026-10-31 00:05"),
        # On the next working day in London; over the weekend and over Easter.
        ("BOE", "2026-01-15", "2026-01-16 09:30"),
        ("BOE", "2026-07-15", "2026-07-16 08:30"),
        ("BOE", "2026-07-17", "2026-07-20 08:30"),
        ("BOE", "2026-04-02", "2026-04-07 08:30"),
    ],
)
def test_a_publication_comes_out_by_the_clock_of_its_bank(key: str, day: str, out: str) -> None:
    assert calendar(key).published(date.fromisoformat(day)) == utc(out)


@pytest.mark.parametrize(
    ("now", "possible", "expected", "following"),
    [
        ("2026-07-17 08:29", "2026-07-15", "2026-07-15", "2026-07-17 08:30"),
        ("2026-07-17 08:30", "2026-07-16", "2026-07-15", "2026-07-20 08:30"),
        ("2026-07-17 12:30", "2026-07-16", "2026-07-16", "2026-07-20 08:30"),
        ("2026-07-18 12:00", "2026-07-16", "2026-07-16", "2026-07-20 08:30"),
        ("2026-07-20 08:30", "2026-07-17", "2026-07-16", "2026-07-21 08:30"),
        ("2026-07-20 12:30", "2026-07-17", "2026-07-17", "2026-07-21 08:30"),
        ("2026-04-06 12:00", "2026-04-01", "2026-04-01", "2026-04-07 08:30"),
    ],
)
def test_what_comes_a_day_later_is_expected_a_day_later(
    now: str, possible: str, expected: str, following: str
) -> None:
    london, at = calendar("BOE"), utc(now)
    assert str(london.newest_possible(at)) == possible
    assert str(london.newest_expected(at)) == expected
    assert london.next_publication(at) == utc(following)


@pytest.mark.parametrize(
    ("publication", "now", "on", "missed"),
    [
        # Thursday's is the newest there can be until Monday morning: nothing is missing.
        ("2026-07-16", "2026-07-19 12:00", None, 0),
        ("2026-07-16", "2026-07-20 12:29", None, 0),
        ("2026-07-16", "2026-07-20 12:30", None, 1),
        # Asked on Saturday what held on Friday: Friday's own is not out yet.
        ("2026-07-16", "2026-07-18 12:00", "2026-07-17", 0),
        ("2026-07-16", "2026-07-21 12:00", "2026-07-17", 1),
        # Of a day gone by, later publications were not to be expected.
        ("2026-07-16", "2026-07-31 12:00", "2026-07-16", 0),
        ("2026-07-16", "2026-07-31 12:00", "2026-07-20", 2),
    ],
)
def test_nothing_is_missing_that_cannot_be_out(
    publication: str, now: str, on: str | None, missed: int
) -> None:
    day = date.fromisoformat(on) if on else None
    assert calendar("BOE").missed(date.fromisoformat(publication), utc(now), day) == missed


@pytest.mark.parametrize(
    ("missed", "stale_after", "expected"),
    [
        (0, 1, State.FRESH),
        (1, 1, State.STALE),
        (1, 3, State.LATE),
        (2, 3, State.LATE),
        (3, 3, State.STALE),
    ],
)
def test_how_many_missed_publications_make_a_rate_stale_can_be_said(
    missed: int, stale_after: int, expected: State
) -> None:
    assert state(missed, AgeLimits(stale_after_missed=stale_after)) is expected


def test_unless_it_is_said_two_make_it_stale_and_nothing_is_refused() -> None:
    assert AgeLimits() == AgeLimits(stale_after_missed=2, refuse_after_missed=None)
