"""Threads that look at files, and how long is waited for them.

A disk of the network may not answer for minutes, and a thread that waits for it cannot be ended.
So these are for nothing else, and nobody waits when none of them is free any more.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

THREADS = 4

Found = TypeVar("Found")


class FileThreads:
    """Runs what looks at files, some at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "files")
        self._overdue = 0

    async def run(self, look: Callable[[], Found], seconds: float) -> Found:
        """What `look` finds, in a thread.

        Raises:
            TimeoutError: it takes longer than so many seconds, or as many looks as there are
                threads do so already.
        """
        if self._overdue >= THREADS:
            raise TimeoutError("the files do not answer")
        asked = asyncio.get_running_loop().run_in_executor(self._threads, look)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(asked)
        finally:
            if not asked.done():
                self._overdue += 1
                asked.add_done_callback(self._answered)

    def _answered(self, asked: "asyncio.Future[Any]") -> None:
        self._overdue -= 1
        asked.exception()  # Else asyncio would say that nobody has looked at it.
