"""How the desk asks the back-end: a request line out, a reply that fits it or none."""

import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

from pricedesk.error_lines import ErrorReply
from pricedesk.errors import RequestError, ServiceUnavailable, StoreFailed

logger = logging.getLogger(__name__)

OF_ITS_OWN = frozenset({StoreFailed.slug, "internal"})
"""Errors of the back-end that are no answer to what was asked."""

Answer = TypeVar("Answer")


class RatesService(Protocol):
    """Who answers request lines: the client of the back-end, or a fake in tests."""

    async def ask(self, request: str) -> str:
        """The reply to a request line; raises ServiceUnavailable."""

    def drop(self) -> None:
        """Its replies cannot be trusted: ask anew on another connection."""


async def answered(rates: RatesService, request: object, read: Callable[[str], Answer]) -> Answer:
    """What `read` makes of the reply to a request.

    What is raised can be told to anybody: where the back-end is, and what its store is called,
    is in the log alone.

    Raises:
        InvalidRequest: the request is too long for a line.
        ServiceUnavailable: the back-end did not answer in time, or not in its own words, or
            cannot now.
        ErrorReply: the back-end refuses, with its reason.
    """
    try:
        reply = await rates.ask(str(request))
    except ServiceUnavailable as error:
        raise ServiceUnavailable("the conversion service cannot be reached") from error
    try:
        return read(reply)
    except ErrorReply as error:
        if error.slug not in OF_ITS_OWN:
            raise
        logger.warning("the back-end failed", extra={"reason": error.sentence})
        raise ServiceUnavailable("the conversion service cannot do that now") from error
    except RequestError as error:
        rates.drop()
        logger.warning("the back-end answers another question", extra={"reason": str(error)})
        raise ServiceUnavailable("the conversion service does not answer the question") from error
