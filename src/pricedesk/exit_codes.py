"""What the program ends with: one line on standard error, and a code for each error."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from pricedesk.errors import (
    CannotRelease,
    DecidedAlready,
    DownloadFailed,
    InvalidAmount,
    InvalidCatalogue,
    InvalidDate,
    InvalidPriceRules,
    InvalidRequest,
    InvalidSetting,
    NoRateForCurrency,
    NoRateForDate,
    NoRatesKnown,
    PriceChanged,
    PricedeskError,
    QuoteCancelled,
    QuoteExpired,
    QuoteKeyReused,
    QuoteRedeemed,
    RateNotFresh,
    RateTooOld,
    RefusedDocument,
    ServiceUnavailable,
    StoreFailed,
    TooManyQuotes,
    UnknownCurrency,
    UnknownProduct,
    UnknownQuote,
    UnknownWithheldValue,
    printable,
)
from pricedesk.standard_streams import give_up_output, is_full, write_out

EXIT_CODES: dict[type[PricedeskError], int] = {
    InvalidRequest: 2,
    InvalidAmount: 2,
    InvalidDate: 2,
    UnknownCurrency: 2,
    UnknownWithheldValue: 2,
    DecidedAlready: 2,
    CannotRelease: 2,
    UnknownQuote: 2,
    QuoteExpired: 2,
    QuoteCancelled: 2,
    QuoteRedeemed: 2,
    QuoteKeyReused: 2,
    PriceChanged: 2,
    TooManyQuotes: 2,
    InvalidSetting: 2,
    UnknownProduct: 2,
    InvalidCatalogue: 2,
    InvalidPriceRules: 2,
    NoRateForCurrency: 3,
    NoRateForDate: 3,
    NoRatesKnown: 3,
    RateTooOld: 4,
    RateNotFresh: 4,
    ServiceUnavailable: 5,
    DownloadFailed: 5,
    RefusedDocument: 5,
    StoreFailed: 6,
}
"""What the program ends with for each error; 0 is success, 1 a failed check or a fault."""

NOT_WRITTEN = 1
"""What a program ends with whose standard output could not be written."""

INTERRUPTED = 130
"""What a program ends with that was interrupted from the keyboard: 128 and the signal."""


def exit_code_of(error: PricedeskError) -> int:
    """What the program ends with for an error."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def reports_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """End the program with one line on standard error and the exit code of the error.

    What was printed is written by then, and an output that takes no more is such an error too.
    """

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # passes on what click gives
        try:
            result = command(*args, **kwargs)
            write_out()
        except PricedeskError as error:
            click.echo(f"pricedesk: {printable(str(error))}", err=True)
            sys.exit(exit_code_of(error))
        except OSError as error:
            if not is_full(error):
                raise
            give_up_output()
            told = f"standard output cannot be written: {error.strerror}"
            click.echo(f"pricedesk: {told}", err=True)
            sys.exit(NOT_WRITTEN)
        return result

    return run
