"""The store when its process is killed: what was kept is kept, and nothing by halves."""

import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from datetime import date, timedelta
from pathlib import Path

import store_writer
from pricedesk.backend.rates import Publication
from pricedesk.backend.store import Store, open_store
from pricedesk.backend.store_sqlite import FILE_NAME

KILLS = 20
STEP_SECONDS = 0.0004
"""Each writer is killed so much later than the one before, counted from what it said first."""


def days_kept_before_a_kill(folder: Path, run_on_seconds: float) -> list[str]:
    """What a writer said that it had kept."""
    command = [sys.executable, store_writer.__file__, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            writer.wait(run_on_seconds)
        writer.kill()
        said = [first, *writer.stdout]
        assert said[0] != "", "the writer failed"
        return [day.strip() for day in said if day.endswith("\n")]


def check_that_nothing_is_broken(path: Path) -> None:
    """The file is in order, and every document and publication in it has what belongs to it."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        documents = database.execute("SELECT sha256 FROM document ORDER BY 1").fetchall()
        used = database.execute("SELECT document FROM publication ORDER BY 1").fetchall()
        assert documents == used


def check_that_it_is_whole(store: Store, publication: Publication) -> None:
    content = store.document(publication.provenance.sha256)
    assert content is not None
    assert hashlib.sha256(content).hexdigest() == publication.provenance.sha256
    assert publication.rates() == dict.fromkeys(
        store_writer.COUNTERS, str(publication.date.toordinal())
    )


def test_what_was_kept_outlives_the_end_of_the_process_at_any_moment(tmp_path: Path) -> None:
    said = [
        day for n in range(KILLS) for day in days_kept_before_a_kill(tmp_path, n * STEP_SECONDS)
    ]
    check_that_nothing_is_broken(tmp_path / FILE_NAME)
    with closing(open_store("", tmp_path)) as store:
        publications = store.publications().publications
        for publication in publications:
            check_that_it_is_whole(store, publication)
    days = [publication.date for publication in publications]
    assert days == [date(2000, 1, 1) + timedelta(days=n) for n in range(len(days))]
    assert len(said) == len(set(said))
    assert set(said) <= {str(day) for day in days}
