"""What refusals mean to a customer, in his language.

The sentence of a refusal is English and exact, for whoever reads English; what stands for it in
another language is chosen by the name of the refusal, never by its words.
"""

from pricedesk.error_lines import ErrorReply
from pricedesk.errors import (
    InvalidAmount,
    InvalidRequest,
    NoRateForCurrency,
    NoRateForDate,
    NoRatesKnown,
    PriceChanged,
    QuoteCancelled,
    QuoteExpired,
    QuoteKeyReused,
    QuoteRedeemed,
    RateNotFresh,
    RateTooOld,
    TooManyQuotes,
    UnknownCurrency,
    UnknownProduct,
    UnknownQuote,
)
from pricedesk.frontend.translations import Words, english


def is_exact(words: Words) -> bool:
    """Whether a customer who is spoken to so is told the exact sentence of a refusal."""
    return words is english


def sentence_of(error: Exception) -> str:
    """The exact sentence of a refusal, in English."""
    return error.sentence if isinstance(error, ErrorReply) else str(error)


def as_sentence(text: str) -> str:
    """A refusal's sentence as one that stands alone."""
    return f"{text[:1].upper()}{text[1:]}".removesuffix(".") + "."


def advice(slug: str, words: Words) -> str:
    """What a customer can do about a refusal, or what it is to him; empty if that goes without."""
    return {
        PriceChanged.slug: words("Please look at the new price before you hold it."),
        RateNotFresh.slug: words("The newest rate that is known is too old to hold a price at."),
        TooManyQuotes.slug: words("Please wait until the time of one of them is over."),
        QuoteKeyReused.slug: words("This was sent before with another price. Please begin again."),
        UnknownQuote.slug: words("There is no quote with this id. Perhaps it is mistyped."),
        QuoteExpired.slug: words("Its time is over."),
        QuoteCancelled.slug: words("It was cancelled before."),
        QuoteRedeemed.slug: words("It was redeemed before."),
    }.get(slug, "")


def meaning(slug: str, words: Words) -> str:
    """What a refusal means, where its exact sentence would be in another language than the rest."""
    told = {
        InvalidRequest.slug: words("What was sent cannot be used."),
        InvalidAmount.slug: words("What was sent cannot be used."),
        UnknownCurrency.slug: words("There is no such currency."),
        UnknownProduct.slug: words("It is not sold any more, or never was."),
        NoRatesKnown.slug: words("No rates are known yet."),
        NoRateForCurrency.slug: words("There is no published rate for it."),
        NoRateForDate.slug: words("There is no published rate for it."),
        RateTooOld.slug: words("The rates that are known are too old."),
        TooManyQuotes.slug: words(
            "Too many prices are held. Please wait until one's time is over."
        ),
    }
    return told.get(slug) or advice(slug, words) or words("The conversion service refuses it.")


def reason(slug: str, sentence: str, words: Words) -> str:
    """Why something was not done, to go on with after a colon and before a full stop."""
    if is_exact(words):
        return sentence
    told = meaning(slug, words).removesuffix(".")
    return f"{told[:1].lower()}{told[1:]}"
