"""How clients are spread over workers: one listening socket for all, against a socket each.

    python bench/listening.py [ROUNDS]

Each round lets bursts of clients in, for two workers and for four, and prints the part that came to
the worker with the most. The workers are plain asyncio servers that answer with their number: what
is compared is the kernel's choice, and not ours.
"""

import asyncio
import os
import signal
import socket
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from _machine import in_turn, machine, print_table

BURSTS = (10, 100, 1000)


def sockets(workers: int, *, each: bool) -> list[socket.socket]:
    """What each worker listens on: a socket of its own, or one and the same."""
    first = bound(0, shared=each)
    port = first.getsockname()[1]
    return [first, *(bound(port, shared=True) if each else first for _ in range(workers - 1))]


def bound(port: int, *, shared: bool) -> socket.socket:
    made = socket.socket()
    if shared:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    made.listen(1024)
    return made


async def work(listening: socket.socket, number: int) -> None:
    class Number(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.write(bytes([number]))

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Number, sock=listening, backlog=1024)
    await server.serve_forever()


@contextmanager
def working(listening: Sequence[socket.socket]) -> Iterator[int]:
    """Workers on these sockets: gives their port."""
    children = []
    for number, each in enumerate(listening):
        child = os.fork()
        if not child:
            asyncio.run(work(each, number))
        children.append(child)
    try:
        yield listening[0].getsockname()[1]
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for each in listening:
            each.close()


async def largest_part(port: int, clients: int) -> float:
    """The part of a burst that came to one worker."""

    async def come() -> tuple[bytes, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        return await reader.readexactly(1), writer

    came = await asyncio.gather(*(come() for _ in range(clients)))
    for _, writer in came:
        writer.close()
    return max(Counter(number for number, _ in came).values()) / clients


def bursts(workers: int, *, each: bool) -> list[float]:
    with working(sockets(workers, each=each)) as port:
        asyncio.run(largest_part(port, workers))
        return [asyncio.run(largest_part(port, clients)) for clients in BURSTS]


def main(rounds: int) -> None:
    print(machine())
    kinds = {
        f"{workers} workers, {'a socket each' if each else 'one socket'}": partial(
            bursts, workers, each=each
        )
        for workers in (2, 4)
        for each in (False, True)
    }
    found = in_turn(kinds, rounds)
    rows = [
        [kind, *(f"{statistics.mean(parts):.2f}" for parts in zip(*runs, strict=True))]
        for kind, runs in found.items()
    ]
    print_table(["the largest part", *map(str, BURSTS)], rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
