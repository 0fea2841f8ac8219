"""Waiting for a change of something that does not tell of it: one look serves all who wait."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

LOOK_SECONDS = 0.25
"""How often it is looked whether there is a change, while somebody waits for one."""

Seen = TypeVar("Seen")


class Lookout(Generic[Seen]):
    """Tells all who wait when `look` gives something else; nobody looks while nobody waits."""

    def __init__(self, look: Callable[[], Seen]) -> None:
        self._look = look
        self._seen: Seen | None = None
        self._changed: asyncio.Event | None = None
        self._waiting = 0

    async def other_than(self, seen: Seen) -> None:
        """Return once a look gives something other than this."""
        while self._look() == seen:
            if self._changed is not None and self._seen != seen:
                self._tell()  # It has changed since the others began to wait.
            if self._changed is None:
                self._seen, self._changed = seen, asyncio.Event()
                self._look_later(self._changed)
            self._waiting += 1
            try:
                await self._changed.wait()
            finally:
                self._waiting -= 1

    def look_now(self) -> None:
        """Look without waiting for the next time, for who knows that there may be a change.

        Those who wait go on in the next turn of the loop, before what is begun from now on.
        """
        if self._changed is not None and self._look() != self._seen:
            self._tell()

    def _look_later(self, changed: asyncio.Event) -> None:
        asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_again, changed)

    def _look_again(self, changed: asyncio.Event) -> None:
        if changed is not self._changed:
            return  # They were told, and others look for themselves.
        if self._waiting and self._look() == self._seen:
            self._look_later(changed)
        else:
            self._tell()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.set()
        self._seen = self._changed = None
