"""What a customer is offered: a product's price and how it came about, and what he has seen."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from pricedesk.currencies import Currency, currency
from pricedesk.errors import InvalidRequest
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.price_rules import Step
from pricedesk.money import Money

DIGEST_CHARACTERS = 32

_ADDRESS = re.compile(r"https://[A-Za-z0-9._~/?#&=%-]{1,100}")


def parities_of(pegs: str) -> list[tuple[str, str]]:
    """The official parities that `Price.pegs` names: pairs with their values."""
    named = (peg.partition(":") for peg in pegs.split(",") if peg)
    return [(pair, value) for pair, _, value in named]


def is_address(text: str) -> bool:
    """Whether a text may be shown as the address of a source."""
    return _ADDRESS.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Price:
    """An indicative price, valid now, how it came about, and the age of the rate that made it.

    `amount` is what the customer pays, `conversion` what the rate alone makes of the product's
    own price; `steps` are the shop's rules in between, and `record` is all of that as one word.
    `rate` and `path` are those of the back-end's explanation, as are `pegs`, the official parities
    that went in: pairs and values such as EUR/XOF:655.957 with commas between them, or nothing.
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
    pegs: str = ""
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

        A product may be called otherwise a moment later, have another price of its own, or come to
        the same price from another conversion: the wish is still the same.
        """
        told = f"{sku} {self.price} {self.price.currency}"
        return sha256(told.encode(errors="surrogatepass")).hexdigest()[:DIGEST_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Offer:
    """A product's price, now or as it was last known; or why there is none."""

    product: Product
    price: Price | None = None
    known_at: datetime | None = None
    """When the price was known, if the back-end could not be asked for it now."""
    reason: str = ""
    """Why the back-end refuses."""
    slug: str = ""
    """The name of that refusal."""


def seen_of(values: Callable[[str], str], currency: Currency) -> Seen:
    """What a form or a request says that a customer has seen.

    Raises:
        InvalidRequest, InvalidAmount: it says nothing of the kind.
    """
    conversion, price = values("conversion"), values("price")
    if not conversion or not price:
        raise InvalidRequest("conversion and price say what was seen, and are needed both")
    return Seen(Money.parse(conversion, currency), Money.parse(price, currency))
