"""The lines that ask for many rates at once, and how sources stand: their grammar.

As in `protocol`, each parser reads back exactly what was written, and passes over what a later
version may add: words with a name in small letters, and parts at the end of a word. Rates are the
texts that `explain` shows. A value that may have spaces is percent-encoded.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Final, Literal, TypeAlias
from urllib.parse import quote, unquote

from pricedesk.currencies import Currency, currency
from pricedesk.dates import parse_date, parse_instant
from pricedesk.error_lines import raise_error
from pricedesk.errors import InvalidDate, InvalidRequest, in_quotes
from pricedesk.quote_lines import NOTHING

RATES_VERBS = ("rates", "history", "sources")

POINTS_MAX = 2000
"""Rates that one `history` may have: all weeks since 1999, or the days of seven years."""

REPLY_BYTES_MAX = 64 * 1024 - 1
"""The desk takes no longer line for a reply; what would be longer is refused."""

FAILURE_CHARACTERS_MAX = 200
"""So much of the reason for which a source fails is told; more would be a page of its server."""

NEVER: Final = "never"
"""In the place of an instant: there was none yet."""

_RATE = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_COUNT = re.compile(r"[0-9]{1,9}")
_CODE = re.compile(r"[A-Z]{3}")
_PEG = re.compile(r"[A-Z]{3}/[A-Z]{3}")
_KEY = re.compile(r"[A-Z0-9]+")
_PLAIN = "!#$&'()*+/:;=?@~"
"""What is not percent-encoded beside letters, digits and `_.-`; a comma is, for it separates."""


class Unit(Enum):
    """For what time a history has one rate."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def begin(self, day: date) -> date:
        """The first day of the one that has a day: itself, its ISO week's Monday, or the first."""
        match self:
            case Unit.DAY:
                return day
            case Unit.WEEK:
                # The calendar begins with a Monday.
                return day - timedelta(days=day.weekday())
            case Unit.MONTH:
                return day.replace(day=1)


@dataclass(frozen=True, slots=True)
class AskRates:
    """All rates of a currency that hold on a day, the present one if None: `rates BASE [DATE]`."""

    base: Currency
    on: date | None = None

    def __str__(self) -> str:
        return f"rates {self.base}" if self.on is None else f"rates {self.base} {self.on}"


@dataclass(frozen=True, slots=True)
class AskHistory:
    """The rates of a pair from one day to another: `history BASE COUNTER FIRST LAST [UNIT]`."""

    base: Currency
    counter: Currency
    first: date
    last: date
    unit: Unit = Unit.DAY

    def __str__(self) -> str:
        words = f"history {self.base} {self.counter} {self.first} {self.last}"
        return words if self.unit is Unit.DAY else f"{words} {self.unit.value}"


@dataclass(frozen=True, slots=True)
class AskSources:
    """How each source stands: `sources`."""

    def __str__(self) -> str:
        return "sources"


RatesRequest: TypeAlias = AskRates | AskHistory | AskSources


def parse_rates_request(words: Sequence[str]) -> RatesRequest:
    """Read the words of a request that begins with `rates`, `history` or `sources`.

    Raises:
        InvalidRequest: too few words, too many, or another unit.
        UnknownCurrency, InvalidDate: a word is off; or the days are in the wrong order.
    """
    verb, *arguments = words
    match verb.lower():
        case "rates":
            return _parse_rates(arguments)
        case "history":
            return _parse_history(arguments)
        case _:
            if arguments:
                raise InvalidRequest(f"sources takes no arguments, but got {in_quotes(words[1])}")
            return AskSources()


def _parse_rates(words: list[str]) -> AskRates:
    if not words:
        raise InvalidRequest("rates needs a currency, as in rates CAD or rates CAD 2020-02-14")
    base, *rest = words
    _refuse_one_more(rest[1:], "rates BASE YYYY-MM-DD")
    return AskRates(currency(base), parse_date(rest[0]) if rest else None)


def _parse_history(words: list[str]) -> AskHistory:
    if len(words) < 4:  # noqa: PLR2004  # a pair and two days
        raise InvalidRequest(
            "history needs two currencies and two days,"
            " as in history CAD USD 2020-01-01 2020-12-31 week"
        )
    base, counter, first_text, last_text, *rest = words
    _refuse_one_more(rest[1:], "history BASE COUNTER FIRST LAST UNIT")
    pair = currency(base), currency(counter)
    first, last = parse_date(first_text), parse_date(last_text)
    if first > last:
        raise InvalidDate(f"{first} is after {last}: the earlier day comes first")
    return AskHistory(*pair, first, last, _unit(rest[0]) if rest else Unit.DAY)


def _unit(text: str) -> Unit:
    try:
        return Unit(text.lower())
    except ValueError as error:
        raise InvalidRequest(f"{in_quotes(text)} is none of day, week, month") from error


def _refuse_one_more(words: list[str], order: str) -> None:
    if words:
        raise InvalidRequest(f"{in_quotes(words[0])} is one word too many: {order} is the order")


@dataclass(frozen=True, slots=True)
class DayRate:
    """A rate that holds on a day: `RATE:DATE:SOURCE:STATE:MISSED`, as `explain` has them.

    Without a source it is one of official parities alone, and its date is the day. `pegs` are the
    pairs of the parities that went in; where there are any they follow, with commas between them.
    """

    rate: str
    date: date
    source: str | None
    state: str
    missed: int
    pegs: tuple[str, ...] = ()

    def __str__(self) -> str:
        plain = f"{self.rate}:{self.date}:{self.source or NOTHING}:{self.state}:{self.missed}"
        return f"{plain}:{','.join(self.pegs)}" if self.pegs else plain


@dataclass(frozen=True, slots=True)
class RatesReply:
    """The rates of a currency that hold on a day, by the code of the other: sorted by it."""

    base: str
    on: date
    rates: Mapping[str, DayRate]

    def __str__(self) -> str:
        words = [f"{code}={rate}" for code, rate in sorted(self.rates.items())]
        return " ".join([f"base={self.base}", f"on={self.on}", *words])


def parse_rates(line: str) -> RatesReply:
    """Read the reply to `rates`.

    Raises:
        ErrorReply: the back-end answered with an error.
        InvalidRequest: the line is no such reply.
    """
    words = _words(line)
    try:
        rates = {c: _day_rate(text) for c, text in words.items() if _CODE.fullmatch(c)}
        return RatesReply(_matched(_CODE, words["base"]), parse_date(words["on"]), rates)
    except (KeyError, ValueError, InvalidDate) as error:
        raise InvalidRequest(f"{in_quotes(line)} is no table of rates") from error


def _day_rate(text: str) -> DayRate:
    rate, day, source, state, missed, *further = text.split(":")
    return DayRate(
        _matched(_RATE, rate),
        parse_date(day),
        None if source == NOTHING else source,
        state,
        int(_matched(_COUNT, missed)),
        _pegs(further[0]) if further else (),
    )


def _pegs(text: str) -> tuple[str, ...]:
    return () if text == NOTHING else tuple(_matched(_PEG, pair) for pair in text.split(","))


Point: TypeAlias = tuple[date, str]
"""The date of a publication, and the rate of a pair in it."""


@dataclass(frozen=True, slots=True)
class HistoryReply:
    """The rates of a pair that one source published, ascending by date: `DATE:RATE` each.

    There is no source where official parities alone make the rate. `pegs` are the pairs of those
    that went in; the line names them where there are any.
    """

    base: str
    counter: str
    unit: Unit
    source: str | None
    points: tuple[Point, ...]
    pegs: tuple[str, ...] = ()

    def __str__(self) -> str:
        pegs = f" pegs={','.join(self.pegs)}" if self.pegs else ""
        points = ",".join([f"{day}:{rate}" for day, rate in self.points]) or NOTHING
        return (
            f"base={self.base} counter={self.counter} unit={self.unit.value}"
            f" source={self.source or NOTHING} points={points}{pegs}"
        )


def parse_history(line: str) -> HistoryReply:
    """Read the reply to `history`.

    Raises:
        ErrorReply: the back-end answered with an error.
        InvalidRequest: the line is no such reply.
    """
    words = _words(line)
    try:
        source, points = words["source"], words["points"]
        return HistoryReply(
            _matched(_CODE, words["base"]),
            _matched(_CODE, words["counter"]),
            Unit(words["unit"]),
            None if source == NOTHING else source,
            () if points == NOTHING else tuple(_point(text) for text in points.split(",")),
            _pegs(words["pegs"]) if "pegs" in words else (),
        )
    except (KeyError, ValueError, InvalidDate) as error:
        raise InvalidRequest(f"{in_quotes(line)} is no history of rates") from error


def _point(text: str) -> Point:
    day, rate = text.split(":")[:2]
    return parse_date(day), _matched(_RATE, rate)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source stands, and how it is to be named: parts with commas between them.

    `newest` is the date of its newest publication, None if none is known; then `state` is
    "none". `expected_at` is when the next one comes out, `failing_since` the first of the looks
    in a row that failed, and `failure` why the last one did. `attribution` is what to name it
    as where its rates are shown, with the address to link to, which its terms want to be shown
    where that is `attribution_required`. Its table may be handed on if it is `redistributable`.
    `looked_at` is the last look at it, also one that failed, NEVER if there was none; the part is
    not there and it is None where the back-end is of a version that does not tell.
    """

    newest: date | None
    state: str
    missed: int
    expected_at: datetime
    failing_since: datetime | None
    failure: str | None
    name: str
    attribution: str
    attribution_url: str
    attribution_required: bool
    redistributable: bool
    looked_at: datetime | Literal["never"] | None = None

    def __str__(self) -> str:
        parts = (
            str(self.newest or NOTHING),
            self.state,
            str(self.missed),
            _instant(self.expected_at),
            _instant(self.failing_since) if self.failing_since is not None else NOTHING,
            _encoded(self.failure) if self.failure is not None else NOTHING,
            _encoded(self.name),
            _encoded(self.attribution),
            _encoded(self.attribution_url),
            _yes_or_no(self.attribution_required),
            _yes_or_no(self.redistributable),
        )
        match self.looked_at:
            case None:
                return ",".join(parts)
            case datetime() as at:
                return ",".join([*parts, _instant(at)])
            case _:
                return ",".join([*parts, NOTHING])


@dataclass(frozen=True, slots=True)
class SourcesReply:
    """How each source stands, by its key and in the order in which they answer.

    `book` is another text whenever something that prices follow from is another: a publication,
    a correction, a value that was released, the order of the sources. It is the same in all
    processes that know the same. `holds_stale` is whether prices are held at stale rates.
    """

    book: str
    sources: Mapping[str, SourceStatus]
    holds_stale: bool = False

    def __str__(self) -> str:
        first = [f"book={self.book}", f"holds_stale={_yes_or_no(self.holds_stale)}"]
        return " ".join([*first, *(f"{key}={source}" for key, source in self.sources.items())])


def parse_sources(line: str) -> SourcesReply:
    """Read the reply to `sources`.

    Raises:
        ErrorReply: the back-end answered with an error.
        InvalidRequest: the line is no such reply.
    """
    words = _words(line)
    try:
        found = {key: _source_status(text) for key, text in words.items() if _KEY.fullmatch(key)}
        return SourcesReply(words["book"], found, words.get("holds_stale") == "yes")
    except (KeyError, ValueError, InvalidDate) as error:
        raise InvalidRequest(f"{in_quotes(line)} does not tell of sources") from error


def _source_status(text: str) -> SourceStatus:
    told, further = text.split(",")[:11], text.split(",")[11:]
    newest, state, missed, expected, since, failure, name, credit, url, required, handed = told
    return SourceStatus(
        None if newest == NOTHING else parse_date(newest),
        state,
        int(_matched(_COUNT, missed)),
        parse_instant(expected),
        None if since == NOTHING else parse_instant(since),
        None if failure == NOTHING else unquote(failure),
        unquote(name),
        unquote(credit),
        unquote(url),
        _is_yes(required),
        _is_yes(handed),
        _looked_at(further[0]) if further else None,
    )


def _looked_at(text: str) -> datetime | Literal["never"]:
    return NEVER if text == NOTHING else parse_instant(text)


def _words(line: str) -> dict[str, str]:
    """The values of a reply by their names."""
    raise_error(line)
    return dict(word.partition("=")[::2] for word in line.split())


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


@lru_cache(maxsize=64)
def _encoded(text: str) -> str:
    """A text as a value that has no space and no comma, and is not taken for nothing."""
    encoded = quote(text, safe=_PLAIN, errors="backslashreplace")
    return "%6Eone" if encoded == NOTHING else encoded


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _yes_or_no(value: bool) -> str:  # noqa: FBT001  # its two words are all that it is about
    return "yes" if value else "no"


def _is_yes(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(text)
    return text == "yes"
