"""Keeping up with the store: what any process puts into it is answered from soon after."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from pricedesk.backend.database import Row
from pricedesk.backend.intake import Intake
from pricedesk.backend.store import Look, Store
from pricedesk.errors import StoreFailed

logger = logging.getLogger(__name__)

WAIT_SECONDS = 1.0
"""How long one wait for a change lasts at most."""

WAITS_WITHOUT_READING_MAX = 5
"""After so many waits it is read all the same: a store that is away tells of no change."""

PAUSE_SECONDS = 0.25
"""How long nothing is read after a change was: in SQLite each quote counts as one, hundreds of
times a second, and concerns nobody here."""

RETRY_SECONDS = 2.0
"""After the store has failed, how long until it is tried again."""


class StoreWatch:
    """Lets the bureau know what others keep, and knows what the doors show of the store.

    `up` is whether the store could be read the last time, `waiting` how many withheld values
    of each source wait for a decision, `looks` the last look at each source by any process.
    """

    def __init__(self, store: Store, intake: Intake) -> None:
        """A watch that knows the looks at once; without them, doors would say that there were none.

        Raises:
            StoreFailed: the store cannot be read.
        """
        self.up = True
        self.waiting: Mapping[str, int] = {}
        self.looks: Mapping[str, Look] = store.looks()
        self._store = store
        self._intake = intake
        self._behind = False
        self._marks: Row | None = None
        self._waits = 0
        # A thread of its own: waiting takes none from those that do work.
        self._thread = ThreadPoolExecutor(1, "store-watch")

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Keep up for ever."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                read = await loop.run_in_executor(self._thread, self.wait_and_catch_up)
            except StoreFailed as error:
                if self.up:
                    logger.warning("the store fails", extra={"reason": str(error)})
                self.up = False
                await sleep(RETRY_SECONDS)
            else:
                if not self.up:
                    logger.info("the store is back")
                self.up = True
                if read:
                    await sleep(PAUSE_SECONDS)

    def wait_and_catch_up(self) -> bool:
        """Wait for a change, not for long, and take it over; False if there was none.

        Raises:
            StoreFailed: the store cannot be read.
        """
        # A change is told of once: what could not be read then is read without waiting.
        if not self._behind and not self._store.wait_for_change(WAIT_SECONDS):
            self._waits += 1
            if self._waits < WAITS_WITHOUT_READING_MAX:
                return False
        self._waits = 0
        self._behind = True
        known = []
        marks = self._store.marks()
        if marks != self._marks:
            known = self._intake.catch_up()
            waiting = self._store.withheld(waiting_only=True)
            self.waiting = Counter(value.source for value in waiting)
            self._marks = marks
        self.looks = self._store.looks()
        self._behind = False
        if known:
            newest = max(str(publication.date) for publication in known)
            logger.info(
                "rates from the store", extra={"publications": len(known), "newest": newest}
            )
        return True
