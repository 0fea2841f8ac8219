"""The tutorial's part of the telnet dialogue: the menu, a number of it, a price.

It knows no socket and asks nobody: when a price is needed it says so, and is told later.
The wording of the menu, of a price and of a wrong selection is the tutorial's, to the byte; a
name of wide characters that would not fit a terminal's line is cut, as in later lists.
"""

from dataclasses import dataclass
from typing import TypeAlias

from pricedesk.frontend.catalogue import Catalogue, Product
from pricedesk.frontend.offers import Price
from pricedesk.frontend.terminal_text import clean, cut

QUESTION = "Which product you wish to buy ?"
REASON_CHARACTERS_MAX = 200
"""How much of the back-end's reason a customer is shown."""
WHOLE_MENU_PRODUCTS_MAX = 50
"""More products than this are not all listed."""
MENU_PAGE_PRODUCTS = 20
WRONG_SELECTION = "Wrong selection. Please try again"


@dataclass(frozen=True, slots=True)
class Say:
    """Send this text to the client."""

    text: str


@dataclass(frozen=True, slots=True)
class AskPrice:
    """Find out what this product costs now."""

    product: Product


Action: TypeAlias = Say | AskPrice


class Menu:
    """The menu of a catalogue. It holds no client's state: each choice stands for itself.

    `greeted` is how many products are in the greeting: all, or the first page. As each client gets
    the greeting, it is there as bytes too. `by_number` has these by what is typed to choose them.
    """

    def __init__(self, products: Catalogue) -> None:
        self.products = products
        self._count = len(products)
        self._digits = len(str(self._count))
        whole = len(products) <= WHOLE_MENU_PRODUCTS_MAX
        self.greeted = len(products) if whole else MENU_PAGE_PRODUCTS
        lines = [cut(self.line(position)) for position in range(self.greeted)]
        if not whole:
            numbers = f"1 to {self.greeted} of {len(products)}"
            lines.append(f"These are {numbers}; the number of any of them can be chosen.")
        self.greeting = _lines(QUESTION, *lines)
        self.greeting_bytes = self.greeting.encode()
        self.by_number = {
            b"%d" % (position + 1): AskPrice(self.products[position])
            for position in range(self.greeted)
        }

    def line(self, position: int) -> str:
        """A product with its number."""
        return f"{position + 1}. {clean(self.products[position].name, utf8=True)}"

    def product(self, number: str) -> Product | None:
        """The product with a number of the menu; None if there is none."""
        if not (len(number) <= self._digits and number.isascii() and number.isdecimal()):
            return None
        index = int(number) - 1
        return self.products[index] if 0 <= index < self._count else None

    def __len__(self) -> int:
        return self._count

    def chosen(self, line: str) -> Action:
        """What to do about a line that the client typed."""
        product = self.product(line.strip())
        return AskPrice(product) if product is not None else Say(_lines(WRONG_SELECTION))

    def priced(self, price: Price) -> Say:
        """What to say when the price is known.

        A price at a fresh rate is one line; otherwise a second one says how old the rate is. A
        source that wants to be linked to is, on a line of its own.
        """
        lines = [f"Today your item costs {price.amount} {price.currency}"]
        if price.state != "fresh":
            one = price.missed == "1"
            later = "1 later publication is" if one else f"{price.missed} later ones are"
            lines.append(
                f"This price is from the {price.source} publication of {price.date}; "
                f"{later} due and not known here yet."
            )
        if price.attribution:
            lines.append(f"The rate is by courtesy of {price.attribution}")
        return Say(_lines(*lines))

    def gone(self) -> Say:
        """What to say when a product was taken out of the catalogue meanwhile."""
        return Say(_lines("This product is not sold any more."))

    def unavailable(self) -> Say:
        """What to say when the conversion service did not answer."""
        return Say(
            _lines(
                "The price cannot be computed now because the conversion service cannot be reached."
            )
        )

    def refused(self, reason: str) -> Say:
        """What to say when the conversion service gives a reason instead of a price."""
        shown = "".join(c for c in reason[:REASON_CHARACTERS_MAX] if c.isprintable())
        return Say(_lines(f"The price cannot be computed now: {shown}."))


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)
