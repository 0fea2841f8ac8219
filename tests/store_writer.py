"""A program that adds a publication a day to a store until it is killed.

It says each day that the store has kept, on a line of its own, and begins after the newest
day that it finds there:

    python tests/store_writer.py FOLDER
"""

import hashlib
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pricedesk.backend.rates import Provenance
from pricedesk.backend.sources import ecb
from pricedesk.backend.store_sqlite import RawDocument, SqliteStore
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


def write_for_ever(folder: Path) -> None:
    """Add the days one by one."""
    store = SqliteStore(folder)
    kept = [publication.date for publication in store.publications()]
    day = max(kept, default=FIRST_DAY - timedelta(days=1))
    while True:
        day += timedelta(days=1)
        raw = document(day)
        provenance = Provenance(hashlib.sha256(raw).hexdigest(), FETCHED_AT)
        publications = ecb.parse(ecb.Document.DAY, raw, provenance, day)
        store.add(RawDocument("ECB", ecb.Document.DAY.value, raw, provenance), publications)
        sys.stdout.write(f"{day}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    write_for_ever(Path(sys.argv[1]))
