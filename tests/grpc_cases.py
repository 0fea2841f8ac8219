"""Conversions in units and nanos and what comes of them, for every kind of client."""

from grpc import StatusCode

from pricedesk.backend.grpc.definitions import message_class
from pricedesk.backend.grpc.methods import Reply

REQUEST = message_class("hipstershop.CurrencyConversionRequest")
MONEY = message_class("hipstershop.Money")
CODES = message_class("hipstershop.GetSupportedCurrenciesResponse")

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


def request(code: str, units: int, nanos: int, to_code: str) -> bytes:
    message = REQUEST(to_code=to_code)
    getattr(message, "from").MergeFrom(MONEY(currency_code=code, units=units, nanos=nanos))
    data: bytes = message.SerializeToString()
    return data


def money(data: Reply) -> tuple[str, int, int]:
    message = MONEY.FromString(data)
    return message.currency_code, message.units, message.nanos


CONVERTED: list[tuple[tuple[str, int, int, str], tuple[str, int, int]]] = [
    # 1100 CAD at EUR/CAD 1.5606 and EUR/USD 1.1172 are 787.466359092656... USD.
    (("CAD", 1100, 0, "USD"), ("USD", 787, 466_359_093)),
    (("CAD", -1100, 0, "USD"), ("USD", -787, -466_359_093)),
    (("EUR", 1, 0, "USD"), ("USD", 1, 117_200_000)),
    (("EUR", 0, 500_000_000, "USD"), ("USD", 0, 558_600_000)),
    (("EUR", 0, -1, "USD"), ("USD", 0, -1)),
    # A tie in the tenth decimal goes away from zero: 5 * 1.1172 = 5.586; of 0.000000125 EUR.
    (("EUR", 0, 125, "USD"), ("USD", 0, 140)),
    (("USD", -1, -750_000_000, "EUR"), ("EUR", -1, -566_416_040)),
    (("EUR", 0, 0, "USD"), ("USD", 0, 0)),
    # A cent is not lost, whatever binary floats make of it.
    (("USD", 67, 990_000_000, "USD"), ("USD", 67, 990_000_000)),
    (("USD", -1, -990_000_000, "USD"), ("USD", -1, -990_000_000)),
    # Amounts beyond 2**53 keep their last digit.
    (("EUR", 9_007_199_254_740_993, 0, "EUR"), ("EUR", 9_007_199_254_740_993, 0)),
    (("EUR", INT64_MAX, 999_999_999, "EUR"), ("EUR", INT64_MAX, 999_999_999)),
    (("JPY", INT64_MIN, -999_999_999, "JPY"), ("JPY", INT64_MIN, -999_999_999)),
    (("EUR", 9_007_199_254_740_993, 0, "USD"), ("USD", 10_062_843_007_396_637, 379_600_000)),
    # A currency to itself needs no rate: none of the sources here publishes it.
    (("BTN", 5, 1, "BTN"), ("BTN", 5, 1)),
]


INVALID = StatusCode.INVALID_ARGUMENT
REFUSED: list[tuple[bytes, StatusCode, str, str | None]] = [
    (
        request("usd", 1, 0, "EUR"),
        INVALID,
        '"usd" is not an ISO 4217 currency code: write USD',
        "unknown-currency",
    ),
    (
        request("USD", 1, 0, "XYZ"),
        INVALID,
        '"XYZ" is not an ISO 4217 currency code',
        "unknown-currency",
    ),
    (
        request("", 1, 0, "EUR"),
        INVALID,
        '"" is not an ISO 4217 currency code',
        "unknown-currency",
    ),
    (request("USD", 1, 0, ""), INVALID, '"" is not an ISO 4217 currency code', "unknown-currency"),
    (
        request("USD", 1, 0, "\N{LATIN SMALL LETTER LONG S}GD"),
        INVALID,
        '"\\u017fGD" is not an ISO 4217 currency code',
        "unknown-currency",
    ),
    (
        REQUEST(to_code="EUR").SerializeToString(),
        INVALID,
        "there is no from: the amount to be converted",
        "invalid-request",
    ),
    (b"", INVALID, "there is no from: the amount to be converted", "invalid-request"),
    (b"\x0a", INVALID, "the request is no hipstershop.CurrencyConversionRequest", None),
    (
        request("USD", 1, 1_000_000_000, "EUR"),
        INVALID,
        "nanos is 1000000000: it is within 999999999 either way",
        "invalid-amount",
    ),
    (
        request("USD", 0, -1_000_000_000, "USD"),
        INVALID,
        "nanos is -1000000000: it is within 999999999 either way",
        "invalid-amount",
    ),
    (
        request("USD", 1, -500_000_000, "EUR"),
        INVALID,
        "units is 1 and nanos -500000000: both are to have one sign",
        "invalid-amount",
    ),
    (
        request("USD", -1, 1, "USD"),
        INVALID,
        "units is -1 and nanos 1: both are to have one sign",
        "invalid-amount",
    ),
    (
        request("USD", INT64_MAX, 0, "IDR"),
        StatusCode.OUT_OF_RANGE,
        "the result has more IDR than a 64-bit number can count",
        "out-of-range",
    ),
    (
        request("EUR", INT64_MIN, 0, "USD"),
        StatusCode.OUT_OF_RANGE,
        "the result has more USD than a 64-bit number can count",
        "out-of-range",
    ),
    (
        request("USD", 1, 0, "BTN"),
        StatusCode.NOT_FOUND,
        "ECB does not publish BTN",
        "no-rate-for-currency",
    ),
    (
        request("CYP", 1, 0, "USD"),
        StatusCode.NOT_FOUND,
        "there is no rate for CYP on 2026-10-30: ECB has it from 1999-01-04 to 2007-12-31",
        "no-rate-for-date",
    ),
]
