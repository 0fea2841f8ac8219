"""One worker and several: answers a second, memory, start, news, how fast one is replaced.

    PYTHONPATH=tests python bench/workers.py [ROUNDS]

Each round asks services of one and of two workers in turn. Clients are processes too, and take
their part of the same cores, so the gain is less than where they have cores of their own: their
share is printed. Lines are mostly asked 64 at a time, so that a client has little to do; each has
another amount; how long they take is from the first of them being sent to the last being answered.
What is in memory is counted once where processes share it. Then publications are put into the store
by another process, and each worker is asked until it answers from them, also while prices are held;
and workers are killed. PostgreSQL is left out where it is not installed.
"""

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path
from threading import Event, Thread

from _machine import (
    RUN_TITLES,
    Run,
    figures,
    free_port,
    in_turn,
    machine,
    medians,
    memory_mib,
    print_table,
    ratio,
    run_of,
    served,
    settled_mib,
    three_percentiles,
)
from _tools import POSTGRES_LACKS, not_measured
from catalogue import products
from crew import crew, one_of_each
from kept import fetched_days
from postgres import postgres_server, programs
from pricedesk.backend.store import open_store
from pricedesk.frontend.catalogue_csv import catalogue_csv
from quotes import HOLD, Found, asked
from services import FRIDAY_EVENING, Client

EVERYWHERE = os.cpu_count() or 1
"""No core's number: what is started there is on all of them."""

SECONDS = 2.0
CLIENTS = 2
CONNECTIONS = 16
AT_ONCE = 64
QUOTING = 50
PRODUCTS = 100_000
COMING = 20
STEADY_SECONDS = 6
"""A worker that has been there for so long is replaced at once."""

MONDAY, MONDAY_EVENING = "2026-11-02", "2026-11-02T18:00:00Z"
PUBLICATIONS = 5
"""In a round; put into the store one after the other, each a correction of the one before."""

NEWS_SECONDS = 2
GIVEN_UP_SECONDS = 60

CLIENT = """
import os, selectors, socket, sys, time
port, seconds, connections, at_once, line = (*map(float, sys.argv[1:5]), sys.argv[5])
asked = [
    "".join(line.format(n * 64 + k) + "\\n" for k in range(int(at_once))).encode()
    for n in range(200)
]
selector = selectors.DefaultSelector()
answers = turn = 0
for _ in range(int(connections)):
    connection = socket.create_connection(("127.0.0.1", int(port)))
    connection.sendall(asked[0])
    selector.register(connection, selectors.EVENT_READ, [int(at_once), time.monotonic()])
took_us = []
now = time.monotonic()
end = now + seconds
while now < end:
    for key, _ in selector.select(1):
        got = key.fileobj.recv(65536).count(b"\\n")
        answers += got
        key.data[0] -= got
        if not key.data[0]:
            now = time.monotonic()
            took_us.append(round((now - key.data[1]) * 1e6))
            turn += 1
            key.data[:] = int(at_once), now
            key.fileobj.sendall(asked[turn % 200])
print(answers, sum(os.times()[:2]), *took_us)
"""


Load = tuple[Found, float]
"""What came of a load, and how many cores the clients took."""


@contextmanager
def service(name: str, workers: int, folder: Path, **settings: str) -> Iterator[tuple[int, int]]:
    """A service on all cores: its process and its first port."""
    port = free_port()
    doors = ("LINES", "HTTP") if name == "backend" else ("TELNET", "WEB")
    given = {f"{doors[0]}_PORT": str(port), f"{doors[1]}_PORT": "0", "WORKERS": str(workers)}
    given["GRPC_PORT"] = "0"
    given |= {"DATA_DIR": str(folder), "CLOCK": FRIDAY_EVENING, "FETCH": "off", **settings}
    environment = {f"PRICEDESK_{variable}": value for variable, value in given.items()}
    command = [sys.executable, "-m", "pricedesk.cli", name]
    with served(command, port, EVERYWHERE, environment) as pid:
        yield pid, port


def answered(port: int, line: str, connections: int = CONNECTIONS, at_once: int = AT_ONCE) -> Load:
    """Lines that clients ask, and what the clients had of the cores."""
    words = [str(port), str(SECONDS), str(connections), str(at_once), line]
    command = [sys.executable, "-c", CLIENT, *words]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(CLIENTS)]
    told = [client.communicate()[0].split() for client in clients]
    answers = sum(int(each[0]) for each in told)
    cores = sum(float(each[1]) for each in told) / SECONDS
    took_ms = [int(text) / 1000 for each in told for text in each[2:]]
    return (answers, SECONDS, three_percentiles(took_ms)), cores


def held(port: int) -> Load:
    """Prices that are held, by one client with many connections."""
    before = time.process_time()
    found = asyncio.run(asked(port, HOLD, QUOTING))
    return found, (time.process_time() - before) / SECONDS


def measured(pid: int, load: Callable[[], Load]) -> tuple[Run, float]:
    """A run, and how many cores the clients took."""
    cores = []

    def alone() -> Found:
        found, each = load()
        cores.append(each)
        return found

    return run_of(pid, alone), cores[0]


def compare(rounds: int, folder: Path) -> None:
    """Print what services of one and of two workers answer."""
    loads: dict[str, Callable[[int], Load]] = {
        "conversions": partial(answered, line="{}.25 CAD USD"),
        "conversions of the past": partial(answered, line="{}.25 CAD JPY 2020-02-14"),
        "conversions, one at a time": partial(
            answered, line="{}.25 CAD USD", connections=50, at_once=1
        ),
        "explanations": partial(answered, line="explain {}.25 EUR JPY"),
        "prices held, SQLite": held,
    }
    with ExitStack() as stack:
        services = {
            workers: stack.enter_context(
                service("backend", workers, folder / str(workers), QUOTES_HELD_MAX="1000000")
            )
            for workers in (1, 2)
        }
        rows = []
        for name, load in loads.items():
            contestants = {
                str(workers): partial(measured, pid, partial(load, port))
                for workers, (pid, port) in services.items()
            }
            found = in_turn(contestants, rounds)
            runs = {workers: [run for run, _ in each] for workers, each in found.items()}
            for workers, each in found.items():
                cores = f"{statistics.median(share for _, share in each):.2f}"
                times = f"{ratio(runs[workers], runs['1']):.2f}"
                title = f"{name}, {workers}"
                rows.append([title, *figures(medians(runs[workers])), times, cores])
    print_table(["load, workers", *RUN_TITLES, "times one", "clients' cores"], rows)


def memory(folder: Path) -> None:
    """Print what services have in memory after some work, with so many workers."""
    catalogue = folder / "catalogue.csv"
    catalogue.write_text("".join(catalogue_csv(products(PRODUCTS))), encoding="utf-8")
    rows = []
    for workers in (1, 2, 4):
        with service("backend", workers, folder / "memory") as (pid, port):
            answered(port, "explain {}.25 EUR JPY")
            backend_mib = memory_mib(pid)
        settings = {"CATALOGUE": str(catalogue), "BACKEND": f"127.0.0.1:{free_port()}"}
        with service("frontend", workers, folder, **settings) as (pid, _):
            # Until the indexes are made: then nobody is busy any more.
            settled = settled_mib(pid, 3)
        rows.append([str(workers), f"{backend_mib:.0f}", f"{settled:.0f}"])
    print_table(["workers", "back-end MiB", f"front-end with {PRODUCTS:,} products MiB"], rows)


def first_answer(port: int) -> None:
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(b"1100\n")
                if connection.recv(100):
                    return
        except OSError:
            time.sleep(0.001)


def start(workers: int, folder: Path) -> float:
    """Seconds to the first answer."""
    begun = time.monotonic()
    with service("backend", workers, folder) as (_, port):
        first_answer(port)
        return time.monotonic() - begun


def replaced(folder: Path) -> tuple[float, float]:
    """Seconds from a worker's end: until all who come then are answered, until the next listens."""
    with crew("backend", 2, data_dir=str(folder), fetch="off") as made, ExitStack() as stack:
        time.sleep(STEADY_SECONDS)
        made.kill(1, signal.SIGKILL)
        begun = time.monotonic()
        clients = [stack.enter_context(Client(made.ports["lines"])) for _ in range(COMING)]
        for client in clients:
            client.send(b"1100\n")
        for client in clients:
            assert client.line() == b"787.47\n"
        all_answered = time.monotonic() - begun
        made.wait_for("a worker has died")
        made.wait_until_complete()
        return all_answered, time.monotonic() - begun


def publish(database: str, folder: Path, revision: int) -> None:
    """Keep a publication, or a correction of it, as another process that fetches does.

    In each a Canadian dollar is worth less.
    """
    rates = {"CAD": str(revision + 1), "USD": "1"}
    with closing(open_store(database, folder)) as store:
        document, [publication] = fetched_days({MONDAY: rates})
        store.add(document, [replace(publication, revision=revision)])


def seconds_to_all(clients: Iterable[Client], line: bytes, answer: bytes) -> float:
    """How long until everybody is answered so."""
    begun = time.monotonic()
    waiting = list(clients)
    while waiting:
        for client in list(waiting):
            client.send(line)
            if client.line() == answer:
                waiting.remove(client)
        assert time.monotonic() - begun < GIVEN_UP_SECONDS, f"{answer!r} is not answered"
        time.sleep(0.001)
    return time.monotonic() - begun


@contextmanager
def holding(port: int) -> Iterator[None]:
    """Prices are held meanwhile, one after the other over one connection."""
    ended = Event()

    def hold() -> None:
        with Client(port) as client:
            while not ended.is_set():
                client.send(f"{HOLD}\n".encode())
                assert client.line().startswith(b"quote=")

    thread = Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def heard_of(
    publications: int, database: str, workers: int, folder: Path, *, busy: bool
) -> list[float]:
    """Seconds from each publication's being in the store to the answer of the last worker."""
    settings = {"data_dir": str(folder), "database": database, "clock": MONDAY_EVENING}
    settings |= {"fetch": "off", "quotes_held_max": "1000000"}
    took = []
    with (
        crew("backend", workers, **settings) as made,
        one_of_each(made) as clients,
        holding(made.ports["lines"]) if busy else nullcontext(),
    ):
        for revision in range(1, publications + 1):
            publish(database, folder, revision)
            answer = (Decimal(1100) / (revision + 1)).quantize(Decimal("0.01"), ROUND_HALF_UP)
            took.append(seconds_to_all(clients.values(), b"1100\n", f"{answer}\n".encode()))
    return took


def news(rounds: int, folder: Path) -> None:
    """Print how long it takes until all workers answer from a new publication."""
    publications = PUBLICATIONS * rounds
    rows = []
    with ExitStack() as stack:
        databases = {"SQLite": ""}
        server = None if programs() is None else stack.enter_context(postgres_server(durable=True))
        if server is None:
            not_measured("news from PostgreSQL", POSTGRES_LACKS)
        for number, (workers, busy) in enumerate(((2, False), (4, False), (2, True))):
            if server is not None:
                databases["PostgreSQL"] = server.make_database()
            for name, database in databases.items():
                own = folder / f"news {name} {number}"
                took = heard_of(publications, database, workers, own, busy=busy)
                title = f"{name}, {workers} workers{', prices are held' if busy else ''}"
                rows.append([title, f"{statistics.median(took):.2f}", f"{max(took):.2f}"])
    print(f"\nuntil all workers answer from a publication; {NEWS_SECONDS} s at most is wanted")
    print_table([f"{publications} of each", "median, s", "slowest, s"], rows)


def main(rounds: int) -> None:
    print(f"{machine()}; {rounds} rounds, medians")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare(rounds, folder)
        print()
        memory(folder)
        print()
        starts = in_turn({str(n): partial(start, n, folder) for n in (1, 2)}, rounds)
        for workers, seconds in starts.items():
            print(f"start to the first answer, {workers}: {statistics.median(seconds):.3f} s")
        found = [replaced(folder) for _ in range(rounds)]
        answered_after, next_after = map(statistics.median, zip(*found, strict=True))
        print(f"{COMING} clients who come when a worker is killed are answered after", end=" ")
        print(f"{answered_after:.3f} s, the next worker listens after {next_after:.2f} s")
        news(rounds, folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
