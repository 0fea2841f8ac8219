"""A real client of grpcio's: four connections, a thread each, one call at a time on each.

    python _grpc_client.py PORT CALLS

Prints answers, seconds from when all are connected, and p50, p99 and p99.9 in milliseconds.
"""

import sys
import threading
import time

import grpc

from _machine import CLIENT_CORE, stay_on, three_percentiles

CONVERT = "/hipstershop.CurrencyService/Convert"
ASKED = b"\x0a\x08\x0a\x03CAD\x10\xcc\x08\x12\x03USD"
ANSWER = b"\x0a\x03USD\x10\x93\x06\x18\xb5\xa6\xb0\xde\x01"
"""1100 CAD are 787.466359093 USD."""

CHANNELS = 4

LITTLE_TO_DO = {"grpc.enable_retries": 0, "grpc.minimal_stack": 1}
"""The client costs more than the servers: with these an eighth less."""


def call_again_and_again(
    port: int, calls: int, took_ms: list[float], connected: threading.Barrier
) -> None:
    options = [("grpc.use_local_subchannel_pool", 1), *LITTLE_TO_DO.items()]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        convert: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(CONVERT)
        assert convert(ASKED, timeout=10, wait_for_ready=True) == ANSWER
        connected.wait()
        for _ in range(calls):
            began = time.perf_counter()
            assert convert(ASKED, timeout=10) == ANSWER
            took_ms.append((time.perf_counter() - began) * 1000)


def main(port: int, calls: int) -> None:
    stay_on(CLIENT_CORE)
    took_ms: list[float] = []
    connected = threading.Barrier(CHANNELS + 1)
    arguments = (port, calls // CHANNELS, took_ms, connected)
    threads = [
        threading.Thread(target=call_again_and_again, args=arguments) for _ in range(CHANNELS)
    ]
    for thread in threads:
        thread.start()
    connected.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    assert len(took_ms) == calls // CHANNELS * CHANNELS
    print(len(took_ms), seconds, *three_percentiles(took_ms))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
