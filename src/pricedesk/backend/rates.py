"""What sources published, and the rate of a pair that follows from it.

A publication is kept as it was published. A rate is an exact fraction of published
decimals, of one publication, and says how it was made: direct, inverted, or crossed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pricedesk.currencies import Currency
from pricedesk.errors import NoRate, NoRateForCurrency, NoRateForDate, NoRatesKnown
from pricedesk.money import ExactDecimal, significant_text

RATE_DIGITS = 12
"""Significant digits of a computed rate where it is shown; conversions use the fraction."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a publication came from: which raw document, and when it was fetched."""

    sha256: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Publication:
    """What one source published for one date.

    One unit of `base` is worth so much of each of `counters`. The values are in `row`, in the
    order of `counters`: decimal texts as published, joined by commas, empty for a currency
    without a value. Kept like this a history of thousands of days is made in no time and takes
    little memory; publications that were read from one table share its `counters`. A
    correction is a further `revision`, from 1.
    """

    source: str
    date: date
    base: str
    counters: tuple[str, ...]
    row: str
    provenance: Provenance
    revision: int = 1

    def value(self, counter: str) -> str | None:
        """The published text for a currency, None if there is none."""
        try:
            return self.row.split(",")[self.counters.index(counter)] or None
        except ValueError:
            return None

    def rates(self) -> dict[str, str]:
        """The published texts by currency, those without a value left out."""
        return {c: v for c, v in zip(self.counters, self.row.split(","), strict=True) if v}

    def publishes(self, code: str) -> bool:
        """Whether a currency is its base or has a value in it."""
        return code == self.base or self.value(code) is not None

    def says_the_same(self, other: "Publication") -> bool:
        """Whether both give the same currencies the same values; 310.70 is 310.7."""
        mine, theirs = self.rates(), other.rates()
        return mine.keys() == theirs.keys() and all(
            text == theirs[code] or _plain(text) == _plain(theirs[code])
            for code, text in mine.items()
        )


def publication_of(
    source: str, day: date, base: str, rates: Mapping[str, str], provenance: Provenance
) -> Publication:
    """The first revision of a publication, from published texts by currency."""
    return Publication(source, day, base, tuple(rates), ",".join(rates.values()), provenance)


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
    pivot = publication.base
    numerator, denominator = 1, 1
    published = []
    for code, is_base in ((base.code, True), (counter.code, False)):
        if code == pivot:
            continue
        text = publication.value(code)
        assert text is not None  # noqa: S101  # the caller has looked
        value = ExactDecimal.parse(text)
        published.append((f"{pivot}/{code}", text))
        if is_base:
            numerator *= 10**value.scale
            denominator *= value.unscaled
        else:
            numerator *= value.unscaled
            denominator *= 10**value.scale
    middle = () if pivot in (base.code, counter.code) else (pivot,)
    path = (base.code, *middle, counter.code)
    return Rate(base, counter, numerator, denominator, path, tuple(published), publication)


class RateBook:
    """All accepted publications of a source, in memory; never changes once it is made.

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
    def newest(self) -> Publication:
        """The publication of the latest date.

        Raises:
            NoRatesKnown: the book is empty.
        """
        if not self._publications:
            raise NoRatesKnown("no rates are known yet")
        return self._publications[-1]

    def on(self, day: date) -> Publication | None:
        """The publication of exactly this day."""
        found = self._as_of(day)
        return found if found is not None and found.date == day else None

    def with_publications(self, publications: Iterable[Publication]) -> "RateBook":
        """A new book that knows these as well."""
        return RateBook([*self._publications, *publications])

    def rate(self, base: Currency, counter: Currency, day: date) -> Rate:
        """The rate of a pair as of a day: by the last publication on or before it.

        Both currencies are looked up in that one publication; an older one never stands in
        for a currency that it does not have.

        Raises:
            NoRatesKnown: the book is empty.
            NoRateForCurrency: a currency is in no publication of any date.
            NoRateForDate: the day is before the first publication, or the publication that
                holds on the day has no value for a currency.
        """
        if base == counter:
            return identity(base)
        publication = self._as_of(day)
        for currency in (base, counter):
            if publication is None or not publication.publishes(currency.code):
                raise self._refusal(currency, day)
        assert publication is not None  # noqa: S101  # refused in the loop
        return rate_in(publication, base, counter)

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

    def _as_of(self, day: date) -> Publication | None:
        index = bisect_right(self._dates, day)
        return self._publications[index - 1] if index else None

    def _refusal(self, currency: Currency, day: date) -> NoRate:
        if not self._publications:
            return NoRatesKnown("no rates are known yet")
        source = self.newest.source
        spans = self.spans(currency.code)
        if not spans:
            return NoRateForCurrency(f"{source} does not publish {currency}")
        times = " and ".join(
            f"since {first}" if last == self._dates[-1] else f"from {first} to {last}"
            for first, last in spans
        )
        return NoRateForDate(f"there is no rate for {currency} on {day}: {source} has it {times}")
