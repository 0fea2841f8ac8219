"""gRPC's status codes, and which of them tells of what."""

from collections.abc import Mapping
from enum import IntEnum

from pricedesk import errors
from pricedesk.errors import PricedeskError


class Status(IntEnum):
    """gRPC's codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


STATUS: Mapping[type[PricedeskError], Status] = {
    errors.InvalidRequest: Status.INVALID_ARGUMENT,
    errors.InvalidAmount: Status.INVALID_ARGUMENT,
    errors.InvalidDate: Status.INVALID_ARGUMENT,
    errors.UnknownCurrency: Status.INVALID_ARGUMENT,
    # What no source publishes is not there; what is only not known yet, or too old, will be.
    errors.NoRateForCurrency: Status.NOT_FOUND,
    errors.NoRateForDate: Status.NOT_FOUND,
    errors.NoRatesKnown: Status.FAILED_PRECONDITION,
    errors.RateTooOld: Status.FAILED_PRECONDITION,
    errors.UnknownQuote: Status.NOT_FOUND,
    errors.QuoteExpired: Status.FAILED_PRECONDITION,
    errors.QuoteCancelled: Status.FAILED_PRECONDITION,
    errors.QuoteRedeemed: Status.FAILED_PRECONDITION,
    errors.QuoteKeyReused: Status.ALREADY_EXISTS,
    # The whole exchange is to begin again, with the price as it is now.
    errors.PriceChanged: Status.ABORTED,
    errors.RateNotFresh: Status.FAILED_PRECONDITION,
    errors.TooManyQuotes: Status.RESOURCE_EXHAUSTED,
    errors.StoreFailed: Status.UNAVAILABLE,
    errors.ServiceUnavailable: Status.UNAVAILABLE,
}
"""The code of each expected failure that a question at this door can meet."""

INTERNAL = "internal"
INTERNAL_TEXT = "the request could not be answered; it was logged"

OUT_OF_RANGE = "out-of-range"
"""The name of a failure that only this door knows: a number is beyond what there is here."""

SLUG_TRAILER = "pricedesk-error"
"""The trailer with the stable name of a failure, the same as on every other door."""


class Refusal(Exception):  # an answer, not a failure of this program
    """A call ends with a status other than OK; `slug` is the failure's name on every door."""

    def __init__(self, status: Status, text: str, slug: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.slug = slug


def refusal_of(error: PricedeskError) -> Refusal:
    """How this door tells of an expected failure."""
    kinds = (kind for kind in type(error).__mro__ if kind in STATUS)
    status = next((STATUS[kind] for kind in kinds), Status.INTERNAL)
    return Refusal(status, str(error), error.slug)


def internal() -> Refusal:
    """How it tells of a fault of ours."""
    return Refusal(Status.INTERNAL, INTERNAL_TEXT, INTERNAL)
