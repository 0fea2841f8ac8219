"""How the desk asks the back-end: a request line out, a reply that fits it or none."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from pricedesk.errors import RequestError, ServiceUnavailable

Answer = TypeVar("Answer")


class RatesService(Protocol):
    """Who answers request lines: the client of the back-end, or a fake in tests."""

    async def ask(self, request: str) -> str:
        """The reply to a request line; raises ServiceUnavailable."""

    def drop(self) -> None:
        """Its replies cannot be trusted: ask anew on another connection."""


async def answered(rates: RatesService, request: object, read: Callable[[str], Answer]) -> Answer:
    """What `read` makes of the reply to a request.

    Raises:
        ServiceUnavailable: the back-end did not answer in time, or not in its own words.
        ErrorReply: the back-end refuses, with its reason.
    """
    reply = await rates.ask(str(request))
    try:
        return read(reply)
    except RequestError as error:
        rates.drop()
        raise ServiceUnavailable(f"the back-end does not answer our question: {error}") from error
