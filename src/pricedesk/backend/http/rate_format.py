"""How a rate becomes a number in Frankfurter's answers: published digits, or one rounding.

Frankfurter rounds by magnitude, twice in version 1, from binary floats, and leaves small rates
two digits. Here a rate that was published is what was published; everything else is its exact
value, rounded once. `docs/http.md` has the table.
"""

from pricedesk.backend.rates import Rate
from pricedesk.currencies import Currency
from pricedesk.money import ExactDecimal, decimal_text, round_ratio

SIGNIFICANT_DIGITS = 5
"""At least so many does every number have that is at most 1."""

DECIMALS_ABOVE = ((80, 2), (20, 3), (1, 4))
"""Above the first the second: Frankfurter's bands, without its whole numbers above 5000."""

_ZEROS = {"": 0, "100": 2, "1000": 3}
"""By how many digits a value for so many units is shifted."""


def rate_text(rate: Rate) -> str:
    """What one unit of the base is worth, as a number."""
    return published_text(rate) or number_text(rate.numerator, rate.denominator)


def amount_text(rate: Rate, amount: ExactDecimal) -> str:
    """What an amount of the base is worth, never coarser than the counter's minor unit."""
    if amount.unscaled == 10**amount.scale:
        return rate_text(rate)
    numerator = amount.unscaled * rate.numerator
    return number_text(numerator, 10**amount.scale * rate.denominator, rate.counter)


def published_text(rate: Rate) -> str:
    """The digits of the source, where it published the very pair in this direction; or none.

    What it published for 100 or 1000 units is shifted, which loses nothing.
    """
    went_in = rate.published + rate.pegs
    if len(went_in) != 1:
        return ""
    pair, value = went_in[0]
    units = pair.removesuffix(f"{rate.base.code}/{rate.counter.code}")
    if units not in _ZEROS:
        return ""
    exact = ExactDecimal.parse(value)
    return decimal_text(exact.unscaled, exact.scale + _ZEROS[units])


def number_text(numerator: int, denominator: int, currency: Currency | None = None) -> str:
    """A positive ratio rounded half up, zeros at its end cut to one decimal.

    The decimals go by the ratio before it is rounded; a currency's minor unit is the least.
    """
    decimals = _decimals(numerator, denominator)
    if currency is not None:
        decimals = max(decimals, currency.minor_digits)
    return plain_text(round_ratio(numerator * 10**decimals, denominator), decimals)


def plain_text(unscaled: int, scale: int) -> str:
    """The number unscaled / 10**scale, with one decimal at least: 1.0, 0.71588."""
    text = decimal_text(unscaled, scale)
    if "." not in text:
        return f"{text}.0"
    text = text.rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def _decimals(numerator: int, denominator: int) -> int:
    for above, decimals in DECIMALS_ABOVE:
        if numerator > above * denominator:
            return decimals
    decimals = SIGNIFICANT_DIGITS
    scaled = numerator * 10
    while scaled < denominator:
        scaled *= 10
        decimals += 1
    return decimals
