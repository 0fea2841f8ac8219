"""Reading 50,000 publications of 30 currencies from the store: ours against SQLite alone.

    python bench/store.py [ROUNDS]

The limit is what the same rows take as tuples, with nothing made of them and nothing checked.
A database's address in PRICEDESK_DATABASE, an empty one, is measured instead of an SQLite file.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pricedesk.backend.rates import Convention, Provenance, Publication
from pricedesk.backend.store import RawDocument, Store, open_store

DAYS = 50_000
CODES = tuple(f"{first}{second}X" for first in "ABCDE" for second in "ABCDEF")
PROVENANCE = Provenance("a" * 64, datetime(2026, 10, 30, tzinfo=UTC))


def publications() -> list[Publication]:
    values = [",".join(f"{n % 200}.{m:04}" for m in range(1, 31)) for n in range(DAYS)]
    euro = Convention("EUR", per_pivot=True)
    return [
        Publication("ECB", date(1900, 1, 1) + timedelta(n), euro, CODES, row, PROVENANCE)
        for n, row in enumerate(values)
    ]


def seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def fill(store: Store) -> None:
    store.add(RawDocument("ECB", "history", b"", PROVENANCE), publications())


def main(rounds: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_store(os.environ.get("PRICEDESK_DATABASE", ""), Path(folder))) as store,
    ):
        print(f"added in {seconds(lambda: fill(store)):.2f} s")
        query = "SELECT * FROM publication ORDER BY sequence"
        assert store.publications().publications == publications()
        ours, limit = [], []
        for _ in range(rounds):
            ours.append(seconds(store.publications))
            limit.append(seconds(lambda: store.database.execute(query)))
        read, rows = statistics.median(ours), statistics.median(limit)
        print(f"read in {read:.2f} s, the rows alone in {rows:.2f} s: {read / rows:.1f} times")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
