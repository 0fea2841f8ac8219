"""The shop's rules: what becomes of a conversion before it is a price, step by step.

A conversion is rounded once, by the back-end, to the currency's minor unit. The steps begin
there, always in the order of `StepName`, and each gives a whole number of minor units, so that
a customer can follow them with a pencil. `price_rules_file` reads rules and refuses such as
would undo one another: a price always ends as its rule says and is never below its floor.
"""

import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeAlias

from pricedesk.currencies import Currency, currency
from pricedesk.errors import InvalidRequest, in_quotes
from pricedesk.money import ExactDecimal, Money, round_ratio

NO_VERSION = "none"
"""The version of no rules."""

VERSION_DIGITS = 8

UPWARDS = "up"
"""After the value of a step that always rounds up."""


class StepName(Enum):
    """What a step is called, in the order in which steps are applied."""

    MARGIN = "margin"
    ENDING = "ending"
    STEP = "step"
    CASH = "cash"
    FLOOR = "floor"


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule made of an amount; `value` is the rule's own: 2.5, 0.99, 0.05up, 10.00."""

    name: StepName
    value: str
    before: Money
    after: Money


@dataclass(frozen=True, slots=True)
class Priced:
    """A price: the conversion that it began with, and the steps that followed."""

    conversion: Money
    steps: tuple[Step, ...] = ()
    version: str = NO_VERSION

    @property
    def price(self) -> Money:
        """What the customer pays."""
        return self.steps[-1].after if self.steps else self.conversion

    def text(self) -> str:
        """One word for a record: `v=ab12cd34;conversion=783.63USD;margin=2.5:803.22`."""
        first = f"conversion={self.conversion}{self.conversion.currency}"
        steps = [f"{step.name.value}={step.value}:{step.after}" for step in self.steps]
        return ";".join([f"v={self.version}", first, *steps])


_RECORD = re.compile(
    r"v=(?P<version>[0-9a-z]{1,16});conversion=(?P<amount>[0-9.]{1,64})(?P<code>[A-Z]{3})"
    r"(?P<steps>(?:;[a-z]{1,16}=[0-9.]{1,64}(?:up)?:[0-9.]{1,64}){0,8})"
)
_RECORDED_STEP = re.compile(r";([a-z]+)=([0-9.]+(?:up)?):([0-9.]+)")
_STEP_NAMES = {name.value: name for name in StepName}


def parse_priced(text: str) -> Priced:
    """Read what `Priced.text` wrote; nothing is computed again.

    Raises:
        InvalidRequest: it is no such text.
        UnknownCurrency: its currency is none.
    """
    record = _RECORD.fullmatch(text)
    if record is None:
        raise InvalidRequest(f"{in_quotes(text)} is no record of a price")
    unit = currency(record["code"])
    conversion = before = _recorded(record["amount"], unit)
    steps = []
    for name, value, amount in _RECORDED_STEP.findall(record["steps"]):
        if name not in _STEP_NAMES:
            raise InvalidRequest(f"{in_quotes(name)} is no step of a price")
        after = _recorded(amount, unit)
        steps.append(Step(_STEP_NAMES[name], value, before, after))
        before = after
    return Priced(conversion, tuple(steps), record["version"])


def _recorded(text: str, unit: Currency) -> Money:
    digits = text.replace(".", "", 1)
    money = Money(int(digits), unit) if digits.isdecimal() else None
    if money is None or str(money) != text:
        raise InvalidRequest(f"{in_quotes(text)} is no recorded amount of {unit}")
    return money


@dataclass(frozen=True, slots=True)
class Margin:
    """So many percent on top, rounded half up to the minor unit."""

    percent: ExactDecimal
    name = StepName.MARGIN

    @property
    def value(self) -> str:
        """The percentage, as in 2.5."""
        return str(self.percent)

    def applied(self, minor: int) -> int:
        """An amount in minor units with the margin on it."""
        whole = 100 * 10**self.percent.scale
        return round_ratio(minor * (whole + self.percent.unscaled), whole)


@dataclass(frozen=True, slots=True)
class Ending:
    """The nearest price, not below the amount, that ends so.

    Prices that end in 0.99 come every 1.00, those that end in 9.99 every 10.00; both numbers
    are in minor units.
    """

    value: str
    ending_minor: int
    every_minor: int
    name = StepName.ENDING

    def applied(self, minor: int) -> int:
        """The amount in minor units, raised to the ending."""
        return minor + (self.ending_minor - minor) % self.every_minor

    def fits(self, minor: int) -> bool:
        """Whether an amount ends so."""
        return minor % self.every_minor == self.ending_minor


@dataclass(frozen=True, slots=True)
class Multiple:
    """A multiple of a step: a rule of the shop's, or what can be paid in cash.

    Rounds to the nearest one, ties up, or always up. It makes nothing free that was not.
    """

    name: StepName
    step: Money
    up: bool = False

    @property
    def value(self) -> str:
        """The step, and whether it rounds up only."""
        return f"{self.step}{UPWARDS}" if self.up else str(self.step)

    def applied(self, minor: int) -> int:
        """The amount in minor units, rounded to the step."""
        step = self.step.amount_minor
        count = -(-minor // step) if self.up else max(round_ratio(minor, step), min(minor, 1))
        return count * step

    def fits(self, minor: int) -> bool:
        """Whether an amount is such a multiple."""
        return minor % self.step.amount_minor == 0


@dataclass(frozen=True, slots=True)
class Floor:
    """The lowest price that there is."""

    lowest: Money
    name = StepName.FLOOR

    @property
    def value(self) -> str:
        """The lowest price."""
        return str(self.lowest)

    def applied(self, minor: int) -> int:
        """The amount in minor units, or the floor."""
        return max(minor, self.lowest.amount_minor)


Rule: TypeAlias = Margin | Ending | Multiple | Floor


@dataclass(frozen=True, slots=True)
class PriceRules:
    """All rules of a shop: those of single currencies, and those of all others."""

    default: tuple[Margin, ...] = ()
    default_cash: bool = False
    by_code: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    version: str = NO_VERSION

    @classmethod
    def of(
        cls,
        default: tuple[Margin, ...],
        by_code: Mapping[str, tuple[Rule, ...]],
        *,
        default_cash: bool,
    ) -> "PriceRules":
        """Rules with their version: a digest of what they say, not of how it is written."""
        cash = [f"{code}={step}" for code, step in CASH_STEPS.items()] if default_cash else []
        meaning = [" ".join(["default", *_meaning(default), *cash])]
        meaning += [" ".join([code, *_meaning(by_code[code])]) for code in sorted(by_code)]
        digest = hashlib.sha256("\n".join(meaning).encode()).hexdigest()
        return cls(default, default_cash, by_code, digest[:VERSION_DIGITS])

    def priced(self, conversion: Money) -> Priced:
        """The price that the rules make of a converted amount, which is not negative."""
        unit = conversion.currency
        rules = self.by_code.get(unit.code)
        if rules is None:
            cash = cash_rule(unit) if self.default_cash else None
            rules = (*self.default, cash) if cash is not None else self.default
        steps: list[Step] = []
        before = conversion
        for rule in rules:
            after = Money(rule.applied(before.amount_minor), unit)
            steps.append(Step(rule.name, rule.value, before, after))
            before = after
        return Priced(conversion, tuple(steps), self.version)


def _meaning(rules: tuple[Rule, ...]) -> list[str]:
    return [f"{rule.name.value}={rule.value}" for rule in rules]


NO_RULES = PriceRules()
"""The plain conversion is the price."""


def cash_rule(unit: Currency) -> Multiple | None:
    """Rounding to what can be paid in cash; None where that is every minor unit."""
    step = CASH_STEPS.get(unit.code)
    return Multiple(StepName.CASH, Money.parse(step, unit)) if step is not None else None


def _read_cash_steps() -> dict[str, str]:
    text = Path(__file__).with_name("cash_steps.csv").read_text(encoding="utf-8")
    return {row["code"]: row["step"] for row in csv.DictReader(text.splitlines())}


CASH_STEPS = _read_cash_steps()
"""The smallest step of cash by currency, as CLDR has it, where it is more than a minor unit.

`scripts/make_cash_steps.py` makes the table.
"""
