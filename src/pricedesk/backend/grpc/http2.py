"""The server's side of an HTTP/2 connection (RFC 9113), without a socket: bytes in, bytes out.

`receive` takes what came, calls the application for what it means, and leaves what is to be
sent in `output`. A peer can make nothing grow without a bound: frames have at most 16 KiB, a
header block BLOCK_BYTES_MAX as it is sent and HEADERS_UNPACKED_BYTES_MAX as it is unpacked,
and there are at most CALLS_PER_CONNECTION_MAX streams; how much of a body is kept is for the
application to say. What costs work and carries nothing (pings, settings, resets, empty frames)
is counted, and too much of it ends the connection, as does anything that the RFC calls a
connection error.

A block of headers that came before, while nothing has changed the compression table, means the
same again: it is not unpacked again.
"""

from collections import deque
from typing import Any, Protocol

from hpack import Decoder, HPACKError, OversizedHeaderListError
from hpack.table import HeaderTable

from pricedesk.backend.grpc import frames
from pricedesk.backend.grpc.fields import Headers, may_end_a_request
from pricedesk.backend.grpc.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    FRAME_BYTES_MAX,
    HEADER,
    HEADER_BYTES,
    PADDED,
    PREFACE,
    PRIORITY,
    STREAM_MAX,
    WINDOW_DEFAULT,
    WINDOW_MAX,
    Code,
    Kind,
    Setting,
)
from pricedesk.backend.grpc.server_limits import CALLS_PER_CONNECTION_MAX, HEADERS_BYTES_MAX

BLOCK_BYTES_MAX = 2 * HEADERS_BYTES_MAX
HEADERS_UNPACKED_BYTES_MAX = 4 * HEADERS_BYTES_MAX
"""Headers with more than these bytes, as they are sent and unpacked, end the connection. With less
they are the application's to refuse: the other calls of the connection go on."""

CONTINUATIONS_MAX = 8
"""Frames in which a header block may go on."""

BLOCKS_KEPT_MAX = 64
"""Header blocks whose meaning is remembered."""

BLOCK_KEPT_BYTES_MAX = 512
"""Longer ones are not remembered: those of usual clients have less."""

LEFT_MAX = 256
"""Streams that ended here before the peer has said its last, whose late frames are passed over.
Of streams that ended before these all frames are."""

SETTINGS_MAX = 64
"""Settings in one frame: HTTP/2 knows about ten."""

IDLE_FRAMES_MAX = 2000
"""Frames between two sweeps that carry nothing: settings, pings, resets, updates of windows."""

IDLE_FRAMES_PER_CALL = 8
"""So many more of them for each call that is answered."""

IDLE_FRAMES_PER_MESSAGE = 4
"""So many more for each part of a body, a message of a stream or 16 KiB of one: some clients open
their window, and that of the connection, after each frame."""

IDLE_FRAMES_SAVED_MAX = 4 * IDLE_FRAMES_MAX
"""So many of those that were not used up may come after the next sweep: what is told of an answer
comes later than the answer is sent."""

RECEIVE_WINDOW = 1024 * 1024
"""How much of bodies may be under way on a connection; what came is made room for at once."""

OUTPUT_AT_ONCE_BYTES = 64 * 1024
"""After so much output the rest of what came waits until that is sent."""

MESSAGE_BYTES = 640
"""As so much output a message counts there, beside its answer, where a stream has any number: one
frame may have thousands. A hundred take less than a millisecond."""

IDLE_FRAME_BYTES = 128
"""As so much output a frame counts there that carries nothing: one that opens a window may have
all calls looked through for what fits into it."""

_TEXT = b"This port speaks gRPC, which is HTTP/2 without TLS.\n"
NOT_HTTP2 = (
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(_TEXT), _TEXT)
)
"""What a client is told that speaks something else."""

_STREAM_WINDOW_UPDATE = WINDOW_DEFAULT // 2
_PRIORITY_BYTES = 5
_SETTING_BYTES = 6
_NUMBER_BYTES = 4
_PING_BYTES = 8
_GOAWAY_BYTES_MIN = 8
_TABLE_SIZE_MASK, _TABLE_SIZE_UPDATE = 0xE0, 0x20
"""How a header block begins that changes the size of the compression table."""

_TABLE_BYTES_DEFAULT = 4096
_NO_TABLE = b"\x20"
"""At the beginning of a header block: its table has no room from here on."""

_ANSWER_BYTES = 3 * HEADER_BYTES
"""Of an answer, beside its body and headers."""

_OURS = {
    Setting.MAX_CONCURRENT_STREAMS: CALLS_PER_CONNECTION_MAX,
    Setting.MAX_HEADER_LIST_SIZE: HEADERS_BYTES_MAX,
}


class ConnectionFault(Exception):  # the way from what is wrong to the end of the connection
    """The peer breaks the protocol in a way that ends the connection."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Stream:
    """One request and its answer; `head`, `body`, `came` and `call` are the application's.

    It is `headed` when the headers of an answer have gone out, and `remote_ended` when all of
    the request is there.
    """

    __slots__ = (
        "body",
        "call",
        "came",
        "ending",
        "head",
        "headed",
        "number",
        "queue",
        "queued",
        "remote_ended",
        "unacknowledged",
        "window",
    )

    def __init__(self, number: int, head: object, window: int) -> None:
        self.number = number
        self.head: Any = head
        self.headed = False
        self.window = window
        self.body: bytearray | None = None
        self.came = 0
        self.call: Any = None
        self.queue: deque[bytes | memoryview] | None = None
        self.queued = 0
        self.ending: bytes | None = None
        self.remote_ended = False
        self.unacknowledged = 0


class Application(Protocol):
    """What is told of streams."""

    def head(self, headers: Headers) -> object:
        """What a request's headers mean; kept, and given to streams with the same ones."""

    def begin(self, stream: Stream) -> None:
        """A request has begun; it has no body if `remote_ended`."""

    def data(self, stream: Stream, data: bytes) -> None:
        """A part of its body came, the last one if `remote_ended`.

        Told again, with nothing more, of a stream that it has the connection hold.
        """

    def gone(self, stream: Stream) -> None:
        """The peer has reset the stream; nothing can be sent on it any more."""

    def writable(self, stream: Stream) -> None:
        """All that was queued for a stream has gone out."""


class _CountedTable(HeaderTable):
    """A compression table that counts what is added to it, and so what that pushes out."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = 0

    def add(self, name: bytes, value: bytes) -> None:
        self.changes += 1
        super().add(name, value)


class Http2Connection:
    """One connection. When `ended`, nothing more is received, and it is to be closed.

    When it `is_behind`, it has not taken all that came: it goes on when `receive` is called
    again, after the output was sent.
    """

    def __init__(self, application: Application) -> None:
        self.output = [
            frames.settings_frame(_OURS),
            frames.window_frame(0, RECEIVE_WINDOW - WINDOW_DEFAULT),
        ]
        self.streams: dict[int, Stream] = {}
        self.ended = False
        self.settings_acknowledged = False
        self.is_behind = False
        self.held: Stream | None = None
        """A stream of which not all that came is answered: before that nothing more is taken."""
        self._application = application
        self._unread = b""
        self._prefaced = False
        self._settled = False
        self._last_stream = 0
        self._last_told: int | None = None
        self._left: dict[int, None] = {}
        self._forgotten = 0
        self._window = WINDOW_DEFAULT
        self._stream_window = WINDOW_DEFAULT
        self._received = 0
        self._output_bytes = 0
        self._blocked: dict[int, Stream] = {}
        self._idle_frames = 0
        self._peers_table_bytes = _TABLE_BYTES_DEFAULT
        self._word_of_table = b""
        self._table = _CountedTable()
        self._decoder = Decoder(HEADERS_UNPACKED_BYTES_MAX)
        self._decoder.header_table = self._table
        self._changes = 0
        self._blocks: dict[bytes, object] = {}
        self._block: bytearray | None = None
        self._block_of = (0, 0)
        self._continuations = 0

    # What comes in.

    def receive(self, data: bytes) -> None:
        """Take bytes that came."""
        if self.ended:
            return
        self.is_behind = False
        if not self.output:
            self._output_bytes = 0
        if self._unread:
            data = self._unread + data
        try:
            if self.held is not None:
                held, self.held = self.held, None
                self._application.data(held, b"")
            rest = self._take(data)
        except ConnectionFault as fault:
            self.end(fault.code, fault.text)
            rest = b""
        self._unread = rest
        if self.held is not None and not self.ended:
            self.is_behind = True

    @property
    def is_full(self) -> bool:
        """Whether so much was done that the rest has to wait until the output is sent."""
        return self._output_bytes >= OUTPUT_AT_ONCE_BYTES

    def count_message(self) -> None:
        """A message is to be answered that is one of several."""
        self._output_bytes += MESSAGE_BYTES

    def hold(self, stream: Stream) -> None:
        """Take nothing more for now, and before all else have `data` told of this stream again."""
        self.held = stream
        self._output_bytes = max(self._output_bytes, OUTPUT_AT_ONCE_BYTES)

    def sweep(self) -> None:
        """To be called about once a second: frames without a content are counted anew."""
        self._idle_frames = min(max(self._idle_frames, -IDLE_FRAMES_SAVED_MAX), 0)

    def _take(self, data: bytes) -> bytes:
        """Take all whole frames; gives what is left over."""
        at, end = 0, len(data)
        if not self._prefaced:
            if data[: len(PREFACE)] != PREFACE[:end]:
                self.output = [NOT_HTTP2]
                self.ended = True
                return b""
            if end < len(PREFACE):
                return data
            self._prefaced, at = True, len(PREFACE)
        unpack = HEADER.unpack_from
        while end - at >= HEADER_BYTES and not self.ended:
            if self._output_bytes >= OUTPUT_AT_ONCE_BYTES:
                self.is_behind = True
                return data[at:]
            high, low, kind, flags, number = unpack(data, at)
            length = high << 8 | low
            if length > FRAME_BYTES_MAX:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a frame has more than 16384 bytes")
            start = at + HEADER_BYTES
            if end - start < length:
                break
            at = start + length
            self._frame(kind, flags, number & STREAM_MAX, data[start:at])
        return data[at:] if at < end else b""

    def _frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if not self._settled:
            if kind != Kind.SETTINGS or flags & ACK:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "the first frame is to be SETTINGS")
            self._settled = True
        if self._block is not None:
            if kind != Kind.CONTINUATION or number != self._block_of[0]:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "a header block is interrupted")
            self._continue(flags, payload)
        elif kind == Kind.DATA:
            self._data(flags, number, payload)
        elif kind == Kind.HEADERS:
            self._headers(flags, number, payload)
        else:
            self._count_idle()
            self._other(kind, flags, number, payload)

    def _other(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        match kind:
            case Kind.WINDOW_UPDATE:
                self._window_update(number, payload)
            case Kind.PING:
                self._ping(flags, number, payload)
            case Kind.SETTINGS:
                self._settings(flags, number, payload)
            case Kind.RST_STREAM:
                self._reset(number, payload)
            case Kind.PRIORITY:
                _check_length(payload, _PRIORITY_BYTES)
                if number == 0:
                    raise ConnectionFault(Code.PROTOCOL_ERROR, "a priority of no stream")
            case Kind.GOAWAY:
                # The peer wants no streams from here, and there are none.
                if number != 0 or len(payload) < _GOAWAY_BYTES_MIN:
                    raise ConnectionFault(Code.PROTOCOL_ERROR, "this is no GOAWAY frame")
            case Kind.PUSH_PROMISE | Kind.CONTINUATION:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "such a frame does not come here")
            case _:
                pass  # Kinds that are not known are passed over, as the RFC wants it.

    def _headers(self, flags: int, number: int, payload: bytes) -> None:
        if number % 2 == 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "a client's streams have odd numbers")
        if flags & (PADDED | PRIORITY):
            payload = _unpadded(payload, _PRIORITY_BYTES if flags & PRIORITY else 0, flags)
        if flags & END_HEADERS:
            self._request(number, flags, payload)
        else:
            self._block, self._block_of, self._continuations = (
                bytearray(payload),
                (number, flags),
                0,
            )

    def _continue(self, flags: int, payload: bytes) -> None:
        assert self._block is not None  # noqa: S101  # the caller has looked
        self._block += payload
        self._continuations += 1
        if len(self._block) > BLOCK_BYTES_MAX or self._continuations > CONTINUATIONS_MAX:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "a header block is too long")
        if flags & END_HEADERS:
            block, self._block = bytes(self._block), None
            self._request(*self._block_of, block)

    def _request(self, number: int, flags: int, block: bytes) -> None:
        """A whole header block: a request's, or what follows its body."""
        ended = bool(flags & END_STREAM)
        if number <= self._last_stream:
            self._trailers(number, self._unpacked(block), ended=ended)
            return
        head = self._blocks.get(block) if self._table.changes == self._changes else None
        if head is None:
            head = self._head(block)
        self._last_stream = number
        if self._last_told is not None or len(self.streams) >= CALLS_PER_CONNECTION_MAX:
            self._count_idle()
            self.output.append(frames.reset_frame(number, Code.REFUSED_STREAM))
            if not ended:
                self._leave(number)
            return
        stream = self.streams[number] = Stream(number, head, self._stream_window)
        stream.remote_ended = ended
        self._application.begin(stream)

    def _head(self, block: bytes) -> object:
        """What a header block means that is not known yet."""
        head = self._application.head(self._unpacked(block))
        changes = self._table.changes
        if changes != self._changes or len(self._blocks) >= BLOCKS_KEPT_MAX:
            # The block itself has changed the table: it may mean another thing next time.
            self._changes = changes
            self._blocks.clear()
        elif len(block) <= BLOCK_KEPT_BYTES_MAX:
            self._blocks[block] = head
        return head

    def _unpacked(self, block: bytes) -> Headers:
        if block and block[0] & _TABLE_SIZE_MASK == _TABLE_SIZE_UPDATE:
            # It may throw entries away. Only at the beginning of a block may there be such a thing.
            self._table.changes += 1
        try:
            headers = self._decoder.decode(block, raw=True)
        except OversizedHeaderListError as error:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "headers are too long") from error
        except HPACKError as error:
            raise ConnectionFault(Code.COMPRESSION_ERROR, "headers cannot be read") from error
        return [(bytes(name), bytes(value)) for name, value in headers]

    def _trailers(self, number: int, headers: Headers, *, ended: bool) -> None:
        stream = self.streams.get(number)
        if stream is None:
            self._late(number, ended=ended)
            return
        if stream.remote_ended:
            raise ConnectionFault(Code.STREAM_CLOSED, "headers after the end of a stream")
        if not ended or not may_end_a_request(headers):
            self.reset(stream, Code.PROTOCOL_ERROR)
            return
        stream.remote_ended = True
        self._application.data(stream, b"")

    def _leave(self, number: int) -> None:
        """A stream is over here, and the peer may send more of it before it hears of that."""
        self._left[number] = None
        if len(self._left) > LEFT_MAX:
            oldest = next(iter(self._left))
            del self._left[oldest]
            self._forgotten = max(self._forgotten, oldest)

    def _late(self, number: int, *, ended: bool) -> None:
        """Headers or data of a stream that is over."""
        if number in self._left:
            if ended:
                del self._left[number]
        elif number > self._forgotten:
            raise ConnectionFault(Code.STREAM_CLOSED, "a frame after the end of its stream")
        self._count_idle()

    def _is_idle(self, number: int) -> bool:
        """Whether such a stream has not begun; those of even numbers never do."""
        return number > self._last_stream or number % 2 == 0

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        length = len(payload)
        self._received += length
        if self._received >= RECEIVE_WINDOW // 2:
            self.output.append(frames.window_frame(0, self._received))
            self._received = 0
        if flags & PADDED:
            payload = _unpadded(payload, 0, flags)
        stream = self.streams.get(number)
        if stream is None or stream.remote_ended:
            self._data_of_none(flags, number, stream)
            return
        if flags & END_STREAM:
            stream.remote_ended = True
        else:
            if not payload:
                self._count_idle()
            stream.unacknowledged += length
            if stream.unacknowledged >= _STREAM_WINDOW_UPDATE:
                self.output.append(frames.window_frame(number, stream.unacknowledged))
                stream.unacknowledged = 0
        self._application.data(stream, payload)

    def _data_of_none(self, flags: int, number: int, stream: Stream | None) -> None:
        if self._is_idle(number):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "data of no stream")
        if stream is not None:
            raise ConnectionFault(Code.STREAM_CLOSED, "data after the end of a stream")
        self._late(number, ended=bool(flags & END_STREAM))

    def _window_update(self, number: int, payload: bytes) -> None:
        _check_length(payload, _NUMBER_BYTES)
        more = frames.number_in(payload)
        if number:
            if self._is_idle(number):
                raise ConnectionFault(Code.PROTOCOL_ERROR, "a window of no stream")
            if number in self.streams:
                self._stream_window_update(self.streams[number], more)
            return
        if more == 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "a window grows by nothing")
        self._window += more
        if self._window > WINDOW_MAX:
            raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "a window is too large")
        for blocked in list(self._blocked.values()):
            if self._window <= 0:
                break
            self._flush(blocked)

    def _stream_window_update(self, stream: Stream, more: int) -> None:
        if more == 0:
            self.reset(stream, Code.PROTOCOL_ERROR)
            return
        stream.window += more
        if stream.window > WINDOW_MAX:
            self.reset(stream, Code.FLOW_CONTROL_ERROR)
        elif stream.number in self._blocked:
            self._flush(stream)

    def _ping(self, flags: int, number: int, payload: bytes) -> None:
        _check_length(payload, _PING_BYTES)
        if number != 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "a ping of a stream")
        if not flags & ACK:
            self.output.append(frames.frame(Kind.PING, ACK, 0, payload))

    def _settings(self, flags: int, number: int, payload: bytes) -> None:
        if number != 0:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "settings of a stream")
        if flags & ACK:
            _check_length(payload, 0)
            self.settings_acknowledged = True
            return
        window, before = self._window_in(payload), self._stream_window
        if window != before:
            self._set_stream_window(window)
        # The peer may hold a new window valid only from here on.
        self.output.append(frames.frame(Kind.SETTINGS, ACK, 0))
        if window > before:
            for stream in list(self._blocked.values()):
                self._flush(stream)

    def _window_in(self, payload: bytes) -> int:
        """The window of streams by these settings, of which all are looked at."""
        if len(payload) % _SETTING_BYTES:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "settings have another length")
        if len(payload) > SETTINGS_MAX * _SETTING_BYTES:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "too many settings in a frame")
        window = self._stream_window
        for name, value in frames.settings_in(payload):
            if name == Setting.INITIAL_WINDOW_SIZE:
                if value > WINDOW_MAX:
                    raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "a window is too large")
                window = value
            elif name == Setting.HEADER_TABLE_SIZE:
                self._shrink_peers_table(value)
            elif name == Setting.MAX_FRAME_SIZE and not FRAME_BYTES_MAX <= value < 1 << 24:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "a size of frames that may not be")
            elif name == Setting.ENABLE_PUSH and value > 1:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "push is neither on nor off")
        return window

    def _shrink_peers_table(self, size: int) -> None:
        """No header sent here is in a table; but a smaller one has to be acknowledged, once."""
        if size < self._peers_table_bytes:
            self._peers_table_bytes, self._word_of_table = 0, _NO_TABLE

    def _set_stream_window(self, window: int) -> None:
        grown = window - self._stream_window
        self._stream_window = window
        for stream in self.streams.values():
            stream.window += grown
            if stream.window > WINDOW_MAX:
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "a window is too large")

    def _reset(self, number: int, payload: bytes) -> None:
        _check_length(payload, _NUMBER_BYTES)
        if self._is_idle(number):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "a reset of no stream")
        self._left.pop(number, None)
        stream = self.streams.get(number)
        if stream is not None:
            self._drop(stream)
            self._application.gone(stream)

    def _count_idle(self) -> None:
        self._idle_frames += 1
        self._output_bytes += IDLE_FRAME_BYTES
        if self._idle_frames > IDLE_FRAMES_MAX:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "too many frames that carry nothing")

    # What goes out.

    @property
    def queued_bytes(self) -> int:
        """Bytes of answers that wait until the peer has room for them."""
        return sum([stream.queued for stream in self._blocked.values()]) if self._blocked else 0

    def take_output(self) -> bytes:
        """What is to be sent, once."""
        output = b"".join(self.output)
        self.output.clear()
        self._output_bytes = 0
        return output

    def answer(self, stream: Stream, message: bytes, head: bytes, ending: bytes) -> None:
        """Send a whole answer: headers, a body, headers at its end; the last two as blocks.

        The stream is over with it.
        """
        length = len(message)
        self._idle_frames -= IDLE_FRAMES_PER_CALL
        if (
            length <= FRAME_BYTES_MAX
            and length <= self._window
            and length <= stream.window
            and stream.remote_ended
        ):
            self._window -= length
            if self._word_of_table:
                head = self._with_word_of_table(head)
            self._output_bytes += _ANSWER_BYTES + len(head) + length + len(ending)
            number = stream.number
            pack = HEADER.pack
            self.output.append(
                b"".join(
                    (
                        pack(0, len(head), Kind.HEADERS, END_HEADERS, number),
                        head,
                        pack(length >> 8, length & 0xFF, Kind.DATA, 0, number),
                        message,
                        pack(0, len(ending), Kind.HEADERS, END_HEADERS | END_STREAM, number),
                        ending,
                    )
                )
            )
            del self.streams[number]
            return
        self.send_headers(stream, head)
        self.send(stream, message)
        self.finish(stream, ending)

    def send_headers(self, stream: Stream, block: bytes) -> None:
        """Send the headers of an answer."""
        stream.headed = True
        block = self._with_word_of_table(block)
        self._output_bytes += len(block)
        self.output.append(frames.frame(Kind.HEADERS, END_HEADERS, stream.number, block))

    def send(self, stream: Stream, data: bytes) -> None:
        """Send a part of a body, as soon as the peer has room for it."""
        if not data:
            return
        if stream.queue is None:
            stream.queue = deque()
        self._idle_frames -= IDLE_FRAMES_PER_MESSAGE * -(-len(data) // FRAME_BYTES_MAX)
        stream.queue.append(memoryview(data))
        stream.queued += len(data)
        self._blocked[stream.number] = stream
        self._flush(stream)

    def finish(self, stream: Stream, block: bytes) -> None:
        """Send the last headers after all that was sent; the stream is over then."""
        if stream.queue:
            # What was decided first stays so.
            stream.ending = stream.ending or block
            return
        ended = END_HEADERS | END_STREAM
        block = self._with_word_of_table(block)
        self._output_bytes += len(block)
        self.output.append(frames.frame(Kind.HEADERS, ended, stream.number, block))
        if not stream.remote_ended:
            self.output.append(frames.reset_frame(stream.number, Code.NO_ERROR))
            self._leave(stream.number)
        self._drop(stream)

    def reset(self, stream: Stream, code: Code) -> None:
        """End a stream for what came of it; only to be called from what `receive` calls.

        Raises:
            ConnectionFault: the peer has brought this about too often.
        """
        self._count_idle()
        self.cancel(stream, code)

    def cancel(self, stream: Stream, code: Code = Code.CANCEL) -> None:
        """End a stream without an answer."""
        self.output.append(frames.reset_frame(stream.number, code))
        if not stream.remote_ended:
            self._leave(stream.number)
        self._drop(stream)
        self._application.gone(stream)

    def refuse_more(self) -> None:
        """Take no further streams: those that have begun are answered."""
        if self._last_told is None:
            self._last_told = self._last_stream
            self.output.append(frames.goaway_frame(self._last_told, Code.NO_ERROR))

    def ping(self) -> None:
        """Ask the peer for a sign of life."""
        self.output.append(frames.frame(Kind.PING, 0, 0, bytes(_PING_BYTES)))

    def end(self, code: Code, text: str = "") -> None:
        """End the connection at once, with a reason."""
        if not self.ended:
            self.ended = True
            # Once told, it never grows: what came later was refused.
            last = self._last_stream if self._last_told is None else self._last_told
            self.output.append(frames.goaway_frame(last, code, text))

    def _with_word_of_table(self, block: bytes) -> bytes:
        """A block of headers, with what is to be said of the table before the next of them."""
        word, self._word_of_table = self._word_of_table, b""
        return word + block

    def _drop(self, stream: Stream) -> None:
        self.streams.pop(stream.number, None)
        self._blocked.pop(stream.number, None)
        if self.held is stream:
            self.held = None

    def _flush(self, stream: Stream) -> None:
        """Send of what waits as much as there is room for."""
        queue = stream.queue
        assert queue is not None  # noqa: S101  # blocked streams have one
        while queue:
            room = min(self._window, stream.window, FRAME_BYTES_MAX)
            if room <= 0:
                return
            data = queue[0]
            if len(data) > room:
                queue[0] = data[room:]
                data = data[:room]
            else:
                queue.popleft()
            length = len(data)
            self._window -= length
            stream.window -= length
            stream.queued -= length
            self._output_bytes += length
            self.output.append(frames.frame(Kind.DATA, 0, stream.number, data))
        self._blocked.pop(stream.number, None)
        if stream.ending is not None:
            self.finish(stream, stream.ending)
        else:
            self._application.writable(stream)


def _unpadded(payload: bytes, skipped: int, flags: int) -> bytes:
    """What a frame carries, without its padding and without so many bytes before that."""
    padding, start = 0, skipped
    if flags & PADDED:
        if not payload:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a padded frame is empty")
        padding, start = payload[0], skipped + 1
    if start + padding > len(payload):
        raise ConnectionFault(Code.PROTOCOL_ERROR, "there is more padding than frame")
    return payload[start : len(payload) - padding]


def _check_length(payload: bytes, length: int) -> None:
    if len(payload) != length:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a frame has another length")
