"""The door on our own HTTP/2: sockets below `http2`, calls above it.

What is answered at once, as conversions are, is answered where it is read: all calls of one
read with one write. What has to be waited for, and streams of answers, are tasks.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

from pricedesk.admission import Admission, Gate
from pricedesk.backend.grpc import on_http2
from pricedesk.backend.grpc.failures import counted_refusal
from pricedesk.backend.grpc.fields import Headers
from pricedesk.backend.grpc.frames import Code
from pricedesk.backend.grpc.http2 import Http2Connection, Stream
from pricedesk.backend.grpc.methods import Each, Methods, Noted, Reply, Streaming, Unary
from pricedesk.backend.grpc.on_http2 import PREFIX_BYTES, Head
from pricedesk.backend.grpc.server_limits import (
    KEEPALIVE_SECONDS,
    KEEPALIVE_TIMEOUT_SECONDS,
    MESSAGE_BYTES_MAX,
)
from pricedesk.backend.grpc.statuses import Refusal, Status
from pricedesk.port import Port, PortConnection
from pricedesk.tally import Tally
from pricedesk.turns import Turns
from pricedesk.unread import Unread, waiting_bytes

READ_BYTES = 64 * 1024
"""Bytes of one client that are taken at once."""

OUTPUT_BYTES_MAX = 64 * 1024
"""Answers that may wait for a client to read them; beyond it nothing more is answered."""

KERNEL_OUTPUT_BYTES = 128 * 1024
"""Answers that may wait in the kernel besides."""

SETTINGS_SECONDS = 10
"""From a connection's begin to the client's preface and settings, and its word on ours."""

REQUEST_SECONDS = 10
"""From the begin of a call to the end of its message, where it has one."""

BODIES_PER_CONNECTION_BYTES_MAX = 4 * 1024 * 1024
BODIES_BYTES_MAX = 32 * 1024 * 1024
"""Messages that have not come to their end, or whose call goes on, of one client and of all."""

BODIES_SHARE_BYTES = 64 * 1024
"""So much of that every client has, also while others take up the rest."""

QUEUED_BYTES_MAX = 1024 * 1024
QUEUED_IN_ALL_BYTES_MAX = 32 * 1024 * 1024
"""Answers that wait for room, of all calls of one client and of all clients: beyond either no
further message of a stream is made, and beyond the second no single answer waits, too."""

QUEUED_SHARE_BYTES = 64 * 1024
"""So much of that every client has, also while others take up the rest."""

STREAMS_MAX = 1000
"""Calls with a stream of answers at the same time, of all clients: each costs 4 KiB. Watching
health or publications goes on for as long as a client likes."""

STREAMS_SHARE = 4
"""So many of them every client has, also while others take up the rest."""

STUCK_SECONDS = 60
"""A call whose client opens its window for nothing of the answer for so long is ended."""

_NOT_ONE = Refusal(Status.UNIMPLEMENTED, "this method takes one message")
_UNFINISHED = Refusal(Status.INTERNAL, "the message ends too early")
_COMPRESSED = Refusal(Status.UNIMPLEMENTED, "messages are not compressed here")
_ACCEPTED_ENCODING = on_http2.literal("grpc-accept-encoding", "identity")
_TOO_SLOW = Refusal(
    Status.DEADLINE_EXCEEDED, f"a message must be sent within {REQUEST_SECONDS} seconds"
)
_TOO_LARGE = Refusal(Status.RESOURCE_EXHAUSTED, f"a message has at most {MESSAGE_BYTES_MAX} bytes")
_TOO_MUCH = Refusal(Status.RESOURCE_EXHAUSTED, "too many bytes of messages are under way")
_TOO_MANY = Refusal(Status.RESOURCE_EXHAUSTED, "too many streams of answers are open")
_OVER = Refusal(Status.DEADLINE_EXCEEDED, "the call's time is over")
_LEAVING = Refusal(Status.UNAVAILABLE, "the service is shutting down")


class GrpcService(Port[PortConnection]):
    """One listening port for gRPC, without TLS.

    Messages that cost time take `turns`, which are its own or those of several doors.
    """

    sweep_seconds = 1

    def __init__(
        self,
        methods: Methods,
        tally: Tally,
        gate: Gate[PortConnection],
        seconds: Callable[[], float],
        turns: Turns | None = None,
    ) -> None:
        super().__init__(gate, seconds)
        self.methods = methods
        self.tally = tally
        self.bodies_bytes = 0
        self.streams = 0
        """Calls with a stream of answers that go on."""
        self.queued_bytes = 0
        self.turns = turns or Turns()
        self.read_buffer = bytearray(READ_BYTES)

    def connect(self) -> "_Connection":
        """The protocol of a new client."""
        return _Connection(self)


class _Connection(asyncio.BufferedProtocol):
    """One client."""

    _transport: asyncio.Transport

    def __init__(self, service: GrpcService) -> None:
        now = service.seconds()
        self._service = service
        self._http2 = Http2Connection(self)
        self._peer = "unknown"
        self._output_full = False
        self._began_at = self._heard_at = now
        self._unread = Unread(now)
        self._pinged_at_seconds: float | None = None
        self._ending_since: float | None = None
        self._closing = False
        self._input_ended = False
        self._bodies_bytes = 0
        self._queued_bytes = 0
        self._streams = 0
        self._answered = 0
        self._rooms: dict[Stream, asyncio.Future[None]] = {}
        self._waiting_seconds: dict[int, tuple[int, float]] = {}

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=OUTPUT_BYTES_MAX)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_OUTPUT_BYTES)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else "unknown"
        match self._service.admit(self, self._peer):
            case Admission.WELCOME if self._service.draining:
                self._end(Code.NO_ERROR, "the service is shutting down")
            case Admission.WELCOME:
                self._write()
            case Admission.BUSY:
                self._end(Code.ENHANCE_YOUR_CALM, "too many clients are connected")
            case Admission.FLOOD:
                self.cut_off()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's interface
        for stream in list(self._http2.streams.values()):
            self.gone(stream)
        self._http2.streams.clear()
        self._service.queued_bytes -= self._queued_bytes
        self._service.forget(self, self._peer)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002  # asyncio's interface
        """All connections read into one buffer: each empties it before another is read."""
        return self._service.read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._pinged_at_seconds = None
        if self._ending_since is None:
            self._receive(bytes(self._service.read_buffer[:nbytes]))

    def eof_received(self) -> bool:
        """Answer what was asked before the end; the connection closes after that."""
        for stream in list(self._http2.streams.values()):
            if not stream.remote_ended:
                self._http2.cancel(stream)  # The rest of it will never come.
        self._closing = self._input_ended = True
        if self._ending_since is not None:
            self._transport.close()
        else:
            self._look_for_client()
            self._write()
        return True

    def pause_writing(self) -> None:
        self._output_full = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._output_full = False
        self._unread.taken(self._service.seconds())
        self._wake()
        self._go_on()

    # What the port calls.

    def finish(self) -> None:
        """Take no more calls; close when those that have begun are answered."""
        self._closing = True
        if self._ending_since is not None:
            return
        self._http2.refuse_more()
        for stream in list(self._http2.streams.values()):
            if not isinstance(stream.head.method, Unary):
                self._stop(stream, _LEAVING)
        self._write()

    def check_time(self, now: float) -> None:
        """Hold the connection against its time limits."""
        self._http2.sweep()
        if self._unread.is_stalled(waiting_bytes(self._transport), now):
            self.cut_off()
        elif self._ending_since is not None:
            if self._unread.has_lingered(self._ending_since, now):
                self.cut_off()
        elif not self._http2.settings_acknowledged and now - self._began_at > SETTINGS_SECONDS:
            self._end(Code.SETTINGS_TIMEOUT, "no settings in time")
        else:
            self._check_calls(now)
            self._check_life(now)
            self._look_for_client()
            self._write()
            self._wake()  # There may be room now that other clients have made.

    def cut_off(self) -> None:
        """End the connection at once, without a word."""
        self._transport.abort()

    # What HTTP/2 calls.

    def head(self, headers: Headers) -> Head:
        """What a request's headers ask for."""
        return on_http2.read_head(headers, self._service.methods)

    def begin(self, stream: Stream) -> None:
        """A call has begun."""
        head: Head = stream.head
        if head.http_status != on_http2.HTTP_OK:
            self._not_grpc(stream, head)
        elif head.refusal is not None:
            self._refuse(stream, head.refusal)
        elif stream.remote_ended and self._is_as_long_as_told(stream):
            self._at_end(stream)

    def data(self, stream: Stream, data: bytes) -> None:
        """A part of a call's messages has come."""
        if stream.ending is not None:
            return  # Its end is decided, and waits for room.
        head: Head = stream.head
        if (
            stream.remote_ended
            and stream.body is None
            and head.is_plain
            and len(data) >= PREFIX_BYTES
            and not data[0]
            and len(data) == PREFIX_BYTES + int.from_bytes(data[1:PREFIX_BYTES], "big")
        ):
            # Nearly all come so: one message in one frame.
            self._call(stream, head, data[PREFIX_BYTES:])
            return
        stream.came += len(data)
        if not self._is_as_long_as_told(stream):
            return
        self._collect(stream, data)
        if stream.body is not None and isinstance(head.method, Each):
            self._answer_each(stream, head.method)
        if stream.body is not None and stream.remote_ended and self._http2.held is not stream:
            self._at_end(stream)

    def _is_as_long_as_told(self, stream: Stream) -> bool:
        """Whether a body agrees with its content-length; if not, the call is ended."""
        told = stream.head.content_length
        if told is None or stream.came == told or (stream.came < told and not stream.remote_ended):
            return True
        self._http2.reset(stream, Code.PROTOCOL_ERROR)
        return False

    def gone(self, stream: Stream) -> None:
        """A stream is over before its time."""
        self._forget_body(stream)
        if isinstance(stream.call, asyncio.Task):
            stream.call.cancel()

    def writable(self, stream: Stream) -> None:
        """All that was queued for a stream has gone out."""
        room = self._rooms.get(stream)
        if room is not None and not room.done():
            room.set_result(None)

    # Calls.

    def _call(self, stream: Stream, head: Head, message: bytes) -> None:
        """Answer a message that is all there is of a call."""
        method = head.method
        if isinstance(method, Unary):
            try:
                reply = method.answer(message)
            except Exception as error:  # noqa: BLE001  # each is told to the client as what it is
                self._refuse(stream, error)
                return
            if type(reply) is bytes:
                self._answered += 1
                self._http2.answer(stream, on_http2.prefixed(reply), on_http2.HEAD, on_http2.OK)
                if stream.queue:
                    self._check_room(stream)
            elif isinstance(reply, Noted):
                self._reply(stream, reply)
            else:
                later = self._answer_later(stream, head, cast("Awaitable[Reply]", reply))
                self._start(stream, len(message), later)
                if isinstance(reply, Coroutine):
                    # A call that is left at once has not begun to wait for it.
                    stream.call.add_done_callback(lambda _task: reply.close())
        elif isinstance(method, Streaming):
            if self._service.streams >= STREAMS_MAX and self._streams >= STREAMS_SHARE:
                self._refuse(stream, _TOO_MANY)
                return
            answers = self._answer_all(stream, head, method, method.answers(message))
            self._start(stream, len(message), answers)
            self._count_streams(1)
            stream.call.add_done_callback(lambda _task: self._count_streams(-1))
            if self._is_too_much():
                self._refuse(stream, _TOO_MUCH)

    def _count_streams(self, more: int) -> None:
        self._streams += more
        self._service.streams += more

    def _reply(self, stream: Stream, reply: Reply) -> None:
        self._answered += 1
        if isinstance(reply, Noted):
            message, ending = reply.message, on_http2.ending(reply.notes)
        else:
            message, ending = reply, on_http2.OK
        self._http2.answer(stream, on_http2.prefixed(message), on_http2.HEAD, ending)
        if stream.queue:
            self._check_room(stream)

    async def _answer_later(self, stream: Stream, head: Head, later: Awaitable[Reply]) -> None:
        began = self._service.seconds()
        limit = asyncio.timeout(_seconds(head))
        try:
            async with limit:
                reply = await later
        except Exception as error:  # noqa: BLE001  # each is told to the client as what it is
            self._refuse(stream, _OVER if limit.expired() else error)
        else:
            self._reply(stream, reply)
        self._count(began)
        self._write()

    async def _answer_all(
        self, stream: Stream, head: Head, method: Streaming, messages: AsyncIterator[bytes]
    ) -> None:
        self._service.tally.took(0)  # It goes on for as long as its client likes.
        following = self._following_work if method.is_work else self._following
        limit = asyncio.timeout(_seconds(head))
        try:
            async with limit:
                while (message := await following(stream, messages)) is not None:
                    message = on_http2.prefixed(message)  # it is not kept twice
                    await self._send(stream, message)
                    del message  # the next one may be long in coming
        except Exception as error:  # noqa: BLE001  # each is told to the client as what it is
            told = _OVER if limit.expired() else error
            self._stop(stream, counted_refusal(told, self._service.tally))
        else:
            self._finish(stream, on_http2.OK)
        finally:
            self._rooms.pop(stream, None)
            # Its handler learns of it now, and not at some time from the collector of garbage.
            await cast("AsyncGenerator[bytes, None]", messages).aclose()
        self._write()

    async def _send(self, stream: Stream, data: bytes) -> None:
        """Send a message of several, and wait while the client has no room for it."""
        if not stream.headed:
            self._http2.send_headers(stream, on_http2.HEAD)
        self._http2.send(stream, data)
        self._write()
        while stream.queue:
            await self._wait(stream)

    async def _following(self, stream: Stream, messages: AsyncIterator[bytes]) -> bytes | None:
        """The next message of a stream, once there is room for it; None after the last one."""
        while not self._has_room():
            await self._wait(stream)
        return await anext(messages, None)

    async def _following_work(self, stream: Stream, messages: AsyncIterator[bytes]) -> bytes | None:
        """The same for one that takes time to make: other clients are served before the next."""
        while True:
            while not self._has_room():
                await self._wait(stream)
            async with self._service.turns.turn_of(self):
                if self._has_room():
                    return await anext(messages, None)

    async def _wait(self, stream: Stream) -> None:
        """Wait until there may be more room for what a stream has to send."""
        self._rooms[stream] = asyncio.get_running_loop().create_future()
        await self._rooms[stream]

    def _wake(self) -> None:
        """Have calls go on that wait for others to make room; not those whose own messages wait."""
        if self._rooms and self._has_room():
            for stream in self._rooms:
                if not stream.queue:
                    self.writable(stream)

    def _has_room(self) -> bool:
        """Whether no more waits for this client to take it than may."""
        return not self._output_full and self._queued_bytes <= self._queued_bytes_max()

    def _queued_bytes_max(self) -> int:
        return QUEUED_SHARE_BYTES if self._is_crowded() else QUEUED_BYTES_MAX

    def _is_crowded(self) -> bool:
        """Whether more waits for all clients than may."""
        return self._service.queued_bytes > QUEUED_IN_ALL_BYTES_MAX

    def _check_room(self, stream: Stream) -> None:
        """Give up an answer that waits, where too much does and this client has its share of it."""
        before = self._http2.queued_bytes - stream.queued
        if self._is_crowded() and before > QUEUED_SHARE_BYTES:
            self._http2.cancel(stream, Code.ENHANCE_YOUR_CALM)

    def _answer_each(self, stream: Stream, method: Each) -> None:
        """Answer the messages that are there; if they are many, some of them in the next turn."""
        body = stream.body
        while body is not None and len(body) >= PREFIX_BYTES:
            end = PREFIX_BYTES + int.from_bytes(body[1:PREFIX_BYTES], "big")
            if len(body) < end:
                return
            if self._http2.is_full:
                self._http2.hold(stream)
                return
            self._http2.count_message()
            message = bytes(body[PREFIX_BYTES:end])
            del body[:end]
            self._release(end)
            try:
                reply = method.answer(message)
            except Exception as error:  # noqa: BLE001  # each is told to the client as what it is
                self._refuse(stream, error)
                return
            if not stream.headed:
                self._http2.send_headers(stream, on_http2.HEAD)
            self._http2.send(stream, on_http2.prefixed(reply))
            if (
                stream.queued > OUTPUT_BYTES_MAX
                or self._http2.queued_bytes > self._queued_bytes_max()
            ):
                self._http2.reset(stream, Code.ENHANCE_YOUR_CALM)
                return
            if self._is_refused(stream, body):
                return

    def _at_end(self, stream: Stream) -> None:
        """All of a call's messages are there."""
        head: Head = stream.head
        body = bytes(stream.body or b"")
        self._forget_body(stream)
        length = int.from_bytes(body[1:PREFIX_BYTES], "big") if len(body) >= PREFIX_BYTES else -1
        if isinstance(head.method, Each):
            if body:
                self._refuse(stream, _UNFINISHED)
            else:
                self._answered += 1
                self._finish(stream, on_http2.OK)
        elif not body or 0 <= length < len(body) - PREFIX_BYTES:
            self._refuse(stream, _NOT_ONE)
        elif length != len(body) - PREFIX_BYTES:
            self._refuse(stream, _UNFINISHED)
        else:
            self._call(stream, head, body[PREFIX_BYTES:])

    def _collect(self, stream: Stream, data: bytes) -> None:
        """Keep a part of a message, within the bounds."""
        if stream.body is None:
            stream.body = bytearray()
        stream.body += data
        self._hold(len(data))
        if self._is_refused(stream, stream.body):
            return
        # Of a stream of messages the next one may begin where this one ends.
        if stream.head.is_single and len(stream.body) > PREFIX_BYTES + MESSAGE_BYTES_MAX:
            self._refuse(stream, _TOO_LARGE)
        elif self._is_too_much():
            self._refuse(stream, _TOO_MUCH)

    def _is_refused(self, stream: Stream, body: bytearray) -> bool:
        """Whether the message that begins here may not be sent, which ends its call."""
        if body and body[0]:
            self._refuse(stream, _COMPRESSED)
        elif int.from_bytes(body[1:PREFIX_BYTES], "big") > MESSAGE_BYTES_MAX:
            self._refuse(stream, _TOO_LARGE)
        else:
            return False
        return True

    def _is_too_much(self) -> bool:
        """Whether this client's messages under way have more bytes than it may take up."""
        shared = self._service.bodies_bytes > BODIES_BYTES_MAX
        return self._bodies_bytes > (
            BODIES_SHARE_BYTES if shared else BODIES_PER_CONNECTION_BYTES_MAX
        )

    def _forget_body(self, stream: Stream) -> None:
        if stream.body is not None:
            self._release(len(stream.body))
            stream.body = None

    def _start(self, stream: Stream, size: int, work: Coroutine[Any, Any, None]) -> None:
        """Let a call go on by itself; its message's bytes count until it is over."""
        self._hold(size)
        stream.call = task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda _task: self._release(size))

    def _hold(self, size: int) -> None:
        self._bodies_bytes += size
        self._service.bodies_bytes += size

    def _release(self, size: int) -> None:
        self._hold(-size)

    def _refuse(self, stream: Stream, error: Exception) -> None:
        """End a call, which is not counted yet, with the status that tells of an error."""
        self._answered += 1
        self._stop(stream, counted_refusal(error, self._service.tally))

    def _stop(self, stream: Stream, refusal: Refusal) -> None:
        """End a call, whatever it is doing."""
        self._forget_body(stream)
        block = on_http2.refused(refusal)
        if refusal is _COMPRESSED:
            block += _ACCEPTED_ENCODING
        self._finish(stream, block)
        task = stream.call
        if isinstance(task, asyncio.Task) and task is not asyncio.current_task():
            task.cancel()

    def _finish(self, stream: Stream, block: bytes) -> None:
        """Send the last headers of a call, together with the first if none were sent."""
        self._http2.finish(stream, block if stream.headed else on_http2.HEAD + block)

    def _not_grpc(self, stream: Stream, head: Head) -> None:
        """A request that is none of gRPC's: HTTP has a status for it."""
        self._answered += 1
        self._service.tally.refused += 1
        if not head.http_status:
            self._http2.reset(stream, Code.PROTOCOL_ERROR)
        else:
            self._http2.finish(stream, on_http2.literal(":status", str(head.http_status)))

    # The rest.

    def _receive(self, data: bytes) -> None:
        began = self._heard_at = self._service.seconds()
        self._http2.receive(data)
        self._count(began)
        self._write()
        if self._http2.is_behind and not self._output_full:
            # The other clients get a turn first.
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)

    def _count(self, began_seconds: float) -> None:
        if self._answered:
            self._service.tally.took(self._service.seconds() - began_seconds, self._answered)
            self._answered = 0

    def _go_on(self) -> None:
        if self._transport.is_closing() or self._output_full or self._ending_since is not None:
            return
        if self._http2.is_behind:
            self._receive(b"")
        if not self._http2.is_behind and not self._output_full:
            self._transport.resume_reading()

    def _write(self) -> None:
        http2 = self._http2
        if http2.output:
            output = http2.take_output()
            if self._ending_since is None:
                self._transport.write(output)
        before, self._queued_bytes = self._queued_bytes, http2.queued_bytes
        self._service.queued_bytes += self._queued_bytes - before
        if self._queued_bytes < before:
            self._wake()
        if http2.ended or (self._closing and not http2.streams):
            self._linger()

    def _end(self, code: Code, text: str) -> None:
        self._http2.end(code, text)
        self._write()

    def _linger(self) -> None:
        """Send what there is and nothing more; take what comes for a while, and close."""
        if self._ending_since is None:
            self._ending_since = self._service.seconds()
            if self._input_ended:
                self._transport.close()
            else:
                self._transport.resume_reading()
                with suppress(OSError):  # It may be gone already.
                    self._transport.write_eof()
            for stream in list(self._http2.streams.values()):
                self.gone(stream)
            self._http2.streams.clear()

    def _check_calls(self, now: float) -> None:
        """End calls whose messages do not come, or whose answers are not taken."""
        before, self._waiting_seconds = self._waiting_seconds, {}
        for stream in list(self._http2.streams.values()):
            if stream.queue:
                left, most_seconds = stream.queued, STUCK_SECONDS
            elif not (stream.remote_ended or self._output_full) and stream.head.is_single:
                left, most_seconds = 0, REQUEST_SECONDS
            else:
                continue
            seen = before.get(stream.number)
            if seen is None or seen[0] != left:
                self._waiting_seconds[stream.number] = left, now
            elif now - seen[1] <= most_seconds:
                self._waiting_seconds[stream.number] = seen
            elif left:
                self._http2.cancel(stream)
            else:
                self._refuse(stream, _TOO_SLOW)

    def _check_life(self, now: float) -> None:
        if self._unread.size:
            # It takes that, or is cut off for it. What it says may not be read meanwhile.
            self._heard_at, self._pinged_at_seconds = now, None
        elif self._pinged_at_seconds is not None:
            if now - self._pinged_at_seconds > KEEPALIVE_TIMEOUT_SECONDS:
                self.cut_off()
        elif now - self._heard_at > KEEPALIVE_SECONDS:
            self._pinged_at_seconds = now
            self._http2.ping()

    def _look_for_client(self) -> None:
        """Send something to a client that has ended its side: if it is gone, its system says so."""
        if self._input_ended and self._http2.streams:
            self._http2.ping()


def _seconds(head: Head) -> float | None:
    """How long a call may take."""
    return None if head.timeout_nanoseconds is None else head.timeout_nanoseconds / 10**9
