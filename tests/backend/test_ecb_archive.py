"""The ECB's history in its archive: hostile tables and hostile archives."""

import struct
import tracemalloc
import zipfile
from datetime import UTC, date, datetime

import pytest

from fake_source import zip_archive
from pricedesk.backend.rates import Provenance, Sheet
from pricedesk.backend.sources import ecb
from pricedesk.errors import RefusedDocument

CSV = b"Date,USD,ISK,CAD,\n2026-10-30,1.1172,136,1.5606,\n2026-10-29,1.113,N/A,1.5588,\n"
ARCHIVE = zip_archive(CSV)


def refusal(raw: bytes) -> str:
    with pytest.raises(RefusedDocument) as caught:
        ecb.parse(ecb.Document.HISTORY, raw)
    return str(caught.value)


def tampered(
    offset: int,
    layout: str,
    *values: int,
    content: bytes = CSV,
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """An archive with other values in some fields of its directory's only entry."""
    raw = bytearray(zip_archive(content, method=method))
    struct.pack_into(layout, raw, raw.rindex(b"PK\x01\x02") + offset, *values)
    return bytes(raw)


def far_away() -> bytes:
    """An archive whose directory says, in its 64-bit form, that the file begins at 2**64 - 1."""
    entry_at, end_at = ARCHIVE.rindex(b"PK\x01\x02"), ARCHIVE.rindex(b"PK\x05\x06")
    extra = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    entry, end = bytearray(ARCHIVE[entry_at:end_at]), bytearray(ARCHIVE[end_at:])
    struct.pack_into("<H", entry, 30, len(extra))
    struct.pack_into("<L", entry, 42, 2**32 - 1)
    struct.pack_into("<L", end, 12, len(entry) + len(extra))
    return ARCHIVE[:entry_at] + entry + extra + end


BEGINS = 'the history begins with "{}", not with its columns'
NOT_ASCII = (
    "the history is not plain text: 'ascii' codec can't decode byte {}: ordinal not in range(128)"
)
ROW = b"2026-10-30,1.1172,\n"


@pytest.mark.parametrize(
    ("csv", "reason"),
    [
        (b"", BEGINS.format("")),
        (ROW, BEGINS.format("2026-10-30,1.1172,")),
        (b"Date,\n", BEGINS.format("Date,")),
        (b"Date,USD\n" + ROW, BEGINS.format("Date,USD")),
        (b"date,USD,\n" + ROW, BEGINS.format("date,USD,")),
        (b"\nDate,USD,\n" + ROW, BEGINS.format("")),
        (b"Date" + b",USD" * 300 + b",", BEGINS.format("Date" + ",USD" * 8 + ",...")),
        (b"Date,USD,USD,\n2026-10-30,1,1,\n", "the history has a column twice"),
        (b"Date,usd,\n" + ROW, '"usd" is no currency code'),
        (b"Date,USD,,\n" + ROW, '"" is no currency code'),
        (b"Date,USD,\n", "the document has no rates"),
        (b"Date,USD,\n2026-10-30,N/A,\n", "there are no rates on 2026-10-30"),
        (b"Date,USD,\n2026-10-30,\n", "line 2: there are 0 values for 1 columns"),
        (b"Date,USD,\n2026-10-30,1,2,\n", "line 2: there are 2 values for 1 columns"),
        (b"Date,USD,CAD,\n" + ROW, "line 2: there are 1 values for 2 columns"),
        (b"Date,USD,\n2026-10-30,1,5,\n", "line 2: there are 2 values for 1 columns"),
        (b"Date,USD,\n2026-10-30,1\n", "line 2: it does not end with a comma"),
        (b"Date,USD,\n2026-10-30,1,x\n", "line 2: it does not end with a comma"),
        (b"Date,USD,\n2026-10-30\n", "line 2: it does not end with a comma"),
        (b"Date,USD,\n" + ROW + b"\n", 'line 3: "" is not a date'),
        (b"Date,USD,\n30.10.2026,1,\n", 'line 2: "30.10.2026" is not a date'),
        (b"Date,USD,\n2026-02-29,1,\n", 'line 2: "2026-02-29" is not a date'),
        (b"Date,USD,\n" + ROW + ROW, "the date 2026-10-30 occurs twice"),
        (b"Date,USD,\n" + ROW * 20_000, "the history has more than 20000 lines"),
        (b"Date,USD,\n2" + b",1" * 512, "line 2: it is longer than 1024 characters"),
        (b"Date,USD,\n2026-10-30,1\x00,\n", 'line 2: USD on 2026-10-30 has the value "1\\x00"'),
        (b"\xef\xbb\xbfDate,USD,\n" + ROW, NOT_ASCII.format("0xef in position 0")),
        ("Date,USD,\n2026-10-30,\u0661,\n".encode(), NOT_ASCII.format("0xd9 in position 21")),
    ],
)
def test_what_is_not_the_ecbs_table_is_refused_with_its_reason(csv: bytes, reason: str) -> None:
    assert refusal(zip_archive(csv)) == reason


@pytest.mark.parametrize(
    "value",
    ["0", "0.0", "-1", "+1", "NaN", "Infinity", "1e400", "", " 1", ".5", "1.", "n/a", "N/A ", "-"],
)
def test_an_odd_value_in_a_row_is_passed_on_for_the_guards(value: str) -> None:
    csv = f"Date,USD,ISK,CAD,\n2026-10-30,1.1172,N/A,{value},\n".encode()
    assert ecb.parse(ecb.Document.HISTORY, zip_archive(csv)) == [
        Sheet(date(2026, 10, 30), {"USD": "1.1172", "CAD": value})
    ]


@pytest.mark.parametrize("code", ["EUR", "XYZ"])
def test_so_is_a_column_whose_currency_cannot_be(code: str) -> None:
    csv = f"Date,{code},\n2026-10-30,1.1172,\n".encode()
    [sheet] = ecb.parse(ecb.Document.HISTORY, zip_archive(csv))
    assert sheet.rates == {code: "1.1172"}


def test_so_is_a_date_that_cannot_be() -> None:
    [sheet] = ecb.parse(ecb.Document.HISTORY, zip_archive(b"Date,USD,\n2126-10-30,1,\n"))
    assert sheet.date == date(2126, 10, 30)


@pytest.mark.parametrize("value", [b"0", b"NaN", b"-1", b"1e400", b"", b"1,2"])
def test_the_packaged_history_is_not_read_if_there_is_anything_odd_in_it(value: bytes) -> None:
    raw = zip_archive(b"Date,USD,\n2026-10-30," + value + b",\n")
    provenance = Provenance("5" * 64, datetime(2026, 10, 30, 15, 30, tzinfo=UTC))
    with pytest.raises(RefusedDocument, match=r"^line 2: \".*\" is no row of the history$"):
        ecb.packaged(raw, provenance)


UNREADABLE = "the document is not a readable zip archive: "
PACKED = "the archive is not packed in the way the ECB's are"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the document is empty"),
        (bytes(4_194_305), "the document is larger than 2097152 bytes"),
        (CSV, UNREADABLE + "File is not a zip file"),
        (b"<html>Maintenance</html>", UNREADABLE + "File is not a zip file"),
        (zip_archive(), "the archive has 0 files, not one"),
        (zip_archive(CSV, CSV), "the archive has 2 files, not one"),
        (zip_archive(CSV, method=zipfile.ZIP_BZIP2), PACKED),
        (zip_archive(CSV, method=zipfile.ZIP_LZMA), PACKED),
        (tampered(10, "<H", 99), PACKED),
    ],
)
def test_what_is_not_the_ecbs_archive_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    assert refusal(raw) == reason


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(tampered(8, "<H", 0x01), id="encrypted"),
        pytest.param(tampered(8, "<H", 0x20), id="patched"),
        pytest.param(tampered(16, "<L", 0), id="a wrong checksum"),
        pytest.param(tampered(20, "<L", 1), id="packed into one byte"),
        pytest.param(
            tampered(20, "<LL", 10**6, 10**6, method=zipfile.ZIP_STORED), id="more than there is"
        ),
        pytest.param(ARCHIVE[:48] + b"\xff" + ARCHIVE[49:], id="damaged"),
        pytest.param(far_away(), id="far away"),
        pytest.param(tampered(24, "<L", 0), id="said to be empty"),
        pytest.param(tampered(24, "<L", 20), id="said to be short"),
        pytest.param(tampered(42, "<L", 2**31), id="far behind the end"),
        pytest.param(tampered(46, "<B", 0), id="two names"),
    ],
)
def test_an_archive_that_lies_about_what_is_in_it_is_refused(raw: bytes) -> None:
    reason = refusal(raw)
    assert reason.startswith(UNREADABLE)
    assert reason != UNREADABLE


@pytest.mark.parametrize("size", [len(CSV) + 1, 2**31, 2**32 - 2])
def test_a_size_said_to_be_larger_than_it_is_changes_nothing(size: int) -> None:
    assert ecb.parse(ecb.Document.HISTORY, tampered(24, "<L", size)) == ecb.parse(
        ecb.Document.HISTORY, ARCHIVE
    )


BOMB = bytes(8 * ecb.HISTORY_CSV_BYTES_MAX)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(zip_archive(BOMB), id="as it is"),
        pytest.param(tampered(24, "<L", 100, content=BOMB), id="said to be small"),
        pytest.param(tampered(24, "<L", 2**32 - 2, content=BOMB), id="said to be larger still"),
        pytest.param(zip_archive(BOMB, method=zipfile.ZIP_BZIP2), id="bzip2"),
        pytest.param(zip_archive(BOMB, method=zipfile.ZIP_LZMA), id="LZMA"),
    ],
)
def test_a_bomb_is_refused_before_it_takes_memory(raw: bytes) -> None:
    tracemalloc.start()
    try:
        refusal(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * ecb.HISTORY_CSV_BYTES_MAX


def test_a_history_over_its_limit_is_refused_with_its_reason() -> None:
    bomb = zip_archive(bytes(ecb.HISTORY_CSV_BYTES_MAX + 1))
    assert refusal(bomb) == "the history is larger than 4194304 bytes"
