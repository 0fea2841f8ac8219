"""The programs that benchmarks need beside Python: whether they are here, and what has them.

A benchmark that lacks one says so in a line that begins with NOT_MEASURED and goes on with what it
can measure without; where that is nothing it ends with LACKING. `make bench` repeats these lines
at its end.
"""

import shutil
import sys

NOT_MEASURED = "not measured: "

LACKING = 69
"""The exit code of a benchmark that lacks what it needs: EX_UNAVAILABLE of sysexits.h."""

PACKAGES = {
    "cc": "gcc libc6-dev",
    "chromium": "chromium",
    "docker": "docker.io",
    "h2load": "nghttp2-client",
    "nginx": "nginx",
    "node": "nodejs npm",
    "wrk": "wrk",
}
"""The packages of Debian that have them."""

POSTGRES_LACKS = "its server is not installed (Debian: postgresql)"

FOLDERS = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
"""Where servers are, though not on everybody's PATH."""


def where_is(tool: str) -> str | None:
    """The path of a program."""
    return shutil.which(tool) or shutil.which(tool, path=FOLDERS)


def not_measured(what: str, reason: str) -> None:
    """Say that something is left out."""
    print(f"{NOT_MEASURED}{what}: {reason}")


def end_without(reason: str) -> None:
    """End this benchmark, of which nothing can be measured.

    Raises:
        SystemExit: always, with LACKING.
    """
    not_measured("all of it", reason)
    sys.exit(LACKING)


def need(*tools: str) -> None:
    """End this benchmark where one of these programs is not here.

    Raises:
        SystemExit: with LACKING.
    """
    lacking = [tool for tool in tools if where_is(tool) is None]
    if lacking:
        packages = " ".join(PACKAGES[tool] for tool in lacking)
        end_without(f"{' and '.join(lacking)} cannot be found (Debian: {packages})")
