"""The client's side of HTTP/2 for tests: frames by hand, and python-h2, which shares no code."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import h2.config
import h2.connection
import h2.events
from hpack import Decoder, Encoder

from pricedesk.backend.grpc import frames
from pricedesk.backend.grpc.fields import Headers
from pricedesk.backend.grpc.frames import END_HEADERS, END_STREAM, PREFACE, Kind
from pricedesk.backend.grpc.http2 import Http2Connection, Stream

HEADERS = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/a.B/C"),
    (":authority", "backend:7000"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
]

Frame: TypeAlias = tuple[int, int, int, bytes]
"""Kind, flags, stream and payload."""


def greeting(**settings: int) -> bytes:
    """What every client begins with."""
    named = {frames.Setting[name]: value for name, value in settings.items()}
    return PREFACE + frames.settings_frame(named)


def headers_frame(
    stream: int, block: bytes | None = None, *, ended: bool = False, flags: int = END_HEADERS
) -> bytes:
    """A request's headers; the block is one that needs no compression table."""
    payload = Encoder().encode(HEADERS) if block is None else block
    return frames.frame(Kind.HEADERS, flags | (END_STREAM if ended else 0), stream, payload)


def data_frame(stream: int, data: bytes, *, ended: bool = True) -> bytes:
    """A part of a body."""
    return frames.frame(Kind.DATA, END_STREAM if ended else 0, stream, data)


def message(data: bytes) -> bytes:
    """A message of gRPC's as it is in a body."""
    return b"\x00" + len(data).to_bytes(4, "big") + data


def frames_in(data: bytes) -> Iterator[Frame]:
    """The frames of what a server has sent."""
    at = 0
    while at < len(data):
        high, low, kind, flags, stream = frames.HEADER.unpack_from(data, at)
        at += frames.HEADER_BYTES + (high << 8 | low)
        yield kind, flags, stream, data[at - (high << 8 | low) : at]


class Echo:
    """An application that answers each body with itself, and remembers what it was told."""

    def __init__(self) -> None:
        self.http2 = Http2Connection(self)
        self.told: list[tuple[str, int]] = []
        self.heads = 0

    def head(self, headers: Headers) -> object:
        self.heads += 1
        return dict(headers).get(b":path")

    def begin(self, stream: Stream) -> None:
        self.told.append(("begin", stream.number))
        stream.body = bytearray()
        if stream.remote_ended:
            self.data(stream, b"")

    def data(self, stream: Stream, data: bytes) -> None:
        assert stream.body is not None
        stream.body += data
        if stream.remote_ended:
            self.http2.answer(stream, bytes(stream.body), b"\x88", b"\x0f\x00\x01x")

    def gone(self, stream: Stream) -> None:
        self.told.append(("gone", stream.number))

    def writable(self, stream: Stream) -> None:
        self.told.append(("writable", stream.number))

    def send(self, *parts: bytes) -> list[Frame]:
        """What it answers to these bytes."""
        for part in parts:
            self.http2.receive(part)
        sent = self.http2.take_output()
        while self.http2.is_behind:
            self.http2.receive(b"")
            sent += self.http2.take_output()
        return list(frames_in(sent))


@dataclass
class Answer:
    """What came of a request, as python-h2 understood it."""

    headers: dict[str, str]
    body: bytes = b""
    trailers: dict[str, str] | None = None
    reset: int | None = None
    ended: bool = False


class H2Client:
    """A client on python-h2, which keeps to the rules of HTTP/2 and wants the server to."""

    def __init__(self) -> None:
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.answers: dict[int, Answer] = {}
        self.goaway: int | None = None

    def request(self, data: bytes, path: str = "/a.B/C", **more: str) -> int:
        """Ask; gives the number of the stream."""
        stream = int(self.h2.get_next_available_stream_id())
        named = [(name.replace("_", "-"), value) for name, value in more.items()]
        headers = [(n, path if n == ":path" else v) for n, v in HEADERS]
        self.h2.send_headers(stream, headers + named)
        self.h2.send_data(stream, data, end_stream=True)
        return stream

    def receive(self, data: bytes) -> None:
        """Take what the server has sent, and give it room for more."""
        for event in self.h2.receive_data(data):
            self._take(event)

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                self.answers[event.stream_id] = Answer(_texts(event.headers))
            case h2.events.DataReceived():
                self.answers[event.stream_id].body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                self.answers[event.stream_id].trailers = _texts(event.headers)
            case h2.events.StreamEnded():
                self.answers[event.stream_id].ended = True
            case h2.events.StreamReset():
                answer = self.answers.setdefault(event.stream_id, Answer({}))
                answer.reset, answer.ended = event.error_code, True
            case h2.events.ConnectionTerminated():
                self.goaway = event.error_code
            case _:
                pass


def _texts(headers: Iterable[tuple[bytes | str, bytes | str]]) -> dict[str, str]:
    """Headers of which python-h2 was told to make texts."""
    return {str(name): str(value) for name, value in headers}


def headers_of(payload: bytes) -> dict[str, str]:
    """A block of headers that needs no compression table."""
    return {str(n): str(v) for n, v in Decoder().decode(payload)}
