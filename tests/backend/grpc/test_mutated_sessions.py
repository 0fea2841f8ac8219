"""Sessions that are nearly right: frames lost, twice, in another order, cut off, with other bytes.

Whatever comes of one, nothing fails inside, nothing is kept, the connection has an end, and the
next client is served.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from http2_peer import H2Client, frames_in, message
from pricedesk.admission import Gate
from pricedesk.backend.grpc.frames import END_STREAM, PREFACE, Kind, frame
from pricedesk.backend.grpc.methods import Each, Method, Streaming, Unary
from pricedesk.backend.grpc.own_server import GrpcService
from pricedesk.port import PortConnection
from pricedesk.tally import Tally

SEEDS = 400
READ_SECONDS = 60


async def later(asked: bytes) -> bytes:
    await asyncio.sleep(0)
    return asked


async def many(asked: bytes) -> AsyncIterator[bytes]:
    for _ in range(3):
        yield asked
        await asyncio.sleep(0)


METHODS: dict[str, Method] = {
    "/a.B/Echo": Unary(lambda asked: asked),
    "/a.B/Later": Unary(later),
    "/a.B/Many": Streaming(many),
    "/a.B/Each": Each(bytes.upper),
}


def session(choice: random.Random) -> tuple[list[bytes], list[int]]:
    """What a client sends that does all right, frame by frame; the streams of its calls."""
    client, streams = H2Client(), []
    client.h2.increment_flow_control_window(2**20)
    for number in range(choice.randint(1, 6)):
        path = choice.choice([*METHODS, "/a.B/None"])
        body = message(bytes(choice.randint(0, 9000)))
        stream = client.request(body, path, note="x" * choice.randint(0, 20))
        streams.append(stream)
        match choice.randint(0, 5):
            case 0:
                client.h2.ping(b"12345678")
            case 1:
                client.h2.increment_flow_control_window(choice.randint(1, 70_000), stream)
            case 2:
                client.h2.increment_flow_control_window(choice.randint(1, 70_000))
            case 3:
                client.h2.update_settings({4: choice.randint(40_000, 70_000), 1: 4096 * number})
            case _:
                pass
    sent = client.h2.data_to_send()[len(PREFACE) :]
    return [frame(*found) for found in frames_in(sent)], streams


def mutated(choice: random.Random) -> bytes:
    """The same with a few things that are not right."""
    found, _ = session(choice)
    for _ in range(choice.randint(1, 4)):
        at, other = choice.randrange(len(found)), choice.randrange(len(found))
        match choice.randint(0, 6):
            case 0:
                found.insert(other, found[at])
            case 1 if len(found) > 1:
                del found[at]
            case 2:
                found[at], found[other] = found[other], found[at]
            case 3:
                found[at] = found[at][: choice.randint(0, len(found[at]))]
            case 4:
                changed = bytearray(found[at] or b"\0")
                changed[choice.randrange(min(len(changed), 40))] = choice.randrange(256)
                found[at] = bytes(changed)
            case 5:
                kind, flags, stream = (
                    choice.randrange(11),
                    choice.randrange(256),
                    choice.randrange(9),
                )
                payload = choice.randbytes(choice.choice((0, 4, 5, 6, 8, 20)))
                found.insert(at, frame(kind, flags, stream, payload))
            case _:
                found[at] = found[at] + choice.randbytes(choice.randint(0, 30))
    return PREFACE + b"".join(found)


class World:
    """A server whose clock goes as the test wants it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.tally, self.gate = Tally(), Gate[PortConnection](SEEDS, SEEDS)
        self.service = GrpcService(METHODS, self.tally, self.gate, lambda: self.now)
        self.port = 0

    async def send(self, data: bytes, *, hurry: bool) -> bytes:
        """Send a session, and take what comes until the connection ends; time goes fast then."""
        async with asyncio.timeout(READ_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(data)
            writer.write_eof()
            reading = asyncio.ensure_future(reader.read())
            while hurry and not (await asyncio.wait([reading], timeout=0.01))[0]:
                self.now += 1
                self.service.sweep()
            try:
                return await reading
            except ConnectionError:
                return b""  # It was cut off, as is allowed.
            finally:
                writer.close()


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    made.port = await made.service.start("127.0.0.1", 0)
    yield made
    await made.service.drain(1)


async def test_nothing_that_a_client_gets_wrong_is_a_fault_of_ours(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    for seed in range(SEEDS):
        data = mutated(random.Random(seed))  # noqa: S311  # the same each time
        await world.send(data, hurry=True)
        assert (faults, caplog.records) == ([], []), f"seed {seed}"
    async with asyncio.timeout(READ_SECONDS):
        while not world.gate.is_empty:
            world.now += 1
            world.service.sweep()
            await asyncio.sleep(0.01)
    assert world.service.bodies_bytes == 0
    assert world.tally.failed == 0


async def test_what_is_right_is_answered_in_full(world: World) -> None:
    """So that what is changed above is something."""
    for seed in range(50):
        found, streams = session(random.Random(seed))  # noqa: S311  # the same each time
        answers = await world.send(PREFACE + b"".join(found), hurry=False)
        ended = [
            stream
            for kind, flags, stream, _ in frames_in(answers)
            if kind == Kind.HEADERS and flags & END_STREAM
        ]
        assert sorted(ended) == streams
