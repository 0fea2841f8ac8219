"""One connection of the HTTP door: uvicorn's protocol on httptools, and what it leaves open.

uvicorn frames requests and answers, keeps connections alive and queues pipelined requests.
What is added: time limits, bounds on everything that a client can make grow, and answers in
order also where a request is refused. A plain request, without a body and nobody before it, is
answered as soon as it is read, in one write and without a task, if its answer is at hand then.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncGenerator, Coroutine
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pricedesk.admission import Admission
from pricedesk.http.answer_bytes import whole
from pricedesk.http.application import headers_of, send_response, whole_body
from pricedesk.http.kept import Answer, KeptAnswers, Key, key_of
from pricedesk.http.messages import Failure, Response
from pricedesk.http.refusals import (
    BODY_BYTES_MAX,
    BODY_TOO_LARGE,
    BUSY,
    HEADER_BYTES_MAX,
    HEADER_SECONDS,
    HEADERS_TOO_LARGE,
    MALFORMED,
    MESSAGE_BYTES_MAX,
    NO_HOST,
    NO_SUCH_CODING,
    REQUEST_SECONDS,
    TARGET_BYTES_MAX,
    TARGET_TOO_LONG,
    TOO_SLOW,
    UNFINISHED,
    RefusedError,
    refusal,
)
from pricedesk.http.shared import Flow, Shared
from pricedesk.unread import Unread, waiting_bytes

if TYPE_CHECKING:
    from uvicorn._types import (  # uvicorn has these types nowhere else
        ASGI3Application,
        ASGIReceiveCallable,
        ASGISendCallable,
        HTTPScope,
    )

logger = logging.getLogger(__name__)

IDLE_SECONDS = 9
"""How long a connection is kept after an answer for the next request to begin."""

_END_OF_HEADERS = b"\r\n\r\n"

RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""The option of a socket that is not to linger at all."""

PARSED_AT_ONCE_BYTES = 4 * 1024
"""So many bytes are parsed at once, which bounds how many small requests are queued."""

VERSIONS = ("1.0", "1.1")
"""The versions of HTTP that are spoken here."""

OUTPUT_BYTES_MAX = 64 * 1024
"""Answers that may wait for a client to read them; beyond it a stream is not gone on with."""

KERNEL_OUTPUT_BYTES = 64 * 1024
"""Answers that may wait in the kernel besides; left to itself it would take megabytes."""


_Begun: TypeAlias = Response | Coroutine[None, None, Response]
"""A response, or what has to be waited for to have it."""


class Connection(HttpToolsProtocol, asyncio.BufferedProtocol):
    """One client: bytes to requests to answers to bytes, in order."""

    transport: asyncio.Transport

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared.config, shared.state, {})
        now = shared.seconds()
        self.app = cast("ASGI3Application", self._answer)
        self.access_log = False
        self._shared = shared
        self._address = "unknown"
        self._unparsed = b""
        self._running: RequestResponseCycle | None = None
        """The request whose answer is the next; those behind it are in `pipeline`."""
        self._refusal: Failure | None = None
        """What is said when all that was asked before it is answered."""
        self._has_asked = False
        self._plain: Key | None = None
        """What the request that is being read is known by, if it may be answered at once."""
        self._prepared: _Begun | None = None
        """What the router has said to a plain request that takes longer."""
        self._prepared_since_seconds = now
        self._told: Answer | None = None
        """The kept answer to the only request of what was parsed last."""
        self._begun_count = 0
        """How many requests begin in what is parsed."""
        self._tells_news = False
        """Whether the answer has no end, so that it is the client who ends it."""
        self._message_open = False
        self._in_body = False
        self._message_bytes = 0
        self._header_bytes = 0
        self._body_bytes = 0
        self._peer_finished = False
        self._begun_seconds = now
        self._deadline_seconds = now + HEADER_SECONDS
        self._ending_since: float | None = None
        self._unread = Unread(now)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in, or say that there is no room."""
        super().connection_made(cast("asyncio.Transport", transport))
        self.flow = Flow(self.transport, lambda: bool(self._unparsed))
        self.transport.set_write_buffer_limits(high=OUTPUT_BYTES_MAX)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_OUTPUT_BYTES)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else "unknown"
        match self._shared.port.admit(self, self._address):
            case Admission.BUSY:
                self._say(BUSY)
            case Admission.FLOOD:
                self.cut_off()
            case Admission.WELCOME:
                pass

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop what was not answered; a stream that was being sent is closed."""
        if self._running is not None:
            self._abandon(self._running)
        self.pipeline.clear()
        self._unparsed = b""
        super().connection_lost(exc)
        self._shared.port.forget(self, self._address)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002  # asyncio's interface
        """All connections read into one buffer: each empties it before another is read."""
        return self._shared.read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        if self._ending_since is not None:
            return
        read = bytes(memoryview(self._shared.read_buffer)[:nbytes])
        kept = self._shared.kept
        if kept is not None and self._is_idle and self._can_tell_at_once:
            read = self._tell_known(read, kept)
        if read:
            self._unparsed += read
            self._parse()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's says None
        """Answer what was asked before the end; the connection closes after that."""
        self._peer_finished = True
        if self._ending_since is not None or self._tells_news:
            self.transport.close()
        elif self._message_open and not self._unparsed:
            self._refuse(UNFINISHED)
        elif self._is_idle:
            self.transport.close()
        return True

    def resume_writing(self) -> None:
        """Go on with a stream: the client has taken some of it."""
        self._unread.taken(self._shared.seconds())
        super().resume_writing()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Start the time that a request may take."""
        super().on_message_begin()
        if self._has_asked:  # The first request begins with its connection.
            self._begun_seconds = self._shared.seconds()
        self._has_asked = True
        self._begun_count += 1
        self._deadline_seconds = self._begun_seconds + HEADER_SECONDS
        self._message_open = True
        self._in_body = False
        self._message_bytes = self._header_bytes = self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the target, within its bound."""
        super().on_url(url)
        if len(self.url) > TARGET_BYTES_MAX:
            raise RefusedError(TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, and count what all of them take."""
        if self._in_body:
            return  # What follows a chunked body says nothing that is needed here.
        self._header_bytes += len(name) + len(value) + len(b": \r\n")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, if nothing speaks against it."""
        if self._header_bytes + len(self.url) > HEADER_BYTES_MAX:
            raise RefusedError(HEADERS_TOO_LARGE)
        version = self.parser.get_http_version()
        self._check_headers(version)
        if self.url == b"*" and self.parser.get_method() == b"OPTIONS":
            self.url = b"/"
        self._deadline_seconds = self._begun_seconds + REQUEST_SECONDS
        self._plain = self._plain_key(version)
        if self._plain is None:
            super().on_headers_complete()
        self._in_body = True
        if version == "1.0":
            self.cycle.waiting_for_100_continue = False

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, within its bound."""
        self._body_bytes += len(body)
        if self._body_bytes > BODY_BYTES_MAX:
            raise RefusedError(BODY_TOO_LARGE)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there; now it is for us to answer."""
        self._message_open = False
        key, self._plain = self._plain, None
        if key is None or not self._answered_at_once(key):
            super().on_message_complete()

    # What uvicorn's protocol and its cycle call.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._running = cycle
        if self._shared.port.draining and self._is_last:
            cycle.keep_alive = False
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with what was asked next, or wait for it."""
        self._running = None
        self._tells_news = False
        if self.transport.is_closing():
            return
        now = self._shared.seconds()
        self._begun_seconds = now
        if self._message_open:
            allowed_seconds = REQUEST_SECONDS if self._in_body else HEADER_SECONDS
        else:
            allowed_seconds = IDLE_SECONDS
        self._deadline_seconds = now + allowed_seconds
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._refusal is not None:
            self._say(self._refusal)
            return
        self._parse()
        if self._is_idle and (self._peer_finished or self._shared.port.draining):
            self.transport.close()
        elif self._peer_finished and self._message_open and not self._unparsed:
            self._refuse(UNFINISHED)

    # What the service calls.

    def finish(self) -> None:
        """Close when what was begun is answered."""
        if self._ending_since is not None:
            return
        if self._is_idle or self._tells_news:
            self.transport.close()
        elif self._running is not None and self._is_last:
            self._running.keep_alive = False

    def check_time(self, now: float) -> None:
        """Hold the connection against its time limits."""
        if self._unread.is_stalled(waiting_bytes(self.transport), now):
            self.cut_off()
        elif self._unread.size:
            return
        elif self._ending_since is not None:
            if self._unread.has_lingered(self._ending_since, now):
                self.cut_off()
        elif self._is_answering or now <= self._deadline_seconds:
            return
        elif self._message_open:
            self._refuse(TOO_SLOW)
        else:
            self.transport.close()

    def cut_off(self) -> None:
        """End the connection at once, with a reset: a plain end would look like the answer's."""
        connection = self.transport.get_extra_info("socket")
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self.transport.abort()

    # The rest.

    @property
    def _is_answering(self) -> bool:
        """Whether it is the service's turn: a request is there and not answered."""
        return self._running is not None and not self._running.more_body

    @property
    def _is_last(self) -> bool:
        """Whether nothing was asked behind the request that is answered now."""
        return not self.pipeline and not self._unparsed

    @property
    def _is_idle(self) -> bool:
        return self._running is None and not self._message_open and self._is_last

    @property
    def _can_tell_at_once(self) -> bool:
        """Whether an answer may be sent without a look at what is to become of the connection."""
        return not (
            self._shared.port.draining or self.flow.write_paused or self.transport.is_closing()
        )

    def _parse(self) -> None:
        """Parse what was read, up to a request that has to be answered first."""
        while (
            self._unparsed
            and self._ending_since is None
            and self._refusal is None
            and not (self._is_answering or self.pipeline or self.transport.is_closing())
        ):
            piece = self._unparsed[:PARSED_AT_ONCE_BYTES]
            self._unparsed = self._unparsed[PARSED_AT_ONCE_BYTES:]
            try:
                self._feed(piece)
            except RefusedError as refused:
                self._refuse(refused.failure)
        if self._unparsed:
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()

    def _tell_known(self, read: bytes, kept: KeptAnswers) -> bytes:
        """Answer the requests that need not be parsed; gives what is behind them."""
        begun_seconds, now = self._shared.seconds(), self._shared.clock()
        told: list[bytes] = []
        size = begin = 0
        while size < OUTPUT_BYTES_MAX and (end := read.find(_END_OF_HEADERS, begin)) >= 0:
            end += len(_END_OF_HEADERS)
            said = kept.to_bytes(read[begin:end], now)
            if said is None:
                break
            told.append(said)
            size += len(said)
            begin = end
        if told:
            self._has_asked = True
            self._tell(told[0] if len(told) == 1 else b"".join(told), len(told), begun_seconds)
        return read[begin:]

    def _plain_key(self, version: str) -> Key | None:
        """What a request is known by that may be answered as soon as it is read, else None.

        There is no body to wait for, nobody before it, and the connection goes on after it.
        """
        if (
            version != "1.1"
            or self._running is not None
            or self.pipeline
            or not self._can_tell_at_once
            or not self.parser.should_keep_alive()
            or not self.url.startswith(b"/")
        ):
            return None
        return key_of(self.parser.get_method(), self.url, self.headers)

    def _answered_at_once(self, key: Key) -> bool:
        """Answer a plain request, if that can be done here and now; else begin as ever."""
        shared, kept, now = self._shared, self._shared.kept, self._shared.clock()
        known = kept.to_request(key, now) if kept is not None else None
        if known is not None:
            self._told, said = known
            self._tell(said, 1, shared.seconds())
            return True
        # Of many requests that came together only one is answered here: others have their turn.
        if self._begun_count == 1:
            begun_seconds = shared.seconds()
            standing = kept.standing(now) if kept is not None else None
            answer = self._begun_answer(key)
            if isinstance(answer, Response) and isinstance(answer.body, bytes):
                self._tell_whole(key, answer, answer.body, standing, begun_seconds)
                return True
            self._prepared, self._prepared_since_seconds = answer, begun_seconds
        super().on_headers_complete()
        return False

    def _begun_answer(self, key: Key) -> _Begun | None:
        """What the router says to a plain request; None if that is a fault of ours."""
        target = httptools.parse_url(self.url)
        try:
            return self._shared.router.begin(
                key[0].decode("ascii"),
                target.path.decode("ascii"),
                (target.query or b"").decode("ascii"),
                headers_of(self.headers),
                b"",
                self._address,
            )
        except Exception:  # noqa: BLE001  # it is met again as ever, and told of there
            return None

    def _tell_whole(
        self, key: Key, response: Response, body: bytes, standing: object, begun_seconds: float
    ) -> None:
        """Send an answer that is at hand; it is kept, if it was made on grounds that last."""
        shared, kept = self._shared, self._shared.kept
        try:
            said = kept and kept.keep(key, response, standing, shared.clock())
            said = said or whole(response, body, shared.state.default_headers)
        except ValueError:
            logger.exception("internal error while sending an answer")
            shared.count(HTTPStatus.INTERNAL_SERVER_ERROR, begun_seconds)
            self.cut_off()
            return
        self.transport.write(said)
        shared.count(response.status, begun_seconds)
        self._wait_for_next(shared.seconds())

    def _tell(self, said: bytes, requests: int, begun_seconds: float) -> None:
        """Send answers that are kept, and wait for the next request."""
        self.transport.write(said)
        now = self._shared.seconds()
        self._shared.tally.took(now - begun_seconds, requests)
        self._wait_for_next(now)

    def _wait_for_next(self, now: float) -> None:
        """Nothing is open: the next request has its time from now on."""
        self._begun_seconds = now
        self._deadline_seconds = now + IDLE_SECONDS

    def _feed(self, piece: bytes) -> None:
        goes_on = self._message_open
        self._told = None
        self._begun_count = 0
        if self._message_open:
            self._message_bytes += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            # Another protocol was offered, which is not taken up; HTTP goes on behind it.
            self._unparsed = piece[upgrade.args[0] :] + self._unparsed
        except httptools.HttpParserError as error:
            cause = error.__context__
            raise cause if isinstance(cause, RefusedError) else RefusedError(MALFORMED) from error
        if not goes_on:
            self._know(piece)
        if self._message_open and not self._in_body and self._message_bytes > HEADER_BYTES_MAX:
            raise RefusedError(HEADERS_TOO_LARGE)
        if self._message_open and self._message_bytes > MESSAGE_BYTES_MAX:
            raise RefusedError(BODY_TOO_LARGE)

    def _know(self, piece: bytes) -> None:
        """Remember a piece that is one request, and nothing besides, by its bytes."""
        kept = self._shared.kept
        if kept is not None and self._told is not None and self._begun_count == 1:
            kept.know(piece, self._told)

    def _check_headers(self, version: str) -> None:
        """Refuse what would be read in two ways or cannot be served, before it is begun."""
        if version not in VERSIONS or not self.url.isascii():
            raise RefusedError(MALFORMED)
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and version != "1.0"):
            raise RefusedError(NO_HOST)
        for name, value in self.headers:
            if name == b"content-length" and int(value) > BODY_BYTES_MAX:
                raise RefusedError(BODY_TOO_LARGE)
            if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
                raise RefusedError(NO_SUCH_CODING)

    def _refuse(self, failure: Failure) -> None:
        """End the connection with a refusal, once all requests before it are answered."""
        self._unparsed = b""
        if self._message_open and self._in_body:
            if self.cycle is self._running:
                self._abandon(self.cycle)
                self._running = None
            elif self.pipeline:
                self.pipeline.popleft()
        self._message_open = False
        if self._running is None:
            self._say(failure)
        else:
            self._refusal = failure

    def _abandon(self, cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.message_event.set()

    def _say(self, failure: Failure) -> None:
        """Say why, and close; what the peer still sends is read and dropped."""
        self._ending_since = self._shared.seconds()
        self._unparsed = b""
        self._shared.count(failure.status, self._ending_since)
        shared = [*self._shared.state.default_headers, *self._shared.refusal_headers]
        self.transport.write(refusal(failure, shared, self._shared.problems))
        if self._peer_finished:
            self.transport.close()
            return
        try:
            self.transport.write_eof()
        except OSError:  # The peer has just reset the connection.
            self.cut_off()
        else:
            self.flow.resume_reading()

    async def _answer(
        self, scope: "HTTPScope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """The application that uvicorn's cycle runs for one request."""
        cycle, shared = self._running, self._shared
        if cycle is None:
            return
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            begun_seconds = self._prepared_since_seconds
            response = prepared if isinstance(prepared, Response) else await prepared
        else:
            begun_seconds = shared.seconds()
            body = await whole_body(receive) if cycle.more_body or cycle.body else b""
            if body is None:
                return
            response = await self._response(scope, body)
        status = response.status
        self._tells_news = isinstance(response.body, AsyncGenerator)
        try:
            await send_response(response, cycle, send, lambda: shared.turns.turn_of(self))
        except Exception:  # whatever it was, the client must see a cut, and the process lives
            # The headers are gone already: what is missing must not look like the end.
            logger.exception("internal error while sending an answer")
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            cycle.disconnected = True
            self.cut_off()
        shared.count(status, begun_seconds)

    async def _response(self, scope: "HTTPScope", body: bytes) -> Response:
        """What is kept for a request, or what the router says to it."""
        shared, kept = self._shared, self._shared.kept
        method, headers = scope["method"], scope["headers"]
        path, query = scope["raw_path"], scope["query_string"]
        key = key_of(method.encode(), path + (b"?" + query if query else b""), headers)
        standing = None
        if kept is not None and key is not None:
            now = shared.clock()
            known = kept.response(key, now)
            if known is not None:
                return known
            standing = kept.standing(now)
        response = await shared.router.respond(
            method,
            path.decode("ascii"),
            query.decode("ascii"),
            headers_of(headers),
            body,
            self._address,
        )
        if kept is not None and key is not None:
            kept.keep(key, response, standing, shared.clock())
        return response
