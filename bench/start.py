"""From process start to the first correct answer, and memory: ours against an empty server.

    python bench/start.py [ROUNDS]

Each round starts the back-end, the desk and the rival in turn, on a core of their own, asks each
until it answers, and reads the processor time that it has had until then and, of the back-end after
some work, the most memory that it ever had. A first start of each, which compiles
what it imports, does not count: an installed package is compiled. The rival is an asyncio server
that answers every line with a constant: what a Python process costs before it does anything.
Prints medians, ratios, and the slowest start.
"""

import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial

from _machine import (
    CLIENT_CORE,
    SERVER_CORE,
    cpu_seconds,
    free_port,
    in_turn,
    inherited,
    machine,
    peak_mib,
    pinned,
    print_table,
    stay_on,
)
from _services import CONSTANT, MENU

WANTED_SECONDS = 0.3
LAPTOP = b"787.47\n"
CONVERSIONS = 2000
"""Asked of the back-end before its memory is read: half of them of dates all over history."""


def first_answer(port: int, request: bytes, expected: bytes, since: float) -> float:
    """Seconds from `since` to the expected answer, trying to connect as often as it takes."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(request)
                with connection.makefile("rb") as file:
                    answer = file.read(len(expected))
                if answer:
                    assert answer == expected, answer
                    return time.monotonic() - since
        except ConnectionError:
            time.sleep(0.002)


def work(port: int) -> None:
    """Ask the back-end for something of everything."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        lines = [
            f"explain {n}.5 CAD USD {1999 + n % 27}-03-15\n" if n % 2 else f"{n}\n"
            for n in range(CONVERSIONS)
        ]
        connection.sendall("".join(lines).encode())
        with connection.makefile("rb") as file:
            for _ in lines:
                assert file.readline()


def measure(kind: str) -> tuple[float, float, float]:
    """One start: seconds to the first answer, processor time for it, MiB at the most."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "PRICEDESK_LINES_PORT": str(port),
            "PRICEDESK_HTTP_PORT": "0",
            "PRICEDESK_GRPC_PORT": "0",
            "PRICEDESK_TELNET_PORT": str(port),
            "PRICEDESK_WEB_PORT": "0",
            "PRICEDESK_DATA_DIR": folder,
            "PRICEDESK_CLOCK": "2026-10-30T18:00:00Z",
        }
        ours = [sys.executable, "-m", "pricedesk.cli", kind]
        rival = [sys.executable, "-c", CONSTANT, str(port)]
        since = time.monotonic()
        process = subprocess.Popen(
            pinned(rival if kind == "empty" else ours, SERVER_CORE),
            env={**inherited(), **settings},
            stdout=subprocess.DEVNULL,
        )
        try:
            request, expected = (b"", MENU) if kind == "frontend" else (b"1100\n", LAPTOP)
            seconds = first_answer(port, request, expected, since)
            cpu = cpu_seconds(process.pid)
            if kind == "backend":
                work(port)
            return seconds, cpu, peak_mib(process.pid)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def main(rounds: int) -> None:
    stay_on(CLIENT_CORE)
    kinds = ["backend", "frontend", "empty"]
    for kind in kinds:
        measure(kind)
    results = in_turn({kind: partial(measure, kind) for kind in kinds}, rounds)
    medians = {k: [statistics.median(c) for c in zip(*r, strict=True)] for k, r in results.items()}
    empty = medians["empty"]
    print(machine())
    print(f"{rounds} rounds, medians; ratios to an empty asyncio server; under {WANTED_SECONDS} s")
    print("is wanted of the back-end")
    rows = []
    for kind, (seconds, cpu, mib) in medians.items():
        slowest = max(each for each, *_ in results[kind])
        times = [f"{seconds / empty[0]:.2f}", f"{slowest:.3f}", f"{cpu:.2f}"]
        rows.append([kind, f"{seconds:.3f}", *times, f"{mib:.1f}", f"{mib / empty[2]:.2f}"])
    titles = ["", "first answer, s", "times", "slowest, s", "CPU s", "MiB at the most", "times"]
    print_table(titles, rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
