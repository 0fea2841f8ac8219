"""Long answers take turns: one part of all of them is made in a turn of the loop.

A batch of conversions, or the rates of years, is an answer in many parts, each of them short.
Were each part made as soon as its client has taken the one before, then with a hundred such
answers a hundred parts would come in one turn of the loop, and whoever asks for something short
would wait for all of them.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import TypeAlias

_Place: TypeAlias = asyncio.Future[None]
"""In the line of those who wait: it is done when the turn is theirs."""


class Turns:
    """Who may make a part of a long answer now: one of all those who share this, and one loop.

    Nobody makes a part while another one is made, also where it is waited for in the middle, and
    there is none in the turn of the loop in which one ended: who asks for something short is
    served in between.

    Turns go round the clients, and those of a client round its answers. However many answers a
    client asks for at once, another one's next part comes after one part of each client.
    """

    def __init__(self) -> None:
        self._taken = False
        self._line: OrderedDict[Hashable, deque[_Place]] = OrderedDict()
        """Those who wait, by client: the first place of the first client is the next one."""

    @asynccontextmanager
    async def turn_of(self, client: Hashable) -> AsyncIterator[None]:
        """Wait for a client's turn, which is the block: one part of an answer is made in it.

        Whoever is cancelled meanwhile has no turn, and holds nobody up.
        """
        if self._taken:
            await self._wait_in_line(client)
        self._taken = True
        try:
            await asyncio.sleep(0)
            yield
        finally:
            self._pass_on(client)

    async def _wait_in_line(self, client: Hashable) -> None:
        place: _Place = asyncio.get_running_loop().create_future()
        self._line.setdefault(client, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # The turn had just come.
                self._pass_on(client)
            raise

    def _pass_on(self, client: Hashable) -> None:
        """A client's turn is over: its other answers come after everybody else's."""
        if client in self._line:
            self._line.move_to_end(client)
        while self._line:
            following, places = next(iter(self._line.items()))
            place = places.popleft()
            if not places:
                del self._line[following]
            if not place.done():  # Else nobody waits there any more.
                place.set_result(None)
                return
        self._taken = False
