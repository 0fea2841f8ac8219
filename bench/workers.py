"""One worker and several: answers a second on all cores, memory, start, how fast one is replaced.

    PYTHONPATH=tests python bench/workers.py [ROUNDS]

Each round asks services of one and of two workers in turn. Clients are processes too, and take
their part of the same cores, so the gain is less than where they have cores of their own: their
share is printed. Lines are mostly asked 64 at a time, so that a client has little to do; each has
another amount. What is in memory is counted once where processes share it.
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from _machine import family, free_port, in_turn, machine, memory_mib, print_table, served
from catalogue import products
from pricedesk.frontend.catalogue_csv import catalogue_csv
from quotes import HOLD, asked
from services import FRIDAY_EVENING

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
    selector.register(connection, selectors.EVENT_READ, [int(at_once)])
end = time.monotonic() + seconds
while time.monotonic() < end:
    for key, _ in selector.select(1):
        got = key.fileobj.recv(65536).count(b"\\n")
        answers += got
        key.data[0] -= got
        if not key.data[0]:
            turn += 1
            key.data[0] = int(at_once)
            key.fileobj.sendall(asked[turn % 200])
print(answers, sum(os.times()[:2]))
"""


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


def answered(
    port: int, line: str, connections: int = CONNECTIONS, at_once: int = AT_ONCE
) -> tuple[float, float]:
    """Answers a second to all clients, and how many cores the clients took."""
    words = [str(port), str(SECONDS), str(connections), str(at_once), line]
    command = [sys.executable, "-c", CLIENT, *words]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(CLIENTS)]
    told = [client.communicate()[0].split() for client in clients]
    answers, cpu = (sum(float(each[place]) for each in told) for place in (0, 1))
    return answers / SECONDS, cpu / SECONDS


def held(port: int) -> tuple[float, float]:
    """Prices held a second, by one client with many connections."""
    before = time.process_time()
    a_second = asyncio.run(asked(port, HOLD, QUOTING))
    return a_second, (time.process_time() - before) / SECONDS


def compare(rounds: int, folder: Path) -> None:
    """Print what services of one and of two workers answer."""
    loads: dict[str, Callable[[int], tuple[float, float]]] = {
        "conversions": partial(answered, line="{}.25 CAD USD"),
        "conversions of the past": partial(answered, line="{}.25 CAD JPY 2020-02-14"),
        "conversions, one at a time": partial(
            answered, line="{}.25 CAD USD", connections=50, at_once=1
        ),
        "explanations": partial(answered, line="explain {}.25 EUR JPY"),
        "prices held, SQLite": held,
    }
    with ExitStack() as stack:
        ports = {
            workers: stack.enter_context(
                service("backend", workers, folder / str(workers), QUOTES_HELD_MAX="1000000")
            )[1]
            for workers in (1, 2)
        }
        rows = []
        for name, load in loads.items():
            both = in_turn({str(n): partial(load, port) for n, port in ports.items()}, rounds)
            one, two = (statistics.median(r for r, _ in both[str(n)]) for n in ports)
            pairs = zip(both["1"], both["2"], strict=True)
            gain = statistics.median(second / first for (first, _), (second, _) in pairs)
            cores = [statistics.median(c for _, c in both[str(n)]) for n in ports]
            shares = [f"{each:.2f}" for each in cores]
            rows.append([name, f"{one:,.0f}", f"{two:,.0f}", f"{gain:.2f}", *shares])
    titles = ["a second", "1 worker", "2 workers", "times", "clients' cores, 1", "2"]
    print_table(titles, rows)


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
            settled = memory_mib(pid)
            while True:
                time.sleep(3)
                before, settled = settled, memory_mib(pid)
                if abs(settled - before) < 1:
                    break
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


def replaced(folder: Path) -> float:
    """Seconds until all are answered who come right after a worker was killed."""
    with service("backend", 2, folder) as (pid, port), ExitStack() as stack:
        first_answer(port)
        time.sleep(STEADY_SECONDS)
        os.kill(family(pid)[1], signal.SIGKILL)
        begun = time.monotonic()
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            for _ in range(COMING)
        ]
        for client in clients:
            client.sendall(b"1100\n")
        for client in clients:
            assert client.recv(100) == b"787.47\n"
        return time.monotonic() - begun


def main(rounds: int) -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare(rounds, folder)
        memory(folder)
        starts = in_turn({str(n): partial(start, n, folder) for n in (1, 2)}, rounds)
        for workers, seconds in starts.items():
            print(f"start to the first answer, {workers}: {statistics.median(seconds):.3f} s")
        after = statistics.median(replaced(folder) for _ in range(rounds))
        print(
            f"{COMING} clients who come when a worker was killed are answered after {after:.3f} s"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
