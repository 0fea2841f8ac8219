"""The price desk: what a product costs in the customer's currency, asked of the back-end."""

import re
from dataclasses import dataclass
from typing import Protocol

from pricedesk.currencies import Currency, currency
from pricedesk.errors import InvalidRequest, RequestError, ServiceUnavailable, in_quotes
from pricedesk.frontend.catalogue import Product
from pricedesk.money import ExactDecimal, Money
from pricedesk.protocol import Convert, Explanation, parse_date, parse_explanation

_ADDRESS = re.compile(r"https://[A-Za-z0-9._~/?#&=%-]{1,100}")


class RatesService(Protocol):
    """Who answers request lines: the client of the back-end, or a fake in tests."""

    async def ask(self, request: str) -> str:
        """The reply to a request line; raises ServiceUnavailable."""

    def drop(self) -> None:
        """Its replies cannot be trusted: ask anew on another connection."""


@dataclass(frozen=True, slots=True)
class Price:
    """An indicative price, valid now, and the age of the rate that made it.

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


class Desk:
    """Prices products in one currency."""

    def __init__(self, rates: RatesService, currency: Currency) -> None:
        self._rates = rates
        self._currency = currency

    async def price(self, product: Product) -> Price:
        """What a product costs now.

        Raises:
            ServiceUnavailable: the back-end did not answer in time, or not in its own words.
            ErrorReply: the back-end refuses, with its reason.
        """
        request = Convert(
            amount=ExactDecimal(product.price.amount_minor, product.price.currency.minor_digits),
            base=product.price.currency,
            counter=self._currency,
            explained=True,
        )
        reply = await self._rates.ask(str(request))
        try:
            answer = parse_explanation(reply)
            _check(request, answer)
        except RequestError as error:
            self._rates.drop()
            raise ServiceUnavailable(
                f"the back-end does not answer our question: {error}"
            ) from error
        return Price(
            amount=answer.result,
            currency=answer.counter,
            source=answer.source,
            date=answer.date,
            state=answer.state,
            missed=answer.missed,
            attribution="" if answer.attribution == "none" else answer.attribution,
        )


def _check(request: Convert, answer: Explanation) -> None:
    """Whether an answer belongs to the request, and is a price that can be shown.

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
    if answer.attribution != "none" and not _ADDRESS.fullmatch(answer.attribution):
        raise InvalidRequest(f"{in_quotes(answer.attribution)} is no address to show")
