"""The price desk: what a product costs in the customer's currency, asked of the back-end."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

from pricedesk.currencies import Currency, currency
from pricedesk.dates import parse_date
from pricedesk.errors import InvalidRequest, PriceChanged, in_quotes
from pricedesk.frontend.asking import RatesService, answered
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.last_answers import LastAnswers
from pricedesk.frontend.price_rules import NO_RULES, Priced, PriceRules, Step
from pricedesk.money import ExactDecimal, Money
from pricedesk.protocol import Convert, Explanation, parse_explanation
from pricedesk.quote_lines import NOTHING, Hold

DIGEST_CHARACTERS = 32

_ADDRESS = re.compile(r"https://[A-Za-z0-9._~/?#&=%-]{1,100}")


def is_address(text: str) -> bool:
    """Whether a text may be shown as the address of a source."""
    return _ADDRESS.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Price:
    """An indicative price, valid now, how it came about, and the age of the rate that made it.

    `amount` is what the customer pays, `conversion` what the rate alone makes of the product's
    own price; `steps` are the shop's rules in between, and `record` is all of that as one word.
    `rate` and `path` are those of the back-end's explanation.
    `state` is fresh, late or stale; `missed` counts the publications that the source's
    calendar expected since `date`. `attribution` is the address that the source's terms want
    to be shown beside its rates, empty if they want none.
    """

    amount: str
    currency: str
    source: str
    date: str
    state: str
    missed: str
    attribution: str = ""
    rate: str = ""
    path: str = ""
    conversion: str = ""
    steps: tuple[Step, ...] = ()
    record: str = ""

    @property
    def seen(self) -> "Seen":
        """What a customer sees who is shown this price."""
        unit = currency(self.currency)
        return Seen(Money.parse(self.conversion, unit), Money.parse(self.amount, unit))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a customer has seen: what the rate alone makes of the price, and the price."""

    conversion: Money
    price: Money

    def digest(self, sku: str) -> str:
        """What stands for a customer's wish to have a product at this price.

        A product may be called otherwise a moment later, or have another price of its own: the
        wish is still the same.
        """
        told = f"{sku} {self.conversion} {self.price} {self.price.currency}"
        return sha256(told.encode(errors="surrogatepass")).hexdigest()[:DIGEST_CHARACTERS]


class Desk:
    """Prices products by the shop's rules, in one currency where none is named."""

    def __init__(
        self,
        rates: RatesService,
        currency: Currency,
        rules: PriceRules = NO_RULES,
        *,
        memory: LastAnswers | None = None,
    ) -> None:
        """`memory` is asked for last known prices, if there is one."""
        self._rates = rates
        self._currency = currency
        self._rules = rules
        self._memory = memory

    async def price(self, product: Product, currency: Currency | None = None) -> Price:
        """What a product costs now.

        In its own currency that is what the catalogue says: no rule touches it.

        Raises:
            ServiceUnavailable: the back-end did not answer in time, or not in its own words.
            ErrorReply: the back-end refuses, with its reason.
        """
        request = self._request(product, currency)
        return await answered(self._rates, request, lambda reply: self._price(request, reply))

    def own_price(self, product: Product, today: date) -> Price:
        """What a product costs in its own currency: what the catalogue says, of nobody asked."""
        amount, code = str(product.price), product.price.currency.code
        return Price(
            amount=amount,
            currency=code,
            source=NOTHING,
            date=str(today),
            state="fresh",
            missed="0",
            rate="1",
            path=code,
            conversion=amount,
            record=Priced(product.price).text(),
        )

    def last_price(
        self, product: Product, currency: Currency | None = None
    ) -> tuple[Price, datetime] | None:
        """What a product cost when the back-end said so last, and when that was."""
        request = self._request(product, currency)
        known = self._memory.last(str(request)) if self._memory is not None else None
        return (self._price(request, known[0]), known[1]) if known is not None else None

    def after_rules(self, product: Product, conversion: Money) -> Money:
        """What the shop's rules make of a conversion of a product's own price."""
        return self._priced(self._request(product, conversion.currency), conversion).price

    def hold(self, product: Product, seen: Seen, key: str, customer: str) -> Hold:
        """What is asked of the back-end to hold the price that a customer has seen.

        It follows from what is given, so that asking twice with one key is one request.

        Raises:
            PriceChanged: the shop's rules make another price of it now.
        """
        request = self._request(product, seen.conversion.currency)
        priced = self._priced(request, seen.conversion)
        if priced.price != seen.price:
            raise PriceChanged(
                f"the price has changed from {seen.price} to {priced.price} {priced.price.currency}"
            )
        return Hold(
            request.amount,
            product.price.currency,
            seen.conversion.currency,
            ref=product.sku,
            name=product.name,
            key=key,
            customer=customer,
            expects=seen.conversion,
            price=priced.price,
            rules=priced.text(),
            asked=seen.digest(product.sku),
        )

    def _request(self, product: Product, currency: Currency | None) -> Convert:
        return Convert(
            amount=ExactDecimal(product.price.amount_minor, product.price.currency.minor_digits),
            base=product.price.currency,
            counter=currency or self._currency,
            explained=True,
        )

    def _priced(self, request: Convert, conversion: Money) -> Priced:
        converted = conversion.currency != request.base
        return self._rules.priced(conversion) if converted else Priced(conversion)

    def _price(self, request: Convert, reply: str) -> Price:
        """The price that a reply makes.

        Raises:
            RequestError: the reply is to another question, or cannot be shown.
            ErrorReply: it is a refusal.
        """
        answer = parse_explanation(reply)
        priced = self._priced(request, _checked(request, answer))
        return Price(
            amount=str(priced.price),
            currency=answer.counter,
            source=answer.source,
            date=answer.date,
            state=answer.state,
            missed=answer.missed,
            attribution="" if answer.attribution == "none" else answer.attribution,
            rate=answer.rate,
            path=answer.path,
            conversion=answer.result,
            steps=priced.steps,
            record=priced.text(),
        )


_RATE = re.compile(r"[0-9]{1,40}(?:\.[0-9]{1,40})?")
_PATH = re.compile(r"[A-Z]{3}(?:/[A-Z]{3}){0,8}")


def _checked(request: Convert, answer: Explanation) -> Money:
    """The amount of an answer that belongs to the request and can be shown.

    Raises:
        RequestError: it is not; an answer to another question is worse than none.
    """
    asked = [str(request.amount), str(request.base), str(request.counter)]
    if [answer.amount, answer.base, answer.counter] != asked:
        raise InvalidRequest(f"asked {in_quotes(' '.join(asked))}, got {in_quotes(str(answer))}")
    result = Money.parse(answer.result, currency(answer.counter))
    if result.amount_minor < 0 or str(result) != answer.result:
        raise InvalidRequest(f"{in_quotes(answer.result)} is no price")
    parse_date(answer.date)
    words = (answer.source, answer.state, answer.missed)
    if not all(word.isascii() and word.isalnum() for word in words):
        raise InvalidRequest(f"{in_quotes(' '.join(words))} does not say how old the rate is")
    if answer.attribution != "none" and not is_address(answer.attribution):
        raise InvalidRequest(f"{in_quotes(answer.attribution)} is no address to show")
    if not (_RATE.fullmatch(answer.rate) and _PATH.fullmatch(answer.path)):
        shown = f"{answer.rate} {answer.path}"
        raise InvalidRequest(f"{in_quotes(shown)} is no rate and its path")
    return result
