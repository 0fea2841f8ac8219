"""The socket adapter, over real sockets of the loopback and with a clock that is passed in."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from known_lines_twins import TWINS, twin
from pricedesk import line_service
from pricedesk.at_once import AtOnce, Prompt, Turn
from pricedesk.known_lines import KnownLines
from pricedesk.line_service import (
    ANSWERING_SECONDS,
    KERNEL_OUTPUT_BYTES,
    OUTPUT_BYTES_MAX,
    Limits,
    LineService,
    Notices,
    Peer,
    single_line,
)
from pricedesk.lines import LINE_BYTES_MAX, LineBuffer
from pricedesk.telnet import TelnetFilter
from pricedesk.unread import LINGER_SECONDS, STALLED_OUTPUT_SECONDS

NOTICES = Notices(
    busy=b"busy\n",
    line_too_long=b"long\n",
    idle=b"idle\n",
    internal_error=b"bug\n",
    closing=b"bye\n",
)
LIMITS = Limits(connections=100, connections_per_address=100, idle_seconds=300, line_seconds=60)


OURS = {"epoll": True}
"""Whether connections are on our own epoll or are asyncio's: both are tested alike."""


@pytest.fixture(params=[*TWINS, "asyncio"], autouse=True)
def transports(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OURS, "epoll", request.param != "asyncio")
    if request.param in TWINS:
        monkeypatch.setattr(line_service, "answer_known", twin(request.param))


class Shouting:
    """Answers in capitals; `later` when the test says so, `boom` never, `flood` at length."""

    greeting = b"hello\n"

    def __init__(self, later: asyncio.Future[bytes]) -> None:
        self.finished = False
        self._later = later

    def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
        match line:
            case b"later":
                return asyncio.shield(self._later)
            case b"boom":
                raise ZeroDivisionError
            case b"quit":
                self.finished = True
                return b"end\n"
            case b"flood":
                return b"x" * 10_000 + b"\n"
            case _:
                return line.upper() + b"\n"


class Rig:
    """A service under test, its clock, and the answer that `later` waits for."""

    def __init__(self, limits: Limits) -> None:
        self.now = 1000.0
        self.later: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.known = KnownLines()
        self.service = LineService(
            lambda _peer: Shouting(self.later),
            NOTICES,
            limits,
            lambda: self.now,
            known=lambda: self.known,
            epoll=OURS["epoll"],
        )
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        self._writers.append(writer)
        return reader, writer

    async def close(self) -> None:
        await self.service.drain(0)
        for writer in self._writers:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.service.sweep()


@asynccontextmanager
async def rig(limits: Limits = LIMITS) -> AsyncIterator[Rig]:
    made = Rig(limits)
    made.port = await made.service.start("127.0.0.1", 0)
    async with asyncio.timeout(60):
        try:
            yield made
        finally:
            await made.close()


async def said(data: bytes, rig: Rig) -> bytes:
    """All that the service says to a client that sends these bytes and then ends."""
    reader, writer = await rig.connect()
    writer.write(data)
    writer.write_eof()
    return await reader.read()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"one\n", b"hello\nONE\n"),
        (b"one\r\ntwo\r\n", b"hello\nONE\nTWO\n"),
        (b"one\r\0two\r\0", b"hello\nONE\nTWO\n"),
        (b"unended", b"hello\nUNENDED\n"),
        (b"", b"hello\n"),
        (b"\n", b"hello\n\n"),
        (b"one\nquit\nthree\n", b"hello\nONE\nend\n"),
        (b"boom\ntwo\n", b"hello\nbug\nTWO\n"),
        (b"\xff\xfd\x03one\n", b"hello\n\xff\xfc\x03ONE\n"),
    ],
)
async def test_what_is_sent_before_the_end_is_answered_in_order(
    sent: bytes, answered: bytes
) -> None:
    async with rig() as served:
        assert await said(sent, served) == answered


async def test_a_thousand_lines_in_one_packet_or_byte_by_byte_get_the_same_answers() -> None:
    lines = b"".join(b"line %d\r\n" % number for number in range(1000))
    async with rig() as served:
        at_once = await said(lines, served)
        reader, writer = await served.connect()
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in lines:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        writer.write_eof()
        assert await reader.read() == at_once
    assert at_once == b"hello\n" + b"".join(b"LINE %d\n" % number for number in range(1000))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
async def test_a_line_may_be_as_long_as_the_limit(end: bytes) -> None:
    line = b"a" * LINE_BYTES_MAX
    async with rig() as served:
        assert await said(line + end, served) == b"hello\n" + line.upper() + b"\n"


async def test_a_line_that_is_too_long_ends_the_connection_with_a_sentence_that_arrives() -> None:
    async with rig() as served:
        reader, writer = await served.connect()
        writer.write(b"first\n" + b"a" * 1_000_000)
        assert await reader.read() == b"hello\nFIRST\nlong\n"


async def test_a_client_that_sends_no_line_for_too_long_is_told_and_let_go() -> None:
    async with rig() as served:
        reader, writer = await served.connect()
        await reader.readline()
        served.pass_time(300)
        writer.write(b"still here\n")
        assert await reader.readline() == b"STILL HERE\n"
        served.pass_time(301)
        assert await reader.read() == b"idle\n"


async def test_the_service_looks_by_itself_at_who_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LineService, "sweep_seconds", 0)
    async with rig() as served:
        reader, _ = await served.connect()
        await reader.readline()
        served.now += 301
        assert await reader.read() == b"idle\n"


async def test_a_line_that_is_begun_has_to_be_ended_in_time() -> None:
    async with rig() as served:
        reader, writer = await served.connect()
        writer.write(b"one\ntw")
        await reader.readuntil(b"ONE\n")
        served.pass_time(61)
        assert await reader.read() == b"idle\n"


async def test_a_client_that_goes_on_sending_after_goodbye_is_cut_off() -> None:
    async with rig() as served:
        reader, writer = await served.connect()
        writer.write(b"quit\n")
        await reader.read()
        served.pass_time(LINGER_SECONDS + 1)
        with pytest.raises(ConnectionError):
            await send_for_ever(writer)


async def test_a_client_that_reads_nothing_stops_being_answered_and_is_cut_off() -> None:
    async with rig() as served:
        _reader, writer = await served.connect()
        (connection,) = await connections(served, 1)
        cast("asyncio.Transport", writer.transport).pause_reading()
        while not connection._output_full:
            writer.write(b"flood\n" * 100)
            await asyncio.sleep(0)
        assert connection._transport.get_write_buffer_size() <= 2 * OUTPUT_BYTES_MAX
        served.pass_time(0)
        served.pass_time(STALLED_OUTPUT_SECONDS + 1)
        await connections(served, 0)


async def test_a_session_is_told_who_its_client_is() -> None:
    peers: list[Peer] = []

    class Told(Shouting):
        def __init__(self, peer: Peer, later: asyncio.Future[bytes]) -> None:
            super().__init__(later)
            peers.append(peer)

    async with rig() as served:
        served.service.new_session = lambda peer: Told(peer, served.later)
        await said(b"one\n", served)
        served.service.charset = True
        await said(b"\xff\xfd\x2a\xff\xfa\x2a\x02UTF-8\xff\xf0two\n", served)
    one, other = peers
    assert (one.address, one.charset) == ("127.0.0.1", None)
    assert other.charset is not None
    assert other.charset.utf8


class Turns:
    """How many lines are answered in each turn of the loop, by sessions that are made here."""

    def __init__(self, served: "Rig", line_seconds: float = 0) -> None:
        self.answered: Counter[int] = Counter()
        self._number = 0
        self._next()

        class Counting(Shouting):
            def answer(_, line: bytes) -> bytes | Awaitable[bytes]:  # noqa: N805  # self is ours
                self.answered[self._number] += 1
                served.now += line_seconds
                return super().answer(line)

        served.service.new_session = lambda _peer: Counting(served.later)

    def _next(self) -> None:
        self._number += 1
        asyncio.get_running_loop().call_soon(self._next)


async def test_others_have_a_turn_after_so_many_bytes_of_answers() -> None:
    async with rig() as served:
        turns = Turns(served)
        answers = await said(b"flood\n" * 300, served)
        assert len(answers) == len(b"hello\n") + 300 * 10_001
        at_once = OUTPUT_BYTES_MAX // 10_001 + 1
        first, *later = turns.answered.values()
        assert first == at_once
        # The client may have made room in the same turn.
        assert max(later) <= 2 * at_once


async def test_others_have_a_turn_when_answers_take_long() -> None:
    async with rig() as served:
        turns = Turns(served, ANSWERING_SECONDS / 9.5)
        assert await said(b"a\n" * 25, served) == b"hello\n" + b"A\n" * 25
        assert list(turns.answered.values()) == [10, 10, 5]


async def test_a_client_that_reads_slowly_gets_everything() -> None:
    """Time passes between its reads, more in all than a client that reads nothing is given."""
    loop = asyncio.get_running_loop()
    async with rig() as served:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", served.port))
            await loop.sock_sendall(client, b"flood\n" * 200)
            client.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := await loop.sock_recv(client, 20_000):
                received += chunk
                for _ in range(10):
                    await asyncio.sleep(0)
                served.pass_time(STALLED_OUTPUT_SECONDS / 10)
        assert received == b"hello\n" + (b"x" * 10_000 + b"\n") * 200


async def test_an_address_that_has_enough_does_not_take_the_room_of_another() -> None:
    limits = Limits(connections=4, connections_per_address=2, idle_seconds=300, line_seconds=60)
    async with rig(limits) as served:
        for _ in range(4):
            await served.connect()
        await connections(served, 2)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", served.port, local_addr=("127.0.0.2", 0)
        )
        writer.write(b"one\n")
        assert await reader.readuntil(b"ONE\n") == b"hello\nONE\n"
        writer.close()


async def send_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"more\n" * 1000)
        await writer.drain()


async def connections(served: Rig, count: int) -> list:  # type: ignore[type-arg]  # of a private class
    """The service's connections, as soon as there are so many."""
    while len(served.service.gate.admitted) != count:  # noqa: ASYNC110  # seen from outside
        await asyncio.sleep(0)
    return list(served.service.gate.admitted)


async def somebody_waits(served: Rig) -> None:
    """As soon as a client waits for an answer."""
    while not any(c._answering for c in served.service.gate.admitted):  # noqa: ASYNC110  # as above
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(connections=2, connections_per_address=9, idle_seconds=300, line_seconds=60),
        Limits(connections=9, connections_per_address=2, idle_seconds=300, line_seconds=60),
    ],
)
async def test_one_client_too_many_is_told_busy_and_the_others_stay(limits: Limits) -> None:
    async with rig(limits) as served:
        clients = [await served.connect() for _ in range(2)]
        await connections(served, 2)
        assert await said(b"one\n", served) == b"busy\n"
        clients[0][1].close()
        await connections(served, 1)
        assert await said(b"one\n", served) == b"hello\nONE\n"
        clients[1][1].write(b"two\n")
        assert await clients[1][0].readuntil(b"TWO\n") == b"hello\nTWO\n"


async def test_lines_behind_an_answer_that_is_waited_for_keep_their_order() -> None:
    async with rig() as served:
        reader, writer = await served.connect()
        writer.write(b"one\nlater\nthree\n")
        assert await reader.readuntil(b"ONE\n") == b"hello\nONE\n"
        served.later.set_result(b"two\n")
        assert await reader.readuntil(b"THREE\n") == b"two\nTHREE\n"


async def test_an_answer_that_fails_is_told_as_a_fault_and_the_connection_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with rig() as served:
        reader, writer = await served.connect()
        writer.write(b"later\ntwo\n")
        await reader.readline()
        served.later.set_exception(ZeroDivisionError("a bug"))
        assert await reader.readuntil(b"TWO\n") == b"bug\nTWO\n"
    assert "a bug" in caplog.text


async def test_a_client_that_resets_its_connection_disturbs_neither_the_limits_nor_the_end() -> (
    None
):
    async with rig() as served:
        reset = socket.create_connection(("127.0.0.1", served.port))
        staying, _ = await served.connect()
        await connections(served, 2)
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()
        served.pass_time(301)
        assert await staying.read() == b"hello\nidle\n"


async def test_draining_finishes_what_was_begun_then_says_goodbye_to_everybody() -> None:
    async with rig() as served:
        idle, busy = await served.connect(), await served.connect()
        busy[1].write(b"later\n")
        await busy[0].readline()
        await somebody_waits(served)
        draining = asyncio.create_task(served.service.drain(10))
        assert await idle[0].read() == b"hello\nbye\n"
        idle[1].close()
        with pytest.raises(ConnectionRefusedError):
            await served.connect()
        served.later.set_result(b"done\n")
        assert await busy[0].read() == b"done\nbye\n"
        busy[1].close()
        await draining


async def test_draining_cuts_off_who_does_not_finish_in_time() -> None:
    async with rig() as served:
        reader, writer = await served.connect()
        writer.write(b"later\n")
        await reader.readline()
        await somebody_waits(served)
        await served.service.drain(0)
        assert await reader.read() == b""


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"one\n", b"1\n"),
        (b"one\ntwo\n", b"1\n2\n"),
        (b"one\nother\ntwo\n", b"1\nOTHER\n2\n"),
        (b"one", b"1\n"),
        (b"one\r\ntwo\r\n", b"1\n2\n"),
        (b"\xff\xf6one\n", b"[yes]\n1\n"),
        (b"one\r", b"1\n"),
        (b"quit\none\n", b"end\n"),
        (b"one\nquit\ntwo\n", b"1\nend\n"),
        (b"one\n" * 600, b"1\n" * 600),
        (b"x" * (LINE_BYTES_MAX + 1) + b"\none\n", b"long\n"),
    ],
)
async def test_known_lines_are_answered_in_the_same_order_however_they_arrive(
    sent: bytes, answered: bytes
) -> None:
    async with rig() as served:
        served.known.update(KNOWN)
        served.service.new_session = lambda _peer: Knowing(served.later)
        for pieces in ([sent], [sent[:2], sent[2:]]):
            reader, writer = await served.connect()
            assert await reader.readexactly(6) == b"hello\n"
            for piece in pieces:
                writer.write(piece)
                for _ in range(5):
                    await asyncio.sleep(0)
            writer.write_eof()
            assert await reader.read() == answered


KNOWN = {b"one\n": b"1\n", b"two\n": b"2\n", b"f\n": b"x" * 600 + b"\n"}


class Knowing(Shouting):
    """Answers what is known as it is known, when it is asked after all."""

    def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
        return KNOWN.get(line + b"\n") or super().answer(line)


async def test_a_known_line_waits_for_the_answer_before_it() -> None:
    async with rig() as served:
        served.known.update(KNOWN)
        reader, writer = await served.connect()
        assert await reader.readexactly(6) == b"hello\n"
        writer.write(b"later\n")
        await somebody_waits(served)
        writer.write(b"one\n")
        for _ in range(5):
            await asyncio.sleep(0)
        served.later.set_result(b"first\n")
        assert await reader.readexactly(8) == b"first\n1\n"


async def test_known_lines_are_counted_and_keep_a_connection_alive() -> None:
    limits = Limits(connections=9, connections_per_address=9, idle_seconds=10, line_seconds=5)
    async with rig(limits) as served:
        served.known.update(KNOWN)
        reader, writer = await served.connect()
        assert await reader.readexactly(6) == b"hello\n"
        for _ in range(5):
            writer.write(b"one\ntwo\n")
            assert await reader.readexactly(4) == b"1\n2\n"
            served.pass_time(9)
        assert served.service.tally.requests == 10
        served.pass_time(2)
        assert await reader.read() == b"idle\n"


async def test_a_client_that_takes_nothing_of_known_answers_is_bounded_too() -> None:
    async with rig() as served:
        served.known.update(KNOWN)
        served.service.new_session = lambda _peer: Knowing(served.later)
        _reader, writer = await served.connect()
        (connection,) = await connections(served, 1)
        cast("asyncio.Transport", writer.transport).pause_reading()
        while not connection._output_full:
            writer.write(b"f\n" * 50)
            await asyncio.sleep(0)
        assert connection._transport.get_write_buffer_size() <= 2 * OUTPUT_BYTES_MAX + 601
        served.pass_time(0)
        served.pass_time(STALLED_OUTPUT_SECONDS + 1)
        await connections(served, 0)


async def test_what_waits_in_the_kernel_is_bounded_for_each_connection() -> None:
    async with rig() as served:
        reader, _writer = await served.connect()
        assert await reader.readexactly(6) == b"hello\n"
        (connection,) = await connections(served, 1)
        made = connection._transport.get_extra_info("socket")
        sizes = (made.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF), KERNEL_OUTPUT_BYTES)
        assert sizes[0] == 2 * sizes[1]  # Linux doubles what is asked for.
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE) == 1
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_an_answer_that_several_wait_for_does_not_end_with_one_of_them() -> None:
    shared: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Sharing(Shouting):
        def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
            return shared

    async with rig() as served:
        served.service.new_session = lambda _peer: Sharing(served.later)
        clients = [await served.connect() for _ in range(3)]
        for _reader, writer in clients:
            writer.write(b"one\n")
        while sum(bool(c._answering) for c in served.service.gate.admitted) < 3:  # noqa: ASYNC110  # seen from outside
            await asyncio.sleep(0)
        next(iter(served.service.gate.admitted)).cut_off()
        await connections(served, 2)
        shared.set_result(b"all\n")
        answers = [await reader.read(6) + await reader.read(4) for reader, _writer in clients]
        assert sorted(answers) == [b"hello\n", b"hello\nall\n", b"hello\nall\n"]


async def test_who_waits_for_the_same_is_told_in_one_turn_and_may_leave_before() -> None:
    reply: Prompt[bytes] = Prompt()

    async def answer() -> bytes:
        return await reply

    shared = AtOnce(answer())

    class Sharing(Shouting):
        def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
            return shared if line == b"shared" else super().answer(line)

    async with rig() as served:
        served.service.new_session = lambda _peer: Sharing(served.later)
        clients = [await served.connect() for _ in range(3)]
        for number, (reader, writer) in enumerate(clients):
            await reader.readexactly(6)
            writer.write(b"shared\n")
            while sum(bool(c._answering) for c in served.service.gate.admitted) <= number:  # noqa: ASYNC110  # seen from outside
                await asyncio.sleep(0)
        next(iter(served.service.gate.admitted)).cut_off()
        await connections(served, 2)
        reply.set_result(b"all\n")
        answers = [await reader.read(4) for reader, _writer in clients]
        assert sorted(answers) == [b"", b"all\n", b"all\n"]
        # Who comes later has the answer at once, and what stands behind it is answered too.
        reader, writer = clients[answers.index(b"all\n")]
        writer.write(b"shared\none\nshared\n")
        assert await reader.readexactly(12) == b"all\nONE\nall\n"


async def test_a_fault_in_an_answer_that_is_there_at_once_is_told_as_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fault() -> bytes:
        raise ZeroDivisionError

    class Failing(Shouting):
        def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
            return AtOnce(fault()) if line == b"fault" else super().answer(line)

    async with rig() as served:
        served.service.new_session = lambda _peer: Failing(served.later)
        assert await said(b"fault\none\n", served) == b"hello\nbug\nONE\n"
        assert served.service.tally.failed == 1
    assert "ZeroDivisionError" in caplog.text


async def test_what_is_for_the_end_of_the_turn_comes_after_all_who_were_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On our own epoll, whatever the others are tested on: asyncio serves one in a turn."""
    monkeypatch.setitem(OURS, "epoll", True)
    order: list[str] = []
    turn = Turn()

    class Noting(Shouting):
        def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
            order.append(line.decode())
            turn.at_its_end(lambda: order.append("end"))
            return super().answer(line)

    async with rig() as served:
        served.service._turn = turn
        served.service.new_session = lambda _peer: Noting(served.later)
        clients = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(3)]
        await connections(served, 3)
        for client in clients:
            client.sendall(b"one\n")
        while len(order) < 6:  # noqa: ASYNC110  # seen from outside
            await asyncio.sleep(0)
        for client in clients:
            client.close()
    assert order == ["one"] * 3 + ["end"] * 3


async def test_lines_that_come_alone_are_counted_each() -> None:
    async with rig() as served:
        reader, writer = await served.connect()
        await reader.readexactly(6)
        for _ in range(3):
            writer.write(b"one\r\n")
            assert await reader.readexactly(4) == b"ONE\n"
        writer.write(b"later\n")
        await somebody_waits(served)
        served.later.set_result(b"two\n")
        assert await reader.readexactly(4) == b"two\n"
        assert served.service.tally.requests == 4


@given(st.lists(st.sampled_from([b"a", b" ", b"\n", b"\r", b"\0", b"\xff", b"\xfd", b"\xe9"])))
def test_a_single_line_is_what_the_filter_and_the_buffer_make_of_it(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    line = single_line(data)
    telnet, lines = TelnetFilter(), LineBuffer()
    text, reply = telnet.receive(data)
    lines.add(text)
    found = lines.take(10)
    if line is not None:
        assert (found, reply) == ([line], b"")
        assert lines.is_empty
        assert telnet.at_rest
    elif data.isascii() and data.count(b"\n") == 1 and data.endswith(b"\n"):
        assert b"\r" in data.removesuffix(b"\r\n")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_that_is_longer_than_the_limit_is_no_single_line(end: bytes) -> None:
    longest = b"a" * LINE_BYTES_MAX
    assert single_line(b"a" + longest + end) is None
    assert single_line(longest + b"\n") == longest
