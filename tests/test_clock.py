"""The clock: the system's own, or one that was set and runs on."""

import time
from datetime import UTC, datetime, timedelta

from pricedesk.clock import clock_from, system_clock

EVENING = datetime(2026, 10, 30, 18, tzinfo=UTC)


def test_a_clock_that_is_not_set_is_the_systems_in_utc() -> None:
    assert clock_from(None) is system_clock
    before = datetime.now(UTC)
    now = system_clock()
    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC


def test_a_clock_that_is_set_runs_on_from_there_with_the_seconds_that_pass() -> None:
    before = time.monotonic()
    clock = clock_from(EVENING)
    begun = time.monotonic()
    while (reached := time.monotonic()) < begun + 0.002:
        pass
    passed = clock() - EVENING
    after = time.monotonic()
    assert timedelta(seconds=reached - begun) <= passed <= timedelta(seconds=after - before)
    assert clock().tzinfo is UTC
