"""Our services as benchmarks start them, the emptiest of rivals, and the client written in C."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from _machine import CLIENT_CORE, Run, compiled, free_port, pinned, run_of, served

HERE = Path(__file__).parent

MENU = b"Which product you wish to buy ?\n1. A laptop\n2. A PC\n3. A server\n"

CONSTANT = """
import asyncio, sys
class Constant(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(b"787.47\\n")
async def main():
    server = await asyncio.get_running_loop().create_server(Constant, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""
"""What a server costs in Python before it does anything: it answers every line alike."""

CROWD = "30000"
"""More clients than any benchmark has, all of them from one address."""


def _settings(**settings: str) -> dict[str, str]:
    common = {
        "clock": "2026-10-30T18:00:00Z",
        "max_connections": CROWD,
        "max_connections_per_address": CROWD,
    }
    return {f"PRICEDESK_{name.upper()}": value for name, value in {**common, **settings}.items()}


IN_PYTHON = """import sys
sys.modules["pricedesk._known_lines"] = None
from pricedesk.cli import main
main(["backend"])"""
"""A back-end without what is compiled."""


def compiled_lines() -> bool:
    """Whether the loop of the lines is the one in C here."""
    return find_spec("pricedesk._known_lines") is not None


@contextmanager
def backend(folder: Path, *, in_python: bool = False, **settings: str) -> Iterator[tuple[int, int]]:
    """Our back-end, with more settings: the port of its lines, and its process id."""
    port = free_port()
    ports = {"lines_port": str(port), "http_port": str(free_port()), "grpc_port": "0"}
    environment = _settings(**ports, data_dir=str(folder), fetch="off", **settings)
    command = [sys.executable, "-m", "pricedesk.cli", "backend"]
    if in_python:
        command = [sys.executable, "-c", IN_PYTHON]
    with served(command, port, environment=environment) as pid:
        yield port, pid


@contextmanager
def desk(backend_port: int) -> Iterator[tuple[int, int]]:
    """Our desk before a back-end: the port of its telnet, and its process id."""
    port = free_port()
    settings = _settings(
        telnet_port=str(port), web_port=str(free_port()), backend=f"127.0.0.1:{backend_port}"
    )
    command = [sys.executable, "-m", "pricedesk.cli", "frontend"]
    with served(command, port, environment=settings) as pid:
        yield port, pid


@dataclass(frozen=True)
class Load:
    """How a server is asked: so many connections, so many requests in flight on each."""

    connections: int
    in_flight: int
    seconds: float
    told: Mapping[str, str] = field(default_factory=dict)
    """What else the client is told, as load.c has it."""

    def run(self, port: int, pid: int, file: Path, others: tuple[int, ...] = ()) -> Run:
        """Ask a server for all that is in a file, again and again; it asks `others`."""
        program = compiled(HERE / "load.c", file.parent)
        arguments = (port, self.connections, self.in_flight, self.seconds, file)

        def asked() -> tuple[int, float, tuple[float, float, float]]:
            output = subprocess.run(
                pinned([program, *map(str, arguments)], CLIENT_CORE),
                env={**os.environ, **self.told},
                stdout=subprocess.PIPE,
                check=True,
            ).stdout.split()
            answers, took, p50, p99, p999, *_ = map(float, output)
            return int(answers), took, (p50, p99, p999)

        return run_of(pid, asked, others)
