"""Both services from one command: a process each, watched until one of them ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

from pricedesk import __version__
from pricedesk.errors import PricedeskError, ServiceUnavailable
from pricedesk.healthcheck import ask
from pricedesk.protocol import ErrorReply, Explanation, parse_explanation
from pricedesk.settings import PREFIX, HostPort, Settings

START_SECONDS = 20
STOP_SECONDS = 10
_LOOK_SECONDS = 0.05

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The last one comes when the terminal's window is closed."""


class _Stopped(BaseException):
    """A signal to stop arrived."""


def run_up(settings: Settings, say: Callable[[str], None]) -> int:
    """Start both services, say how to reach them, and wait; gives the exit code.

    The desk is pointed at the back-end that is started beside it.
    """
    lines = HostPort(settings.lines_address, settings.lines_port)
    telnet = HostPort(settings.telnet_address, settings.telnet_port)
    environment = {**os.environ, f"{PREFIX}BACKEND": str(lines)}
    environment.pop(f"{PREFIX}BACKEND_FILE", None)
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    services: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("backend", "frontend"):
            command = [sys.executable, "-m", "pricedesk.cli", name]
            services.append(subprocess.Popen(command, env=environment, start_new_session=True))  # noqa: S603  # our own program
        if _all_answer(services, lines, telnet):
            say(_welcome(lines, telnet))
            while not _one_has_ended(services):
                time.sleep(_LOOK_SECONDS)
        if _one_has_ended(services):
            say("One of the services has ended; ending the other. Its log above says why.")
        else:
            say(f"The services do not answer after {START_SECONDS} seconds; ending them.")
        return 1
    except _Stopped:
        return 0
    finally:
        _end(services)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _all_answer(services: list[subprocess.Popen[bytes]], lines: HostPort, telnet: HostPort) -> bool:
    """Wait until both services answer; False if one has ended or is too slow."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and not _one_has_ended(services):
        try:
            ask(lines, "ping")
            ask(telnet)
        except ServiceUnavailable:
            time.sleep(_LOOK_SECONDS)
        else:
            return True
    return False


def _one_has_ended(services: list[subprocess.Popen[bytes]]) -> bool:
    return any(service.poll() is not None for service in services)


def _end(services: list[subprocess.Popen[bytes]]) -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for service in services:
        service.terminate()
    for service in services:
        try:
            service.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            service.kill()
            service.wait()


def _welcome(lines: HostPort, telnet: HostPort) -> str:
    return "\n".join(
        [
            "",
            f"Pricedesk {__version__} is up; Ctrl-C ends it. In another terminal, type:",
            "",
            f"  telnet {telnet.host} {telnet.port}      the price desk: then type 1, 2 or 3",
            f"  telnet {lines.host} {lines.port}       the back-end: then type 1100, or help",
            "",
            f"  Rates: {_rates(lines)}",
            "",
        ]
    )


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
    return f"{text} ({explanation.missed} later publications should be out and are not known here)"
