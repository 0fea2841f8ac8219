"""The HTTP door of the back-end against nginx, which serves the very same bytes as files.

    PYTHONPATH=tests python bench/http_door.py [ROUNDS [SECONDS]] [PICTURE.svg]

64 connections of wrk ask for one path again and again; ours and nginx (one worker, files, no
access log) in turn, servers on one core and the client on the other. Two more rows are loads
without a file: requests of which no two ask for the same, and requests for one thing of which no
two have the same headers. Needs nginx and wrk.
"""

import http.client
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
from _plot import comparison, picture_among
from _services import CROWD
from _tools import need, where_is
from services import FRIDAY_EVENING

CONNECTIONS = 64
SWEEP = (1, 10, 100, 1000)
PAIR = "v1, one pair"
WANTED = 0.5
"""How many times as many answers as nginx's are demanded for one pair."""

TARGETS: Mapping[str, str] = {
    PAIR: "/v1/latest?base=CAD&symbols=USD",
    "v1, latest": "/v1/latest",
    "v2, one pair": "/v2/rates?base=CAD&quotes=USD",
    "v1, a year of a pair": "/v1/2025-10-30..2026-10-30?base=CAD&symbols=USD",
    "v2, a year of a pair": "/v2/rates?from=2025-10-30&to=2026-10-30&base=CAD&quotes=USD",
    "convert": "/convert?amount=1100&from=CAD&to=USD",
}

FILES = {what: f"/{n}.json" for n, what in enumerate(TARGETS)}
"""Where nginx has the same."""

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
events {{ worker_connections 4096; }}
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
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/files; }}
}}
"""


@dataclass(frozen=True)
class Load:
    """How wrk asks: for so long, with this script, over so many connections."""

    seconds: int
    script: Path
    connections: int = CONNECTIONS


def loaded(port: int, target: str, load: Load) -> tuple[int, float, tuple[float, float, float]]:
    """Answers, seconds, and three percentiles in milliseconds, as wrk has found them."""
    command = ["wrk", "--threads", "1", "--connections", str(load.connections)]
    command += ["--duration", f"{load.seconds}s", "--latency", "--script", str(load.script)]
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
        "HTTP_MAX_CONNECTIONS": CROWD,
        "MAX_CONNECTIONS_PER_ADDRESS": CROWD,
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
        (folder / "files" / name.removeprefix("/")).write_bytes(body)
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port), encoding="utf-8")
    # Its worker has another user, who has to be able to read the files.
    folder.chmod(0o755)
    program = where_is("nginx")
    assert program is not None
    command = [program, "-e", str(folder / "error.log"), "-c", str(configuration)]
    with served(command, port) as pid:
        yield pid, port


def compared(
    door: tuple[int, int], rival: tuple[int, int], rounds: int, seconds: int, report: Path
) -> list[list[str]]:
    """Ours and nginx with each target."""
    rows = []
    for what, target in TARGETS.items():
        load = Load(seconds, report)
        runs = in_turn(
            {
                "ours": partial(measured, door, target, load),
                "nginx": partial(measured, rival, FILES[what], load),
            },
            rounds,
        )
        size = f"{len(content(door[1], target)):,}"
        times = f"{ratio(runs['ours'], runs['nginx']):.2f}"
        rows.append([what, size, *figures(medians(runs["ours"])), times])
        rows.append(["  nginx", size, *figures(medians(runs["nginx"])), "1"])
    return rows


def swept(
    door: tuple[int, int], rival: tuple[int, int], rounds: int, seconds: int, report: Path
) -> dict[int, dict[str, list[Run]]]:
    """Ours and nginx with one pair, by the number of connections."""
    found = {}
    for connections in SWEEP:
        load = Load(seconds, report, connections)
        contestants = {
            "nginx": partial(measured, rival, FILES[PAIR], load),
            "ours": partial(measured, door, TARGETS[PAIR], load),
        }
        found[connections] = in_turn(contestants, rounds)
    return found


def show(swept_over: Mapping[int, Mapping[str, list[Run]]]) -> None:
    """Print what one pair gave over so many connections."""
    rows = []
    for connections, runs in swept_over.items():
        for name, each in runs.items():
            times = f"{ratio(each, runs['nginx']):.2f}"
            rows.append([f"{connections:4} {name}", *figures(medians(each)), times])
    print(f"\n{PAIR}, by connections")
    print_table(["", *RUN_TITLES, "times nginx"], rows)


def measured(server: tuple[int, int], target: str, load: Load) -> Run:
    """One run of a load on a server."""
    pid, port = server
    return run_of(pid, partial(loaded, port, target, load))


def alone(door: tuple[int, int], rounds: int, seconds: int, folder: Path) -> list[list[str]]:
    """Ours with loads for which there is no file."""
    rows = []
    for what, script in (("convert, never the same", NOT_TWICE), ("v1, other headers", TRACED)):
        path = folder / "load.lua"
        path.write_text(script + REPORT, encoding="ascii")
        runs = [measured(door, "/", Load(seconds, path)) for _ in range(rounds)]
        rows.append([what, "", *figures(medians(runs)), ""])
    return rows


def main(picture: Path | None, rounds: int = 3, seconds: int = 2) -> None:
    need("wrk", "nginx")
    with tempfile.TemporaryDirectory() as name, ours(Path(name)) as door:
        folder = Path(name)
        report = folder / "report.lua"
        report.write_text(REPORT, encoding="ascii")
        bodies = {file: content(door[1], TARGETS[what]) for what, file in FILES.items()}
        print(machine())
        print(f"{rounds} rounds of {seconds} s in turn, medians; {CONNECTIONS} connections;")
        print(f"at least {WANTED} of nginx is wanted for one pair, and p99 under 4 ms")
        with nginx(folder, bodies) as rival:
            rows = compared(door, rival, rounds, seconds, report)
            rows += alone(door, rounds, seconds, folder)
            print_table(["", "bytes", *RUN_TITLES, "times nginx"], rows)
            by_connections = swept(door, rival, rounds, seconds, report)
            show(by_connections)
    if picture is not None:
        title = "HTTP, one pair: answers a second, and how long they take, by connections"
        plot = comparison(title, "connections", by_connections, "nginx", WANTED)
        picture.write_text(plot, encoding="ascii")


if __name__ == "__main__":
    given = sys.argv[1:]
    picture = picture_among(given)
    main(picture, *map(int, given))
