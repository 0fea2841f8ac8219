"""What 10,000 clients that are connected and say nothing take, on lines and telnet.

    python bench/idle.py [CLIENTS]

Each has asked once before, so it has all that a connection ever has. The rival is an asyncio server
that answers with a constant. Memory is what the process has of its own, before and after; what the
kernel keeps for a socket is not in it.
"""

import resource
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _machine import free_port, machine, memory_mib, network_of_its_own, print_table, served
from _services import MENU, backend, desk

WANTED_KIB = 6
LINE = b"1100\n"

CONSTANT = """
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
class Constant(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(b"787.47\\n")
async def main():
    server = await asyncio.get_running_loop().create_server(Constant, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def constant() -> Iterator[tuple[int, int]]:
    port = free_port()
    with served([sys.executable, "-c", CONSTANT, str(port)], port) as pid:
        yield port, pid


def connected(port: int, request: bytes, greeting: int) -> socket.socket:
    """A client that was answered once."""
    client = socket.create_connection(("127.0.0.1", port), 10)
    while greeting:
        greeting -= len(client.recv(greeting))
    client.sendall(request)
    assert client.recv(4096).endswith(b"\n")
    return client


def grown(port: int, pid: int, request: bytes, greeting: int, count: int) -> float:
    """KiB for each of so many clients."""
    clients = [connected(port, request, greeting) for _ in range(100)]
    before = memory_mib(pid)
    clients += [connected(port, request, greeting) for _ in range(count)]
    each = (memory_mib(pid) - before) * 1024 / count
    for client in clients:
        client.close()
    return each


def main(count: int) -> None:
    network_of_its_own()
    print(machine())
    print(f"{count} idle clients, KiB each; under {WANTED_KIB} is wanted")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as name, backend(Path(name)) as (lines_port, lines_pid):
        found = {"lines": grown(lines_port, lines_pid, LINE, 0, count)}
        with desk(lines_port) as (port, pid):
            found["telnet"] = grown(port, pid, b"1\n", len(MENU), count)
        with constant() as (port, pid):
            found["constant on asyncio"] = grown(port, pid, LINE, 0, count)
    rows = [[door, f"{each:.2f}"] for door, each in found.items()]
    print_table(["door", "KiB"], rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
