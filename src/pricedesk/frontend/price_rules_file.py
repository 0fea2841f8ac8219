"""The file of price rules: TOML in, rules out, and a refusal that names the place.

`[default]` has what holds in any currency, a table such as `[CHF]` what is different or more
there. A number may be written with or without quotes; it never becomes a binary float.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pricedesk.currencies import Currency, currency
from pricedesk.errors import InvalidPriceRules, PricedeskError, in_quotes
from pricedesk.frontend.catalogue import PRICE_DIGITS_MAX
from pricedesk.frontend.price_rules import (
    UPWARDS,
    Ending,
    Floor,
    Margin,
    Multiple,
    PriceRules,
    Rule,
    StepName,
    cash_rule,
)
from pricedesk.frontend.text_files import UnusableFileError, read_text
from pricedesk.money import ExactDecimal, Money

FILE_BYTES_MAX = 64 * 1024
MARGIN_PERCENT_MAX = 100
MARGIN_DECIMALS_MAX = 6
RULE_DIGITS_MAX = PRICE_DIGITS_MAX
"""Of an amount, with all decimals: what a price is made of by the rules has to fit its record."""

DEFAULT = "default"
NEAREST = "nearest"

DEFAULT_KEYS = ("margin_percent", "cash")
CURRENCY_KEYS = ("margin_percent", "ending", "step", "rounding", "cash", "floor")


def read_price_rules(path: Path) -> PriceRules:
    """The rules of a file.

    Raises:
        InvalidPriceRules: it cannot be read or is wrong; names the file and the place.
    """
    try:
        text = read_text(path, FILE_BYTES_MAX)
    except UnusableFileError as error:
        raise InvalidPriceRules(str(error)) from error
    return parse_price_rules(text, str(path))


def parse_price_rules(text: str, name: str) -> PriceRules:
    """The rules of TOML text; `name` is what errors call it.

    Raises:
        InvalidPriceRules: with the line, or the table and the key, of what is wrong.
    """
    try:
        # A number of TOML with a point would be a binary float.
        tables = tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as error:
        raise InvalidPriceRules(f"{name}: {error}") from error
    except (RecursionError, ValueError) as error:
        # As tomllib has it for an integer of thousands of digits.
        raise InvalidPriceRules(f"{name}: is nested too deeply or has a number too long") from error
    default = _Table()
    if DEFAULT in tables:
        default = _read_default(tables.pop(DEFAULT), f"{name}, [{DEFAULT}]")
    by_code: dict[str, tuple[Rule, ...]] = {}
    for key, table in tables.items():
        place = f"{name}, [{key if key.isascii() and key.isalnum() else in_quotes(key)}]"
        unit = _unit(key, place)
        by_code[unit.code] = _read_table(table, default, unit, place)
    margins = (default.margin,) if default.margin is not None else ()
    return PriceRules.of(margins, by_code, default_cash=default.cash)


@dataclass(frozen=True, slots=True)
class _Table:
    """What holds in all currencies."""

    margin: Margin | None = None
    cash: bool = False


def _unit(key: str, place: str) -> Currency:
    try:
        unit = currency(key)
    except PricedeskError as error:
        raise InvalidPriceRules(f"{place}: {error}, and not {DEFAULT}") from error
    if unit.code != key:
        raise InvalidPriceRules(f"{place}: write it as [{unit}]")
    return unit


def _read_default(table: object, place: str) -> _Table:
    values = _keys(table, DEFAULT_KEYS, place)
    return _anywhere(values, _Table(), place)


def _anywhere(values: Mapping[str, object], default: _Table, place: str) -> _Table:
    """A table's margin and cash; where it has none, the default's."""
    found = default
    if "margin_percent" in values:
        margin = _margin(values["margin_percent"], f"{place} margin_percent")
        found = replace(found, margin=margin)
    if "cash" in values:
        cash = values["cash"]
        if not isinstance(cash, bool):
            raise InvalidPriceRules(f"{place} cash: must be true or false")
        found = replace(found, cash=cash)
    return found


def _read_table(table: object, default: _Table, unit: Currency, place: str) -> tuple[Rule, ...]:
    """The rules of one currency, in their order.

    Raises:
        InvalidPriceRules: a value is wrong, or one rule would undo what another one has done.
    """
    values = _keys(table, CURRENCY_KEYS, place)
    anywhere = _anywhere(values, default, place)
    if "ending" in values and "step" in values:
        raise InvalidPriceRules(f"{place}: has an ending and a step; one of them must go")
    ending = _ending(values["ending"], unit, f"{place} ending") if "ending" in values else None
    shape = ending or _step(values, unit, place)
    cash = cash_rule(unit) if anywhere.cash else None
    floor = Floor(_amount(values["floor"], unit, f"{place} floor")) if "floor" in values else None
    _check(shape, cash, floor, place)
    wanted = (anywhere.margin, shape, cash, floor)
    return tuple(rule for rule in wanted if rule is not None)


def _check(
    shape: Ending | Multiple | None, cash: Multiple | None, floor: Floor | None, place: str
) -> None:
    """Refuse rules of which a later one would undo an earlier one."""
    if shape is not None and cash is not None:
        amounts = (
            (shape.ending_minor, shape.every_minor)
            if isinstance(shape, Ending)
            else (shape.step.amount_minor,)
        )
        if not all(cash.fits(minor) for minor in amounts):
            raise InvalidPriceRules(
                f"{place} {shape.name.value}: such prices cannot be paid in cash, which goes in"
                f" steps of {cash.value}; choose another one, or cash = false"
            )
    for rule in (shape, cash):
        if floor is not None and rule is not None and not rule.fits(floor.lowest.amount_minor):
            wanted = "end in" if isinstance(rule, Ending) else "be a multiple of"
            value = rule.value.removesuffix(UPWARDS)
            raise InvalidPriceRules(f"{place} floor: is a price too, so it has to {wanted} {value}")


def _keys(table: object, known: tuple[str, ...], place: str) -> Mapping[str, object]:
    if not isinstance(table, dict):
        raise InvalidPriceRules(f"{place}: is a value, not a table")
    for key in table:
        if key not in known:
            names = ", ".join(known)
            raise InvalidPriceRules(f"{place}: {in_quotes(key)} is not among the rules: {names}")
    return table


def _margin(value: object, place: str) -> Margin | None:
    """A margin without zeros at its end; None if it is 0, which takes the default's away."""
    exact = _decimal(value, place)
    unscaled, scale = exact.unscaled, exact.scale
    while scale and unscaled % 10 == 0:
        unscaled, scale = unscaled // 10, scale - 1
    if not 0 <= unscaled <= MARGIN_PERCENT_MAX * 10**scale or scale > MARGIN_DECIMALS_MAX:
        raise InvalidPriceRules(
            f"{place}: must be from 0 to {MARGIN_PERCENT_MAX},"
            f" with at most {MARGIN_DECIMALS_MAX} decimals"
        )
    return Margin(ExactDecimal(unscaled, scale)) if unscaled else None


def _ending(value: object, unit: Currency, place: str) -> Ending:
    """How prices end: in 0.99 after each unit, in 9.99 after each ten, in 980 after each thousand.

    The digits before the point say how often; a single 0 is none.
    """
    amount = _amount(value, unit, place)
    whole = str(value).strip("+").partition(".")[0]
    digits = 0 if whole == "0" else len(whole)
    every_minor = 10 ** (digits + unit.minor_digits)
    if every_minor == 1:
        raise InvalidPriceRules(f"{place}: every price in {unit} ends so")
    if every_minor > 10**RULE_DIGITS_MAX:
        raise InvalidPriceRules(f"{place}: has more than {RULE_DIGITS_MAX} digits")
    # Written with all zeros, which say how often: 00.99.
    text = str(amount).zfill(len(str(amount).partition(".")[2]) + digits + bool(unit.minor_digits))
    return Ending(text, amount.amount_minor, every_minor)


def _step(values: Mapping[str, object], unit: Currency, place: str) -> Multiple | None:
    if "step" not in values:
        if "rounding" in values:
            raise InvalidPriceRules(f"{place} rounding: says how a step rounds; there is no step")
        return None
    step = _amount(values["step"], unit, f"{place} step")
    if step.amount_minor == 0:
        raise InvalidPriceRules(f"{place} step: must be above 0")
    rounding = values.get("rounding", NEAREST)
    if rounding not in (NEAREST, UPWARDS):
        raise InvalidPriceRules(f"{place} rounding: must be {NEAREST} or {UPWARDS}")
    return Multiple(StepName.STEP, step, up=rounding == UPWARDS)


def _amount(value: object, unit: Currency, place: str) -> Money:
    _decimal(value, place)
    try:
        amount = Money.parse(str(value), unit)
    except PricedeskError as error:
        raise InvalidPriceRules(f"{place}: {error}") from error
    if amount.amount_minor < 0:
        raise InvalidPriceRules(f"{place}: must not be negative")
    if amount.amount_minor >= 10**RULE_DIGITS_MAX:
        raise InvalidPriceRules(f"{place}: has more than {RULE_DIGITS_MAX} digits")
    return amount


def _decimal(value: object, place: str) -> ExactDecimal:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidPriceRules(f'{place}: must be a number, as in "2.5"')
    try:
        return ExactDecimal.parse(str(value))
    except PricedeskError as error:
        raise InvalidPriceRules(f"{place}: {error}") from error
