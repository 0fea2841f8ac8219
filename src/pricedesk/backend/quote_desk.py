"""Quotes for all doors: requests in, answers out once they are on the disk, without blocking.

The event loop never waits for the disk. One thread writes; while it does, requests gather, and
the next transaction has all of them: a hundred clients at once cost about as much as one.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.ledger import Ledger, Settled
from pricedesk.backend.quotes import Asked, NoOffer, Quote, QuoteTerms, offer
from pricedesk.errors import PricedeskError, StoreFailed
from pricedesk.quote_lines import Hold, QuoteReply, QuoteRequest, QuoteStatus

logger = logging.getLogger(__name__)

SETTLED_AT_ONCE_MAX = 300
"""How many requests one transaction has at most."""

AHEAD_SECONDS = 60
"""So far the ledger's time may be ahead of the clock before it is called a fault: prices that are
held meanwhile begin and end later than they should."""

LOOK_SECONDS = 30
"""How often quotes whose time is over are noticed while nobody asks for anything."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    asked: Asked
    answer: asyncio.Future[Quote]


class QuoteDesk:
    """Holds prices and answers for quotes; used in the event loop's thread.

    `held` is how many quotes had no end the last time that they were counted, with what this
    process has done since; `ended` counts what has become of quotes while this process was the
    one to record it. `ahead_seconds` is how far the ledger's time was ahead of the clock the last
    time that it was asked.
    """

    def __init__(self, ledger: Ledger, bureau: Bureau, terms: QuoteTerms) -> None:
        self.held: int | None = None
        self.ended: Counter[QuoteStatus] = Counter()
        self.ahead_seconds: int | None = None
        self._ledger = ledger
        self._bureau = bureau
        self._terms = terms
        self._waiting: deque[_Waiting] = deque()
        self._writing: asyncio.Future[Settled] | None = None
        self._thread = ThreadPoolExecutor(1, "quotes")

    @property
    def holds_stale(self) -> bool:
        """Whether prices are held at stale rates."""
        return self._terms.stale

    async def answer(self, request: QuoteRequest) -> QuoteReply:
        """What becomes of a request; it is on the disk when this returns.

        Raises:
            QuoteError: the price is not held, or the quote not redeemed or cancelled.
            NoRate: no published rate answers the question.
            StoreFailed: nothing was kept, or it is not known whether: the text says which.
        """
        asked = self._asked(request) if isinstance(request, Hold) else request
        waiting = _Waiting(asked, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._go_on()
        return (await waiting.answer).reply

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Notice for ever what has expired, and how many quotes are held."""
        while True:
            more = False
            with suppress(StoreFailed):  # The watch of the store says so.
                settled = await self._in_thread([])
                self._count(settled)
                more = settled.more
            if not more:
                await sleep(LOOK_SECONDS)

    async def finish(self) -> None:
        """Return when all that was asked for is settled; the store may be closed then."""
        while self._writing is not None:
            await asyncio.wait([self._writing])
            await asyncio.sleep(0)
        self._thread.shutdown()

    def _asked(self, hold: Hold) -> Asked:
        """What is offered for a request now; its key may have a quote already in any case."""
        try:
            return offer(
                hold, self._bureau.convert(hold.amount, hold.base, hold.counter), self._terms
            )
        except PricedeskError as error:
            return NoOffer(hold, error)

    def _go_on(self) -> None:
        """Give the thread what waits, unless it is busy: then it is given more afterwards."""
        if self._writing is not None:
            return
        together: list[_Waiting] = []
        while self._waiting and len(together) < SETTLED_AT_ONCE_MAX:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():  # Else its client has gone, and nothing was done yet.
                together.append(waiting)
        if together:
            self._writing = self._in_thread([waiting.asked for waiting in together])
            self._writing.add_done_callback(lambda written: self._written(written, together))

    def _in_thread(self, asked: list[Asked]) -> asyncio.Future[Settled]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._thread, self._ledger.settle, asked)

    def _written(self, written: asyncio.Future[Settled], together: list[_Waiting]) -> None:
        self._writing = None
        error = None if written.cancelled() else written.exception()
        if error is None and not written.cancelled():
            settled = written.result()
            self._count(settled)
            outcomes: list[Quote | BaseException] = [*settled.outcomes]
        else:
            logger.error("quotes could not be kept", extra={"reason": str(error)})
            outcomes = [_of_its_own(error) for _ in together]
        for waiting, outcome in zip(together, outcomes, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(outcome, Quote):
                waiting.answer.set_result(outcome)
            else:
                waiting.answer.set_exception(outcome)
        self._go_on()

    def _count(self, settled: Settled) -> None:
        if settled.held is not None:
            self.held = settled.held
        elif self.held is not None:
            self.held += settled.new - settled.ended.total()
        self.ended += settled.ended
        was_ahead = self.ahead_seconds is not None and self.ahead_seconds > AHEAD_SECONDS
        self.ahead_seconds = ahead = settled.ahead_seconds
        if ahead > AHEAD_SECONDS and not was_ahead:
            logger.warning("the ledger's time is ahead of the clock", extra={"seconds": ahead})
        elif was_ahead and ahead <= AHEAD_SECONDS:
            logger.info("the ledger's time is the clock's again")


def _of_its_own(error: BaseException | None) -> BaseException:
    """A failure for one of several requests that failed together."""
    if isinstance(error, StoreFailed):
        return StoreFailed(str(error))
    return error if error is not None else asyncio.CancelledError()
