"""The pages of the catalogue: products, a product, and what a visitor prefers."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from http import HTTPStatus
from urllib.parse import urlencode

from babel.numbers import format_decimal

from pricedesk.currencies import currency
from pricedesk.errors import NoRateForCurrency, PricedeskError, UnknownProduct
from pricedesk.frontend.catalogue import Catalogue
from pricedesk.frontend.locales import money_text
from pricedesk.frontend.offers import Offer
from pricedesk.frontend.price_views import price_view
from pricedesk.frontend.refusal_words import as_sentence, is_exact, meaning
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.web.bounds import SEARCH_CHARACTERS_MAX
from pricedesk.frontend.web.framing import SPOKEN, Framing, Visit, form_of, see_other
from pricedesk.frontend.web.pictures import Pictures
from pricedesk.frontend.web.views import (
    RANGES,
    Card,
    ChartView,
    Range,
    card,
    chart_view,
    price_points,
    product_path,
)
from pricedesk.frontend.web.visitor import CURRENCY_COOKIE, LANGUAGE_COOKIE, cookie, safe_path
from pricedesk.http.messages import NO_STORE, Request, Response
from pricedesk.http.routes import Route
from pricedesk.money import Money

CARDS = 24
"""Products on a page."""

PAGE_DIGITS_MAX = 6
"""No shop has a million pages."""

EVENTS_TYPE = "text/event-stream; charset=utf-8"


class CataloguePages:
    """What is sold. `new_key` gives a key that no two forms share."""

    def __init__(
        self, shop: Shop, framing: Framing, pictures: Pictures, new_key: Callable[[], str]
    ) -> None:
        self._shop = shop
        self._framing = framing
        self._pictures = pictures
        self._new_key = new_key

    def routes(self) -> tuple[Route, ...]:
        """All that can be asked for."""
        return (
            Route("/", self.products),
            Route("/products/{sku}", self.product),
            Route("/preferences", self.prefer, ("POST",)),
            Route("/events", self.events),
        )

    async def products(self, request: Request, _path: Mapping[str, str]) -> Response:
        """The catalogue: all of it, of a category, or what was searched for."""
        visit = await self._framing.visit(request)
        query, words, locale = dict(request.query), visit.words, visit.visitor.locale
        text = query.get("q", "")[:SEARCH_CHARACTERS_MAX].strip()
        category = query.get("category", "")
        number = _page_number(query.get("page", ""))
        found = await self._shop.find(text, category, (number - 1) * CARDS, CARDS)
        last = max(1, -(-found.total // CARDS))
        if number > last:  # Beyond the end is the end: the catalogue may have become smaller.
            number = last
            found = await self._shop.find(text, category, (number - 1) * CARDS, CARDS)
        offers = await self._shop.offers(found.products, visit.visitor.currency)
        pictured = await self._pictures.there(each.picture for each in found.products)

        def href(to: int) -> str:
            told = {"q": text, "category": category, "page": str(to) if to > 1 else ""}
            asked = urlencode({name: value for name, value in told.items() if value})
            return f"/?{asked}" if asked else "/"

        count = format_decimal(found.total, locale=locale)
        one = found.total == 1
        return self._framing.page(
            "products.html",
            visit,
            "/",
            offers,
            words=text,
            category=category,
            categories=_choices(self._shop.catalogue, category),
            cards=[_card(offer, visit, pictured) for offer in offers],
            count_text=words("1 product") if one else words("{} products").format(count),
            pages_count=last,
            page_text=words("Page {} of {}").format(number, last),
            previous=href(number - 1) if number > 1 else "",
            next=href(number + 1) if number < last else "",
        )

    async def product(self, request: Request, path: Mapping[str, str]) -> Response:
        """A product: its price, why, and what it would have cost before."""
        visit = await self._framing.visit(request)
        words = visit.words
        try:
            product = self._shop.product(path["sku"])
        except UnknownProduct as error:
            return self._framing.refusal(visit, words("There is no such product."), error)
        offer = await self._shop.offer(product, visit.visitor.currency)
        shown = RANGES.get(dict(request.query).get("range", ""), Range.YEAR)
        chart = await self._price_chart(offer, shown, visit)
        return self._framing.page(
            "product.html",
            visit,
            "/",
            [offer],
            attributions=[chart.attribution] if chart is not None else [],
            product=_card(offer, visit, await self._pictures.there([product.picture])),
            category_href=f"/?{urlencode({'category': product.category})}",
            key=self._new_key(),
            cannot_hold=self._why_not_held(offer, visit),
            chart=chart,
        )

    async def prefer(self, request: Request, _path: Mapping[str, str]) -> Response:
        """Remember a currency or a language, and go back."""
        visit = await self._framing.visit(request)
        refused = self._framing.refuse_stranger(visit)
        if refused is not None:
            return refused
        form = form_of(request)
        headers = []
        try:
            if "currency" in form:
                headers.append(cookie(CURRENCY_COOKIE, currency(form["currency"]).code))
        except PricedeskError as error:
            return self._framing.refusal(visit, visit.words("That is no currency"), error)
        if form.get("language") in dict(SPOKEN):
            headers.append(cookie(LANGUAGE_COOKIE, form["language"]))
        return see_other(safe_path(form.get("back", "/")), *headers)

    def events(self, _request: Request, _path: Mapping[str, str]) -> Response:
        """Tells an open page of new rates."""
        return Response(self._shop.standing.events(), HTTPStatus.OK, EVENTS_TYPE, (NO_STORE,))

    def _why_not_held(self, offer: Offer, visit: Visit) -> str:
        """Why a price cannot be held now; empty if it can."""
        if offer.known_at is not None or self._shop.standing.away:
            return visit.words("Not now: the conversion service cannot be reached.")
        told = self._shop.standing.sources
        stale = offer.price is not None and offer.price.state == "stale"
        if stale and told is not None and not told.holds_stale:
            return visit.words("Not now: the newest rate that is known is too old.")
        return ""

    async def _price_chart(self, offer: Offer, shown: Range, visit: Visit) -> ChartView | None:
        own, unit, locale = offer.product.price, visit.visitor.currency, visit.visitor.locale
        first = shown.first(self._shop.clock().date())
        history = await self._shop.history_if_known(own.currency, unit, first, shown.unit)
        if history is None:
            return None
        path = product_path(offer.product.sku)
        return chart_view(
            price_points(offer, unit, history, partial(self._shop.in_the_past, offer.product)),
            shown,
            attribution=self._shop.attribution(history.source),
            title=visit.words("What it would have cost in {}").format(unit.code),
            column=unit.code,
            value_text=lambda value: money_text(Money(value.unscaled, unit), locale),
            href=lambda each: f"{path}?range={each.key}#past",
            locale=locale,
            words=visit.words,
        )


def _card(offer: Offer, visit: Visit, pictures: Collection[str]) -> Card:
    """A product as it is offered; `pictures` are those that can be shown."""
    product, price, locale, words = offer.product, offer.price, visit.visitor.locale, visit.words
    pictured = product.picture in pictures
    if price is not None:
        view = price_view(price, product.price, locale, words, offer.known_at)
        return card(product, locale, view, pictured=pictured)
    if offer.slug == NoRateForCurrency.slug:
        pair = product.price.currency.code, visit.visitor.currency.code
        why = words("There is no published rate from {} to {}.").format(*pair)
    elif offer.reason:
        why = as_sentence(offer.reason) if is_exact(words) else meaning(offer.slug, words)
    else:
        why = words(
            "The price cannot be computed now because the conversion service cannot be reached."
        )
    return card(product, locale, None, why, pictured=pictured)


def _choices(catalogue: Catalogue, chosen: str) -> list[str]:
    """The categories that can be chosen, with the one that is chosen."""
    shown = catalogue.shown_categories
    named = catalogue.has_category(chosen) and chosen not in shown
    return [*shown, chosen] if named else list(shown)


def _page_number(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= PAGE_DIGITS_MAX
    return max(1, int(text)) if is_number else 1
