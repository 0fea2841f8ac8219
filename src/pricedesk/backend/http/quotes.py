"""Quotes over HTTP: `POST /quotes` holds a price; its id is for looking, redeeming, cancelling.

Every value is a text, decoded from the quote's record; `record` is that record, byte for byte.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pricedesk.errors import InvalidRequest, in_quotes
from pricedesk.http.json_bodies import Digits, other_than_json, read_json
from pricedesk.http.messages import NO_STORE, Request, Response, json_response, problem
from pricedesk.http.parameters import parameters
from pricedesk.http.routes import Route, RouteTable
from pricedesk.quote_codes import parse_quote_id
from pricedesk.quote_lines import HOLD_NAMES, Hold, OfQuote, QuoteReply, QuoteVerb, hold_of

if TYPE_CHECKING:
    from pricedesk.backend.quote_desk import QuoteDesk

_MEMBERS = frozenset(HOLD_NAMES) - {"key"}
_NUMBERS = {"amount", "expects", "price"}


def route_table(quotes: "QuoteDesk") -> RouteTable:
    """`/quotes` and what is below it; not for pages of other origins."""

    async def held(request: Request, _values: Mapping[str, str]) -> Response:
        """A price is held."""
        parameters(request, ())
        refused = other_than_json(request)
        if refused is not None:
            return problem(refused)
        return _told(await quotes.answer(_hold(request)))

    def asked(verb: QuoteVerb, request: Request, values: Mapping[str, str]) -> OfQuote:
        parameters(request, ())
        if request.body:
            raise InvalidRequest("a body is for POST /quotes only")
        return OfQuote(verb, parse_quote_id(values["id"]))

    async def found(request: Request, values: Mapping[str, str]) -> Response:
        """A quote, and what has become of it."""
        return _told(await quotes.answer(asked(QuoteVerb.QUOTE, request, values)))

    async def redeemed(request: Request, values: Mapping[str, str]) -> Response:
        """A quote is redeemed, or was."""
        return _told(await quotes.answer(asked(QuoteVerb.REDEEM, request, values)))

    async def cancelled(request: Request, values: Mapping[str, str]) -> Response:
        """A quote is cancelled, or was."""
        return _told(await quotes.answer(asked(QuoteVerb.CANCEL, request, values)))

    return RouteTable(
        (
            Route("/quotes", held, ("POST",)),
            Route("/quotes/{id}", found),
            Route("/quotes/{id}/redeem", redeemed, ("POST",)),
            Route("/quotes/{id}/cancel", cancelled, ("POST",)),
        ),
        ("/quotes",),
        any_origin=False,
    )


def _hold(request: Request) -> Hold:
    """What is to be held, from the body and the header with the key.

    Raises:
        RequestError: something in it is off.
    """
    document = read_json(request.body)
    if not isinstance(document, dict):
        raise InvalidRequest('the body is no object: send {"amount":"1","from":"CAD","to":"USD"}')
    for name, value in document.items():
        if name not in _MEMBERS:
            raise InvalidRequest(f"{in_quotes(name)} is no member of the body")
        if not isinstance(value, str) or (isinstance(value, Digits) and name not in _NUMBERS):
            kind = "neither a text nor a number" if name in _NUMBERS else "no text"
            raise InvalidRequest(f'"{name}" is {kind}')
    key = request.key
    return hold_of({**document, **({} if key is None else {"key": key})})


def _told(reply: QuoteReply) -> Response:
    return json_response({**reply.told, "record": reply.record}, headers=(NO_STORE,))
