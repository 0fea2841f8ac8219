"""The door on port 10000: the tutorial's telnet menu."""

from collections.abc import Awaitable

from pricedesk.errors import ServiceUnavailable
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
    """One customer's dialogue with the desk."""

    finished = False

    def __init__(self, menu: Menu, desk: Desk) -> None:
        self._menu = menu
        self._desk = desk
        self.greeting = menu.greeting.encode()

    def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
        """What to send for a line that the customer typed."""
        match self._menu.chosen(line.decode("utf-8", "backslashreplace")):
            case Say(text):
                return text.encode()
            case AskPrice() as ask:
                return self._priced(ask)

    async def _priced(self, ask: AskPrice) -> bytes:
        try:
            said = self._menu.priced(await self._desk.price(ask.product))
        except ServiceUnavailable:
            said = self._menu.unavailable()
        except ErrorReply as error:
            said = self._menu.refused(error.sentence)
        return said.text.encode()
