"""The packaged history, read once, and desks over it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pricedesk.backend.history import packaged_publications
from pricedesk.backend.rate_book import RateBook
from web_desk import WebDesk, web_desk


@pytest.fixture(scope="session")
def book() -> RateBook:
    """Everything that the package knows."""
    return RateBook(packaged_publications())


@pytest.fixture
async def desk(tmp_path: Path, book: RateBook) -> AsyncIterator[WebDesk]:
    """A desk without rules, on the evening of the newest publication."""
    async with web_desk(tmp_path, book) as made:
        yield made
