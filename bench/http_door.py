"""The HTTP door of the back-end against nginx, which serves the very same bytes as files.

    PYTHONPATH=tests python bench/http_door.py [ROUNDS] [SECONDS]

64 connections of wrk ask for one path again and again; ours and nginx (one worker, files, no
access log) in turn, servers on one core and the client on the other. Two more rows are loads
without a file: requests of which no two ask for the same, and requests for one thing of which no
two have the same headers. Needs nginx and wrk.
"""

import http.client
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from _machine import (
    CLIENT_CORE,
    RUN_TITLES,
    Run,
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
)
from services import FRIDAY_EVENING

CONNECTIONS = 64

TARGETS: Mapping[str, str] = {
    "v1, one pair": "/v1/latest?base=CAD&symbols=USD",
    "v1, latest": "/v1/latest",
    "v2, one pair": "/v2/rates?base=CAD&quotes=USD",
    "v1, a year of a pair": "/v1/2025-10-30..2026-10-30?base=CAD&symbols=USD",
    "v2, a year of a pair": "/v2/rates?from=2025-10-30&to=2026-10-30&base=CAD&quotes=USD",
    "convert": "/convert?amount=1100&from=CAD&to=USD",
}

NOT_TWICE = """
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/convert?from=CAD&to=USD&amount=" .. n)
end
"""
"""No two requests ask for the same."""

TRACED = """
local n = 0
request = function()
  n = n + 1
  wrk.headers["X-Request-Id"] = n
  return wrk.format("GET", "/v1/latest?base=CAD&symbols=USD")
end
"""
"""All ask for the same, and a proxy has given each a number."""

REPORT = """
done = function(summary, latency, requests)
  local wrong = summary.errors
  io.write(string.format("result %d %d %d %d %d %d\\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    latency:percentile(99.9),
    wrong.status + wrong.connect + wrong.read + wrong.write + wrong.timeout))
end
"""

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  default_type "application/json; charset=utf-8";
  keepalive_requests 1000000000;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}/files; }}
}}
"""


def loaded(
    port: int, target: str, seconds: int, script: Path
) -> tuple[int, float, tuple[float, float, float]]:
    """Answers, seconds, and three percentiles in milliseconds, as wrk has found them."""
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS)]
    command += ["--duration", f"{seconds}s", "--latency", "--script", str(script)]
    command.append(f"http://127.0.0.1:{port}{target}")
    done = subprocess.run(
        pinned(command, CLIENT_CORE), check=True, capture_output=True, text=True
    ).stdout
    words = next(line for line in done.splitlines() if line.startswith("result ")).split()[1:]
    answers, microseconds, p50, p99, p999, wrong = map(int, words)
    assert not wrong, done
    return answers, microseconds / 1e6, (p50 / 1e3, p99 / 1e3, p999 / 1e3)


def content(port: int, target: str) -> bytes:
    """What the door says to one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", target)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, (target, answer.status, body)
    return body


@contextmanager
def ours(folder: Path) -> Iterator[tuple[int, int]]:
    """The back-end: its process and the port of its HTTP door."""
    port = free_port()
    settings = {
        "DATA_DIR": str(folder / "data"),
        "FETCH": "off",
        "CLOCK": FRIDAY_EVENING,
        "LINES_PORT": str(free_port()),
        "HTTP_PORT": str(port),
        "LOG": "json",
    }
    command = [sys.executable, "-m", "pricedesk.cli", "backend"]
    named = {f"PRICEDESK_{name}": value for name, value in settings.items()}
    with served(command, port, environment=named) as pid:
        yield pid, port


@contextmanager
def nginx(folder: Path, files: Mapping[str, bytes]) -> Iterator[tuple[int, int]]:
    """Serve these files with nginx: its process and its port."""
    port = free_port()
    (folder / "files").mkdir()
    for name, body in files.items():
        (folder / "files" / name).write_bytes(body)
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port), encoding="utf-8")
    # Its worker has another user, who has to be able to read the files.
    folder.chmod(0o755)
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert program is not None, "nginx is not installed"
    command = [program, "-e", str(folder / "error.log"), "-c", str(configuration)]
    with served(command, port) as pid:
        yield pid, port


def compared(door: tuple[int, int], rounds: int, seconds: int, folder: Path) -> list[list[str]]:
    """Ours and nginx with each target."""
    report = folder / "report.lua"
    report.write_text(REPORT, encoding="ascii")
    names = {target: f"{n}.json" for n, target in enumerate(TARGETS.values())}
    bodies = {name: content(door[1], target) for target, name in names.items()}
    rows = []
    with nginx(folder, bodies) as rival:
        for what, target in TARGETS.items():
            runs = in_turn(
                {
                    "ours": partial(measured, door, target, seconds, report),
                    "nginx": partial(measured, rival, f"/{names[target]}", seconds, report),
                },
                rounds,
            )
            size = f"{len(bodies[names[target]]):,}"
            times = f"{ratio(runs['ours'], runs['nginx']):.2f}"
            rows.append([what, size, *figures(medians(runs["ours"])), times])
            rows.append(["  nginx", size, *figures(medians(runs["nginx"])), "1"])
    return rows


def measured(server: tuple[int, int], target: str, seconds: int, script: Path) -> Run:
    """One run of a load on a server."""
    pid, port = server
    return run_of(pid, partial(loaded, port, target, seconds, script))


def alone(door: tuple[int, int], rounds: int, seconds: int, folder: Path) -> list[list[str]]:
    """Ours with loads for which there is no file."""
    rows = []
    for what, script in (("convert, never the same", NOT_TWICE), ("v1, other headers", TRACED)):
        path = folder / "load.lua"
        path.write_text(script + REPORT, encoding="ascii")
        runs = [measured(door, "/", seconds, path) for _ in range(rounds)]
        rows.append([what, "", *figures(medians(runs)), ""])
    return rows


def main(rounds: int, seconds: int) -> None:
    with tempfile.TemporaryDirectory() as name, ours(Path(name)) as door:
        print(machine())
        rows = compared(door, rounds, seconds, Path(name)) + alone(
            door, rounds, seconds, Path(name)
        )
        print_table(["", "bytes", *RUN_TITLES, "times nginx"], rows)


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(*given, *(3, 3)[len(given) :])
