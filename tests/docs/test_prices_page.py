"""docs/prices.md: its file of rules is one, and makes the prices that the page shows."""

import re
from pathlib import Path

from pricedesk.currencies import currency
from pricedesk.frontend.price_rules import StepName
from pricedesk.frontend.price_rules_file import CURRENCY_KEYS, parse_price_rules
from pricedesk.money import Money

PAGE = (Path(__file__).parents[2] / "docs" / "prices.md").read_text(encoding="utf-8")
(TOML,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
RULES = parse_price_rules(TOML, "prices.md")


def test_the_record_on_the_page_is_what_the_rules_on_it_make() -> None:
    assert f"    {RULES.priced(Money(78747, currency('USD'))).text()}\n" in PAGE


def test_the_comments_in_the_file_say_what_happens() -> None:
    plain = parse_price_rules(TOML.replace("2.5", "0"), "prices.md")
    assert str(plain.priced(Money(80322, currency("USD"))).price) == "803.99"
    assert str(plain.priced(Money(123829, currency("JPY"))).price) == "123980"
    (cash,) = RULES.priced(Money(12345, currency("CAD"))).steps
    assert (cash.name, cash.value) == (StepName.CASH, "0.05")


def test_every_rule_is_on_the_page() -> None:
    assert [key for key in CURRENCY_KEYS if f"`{key}" not in PAGE and key not in PAGE] == []
