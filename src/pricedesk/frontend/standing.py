"""How the back-end stands, looked at every few seconds, and told to whoever listens."""

import asyncio
import logging
from contextlib import suppress

from pricedesk.error_lines import ErrorReply
from pricedesk.errors import RequestError, ServiceUnavailable
from pricedesk.frontend.asking import RatesService, answered
from pricedesk.http.messages import News
from pricedesk.rate_lines import AskSources, SourcesReply, parse_sources

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2
"""How often the back-end is asked; so long after a publication an open page hears of it."""

LOOK_AGAIN_SECONDS = 0.5
"""How often while it is away."""

HEARTBEAT_SECONDS = 15
"""How often a listener hears something, so that a connection that is dead is found."""

RECONNECT_MILLISECONDS = 5000
"""After how long a browser whose connection was cut tries again."""


class Standing:
    """The sources and the state of the rate book, as the back-end told last.

    `sources` is None until it has told once; `away` whether the last question had no answer.
    """

    def __init__(self, rates: RatesService) -> None:
        self.sources: SourcesReply | None = None
        self.away = False
        self._rates = rates
        self._change = asyncio.Event()

    @property
    def book(self) -> str:
        """What stands for all rates that are known; empty while nothing is known of them."""
        return self.sources.book if self.sources is not None else ""

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_AGAIN_SECONDS if self.away else LOOK_SECONDS)

    async def look(self) -> None:
        """Ask once."""
        before = self.book
        try:
            self.sources = await answered(self._rates, AskSources(), parse_sources)
            self.away = False
        except (ServiceUnavailable, ErrorReply, RequestError):
            self.away = True
        if self.book != before:
            self._change.set()
            self._change = asyncio.Event()

    async def events(self) -> News:
        """The book at first, and again whenever it has changed, as server-sent events."""
        yield f"retry: {RECONNECT_MILLISECONDS}\n\n".encode()
        told = ""
        while True:
            change = self._change
            if self.book != told:
                told = self.book
                yield f"event: rates\ndata: {told}\n\n".encode()
            else:
                yield b":\n\n"
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await change.wait()
