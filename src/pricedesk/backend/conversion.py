"""Converting an amount: one multiplication, one division, one rounding."""

from dataclasses import dataclass

from pricedesk.backend.rates import Rate
from pricedesk.money import ExactDecimal, Money, Rounding, decimal_text, round_ratio

UNROUNDED_DIGITS = 12
"""Decimals to which the result before rounding is shown; the arithmetic has no such limit."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """An amount, the rate it was converted at, and what came out.

    Before rounding the result is exactly numerator / denominator.
    """

    amount: ExactDecimal
    rate: Rate
    numerator: int
    denominator: int
    rounding: Rounding
    result: Money

    @property
    def unrounded_text(self) -> str:
        """The result before it was rounded, to UNROUNDED_DIGITS decimals, for reading."""
        scaled = round_ratio(self.numerator * 10**UNROUNDED_DIGITS, self.denominator)
        text = decimal_text(scaled, UNROUNDED_DIGITS)
        return text.rstrip("0").rstrip(".")


def convert(amount: ExactDecimal, rate: Rate, rounding: Rounding = Rounding.HALF_UP) -> Conversion:
    """Convert an amount of `rate.base` and round it to the minor unit of `rate.counter`."""
    numerator = amount.unscaled * rate.numerator
    denominator = 10**amount.scale * rate.denominator
    digits = rate.counter.minor_digits
    minor_units = converted_units(amount.unscaled, amount.scale, rate, digits, rounding)
    result = Money(minor_units, rate.counter)
    return Conversion(amount, rate, numerator, denominator, rounding, result)


def converted_units(
    unscaled: int, scale: int, rate: Rate, digits: int, rounding: Rounding = Rounding.HALF_UP
) -> int:
    """The amount unscaled / 10**scale at a rate, in units of which 10**digits are one.

    This is where every conversion is made: one multiplication, one division, one rounding.
    """
    return round_ratio(
        unscaled * rate.numerator * 10**digits, 10**scale * rate.denominator, rounding
    )
