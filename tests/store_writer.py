"""A program that adds a publication a day to a store until it is killed or has done enough.

It says each day that the store has kept, on a line of its own. Each day is the one after the
newest that the store has at that moment, so that several of these can write side by side:

    python tests/store_writer.py FOLDER [DATABASE [DAYS]]
"""

import hashlib
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pricedesk.backend.rates import Provenance, publication_of
from pricedesk.backend.sources import ecb
from pricedesk.backend.store import RawDocument, Store, open_store
from pricedesk.currencies import CURRENCIES

FIRST_DAY = date(2000, 1, 1)
FETCHED_AT = datetime(2000, 1, 1, tzinfo=UTC)
COUNTERS = sorted(CURRENCIES.keys() - {"EUR"})
"""All of them, so that a write takes a while and is killed in the middle of it."""


def document(day: date) -> bytes:
    """The ECB's document of a day, on which every currency has a value that names the day."""
    values = "".join(f"<Cube currency='{code}' rate='{day.toordinal()}'/>" for code in COUNTERS)
    return (
        '<g:Envelope xmlns:g="http://www.gesmes.org/xml/2002-08-01"'
        ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">'
        f"<Cube><Cube time='{day}'>{values}</Cube></Cube></g:Envelope>"
    ).encode()


def write_next(store: Store, sequence: int, newest: date) -> tuple[int, date]:
    """Add the day after the newest one; gives the number up to which the store is known."""
    with store.transaction():
        seen, news = store.publications(sequence)
        day = max([newest, *(publication.date for publication in news)]) + timedelta(days=1)
        raw = document(day)
        provenance = Provenance(hashlib.sha256(raw).hexdigest(), FETCHED_AT)
        [sheet] = ecb.parse(ecb.Document.DAY, raw)
        added = publication_of(ecb.NAME, ecb.CONVENTION, sheet, provenance)
        store.add(RawDocument("ECB", ecb.Document.DAY.value, raw, provenance), [added])
    return seen, day


def write(folder: Path, database: str = "", days: int | None = None) -> None:
    """Add so many days one by one; without a number, for ever."""
    store = open_store(database, folder)
    sequence, day = 0, FIRST_DAY - timedelta(days=1)
    while days is None or days > 0:
        sequence, day = write_next(store, sequence, day)
        sys.stdout.write(f"{day}\n")
        sys.stdout.flush()
        days = None if days is None else days - 1
    store.close()


if __name__ == "__main__":
    folder, database, days = [*sys.argv[1:], "", ""][:3]
    write(Path(folder), database, int(days) if days else None)
