"""The price desk: what a product costs in the customer's currency, asked of the back-end."""

from datetime import datetime

from pricedesk.currencies import Currency
from pricedesk.frontend.asking import RatesService, answered
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.last_answers import LastAnswers
from pricedesk.frontend.offers import Price
from pricedesk.frontend.price_rules import NO_RULES, PriceRules
from pricedesk.frontend.pricing import Pricing
from pricedesk.protocol import Convert

PRICES_MAX = 2048
"""So many prices are remembered with what they were made of; one more, and all are forgotten.

The same holds for the questions that are asked for them."""

REPLY_CHARACTERS_MAX = 2048
"""A longer reply is always read anew."""


class Desk(Pricing):
    """Asks for what products cost, and remembers what they did."""

    def __init__(
        self,
        rates: RatesService,
        currency: Currency,
        rules: PriceRules = NO_RULES,
        *,
        memory: LastAnswers | None = None,
    ) -> None:
        """`memory` is asked for last known prices, if there is one."""
        super().__init__(currency, rules)
        self._rates = rates
        self._memory = memory
        self._made: dict[tuple[str, str], Price] = {}
        self._questions: dict[tuple[str, str], tuple[Product, Convert, str]] = {}

    def price_of(self, request: Convert, reply: str) -> Price:
        """The price that a reply makes: of the same words to the same request the same one.

        Raises:
            RequestError: the reply is to another question, or cannot be shown.
            ErrorReply: it is a refusal.
        """
        return self._price_of(request, str(request), reply)

    def _price_of(self, request: Convert, question: str, reply: str) -> Price:
        key = (question, reply)
        price = self._made.get(key)
        if price is None:
            price = super().price_of(request, reply)
            if len(self._made) >= PRICES_MAX:
                self._made.clear()
            if len(reply) <= REPLY_CHARACTERS_MAX:
                self._made[key] = price
        return price

    async def price(self, product: Product, currency: Currency | None = None) -> Price:
        """What a product costs now.

        In its own currency that is what the catalogue says: no rule touches it.

        Raises:
            ServiceUnavailable: the back-end did not answer in time, or not in its own words.
            ErrorReply: the back-end refuses, with its reason.
        """
        request, question = self._question(product, currency or self._currency)
        return await answered(
            self._rates, question, lambda reply: self._price_of(request, question, reply)
        )

    def _question(self, product: Product, currency: Currency) -> tuple[Convert, str]:
        """What is asked of the back-end, and as a line; kept while the product is the same one."""
        key = (product.sku, currency.code)
        kept = self._questions.get(key)
        if kept is None or kept[0] is not product:
            request = self.request(product, currency)
            if len(self._questions) >= PRICES_MAX:
                self._questions.clear()
            kept = self._questions[key] = (product, request, str(request))
        return kept[1], kept[2]

    def last_price(
        self, product: Product, currency: Currency | None = None
    ) -> tuple[Price, datetime] | None:
        """What a product cost when the back-end said so last, and when that was."""
        request = self.request(product, currency)
        known = self._memory.last(str(request)) if self._memory is not None else None
        return (self.price_of(request, known[0]), known[1]) if known is not None else None
