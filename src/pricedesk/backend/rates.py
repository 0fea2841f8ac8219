"""What sources published, and the rate of a pair that follows from it.

A publication is kept as it was published. A rate is an exact fraction of published
decimals, of one publication, and says how it was made: direct, inverted, or crossed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

from pricedesk.currencies import Currency
from pricedesk.money import ExactDecimal, significant_text

RATE_DIGITS = 12
"""Significant digits of a computed rate where it is shown; conversions use the fraction."""


_VALUE = re.compile(r"(?!0+(?:\.0+)?$)[0-9]{1,12}(?:\.[0-9]{1,12})?")


def is_published_value(text: str) -> bool:
    """Whether a text is a value as sources publish it: a positive plain decimal."""
    return _VALUE.fullmatch(text) is not None


def same_value(one: str, other: str) -> bool:
    """Whether two published texts are the same number: 310.70 is 310.7."""
    return one == other or _plain(one) == _plain(other)


def _plain(text: str) -> str:
    """A decimal text without the zeros that carry no value."""
    whole, _, fraction = text.partition(".")
    return f"{whole.lstrip('0')}.{fraction.rstrip('0')}"


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
        numerator, denominator = _fraction(self.value)
        return numerator, denominator * self.units


@lru_cache(maxsize=256)
def _fraction(value: str) -> tuple[int, int]:
    """A decimal text as numerator and denominator; the ones that many rates share are kept."""
    exact = ExactDecimal.parse(value)
    return exact.unscaled, 10**exact.scale


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
        value = _values(self.codes, self.row).get(code)
        if value is None:
            return None
        if self.convention.per_pivot:
            return PublishedRate(self.convention.pivot, code, 1, value)
        units = self.units[self.codes.index(code)] if self.units else 1
        return PublishedRate(code, self.convention.pivot, units, value)

    def rates(self) -> dict[str, str]:
        """The published texts by currency, those without a value left out."""
        return dict(_values(self.codes, self.row))

    def units_by_code(self) -> dict[str, int]:
        """The units of the currencies of which more than one is worth the value."""
        return {c: n for c, n in zip(self.codes, self.units, strict=False) if n != 1}

    def publishes(self, code: str) -> bool:
        """Whether a currency is the pivot or has a value."""
        return code == self.convention.pivot or code in _values(self.codes, self.row)

    def says_the_same(self, other: "Publication") -> bool:
        """Whether both give the same currencies the same values; 310.70 is 310.7."""
        mine, theirs = self.rates(), other.rates()
        return (
            mine.keys() == theirs.keys()
            and all(same_value(text, theirs[code]) for code, text in mine.items())
            and self.units_by_code() == other.units_by_code()
        )


@lru_cache(maxsize=64)
def _values(codes: tuple[str, ...], row: str) -> Mapping[str, str]:
    """The texts of a row by currency; kept for the few publications that are asked most."""
    return {code: text for code, text in zip(codes, row.split(","), strict=True) if text}


def publication_of(
    source: str, convention: Convention, sheet: Sheet, provenance: Provenance
) -> Publication:
    """The first revision of a publication, from what a document says for its date."""
    units = tuple(sheet.units.get(code, 1) for code in sheet.rates)
    return Publication(
        source,
        sheet.date,
        convention,
        tuple(sheet.rates),
        ",".join(sheet.rates.values()),
        provenance,
        units if any(count != 1 for count in units) else (),
    )


@dataclass(frozen=True, slots=True)
class Rate:
    """How much of `counter` one unit of `base` is worth: numerator / denominator, exactly.

    `path` are the currencies that were walked through. `published` are the published rates
    that went in, as ("EUR/CAD", "1.5606"); `pegs` are the official parities that did, likewise.
    The identity of a currency has no publication, nor has a rate of parities alone.
    """

    base: Currency
    counter: Currency
    numerator: int
    denominator: int
    path: tuple[str, ...]
    published: tuple[tuple[str, str], ...]
    publication: Publication | None
    pegs: tuple[tuple[str, str], ...] = ()

    @property
    def pegged(self) -> tuple[str, ...]:
        """The pairs of its official parities, such as EUR/XOF."""
        return tuple(pair for pair, _ in self.pegs)

    def __str__(self) -> str:
        """For reading: the published text itself, or RATE_DIGITS significant digits."""
        if len(self.path) == 1:
            return "1"
        went_in = (*self.published, *self.pegs)
        if len(went_in) == 1 and went_in[0][0] == "/".join(self.path):
            return went_in[0][1]
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
