"""The API over the packaged history, on the evening of its last day."""

import pytest

from asking import Asker
from pricedesk.backend.bureau import Bureau


@pytest.fixture
def api(bureau: Bureau) -> Asker:
    return Asker(bureau)
