"""The rates of a pair over years, as one source published them: what a chart is drawn from.

Thousands of rates are made in one go while other clients wait. So where a pair's values stand
in the rows of a table is found out once for all rows that share it, and no object is made of
a rate: only its text, which is the one that `Rate` has.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from pricedesk.backend.rate_book import PEG, RateBook, SourceHistory, Usable, any_publication
from pricedesk.backend.rates import RATE_DIGITS, Convention, Publication, Rate
from pricedesk.currencies import Currency
from pricedesk.errors import InvalidRequest
from pricedesk.money import significant_text
from pricedesk.rate_lines import POINTS_MAX, Point, Unit

SHORTER = {
    Unit.DAY: "ask by week or by month",
    Unit.WEEK: "ask by month",
    Unit.MONTH: "ask for a shorter time",
}
"""What to ask for where an answer would be too long."""


@dataclass(frozen=True, slots=True)
class PairHistory:
    """The rates of a pair from one source, ascending; no source where parities alone make it.

    `pegs` are the pairs of the official parities that went in.
    """

    source: str | None
    points: tuple[Point, ...]
    pegs: tuple[str, ...] = ()


def pair_history(
    book: RateBook,
    pair: tuple[Currency, Currency],
    span: tuple[date, date],
    unit: Unit,
    usable: Usable = any_publication,
) -> PairHistory | None:
    """The rates of a pair of different currencies that were published in a span of days.

    They are of the source that answers for the last day; where none does, of the first in order
    that published the pair in the span, and None if no source did. Of each week or month the
    last publication counts that has the pair.

    Raises:
        InvalidRequest: there are more than POINTS_MAX.
    """
    answering = next(book.rates(*pair, span[1], usable), None)
    if answering is None:
        codes = pair[0].code, pair[1].code
        for key in book.order.of(*codes):
            if key != PEG:
                found = _of_source(book.of(key), _Pair(*codes), span, unit)
                if found:
                    return PairHistory(key, found)
        return None
    if answering.publication is None:
        return PairHistory(None, (), answering.pegged)
    key = answering.publication.source
    between, since = _between_anchors(book, answering)
    begin = max(span[0], since)
    points = _of_source(book.of(key), between, (begin, span[1]), unit)
    return PairHistory(key, points, answering.pegged)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two codes that one source publishes, and the parities, as a fraction, that lead on."""

    base: str
    counter: str
    parities: tuple[int, int] | None = None


def _between_anchors(book: RateBook, rate: Rate) -> tuple[_Pair, date]:
    """What a source has to publish for a rate like this one, and since when its parities hold."""
    codes = {code: code for code in (rate.base.code, rate.counter.code)}
    numerator, denominator, since = 1, 1, date.min
    for name, _value in rate.pegs:
        code = name.rpartition("/")[2]
        peg = book.pegs[code]
        worth, of = peg.fraction() if code == rate.counter.code else peg.fraction()[::-1]
        numerator, denominator, since = numerator * worth, denominator * of, max(since, peg.since)
        codes[code] = peg.anchor
    parities = (numerator, denominator) if rate.pegs else None
    return _Pair(codes[rate.base.code], codes[rate.counter.code], parities), since


def _of_source(
    history: SourceHistory, pair: _Pair, span: tuple[date, date], unit: Unit
) -> tuple[Point, ...]:
    publications: list[Publication] = []
    for first, last in _common_spans(history, pair, span):
        publications += history.between(first, last)
    groups = _groups(publications, unit)
    if len(groups) > POINTS_MAX:
        raise InvalidRequest(
            f"there are more than {POINTS_MAX} rates from {span[0]} to {span[1]}: {SHORTER[unit]}"
        )
    reader = _Reader(pair)
    points: list[Point] = []
    for begin, end in groups:
        for publication in reversed(publications[begin:end]):
            text = reader.text(publication)
            if text:
                points.append((publication.date, text))
                break
    return tuple(points)


def _common_spans(
    history: SourceHistory, pair: _Pair, span: tuple[date, date]
) -> Iterator[tuple[date, date]]:
    """The parts of a span in which both currencies were published, ascending."""
    for of_base in history.spans(pair.base):
        for of_counter in history.spans(pair.counter):
            first = max(span[0], of_base[0], of_counter[0])
            last = min(span[1], of_base[1], of_counter[1])
            if first <= last:
                yield first, last


def _groups(publications: Sequence[Publication], unit: Unit) -> list[tuple[int, int]]:
    """From where to where the publications of each day, week or month stand.

    Of days no more than it takes to see that they are too many.
    """
    if unit is Unit.DAY:
        count = min(len(publications), POINTS_MAX + 1)
        return [(index, index + 1) for index in range(count)]
    dates = [publication.date for publication in publications]
    groups = []
    end = len(dates)
    while end:
        begin = bisect_left(dates, unit.begin(dates[end - 1]))
        groups.append((begin, end))
        end = begin
    groups.reverse()
    return groups


_Leg: TypeAlias = tuple[int, bool, int]
"""Where the value of a currency stands in a row; whether it is a numerator; for how many units."""


class _Reader:
    """Reads the rate of a pair from publications, most of which are rows of one table."""

    def __init__(self, pair: _Pair) -> None:
        self._pair = pair
        self._table: tuple[Convention, tuple[str, ...], tuple[int, ...]] | None = None
        self._legs: list[_Leg] | None = None
        self._is_direct = False

    def text(self, publication: Publication) -> str | None:
        """The rate as it is shown everywhere, None where a value is missing."""
        table = (publication.convention, publication.codes, publication.units)
        if table != self._table:
            self._table = table
            self._find(publication)
        if self._legs is None:
            return None
        values = publication.row.split(",")
        numerator, denominator = self._pair.parities or (1, 1)
        value = ""
        for index, is_numerator, units in self._legs:
            value = values[index]
            if not value:
                return None
            whole, _, decimals = value.partition(".")
            worth, of = int(whole + decimals), 10 ** len(decimals) * units
            if is_numerator:
                numerator, denominator = numerator * worth, denominator * of
            else:
                numerator, denominator = numerator * of, denominator * worth
        return value if self._is_direct else significant_text(numerator, denominator, RATE_DIGITS)

    def _find(self, publication: Publication) -> None:
        """Where in the rows of a table the values of the pair stand."""
        convention, codes = publication.convention, publication.codes
        self._legs = []
        for code, is_counter in ((self._pair.base, False), (self._pair.counter, True)):
            if code == convention.pivot:
                continue
            if code not in codes:
                self._legs = None
                return
            index = codes.index(code)
            units = publication.units[index] if publication.units else 1
            self._legs.append((index, is_counter is convention.per_pivot, units))
        # What was published itself is shown as it was published.
        self._is_direct = self._pair.parities is None and [leg[1:] for leg in self._legs] == [
            (True, 1)
        ]
