"""A listening port for HTTP, and the time limits of its connections.

uvicorn's own server is not used: it takes the signals over, and the connections belong to
the loop of the service.
"""

from collections.abc import Callable
from email.utils import format_datetime

from pricedesk.admission import ClientLimits, Gate
from pricedesk.clock import Clock
from pricedesk.http.connection import Connection
from pricedesk.http.kept import Grounds, KeptAnswers
from pricedesk.http.messages import PROBLEMS
from pricedesk.http.routes import Router
from pricedesk.http.shared import Shared
from pricedesk.port import Port
from pricedesk.tally import Tally
from pricedesk.turns import Turns


class HttpService(Port[Connection]):
    """One listening port for HTTP; `clock` gives the Date of the answers.

    `refusal_headers` are on what is said before there is a request for the router,
    and `problems` is where such failures are explained. Where `grounds` tells what answers are
    made from, those that have an expiry are kept. Long answers take `turns`, which are its own
    or those of several doors.
    """

    sweep_seconds = 0.5

    def __init__(  # noqa: PLR0913  # what a door is made of
        self,
        router: Router,
        limits: ClientLimits,
        clock: Clock,
        seconds: Callable[[], float],
        tally: Tally | None = None,
        *,
        refusal_headers: tuple[tuple[str, str], ...] = (),
        problems: str = PROBLEMS,
        grounds: Grounds | None = None,
        turns: Turns | None = None,
    ) -> None:
        super().__init__(Gate(limits.connections, limits.connections_per_address), seconds)
        self.tally = tally if tally is not None else Tally()
        kept = KeptAnswers(grounds) if grounds is not None else None
        self._shared = Shared(
            router, self, self.tally, refusal_headers, problems, clock, kept, turns or Turns()
        )
        self._clock = clock

    def connect(self) -> Connection:
        """The protocol of a new client."""
        return Connection(self._shared)

    def sweep(self) -> None:
        """End the connections that are past a time limit, and set the date of the answers."""
        date = format_datetime(self._clock(), usegmt=True).encode()
        self._shared.state.default_headers = [(b"date", date)]
        super().sweep()
