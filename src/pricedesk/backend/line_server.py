"""The door on port 3000: a request line in, a reply line out."""

from collections.abc import Awaitable, Callable, Mapping

from pricedesk import __version__
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.quote_desk import QuoteDesk
from pricedesk.backend.rates_replies import rates_line
from pricedesk.backend.recent_answers import RecentAnswers
from pricedesk.backend.store_rows import Look
from pricedesk.error_lines import error_line, goodbye_line
from pricedesk.errors import InvalidRequest, PricedeskError, StoreFailed
from pricedesk.line_service import Notices
from pricedesk.protocol import Command, Convert, parse_request
from pricedesk.quote_lines import QuoteRequest
from pricedesk.rate_lines import AskHistory, AskRates, RatesRequest
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
    " hold AMOUNT FROM TO [ref=SKU] [name=TEXT] [key=KEY]"
    " [for=CUSTOMER] [expects=RESULT] [price=AMOUNT] [rules=TEXT] [asked=TEXT] holds a price;"
    " quote ID, redeem ID, cancel ID, quote key=KEY asked=TEXT;"
    " also: currencies, sources, ping, version, help, quit"
)


class LineSession:
    """One client of the back-end's lines; requests that get an error count as refused.

    `looks` gives the last look at each source, as far as somebody looks at them. Without
    `quotes`, as where no service runs, no price is held. Conversions, and what else is of the
    book alone, are put into `recent`, where the door finds them before it asks a session.
    """

    greeting = b""

    def __init__(
        self,
        bureau: Bureau,
        tally: Tally | None = None,
        looks: Callable[[], Mapping[str, Look]] = dict,
        quotes: QuoteDesk | None = None,
        recent: RecentAnswers | None = None,
    ) -> None:
        self._bureau = bureau
        self._recent = recent
        self._looks = looks
        self._tally = tally if tally is not None else Tally()
        self._quotes = quotes
        self.finished = False

    def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
        """The reply to a request line, with its line end; for quotes once it is on the disk."""
        known = self._recent.answer(line) if self._recent is not None else None
        if known is not None:
            return known
        try:
            request = parse_request(line.decode("utf-8", "backslashreplace"))
            if isinstance(request, Convert):
                return self._converted(request, line)
            if isinstance(request, QuoteRequest):
                return self._of_quote(request)
            return self._said(request, line)
        except PricedeskError as error:
            return self._refused(error)

    def _converted(self, request: Convert, line: bytes) -> bytes:
        answer = self._bureau.convert(request.amount, request.base, request.counter, request.on)
        if self._recent is not None:
            return self._recent.keep(line, answer, explained=request.explained)
        return _ended(str(answer.explained() if request.explained else answer.conversion.result))

    def _said(self, request: Command | RatesRequest, line: bytes) -> bytes:
        if not _is_of_a_moment(request):
            return _ended(self._reply(self._bureau, request))
        pinned = self._bureau.pinned()
        said = _ended(self._reply(pinned, request))
        if self._recent is not None:
            self._recent.keep_reply(line, said, pinned.moment())
        return said

    def _of_quote(self, request: QuoteRequest) -> Awaitable[bytes]:
        quotes = self._quotes
        if quotes is None:
            raise InvalidRequest("quotes are answered by a back-end that runs, and nowhere else")

        async def reply() -> bytes:
            try:
                return _ended(str(await quotes.answer(request)))
            except PricedeskError as error:
                return self._refused(error)

        return reply()

    def _refused(self, error: PricedeskError) -> bytes:
        if isinstance(error, StoreFailed):
            self._tally.failed += 1
        else:
            self._tally.refused += 1
        return _ended(error_line(error))

    def _reply(self, bureau: Bureau, request: Command | RatesRequest) -> str:
        match request:
            case Command() as command:
                return self._reply_to_command(bureau, command)
            case request:
                holds_stale = self._quotes is not None and self._quotes.holds_stale
                return rates_line(bureau, request, self._looks, holds_stale=holds_stale)

    def _reply_to_command(self, bureau: Bureau, command: Command) -> str:
        match command:
            case Command.CURRENCIES:
                return " ".join(bureau.currencies())
            case Command.HELP:
                return HELP
            case Command.PING:
                return "pong"
            case Command.QUIT:
                self.finished = True
                return "bye"
            case _:
                return f"pricedesk {__version__}"


def _is_of_a_moment(request: Command | RatesRequest) -> bool:
    """Whether a reply is of the rate book and the minute alone."""
    return request is Command.CURRENCIES or isinstance(request, AskRates | AskHistory)


def _ended(reply: str) -> bytes:
    """A reply with its line end; what a database says may be in any language."""
    return f"{reply}\n".encode("ascii", "backslashreplace")
