"""The gRPC door in a test's own loop, on either server, and what asks it."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from grpc import StatusCode, aio

from pricedesk.admission import Gate
from pricedesk.backend.grpc.grpcio_server import GrpcioServer
from pricedesk.backend.grpc.methods import Methods
from pricedesk.backend.grpc.own_server import GrpcService
from pricedesk.port import PortConnection
from pricedesk.running import Door
from pricedesk.tally import Tally

SERVERS = ("own", "grpcio")
CURRENCIES = "/hipstershop.CurrencyService"


@dataclass
class Running:
    """A door that listens."""

    door: Door
    tally: Tally
    gate: Gate[PortConnection]
    port: int = 0
    address: str = field(init=False)

    def __post_init__(self) -> None:
        self.address = f"127.0.0.1:{self.port}"


@asynccontextmanager
async def running(
    methods: Methods,
    server: str,
    address: str = "127.0.0.1",
    limits: tuple[int, int] = (100, 100),
    port: int = 0,
) -> AsyncIterator[Running]:
    """A door with these methods, until the block ends; our own has a clock that stands still."""
    tally, gate = Tally(), Gate[PortConnection](*limits)
    door: Door
    if server == "own":
        door = GrpcService(methods, tally, gate, lambda: 0)
    else:
        door = GrpcioServer(methods, tally)
        door.limit_connections(limits[0])
    port = await door.start(address, port)
    try:
        yield Running(door, tally, gate, port)
    finally:
        await door.drain(1)


class Caller:
    """A client of grpcio's over one connection; messages are bytes."""

    def __init__(self, channel: aio.Channel) -> None:
        self.channel = channel

    async def ask(self, method: str, message: bytes = b"", seconds: float | None = None) -> bytes:
        """The answer of a method with one."""
        call: aio.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(method)
        return await call(message, timeout=seconds)

    def stream(
        self, method: str, message: bytes = b"", seconds: float | None = None
    ) -> aio.UnaryStreamCall[bytes, bytes]:
        """The answers of a method with many."""
        call: aio.UnaryStreamMultiCallable[bytes, bytes] = self.channel.unary_stream(method)
        return call(message, timeout=seconds)

    async def refusal(
        self, method: str, message: bytes = b"", seconds: float | None = None
    ) -> aio.AioRpcError:
        """The error that a method answers with."""
        try:
            answer = await self.ask(method, message, seconds)
        except aio.AioRpcError as error:
            return error
        raise AssertionError(f"{method} answered {answer!r}")

    async def each(self, method: str, messages: Iterable[bytes]) -> list[bytes]:
        """The answers of a method with a stream of requests."""
        call: aio.StreamStreamMultiCallable[bytes, bytes] = self.channel.stream_stream(method)
        return [answer async for answer in call(iter(list(messages)))]


@asynccontextmanager
async def calling(running: Running) -> AsyncIterator[Caller]:
    """A client of a door, which has its connection for itself."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with aio.insecure_channel(running.address, options=options) as channel:
        yield Caller(channel)


def told(error: aio.AioRpcError) -> tuple[StatusCode, str | None, str | None]:
    """Code, text and slug of a refusal."""
    trailers = {key: str(value) for key, value in error.trailing_metadata()}
    return error.code(), error.details(), trailers.get("pricedesk-error")
