"""What version 2 tells of currencies and of sources: since when, until when, by whom."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.http.caching import Scope, expiry
from pricedesk.backend.http.parameters import known_keys
from pricedesk.backend.http.v2_failures import not_acceptable
from pricedesk.backend.rate_book import PEG, RateBook
from pricedesk.currencies import CURRENCIES
from pricedesk.errors import InvalidRequest, NoRateForCurrency, in_quotes
from pricedesk.http.messages import Json, JsonNumber, Request, Response, json_response
from pricedesk.http.parameters import capitals, parameters
from pricedesk.http.routes import Route

ACTIVE_WITHIN = timedelta(days=30)
"""So long before its source's newest publication may a currency's last value be."""

_CADENCE = "daily"
"""All sources publish on every day of their calendar."""


def catalogue_routes(bureau: Bureau) -> tuple[Route, ...]:
    """The routes of currencies and sources."""
    catalogue = _Catalogue(bureau)
    return (
        Route("/v2/currencies", catalogue.currencies),
        Route("/v2/currency/{code}", catalogue.currency),
        Route("/v2/providers", catalogue.providers),
        Route("/v2/currencies.csv", catalogue.as_csv),
        Route("/v2/providers.csv", catalogue.as_csv),
    )


class _Catalogue:
    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau

    def as_csv(self, _request: Request, _values: Mapping[str, str]) -> Response:
        """What is JSON only."""
        return not_acceptable()

    def currencies(self, request: Request, _values: Mapping[str, str]) -> Response:
        """All currencies that are published now; with scope=all those that were, too."""
        given = parameters(request, ("scope", "providers"))
        scope = given.get("scope")
        if scope is not None and scope.lower() != "all":
            raise InvalidRequest("invalid scope: all is the only one")
        book = self._bureau.book
        keys = known_keys(given["providers"], self._bureau) if "providers" in given else None
        asked = tuple(self._bureau.sources) if keys is None else keys
        with_pegs = keys is None and PEG in book.order.sources
        spans = _spans(book, asked, with_pegs=with_pegs)
        if scope is None:
            active = _active(book, asked)
            if with_pegs:
                active |= {code for code, peg in book.pegs.items() if peg.anchor in active}
            spans = {code: span for code, span in spans.items() if code in active}
        return self._lasting([_currency(code, spans[code]) for code in sorted(spans)], asked)

    def currency(self, request: Request, values: Mapping[str, str]) -> Response:
        """One currency, the sources that have published it, and its official parity."""
        if values["code"].lower().endswith(".csv"):
            return not_acceptable()
        parameters(request, ())
        book, code = self._bureau.book, capitals(values["code"])
        asked = tuple(self._bureau.sources)
        spans = _spans(book, asked, with_pegs=PEG in book.order.sources)
        if code not in spans:
            raise NoRateForCurrency(f"no source publishes {in_quotes(code)}")
        told = _currency(code, spans[code])
        told["providers"] = sorted(key for key in asked if code in book.of(key).extents)
        peg = book.pegs.get(code)
        if peg is not None:
            told["peg"] = {
                "base": peg.anchor,
                "rate": JsonNumber(peg.value),
                "authority": peg.authority,
            }
        return self._lasting(told, asked)

    def providers(self, request: Request, _values: Mapping[str, str]) -> Response:
        """The sources of which something is known, by key."""
        parameters(request, ())
        book = self._bureau.book
        told: list[Json] = []
        for age in sorted(self._bureau.ages(), key=lambda age: age.key):
            source, history = self._bureau.sources[age.key], book.of(age.key)
            if age.newest is None:
                continue
            told.append(
                {
                    "key": source.key,
                    "name": source.name,
                    "country_code": source.country_code,
                    "rate_type": source.rate_type,
                    "pivot_currency": source.convention.pivot,
                    "data_url": source.attribution_url,
                    "terms_url": source.terms_url,
                    "start_date": str(history.dates[0]),
                    "end_date": str(age.newest.date),
                    "publish_cadence": _CADENCE,
                    "publishes_missed": age.missed,
                    "currencies": sorted(history.extents.keys() & CURRENCIES.keys()),
                }
            )
        return self._lasting(told, self._bureau.sources)

    def _lasting(self, told: Json, keys: Iterable[str]) -> Response:
        """What is told of these sources, for as long as it may be kept."""
        now = self._bureau.clock()
        until = expiry(self._bureau, now, Scope(tuple(keys)))
        return json_response(told, headers=(until.header(now),), expiry=until)


def _currency(code: str, span: tuple[date, date]) -> dict[str, Json]:
    known = CURRENCIES[code]
    return {
        "iso_code": code,
        "iso_numeric": known.number,
        "name": known.name,
        "symbol": known.symbol or None,
        "start_date": str(span[0]),
        "end_date": str(span[1]),
    }


def _spans(book: RateBook, keys: Iterable[str], *, with_pegs: bool) -> dict[str, tuple[date, date]]:
    """The first and last date of each currency, over these sources."""
    found: dict[str, tuple[date, date]] = {}
    for key in keys:
        for code, (first, last) in book.of(key).extents.items():
            if code in CURRENCIES:
                known = found.get(code, (first, last))
                found[code] = (min(first, known[0]), max(last, known[1]))
    for peg in book.pegs.values() if with_pegs else ():
        anchor = found.get(peg.anchor)
        if anchor is not None and peg.currency not in found and peg.currency in CURRENCIES:
            found[peg.currency] = (max(peg.since, anchor[0]), anchor[1])
    return found


def _active(book: RateBook, keys: Iterable[str]) -> set[str]:
    """The currencies that a source publishes now, or withheld for the time being."""
    codes: set[str] = set()
    for key in keys:
        history = book.of(key)
        if history.newest is not None:
            begin = history.newest.date - ACTIVE_WITHIN
            codes.update(history.newest.withheld)
            codes.update(code for code, (_, last) in history.extents.items() if last >= begin)
    return codes
