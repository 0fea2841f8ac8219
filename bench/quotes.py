"""Prices held a second, on SQLite and PostgreSQL: ours against single inserts on the same disk.

    PYTHONPATH=tests python bench/quotes.py [ROUNDS]

The limit is how often a second the database alone commits one row of the length of a record. Each
round measures the limit and ours, with one connection and with fifty, one after the other. Looks
at quotes are measured too; they wait for no disk.
"""

import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import psycopg

from postgres import postgres_server, programs
from services import backend

SECONDS = 2.0
CONNECTIONS = 50
HOLD = "hold 1100 CAD USD ref=laptop name=A%20laptop rules=shop/1 price=789.99"
RECORD = "x" * 480
INSERT = "INSERT INTO alone VALUES (?, ?)"


def rate(work: Callable[[int], object]) -> float:
    """How often a second something is done."""
    begun = time.monotonic()
    for n in count(1):
        work(n)
        if (took := time.monotonic() - begun) > SECONDS:
            return n / took
    raise AssertionError("nobody counts so far")


def sqlite_alone(folder: Path) -> float:
    """Commits a second of SQLite, as durable as ours."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as own,
        closing(sqlite3.connect(Path(own) / "alone", isolation_level=None)) as connection,
    ):
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        connection.execute("CREATE TABLE alone (n INTEGER PRIMARY KEY, record TEXT)")
        return rate(lambda n: connection.execute(INSERT, (n, RECORD)))


def postgres_alone(address: str) -> float:
    """Commits a second of PostgreSQL over one connection."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS alone (n BIGINT, record TEXT)")
        insert = INSERT.replace("?", "%s").encode()
        return rate(lambda n: connection.execute(insert, (n, RECORD)))


async def asked(port: int, line: str, connections: int) -> float:
    """Answers a second where each connection asks again once it is answered."""
    end = time.monotonic() + SECONDS

    async def client() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        done = 0
        while time.monotonic() < end:
            writer.write(f"{line}\n".encode())
            reply = await reader.readuntil(b"\n")
            assert reply.startswith(b"quote="), reply
            done += 1
        writer.close()
        return done

    begun = time.monotonic()
    done = await asyncio.gather(*[client() for _ in range(connections)])
    return sum(done) / (time.monotonic() - begun)


async def one_id(port: int) -> str:
    """The id of a quote that is held."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{HOLD}\n".encode())
    reply = (await reader.readuntil(b"\n")).decode()
    writer.close()
    return reply[6:20]


def measure(name: str, database: str, folder: Path, alone: Callable[[], float], n: int) -> None:
    """Print the medians of some rounds on one database."""
    found: dict[str, list[float]] = defaultdict(list)
    with backend(folder, database=database, quotes_held_max="1000000") as (_, port):
        look = f"quote {asyncio.run(one_id(port))}"
        for _ in range(n):
            found["a row alone"].append(alone())
            for connections in (1, CONNECTIONS):
                where = f"{connections} connection{'s' if connections > 1 else ''}"
                found[f"held, {where}"].append(asyncio.run(asked(port, HOLD, connections)))
                found[f"looks, {where}"].append(asyncio.run(asked(port, look, connections)))
    limit = statistics.median(found["a row alone"])
    for what, rates in found.items():
        each = statistics.median(rates)
        print(f"{name}, {what}: {each:.0f} a second, {each / limit:.2f} times the row alone")


@contextmanager
def databases(folder: Path) -> Iterator[list[tuple[str, str, Callable[[], float]]]]:
    """Each kind of database: its name, its address, and what it does alone."""
    sqlite = ("SQLite", "", partial(sqlite_alone, folder))
    if programs() is None:
        yield [sqlite]
        return
    with postgres_server(durable=True) as server:
        address = server.make_database()
        yield [sqlite, ("PostgreSQL", address, partial(postgres_alone, server.make_database()))]


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as found:
        for kind, address, alone in found:
            measure(kind, address, Path(name), alone, rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
