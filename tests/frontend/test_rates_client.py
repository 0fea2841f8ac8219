"""The desk's connection to the back-end, against small real servers that misbehave on purpose."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from pricedesk.errors import InvalidRequest, ServiceUnavailable
from pricedesk.frontend.rates_client import RETRY_SECONDS, RatesClient, RatesClients
from pricedesk.lines import LINE_BYTES_MAX
from pricedesk.settings import HostPort

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Rig:
    """A client, its clock, and the server at its other end."""

    def __init__(self, port: int) -> None:
        self.now = 0.0
        self.address = HostPort("127.0.0.1", port)
        self.client = RatesClient(self.address, lambda: time.monotonic() + self.now)


@asynccontextmanager
async def rig(handler: Handler) -> AsyncIterator[Rig]:
    writers: list[asyncio.StreamWriter] = []

    async def remembering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(remembering, "127.0.0.1", 0)
    made = Rig(server.sockets[0].getsockname()[1])
    async with asyncio.timeout(60):
        try:
            yield made
        finally:
            made.client.close()
            server.close()
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers ping with pong and everything else with itself."""
    while line := await reader.readline():
        writer.write(b"pong\n" if line == b"ping\n" else line)


def after_ping(then: Handler) -> Handler:
    """A server that answers the first ping and then does something else."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"pong\n")
        await then(reader, writer)

    return handler


async def test_requests_share_one_connection_and_get_their_own_replies() -> None:
    connections = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await echo(reader, writer)

    async with rig(counting) as made:
        requests = [f"request {number}" for number in range(1000)]
        replies = await asyncio.gather(*(made.client.ask(request) for request in requests))
        assert replies == requests
        assert connections == 1


async def test_requests_of_one_turn_leave_in_one_write() -> None:
    async def one_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        packet = await reader.read(1000)
        writer.write(f"{len(packet)}\n".encode() * packet.count(b"\n"))

    async with rig(after_ping(one_read)) as made:
        replies = await asyncio.gather(*(made.client.ask("four") for _ in range(10)))
        assert replies == ["50"] * 10


async def test_a_service_that_is_not_there_is_unavailable_at_once() -> None:
    client = RatesClient(HostPort("127.0.0.1", 1), lambda: 0)
    with pytest.raises(ServiceUnavailable, match=r"^127\.0\.0\.1:1 cannot be reached: .*Errno 111"):
        await client.ask("one")


async def test_a_host_that_has_no_address_is_unavailable() -> None:
    client = RatesClient(HostPort("no such host", 3000), lambda: 0)
    with pytest.raises(ServiceUnavailable, match=r"^no such host:3000 cannot be reached: "):
        await client.ask("one")


async def test_after_a_failed_attempt_requests_fail_at_once_until_the_pause_is_over() -> None:
    attempts = 0

    async def refusing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1

    async with rig(refusing) as made:
        for _ in range(10):
            with pytest.raises(ServiceUnavailable):
                await made.client.ask("one")
        assert attempts == 1
        made.now += RETRY_SECONDS
        with pytest.raises(ServiceUnavailable):
            await made.client.ask("one")
        assert attempts == 2


async def test_a_connection_lost_before_the_reply_is_made_again_once() -> None:
    served = 0

    async def dies_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        if served == 1:
            await reader.readline()
        else:
            await echo(reader, writer)

    async with rig(after_ping(dies_first)) as made:
        assert await made.client.ask("one") == "one"
        assert served == 2


@pytest.mark.parametrize(
    "goodbye", ["error closing the service is shutting down", "error busy too many", "error idle x"]
)
async def test_a_goodbye_is_not_taken_for_a_reply(goodbye: str) -> None:
    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(f"{goodbye}\n".encode())

    async with rig(after_ping(leaves)) as made:
        with pytest.raises(ServiceUnavailable):
            await made.client.ask("one")


async def test_a_reply_that_nobody_asked_for_ends_the_connection() -> None:
    """Were it kept, every later request would get the reply of the one before."""

    async def talks_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"one\nextra\n")
        assert await reader.read() == b""
        gone.set()

    gone = asyncio.Event()
    async with rig(after_ping(talks_too_much)) as made:
        assert await made.client.ask("one") == "one"
        await gone.wait()


async def test_what_answers_a_ping_with_something_else_is_no_back_end() -> None:
    async def another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\n")

    async with rig(another) as made:
        with pytest.raises(ServiceUnavailable, match=r"is not a Pricedesk back-end$"):
            await made.client.ask("one")


async def test_a_silent_service_is_unavailable_after_the_deadline_and_then_asked_anew() -> None:
    silent = True

    async def sometimes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if silent:
            await reader.read()
        else:
            await echo(reader, writer)

    async with rig(after_ping(sometimes)) as made:
        with pytest.raises(ServiceUnavailable, match=r"did not answer in time$"):
            await made.client.ask("one")
        silent = False
        made.now += RETRY_SECONDS
        assert await made.client.ask("two") == "two"


async def test_a_request_whose_asker_left_does_not_shift_the_replies_of_others() -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        arrived.set()
        await release.wait()
        writer.write(b"one\n")
        await echo(reader, writer)

    async with rig(after_ping(slow)) as made:
        leaving = asyncio.create_task(made.client.ask("one"))
        staying = asyncio.create_task(made.client.ask("two"))
        await arrived.wait()
        leaving.cancel()
        release.set()
        assert await staying == "two"


@pytest.mark.parametrize("character", ["x", "\u20ac"])
async def test_a_request_longer_than_a_line_is_not_sent(character: str) -> None:
    async with rig(echo) as it:
        size = len(character.encode())
        longest = character * (LINE_BYTES_MAX // size)
        assert await it.client.ask(longest) == longest
        with pytest.raises(InvalidRequest, match=f"at most {LINE_BYTES_MAX} bytes"):
            await it.client.ask(longest + character * size)
        assert await it.client.ask("still here") == "still here"


async def test_of_several_clients_the_one_with_the_least_to_wait_for_is_asked() -> None:
    silent = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line == b"slow\n":
                await silent.wait()
            writer.write(b"pong\n" if line == b"ping\n" else line)

    async with rig(slow) as it:
        second = RatesClient(it.address, time.monotonic)
        clients = RatesClients([it.client, second])
        waiting = asyncio.ensure_future(clients.ask("slow"))
        while it.client.waiting == 0:  # noqa: ASYNC110  # seen from outside
            await asyncio.sleep(0)
        assert await clients.ask("quick") == "quick"
        silent.set()
        assert await waiting == "slow"
        clients.drop()
        with pytest.raises(ServiceUnavailable):  # For a moment, all of them.
            await clients.ask("at once")
        clients.close()
