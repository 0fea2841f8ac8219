"""What the telnet desk says of prices and quotes in a customer's language.

Babel is loaded with this module, so it is imported when somebody wants one of these texts.
"""

from datetime import datetime
from typing import TypeAlias

from babel import Locale

from pricedesk.errors import RequestError
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.locales import ENGLISH, language_name, parse_locale
from pricedesk.frontend.offers import Price
from pricedesk.frontend.price_views import (
    PriceView,
    QuoteView,
    price_view,
    quote_view,
    status_words,
)
from pricedesk.frontend.translations import words_for
from pricedesk.quote_lines import QuoteReply, QuoteStatus

Line: TypeAlias = str | tuple[str, str]
"""A line of text, or one of a table: a name and what belongs to it."""


def texts_in(tag: str) -> "Texts | None":
    """The texts in a language such as fr or fr-CA; None if it is none."""
    locale = parse_locale(tag)
    return Texts(locale) if locale is not None else None


class Texts:
    """Texts in one language."""

    def __init__(self, locale: Locale = ENGLISH) -> None:
        self.words = words_for(locale)
        self.name = language_name(locale)
        self._locale = locale

    def why(self, product: Product, price: Price, known_at: datetime | None) -> list[Line]:
        """A price step by step; the last known one if `known_at` says when that was."""
        words = self.words
        view = price_view(price, product.price, self._locale, words, known_at)
        known = words("Last known price, as of {}.").format(view.as_of)
        return [
            words("Why this price: {}").format(product.name),
            *([known] if view.as_of else []),
            (words("The shop's own price"), view.own),
            *self._converted(view),
            *((step.words, step.after) for step in view.steps),
            (words("Price"), view.text),
            *self._courtesy(view),
        ]

    def held(self, reply: QuoteReply, now: datetime) -> list[Line]:
        """A price that has just been held."""
        words, view = self.words, self._view(reply, now)
        if view is None:
            return self._of_another(reply)
        return [
            words("{} is held for you at {}.").format(view.name, view.price.text),
            (words("Quote"), view.id),
            (words("Until"), view.until),
            words("To have it at this price, type: {}").format(f"redeem {view.id}"),
            words("If you do not want it any more: {}").format(f"cancel {view.id}"),
            *self._courtesy(view.price),
        ]

    def quote(self, reply: QuoteReply, now: datetime) -> list[Line]:
        """A quote, and what has become of it."""
        words, view = self.words, self._view(reply, now)
        if view is None:
            return self._of_another(reply)
        open_still = reply.status is QuoteStatus.HELD
        return [
            words("Quote {}: {}").format(view.id, view.status_words),
            *([(words("Product"), view.name)] if view.name else []),
            (words("The shop's own price"), view.price.own),
            *self._converted(view.price),
            *((step.words, step.after) for step in view.price.steps),
            (words("Price"), view.price.text),
            (words("Until"), view.until),
            *([(words("Time left"), view.left)] if open_still else [view.ended_words]),
            *self._courtesy(view.price),
        ]

    def _view(self, reply: QuoteReply, now: datetime) -> QuoteView | None:
        try:
            return quote_view(reply, "", now, self._locale, self.words)
        except (RequestError, KeyError, ValueError):
            return None

    def _of_another(self, reply: QuoteReply) -> list[Line]:
        """A quote whose record is none of a desk's: another client may have held it."""
        words = self.words
        status = status_words(reply.status, words)
        return [
            words("Quote {}: {}").format(reply.fields.get("quote"), status),
            words("It was not held at a price desk, so no more is told of it here."),
        ]

    def _converted(self, view: PriceView) -> list[Line]:
        """The rate, with its source, its date and its state in words, and what it makes.

        The official parities that it goes over are named; one of parities alone has no source.
        """
        if not view.converted:
            return []
        words = self.words
        published = f"{view.published} ({view.state_words})" if view.published else ""
        return [
            (words("Published rate"), f"1 {view.base} = {view.rate} {view.counter}"),
            *([(words("Published by"), published)] if published else []),
            *([(words("Official parity"), view.parities)] if view.parities else []),
            (words("Path"), view.path),
            (words("Converted at the published rate"), view.conversion),
        ]

    def _courtesy(self, view: PriceView) -> list[Line]:
        """The address that a source's terms want to be shown."""
        if not view.attribution:
            return []
        return [f"{self.words('Rates by courtesy of')} {view.attribution}"]
