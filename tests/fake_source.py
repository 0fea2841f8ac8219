"""A stand-in for the ECB's web server that answers as a test says, also badly.

As a program it serves the files of a folder under /stats/eurofxref/, on all addresses:

    python tests/fake_source.py FOLDER [PORT]

It needs nothing but the standard library. Files are read at each request, so that what is
put into the folder later is served too.
"""

import asyncio
import io
import itertools
import signal
import socket
import ssl
import struct
import sys
import time
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

PATH = "/stats/eurofxref/"
PORT = 8000

DRIP_SECONDS = 0.001
"""What a dripping answer lets go by after each byte: it is slow, that is all about it."""


@dataclass(slots=True)
class Exchange:
    """A request, and the connection on which it is answered."""

    request: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sent: int = 0

    @property
    def path(self) -> str:
        """What is asked for, with its query."""
        return self.request.split(" ")[1]

    async def send(self, data: bytes) -> None:
        """Send this as soon as the client takes it, and count it."""
        self.writer.write(data)
        await self.writer.drain()
        self.sent += len(data)


Answer: TypeAlias = Callable[[Exchange], Awaitable[None]]
"""Answers one request; the connection is closed after it."""


def head(status: int = 200, **headers: object) -> bytes:
    """The head of a response; content_length=3 is written as `content-length: 3`."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {status} X\r\n{''.join(lines)}connection: close\r\n\r\n".encode("ascii")


def reply(body: bytes = b"", status: int = 200, **headers: object) -> Answer:
    """A whole and proper response."""
    return raw(head(status, content_length=len(body), **headers) + body)


def raw(data: bytes) -> Answer:
    """These bytes, whatever they are."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(data)

    return answer


def endless(start: bytes, chunk: bytes) -> Answer:
    """A chunk again and again, as fast as the client takes it."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(start)
        while True:
            await exchange.send(chunk)

    return answer


def pass_time(seconds: float) -> None:
    """Put the running loop's clock on: what is to be over by then is over, and nothing waits."""
    loop = asyncio.get_running_loop()
    ahead = loop.time() - time.monotonic() + seconds
    loop.time = lambda: time.monotonic() + ahead  # type: ignore[method-assign]  # of this loop only


def dripping(start: bytes, again_and_again: bytes = b"", passing: float = 0) -> Answer:
    """One byte at a time; with each, so many seconds pass by the loop's clock."""

    async def answer(exchange: Exchange) -> None:
        for byte in itertools.chain(start, itertools.cycle(again_and_again)):
            await exchange.send(bytes([byte]))
            pass_time(passing)
            await asyncio.sleep(DRIP_SECONDS)

    return answer


def silent_for(seconds: float) -> Answer:
    """Nothing, while so much time passes by the loop's clock."""

    async def answer(exchange: Exchange) -> None:
        pass_time(seconds)
        await silent(exchange)

    return answer


async def silent(exchange: Exchange) -> None:
    """Nothing, until the client has gone."""
    await exchange.reader.read()


async def reset(exchange: Exchange) -> None:
    """A TCP reset."""
    linger_for_no_time = struct.pack("ii", 1, 0)
    connection = exchange.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)
    exchange.writer.transport.abort()


def files_of(folder: Path) -> Answer:
    """The files of a folder under PATH; status 404 for everything else."""

    def read(path: str) -> bytes | None:
        file = folder / path.removeprefix(PATH)
        served = path.startswith(PATH) and file.parent == folder and file.is_file()
        return file.read_bytes() if served else None

    async def answer(exchange: Exchange) -> None:
        content = read(exchange.path)
        whole = reply(status=404) if content is None else reply(content)
        await whole(exchange)

    return answer


class FakeSource:
    """A server that gives its answers in turn, the last one again and again."""

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self.port = 0
        self._answers = answers
        self._tls = tls
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def requests(self) -> list[str]:
        """The heads of all requests."""
        return [exchange.request for exchange in self.exchanges]

    @property
    def sent(self) -> int:
        """How many bytes were sent; some of the last ones may not have been received."""
        return sum(exchange.sent for exchange in self.exchanges)

    def url(self, name: str = "", host: str = "127.0.0.1") -> str:
        """The address of a file."""
        return f"http{'s' if self._tls else ''}://{host}:{self.port}{PATH}{name}"

    async def start(self, address: str, port: int) -> None:
        """Listen on an address; port 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, address, port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        # Little is on its way, so that what was sent tells what was received.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                request = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
                answer = self._answers[min(len(self.exchanges), len(self._answers) - 1)]
                exchange = Exchange(request, reader, writer)
                self.exchanges.append(exchange)
                await answer(exchange)
        finally:
            del self._open[task]
            writer.close()

    async def __aenter__(self) -> Self:
        await self.start("127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)


def xml_document(days: Mapping[str, Mapping[str, str]]) -> bytes:
    """The daily or the ninety-day document with these values, by day and currency."""
    cubes = "".join(
        f"\t\t<Cube time='{day}'>\n"
        + "".join(f"\t\t\t<Cube currency='{c}' rate='{v}'/>\n" for c, v in values.items())
        + "\t\t</Cube>\n"
        for day, values in days.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<gesmes:Envelope'
        ' xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
        ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">\n'
        "\t<gesmes:subject>Reference rates</gesmes:subject>\n\t<gesmes:Sender>\n"
        "\t\t<gesmes:name>European Central Bank</gesmes:name>\n\t</gesmes:Sender>\n"
        f"\t<Cube>\n{cubes}\t</Cube>\n</gesmes:Envelope>\n"
    ).encode()


def zip_archive(*contents: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The history's archive with this CSV text in it; or with several files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as writer:
        for number, content in enumerate(contents):
            writer.writestr(f"eurofxref-hist{number or ''}.csv", content)
    return archive.getvalue()


async def _serve_until_stopped(folder: Path, port: int) -> None:
    source = FakeSource(files_of(folder))
    await source.start("0.0.0.0", port)
    sys.stdout.write(f"serving {folder} on port {source.port}\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    _, _folder, *_port = sys.argv
    asyncio.run(_serve_until_stopped(Path(_folder), int(_port[0]) if _port else PORT))
