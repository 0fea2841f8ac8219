"""The rows of version 2: a pair's rate, and the date of the publication that it came from.

A row is made from one publication, so it has one date and one value, whichever way it was asked
for. Averages of weeks and months are of exact values, and are rounded once.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import TypeAlias

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.http.rate_format import number_text, rate_text
from pricedesk.backend.question import Question
from pricedesk.backend.rate_book import PEG, RateBook
from pricedesk.backend.rates import Publication, Rate
from pricedesk.currencies import Currency

_MONDAY_TO_SUNDAY = timedelta(days=6)
_MONTH_MAX = timedelta(days=31)
_DAY = timedelta(days=1)
_IDENTITY = "1.0"


class Group(Enum):
    """What rates of a range are averaged over."""

    WEEK = "week"
    MONTH = "month"

    def begin(self, day: date) -> date:
        """The first day of the week or month that has a day: a Monday, or the first."""
        if self is Group.MONTH:
            return day.replace(day=1)
        return day - timedelta(days=day.weekday())

    def end(self, begin: date) -> date:
        """The last day of the one that begins on a day."""
        if self is Group.WEEK:
            return begin + _MONDAY_TO_SUNDAY
        return self.begin(begin + _MONTH_MAX) - _DAY


Provider: TypeAlias = tuple[str, date, str]
"""What one source has for a row: its key, its date, its rate. Official parities are PEG."""


@dataclass(frozen=True, slots=True)
class Row:
    """One rate. `providers` is None where they were not asked for, or there are none."""

    date: date
    base: str
    quote: str
    rate: str
    providers: tuple[Provider, ...] | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rates are asked for, apart from when; without quotes all of them.

    `keys` are the sources in the place of the configured order. Expanded rows list what each
    of `listed` has.
    """

    base: Currency
    quotes: tuple[Currency, ...] | None
    keys: tuple[str, ...] | None
    listed: tuple[str, ...] = ()

    @property
    def counters(self) -> tuple[Currency, ...] | None:
        """The quotes without the base, None for all."""
        if self.quotes is None:
            return None
        return tuple(quote for quote in self.quotes if quote != self.base)

    @property
    def has_identity(self) -> bool:
        """Whether the base itself is asked for."""
        return self.quotes is None or self.base in self.quotes

    def __str__(self) -> str:
        codes = ",".join(sorted(q.code for q in self.quotes)) if self.quotes is not None else "*"
        return f"{self.base} {codes} {self.keys} {self.listed}"


def rows_of_day(
    book: RateBook, wanted: Selection, day: date, rates: Mapping[str, Rate]
) -> list[Row]:
    """The rows of the rates that answer on one day, by quote.

    A parity alone has no publication; its row has the day itself.
    """
    rows = []
    dates = []
    for code, rate in rates.items():
        if rate.publication is not None:
            dates.append(rate.publication.date)
        providers = _providers(book, wanted, rate, day) if wanted.listed else None
        rows.append(Row(_date(rate, day), wanted.base.code, code, rate_text(rate), providers))
    return _with_identity(wanted, rows, max(dates, default=day))


def rows_of_answer(
    bureau: Bureau, wanted: Selection, question: Question
) -> tuple[list[Row], tuple[Publication, ...]]:
    """The rows of the rates that answer a question, by quote, and the publications they are of.

    Raises:
        NoRateForDate, RateTooOld: as for Bureau.table.
    """
    found = bureau.table(wanted.base, question, _asked(wanted))
    if not found and wanted.counters and wanted.has_identity:
        # The identity's date is that of the newest rate of its currency.
        found = bureau.table(wanted.base, question)
    if not found:
        return [], ()
    rates = {code: of_pair.rate for code, of_pair in found.items()}
    rows = _shown(wanted, rows_of_day(bureau.book, wanted, question.day, rates))
    return rows, _publications(rates)


def answering_at(book: RateBook, wanted: Selection, day: date) -> tuple[Publication, ...]:
    """The publications that answer on a day."""
    rates = book.table(wanted.base, day, keys=wanted.keys, counters=_asked(wanted))
    return _publications(rates)


def _publications(rates: Mapping[str, Rate]) -> tuple[Publication, ...]:
    used = {id(rate.publication): rate.publication for rate in rates.values()}
    return tuple(publication for publication in used.values() if publication is not None)


def rows_of_range(book: RateBook, wanted: Selection, first: date, last: date) -> Iterator[Row]:
    """The rows of the rates that came to answer on each day of a range, by date and quote."""
    for day, rates in book.series(wanted.base, _asked(wanted), first, last, wanted.keys):
        yield from _shown(wanted, rows_of_day(book, wanted, day, rates))


def rows_of_groups(
    book: RateBook, wanted: Selection, span: tuple[date, date], group: Group
) -> Iterator[Row]:
    """The averages of each whole week or month of a range, under its first day.

    An average is the mean of the rates that came to answer on its days.
    """
    if span[0] > span[1]:
        return
    known = [book.of(key).dates[0] for key in book.sources if book.of(key).dates]
    begin = group.begin(max(span[0], min(known, default=span[0])))
    while begin <= span[1]:
        end = group.end(begin)
        means = _means(book, wanted, (begin, end), wanted.keys)
        of_sources = {key: _means(book, wanted, (begin, end), (key,)) for key in wanted.listed}
        order = _parities_first(book, wanted)
        if order:
            of_sources[PEG] = _means(book, wanted, (begin, end), order, pegged_only=True)
        listed = sorted(of_sources.items())
        rows = []
        for code, mean in sorted(means.items()):
            found = [(key, begin, other[code]) for key, other in listed if code in other]
            rows.append(Row(begin, wanted.base.code, code, mean, tuple(found) or None))
        yield from _shown(wanted, _with_identity(wanted, rows, begin) if rows else [])
        begin = end + _DAY


def _asked(wanted: Selection) -> Collection[Currency] | None:
    """The counters that a book is asked for: all, where the base alone is wanted on each date."""
    return wanted.counters or None


def _shown(wanted: Selection, rows: list[Row]) -> list[Row]:
    """The rows that were asked for."""
    if wanted.quotes is None:
        return rows
    codes = {quote.code for quote in wanted.quotes}
    return [row for row in rows if row.quote in codes]


def _with_identity(wanted: Selection, rows: list[Row], newest: date) -> list[Row]:
    if wanted.has_identity:
        rows.append(Row(newest, wanted.base.code, wanted.base.code, _IDENTITY))
    rows.sort(key=_quote)
    return rows


def _quote(row: Row) -> str:
    return row.quote


def _providers(
    book: RateBook, wanted: Selection, rate: Rate, day: date
) -> tuple[Provider, ...] | None:
    """What each source has for a pair on a day, and the parities if asked, sorted by key."""
    pair = rate.base, rate.counter
    found = [
        (other.publication.source, other.publication.date, rate_text(other))
        for other in book.rates(*pair, day, keys=wanted.listed)
        if other.publication is not None
    ]
    order = _parities_first(book, wanted)
    first = next(book.rates(*pair, day, keys=order), None) if order else None
    if first is not None and first.pegs:
        found.append((PEG, _date(first, day), rate_text(first)))
    return tuple(sorted(found)) or None


def _date(rate: Rate, day: date) -> date:
    """The date of a rate's publication; of parities alone the day itself."""
    return rate.publication.date if rate.publication is not None else day


def _parities_first(book: RateBook, wanted: Selection) -> tuple[str, ...]:
    """The order of the sources with official parities first, if rows are to name them.

    They are asked for where the configured order has them, and listed where sources are.
    """
    order = book.order.sources
    if not wanted.listed or wanted.keys is not None or PEG not in order:
        return ()
    return (PEG, *(key for key in order if key != PEG))


def _means(
    book: RateBook,
    wanted: Selection,
    span: tuple[date, date],
    keys: Sequence[str] | None,
    *,
    pegged_only: bool = False,
) -> dict[str, str]:
    """The mean of each currency's rates of a span, or of those by official parities, by code."""
    first, last = span
    sums: dict[str, tuple[int, int, int]] = {}
    for day, rates in book.series(wanted.base, _asked(wanted), first, last, keys):
        # What held before the span began is none of its rates.
        for code, rate in rates.items() if day >= first else ():
            if pegged_only and not rate.pegs:
                continue
            numerator, denominator, count = sums.get(code, (0, 1, 0))
            numerator = numerator * rate.denominator + rate.numerator * denominator
            sums[code] = (numerator, denominator * rate.denominator, count + 1)
    return {code: number_text(n, d * count) for code, (n, d, count) in sums.items()}
