"""`CurrencyService` as Online Boutique and OpenTelemetry's demo call it, exact.

Amounts are units and nanos: whole units and billionths, of one sign. A result is rounded once,
to the billionth.
"""

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.calendars import State
from pricedesk.backend.conversion import converted_units
from pricedesk.backend.grpc.conversion_messages import (
    amount_message,
    codes_message,
    read_by_runtime,
    read_usual,
)
from pricedesk.backend.grpc.methods import Noted, Reply
from pricedesk.backend.grpc.statuses import OUT_OF_RANGE, Refusal, Status, refusal_of
from pricedesk.backend.question import Question
from pricedesk.currencies import CURRENCIES, Currency
from pricedesk.errors import InvalidAmount, InvalidRequest, UnknownCurrency, in_quotes

NANOS = 10**9
_NANOS_DIGITS = 9
_UNITS_MAX = 2**63 - 1
_UNITS_MIN = -(2**63)

ANSWERS_KEPT_MAX = 4096
"""Answers that are kept for a moment, for the same question again: a shop's prices."""

_QUESTION_KEPT_BYTES_MAX = 64
"""The answer to a longer question, which no usual client asks, is not kept."""

RATE_TRAILER = "pricedesk-rate"
"""The trailer that says of a late or stale rate what it is, as in `late ECB 2026-10-29`."""

_BY_CODE = {code.encode(): unit for code, unit in CURRENCIES.items()}


class CurrencyService:
    """The two methods, over a bureau: bytes of a request in, bytes of an answer out."""

    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau
        self._moment = bureau.moment()
        self._answers: dict[bytes, Reply] = {}
        self._codes: bytes | None = None

    def get_supported_currencies(self, _request: bytes) -> bytes:
        """The codes that the sources' newest publications answer for.

        Raises:
            NoRatesKnown: there are none.
        """
        self._forget()
        if self._codes is None:
            self._codes = codes_message(self._bureau.currencies())
        return self._codes

    def convert(self, data: bytes) -> Reply:
        """An amount in another currency.

        Raises:
            Refusal: a code, the amount or the message is off, or the result too large.
            NoRate: no published rate answers it.
        """
        self._forget()
        known = self._answers.get(data)
        if known is not None:
            return known
        answer = self._converted(data)
        if len(data) <= _QUESTION_KEPT_BYTES_MAX:
            if len(self._answers) >= ANSWERS_KEPT_MAX:
                self._answers.clear()
            self._answers[data] = answer
        return answer

    def _forget(self) -> None:
        """Forget what was answered if that was in another moment."""
        moment = self._bureau.moment()
        if moment is not self._moment:
            self._moment = moment
            self._answers.clear()
            self._codes = None

    def _converted(self, data: bytes) -> Reply:
        usual = read_usual(data)
        if usual is not None and usual[0] in _BY_CODE and usual[3] in _BY_CODE:
            base, counter = _BY_CODE[usual[0]], _BY_CODE[usual[3]]
            units, nanos = usual[1], usual[2]
        else:
            money, to_code = read_by_runtime(data)
            if money is None:
                raise _invalid("there is no from: the amount to be converted")
            base, counter = _currency(money.code), _currency(to_code)
            units, nanos = money.units, money.nanos
        _check(units, nanos)
        if base == counter:
            return amount_message(counter.code.encode(), units, nanos)
        found = self._moment.known_of_now(base, counter)
        if found is None:
            found = self._bureau.find(base, counter, Question(self._bureau.clock()))
        total = converted_units(
            units * NANOS + nanos,
            _NANOS_DIGITS,
            found.rate,
            _NANOS_DIGITS,
            self._bureau.terms.rounding,
        )
        message = amount_message(counter.code.encode(), *_parted(total, counter))
        publication = found.rate.publication
        if found.state is State.FRESH or publication is None:
            return message
        note = f"{found.state.value} {publication.source} {publication.date}"
        return Noted(message, ((RATE_TRAILER, note),))


def _parted(total: int, counter: Currency) -> tuple[int, int]:
    """Units and nanos of an amount in billionths.

    Raises:
        Refusal: it has more units than the message can hold.
    """
    units, nanos = divmod(abs(total), NANOS)
    if total < 0:
        units, nanos = -units, -nanos
    if not _UNITS_MIN <= units <= _UNITS_MAX:
        raise Refusal(
            Status.OUT_OF_RANGE,
            f"the result has more {counter} than a 64-bit number can count",
            OUT_OF_RANGE,
        )
    return units, nanos


def _check(units: int, nanos: int) -> None:
    """See to it that these are an amount.

    Raises:
        Refusal: they are not of one sign, or nanos is more than a unit.
    """
    if not -NANOS < nanos < NANOS:
        raise refusal_of(InvalidAmount(f"nanos is {nanos}: it is within {NANOS - 1} either way"))
    if (units > 0 > nanos) or (units < 0 < nanos):
        raise refusal_of(
            InvalidAmount(f"units is {units} and nanos {nanos}: both are to have one sign")
        )


def _currency(code: str) -> Currency:
    found = CURRENCIES.get(code)
    if found is None:
        hint = f": write {code.upper()}" if code.isascii() and code.upper() in CURRENCIES else ""
        raise refusal_of(
            UnknownCurrency(f"{in_quotes(code)} is not an ISO 4217 currency code{hint}")
        )
    return found


def _invalid(text: str) -> Refusal:
    return refusal_of(InvalidRequest(text))
