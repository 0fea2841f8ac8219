"""Where the time of day comes from: the one module that reads the system's calendar clock.

Everything else is handed a `Clock`, or the instant itself.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present instant, always with UTC as its zone."""


def system_clock() -> datetime:
    """The present instant by this machine's clock."""
    return datetime.now(UTC)


def clock_from(start: datetime | None) -> Clock:
    """The system's clock, or one that stands at `start` now and runs on from there.

    The second is for rehearsals and tests: a desk that answers as it did on another day.
    """
    if start is None:
        return system_clock
    begin_seconds = time.monotonic()
    return lambda: start + timedelta(seconds=time.monotonic() - begin_seconds)
