"""Prices held a second, on SQLite and PostgreSQL: ours against single inserts on the same disk.

    PYTHONPATH=tests python bench/quotes.py [ROUNDS]

The limit is how often a second the database alone commits one row of the length of a record. Each
round measures the limit and ours, with one connection and with fifty, one after the other. Looks
at quotes are measured too; they wait for no disk. Back-end and client have a core each, PostgreSQL
has both. Processor time and memory are those of the back-end and of PostgreSQL's server, or of that
server alone; with SQLite, where there is none, of what writes the row. PostgreSQL is left out
where it is not installed.
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg

from _machine import (
    CLIENT_CORE,
    RUN_TITLES,
    figures,
    in_turn,
    machine,
    medians,
    print_table,
    ratio,
    run_of,
    run_of_itself,
    stay_on,
    three_percentiles,
)
from _services import backend
from _tools import POSTGRES_LACKS, not_measured
from postgres import postgres_server, programs

SECONDS = 2.0
CONNECTIONS = 50
HOLD = "hold 1100 CAD USD ref=laptop name=A%20laptop rules=shop/1 price=789.99"
RECORD = "x" * 480
INSERT = "INSERT INTO alone VALUES (?, ?)"


Found = tuple[int, float, tuple[float, float, float]]
"""How often something was done, in how many seconds, and p50, p99 and p99.9 in milliseconds."""


@dataclass(frozen=True)
class Database:
    """Where quotes are kept: its name, its address, what it does alone, its server's process."""

    name: str
    address: str
    alone: Callable[[], Found]
    server: int | None = None


def again_and_again(work: Callable[[int], object]) -> Found:
    """Do something for SECONDS."""
    took_ms: list[float] = []
    begun = before = time.perf_counter()
    while before - begun < SECONDS:
        work(len(took_ms))
        now = time.perf_counter()
        took_ms.append((now - before) * 1000)
        before = now
    return len(took_ms), before - begun, three_percentiles(took_ms)


def sqlite_alone(folder: Path) -> Found:
    """Commits of SQLite, as durable as ours."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as own,
        closing(sqlite3.connect(Path(own) / "alone", isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE alone (n INTEGER PRIMARY KEY, record TEXT)")
        return again_and_again(lambda n: connection.execute(INSERT, (n, RECORD)))


def postgres_alone(address: str) -> Found:
    """Commits of PostgreSQL over one connection."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS alone (n BIGINT, record TEXT)")
        insert = INSERT.replace("?", "%s").encode()
        return again_and_again(lambda n: connection.execute(insert, (n, RECORD)))


def postmaster(address: str) -> int:
    """The process that all of a PostgreSQL server's are children of."""
    with psycopg.connect(address) as connection:
        pid = connection.info.backend_pid
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    # The name in brackets may have spaces: the parent is the second word after it.
    return int(stat.rpartition(")")[2].split()[1])


async def asked(port: int, line: str, connections: int) -> Found:
    """What comes of it where each connection asks again once it is answered."""
    took_ms: list[float] = []
    begun = time.perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        before = time.perf_counter()
        while before - begun < SECONDS:
            writer.write(f"{line}\n".encode())
            reply = await reader.readuntil(b"\n")
            assert reply.startswith(b"quote="), reply
            now = time.perf_counter()
            took_ms.append((now - before) * 1000)
            before = now
        writer.close()

    await asyncio.gather(*[client() for _ in range(connections)])
    return len(took_ms), time.perf_counter() - begun, three_percentiles(took_ms)


async def one_id(port: int) -> str:
    """The id of a quote that is held."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{HOLD}\n".encode())
    reply = (await reader.readuntil(b"\n")).decode()
    writer.close()
    return reply[6:20]


def measure(database: Database, folder: Path, rounds: int) -> None:
    """Print the medians of some rounds on one database."""
    limit = f"{database.name}, a row alone"
    with backend(folder, database=database.address, quotes_held_max="1000000") as (port, pid):
        look = f"quote {asyncio.run(one_id(port))}"

        def ours(line: str, connections: int) -> Found:
            return asyncio.run(asked(port, line, connections))

        alone = run_of_itself if database.server is None else partial(run_of, database.server)
        others = () if database.server is None else (database.server,)
        contestants = {limit: partial(alone, database.alone)}
        for what, line in (("held", HOLD), ("looks", look)):
            for connections in (1, CONNECTIONS):
                name = f"  {what}, {connections} connection{'s' if connections > 1 else ''}"
                load = partial(ours, line, connections)
                contestants[name] = partial(run_of, pid, load, others)
        found = in_turn(contestants, rounds)
    rows = [
        [name, *figures(medians(runs)), f"{ratio(runs, found[limit]):.2f}"]
        for name, runs in found.items()
    ]
    print_table(["", *RUN_TITLES, "times the row alone"], rows)


@contextmanager
def databases(folder: Path) -> Iterator[list[Database]]:
    """Each kind of database that there is."""
    sqlite = Database("SQLite", "", partial(sqlite_alone, folder))
    if programs() is None:
        not_measured("prices held in PostgreSQL", POSTGRES_LACKS)
        yield [sqlite]
        return
    with postgres_server(durable=True) as server:
        alone = server.make_database()
        server_pid = postmaster(server.address("postgres", "postgres"))
        postgres = Database(
            "PostgreSQL", server.make_database(), partial(postgres_alone, alone), server_pid
        )
        yield [sqlite, postgres]


def main(rounds: int) -> None:
    print(f"{machine()}; {rounds} rounds of {SECONDS:.0f} s in turn, medians")
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as found:
        # Not before: what is started from now on would be on this core too.
        stay_on(CLIENT_CORE)
        for database in found:
            print()
            measure(database, Path(name), rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
