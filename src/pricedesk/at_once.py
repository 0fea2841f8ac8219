"""Work that is begun at once and ends for all who wait for it in one turn of the loop.

A task of asyncio's begins in the loop's next turn, goes on one turn after what it waited for is
there, and tells of its end in a further one, each listener by a callback of the loop's. Between a
customer's line and the question to the back-end, and between the reply and what all customers are
told who wait for it, those turns cost more than the answers.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class AtOnce(Generic[Result]):
    """Runs a coroutine to its end; of asyncio.Future it has what listeners use.

    What the coroutine waits for are futures. There is no task, so nothing in it may ask for the
    current one, as `asyncio.timeout` does; nor is it cancelled from outside: others wait too.
    """

    __slots__ = ("_coroutine", "_done", "_error", "_listeners", "_result")

    _result: Result

    def __init__(self, coroutine: Coroutine[Any, None, Result]) -> None:
        self._coroutine = coroutine
        self._done = False
        self._error: BaseException | None = None
        self._listeners: list[Callable[[AtOnce[Result]], None]] = []
        self._go_on(None)

    def _go_on(self, _ready: object) -> None:
        try:
            waited_for = self._coroutine.send(None)
        except StopIteration as end:
            self._result = end.value
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # it is told on
            self._error = error
        else:
            if waited_for is None:  # It only lets others have a turn.
                asyncio.get_running_loop().call_soon(self._go_on, None)
            else:
                waited_for.add_done_callback(self._go_on)
            return
        self._done = True
        listeners, self._listeners = self._listeners, []
        for told in listeners:
            try:
                told(self)
            except Exception:  # a fault with one listener is not the others'
                logger.exception("internal error while telling of an end")

    def done(self) -> bool:
        """Whether it has come to its end."""
        return self._done

    def cancelled(self) -> bool:
        """Whether what it waited for was cancelled."""
        return isinstance(self._error, asyncio.CancelledError)

    def exception(self) -> BaseException | None:
        """What it failed with."""
        return self._error

    def result(self) -> Result:
        """What came of it; raises what it failed with."""
        if self._error is not None:
            raise self._error
        return self._result

    def add_done_callback(self, told: "Callable[[AtOnce[Result]], None]") -> None:
        """Tell of the end, which has not come yet, in the same turn."""
        self._listeners.append(told)

    def remove_done_callback(self, told: "Callable[[AtOnce[Result]], None]") -> None:
        """Do not tell any more."""
        if told in self._listeners:
            self._listeners.remove(told)

    def __await__(self) -> Generator[Any, None, Result]:
        """Wait for the end."""
        if not self._done:
            ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def tell(_: object) -> None:
                if not ended.done():
                    ended.set_result(None)

            self.add_done_callback(tell)
            yield from ended
        return self.result()
