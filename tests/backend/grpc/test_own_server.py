"""Our own server on a socket: how calls are framed, and what clients may take up of it."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Self

import pytest
from grpc import StatusCode, aio
from hpack import Encoder

from grpc_doors import Running, calling, running, told
from http2_peer import (
    HEADERS,
    H2Client,
    data_frame,
    frames_in,
    greeting,
    headers_frame,
    headers_of,
    message,
)
from pricedesk.admission import Gate
from pricedesk.backend.grpc import frames, on_http2, own_server
from pricedesk.backend.grpc.frames import (
    ACK,
    END_STREAM,
    Code,
    Kind,
    Setting,
    frame,
    reset_frame,
)
from pricedesk.backend.grpc.http2 import NOT_HTTP2
from pricedesk.backend.grpc.methods import Each, Method, Streaming, Unary
from pricedesk.backend.grpc.on_http2 import PREFIX_BYTES
from pricedesk.backend.grpc.own_server import (
    BODIES_BYTES_MAX,
    BODIES_PER_CONNECTION_BYTES_MAX,
    QUEUED_BYTES_MAX,
    QUEUED_IN_ALL_BYTES_MAX,
    REQUEST_SECONDS,
    SETTINGS_SECONDS,
    STUCK_SECONDS,
    GrpcService,
)
from pricedesk.backend.grpc.server_limits import (
    KEEPALIVE_SECONDS,
    KEEPALIVE_TIMEOUT_SECONDS,
    MESSAGE_BYTES_MAX,
)
from pricedesk.backend.grpc.statuses import Refusal, Status
from pricedesk.errors import StoreFailed, UnknownQuote
from pricedesk.port import PortConnection
from pricedesk.tally import Tally

GREETED = greeting() + frame(Kind.SETTINGS, ACK, 0)


def refuse(_message: bytes) -> bytes:
    raise Refusal(Status.ABORTED, "no: 100 %\né", "no")


def fail(_message: bytes) -> bytes:
    raise ZeroDivisionError


def not_there(_message: bytes) -> bytes:
    raise UnknownQuote("there is no such quote")


async def overslept(_message: bytes) -> bytes:
    raise TimeoutError


async def broken(asked: bytes) -> AsyncIterator[bytes]:
    yield b"one"
    raise ZeroDivisionError if asked == b"fault" else UnknownQuote("there is no such quote")


class Slow:
    """Methods whose answers come when the test says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ended = asyncio.Event()

    async def later(self, asked: bytes) -> bytes:
        self.begun.set()
        try:
            await self.go_on.wait()
        finally:
            self.ended.set()
        if asked == b"fail":
            raise StoreFailed("the disk is full")
        return asked

    async def many(self, asked: bytes) -> AsyncIterator[bytes]:
        self.begun.set()
        try:
            for number in range(int(asked)):
                yield b"%d" % number
            await self.go_on.wait()
        finally:
            self.ended.set()


LARGE_BYTES = 50_000


async def large(_asked: bytes) -> AsyncIterator[bytes]:
    """Two large messages, made at once."""
    for _ in range(2):
        yield bytes(LARGE_BYTES)


def methods(slow: Slow) -> dict[str, Method]:
    return {
        "/a.B/Large": Streaming(large),
        "/a.B/LargeWork": Streaming(large, is_work=True),
        "/a.B/Echo": Unary(lambda asked: asked),
        "/a.B/C": Unary(lambda asked: asked),
        "/a.B/Refuse": Unary(refuse),
        "/a.B/Fail": Unary(fail),
        "/a.B/NotThere": Unary(not_there),
        "/a.B/Later": Unary(slow.later),
        "/a.B/Many": Streaming(slow.many),
        "/a.B/Broken": Streaming(broken),
        "/a.B/Overslept": Unary(overslept),
        "/a.B/Each": Each(bytes.upper),
    }


class Raw:
    """A client that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._came = b""

    def send(self, *data: bytes) -> Self:
        self.writer.write(b"".join(data))
        return self

    async def frame(self, kind: int) -> tuple[int, int, bytes]:
        """The next frame of a kind: flags, stream, payload; others are passed over."""
        while True:
            head = await self.reader.readexactly(frames.HEADER_BYTES)
            high, low, found, flags, stream = frames.HEADER.unpack(head)
            payload = await self.reader.readexactly(high << 8 | low)
            if found == kind:
                return flags, stream, payload

    async def status(self) -> dict[str, str]:
        """The headers that end the next answer."""
        while True:
            flags, _, payload = await self.frame(Kind.HEADERS)
            if flags & END_STREAM:
                return headers_of(payload)

    async def goaway(self) -> Code:
        _, _, payload = await self.frame(Kind.GOAWAY)
        return Code(struct.unpack(">L", payload[4:8])[0])

    async def rest(self) -> bytes:
        return await self.reader.read()


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[Raw]:
    async with asyncio.timeout(60):
        client = Raw(*await asyncio.open_connection("127.0.0.1", port))
        try:
            yield client
        finally:
            client.writer.close()


class World:
    """A server with a clock of the test's."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slow = Slow()
        self.tally, self.gate = Tally(), Gate[PortConnection](10, 10)
        self.service = GrpcService(methods(self.slow), self.tally, self.gate, lambda: self.now)
        self.port = 0

    def running(self) -> Running:
        return Running(self.service, self.tally, self.gate, self.port)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.service.sweep()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110  # the server has no event for it
                await asyncio.sleep(0)


@asynccontextmanager
async def serving() -> AsyncIterator[World]:
    world = World()
    world.port = await world.service.start("127.0.0.1", 0)
    try:
        yield world
    finally:
        await world.service.drain(1)


def asked(path: str, stream: int = 1, /, **more: str) -> bytes:
    """The headers of a call."""
    named = [(name.replace("_", "-"), value) for name, value in more.items()]
    changed = {name for name, _ in named}
    pairs = [(n, path if n == ":path" else v) for n, v in HEADERS if n not in changed]
    return headers_frame(stream, Encoder().encode(pairs + named))


# Calls.


@pytest.mark.parametrize("server", ["own", "grpcio"])
async def test_each_kind_of_method_is_answered(server: str) -> None:
    slow = Slow()
    slow.go_on.set()
    async with running(methods(slow), server) as door, calling(door) as client:
        assert await client.ask("/a.B/Echo", b"hi") == b"hi"
        assert await client.ask("/a.B/Echo", b"") == b""
        assert await client.ask("/a.B/Later", b"hi") == b"hi"
        assert [m async for m in client.stream("/a.B/Many", b"3")] == [b"0", b"1", b"2"]
        assert [m async for m in client.stream("/a.B/Many", b"0")] == []
        assert await client.each("/a.B/Each", [b"a", b"", b"b"]) == [b"A", b"", b"B"]
        assert await client.each("/a.B/Each", []) == []
        large = bytes(range(256)) * 4095
        assert await client.ask("/a.B/Echo", large) == large


@pytest.mark.parametrize("server", ["own", "grpcio"])
async def test_each_failure_has_its_status(server: str, caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    slow.go_on.set()
    async with running(methods(slow), server) as door, calling(door) as client:
        assert told(await client.refusal("/a.B/Refuse")) == (
            StatusCode.ABORTED,
            "no: 100 %\né",
            "no",
        )
        assert told(await client.refusal("/a.B/NotThere")) == (
            StatusCode.NOT_FOUND,
            "there is no such quote",
            "unknown-quote",
        )
        assert told(await client.refusal("/a.B/Later", b"fail")) == (
            StatusCode.UNAVAILABLE,
            "the disk is full",
            "store-failed",
        )
        assert caplog.records == []
        assert told(await client.refusal("/a.B/Fail")) == (
            StatusCode.INTERNAL,
            "the request could not be answered; it was logged",
            "internal",
        )
        assert [record.getMessage() for record in caplog.records] == ["a call failed"]
        # Not the call's own time, which its client sets.
        assert (await client.refusal("/a.B/Overslept")).code() is StatusCode.INTERNAL
        assert (await client.refusal("/a.B/Nothing")).code() is StatusCode.UNIMPLEMENTED
        assert (await client.refusal("/a.B/Echo", bytes(2**20 + 1))).code() is (
            StatusCode.RESOURCE_EXHAUSTED
        )
        assert await client.ask("/a.B/Echo", b"hi") == b"hi"


@pytest.mark.parametrize("server", ["own", "grpcio"])
async def test_each_call_is_counted_once(server: str) -> None:
    slow = Slow()
    slow.go_on.set()
    async with running(methods(slow), server) as door, calling(door) as client:
        counted: list[tuple[int, int, int]] = []

        def count() -> None:
            tally = door.tally
            counted.append((tally.answered, tally.refused, tally.failed))

        await client.ask("/a.B/Later", b"hi")
        count()
        assert [m async for m in client.stream("/a.B/Many", b"3")] == [b"0", b"1", b"2"]
        count()
        await client.each("/a.B/Each", [b"a", b"b"])
        count()
        for asked_for in (b"refusal", b"fault"):
            with pytest.raises(aio.AioRpcError):
                [m async for m in client.stream("/a.B/Broken", asked_for)]
            count()
        assert counted == [(1, 0, 0), (2, 0, 0), (3, 0, 0), (3, 1, 0), (3, 1, 1)]


@pytest.mark.parametrize("server", ["own", "grpcio"])
@pytest.mark.parametrize("method", ["/a.B/Later", "/a.B/Many"])
async def test_a_call_whose_time_is_over_or_whose_client_went_is_ended(
    server: str, method: str
) -> None:
    for seconds in (0.05, None):
        slow = Slow()
        async with running(methods(slow), server) as door, calling(door) as client:
            call = client.stream(method, b"5", seconds)
            await slow.begun.wait()
            if seconds is None:
                call.cancel()
            await asyncio.wait_for(slow.ended.wait(), 60)


@pytest.mark.parametrize("server", ["own", "grpcio"])
async def test_at_the_end_what_was_begun_is_answered_and_streams_are_ended(server: str) -> None:
    slow = Slow()
    async with running(methods(slow), server) as door, calling(door) as client:
        call = asyncio.ensure_future(client.ask("/a.B/Later", b"hi"))
        await slow.begun.wait()
        stream = client.stream("/a.B/Many", b"1")
        assert await stream.read() == b"0"
        draining = asyncio.ensure_future(door.door.drain(5))
        await asyncio.sleep(0)
        slow.go_on.set()
        assert await call == b"hi"
        await draining


async def test_a_deadline_is_kept_without_the_client() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked("/a.B/Later", grpc_timeout="20m"), data_frame(1, message(b"")))
        status = await client.status()
        assert (status["grpc-status"], status["grpc-message"]) == ("4", "the call's time is over")
        assert world.slow.ended.is_set()


@pytest.mark.parametrize(
    ("path", "more", "body", "expected"),
    [
        ("/a.B/Echo", {}, b"", ("12", "this method takes one message")),
        ("/a.B/Echo", {}, message(b"a") + message(b"b"), ("12", "this method takes one message")),
        ("/a.B/Echo", {}, b"\x00\x00", ("13", "the message ends too early")),
        ("/a.B/Echo", {}, message(b"abc")[:-1], ("13", "the message ends too early")),
        ("/a.B/Each", {}, message(b"a") + b"\x00\x00", ("13", "the message ends too early")),
        ("/a.B/Echo", {}, b"\x01\x00\x00\x00\x00", ("12", "messages are not compressed here")),
        ("/a.B/Each", {}, b"\x01\x00\x00\x00\x00", ("12", "messages are not compressed here")),
        ("/a.B/Each", {}, message(b"a") + b"\x01", ("12", "messages are not compressed here")),
        ("/a.B/Echo", {}, b"\x00\xff\xff\xff\xff", ("8", "a message has at most 1048576 bytes")),
        (
            "/a.B/Each",
            {},
            message(b"a") + b"\x00\xff\xff\xff\xff",
            ("8", "a message has at most 1048576 bytes"),
        ),
        ("/a.B/Echo", {"grpc_timeout": "1"}, message(b""), ("13", "grpc-timeout is no time")),
        ("/a.B/Echo", {"grpc_timeout": "123456789S"}, b"", ("13", "grpc-timeout is no time")),
        ("/a.B/Echo", {"grpc_timeout": "1x"}, message(b""), ("13", "grpc-timeout is no time")),
        ("/a.B/Echo", {"grpc_timeout": "1H"}, message(b"hi"), ("0", None)),
        ("/a.B/Echo", {"content_type": "application/grpc+proto"}, message(b"hi"), ("0", None)),
        ("/a.B/Nothing%", {}, message(b""), ("12", "there is no method /a.B/Nothing%25")),
    ],
)
async def test_what_is_off_about_a_call_is_said(
    path: str, more: dict[str, str], body: bytes, expected: tuple[str, str | None]
) -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked(path, **more), data_frame(1, body))
        status = await client.status()
        assert (status["grpc-status"], status.get("grpc-message")) == expected
        client.send(asked("/a.B/Echo", 3), data_frame(3, message(b"hi")))
        assert (await client.status())["grpc-status"] == "0"


@pytest.mark.parametrize(
    ("more", "status"),
    [({":method": "GET"}, "405"), ({"content_type": "application/json"}, "415")],
)
async def test_what_is_none_of_grpcs_gets_a_status_of_http(
    more: dict[str, str], status: str
) -> None:
    async with serving() as world, raw(world.port) as client:
        pairs = [(n, more.get(n, v)) for n, v in HEADERS]
        if "content_type" in more:
            pairs = [(n, more["content_type"] if n == "content-type" else v) for n, v in HEADERS]
        client.send(GREETED, headers_frame(1, Encoder().encode(pairs), ended=True))
        assert await client.status() == {":status": status}


@pytest.mark.parametrize(
    "pairs",
    [
        HEADERS[1:],
        [*HEADERS, (":path", "/late")],
        [HEADERS[0], *HEADERS],
        [*HEADERS, ("Upper", "x")],
        [*HEADERS, ("connection", "close")],
        [*HEADERS, (":unknown", "x")],
        [(":status", "200"), *HEADERS],
        [*HEADERS[:2], (":path", ""), *HEADERS[3:]],
        [*HEADERS, ("", "x")],
        [*HEADERS, ("a b", "x")],
        [*HEADERS, ("x", "a\nb")],
        [*HEADERS, ("x", "a\0b")],
        [*HEADERS, ("x", " a")],
        [*HEADERS, ("te", "gzip")],
        [*HEADERS, ("content-length", "-1")],
        [*HEADERS, ("content-length", "9" * 5000)],
        [*HEADERS, ("content-length", "5"), ("content-length", "6")],
        [*HEADERS, ("content-length", "1")],
    ],
)
async def test_a_malformed_request_is_reset(pairs: list[tuple[str, str]]) -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, headers_frame(1, Encoder().encode(pairs), ended=True))
        _, stream, payload = await client.frame(Kind.RST_STREAM)
        assert (stream, payload) == (1, struct.pack(">L", Code.PROTOCOL_ERROR))
        client.send(asked("/a.B/Echo", 3), data_frame(3, message(b"hi")))
        assert (await client.status())["grpc-status"] == "0"


@pytest.mark.parametrize(
    ("length", "bodies"),
    [(6, [message(b"hi")]), (8, [message(b"hi")]), (7, [message(b"hi"), b"x"]), (6, [b"\0" * 7])],
)
async def test_a_body_of_another_length_than_was_said_is_reset(
    length: int, bodies: list[bytes]
) -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked("/a.B/Echo", content_length=str(length)))
        for body in bodies:
            client.send(data_frame(1, body, ended=body is bodies[-1]))
        _, stream, payload = await client.frame(Kind.RST_STREAM)
        assert (stream, payload) == (1, struct.pack(">L", Code.PROTOCOL_ERROR))
        assert world.service.bodies_bytes == 0
        client.send(asked("/a.B/Echo", 3, content_length="7"))
        client.send(data_frame(3, b"\0\0", ended=False), data_frame(3, message(b"hi")[2:]))
        assert (await client.status())["grpc-status"] == "0"


async def test_too_many_headers_refuse_a_call_and_leave_the_others() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked("/a.B/Echo"), data_frame(1, b"\0", ended=False))
        client.send(asked("/a.B/Echo", 3, note="a" * 16_384))
        status = await client.status()
        assert (status["grpc-status"], status["grpc-message"]) == (
            "8",
            "the headers of a call have at most 16384 bytes",
        )
        client.send(data_frame(1, message(b"hi")[1:]))
        assert (await client.status())["grpc-status"] == "0"


async def test_a_compressed_message_is_answered_with_what_may_be_sent() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked("/a.B/Echo"), data_frame(1, b"\1\0\0\0\0"))
        status = await client.status()
        assert (status["grpc-status"], status["grpc-accept-encoding"]) == ("12", "identity")


def test_the_text_of_a_status_is_cut_to_what_clients_take() -> None:
    block = on_http2.refused(Refusal(Status.ABORTED, "\N{PILE OF POO}" * 10_000))
    assert headers_of(block)["grpc-message"] == "%F0%9F%92%A9" * 500 + "..."


async def test_the_first_words_of_another_protocol_are_answered_in_http_1() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.rest()).endswith(NOT_HTTP2)


async def test_python_h2_is_served_too() -> None:
    async with serving() as world, raw(world.port) as client:
        peer = H2Client()
        streams = [peer.request(message(b"%d" % n), "/a.B/Echo") for n in range(50)]
        client.send(peer.h2.data_to_send())
        while len(peer.answers) < 50 or any(a.trailers is None for a in peer.answers.values()):
            peer.receive(await client.reader.read(65536))
            client.send(peer.h2.data_to_send())
        assert [peer.answers[s].body for s in streams] == [message(b"%d" % n) for n in range(50)]
        assert {a.trailers["grpc-status"] for a in peer.answers.values() if a.trailers} == {"0"}


# What clients may take up.


async def test_one_client_too_many_is_told_so() -> None:
    async with running(methods(Slow()), "own", limits=(1, 1)) as door, raw(door.port) as first:
        await first.frame(Kind.SETTINGS)
        async with raw(door.port) as second:
            assert await second.goaway() is Code.ENHANCE_YOUR_CALM
            assert await second.rest() == b""
        first.send(GREETED, asked("/a.B/Echo"), data_frame(1, message(b"hi")))
        assert (await first.status())["grpc-status"] == "0"
        assert (door.gate.connections, door.gate.refusals) == (1, 1)


async def test_who_says_nothing_is_let_go() -> None:
    async with serving() as world, raw(world.port) as client:
        await client.frame(Kind.SETTINGS)
        world.pass_time(SETTINGS_SECONDS)
        assert world.gate.connections == 1
        world.pass_time(1)
        assert await client.goaway() is Code.SETTINGS_TIMEOUT
        assert await client.rest() == b""


async def test_so_is_who_never_takes_the_servers_settings() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(greeting(), asked("/a.B/Echo"), data_frame(1, message(b"hi")))
        await client.status()
        world.pass_time(SETTINGS_SECONDS + 1)
        assert await client.goaway() is Code.SETTINGS_TIMEOUT


async def test_a_message_that_does_not_come_to_its_end_ends_its_call() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked("/a.B/Echo"), data_frame(1, b"\x00\x00", ended=False))
        client.send(asked("/a.B/Echo", 3), data_frame(3, message(b"hi")))
        await client.status()
        world.pass_time(1)
        client.send(data_frame(1, b"\x00", ended=False), frame(Kind.PING, 0, 0, bytes(8)))
        await client.frame(Kind.PING)
        world.pass_time(REQUEST_SECONDS)
        assert world.service.bodies_bytes == 3
        world.pass_time(1)
        status = await client.status()
        assert (status["grpc-status"], status["grpc-message"]) == (
            "4",
            "a message must be sent within 10 seconds",
        )
        assert world.service.bodies_bytes == 0


async def test_a_silent_client_is_asked_for_a_sign_of_life() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked("/a.B/Echo"), data_frame(1, message(b"hi")))
        await client.status()
        for _ in range(3):
            world.pass_time(KEEPALIVE_SECONDS + 1)
            _, _, payload = await client.frame(Kind.PING)
            client.send(frame(Kind.PING, ACK, 0, payload), frame(Kind.PING, 0, 0, b"answered"))
            assert (await client.frame(Kind.PING))[2] == b"answered"
        world.pass_time(KEEPALIVE_SECONDS + 1)
        world.pass_time(KEEPALIVE_TIMEOUT_SECONDS + 1)
        await world.until(lambda: world.gate.is_empty)


async def test_a_client_that_opens_no_window_holds_its_calls_for_a_minute() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(greeting(INITIAL_WINDOW_SIZE=1), frame(Kind.SETTINGS, ACK, 0))
        client.send(asked("/a.B/Echo"), data_frame(1, message(b"hi")))
        assert (await client.frame(Kind.DATA))[2] == b"\x00"
        world.pass_time(1)
        client.send(frames.window_frame(1, 1))
        assert (await client.frame(Kind.DATA))[2] == b"\x00"
        world.pass_time(1)
        world.pass_time(STUCK_SECONDS)
        assert world.gate.connections == 1
        client.send(frame(Kind.PING, 0, 0, bytes(8)))
        await client.frame(Kind.PING)
        world.pass_time(1)
        assert (await client.frame(Kind.RST_STREAM))[1] == 1


async def test_a_client_that_reads_nothing_is_not_answered_for_ever_and_cut_off() -> None:
    async with serving() as world:
        with closing(socket.create_connection(("127.0.0.1", world.port))) as client:
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(client, GREETED + frames.window_frame(0, 2**30))
            await loop.sock_sendall(
                client, frames.settings_frame({frames.Setting.INITIAL_WINDOW_SIZE: 2**30})
            )
            await world.until(lambda: world.gate.connections == 1)
            [connection] = world.gate.all
            number, unsent, turns_in_vain = -1, b"", 0
            while turns_in_vain < 1000 or not connection._output_full:  # type: ignore[attr-defined]  # from inside
                if not unsent:
                    number += 2
                    body = data_frame(number, message(bytes(16000)))
                    unsent = asked("/a.B/Echo", number) + body
                try:
                    unsent, turns_in_vain = unsent[client.send(unsent) :], 0
                except BlockingIOError:
                    turns_in_vain += 1
                    await asyncio.sleep(0)
            # It takes nothing more: what waits is what the kernel holds, and this.
            waiting = connection._transport.get_write_buffer_size()  # type: ignore[attr-defined]  # from inside
            assert waiting < 200 * 1024
            for _ in range(12):
                world.pass_time(1)
            await world.until(lambda: world.gate.is_empty)


async def test_a_client_that_takes_little_is_served_for_as_long_as_it_takes() -> None:
    """The system takes more from us only after a third of what it has is gone: 80 KB."""

    async def much(_asked: bytes) -> AsyncIterator[bytes]:
        for _ in range(50):
            yield bytes(16000)

    async with serving() as world:
        world.service.methods = {**methods(world.slow), "/a.B/Much": Streaming(much)}
        loop = asyncio.get_running_loop()
        with closing(socket.socket()) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            client.connect(("127.0.0.1", world.port))
            client.setblocking(False)
            begun = greeting(INITIAL_WINDOW_SIZE=2**30) + frame(Kind.SETTINGS, ACK, 0)
            begun += frames.window_frame(0, 2**30) + asked("/a.B/Echo", 1)
            await loop.sock_sendall(client, begun + asked("/a.B/Much", 3))
            await loop.sock_sendall(client, data_frame(3, message(b"")))
            await world.until(lambda: world.gate.connections == 1)
            [connection] = world.gate.all
            await world.until(lambda: connection._output_full)  # type: ignore[attr-defined]  # from inside
            # This waits in the system, for as long as the answers do.
            await loop.sock_sendall(client, data_frame(1, message(b"hi")))
            said = b""
            for _ in range(100):
                world.pass_time(1)
                said += await loop.sock_recv(client, 5000)
                assert world.gate.connections == 1
            client.shutdown(socket.SHUT_WR)
            while came := await loop.sock_recv(client, 2**16):
                said += came
        assert said.count(message(b"hi")) == 1
        ends = [f for f in frames_in(said) if f[0] == Kind.HEADERS and f[1] & END_STREAM]
        assert {f[2]: headers_of(f[3])["grpc-status"] for f in ends} == {1: "0", 3: "0"}


async def test_messages_that_are_not_ended_have_a_bound_in_all() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED)
        for number in range(1, 13, 2):
            client.send(asked("/a.B/Echo", number))
            client.send(data_frame(number, b"\x00\x00\x0f\xff\xff", ended=False))
            for _ in range(63):
                client.send(data_frame(number, bytes(16384), ended=False))
            await client.writer.drain()
        client.send(frame(Kind.PING, 0, 0, bytes(8)))
        _, _, payload = await client.frame(Kind.HEADERS)
        status = headers_of(payload)
        assert status["grpc-status"] == "8"
        await client.frame(Kind.PING)
        assert world.service.bodies_bytes <= BODIES_PER_CONNECTION_BYTES_MAX < BODIES_BYTES_MAX
    await world.until(lambda: world.service.bodies_bytes == 0)


async def test_answers_to_each_message_wait_within_a_bound_of_all_calls() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(greeting(INITIAL_WINDOW_SIZE=0), frame(Kind.SETTINGS, ACK, 0))
        for number in range(1, 101, 2):
            client.send(asked("/a.B/Each", number))
            for _ in range(4):
                client.send(data_frame(number, message(bytes(8000)), ended=False))
            await client.writer.drain()
        _, _, payload = await client.frame(Kind.RST_STREAM)
        assert payload == struct.pack(">L", Code.ENHANCE_YOUR_CALM)
        client.send(frame(Kind.PING, 0, 0, bytes(8)))
        await client.frame(Kind.PING)
        [connection] = world.gate.all
        assert connection._http2.queued_bytes <= QUEUED_BYTES_MAX  # type: ignore[attr-defined]  # from inside


@pytest.mark.parametrize("path", ["/a.B/Large", "/a.B/LargeWork"])
async def test_messages_of_streams_are_made_as_there_is_room_for_them(path: str) -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(greeting(INITIAL_WINDOW_SIZE=0), frame(Kind.SETTINGS, ACK, 0))
        for number in range(1, 201, 2):
            client.send(asked(path, number), data_frame(number, message(b"")))
        for _ in range(300):  # Turns in which more would be made.
            client.send(frame(Kind.PING, 0, 0, bytes(8)))
            await client.frame(Kind.PING)
        [connection] = world.gate.all
        queued = connection._http2.queued_bytes  # type: ignore[attr-defined]  # from inside
        assert QUEUED_BYTES_MAX < queued <= QUEUED_BYTES_MAX + LARGE_BYTES + PREFIX_BYTES
        assert world.service.queued_bytes == queued
        client.send(frames.window_frame(0, 2**30))
        client.send(frames.settings_frame({Setting.INITIAL_WINDOW_SIZE: 2**30}))
        for _ in range(100):
            assert (await client.status())["grpc-status"] == "0"
        assert world.service.queued_bytes == 0


async def test_room_for_a_byte_of_one_call_wakes_no_other() -> None:
    """Else who opens a window byte by byte would have a hundred calls look for room each time."""
    async with serving() as world, raw(world.port) as client:
        client.send(greeting(INITIAL_WINDOW_SIZE=0), frame(Kind.SETTINGS, ACK, 0))
        for number in range(1, 201, 2):
            client.send(asked("/a.B/Large", number), data_frame(number, message(b"")))
        await world.until(lambda: not world.gate.is_empty)
        [connection] = world.gate.all
        rooms: dict[object, object] = connection._rooms  # type: ignore[attr-defined]  # from inside
        await world.until(lambda: len(rooms) == 100)
        waiting = list(rooms.values())
        client.send(frames.window_frame(1, 1))
        assert len((await client.frame(Kind.DATA))[2]) == 1
        world.pass_time(1)
        client.send(frame(Kind.PING, 0, 0, bytes(8)))
        await client.frame(Kind.PING)
        assert list(rooms.values()) == waiting


async def test_where_all_take_up_much_each_has_a_share() -> None:
    async with serving() as world, raw(world.port) as client:
        world.service.queued_bytes = QUEUED_IN_ALL_BYTES_MAX + 1
        client.send(greeting(INITIAL_WINDOW_SIZE=0), frame(Kind.SETTINGS, ACK, 0))
        for number in range(1, 21, 2):
            client.send(asked("/a.B/Large", number), data_frame(number, message(b"")))
        for _ in range(30):
            client.send(frame(Kind.PING, 0, 0, bytes(8)))
            await client.frame(Kind.PING)
        [connection] = world.gate.all
        assert connection._http2.queued_bytes == 2 * (LARGE_BYTES + PREFIX_BYTES)  # type: ignore[attr-defined]  # from inside
        client.send(asked("/a.B/Echo", 21), data_frame(21, message(b"hi")))
        _, stream, payload = await client.frame(Kind.RST_STREAM)
        assert (stream, payload) == (21, struct.pack(">L", Code.ENHANCE_YOUR_CALM))
        client.send(asked("/a.B/Each", 23), data_frame(23, message(b"hi"), ended=False))
        _, stream, payload = await client.frame(Kind.RST_STREAM)
        assert (stream, payload) == (23, struct.pack(">L", Code.ENHANCE_YOUR_CALM))
        world.service.queued_bytes = connection._queued_bytes  # type: ignore[attr-defined]  # from inside
        world.pass_time(1)
        await world.until(lambda: world.service.queued_bytes == 10 * (LARGE_BYTES + PREFIX_BYTES))


async def test_one_message_that_takes_time_is_made_in_a_turn_of_the_loop() -> None:
    made = 0

    async def work(_asked: bytes) -> AsyncIterator[bytes]:
        nonlocal made
        for _ in range(3):
            made += 1
            yield b"made"

    async with serving() as world, raw(world.port) as client:
        world.service.methods = {"/a.B/C": Streaming(work, is_work=True)}
        client.send(GREETED)
        for number in range(1, 201, 2):
            client.send(headers_frame(number), data_frame(number, message(b"")))
        before = 0
        while made < 300:
            await asyncio.sleep(0)
            assert made <= before + 1
            before = made
        for _ in range(100):
            assert (await client.status())["grpc-status"] == "0"


async def test_turns_to_make_messages_go_round_the_clients_however_many_calls_each_has() -> None:
    made = b""

    async def work(asked: bytes) -> AsyncIterator[bytes]:
        nonlocal made
        for _ in range(4):
            made += asked
            yield asked

    async with serving() as world, raw(world.port) as busy, raw(world.port) as other:
        world.service.methods = {"/a.B/C": Streaming(work, is_work=True)}
        other.send(GREETED)
        await other.frame(Kind.SETTINGS)
        busy.send(GREETED)
        for number in range(1, 201, 2):
            busy.send(headers_frame(number), data_frame(number, message(b"a")))
        await world.until(lambda: b"a" in made)
        other.send(headers_frame(1), data_frame(1, message(b"b")))
        assert (await other.status())["grpc-status"] == "0"
        assert made.strip(b"a") == b"bababab"
        for _ in range(100):
            assert (await busy.status())["grpc-status"] == "0"
        assert made.count(b"a") == 400


@asynccontextmanager
async def noting_turns(world: World) -> AsyncIterator[list[int]]:
    """The turns of the loop in which messages to /a.B/C are answered, in capitals."""
    turn, answered_in = 0, []

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def answer(message: bytes) -> bytes:
        answered_in.append(turn)
        return message.upper()

    world.service.methods = {**world.service.methods, "/a.B/C": Each(answer)}
    counting = asyncio.create_task(count())
    yield answered_in
    counting.cancel()


async def test_many_messages_of_one_frame_are_answered_in_parts() -> None:
    """A frame of 16 KiB has 3,276 empty ones, which would take 20 ms at once."""
    async with serving() as world, noting_turns(world) as answered_in, raw(world.port) as client:
        client.send(GREETED, headers_frame(1), data_frame(1, message(b"") * 3276))
        assert (await client.status())["grpc-status"] == "0"
        assert list(Counter(answered_in).values()) == [102] * 32 + [12]


async def test_so_are_many_messages_in_many_frames() -> None:
    async with serving() as world, noting_turns(world) as answered_in, raw(world.port) as client:
        client.send(GREETED, headers_frame(1))
        client.send(data_frame(1, message(b""), ended=False) * 1000)
        client.send(data_frame(1, message(b"")))
        assert (await client.status())["grpc-status"] == "0"
        assert len(answered_in) == 1001
        assert max(Counter(answered_in).values()) == 102


async def test_the_parts_are_answered_in_order_and_before_what_comes_after_them() -> None:
    many = b"".join([message(b"m%d" % number) for number in range(500)])
    async with serving() as world, noting_turns(world) as answered_in, raw(world.port) as client:
        client.send(GREETED, headers_frame(1), data_frame(1, many + b"\0", ended=False))
        client.send(asked("/a.B/Echo", 3), data_frame(3, message(b"after it")))
        client.send(data_frame(1, b"\0\0\0\x03end", ended=False))
        client.send(headers_frame(5), data_frame(5, many, ended=False), reset_frame(5, Code.CANCEL))
        client.send(headers_frame(7), data_frame(7, many + b"\1\0\0\0\0"), data_frame(1, b""))
        said = [await client.frame(Kind.DATA) for _ in range(1502)]
        bodies = [(stream, body) for _, stream, body in said]
        of_many = [message(b"M%d" % number) for number in range(500)]
        assert bodies == [
            *((1, body) for body in of_many),
            (3, message(b"after it")),
            (1, message(b"END")),
            *((5, body) for body in of_many),
            *((7, body) for body in of_many),
        ]
        assert (await client.status())["grpc-status"] == "12"  # of 7, whose last is compressed
        assert (await client.status())["grpc-status"] == "0"
        assert len(answered_in) == 1501
        assert max(Counter(answered_in).values()) <= 102
    assert world.service.bodies_bytes == 0


async def test_the_end_of_the_service_ends_also_what_is_answered_in_parts() -> None:
    async with serving() as world, noting_turns(world) as answered_in, raw(world.port) as client:
        client.send(GREETED, headers_frame(1), data_frame(1, message(b"") * 3276))
        await world.until(lambda: len(answered_in) > 0)
        draining = asyncio.create_task(world.service.drain(60))
        assert (await client.status())["grpc-status"] == "14"
        assert await client.rest() == b""
        assert len(answered_in) < 3276
        client.writer.close()
        await draining
    assert world.service.bodies_bytes == 0


async def test_the_largest_message_may_end_where_the_next_one_begins() -> None:
    both = message(bytes(MESSAGE_BYTES_MAX)) + message(b"next")
    parts = [both[at : at + 16384] for at in range(0, len(both), 16384)]
    assert parts[-1] == bytes(5) + message(b"next")
    async with serving() as world, raw(world.port) as client:
        world.service.methods = {"/a.B/C": Each(lambda asked: asked[:4])}
        client.send(GREETED, headers_frame(1))
        client.send(*(data_frame(1, part, ended=False) for part in parts), data_frame(1, b""))
        said = [(await client.frame(Kind.DATA))[2] for _ in range(2)]
        assert said == [message(bytes(4)), message(b"next")]
        assert (await client.status())["grpc-status"] == "0"
        assert world.service.bodies_bytes == 0


async def test_what_was_decided_first_stays_so_while_it_waits_for_room() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(greeting(INITIAL_WINDOW_SIZE=0), frame(Kind.SETTINGS, ACK, 0))
        client.send(asked("/a.B/Each"), data_frame(1, message(b"first"), ended=False))
        client.send(data_frame(1, b"\x01\0\0\0\0", ended=False), data_frame(1, b""))
        client.send(frame(Kind.PING, 0, 0, bytes(8)))
        await client.frame(Kind.PING)
        client.send(frame(Kind.WINDOW_UPDATE, 0, 1, struct.pack(">L", 1000)))
        await client.frame(Kind.DATA)
        _, _, payload = await client.frame(Kind.HEADERS)
        assert headers_of(payload)["grpc-status"] == "12"


async def test_answers_to_each_message_wait_within_a_bound() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(greeting(INITIAL_WINDOW_SIZE=0), frame(Kind.SETTINGS, ACK, 0))
        client.send(asked("/a.B/Each"))
        for _ in range(20):
            client.send(data_frame(1, message(bytes(8000)), ended=False))
        _, stream, payload = await client.frame(Kind.RST_STREAM)
        assert (stream, payload) == (1, struct.pack(">L", Code.ENHANCE_YOUR_CALM))


async def test_a_stream_of_answers_waits_for_its_client() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(greeting(INITIAL_WINDOW_SIZE=6), frame(Kind.SETTINGS, ACK, 0))
        client.send(asked("/a.B/Many"), data_frame(1, message(b"1000000")))
        assert (await client.frame(Kind.DATA))[2] == message(b"0")
        [connection] = world.gate.all
        [stream] = connection._http2.streams.values()  # type: ignore[attr-defined]  # from inside
        assert stream.queued == 6
        client.send(frames.window_frame(1, 6))
        assert (await client.frame(Kind.DATA))[2] == message(b"1")
        client.send(frames.reset_frame(1, Code.CANCEL))
        await asyncio.wait_for(world.slow.ended.wait(), 60)


async def test_a_message_that_has_gone_out_is_not_kept_until_the_next_one() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked("/a.B/Many"), data_frame(1, message(b"1")))
        assert (await client.frame(Kind.DATA))[2] == message(b"0")
        [connection] = world.gate.all
        call = connection._http2.streams[1].call  # type: ignore[attr-defined]  # from inside
        held = call.get_coro().cr_frame.f_locals
        assert "method" in held
        assert "message" not in held


async def test_streams_of_answers_have_a_bound_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_server, "STREAMS_MAX", 2)
    monkeypatch.setattr(own_server, "STREAMS_SHARE", 1)
    refused = StatusCode.RESOURCE_EXHAUSTED, "too many streams of answers are open", None
    async with serving() as world, calling(world.running()) as client:
        first, second = client.stream("/a.B/Many", b"1"), client.stream("/a.B/Many", b"1")
        assert [await first.read(), await second.read()] == [b"0", b"0"]
        assert told(await client.refusal("/a.B/Many", b"1")) == refused
        assert await client.ask("/a.B/Echo", b"hi") == b"hi"
        async with calling(world.running()) as other:  # It has its share in any case.
            share = other.stream("/a.B/Many", b"1")
            assert await share.read() == b"0"
            assert told(await other.refusal("/a.B/Many", b"1")) == refused
            share.cancel()
            await world.until(lambda: world.service.streams == 2)
        first.cancel()
        await world.until(lambda: world.service.streams == 1)
        assert await client.stream("/a.B/Many", b"1").read() == b"0"
    assert world.service.streams == 0


async def test_who_has_half_closed_is_still_answered() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked("/a.B/Later"), data_frame(1, message(b"hi")))
        client.writer.write_eof()
        await world.slow.begun.wait()
        world.slow.go_on.set()
        assert (await client.status())["grpc-status"] == "0"
        assert list(frames_in(await client.rest())) == []


async def test_a_client_that_has_gone_during_a_stream_is_found_out_within_a_second() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked("/a.B/Many"), data_frame(1, message(b"1")))
        assert (await client.frame(Kind.DATA))[2] == message(b"0")
        client.writer.close()
        [connection] = world.gate.all
        await world.until(lambda: connection._input_ended)  # type: ignore[attr-defined]  # from inside
        assert not world.slow.ended.is_set()
        await asyncio.sleep(0)
        world.pass_time(1)
        for _ in range(10):
            await asyncio.sleep(0)
        assert world.slow.ended.is_set()
        await world.until(lambda: world.gate.is_empty)


async def test_what_was_only_half_asked_for_is_not_waited_for_after_the_clients_end() -> None:
    async with serving() as world, raw(world.port) as client:
        client.send(GREETED, asked("/a.B/Each"), asked("/a.B/Echo", 3))
        client.send(data_frame(3, b"\0\0\0", ended=False))
        client.writer.write_eof()
        rest = await client.rest()
        assert [(kind, stream) for kind, _, stream, _ in frames_in(rest)][-2:] == [
            (Kind.RST_STREAM, 1),
            (Kind.RST_STREAM, 3),
        ]
        await world.until(lambda: world.gate.is_empty)
        assert world.service.bodies_bytes == 0


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is no IPv6")
@pytest.mark.parametrize("server", ["own", "grpcio"])
async def test_all_addresses_are_those_of_both_kinds(server: str) -> None:
    async with running(methods(Slow()), server, "::") as door:
        for address in ("127.0.0.1", "[::1]"):
            door.address = f"{address}:{door.port}"
            async with calling(door) as client:
                assert await client.ask("/a.B/Echo", b"hi") == b"hi"


@pytest.mark.parametrize("server", ["own", "grpcio"])
async def test_a_taken_port_is_an_error_of_the_system(server: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        door = running(methods(Slow()), server, port=other.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            await door.__aenter__()
