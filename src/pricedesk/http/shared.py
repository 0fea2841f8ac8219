"""What all connections of an HTTP door share, and what uvicorn's protocol has to be told."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pricedesk.clock import Clock
from pricedesk.http.kept import KeptAnswers
from pricedesk.http.routes import Router
from pricedesk.port import Port
from pricedesk.tally import Tally
from pricedesk.turns import Turns

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

    from pricedesk.http.connection import Connection

READ_BYTES = 16 * 1024
"""Bytes of one client that are taken at once."""


class Shared:
    """What all connections of a door share."""

    def __init__(  # noqa: PLR0913, PLR0917  # what a door is made of
        self,
        router: Router,
        port: "Port[Connection]",
        tally: Tally,
        refusal_headers: tuple[tuple[str, str], ...],
        problems: str,
        clock: Clock,
        kept: KeptAnswers | None,
        turns: Turns,
    ) -> None:
        self.router = router
        self.refusal_headers = tuple((n.lower().encode(), v.encode()) for n, v in refusal_headers)
        self.problems = problems
        self.port = port
        self.seconds = port.seconds
        self.tally = tally
        self.clock = clock
        self.kept = kept
        self.read_buffer = bytearray(READ_BYTES)
        self.turns = turns
        self.state = ServerState()
        self.config = _config()

    def count(self, status: int, begun_seconds: float) -> None:
        """Count an answer by its status."""
        self.tally.took(self.seconds() - begun_seconds)
        # That there is no rate, or no room, is a refusal on every door.
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.SERVICE_UNAVAILABLE:
            self.tally.failed += 1
        elif status >= HTTPStatus.BAD_REQUEST:
            self.tally.refused += 1


def _config() -> Config:
    """What uvicorn's protocol wants to know; nothing of it reaches out of that protocol."""

    async def unused(
        scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Each connection sets its own application."""

    config = Config(
        unused,
        loop="none",
        http=HttpToolsProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    config.load()
    return config


class Flow(FlowControl):
    """Does not read on while something that was read has not been parsed."""

    def __init__(self, transport: asyncio.Transport, is_behind: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._is_behind = is_behind

    def resume_reading(self) -> None:
        """Read on, unless that has to wait."""
        if not self._is_behind():
            super().resume_reading()
