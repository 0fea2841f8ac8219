"""The door on port 10000: the tutorial's telnet menu."""

from collections.abc import Awaitable, Callable

from pricedesk.errors import ServiceUnavailable
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.desk import Desk
from pricedesk.frontend.menu import AskPrice, Menu, Say
from pricedesk.line_service import Notices
from pricedesk.lines import LINE_BYTES_MAX
from pricedesk.protocol import ErrorReply

NOTICES = Notices(
    busy=b"The price desk is busy. Please try again later.\n",
    line_too_long=f"A line has at most {LINE_BYTES_MAX} characters. Goodbye.\n".encode(),
    idle=b"Nothing was chosen for a long time. Goodbye.\n",
    internal_error=b"The price cannot be computed now because of a fault, which was noted.\n",
    closing=b"The price desk is closing. Please come again.\n",
)


class TelnetSession:
    """One customer's dialogue with the desk.

    The numbers of the menu that was shown hold for the whole dialogue. `current` is what a
    product is now, when the catalogue has changed since; None if it is sold no more.
    """

    finished = False

    def __init__(
        self,
        menu: Menu,
        desk: Desk,
        current: Callable[[Product], Product | None] = lambda product: product,
    ) -> None:
        self._menu = menu
        self._desk = desk
        self._current = current
        self.greeting = menu.greeting.encode()

    def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
        """What to send for a line that the customer typed."""
        match self._menu.chosen(line.decode("utf-8", "backslashreplace")):
            case Say(text):
                return text.encode()
            case AskPrice() as ask:
                return self._priced(ask)

    async def _priced(self, ask: AskPrice) -> bytes:
        product = self._current(ask.product)
        if product is None:
            return self._menu.gone().text.encode()
        try:
            said = self._menu.priced(await self._desk.price(product))
        except ServiceUnavailable:
            said = self._menu.unavailable()
        except ErrorReply as error:
            said = self._menu.refused(error.sentence)
        return said.text.encode()
