"""The ECB's publication calendar: which publication is out by when, held against its history."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricedesk.backend.calendars import AgeLimits, Calendar, State, state
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.sources.ecb import CALENDAR

ONE_DAY = timedelta(days=1)
NEXT_DAYS = [date(2026, 10, 29), date(2026, 10, 30), date(2026, 11, 2)]
INSTANTS = st.datetimes(datetime(1999, 1, 6), datetime(2035, 12, 31)).map(  # noqa: DTZ001  # bounds have no zone
    lambda naive: naive.replace(tzinfo=UTC)
)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}Z")


def test_every_date_of_the_history_is_a_publication_day_and_no_other_in_between(
    book: RateBook,
) -> None:
    published = [publication.date for publication in book]
    span = (published[-1] - published[0]).days
    every_day = (published[0] + n * ONE_DAY for n in range(span + 1))
    assert [day for day in every_day if CALENDAR.is_publication_day(day)] == published


@pytest.mark.parametrize(
    ("day", "publishes"),
    [
        ("2026-10-30", True),
        ("2026-10-31", False),
        ("2026-11-01", False),
        ("2026-11-02", True),
        ("2026-12-24", True),
        ("2026-12-25", False),
        ("2026-12-28", True),
        ("2025-12-26", False),
        ("2026-12-31", True),
        ("2027-01-01", False),
        ("2026-04-02", True),
        ("2026-04-03", False),
        ("2026-04-06", False),
        ("2026-04-07", True),
        ("2026-05-01", False),
        ("2026-05-14", True),
        ("2026-10-03", False),
        ("2030-04-19", False),
        ("2030-04-22", False),
    ],
)
def test_the_ecb_publishes_on_weekdays_that_are_no_target_holiday(
    day: str, publishes: bool
) -> None:
    assert CALENDAR.is_publication_day(date.fromisoformat(day)) is publishes


@pytest.mark.parametrize(
    ("now", "possible", "expected", "following"),
    [
        # A Friday in winter: out at 16:00 in Frankfurt, 15:00 UTC; missed from 17:00 on.
        ("2026-10-30T14:59:59.999999", "2026-10-29", "2026-10-29", "2026-10-30T15:00:00"),
        ("2026-10-30T15:00:00", "2026-10-30", "2026-10-29", "2026-11-02T15:00:00"),
        ("2026-10-30T15:59:59.999999", "2026-10-30", "2026-10-29", "2026-11-02T15:00:00"),
        ("2026-10-30T16:00:00", "2026-10-30", "2026-10-30", "2026-11-02T15:00:00"),
        # Over the weekend; it begins in Frankfurt an hour before it does in UTC.
        ("2026-10-30T23:30:00", "2026-10-30", "2026-10-30", "2026-11-02T15:00:00"),
        ("2026-11-01T12:00:00", "2026-10-30", "2026-10-30", "2026-11-02T15:00:00"),
        ("2026-11-02T15:30:00", "2026-11-02", "2026-10-30", "2026-11-03T15:00:00"),
        # In summer it is out at 14:00 UTC; the clocks change on the Sundays in between.
        ("2026-10-23T14:00:00", "2026-10-23", "2026-10-22", "2026-10-26T15:00:00"),
        ("2026-10-23T15:00:00", "2026-10-23", "2026-10-23", "2026-10-26T15:00:00"),
        ("2026-10-26T14:30:00", "2026-10-23", "2026-10-23", "2026-10-26T15:00:00"),
        ("2026-10-26T16:00:00", "2026-10-26", "2026-10-26", "2026-10-27T15:00:00"),
        ("2026-03-27T14:30:00", "2026-03-26", "2026-03-26", "2026-03-27T15:00:00"),
        ("2026-03-27T15:00:00", "2026-03-27", "2026-03-26", "2026-03-30T14:00:00"),
        ("2026-03-30T14:00:00", "2026-03-30", "2026-03-27", "2026-03-31T14:00:00"),
        # Easter: nothing on Good Friday and Easter Monday.
        ("2026-04-03T18:00:00", "2026-04-02", "2026-04-02", "2026-04-07T14:00:00"),
        ("2026-04-06T18:00:00", "2026-04-02", "2026-04-02", "2026-04-07T14:00:00"),
        ("2026-04-07T15:00:00", "2026-04-07", "2026-04-07", "2026-04-08T14:00:00"),
        # Christmas, and over the new year.
        ("2025-12-24T15:00:00", "2025-12-24", "2025-12-23", "2025-12-29T15:00:00"),
        ("2025-12-28T12:00:00", "2025-12-24", "2025-12-24", "2025-12-29T15:00:00"),
        ("2026-12-31T23:59:00", "2026-12-31", "2026-12-31", "2027-01-04T15:00:00"),
        ("2027-01-01T16:00:00", "2026-12-31", "2026-12-31", "2027-01-04T15:00:00"),
    ],
)
def test_what_is_out_and_what_comes_next(
    now: str, possible: str, expected: str, following: str
) -> None:
    at = instant(now)
    assert str(CALENDAR.newest_possible(at)) == possible
    assert str(CALENDAR.newest_expected(at)) == expected
    assert CALENDAR.next_publication(at) == instant(following)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-10-30T17:00:00+01:00", "2026-10-30"),
        ("2026-10-31T06:00:00+14:00", "2026-10-30"),
        ("2026-10-30T04:00:00-12:00", "2026-10-30"),
        ("2026-10-31T05:59:59+14:00", "2026-10-29"),
        ("2026-10-30T03:59:59-12:00", "2026-10-29"),
    ],
)
def test_an_instant_counts_and_not_the_zone_that_it_is_written_in(now: str, expected: str) -> None:
    assert str(CALENDAR.newest_expected(datetime.fromisoformat(now))) == expected


@pytest.mark.parametrize(
    ("zone", "now", "possible"),
    [
        ("Asia/Tokyo", "2026-10-29T22:59:59", "2026-10-29"),
        ("Asia/Tokyo", "2026-10-29T23:00:00", "2026-10-30"),
        ("America/Toronto", "2026-10-30T11:59:59", "2026-10-29"),
        ("America/Toronto", "2026-10-30T12:00:00", "2026-10-30"),
        ("America/Toronto", "2026-10-31T03:00:00", "2026-10-30"),
    ],
)
def test_the_days_of_a_source_are_those_of_its_own_zone(zone: str, now: str, possible: str) -> None:
    calendar = Calendar(("XECB",), ZoneInfo(zone), time(8, 0), timedelta(0))
    assert str(calendar.newest_possible(instant(now))) == possible
    assert str(calendar.newest_expected(instant(now))) == possible
    assert calendar.next_publication(instant(now)) == min(
        out for day in NEXT_DAYS if (out := calendar.published(day)) > instant(now)
    )


@given(INSTANTS)
@settings(deadline=None)  # the first look at a year takes long
def test_the_next_publication_is_the_first_that_will_be_possible(now: datetime) -> None:
    following = CALENDAR.next_publication(now)
    just_before = following - timedelta(microseconds=1)
    assert now < following
    assert CALENDAR.newest_possible(just_before) == CALENDAR.newest_possible(now)
    assert CALENDAR.newest_possible(following) == following.date()
    assert CALENDAR.published(following.date()) == following


@given(INSTANTS)
@settings(deadline=None)  # the first look at a year takes long
def test_a_publication_is_expected_an_hour_after_it_became_possible(now: datetime) -> None:
    an_hour_ago = now - timedelta(hours=1)
    assert CALENDAR.newest_expected(now) == CALENDAR.newest_possible(an_hour_ago)


@pytest.mark.parametrize(
    ("publication", "now", "missed"),
    [
        ("2026-10-30", "2026-10-30T18:00:00", 0),
        ("2026-10-30", "2026-11-01T23:00:00", 0),
        ("2026-10-30", "2026-11-02T15:59:59", 0),
        ("2026-10-30", "2026-11-02T16:00:00", 1),
        ("2026-10-30", "2026-11-03T15:59:59", 1),
        ("2026-10-30", "2026-11-03T16:00:00", 2),
        ("2026-10-30", "2026-11-30T16:00:00", 21),
        ("2026-04-02", "2026-04-07T14:59:59", 0),
        ("2026-04-02", "2026-04-07T15:00:00", 1),
        ("2025-12-24", "2025-12-29T15:59:59", 0),
        ("2025-12-24", "2025-12-29T16:00:00", 1),
        ("2025-10-30", "2026-10-30T16:00:00", 255),
        # A publication that is early has missed nothing.
        ("2026-10-30", "2026-10-30T15:10:00", 0),
        ("2026-10-30", "2020-01-01T00:00:00", 0),
    ],
)
def test_publications_are_missed_once_they_should_be_out(
    publication: str, now: str, missed: int
) -> None:
    assert CALENDAR.missed(date.fromisoformat(publication), instant(now)) == missed


@pytest.mark.parametrize(
    ("publication", "day", "missed"),
    [
        ("2026-10-30", "2026-10-30", 0),
        ("2026-10-30", "2026-11-01", 0),
        ("2026-10-30", "2026-11-02", 1),
        ("2026-10-30", "2026-11-06", 5),
        ("2026-04-02", "2026-04-06", 0),
        ("2026-04-02", "2026-04-07", 1),
        ("2026-10-30", "2026-10-01", 0),
    ],
)
def test_a_day_gone_by_has_had_its_publication(publication: str, day: str, missed: int) -> None:
    days = date.fromisoformat(publication), date.fromisoformat(day)
    assert CALENDAR.missed_on(*days) == missed


@pytest.mark.parametrize(
    ("missed", "expected"),
    [(0, State.FRESH), (1, State.LATE), (2, State.STALE), (21, State.STALE)],
)
def test_one_missed_publication_makes_a_rate_late_and_two_make_it_stale(
    missed: int, expected: State
) -> None:
    assert state(missed, AgeLimits()) is expected


def test_the_ecb_publishes_at_sixteen_hours_frankfurt_time_all_the_year() -> None:
    days = (date(2026, 1, 1) + n * ONE_DAY for n in range(365))
    local = {CALENDAR.published(day).astimezone(CALENDAR.zone).time() for day in days}
    assert local == {time(16, 0)}
