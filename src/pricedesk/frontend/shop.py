"""What all doors ask, pages, JSON and telnet: products, prices, rates and quotes, for a customer.

Between the doors and the domain: nothing here knows HTML, JSON or lines of text.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache

from pricedesk.currencies import CURRENCIES, Currency
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import (
    NoRateForCurrency,
    NoRateForDate,
    PriceChanged,
    QuoteKeyReused,
    RateTooOld,
    ServiceUnavailable,
    UnknownProduct,
    in_quotes,
)
from pricedesk.frontend.asking import RatesService, answered
from pricedesk.frontend.catalogue import Catalogue, Found, Product
from pricedesk.frontend.customers import customer_of, key_of
from pricedesk.frontend.desk import Desk
from pricedesk.frontend.last_answers import LastAnswers
from pricedesk.frontend.offers import Offer, Seen, is_address
from pricedesk.frontend.standing import Standing
from pricedesk.money import Money
from pricedesk.quote_lines import (
    Hold,
    OfKey,
    OfQuote,
    QuoteReply,
    QuoteVerb,
    parse_quote_reply,
)
from pricedesk.rate_lines import (
    AskHistory,
    AskRates,
    HistoryReply,
    RatesReply,
    SourceStatus,
    Unit,
    parse_history,
    parse_rates,
)

SEARCHED_IN_A_THREAD_FROM = 2000
"""Products from which on a search may take longer than others should wait for."""

NO_RATE = frozenset({NoRateForCurrency.slug, NoRateForDate.slug, RateTooOld.slug})
"""Refusals for which prices are shown in another currency: this one has no rate, none of the
day, or one that is too old."""

RATES_READ_MAX = 16
"""So many tables of rates are read once, for as long as the back-end says the same words: each
page needs the one of its currency, to know what prices can be shown in."""

_read_rates = lru_cache(RATES_READ_MAX)(parse_rates)


class Shop:
    """The shop's products, and what the back-end says of them."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        desk: Desk,
        rates: LastAnswers,
        standing: Standing,
        ledger: RatesService,
    ) -> None:
        """`ledger` is asked about quotes: the disk that they wait for holds no price up."""
        self.standing = standing
        self.clock = rates.clock
        self._catalogue = catalogue
        self._desk = desk
        self._rates = rates
        self._ledger = ledger
        # One search at a time: an index is asked by one thread, and the others have to be served.
        self._searches = ThreadPoolExecutor(1, "search")

    @property
    def catalogue(self) -> Catalogue:
        """What is sold at this moment."""
        return self._catalogue()

    async def find(self, text: str, category: str, first: int, count: int) -> Found:
        """Some products of the catalogue of now, as `Catalogue.find` finds them."""
        catalogue = self.catalogue
        positions, total = await self.positions(catalogue, text, category, first, count)
        return Found(tuple(catalogue[position] for position in positions), total)

    async def positions(
        self, catalogue: Catalogue, text: str, category: str, first: int, count: int
    ) -> tuple[Sequence[int], int]:
        """Where in a catalogue they are, and how many in all."""
        if len(catalogue) < SEARCHED_IN_A_THREAD_FROM or not text.strip():
            return catalogue.positions(text, category, first, count)
        return await asyncio.get_running_loop().run_in_executor(
            self._searches, catalogue.positions, text, category, first, count
        )

    def product(self, sku: str) -> Product:
        """The product that the shop calls so.

        Raises:
            UnknownProduct: there is none.
        """
        found = self.catalogue.by_sku(sku)
        if found is None:
            raise UnknownProduct(f"there is no product {in_quotes(sku)}")
        return found

    async def offers(self, products: Sequence[Product], currency: Currency) -> list[Offer]:
        """What products cost, asked for all at once."""
        return list(await asyncio.gather(*(self.offer(each, currency) for each in products)))

    async def offer(self, product: Product, currency: Currency) -> Offer:
        """What a product costs; the last known price while the back-end is away.

        In its own currency nobody has to be asked.
        """
        if product.price.currency == currency:
            return Offer(product, self._desk.own_price(product, self.clock().date()))
        try:
            return Offer(product, await self._desk.price(product, currency))
        except ErrorReply as error:
            return Offer(product, reason=error.sentence, slug=error.slug)
        except ServiceUnavailable:
            known = self._desk.last_price(product, currency)
            return Offer(product, *known) if known is not None else Offer(product)

    async def currencies(self, base: Currency) -> list[Currency]:
        """The currencies that prices can be shown in; none if there are no rates of this one."""
        try:
            rates, _ = await self._known_rates(base)
        except ErrorReply as error:
            return [] if error.slug in NO_RATE else [base]
        except ServiceUnavailable:
            return [base]
        codes = {base.code, *rates.rates}
        return [CURRENCIES[code] for code in sorted(codes) if code in CURRENCIES]

    async def rates(self, base: Currency) -> tuple[RatesReply, datetime | None]:
        """The rates of a currency that may be shown.

        While the back-end is away they are the last known, and of that instant. Those of sources
        whose tables may not be handed on are not among them.

        Raises:
            ServiceUnavailable: it is away, and none are known, or not what may be shown.
            ErrorReply: it refuses.
        """
        found, known_at = await self._known_rates(base)
        await self._know_sources()
        if self.standing.sources is None:
            raise ServiceUnavailable("nothing is known of the sources, nor what they allow")
        shown = {c: r for c, r in found.rates.items() if self._may_show(r.source)}
        return replace(found, rates=shown), known_at

    async def _known_rates(self, base: Currency) -> tuple[RatesReply, datetime | None]:
        request = AskRates(base)
        try:
            return await answered(self._rates, request, _read_rates), None
        except ServiceUnavailable:
            known = self._rates.last(str(request))
            if known is None:
                raise
            return _read_rates(known[0]), known[1]

    async def _know_sources(self) -> None:
        if self.standing.sources is None:
            await self.standing.look()

    def _source(self, key: str | None) -> SourceStatus | None:
        told = self.standing.sources
        return told.sources.get(key) if told is not None and key is not None else None

    def _may_show(self, key: str | None) -> bool:
        """Whether a source's rates may be handed on; official parities are nobody's."""
        source = self._source(key)
        return key is None or (source is not None and source.redistributable)

    def attribution(self, key: str | None) -> str:
        """The address that a source wants to be named where its rates are; empty if none."""
        source = self._source(key)
        if source is None or not source.attribution_required:
            return ""
        return source.attribution_url if is_address(source.attribution_url) else ""

    def in_the_past(self, product: Product, conversion: Money) -> Money:
        """What a product would have cost at another conversion, by the rules of today."""
        return self._desk.after_rules(product, conversion)

    async def history(
        self, base: Currency, counter: Currency, first: date, unit: Unit
    ) -> HistoryReply | None:
        """The rates of a pair since a day; None where there are none.

        There are none either of a source whose tables may not be handed on.

        Raises:
            ServiceUnavailable: nobody can say now.
        """
        if base == counter:
            return None
        request = AskHistory(base, counter, first, self.clock().date(), unit)
        try:
            found = await answered(self._rates, request, parse_history)
        except ErrorReply:
            return None
        await self._know_sources()
        if found.source is not None and self.standing.sources is None:
            raise ServiceUnavailable("nothing is known of the sources, nor what they allow")
        return found if self._may_show(found.source) else None

    async def history_if_known(
        self, base: Currency, counter: Currency, first: date, unit: Unit
    ) -> HistoryReply | None:
        """The same, and None too while nobody can say."""
        try:
            return await self.history(base, counter, first, unit)
        except ServiceUnavailable:
            return None

    async def hold(self, sku: str, seen: Seen, key: str, address: str) -> QuoteReply:
        """Hold the price of a product that a customer who asks from an address has seen.

        What he pays is what he has seen; where the shop's rules make it of another conversion now,
        that one is held. The same request again gets the same quote, whatever has become of the
        product, of the rates and of the rules. What the ledger decides, it finds out by itself;
        where this shop would refuse, the ledger is asked first whether there is a quote already.

        Raises:
            InvalidRequest: the key is none.
            UnknownProduct: there is no such product.
            PriceChanged: the shop's rules make another price now.
            ServiceUnavailable: the back-end did not answer; asking again with the key is safe.
            ErrorReply: it refuses, with its reason.
        """
        customer = customer_of(address)
        kept_key = key_of(key, customer)
        try:
            product = self.product(sku)
            try:
                asked = self._desk.hold(product, seen, kept_key, customer)
                return await self._quote_of(asked, sku, seen)
            except (PriceChanged, ErrorReply) as error:
                if error.slug != PriceChanged.slug:
                    raise
                now = await self._seen_now(product, seen.price.currency)
                if now is None or now.price != seen.price:
                    raise
                asked = self._desk.hold(product, now, kept_key, customer)
                return await self._quote_of(asked, sku, seen)
        except (UnknownProduct, PriceChanged) as refusal:
            try:
                return await self._quote_of(OfKey(kept_key, seen.digest(sku)), sku, seen)
            except ErrorReply as error:
                if error.slug == QuoteKeyReused.slug:
                    raise
                raise refusal from error

    async def _seen_now(self, product: Product, currency: Currency) -> Seen | None:
        """What is seen of a product at this moment; None if the back-end has no price for it."""
        if product.price.currency == currency:
            return Seen(product.price, product.price)
        try:
            return (await self._desk.price(product, currency)).seen
        except ErrorReply:
            return None

    async def _quote_of(self, request: Hold | OfKey, sku: str, seen: Seen) -> QuoteReply:
        """The quote that answers a request, if it is of the price that a customer has seen."""
        reply = await answered(self._ledger, request, parse_quote_reply)
        told = reply.fields
        wanted = (sku, str(seen.price.currency), str(seen.price))
        begun = f"conversion={told.get('result')}{told.get('to')}"
        steps = (told.get("rules") or "").split(";")
        if wanted != tuple(told.get(name) for name in ("ref", "to", "price")) or begun not in steps:
            self._ledger.drop()
            raise ServiceUnavailable("the back-end told of another quote")
        return reply

    async def quote(self, verb: QuoteVerb, quote_id: str) -> QuoteReply:
        """Look at a quote, redeem it or cancel it.

        Raises:
            InvalidRequest: the id is none.
            ServiceUnavailable: the back-end did not answer.
            ErrorReply: there is no such quote, or it refuses.
        """
        request = OfQuote(verb, quote_id)
        reply = await answered(self._ledger, request, parse_quote_reply)
        if reply.fields.get("quote") != quote_id:
            self._ledger.drop()
            raise ServiceUnavailable("the back-end told of another quote")
        return reply
