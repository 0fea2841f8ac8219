"""Running a service as a process: start, signals, drain, end."""

import asyncio
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import NoReturn

from pricedesk.line_service import LineService
from pricedesk.settings import HostPort

logger = logging.getLogger(__name__)

PARENT_PIPE = "_PRICEDESK_PARENT_PIPE"
"""Variable with a file descriptor at whose end the service stops: its parent has ended."""

FILES_BESIDE_CONNECTIONS = 64
"""Open files that a service needs besides a file for each connection."""

EXIT_CANNOT_LISTEN = 1
EXIT_FAULT = 1
EXIT_AT_ONCE = 1


def run_process(main: Callable[[], Coroutine[None, None, int]]) -> NoReturn:
    """Run a service until it ends by itself, and end the process with its exit code."""
    loop = asyncio.new_event_loop()
    code = loop.run_until_complete(main())
    logging.shutdown()
    sys.stdout.flush()
    # A name lookup that hangs in a thread cannot be cancelled, and leaving in the ordinary
    # way would wait for it. Nothing is left to be done here.
    os._exit(code)


async def serve(
    service: LineService,
    listen: HostPort,
    background: list[Callable[[], Coroutine[None, None, None]]],
    drain_seconds: float,
    address_variable: str,
) -> int:
    """Serve until SIGTERM or SIGINT, then drain; a second signal ends the process at once.

    `background` is what runs beside the service; a fault in it stops the service too. Gives
    the exit code.
    """
    service.limit_connections(_raise_file_limit() - FILES_BESIDE_CONNECTIONS)
    stopped = _stopped_by_signal()
    if PARENT_PIPE in os.environ:
        asyncio.get_running_loop().add_reader(int(os.environ[PARENT_PIPE]), stopped.set)
    try:
        port = await service.start(listen.host, listen.port)
    except OSError as error:
        logger.critical(
            "cannot listen",
            extra={"address": str(listen), "reason": error.strerror, "see": address_variable},
        )
        return EXIT_CANNOT_LISTEN
    logger.info("listening", extra={"address": str(HostPort(listen.host, port))})
    tasks = [asyncio.create_task(start()) for start in background]
    faults: list[BaseException] = []

    def ended(task: asyncio.Task[None]) -> None:
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            logger.critical("a part of the service has failed", exc_info=fault)
            faults.append(fault)
            stopped.set()

    for task in tasks:
        task.add_done_callback(ended)
    await stopped.wait()
    logger.info("stopping")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await service.drain(drain_seconds)
    logger.info("stopped")
    return EXIT_FAULT if faults else 0


def _stopped_by_signal() -> asyncio.Event:
    """An event that the first signal to stop sets; the second one ends the process."""
    stopped = asyncio.Event()

    def stop() -> None:
        if stopped.is_set():
            os._exit(EXIT_AT_ONCE)
        stopped.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopped


def _raise_file_limit() -> int:
    """Allow as many open files as the system lets this process have, and say how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
