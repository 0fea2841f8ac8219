"""Long answers of all doors of a process take turns together: they share its loop."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager, closing
from http import HTTPStatus
from pathlib import Path

import pytest

from grpc_doors import Running, calling
from held import Asking, DeskAtOnce
from pricedesk.admission import ClientLimits
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.grpc import own_server
from pricedesk.backend.grpc.definitions import message_class
from pricedesk.backend.grpc.door import grpc_door
from pricedesk.backend.http.door import http_door
from pricedesk.backend.news import News
from pricedesk.backend.store import Store, open_store
from pricedesk.backend.surroundings import Gauges, Readiness, Surroundings
from pricedesk.http.connection import Connection
from pricedesk.turns import Turns

LIMITS = ClientLimits(connections=10, connections_per_address=10)
ITEMS = 90
BODY = b'{"items":[%s]}' % b",".join([b'{"amount":"1","from":"CAD","to":"USD"}'] * ITEMS)
BATCH = b"POST /convert HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
BATCH += b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class NotedTurns(Turns):
    """Turns of which it is noted whose each one was."""

    def __init__(self) -> None:
        super().__init__()
        self.had: list[type] = []

    @asynccontextmanager
    async def turn_of(self, client: Hashable) -> AsyncIterator[None]:
        async with super().turn_of(client):
            self.had.append(type(client))
            yield


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store("", tmp_path)) as opened:
        opened.database.execute("PRAGMA synchronous=OFF")
        yield opened


async def test_batches_over_http_and_grpc_take_turns(bureau: Bureau, store: Store) -> None:
    turns = NotedTurns()
    quotes = DeskAtOnce(Asking(store, bureau))
    around = Surroundings(bureau, quotes, Readiness(bureau), [], list, Gauges(), turns)
    http = http_door(around, LIMITS)
    grpc = grpc_door(around, News(bureau, store), "own", LIMITS)
    assert isinstance(grpc, own_server.GrpcService)
    running = Running(grpc, grpc.tally, grpc.gate, await grpc.start("127.0.0.1", 0))
    reader, writer = await asyncio.open_connection("127.0.0.1", await http.start("127.0.0.1", 0))
    async with asyncio.timeout(60), calling(running) as client:
        item = {"amount": "1", "to": "USD"}
        asked = message_class("pricedesk.v1.ConvertManyRequest")(items=[item] * ITEMS)
        messages = client.stream("/pricedesk.v1.Rates/ConvertMany", asked.SerializeToString())
        writer.write(BATCH)
        said = await reader.read()
        assert len([message async for message in messages]) == 4
    assert said.startswith(b"HTTP/1.1 %d " % HTTPStatus.OK)
    writer.close()
    await http.drain(1)
    await grpc.drain(1)
    # One for each part, and one in which it is found that there is none left.
    assert turns.had.count(Connection) == 5
    assert turns.had.count(own_server._Connection) == 5
    assert len(turns.had) == 10
