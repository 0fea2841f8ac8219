"""The gRPC door against Node's `@grpc/grpc-js`: conversions a second, how long, at what cost.

    python bench/grpc_door.py [ROUNDS] [PICTURE.svg]

Server and client have a core each. h2load asks over 1 to 1000 connections with 10 streams each, as
often as takes each server a second or two; with a name for it a plot of that is made. Then one call
is made at a time, by h2load and by grpcio's own client, as programs with threads and programs on
asyncio use it, and at last the servers have little of a core and of memory. What a client could
reach at best is shown by a server in C that gives every call the same answer. Needs a C compiler,
h2load, and Node with the packages that `make bench` installs for it.

h2load counts answers with HTTP's status 200, which errors of gRPC have too: so the bytes of the
answers are counted, and before it begins a real client has its answer checked. It sends the same
call again and again, so ours is also measured where answers are not kept.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from _grpc_client import ANSWER, ASKED, CONVERT
from _machine import (
    CLIENT_CORE,
    RUN_TITLES,
    Run,
    compiled,
    family,
    figures,
    free_port,
    in_turn,
    machine,
    medians,
    pinned,
    print_table,
    ratio,
    run_of,
    served,
    three_percentiles,
)
from _plot import comparison, picture_among
from _services import CROWD
from _tools import end_without, need, not_measured

HERE = Path(__file__).parent
PROTOS = HERE.parent / "src" / "pricedesk" / "backend" / "grpc" / "protos"
OURS = [sys.executable, "-m", "pricedesk.cli", "backend"]
NOTHING_KEPT = [
    sys.executable,
    "-c",
    """from pricedesk.backend.grpc import currency_service as c; c._QUESTION_KEPT_BYTES_MAX = 0
from pricedesk.cli import main; main(["backend"])""",
]
NODE = "Node, @grpc/grpc-js"
GRPCIO = "ours, grpcio"
LIMIT = "constant in C"
CALLS = {
    NODE: 30_000,
    "ours": 150_000,
    "ours, no answer kept": 80_000,
    GRPCIO: 5_000,
    LIMIT: 300_000,
}
"""Of h2load with many connections: a second or two of each server's."""
LIMITED_CALLS = {NODE: 4_000, "ours": 30_000, "ours, no answer kept": 15_000, GRPCIO: 1_000}
"""About a second each: of every tenth of one a server has a fifth, and waits for the rest of it."""
SWEEP, STREAMS = (1, 10, 100, 1000), 10
GRPCIO_AT_ONCE = 1000
"""With more calls at once grpcio's server refuses some."""
WANTED = 3
"""How many times as many calls as Node's are demanded, with 10 connections."""
LIMITED_CPU, LIMITED_MIB = 0.2, 128
"""What Online Boutique lets its service have at the most."""

Load = Callable[[int, int], tuple[int, float, tuple[float, float, float]]]
"""Of so many calls at a port: answers, seconds, percentiles in milliseconds."""


def h2load(
    connections: int, streams: int, calls: int, port: int
) -> tuple[int, float, tuple[float, float, float]]:
    """Calls by h2load: answers, seconds, percentiles in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        body, log = Path(folder) / "body", Path(folder) / "log"
        body.write_bytes(b"\x00" + len(ASKED).to_bytes(4, "big") + ASKED)
        command = [
            *("h2load", "-n", str(calls), "-c", str(connections), "-m", str(streams)),
            *("-d", str(body), f"--log-file={log}"),
            *("-H", "content-type: application/grpc", "-H", "te: trailers"),
            f"http://127.0.0.1:{port}{CONVERT}",
        ]
        done = subprocess.run(
            pinned(command, CLIENT_CORE), stdout=subprocess.PIPE, text=True, check=True
        )
        took_ms = [int(line.split("\t")[2]) / 1000 for line in log.read_text().splitlines()]
    answered, data = _found(r"(\d+) succeeded, 0 failed", done.stdout), done.stdout
    assert answered == calls, done.stdout
    size = int(re.findall(r"\((\d+)\) data", data)[0])
    assert size == calls * (5 + len(ANSWER)), f"{size} bytes of answers to {calls} calls"
    unit = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
    number, name = re.findall(r"finished in ([\d.]+)(s|ms|us)", data)[0]
    return calls, float(number) * unit[name], three_percentiles(took_ms)


def _found(pattern: str, text: str) -> int:
    return int(re.findall(pattern, text)[0])


def client(kind: str, calls: int, port: int) -> tuple[int, float, tuple[float, float, float]]:
    """The same by grpcio's client, of one of its kinds."""
    command = [sys.executable, str(HERE / "_grpc_client.py"), str(port), str(calls), kind]
    done = subprocess.run(
        pinned(command, CLIENT_CORE), stdout=subprocess.PIPE, text=True, check=True
    )
    answers, *rest = done.stdout.split()
    seconds, p50, p99, p999 = map(float, rest)
    return int(answers), seconds, (p50, p99, p999)


@contextmanager
def servers(stack: ExitStack) -> Iterator[dict[str, tuple[int, int]]]:
    """Every server, by its name: process id and port."""
    found: dict[str, tuple[int, int]] = {}
    commands = {"ours": OURS, "ours, no answer kept": NOTHING_KEPT, GRPCIO: OURS}
    for name, command in commands.items():
        port = free_port()
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {
            "PRICEDESK_GRPC_PORT": str(port),
            "PRICEDESK_GRPC_MAX_CONNECTIONS": CROWD,
            "PRICEDESK_MAX_CONNECTIONS_PER_ADDRESS": CROWD,
            "PRICEDESK_GRPC_SERVER": "grpcio" if name == GRPCIO else "own",
            "PRICEDESK_LINES_PORT": "0",
            "PRICEDESK_HTTP_PORT": "0",
            "PRICEDESK_DATA_DIR": folder,
            "PRICEDESK_FETCH": "off",
            "PRICEDESK_CLOCK": "2026-10-30T18:00:00Z",
        }
        pid = stack.enter_context(served(command, port, environment=environment))
        found[name] = pid, port
    port = free_port()
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    command = [compiled(HERE / "grpc_constant.c", Path(folder)), str(port), ANSWER.hex()]
    found[LIMIT] = stack.enter_context(served(command, port)), port
    port = free_port()
    command = ["node", str(HERE / "_grpc_server.js"), str(PROTOS), str(port)]
    found[NODE] = stack.enter_context(served(command, port)), port
    yield found


def measured(
    title: str,
    rounds: int,
    servers: dict[str, tuple[int, int]],
    load: Load,
    calls: Mapping[str, int],
) -> dict[str, list[Run]]:
    """Run a load on each server in turn, and print what came of it."""
    contestants = {
        name: partial(run_of, pid, partial(load, calls[name], port))
        for name, (pid, port) in servers.items()
        if name in calls
    }
    runs = in_turn(contestants, rounds)
    print(f"\n{title}")
    others = {"times Node": NODE, "of the constant": LIMIT}
    compared = {title: runs[name] for title, name in others.items() if name in runs}
    rows = [
        [name, *figures(medians(found)), *(f"{ratio(found, to):.2f}" for to in compared.values())]
        for name, found in runs.items()
    ]
    print_table(["", *RUN_TITLES, *compared], rows)
    return runs


@contextmanager
def limited(pids: list[int]) -> Iterator[bool]:
    """A part of a core and so much memory for each of these processes; False if that cannot be."""
    groups: list[Path] = []
    try:
        for pid in pids:
            groups += _group_of(pid)
        yield bool(groups)
    finally:
        for group in groups:
            with suppress(OSError):
                # What is in it goes back to where it was; an empty group can be removed.
                for member in (group / "cgroup.procs").read_text().split():
                    (group.parent / "cgroup.procs").write_text(member)
                group.rmdir()


def _group_of(pid: int) -> list[Path]:
    """Control groups of a process's own, of the first or the second kind."""
    root = Path("/sys/fs/cgroup")
    period, memory = 100_000, str(LIMITED_MIB * 1024 * 1024)
    quota = str(int(period * LIMITED_CPU))
    if (root / "cpu").is_dir():
        wanted = {"cpu": ("cpu.cfs_quota_us", quota), "memory": ("memory.limit_in_bytes", memory)}
        places = [
            (root / kind / f"bench-{pid}", {name: text}) for kind, (name, text) in wanted.items()
        ]
    else:
        both = {"cpu.max": f"{quota} {period}", "memory.max": memory}
        places = [(root / f"bench-{pid}", both)]
    made: list[Path] = []
    try:
        for group, files in places:
            group.mkdir()
            made.append(group)
            for name, text in files.items():
                (group / name).write_text(text)
            for member in family(pid):
                (group / "cgroup.procs").write_text(str(member))
    except OSError as error:
        print(f"no limits ({error.strerror})", file=sys.stderr)
        for group in made:
            with suppress(OSError):
                group.rmdir()
        return []
    return made


def calls_over(connections: int) -> dict[str, int]:
    """How often each server is called, of those that are."""
    at_once = connections * STREAMS
    return {
        name: max(calls, at_once)
        for name, calls in CALLS.items()
        if name != GRPCIO or at_once <= GRPCIO_AT_ONCE
    }


def main(picture: Path | None, rounds: int = 5) -> None:
    need("cc", "h2load", "node")
    if not (HERE.parent / "tests" / "node" / "node_modules").exists():
        end_without("Node's packages are not installed (npm ci in tests/node)")
    print(f"{machine()}; {rounds} rounds, medians")
    print(f"at least {WANTED} times Node with 10 connections is wanted, 1.5 with grpcio's client")
    with ExitStack() as stack, servers(stack) as found:
        swept = {
            connections: measured(
                f"h2load, {connections} connections x {STREAMS} streams",
                rounds,
                found,
                partial(h2load, connections, STREAMS),
                calls_over(connections),
            )
            for connections in SWEEP
        }
        if picture is not None:
            title = "gRPC: calls a second, and how long they take, by connections"
            across = f"connections with {STREAMS} streams each"
            # What does no work is so far above the others that these would look alike.
            plotted = {
                connections: {name: of for name, of in runs.items() if name != LIMIT}
                for connections, runs in swept.items()
            }
            picture.write_text(comparison(title, across, plotted, NODE, WANTED), encoding="ascii")
        same = dict.fromkeys(CALLS, 3_000)
        measured("h2load, one call at a time", rounds, found, partial(h2load, 1, 1), same)
        same = dict.fromkeys(CALLS, 12_000)
        # The client needs its core whole, and its rounds differ more than the others.
        for kind in ("threads", "asyncio"):
            title = f"grpcio's client, 4 connections, {kind}"
            measured(title, 2 * rounds + 1, found, partial(client, kind), same)
        with limited([pid for pid, _ in found.values()]) as are_limited:
            title = f"h2load, 10 calls at a time, {LIMITED_CPU} of a core, {LIMITED_MIB} MiB"
            if are_limited:
                measured(title, rounds, found, partial(h2load, 1, 10), LIMITED_CALLS)
            else:
                not_measured(title, "control groups cannot be made here; it needs root")


if __name__ == "__main__":
    given = sys.argv[1:]
    picture = picture_among(given)
    main(picture, *map(int, given))
