"""When a source publishes: which publication should exist by now, and how old one is.

Days off come from the `holidays` library, whose table of the ECB's closing days agrees
with every date of the ECB's own history since 1999.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5

STALE_AFTER_MISSED = 2
"""So many missed publications make a rate stale by default; fewer make it late."""


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """How many missed publications make a rate stale, and how many one that is refused."""

    stale_after_missed: int = STALE_AFTER_MISSED
    refuse_after_missed: int | None = None


class State(Enum):
    """How a rate stands against its source's calendar."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Calendar:
    """A source's publication calendar.

    It publishes on every day from Monday to Friday that the holidays library does not list
    for any of `closed_with`, at `publishes_at` in `zone`; not before `overdue_after` has gone
    by as well is a publication said to be missing. What it is closed with are financial
    markets or countries by their codes, CA+government being Canada with the days off of its
    government. Where it is closed with nothing at all, it publishes on weekends too. The days
    off are `proven` where they agree with years of the source's own publications.
    """

    closed_with: tuple[str, ...]
    zone: ZoneInfo
    publishes_at: time
    overdue_after: timedelta
    proven: bool = False

    def is_publication_day(self, day: date) -> bool:
        """Whether the source publishes on this day."""
        if not self.closed_with:
            return True
        return day.weekday() < _SATURDAY and day not in _closing_days(self.closed_with, day.year)

    def newest_expected(self, now: datetime) -> date:
        """The date of the newest publication that should be out at `now`."""
        day = now.astimezone(self.zone).date()
        while not self.is_publication_day(day) or now < self.published(day) + self.overdue_after:
            day -= _ONE_DAY
        return day

    def newest_possible(self, now: datetime) -> date:
        """The date of the newest publication that can be out at `now`, if it is on time."""
        day = now.astimezone(self.zone).date()
        while not self.is_publication_day(day) or now < self.published(day):
            day -= _ONE_DAY
        return day

    def next_publication(self, now: datetime) -> datetime:
        """The next instant at which the source publishes, after `now`."""
        day = now.astimezone(self.zone).date()
        while not self.is_publication_day(day) or self.published(day) <= now:
            day += _ONE_DAY
        return self.published(day)

    def published(self, day: date) -> datetime:
        """The instant at which the publication of a day comes out."""
        return datetime.combine(day, self.publishes_at, self.zone).astimezone(UTC)

    def missed(self, publication: date, now: datetime) -> int:
        """How many publications after this one should be out at `now`."""
        return self.missed_on(publication, self.newest_expected(now))

    def today(self, now: datetime) -> date:
        """The date at `now` where the source is."""
        return now.astimezone(self.zone).date()

    def missed_on(self, publication: date, day: date) -> int:
        """How many publications after this one there are up to and with a day gone by."""
        return _publication_days(self, publication, day)


def state(missed: int, limits: AgeLimits) -> State:
    """The state of a rate after which so many publications were missed."""
    if missed == 0:
        return State.FRESH
    return State.LATE if missed < limits.stale_after_missed else State.STALE


@lru_cache(maxsize=1024)
def _publication_days(calendar: Calendar, after: date, last: date) -> int:
    """How many publication days there are after one day, up to and with another."""
    days = (after + n * _ONE_DAY for n in range(1, (last - after).days + 1))
    return sum(calendar.is_publication_day(day) for day in days)


@lru_cache(maxsize=256)
def _closing_days(closed_with: tuple[str, ...], year: int) -> frozenset[date]:
    # Imported late: it takes a tenth of a second, which the first answer need not wait for.
    import holidays  # noqa: PLC0415

    days: set[date] = set()
    for code in closed_with:
        name, *categories = code.split("+")
        if name in holidays.list_supported_financial():
            found = holidays.financial_holidays(name, years=year)
        else:
            found = holidays.country_holidays(name, years=year, categories=("public", *categories))
        # Some are days off in the afternoon only, which leaves the morning for publishing.
        days.update(day for day, what in found.items() if "(from " not in what)
    return frozenset(days)
