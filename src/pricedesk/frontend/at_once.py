"""A coroutine that is begun at once, where a task of asyncio's begins in the loop's next turn.

It goes on in the turn in which what it waits for is there, and its result is told in the same
one. So between a customer's line and the question to the back-end no turn passes, nor between the
reply and what the customer is told: with few customers turns cost more than answers. From Python
3.12 on tasks can begin so, but they still tell of their end a turn later.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class AtOnce(Generic[Result]):
    """Runs a coroutine to its end, and tells a future of it.

    What it waits for are futures; as there is no task, nothing in it may ask for the current one,
    as `asyncio.timeout` does.
    """

    __slots__ = ("_coroutine", "_told")

    def __init__(
        self, coroutine: Coroutine[Any, None, Result], told: asyncio.Future[Result]
    ) -> None:
        self._coroutine = coroutine
        self._told = told
        self._go_on(None)

    def _go_on(self, _ready: object) -> None:
        try:
            waited_for = self._coroutine.send(None)
        except StopIteration as end:
            self._told.set_result(end.value)
        except asyncio.CancelledError:
            self._told.cancel()
        except Exception as error:  # noqa: BLE001  # it is told to who waits
            self._told.set_exception(error)
        else:
            if waited_for is None:  # It only lets others have a turn.
                asyncio.get_running_loop().call_soon(self._go_on, None)
            else:
                waited_for.add_done_callback(self._go_on)
