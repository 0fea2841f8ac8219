"""Both services from one command: a process each, watched until one of them ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

from pricedesk import __version__
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import PricedeskError, ServiceUnavailable
from pricedesk.healthcheck import ask, reachable
from pricedesk.protocol import Explanation, parse_explanation
from pricedesk.running import PARENT_PIPE
from pricedesk.settings import PORT, PREFIX, WORKERS, HostPort, Settings

START_SECONDS = 20
STOP_SECONDS = 10
_LOOK_SECONDS = 0.05
"""How often the services are looked at. This process has nothing else to do than to sleep."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The last one comes when the terminal's window is closed."""


def run_up(settings: Settings, say: Callable[[str], None]) -> int:
    """Start both services, say how to reach them, and wait; gives the exit code.

    The desk is pointed at the back-end that is started beside it.
    """
    lines = HostPort(settings.lines_address, settings.lines_port)
    http = HostPort(settings.http_address, settings.http_port)
    grpc = HostPort(settings.grpc_address, settings.grpc_port)
    telnet = HostPort(settings.telnet_address, settings.telnet_port)
    web = HostPort(settings.web_address, settings.web_port)
    named = (
        (lines, "LINES_PORT"),
        (http, "HTTP_PORT"),
        (grpc, "GRPC_PORT"),
        (telnet, "TELNET_PORT"),
        (web, "WEB_PORT"),
    )
    for address, variable in named:
        reason = _why_not_free(address)
        if reason:
            say(f"{address} cannot be listened on: {reason}; see {PREFIX}{variable}")
            return 1
    environment = {**os.environ, f"{PREFIX}BACKEND": str(lines)}
    environment[WORKERS] = str(settings.workers)
    for variable in (f"{PREFIX}BACKEND", WORKERS):
        environment.pop(f"{variable}_FILE", None)
    # It may be meant for another program: here five doors would be candidates.
    environment.pop(PORT, None)
    stop = _Stop()
    # The services end when this pipe does: also when this process is killed.
    alive, ours = os.pipe()
    environment[PARENT_PIPE] = str(alive)
    services: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("backend", "frontend"):
            command = [sys.executable, "-m", "pricedesk.cli", name]
            services.append(
                subprocess.Popen(  # noqa: S603  # our own program
                    command, env=environment, start_new_session=True, pass_fds=(alive,)
                )
            )
        os.close(alive)
        if _all_answer(services, lines, telnet, stop):
            say(_welcome(lines, http, grpc, telnet, web))
            while not stop.asked and not _one_has_ended(services):
                time.sleep(_LOOK_SECONDS)  # nothing else is to be done here
        if stop.asked:
            return 0
        if _one_has_ended(services):
            say("One of the services has ended; ending the other. Its log above says why.")
        else:
            say(f"The services do not answer after {START_SECONDS} seconds; ending them.")
        return 1
    finally:
        _end(services, stop)
        os.close(ours)


class _Stop:
    """Counts the signals to stop; nothing is interrupted by them."""

    def __init__(self) -> None:
        self.asked = 0
        for number in STOP_SIGNALS:
            # A signal that was to be ignored from the start, as under nohup, stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._count)

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.asked += 1


def _why_not_free(address: HostPort) -> str | None:
    """Why a service cannot listen there, None if it can."""
    if address.port == 0:
        return "a port has to be named"
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def _all_answer(
    services: list[subprocess.Popen[bytes]], lines: HostPort, telnet: HostPort, stop: _Stop
) -> bool:
    """Wait until both services answer; False if one has ended or is too slow, or at a signal."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and not stop.asked and not _one_has_ended(services):
        try:
            ask(lines, "ping")
            ask(telnet)
        except ServiceUnavailable:
            time.sleep(_LOOK_SECONDS)  # nothing else is to be done here
        else:
            return True
    return False


def _one_has_ended(services: list[subprocess.Popen[bytes]]) -> bool:
    return any(service.poll() is not None for service in services)


def _end(services: list[subprocess.Popen[bytes]], stop: _Stop) -> None:
    """End the services: well at first, at once after another signal or STOP_SECONDS for each.

    The desk ends before the back-end: what its customers have asked for is still answered.
    """
    signals_before = stop.asked
    for service in reversed(services):
        service.terminate()
        end = time.monotonic() + STOP_SECONDS
        while service.poll() is None:
            if time.monotonic() > end or stop.asked > max(signals_before, 1):
                service.kill()
            time.sleep(_LOOK_SECONDS)  # nothing else is to be done here


def _welcome(
    lines: HostPort, http: HostPort, grpc: HostPort, telnet: HostPort, web: HostPort
) -> str:
    return "\n".join(
        [
            "",
            f"Pricedesk {__version__} is up; Ctrl-C ends it. In another terminal, type:",
            "",
            f"  {f'http://{reachable(web)}/':<28} the price desk in a browser",
            f"  {_telnet(telnet):<28} the price desk: then type 1, 2 or 3, or help",
            f"  {_telnet(lines):<28} the back-end: then type 1100, or help",
            f"  {f'curl http://{reachable(http)}/':<28} the back-end's HTTP door",
            f"  {f'grpc {reachable(grpc)}':<28} the back-end's gRPC door",
            "",
            f"  Rates: {_rates(lines)}",
            "",
        ]
    )


def _telnet(service: HostPort) -> str:
    return f"telnet {reachable(service).host} {service.port}"


def _rates(lines: HostPort) -> str:
    try:
        explanation = parse_explanation(ask(lines, "explain 1 EUR USD"))
    except (PricedeskError, ErrorReply) as error:
        return str(error)
    return newest_rates(explanation)


def newest_rates(explanation: Explanation) -> str:
    """How old the rates of an answer are, in words."""
    text = f"{explanation.source}, {explanation.date}, {explanation.state}"
    if explanation.missed == "0":
        return text
    later = "publication is" if explanation.missed == "1" else "publications are"
    return f"{text} ({explanation.missed} later {later} due and not known here)"
