"""Stand-ins for the back-end, simple enough to be right by reading them."""

from pricedesk.errors import ServiceUnavailable

FRESH = (
    "amount=1100.00 from=CAD to=USD result=787.47 rate=0.715878508266 date=2026-10-30 source=ECB"
    " path=CAD/EUR/USD state=fresh missed=0 published=EUR/CAD:1.5606,EUR/USD:1.1172"
    " unrounded=787.466359092657 rounding=half-up pegs=none others=BOC:2026-10-30:0.7158"
    f" document={'5' * 64} fetched=2026-10-30T15:05:00Z attribution=none"
)


class FakeRates:
    """Answers from a table of request lines; everything else is out of reach."""

    def __init__(self, replies: dict[str, str]) -> None:
        self.replies = replies

    def drop(self) -> None:
        """There is no connection."""

    async def ask(self, request: str) -> str:
        if request not in self.replies:
            raise ServiceUnavailable("the fake is away")
        return self.replies[request]
