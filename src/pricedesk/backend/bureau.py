"""The questions that every door asks, answered from the rate book.

Doors parse a question, ask here, and write the answer down; that is why all of them give
the same digits.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from pricedesk.backend.calendars import AgeLimits, Calendar, State, state
from pricedesk.backend.conversion import Conversion, convert
from pricedesk.backend.moment import Found, Moment
from pricedesk.backend.pair_history import PairHistory, pair_history
from pricedesk.backend.rate_book import RateBook, Usable, any_publication
from pricedesk.backend.rates import Publication, Rate
from pricedesk.backend.sources.source import Source
from pricedesk.clock import Clock
from pricedesk.currencies import Currency
from pricedesk.errors import InvalidRequest, NoRateForDate, NoRatesKnown, RateTooOld
from pricedesk.money import ExactDecimal, Rounding
from pricedesk.protocol import Explanation
from pricedesk.quote_lines import NOTHING
from pricedesk.rate_lines import Unit

EARLIEST_ZONE = timedelta(hours=14)
"""The zone in which a day begins first: UTC+14. What is later there is the future everywhere."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds where a question does not say: the pair, how money is rounded, what is too old."""

    base: Currency
    counter: Currency
    rounding: Rounding = Rounding.HALF_UP
    ages: AgeLimits = field(default_factory=AgeLimits)


@dataclass(frozen=True, slots=True)
class Question:
    """When and of whom something was asked: `on` is the day asked for, the present one if None.

    `known_at` asks as if it were that instant, of the book as it was then; `keys` are sources
    to ask in the place of the configured order.
    """

    asked_at: datetime
    on: date | None = None
    known_at: datetime | None = None
    keys: tuple[str, ...] | None = None

    @property
    def at(self) -> datetime:
        """The instant by which the answer is judged: what is the future, what is late."""
        return self.known_at or self.asked_at

    @property
    def day(self) -> date:
        """The day that is asked for."""
        return self.on or self.at.date()

    def missed(self, publication: Publication, calendar: Calendar) -> int:
        """How many publications were expected after this one, up to then."""
        return calendar.missed(publication.date, self.at, self.on)


@dataclass(frozen=True, slots=True)
class Answer:
    """A conversion, and what it takes to give its reasons when somebody wants to know them.

    `found` has the rate of the conversion; it is of `moment`'s book.
    """

    conversion: Conversion
    found: Found
    question: Question
    moment: Moment
    sources: Mapping[str, Source]

    @property
    def state(self) -> State:
        """How the rate stands against its source's calendar."""
        return self.found.state

    def explained(self, *, with_others: bool = True) -> Explanation:
        """The answer with its reasons, as text; what other sources say costs the most of it."""
        conversion, found = self.conversion, self.found
        if found.reasons is None:
            found.reasons = self._reasons()
        others = NOTHING
        if with_others:
            found.others = others = found.others or ",".join(self._others()) or NOTHING
        return replace(
            found.reasons,
            amount=str(conversion.amount),
            result=str(conversion.result),
            unrounded=conversion.unrounded_text,
            others=others,
        )

    def _reasons(self) -> Explanation:
        """What is said of the rate, whatever the amount."""
        rate = self.found.rate
        publication = rate.publication
        source = self.sources[publication.source] if publication is not None else None
        provenance = publication.provenance if publication is not None else None
        return Explanation(
            amount=NOTHING,
            base=rate.base.code,
            counter=rate.counter.code,
            result=NOTHING,
            rate=str(rate),
            date=str(publication.date if publication else self.question.day),
            source=source.key if source else NOTHING,
            path="/".join(rate.path),
            state=self.found.state.value,
            missed=str(self.found.missed),
            published=_listed(rate.published),
            unrounded=NOTHING,
            rounding=self.conversion.rounding.value,
            pegs=_listed(rate.pegs),
            others=NOTHING,
            document=provenance.sha256 if provenance else NOTHING,
            fetched=_instant(provenance.fetched_at) if provenance else NOTHING,
            attribution=source.attribution_url
            if source and source.attribution_required
            else NOTHING,
        )

    def _others(self) -> Iterator[str]:
        """What every source that did not answer has for the pair, as SOURCE:DATE:RATE."""
        rate = self.found.rate
        if rate.base == rate.counter:
            return
        answering = rate.publication.source if rate.publication else None
        book = _as_known(self.moment.book, self.question)
        keys = [key for key in book.sources if key != answering]
        for other in book.rates(rate.base, rate.counter, self.question.day, keys=keys):
            if other.publication is not None:
                yield f"{other.publication.source}:{other.publication.date}:{other}"


def _as_known(book: RateBook, question: Question) -> RateBook:
    """The book as a question asks for it.

    Raises:
        NoRateForDate: nothing was known at that instant.
    """
    if question.known_at is None:
        return book
    known = book.known_at(question.known_at)
    if not len(known) and len(book):
        raise NoRateForDate(f"no rates were known here at {_instant(question.known_at)}")
    return known


def _listed(went_in: Sequence[tuple[str, str]]) -> str:
    return ",".join(f"{pair}:{text}" for pair, text in went_in) or NOTHING


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


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
        """The book of now in the minute of an instant; the same one while it lasts."""
        if instant is None:
            instant = self.clock()
        moment, book = self._moment, self.book  # A thread may put another book there.
        if not (moment.begins <= instant < moment.ends and moment.book is book):
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
        return Answer(conversion, found, question, moment, self.sources)

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
    ) -> dict[str, Rate]:
        """The rate of one currency to others that there is one for, sorted by code.

        Without `counters` these are all there are.

        Raises:
            NoRateForDate: the day is still to come.
            RateTooOld: there are rates, and all of them are, or one that was asked for is.
        """
        self._refuse_the_future(question)
        book, usable = _as_known(self.book, question), self._usable(question)
        day, keys = question.day, question.keys
        found = book.table(base, day, usable, keys, counters)
        if usable is not any_publication and (not found or counters is not None):
            for code, rate in book.table(base, day, keys=keys, counters=counters).items():
                if code not in found and rate.publication is not None:
                    raise self._too_old(rate, rate.publication, question)
        return found

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
        self._refuse_the_future(question)
        usable = self._usable(question)
        found = pair_history(self.book, (base, counter), (first, last), unit, usable)
        if found is None:  # It knows why.
            self.rate(base, counter, question)
            raise AssertionError("a rate without a source that answers")
        return found

    def state_of(self, rate: Rate, question: Question) -> State:
        """How the rate that answers a question stands against its source's calendar."""
        return state(self._missed(rate.publication, question), self.terms.ages)

    def currencies(self) -> list[str]:
        """The codes that the sources' newest publications answer for, sorted.

        Raises:
            NoRatesKnown: there are none.
        """
        codes: set[str] = set()
        for source in self.book.sources.values():
            if source.newest is not None:
                newest = source.newest
                codes.update([newest.convention.pivot, *newest.rates(), *newest.withheld])
        if not codes:
            raise NoRatesKnown("no rates are known yet")
        return sorted(codes)

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

    def _find(self, base: Currency, counter: Currency, question: Question, moment: Moment) -> Found:
        if question.known_at is not None:  # Which instants are to come changes within a minute.
            self._refuse_the_future(question)
        wanted = (base.code, counter.code, question.on, question.known_at, question.keys)
        found = moment.rate(wanted)
        if found is None:
            rate = self._look_up(base, counter, question, moment.book)
            missed = self._missed(rate.publication, question)
            found = Found(rate, missed, state(missed, self.terms.ages))
            moment.remember(wanted, found)
        return found

    def _look_up(
        self, base: Currency, counter: Currency, question: Question, book: RateBook
    ) -> Rate:
        self._refuse_the_future(question)
        book, day, keys = _as_known(book, question), question.day, question.keys
        usable = self._usable(question)
        if usable is any_publication:
            return book.rate(base, counter, day, keys=keys)
        for rate in book.rates(base, counter, day, usable, keys) if base != counter else ():
            return rate
        too_old = book.rate(base, counter, day, keys=keys)
        if too_old.publication is None:
            return too_old
        raise self._too_old(too_old, too_old.publication, question)

    def _missed(self, publication: Publication | None, question: Question) -> int:
        if publication is None:
            return 0
        return question.missed(publication, self.sources[publication.source].calendar)

    def _refuse_the_future(self, question: Question) -> None:
        on = question.on
        if question.at > question.asked_at:
            then = _instant(question.at)
            raise NoRateForDate(f"{then} is in the future: what is known then, nobody knows")
        if on is not None and on > (question.at + EARLIEST_ZONE).date():
            raise NoRateForDate(f"{on} is in the future: there is no rate for it yet")

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
