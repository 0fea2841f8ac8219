"""One request's body in and its response out, through the functions that ASGI has for it."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing, closing
from typing import TYPE_CHECKING, TypeAlias

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from pricedesk.http.messages import KEY_HEADER, AwaitedStream, News, Response, Stream

if TYPE_CHECKING:
    from uvicorn._types import (  # uvicorn has these types nowhere else
        ASGIReceiveCallable,
        ASGISendCallable,
    )


_KEY = KEY_HEADER.lower()

Turn: TypeAlias = Callable[[], AbstractAsyncContextManager[None]]
"""A client's next turn to have a part of a long answer made."""


async def whole_body(receive: "ASGIReceiveCallable") -> bytes | None:
    """The body, which the connection keeps within bounds; None if the client has gone."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)


def headers_of(raw_headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by their names in small letters; values of a repeated one with commas.

    Those of KEY_HEADER, which has one only, are on lines of their own: no value has a line's end.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw_headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers:
            value = ("\n" if name == _KEY else ", ").join((headers[name], value))
        headers[name] = value
    return headers


async def send_response(
    response: Response,
    cycle: RequestResponseCycle,
    send: "ASGISendCallable",
    turn: Turn,
) -> None:
    """Send a response, a stream of it as fast as the client takes it.

    Each chunk that takes time to make is made in a `turn`. Whatever goes wrong, or if the client
    goes, the stream is closed.
    """
    headers = [(name.encode(), value.encode()) for name, value in response.headers]
    is_old = cycle.scope["http_version"] == "1.0"
    if is_old and not isinstance(response.body, bytes):
        # Its end is the connection's; no chunks, which came with HTTP/1.1.
        cycle.chunked_encoding = False
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if isinstance(response.body, bytes):
        await send({"type": "http.response.body", "body": response.body, "more_body": False})
        return
    async with aclosing(_chunks(response.body, turn)) as chunks:
        async for chunk in chunks:
            if is_old:
                cycle.expected_content_length = len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if cycle.disconnected:
                return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _chunks(body: Stream | AwaitedStream | News, turn: Turn) -> AsyncGenerator[bytes, None]:
    """The chunks of a body, which is closed with it; others get their turn in between."""
    if isinstance(body, AwaitedStream):
        body = body.chunks
    if isinstance(body, AsyncGenerator):
        async with aclosing(body):
            async for chunk in body:
                yield chunk
        return
    with closing(body):
        while True:
            async with turn():
                made = next(body, None)
            if made is None:
                return
            yield made
