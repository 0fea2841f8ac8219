"""What becomes of an error that a method raises, on either server."""

import logging

from pricedesk.backend.grpc.statuses import Refusal, internal, refusal_of
from pricedesk.errors import PricedeskError
from pricedesk.tally import Tally

logger = logging.getLogger(__name__)


def counted_refusal(error: Exception, tally: Tally) -> Refusal:
    """How a call ends with an error, which is counted; a fault of ours is logged too.

    The call itself is counted by the server, once, whatever becomes of it.
    """
    if isinstance(error, Refusal | PricedeskError):
        tally.refused += 1
        return error if isinstance(error, Refusal) else refusal_of(error)
    tally.failed += 1
    logger.error("a call failed", exc_info=error)
    return internal()
