"""When a source publishes: which publication should exist by now, and how old one is.

Days off come from the `holidays` library, whose table of the ECB's closing days agrees
with every date of the ECB's own history since 1999.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo

_ONE_DAY = timedelta(days=1)
_ONE_MINUTE = timedelta(minutes=1)
_SATURDAY = 5
_MONTH_AND_DAY = re.compile(r"[0-9]{2}-[0-9]{2}")


class State(Enum):
    """How a rate stands against its source's calendar."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Calendar:
    """A source's publication calendar.

    It publishes for every day from Monday to Friday that the holidays library does not list for
    any of `closed_with`, and for those in `opened_on`, which the library has as days off: at
    `publishes_at` in `zone`, on the day itself or so many publication days later as `days_later`
    says. Not before `overdue_after` has gone by as well is a publication said to be missing.

    What it is closed with are financial markets or countries by their codes, CA+government being
    Canada with the days off of its government, and days of every year like 12-24. Where it is
    closed with nothing at all, it publishes on weekends too. The days off are `proven` where
    they agree with years of the source's own publications.
    """

    closed_with: tuple[str, ...]
    zone: ZoneInfo
    publishes_at: time
    overdue_after: timedelta
    proven: bool = False
    days_later: int = 0
    opened_on: tuple[date, ...] = ()
    _last: list["_Standing | None"] = field(
        default_factory=lambda: [None], init=False, repr=False, compare=False
    )
    """What was found out last."""

    def __post_init__(self) -> None:
        # Answers are remembered for the rest of a minute: nothing may change within one.
        minute = self.publishes_at.replace(second=0, microsecond=0)
        if self.publishes_at != minute or self.overdue_after % _ONE_MINUTE:
            raise ValueError("a calendar has its times in whole minutes")

    def is_publication_day(self, day: date) -> bool:
        """Whether the source publishes on this day."""
        if not self.closed_with:
            return True
        if day.weekday() >= _SATURDAY:
            return False
        return day not in _closing_days(self.closed_with, day.year) or day in self.opened_on

    def newest_expected(self, now: datetime) -> date:
        """The date of the newest publication that should be out at `now`."""
        return self._standing(now).expected

    def newest_possible(self, now: datetime) -> date:
        """The date of the newest publication that can be out at `now`, if it is on time."""
        return self._standing(now).possible

    def next_publication(self, now: datetime) -> datetime:
        """The next instant at which the source publishes, after `now`."""
        return self._standing(now).next_publication

    def published(self, day: date) -> datetime:
        """The instant at which the publication of a day comes out."""
        for _ in range(self.days_later):
            day = self._following(day)
        return datetime.combine(day, self.publishes_at, self.zone).astimezone(UTC)

    def missed(self, publication: date, now: datetime, on: date | None = None) -> int:
        """How many publications after this one should be out at `now`.

        Of those for days after `on`, a day gone by, none was to be expected.
        """
        expected = self.newest_expected(now)
        return self.missed_on(publication, expected if on is None else min(on, expected))

    def unchanged(self, now: datetime) -> tuple[datetime, datetime]:
        """From when until when all that is said here of `now` is the same; not at the end itself.

        These are whole seconds, since publications come out at such.
        """
        standing = self._standing(now)
        return standing.begin, standing.end

    def today(self, now: datetime) -> date:
        """The date at `now` where the source is."""
        return self._standing(now).today

    def missed_on(self, publication: date, day: date) -> int:
        """How many publications after this one there are up to and with a day gone by."""
        return _publication_days(self, publication, day)

    def _standing(self, now: datetime) -> "_Standing":
        """How things stand at `now`: worked out once for as long as they stand so."""
        last = self._last[0]
        if last is None or not last.begin <= now < last.end:
            last = self._last[0] = self._standing_at(now)
        return last

    def _standing_at(self, now: datetime) -> "_Standing":
        today = now.astimezone(self.zone).date()
        possible = self._newest(today, now)
        expected = self._newest(today, now - self.overdue_after)
        following = self.published(self._following(possible))
        begins = [
            self.published(possible),
            self.published(expected) + self.overdue_after,
            self._midnight(today),
        ]
        ends = [
            following,
            self.published(self._following(expected)) + self.overdue_after,
            self._midnight(today + _ONE_DAY),
        ]
        return _Standing(max(begins), min(ends), today, possible, expected, following)

    def _newest(self, day: date, now: datetime) -> date:
        """The last publication day up to `day` whose publication is out at `now`."""
        while not self.is_publication_day(day) or now < self.published(day):
            day -= _ONE_DAY
        return day

    def _midnight(self, day: date) -> datetime:
        """The instant at which a day begins where the source is."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def _following(self, day: date) -> date:
        """The first publication day after a day."""
        day += _ONE_DAY
        while not self.is_publication_day(day):
            day += _ONE_DAY
        return day


@dataclass(frozen=True, slots=True)
class _Standing:
    """How things stand with a calendar from one instant to before another."""

    begin: datetime
    end: datetime
    today: date
    possible: date
    expected: date
    next_publication: datetime


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """How many missed publications are too many.

    One makes a rate late, `stale_after_missed` make it stale, and after `refuse_after_missed` it
    is not to be answered with; None never refuses.
    """

    stale_after_missed: int = 2
    refuse_after_missed: int | None = None


DEFAULT_AGE_LIMITS = AgeLimits()


def state(missed: int, limits: AgeLimits = DEFAULT_AGE_LIMITS) -> State:
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
        if _MONTH_AND_DAY.fullmatch(name):
            days.add(date.fromisoformat(f"{year}-{name}"))
        elif name in holidays.list_supported_financial():
            days.update(holidays.financial_holidays(name, years=year))
        else:
            kinds = ("public", *categories)
            days.update(holidays.country_holidays(name, years=year, categories=kinds))
    return frozenset(days)
