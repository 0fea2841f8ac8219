"""The figures behind the pages' charts as JSON: rates of a pair, and a product's price at each.

They are to the digit those that the pages draw.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from pricedesk.currencies import Currency, currency
from pricedesk.errors import InvalidRequest, in_quotes
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.web.views import RANGES, Range, price_points
from pricedesk.http.messages import NO_STORE, Json, Request, Response, json_response
from pricedesk.http.parameters import parameters
from pricedesk.http.routes import Route
from pricedesk.rate_lines import HistoryReply


class Histories:
    """What was published over a time; `default` is the currency where none is named."""

    def __init__(self, shop: Shop, default: Currency) -> None:
        self._shop = shop
        self._default = default

    def routes(self) -> tuple[Route, ...]:
        """All that can be asked for."""
        return (
            Route("/api/products/{sku}/history", self.prices),
            Route("/api/rates/history", self.rates),
        )

    async def prices(self, request: Request, path: Mapping[str, str]) -> Response:
        """The published rates from a product's currency to another, and its price at each."""
        query = parameters(request, ("currency", "range"))
        product = self._shop.product(path["sku"])
        base, unit = product.price.currency, self._currency(query, "currency")
        shown = _range(query)
        found = await self._published(base, unit, shown)
        if found is None:
            return self._answer(base, unit, shown, None, [])
        offer = await self._shop.offer(product, unit)
        points = price_points(offer, unit, found, partial(self._shop.in_the_past, product))
        told: list[Json] = [
            {"date": str(day), "rate": rate, "price": str(point.value)}
            for (day, rate), point in zip(found.points, points, strict=True)
        ]
        return self._answer(base, unit, shown, found, told)

    async def rates(self, request: Request, _path: Mapping[str, str]) -> Response:
        """The published rates from a currency to another."""
        query = parameters(request, ("base", "to", "range"))
        if "to" not in query:
            raise InvalidRequest("to is needed: the currency whose rates are asked for")
        base, unit, shown = self._currency(query, "base"), currency(query["to"]), _range(query)
        found = await self._published(base, unit, shown)
        points = found.points if found is not None else ()
        told: list[Json] = [{"date": str(day), "rate": rate} for day, rate in points]
        return self._answer(base, unit, shown, found, told)

    def _currency(self, query: Mapping[str, str], name: str) -> Currency:
        return currency(query[name]) if name in query else self._default

    async def _published(self, base: Currency, unit: Currency, shown: Range) -> HistoryReply | None:
        first = shown.first(self._shop.clock().date())
        return await self._shop.history(base, unit, first, shown.unit)

    def _answer(
        self,
        base: Currency,
        unit: Currency,
        shown: Range,
        found: HistoryReply | None,
        told: list[Json],
    ) -> Response:
        """A history, whose it is, and how its source wants to be named."""
        source = found.source if found is not None else None
        return json_response(
            {
                "from": base.code,
                "to": unit.code,
                "unit": shown.unit.value,
                "source": source,
                "attribution": self._shop.attribution(source) or None,
                "rates": told,
                **named_pegs(found.pegs if found is not None else ()),
            },
            headers=(NO_STORE,),
        )


def _range(query: Mapping[str, str]) -> Range:
    name = query.get("range", Range.YEAR.key)
    if name not in RANGES:
        raise InvalidRequest(f"range is {in_quotes(name)}: one of {', '.join(RANGES)}")
    return RANGES[name]


def named_pegs(parities: Sequence[str]) -> dict[str, Json]:
    """A member that names the official parities that a rate goes over; none without any."""
    return {"pegs": [*parities]} if parities else {}
