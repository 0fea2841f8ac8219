"""The desk against a fake back-end: what a price consists of."""

from dataclasses import replace

import pytest

from fakes import FRESH, FakeRates
from pricedesk.currencies import currency
from pricedesk.errors import ServiceUnavailable
from pricedesk.frontend.catalogue import (
    NAME_CHARACTERS_MAX,
    PRICE_DIGITS_MAX,
    SKU_CHARACTERS_MAX,
    Product,
)
from pricedesk.frontend.customers import customer_of, key_of
from pricedesk.frontend.desk import Desk
from pricedesk.frontend.offers import Price, Seen
from pricedesk.frontend.price_rules_file import parse_price_rules
from pricedesk.lines import LINE_BYTES_MAX
from pricedesk.money import Money
from pricedesk.protocol import parse_request

CAD, EUR, USD = currency("CAD"), currency("EUR"), currency("USD")
LAPTOP = Product("laptop", "A laptop", Money(110000, CAD))
MOST = Money(10**PRICE_DIGITS_MAX - 1, CAD)
RULES = parse_price_rules(
    "[default]\nmargin_percent = 2.5\n[USD]\nending = 0.99\n[CAD]\nfloor = 5000\n", "rules.toml"
)
REQUEST = "explain 1100.00 CAD"
IDENTITY = (
    FRESH.replace("to=USD", "to=CAD")
    .replace("result=787.47 rate=0.715878508266", "result=1100.00 rate=1")
    .replace("path=CAD/EUR/USD", "path=CAD")
)
EUROS = (
    FRESH.replace("to=USD", "to=EUR")
    .replace("result=787.47", "result=704.86")
    .replace("path=CAD/EUR/USD", "path=CAD/EUR")
)
RATES = FakeRates({f"{REQUEST} USD": FRESH, f"{REQUEST} EUR": EUROS, f"{REQUEST} CAD": IDENTITY})


async def test_without_rules_a_price_is_the_conversion() -> None:
    assert await Desk(RATES, USD).price(LAPTOP) == Price(
        amount="787.47",
        currency="USD",
        source="ECB",
        date="2026-10-30",
        state="fresh",
        missed="0",
        rate="0.715878508266",
        path="CAD/EUR/USD",
        conversion="787.47",
        record="v=none;conversion=787.47USD",
    )


async def test_rules_make_the_price_from_the_conversion_step_by_step() -> None:
    price = await Desk(RATES, USD, RULES).price(LAPTOP)
    assert (price.conversion, price.amount) == ("787.47", "807.99")
    assert [(step.name.value, step.value, str(step.after)) for step in price.steps] == [
        ("margin", "2.5", "807.16"),
        ("ending", "0.99", "807.99"),
    ]
    assert price.record == (
        f"v={RULES.version};conversion=787.47USD;margin=2.5:807.16;ending=0.99:807.99"
    )


async def test_the_customer_may_have_another_currency_than_the_desk() -> None:
    price = await Desk(RATES, USD, RULES).price(LAPTOP, EUR)
    assert (price.amount, price.currency, price.path) == ("722.48", "EUR", "CAD/EUR")


async def test_in_its_own_currency_a_product_costs_what_the_catalogue_says() -> None:
    price = await Desk(RATES, USD, RULES).price(LAPTOP, CAD)
    assert (price.amount, price.steps) == ("1100.00", ())
    assert price.record == "v=none;conversion=1100.00CAD"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("rate=0.715878508266", "rate=\x1b[2J"),
        ("rate=0.715878508266", "rate=-1"),
        ("path=CAD/EUR/USD", "path=\x1b[2J"),
        ("path=CAD/EUR/USD", "path="),
        ("pegs=none", "pegs=\x1b[2J"),
        ("pegs=none", "pegs=EUR/XOF"),
        ("pegs=none", "pegs="),
    ],
)
async def test_what_explains_a_price_is_safe_to_show(right: str, wrong: str) -> None:
    rates = FakeRates({f"{REQUEST} USD": FRESH.replace(right, wrong)})
    with pytest.raises(ServiceUnavailable):
        await Desk(rates, USD).price(LAPTOP)


def test_the_longest_request_to_hold_fits_a_line() -> None:
    rules = parse_price_rules(
        """
        [IDR]
        margin_percent = 12.345678
        step = 1234567890123456.00
        rounding = "up"
        cash = true
        floor = 2469135780246912.00
        """,
        "r",
    )
    idr = currency("IDR")
    product = Product("\N{BANANA}" * SKU_CHARACTERS_MAX, "\N{TOMATO}" * NAME_CHARACTERS_MAX, MOST)
    desk = Desk(RATES, idr, rules)
    conversion = Money(MOST.amount_minor * 1_000_000, idr)
    seen = Seen(conversion, desk.after_rules(product, conversion))
    customer = customer_of("2001:db81:1234:5678:9abc:def0:1234:5678")
    request = desk.hold(product, seen, key_of("k", customer), customer)
    assert (len(request.rules or ""), len(str(request).encode())) == (238, 996)
    assert len(str(request).encode()) <= LINE_BYTES_MAX
    assert parse_request(str(request)) == request


def test_the_same_wish_is_the_same_request_though_the_product_has_changed() -> None:
    seen = Seen(Money(78747, USD), Money(78747, USD))
    asked = Desk(RATES, USD).hold(LAPTOP, seen, "k", "192.0.2.7").asked
    renamed = replace(LAPTOP, name="Another laptop", price=Money(120000, CAD))
    assert Desk(RATES, USD).hold(renamed, seen, "k", "192.0.2.7").asked == asked
    ends_so = Desk(RATES, USD, parse_price_rules("[USD]\nending = 0.99\n", "r"))
    dearer = [Seen(Money(minor, USD), Money(78799, USD)) for minor in (78747, 78750)]
    assert len({ends_so.hold(LAPTOP, each, "k", "a").asked for each in dearer}) == 1
    others = [
        (replace(LAPTOP, sku="pc"), seen),
        (LAPTOP, Seen(Money(78748, USD), Money(78748, USD))),
        (LAPTOP, Seen(Money(78747, EUR), Money(78747, EUR))),
    ]
    told = {Desk(RATES, USD).hold(product, what, "k", "a").asked for product, what in others}
    assert len(told | {asked}) == 4
