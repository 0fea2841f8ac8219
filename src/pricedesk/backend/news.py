"""Publications as they are accepted, for who wants to hear of them: each once, in order.

Where a listener is in the order is the listener's to remember, as a number: so it misses nothing
when it has to begin anew, and nothing is kept for it here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.lookout import Lookout
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Publication
from pricedesk.backend.store import Store

READ_AT_ONCE = 10
"""Publications that are read at once for one listener: a slow one holds what he has not taken."""


class News:
    """What a store accepts; there is more to read whenever the bureau has another rate book."""

    def __init__(self, bureau: Bureau, store: Store) -> None:
        self._bureau = bureau
        self._store = store
        self._books = Lookout(lambda: bureau.book)

    async def newest_number(self) -> int:
        """The number of the publication that was accepted last; 0 if there is none.

        Raises:
            StoreFailed: the store cannot be read.
        """
        return await asyncio.to_thread(self._store.newest_number)

    async def after(
        self, number: int | None, wait: Callable[[RateBook], Awaitable[None]] | None = None
    ) -> AsyncIterator[tuple[int, Publication]]:
        """Every publication after a number, and those to come; without one only these.

        Each comes with its own number; those of sources that are not asked here are left out.
        After a number above the newest one nothing comes until the store's have grown past it.
        `wait` is to return when the rate book is another one.

        Raises:
            StoreFailed: the store cannot be read.
        """
        wait = wait or self._books.other_than
        if number is None:
            number = await self.newest_number()
        while True:
            book = self._bureau.book
            found = await asyncio.to_thread(self._store.accepted_after, number, READ_AT_ONCE)
            for number, publication in found:  # where it is to go on from
                if publication.source in self._bureau.sources:
                    yield number, publication
            while len(found) < READ_AT_ONCE and self._bureau.book is book:
                await wait(book)
