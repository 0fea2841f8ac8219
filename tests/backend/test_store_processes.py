"""Several processes on one store: none loses anything, not when it is killed either."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

import store_watcher
import store_writer
from kept import FRIDAY, fetched_days
from pricedesk.backend.rates import Publication
from pricedesk.backend.store import Store, open_store

KILLS = 20
STEP_SECONDS = 0.0004
STEPS = 40
"""Each writer is killed a step later than the one before, counted from what it said first."""

WAIT_SECONDS = 60


@contextmanager
def program(module: str | None, *words: str) -> Iterator[subprocess.Popen[str]]:
    """One of the programs beside the tests, killed at the end."""
    assert module is not None
    command = [sys.executable, module, *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def said_before_a_kill(words: list[str], run_on_seconds: float) -> list[str]:
    """The days that a writer said it had kept."""
    with program(store_writer.__file__, *words) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        assert first, "the writer failed"
        with suppress(subprocess.TimeoutExpired):
            writer.wait(run_on_seconds)
        writer.kill()
        return [day.strip() for day in (first, *writer.stdout) if day.endswith("\n")]


def check_that_it_is_whole(store: Store, publication: Publication) -> None:
    content = store.document(publication.provenance.sha256)
    assert content is not None
    assert hashlib.sha256(content).hexdigest() == publication.provenance.sha256
    assert publication.rates() == dict.fromkeys(
        store_writer.COUNTERS, str(publication.date.toordinal())
    )


def days_of(store: Store) -> list[str]:
    """The days that a store has, after a look at everything in it."""
    assert store.check() == []
    publications = store.publications().publications
    for publication in publications:
        check_that_it_is_whole(store, publication)
    documents = store.database.execute("SELECT sha256 FROM document ORDER BY 1")
    used = store.database.execute("SELECT document FROM publication ORDER BY 1")
    assert documents == used
    return [str(publication.date) for publication in publications]


def first_days(count: int) -> list[str]:
    return [str(store_writer.FIRST_DAY + timedelta(days=n)) for n in range(count)]


def test_what_was_kept_outlives_the_end_of_the_process_at_any_moment(
    database: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    said = [
        day
        for n in range(pytestconfig.getoption("--kills") or KILLS)
        for day in said_before_a_kill([str(tmp_path), database], n % STEPS * STEP_SECONDS)
    ]
    with closing(open_store(database, tmp_path)) as store:
        days = days_of(store)
    assert days == first_days(len(days))
    assert len(said) == len(set(said))
    assert set(said) <= set(days)


def test_processes_that_start_and_write_at_the_same_time_lose_and_double_nothing(
    database: str, tmp_path: Path
) -> None:
    words = [str(tmp_path), database, "25"]
    with ExitStack() as stack:
        writers = [stack.enter_context(program(store_writer.__file__, *words)) for _ in range(3)]
        said = [writer.communicate(timeout=WAIT_SECONDS)[0].split() for writer in writers]
        assert [writer.returncode for writer in writers] == [0, 0, 0]
    with closing(open_store(database, tmp_path)) as store:
        assert days_of(store) == first_days(75)
    assert [sorted(days) for days in said] == said
    assert sorted(day for days in said for day in days) == first_days(75)


def test_another_process_that_waits_is_told_of_what_was_kept(database: str, tmp_path: Path) -> None:
    with (
        closing(open_store(database, tmp_path)) as store,
        program(store_watcher.__file__, str(tmp_path), database, str(WAIT_SECONDS)) as watcher,
    ):
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == "waits\n"
        store.add(*fetched_days(FRIDAY))
        assert watcher.stdout.readline() == "changed: 1\n"


def test_the_claim_to_fetch_ends_with_a_process_that_is_killed(
    database: str, tmp_path: Path
) -> None:
    with closing(open_store(database, tmp_path)) as store:
        with program(store_watcher.__file__, str(tmp_path), database, str(WAIT_SECONDS)) as watcher:
            assert watcher.stdout is not None
            assert watcher.stdout.readline() == "waits\n"
            assert store.claim_fetching() is False
        # A server notices the end of a client a moment later.
        store.wait_for_change(0)
        tries = iter(range(WAIT_SECONDS * 10))
        while not store.claim_fetching():
            next(tries)
            store.wait_for_change(0.1)
