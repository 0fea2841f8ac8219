"""What our own epoll adds: faults of one connection, of the system, and clients that go."""

import asyncio
import errno
import logging
import os
import resource
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pricedesk import poller
from pricedesk.known_lines import Rest
from pricedesk.poller import HAS_EPOLL, Poller, Ready, Wire
from pricedesk.port import bound_sockets

pytestmark = pytest.mark.skipif(not HAS_EPOLL, reason="only Linux has epoll")


class Echo:
    """Sends back what comes; `boom` is a fault, `alone` ends the others; ends with its peer."""

    at_rest = False
    last_line_at = 0.0

    def __init__(self, rig: "Rig") -> None:
        self.rig = rig
        self.seen = rig.seen

    def connection_made(self, transport: Wire) -> None:
        self.wire = transport
        self.seen.append("made")

    def received(self, data: bytes) -> None:
        if data == b"boom":
            raise ZeroDivisionError
        if data == b"alone":
            self.seen.append("alone")
            for wire in list(self.rig.poller.wires.values()):
                if wire is not self.wire:
                    wire.abort()
        self.wire.write(data)

    def eof_received(self) -> bool | None:
        self.seen.append("eof")
        return False

    def pause_writing(self) -> None:
        self.seen.append("full")

    def resume_writing(self) -> None:
        self.seen.append("room")

    def connection_lost(self, exc: Exception | None) -> None:
        self.seen.append(f"lost {type(exc).__name__ if exc else ''}".strip())


class Rig:
    """A poller with echoes, what they saw, and the port.

    With `ahead` all who are ready are read from before anyone is told.
    """

    def __init__(self, sockets: list[socket.socket]) -> None:
        self.seen: list[str] = []
        self.turns = 0
        self.ended = 0
        self.ahead = False
        self.port = int(sockets[0].getsockname()[1])
        self.poller = Poller(self, sockets, 100)

    def connect(self) -> Echo:
        return Echo(self)

    def begin_turn(self) -> None:
        self.turns += 1

    def answer_known(self, ready: list[Ready], wires: dict[int, Wire]) -> Rest[Wire]:
        if not self.ahead:
            return Rest(ready)
        rest = Rest[Wire]([each for each in ready if each[0] not in wires])
        for number, _ in ready:
            data = wires[number].take() if number in wires else None
            if data == b"fault":
                rest.faults.append((wires[number], ZeroDivisionError()))
            elif data is not None:
                rest.heard.append((wires[number], data))
        return rest

    def end_turn(self) -> None:
        self.ended += 1

    async def saw(self, what: str) -> None:
        """Wait until an echo has seen this."""
        async with asyncio.timeout(60):
            while what not in self.seen:  # noqa: ASYNC110  # seen from outside
                await asyncio.sleep(0)


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    made = Rig(await bound_sockets("127.0.0.1", 0))
    async with asyncio.timeout(60):
        try:
            yield made
        finally:
            for wire in list(made.poller.wires.values()):
                wire.abort()
            made.poller.close()
            await asyncio.sleep(0)
    assert made.poller.epoll.closed


def narrow_client(port: int) -> socket.socket:
    """One that has room for little that it has not read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    return client


async def test_bytes_come_and_go_and_the_end_is_told() -> None:
    async with rig() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        writer.write_eof()
        assert await reader.read() == b""
        await served.saw("lost")
        assert served.seen == ["made", "eof", "lost"]
        writer.close()


@pytest.mark.parametrize(("ahead", "word"), [(False, b"boom"), (True, b"boom"), (True, b"fault")])
async def test_a_fault_with_one_connection_is_logged_and_ends_that_one(
    caplog: pytest.LogCaptureFixture, ahead: bool, word: bytes
) -> None:
    async with rig() as served:
        clients = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(3)]
        while served.seen.count("made") < len(clients):  # noqa: ASYNC110  # seen from outside
            await asyncio.sleep(0)
        served.ahead = ahead
        for (_, writer), sent in zip(clients, (b"one", word, b"two"), strict=True):
            writer.write(sent)
        assert await clients[0][0].readexactly(3) == b"one"
        assert await clients[1][0].read() == b""
        assert await clients[2][0].readexactly(3) == b"two"
        assert [r.levelno for r in caplog.records] == [logging.ERROR]
        assert caplog.records[0].exc_info is not None
        assert isinstance(caplog.records[0].exc_info[1], ZeroDivisionError)
        assert served.turns == served.ended
        for _, writer in clients:
            writer.close()


async def test_a_peer_that_ends_and_takes_nothing_costs_no_turns() -> None:
    async with rig() as served:
        with narrow_client(served.port) as client:
            await served.saw("made")
            (wire,) = served.poller.wires.values()
            wire.write(b"x" * 4_000_000)
            client.shutdown(socket.SHUT_WR)
            await served.saw("eof")
            assert wire.is_closing()
            before = served.turns
            for _ in range(100):
                await asyncio.sleep(0)
            assert served.turns <= before + 2
            client.setblocking(False)
            loop, received = asyncio.get_running_loop(), 0
            while chunk := await loop.sock_recv(client, 65536):
                received += len(chunk)
            assert received == 4_000_000
            await served.saw("lost")


async def test_who_was_read_and_is_ended_by_another_one_before_it_is_told_hears_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with rig() as served:
        served.ahead = True
        clients = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(9)]
        await served.saw("made")
        for client in clients:
            client.sendall(b"alone")
        await served.saw("lost")
        assert served.seen.count("alone") == 1
        assert served.seen.count("lost") == len(clients) - 1
        assert not caplog.records
        for client in clients:
            client.close()


async def test_a_peer_that_resets_is_told_as_an_error() -> None:
    async with rig() as served:
        with socket.create_connection(("127.0.0.1", served.port)) as client:
            await served.saw("made")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await served.saw("lost ConnectionResetError")


async def test_what_a_slow_peer_does_not_take_waits_and_is_sent_before_the_close() -> None:
    async with rig() as served:
        with narrow_client(served.port) as client:
            await served.saw("made")
            (wire,) = served.poller.wires.values()
            wire.set_write_buffer_limits(1000)
            sent = bytes(range(256)) * 40_000
            wire.write(sent)
            wire.write(b"the end")
            assert served.seen[-1] == "full"
            wire.close()
            client.setblocking(False)
            loop, received = asyncio.get_running_loop(), b""
            while chunk := await loop.sock_recv(client, 65536):
                received += chunk
            assert received == sent + b"the end"
            await served.saw("lost")


async def test_all_who_wait_are_let_in_in_one_turn() -> None:
    async with rig() as served:
        clients = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(90)]
        await served.saw("made")
        assert (served.seen, served.turns) == (["made"] * 90, 1)
        for client in clients:
            client.close()


async def test_without_files_for_more_clients_they_wait_and_are_let_in_later(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "ACCEPT_AGAIN_SECONDS", 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with rig() as served:
        with socket.create_connection(("127.0.0.1", served.port)):
            next_file = os.dup(0)
            os.close(next_file)
            resource.setrlimit(resource.RLIMIT_NOFILE, (next_file, hard))
            try:
                async with asyncio.timeout(60):
                    while not caplog.records:  # noqa: ASYNC110  # seen from outside
                        await asyncio.sleep(0)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert "made" not in served.seen
            assert caplog.records[0].exc_info is not None
            error = caplog.records[0].exc_info[1]
            assert isinstance(error, OSError)
            assert error.errno == errno.EMFILE
            await served.saw("made")


async def test_while_reading_is_paused_nothing_is_read_or_told() -> None:
    async with rig() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        await served.saw("made")
        (wire,) = served.poller.wires.values()
        wire.pause_reading()
        writer.write(b"later")
        before = served.turns
        for _ in range(10):
            await asyncio.sleep(0)
        assert served.turns <= before + 1  # The one in which it is noticed that somebody waits.
        wire.resume_reading()
        assert await reader.readexactly(5) == b"later"
        writer.close()


async def test_nobody_is_let_in_after_the_close_and_who_is_there_stays() -> None:
    async with rig() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        await served.saw("made")
        served.poller.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        writer.close()
        await served.saw("lost")
