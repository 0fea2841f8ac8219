"""What 10,000 clients that are connected and say nothing take, on lines and telnet.

    python bench/idle.py [CLIENTS [ROUNDS]]

Each has asked once before, so it has all that a connection ever has. The rival is an asyncio server
that answers with a constant. Memory is what the process has of its own, before and after; what the
kernel keeps for a socket is not in it. Each round starts the services anew, since what one crowd
has left is there for the next. The median is printed, and what the process has with all of them.
"""

import resource
import socket
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from _machine import (
    free_port,
    machine,
    memory_mib,
    network_of_its_own,
    print_table,
    served,
    settled_mib,
)
from _services import CONSTANT, MENU, backend, desk

WANTED_KIB = 6
SETTLING_SECONDS = 1
LINE = b"1100\n"
RIVAL = "constant on asyncio"


@contextmanager
def constant() -> Iterator[tuple[int, int]]:
    port = free_port()
    with served([sys.executable, "-c", CONSTANT, str(port)], port) as pid:
        yield port, pid


@dataclass(frozen=True)
class Door:
    """Where clients come to, and what they ask after so many bytes of greeting."""

    port: int
    pid: int
    request: bytes
    greeting: int = 0

    def connected(self) -> socket.socket:
        """A client that was answered once."""
        client = socket.create_connection(("127.0.0.1", self.port), 10)
        left = self.greeting
        while left:
            left -= len(client.recv(left))
        client.sendall(self.request)
        assert client.recv(4096).endswith(b"\n")
        return client


def grown(door: Door, count: int) -> tuple[float, float]:
    """KiB for each of so many clients, and the MiB of the process then."""
    clients = [door.connected() for _ in range(100)]
    before = settled_mib(door.pid, SETTLING_SECONDS)
    clients += [door.connected() for _ in range(count)]
    after = memory_mib(door.pid)
    for client in clients:
        client.close()
    return (after - before) * 1024 / count, after


def one_round(count: int) -> dict[str, tuple[float, float]]:
    with tempfile.TemporaryDirectory() as name, backend(Path(name)) as (lines_port, lines_pid):
        found = {"lines": grown(Door(lines_port, lines_pid, LINE), count)}
        with desk(lines_port) as (port, pid):
            found["telnet"] = grown(Door(port, pid, b"1\n", len(MENU)), count)
        with constant() as (port, pid):
            found[RIVAL] = grown(Door(port, pid, LINE), count)
    return found


def main(count: int = 10_000, rounds: int = 3) -> None:
    network_of_its_own()
    print(machine())
    print(f"{count} idle clients, medians of {rounds} rounds; under {WANTED_KIB} KiB is wanted")
    # What is started from now on may have as many files open, too.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results = [one_round(count) for _ in range(rounds)]
    middle = {
        door: [statistics.median(each[door][place] for each in results) for place in (0, 1)]
        for door in results[0]
    }
    rows = [
        [door, f"{each:.2f}", f"{each / middle[RIVAL][0]:.2f}", f"{mib:.1f}"]
        for door, (each, mib) in middle.items()
    ]
    print_table(["door", "KiB each", "times the constant", "MiB in all"], rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
