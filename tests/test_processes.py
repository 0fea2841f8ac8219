"""The two services as processes: what happens when one of them goes, and how they end."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import IO

import pytest

from services import (
    ANSWER_SECONDS,
    FRIDAY_EVENING,
    Client,
    Service,
    backend,
    environment,
    free_port,
    frontend,
)

MENU = b"Which product you wish to buy ?\n1. A laptop\n2. A PC\n3. A server\n"
LAPTOP = b"Today your item costs 787.47 USD\n"
AWAY = b"The price cannot be computed now because the conversion service cannot be reached.\n"


def prices_until_there_is_one(desk: Client) -> Iterator[bytes]:
    """What the desk says to choice after choice, up to and with the first price."""
    end = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < end:
        desk.send(b"1\n")
        said = desk.line()
        yield said
        if said != AWAY:
            return


def test_a_customer_survives_the_death_and_return_of_the_back_end(tmp_path: Path) -> None:
    port = free_port()
    with (
        frontend(port) as (_, desk_port),
        Client(desk_port) as desk,
        Client(desk_port) as other,
    ):
        assert desk.lines(4) == other.lines(4) == MENU
        desk.send(b"1\n")
        assert desk.line() == AWAY
        with backend(tmp_path, port) as (service, _):
            assert list(prices_until_there_is_one(desk))[-1] == LAPTOP
            desk.send(b"2\n9\n3\n")
            assert desk.lines(3) == (
                b"Today your item costs 1718.11 USD\n"
                b"Wrong selection. Please try again\n"
                b"Today your item costs 25055.75 USD\n"
            )
            service.kill()
            # Nor is what a customer was told a moment ago told to another one.
            for client in (other, desk):
                client.send(b"3\n")
                assert client.line() == AWAY
        with backend(tmp_path, port):
            assert list(prices_until_there_is_one(desk))[-1] == LAPTOP


def test_a_frozen_back_end_costs_a_customer_the_price_and_not_the_connection(
    tmp_path: Path,
) -> None:
    with (
        backend(tmp_path) as (service, port),
        frontend(port) as (_, desk_port),
        Client(desk_port) as desk,
    ):
        desk.lines(4)
        desk.send(b"1\n")
        assert desk.line() == LAPTOP
        service.process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(3):
                desk.send(b"1\n")
                assert desk.line() == AWAY
        finally:
            service.process.send_signal(signal.SIGCONT)
        assert list(prices_until_there_is_one(desk))[-1] == LAPTOP


def test_a_changed_catalogue_is_sold_without_a_restart_and_a_bad_one_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("sku,name,price,currency\nt,Tea,5,CAD\n")
    with frontend(free_port(), catalogue=str(path)) as (desk, port):
        path.write_text("sku,name,price,currency\nt,Tea,cheap,CAD\n")
        refused = desk.wait_for("catalogue refused, the old one stays")
        assert refused["reason"] == f'{path}, line 2: "cheap" is not a number'
        with Client(port) as client:
            assert client.lines(2) == b"Which product you wish to buy ?\n1. Tea\n"
        path.write_text("name,sku,price,currency,category\nCake,c,900,JPY,Sweets\n")
        assert desk.wait_for("catalogue changed")["products"] == 1
        with Client(port) as client:
            assert client.lines(2) == b"Which product you wish to buy ?\n1. Cake\n"


def test_a_price_follows_the_rules_of_the_shop(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("[USD]\nmargin_percent = 2.5\nending = 0.99\n")
    with (
        backend(tmp_path) as (_, port),
        frontend(port, price_rules=str(path)) as (_, desk_port),
        Client(desk_port) as client,
    ):
        client.lines(4)
        client.send(b"1\n")
        assert client.line() == b"Today your item costs 807.99 USD\n"


def test_a_desk_with_bad_rules_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("[USD]\nmargin = 2.5\n")
    done = subprocess.run(
        [sys.executable, "-m", "pricedesk.cli", "frontend"],
        env=environment(price_rules=str(path), telnet_port="0", web_port="0"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.decode() == (
        f'pricedesk: {path}, [USD]: "margin" is not among the rules: margin_percent, ending,'
        " step, rounding, cash, floor\n"
    )


def test_a_price_at_an_old_rate_names_its_publication(tmp_path: Path) -> None:
    with (
        backend(tmp_path, clock="2026-11-03T18:00:00Z") as (_, port),
        frontend(port) as (_, desk_port),
        Client(desk_port) as desk,
    ):
        desk.lines(4)
        desk.send(b"1\n")
        assert desk.lines(2) == LAPTOP + (
            b"This price is from the ECB publication of 2026-10-30; "
            b"2 later ones are due and not known here yet.\n"
        )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_service_well_after_a_goodbye(tmp_path: Path, number: int) -> None:
    with backend(tmp_path) as (service, port), Client(port) as client:
        client.send(b"1100\n")
        assert client.line() == b"787.47\n"
        service.process.send_signal(number)
        assert client.rest() == b"error closing the service is shutting down; connect again\n"
        client.socket.close()
        assert service.process.wait(timeout=ANSWER_SECONDS) == 0


def get(port: int, path: str) -> tuple[int, bytes]:
    """The status and the body of one answer over HTTP."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_after_a_signal_readiness_goes_first_and_the_ports_stay_open(tmp_path: Path) -> None:
    with backend(tmp_path, drain_delay_seconds="3600") as (service, port):
        assert get(service.http_port, "/readyz") == (200, b'{"status":"ok"}')
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("stopping")
        assert get(service.http_port, "/readyz") == (
            503,
            b'{"status":"unavailable","reason":"the service is shutting down"}',
        )
        assert get(service.http_port, "/healthz") == (200, b'{"status":"ok"}')
        healthcheck = subprocess.run(
            [sys.executable, "-m", "pricedesk.cli", "healthcheck", "backend"],
            env=environment(lines_port=str(port)),
            check=False,
        )
        assert healthcheck.returncode == 0
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=ANSWER_SECONDS) == 1


def test_both_doors_are_counted_in_the_metrics(tmp_path: Path) -> None:
    with backend(tmp_path) as (service, port), Client(port) as client:
        client.send(b"1100\n1\nabc\n")
        client.lines(3)
        assert get(service.http_port, "/nothing")[0] == 404
        _, text = get(service.http_port, "/metrics")
        for line in (
            b'pricedesk_requests_total{door="lines",outcome="answered"} 2.0\n',
            b'pricedesk_requests_total{door="lines",outcome="refused"} 1.0\n',
            b'pricedesk_requests_total{door="http",outcome="refused"} 1.0\n',
            b'pricedesk_connections{door="lines"} 1.0\n',
            b'pricedesk_refresh_failures_total{source="ECB"} 0.0\n',
            b"pricedesk_store_up 1.0\n",
        ):
            assert line in text


def test_a_taken_http_port_is_named_with_its_setting(tmp_path: Path) -> None:
    with backend(tmp_path) as (running, _):
        ports = {"lines_port": "0", "http_port": str(running.http_port), "grpc_port": "0"}
        with Service("backend", data_dir=str(tmp_path), fetch="off", **ports) as second:
            record = second.wait_for("cannot listen")
            assert second.process.wait(timeout=ANSWER_SECONDS) == 1
    assert record["address"] == f"127.0.0.1:{running.http_port}"
    assert record["see"] == "PRICEDESK_HTTP_ADDRESS and PRICEDESK_HTTP_PORT"


def test_a_second_signal_ends_a_service_at_once(tmp_path: Path) -> None:
    """The client never closes its side, so that the drain would go on for its hour."""
    with backend(tmp_path, drain_seconds="3600") as (service, port), Client(port) as client:
        client.send(b"ping\n")
        assert client.line() == b"pong\n"
        client.send(b"unended")
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("stopping")
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=ANSWER_SECONDS) == 1


def test_a_port_that_is_taken_is_named_with_its_setting(tmp_path: Path) -> None:
    with backend(tmp_path) as (_, port):
        ports = {"lines_port": str(port), "http_port": "0", "grpc_port": "0"}
        second = Service("backend", data_dir=str(tmp_path), fetch="off", **ports)
        with second:
            record = second.wait_for("cannot listen")
            assert second.process.wait(timeout=ANSWER_SECONDS) == 1
    assert record["address"] == f"127.0.0.1:{port}"
    assert record["see"] == "PRICEDESK_LINES_ADDRESS and PRICEDESK_LINES_PORT"


@contextmanager
def ended(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    """A process that does not outlive its test, also if that fails."""
    with process:
        try:
            yield process
        finally:
            process.kill()


ENDS = ("stopping", "stopped")


def said_with(mark: bytes, output: IO[bytes]) -> bytes:
    """What a program says, up to and with the line that has this."""
    said = b""
    for line in iter(output.readline, b""):
        said += line
        if mark in line:
            return said
    raise AssertionError(f"it ended without {mark!r} after {said!r}")


def test_up_starts_both_tells_what_to_type_and_ends_both(tmp_path: Path) -> None:
    lines_port, http_port, grpc_port, telnet_port, web_port = (free_port() for _ in range(5))
    settings = environment(
        lines_port=str(lines_port),
        http_port=str(http_port),
        grpc_port=str(grpc_port),
        telnet_port=str(telnet_port),
        web_port=str(web_port),
        data_dir=str(tmp_path),
        clock=FRIDAY_EVENING,
        fetch="off",
        log="json",
    )
    with ended(
        subprocess.Popen(
            [sys.executable, "-m", "pricedesk.cli", "up"], env=settings, stdout=subprocess.PIPE
        )
    ) as up:
        assert up.stdout is not None
        said = said_with(b"Rates:", up.stdout)
        assert f"telnet 127.0.0.1 {telnet_port}".encode() in said
        assert f"http://127.0.0.1:{web_port}/".encode() in said
        assert f"telnet 127.0.0.1 {lines_port}".encode() in said
        assert f"curl http://127.0.0.1:{http_port}/".encode() in said
        assert f"grpc 127.0.0.1:{grpc_port}".encode() in said
        assert b"Rates: ECB, 2026-10-30, fresh\n" in said
        with Client(telnet_port) as desk:
            assert desk.lines(4) == MENU
            desk.send(b"1\n")
            assert desk.line() == LAPTOP
        up.send_signal(signal.SIGTERM)
        assert up.wait(timeout=ANSWER_SECONDS) == 0
        logged = [json.loads(line) for line in up.stdout if line.strip()]
    ends = [(record["service"], record["event"]) for record in logged if "stop" in record["event"]]
    # What customers have asked the desk is still answered: so it ends first.
    assert ends == [(service, e) for service in ("frontend", "backend") for e in ENDS]
    for port in (lines_port, http_port, grpc_port, telnet_port, web_port):
        with pytest.raises(ConnectionRefusedError):
            Client(port)


def test_the_services_end_when_up_is_killed(tmp_path: Path) -> None:
    lines_port, http_port, grpc_port, telnet_port, web_port = (free_port() for _ in range(5))
    settings = environment(
        lines_port=str(lines_port),
        http_port=str(http_port),
        grpc_port=str(grpc_port),
        telnet_port=str(telnet_port),
        web_port=str(web_port),
        data_dir=str(tmp_path),
        fetch="off",
        log="json",
    )
    command = [sys.executable, "-m", "pricedesk.cli", "up"]
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE) as up:
        assert up.stdout is not None
        said_with(b"Rates:", up.stdout)
        up.kill()
        said = up.stdout.read()
    assert said.count(b'"event": "stopped"') == 2


def test_up_does_not_start_where_a_port_is_taken(tmp_path: Path) -> None:
    with backend(tmp_path) as (_, port):
        done = subprocess.run(
            [sys.executable, "-m", "pricedesk.cli", "up"],
            env=environment(lines_port=str(port), data_dir=str(tmp_path)),
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    reason = "cannot be listened on: Address already in use; see PRICEDESK_LINES_PORT"
    assert (done.stdout, done.returncode) == (f"127.0.0.1:{port} {reason}\n", 1)


def test_random_bytes_never_end_a_service_or_leave_a_trace(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Bytes of all kinds, in chunks, for --fuzz-seconds, on both doors; then they still work."""
    seconds = str(pytestconfig.getoption("--fuzz-seconds"))
    with backend(tmp_path) as (rates, port), frontend(port) as (desk, desk_port):
        sender = Path(__file__).parent / "faults" / "send_random_bytes.py"
        for door in (port, desk_port, rates.http_port):
            subprocess.run([sys.executable, sender, str(door), seconds], check=True, timeout=120)
        with Client(port) as client:
            client.send(b"1100\n")
            assert client.line() == b"787.47\n"
        with Client(desk_port) as customer:
            assert customer.lines(4) == MENU
            customer.send(b"1\n")
            assert customer.line() == LAPTOP
        for service in (rates, desk):
            assert service.stop() == 0
            records = list(service.log())
            assert [r for r in records if r["level"] not in ("info", "warning")] == []
            assert [r for r in records if "trace" in r] == []
