"""The documents that tests make are read back as the sheets that they were made of."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import find_sources
from published_as import WRITERS, document_of

CODES = {"CAD", "CHF", "AUD", "SEK", "ZAR"}
VALUES = st.integers(1, 10**9).map(lambda n: f"{n // 1000}.{n % 1000:03}")


@pytest.mark.parametrize("key", WRITERS)
@given(st.data())
def test_a_document_that_was_made_is_read_back(key: str, data: st.DataObject) -> None:
    [source] = find_sources([key], "https://ecb.example")
    codes = sorted(CODES - {source.convention.pivot})
    days = sorted(data.draw(st.sets(st.dates(date(2020, 1, 1), date(2026, 1, 1)), min_size=1)))
    sheets = [Sheet(day, {code: data.draw(VALUES) for code in codes}) for day in days]
    expected = sheets if source.has_history else sheets[-1:]
    # Of the ECB the one with ninety days; the others' documents are all of one form.
    request = source.request(date(2026, 10, 1), date(2026, 10, 30))
    assert source.read(request, document_of(key, sheets)) == expected
