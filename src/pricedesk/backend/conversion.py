"""Converting an amount: one multiplication, one division, one rounding.

Conversions are made here and nowhere else. There are two ways: `convert` is for every amount, and
gives all that can be said of it; a `Prepared` conversion gives the results of many amounts that are
written plainly, as text. What the second answers, the first answers alike; the rest is left to it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pricedesk.backend.rates import Rate
from pricedesk.money import (
    AMOUNT_DIGITS_MAX,
    ExactDecimal,
    Money,
    Rounding,
    decimal_text,
    round_ratio,
)

UNROUNDED_DIGITS = 12
"""Decimals to which the result before rounding is shown; the arithmetic has no such limit."""

PLAIN_DECIMALS_MAX = 9
"""Decimals that a plain amount has at most."""

_PLAIN_MINOR_DIGITS_MAX = 3
"""Those of nearly all currencies: the endings of results are a table of 1000 texts at most."""


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

    This is where a conversion is made that is not prepared: one multiplication, one division, one
    rounding.
    """
    return round_ratio(
        unscaled * rate.numerator * 10**digits, 10**scale * rate.denominator, rounding
    )


@dataclass(frozen=True, slots=True)
class Prepared:
    """What can be computed of conversions at one rate before there is an amount.

    The minor units of a result are (unscaled * factor + half) // divisor, the last two by the
    amount's count of decimals. Their text is how many times `unit` is in them, then the ending of
    the rest.
    """

    factor: int
    scales: tuple[tuple[int, int], ...]
    unit: int
    endings: tuple[str, ...]

    def results(self, amounts: Iterable[bytes]) -> list[str] | None:
        """The results of amounts that are written plainly; None if one of them is not.

        Written plainly is digits with at most one point before, between or after them, at most
        AMOUNT_DIGITS_MAX of them in all and PLAIN_DECIMALS_MAX after it.
        """
        factor, scales, unit, endings = self.factor, self.scales, self.unit, self.endings
        results = []
        try:
            for amount in amounts:
                whole, _, fraction = amount.partition(b".")
                digits = whole + fraction
                # Of bytes isdigit() means 0 to 9, and at least one of them.
                if not digits.isdigit() or len(digits) > AMOUNT_DIGITS_MAX:
                    return None
                half, divisor = scales[len(fraction)]
                minor = (int(digits) * factor + half) // divisor
                results.append(str(minor // unit) + endings[minor % unit])
        except IndexError:  # There are more decimals than scales.
            return None
        return results


def prepared(rate: Rate, rounding: Rounding) -> Prepared | None:
    """What can be computed of conversions at a rate.

    None if the general way has to do: for ties to the even digit, and for a currency with more than
    three digits after the point.
    """
    digits = rate.counter.minor_digits
    if rounding is not Rounding.HALF_UP or digits > _PLAIN_MINOR_DIGITS_MAX:
        return None
    divisors = [rate.denominator * 10**decimals for decimals in range(PLAIN_DECIMALS_MAX + 1)]
    # An odd divisor has no ties: a little less than half of it rounds everything else alike.
    scales = tuple((divisor // 2, divisor) for divisor in divisors)
    return Prepared(rate.numerator * 10**digits, scales, 10**digits, _endings(digits))


@lru_cache
def _endings(digits: int) -> tuple[str, ...]:
    """What follows the point, with it, by how many minor units it is."""
    return tuple(f".{rest:0{digits}}" for rest in range(10**digits)) if digits else ("",)
