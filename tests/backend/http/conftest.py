"""The API over the packaged history, on the evening of its last day."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from asking import Asker
from held import Asking, DeskAtOnce
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.store import open_store


@pytest.fixture
def api(bureau: Bureau) -> Asker:
    return Asker(bureau)


@pytest.fixture
def quotes(bureau: Bureau, tmp_path: Path) -> Iterator[DeskAtOnce]:
    """Quotes of a ledger in a file; each request waits for nothing."""
    with closing(open_store("", tmp_path)) as store:
        store.database.execute("PRAGMA synchronous=OFF")
        yield DeskAtOnce(Asking(store, bureau))
