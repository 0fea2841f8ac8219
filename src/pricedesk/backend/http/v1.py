"""Version 1 of Frankfurter's API: the rates of one source, on a date or over a range of dates.

Its clients expect the ECB; what answers is the first source of the configured order, and one
publication for each date. Messages are Frankfurter's, `detail` beside them is ours.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from http import HTTPStatus
from itertools import chain

from pricedesk import __version__
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.http.caching import STATE_HEADER, Scope, expiry, rate_state
from pricedesk.backend.http.rate_format import amount_text, plain_text
from pricedesk.backend.question import Question
from pricedesk.backend.rate_book import PEG, SourceHistory
from pricedesk.backend.rates import Publication, Rate, rate_in
from pricedesk.currencies import CURRENCIES, Currency, currency
from pricedesk.dates import parse_date
from pricedesk.errors import (
    InvalidAmount,
    InvalidRequest,
    NoRateForCurrency,
    NoRateForDate,
    NoRatesKnown,
    UnknownCurrency,
)
from pricedesk.http.messages import (
    Failure,
    Json,
    JsonNumber,
    Request,
    Response,
    chunked,
    json_response,
    json_text,
)
from pricedesk.http.parameters import capitals, parameters
from pricedesk.http.routes import Route, RouteTable
from pricedesk.money import ExactDecimal

_PARAMETERS = ("amount", "base", "from", "symbols", "to")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RANGE = re.compile(rf"({_DATE.pattern})\.\.({_DATE.pattern})?")

_MESSAGES = {
    "invalid-amount": "invalid amount",
    "invalid-date": "invalid date",
    "no-rate-for-currency": "not found",
    "no-rate-for-date": "not found",
}
"""What Frankfurter says for these."""

_NOT_FOUND = Failure(HTTPStatus.NOT_FOUND, "not-found", "not found")


def write_failure(failure: Failure) -> Response:
    """A failure as version 1 has it; a path that there is not is told as by the whole server."""
    if failure.slug == _NOT_FOUND.slug:
        return json_response({"status": 404, "message": "not found"}, failure.status)
    message = _MESSAGES.get(failure.slug)
    if message is None:
        return json_response({"message": failure.detail}, failure.status)
    return json_response({"message": message, "detail": failure.detail}, failure.status)


def route_table(bureau: Bureau) -> RouteTable:
    """All routes of version 1."""
    api = _Version1(bureau)
    return RouteTable(
        (
            Route("/v1/latest", api.latest),
            Route("/v1/current", api.latest),
            Route("/v1/currencies", api.currencies),
            Route("/v1/{when}", api.on_or_from),
        ),
        ("/v1",),
        write_failure,
        exposed=(STATE_HEADER,),
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a request asks for, apart from when; without symbols all of them."""

    amount: ExactDecimal
    base: Currency
    symbols: tuple[Currency, ...] | None

    def __str__(self) -> str:
        codes = ",".join(c.code for c in self.symbols) if self.symbols is not None else "*"
        return f"{self.amount_number} {self.base} {codes}"

    @property
    def amount_number(self) -> str:
        """The amount as it is written into answers."""
        return plain_text(self.amount.unscaled, self.amount.scale)

    def numbers(self, rates: Mapping[str, Rate]) -> dict[str, Json]:
        """What the amount is worth in each currency, by code."""
        return {
            code: JsonNumber(amount_text(rate, self.amount)) for code, rate in sorted(rates.items())
        }


class _Version1:
    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau
        keys = [key for key in bureau.book.order.sources if key != PEG] or list(bureau.sources)
        self._key = keys[0] if keys else ""

    def latest(self, request: Request, _values: Mapping[str, str]) -> Response:
        """The newest rates."""
        return self._single(request, None)

    def on_or_from(self, request: Request, values: Mapping[str, str]) -> Response:
        """The rates of a date, or of each date of a range."""
        when = values["when"]
        if _DATE.fullmatch(when):
            return self._single(request, parse_date(when))
        span = _RANGE.fullmatch(when)
        if span is None:
            return write_failure(_NOT_FOUND)
        first = parse_date(span[1])
        last = parse_date(span[2]) if span[2] else None
        return self._range(request, first, last)

    def currencies(self, request: Request, _values: Mapping[str, str]) -> Response:
        """The currencies of the newest publication with their names."""
        parameters(request, ())
        newest = self._history.newest
        now = self._bureau.clock()
        until = expiry(self._bureau, now, Scope([self._key]))
        headers = (until.header(now),)
        if newest is None:
            return json_response({}, headers=headers, expiry=until)
        codes = {newest.convention.pivot, *newest.rates(), *newest.withheld} & CURRENCIES.keys()
        names: Json = {code: CURRENCIES[code].name for code in sorted(codes)}
        return json_response(names, headers=headers, expiry=until)

    @property
    def _history(self) -> SourceHistory:
        return self._bureau.book.of(self._key)

    def _single(self, request: Request, on: date | None) -> Response:
        wanted = _wanted(request)
        if not len(self._history):
            of_it = f" of {self._key}" if len(self._bureau.book) else ""
            raise NoRatesKnown(f"no rates{of_it} are known yet")
        question = Question(self._bureau.clock(), on, keys=(self._key,))
        publication, rates = self._rates(wanted, question)
        body: Json = {
            "amount": JsonNumber(wanted.amount_number),
            "base": wanted.base.code,
            "date": str(publication.date),
            "rates": wanted.numbers(rates),
        }
        now = question.asked_at
        until = expiry(self._bureau, now, Scope([self._key], on))
        age = rate_state(self._bureau, now, on, [publication])
        return json_response(body, headers=(until.header(now), *age), expiry=until)

    def _rates(self, wanted: _Wanted, question: Question) -> tuple[Publication, dict[str, Rate]]:
        """The rates of one publication: one that has all that is asked for, else the newest."""
        found = self._found(wanted, question)
        publications = [r.publication for r in found.values() if r.publication is not None]
        newest = max(publications, key=lambda p: p.date)
        oldest = min(publications, key=lambda p: p.date)
        if newest is not oldest:
            # A value is withheld. Who names currencies gets them from one that has them all.
            has_all = wanted.symbols is not None and all(map(oldest.publishes, found))
            newest = oldest if has_all else newest
            found = {
                code: rate_in(newest, wanted.base, CURRENCIES[code])
                for code in found
                if newest.publishes(code) and newest.publishes(wanted.base.code)
            }
        return newest, found

    def _found(self, wanted: _Wanted, question: Question) -> dict[str, Rate]:
        """What there is of what is asked for, whichever publication it is of.

        Raises:
            NoRate: there is nothing.
        """
        found = self._bureau.table(wanted.base, question, wanted.symbols)
        if found:
            return {code: of_pair.rate for code, of_pair in found.items()}
        codes = [code for code in self._history.extents if code in CURRENCIES]
        for counter in wanted.symbols or [CURRENCIES[code] for code in codes]:
            self._bureau.rate(wanted.base, counter, question)
        raise NoRateForDate(f"there are no rates for {wanted.base}")

    def _range(self, request: Request, first: date, last: date | None) -> Response:
        wanted = _wanted(request)
        now = self._bureau.clock()
        end = min(last or now.date(), now.date())
        # Another book may be in its place before the answer is made.
        book = self._bureau.book
        history = book.of(self._key)
        days = book.series(wanted.base, wanted.symbols, first, end, (self._key,))
        shown = ((day, rates) for day, rates in days if rates)
        begin = next(shown, None)
        if begin is None:
            raise NoRateForDate(f"there are no such rates from {first} to {end}")
        start: list[tuple[date, dict[str, Rate]]] = [begin]
        newest = _last_date(history, wanted, first, end)
        if newest is None:
            start += shown
            newest = start[-1][0]
        head = json_text(
            {
                "amount": JsonNumber(wanted.amount_number),
                "base": wanted.base.code,
                "start_date": str(begin[0]),
                "end_date": str(newest),
            }
        )
        parts = _range_parts(head, wanted, chain(start, shown))
        etag = _digest(history.version.hex(), str(wanted), f"{first} {end}")
        until = expiry(self._bureau, now, Scope([self._key], last))
        return Response(chunked(parts), headers=(until.header(now),), etag=etag, expiry=until)


def _range_parts(
    head: str, wanted: _Wanted, days: Iterator[tuple[date, dict[str, Rate]]]
) -> Iterator[str]:
    """The members of `head`, and the rates of all days after them."""
    before = f'{head[:-1]},"rates":{{'
    for day, rates in days:
        yield f'{before}"{day}":{json_text(wanted.numbers(rates))}'
        before = ","
    yield "}}"


def _last_date(history: SourceHistory, wanted: _Wanted, first: date, last: date) -> date | None:
    """The last date after the first one that has a rate, None if there is none."""
    dates = history.dates
    codes: Collection[str] = [c.code for c in wanted.symbols or ()]
    for day in reversed(dates[bisect_right(dates, first) : bisect_right(dates, last)]):
        publication = history.on(day)
        if publication is not None and publication.publishes(wanted.base.code):
            has = codes or {publication.convention.pivot, *publication.rates()}
            if any(publication.publishes(c) for c in has if c != wanted.base.code):
                return day
    return None


def _digest(*parts: str) -> str:
    return blake2b("\n".join((__version__, *parts)).encode(), digest_size=16).hexdigest()


def _wanted(request: Request) -> _Wanted:
    """What a request asks for.

    Raises:
        InvalidRequest: a parameter is not known, or there twice, or the pair is of one currency.
        InvalidAmount: the amount is no number above zero.
        NoRateForCurrency: the base or all symbols are no currencies.
    """
    values = parameters(request, _PARAMETERS)
    amount = ExactDecimal.parse(values.get("amount", "1"))
    if amount.unscaled <= 0:
        raise InvalidAmount("an amount is above zero")
    base_code = values.get("from", values.get("base"))
    listed = values.get("to", values.get("symbols"))
    codes = capitals(listed).split(",") if listed is not None else None
    if base_code is not None and codes == [capitals(base_code)]:
        raise InvalidRequest("bad currency pair")
    base = _known("EUR" if base_code is None else base_code)
    if codes is None:
        return _Wanted(amount, base, None)
    symbols = {code: CURRENCIES[code] for code in codes if code in CURRENCIES}
    symbols.pop(base.code, None)
    if not symbols:
        raise NoRateForCurrency("none of the symbols is another currency than the base")
    return _Wanted(amount, base, tuple(symbols.values()))


def _known(code: str) -> Currency:
    try:
        return currency(code)
    except UnknownCurrency as error:
        raise NoRateForCurrency(str(error)) from error
