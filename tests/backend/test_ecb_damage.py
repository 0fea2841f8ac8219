"""The ECB's documents cut off, damaged and mutated: refused, or at least sound."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_source import xml_document, zip_archive
from pricedesk.backend.sources import ecb
from pricedesk.backend.sources.reading import VALUE_CHARACTERS_MAX
from pricedesk.errors import RefusedDocument

FIXTURES = Path(__file__).parents[1] / "fixtures" / "ecb"

DAYS = {
    "2026-10-30": {"USD": "1.1172", "CAD": "1.5606"},
    "2026-10-29": {"USD": "1.1130", "CAD": "1.5588"},
}
CSV = b"Date,USD,ISK,CAD,\n2026-10-30,1.1172,136,1.5606,\n2026-10-29,1.113,N/A,1.5588,\n"
ARCHIVE = zip_archive(CSV)
REAL = (FIXTURES / "eurofxref-daily-2017-03-08.xml").read_bytes()


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
    assert ecb.parse(document, raw[: len(raw) - harmless]) == ecb.parse(document, raw)
    for length in range(len(raw) - harmless):
        with pytest.raises(RefusedDocument):
            ecb.parse(document, raw[:length])


def test_a_table_that_was_cut_off_has_whole_days_or_is_refused() -> None:
    whole = {s.date: s.rates for s in ecb.parse(ecb.Document.HISTORY, ARCHIVE)}
    days_read = []
    for length in range(len(CSV) + 1):
        try:
            cut = ecb.parse(ecb.Document.HISTORY, zip_archive(CSV[:length]))
        except RefusedDocument:
            continue
        assert all(s.rates == whole[s.date] for s in cut)
        days_read.append(len(cut))
    assert days_read == [1, 1, 2, 2]  # Each time without the line feed at the end and with it.


def check_what_is_read(document: ecb.Document, raw: bytes) -> None:
    """It is refused, or it is sound."""
    try:
        sheets = ecb.parse(document, raw)
    except RefusedDocument:
        return
    days = [sheet.date for sheet in sheets]
    assert days == sorted(set(days))
    for sheet in sheets:
        assert sheet.rates
        for code, value in sheet.rates.items():
            assert re.fullmatch(r"[A-Z]{3}", code)
            assert len(value) <= VALUE_CHARACTERS_MAX
            assert value.isprintable()
            assert "," not in value


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
