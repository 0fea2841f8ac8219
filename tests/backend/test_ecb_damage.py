"""The ECB's documents cut off, damaged and mutated: refused, or at least sound."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_source import xml_document, zip_archive
from pricedesk.backend.rates import Provenance, Publication
from pricedesk.backend.sources import ecb
from pricedesk.currencies import CURRENCIES
from pricedesk.errors import RefusedDocument

FIXTURES = Path(__file__).parents[1] / "fixtures" / "ecb"
PROVENANCE = Provenance("5" * 64, datetime(2026, 10, 30, 15, 30, tzinfo=UTC))
TODAY = date(2026, 10, 30)

DAYS = {
    "2026-10-30": {"USD": "1.1172", "CAD": "1.5606"},
    "2026-10-29": {"USD": "1.1130", "CAD": "1.5588"},
}
CSV = b"Date,USD,ISK,CAD,\n2026-10-30,1.1172,136,1.5606,\n2026-10-29,1.113,N/A,1.5588,\n"
ARCHIVE = zip_archive(CSV)
REAL = (FIXTURES / "eurofxref-daily-2017-03-08.xml").read_bytes()


def parsed(document: ecb.Document, raw: bytes) -> list[Publication]:
    return ecb.parse(document, raw, PROVENANCE, TODAY)


@pytest.mark.parametrize(
    ("document", "raw", "harmless"),
    [
        (ecb.Document.DAY, xml_document(DAYS), 1),
        (ecb.Document.NINETY_DAYS, REAL, 1),
        (ecb.Document.HISTORY, ARCHIVE, 0),
    ],
)
def test_a_document_that_is_cut_off_is_refused(
    document: ecb.Document, raw: bytes, harmless: int
) -> None:
    """XML may lose the `harmless` line feed at its end, and says all the same."""
    assert parsed(document, raw[: len(raw) - harmless]) == parsed(document, raw)
    for length in range(len(raw) - harmless):
        with pytest.raises(RefusedDocument):
            parsed(document, raw[:length])


def test_a_table_that_was_cut_off_has_whole_days_or_is_refused() -> None:
    whole = {p.date: p.rates() for p in parsed(ecb.Document.HISTORY, ARCHIVE)}
    days_read = []
    for length in range(len(CSV) + 1):
        try:
            cut = parsed(ecb.Document.HISTORY, zip_archive(CSV[:length]))
        except RefusedDocument:
            continue
        assert all(p.rates() == whole[p.date] for p in cut)
        days_read.append(len(cut))
    assert days_read == [1, 1, 2, 2]  # Each time without the line feed at the end and with it.


def check_what_is_read(document: ecb.Document, raw: bytes) -> None:
    """It is refused, or it is sound."""
    try:
        publications = parsed(document, raw)
    except RefusedDocument:
        return
    days = [p.date for p in publications]
    assert days == sorted(set(days))
    assert date(1999, 1, 4) <= days[0] <= days[-1] <= TODAY
    for publication in publications:
        assert publication.rates()
        assert publication.rates().keys() <= CURRENCIES.keys() - {"EUR"}
        for value in publication.rates().values():
            assert re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", value)
            assert value.strip("0.")


FRAGMENTS = st.one_of(
    st.binary(max_size=4),
    st.sampled_from(b"0 - ' < > & , &#48; N/A e400 EUR USD 2026-10-29 <Cube> </Cube> <!--".split()),
    st.sampled_from([b"\n", b"\x00", b"\xff" * 8, b"<!DOCTYPE x>", "\u0661".encode()]),
)
EDITS = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 8), FRAGMENTS), max_size=5)


def edited(raw: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for position, length, fragment in edits:
        at = position % (len(raw) + 1)
        raw = raw[:at] + fragment + raw[at + length :]
    return raw


@settings(deadline=None)
@given(st.sampled_from(ecb.Document), st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_or_sound(document: ecb.Document, raw: bytes) -> None:
    check_what_is_read(document, raw)


@settings(max_examples=300, deadline=None)
@given(EDITS)
def test_what_comes_of_a_right_document_is_refused_or_sound(
    edits: list[tuple[int, int, bytes]],
) -> None:
    check_what_is_read(ecb.Document.NINETY_DAYS, edited(REAL, edits))
    check_what_is_read(ecb.Document.NINETY_DAYS, edited(xml_document(DAYS), edits))
    check_what_is_read(ecb.Document.HISTORY, edited(ARCHIVE, edits))
    check_what_is_read(ecb.Document.HISTORY, zip_archive(edited(CSV, edits)))
