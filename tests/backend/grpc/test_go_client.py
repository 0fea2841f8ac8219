"""Go's gRPC client, as Online Boutique's callers have it: one connection, many streams."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from grpc_cases import CONVERTED, REFUSED, money, request
from grpc_doors import CURRENCIES, Running, running
from pricedesk.backend.grpc.methods import Each, Method, Streaming, Unary
from pricedesk.backend.grpc.own_server import GrpcService

pytestmark = pytest.mark.go

CONVERT = f"{CURRENCIES}/Convert"


def call(method: str, *messages: bytes, **more: object) -> dict[str, object]:
    coded = [base64.b64encode(message).decode() for message in messages]
    return {"method": method, "messages": coded, **more}


async def called(
    program: Path, door: Running, calls: list[dict[str, object]], limit: int = 1000
) -> list[dict[str, Any]]:
    """What Go's client says of each call; so many of them are under way together."""
    process = await asyncio.create_subprocess_exec(
        program, door.address, str(limit), stdin=PIPE, stdout=PIPE
    )
    output, _ = await process.communicate("".join(f"{json.dumps(c)}\n" for c in calls).encode())
    assert process.returncode == 0
    answers = [json.loads(line) for line in output.splitlines()]
    for answer in answers:
        answer["messages"] = [base64.b64decode(m) for m in answer["messages"] or ()]
    return answers


async def test_amounts_are_converted_exactly(go_client: Path, door: Running) -> None:
    answers = await called(go_client, door, [call(CONVERT, request(*row)) for row, _ in CONVERTED])
    assert [(a["code"], money(a["messages"][0])) for a in answers] == [
        ("OK", expected) for _, expected in CONVERTED
    ]


async def test_what_cannot_be_converted_is_refused_by_name(go_client: Path, door: Running) -> None:
    answers = await called(go_client, door, [call(CONVERT, data) for data, *_ in REFUSED])
    assert [
        (a["code"].upper(), a["details"], a["trailers"].get("pricedesk-error")) for a in answers
    ] == [(code.name.replace("_", ""), text, slug) for _, code, text, slug in REFUSED]


async def test_a_shops_traffic_on_one_connection_is_answered_in_full(
    go_client: Path, door: Running
) -> None:
    # C-core counts calls for a while after they were answered, and refuses some beyond a hundred.
    limit = 1000 if isinstance(door.door, GrpcService) else 10
    calls = [call(CONVERT, request("JPY", n, n, "JPY")) for n in range(3000)]
    answers = await called(go_client, door, calls, limit)
    assert [money(answer["messages"][0]) for answer in answers] == [
        ("JPY", n, n) for n in range(3000)
    ]


class Endless:
    """A stream of answers that goes on until its client leaves."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.ended = asyncio.Event(), asyncio.Event(), 0

    async def answers(self, message: bytes) -> AsyncIterator[bytes]:
        try:
            while True:
                yield message
                await asyncio.sleep(0)
        finally:
            self.ended += 1

    async def later(self, message: bytes) -> bytes:
        self.begun.set()
        await self.go_on.wait()
        return message

    @property
    def methods(self) -> dict[str, Method]:
        return {
            "/a.B/Echo": Unary(lambda asked: asked),
            "/a.B/Endless": Streaming(self.answers),
            "/a.B/Each": Each(bytes.upper),
            "/a.B/Later": Unary(self.later),
        }


@pytest.mark.parametrize("server", ["own", "grpcio"])
async def test_bodies_larger_than_every_window_come_and_go_whole(
    go_client: Path, server: str
) -> None:
    bodies = [bytes((n,)) * (2**20 - n) for n in range(4)]
    async with running(Endless().methods, server) as door:
        answers = await called(go_client, door, [call("/a.B/Echo", body) for body in bodies], 2)
    assert [answer["messages"] for answer in answers] == [[body] for body in bodies]


@pytest.mark.parametrize("server", ["own", "grpcio"])
async def test_streams_both_ways_and_streams_that_are_left(go_client: Path, server: str) -> None:
    endless = Endless()
    each = call("/a.B/Each", *(b"a%d" % n for n in range(200)), streams=True)
    left = call("/a.B/Endless", bytes(5000), streams=True, cancel=50)
    async with running(endless.methods, server) as door:
        *eaches, one, two = await called(go_client, door, [each] * 20 + [left] * 2)
        async with asyncio.timeout(60):
            while endless.ended < 2:  # noqa: ASYNC110  # there is no event for both
                await asyncio.sleep(0.01)
    answered = [b"A%d" % n for n in range(200)]
    assert [(a["code"], a["messages"]) for a in eaches] == [("OK", answered)] * 20
    assert {one["code"], two["code"]} == {"Canceled"}


@pytest.mark.parametrize("server", ["own", "grpcio"])
async def test_what_was_begun_before_the_end_is_answered(go_client: Path, server: str) -> None:
    endless = Endless()
    async with running(endless.methods, server) as door:
        calling = asyncio.ensure_future(called(go_client, door, [call("/a.B/Later", b"hi")]))
        async with asyncio.timeout(60):
            await endless.begun.wait()
        draining = asyncio.ensure_future(door.door.drain(30))
        await asyncio.sleep(0)
        endless.go_on.set()
        [answer] = await calling
        await draining
    assert (answer["code"], answer["messages"]) == ("OK", [b"hi"])
