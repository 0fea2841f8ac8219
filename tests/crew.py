"""Services of several workers, for tests: who they are, and which of them has a connection.

As a program, a supervisor whose workers do nothing but serve no door, or end with a code:

    python tests/crew.py WORKERS PATIENCE [CODE]

PATIENCE is JSON, the values of a `Patience` that are not the product's own.
"""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pricedesk.logs import start_logging
from pricedesk.running import Ending, serve
from pricedesk.workers import Patience, Supervisor, Worker
from services import FRIDAY_EVENING, Client, Service

CONNECTIONS_MAX = 200
"""After so many one of them has come to each worker, or the system does not share them out."""


class Crew:
    """A service with workers, as its log tells of them: `ports` by door, `pids` by worker.

    `pings` is how many lines `one_of_each` has sent.
    """

    def __init__(self, service: Service, workers: int, doors: tuple[str, ...]) -> None:
        self.service = service
        self.ports: dict[str, int] = {}
        self.pids: dict[int, int] = {}
        self.pings = 0
        self._listening: set[tuple[int, str]] = set()
        self._all = {(n, door) for n in range(1, workers + 1) for door in doors}

    def wait_for(self, event: str) -> dict[str, object]:
        """The next log record of an event."""
        for record in self.service.log():
            self._note(record)
            if record["event"] == event:
                return record
        raise AssertionError(f"{self.service.name} ended without the event {event!r}")

    def wait_until_complete(self) -> None:
        """Until every worker listens at every door."""
        while self._listening != self._all:
            self.wait_for("listening")

    def kill(self, worker: int, number: int) -> None:
        """Send a signal to a worker."""
        os.kill(self.pids[worker], number)

    def _note(self, record: dict[str, object]) -> None:
        worker = int(str(record.get("worker", 0)))
        match record["event"]:
            case "worker started":
                self.pids[worker] = int(str(record["pid"]))
            case "listening":
                door = str(record["door"])
                self.ports[door] = int(str(record["address"]).rpartition(":")[2])
                self._listening.add((worker, door))
            case "a worker has died":
                self._listening = {each for each in self._listening if each[0] != worker}

    def worker_of(self, client: socket.socket) -> int:
        """The worker that has accepted a connection."""
        inode = _inode(client.getpeername()[1], client.getsockname()[1])
        for worker, pid in self.pids.items():
            if inode in _inodes(pid):
                return worker
        raise AssertionError("no worker has the connection")


@contextmanager
def crew(name: str, workers: int, **settings: str) -> Iterator[Crew]:
    """A service whose workers all listen, on ports that the system chose."""
    doors = ("lines", "http", "grpc") if name == "backend" else ("telnet", "web")
    given = {f"{door}_port": "0" for door in doors}
    given |= {"clock": FRIDAY_EVENING, "workers": str(workers), **settings}
    with Service(name, **given) as service:
        made = Crew(service, workers, doors)
        made.wait_until_complete()
        yield made


@contextmanager
def rates_crew(folder: Path, **settings: str) -> Iterator[Crew]:
    """A back-end of two workers."""
    with crew("backend", 2, data_dir=str(folder), **{"fetch": "off", **settings}) as made:
        yield made


@contextmanager
def one_of_each(made: Crew) -> Iterator[dict[int, Client]]:
    """A client of lines at each worker."""
    with ExitStack() as stack:
        found: dict[int, Client] = {}
        for _ in range(CONNECTIONS_MAX):
            client = stack.enter_context(Client(made.ports["lines"]))
            client.send(b"ping\n")
            made.pings += 1
            assert client.line() == b"pong\n"
            found.setdefault(made.worker_of(client.socket), client)
            if found.keys() == made.pids.keys():
                break
        assert found.keys() == made.pids.keys()
        yield found


def _inode(local_port: int, remote_port: int) -> str:
    """The number of the socket at the service's end of a connection on the loopback."""
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, local, remote, *others = line.split()
        ports = (int(local.partition(":")[2], 16), int(remote.partition(":")[2], 16))
        if ports == (local_port, remote_port):
            return others[6]
    raise AssertionError("there is no such connection")


def _inodes(pid: int) -> set[str]:
    """The numbers of a process's sockets."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # It was closed meanwhile.
            kind, _, number = str(entry.readlink()).partition(":")
            if kind == "socket":
                found.add(number.strip("[]"))
    return found


@contextmanager
def supervised(workers: int, code: int | None = None, **patience: float) -> Iterator[Crew]:
    """The program of this module."""
    words = [__file__, str(workers), json.dumps(patience), *([] if code is None else [str(code)])]
    with Service("crew", words) as service:
        yield Crew(service, workers, ())


def main(workers: int, patience: Patience, code: int | None) -> int:
    """Supervise workers until a signal."""

    async def work(_worker: Worker) -> int:
        return await serve([], [], Ending(0, 1)) if code is None else code

    start_logging("crew", "json")
    return Supervisor(work, [{}] * workers, patience).supervise()


if __name__ == "__main__":
    workers, patience, *codes = sys.argv[1:]
    sys.exit(main(int(workers), Patience(**json.loads(patience)), int(codes[0]) if codes else None))
