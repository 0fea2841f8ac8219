"""What can go wrong on purpose. Anything that is not in this tree is a bug.

    PricedeskError
    ├── RequestError            the asker can mend it
    │   ├── InvalidRequest          the words of a request are off
    │   ├── InvalidAmount           not a plain decimal number, or too long
    │   ├── InvalidDate             not a calendar date
    │   └── UnknownCurrency         not an ISO 4217 currency
    ├── NoRate                  the question is fine; no published rate answers it
    │   ├── NoRatesKnown            not a single publication is known
    │   ├── NoRateForCurrency       no source publishes the currency
    │   ├── NoRateForDate           not on that date
    │   └── RateTooOld              what there is, is older than is answered with here
    ├── ServiceUnavailable      a service cannot be reached, or does not answer in time
    ├── RefusedDocument         what a source sent is not what it publishes
    ├── DownloadFailed          a source's document could not be had
    ├── DecisionRefused         a decision about withheld values cannot be made
    │   ├── UnknownWithheldValue    no value in quarantine has the number
    │   ├── DecidedAlready          there was a decision about the value before
    │   └── CannotRelease           the value is nothing that could be converted with
    ├── QuoteError              a price is not held, or a quote not redeemed or cancelled
    │   ├── UnknownQuote            there is no quote with the id, or of the key
    │   ├── QuoteExpired            it is too late to redeem or cancel it
    │   ├── QuoteCancelled          it was cancelled, so it cannot be redeemed
    │   ├── QuoteRedeemed           it was redeemed, so it cannot be cancelled
    │   ├── QuoteKeyReused          the key was used for another request before
    │   ├── PriceChanged            rate or rules make another price than was expected
    │   ├── RateNotFresh            the rate is stale, and such a price is not held
    │   └── TooManyQuotes           as many were held as may be, in all or for a customer
    ├── StoreFailed             a database cannot be read or written
    ├── UnknownProduct          the shop has no such product
    ├── InvalidCatalogue        the catalogue of products is off
    ├── InvalidPriceRules       the file of price rules is off
    └── InvalidSetting          a PRICEDESK_ variable is off

Each error has a `slug`, its stable name on every door, and its text is one sentence
that names what was wrong.
"""

import re
from datetime import datetime
from typing import ClassVar


class PricedeskError(Exception):
    """An expected failure; its text is a sentence for the person who asked."""

    slug: ClassVar[str]


class RequestError(PricedeskError):
    """The asker can mend the request."""


class InvalidRequest(RequestError):
    """The words of a request do not fit the grammar."""

    slug = "invalid-request"


class InvalidAmount(RequestError):
    """An amount is not a plain decimal number, or has too many digits."""

    slug = "invalid-amount"


class InvalidDate(RequestError):
    """A date is not a calendar date written as YYYY-MM-DD."""

    slug = "invalid-date"


class UnknownCurrency(RequestError):
    """A code names no ISO 4217 currency that has a minor unit."""

    slug = "unknown-currency"


class NoRate(PricedeskError):
    """No published rate answers the question; never answered with 1 or 0 instead."""


class NoRatesKnown(NoRate):
    """Not a single publication is known."""

    slug = "no-rates-known"


class NoRateForCurrency(NoRate):
    """No source has ever published the currency."""

    slug = "no-rate-for-currency"


class NoRateForDate(NoRate):
    """The currency is published, but there is no rate for the date asked for."""

    slug = "no-rate-for-date"


class RateTooOld(NoRate):
    """The newest known rate is older than is answered with here."""

    slug = "rate-too-old"


class ServiceUnavailable(PricedeskError):
    """A service cannot be reached, or did not answer in time."""

    slug = "service-unavailable"


class RefusedDocument(PricedeskError):
    """A document is not what its source publishes; nothing of it was taken."""

    slug = "refused-document"


class DownloadFailed(PricedeskError):
    """A source's document could not be had: unreachable, refused, too large or too slow.

    `again_at` is the instant before which the source is not asked again, if there is one.
    """

    slug = "download-failed"

    def __init__(self, reason: str, again_at: datetime | None = None) -> None:
        super().__init__(reason)
        self.again_at = again_at


class DecisionRefused(PricedeskError):
    """A decision about withheld values cannot be made."""


class UnknownWithheldValue(DecisionRefused):
    """No value in quarantine has the number."""

    slug = "unknown-withheld-value"


class DecidedAlready(DecisionRefused):
    """A decision about the withheld value was made; it is recorded once."""

    slug = "decided-already"


class CannotRelease(DecisionRefused):
    """A withheld value is nothing that could be converted with."""

    slug = "cannot-release"


class QuoteError(PricedeskError):
    """A price is not held, or a quote is not redeemed or cancelled."""


class UnknownQuote(QuoteError):
    """There is no quote with the id, or none was held with the key."""

    slug = "unknown-quote"


class QuoteExpired(QuoteError):
    """The time for which the price was held is over."""

    slug = "quote-expired"


class QuoteCancelled(QuoteError):
    """The quote was cancelled, so it cannot be redeemed."""

    slug = "quote-cancelled"


class QuoteRedeemed(QuoteError):
    """The quote was redeemed, so it cannot be cancelled."""

    slug = "quote-redeemed"


class QuoteKeyReused(QuoteError):
    """The idempotency key came with another request before."""

    slug = "quote-key-reused"


class PriceChanged(QuoteError):
    """The rate or the shop's rules make another price than was seen; nothing was held."""

    slug = "price-changed"


class RateNotFresh(QuoteError):
    """The rate is stale, and a price at such a rate is not held."""

    slug = "rate-not-fresh"


class TooManyQuotes(QuoteError):
    """As many prices were held as may be in their time, in all or for one customer."""

    slug = "too-many-quotes"


class StoreFailed(PricedeskError):
    """The store of publications and quotes, or of a catalogue, cannot be read or written."""

    slug = "store-failed"


class UnknownProduct(PricedeskError):
    """The shop has no product that is called so."""

    slug = "unknown-product"


class InvalidCatalogue(PricedeskError):
    """The catalogue is missing or wrong; the text names it and the line.

    `problems` has such a text for each of the lines that are wrong, where several are told. What
    is `passing` says nothing of the products: a file that cannot be read now may be read later.
    """

    slug = "invalid-catalogue"

    def __init__(
        self, reason: str, problems: tuple[str, ...] = (), *, passing: bool = False
    ) -> None:
        super().__init__(reason)
        self.problems = problems or (reason,)
        self.passing = passing


class InvalidPriceRules(PricedeskError):
    """The file of price rules is missing or wrong; the text names file and place."""

    slug = "invalid-price-rules"


class InvalidSetting(PricedeskError):
    """A setting has a value that cannot be used; the text names the variable."""

    slug = "invalid-setting"


QUOTED_CHARACTERS_MAX = 40
"""How much of a stranger's text an error message repeats."""


_USER_OF_ADDRESS = re.compile(r"//[^/?#]*@")
_PASSWORD_OF_QUERY = re.compile(r"(password=)[^&\s]*", re.IGNORECASE)


def without_password(text: str) -> str:
    """A text whose addresses name no user and password any more."""
    return _PASSWORD_OF_QUERY.sub(r"\1***", _USER_OF_ADDRESS.sub("//***@", text))


def printable(text: str) -> str:
    """A text without what would steer the terminal: it may come from a source's document."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def in_quotes(text: str) -> str:
    """A stranger's text between quotes, safe to show on a terminal or in a log.

    Everything that is not printable ASCII is written as an escape, so that no terminal
    control sequence comes back to a screen; a long text is cut.
    """
    shown = text[: QUOTED_CHARACTERS_MAX + 1]
    escaped = "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in shown)
    if len(escaped) > QUOTED_CHARACTERS_MAX:
        escaped = escaped[: QUOTED_CHARACTERS_MAX - 3] + "..."
    return f'"{escaped}"'
