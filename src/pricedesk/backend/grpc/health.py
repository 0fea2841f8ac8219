"""`grpc.health.v1.Health`: whether clients should come here."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection

from pricedesk.backend.grpc.definitions import message_class, read
from pricedesk.backend.grpc.statuses import Refusal, Status
from pricedesk.backend.lookout import Lookout
from pricedesk.errors import in_quotes

_REQUEST = message_class("grpc.health.v1.HealthCheckRequest")
_RESPONSE = message_class("grpc.health.v1.HealthCheckResponse")

SERVING: bytes = _RESPONSE(status=_RESPONSE.SERVING).SerializeToString()
NOT_SERVING: bytes = _RESPONSE(status=_RESPONSE.NOT_SERVING).SerializeToString()
SERVICE_UNKNOWN: bytes = _RESPONSE(status=_RESPONSE.SERVICE_UNKNOWN).SerializeToString()


class Health:
    """The two methods. All services are ready together; the empty name is the whole server."""

    def __init__(self, names: Collection[str], is_ready: Callable[[], bool]) -> None:
        self._names = frozenset(["", *names])
        self._is_ready = is_ready
        self._standings = Lookout(self._standing)

    def check(self, data: bytes) -> bytes:
        """How a service is.

        Raises:
            Refusal: there is no such service.
        """
        name = read(_REQUEST, data).service
        if name not in self._names:
            raise Refusal(Status.NOT_FOUND, f"there is no service {in_quotes(name)}")
        return self._standing()

    async def watch(self, data: bytes) -> AsyncIterator[bytes]:
        """How a service is, and each change; a service that there is not may come, for all we say.

        Raises:
            Refusal: the bytes are no request.
        """
        is_known = read(_REQUEST, data).service in self._names
        del data  # It may be large, and this goes on for long.
        if not is_known:
            yield SERVICE_UNKNOWN
            await asyncio.Event().wait()
        while True:
            standing = self._standing()
            yield standing
            await self._standings.other_than(standing)

    def look_now(self) -> None:
        """Have those who watch told of a change now: soon there may be no time for it."""
        self._standings.look_now()

    def _standing(self) -> bytes:
        return SERVING if self._is_ready() else NOT_SERVING
