"""How long an answer may be kept: until the next publication that can change it comes out.

Frankfurter lets its newest rates be kept for a day and empties a cache of its own when new ones
come; whoever keeps an answer without that cache shows yesterday's rate.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pricedesk.backend.bureau import Bureau, Question
from pricedesk.backend.calendars import State, state
from pricedesk.backend.rates import Publication

DAY_SECONDS = 86_400
OVERDUE_SECONDS = 60
"""For so long at most when a publication is due that is not known yet."""

STATE_HEADER = "Pricedesk-Rate-State"
"""fresh, late or stale by the calendar of the source; of several sources the worst."""

_WHILE_RENEWING = f"stale-while-revalidate={DAY_SECONDS}, stale-if-error={DAY_SECONDS}"
FOR_A_DAY = ("Cache-Control", f"public, max-age={DAY_SECONDS}")
SETTLED = (
    "Cache-Control",
    f"public, max-age={DAY_SECONDS}, {_WHILE_RENEWING}",
)

_WORST_LAST = (State.FRESH, State.LATE, State.STALE)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an answer depends on: of which sources it tells, and up to which day.

    Those of which nothing is known may be among them. `last` is None where the newest rates
    were asked for, whatever their day.
    """

    keys: Collection[str]
    last: date | None = None


def cache_control(bureau: Bureau, now: datetime, scope: Scope) -> tuple[str, str]:
    """The header for an answer given now."""
    keys = [key for key in scope.keys if len(bureau.book.of(key))]
    if not keys:
        # Nothing was found; what is not known yet may come.
        return _fleeting(OVERDUE_SECONDS)
    if scope.last is not None and all(_settled(bureau, now, k, scope.last) for k in keys):
        return SETTLED
    return _fleeting(min(_seconds_left(bureau, now, k) for k in keys))


def _fleeting(seconds: int) -> tuple[str, str]:
    return ("Cache-Control", f"public, max-age={seconds}, stale-if-error={DAY_SECONDS}")


def _settled(bureau: Bureau, now: datetime, key: str, last: date) -> bool:
    """Whether a source's publications up to a day are known, so that only a correction is left."""
    history = bureau.book.of(key)
    newest, answering = history.newest, history.as_of(last)
    if newest is None or (answering is not None and answering.withheld):
        return False
    calendar = bureau.sources[key].calendar
    return newest.date >= last or (
        last < calendar.today(now) and calendar.missed_on(newest.date, last) == 0
    )


def _seconds_left(bureau: Bureau, now: datetime, key: str) -> int:
    """For how long the newest publication of a source is its newest."""
    calendar = bureau.sources[key].calendar
    left = (calendar.next_publication(now) - now) // timedelta(seconds=1)
    newest = bureau.book.of(key).newest
    overdue = newest is None or newest.date < calendar.newest_possible(now)
    # What is withheld may be released at any time.
    overdue = overdue or (newest is not None and bool(newest.withheld))
    return min(left, OVERDUE_SECONDS if overdue else DAY_SECONDS)


def rate_state(
    bureau: Bureau, now: datetime, on: date | None, publications: Collection[Publication]
) -> tuple[tuple[str, str], ...]:
    """The header that says how old the rates of an answer are, none where there are no rates."""
    question = Question(now, on)
    states = {
        state(question.missed(p, bureau.sources[p.source].calendar), bureau.terms.ages)
        for p in publications
    }
    return ((STATE_HEADER, max(states, key=_WORST_LAST.index).value),) if states else ()
