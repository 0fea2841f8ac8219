"""How long an answer may be kept: until the next publication that can change it comes out.

Frankfurter lets its newest rates be kept for a day and empties a cache of its own when new ones
come; whoever keeps an answer without that cache shows yesterday's rate. Its caches may give an old
answer for another day when it fails; ours may not, since a failure may be that its rate is too old.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.calendars import State, state
from pricedesk.backend.question import EARLIEST_ZONE, Question
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Publication
from pricedesk.http.messages import Expiry

DAY_SECONDS = 86_400
OVERDUE_SECONDS = 60
"""For so long at most when a publication is due that is not known yet."""

STATE_HEADER = "Pricedesk-Rate-State"
"""fresh, late or stale by the calendar of the source; of several sources the worst."""

_THEN_ASK = "must-revalidate"
"""Not given when it has ended, whatever we answer then, or if we do not (RFC 9111, 5.2.2.2)."""

FOR_A_DAY = ("Cache-Control", f"public, max-age={DAY_SECONDS}")
_SETTLED = Expiry(DAY_SECONDS, f"stale-while-revalidate={DAY_SECONDS}")
"""No age is held against the rates of such an answer: it is never refused later."""

_WORST_LAST = (State.FRESH, State.LATE, State.STALE)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an answer depends on: of which sources it tells, and up to which day.

    Those of which nothing is known may be among them. `last` is None where the newest rates
    were asked for, whatever their day.
    """

    keys: Collection[str]
    last: date | None = None


def instead(bureau: Bureau, asked: Collection[str] | None) -> Collection[str]:
    """The sources that may answer soon instead of the one that does; all may be asked if None.

    Where rates that are too old are passed over, one that comes answers again.
    """
    if bureau.terms.ages.refuse_after_missed is None:
        return ()
    return bureau.sources.keys() if asked is None else asked


class BureauGrounds:
    """What answers with an expiry are made from: the rate book, and the time in steps."""

    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau

    @property
    def version(self) -> RateBook:
        """The rate book, which is replaced as a whole."""
        return self._bureau.book

    def unchanged(self, now: datetime) -> tuple[datetime, datetime]:
        """From when until when answers are the same but for how long they last."""
        return unchanged(self._bureau, now)


def unchanged(bureau: Bureau, now: datetime) -> tuple[datetime, datetime]:
    """From when until when answers from one rate book are the same, but for how long they last.

    Not at the end itself. What depends on time are the present day, which days are still to
    come, and the sources' calendars.
    """
    spans = [source.calendar.unchanged(now) for source in bureau.sources.values()]
    spans += [_day(now, timedelta()), _day(now, EARLIEST_ZONE)]
    return max(begin for begin, _ in spans), min(end for _, end in spans)


def _day(now: datetime, ahead: timedelta) -> tuple[datetime, datetime]:
    """The day in a zone so far ahead, in universal time."""
    there = (now + ahead).replace(hour=0, minute=0, second=0, microsecond=0)
    return there - ahead, there - ahead + timedelta(days=1)


def expiry(bureau: Bureau, now: datetime, scope: Scope) -> Expiry:
    """How long an answer given now may be kept."""
    keys = [key for key in scope.keys if len(bureau.book.of(key))]
    if not keys:
        # Nothing was found; what is not known yet may come.
        return Expiry(OVERDUE_SECONDS, _THEN_ASK)
    if scope.last is not None and all(_settled(bureau, now, k, scope.last) for k in keys):
        return _SETTLED
    ends = [bureau.sources[key].calendar.next_publication(now) for key in keys]
    return Expiry(min(_seconds_max(bureau, now, k) for k in keys), _THEN_ASK, min(ends))


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


def _seconds_max(bureau: Bureau, now: datetime, key: str) -> int:
    """For how long at most the newest publication of a source is taken for its newest."""
    calendar = bureau.sources[key].calendar
    newest = bureau.book.of(key).newest
    overdue = newest is None or newest.date < calendar.newest_possible(now)
    # What is withheld may be released at any time.
    overdue = overdue or (newest is not None and bool(newest.withheld))
    return OVERDUE_SECONDS if overdue else DAY_SECONDS


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
