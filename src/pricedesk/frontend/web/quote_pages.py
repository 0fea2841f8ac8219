"""The pages of quotes: holding a price, looking at one that is held, and its end."""

import logging
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from urllib.parse import quote as percent_encoded

from pricedesk.currencies import currency
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import InvalidRequest, PriceChanged, PricedeskError, UnknownProduct
from pricedesk.frontend.locales import money_text
from pricedesk.frontend.offers import seen_of
from pricedesk.frontend.price_views import quote_view
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.web.framing import Again, Framing, Visit, form_of, see_other
from pricedesk.frontend.web.rendering import ALONE
from pricedesk.frontend.web.views import product_path
from pricedesk.http.messages import Request, Response
from pricedesk.http.routes import Route, status_of
from pricedesk.money import Money
from pricedesk.quote_codes import parse_quote_id
from pricedesk.quote_lines import QuoteReply, QuoteVerb

logger = logging.getLogger(__name__)

HELD_FIELDS = ("sku", "currency", "conversion", "price", "key")
"""What a form that holds a price has."""

SHOWN_CHARACTERS_MAX = 40
"""So much of what is no id is shown: the form takes no more."""


class QuotePages:
    """Prices that are held."""

    def __init__(self, shop: Shop, framing: Framing) -> None:
        self._shop = shop
        self._framing = framing

    def routes(self) -> tuple[Route, ...]:
        """All that can be asked for."""
        return (
            Route("/quotes", self.find),
            Route("/quotes", self.hold, ("POST",)),
            Route("/quotes/{id}", self.quote),
            Route("/quotes/{id}/redeem", partial(self.end, QuoteVerb.REDEEM), ("POST",)),
            Route("/quotes/{id}/cancel", partial(self.end, QuoteVerb.CANCEL), ("POST",)),
        )

    async def find(self, request: Request, _path: Mapping[str, str]) -> Response:
        """Where somebody types the id that he has on paper."""
        typed = dict(request.query).get("id", "").strip()
        try:
            # It is read before it is in a path: there, a dot or two would lead elsewhere.
            if typed:
                return see_other(quote_path(parse_quote_id(typed)))
        except InvalidRequest as error:
            return self._no_id(await self._framing.visit(request), typed, error)
        return self._framing.page("find_quote.html", await self._framing.visit(request), "/quotes")

    async def hold(self, request: Request, _path: Mapping[str, str]) -> Response:
        """Hold the price that a form shows, and go to the quote."""
        visit = await self._framing.visit(request)
        refused = self._framing.refuse_stranger(visit)
        if refused is not None:
            return refused
        form, words, back = form_of(request), visit.words, "/"
        fields = {name: form.get(name, "") for name in HELD_FIELDS}
        try:
            if self._shop.catalogue.by_sku(fields["sku"]) is not None:
                back = product_path(fields["sku"])
            seen = seen_of(fields.__getitem__, currency(fields["currency"]))
            address = visit.visitor.address
            reply = await self._shop.hold(fields["sku"], seen, fields["key"], address)
        except (PricedeskError, ErrorReply) as error:
            figures = ""
            if isinstance(error, UnknownProduct):
                title = words("There is no such product.")
            elif error.slug == PriceChanged.slug:
                title = words("The price has changed")
                figures = await self._both_prices(visit, fields)
            else:
                title = words("The price is not held")
            again = Again("/quotes", fields)
            return self._framing.refusal(visit, title, error, back, again=again, figures=figures)
        return see_other(f"/quotes/{reply.fields['quote']}")

    async def quote(self, request: Request, path: Mapping[str, str]) -> Response:
        """A quote, as it was recorded."""
        visit = await self._framing.visit(request)
        try:
            quote_id = parse_quote_id(path["id"])
        except InvalidRequest as error:
            return self._no_id(visit, path["id"], error)
        try:
            reply = await self._shop.quote(QuoteVerb.QUOTE, quote_id)
        except (PricedeskError, ErrorReply) as error:
            title = visit.words("The quote cannot be shown")
            return self._framing.refusal(visit, title, error, "/quotes")
        if quote_id != path["id"]:
            return see_other(quote_path(quote_id))
        return self._quote_page(visit, reply)

    async def end(self, verb: QuoteVerb, request: Request, path: Mapping[str, str]) -> Response:
        """Redeem a quote, or cancel it."""
        visit = await self._framing.visit(request)
        refused = self._framing.refuse_stranger(visit)
        if refused is not None:
            return refused
        try:
            quote_id = parse_quote_id(path["id"])
            await self._shop.quote(verb, quote_id)
        except (PricedeskError, ErrorReply) as error:
            title, back = visit.words("That was not done"), quote_path(path["id"])
            again = Again(f"{back}/{verb.value}", {})
            return self._framing.refusal(visit, title, error, back, again=again)
        return see_other(quote_path(quote_id))

    def _no_id(self, visit: Visit, typed: str, error: InvalidRequest) -> Response:
        """There is no quote because what somebody typed is no id; he sees it as he typed it."""
        words = visit.words
        shown = "".join(c if c.isprintable() else "\ufffd" for c in typed[:SHOWN_CHARACTERS_MAX])
        cut = "..." if len(typed) > SHOWN_CHARACTERS_MAX else ""
        told = words('"{}" is not the id of a quote, which is like {}.')
        sentences = (told.format(shown + cut, "7F3K-9QXD-2MTA"),)
        title = words("The quote cannot be shown")
        return self._framing.message(visit, title, sentences, status_of(error), "/quotes")

    async def _both_prices(self, visit: Visit, fields: Mapping[str, str]) -> str:
        """The price that a form shows, and the one of now; empty if it is the same, or none."""
        unit, locale = currency(fields["currency"]), visit.visitor.locale
        product = self._shop.catalogue.by_sku(fields["sku"])
        offer = await self._shop.offer(product, unit) if product is not None else None
        if offer is None or offer.price is None or offer.known_at is not None:
            return ""
        seen, now = Money.parse(fields["price"], unit), offer.price.seen.price
        if seen == now:
            return ""
        told = visit.words("You have seen {}; it is {} now.")
        return told.format(money_text(seen, locale), money_text(now, locale))

    def _quote_page(self, visit: Visit, reply: QuoteReply) -> Response:
        words, now = visit.words, self._shop.clock()
        sku = reply.fields.get("ref") or ""
        href = product_path(sku) if self._shop.catalogue.by_sku(sku) is not None else ""
        try:
            view = quote_view(reply, href, now, visit.visitor.locale, words)
        except (PricedeskError, KeyError, ValueError):
            logger.exception("a quote that cannot be shown")
            reason = words("It was not recorded by this shop.")
            title = words("The quote cannot be shown")
            return self._framing.message(visit, title, [reason], HTTPStatus.BAD_GATEWAY)
        return self._framing.page(
            "quote.html",
            visit,
            "/quotes",
            attributions=[view.price.attribution],
            headers=(ALONE,),
            quote=view,
            now=now.isoformat(timespec="milliseconds"),
        )


def quote_path(quote_id: str) -> str:
    """Where a quote's page is."""
    return f"/quotes/{percent_encoded(quote_id, safe='')}"
