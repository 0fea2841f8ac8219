"""All benchmarks, one after the other: what `make bench` runs.

    PYTHONPATH=tests python bench/_all.py [--pictures FOLDER] [NAME...]

Each is a program of its own, run as it is without arguments; with names, only these are run. With
a folder, those that can make a picture put it there. One that fails, or that lacks a program, does
not keep the next from being run. At the end is told how long each took, and what was not measured.
Ends with 1 when one has failed; what only lacked something is no failure.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from _tools import LACKING, NOT_MEASURED

HERE = Path(__file__).parent
PICTURED = ("lines", "telnet", "http_door", "grpc_door")


@dataclass(frozen=True)
class Outcome:
    """What became of one benchmark."""

    name: str
    seconds: float
    code: int
    not_measured: tuple[str, ...]

    @property
    def failed(self) -> bool:
        return self.code not in (0, LACKING)


def names() -> list[str]:
    """Every benchmark."""
    return sorted(path.stem for path in HERE.glob("[!_]*.py"))


def run(name: str, arguments: Sequence[str] = (), folder: Path = HERE) -> Outcome:
    """Run one, and pass on what it prints as it comes."""
    began = time.monotonic()
    lacked = []
    # Errors among the rest, where they belong.
    with subprocess.Popen(
        [sys.executable, str(folder / f"{name}.py"), *arguments],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdout is not None
        for line in program.stdout:
            print(line, end="", flush=True)
            if line.startswith(NOT_MEASURED):
                lacked.append(line.removeprefix(NOT_MEASURED).rstrip())
        code = program.wait()
    return Outcome(name, time.monotonic() - began, code, tuple(lacked))


def summary(outcomes: Iterable[Outcome]) -> list[list[str]]:
    """A row for each benchmark, and one for each thing that it did not measure."""
    rows = []
    for each in outcomes:
        result = f"failed, exit code {each.code}" if each.failed else "measured"
        if each.code == LACKING:
            result = "not run"
        rows.append([each.name, f"{each.seconds:.0f} s", result])
        rows += [["", "", f"not measured: {what}"] for what in each.not_measured]
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="Run the benchmarks.")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="put pictures there")
    parser.add_argument("names", nargs="*", metavar="NAME", help="one of: " + ", ".join(names()))
    given = parser.parse_args()
    if unknown := set(given.names) - set(names()):
        parser.error(f"there is no benchmark {' '.join(sorted(unknown))}")
    outcomes = []
    for name in given.names or names():
        pictured = given.pictures is not None and name in PICTURED
        picture = [str(given.pictures / f"{name}.svg")] if pictured else []
        print(f"\n==== bench/{name}.py {' '.join(picture)}".rstrip(), flush=True)
        outcomes.append(run(name, picture))
    print(f"\n==== {sum(each.seconds for each in outcomes) / 60:.1f} minutes")
    for row in summary(outcomes):
        print(f"{row[0]:12}{row[1]:>7}  {row[2]}")
    return int(any(each.failed for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
