"""A rate book in a minute of the clock: while both are the same, so is what a question is answered.

A book never changes: a new one takes its place. The instant decides what day it is, which days are
still to come, and how many publications should be out. All of that changes at the beginning of a
minute: days begin then, in every zone, and calendars have their times in whole minutes. So what was
found out or said in a moment holds as long as it lasts, in whichever direction the clock steps
within it; with another book or in another minute nothing of it does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TypeAlias

from pricedesk.backend.calendars import AgeLimits, State, state
from pricedesk.backend.question import Question, instant_text
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Rate
from pricedesk.backend.sources.source import Source
from pricedesk.currencies import Currency
from pricedesk.errors import NoRate
from pricedesk.protocol import Explanation
from pricedesk.quote_lines import NOTHING

RATES_MAX = 4096
"""So many rates are remembered in a moment, 4 MB and with their reasons 8; one more, and all of
them are forgotten. That there is none counts as one."""

TABLES_MAX = 16
"""So many tables of all rates of a currency are remembered, the last ones, 3 MB at most: who asks
for one of a day gone by often goes on to the next day, and never comes back."""

RATES_OF_THE_PAST_MAX = 64
"""So many, and one table, are remembered once a moment is over. Long answers go on from it for as
long as a client takes to read them; each of a thousand may be from a moment of its own."""

ONE_MINUTE = timedelta(minutes=1)


class Found:
    """The rate that answers a question, and what there is to say of it whatever the amount.

    All but the rate is found out when somebody first wants to know it: what was missed needs tables
    of days off, which take a tenth of a second to load, and reasons need the other sources.
    """

    def __init__(
        self,
        rate: Rate,
        question: Question,
        book: RateBook,
        sources: Mapping[str, Source],
        ages: AgeLimits,
    ) -> None:
        self.rate = rate
        self._question = question
        self._book = book
        self._sources = sources
        self._ages = ages

    @property
    def source(self) -> Source | None:
        """Whose publication the rate is from, None if it is from none."""
        publication = self.rate.publication
        return self._sources[publication.source] if publication is not None else None

    @property
    def date(self) -> date:
        """The date of the publication; without one that is the day asked for."""
        publication = self.rate.publication
        return publication.date if publication is not None else self._question.day

    @cached_property
    def rate_text(self) -> str:
        """The rate for reading: see `Rate`. The numbers of Frankfurter's API are others."""
        return str(self.rate)

    @cached_property
    def missed(self) -> int:
        """How many publications were expected after the rate's."""
        publication, source = self.rate.publication, self.source
        if publication is None or source is None:
            return 0
        return self._question.missed(publication, source.calendar)

    @cached_property
    def state(self) -> State:
        """How the rate stands against its source's calendar."""
        return state(self.missed, self._ages)

    @cached_property
    def reasons(self) -> Explanation:
        """An explanation in which everything is missing that an amount decides, and the others."""
        rate, source, publication = self.rate, self.source, self.rate.publication
        provenance = publication.provenance if publication is not None else None
        return Explanation(
            amount=NOTHING,
            base=rate.base.code,
            counter=rate.counter.code,
            result=NOTHING,
            rate=self.rate_text,
            date=str(self.date),
            source=source.key if source else NOTHING,
            path="/".join(rate.path),
            state=self.state.value,
            missed=str(self.missed),
            published=_listed(rate.published),
            unrounded=NOTHING,
            rounding=NOTHING,
            pegs=_listed(rate.pegs),
            others=NOTHING,
            document=provenance.sha256 if provenance else NOTHING,
            fetched=instant_text(provenance.fetched_at) if provenance else NOTHING,
            attribution=source.attribution_url
            if source and source.attribution_required
            else NOTHING,
        )

    @cached_property
    def others(self) -> str:
        """What every source that did not answer has for the pair, as SOURCE:DATE:RATE."""
        return ",".join(self._others()) or NOTHING

    def _others(self) -> Iterator[str]:
        rate = self.rate
        if rate.base == rate.counter:
            return
        book = self._question.book_in(self._book)
        answering = rate.publication.source if rate.publication else None
        keys = [key for key in book.sources if key != answering]
        for other in book.rates(rate.base, rate.counter, self._question.day, keys=keys):
            if other.publication is not None:
                yield f"{other.publication.source}:{other.publication.date}:{other}"


class Refused:
    """That no rate answers a question; why is found out when somebody first wants to know it.

    `is_too_old` where there is a rate, but too many publications are missing after it.
    """

    def __init__(self, why: Callable[[], NoRate], *, is_too_old: bool = False) -> None:
        self._why = why
        self.is_too_old = is_too_old

    @cached_property
    def _reason(self) -> NoRate:
        return self._why()

    def error(self) -> NoRate:
        """The refusal, to be raised.

        A new one each time: one that is raised takes down where, and all that was at hand there.
        """
        return type(self._reason)(str(self._reason))


@dataclass(frozen=True, slots=True)
class Table:
    """What was looked up of a currency to several others: the rates by code, sorted.

    `too_old` is the first of those that are refused for that.
    """

    rates: Mapping[str, Found]
    too_old: Refused | None


def _listed(went_in: Sequence[tuple[str, str]]) -> str:
    return ",".join(f"{pair}:{text}" for pair, text in went_in) or NOTHING


_Wanted: TypeAlias = tuple[str, str, date | None, datetime | None, tuple[str, ...] | None]
"""What decides, in one moment, which rate answers; of a table without the second currency."""


class Moment:
    """A rate book from the beginning of a minute to its end, and the rates that were looked up."""

    __slots__ = ("_rates", "_rates_max", "_tables", "_tables_max", "begins", "book", "ends")

    def __init__(self, book: RateBook, instant: datetime) -> None:
        self.book = book
        self.begins = instant.replace(second=0, microsecond=0)
        self.ends = self.begins + ONE_MINUTE
        self._rates: dict[_Wanted, Found | Refused] = {}
        self._rates_max = RATES_MAX
        self._tables: dict[_Wanted, Table] = {}
        self._tables_max = TABLES_MAX

    def known(
        self, base: Currency, counter: Currency, question: Question
    ) -> Found | Refused | None:
        """What was looked up for such a question, None if nothing was."""
        wanted = (base.code, counter.code, question.on, question.known_at, question.keys)
        return self._rates.get(wanted)

    def known_of_now(self, base: Currency, counter: Currency) -> Found | None:
        """What was looked up for the present day, of no sources in particular."""
        found = self._rates.get((base.code, counter.code, None, None, None))
        return found if isinstance(found, Found) else None

    def remember(
        self, base: Currency, counter: Currency, question: Question, found: Found | Refused
    ) -> None:
        """Keep what was looked up in this book, for a question of this minute."""
        if len(self._rates) >= self._rates_max:
            self._rates.clear()
        wanted = (base.code, counter.code, question.on, question.known_at, question.keys)
        self._rates[wanted] = found

    def table(self, base: Currency, question: Question) -> Table | None:
        """All that was looked up of a currency for such a question, None if it was not."""
        return self._tables.get((base.code, "", question.on, question.known_at, question.keys))

    def remember_table(self, base: Currency, question: Question, table: Table) -> None:
        """Keep all that was looked up of a currency in this book, for a question of this minute."""
        while len(self._tables) >= self._tables_max:
            del self._tables[next(iter(self._tables))]
        wanted = (base.code, "", question.on, question.known_at, question.keys)
        self._tables[wanted] = table

    def end(self) -> None:
        """Remember little from now on: only who is pinned to this moment still asks."""
        self._rates_max, self._tables_max = RATES_OF_THE_PAST_MAX, 1
        self._rates.clear()
        self._tables.clear()
