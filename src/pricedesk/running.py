"""Running a service as a process: its doors, signals, drain, end."""

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn, Protocol

from pricedesk.listening import Place, Sockets
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


class Door(Protocol):
    """A listening port and the connections to it."""

    async def start(self, address: str, port: int) -> int:
        """Listen; gives the port, which the system chose if `port` is 0.

        Raises:
            OSError: the address cannot be listened on.
        """

    async def start_on(self, sockets: Sequence[socket.socket]) -> int:
        """Listen on these, which are bound already; gives the port of the first one.

        Raises:
            OSError: one of them cannot be listened on.
        """

    async def drain(self, seconds: float) -> None:
        """Accept nobody new, finish what was begun; after `seconds` cut off."""

    def limit_connections(self, most: int) -> None:
        """Serve no more clients than this, counting those that are told busy."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A door and where it is.

    `connections_max` is how many clients it would serve; the open files that the system allows
    are shared out in proportion.

    The door is made in a thread: what it has to load keeps no door before it from answering.
    """

    place: Place
    make: Callable[[], Door]
    connections_max: int


@dataclass(frozen=True, slots=True)
class Ending:
    """How a service ends: `announce` is called first, then its doors stay open for a while.

    So whoever sends clients here can stop to do so before the doors close.
    """

    delay_seconds: float
    drain_seconds: float
    announce: Callable[[], None] = lambda: None


class Leaving:
    """Whether a service is about to end, for who asks whether customers should come."""

    def __init__(self) -> None:
        self.leaving = False

    def announce(self) -> None:
        """Say so from now on."""
        self.leaving = True


async def serve(
    openings: Sequence[Opening],
    background: Sequence[Callable[[], Coroutine[None, None, None]]],
    ending: Ending,
    sockets: Sockets | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, then end; a second signal ends the process at once.

    `background` is what runs beside the doors; a fault in it stops the service too. A door of
    which there are `sockets` listens on these. Gives the exit code.
    """
    files = _raise_file_limit() - FILES_BESIDE_CONNECTIONS
    stopped = _stopped_by_signal()
    _stop_with_parent(stopped)
    doors = []
    wanted = sum(opening.connections_max for opening in openings)
    for opening in openings:
        door = await asyncio.to_thread(opening.make)
        door.limit_connections(files * opening.connections_max // wanted)
        if not await _open(opening.place, door, (sockets or {}).get(opening.place.door, ())):
            return EXIT_CANNOT_LISTEN
        doors.append(door)
    # What is there now stays: the collector, which holds all clients up, need not look at it.
    gc.freeze()
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
    ending.announce()
    if not faults:
        await asyncio.sleep(ending.delay_seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(door.drain(ending.drain_seconds) for door in doors))
    logger.info("stopped")
    return EXIT_FAULT if faults else 0


async def _open(place: Place, door: Door, sockets: Sequence[socket.socket]) -> bool:
    """Let a door listen; False, and a word in the log, if it cannot."""
    listen = place.listen
    try:
        if sockets:
            port = await door.start_on(sockets)
        else:
            port = await door.start(listen.host, listen.port)
    except OSError as error:
        log_cannot_listen(place, error)
        return False
    address = str(HostPort(listen.host, port))
    logger.info("listening", extra={"door": place.door, "address": address})
    return True


def log_cannot_listen(place: Place, error: OSError) -> None:
    """Tell that a door cannot be where it is to be, and which settings say where that is."""
    reason = {"reason": error.strerror, "see": place.variables}
    logger.critical("cannot listen", extra={"address": str(place.listen), **reason})


def _stop_with_parent(stopped: asyncio.Event) -> None:
    """Stop when the pipe to the parent ends, if there is one."""
    if PARENT_PIPE not in os.environ:
        return
    loop, pipe = asyncio.get_running_loop(), int(os.environ[PARENT_PIPE])

    def stop() -> None:
        loop.remove_reader(pipe)
        stopped.set()

    loop.add_reader(pipe, stop)


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
