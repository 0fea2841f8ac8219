"""Several workers of a service: who answers, what becomes of a dead one, how all of them end."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from crew import Crew, crew, one_of_each, rates_crew, supervised
from kept import fetched_days
from pricedesk.backend.store import open_store
from pricedesk.frontend.catalogue_index import INDEXED_FROM
from pricedesk.settings import Settings
from pricedesk.workers import share_of
from services import ANSWER_SECONDS, Client, Service, environment, free_port

MONDAY_EVENING = "2026-11-02T18:00:00Z"
MONDAY = {"2026-11-02": {"CAD": "2", "USD": "1"}}
BEFORE, AFTER = b"787.47\n", b"550.00\n"
"""What 1100 CAD are in USD before that publication is known, and after."""

GOODBYE = b"error closing the service is shutting down; connect again\n"
WAITING = 20


def answer(client: Client, line: bytes) -> bytes:
    client.send(line)
    return client.line()


def wait_until(holds: Callable[[], bool]) -> None:
    end_seconds = time.monotonic() + ANSWER_SECONDS
    while not holds():
        assert time.monotonic() < end_seconds


def publish(database: str, folder: Path) -> None:
    """Keep a publication, as another process that fetches does."""
    with closing(open_store(database, folder)) as store:
        document, publications = fetched_days(MONDAY)
        store.add(document, publications)


def get(connection: HTTPConnection, path: str) -> tuple[int, str]:
    """Status and body of an answer over a connection that is kept."""
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read().decode()


def web_connections(made: Crew, door: str, stack: ExitStack) -> dict[int, HTTPConnection]:
    """A connection to each worker's HTTP."""
    found: dict[int, HTTPConnection] = {}
    while found.keys() != made.pids.keys():
        connection = HTTPConnection("127.0.0.1", made.ports[door], timeout=ANSWER_SECONDS)
        stack.callback(connection.close)
        assert get(connection, "/healthz")[0] == 200
        assert connection.sock is not None
        found.setdefault(made.worker_of(connection.sock), connection)
    return found


def test_workers_answer_on_one_port_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    """Who is connected to another worker notices nothing, and who comes meanwhile is answered."""
    with rates_crew(tmp_path) as made, one_of_each(made) as clients, ExitStack() as stack:
        first = made.pids[1]
        made.kill(1, signal.SIGKILL)
        waiting = [stack.enter_context(Client(made.ports["lines"])) for _ in range(WAITING)]
        assert [answer(client, b"1100\n") for client in waiting] == [BEFORE] * WAITING
        assert answer(clients[2], b"1100\n") == BEFORE
        died = made.wait_for("a worker has died")
        assert (died["worker"], died["pid"], died["signal"]) == (1, first, "SIGKILL")
        made.wait_until_complete()
        assert made.pids[1] != first
        assert {made.worker_of(client.socket) for client in waiting} == {1, 2}
        assert made.service.stop() == 0


def test_who_has_come_to_a_worker_that_dies_is_answered_by_the_next_one(tmp_path: Path) -> None:
    """Clients wait at a worker that lets nobody in; none of them loses his connection."""
    with rates_crew(tmp_path) as made, ExitStack() as stack:
        made.kill(1, signal.SIGSTOP)
        waiting = [stack.enter_context(Client(made.ports["lines"])) for _ in range(WAITING)]
        made.kill(1, signal.SIGKILL)
        assert [answer(client, b"1100\n") for client in waiting] == [BEFORE] * WAITING


def test_a_new_publication_is_answered_from_by_all_workers(database: str, tmp_path: Path) -> None:
    """By those that there are soon, by one that comes later at once."""
    with rates_crew(tmp_path, clock=MONDAY_EVENING, database=database) as made:
        with one_of_each(made) as clients:
            assert {answer(client, b"1100\n") for client in clients.values()} == {BEFORE}
            publish(database, tmp_path)
            wait_until(lambda: {answer(c, b"1100\n") for c in clients.values()} == {AFTER})
        made.kill(2, signal.SIGKILL)
        made.wait_for("a worker has died")
        made.wait_until_complete()
        with one_of_each(made) as clients:
            assert {answer(client, b"1100\n") for client in clients.values()} == {AFTER}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_workers_well_after_a_goodbye(tmp_path: Path, number: int) -> None:
    with rates_crew(tmp_path) as made, one_of_each(made) as clients:
        made.service.process.send_signal(number)
        for client in clients.values():
            assert client.rest() == GOODBYE
            client.socket.close()
        assert made.service.process.wait(timeout=ANSWER_SECONDS) == 0
        with pytest.raises(ConnectionRefusedError):
            Client(made.ports["lines"])


def test_after_a_signal_no_worker_is_ready_and_a_second_one_ends_them_at_once(
    tmp_path: Path,
) -> None:
    with rates_crew(tmp_path, drain_delay_seconds="3600") as made, ExitStack() as stack:
        connections = web_connections(made, "http", stack).values()
        assert [get(each, "/readyz")[0] for each in connections] == [200, 200]
        made.service.process.send_signal(signal.SIGTERM)
        for _ in made.pids:
            made.wait_for("stopping")
        assert [get(each, "/readyz")[0] for each in connections] == [503, 503]
        with Client(made.ports["lines"]) as client:
            assert answer(client, b"1100\n") == BEFORE
        made.service.process.send_signal(signal.SIGTERM)
        assert made.service.process.wait(timeout=ANSWER_SECONDS) == 1


def test_the_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    with rates_crew(tmp_path) as made, one_of_each(made) as clients:
        made.service.kill()
        for client in clients.values():
            assert client.rest() == GOODBYE
            client.socket.close()
        assert [r["event"] for r in made.service.log()].count("stopped") == 2


def test_the_health_check_asks_whichever_worker(tmp_path: Path) -> None:
    with rates_crew(tmp_path) as made:
        healthcheck = subprocess.run(
            [sys.executable, "-m", "pricedesk.cli", "healthcheck", "backend"],
            env=environment(lines_port=str(made.ports["lines"])),
            capture_output=True,
            check=False,
        )
        assert (healthcheck.returncode, healthcheck.stdout) == (0, b"healthy\n")


def requests_counted(connection: HTTPConnection) -> list[int]:
    """What the metrics tell of the door of lines: answered, refused, failed."""
    _, text = get(connection, "/metrics")
    found = re.findall(r'pricedesk_requests_total\{door="lines",outcome="\w+"\} (\d+).0', text)
    return list(map(int, found))


def is_counted(connection: HTTPConnection, counts: list[int]) -> bool:
    return requests_counted(connection) == counts


def test_the_metrics_of_any_worker_are_those_of_all_of_them(tmp_path: Path) -> None:
    """The counts of a worker that was killed are not lost."""
    with rates_crew(tmp_path) as made, ExitStack() as stack:
        with one_of_each(made) as clients:
            for client in clients.values():
                client.send(b"1100\n1\nabc\n")
                client.lines(3)
        counts = [made.pings + 4, 2, 0]
        for connection in web_connections(made, "http", stack).values():
            wait_until(partial(is_counted, connection, counts))
        made.kill(1, signal.SIGKILL)
        made.wait_for("a worker has died")
        made.wait_until_complete()
        for connection in web_connections(made, "http", stack).values():
            assert requests_counted(connection) == counts
            text = get(connection, "/metrics")[1]
            assert "pricedesk_workers_replaced_total 1.0\n" in text
            assert 'pricedesk_connections{door="lines"} 0.0\n' in text


def test_a_worker_has_its_part_of_the_limits_rounded_up() -> None:
    share = share_of(
        Settings(
            workers=3,
            max_connections=10,
            http_max_connections=7,
            grpc_max_connections=5,
            web_max_connections=1,
            max_connections_per_address=3,
        )
    )
    assert (share.max_connections, share.http_max_connections) == (4, 3)
    assert (share.grpc_max_connections, share.web_max_connections) == (2, 1)
    assert share.max_connections_per_address == 1


def test_all_workers_together_let_in_no_more_than_the_limit(tmp_path: Path) -> None:
    with rates_crew(tmp_path, max_connections="4") as made, ExitStack() as stack:
        clients = [stack.enter_context(Client(made.ports["lines"])) for _ in range(WAITING)]
        said = [answer(client, b"ping\n").split()[:2] for client in clients]
        assert said.count([b"pong"]) == 4
        assert said.count([b"error", b"busy"]) == WAITING - 4


def test_a_port_that_is_taken_is_named_also_by_workers(tmp_path: Path) -> None:
    """Sockets that are shared out on purpose must not hide that somebody else is there."""
    with rates_crew(tmp_path) as made:
        ports = {"lines_port": str(made.ports["lines"]), "http_port": "0", "grpc_port": "0"}
        ports["workers"] = "2"
        with Service("backend", data_dir=str(tmp_path), fetch="off", **ports) as second:
            record = second.wait_for("cannot listen")
            assert second.process.wait(timeout=ANSWER_SECONDS) == 1
    assert record["see"] == "PRICEDESK_LINES_ADDRESS and PRICEDESK_LINES_PORT"


def test_a_form_of_one_worker_is_good_at_another(tmp_path: Path) -> None:
    """And the same request at both is one quote."""
    with (
        rates_crew(tmp_path) as rates,
        crew("frontend", 2, backend=f"127.0.0.1:{rates.ports['lines']}") as made,
        ExitStack() as stack,
    ):
        connections = web_connections(made, "web", stack)
        _, page = get(connections[1], "/products/laptop")
        form = page.partition('action="/quotes"')[2].partition("</form>")[0]
        sent = urlencode(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        places = set()
        for connection in connections.values():
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/quotes", sent, kind)
            response = connection.getresponse()
            response.read()
            assert response.status == 303
            places.add(response.headers["Location"])
        assert len(places) == 1


def test_a_changed_catalogue_is_sold_by_all_workers(tmp_path: Path) -> None:
    """By one that is started later too, though it was forked from what was read before."""
    path = tmp_path / "shop.csv"
    path.write_text("sku,name,price,currency\nt,Tea,5,CAD\n")
    with crew("frontend", 2, backend=f"127.0.0.1:{free_port()}", catalogue=str(path)) as made:
        path.write_text("sku,name,price,currency\nc,Cake,900,JPY\n")
        for _ in made.pids:
            assert made.wait_for("catalogue changed")["products"] == 1
        made.kill(1, signal.SIGKILL)
        made.wait_for("a worker has died")
        assert made.wait_for("catalogue changed")["worker"] == 1
        made.wait_until_complete()
        with ExitStack() as stack:
            connections = web_connections(made, "web", stack)
            for connection in connections.values():
                status, told = get(connection, "/api/products")
                assert (status, [p["name"] for p in json.loads(told)["products"]]) == (
                    200,
                    ["Cake"],
                )


def test_all_workers_search_in_the_index_that_was_made_before_them(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    rows = "".join(f"s{n},Thing {n},{n + 1},CAD\n" for n in range(INDEXED_FROM))
    path.write_text(f"sku,name,price,currency\n{rows}")
    with crew("frontend", 2, backend=f"127.0.0.1:{free_port()}", catalogue=str(path)) as made:
        for _ in range(2):
            with ExitStack() as stack:
                for connection in web_connections(made, "web", stack).values():
                    for n in range(0, INDEXED_FROM, INDEXED_FROM // 10):
                        _, told = get(connection, f"/api/products?q=thing+{n}&currency=CAD&limit=1")
                        assert json.loads(told)["products"][0]["sku"] == f"s{n}"
            made.kill(2, signal.SIGKILL)
            made.wait_for("a worker has died")
            made.wait_until_complete()


def test_up_starts_workers_and_they_end_with_it(tmp_path: Path) -> None:
    ports = [str(free_port()) for _ in range(5)]
    doors = ("lines_port", "http_port", "grpc_port", "telnet_port", "web_port")
    given = environment(
        data_dir=str(tmp_path), fetch="off", log="json", **dict(zip(doors, ports, strict=True))
    )
    command = [sys.executable, "-m", "pricedesk.cli", "up", "--workers", "2"]
    with subprocess.Popen(command, env=given, stdout=subprocess.PIPE) as up:
        assert up.stdout is not None
        told = b""
        while b"Rates:" not in told or told.count(b'"event": "listening"') < 2 * len(doors):
            told += up.stdout.readline()
        up.kill()
        said = up.stdout.read()
    assert said.count(b'"event": "stopped"') == 4
    assert said.count(b'"event": "all workers have ended"') == 2


def test_a_worker_that_dies_at_once_again_and_again_is_replaced_after_longer_pauses() -> None:
    with supervised(2, pause_seconds=0.01, pause_max_seconds=0.04) as made:
        pauses = []
        made.wait_for("worker started")
        for _ in range(5):
            made.wait_for("worker started")
            made.kill(1, signal.SIGKILL)
            pauses.append(made.wait_for("a worker has died")["pause_seconds"])
        assert pauses == [0.01, 0.02, 0.04, 0.04, 0.04]


def test_one_that_has_lived_for_long_is_replaced_at_once() -> None:
    with supervised(1, steady_seconds=0) as made:
        for _ in range(3):
            made.wait_for("worker started")
            made.kill(1, signal.SIGKILL)
            assert made.wait_for("a worker has died")["pause_seconds"] == 0


def test_a_service_ends_whose_workers_cannot_work() -> None:
    with supervised(2, code=6, pause_seconds=3600, pause_max_seconds=3600) as made:
        assert made.wait_for("a worker has died")["exit"] == 6
        made.wait_for("no worker can be started")
        assert made.service.process.wait(timeout=ANSWER_SECONDS) == 6


def test_a_worker_that_stands_still_is_killed_and_replaced() -> None:
    with supervised(1, steady_seconds=1, silent_seconds=3) as made:
        made.wait_for("worker started")
        made.kill(1, signal.SIGSTOP)
        assert made.wait_for("a worker does not answer")["worker"] == 1
        assert made.wait_for("a worker has died")["signal"] == "SIGKILL"
        made.wait_for("worker started")


def passes(made: Crew, seconds: float) -> None:
    """Let time pass, in which the service does not end."""
    with pytest.raises(subprocess.TimeoutExpired):
        made.service.process.wait(seconds)


def test_after_a_pause_of_everything_nobody_is_killed_for_his_silence() -> None:
    """As of a container; the worker goes on a second after its supervisor does."""
    with supervised(1, steady_seconds=0, silent_seconds=3) as made:
        made.wait_for("worker started")
        made.kill(1, signal.SIGSTOP)
        made.service.process.send_signal(signal.SIGSTOP)
        passes(made, 4)
        made.service.process.send_signal(signal.SIGCONT)
        passes(made, 1)
        made.kill(1, signal.SIGCONT)
        assert made.service.stop() == 0
        assert "a worker does not answer" not in [r["event"] for r in made.service.log()]


def test_workers_that_do_not_end_are_killed() -> None:
    with supervised(1, stop_seconds=0.1) as made:
        made.wait_for("worker started")
        made.kill(1, signal.SIGSTOP)
        made.service.process.send_signal(signal.SIGTERM)
        assert made.service.process.wait(timeout=ANSWER_SECONDS) == 1


def test_a_name_with_several_addresses_has_a_socket_for_each(tmp_path: Path) -> None:
    """The loopback's name has one address here or two."""
    with (
        rates_crew(tmp_path, lines_address="localhost") as made,
        Client(made.ports["lines"]) as client,
    ):
        assert answer(client, b"1100\n") == BEFORE
