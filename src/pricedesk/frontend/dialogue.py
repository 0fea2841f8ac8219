"""The telnet dialogue as a state machine: what a customer typed in, what to do about it out.

It knows no socket and asks nobody: when something has to be found out it says so, and is told
later. A number of the menu, and what is no word of the desk's, is the tutorial's affair; the
words beyond it are in `Dialogue.WORDS`. What those say fits a terminal of 80 columns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from pricedesk.currencies import Currency, currency
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import PricedeskError, RequestError, ServiceUnavailable
from pricedesk.frontend.catalogue import Catalogue, Product
from pricedesk.frontend.menu import REASON_CHARACTERS_MAX, AskPrice, Menu, Say
from pricedesk.frontend.offers import Offer
from pricedesk.frontend.refusal_words import reason, sentence_of
from pricedesk.frontend.terminal_text import CUT, clean, cut, table, wrapped
from pricedesk.frontend.translations import Words, english, spoken
from pricedesk.quote_codes import parse_quote_id
from pricedesk.quote_lines import QuoteReply, QuoteVerb

if TYPE_CHECKING:
    from pricedesk.frontend.telnet_texts import Line, Texts

PAGE_PRODUCTS = 20
"""How many products a list shows before it waits for `more`."""

SHOWN_CHARACTERS_MAX = 40
"""How much of what somebody typed is repeated to him."""


@dataclass(frozen=True, slots=True)
class AskWhy:
    """Find out what this product costs now, and why."""

    product: Product


@dataclass(frozen=True, slots=True)
class AskHold:
    """Find out what this product costs now, and hold that price."""

    product: Product


@dataclass(frozen=True, slots=True)
class AskQuote:
    """Look at a quote, redeem it or cancel it."""

    verb: QuoteVerb
    quote_id: str


@dataclass(frozen=True, slots=True)
class Look:
    """Look through the catalogue, which takes a moment; all of it if there are no words."""

    words: str
    first: int


Action: TypeAlias = Say | AskPrice | AskWhy | AskHold | AskQuote | Look


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the desk's: how `help` shows it and what it says of it, and what it does."""

    shown: str
    meaning: str
    does: Callable[["Dialogue", Sequence[str]], Action]


class Dialogue:
    """One customer's dialogue: his currency, his language, the list that he has seen last.

    `utf8` is whether his terminal shows more than ASCII.
    """

    __slots__ = ("_menu", "_next", "_spoken", "_words", "currency", "finished", "utf8")

    def __init__(self, menu: Menu, default: Currency) -> None:
        self.currency = default
        self.utf8 = False
        self.finished = False
        self._spoken: Texts | None = None
        self._words: Words = english
        self._menu = menu
        self._next: Look | None = None

    # What the customer types.

    def typed(self, line: str) -> Action:
        """What to do about a line."""
        verb, *rest = line.split() or [""]
        found = self.WORDS.get(verb.lower())
        return found.does(self, rest) if found is not None else self._menu.chosen(line)

    def _help(self, rest: Sequence[str]) -> Action:
        if rest:
            return self._no_more_words("help", rest)
        words = self._words
        rows = [(word.shown, words(word.meaning)) for word in self.WORDS.values()]
        numbers = (f"1 - {len(self._menu)}", words("the price of a product, by its number"))
        return self._say(words("You can type:"), numbers, *rows)

    def _in(self, rest: Sequence[str]) -> Action:
        words = self._words
        if not rest:
            return self._say(words("Prices are in {}.").format(self.currency))
        if len(rest) > 1:
            return self._no_more_words(f"in {rest[0]}", rest[1:])
        try:
            self.currency = currency(rest[0])
        except RequestError as error:
            why = reason(error.slug, str(error), words)
            return self._say(words("The currency stays {}: {}.").format(self.currency, why))
        return self._say(words("Prices are in {} now.").format(self.currency))

    def _find(self, rest: Sequence[str]) -> Action:
        if not rest:
            return self._say(self._words("find needs words, as in: {}").format("find laptop"))
        return Look(" ".join(rest), 0)

    def _list(self, rest: Sequence[str]) -> Action:
        return self._no_more_words("menu", rest) if rest else Look("", 0)

    def _more(self, rest: Sequence[str]) -> Action:
        if rest:
            return self._no_more_words("more", rest)
        return self._next or Look("", self._menu.greeted)

    def _why(self, rest: Sequence[str]) -> Action:
        return self._of_number("why", rest, AskWhy)

    def _hold(self, rest: Sequence[str]) -> Action:
        return self._of_number("hold", rest, AskHold)

    def _of_number(
        self, verb: str, rest: Sequence[str], ask: Callable[[Product], AskWhy | AskHold]
    ) -> Action:
        number = " ".join(rest)
        product = self._menu.product(number)
        if product is not None:
            return ask(product)
        needs = self._words("{} needs a number of the menu, from 1 to {}")
        return self._needed(needs.format(verb, len(self._menu)), number)

    def _needed(self, needs: str, typed: str) -> Say:
        """What a word needs, and that what came after it, if anything, is no such thing."""
        if not typed:
            return self._say(f"{needs}.")
        return self._say(self._words("{}: {} is none.").format(needs, _quoted(typed)))

    def _quote(self, rest: Sequence[str]) -> Action:
        return self._of_quote(QuoteVerb.QUOTE, rest)

    def _redeem(self, rest: Sequence[str]) -> Action:
        return self._of_quote(QuoteVerb.REDEEM, rest)

    def _cancel(self, rest: Sequence[str]) -> Action:
        return self._of_quote(QuoteVerb.CANCEL, rest)

    def _of_quote(self, verb: QuoteVerb, rest: Sequence[str]) -> Action:
        try:
            return AskQuote(verb, parse_quote_id(" ".join(rest)))
        except RequestError:
            needs = self._words("{} needs the id of a quote, such as {}")
            return self._needed(needs.format(verb.value, "7F3K-9QXD-2MTA"), " ".join(rest))

    def _lang(self, rest: Sequence[str]) -> Action:
        there_are = ", ".join(spoken())
        if not rest:
            told = self._words("Language: {}. There are: {}.")
            return self._say(told.format(self._texts().name, there_are))
        tag = "-".join(rest)
        if tag.replace("_", "-").partition("-")[0].lower() in spoken():
            from pricedesk.frontend.telnet_texts import texts_in  # noqa: PLC0415  # loads Babel

            texts = texts_in(tag)
            if texts is not None:
                self._spoken, self._words = texts, texts.words
                return self._say(self._words("Language: {}.").format(texts.name))
        text = self._words("{} is not spoken here. There are: {}.")
        return self._say(text.format(_quoted(tag), there_are))

    def _quit(self, rest: Sequence[str]) -> Action:
        if rest:
            return self._no_more_words("quit", rest)
        self.finished = True
        return self._say(self._words("Goodbye."))

    def _no_more_words(self, said: str, rest: Sequence[str]) -> Say:
        text = self._words("{} has no more words after it: {} is too many.")
        return self._say(text.format(said, _quoted(rest[0])))

    WORDS: ClassVar[Mapping[str, Word]] = {
        "why": Word("why 1", "why number 1 costs what it costs, step by step", _why),
        "hold": Word("hold 1", "hold the price of number 1 for you, for a while", _hold),
        "quote": Word("quote ID", "a price that was held, and what became of it", _quote),
        "redeem": Word("redeem ID", "buy at a price that was held", _redeem),
        "cancel": Word("cancel ID", "give a price up that was held", _cancel),
        "find": Word("find WORDS", "the products that have these words", _find),
        "menu": Word("menu", "all products", _list),
        "more": Word("more", "go on with the last list", _more),
        "in": Word("in EUR", "prices in another currency; in alone says in which", _in),
        "lang": Word("lang fr", "another language; lang alone says which there are", _lang),
        "help": Word("help", "this list", _help),
        "quit": Word("quit", "say goodbye and close the connection", _quit),
    }

    # What is found out.

    @property
    def products(self) -> Catalogue:
        """What is looked through: the catalogue whose numbers were shown."""
        return self._menu.products

    def looked(self, look: Look, found: Sequence[int], total: int) -> Say:
        """Some products with their numbers, and what to type to see others."""
        words, first = self._words, look.first
        last = first + len(found)
        self._next = Look(look.words, last)
        lines = [cut(clean(self._menu.line(position), utf8=self.utf8)) for position in found]
        if not total:
            return self._say(words("No product has the words {}.").format(_quoted(look.words)))
        if not found:
            return self._say(words("There are no more products in this list."))
        if last < total:
            told = words("{} to {} of {}; type more to go on.")
            lines.append(told.format(first + 1, last, total))
        elif first:
            lines.append(words("{} to {} of {}.").format(first + 1, last, total))
        return self._say(*lines)

    def priced(self, offer: Offer) -> Say:
        """A price in the tutorial's words, whatever the language."""
        if offer.price is not None and offer.known_at is None:
            return self._menu.priced(offer.price)
        return self._menu.refused(offer.reason) if offer.reason else self._menu.unavailable()

    def gone(self) -> Say:
        """A product was taken out of the catalogue meanwhile."""
        return self._menu.gone()

    def explained(self, offer: Offer) -> Say:
        """A price step by step; the last known one while the back-end is away."""
        if offer.price is None:
            return self._no_price(offer)
        return self._say(*self._texts().why(offer.product, offer.price, offer.known_at))

    def not_held(self, offer: Offer) -> Say:
        """A price cannot be held, because it cannot be computed now."""
        if offer.reason:
            return self.not_done(ErrorReply(offer.slug, offer.reason), AskHold(offer.product))
        return self._say(self._words("Not now: the conversion service cannot be reached."))

    def held(self, reply: QuoteReply, now: datetime) -> Say:
        """A price is held."""
        return self._say(*self._texts().held(reply, now))

    def quoted(self, reply: QuoteReply, now: datetime) -> Say:
        """A quote, and what has become of it."""
        return self._say(*self._texts().quote(reply, now))

    def not_done(self, error: PricedeskError | ErrorReply, asked: AskHold | AskQuote) -> Say:
        """Why something was not done, or that nobody knows whether it was."""
        words = self._words
        match asked, error:
            case AskHold(), ServiceUnavailable():
                text = words(
                    "The conversion service did not answer: no price is known to be held."
                    " Please try again in a moment."
                )
            case AskQuote(), ServiceUnavailable():
                text = words(
                    "The conversion service cannot be reached. Please try again in a moment."
                )
            case AskHold(), _:
                text = words("The price is not held: {}.")
            case AskQuote(verb=QuoteVerb.QUOTE), _:
                text = words("The quote cannot be shown: {}.")
            case _:
                text = words("That was not done: {}.")
        why = reason(error.slug, sentence_of(error), words)
        return self._say(text.format(why[:REASON_CHARACTERS_MAX]))

    def _no_price(self, offer: Offer) -> Say:
        words = self._words
        if not offer.reason:
            return self._say(
                words(
                    "The price cannot be computed now because the conversion service cannot be"
                    " reached."
                )
            )
        text = words("The price cannot be computed now: {}.")
        why = reason(offer.slug, offer.reason, words)
        return self._say(text.format(why[:REASON_CHARACTERS_MAX]))

    # How it is said.

    def _texts(self) -> "Texts":
        if self._spoken is None:
            from pricedesk.frontend.telnet_texts import Texts  # noqa: PLC0415  # loads Babel

            self._spoken = Texts()
        return self._spoken

    def _say(self, *lines: "Line") -> Say:
        """Lines that fit the terminal; what belongs to the names of a table is aligned."""
        rows = [
            (clean(name, utf8=self.utf8), clean(value, utf8=self.utf8))
            for name, value in (line for line in lines if isinstance(line, tuple))
        ]
        in_table = iter(table(rows))
        fitting = [
            next(in_table) if isinstance(line, tuple) else clean(line, utf8=self.utf8)
            for line in lines
        ]
        return Say("".join(f"{part}\n" for line in fitting for part in wrapped(line)))


def _quoted(typed: str) -> str:
    """What somebody typed, between quotes; no more of it than can be read at a glance."""
    return (
        f'"{typed}"'
        if len(typed) <= SHOWN_CHARACTERS_MAX
        else f'"{typed[:SHOWN_CHARACTERS_MAX]}{CUT}"'
    )
