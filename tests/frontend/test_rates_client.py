"""The desk's connection to the back-end, against small real servers that misbehave on purpose."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from pricedesk.at_once import AtOnce, Turn
from pricedesk.errors import InvalidRequest, ServiceUnavailable
from pricedesk.frontend import rates_client
from pricedesk.frontend.rates_client import (
    RETRY_SECONDS,
    SILENT_SECONDS,
    RatesClient,
    RatesClients,
)
from pricedesk.lines import LINE_BYTES_MAX
from pricedesk.settings import HostPort

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reply comes too late because the machine is busy."""
    monkeypatch.setattr(rates_client, "ANSWER_SECONDS", 60)
    monkeypatch.setattr(rates_client, "CONNECT_SECONDS", 60)


class Rig:
    """A client, its clock, and the server at its other end.

    The clock goes by a step whenever somebody looks at it, and else when the test says so.
    """

    step_seconds = 1e-6

    def __init__(self, port: int) -> None:
        self.now = 0.0
        self.address = HostPort("127.0.0.1", port)
        self.client = RatesClient(self.address, self.seconds)

    def seconds(self) -> float:
        self.now += self.step_seconds
        return self.now


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


async def test_of_the_end_of_a_connection_is_told_though_nobody_waits_for_a_reply() -> None:
    async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())

    lost = asyncio.Event()
    async with rig(after_ping(answers_once)) as made:
        made.client = RatesClient(made.address, made.seconds, when_lost=lost.set)
        assert await made.client.ask("one") == "one"
        await lost.wait()


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


async def test_a_silent_service_is_unavailable_after_the_deadline_and_then_asked_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def sometimes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line != b"silence\n":
                writer.write(line)

    async with rig(after_ping(sometimes)) as made:
        made.step_seconds = SILENT_SECONDS
        monkeypatch.setattr(rates_client, "ANSWER_SECONDS", 0.1)
        with pytest.raises(ServiceUnavailable, match=r"did not answer in time$"):
            await made.client.ask("silence")
        monkeypatch.setattr(rates_client, "ANSWER_SECONDS", 60)
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
        second = RatesClient(it.address, it.seconds)
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


async def test_a_goodbye_right_behind_the_sign_of_life_is_tried_once_more_and_not_for_ever() -> (
    None
):
    connections = 0

    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readline()
        writer.write(b"pong\nerror closing the service is shutting down\n")

    async with rig(leaves) as made:
        with pytest.raises(ServiceUnavailable):
            await made.client.ask("one")
        assert connections == 2


async def test_a_request_is_asked_again_once_and_its_reply_lost_again_is_a_failure() -> None:
    asked: list[bytes] = []

    async def dies(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())

    async with rig(after_ping(dies)) as made:
        with pytest.raises(ServiceUnavailable):
            await made.client.ask("one")
        assert asked == [b"one\n", b"one\n"]


async def test_each_request_has_its_whole_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One timer looks at the oldest request, and then at the next."""
    loop = asyncio.get_running_loop()

    async def failed_after(client: RatesClient) -> float:
        since = loop.time()
        with pytest.raises(ServiceUnavailable):
            await client.ask("one")
        return loop.time() - since

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with rig(after_ping(silent)) as made:
        asked = []
        for seconds in (0.1, 0.3, 0.3):
            monkeypatch.setattr(rates_client, "ANSWER_SECONDS", seconds)
            asked.append(asyncio.create_task(failed_after(made.client)))
            await asyncio.sleep(0)
        first, *others = [await each for each in asked]
        assert first >= 0.1
        assert min(others) >= 0.3
        assert made.client._asked == deque()
        assert made.client._timer is None


async def test_who_asks_again_when_told_of_a_failure_does_not_put_off_the_failures_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with rig(after_ping(silent)) as made:

        async def persistent() -> None:
            with pytest.raises(ServiceUnavailable, match=r"did not answer in time$"):
                await made.client.ask("one")
            monkeypatch.setattr(rates_client, "ANSWER_SECONDS", 3600)
            await made.client.ask("one more")

        monkeypatch.setattr(rates_client, "ANSWER_SECONDS", 0.1)
        first = AtOnce(persistent())
        monkeypatch.setattr(rates_client, "ANSWER_SECONDS", 0.2)
        with pytest.raises(ServiceUnavailable, match=r"did not answer in time$"):
            await made.client.ask("two")
        made.client.close()
        with pytest.raises(ServiceUnavailable, match=r"was closed$"):
            await first


async def test_requests_that_wait_are_bounded_with_a_connection_and_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates_client, "REQUESTS_MAX", 3)
    release = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await echo(reader, writer)

    async with rig(slow) as made:
        for _ in range(2):  # Before the back-end has given a sign of life, and after it.
            waiting = [asyncio.create_task(made.client.ask(f"{n}")) for n in range(3)]
            while made.client.waiting < 3:  # noqa: ASYNC110  # seen from outside
                await asyncio.sleep(0)
            with pytest.raises(ServiceUnavailable, match=r"^too many requests wait"):
                await made.client.ask("one too many")
            release.set()
            assert await asyncio.gather(*waiting) == ["0", "1", "2"]


async def test_answered_requests_are_not_kept() -> None:
    async with rig(echo) as made:
        for number in range(100):
            await made.client.ask(f"{number}")
            assert len(made.client._asked) <= 2


async def test_after_the_close_who_waits_is_told_and_nobody_connects_again() -> None:
    connections = 0

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()

    for handler in (silent, after_ping(silent)):  # While it connects, and when it has.
        async with rig(handler) as made:
            waiting = asyncio.create_task(made.client.ask("one"))
            while not (made.client._link and made.client.waiting) and not connections:  # noqa: ASYNC110  # seen from outside
                await asyncio.sleep(0)
            made.client.close()
            for asked in (waiting, made.client.ask("two")):
                with pytest.raises(ServiceUnavailable):
                    await asked
        assert connections == 1
        connections = 0


async def test_what_is_asked_in_a_turn_goes_out_at_its_end() -> None:
    turn, packets = Turn(), asyncio.Queue[bytes]()

    async def packet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            packets.put_nowait(data)
            writer.write(b"reply\n" * data.count(b"\n"))

    async with rig(after_ping(packet)) as made:
        client = RatesClient(made.address, made.seconds, "prices", turn)
        assert await client.ask("first") == "reply"
        turn.begin()
        asked = [AtOnce(client.ask(name)) for name in ("one", "two")]
        turn.end()
        assert client._link is not None
        assert client._link._unsent == []
        assert [await each for each in asked] == ["reply", "reply"]
        assert [packets.get_nowait() for _ in range(2)] == [b"first\n", b"one\ntwo\n"]
        client.close()


async def test_who_is_told_may_ask_again_and_gets_no_reply_that_was_there_before() -> None:
    """A reply that nobody asked for stays one, though somebody asks while replies are told."""

    async def talks_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"one\nextra\n")
        await reader.read()

    async def twice(client: RatesClient) -> str:
        await client.ask("one")
        return await client.ask("two")

    served = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        await (after_ping(talks_too_much) if served == 1 else echo)(reader, writer)

    async with rig(handler) as made:
        assert await AtOnce(twice(made.client)) == "two"


async def test_replies_behind_one_that_cannot_be_trusted_are_asked_for_anew() -> None:
    served = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        if served > 1:
            await echo(reader, writer)
            return
        await reader.readline()
        writer.write(b"pong\n")
        await reader.readline()
        await reader.readline()
        writer.write(b"wrong\nwrong too\n")
        await reader.read()

    async with rig(handler) as made:

        async def distrusting() -> str:
            reply = await made.client.ask("one")
            made.client.drop()
            made.now += RETRY_SECONDS  # The pause after it is over.
            return reply

        first, second = AtOnce(distrusting()), AtOnce(made.client.ask("two"))
        assert (await first, await second) == ("wrong", "two")


async def test_a_customer_who_leaves_after_a_long_silence_shows_that_the_service_is_dead() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with rig(after_ping(silent)) as made:
        leaving = asyncio.create_task(made.client.ask("one"))
        while not (made.client._link and made.client.waiting):  # noqa: ASYNC110  # seen from outside
            await asyncio.sleep(0)
        made.now += SILENT_SECONDS + 0.1
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        with pytest.raises(ServiceUnavailable, match=r"could not be reached a moment ago$"):
            await made.client.ask("two")
