"""Whatever a client may do within HTTP/2's rules: python-h2 does it, and every answer is right.

python-h2 shares nothing with the server but hpack, holds the server to the rules as well (windows
above all), and is driven through random sequences of all that clients may send, in any pieces.
"""

from contextlib import suppress
from dataclasses import dataclass, field

import h2.exceptions
from h2.settings import SettingCodes
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from http2_peer import HEADERS, H2Client, frames_in
from pricedesk.backend.grpc.fields import Headers
from pricedesk.backend.grpc.frames import END_HEADERS, FRAME_BYTES_MAX, PADDED, Code, Kind, frame
from pricedesk.backend.grpc.http2 import Http2Connection, Stream

HEAD, ENDING = b"\x88", b"\x00\x01x\x01y"
WAYS = ("now", "later", "in parts", "at once")
"""How a request is answered: at its end, when the test says so, bit by bit, without waiting."""

BYTES = st.integers(0, 3 * FRAME_BYTES_MAX)


class Answering:
    """An application that answers each body with itself, in the way that its path says."""

    def __init__(self) -> None:
        self.http2 = Http2Connection(self)
        self.waiting: list[Stream] = []
        self.over: set[int] = set()

    def head(self, headers: Headers) -> object:
        return dict(headers)[b":path"].decode()[1:].replace("-", " ")

    def begin(self, stream: Stream) -> None:
        stream.body = bytearray()
        if stream.head == "at once":
            self.http2.finish(stream, HEAD + ENDING)
            return
        if stream.head == "in parts":
            self.http2.send_headers(stream, HEAD)
        if stream.remote_ended:
            self.data(stream, b"")

    def data(self, stream: Stream, data: bytes) -> None:
        assert stream.body is not None
        stream.body += data
        if stream.head == "in parts":
            self.http2.send(stream, data)
            if stream.remote_ended:
                self.http2.finish(stream, ENDING)
        elif stream.remote_ended and stream.head == "later":
            self.waiting.append(stream)
        elif stream.remote_ended:
            self.answer(stream)

    def answer(self, stream: Stream) -> None:
        assert stream.body is not None
        self.http2.answer(stream, bytes(stream.body), HEAD, ENDING)

    def gone(self, stream: Stream) -> None:
        if stream in self.waiting:
            self.waiting.remove(stream)

    def writable(self, stream: Stream) -> None:
        pass


@dataclass
class Request:
    """What the client has sent of one."""

    way: str
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: bool = False


class Conversation(RuleBasedStateMachine):
    """A client and a server, and what is on its way to the server."""

    open_streams: Bundle[int] = Bundle("open_streams")

    def __init__(self) -> None:
        super().__init__()
        self.server, self.client = Answering(), H2Client()
        self.requests: dict[int, Request] = {}
        self.wire = b""
        self.cut_at: int | None = None

    def _post(self) -> None:
        """What the client has to send is on its way, its headers in several frames if so told."""
        data = self.client.h2.data_to_send()
        if self.cut_at is None or data.startswith(b"PRI"):
            self.wire += data
            return
        for kind, flags, stream, payload in frames_in(data):
            if kind == Kind.HEADERS and not flags & PADDED and len(payload) > self.cut_at:
                first, rest = payload[: self.cut_at], payload[self.cut_at :]
                self.wire += frame(kind, flags & ~END_HEADERS, stream, first)
                self.wire += frame(Kind.CONTINUATION, 0, stream, rest[:1])
                self.wire += frame(Kind.CONTINUATION, END_HEADERS, stream, rest[1:])
            else:
                self.wire += frame(kind, flags, stream, payload)

    def _carry(self, data: bytes) -> None:
        """Bring bytes to the server, and all of its answers back."""
        self.server.http2.receive(data)
        self.client.receive(self.server.http2.take_output())
        while self.server.http2.is_behind:
            self.server.http2.receive(b"")
            self.client.receive(self.server.http2.take_output())
        self._post()

    @initialize(window=st.integers(0, 100_000))
    def greet(self, window: int) -> None:
        self._post()
        # python-h2 takes the word on its first settings for one on the second, if there are any.
        self.arrive([len(self.wire)])
        self.set(window, FRAME_BYTES_MAX)

    @rule(
        target=open_streams,
        way=st.sampled_from(WAYS),
        note=st.text("abc", max_size=60),
        weight=st.none() | st.integers(1, 256),
        cut_at=st.none() | st.integers(5, 40),
        ended=st.booleans(),
    )
    def begin(
        self, way: str, note: str, weight: int | None, cut_at: int | None, ended: bool
    ) -> int:
        path = "/" + way.replace(" ", "-")
        headers = [(n, path if n == ":path" else v) for n, v in HEADERS] + [("note", note)]
        if self.client.h2.open_outbound_streams >= 100:
            return max(self.requests)
        stream = int(self.client.h2.get_next_available_stream_id())
        self.client.h2.send_headers(
            stream,
            headers,
            end_stream=ended,
            priority_weight=weight,
            priority_depends_on=None if weight is None else 0,
        )
        self.requests[stream] = Request(way, ended=ended)
        self.cut_at = cut_at
        self._post()
        self.cut_at = None
        return stream

    @rule(stream=open_streams, size=BYTES, padding=st.none() | st.integers(0, 255))
    def send(self, stream: int, size: int, padding: int | None) -> None:
        request = self.requests[stream]
        if self._is_over(stream):
            return
        room = self.client.h2.local_flow_control_window(stream)
        piece = min(size, room, FRAME_BYTES_MAX) - (0 if padding is None else padding + 1)
        if piece < 0:
            return
        data = bytes((len(request.body) + i) % 251 for i in range(piece))
        self.client.h2.send_data(stream, data, pad_length=padding)
        request.body += data
        self._post()

    @rule(stream=consumes(open_streams), with_trailers=st.booleans())
    def end(self, stream: int, with_trailers: bool) -> None:
        if self._is_over(stream):
            return
        if with_trailers:
            self.client.h2.send_headers(stream, [("note", "end")], end_stream=True)
        else:
            self.client.h2.end_stream(stream)
        self.requests[stream].ended = True
        self._post()

    @rule(stream=consumes(open_streams))
    def reset(self, stream: int) -> None:
        with suppress(h2.exceptions.StreamClosedError):
            self.client.h2.reset_stream(stream, Code.CANCEL)
            self.requests[stream].reset = True
        self._post()

    @rule(stream=st.none() | open_streams, more=st.integers(1, 200_000))
    def open_window(self, stream: int | None, more: int) -> None:
        with suppress(KeyError, h2.exceptions.StreamClosedError):
            self.client.h2.increment_flow_control_window(more, stream)
        self._post()

    @rule(
        window=st.integers(0, 100_000),
        frame_bytes=st.integers(FRAME_BYTES_MAX, 2**24 - 1),
        table_bytes=st.sampled_from((4096, 0, 100, 10_000)),
    )
    def set(self, window: int, frame_bytes: int, table_bytes: int = 4096) -> None:
        """Windows that streams have may become negative by this."""
        self.client.h2.update_settings(
            {
                SettingCodes.INITIAL_WINDOW_SIZE: window,
                SettingCodes.MAX_FRAME_SIZE: frame_bytes,
                SettingCodes.HEADER_TABLE_SIZE: table_bytes,
            }
        )
        self._post()

    @rule(size=st.sampled_from((0, 64, 200, 4096)))
    def set_table(self, size: int) -> None:
        """The next block of headers begins with the size of its table."""
        encoder = self.client.h2.encoder
        if size != encoder.header_table_size:  # Told the same twice, hpack would say nothing.
            encoder.header_table_size = size

    @rule(depends_on=st.integers(0, 9), weight=st.integers(1, 256))
    def prioritize(self, depends_on: int, weight: int) -> None:
        self.client.h2.prioritize(11, weight, depends_on)
        self._post()

    @rule(opaque=st.binary(min_size=8, max_size=8))
    def ping(self, opaque: bytes) -> None:
        self.client.h2.ping(opaque)
        self._post()

    @rule(sizes=st.lists(st.integers(1, 40_000), max_size=8))
    def arrive(self, sizes: list[int]) -> None:
        """Some of what is on its way gets there, in pieces."""
        for size in sizes:
            data, self.wire = self.wire[:size], self.wire[size:]
            self._carry(data)

    @rule(index=st.integers(0, 9))
    def answer(self, index: int) -> None:
        if self.server.waiting:
            self.server.answer(self.server.waiting.pop(index % len(self.server.waiting)))
            self._carry(b"")

    @rule()
    def sweep(self) -> None:
        self.server.http2.sweep()

    def _is_over(self, stream: int) -> bool:
        """Whether nothing more can be sent of a request."""
        request, answer = self.requests[stream], self.client.answers.get(stream)
        return request.ended or request.reset or bool(answer and answer.ended)

    @invariant()
    def the_connection_lives(self) -> None:
        assert not self.server.http2.ended
        assert self.client.goaway is None
        assert len(self.server.http2.streams) <= 100

    def teardown(self) -> None:
        """In the end all that was asked is answered exactly, and nothing is left over."""
        self.set(2**24, FRAME_BYTES_MAX)
        self.client.h2.increment_flow_control_window(2**24)
        for stream in self.requests:
            if not self._is_over(stream):
                self.client.h2.end_stream(stream)
                self.requests[stream].ended = True
        self._post()
        while self.wire:
            data, self.wire = self.wire, b""
            self._carry(data)
        while self.server.waiting:
            self.server.answer(self.server.waiting.pop())
        self._carry(self.wire)
        for stream, request in self.requests.items():
            if not request.reset:
                answer = self.client.answers[stream]
                body = b"" if request.way == "at once" else bytes(request.body)
                trailers = answer.headers if request.way == "at once" else answer.trailers
                assert (answer.body, trailers and trailers["x"]) == (body, "y")
        http2 = self.server.http2
        assert (http2.streams, http2._blocked, http2._block, http2._unread) == ({}, {}, None, b"")
        assert not http2.ended


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
