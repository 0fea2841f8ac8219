"""Prices held by fifty clients while connections break and the back-end is killed, or ended.

Each price that was said to be held is in the ledger, as it was said, and once: every client asks
again with the same key until it has its answer. `--quotes 10000` does it thoroughly.
"""

import asyncio
import random
import signal
from contextlib import ExitStack, closing, suppress
from itertools import count
from pathlib import Path

import pytest

from pricedesk.backend.assembly import ledger_of
from pricedesk.backend.store import open_store
from pricedesk.clock import system_clock
from pricedesk.quote_lines import QuoteStatus, parse_quote_reply
from pricedesk.settings import Settings
from services import backend, free_port

QUOTES = 2_000
"""On each kind of store, unless `--quotes` says otherwise."""

CLIENTS = 50
KILLS = 6
BREAKS = 0.1
"""The share of requests after which the client breaks the connection before it has an answer."""

AGAIN = 0.1
REDEEMED = 0.2
ANSWER_SECONDS = 60


class Killed:
    """A back-end on one port, which is killed and started again."""

    def __init__(self, folder: Path, database: str) -> None:
        self.port = free_port()
        self.up = asyncio.Event()
        self._settings = {"database": database, "quotes_per_customer_max": "1000000"}
        self._folder = folder
        self._running = ExitStack()

    async def start(self) -> None:
        service, _ = await asyncio.to_thread(
            self._running.enter_context, backend(self._folder, self.port, **self._settings)
        )
        self._service = service
        self.up.set()

    async def kill(self) -> None:
        self.up.clear()
        await asyncio.to_thread(self._service.kill)
        self._running.close()

    async def kill_and_start(self) -> None:
        await self.kill()
        await self.start()


class Client:
    """One that asks until it is answered; `acknowledged` has what it was told, by key."""

    def __init__(self, number: int, killed: Killed) -> None:
        self.acknowledged: dict[str, str] = {}
        self.redeemed: dict[str, str] = {}
        self._number = number
        self._killed = killed
        self._chance = random.Random(number)  # noqa: S311  # no secret
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def hold(self, count: int, told: asyncio.Semaphore) -> None:
        """Hold so many prices; `told` is released for each that is acknowledged."""
        for n in range(count):
            key = f"{self._number}-{n}"
            line = f"hold {n + 1} CAD USD key={key} for=client{self._number} name=no%20{key}"
            reply = parse_quote_reply(await self.answer(line))
            self.acknowledged[key] = reply.record
            told.release()
            if self._chance.random() < AGAIN:
                assert parse_quote_reply(await self.answer(line)) == reply
            if self._chance.random() < REDEEMED:
                quote_id = reply.fields["quote"]
                redeemed = parse_quote_reply(await self.answer(f"redeem {quote_id}"))
                assert redeemed.record == reply.record
                assert redeemed.status is QuoteStatus.REDEEMED
                self.redeemed[key] = str(redeemed)
        self.drop()

    async def answer(self, line: str) -> str:
        """The answer, however often it has to be asked for."""
        while True:
            await self._killed.up.wait()
            with suppress(OSError, asyncio.IncompleteReadError):
                return await self._asked(line)
            self.drop()
            await asyncio.sleep(0)

    def drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _asked(self, line: str) -> str:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._killed.port)
        reader, writer = self._streams
        writer.write(f"{line}\n".encode())
        await writer.drain()
        if self._chance.random() < BREAKS:
            for _ in range(self._chance.randint(0, 50)):
                await asyncio.sleep(0)
            raise ConnectionError
        async with asyncio.timeout(ANSWER_SECONDS):
            return (await reader.readuntil(b"\n")).decode().strip()


async def test_each_price_that_was_said_to_be_held_is_there_as_it_was_said_and_once(
    database: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    each = max(1, int(pytestconfig.getoption("--quotes") or QUOTES) // CLIENTS)
    killed, told = Killed(tmp_path, database), asyncio.Semaphore(0)
    await killed.start()
    clients = [Client(number, killed) for number in range(CLIENTS)]
    async with asyncio.TaskGroup() as running:
        for client in clients:
            running.create_task(client.hold(each, told))
        for _ in range(KILLS):
            for _ in range(each * CLIENTS // (KILLS + 1)):
                await told.acquire()
            await killed.kill_and_start()
    acknowledged = {k: said for c in clients for k, said in c.acknowledged.items()}
    redeemed = {k: said for c in clients for k, said in c.redeemed.items()}
    asking = Client(CLIENTS, killed)
    for key, said in [*acknowledged.items()][::7]:
        quote_id = said[6:20]
        answer = await asking.answer(f"quote {quote_id}")
        assert answer == redeemed.get(key, f"{said} status=held")
    asking.drop()
    await killed.kill()
    with closing(open_store(database, tmp_path)) as store:
        assert store.check() == []
        ledger = ledger_of(store, Settings(), system_clock)
        kept = [quote.record for quote in ledger.quotes()]
        ends = store.rows("SELECT id FROM quote_end WHERE state = 'redeemed'")
    assert sorted(kept) == sorted(acknowledged.values())
    assert len(kept) == each * CLIENTS
    assert {quote_id for (quote_id,) in ends} == {said[6:20] for said in redeemed.values()}


async def held_until_the_end(port: int, number: int, told: asyncio.Semaphore) -> list[str]:
    """What one client is told who asks for prices, two at a time, until he hears goodbye."""
    records: list[str] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for n in count():
        writer.write(f"hold {n + 1} CAD USD name={number}\nhold {n + 1} CAD KWD\n".encode())
        for expected in ("quote=", "error no-rate-for-currency "):
            async with asyncio.timeout(ANSWER_SECONDS):
                line = (await reader.readuntil(b"\n")).decode().strip()
            if line.startswith("error closing "):
                assert await reader.read() == b""
                writer.close()
                return records
            assert line.startswith(expected)
            if expected == "quote=":
                records.append(parse_quote_reply(line).record)
                told.release()
    raise AssertionError("nobody counts so far")


async def test_at_a_signal_all_that_was_begun_is_answered(database: str, tmp_path: Path) -> None:
    """What is in the ledger somebody was told of, and nobody's answer is cut off."""
    told = asyncio.Semaphore(0)
    with backend(tmp_path, database=database) as (service, port):
        async with asyncio.TaskGroup() as running:
            clients = [
                running.create_task(held_until_the_end(port, number, told))
                for number in range(CLIENTS)
            ]
            for _ in range(4 * CLIENTS):
                await told.acquire()
            service.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(service.process.wait, ANSWER_SECONDS) == 0
    records = [record for client in clients for record in client.result()]
    with closing(open_store(database, tmp_path)) as store:
        kept = [quote.record for quote in ledger_of(store, Settings(), system_clock).quotes()]
    assert sorted(kept) == sorted(records)
