"""The questions that every door asks, answered from the rate book.

Doors parse a question, ask here, and write the answer down; that is why all of them give
the same digits.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial

from pricedesk.backend.calendars import AgeLimits, State, state
from pricedesk.backend.conversion import Conversion, convert
from pricedesk.backend.moment import Found, Moment, Refused, Table
from pricedesk.backend.pair_history import PairHistory, pair_history
from pricedesk.backend.question import Question
from pricedesk.backend.rate_book import RateBook, Usable, any_publication
from pricedesk.backend.rates import Publication, Rate
from pricedesk.backend.sources.source import Source
from pricedesk.clock import Clock
from pricedesk.currencies import CURRENCIES, Currency
from pricedesk.errors import InvalidRequest, NoRate, NoRatesKnown, RateTooOld
from pricedesk.money import ExactDecimal, Rounding
from pricedesk.protocol import Explanation
from pricedesk.quote_lines import NOTHING
from pricedesk.rate_lines import Unit


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds where a question does not say: the pair, how money is rounded, what is too old."""

    base: Currency
    counter: Currency
    rounding: Rounding = Rounding.HALF_UP
    ages: AgeLimits = field(default_factory=AgeLimits)


@dataclass(frozen=True, slots=True)
class Answer:
    """A conversion, and what was found to make it, of one moment."""

    conversion: Conversion
    found: Found
    question: Question
    moment: Moment

    def explained(self, *, with_others: bool = True) -> Explanation:
        """The answer with its reasons, as text; what other sources say costs the most of it."""
        conversion, found = self.conversion, self.found
        return replace(
            found.reasons,
            amount=str(conversion.amount),
            result=str(conversion.result),
            unrounded=conversion.unrounded_text,
            rounding=conversion.rounding.value,
            others=found.others if with_others else NOTHING,
        )


@dataclass(frozen=True, slots=True)
class SourceAge:
    """How a source stands against its calendar: its newest publication, how many it misses.

    `published_at` is when that one was due, `expected_at` when the next one comes out. Without
    a publication there is nothing but that.
    """

    key: str
    expected_at: datetime
    newest: Publication | None = None
    published_at: datetime | None = None
    missed: int = 0
    state: State = State.STALE


class Bureau:
    """Answers from one rate book, which is replaced as a whole when publications arrive.

    `sources` are the sources that are asked, in order.
    """

    def __init__(
        self, book: RateBook, sources: Iterable[Source], clock: Clock, terms: Terms
    ) -> None:
        self.book = book
        self.sources = {source.key: source for source in sources}
        self.terms = terms
        self.clock = clock
        self._moment = Moment(book, clock())

    def pinned(self) -> "Bureau":
        """One that goes on answering as this one does now, whatever passes or arrives meanwhile."""
        now = self.clock()
        moment = self.moment(now)
        pinned = Bureau(moment.book, self.sources.values(), lambda: now, self.terms)
        pinned._moment = moment
        return pinned

    def moment(self, instant: datetime | None = None) -> Moment:
        """The book of now in the minute of an instant, of now if None.

        While one moment after the other is asked for, each is one object as long as it lasts.
        """
        if instant is None:
            instant = self.clock()
        moment, book = self._moment, self.book  # A thread may put another book there.
        if not (moment.begins <= instant < moment.ends and moment.book is book):
            moment.end()
            moment = self._moment = Moment(book, instant)
        return moment

    def convert(  # noqa: PLR0913  # the parts of a question
        self,
        amount: ExactDecimal,
        base: Currency | None = None,
        counter: Currency | None = None,
        on: date | None = None,
        *,
        known_at: datetime | None = None,
        keys: tuple[str, ...] | None = None,
    ) -> Answer:
        """Convert an amount at the rate that held on a day; the present day if None.

        Raises:
            NoRate: no published rate answers this, or did at `known_at`; or the day is still
                to come.
            NoRatesKnown: no rates are known at all.
        """
        question = Question(self.clock(), on, known_at, keys)
        moment = self.moment(question.asked_at)
        pair = base or self.terms.base, counter or self.terms.counter
        found = self._find(*pair, question, moment)
        conversion = convert(amount, found.rate, self.terms.rounding)
        return Answer(conversion, found, question, moment)

    def find(self, base: Currency, counter: Currency, question: Question) -> Found:
        """The rate that answers a question, and how old it is; looked up once in a moment.

        Raises:
            NoRate: as for `convert`.
        """
        return self._find(base, counter, question, self.moment(question.asked_at))

    def rate(self, base: Currency, counter: Currency, question: Question) -> Rate:
        """The rate that answers a question.

        Raises:
            NoRate: as for `convert`.
        """
        return self.find(base, counter, question).rate

    def table(
        self, base: Currency, question: Question, counters: Collection[Currency] | None = None
    ) -> Mapping[str, Found]:
        """The rate of one currency to others that there is one for, sorted by code.

        Without `counters` these are all there are.

        Raises:
            NoRateForDate: the day is still to come.
            RateTooOld: there are rates, and all of them are, or one that was asked for is.
        """
        question.refuse_the_future()
        moment = self.moment(question.asked_at)
        table = moment.table(base, question) if counters is None else None
        if table is None:
            table = self._table(base, question, counters, moment)
            if counters is None:
                moment.remember_table(base, question, table)
        if table.too_old is not None and (counters is not None or not table.rates):
            raise table.too_old.error()
        return table.rates

    def series(
        self,
        base: Currency,
        counters: Collection[Currency] | None,
        first: date,
        last: date,
        keys: tuple[str, ...] | None = None,
    ) -> Iterator[tuple[date, dict[str, Rate]]]:
        """The rates of a currency as they came from one day to another: see RateBook.series."""
        return self.book.series(base, counters, first, last, keys)

    def history(
        self, base: Currency, counter: Currency, first: date, last: date, unit: Unit
    ) -> PairHistory:
        """The rates of a pair that one source published in a span of days: see pair_history.

        Raises:
            InvalidRequest: it is a currency to itself, or there are too many.
            NoRate: as for `convert`; of the last day, where nothing was published in the span.
        """
        if base == counter:
            raise InvalidRequest(f"{base} to {counter} has no history: it is always 1")
        question = Question(self.clock(), last)
        question.refuse_the_future()
        usable = self._usable(question)
        found = pair_history(self.book, (base, counter), (first, last), unit, usable)
        if found is None:  # It knows why.
            self.rate(base, counter, question)
            raise AssertionError("a rate without a source that answers")
        return found

    def currencies(self) -> Sequence[str]:
        """The codes that the sources' newest publications answer for, sorted.

        Raises:
            NoRatesKnown: there are none.
        """
        codes = self.book.newest_codes
        if not codes:
            raise NoRatesKnown("no rates are known yet")
        return codes

    def ages(self) -> list[SourceAge]:
        """How each source stands against its calendar now, in order."""
        now = self.clock()
        return [self._age(source, now) for source in self.sources.values()]

    def take(self, publications: Iterable[Publication]) -> None:
        """Answer from these publications too, from the next question on.

        To be called in a thread: no question waits for the new book to be ready.
        """
        book = self.book.with_publications(publications)
        book.prepare()
        self.book = book

    def _age(self, source: Source, now: datetime) -> SourceAge:
        newest = self.book.of(source.key).newest
        expected_at = source.calendar.next_publication(now)
        if newest is None:
            return SourceAge(source.key, expected_at)
        published_at = source.calendar.published(newest.date)
        missed = source.calendar.missed(newest.date, now)
        standing = state(missed, self.terms.ages)
        return SourceAge(source.key, expected_at, newest, published_at, missed, standing)

    def _table(
        self,
        base: Currency,
        question: Question,
        counters: Collection[Currency] | None,
        moment: Moment,
    ) -> Table:
        asked = counters
        if asked is None:
            asked = question.book_in(moment.book).counters(base, question.day, question.keys)
        # All rates of one day after the other would drive out what is asked again.
        remembers = counters is not None or question.on is None
        found: dict[str, Found] = {}
        too_old: Refused | None = None
        for code in sorted({counter.code for counter in asked} - {base.code}):
            counter = CURRENCIES[code]
            known = moment.known(base, counter, question)
            if known is None:
                known = self._looked_up(base, counter, question, moment.book)
                if remembers:
                    moment.remember(base, counter, question, known)
            if isinstance(known, Found):
                found[code] = known
            elif known.is_too_old:
                too_old = too_old or known
        return Table(found, too_old)

    def _find(self, base: Currency, counter: Currency, question: Question, moment: Moment) -> Found:
        found = moment.known(base, counter, question)
        # Which instants are to come changes within a minute, which days are does not.
        if found is None or question.known_at is not None:
            question.refuse_the_future()
        if found is None:
            found = self._looked_up(base, counter, question, moment.book)
            moment.remember(base, counter, question, found)
        if isinstance(found, Refused):
            raise found.error()
        return found

    def _looked_up(
        self, base: Currency, counter: Currency, question: Question, book: RateBook
    ) -> Found | Refused:
        then, day, keys = question.book_in(book), question.day, question.keys
        usable = self._usable(question)
        rate = then.find(base, counter, day, usable, keys)
        if rate is not None:
            return Found(rate, question, book, self.sources, self.terms.ages)
        too_old = (
            then.find(base, counter, day, keys=keys) if usable is not any_publication else None
        )
        if too_old is not None and too_old.publication is not None:
            why = partial(self._too_old, too_old, too_old.publication, question)
            return Refused(why, is_too_old=True)
        return Refused(partial(_why_none, base, counter, question, book))

    def _missed(self, publication: Publication, question: Question) -> int:
        return question.missed(publication, self.sources[publication.source].calendar)

    def _usable(self, question: Question) -> Usable:
        """Whether a publication is young enough to answer a question."""
        most = self.terms.ages.refuse_after_missed
        if most is None:
            return any_publication

        def usable(publication: Publication) -> bool:
            return self._missed(publication, question) <= most

        return usable

    def _too_old(self, rate: Rate, publication: Publication, question: Question) -> RateTooOld:
        missed = self._missed(publication, question)
        return RateTooOld(
            f"the rate for {rate.base} to {rate.counter} is of {publication.date}"
            f" ({publication.source}), and {missed} later publications are due and not known"
            f" here: more than {self.terms.ages.refuse_after_missed} are not answered with"
        )


def _why_none(base: Currency, counter: Currency, question: Question, book: RateBook) -> NoRate:
    """Why no source has a rate: of the book of then, which is not held on to until it is asked."""
    then = question.book_in(book)
    return then.refusal(base, counter, question.day, question.keys)
