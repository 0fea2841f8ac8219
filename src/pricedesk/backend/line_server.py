"""The door on port 3000: a request line in, a reply line out."""

from collections.abc import Callable, Mapping

from pricedesk import __version__
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.rates_replies import rates_line
from pricedesk.backend.store_rows import Look
from pricedesk.errors import PricedeskError
from pricedesk.line_service import Notices
from pricedesk.protocol import Command, Convert, error_line, goodbye_line, parse_request
from pricedesk.tally import Tally

NOTICES = Notices(
    busy=f"{goodbye_line('busy')}\n".encode(),
    line_too_long=f"{goodbye_line('line-too-long')}\n".encode(),
    idle=f"{goodbye_line('idle')}\n".encode(),
    closing=f"{goodbye_line('closing')}\n".encode(),
    internal_error=b"error internal the request could not be answered; it was logged\n",
)

HELP = (
    "AMOUNT [FROM [TO]] [YYYY-MM-DD] converts, as in 1100 CAD USD 2020-02-14;"
    " explain AMOUNT ... gives the reasons; rates BASE [DATE] gives all of a currency;"
    " history BASE COUNTER FIRST LAST [day|week|month] those of a pair;"
    " also: currencies, sources, ping, version, help, quit"
)


class LineSession:
    """One client of the back-end's lines; requests that get an error count as refused.

    `looks` gives the last look at each source, as far as somebody looks at them.
    """

    greeting = b""

    def __init__(
        self,
        bureau: Bureau,
        tally: Tally | None = None,
        looks: Callable[[], Mapping[str, Look]] = dict,
    ) -> None:
        self._bureau = bureau
        self._looks = looks
        self._tally = tally if tally is not None else Tally()
        self.finished = False

    def answer(self, line: bytes) -> bytes:
        """The reply to a request line, with its line end."""
        try:
            return f"{self._reply(line.decode('utf-8', 'backslashreplace'))}\n".encode()
        except PricedeskError as error:
            self._tally.refused += 1
            return f"{error_line(error)}\n".encode()

    def _reply(self, line: str) -> str:
        match parse_request(line):
            case Convert() as request:
                answer = self._bureau.convert(
                    request.amount, request.base, request.counter, request.on
                )
                return str(answer.explained() if request.explained else answer.conversion.result)
            case Command() as command:
                return self._reply_to_command(command)
            case request:
                return rates_line(self._bureau, request, self._looks)

    def _reply_to_command(self, command: Command) -> str:
        match command:
            case Command.CURRENCIES:
                return " ".join(self._bureau.currencies())
            case Command.HELP:
                return HELP
            case Command.PING:
                return "pong"
            case Command.VERSION:
                return f"pricedesk {__version__}"
            case Command.QUIT:
                self.finished = True
                return "bye"
