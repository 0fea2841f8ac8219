"""The price desk: what a product costs in the customer's currency, asked of the back-end."""

from dataclasses import dataclass
from typing import Protocol

from pricedesk.currencies import Currency
from pricedesk.errors import InvalidRequest, ServiceUnavailable
from pricedesk.frontend.catalogue import Product
from pricedesk.money import ExactDecimal
from pricedesk.protocol import Convert, parse_explanation


class RatesService(Protocol):
    """Who answers request lines: the client of the back-end, or a fake in tests."""

    async def ask(self, request: str) -> str:
        """The reply to a request line; raises ServiceUnavailable."""


@dataclass(frozen=True, slots=True)
class Price:
    """An indicative price, valid now, and the age of the rate that made it.

    `state` is fresh, late or stale; `missed` counts the publications that the source's
    calendar expected since `date`.
    """

    amount: str
    currency: str
    source: str
    date: str
    state: str
    missed: str


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
        except InvalidRequest as error:
            raise ServiceUnavailable(f"the back-end does not speak our lines: {error}") from error
        return Price(
            amount=answer.result,
            currency=answer.counter,
            source=answer.source,
            date=answer.date,
            state=answer.state,
            missed=answer.missed,
        )
