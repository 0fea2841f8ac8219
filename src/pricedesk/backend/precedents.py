"""What a value is compared with: the last one of its currency, and how much that one moves.

Everything is a fraction of integers. How far apart two values are is the larger one over the
smaller one, less one, in millionths: the same whichever way round a source publishes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice, pairwise

from pricedesk.backend.limits import Limits
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Convention, Publication

Fraction = tuple[int, int]
"""A positive numerator and denominator."""

MILLIONTHS = 1_000_000
PERCENT = MILLIONTHS // 100
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Value:
    """A published text, for how many units it is, and what follows for one unit.

    The fraction is not turned round: it is about one unit of the pivot where the source
    publishes `per_pivot`, else about one unit of the currency.
    """

    text: str
    units: int
    fraction: Fraction

    @classmethod
    def of(cls, text: str, units: int, convention: Convention) -> "Value":
        """The value of a text that is_published_value."""
        units = 1 if convention.per_pivot else units
        whole, _, decimals = text.partition(".")
        return cls(text, units, (int(whole + decimals), 10 ** len(decimals) * units))

    def __str__(self) -> str:
        return self.text if self.units == 1 else f"{self.text} for {self.units} units"


@dataclass(frozen=True, slots=True)
class Precedent:
    """The value that one of the same currency is compared with, and its date."""

    value: Value
    date: date

    def __str__(self) -> str:
        return f"{self.value} on {self.date}"


def apart(one: Fraction, other: Fraction) -> int:
    """How far apart two fractions are: 1.02 and 1, or 1 and 1.02, are 20000."""
    mine, theirs = one[0] * other[1], other[0] * one[1]
    if mine < theirs:
        mine, theirs = theirs, mine
    return (mine - theirs) * MILLIONTHS // theirs


def precedents(codes: Iterable[str], day: date, known: SourceHistory) -> dict[str, Precedent]:
    """The last values of currencies of a day or before it, of those that have any."""
    found: dict[str, Precedent] = {}
    missing = set(codes)
    for publication in _backwards(known, day):
        if not missing:
            break
        if missing.isdisjoint(publication.codes):
            continue
        rates, units = publication.rates(), publication.units_by_code()
        for code in missing & rates.keys():
            value = Value.of(rates[code], units.get(code, 1), publication.convention)
            found[code] = Precedent(value, publication.date)
        missing -= found.keys()
    return found


def jump_limit(code: str, last: date, day: date, known: SourceHistory, limits: Limits) -> int:
    """How far a currency that was published last on one day may have moved on a later one."""
    found = islice(_backwards(known, last), limits.jump_moves + 1)
    series = [value.fraction for p in found if (value := _value(code, p)) is not None]
    moves = sorted((apart(*pair) for pair in pairwise(series)), reverse=True)
    if len(moves) < limits.jump_moves_least:
        limit = limits.jump_unknown_percent * PERCENT
    else:
        usual = limits.jump_multiple * moves[limits.jump_rank - 1]
        limit = max(limits.jump_least_percent * PERCENT, usual)
    waited = max(0, (day - last).days - limits.gap_days)
    return min(limit + limit * waited // 10, limits.jump_most_percent * PERCENT)


def _value(code: str, publication: Publication) -> Value | None:
    published = publication.published(code)
    if published is None:
        return None
    return Value.of(published.value, published.units, publication.convention)


def _backwards(known: SourceHistory, day: date) -> Iterator[Publication]:
    """The publications of a day and before it, the latest first."""
    publication = known.as_of(day)
    while publication is not None:
        yield publication
        publication = known.as_of(publication.date - _ONE_DAY)
