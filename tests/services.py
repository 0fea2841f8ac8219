"""Real services for tests: processes of the product, on ports of the loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

FRIDAY_EVENING = "2026-10-30T18:00:00Z"
"""An instant at which the newest publication of the packaged history is fresh."""

ANSWER_SECONDS = 60
"""How long a test waits before it calls a missing answer a failure."""


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PRICEDESK_") and k != "PORT"}
    return {**clean, **{f"PRICEDESK_{name.upper()}": value for name, value in settings.items()}}


class Service:
    """One running service; its log lines are read as they come.

    `program` is what is run in its place.
    """

    def __init__(self, name: str, program: Sequence[str] = (), **settings: str) -> None:
        self.name = name
        self.http_port = 0
        self.web_port = 0
        self.process = subprocess.Popen(
            [sys.executable, *(program or ("-m", "pricedesk.cli", name))],
            env=environment(log="json", **settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def log(self) -> Iterator[dict[str, object]]:
        """The log records, waiting for the next one until the process ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield json.loads(line)

    def wait_for(self, event: str) -> dict[str, object]:
        """The next log record of an event."""
        for record in self.log():
            if record["event"] == event:
                return record
        raise AssertionError(f"{self.name} ended without the event {event!r}")

    def grpc_port(self) -> int:
        """Where its gRPC door is, which opens last; to be asked once."""
        return _port(self)

    def stop(self) -> int:
        """End it as Docker does, and give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=ANSWER_SECONDS)

    def kill(self) -> None:
        """End it without giving it a chance to do anything."""
        self.process.kill()
        self.process.wait(timeout=ANSWER_SECONDS)

    def memory_peak_mib(self) -> int:
        """The most resident memory that it has had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def backend(data_dir: Path, port: int = 0, **settings: str) -> Iterator[tuple[Service, int]]:
    """A back-end that listens, and its port."""
    given = {"data_dir": str(data_dir), "fetch": "off", "clock": FRIDAY_EVENING}
    given |= {"lines_port": str(port), "http_port": "0", "grpc_port": "0", **settings}
    with Service("backend", **given) as service:
        lines_port = _port(service)
        service.http_port = _port(service)
        yield service, lines_port


@contextmanager
def frontend(backend_port: int, **settings: str) -> Iterator[tuple[Service, int]]:
    """A desk that listens, and its port."""
    given = {"backend": f"127.0.0.1:{backend_port}", "clock": FRIDAY_EVENING}
    given |= {"telnet_port": "0", "web_port": "0", **settings}
    with Service("frontend", **given) as service:
        telnet_port = _port(service)
        service.web_port = _port(service)
        yield service, telnet_port


def _port(service: Service) -> int:
    return int(str(service.wait_for("listening")["address"]).rpartition(":")[2])


class Client:
    """A plain TCP client that reads lines."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> bytes:
        """The next line with its end; empty at the end of the connection."""
        return self._file.readline()

    def lines(self, count: int) -> bytes:
        """So many lines."""
        return b"".join(self.line() for _ in range(count))

    def rest(self) -> bytes:
        """All that comes until the service closes the connection."""
        return self._file.read()

    def end_input(self) -> None:
        """Say that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self.socket.close()
