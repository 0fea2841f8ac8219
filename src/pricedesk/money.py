"""Exact decimals and money: text in, integers inside, text out, one rounding.

No binary float and no decimal context takes part: a decimal number is an integer and a
scale, a division happens once, and the rounding of it is named.
"""

import re
from dataclasses import dataclass
from enum import Enum

from pricedesk.currencies import Currency
from pricedesk.errors import InvalidAmount, in_quotes

AMOUNT_DIGITS_MAX = 30
"""Digits of an amount, before and after the point together; one leading zero is not counted."""

_PLAIN_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


class Rounding(Enum):
    """How an exact value becomes a whole number of minor units.

    HALF_UP takes ties away from zero, as article 5 of Council Regulation (EC) No 1103/97
    rounds conversions of euros; HALF_EVEN takes them to the even neighbour.
    """

    HALF_UP = "half-up"
    HALF_EVEN = "half-even"


@dataclass(frozen=True, slots=True)
class ExactDecimal:
    """The number unscaled / 10**scale; 19.90 is ExactDecimal(1990, 2)."""

    unscaled: int
    scale: int

    @classmethod
    def parse(cls, text: str) -> "ExactDecimal":
        """Read plain decimal notation: 1100, 19.99, -0.5.

        Raises:
            InvalidAmount: anything else (an exponent, a thousands separator, NaN, other
                scripts' digits), or more than AMOUNT_DIGITS_MAX digits.
        """
        if not _PLAIN_DECIMAL.fullmatch(text):
            hint = ": write it like 1100 or 19.99" if any(c.isdigit() for c in text) else ""
            raise InvalidAmount(f"{in_quotes(text)} is not a number{hint}")
        whole, _, fraction = text.partition(".")
        if len(whole.lstrip("+-").removeprefix("0")) + len(fraction) > AMOUNT_DIGITS_MAX:
            raise InvalidAmount(f"{in_quotes(text)} has more than {AMOUNT_DIGITS_MAX} digits")
        return cls(int(whole + fraction), len(fraction))

    def __str__(self) -> str:
        return decimal_text(self.unscaled, self.scale)


@dataclass(frozen=True, slots=True)
class Money:
    """A whole number of a currency's minor units: 787.47 USD is Money(78747, USD)."""

    amount_minor: int
    currency: Currency

    @classmethod
    def parse(cls, text: str, currency: Currency) -> "Money":
        """Read an amount of a currency; it is never rounded.

        Raises:
            InvalidAmount: not a number, finer than the currency's minor unit, or of more
                than AMOUNT_DIGITS_MAX digits with all its decimals.
        """
        amount = ExactDecimal.parse(text)
        digits = currency.minor_digits
        amount_minor, rest = divmod(amount.unscaled * 10**digits, 10**amount.scale)
        if rest:
            raise InvalidAmount(
                f"{in_quotes(text)} has more decimals than {currency}, which has {digits}"
            )
        if len(str(abs(amount_minor))) > AMOUNT_DIGITS_MAX:
            raise InvalidAmount(f"{in_quotes(text)} {currency} has too many digits")
        return cls(amount_minor, currency)

    def __str__(self) -> str:
        return decimal_text(self.amount_minor, self.currency.minor_digits)


def decimal_text(unscaled: int, scale: int) -> str:
    """The number unscaled / 10**scale in plain notation, with exactly `scale` decimals."""
    if scale == 0:
        return str(unscaled)
    digits = str(abs(unscaled)).zfill(scale + 1)
    sign = "-" if unscaled < 0 else ""
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"


def round_ratio(numerator: int, denominator: int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """The whole number nearest to numerator / denominator; `rounding` decides ties.

    The denominator is positive.
    """
    quotient, rest = divmod(abs(numerator), denominator)
    twice = 2 * rest
    if twice > denominator or (
        twice == denominator and (rounding is Rounding.HALF_UP or quotient % 2 == 1)
    ):
        quotient += 1
    return -quotient if numerator < 0 else quotient


def significant_text(numerator: int, denominator: int, digits: int) -> str:
    """A positive ratio to at most `digits` significant digits, half up, for people to read.

    Trailing zeros are cut; digits before the point are never lost.
    """
    scale = max(0, digits - _leading_exponent(numerator, denominator) - 1)
    text = decimal_text(round_ratio(numerator * 10**scale, denominator), scale)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _leading_exponent(numerator: int, denominator: int) -> int:
    """The exponent of ten of the first significant digit: 2 for 787.47, -3 for 0.0045."""
    exponent = len(str(numerator)) - len(str(denominator))
    at_least = (
        numerator >= denominator * 10**exponent
        if exponent >= 0
        else numerator * 10**-exponent >= denominator
    )
    return exponent if at_least else exponent - 1
