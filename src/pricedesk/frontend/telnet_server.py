"""The door on port 10000: the tutorial's telnet menu, and the words beyond it."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from pricedesk.at_once import AtOnce
from pricedesk.currencies import Currency
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import PricedeskError, ServiceUnavailable
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.dialogue import (
    PAGE_PRODUCTS,
    Action,
    AskHold,
    AskQuote,
    AskWhy,
    Dialogue,
    Look,
)
from pricedesk.frontend.menu import AskPrice, Menu, Say
from pricedesk.frontend.offers import Offer, Seen
from pricedesk.frontend.shop import Shop
from pricedesk.line_service import Notices, Peer
from pricedesk.lines import LINE_BYTES_MAX
from pricedesk.money import Money
from pricedesk.quote_lines import QuoteReply, QuoteStatus

NOTICES = Notices(
    busy=b"The price desk is busy. Please try again later.\n",
    line_too_long=f"A line has at most {LINE_BYTES_MAX} characters. Goodbye.\n".encode(),
    idle=b"Nothing was chosen for a long time. Goodbye.\n",
    internal_error=b"The price cannot be computed now because of a fault, which was noted.\n",
    closing=b"The price desk is closing. Please come again.\n",
)

SHARED_SECONDS = 0.01
"""For so long at most after a price was asked for is its answer told to others who choose the same:
less than it may be on its way to a customer."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A price that was to be held, and the key that it was asked with.

    What is asked for is what the ledger tells requests apart by: a product may be called
    otherwise meanwhile.
    """

    sku: str
    price: Money
    key: str


@dataclass(frozen=True, slots=True)
class SharedPrice:
    """What is said of a price, and when it was asked for, by a clock that never steps."""

    said: AtOnce[bytes]
    asked_seconds: float


class SharedPrices:
    """What is said of prices, found out once for all customers who ask within SHARED_SECONDS.

    It is the same in every language. Who asks again is told neither the same answer again nor an
    older one. `seconds` is a clock that never steps; it is looked at whenever somebody asks, so
    that what was found out before the process was stopped, and went on, is told to nobody.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.seconds = seconds
        self._until = seconds()
        self._asked: dict[tuple[str, str], SharedPrice] = {}

    def of(
        self,
        sku: str,
        currency: Currency,
        find: Callable[[], Coroutine[None, None, bytes]],
        after_seconds: float,
    ) -> SharedPrice:
        """What `find` says of a product, asked later than `after_seconds`."""
        now = self.seconds()
        if now >= self._until:
            self.forget()
            self._until = now + SHARED_SECONDS
        key = (sku, currency.code)
        shared = self._asked.get(key)
        if shared is None or shared.asked_seconds <= after_seconds:
            shared = self._asked[key] = SharedPrice(AtOnce(find()), now)
        return shared

    def forget(self) -> None:
        """Find all out anew: who said it may be gone."""
        self._asked.clear()


class TelnetSession:
    """One customer's dialogue with the desk.

    The numbers of the menu that was shown hold for the whole dialogue; what is said of a product
    is what the shop knows of it now. `new_key` gives a key that no two held prices share; `prices`
    are those that all sessions of a door share.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # what a dialogue is made of
        self,
        menu: Menu,
        shop: Shop,
        currency: Currency,
        peer: Peer,
        new_key: Callable[[], str],
        prices: SharedPrices,
    ) -> None:
        self.greeting = menu.greeting_bytes
        self._menu = menu
        self._dialogue = Dialogue(menu, currency)
        self._shop = shop
        self._peer = peer
        self._new_key = new_key
        self._prices = prices
        self._asked_seconds = float("-inf")
        self._types_utf8 = False
        self._unanswered: _Asked | None = None

    @property
    def finished(self) -> bool:
        """Whether goodbye was said."""
        return self._dialogue.finished

    def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
        """What to send for a line that the customer typed."""
        chosen = self._menu.by_number.get(line)
        if chosen is not None:  # As nearly all lines; what is below comes to the same.
            return self._priced(chosen)
        self._types_utf8 = self._types_utf8 or _is_utf8(line)
        charset = self._peer.charset
        self._dialogue.utf8 = self._types_utf8 or (charset is not None and charset.utf8)
        action = self._dialogue.typed(line.decode("utf-8", "backslashreplace"))
        if isinstance(action, Say):
            return action.text.encode()
        return self._priced(action) if isinstance(action, AskPrice) else self._done(action)

    def _priced(self, action: AskPrice) -> Awaitable[bytes]:
        sku, currency = action.product.sku, self._dialogue.currency
        price = self._prices.of(sku, currency, lambda: self._done(action), self._asked_seconds)
        self._asked_seconds = price.asked_seconds
        return price.said

    async def _done(self, action: Action) -> bytes:
        match action:
            case Say():
                said = action
            case Look():
                said = await self._looked(action)
            case AskQuote():
                said = await self._quoted(action)
            case _:
                product = self._shop.catalogue.by_sku(action.product.sku)
                said = await self._of(action, product) if product else self._dialogue.gone()
        return said.text.encode()

    async def _looked(self, action: Look) -> Say:
        products = self._dialogue.products
        found, total = await self._shop.positions(
            products, action.words, "", action.first, PAGE_PRODUCTS
        )
        return self._dialogue.looked(action, found, total)

    async def _of(self, action: AskPrice | AskWhy | AskHold, product: Product) -> Say:
        if not isinstance(action, AskPrice):  # Which others share, so it is noted for each of them.
            self._asked_seconds = self._prices.seconds()
        offer = await self._shop.offer(product, self._dialogue.currency)
        match action:
            case AskPrice():
                return self._dialogue.priced(offer)
            case AskWhy():
                return self._dialogue.explained(offer)
            case AskHold():
                return await self._held(action, offer)

    async def _held(self, action: AskHold, offer: Offer) -> Say:
        if offer.price is None or offer.known_at is not None:
            return self._dialogue.not_held(offer)
        sku, seen, asked = offer.product.sku, offer.price.seen, self._unanswered
        try:
            if asked is not None and (asked.sku, asked.price) == (sku, seen.price):
                reply = await self._hold(asked, seen)
                if reply.status is QuoteStatus.HELD:
                    return self._dialogue.held(reply, self._shop.clock())
                # It was held when its answer was lost, and its time is over meanwhile.
            reply = await self._hold(_Asked(sku, seen.price, self._new_key()), seen)
        except (PricedeskError, ErrorReply) as error:
            return self._dialogue.not_done(error, action)
        return self._dialogue.held(reply, self._shop.clock())

    async def _hold(self, asked: _Asked, seen: Seen) -> QuoteReply:
        # Until there is an answer it is perhaps held: the same words again are the same request.
        self._unanswered = asked
        try:
            reply = await self._shop.hold(asked.sku, seen, asked.key, self._peer.address)
        except ServiceUnavailable:
            raise
        except (PricedeskError, ErrorReply):
            self._unanswered = None
            raise
        self._unanswered = None
        return reply

    async def _quoted(self, action: AskQuote) -> Say:
        try:
            reply = await self._shop.quote(action.verb, action.quote_id)
        except (PricedeskError, ErrorReply) as error:
            return self._dialogue.not_done(error, action)
        return self._dialogue.quoted(reply, self._shop.clock())


def _is_utf8(line: bytes) -> bool:
    """Whether somebody typed more than ASCII, in UTF-8; who types it can read it."""
    if line.isascii():
        return False
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
