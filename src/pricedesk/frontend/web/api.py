"""The desk as JSON, for the shop's own pages and programs: what the pages show, and no more.

Amounts and rates are strings, so that no digit is lost in a program that reads numbers as
binary floats. What is wrong is told as RFC 9457 has it.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from http import HTTPStatus

from pricedesk.currencies import Currency, currency
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import InvalidRequest, in_quotes
from pricedesk.frontend.catalogue import CATEGORIES_SHOWN_MAX, PAGE_PRODUCTS_MAX
from pricedesk.frontend.offers import Offer, Price, is_address, parities_of, seen_of
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.web.api_description import document
from pricedesk.frontend.web.bounds import OFFSET_MAX, SEARCH_CHARACTERS_MAX
from pricedesk.frontend.web.framing import PASSING, RETRY_AFTER
from pricedesk.frontend.web.histories import Histories, named_pegs
from pricedesk.frontend.web.visitor import is_from_here
from pricedesk.http import messages
from pricedesk.http.json_bodies import Digits, other_than_json, read_json
from pricedesk.http.meanings import meanings
from pricedesk.http.messages import NO_STORE, Failure, Json, Request, Response, json_response
from pricedesk.http.parameters import parameters
from pricedesk.http.routes import Route, status_of
from pricedesk.quote_codes import parse_quote_id
from pricedesk.quote_lines import NOTHING, QuoteReply, QuoteVerb
from pricedesk.rate_lines import NEVER, SourceStatus

PAGE_PRODUCTS = 24

BODY_BYTES_MAX = 16 * 1024

PROBLEMS = "/api/problems/"
"""Before a failure's name: where it is explained."""

NO_ANSWER = "the conversion service does not answer"
"""All that is told of a back-end that is away."""

OF_ANOTHER_SITE = Failure(
    HTTPStatus.FORBIDDEN, "other-site", "a page of another site may not do this for its visitor"
)
_OTHER_SITE = "A page of another site has sent the request."


problem = partial(messages.problem, place=PROBLEMS)


class Api:
    """The routes below /api."""

    def __init__(self, shop: Shop, default: Currency) -> None:
        self._shop = shop
        self._default = default
        self._histories = Histories(shop, default)

    def routes(self) -> tuple[Route, ...]:
        """All that can be asked for."""
        end = self.end
        return (
            Route("/api", self.description),
            Route("/api/openapi.json", self.description),
            Route("/api/categories", self.categories),
            Route("/api/products", self.products),
            Route("/api/products/{sku}", self.product),
            Route("/api/quotes", self.hold, ("POST",)),
            Route("/api/quotes/{id}", partial(end, QuoteVerb.QUOTE)),
            Route("/api/quotes/{id}/redeem", partial(end, QuoteVerb.REDEEM), ("POST",)),
            Route("/api/quotes/{id}/cancel", partial(end, QuoteVerb.CANCEL), ("POST",)),
            Route("/api/rates", self.rates),
            Route("/api/sources", self.sources),
            Route("/api/problems/{name}", self.problem),
            *self._histories.routes(),
        )

    def description(self, _request: Request, _path: Mapping[str, str]) -> Response:
        """What there is, as OpenAPI 3.1."""
        return json_response(document())

    def problem(self, _request: Request, path: Mapping[str, str]) -> Response:
        """What the name of a failure means."""
        known = meanings() | {OF_ANOTHER_SITE.slug: (int(OF_ANOTHER_SITE.status), _OTHER_SITE)}
        if path["name"] not in known:
            return problem(Failure(HTTPStatus.NOT_FOUND, "not-found", "there is no such failure"))
        status, meaning = known[path["name"]]
        return json_response({"name": path["name"], "status": status, "meaning": meaning})

    def failure(self, failure: Failure) -> Response:
        """A failure as RFC 9457 has it; how the back-end failed is for the shop's log."""
        if failure.slug in PASSING:
            return _passing(failure)
        return problem(failure)

    def categories(self, request: Request, _path: Mapping[str, str]) -> Response:
        """The categories that products are in, some at a time, in the shop's order."""
        query = parameters(request, ("offset", "limit"))
        offset = _count(query, "offset", 0, OFFSET_MAX)
        limit = _count(query, "limit", CATEGORIES_SHOWN_MAX, CATEGORIES_SHOWN_MAX)
        found = self._shop.catalogue.categories
        return _answer(
            {
                "total": len(found),
                "offset": offset,
                "categories": [
                    {"name": each.name, "products": each.products}
                    for each in found[offset : offset + limit]
                ],
            }
        )

    async def products(self, request: Request, _path: Mapping[str, str]) -> Response:
        """Products with their prices, some at a time."""
        query = parameters(request, ("q", "category", "currency", "offset", "limit"))
        text = query.get("q", "")
        if len(text) > SEARCH_CHARACTERS_MAX:
            raise InvalidRequest(f"q has more than {SEARCH_CHARACTERS_MAX} characters")
        unit = self._currency(query)
        offset = _count(query, "offset", 0, OFFSET_MAX)
        limit = _count(query, "limit", PAGE_PRODUCTS, PAGE_PRODUCTS_MAX)
        found = await self._shop.find(text, query.get("category", ""), offset, limit)
        offers = await self._shop.offers(found.products, unit)
        return _answer(
            {
                "total": found.total,
                "offset": offset,
                "products": [_offer(offer) for offer in offers],
            }
        )

    async def product(self, request: Request, path: Mapping[str, str]) -> Response:
        """A product with its price, and every step to it."""
        query = parameters(request, ("currency",))
        product = self._shop.product(path["sku"])
        return _answer(_offer(await self._shop.offer(product, self._currency(query))))

    async def hold(self, request: Request, _path: Mapping[str, str]) -> Response:
        """Hold a price that was seen."""
        if not is_from_here(request.headers):
            return problem(OF_ANOTHER_SITE)
        parameters(request, ())
        refused = other_than_json(request)
        if refused is not None:
            return problem(refused)
        values = _body(request, ("sku", "currency", "conversion", "price"))
        seen = seen_of(values.__getitem__, currency(values["currency"]))
        key = request.key or ""
        if not key:
            raise InvalidRequest("the header Idempotency-Key is needed: a text of your own")
        return await _told(
            self._shop.hold(values["sku"], seen, key, request.address), HTTPStatus.CREATED
        )

    async def end(self, verb: QuoteVerb, request: Request, path: Mapping[str, str]) -> Response:
        """A quote: looked at, redeemed or cancelled."""
        parameters(request, ())
        if verb is not QuoteVerb.QUOTE and not is_from_here(request.headers):
            return problem(OF_ANOTHER_SITE)
        if request.body:
            raise InvalidRequest("a body is for POST /api/quotes only")
        return await _told(self._shop.quote(verb, parse_quote_id(path["id"])), HTTPStatus.OK)

    async def rates(self, request: Request, _path: Mapping[str, str]) -> Response:
        """All rates of a currency."""
        query = parameters(request, ("base",))
        base = currency(query["base"]) if "base" in query else self._default
        try:
            found, known_at = await self._shop.rates(base)
        except ErrorReply as error:
            return _refused(error)
        rates: dict[str, Json] = {
            code: {
                "rate": rate.rate,
                "date": str(rate.date),
                "source": rate.source,
                "state": rate.state,
                "missed": rate.missed,
                "attribution": self._shop.attribution(rate.source) or None,
                **named_pegs(rate.pegs),
            }
            for code, rate in found.rates.items()
        }
        told = {"base": found.base, "date": str(found.on), "known_at": _instant(known_at)}
        return _answer({**told, "rates": rates})

    async def sources(self, request: Request, _path: Mapping[str, str]) -> Response:
        """How each source stands, how it is to be named, and what its terms allow."""
        parameters(request, ())
        standing = self._shop.standing
        if standing.sources is None:
            await standing.look()
        told = standing.sources.sources if standing.sources is not None else {}
        return _answer(
            {
                "away": standing.away,
                "sources": [
                    {
                        "source": key,
                        "name": source.name,
                        "newest": str(source.newest) if source.newest is not None else None,
                        "state": source.state,
                        "missed": source.missed,
                        "expected": source.expected_at.isoformat(),
                        "failing_since": _instant(source.failing_since),
                        **_looked_at(source),
                        "attribution": source.attribution,
                        "attribution_url": (
                            source.attribution_url if is_address(source.attribution_url) else None
                        ),
                        "attribution_required": source.attribution_required,
                        "redistributable": source.redistributable,
                    }
                    for key, source in told.items()
                ],
            }
        )

    def _currency(self, query: Mapping[str, str]) -> Currency:
        return currency(query["currency"]) if "currency" in query else self._default


def _count(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        raise InvalidRequest(f"{name} is {in_quotes(text)}: a whole number up to {most}")
    if int(text) > most:
        raise InvalidRequest(f"{name} is {text}: {most} is the most")
    return int(text)


def _body(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    """The members of a JSON object, which has these and no others, all of them strings."""
    if len(request.body) > BODY_BYTES_MAX:
        raise InvalidRequest(f"the body has more than {BODY_BYTES_MAX} bytes")
    told = read_json(request.body)
    if not isinstance(told, dict):
        raise InvalidRequest("the body is to be an object of JSON")
    for name, value in told.items():
        if name not in known:
            raise InvalidRequest(f"{in_quotes(name)} is not known: {', '.join(known)} are")
        if not isinstance(value, str) or isinstance(value, Digits):
            raise InvalidRequest(f"{name} is to be a string: no digit of an amount is lost in one")
    missing = [name for name in known if name not in told]
    if missing:
        raise InvalidRequest(f"the body lacks {', '.join(missing)}")
    return told


async def _told(asked: Awaitable[QuoteReply], status: HTTPStatus) -> Response:
    try:
        reply = await asked
    except ErrorReply as error:
        return _refused(error)
    return _answer({**reply.told, "record": reply.record}, status)


def _answer(value: Json, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return json_response(value, status, (NO_STORE,))


def _refused(error: ErrorReply) -> Response:
    failure = Failure(status_of(error), error.slug, error.sentence)
    return _passing(failure) if failure.slug in PASSING else problem(failure)


def _passing(failure: Failure) -> Response:
    told = problem(Failure(failure.status, failure.slug, NO_ANSWER))
    return replace(told, headers=(*told.headers, RETRY_AFTER))


def _offer(offer: Offer) -> Json:
    product = offer.product
    return {
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "category": product.category,
        "own": {"amount": str(product.price), "currency": product.price.currency.code},
        "price": _price(offer.price) if offer.price is not None else None,
        "known_at": _instant(offer.known_at),
        "reason": (offer.reason or NO_ANSWER) if offer.price is None else None,
    }


def _looked_at(source: SourceStatus) -> dict[str, Json]:
    """When it was looked at, null if it never was; nothing where the back-end does not tell."""
    if source.looked_at is None:
        return {}
    return {"looked_at": None if source.looked_at == NEVER else _instant(source.looked_at)}


def _instant(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant is not None else None


def _price(price: Price) -> Json:
    return {
        "amount": price.amount,
        "currency": price.currency,
        "conversion": price.conversion,
        "rate": price.rate,
        "path": price.path,
        "source": price.source if price.source != NOTHING else None,
        "date": price.date,
        "state": price.state,
        "missed": price.missed,
        "steps": [
            {
                "name": step.name.value,
                "value": step.value,
                "before": str(step.before),
                "after": str(step.after),
            }
            for step in price.steps
        ],
        "attribution": price.attribution or None,
        **named_pegs([pair for pair, _ in parities_of(price.pegs)]),
    }
