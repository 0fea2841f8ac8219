"""What the back-end said last, for the time in which it cannot be reached."""

from collections import OrderedDict
from datetime import datetime

from pricedesk.clock import Clock
from pricedesk.error_lines import is_error
from pricedesk.frontend.asking import RatesService

CHARACTERS_MAX = 16 * 1024 * 1024
"""So much is remembered, of what was asked for last: some twenty thousand prices."""


class LastAnswers:
    """Asks the back-end, and remembers each request's last answer that was no error."""

    def __init__(self, rates: RatesService, clock: Clock) -> None:
        self.clock = clock
        self._rates = rates
        self._answers: OrderedDict[str, tuple[str, datetime]] = OrderedDict()
        self._characters = 0

    async def ask(self, request: str) -> str:
        """The reply to a request line; raises ServiceUnavailable."""
        reply = await self._rates.ask(request)
        if not is_error(reply):
            self._remember(request, reply)
        return reply

    def drop(self) -> None:
        """Its replies cannot be trusted, those that are remembered neither."""
        self._answers.clear()
        self._characters = 0
        self._rates.drop()

    def last(self, request: str) -> tuple[str, datetime] | None:
        """The last answer to a request, and when it came."""
        return self._answers.get(request)

    def _remember(self, request: str, reply: str) -> None:
        self._forget(request)
        self._answers[request] = (reply, self.clock())
        self._characters += len(request) + len(reply)
        while self._characters > CHARACTERS_MAX:
            self._forget(next(iter(self._answers)))

    def _forget(self, request: str) -> None:
        known = self._answers.pop(request, None)
        if known is not None:
            self._characters -= len(request) + len(known[0])
