"""A burst: 200 clients come at once while 900 are busy; how long each waits for its first answer.

    python bench/burst.py [ROUNDS]

On lines each of the 900 asks again as soon as it is answered, on telnet it chooses again. The 200
connect as fast as one process can, each sends its first line and waits. Services are on one core,
the 900 on the other; the 200 share that one. Prints the slowest of each round, and of all.
"""

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _machine import (
    CLIENT_CORE,
    compiled,
    machine,
    network_of_its_own,
    percentile,
    pinned,
    print_table,
    stay_on,
)
from _services import HERE, MENU, backend, desk

BUSY, NEW = 900, 200
WANTED_MS = 100
LOAD_SECONDS = 3


def first_answers(port: int, request: bytes, greeting: int) -> list[float]:
    """How long each of the new clients waits, in milliseconds, from before it connects."""
    poller, began, clients = select.epoll(), {}, {}
    took, left = [], {}
    for _ in range(NEW):
        client = socket.socket()
        client.setblocking(False)  # noqa: FBT003  # the standard library's interface
        began[client.fileno()] = time.perf_counter()
        clients[client.fileno()] = client
        left[client.fileno()] = greeting
        client.connect_ex(("127.0.0.1", port))
        if not greeting:
            poller.register(client.fileno(), select.EPOLLOUT)
        else:
            poller.register(client.fileno(), select.EPOLLIN)
    while clients:
        for number, events in poller.poll():
            client = clients[number]
            if events & select.EPOLLOUT:
                client.send(request)
                poller.modify(number, select.EPOLLIN)
                continue
            came = client.recv(4096)
            assert came, "the service closed a connection"
            if left[number]:
                left[number] -= len(came)
                if not left[number]:
                    client.send(request)
                continue
            took.append((time.perf_counter() - began[number]) * 1000)
            del clients[number]
            client.close()
    return took


def burst(port: int, request: bytes, greeting: int, file: Path) -> list[float]:
    """One burst beside the busy ones."""
    program = compiled(HERE / "load.c", file.parent)
    command = [program, str(port), str(BUSY), "1", str(LOAD_SECONDS), str(file)]
    environment = {**os.environ, "GREETING_BYTES": str(greeting)}
    with subprocess.Popen(
        pinned(command, CLIENT_CORE), env=environment, stdout=subprocess.DEVNULL
    ) as busy:
        time.sleep(LOAD_SECONDS / 2)
        took = first_answers(port, request, greeting)
        assert busy.poll() is None, "the others were not busy any more"
        assert busy.wait() == 0
    return took


def main(rounds: int) -> None:
    network_of_its_own()
    print(machine())
    print(f"{NEW} new clients beside {BUSY} busy ones, milliseconds; {WANTED_MS} at most is wanted")
    stay_on(CLIENT_CORE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines, choices = folder / "lines", folder / "choices"
        lines.write_text("1100 CAD USD\t787.47\n", encoding="ascii")
        choices.write_text("1\tToday your item costs 787.47 USD\n", encoding="ascii")
        with backend(folder) as (lines_port, _), desk(lines_port) as (port, _):
            rows = []
            for door, at, request, greeting, file in (
                ("lines", lines_port, b"1100 CAD USD\n", 0, lines),
                ("telnet", port, b"1\n", len(MENU), choices),
            ):
                found = [burst(at, request, greeting, file) for _ in range(rounds)]
                every = [each for took in found for each in took]
                slowest = " ".join(f"{max(took):.0f}" for took in found)
                figures = (percentile(every, 50), percentile(every, 99), max(every))
                rows.append([door, *(f"{figure:.1f}" for figure in figures), slowest])
            print_table(["door", "p50", "p99", "slowest", "slowest of each round"], rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
