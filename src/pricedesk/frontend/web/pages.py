"""The pages that people look at: catalogue, product, quote, rates, sources."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from urllib.parse import urlencode

from babel.dates import format_datetime
from babel.numbers import format_decimal

from pricedesk.currencies import Currency, currency
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import PriceChanged, PricedeskError, ServiceUnavailable, UnknownProduct
from pricedesk.frontend.appearance import Appearance
from pricedesk.frontend.locales import currency_name, date_text, money_text
from pricedesk.frontend.price_views import price_view, quote_view, state_words
from pricedesk.frontend.shop import Offer, Shop, seen_of
from pricedesk.frontend.translations import Words, words_for
from pricedesk.frontend.web.charts import spark
from pricedesk.frontend.web.rendering import Pages
from pricedesk.frontend.web.views import (
    GAP_DAYS,
    RANGES,
    Card,
    ChartView,
    Range,
    card,
    chart_view,
    price_points,
    product_path,
    rate_points,
)
from pricedesk.frontend.web.visitor import (
    CURRENCY_COOKIE,
    LANGUAGE_COOKIE,
    Visitor,
    cookie,
    is_from_here,
    safe_path,
    visitor_of,
)
from pricedesk.http.messages import NO_STORE, TEXT_TYPE, Failure, Request, Response, parse_query
from pricedesk.http.routes import STATUS, Route
from pricedesk.money import ExactDecimal, Money
from pricedesk.quote_codes import parse_quote_id
from pricedesk.quote_lines import QuoteReply, QuoteStatus, QuoteVerb

CARDS = 24
"""Products on a page."""

SEARCH_CHARACTERS_MAX = 100

LANGUAGES = (("en", "English"), ("fr", "Français"))
"""The languages that the pages' own texts are in; amounts and dates are in the visitor's own."""

EVENTS_TYPE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class CurrencyChoice:
    """A currency in the chooser."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around the content of every page."""

    shop: str
    section: str
    language: str
    currency: str
    currencies: tuple[CurrencyChoice, ...]
    back: str
    book: str
    away: bool
    attributions: tuple[str, ...]
    languages: tuple[tuple[str, str], ...] = LANGUAGES


class Site:
    """The pages over a shop. `new_key` gives a key that no two forms share."""

    def __init__(
        self, shop: Shop, pages: Pages, appearance: Appearance, new_key: Callable[[], str]
    ) -> None:
        self._shop = shop
        self._pages = pages
        self._name = appearance.name
        self._default = appearance.currency
        self._new_key = new_key

    def routes(self) -> tuple[Route, ...]:
        """All that can be asked for."""
        return (
            Route("/", self.products),
            Route("/products/{sku}", self.product),
            Route("/quotes", self.hold, ("POST",)),
            Route("/quotes/{id}", self.quote),
            Route("/quotes/{id}/redeem", partial(self.end, QuoteVerb.REDEEM), ("POST",)),
            Route("/quotes/{id}/cancel", partial(self.end, QuoteVerb.CANCEL), ("POST",)),
            Route("/rates", self.rates),
            Route("/sources", self.sources),
            Route("/preferences", self.prefer, ("POST",)),
            Route("/events", self.events),
        )

    # Pages.

    async def products(self, request: Request, _path: Mapping[str, str]) -> Response:
        """The catalogue: all of it, of a category, or what was searched for."""
        visitor, words = self._visitor(request)
        query = dict(request.query)
        text = query.get("q", "")[:SEARCH_CHARACTERS_MAX].strip()
        category = query.get("category", "")
        number = _page_number(query.get("page", ""))
        catalogue = self._shop.catalogue
        found = catalogue.find(text, category, (number - 1) * CARDS, CARDS)
        last = max(1, -(-found.total // CARDS))
        offers = await self._shop.offers(found.products, visitor.currency)

        def href(to: int) -> str:
            told = {"q": text, "category": category, "page": str(to) if to > 1 else ""}
            asked = urlencode({name: value for name, value in told.items() if value})
            return f"/?{asked}" if asked else "/"

        count = format_decimal(found.total, locale=visitor.locale)
        one = found.total == 1
        return await self._page(
            "products.html",
            visitor,
            "/",
            request,
            offers,
            words=text,
            category=category,
            categories=[each.name for each in catalogue.categories],
            cards=[self._card(offer, visitor, words) for offer in offers],
            count_text=words("1 product") if one else words("{} products").format(count),
            pages_count=last,
            page_text=words("Page {} of {}").format(number, last),
            previous=href(number - 1) if 1 < number <= last else "",
            next=href(number + 1) if number < last else "",
        )

    async def product(self, request: Request, path: Mapping[str, str]) -> Response:
        """A product: its price, why, and what it would have cost before."""
        visitor, words = self._visitor(request)
        try:
            product = self._shop.product(path["sku"])
        except UnknownProduct as error:
            return await self._message(request, words("There is no such product."), error)
        offer = await self._shop.offer(product, visitor.currency)
        shown = RANGES.get(dict(request.query).get("range", ""), Range.YEAR)
        shown_card = self._card(offer, visitor, words)
        return await self._page(
            "product.html",
            visitor,
            "/",
            request,
            [offer],
            product=shown_card,
            category_href=f"/?{urlencode({'category': product.category})}",
            key=self._new_key(),
            cannot_hold=self._why_not_held(offer, words),
            chart=await self._price_chart(offer, shown, visitor, words),
        )

    async def hold(self, request: Request, _path: Mapping[str, str]) -> Response:
        """Hold the price that a form shows, and go to the quote."""
        visitor, words = self._visitor(request)
        refused = await self._refuse_stranger(request, words)
        if refused is not None:
            return refused
        form = dict(parse_query(request.body.decode("utf-8", "replace")))
        try:
            product = self._shop.product(form.get("sku", ""))
            seen = seen_of(lambda name: form.get(name, ""), currency(form.get("currency", "")))
            reply = await self._shop.hold(product, seen, form.get("key", ""), visitor.address)
        except (PricedeskError, ErrorReply) as error:
            changed = PriceChanged.slug == error.slug
            title = words("The price has changed") if changed else words("The price is not held")
            back = product_path(form.get("sku", ""))
            return await self._message(request, title, error, back)
        return _see_other(f"/quotes/{reply.fields['quote']}")

    async def quote(self, request: Request, path: Mapping[str, str]) -> Response:
        """A quote, as it was recorded."""
        _, words = self._visitor(request)
        try:
            quote_id = parse_quote_id(path["id"])
            reply = await self._shop.quote(QuoteVerb.QUOTE, quote_id)
        except (PricedeskError, ErrorReply) as error:
            return await self._message(request, words("The quote cannot be shown"), error)
        if quote_id != path["id"]:
            return _see_other(f"/quotes/{quote_id}")
        return await self._quote_page(request, reply)

    async def end(self, verb: QuoteVerb, request: Request, path: Mapping[str, str]) -> Response:
        """Redeem a quote, or cancel it."""
        _, words = self._visitor(request)
        refused = await self._refuse_stranger(request, words)
        if refused is not None:
            return refused
        try:
            quote_id = parse_quote_id(path["id"])
            await self._shop.quote(verb, quote_id)
        except (PricedeskError, ErrorReply) as error:
            return await self._message(
                request, words("That was not done"), error, f"/quotes/{path['id']}"
            )
        return _see_other(f"/quotes/{quote_id}")

    async def rates(self, request: Request, _path: Mapping[str, str]) -> Response:
        """All rates of a currency, and the chart of one of them."""
        visitor, words = self._visitor(request)
        query = dict(request.query)
        base, counter = visitor.currency, None
        try:
            base = currency(query["base"]) if "base" in query else base
            counter = currency(query["to"]) if "to" in query else None
            rates = await self._shop.rates(base)
            reason = ""
        except ErrorReply as error:
            rates, reason = None, error.sentence
        except PricedeskError as error:
            rates, reason = None, str(error)
        shown = RANGES.get(query.get("range", ""), Range.YEAR)
        chart = None
        if counter is not None and rates is not None:
            chart = await self._rate_chart(base, counter, shown, visitor, words)
        return await self._page(
            "rates.html",
            visitor,
            "/rates",
            request,
            [],
            title=words("Rates of one {}").format(currency_name(base, visitor.locale)),
            column=words("for 1 {}").format(base.code),
            reason=reason,
            chart=chart,
            rows=[
                {
                    "code": code,
                    "name": currency_name(currency(code), visitor.locale),
                    "href": f"/rates?{urlencode({'base': base.code, 'to': code})}",
                    "rate": format_decimal(
                        rate.rate, locale=visitor.locale, decimal_quantization=False
                    ),
                    "age": f"{rate.source or words('parity')}, "
                    f"{date_text(rate.date, visitor.locale)}",
                    "state": rate.state,
                    "state_words": state_words(rate.state, rate.missed, words),
                    "spark": await self._spark(base, currency(code)),
                }
                for code, rate in (rates.rates if rates is not None else {}).items()
                if code != base.code
            ],
        )

    async def sources(self, request: Request, _path: Mapping[str, str]) -> Response:
        """How each source stands."""
        visitor, words = self._visitor(request)
        if self._shop.standing.sources is None:
            await self._shop.standing.look()
        told = self._shop.standing.sources

        def instant(at: datetime) -> str:
            return str(format_datetime(at, "medium", tzinfo=UTC, locale=visitor.locale)) + " UTC"

        def looked(failing_since: datetime | None) -> str:
            # Why is for the shop: a reason may name what is inside its network.
            if failing_since is None:
                return words("in order")
            return words("failing since {}").format(instant(failing_since))

        return await self._page(
            "sources.html",
            visitor,
            "/sources",
            request,
            [],
            reason=words("Nothing is known of the sources while the back-end is away."),
            rows=[
                {
                    "key": key,
                    "name": source.name,
                    "date": date_text(source.newest, visitor.locale) if source.newest else "",
                    "state": source.state,
                    "state_words": words(source.state),
                    "missed": str(source.missed),
                    "next": instant(source.expected_at),
                    "looked": looked(source.failing_since),
                }
                for key, source in (told.sources if told is not None else {}).items()
            ],
        )

    def failure(self, failure: Failure) -> Response:
        """A request that no page answers, told without asking anybody."""
        return Response(f"{failure.detail}\n".encode(), failure.status, TEXT_TYPE, (NO_STORE,))

    async def prefer(self, request: Request, _path: Mapping[str, str]) -> Response:
        """Remember a currency or a language, and go back."""
        _, words = self._visitor(request)
        refused = await self._refuse_stranger(request, words)
        if refused is not None:
            return refused
        form = dict(parse_query(request.body.decode("utf-8", "replace")))
        headers = []
        try:
            if "currency" in form:
                headers.append(cookie(CURRENCY_COOKIE, currency(form["currency"]).code))
        except PricedeskError as error:
            return await self._message(request, words("That is no currency"), error)
        language = form.get("language", "")
        if language.isascii() and language.replace("-", "").isalpha():
            headers.append(cookie(LANGUAGE_COOKIE, language))
        return _see_other(safe_path(form.get("back", "/")), *headers)

    def events(self, _request: Request, _path: Mapping[str, str]) -> Response:
        """Tells an open page of new rates."""
        return Response(self._shop.standing.events(), HTTPStatus.OK, EVENTS_TYPE, (NO_STORE,))

    # Parts of them.

    def _visitor(self, request: Request) -> tuple[Visitor, Words]:
        visitor = visitor_of(request, self._default, self._shop.clock().date())
        return visitor, words_for(visitor.locale)

    def _card(self, offer: Offer, visitor: Visitor, words: Words) -> Card:
        product, price = offer.product, offer.price
        if price is not None:
            view = price_view(price, product.price, visitor.locale, words, offer.known_at)
            return card(product, visitor.locale, view)
        reason = offer.reason or words(
            "The price cannot be computed now because the conversion service cannot be reached."
        )
        return card(product, visitor.locale, None, reason)

    def _why_not_held(self, offer: Offer, words: Words) -> str:
        """Why a price cannot be held now; empty if it can."""
        if offer.known_at is not None:
            return words("Not now: the conversion service cannot be reached.")
        return ""

    async def _price_chart(
        self, offer: Offer, shown: Range, visitor: Visitor, words: Words
    ) -> ChartView | None:
        own, unit = offer.product.price, visitor.currency
        if own.currency == unit:
            return None
        first = shown.first(self._shop.clock().date())
        history = await self._shop.history(own.currency, unit, first, shown.unit)
        if history is None:
            return None
        path = product_path(offer.product.sku)
        return chart_view(
            price_points(own, unit, history),
            shown,
            title=words("What it would have cost in {}").format(unit.code),
            column=unit.code,
            value_text=lambda value: money_text(Money(value.unscaled, unit), visitor.locale),
            href=lambda each: f"{path}?range={each.key}#past",
            locale=visitor.locale,
            words=words,
        )

    async def _rate_chart(
        self, base: Currency, counter: Currency, shown: Range, visitor: Visitor, words: Words
    ) -> ChartView | None:
        first = shown.first(self._shop.clock().date())
        history = await self._shop.history(base, counter, first, shown.unit)
        if history is None:
            return None

        def value_text(value: ExactDecimal) -> str:
            return str(
                format_decimal(str(value), locale=visitor.locale, decimal_quantization=False)
            )

        return chart_view(
            rate_points(history),
            shown,
            title=words("{} for 1 {}").format(counter.code, base.code),
            column=counter.code,
            value_text=value_text,
            href=lambda each: (
                "/rates?" + urlencode({"base": base, "to": counter, "range": each.key})
            ),
            locale=visitor.locale,
            words=words,
        )

    async def _spark(self, base: Currency, counter: Currency) -> str:
        first = Range.MONTH.first(self._shop.clock().date())
        history = await self._shop.history(base, counter, first, Range.MONTH.unit)
        return spark(rate_points(history), GAP_DAYS[Range.MONTH.unit]) if history else ""

    async def _quote_page(self, request: Request, reply: QuoteReply) -> Response:
        visitor, words = self._visitor(request)
        sku = reply.fields.get("ref") or ""
        href = product_path(sku) if self._shop.catalogue.by_sku(sku) is not None else ""
        now = self._shop.clock()
        try:
            view = quote_view(reply, href, now, visitor.locale, words)
        except (PricedeskError, KeyError, ValueError) as error:
            return await self._message(request, words("The quote cannot be shown"), error)
        return await self._page(
            "quote.html",
            visitor,
            "/",
            request,
            [],
            quote=view,
            now=now.isoformat(timespec="milliseconds"),
            held=reply.status is QuoteStatus.HELD,
        )

    async def _refuse_stranger(self, request: Request, words: Words) -> Response | None:
        if is_from_here(request.headers):
            return None
        reason = words("The form was sent from a page that is not this shop's.")
        return await self._message(
            request, words("That was not done"), reason, status=HTTPStatus.FORBIDDEN
        )

    async def _message(
        self,
        request: Request,
        title: str,
        error: Exception | str,
        href: str = "/",
        status: int | None = None,
    ) -> Response:
        """A page with one sentence, and a way back."""
        visitor, words = self._visitor(request)
        return await self._page(
            "message.html",
            visitor,
            "",
            request,
            [],
            status=status if status is not None else status_of(error),
            title=title,
            sentence=_sentence(error, words),
            href=href,
            link=words("Back"),
        )

    async def _page(  # noqa: PLR0913, PLR0917  # what every page has
        self,
        template: str,
        visitor: Visitor,
        section: str,
        request: Request,
        offers: list[Offer],
        status: int = HTTPStatus.OK,
        **values: object,
    ) -> Response:
        choices = await self._shop.currencies(visitor.currency)
        asked = urlencode(request.query)
        here = f"{request.raw_path}?{asked}" if asked else request.raw_path
        frame = Frame(
            shop=self._name,
            section=section,
            language=visitor.language,
            currency=visitor.currency.code,
            currencies=tuple(
                CurrencyChoice(each.code, currency_name(each, visitor.locale)) for each in choices
            ),
            back=here if request.method in ("GET", "HEAD") else "/",
            book=self._shop.standing.book,
            away=self._shop.standing.away or any(offer.known_at for offer in offers),
            attributions=self._attributions(offers),
        )
        words = words_for(visitor.locale)
        return self._pages.response(template, {"page": frame, **values}, words, status)

    def _attributions(self, offers: list[Offer]) -> tuple[str, ...]:
        """The addresses that sources want to be named, whose rates are on the page."""
        found = {offer.price.attribution for offer in offers if offer.price is not None}
        return tuple(sorted(found - {""}))


def _page_number(text: str) -> int:
    digits = text if text.isascii() and text.isdecimal() and len(text) <= 6 else "1"  # noqa: PLR2004  # no shop has a million pages
    return max(1, int(digits))


def _see_other(path: str, *headers: tuple[str, str]) -> Response:
    """Go and GET another page."""
    return Response(
        b"", HTTPStatus.SEE_OTHER, "text/plain", (("Location", path), NO_STORE, *headers)
    )


_BY_SLUG = {kind.slug: status for kind, status in STATUS.items()}


def status_of(error: Exception | str) -> int:
    """The status of a failure, whoever has raised it."""
    if isinstance(error, ErrorReply):
        return _BY_SLUG.get(error.slug, HTTPStatus.BAD_GATEWAY)
    if isinstance(error, PricedeskError):
        return STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    return HTTPStatus.BAD_GATEWAY


def _sentence(error: Exception | str, words: Words) -> str:
    """What to tell a customer."""
    if isinstance(error, ServiceUnavailable):
        return words("The conversion service cannot be reached. Please try again in a moment.")
    text = error.sentence if isinstance(error, ErrorReply) else str(error)
    return f"{text[:1].upper()}{text[1:]}."
