"""Quotes for tests: a bureau's answers held in a store, by a clock that tests set."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.ledger import Ledger
from pricedesk.backend.quote_desk import QuoteDesk
from pricedesk.backend.quotes import Asked, NoOffer, Quote, QuoteTerms, offer
from pricedesk.backend.store import Store
from pricedesk.errors import PricedeskError, StoreFailed
from pricedesk.protocol import parse_request
from pricedesk.quote_lines import Hold, QuoteReply, QuoteRequest

EVENING = datetime(2026, 10, 30, 18, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Clock:
    """A clock that stands still until a test sets it."""

    now: datetime = EVENING

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Counting:
    """Random numbers that are none: 1, 2, 3."""

    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __call__(self, bits: int) -> int:
        return next(self.numbers)


def quote_id(number: int) -> str:
    """The id that `Counting` leads to, for numbers below 32."""
    return f"0000-0000-000{'0123456789ABCDEFGHJKMNPQRSTVWXYZ'[number]}"


def asked(line: str, bureau: Bureau, terms: QuoteTerms) -> Asked:
    """A request line as the ledger is asked it."""
    request = parse_request(line)
    assert isinstance(request, QuoteRequest)
    if not isinstance(request, Hold):
        return request
    try:
        answer = bureau.convert(request.amount, request.base, request.counter)
        return offer(request, answer, terms)
    except PricedeskError as error:
        return NoOffer(request, error)


@dataclass
class Asking:
    """A ledger that is asked with lines and answers with lines; `error SLUG SENTENCE` too."""

    store: Store
    bureau: Bureau
    clock: Clock = field(default_factory=Clock)
    terms: QuoteTerms = field(default_factory=QuoteTerms)
    random_bits: Counting = field(default_factory=Counting)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.store, self.clock, self.terms, self.random_bits)

    def __call__(self, *lines: str) -> list[str]:
        """The answers to lines that are settled together."""
        settled = self.ledger.settle([asked(line, self.bureau, self.terms) for line in lines])
        return [_line(outcome) for outcome in settled.outcomes]

    def one(self, line: str) -> str:
        """The answer to one line."""
        [answer] = self(line)
        return answer


def _line(outcome: Quote | PricedeskError) -> str:
    if isinstance(outcome, PricedeskError):
        return f"error {outcome.slug} {outcome}"
    return str(outcome.reply)


class DeskAtOnce(QuoteDesk):
    """A desk that settles each request by itself and waits for nothing: no loop is needed."""

    def __init__(self, asking: Asking) -> None:
        super().__init__(asking.ledger, asking.bureau, asking.terms)
        self.asking = asking
        self.failure: StoreFailed | None = None

    async def answer(self, request: QuoteRequest) -> QuoteReply:
        if self.failure is not None:
            raise self.failure
        asking = self.asking
        one = asked(str(request), asking.bureau, asking.terms)
        [outcome] = asking.ledger.settle([one]).outcomes
        if isinstance(outcome, PricedeskError):
            raise outcome
        return outcome.reply
