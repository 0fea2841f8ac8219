"""Asking a running service whether it works, as its container's health check does."""

import socket

from pricedesk.errors import ServiceUnavailable
from pricedesk.settings import HostPort

HEALTHCHECK_SECONDS = 3
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # looked up, not listened on
_GREETING_BYTES = 4096


def reachable(service: HostPort) -> HostPort:
    """Where to reach a service that may listen on every address."""
    return HostPort(_EVERYWHERE.get(service.host, service.host), service.port)


def ask(service: HostPort, request: str = "") -> str:
    """The first line that a service sends, after a request line if there is one.

    A service that listens on every address is asked on the loopback.

    Raises:
        ServiceUnavailable: it cannot be reached, or says nothing in HEALTHCHECK_SECONDS.
    """
    address = reachable(service)
    try:
        with socket.create_connection(
            (address.host, address.port), HEALTHCHECK_SECONDS
        ) as connection:
            if request:
                connection.sendall(f"{request}\n".encode())
            with connection.makefile("rb") as file:
                line = file.readline(_GREETING_BYTES)
    except OSError as error:
        raise ServiceUnavailable(f"{address} cannot be reached: {error}") from error
    return line.decode("utf-8", "backslashreplace").removesuffix("\n")
