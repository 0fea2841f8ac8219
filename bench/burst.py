"""A burst: 200 clients come at once while 900 are busy; how long each waits for its first answer.

    python bench/burst.py [ROUNDS]

On lines each of the 900 asks again as soon as it is answered, on telnet it chooses again. The 200
connect as fast as one process can, each sends its first line and waits. Services are on one core,
the 900 on the other; the 200 share that one. A server in C that does no work is asked in the same
way and in turn: on a busy machine it keeps some waiting too. Prints the slowest of each round, and
of all. Needs a C compiler.
"""

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from _machine import (
    CLIENT_CORE,
    compiled,
    free_port,
    in_turn,
    machine,
    network_of_its_own,
    pinned,
    print_table,
    served,
    stay_on,
    three_percentiles,
)
from _services import HERE, MENU, backend, desk
from _tools import need

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


@dataclass(frozen=True)
class Door:
    """Where clients come to: what they send first, after so many bytes of greeting.

    The busy ones ask for what is in a file.
    """

    port: int
    request: bytes
    greeting: int
    file: Path


def burst(door: Door) -> list[float]:
    """One burst beside the busy ones."""
    port, file = door.port, door.file
    program = compiled(HERE / "load.c", file.parent)
    command = [program, str(port), str(BUSY), "1", str(LOAD_SECONDS), str(file)]
    environment = {**os.environ, "GREETING_BYTES": str(door.greeting)}
    with subprocess.Popen(
        pinned(command, CLIENT_CORE), env=environment, stdout=subprocess.DEVNULL
    ) as busy:
        time.sleep(LOAD_SECONDS / 2)
        took = first_answers(port, door.request, door.greeting)
        assert busy.poll() is None, "the others were not busy any more"
        assert busy.wait() == 0
    return took


def main(rounds: int) -> None:
    need("cc")
    network_of_its_own()
    print(machine())
    print(f"{NEW} new clients beside {BUSY} busy ones, milliseconds; {WANTED_MS} at most is wanted")
    stay_on(CLIENT_CORE)
    price = "Today your item costs 787.47 USD"
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        lines, choices = folder / "lines", folder / "choices"
        lines.write_text("1100 CAD USD\t787.47\n", encoding="ascii")
        choices.write_text(f"1\t{price}\n", encoding="ascii")
        lines_port, _ = running.enter_context(backend(folder))
        port, _ = running.enter_context(desk(lines_port))
        echo = compiled(HERE / "echo.c", folder)
        echoes = [free_port(), free_port()]
        for at, words in zip(echoes, (["787.47"], [price, MENU.decode()]), strict=True):
            running.enter_context(served([echo, str(at), *words], at))
        asked, chosen, menu = b"1100 CAD USD\n", b"1\n", len(MENU)
        doors = {
            "lines": Door(lines_port, asked, 0, lines),
            "  C, no work": Door(echoes[0], asked, 0, lines),
            "telnet": Door(port, chosen, menu, choices),
            "  constant in C": Door(echoes[1], chosen, menu, choices),
        }
        contestants = {name: partial(burst, door) for name, door in doors.items()}
        rows = []
        for door, found in in_turn(contestants, rounds).items():
            every = [each for took in found for each in took]
            slowest = " ".join(f"{max(took):.0f}" for took in found)
            figures = (*three_percentiles(every), max(every))
            rows.append([door, *(f"{figure:.1f}" for figure in figures), slowest])
        titles = ["door", "p50", "p99", "p99.9", "slowest", "slowest of each round"]
        print_table(titles, rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
