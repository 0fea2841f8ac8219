"""Lines, number in and converted number out: our back-end against a C server that does no work.

    python bench/lines.py [ROUNDS [SECONDS]] [PICTURE.svg]

Both servers are on one core and answer with as many bytes; the client, in C, is on the other core
and holds each of our answers against the one that is right. Asked are a thousand lines again and
again, as a shop asks for its products, and lines that are all different. The client costs about as
much as the C server, so with one request in flight both together are the limit: what a server alone
costs is in the column of processor time. A further back-end is without what is compiled of ours, as
it is in the images. With a name for it a plot is made too. Needs a C compiler.
"""

import random
import sys
import tempfile
from decimal import ROUND_HALF_UP, Decimal
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
from _services import Load, backend, compiled_lines
from _tools import need

HERE = Path(__file__).parent
LOADS = [(connections, in_flight) for in_flight in (1, 16) for connections in (1, 10, 100, 1000)]
"""Connections, and requests that each of them always has in flight."""

PER_EURO = {"CAD": Decimal("1.5606"), "USD": Decimal("1.1172")}
"""What the ECB published for 2026-10-30."""

AMOUNTS = range(200_000, 1_390_000)
"""In thousandths: what comes out has two digits after the point and three before it."""

ANSWER = "787.47"
TAB = "\t"
LIMIT = "C, no work"
TARGETS = {(100, 1): 0.75, (100, 16): 0.5}


def answer_to(amount: Decimal) -> str:
    """The answer to an amount, by another way than the product's."""
    euros = amount * PER_EURO["USD"] / PER_EURO["CAD"]
    return str(euros.quantize(Decimal("0.01"), ROUND_HALF_UP))


def requests(path: Path, thousandths: list[int]) -> Path:
    """A file of requests with their answers."""
    amounts = [Decimal(n).scaleb(-3) for n in thousandths]
    path.write_text("".join(f"{n} CAD USD\t{answer_to(n)}\n" for n in amounts), encoding="ascii")
    return path


def main(picture: Path | None, rounds: int = 15, seconds: float = 0.4) -> None:
    need("cc")
    network_of_its_own()
    print(machine())
    if not compiled_lines():
        print("nothing of ours is compiled: no C compiler or no headers of Python's were found")
    print(f"{rounds} rounds of {seconds} s in turn, medians; ratios of answers a second")
    plotted: dict[int, dict[str, list[Run]]] = {}
    told = {"SAME_BYTES": str(len(ANSWER) + 1)}
    chance = random.Random(5)  # noqa: S311  # nothing is guessed from it
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few = requests(folder / "few", chance.sample(AMOUNTS, 1000))
        many = requests(folder / "many", chance.sample(AMOUNTS, 300_000))
        plain = folder / "plain"
        lines = few.read_text("ascii").splitlines()
        plain.write_text("".join(f"{x.partition(TAB)[0]}\n" for x in lines), encoding="ascii")
        echo_port = free_port()
        echo = [compiled(HERE / "echo.c", folder), str(echo_port), ANSWER]
        other = folder / "other"
        other.mkdir()
        with (
            served(echo, echo_port) as echo_pid,
            backend(folder) as (port, pid),
            backend(other, in_python=True) as (plain_port, plain_pid),
        ):
            for connections, in_flight in LOADS:
                run = Load(connections, in_flight, seconds, told).run
                contestants = {
                    LIMIT: partial(run, echo_port, echo_pid, plain),
                    "ours, 1,000 lines": partial(run, port, pid, few),
                    "ours, all different": partial(run, port, pid, many),
                    "ours in Python, 1,000 lines": partial(run, plain_port, plain_pid, few),
                }
                results = in_turn(contestants, rounds)
                show(connections, in_flight, results)
                if in_flight == 1:
                    plotted[connections] = results
    if picture is not None:
        title = "Lines: answers a second, and how long they take, by connections"
        across = "connections, one request in flight on each"
        wanted = TARGETS[100, 1]
        picture.write_text(comparison(title, across, plotted, LIMIT, wanted), encoding="ascii")


def show(connections: int, in_flight: int, results: dict[str, list[Run]]) -> None:
    limit = results[LIMIT]
    target = TARGETS.get((connections, in_flight))
    wanted = f"; at least {target} is wanted" if target else ""
    print(f"\n{connections} connections, {in_flight} in flight{wanted}")
    print_table(
        ["server", *RUN_TITLES, "ratio"],
        [[name, *figures(medians(r)), f"{ratio(r, limit):.2f}"] for name, r in results.items()],
    )


if __name__ == "__main__":
    given = sys.argv[1:]
    picture = picture_among(given)
    main(picture, *map(int, given[:1]), *map(float, given[1:]))
