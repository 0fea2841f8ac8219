"""What sources published, and the rate of a pair that follows from it.

A publication is kept as it was published. A rate is an exact fraction of published
decimals, of one publication, and says how it was made: direct, inverted, or crossed.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from pricedesk.currencies import Currency
from pricedesk.errors import NoRate, NoRateForCurrency, NoRateForDate, NoRatesKnown
from pricedesk.money import ExactDecimal, significant_text

RATE_DIGITS = 12
"""Significant digits of a computed rate where it is shown; conversions use the fraction."""


_VALUE = re.compile(r"(?!0+(?:\.0+)?$)[0-9]{1,12}(?:\.[0-9]{1,12})?")


def is_published_value(text: str) -> bool:
    """Whether a text is a value as sources publish it: a positive plain decimal."""
    return _VALUE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a publication came from: which raw document, and when it was fetched."""

    sha256: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class PublishedRate:
    """One rate as published: so many `units` of `base` are worth `value` of `counter`.

    `value` is the decimal text of the source; `units` is 1, or 100 or 1000 for a currency of
    which one is worth little.
    """

    base: str
    counter: str
    units: int
    value: str

    @property
    def pair(self) -> str:
        """The pair for reading: EUR/CAD, or 100HUF/NOK."""
        return f"{self.units if self.units != 1 else ''}{self.base}/{self.counter}"

    def fraction(self) -> tuple[int, int]:
        """What one unit of the base is worth, as numerator and denominator."""
        exact = ExactDecimal.parse(self.value)
        return exact.unscaled, 10**exact.scale * self.units


@dataclass(frozen=True, slots=True)
class Convention:
    """How a source publishes: each of its rates has its `pivot`, the source's own currency.

    Where it is `per_pivot`, one unit of the pivot is worth the value (the ECB's way), else
    units of the other currency are worth the value in the pivot (the Bank of Canada's).
    """

    pivot: str
    per_pivot: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a document says for one date, by currency: the texts, as they stand in it.

    A value is for one unit of its currency, or for as many as `units` says. Whether a text is
    a value that can be believed is for the guards to say.
    """

    date: date
    rates: Mapping[str, str]
    units: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publication:
    """What one source published for one date, by its convention.

    The values are in `row`, in the order of `codes`: decimal texts as published, joined by
    commas, empty for a currency without a value. Kept like this a history of thousands of days
    is made in no time and takes little memory; publications that were read from one table
    share its `codes`. `units` has the units of each code, and is empty where all are 1. A
    correction is a further `revision`, from 1. The currencies in `withheld` were published too,
    with values that a guard did not believe. What was accepted later than it was fetched, by a
    person who released it, has its own `accepted_at`.
    """

    source: str
    date: date
    convention: Convention
    codes: tuple[str, ...]
    row: str
    provenance: Provenance
    units: tuple[int, ...] = ()
    revision: int = 1
    withheld: frozenset[str] = frozenset()
    accepted_at: datetime | None = None

    @property
    def known_since(self) -> datetime:
        """From when on it answered questions here."""
        return self.accepted_at or self.provenance.fetched_at

    def published(self, code: str) -> PublishedRate | None:
        """What was published for a currency other than the pivot, None if nothing was."""
        if code not in self.codes:
            return None
        index = self.codes.index(code)
        value = self.row.split(",")[index]
        if not value:
            return None
        if self.convention.per_pivot:
            return PublishedRate(self.convention.pivot, code, 1, value)
        units = self.units[index] if self.units else 1
        return PublishedRate(code, self.convention.pivot, units, value)

    def rates(self) -> dict[str, str]:
        """The published texts by currency, those without a value left out."""
        return {c: v for c, v in zip(self.codes, self.row.split(","), strict=True) if v}

    def units_by_code(self) -> dict[str, int]:
        """The units of the currencies of which more than one is worth the value."""
        return {c: n for c, n in zip(self.codes, self.units, strict=False) if n != 1}

    def publishes(self, code: str) -> bool:
        """Whether a currency is the pivot or has a value."""
        return code == self.convention.pivot or self.published(code) is not None

    def says_the_same(self, other: "Publication") -> bool:
        """Whether both give the same currencies the same values; 310.70 is 310.7."""
        mine, theirs = ({c: _plain(v) for c, v in p.rates().items()} for p in (self, other))
        return mine == theirs and self.units_by_code() == other.units_by_code()


def publication_of(
    source: str, convention: Convention, sheet: Sheet, provenance: Provenance
) -> Publication:
    """The first revision of a publication, from what a document says for its date."""
    return Publication(
        source,
        sheet.date,
        convention,
        tuple(sheet.rates),
        ",".join(sheet.rates.values()),
        provenance,
        tuple(sheet.units.get(code, 1) for code in sheet.rates) if sheet.units else (),
    )


def _plain(text: str) -> str:
    """A decimal text without the zeros that carry no value."""
    whole, _, fraction = text.partition(".")
    return f"{whole.lstrip('0')}.{fraction.rstrip('0')}"


@dataclass(frozen=True, slots=True)
class Rate:
    """How much of `counter` one unit of `base` is worth: numerator / denominator, exactly.

    `path` are the currencies that were walked through. `published` are the published rates
    that went in, as ("EUR/CAD", "1.5606"). The identity of a currency has no publication.
    """

    base: Currency
    counter: Currency
    numerator: int
    denominator: int
    path: tuple[str, ...]
    published: tuple[tuple[str, str], ...]
    publication: Publication | None

    def __str__(self) -> str:
        """For reading: the published text itself, or RATE_DIGITS significant digits."""
        if self.denominator == 1 and not self.published:
            return "1"
        if len(self.published) == 1 and self.published[0][0] == "/".join(self.path):
            return self.published[0][1]
        return significant_text(self.numerator, self.denominator, RATE_DIGITS)


def identity(currency: Currency) -> Rate:
    """The rate of a currency to itself, which no source has to publish."""
    return Rate(currency, currency, 1, 1, (currency.code,), (), None)


def rate_in(publication: Publication, base: Currency, counter: Currency) -> Rate:
    """The rate of a pair of different currencies that `publication` has both of."""
    pivot = publication.convention.pivot
    numerator, denominator = 1, 1
    published = []
    for start, end in ((base.code, pivot), (pivot, counter.code)):
        if start == end:
            continue
        leg = publication.published(end if start == pivot else start)
        assert leg is not None  # noqa: S101  # the caller has looked
        worth, of = leg.fraction() if leg.base == start else leg.fraction()[::-1]
        numerator *= worth
        denominator *= of
        published.append((leg.pair, leg.value))
    middle = () if pivot in (base.code, counter.code) else (pivot,)
    path = (base.code, *middle, counter.code)
    return Rate(base, counter, numerator, denominator, path, tuple(published), publication)


class SourceHistory:
    """All accepted publications of one source by date; never changes once it is made.

    Of several revisions of one date the newest answers.
    """

    def __init__(self, publications: Iterable[Publication]) -> None:
        by_date: dict[date, Publication] = {}
        for publication in publications:
            known = by_date.get(publication.date)
            if known is None or publication.revision > known.revision:
                by_date[publication.date] = publication
        self._dates = sorted(by_date)
        self._publications = [by_date[day] for day in self._dates]
        self._spans: dict[str, list[tuple[date, date]]] = {}

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
        """The last publication on or before a day."""
        index = bisect_right(self._dates, day)
        return self._publications[index - 1] if index else None

    def spans(self, code: str) -> list[tuple[date, date]]:
        """From when to when a currency was published without a gap, first and last date each."""
        known = self._spans.get(code)
        if known is not None:
            return known
        spans: list[tuple[date, date]] = []
        begun: date | None = None
        before = None
        for publication in self._publications:
            published = publication.publishes(code)
            if published and begun is None:
                begun = publication.date
            if not published and begun is not None and before is not None:
                spans.append((begun, before))
                begun = None
            before = publication.date
        if begun is not None and before is not None:
            spans.append((begun, before))
        self._spans[code] = spans
        return spans


class RateBook:
    """All accepted publications in memory; never changes once it is made.

    Sources answer in the `order` that is given, or else in the order in which they first
    occur: the first one that has both currencies of a pair answers for it alone.
    """

    def __init__(
        self, publications: Iterable[Publication], order: Sequence[str] | None = None
    ) -> None:
        by_source: dict[str, list[Publication]] = {source: [] for source in order or ()}
        for publication in publications:
            by_source.setdefault(publication.source, []).append(publication)
        self._sources = {source: SourceHistory(found) for source, found in by_source.items()}

    def __len__(self) -> int:
        return sum(map(len, self._sources.values()))

    def __iter__(self) -> Iterator[Publication]:
        for source in self._sources.values():
            yield from source

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

    def with_publications(self, publications: Iterable[Publication]) -> "RateBook":
        """A new book that knows these as well."""
        return RateBook([*self, *publications], list(self._sources))

    def rate(self, base: Currency, counter: Currency, day: date) -> Rate:
        """The rate of a pair as of a day: by a source's last publication on or before it.

        Both currencies are looked up in one publication of one source; an older one never
        stands in for a currency that it does not have.

        Raises:
            NoRatesKnown: the book is empty.
            NoRateForCurrency: a currency is in no publication of any date.
            NoRateForDate: the day is before the first publication, or no publication that
                holds on the day has values for both currencies.
        """
        if base == counter:
            return identity(base)
        for rate in self.rates(base, counter, day):
            return rate
        raise self._refusal(base, counter, day)

    def rates(self, base: Currency, counter: Currency, day: date) -> Iterator[Rate]:
        """What each source has for a pair of different currencies as of a day, in their order."""
        for source in self._sources.values():
            publication = source.as_of(day)
            if (
                publication is not None
                and publication.publishes(base.code)
                and publication.publishes(counter.code)
            ):
                yield rate_in(publication, base, counter)

    def _refusal(self, base: Currency, counter: Currency, day: date) -> NoRate:
        """Why no source has the rate, naming the currency that is to blame if one is."""
        sources = {name: source for name, source in self._sources.items() if source.newest}
        if not sources:
            return NoRatesKnown("no rates are known yet")
        for currency in (base, counter):
            holding = [source.as_of(day) for source in sources.values()]
            if any(p is not None and p.publishes(currency.code) for p in holding):
                continue
            known = {name: source.spans(currency.code) for name, source in sources.items()}
            if not any(known.values()):
                return NoRateForCurrency(f"{_none_of(sources)} {currency}")
            times = "; ".join(
                f"{name} has it {_times(spans, sources[name])}"
                for name, spans in known.items()
                if spans
            )
            return NoRateForDate(f"there is no rate for {currency} on {day}: {times}")
        return NoRateForDate(f"no source has both {base} and {counter} on {day}")


def _none_of(sources: Iterable[str]) -> str:
    """The beginning of a sentence about a currency that none of them has."""
    names = list(sources)
    if len(names) == 1:
        return f"{names[0]} does not publish"
    return f"none of {', '.join(names)} publishes"


def _times(spans: list[tuple[date, date]], source: SourceHistory) -> str:
    newest = source.newest
    return " and ".join(
        f"since {first}" if newest and last == newest.date else f"from {first} to {last}"
        for first, last in spans
    )
