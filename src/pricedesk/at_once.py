"""Work that is done in the turn of the loop in which it can be, for all who wait for it.

A task of asyncio's begins in the loop's next turn, goes on one turn after what it waited for is
there, and tells of its end in a further one, each listener by a callback of the loop's. Between a
customer's line and the question to the back-end, and between the reply and what all customers are
told who wait for it, those turns cost more than the answers. A `Prompt` is a future without the
last of these turns, `AtOnce` a task without any, and a `Turn` is for what is done once for all
customers who are served together.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Listener: TypeAlias = Callable[[asyncio.Future[Result]], object]


class Turn:
    """One turn of a door, in which it serves all who are ready: what is to be done at its end.

    Between turns it is done in the loop's next one.
    """

    def __init__(self) -> None:
        self._serving = False
        self._last: list[Callable[[], None]] = []

    def at_its_end(self, call: Callable[[], None]) -> None:
        """Do this then. It must not raise anything: others come after it."""
        if self._serving:
            self._last.append(call)
        else:
            asyncio.get_running_loop().call_soon(call)

    def begin(self) -> None:
        """A door begins to serve."""
        self._serving = True

    def end(self) -> None:
        """It has served everyone."""
        self._serving = False
        if self._last:
            calls, self._last = self._last, []
            for call in calls:
                call()


class Prompt(asyncio.Future[Result]):
    """A future with listeners who hear of its end in the call that brings it about.

    To whoever awaits it, and to its callbacks, it is as any future.
    """

    def __init__(self) -> None:
        super().__init__()
        self._listeners: list[Listener[Result]] = []

    def add_listener(self, told: Listener[Result]) -> None:
        """Tell of the end, which has not come yet."""
        self._listeners.append(told)

    def remove_listener(self, told: Listener[Result]) -> None:
        """Do not tell any more."""
        if told in self._listeners:
            self._listeners.remove(told)

    def set_result(self, result: Result) -> None:
        """It is done, and this came of it."""
        super().set_result(result)
        self._tell()

    def set_exception(self, exception: type | BaseException) -> None:
        """It is done, and failed with this."""
        super().set_exception(exception)
        self._tell()

    def cancel(self, msg: Any | None = None) -> bool:  # noqa: ANN401  # asyncio's interface
        """It is given up; gives whether it had not ended before."""
        cancelled = super().cancel(msg)
        self._tell()
        return cancelled

    def _tell(self) -> None:
        listeners, self._listeners = self._listeners, []
        for told in listeners:
            try:
                told(self)
            except Exception:  # a fault with one listener is not the others'
                logger.exception("internal error while telling of an end")


class AtOnce(Prompt[Result]):
    """Runs a coroutine, from now on, to its end.

    What the coroutine waits for are futures. There is no task, so nothing in it may ask for the
    current one, as `asyncio.timeout` does. A task that may be cancelled while others wait for the
    same awaits it within `asyncio.shield`.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Result]) -> None:
        super().__init__()
        self._coroutine = coroutine
        self._go_on(None)

    def _go_on(self, _ready: object) -> None:
        try:
            waited_for = self._coroutine.send(None)
        except StopIteration as end:
            self.set_result(end.value)
        except asyncio.CancelledError:
            self.cancel()
        except Exception as error:  # noqa: BLE001  # it is told on
            self.set_exception(error)
        else:
            if waited_for is None:  # It only lets others have a turn.
                self.get_loop().call_soon(self._go_on, None)
                return
            # As tasks do: unless this is taken back, nobody else can wait for the same.
            waited_for._asyncio_future_blocking = False  # noqa: SLF001  # asyncio's protocol
            if isinstance(waited_for, Prompt):
                waited_for.add_listener(self._go_on)
            else:
                waited_for.add_done_callback(self._go_on)
