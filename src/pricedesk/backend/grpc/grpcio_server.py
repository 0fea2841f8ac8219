"""The door on grpcio, gRPC's own library: C-core below, its asyncio interface above."""

import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, NoReturn

import grpc
from grpc import aio

from pricedesk.backend.grpc.failures import counted_refusal
from pricedesk.backend.grpc.methods import Each, Method, Methods, Noted, Reply, Streaming, Unary
from pricedesk.backend.grpc.server_limits import (
    CALLS_PER_CONNECTION_MAX,
    HEADERS_BYTES_MAX,
    KEEPALIVE_SECONDS,
    KEEPALIVE_TIMEOUT_SECONDS,
    MESSAGE_BYTES_MAX,
)
from pricedesk.backend.grpc.statuses import SLUG_TRAILER
from pricedesk.listening import bound
from pricedesk.tally import Tally

_CODES = {code.value[0]: code for code in grpc.StatusCode}

Context = aio.ServicerContext[bytes, bytes]


class GrpcioServer:
    """A door whose server is grpcio's. It counts no connections: C-core does not tell of them."""

    def __init__(self, methods: Methods, tally: Tally) -> None:
        self.tally = tally
        self._methods = methods
        self._connections_max = 0
        self._server: aio.Server | None = None

    async def start(self, address: str, port: int) -> int:
        """Listen; gives the port, which the system chose if `port` is 0.

        Raises:
            OSError: the address cannot be listened on.
        """
        self._check_free(address, port)
        return await self._listen(address, port, shared=False)

    async def start_on(self, sockets: Sequence[socket.socket]) -> int:
        """Listen where these are bound; gives the port of the first one.

        C-core takes no sockets: it makes one of its own, which shares the address with these.

        Raises:
            OSError: it cannot be listened on.
        """
        address, port, *_ = sockets[0].getsockname()
        return await self._listen(address, port, shared=True)

    async def _listen(self, address: str, port: int, *, shared: bool) -> int:
        options = [
            ("grpc.so_reuseport", int(shared)),
            ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
            ("grpc.max_concurrent_streams", CALLS_PER_CONNECTION_MAX),
            # Below the first of these none is refused; between both, some would be, by chance.
            ("grpc.max_metadata_size", HEADERS_BYTES_MAX),
            ("grpc.absolute_max_metadata_size", HEADERS_BYTES_MAX),
            ("grpc.max_allowed_incoming_connections", self._connections_max),
            ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
            ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
            ("grpc.keepalive_permit_without_calls", 1),
        ]
        self._server = aio.server(options=options)
        self._server.add_generic_rpc_handlers((_Handlers(self._methods, self.tally),))
        host = f"[{address}]" if ":" in address else address
        try:
            chosen_port = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(0, f"grpcio cannot listen: {error}") from error
        await self._server.start()
        return chosen_port

    async def drain(self, seconds: float) -> None:
        """Accept nobody new, finish what was begun; after `seconds` cut off."""
        if self._server is not None:
            await self._server.stop(seconds)

    def limit_connections(self, most: int) -> None:
        """Serve no more clients than this; asked before the start."""
        self._connections_max = most

    def _check_free(self, address: str, port: int) -> None:
        """Try to listen: grpcio does not say why it cannot."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        bound(family, (address, port), shared=False).close()


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, methods: Methods, tally: Tally) -> None:
        self._handlers = {path: _handler(method, tally) for path, method in methods.items()}

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        return self._handlers.get(handler_call_details.method)


def _handler(method: Method, tally: Tally) -> "grpc.RpcMethodHandler[bytes, bytes]":
    match method:
        case Unary():
            return grpc.unary_unary_rpc_method_handler(_unary(method, tally))
        case Streaming():
            return grpc.unary_stream_rpc_method_handler(_streaming(method, tally))
        case Each():
            return grpc.stream_stream_rpc_method_handler(_each(method, tally))


def _unary(method: Unary, tally: Tally) -> Callable[[bytes, Context], Awaitable[bytes]]:
    async def answer(request: bytes, context: Context) -> bytes:
        began = time.monotonic()
        try:
            try:
                answered = method.answer(request)
                reply: Reply = answered if isinstance(answered, bytes | Noted) else await answered
            finally:
                # Before the client is told: a refusal is never counted without its call.
                tally.took(time.monotonic() - began)
        except Exception as error:  # noqa: BLE001  # each is told to the client as what it is
            await _refuse(error, context, tally)
        if isinstance(reply, Noted):
            context.set_trailing_metadata(reply.notes)
            return reply.message
        return reply

    return answer


def _streaming(method: Streaming, tally: Tally) -> Callable[[bytes, Context], AsyncIterator[bytes]]:
    async def answers(request: bytes, context: Context) -> AsyncIterator[bytes]:
        tally.took(0)
        try:
            async with aclosing(_closable(method.answers(request))) as messages:
                async for message in messages:
                    yield message
        except Exception as error:  # noqa: BLE001  # each is told to the client as what it is
            await _refuse(error, context, tally)

    return answers


def _each(method: Each, tally: Tally) -> Callable[[AsyncIterator[bytes], Context], Any]:
    async def answers(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        tally.took(0)
        try:
            async for request in requests:
                yield method.answer(request)
        except Exception as error:  # noqa: BLE001  # each is told to the client as what it is
            await _refuse(error, context, tally)

    return answers


def _closable(messages: AsyncIterator[bytes]) -> Any:  # noqa: ANN401  # an asynchronous generator
    return messages


async def _refuse(error: Exception, context: Context, tally: Tally) -> NoReturn:
    """End a call with the status that tells of an error."""
    refusal = counted_refusal(error, tally)
    trailers = ((SLUG_TRAILER, refusal.slug),) if refusal.slug else ()
    await context.abort(_CODES[int(refusal.status)], refusal.text, trailers)
    raise AssertionError("a call goes on after its end")
