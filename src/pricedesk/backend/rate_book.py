"""All accepted publications in memory, and which of them answers for a pair on a day.

The first source in order that has both currencies answers alone, from one publication: values
of two sources or of two dates are never mixed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from typing import TypeAlias

from pricedesk.backend.pegs import Peg
from pricedesk.backend.rates import Publication, Rate, identity, rate_in
from pricedesk.currencies import CURRENCIES, Currency
from pricedesk.errors import NoRate, NoRateForCurrency, NoRateForDate, NoRatesKnown

PEG = "PEG"
"""In an order of sources, the place of official parities."""

HOLDS_FOR = timedelta(days=14)
"""For so long at most does a publication answer when a later one is known: where more days
lie between them, publications are missing here. No source pauses for longer."""

REMEMBERED_INSTANTS_MAX = 4
"""For so many instants do a book and each of its histories keep what they were then."""

Usable: TypeAlias = Callable[[Publication], bool]
"""Whether a publication may answer; one that may not is passed over."""


def any_publication(_publication: Publication) -> bool:
    """Whatever is known may answer."""
    return True


@dataclass(frozen=True, slots=True)
class Order:
    """Which sources are asked first, in general and for the pairs that have their own order."""

    sources: tuple[str, ...]
    pairs: Mapping[frozenset[str], tuple[str, ...]] = field(default_factory=dict)

    def of(self, base: str, counter: str) -> tuple[str, ...]:
        """The order for a pair, whichever way round."""
        if not self.pairs:
            return self.sources
        return self.pairs.get(frozenset((base, counter)), self.sources)

    def partners(self, base: str) -> Iterator[str]:
        """The currencies with which this one is a pair of its own order."""
        for pair in self.pairs:
            if base in pair:
                yield from pair - {base}


class SourceHistory:
    """All accepted publications of one source by date; never changes once it is made.

    Of several revisions of one date the newest answers.
    """

    def __init__(self, revisions: Iterable[Publication]) -> None:
        self.revisions = tuple(revisions)
        self._known: dict[int, SourceHistory] = {}
        by_date: dict[date, Publication] = {}
        for publication in self.revisions:
            known = by_date.get(publication.date)
            if known is None or publication.revision > known.revision:
                by_date[publication.date] = publication
        self.dates = sorted(by_date)
        self._publications = [by_date[day] for day in self.dates]

    def __len__(self) -> int:
        return len(self._publications)

    def __iter__(self) -> Iterator[Publication]:
        return iter(self._publications)

    @property
    def newest(self) -> Publication | None:
        """The publication of the latest date, None if there is none."""
        return self._publications[-1] if self._publications else None

    def on(self, day: date) -> Publication | None:
        """The publication of exactly this day."""
        found = self.as_of(day)
        return found if found is not None and found.date == day else None

    def as_of(self, day: date) -> Publication | None:
        """The last publication on or before a day, however long before."""
        index = bisect_right(self.dates, day)
        return self._publications[index - 1] if index else None

    def between(self, first: date, last: date) -> list[Publication]:
        """The publications from one day to another."""
        return self._publications[bisect_left(self.dates, first) : bisect_right(self.dates, last)]

    def answering(
        self, codes: Collection[str], day: date, usable: Usable = any_publication
    ) -> Publication | None:
        """The publication that answers for all of these currencies on a day, if one does.

        It is the last one on or before the day. Where that one withholds a currency, which its
        source did publish, the one before it goes on answering.
        """
        index = bisect_right(self.dates, day)
        while index:
            publication = self._publications[index - 1]
            if index < len(self._publications) and day - publication.date > HOLDS_FOR:
                return None
            if all(map(publication.publishes, codes)):
                return publication if usable(publication) else None
            lacking = [code for code in codes if not publication.publishes(code)]
            if not publication.withheld.issuperset(lacking):
                return None
            index -= 1
        return None

    def spans(self, code: str) -> Sequence[tuple[date, date]]:
        """From when to when a currency was published without a gap, first and last date each.

        A day on which its value was withheld is no gap.
        """
        return self._spans_by_code.get(code, ())

    @cached_property
    def extents(self) -> Mapping[str, tuple[date, date]]:
        """The first and the last date of each currency that was ever published, the pivot too."""
        return {code: (spans[0][0], spans[-1][1]) for code, spans in self._spans_by_code.items()}

    @cached_property
    def _spans_by_code(self) -> Mapping[str, Sequence[tuple[date, date]]]:
        found: dict[str, list[tuple[date, date]]] = {}
        begun: dict[str, date] = {}
        before: date | None = None
        for publication in self._publications:
            there = {publication.convention.pivot, *publication.rates()}
            there |= publication.withheld & begun.keys()
            for code in begun.keys() - there:
                found.setdefault(code, []).append((begun.pop(code), before or publication.date))
            for code in there - begun.keys():
                begun[code] = publication.date
            before = publication.date
        for code, first in begun.items():
            found.setdefault(code, []).append((first, before or first))
        return found

    @cached_property
    def version(self) -> bytes:
        """A digest of all that answers: another one after any correction of any date."""
        digest = blake2b(digest_size=16)
        for p in self._publications:
            withheld = ",".join(sorted(p.withheld))
            digest.update(f"{p.date} {p.codes} {p.units} {p.row} {withheld}\n".encode())
        return digest.digest()

    def with_publication(self, publication: Publication) -> "SourceHistory":
        """A history that has this one as well."""
        grown = SourceHistory(())
        grown.revisions = (*self.revisions, publication)
        grown.dates = self.dates.copy()
        grown._publications = self._publications.copy()
        index = bisect_left(self.dates, publication.date)
        if self.dates[index : index + 1] != [publication.date]:
            grown.dates.insert(index, publication.date)
            grown._publications.insert(index, publication)
        elif publication.revision > self._publications[index].revision:
            grown._publications[index] = publication
        return grown

    def known_at(self, instant: datetime) -> "SourceHistory":
        """What of it answered questions here at an instant."""
        count = bisect_right(self._known_since, instant)
        if count == len(self.revisions):
            return self
        known = self._known.get(count)  # What is known only grows: so many are always the same.
        if known is None:
            known = SourceHistory(p for p in self.revisions if p.known_since <= instant)
            while len(self._known) >= REMEMBERED_INSTANTS_MAX:
                del self._known[next(iter(self._known))]
            self._known[count] = known
        return known

    @cached_property
    def _known_since(self) -> Sequence[datetime]:
        """The instants since which the revisions are known, sorted."""
        return sorted(p.known_since for p in self.revisions)


class RateBook:
    """All accepted publications; never changes once it is made.

    Without an `order` sources answer in the order in which they first occur.
    """

    def __init__(
        self,
        publications: Iterable[Publication],
        order: Order | None = None,
        pegs: Sequence[Peg] = (),
    ) -> None:
        revisions: dict[str, list[Publication]] = {}
        for key in order.sources if order is not None else ():
            if key != PEG:
                revisions[key] = []
        for publication in publications:
            revisions.setdefault(publication.source, []).append(publication)
        self.order = order or Order(tuple(revisions))
        self._pegs = {peg.currency: peg for peg in pegs}
        self._sources = {key: SourceHistory(found) for key, found in revisions.items()}
        self._at: dict[datetime, RateBook] = {}

    def __len__(self) -> int:
        return sum(map(len, self._sources.values()))

    def __iter__(self) -> Iterator[Publication]:
        for source in self._sources.values():
            yield from source

    @property
    def sources(self) -> Mapping[str, SourceHistory]:
        """The history of each source, by its key."""
        return self._sources

    @property
    def pegs(self) -> Mapping[str, Peg]:
        """The official parities by currency, whether or not the order asks for them."""
        return self._pegs

    @cached_property
    def version(self) -> str:
        """A digest of all that answers and in which order; two books that share it agree."""
        digest = blake2b(digest_size=16)
        pairs = sorted((sorted(pair), keys) for pair, keys in self.order.pairs.items())
        digest.update(f"{self.order.sources} {pairs} {sorted(self._pegs.items())}".encode())
        for key, source in self._sources.items():
            digest.update(key.encode() + source.version)
        return digest.hexdigest()

    def of(self, source: str) -> SourceHistory:
        """The publications of one source."""
        return self._sources.get(source) or SourceHistory([])

    @property
    def newest(self) -> Publication:
        """The publication of the latest date of the first source that has one.

        Raises:
            NoRatesKnown: the book is empty.
        """
        for source in self._sources.values():
            if source.newest is not None:
                return source.newest
        raise NoRatesKnown("no rates are known yet")

    @cached_property
    def newest_codes(self) -> Sequence[str]:
        """The currencies that the sources' newest publications answer for, sorted by code."""
        codes: set[str] = set()
        for source in self._sources.values():
            newest = source.newest
            if newest is not None:
                codes.update([newest.convention.pivot, *newest.rates(), *newest.withheld])
        return tuple(sorted(codes))

    def prepare(self) -> None:
        """Work out now what the first questions would have to wait for otherwise."""
        _ = self.version
        for source in self._sources.values():
            _ = source.extents

    def with_publications(self, publications: Iterable[Publication]) -> "RateBook":
        """A new book that knows these as well."""
        added: dict[str, list[Publication]] = {}
        for publication in publications:
            added.setdefault(publication.source, []).append(publication)
        grown = {
            key: SourceHistory([*self.of(key).revisions, *found]) for key, found in added.items()
        }
        return self._with_sources({**self._sources, **grown})

    def known_at(self, instant: datetime) -> "RateBook":
        """The book as it was at an instant: later publications and corrections left out."""
        known = self._at.get(instant)
        if known is None:
            known = self._with_sources({k: s.known_at(instant) for k, s in self._sources.items()})
            while len(self._at) >= REMEMBERED_INSTANTS_MAX:
                del self._at[next(iter(self._at))]
            self._at[instant] = known
        return known

    def _with_sources(self, sources: Mapping[str, SourceHistory]) -> "RateBook":
        book = RateBook([], self.order, tuple(self._pegs.values()))
        book._sources = dict(sources)
        return book

    def find(
        self,
        base: Currency,
        counter: Currency,
        day: date,
        usable: Usable = any_publication,
        keys: Sequence[str] | None = None,
    ) -> Rate | None:
        """The rate of a pair as of a day, by the first source in order that has it.

        None if there is none: `refusal` tells why. Both currencies are looked up in one
        publication of one source; an older one never stands in for a currency that it does not
        have. `keys` are the sources to ask, in order, in the place of the configured ones.
        """
        if base == counter:
            return identity(base)
        return next(self.rates(base, counter, day, usable, keys), None)

    def refusal(
        self, base: Currency, counter: Currency, day: date, keys: Sequence[str] | None = None
    ) -> NoRate:
        """Why no source has the rate, naming the currency that is to blame if one is.

        NoRatesKnown: the book is empty, or has nothing of the sources that are asked.
        NoRateForCurrency: a currency is in no publication of any date. NoRateForDate: the day is
        before the first publication, or no publication that holds on the day has values for both.
        """
        asked = keys if keys is not None else self.order.of(base.code, counter.code)
        keys = [key for key in asked if key != PEG]
        sources = {key: self.of(key) for key in keys if len(self.of(key))}
        if not sources:
            of_these = f" of {', '.join(keys)}" if len(self) and keys else ""
            return NoRatesKnown(f"no rates{of_these} are known yet")
        for currency in (base, counter):
            peg = self._peg(currency, day) if PEG in asked else None
            codes = (currency.code, peg.anchor) if peg is not None else (currency.code,)
            if any(source.answering([c], day) for source in sources.values() for c in codes):
                continue
            told = [
                why
                for name, source in sources.items()
                if (why := _why_not_then(name, source, currency.code, day)) is not None
            ]
            if not told:
                return NoRateForCurrency(f"{_none_of(sources)} {currency}")
            return NoRateForDate(f"there is no rate for {currency} on {day}: {'; '.join(told)}")
        return NoRateForDate(f"no source has both {base} and {counter} on {day}")

    def rates(
        self,
        base: Currency,
        counter: Currency,
        day: date,
        usable: Usable = any_publication,
        keys: Sequence[str] | None = None,
    ) -> Iterator[Rate]:
        """What each source has for a pair of different currencies as of a day, in their order."""
        codes = (base.code, counter.code)
        for key in keys if keys is not None else self.order.of(*codes):
            if key == PEG:
                yield from self._by_parity(base, counter, day, usable, keys)
            elif key in self._sources:
                publication = self._sources[key].answering(codes, day, usable)
                if publication is not None:
                    yield rate_in(publication, base, counter)

    def counters(
        self, base: Currency, day: date, keys: Sequence[str] | None = None
    ) -> list[Currency]:
        """The other currencies that may have a rate to this one on a day."""
        codes: set[str] = set(self.order.partners(base.code))
        asked = self._keys(keys)
        is_pegged = PEG in asked and base.code in self._pegs
        for key in asked:
            if key == PEG:
                codes.update(self._pegs)
            elif key in self._sources:
                publication = self._sources[key].as_of(day)
                if publication is None:
                    continue
                withheld = publication.withheld
                if is_pegged or publication.publishes(base.code) or base.code in withheld:
                    codes.update(publication.rates(), withheld)
                    codes.add(publication.convention.pivot)
        codes.discard(base.code)
        return [CURRENCIES[code] for code in codes & CURRENCIES.keys()]

    def table(
        self,
        base: Currency,
        day: date,
        keys: Sequence[str] | None = None,
        counters: Collection[Currency] | None = None,
    ) -> dict[str, Rate]:
        """The rate of one currency to others that there is one for, sorted by code.

        Without `counters` these are all there are.
        """
        if counters is None:
            counters = self.counters(base, day, keys)
        codes = {counter.code for counter in counters} - {base.code}
        found: dict[str, Rate] = {}
        for code in sorted(codes):
            rate = next(self.rates(base, CURRENCIES[code], day, keys=keys), None)
            if rate is not None:
                found[code] = rate
        return found

    def series(
        self,
        base: Currency,
        counters: Collection[Currency] | None,
        first: date,
        last: date,
        keys: Sequence[str] | None = None,
    ) -> Iterator[tuple[date, dict[str, Rate]]]:
        """The rates of a currency as they were published from one day to another, by date.

        For each date the rates that came to answer on it, by code; where no rate of the first
        day itself answers for a currency, the one in force then comes first, under its own
        earlier date. Currencies that no source has on a day cost no work on it.
        """
        started: dict[date, dict[str, Rate]] = {}
        lives = self._lives(base, counters, keys) if counters is not None else None
        for day in self._days(first, last, keys):
            came: dict[str, Rate] = {}
            wanted = (
                [counter for counter, begin, end in lives if begin <= day <= end]
                if lives is not None
                else None
            )
            for rate in self.table(base, day, keys=keys, counters=wanted).values():
                published = rate.publication.date if rate.publication is not None else day
                if published == day:
                    came[rate.counter.code] = rate
                elif day == first:
                    started.setdefault(published, {})[rate.counter.code] = rate
            if day == first:
                yield from sorted(started.items())
            if came:
                yield day, came

    def _lives(
        self, base: Currency, counters: Collection[Currency], keys: Sequence[str] | None
    ) -> list[tuple[Currency, date, date]]:
        """From when to when there may be a rate for each of these currencies."""
        found = []
        for counter in counters:
            begins, ends = [], []
            for key in keys if keys is not None else self.order.of(base.code, counter.code):
                history = self._sources.get(key)
                if key == PEG and {base.code, counter.code} & self._pegs.keys():
                    begins.append(date.min)
                    ends.append(date.max)
                elif history is not None and counter.code in history.extents:
                    begin, end = history.extents[counter.code]
                    begins.append(begin)
                    # What its newest publication has, or withholds, answers until the next one.
                    ends.append(date.max if end == history.dates[-1] else end + HOLDS_FOR)
            if begins:
                found.append((counter, min(begins), max(ends)))
        return found

    def _days(self, first: date, last: date, keys: Sequence[str] | None) -> list[date]:
        """The first day, and those after it on which a source published."""
        days = {first}
        for key in self._keys(keys):
            if key in self._sources:
                dates = self._sources[key].dates
                days.update(dates[bisect_right(dates, first) : bisect_right(dates, last)])
        return sorted(days) if first <= last else []

    def _keys(self, keys: Sequence[str] | None) -> Sequence[str]:
        return keys if keys is not None else self.order.sources

    def _by_parity(
        self,
        base: Currency,
        counter: Currency,
        day: date,
        usable: Usable,
        keys: Sequence[str] | None,
    ) -> Iterator[Rate]:
        """The rate of a pair of which one or both have an official parity on a day."""
        pegs = [self._peg(currency, day) for currency in (base, counter)]
        if not any(pegs):
            return
        ends = [
            CURRENCIES[peg.anchor] if peg else currency
            for peg, currency in zip(pegs, (base, counter), strict=True)
        ]
        others = [key for key in self._keys(keys) if key != PEG]
        if ends[0] == ends[1]:
            between: Rate | None = identity(ends[0])
        else:
            between = next(self.rates(ends[0], ends[1], day, usable, others), None)
        if between is not None:
            yield _with_parities(between, base, counter, pegs[0], pegs[1])

    def _peg(self, currency: Currency, day: date) -> Peg | None:
        peg = self._pegs.get(currency.code)
        return peg if peg is not None and peg.since <= day else None


def _with_parities(
    between: Rate, base: Currency, counter: Currency, of_base: Peg | None, of_counter: Peg | None
) -> Rate:
    """A rate between anchors, led on to the currencies that are pegged to them."""
    numerator, denominator = between.numerator, between.denominator
    path, pegs = list(between.path), []
    if of_base is not None:
        worth, of = of_base.fraction()
        numerator, denominator = numerator * of, denominator * worth
        path.insert(0, base.code)
        pegs.append((f"{of_base.anchor}/{base}", of_base.value))
    if of_counter is not None:
        worth, of = of_counter.fraction()
        numerator, denominator = numerator * worth, denominator * of
        path.append(counter.code)
        pegs.append((f"{of_counter.anchor}/{counter}", of_counter.value))
    return Rate(
        base,
        counter,
        numerator,
        denominator,
        tuple(path),
        between.published,
        between.publication,
        tuple(pegs),
    )


def _none_of(sources: Iterable[str]) -> str:
    """The beginning of a sentence about a currency that none of them has."""
    names = list(sources)
    if len(names) == 1:
        return f"{names[0]} does not publish"
    return f"none of {', '.join(names)} publishes"


def _why_not_then(name: str, source: SourceHistory, code: str, day: date) -> str | None:
    """Why a source that publishes a currency has no rate for it on a day, None if it does not."""
    newest, spans = source.as_of(day), source.spans(code)
    if newest is not None and code in newest.withheld:
        long = any(first <= day for first, _ in spans)
        since = f" for more than {HOLDS_FOR.days} days" if long else ""
        return f"what {name} published for it is withheld{since}"
    if not spans:
        return None
    if any(first <= day <= last for first, last in spans):
        return f"what {name} published about that day is not known here"
    return f"{name} has it {_times(spans, source)}"


def _times(spans: Sequence[tuple[date, date]], source: SourceHistory) -> str:
    newest = source.newest
    return " and ".join(
        f"since {first}" if newest and last == newest.date else f"from {first} to {last}"
        for first, last in spans
    )
