"""What the back-end said last, for the time in which it cannot be reached."""

from collections import OrderedDict
from datetime import datetime

from pricedesk.clock import Clock
from pricedesk.error_lines import is_error
from pricedesk.frontend.asking import RatesService

ANSWERS_MAX = 20_000
CHARACTERS_MAX = 16 * 1024 * 1024
"""So many answers are remembered, the ones used last, with so many characters in all."""

REMEMBERED = ("explain ", "rates ")
"""How requests begin whose answers are: prices. Histories are long, and end with today; what a
quote was is no news of what it is."""


class LastAnswers:
    """Asks the back-end, and remembers the last answer to each question about rates."""

    def __init__(
        self, rates: RatesService, clock: Clock, characters_max: int = CHARACTERS_MAX
    ) -> None:
        self.clock = clock
        self._rates = rates
        self._characters_max = characters_max
        self._answers: OrderedDict[str, tuple[str, datetime]] = OrderedDict()
        self._characters = 0

    async def ask(self, request: str) -> str:
        """The reply to a request line; raises ServiceUnavailable."""
        reply = await self._rates.ask(request)
        if request.startswith(REMEMBERED) and not is_error(reply):
            self._forget(request)
            self._answers[request] = (reply, self.clock())
            self._characters += len(request) + len(reply)
            while len(self._answers) > ANSWERS_MAX or self._characters > self._characters_max:
                self._forget(next(iter(self._answers)))
        return reply

    def drop(self) -> None:
        """Its replies cannot be trusted, those that are remembered neither."""
        self._answers.clear()
        self._characters = 0
        self._rates.drop()

    def last(self, request: str) -> tuple[str, datetime] | None:
        """The last answer to a request, and when it came."""
        known = self._answers.get(request)
        if known is not None:
            self._answers.move_to_end(request)
        return known

    def _forget(self, request: str) -> None:
        known = self._answers.pop(request, None)
        if known is not None:
            self._characters -= len(request) + len(known[0])
