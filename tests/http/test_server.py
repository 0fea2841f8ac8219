"""The HTTP door over real sockets of the loopback, with a clock that is passed in."""

import asyncio
import logging
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from pricedesk.admission import ClientLimits
from pricedesk.errors import NoRatesKnown
from pricedesk.http.connection import (
    IDLE_SECONDS,
    OUTPUT_BYTES_MAX,
)
from pricedesk.http.messages import (
    AwaitedStream,
    Expiry,
    News,
    Request,
    Response,
    Stream,
    json_response,
)
from pricedesk.http.refusals import (
    BODY_BYTES_MAX,
    HEADER_BYTES_MAX,
    HEADER_SECONDS,
    REQUEST_SECONDS,
    TARGET_BYTES_MAX,
)
from pricedesk.http.routes import Route, Router, RouteTable
from pricedesk.http.server import HttpService
from pricedesk.unread import LINGER_SECONDS, STALLED_OUTPUT_SECONDS

LIMITS = ClientLimits(connections=100, connections_per_address=100)
FRIDAY_EVENING = datetime(2026, 10, 30, 18, tzinfo=UTC)
CHUNK = b"x" * 32 * 1024
BEGINNING_CHUNKS = 2
"""So many chunks of a stream are made with its request: perhaps they are all of it."""
AN_HOUR = Expiry(3600, "stale-while-revalidate=1")
DATE = b"date: Fri, 30 Oct 2026 18:00:00 GMT\r\n"
GET = b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Rig:
    """A door under test, its clock, the stream that it serves, and the grounds of its answers."""

    def __init__(
        self,
        limits: ClientLimits,
        refusal_headers: tuple[tuple[str, str], ...] = (),
        *,
        keeps: bool = True,
    ) -> None:
        self.now = 1000.0
        self.instant = FRIDAY_EVENING
        self.version = object()
        self.small_made = 0
        self.turn = 0
        self.seen_turns: list[int] = []
        self.chunks_made = 0
        self.stream_closed = asyncio.Event()
        self.asked = asyncio.Event()
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.chunks_max = 3
        self.breaks = False
        routes = (
            Route("/", lambda _request, _path: json_response({})),
            Route("/small", self._small),
            Route("/large", self._large),
            Route("/echo", self._echo, ("GET", "POST")),
            Route("/stream", lambda _request, _path: Response(self._stream())),
            Route("/headers", self._headers),
            Route("/later", self._later),
            Route("/awaited", lambda _request, _path: Response(AwaitedStream(self._news()))),
            Route("/news", lambda _request, _path: Response(self._news())),
            Route("/unready", lambda _request, _path: json_response({}, 503)),
            Route("/fault", self._fault),
            Route("/split", self._split),
            Route("/turns", self._turn_of),
        )
        self.service = HttpService(
            Router([RouteTable(routes, any_origin=False)]),
            limits,
            lambda: self.instant,
            lambda: self.now,
            refusal_headers=refusal_headers,
            grounds=self if keeps else None,
        )
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    def unchanged(self, now: datetime) -> tuple[datetime, datetime]:
        """All that is served here is the same for an hour."""
        return now, now + timedelta(hours=1)

    def _small(self, _request: Request, _path: Mapping[str, str]) -> Response:
        self.small_made += 1
        headers = (AN_HOUR.header(self.instant),)
        return json_response({"n": 1}, headers=headers, expiry=AN_HOUR)

    def _large(self, _request: Request, _path: Mapping[str, str]) -> Response:
        headers = (AN_HOUR.header(self.instant),)
        return Response(CHUNK[1:], headers=headers, expiry=AN_HOUR)

    def _echo(self, request: Request, _path: Mapping[str, str]) -> Response:
        return json_response({"length": len(request.body), "begin": request.body[:9].decode()})

    def _headers(self, request: Request, _path: Mapping[str, str]) -> Response:
        return json_response({k: v for k, v in request.headers.items() if k[:2] in {"x-", "id"}})

    async def _later(self, _request: Request, _path: Mapping[str, str]) -> Response:
        self.asked.set()
        said = await self.answers.get()
        if not said:
            raise NoRatesKnown("no rates are known yet")
        return json_response({"said": said.decode()})

    async def _news(self) -> News:
        try:
            while said := await self.answers.get():
                yield said
        finally:
            self.stream_closed.set()

    def _split(self, _request: Request, _path: Mapping[str, str]) -> Response:
        return json_response({}, headers=(("X", "a\r\nY: b"),))

    def _turn_of(self, _request: Request, _path: Mapping[str, str]) -> Response:
        self.seen_turns.append(self.turn)
        return json_response({})

    def _fault(self, _request: Request, _path: Mapping[str, str]) -> Response:
        raise ZeroDivisionError

    def _stream(self) -> Stream:
        try:
            for number in range(self.chunks_max):
                self.chunks_made += 1
                if number >= BEGINNING_CHUNKS:
                    self.seen_turns.append(self.turn)
                yield CHUNK
            if self.breaks:
                raise ZeroDivisionError
        finally:
            self.stream_closed.set()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        self._writers.append(writer)
        return reader, writer

    async def said(self, sent: bytes) -> bytes:
        """All that the door says to a client that sends this and waits for the end."""
        reader, writer = await self.connect()
        writer.write(sent)
        return await reader.read()

    async def close(self) -> None:
        await self.service.drain(0)
        for writer in self._writers:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def pass_time(self, seconds: float) -> None:
        await settled()
        self.now += seconds
        self.service.sweep()
        await settled()


async def settled() -> None:
    """Let the loop do what there is to do now."""
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def rig(
    limits: ClientLimits = LIMITS,
    refusal_headers: tuple[tuple[str, str], ...] = (),
    *,
    keeps: bool = True,
) -> AsyncIterator[Rig]:
    made = Rig(limits, refusal_headers, keeps=keeps)
    made.port = await made.service.start("127.0.0.1", 0)
    async with asyncio.timeout(60):
        try:
            yield made
        finally:
            await made.close()


def answer(body: bytes, more: bytes = b"") -> bytes:
    """The whole answer with such a body, but for its tag."""
    return (
        b"HTTP/1.1 200 OK\r\n" + DATE + b"content-type: application/json; charset=utf-8\r\n"
        b"TAGcontent-length: %d\r\n" % len(body) + more + b"\r\n" + body
    )


def without_tags(said: bytes) -> bytes:
    lines = said.split(b"\r\n")
    kept = [line for line in lines if not line.startswith(b"etag: ")]
    return b"\r\n".join(kept)


def plain(body: bytes, more: bytes = b"") -> bytes:
    return answer(body, more).replace(b"TAG", b"")


CHUNKED = b"Transfer-Encoding: chunked"
CLOSED = b"connection: close\r\n"
KEPT_FOR_AN_HOUR = b"cache-control: public, max-age=3600, stale-while-revalidate=1\r\n"
SMALL = answer(b'{"n":1}').replace(b"TAG", KEPT_FOR_AN_HOUR)
SMALL_LAST = answer(b'{"n":1}', CLOSED).replace(b"TAG", KEPT_FOR_AN_HOUR)


def status_of(said: bytes) -> int:
    return int(said.split(b" ", 2)[1])


def post(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST /echo HTTP/1.1", b"Host: a", b"Connection: close", *headers, b"", body]
    return b"\r\n".join(lines)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (LAST, SMALL_LAST),
        (GET + LAST, SMALL + SMALL_LAST),
        (GET * 40 + LAST, SMALL * 40 + SMALL_LAST),
        (b"\r\n\r\n" + LAST, SMALL_LAST),
        (b"GET /small HTTP/1.0\r\n\r\n", SMALL_LAST),
        (b"GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + GET, SMALL_LAST),
        (LAST.replace(b"/small", b"http://any.example/small"), SMALL_LAST),
        (
            b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
            + LAST,
            SMALL + SMALL_LAST,
        ),
        (
            b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
            b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n" + LAST,
            SMALL + SMALL_LAST,
        ),
        (
            post(b"123", b"Content-Length: 3"),
            plain(b'{"length":3,"begin":"123"}', CLOSED),
        ),
        (
            post(b"3\r\n123\r\n2;a=x\r\n45\r\n0\r\nTrailer: x\r\n\r\n", CHUNKED),
            plain(b'{"length":5,"begin":"12345"}', CLOSED),
        ),
        (
            b"GET /headers HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-A: 1\r\nx-a: 2\r\n\r\n",
            plain(b'{"x-a":"1, 2"}', CLOSED),
        ),
        (
            LAST.replace(b"/small", b"/headers").replace(
                b"\r\n\r\n", b"\r\nIdempotency-Key: a, b\r\nidempotency-key: c\r\n\r\n"
            ),
            plain(b'{"idempotency-key":"a, b\\nc"}', CLOSED),
        ),
    ],
)  # fmt: skip
async def test_what_is_asked_is_answered_in_order(sent: bytes, said: bytes) -> None:
    async with rig() as door:
        assert without_tags(await door.said(sent)) == said


async def test_bytes_may_come_one_by_one() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        for byte in post(b"123456", b"Content-Length: 6"):
            writer.write(bytes([byte]))
            await settled()
        said = without_tags(await reader.read())
        assert said == plain(b'{"length":6,"begin":"123456"}', CLOSED)


async def test_a_client_that_ends_its_side_is_answered_all_the_same() -> None:
    async with rig() as door:
        for sent, said in ((GET, SMALL), (GET * 300, SMALL * 300)):
            reader, writer = await door.connect()
            writer.write(sent)
            writer.write_eof()
            assert without_tags(await reader.read()) == said


async def test_thousands_of_requests_in_one_write_are_answered_in_order() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        bodies = [b"%d" % n for n in range(3000)]
        for body in bodies:
            writer.write(
                b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body), body)
            )
        writer.write(LAST)
        said = await reader.read()
        assert [part.split(b'"')[0] for part in said.split(b'"begin":"')[1:]] == bodies


async def test_a_burst_of_requests_waits_unparsed_and_unread() -> None:
    """While the answer before it is not taken, at most one piece of it is in memory."""
    async with rig() as door:
        door.chunks_max = 1000
        _, writer = await door.connect()
        writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n" + GET * 100_000)
        await until(lambda: door.chunks_made > 3)
        await settled()
        (connection,) = door.service.gate.admitted
        assert len(connection.pipeline) < 4096 // len(GET) + 1
        assert len(connection._unparsed) <= 16 * 1024


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # seen from outside
        await asyncio.sleep(0)


NO_LENGTH = b"POST /echo HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /small\r\n\r\n", 400),
        (b"GET /small HTTP/0.9\r\n\r\n", 400),
        (b"GET /small HTTP/0.9\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        (b"GET /small HTTP/3.0\r\nHost: a\r\n\r\n", 400),
        (b"GET /sm all HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /sm\x00all HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /small?\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET small HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /small HTTP/1.1\r\n\r\n", 400),
        (b"GET /small HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /small HTTP/1.1\r\nHost a\r\n\r\n", 400),
        (b"GET /small HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400),
        (b"GET /small HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n", 400),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (NO_LENGTH + b"Content-Length: -1\r\n\r\n", 400),
        (NO_LENGTH + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n12", 400),
        (NO_LENGTH + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (NO_LENGTH + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (NO_LENGTH + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (NO_LENGTH + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), 413),
        (NO_LENGTH + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
        (
            NO_LENGTH + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"10000\r\n%s\r\n" % (b"x" * 0x10000) * 17,
            413,
        ),
        (NO_LENGTH + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 3 * BODY_BYTES_MAX, 413),
        (
            NO_LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: "
            + b"x" * 3 * BODY_BYTES_MAX,
            413,
        ),
        (b"GET /" + b"x" * TARGET_BYTES_MAX + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /" + b"x" * 2 * HEADER_BYTES_MAX, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * HEADER_BYTES_MAX + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100 * HEADER_BYTES_MAX, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X:y\r\n" * HEADER_BYTES_MAX, 431),
        (b"G" * 100 * HEADER_BYTES_MAX, 400),
    ],
)  # fmt: skip
async def test_what_is_no_request_is_refused_and_the_connection_ends(
    sent: bytes, status: int
) -> None:
    async with rig() as door:
        said = await door.said(sent)
        assert status_of(said) == status
        assert b"\r\nconnection: close\r\n" in said
        assert b"\r\ncache-control: no-store\r\n" in said
        assert b"\r\ncontent-type: application/problem+json\r\n" in said
        again = await door.said(LAST)
        assert without_tags(again) == SMALL_LAST


async def test_a_refusal_is_a_whole_answer() -> None:
    async with rig() as door:
        assert await door.said(b"hello\r\n\r\n") == (
            b"HTTP/1.1 400 Bad Request\r\n" + DATE + b"connection: close\r\n"
            b"content-type: application/problem+json\r\ncontent-length: 118\r\n"
            b"cache-control: no-store\r\n\r\n"
            b'{"type":"/docs#malformed-request","title":"malformed request","status":400,'
            b'"detail":"this is not an HTTP/1.1 request"}'
        )


async def test_a_refusal_has_the_doors_own_headers() -> None:
    async with rig(refusal_headers=(("X-Safe", "Yes, it is"),)) as door:
        said = await door.said(b"hello\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n" + DATE + b"x-safe: Yes, it is\r\n")
        assert b"x-safe" not in await door.said(LAST)


@pytest.mark.parametrize(
    "bad",
    [
        b"hello\r\n\r\n",
        b"GET /small HTTP/1.1\r\n\r\n",
        NO_LENGTH + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        NO_LENGTH + b"Content-Length: 9999999\r\n\r\n",
    ],
)
async def test_what_was_asked_before_a_bad_request_is_answered_first(bad: bytes) -> None:
    async with rig() as door:
        said = without_tags(await door.said(GET * 2 + bad + GET))
        assert said.startswith(SMALL * 2 + b"HTTP/1.1 4")
        assert said.count(DATE) == 3


async def test_a_refusal_behind_a_long_answer_reads_on_to_the_clients_end() -> None:
    async with rig() as door:
        door.chunks_max = 1000
        reader, writer = await door.connect()
        writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\nhello\r\n\r\n")
        await until(lambda: door.chunks_made > 2)
        (connection,) = door.service.gate.admitted
        writer.write(b"more of it")
        await until(lambda: bool(connection._unparsed))
        said = await reader.read()
        assert said.count(CHUNK) == 1000
        assert status_of(said.rpartition(b"\r\n0\r\n\r\n")[2]) == 400
        # No time passes: that the client ends its side has to be seen.
        writer.close()
        await until(lambda: door.service.gate.is_empty)


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        (b"HEAD /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, b""),
        (b"HEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, b""),
        (
            b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\nIf-None-Match: *\r\n\r\n",
            304,
            b"",
        ),
        (b"OPTIONS /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 204, b""),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 204, b""),
        (b"PUT /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405, None),
        (b"GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404, None),
    ],
)
async def test_the_routers_answers_go_out_as_they_are(
    sent: bytes, status: int, body: bytes | None
) -> None:
    async with rig() as door:
        said = await door.said(sent)
        assert status_of(said) == status
        head, _, sent_body = said.partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head
        assert body is None or sent_body == body


async def test_a_body_is_asked_for_when_the_client_waits_to_be_asked() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        writer.write(post(b"", b"Content-Length: 3", b"Expect: 100-continue"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"123")
        assert b'{"length":3,"begin":"123"}' in await reader.read()


async def test_a_body_that_is_too_large_is_not_asked_for() -> None:
    async with rig() as door:
        said = await door.said(post(b"", b"Content-Length: 9999999", b"Expect: 100-continue"))
        assert status_of(said) == 413


async def test_a_client_of_http_1_0_is_not_told_to_continue() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        writer.write(b"POST /echo HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        await settled()
        writer.write(b"1")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")


SLOW = [
    (b"GET /small HTTP/1.1\r\nHo", HEADER_SECONDS),
    (b"G", HEADER_SECONDS),
    (post(b"12", b"Content-Length: 9"), REQUEST_SECONDS),
    (post(b"9\r\n12", b"Transfer-Encoding: chunked"), REQUEST_SECONDS),
    (post(b"", b"Content-Length: 9"), REQUEST_SECONDS),
]


@pytest.mark.parametrize(("sent", "seconds"), SLOW)
@pytest.mark.parametrize("before", [b"", GET])
async def test_a_request_that_takes_too_long_is_told_so_and_ended(
    before: bytes, sent: bytes, seconds: int
) -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        writer.write(before)
        assert len(without_tags(await reader.read(1000) if before else b"")) == len(SMALL) * bool(
            before
        )
        await door.pass_time(1)
        for byte in sent:
            writer.write(bytes([byte]))
        await until_received()
        await door.pass_time(seconds - 1 - (not before))
        assert len(door.service.gate.admitted) == 1
        await door.pass_time(1.5)
        assert status_of(await reader.read()) == 408
        await door.pass_time(LINGER_SECONDS + 0.5)
        assert door.service.gate.is_empty


@pytest.mark.parametrize(("sent", "seconds"), SLOW)
async def test_what_is_begun_behind_a_request_has_its_time_from_the_answer_on(
    sent: bytes, seconds: int
) -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        await door.pass_time(HEADER_SECONDS - 1)
        writer.write(GET + sent)
        assert without_tags(await reader.readexactly(len_of(SMALL))) == SMALL
        await door.pass_time(seconds)
        assert len(door.service.gate.admitted) == 1
        await door.pass_time(0.5)
        assert status_of(await reader.read()) == 408


async def until_received() -> None:
    """Wait until the loopback's bytes are there; nothing of the door says so."""
    for _ in range(100):
        await settled()


async def test_a_client_that_sends_nothing_is_let_go() -> None:
    async with rig() as door:
        reader, _ = await door.connect()
        await until(lambda: door.service.gate.connections == 1)
        await door.pass_time(HEADER_SECONDS)
        assert door.service.gate.connections == 1
        await door.pass_time(0.5)
        assert await reader.read() == b""


async def test_the_door_looks_by_itself_at_who_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpService, "sweep_seconds", 0)
    async with rig() as door:
        reader, writer = await door.connect()
        writer.write(GET)
        await reader.readexactly(len_of(SMALL))
        door.now += IDLE_SECONDS + 0.5
        assert await reader.read() == b""


def test_whoever_is_late_is_gone_within_ten_seconds() -> None:
    slowest = max(HEADER_SECONDS, REQUEST_SECONDS, IDLE_SECONDS)
    assert slowest + HttpService.sweep_seconds < 10


async def test_only_line_ends_are_nothing() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        for _ in range(HEADER_SECONDS):
            writer.write(b"\r\n")
            await door.pass_time(1)
        await door.pass_time(0.5)
        assert await reader.read() == b""


async def test_a_connection_is_kept_for_the_next_request_but_not_for_ever() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        for _ in range(3):
            writer.write(GET)
            assert without_tags(await reader.readexactly(len_of(SMALL))) == SMALL
            await door.pass_time(IDLE_SECONDS - 1)
        await door.pass_time(1.5)
        assert await reader.read() == b""


def len_of(said: bytes) -> int:
    """With the tag, which is a hash of thirty-two digits in quotes."""
    return len(said) + len('etag: ""\r\n') + 32


async def test_a_stream_comes_in_chunks_and_the_connection_goes_on() -> None:
    async with rig() as door:
        said = await door.said(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n" + LAST)
        head, _, rest = said.partition(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        assert b"content-length" not in head
        body = b"8000\r\n" + CHUNK + b"\r\n"
        assert without_tags(rest) == body * 3 + b"0\r\n\r\n" + SMALL_LAST


async def test_a_handler_may_have_to_wait_and_others_are_served_meanwhile() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        later = b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
        writer.write(later + later + LAST)
        await door.asked.wait()
        assert without_tags(await door.said(LAST)) == SMALL_LAST
        door.answers.put_nowait(b"now")
        door.answers.put_nowait(b"")
        first, _, rest = without_tags(await reader.read()).partition(b'{"said":"now"}')
        assert status_of(first) == 200
        assert status_of(rest) == 503
        assert rest.endswith(SMALL_LAST)


async def test_news_are_sent_when_there_are_some_however_long_that_takes() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        writer.write(b"GET /news HTTP/1.1\r\nHost: a\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        for said in (b"one", b"two"):
            await door.pass_time(3600)
            door.answers.put_nowait(said)
            assert await reader.readuntil(said + b"\r\n") == b"3\r\n" + said + b"\r\n"
        writer.transport.abort()
        await until(lambda: door.service.gate.is_empty)
        door.answers.put_nowait(b"to nobody")
        await door.stream_closed.wait()


async def test_a_stream_that_is_waited_for_is_sent_whole_though_the_service_ends() -> None:
    """A file that a thread reads is such a one; nobody would wait for the end of news."""
    async with rig() as door:
        reader, writer = await door.connect()
        writer.write(b"GET /awaited HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        draining = asyncio.create_task(door.service.drain(10))
        for part in (b"one", b"two", b""):
            await settled()
            door.answers.put_nowait(part)
        assert await reader.read() == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        assert door.stream_closed.is_set()
        await draining


async def test_news_end_with_the_service() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        writer.write(b"GET /news HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        draining = asyncio.ensure_future(door.service.drain(3600))
        assert await reader.read() == b""
        await draining
        door.answers.put_nowait(b"")


async def test_a_stream_for_http_1_0_ends_with_the_connection() -> None:
    async with rig() as door:
        said = await door.said(b"GET /stream HTTP/1.0\r\n\r\n")
        head, _, body = said.partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head
        assert b"connection: close" in head
        assert body == CHUNK * 3


async def test_a_long_stream_takes_no_more_memory_than_a_short_one() -> None:
    async with rig() as door:
        door.chunks_max = 2000
        reader, writer = await door.connect()
        writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        tracemalloc.start()
        size = 0
        while not door.stream_closed.is_set() or size < 2000 * len(CHUNK):
            size += len(await reader.read(2**16))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert size >= 2000 * len(CHUNK)
        assert peak < 4 * 2**20


async def test_others_are_served_while_a_stream_is_made() -> None:
    async with rig() as door:
        door.chunks_max = 2000
        reader, writer = await door.connect()
        writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        reading = asyncio.ensure_future(reader.read(-1))
        await until(lambda: door.chunks_made > 2)
        assert without_tags(await door.said(LAST)) == SMALL_LAST
        assert door.chunks_made < 2000
        reading.cancel()


async def test_a_client_that_does_not_read_its_stream_is_cut_off() -> None:
    async with rig() as door:
        door.chunks_max = 10_000
        _, writer = await slow_reader(door)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        await until_stalled(door)
        made = door.chunks_made
        (connection,) = door.service.gate.admitted
        assert connection.transport.get_write_buffer_size() <= OUTPUT_BYTES_MAX + 2 * len(CHUNK)
        await door.pass_time(0.5)
        await door.pass_time(STALLED_OUTPUT_SECONDS - 1)
        assert (door.service.gate.connections, door.chunks_made) == (1, made)
        await door.pass_time(1.5)
        await door.stream_closed.wait()
        await until(lambda: door.service.gate.is_empty)


async def slow_reader(door: Rig) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client whose window is small and that reads nothing."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", door.port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=1024)
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport of asyncio's
    door._writers.append(writer)
    return reader, writer


async def until_stalled(door: Rig) -> None:
    await until(lambda: door.chunks_made > 2)
    before = -1
    while door.chunks_made != before:
        before = door.chunks_made
        for _ in range(5):
            await settled()


@pytest.mark.parametrize("asked", [b"", GET])
async def test_a_client_that_resets_its_connection_closes_the_stream(asked: bytes) -> None:
    async with rig() as door:
        door.chunks_max = 10_000
        reader, writer = await door.connect()
        writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n" + asked)
        await reader.readexactly(1000)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await door.stream_closed.wait()
        assert door.chunks_made < 10_000
        await until(lambda: door.service.gate.is_empty)


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_a_stream_that_breaks_does_not_look_whole(
    version: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig() as door:
        door.breaks = True
        reader, writer = await door.connect()
        writer.write(b"GET /stream HTTP/%s\r\nHost: a\r\n\r\n" % version)
        with caplog.at_level(logging.ERROR), suppress(ConnectionResetError):
            said = await reader.read()
            assert not said.endswith(b"0\r\n\r\n")
            assert version == b"1.1", "the end of the connection would be the end of the answer"
        (record,) = caplog.records
        assert record.exc_info is not None
        assert door.service.tally.failed == 1


@pytest.mark.parametrize("limits", [ClientLimits(2, 100), ClientLimits(100, 2)])
async def test_clients_beyond_the_limit_are_told_and_counted(limits: ClientLimits) -> None:
    async with rig(limits) as door:
        for _ in range(2):
            await door.connect()
        await until(lambda: door.service.gate.connections == 2)
        for _ in range(3):
            reader, _ = await door.connect()
            assert (await reader.read()).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert (door.service.gate.connections, door.service.gate.refusals) == (2, 3)
        tally = door.service.tally
        assert (tally.requests, tally.answered, tally.refused, tally.failed) == (3, 0, 3, 0)


async def test_there_is_room_again_when_a_client_goes() -> None:
    async with rig(ClientLimits(1, 1)) as door:
        assert without_tags(await door.said(LAST)) == SMALL_LAST
        await until(lambda: door.service.gate.is_empty)
        assert without_tags(await door.said(LAST)) == SMALL_LAST


async def test_draining_finishes_what_was_begun_and_nothing_else() -> None:
    async with rig() as door:
        door.chunks_max = 100
        idle, _ = await door.connect()
        streaming, writer = await door.connect()
        writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
        uploading, upload = await door.connect()
        upload.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n1")
        await until(lambda: door.chunks_made > 2 and door.service.gate.connections == 3)
        await settled()
        draining = asyncio.ensure_future(door.service.drain(10))
        assert await idle.read() == b""
        upload.write(b"23")
        assert without_tags(await uploading.read()) == plain(b'{"length":3,"begin":"123"}', CLOSED)
        said = await streaming.read()
        assert said.count(CHUNK) == 100
        assert without_tags(said).endswith(b"0\r\n\r\n" + SMALL_LAST)
        await draining
        with pytest.raises(ConnectionRefusedError):
            await door.connect()


async def test_who_does_not_finish_in_time_is_cut_off() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        writer.write(b"GET /small HTT")
        await until(lambda: door.service.gate.connections == 1)
        for _ in range(50):
            await settled()
        await door.service.drain(0)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert door.service.gate.is_empty


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        (LAST, (1, 0, 0)),
        (post(b"", b"Content-Length: 0"), (1, 0, 0)),
        (b"hello\r\n\r\n", (0, 1, 0)),
        (LAST.replace(b"/small", b"/none"), (0, 1, 0)),
        # That there is no rate, or none yet, is no failure.
        (LAST.replace(b"/small", b"/unready"), (0, 1, 0)),
        (NO_LENGTH + b"Transfer-Encoding: gzip, chunked\r\n\r\n", (0, 0, 1)),
        (LAST.replace(b"/small", b"/fault"), (0, 0, 1)),
    ],
)
async def test_each_answer_is_counted_by_what_came_of_it(
    sent: bytes, counted: tuple[int, int, int]
) -> None:
    async with rig() as door:
        await door.said(sent)
        tally = door.service.tally
        assert (tally.answered, tally.refused, tally.failed) == counted
        assert (tally.requests, sum(tally.buckets)) == (1, 1)


@pytest.mark.parametrize("begun", [b"GET /sm", post(b"1", b"Content-Length: 3"), GET + b"GET"])
async def test_a_request_that_ends_in_the_middle_is_told_so(begun: bytes) -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        writer.write(begun)
        writer.write_eof()
        said = without_tags(await reader.read()).removeprefix(SMALL)
        assert status_of(said) == 400
        assert b"the request ends too early" in said


ANY = b"GET /small HTTP/1.1\r\nHost: a\r\nX: %d\r\n\r\n"
HEAD = b"HEAD /small HTTP/1.1\r\nHost: a\r\n\r\n"
KNOWN = b"GET /small HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n"
OFTEN = 5
"""So often a request has to come before it is known by its bytes, and once more."""


async def answers_to(door: Rig, *requests: bytes) -> list[bytes]:
    """What is said to each of some requests over one connection, each sent when it is free."""
    reader, writer = await door.connect()
    said = []
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0 if request in (HEAD, KNOWN) else int(head.split(b"length: ")[1].split(b"\r")[0])
        said.append(head + await reader.readexactly(length))
    writer.close()
    return said


@pytest.mark.parametrize("request_", [GET, HEAD, KNOWN, GET.replace(b"small", b"large")])
async def test_an_answer_that_is_kept_is_the_same_to_the_byte(request_: bytes) -> None:
    async with rig() as door:
        first, *others = await answers_to(door, *[request_] * OFTEN)
        assert others == [first] * (OFTEN - 1)
        assert door.small_made == int(b"small" in request_)


async def test_what_is_kept_is_known_by_target_and_choosing_headers() -> None:
    """Other headers make no other answer; those that choose between answers do."""
    async with rig() as door:
        said = await answers_to(door, *[ANY % n for n in range(OFTEN)], GET)
        assert (len(set(said)), door.small_made) == (1, 1)
        await answers_to(door, GET.replace(b"Host", b"Accept: a\r\nHost"))
        await answers_to(door, GET.replace(b"/small", b"/small?a"))
        assert door.small_made == 3


@pytest.mark.parametrize(
    "sent",
    [
        GET.replace(b"Host", b"Content-Length: 1\r\nHost") + b"1",
        GET.replace(b"Host", b"Content-Length: 0\r\nHost"),
        GET.replace(b"Host", b"Transfer-Encoding: chunked\r\nHost") + b"0\r\n\r\n",
        GET.replace(b"Host", b"Connection: upgrade\r\nUpgrade: x\r\nHost"),
        GET.replace(b"Host", b"Expect: 100-continue\r\nHost"),
    ],
)
async def test_requests_that_are_not_plain_are_answered_as_ever(sent: bytes) -> None:
    async with rig() as door:
        await answers_to(door, *[GET] * OFTEN)
        said = await door.said(GET * OFTEN + sent * OFTEN + LAST)
        said = said.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
        assert without_tags(said) == SMALL * 2 * OFTEN + SMALL_LAST
        assert door.small_made == OFTEN + 1


async def test_a_request_is_known_only_where_one_begins() -> None:
    """Not in a body, behind the begin of another one, or in a piece with more in it."""
    upload = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
    async with rig() as door:
        await answers_to(door, *[GET] * OFTEN)
        reader, writer = await door.connect()
        writer.write(upload % len(GET))
        await until_received()
        writer.write(GET)
        head = await reader.readuntil(b"}")
        assert head.endswith(b'{"length":%d,"begin":"GET /smal"}' % len(GET))
        writer.write(b"GET /echo?")
        await until_received()
        writer.write(GET)
        assert status_of(await reader.readuntil(b"}")) == 400


async def test_the_end_of_a_request_is_none_however_often_it_came() -> None:
    async with rig() as door:
        reader, writer = await door.connect()
        for _ in range(OFTEN):
            writer.write(GET[:3])
            await until_received()
            writer.write(GET[3:])
            assert without_tags(await reader.readexactly(len_of(SMALL))) == SMALL
        writer.write(GET[3:])
        assert status_of(await reader.read()) == 400


async def test_a_request_may_come_in_two_parts_and_what_follows_in_the_second() -> None:
    async with rig() as door:
        for cut in range(1, len(GET)):
            reader, writer = await door.connect()
            writer.write(GET * 2 + GET[:cut])
            await until_received()
            writer.write(GET[cut:] + GET * 2 + LAST)
            assert without_tags(await reader.read()) == SMALL * 5 + SMALL_LAST
        assert door.small_made < 2 * len(GET)


async def test_known_requests_before_a_bad_one_are_answered_first() -> None:
    async with rig() as door:
        await answers_to(door, *[GET] * OFTEN)
        said = without_tags(await door.said(GET * 3 + b"hello\r\n\r\n" + GET))
        assert said.startswith(SMALL * 3 + b"HTTP/1.1 400")
        assert said.count(DATE) == 4


async def test_with_other_grounds_an_answer_is_made_anew() -> None:
    async with rig() as door:
        await answers_to(door, *[GET] * OFTEN)
        door.version = object()
        await answers_to(door, *[GET] * OFTEN)
        assert door.small_made == 2
        door.instant += timedelta(hours=1)
        await answers_to(door, *[GET] * OFTEN)
        assert door.small_made == 3


async def test_a_kept_answer_has_the_date_of_now() -> None:
    async with rig() as door:
        await answers_to(door, *[GET] * OFTEN)
        door.instant += timedelta(seconds=1)
        (said,) = await answers_to(door, GET)
        assert b"\r\ndate: Fri, 30 Oct 2026 18:00:01 GMT\r\n" in said
        # Before the instant from which on it holds it is made anew.
        door.instant -= timedelta(seconds=2)
        _, said = await answers_to(door, GET, GET)
        assert b"\r\ndate: Fri, 30 Oct 2026 17:59:59 GMT\r\n" in said
        assert door.small_made == 2


async def test_kept_answers_are_counted_like_others() -> None:
    async with rig() as door:
        await answers_to(door, *[GET] * OFTEN, HEAD, KNOWN)
        await door.said(GET * 7 + LAST)
        tally = door.service.tally
        assert (tally.requests, tally.answered, sum(tally.buckets)) == (OFTEN + 10,) * 3


async def test_a_client_that_takes_no_kept_answers_is_not_read_on() -> None:
    """What waits for it is bounded, and it is cut off in the end."""
    async with rig() as door:
        large = GET.replace(b"small", b"large")
        await answers_to(door, *[large] * OFTEN)
        _, writer = await slow_reader(door)
        writer.write(large * 10_000)
        for _ in range(20):
            await until_received()
        (connection,) = door.service.gate.admitted
        waiting = connection.transport.get_write_buffer_size()
        assert 0 < waiting <= 2 * (OUTPUT_BYTES_MAX + 2 * len(CHUNK))
        await door.pass_time(0.5)
        await door.pass_time(STALLED_OUTPUT_SECONDS + 0.5)
        await until(lambda: door.service.gate.is_empty)


async def test_time_limits_hold_behind_kept_answers() -> None:
    async with rig() as door:
        await answers_to(door, *[GET] * OFTEN)
        reader, writer = await door.connect()
        for _ in range(3):
            await door.pass_time(IDLE_SECONDS - 6)
            writer.write(GET)
            assert without_tags(await reader.readexactly(len_of(SMALL))) == SMALL
        await door.pass_time(IDLE_SECONDS - 1)
        # A request that begins late has its time from its begin.
        writer.write(b"GET /small HT")
        await until_received()
        await door.pass_time(HEADER_SECONDS)
        assert len(door.service.gate.admitted) == 1
        await door.pass_time(0.5)
        assert status_of(await reader.read()) == 408


async def test_a_kept_answer_is_the_last_one_when_the_service_ends() -> None:
    async with rig() as door:
        await answers_to(door, *[GET] * OFTEN)
        reader, writer = await door.connect()
        writer.write(b"GET /small HT")
        await until(lambda: door.service.gate.connections == 1)
        await until_received()
        draining = asyncio.ensure_future(door.service.drain(10))
        await settled()
        writer.write(GET[13:])
        assert without_tags(await reader.read()) == SMALL_LAST
        await draining


async def test_a_fault_of_ours_is_told_and_the_connection_goes_on() -> None:
    async with rig() as door:
        first, second, third = await answers_to(door, GET, GET.replace(b"small", b"fault"), GET)
        assert [status_of(said) for said in (first, second, third)] == [200, 500, 200]
        tally = door.service.tally
        assert (tally.answered, tally.refused, tally.failed) == (2, 0, 1)


@pytest.mark.parametrize("sent", [GET, LAST])
async def test_an_answer_that_would_be_split_is_not_sent(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A header with a line end in it would be two, or an answer of somebody else's making."""
    async with rig() as door:
        with caplog.at_level(logging.ERROR), pytest.raises(ConnectionResetError):
            await door.said(sent.replace(b"small", b"split"))
        (record,) = caplog.records
        assert record.exc_info is not None
        assert door.service.tally.failed == 1


@asynccontextmanager
async def turns_counted(door: Rig) -> AsyncIterator[None]:
    """Have the door's requests and chunks know in which turn of the loop they are made."""

    async def count() -> None:
        while True:
            door.turn += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    yield
    counting.cancel()


async def test_others_have_their_turn_between_requests_that_came_together() -> None:
    async with rig() as door, turns_counted(door):
        await door.said(GET.replace(b"small", b"turns") * 60 + LAST)
        assert len(set(door.seen_turns)) == 60


async def test_one_chunk_is_made_in_a_turn_for_all_clients_together() -> None:
    """Each takes time, and a hundred in a turn would hold everybody else up."""
    async with rig() as door, turns_counted(door):
        door.chunks_max = 10
        asked = b"GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        said = await asyncio.gather(*(door.said(asked) for _ in range(8)))
        assert [answer.count(CHUNK) for answer in said] == [10] * 8
        assert len(door.seen_turns) == len(set(door.seen_turns)) == 8 * (10 - BEGINNING_CHUNKS)


PIECES = (
    GET,
    GET,
    GET,
    HEAD,
    KNOWN,
    ANY % 1,
    GET.replace(b"small", b"large"),
    GET.replace(b"small", b"stream"),
    GET.replace(b"small", b"none"),
    GET.replace(b"/small", b"//small"),
    GET.replace(b"/small", b"/small#a"),
    GET.replace(b"/small", b"http://a/small"),
    GET.replace(b"Host", b"Content-Length: 2\r\nHost") + b"12",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(GET) + GET,
    b"\r\n",
    b"\n",
    GET.replace(b"\r\n", b"\n"),
    GET[:-1],
    GET[5:],
    b"hello\r\n\r\n",
)
ENDS = (LAST, GET.replace(b"1.1", b"1.0"))


async def test_whatever_comes_the_answers_are_those_of_a_door_that_keeps_none() -> None:
    """In any order, and cut anywhere; streams that end with an error are the same up to there."""
    random = Random(2026)  # noqa: S311  # the same each time
    async with rig() as keeping, rig(keeps=False) as plain_door:
        for _ in range(200):
            sent = b"".join(random.choices(PIECES, k=random.randrange(1, 9)))
            sent += random.choice(ENDS)
            cuts = sorted(random.sample(range(len(sent)), min(3, len(sent))))
            parts = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
            said = [await said_to(door, parts) for door in (keeping, plain_door)]
            assert said[0] == said[1], parts
        assert keeping.small_made < plain_door.small_made


async def said_to(door: Rig, parts: list[bytes]) -> bytes:
    reader, writer = await door.connect()
    for part in parts:
        writer.write(part)
        await settled()
    return await reader.read()
