"""What a product costs by the shop's rules, from what the back-end says; nobody is asked here."""

import re
from datetime import date

from pricedesk.currencies import Currency, currency
from pricedesk.dates import parse_date
from pricedesk.errors import InvalidRequest, PriceChanged, in_quotes
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.offers import Price, Seen, is_address
from pricedesk.frontend.price_rules import NO_RULES, Priced, PriceRules
from pricedesk.money import ExactDecimal, Money
from pricedesk.protocol import Convert, Explanation, parse_explanation
from pricedesk.quote_lines import NOTHING, Hold


class Pricing:
    """Prices products by the shop's rules, in one currency where none is named."""

    def __init__(self, currency: Currency, rules: PriceRules = NO_RULES) -> None:
        self._currency = currency
        self._rules = rules

    def request(self, product: Product, currency: Currency | None) -> Convert:
        """What is asked of the back-end to know what a product costs."""
        return Convert(
            amount=ExactDecimal(product.price.amount_minor, product.price.currency.minor_digits),
            base=product.price.currency,
            counter=currency or self._currency,
            explained=True,
        )

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

    def after_rules(self, product: Product, conversion: Money) -> Money:
        """What the shop's rules make of a conversion of a product's own price."""
        return self._priced(self.request(product, conversion.currency), conversion).price

    def hold(self, product: Product, seen: Seen, key: str, customer: str) -> Hold:
        """What is asked of the back-end to hold the price that a customer has seen.

        It follows from what is given, so that asking twice with one key is one request.

        Raises:
            PriceChanged: the shop's rules make another price of it now.
        """
        request = self.request(product, seen.conversion.currency)
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

    def price_of(self, request: Convert, reply: str) -> Price:
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
            attribution="" if answer.attribution == NOTHING else answer.attribution,
            rate=answer.rate,
            path=answer.path,
            pegs="" if answer.pegs == NOTHING else answer.pegs,
            conversion=answer.result,
            steps=priced.steps,
            record=priced.text(),
        )

    def _priced(self, request: Convert, conversion: Money) -> Priced:
        converted = conversion.currency != request.base
        return self._rules.priced(conversion) if converted else Priced(conversion)


_RATE = re.compile(r"[0-9]{1,40}(?:\.[0-9]{1,40})?")
_PEG = rf"[A-Z]{{3}}/[A-Z]{{3}}:{_RATE.pattern}"
_PEGS = re.compile(f"{_PEG}(?:,{_PEG}){{0,3}}")
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
    if answer.attribution != NOTHING and not is_address(answer.attribution):
        raise InvalidRequest(f"{in_quotes(answer.attribution)} is no address to show")
    if not (_RATE.fullmatch(answer.rate) and _PATH.fullmatch(answer.path)):
        shown = f"{answer.rate} {answer.path}"
        raise InvalidRequest(f"{in_quotes(shown)} is no rate and its path")
    if answer.pegs != NOTHING and not _PEGS.fullmatch(answer.pegs):
        raise InvalidRequest(f"{in_quotes(answer.pegs)} is no list of parities")
    return result
