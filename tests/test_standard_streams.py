"""Standard input or output is closed, or the disk is full: one line says so, and an exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services import FRIDAY_EVENING

FULL = "pricedesk: standard output cannot be written: No space left on device\n"
NO_INPUT = "pricedesk: standard input is closed\n"
NO_OUTPUT = "pricedesk: standard output is closed\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("catalogue check - <&-", (2, NO_INPUT)),
        ("catalogue import - <&-", (2, NO_INPUT)),
        ("lines <&-", (2, NO_INPUT)),
        ("lines </dev/null >&-", (2, NO_OUTPUT)),
        ("catalogue export - >&-", (2, NO_OUTPUT)),
        ("quotes export >&-", (2, NO_OUTPUT)),
        ("catalogue export - >/dev/full", (1, FULL)),
        ("catalogue export >/dev/full", (1, FULL)),
        ("config >/dev/full", (1, FULL)),
        ("convert 1100 >/dev/full", (1, FULL)),
        ("completion bash >/dev/full", (1, FULL)),
        ("rates latest --csv >/dev/full", (1, FULL)),
        (
            "catalogue export --force /dev/full",
            (2, "pricedesk: /dev/full is no file that could be replaced\n"),
        ),
        (
            "catalogue export --force /dev/stdout",
            (2, "pricedesk: /dev/stdout is no file that could be replaced\n"),
        ),
        (
            "catalogue export /dev/stdout",
            (2, "pricedesk: /dev/stdout is no file that could be replaced\n"),
        ),
    ],
)
def test_it_is_told_in_one_line(
    command: str, expected: tuple[int, str], unbuffered: str, tmp_path: Path
) -> None:
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONUNBUFFERED": unbuffered,
        "PRICEDESK_CLOCK": FRIDAY_EVENING,
        "PRICEDESK_DATA_DIR": str(tmp_path),
    }
    if "import" in command:
        environment["PRICEDESK_CATALOGUE"] = f"{tmp_path}/shop.sqlite3"
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m pricedesk.cli {command}', sys.executable],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout) == (*expected, "")


def test_a_reader_that_has_gone_is_no_failure_to_tell() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "pricedesk.cli", "config"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
