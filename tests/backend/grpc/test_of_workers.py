"""The gRPC door of a back-end with several workers."""

import socket
from http.client import HTTPConnection
from pathlib import Path

import grpc
import pytest

from crew import rates_crew
from grpc_cases import money, request
from grpc_doors import SERVERS

CONNECTIONS = 30


@pytest.mark.parametrize("server", SERVERS)
def test_all_workers_answer_on_one_port_and_are_counted_together(
    tmp_path: Path, server: str
) -> None:
    with rates_crew(tmp_path, grpc_server=server, grpc_address="::") as made:
        for number in range(CONNECTIONS):
            host = "[::1]" if number % 2 and socket.has_dualstack_ipv6() else "127.0.0.1"
            options = [("grpc.use_local_subchannel_pool", 1)]
            with grpc.insecure_channel(f"{host}:{made.ports['grpc']}", options) as channel:
                convert: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                    "/hipstershop.CurrencyService/Convert"
                )
                answer = convert(request("CAD", 1100, 0, "USD"), timeout=60)
                assert money(answer) == ("USD", 787, 466_359_093)
        # A worker sees the others' counts within a second.
        line = f'pricedesk_requests_total{{door="grpc",outcome="answered"}} {CONNECTIONS}.0\n'
        counted = ""
        while line not in counted:
            door = HTTPConnection("127.0.0.1", made.ports["http"], timeout=60)
            door.request("GET", "/metrics")
            counted = door.getresponse().read().decode()
            door.close()
        assert made.service.stop() == 0
