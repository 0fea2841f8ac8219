"""A real client of grpcio's: four connections, one call at a time on each.

    python _grpc_client.py PORT CALLS threads|asyncio

It is a program with a thread for each connection, or one on asyncio with `grpc.aio`. Prints
answers, seconds from when all are connected, and p50, p99 and p99.9 in milliseconds.
"""

import asyncio
import sys
import threading
import time

import grpc
import grpc.aio

from _machine import CLIENT_CORE, stay_on, three_percentiles

CONVERT = "/hipstershop.CurrencyService/Convert"
ASKED = b"\x0a\x08\x0a\x03CAD\x10\xcc\x08\x12\x03USD"
ANSWER = b"\x0a\x03USD\x10\x93\x06\x18\xb5\xa6\xb0\xde\x01"
"""1100 CAD are 787.466359093 USD."""

CHANNELS = 4

LITTLE_TO_DO = {"grpc.enable_retries": 0, "grpc.minimal_stack": 1}
"""The client costs more than the servers: with these an eighth less."""


OPTIONS = [("grpc.use_local_subchannel_pool", 1), *LITTLE_TO_DO.items()]


def with_threads(port: int, calls: int) -> tuple[list[float], float]:
    """How long each of so many calls of each connection took, in ms, and all of them in seconds."""
    took_ms: list[float] = []
    connected = threading.Barrier(CHANNELS + 1)

    def call_again_and_again() -> None:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
            convert: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(CONVERT)
            assert convert(ASKED, timeout=10, wait_for_ready=True) == ANSWER
            connected.wait()
            for _ in range(calls):
                began = time.perf_counter()
                assert convert(ASKED, timeout=10) == ANSWER
                took_ms.append((time.perf_counter() - began) * 1000)

    threads = [threading.Thread(target=call_again_and_again) for _ in range(CHANNELS)]
    for thread in threads:
        thread.start()
    connected.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return took_ms, time.perf_counter() - began


async def on_asyncio(port: int, calls: int) -> tuple[list[float], float]:
    """The same."""
    took_ms: list[float] = []
    address = f"127.0.0.1:{port}"
    channels = [grpc.aio.insecure_channel(address, options=OPTIONS) for _ in range(CHANNELS)]
    stubs: list[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]]
    stubs = [channel.unary_unary(CONVERT) for channel in channels]
    for convert in stubs:
        assert await convert(ASKED, timeout=10, wait_for_ready=True) == ANSWER

    async def call_again_and_again(convert: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]) -> None:
        for _ in range(calls):
            began = time.perf_counter()
            assert await convert(ASKED, timeout=10) == ANSWER
            took_ms.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*map(call_again_and_again, stubs))
    seconds = time.perf_counter() - began
    for channel in channels:
        await channel.close()
    return took_ms, seconds


def main(port: int, calls: int, kind: str) -> None:
    stay_on(CLIENT_CORE)
    of_each = calls // CHANNELS
    if kind == "asyncio":
        took_ms, seconds = asyncio.run(on_asyncio(port, of_each))
    else:
        took_ms, seconds = with_threads(port, of_each)
    assert len(took_ms) == of_each * CHANNELS
    print(len(took_ms), seconds, *three_percentiles(took_ms))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
