"""What the back-end said last, for the time in which it cannot be reached."""

from collections import OrderedDict
from datetime import datetime

from pricedesk.clock import Clock
from pricedesk.frontend.asking import RatesService
from pricedesk.protocol import is_error

ANSWERS_MAX = 20_000
"""So many are remembered, the ones used last; about 20 MB."""

ANSWER_CHARACTERS_MAX = 64 * 1024


class LastAnswers:
    """Asks the back-end, and remembers each request's last answer that was no error."""

    def __init__(self, rates: RatesService, clock: Clock) -> None:
        self._rates = rates
        self.clock = clock
        self._answers: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    async def ask(self, request: str) -> str:
        """The reply to a request line; raises ServiceUnavailable."""
        reply = await self._rates.ask(request)
        if not is_error(reply):
            self._answers[request] = (reply, self.clock())
            self._answers.move_to_end(request)
            if len(self._answers) > ANSWERS_MAX:
                self._answers.popitem(last=False)
        return reply

    def drop(self) -> None:
        """Its replies cannot be trusted, those that are remembered neither."""
        self._answers.clear()
        self._rates.drop()

    def last(self, request: str) -> tuple[str, datetime] | None:
        """The last answer to a request, and when it came."""
        return self._answers.get(request)
