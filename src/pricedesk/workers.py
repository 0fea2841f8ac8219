"""Several processes of one service: started by one, replaced when they die, ended together.

The supervisor loads once what all of them need, and then forks. It answers nobody, and has no
thread, event loop or connection, so that a worker that is forked after months is as good as one
of the first. What a worker shares with the others is the memory as it was then, and the sockets.
"""

import asyncio
import gc
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import FrameType
from typing import NoReturn, TypeAlias

from pricedesk.errors import PricedeskError
from pricedesk.exit_codes import exit_code_of
from pricedesk.listening import Sockets, place_of, sockets_at
from pricedesk.logs import name_worker
from pricedesk.running import (
    EXIT_AT_ONCE,
    EXIT_CANNOT_LISTEN,
    EXIT_FAULT,
    PARENT_PIPE,
    log_cannot_listen,
    run_process,
)
from pricedesk.settings import Settings
from pricedesk.shared_numbers import shared_numbers

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1
"""How often a worker says that its event loop turns."""

STOP_SECONDS = 10
"""Beyond what draining may take, how long workers may take to end before they are killed."""

_LOOK_SECONDS = 1
"""How often a supervisor looks after its workers, if nothing happens."""

STOOD_STILL_SECONDS = 2 * _LOOK_SECONDS
"""A supervisor that has looked after nobody for so long has stood still itself."""

_NANOSECONDS = 10**9
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SIGNALS = (*_STOP_SIGNALS, signal.SIGCHLD)


_DOUBLINGS_MAX = 16
"""More than any pause that grows is doubled."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a supervisor waits.

    A worker that dies within `steady_seconds` is replaced after `pause_seconds`, and after twice
    as long each time that it happens again, up to `pause_max_seconds`; one that has lived for
    longer is replaced at once. One whose event loop has stood still for `silent_seconds` is killed.
    `stop_seconds` after a signal those are killed that have not ended.
    """

    steady_seconds: float = 5
    pause_seconds: float = 0.1
    pause_max_seconds: float = 30
    silent_seconds: float = 30
    stop_seconds: float = STOP_SECONDS


@dataclass(frozen=True, slots=True)
class Worker:
    """What one of several workers is told: its number, from 1 on, and what it listens on.

    `replaced` gives how many workers have been replaced so far.
    """

    number: int
    sockets: Sockets
    replaced: Callable[[], int]


Work: TypeAlias = Callable[[Worker], Coroutine[None, None, int]]
"""What a worker does until it is stopped; gives its exit code."""


def share_of(settings: Settings) -> Settings:
    """The settings of one worker: its part of what is limited in all, rounded up.

    Workers do not count each other's clients, so each has a part of its own.
    """

    def part(most: int) -> int:
        return -(-most // settings.workers)

    return replace(
        settings,
        max_connections=part(settings.max_connections),
        http_max_connections=part(settings.http_max_connections),
        grpc_max_connections=part(settings.grpc_max_connections),
        web_max_connections=part(settings.web_max_connections),
        max_connections_per_address=part(settings.max_connections_per_address),
    )


def run_workers(
    settings: Settings, doors: Sequence[str], prepare: Callable[[Settings], Work]
) -> int:
    """Run as many workers as are set until a signal stops them; gives the exit code.

    `doors` are those of the service. `prepare` loads what workers share, and is given the
    settings of one of them.

    Raises:
        PricedeskError: what they need cannot be loaded.
    """
    sockets: list[dict[str, list[socket.socket]]] = [{} for _ in range(settings.workers)]
    for place in (place_of(door, settings) for door in doors):
        try:
            shares = sockets_at(place.listen, settings.workers)
        except OSError as error:
            log_cannot_listen(place, error)
            return EXIT_CANNOT_LISTEN
        for of_one, share in zip(sockets, shares, strict=True):
            of_one[place.door] = share
    work = prepare(share_of(settings))
    # What is there by now is there for good; left alone by the collector it stays shared.
    gc.collect()
    gc.freeze()
    draining_seconds = settings.drain_delay_seconds + settings.drain_seconds
    patience = Patience(stop_seconds=draining_seconds + STOP_SECONDS)
    return Supervisor(work, sockets, patience).supervise()


@dataclass(slots=True)
class _Seat:
    """What a worker has that another one takes over when it dies: its number and its sockets."""

    number: int
    sockets: Sockets
    pid: int | None = None
    started_seconds: float = 0
    start_at_seconds: float = 0
    quick_deaths: int = 0


class Supervisor:
    """Keeps a worker in each seat: one for each member of `sockets`."""

    def __init__(
        self, work: Work, sockets: Sequence[Sockets], patience: Patience | None = None
    ) -> None:
        self._work = work
        self._patience = patience or Patience()
        self._seats = [_Seat(number, each) for number, each in enumerate(sockets, start=1)]
        # How many were replaced, and when each one's loop turned last; the clock never steps.
        self._board = shared_numbers(1 + len(sockets))
        self._has_been_steady = False
        self._looking_since_seconds = self._looked_at_seconds = time.monotonic()
        self._stops_asked = self._stops_passed_on = 0
        self._stopping_since_seconds: float | None = None
        self._code = 0
        # Workers end when this pipe does: also when this process is killed.
        self._alive, self._our_end = os.pipe()
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        self._parent = int(os.environ[PARENT_PIPE]) if PARENT_PIPE in os.environ else None

    def supervise(self) -> int:
        """Until a signal comes, or the parent of this process ends; gives the exit code.

        It is 0 if every worker has ended well. Where all of the first workers die at once, it is
        that of the last one of them.
        """
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in _STOP_SIGNALS:
            signal.signal(number, self._count_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        logger.info("starting workers", extra={"workers": len(self._seats)})
        while True:
            now_seconds = time.monotonic()
            self._reap(now_seconds)
            if self._stops_asked > self._stops_passed_on:
                self._pass_on_stop(now_seconds)
            if self._stopping_since_seconds is None:
                if self._none_has_come_up():
                    logger.critical("no worker can be started")
                    return self._code
                self._kill_silent(now_seconds)
                self._start_due(now_seconds)
            elif not self._living():
                logger.info("all workers have ended")
                return self._code
            elif now_seconds - self._stopping_since_seconds > self._patience.stop_seconds:
                self._signal_all(signal.SIGKILL)
            self._wait(now_seconds)

    def _living(self) -> list[_Seat]:
        return [seat for seat in self._seats if seat.pid is not None]

    def _count_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stops_asked += 1

    def _wait(self, now_seconds: float) -> None:
        """Until something happens, or something is due."""
        due = [seat.start_at_seconds - now_seconds for seat in self._seats if seat.pid is None]
        watched = [self._woken] if self._parent is None else [self._woken, self._parent]
        ready, _, _ = select.select(watched, [], [], max(min([_LOOK_SECONDS, *due]), 0))
        with suppress(BlockingIOError):
            os.read(self._woken, 4096)
        if self._parent in ready:
            self._parent = None
            self._stops_asked += 1

    def _reap(self, now_seconds: float) -> None:
        """Take note of workers that have ended; as a container's first process, of orphans too."""
        for seat in self._living():
            if now_seconds - seat.started_seconds >= self._patience.steady_seconds:
                self._has_been_steady, seat.quick_deaths = True, 0
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                for seat in self._seats:
                    if seat.pid == pid:
                        self._ended(seat, os.waitstatus_to_exitcode(status), now_seconds)

    def _ended(self, seat: _Seat, code: int, now_seconds: float) -> None:
        """A worker has ended with an exit code, or by a signal: then it is negative."""
        pid, seat.pid = seat.pid, None
        if self._stopping_since_seconds is not None:
            self._code = max(self._code, code if code >= 0 else EXIT_AT_ONCE)
            return
        patience = self._patience
        pause_seconds: float = 0
        if now_seconds - seat.started_seconds < patience.steady_seconds:
            doubled = patience.pause_seconds * 2 ** min(seat.quick_deaths, _DOUBLINGS_MAX)
            pause_seconds = min(doubled, patience.pause_max_seconds)
            seat.quick_deaths += 1
        seat.start_at_seconds = now_seconds + pause_seconds
        self._code = code if code > 0 else EXIT_FAULT
        why = {"exit": code} if code >= 0 else {"signal": signal.Signals(-code).name}
        logger.error(
            "a worker has died",
            extra={"worker": seat.number, "pid": pid, **why, "pause_seconds": pause_seconds},
        )

    def _none_has_come_up(self) -> bool:
        """Whether what is wrong is no accident: a single process would have ended as well."""
        return (
            not self._has_been_steady
            and not self._living()
            and all(seat.quick_deaths for seat in self._seats)
        )

    def _kill_silent(self, now_seconds: float) -> None:
        if now_seconds - self._looked_at_seconds > STOOD_STILL_SECONDS:
            # With everything else, as in a container that is paused: that is nobody's fault.
            self._looking_since_seconds = now_seconds
        self._looked_at_seconds = now_seconds
        for seat in self._living():
            turned_at_seconds = self._board[seat.number] / _NANOSECONDS
            silent_seconds = now_seconds - max(turned_at_seconds, self._looking_since_seconds)
            if silent_seconds > self._patience.silent_seconds:
                logger.error("a worker does not answer", extra={"worker": seat.number})
                self._signal(seat, signal.SIGKILL)

    def _start_due(self, now_seconds: float) -> None:
        for seat in self._seats:
            if seat.pid is None and seat.start_at_seconds <= now_seconds:
                self._start(seat, now_seconds)

    def _start(self, seat: _Seat, now_seconds: float) -> None:
        if seat.started_seconds:
            self._board[0] += 1
        seat.started_seconds = now_seconds
        self._board[seat.number] = time.monotonic_ns()
        sys.stdout.flush()
        # A signal that comes now would be lost in the new process, or be taken for this one's.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if not pid:
                self._be(seat)
        except OSError as error:
            logger.error("no worker can be forked", extra={"reason": error.strerror})  # noqa: TRY400  # the reason says it all
            seat.start_at_seconds = now_seconds + self._patience.pause_max_seconds
            return
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        seat.pid = pid
        logger.info("worker started", extra={"worker": seat.number, "pid": pid})

    def _pass_on_stop(self, now_seconds: float) -> None:
        """Have all workers end; a second signal ends them at once, as it does a single process."""
        self._stops_passed_on += 1
        if self._stopping_since_seconds is None:
            self._stopping_since_seconds, self._code = now_seconds, 0
            # While they drain their own stay open, and are closed with them.
            _close([seat.sockets for seat in self._seats])
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        for seat in self._living():
            self._signal(seat, number)

    @staticmethod
    def _signal(seat: _Seat, number: signal.Signals) -> None:
        # One that has ended meanwhile is there until it is reaped.
        if seat.pid is not None:
            os.kill(seat.pid, number)

    def _be(self, seat: _Seat) -> NoReturn:
        """In a new process: be the worker of a seat, and end."""
        try:
            self._leave_behind(seat)
            name_worker(seat.number)
            worker = Worker(seat.number, seat.sockets, lambda: self._board[0])
            run_process(lambda: self._working(worker))
        except PricedeskError as error:
            logger.critical("the worker cannot work", extra={"reason": str(error)})
            os._exit(exit_code_of(error))
        except BaseException:  # it must not go on as a second supervisor
            logger.critical("the worker has failed", exc_info=True)
            os._exit(EXIT_FAULT)

    def _leave_behind(self, seat: _Seat) -> None:
        """Get rid of what is the supervisor's, or another worker's."""
        signal.set_wakeup_fd(-1)
        for number in _STOP_SIGNALS:
            signal.signal(number, lambda _number, _frame: os._exit(0))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        # What is typed at a terminal comes to the supervisor alone, which passes it on.
        os.setpgid(0, 0)
        for pipe in (self._our_end, self._woken, self._waker):
            os.close(pipe)
        os.environ[PARENT_PIPE] = str(self._alive)
        others = [other.sockets for other in self._seats if other is not seat]
        _close(others, keep=seat.sockets)

    async def _working(self, worker: Worker) -> int:
        beats = asyncio.create_task(self._beat(worker.number))
        try:
            return await self._work(worker)
        finally:
            beats.cancel()

    async def _beat(self, number: int) -> None:
        while True:
            self._board[number] = time.monotonic_ns()
            await asyncio.sleep(BEAT_SECONDS)


def _close(all_sockets: Sequence[Sockets], keep: Sockets | None = None) -> None:
    kept = {each for listening in (keep or {}).values() for each in listening}
    for sockets in all_sockets:
        for listening in sockets.values():
            for each in listening:
                if each not in kept:
                    each.close()
