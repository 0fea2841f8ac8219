"""Work that is done in the turn of the loop in which it can be, for all who wait for it.

A task of asyncio's begins in the loop's next turn, goes on one turn after what it waited for is
there, and tells of its end in a further one, each listener by a callback of the loop's. Between a
customer's line and the question to the back-end, and between the reply and what all customers are
told who wait for it, those turns cost more than the answers. `AtOnce` is a task without them,
`Prompt` a future that it hears of without one, and `Turn` what several share who are served in one.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class Turn:
    """What is to be done once, at the end of the turn in which a door serves who is ready.

    Between such turns it is done in the loop's next one.
    """

    def __init__(self) -> None:
        self._serving = False
        self._last: list[Callable[[], None]] = []

    def at_its_end(self, call: Callable[[], None]) -> None:
        """Do this then."""
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
    """A future of which an `AtOnce` hears as soon as it is done; others do as of any future."""

    heard_at_once: "Callable[[Prompt[Result]], None] | None" = None

    def tell(self, result: Result) -> None:
        """It is done."""
        self.set_result(result)
        if self.heard_at_once is not None:
            self.heard_at_once(self)

    def fail(self, error: BaseException) -> None:
        """It is done, and this came of it."""
        self.set_exception(error)
        if self.heard_at_once is not None:
            self.heard_at_once(self)


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
            elif isinstance(waited_for, Prompt):
                waited_for.heard_at_once = self._go_on
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
