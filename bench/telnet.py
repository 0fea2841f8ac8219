"""The telnet dialogue: connect, menu, choice, price, close; against constants and the naive way.

    python bench/telnet.py [ROUNDS [SECONDS]] [PICTURE.svg]

Whatever answers is on one core, our desk together with its back-end; the client, in C, is on the
other one and holds each of our answers against the one that is right. A constant says the same
bytes and asks nobody: once in C, once as a Python protocol on asyncio. The naive way is the
tutorial's: two processes on asyncio's streams, a new connection to the back-end for each choice.
The second part is of customers who stay and choose again and again. With a name for it a plot of
the dialogues is made too. Needs a C compiler.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from _machine import (
    RUN_TITLES,
    Run,
    compiled,
    figures,
    free_port,
    in_turn,
    machine,
    medians,
    network_of_its_own,
    print_table,
    ratio,
    served,
)
from _plot import comparison, picture_among
from _services import HERE, MENU, Load, backend, desk
from _tools import need

ANSWERS = {
    "1": "Today your item costs 787.47 USD",
    "2": "Today your item costs 1718.11 USD",
    "3": "Today your item costs 25055.75 USD",
}
LIMIT = "constant in C"
CLIENTS = (1, 10, 100, 1000)
WANTED = 0.6

CONSTANT = """
import asyncio, sys
MENU, ANSWER = sys.argv[2].encode(), sys.argv[3].encode() + b"\\n"
class Constant(asyncio.BufferedProtocol):
    buffer = bytearray(4096)
    def connection_made(self, transport):
        self.transport = transport
        transport.write(MENU)
    def get_buffer(self, hint):
        return self.buffer
    def buffer_updated(self, count):
        self.transport.write(ANSWER)
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Constant, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()
asyncio.run(main())
"""

NAIVE_BACKEND = """
import asyncio, sys
async def client(reader, writer):
    amount = await reader.readline() or b"0"
    writer.write(b"%.2f\\n" % (float(amount) * 1.1172 / 1.5606))
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(client, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()
asyncio.run(main())
"""

NAIVE_DESK = """
import asyncio, sys
MENU = sys.argv[3].encode()
PRICES = {b"1\\n": b"1100\\n", b"2\\n": b"2400\\n", b"3\\n": b"35000\\n"}
async def line(reader):
    try:
        return await reader.readline()
    except ConnectionError:
        return b""
async def client(reader, writer):
    writer.write(MENU)
    while choice := await line(reader):
        asking, asker = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
        asker.write(PRICES[choice])
        price = (await asking.readline()).strip()
        asker.close()
        writer.write(b"Today your item costs " + price + b" USD\\n")
        await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(client, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def naive() -> Iterator[tuple[int, int, int]]:
    """The tutorial's way: a port, and the two processes."""
    inner, port = free_port(), free_port()
    inside = [sys.executable, "-c", NAIVE_BACKEND, str(inner)]
    front = [sys.executable, "-c", NAIVE_DESK, str(port), str(inner), MENU.decode()]
    with served(inside, inner) as inner_pid, served(front, port) as pid:
        yield port, pid, inner_pid


def show(title: str, results: dict[str, list[Run]], limit: str) -> None:
    print(f"\n{title}")
    rows = [
        [name, *figures(medians(runs)), f"{ratio(runs, results[limit]):.2f}"]
        for name, runs in results.items()
    ]
    print_table(["", *RUN_TITLES, "ratio"], rows)


def main(picture: Path | None, rounds: int = 9, seconds: float = 0.4) -> None:
    need("cc")
    network_of_its_own()
    print(machine())
    print(f"{rounds} rounds of {seconds} s in turn, medians; ratios to the constant in C;")
    print(f"at least {WANTED} of the constant is wanted for dialogues")
    constants = [MENU.decode(), ANSWERS["1"]]
    plotted: dict[int, dict[str, list[Run]]] = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        choices, plain = folder / "choices", folder / "plain"
        choices.write_text("".join(f"{k}\t{v}\n" for k, v in ANSWERS.items()), encoding="ascii")
        plain.write_text("1\n", encoding="ascii")
        in_c, in_python = free_port(), free_port()
        echo = [compiled(HERE / "echo.c", folder), str(in_c), ANSWERS["1"], MENU.decode()]
        python = [sys.executable, "-c", CONSTANT, str(in_python), *constants]
        c_pid = running.enter_context(served(echo, in_c))
        python_pid = running.enter_context(served(python, in_python))
        lines_port, backend_pid = running.enter_context(backend(folder))
        port, pid = running.enter_context(desk(lines_port))
        naive_port, naive_pid, naive_inner = running.enter_context(naive())
        told = {"GREETING_BYTES": str(len(MENU)), "SAME_BYTES": str(len(ANSWERS["1"]) + 1)}
        for what, more in (("dialogues", {"ONCE": "1"}), ("choices", {})):
            for clients in CLIENTS:
                run = Load(clients, 1, seconds, {**told, **more}).run
                contestants = {
                    LIMIT: partial(run, in_c, c_pid, plain),
                    "constant in Python": partial(run, in_python, python_pid, plain),
                    "ours": partial(run, port, pid, choices, (backend_pid,)),
                    "naive": partial(run, naive_port, naive_pid, choices, (naive_inner,)),
                }
                results = in_turn(contestants, rounds)
                show(f"{what}, {clients} clients", results, LIMIT)
                if what == "dialogues":
                    plotted[clients] = results
    if picture is not None:
        title = "Telnet: dialogues a second, and how long they take, by clients"
        across = "clients, each with one dialogue after the other"
        picture.write_text(comparison(title, across, plotted, LIMIT, WANTED), encoding="ascii")


if __name__ == "__main__":
    given = sys.argv[1:]
    picture = picture_among(given)
    main(picture, *map(int, given[:1]), *map(float, given[1:]))
