"""A program that claims fetching, waits once for a change of a store, and says what it sees.

python tests/store_watcher.py FOLDER DATABASE SECONDS
"""

import sys
from pathlib import Path

from pricedesk.backend.store import open_store


def watch(folder: Path, database: str, seconds: int) -> None:
    """Wait at most so long."""
    store = open_store(database, folder)
    store.claim_fetching()
    store.wait_for_change(0)
    sys.stdout.write("waits\n")
    sys.stdout.flush()
    changed = store.wait_for_change(seconds)
    sys.stdout.write(f"{'changed' if changed else 'waited'}: {store.publications().sequence}\n")
    store.close()


if __name__ == "__main__":
    watch(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
