"""What benchmarks share: a core each, what a process costs, rounds in turn, medians, a table.

Machines are shared, and their speed drifts by a factor of two within an hour. So what is compared
runs in turn, several rounds in one call, and ratios of medians are what counts. Server and client
have a core each: on one core they would be measured together.

Nothing here needs the product; a benchmark imports it as `from _machine import ...`.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from math import ceil
from pathlib import Path
from typing import TypeVar

SERVER_CORE = 0
CLIENT_CORE = 1

START_SECONDS = 20
"""Within so long a server has to listen."""

SETTLED_MIB = 0.5

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")

Result = TypeVar("Result")


# Processes and their cores.


def pinned(command: Sequence[str], core: int) -> list[str]:
    """A command that stays on one core, with all the processes that it starts."""
    if shutil.which("taskset") is None or (os.cpu_count() or 1) <= core:
        return list(command)
    return ["taskset", "--cpu-list", str(core), *command]


def stay_on(core: int) -> None:
    """Keep this process on one core, and what it starts from now on."""
    with suppress(OSError):
        os.sched_setaffinity(0, {core})


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def inherited() -> dict[str, str]:
    """This process's variables without Pricedesk's, and without what forbids compiled modules.

    With the latter each start would compile the product anew.
    """
    without = ("PRICEDESK_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(without)}


@contextmanager
def served(
    command: Sequence[str],
    port: int,
    core: int = SERVER_CORE,
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """A server on a core of its own, once somebody listens at `port`: gives its process id.

    It has the `inherited` variables and those of `environment`. It is ended with all that it has
    started.

    Raises:
        AssertionError: it ended, or nobody listens after START_SECONDS.
    """
    process = subprocess.Popen(
        pinned(command, core),
        env={**inherited(), **(environment or {})},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(port, process)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server listens."""
    since = time.monotonic()
    while True:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() - since < START_SECONDS, f"{process.args!r} does not listen"
            time.sleep(0.005)
        else:
            return


def compiled(source: Path, folder: Path) -> str:
    """The program that a C source makes; it is made again when the source has changed."""
    program = folder / source.stem
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-Wall", "-o", str(program), str(source), "-lm"], check=True)
    return str(program)


def network_of_its_own() -> None:
    """Leave the machine's network for an empty one with a loopback; call it first of all.

    Where a Docker engine runs, the kernel tracks each connection of the loopback; 260,000 short
    ones fill its table, and new ones are dropped. In a network of its own nothing is tracked.
    Where that is not allowed, everything stays as it is, and a line says so.
    """
    new_user, new_network = 0x10000000, 0x40000000
    flags = new_network | (new_user if os.geteuid() else 0)
    user, group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(flags):
        reason = os.strerror(ctypes.get_errno())
        print(f"no network of its own ({reason}): the machine's loopback is used", file=sys.stderr)
        return
    if flags & new_user:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    set_flags, up_and_running = 0x8914, 0x1 | 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, set_flags, struct.pack("16sh14x", b"lo", up_and_running))
    # Dialogues are short, and a port that was just used is not free for a minute.
    ports = Path("/proc/sys/net/ipv4/ip_local_port_range")
    with suppress(OSError):
        ports.write_text("1024 65535", encoding="ascii")


# What a process costs.


def family(pid: int) -> list[int]:
    """A process and all that it has started, and they in turn."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, task.read_text(encoding="ascii").split())
    return found


def cpu_seconds(pid: int) -> float:
    """The processor time that a process and its family have had, in steps of 10 ms each."""
    return sum(map(_cpu_ticks, family(pid))) / TICKS_A_SECOND


def _cpu_ticks(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    # The name in brackets may have spaces: user and system time are the 12th and 13th after it.
    after_name = stat.rpartition(")")[2].split()
    return int(after_name[11]) + int(after_name[12])


def memory_mib(pid: int) -> float:
    """What a process and its family have in memory now; what they share counts once."""
    return sum(_proportional_kib(member) for member in family(pid)) / 1024


def settled_mib(pid: int, pause_seconds: float) -> float:
    """What a process and its family have in memory once that stays the same, to SETTLED_MIB.

    After they listen they load what is not needed at once, and put indexes in order.
    """
    found = memory_mib(pid)
    while True:
        time.sleep(pause_seconds)
        before, found = found, memory_mib(pid)
        if abs(found - before) < SETTLED_MIB:
            return found


def _proportional_kib(pid: int) -> int:
    try:
        smaps = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(smaps.split("\nPss:")[1].split()[0])


def peak_mib(pid: int) -> float:
    """The most that a process alone ever had in memory."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


# Measurements.


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a load gave: answers a second, how long they took, what they cost."""

    per_second: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    cpu_us: float
    """Processor time of the server for an answer."""
    memory_mib: float


def percentile(values: Iterable[float], percent: float) -> float:
    """The least value that so many percent of all are not above."""
    ordered = sorted(values)
    # Rounded first: 99.9 percent of 1000 are a little more than 999 to a computer.
    rank = ceil(round(len(ordered) * percent / 100, 6))
    return ordered[max(rank, 1) - 1]


def three_percentiles(values: Iterable[float]) -> tuple[float, float, float]:
    """p50, p99 and p99.9."""
    ordered = sorted(values)
    return percentile(ordered, 50), percentile(ordered, 99), percentile(ordered, 99.9)


def run_of(
    pid: int,
    load: Callable[[], tuple[int, float, tuple[float, float, float]]],
    others: Sequence[int] = (),
) -> Run:
    """Measure a load on a server: it gives answers, seconds, and p50, p99, p99.9 in ms.

    What `others` cost, which the server asks, is its cost too.
    """
    pids = (pid, *others)
    before = sum(map(cpu_seconds, pids))
    answers, seconds, (p50, p99, p999) = load()
    cpu = sum(map(cpu_seconds, pids)) - before
    memory = sum(map(memory_mib, pids))
    return Run(answers / seconds, p50, p99, p999, cpu / answers * 1e6, memory)


def run_of_itself(load: Callable[[], tuple[int, float, tuple[float, float, float]]]) -> Run:
    """Measure what this process does itself, without what it has started."""
    before = time.process_time()
    answers, seconds, (p50, p99, p999) = load()
    cpu = time.process_time() - before
    memory = _proportional_kib(os.getpid()) / 1024
    return Run(answers / seconds, p50, p99, p999, cpu / answers * 1e6, memory)


def in_turn(
    contestants: Mapping[str, Callable[[], Result]], rounds: int
) -> dict[str, list[Result]]:
    """Run each in turn, and all of that so many times."""
    results: dict[str, list[Result]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            results[name].append(run())
    return results


def medians(runs: Sequence[Run]) -> Run:
    """The median of each figure."""
    return Run(*(statistics.median(getattr(r, f.name) for r in runs) for f in fields(Run)))


def ratio(ours: Sequence[Run], rivals: Sequence[Run]) -> float:
    """How many times the rival's answers a second ours are: the median over the rounds."""
    pairs = zip(ours, rivals, strict=True)
    return statistics.median(mine.per_second / other.per_second for mine, other in pairs)


def figures(run: Run) -> list[str]:
    """A run as cells of a table; RUN_TITLES are above them."""
    return [
        f"{run.per_second:,.0f}",
        f"{run.p50_ms:.2f}",
        f"{run.p99_ms:.2f}",
        f"{run.p999_ms:.2f}",
        f"{run.cpu_us:.1f}",
        f"{run.memory_mib:.1f}",
    ]


RUN_TITLES = ["a second", "p50 ms", "p99 ms", "p99.9 ms", "CPU us", "MiB"]


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under titles: words to the left, figures to the right."""
    table = [list(titles), *map(list, rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(titles))]
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells).rstrip())


def machine() -> str:
    """The machine and the Python that figures are from, in one line."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((x.partition(": ")[2] for x in cpuinfo.splitlines() if "model name" in x), "?")
    release = os.uname().release.split("-")[0]
    version = ".".join(map(str, sys.version_info[:3]))
    program = Path(sys.executable).resolve()
    return f"{model}, {os.cpu_count()} cores, Linux {release}, Python {version} ({program})"
