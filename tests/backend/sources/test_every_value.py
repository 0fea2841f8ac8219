"""Every value of every recorded answer is read as the text that was published.

What was published is read here by patterns and by the standard library's readers alone, which
share nothing with the product.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ecb_history import published_texts
from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import boc, boe, cnb, ecb, ecb_portal, nb, nbp, rb

FIXTURES = Path(__file__).parents[2] / "fixtures"

Texts: TypeAlias = Mapping[tuple[str, str], str]
"""What was published, by day and code."""

NO_CURRENCIES = {"XDR", "I44", "TWI"}
"""Special drawing rights, and two indices of the krone."""


def of_elements(document: str) -> Texts:
    found: dict[tuple[str, str], str] = {}
    day = ""
    pattern = r"""time=['"]([-0-9]+)['"]|currency=['"](...)['"] rate=['"]([0-9.]+)['"]"""
    for match in re.finditer(pattern, document):
        day = match[1] or day
        if match[2]:
            found[day, match[2]] = match[3]
    return found


def of_columns(day: str, code: str, value: str) -> Callable[[str], Texts]:
    def read(document: str) -> Texts:
        rows = csv.DictReader(io.StringIO(document))
        return {(row[day], row[code]): row[value] for row in rows if row[code]}

    return read


def as_written(document: str) -> Any:  # noqa: ANN401  # what JSON has
    return json.loads(document, parse_float=str, parse_int=str)


def of_boc(document: str) -> Texts:
    observations = as_written(document)["observations"]
    return {(o["d"], key[2:5]): o[key]["v"] for o in observations for key in o if key != "d"}


def of_cnb(document: str) -> Texts:
    return {(r["validFor"], r["currencyCode"]): r["rate"] for r in as_written(document)["rates"]}


def of_nbp(document: str) -> Texts:
    tables = as_written(document)
    return {(t["effectiveDate"], r["code"]): r["mid"] for t in tables for r in t["rates"]}


def of_rb(document: str) -> Texts:
    """Series are SEKUSDPMI and the like; one is of special drawing rights, one an index."""
    found = as_written(document)
    return {(o["date"], o["seriesId"][3:6]): o["value"] for o in found if "PMI" in o["seriesId"]}


CASES: Sequence[tuple[str, Callable[[bytes], Sequence[Sheet]], Callable[[str], Texts], int]] = [
    (
        "ecb/eurofxref-daily-2017-03-08.xml",
        lambda raw: ecb.parse(ecb.Document.DAY, raw),
        of_elements,
        31,
    ),
    (
        "ecb/eurofxref-daily.RECONSTRUCTED.xml",
        lambda raw: ecb.parse(ecb.Document.DAY, raw),
        of_elements,
        29,
    ),
    (
        "ecb/eurofxref-hist-90d.RECONSTRUCTED.xml",
        lambda raw: ecb.parse(ecb.Document.NINETY_DAYS, raw),
        of_elements,
        1885,
    ),
    (
        "ecb/ecb-sdmx-2025-01_2026-03.csv",
        ecb_portal.parse,
        of_columns("TIME_PERIOD", "CURRENCY", "OBS_VALUE"),
        8067,
    ),
    (
        "ecb/ecb-sdmx-2026-02-17_2026-03.csv",
        ecb_portal.parse,
        of_columns("TIME_PERIOD", "CURRENCY", "OBS_VALUE"),
        638,
    ),
    ("boc/FX_RATES_DAILY-2026-03-12.json", boc.parse, of_boc, 115),
    (
        "nb/norges-bank-sdmx-2026-03-16_2026-03-24.csv",
        nb.parse,
        of_columns("TIME_PERIOD", "BASE_CUR", "OBS_VALUE"),
        245,
    ),
    ("cnb/cnb-daily-year-2026.json", cnb.parse, of_cnb, 1885),
    ("nbp/nbp-table-A-2026-03-01_2026-03-05.json", nbp.parse, of_nbp, 124),
    ("nbp/nbp-table-B-2026-03-01_2026-03-05.json", nbp.parse, of_nbp, 116),
    ("rb/riksbank-bygroup130-2026-03-24_2026-03-28.json", rb.parse, of_rb, 116),
]


def read(sheets: Sequence[Sheet]) -> Texts:
    return {(str(s.date), code): text for s in sheets for code, text in s.rates.items()}


@pytest.mark.parametrize(
    ("recording", "parse", "published", "values"), CASES, ids=[case[0] for case in CASES]
)
def test_every_value_of_a_recording_is_read_to_the_digit(
    recording: str,
    parse: Callable[[bytes], Sequence[Sheet]],
    published: Callable[[str], Texts],
    values: int,
) -> None:
    raw = (FIXTURES / recording).read_bytes()
    texts = {
        key: text for key, text in published(raw.decode()).items() if key[1] not in NO_CURRENCIES
    }
    assert read(parse(raw)) == texts
    assert len(texts) == values


def test_every_value_of_the_bank_of_england_is_read_to_the_digit() -> None:
    """Its columns are named by series; what is in them, in any order, is what was read."""
    raw = (FIXTURES / "boe/boe-iadb-2026-03-17_2026-03-20.csv").read_bytes()
    cells = [cell for row in csv.reader(io.StringIO(raw.decode())) for cell in row]
    numbers = sorted(cell for cell in cells if re.fullmatch(r"[0-9.]+", cell))
    assert sorted(read(boe.parse(raw)).values()) == numbers
    assert len(numbers) == 104


@pytest.mark.parametrize(("first", "values"), [("1999-01-04", 221_702), ("2016-01-04", 85_816)])
def test_every_value_of_the_ecbs_history_is_read_to_the_digit(first: str, values: int) -> None:
    """The whole of it, and the file with its later rows only."""
    archive = files("pricedesk.backend.history").joinpath("eurofxref-hist.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(archive)) as whole:
        head, *rows = whole.read(whole.namelist()[0]).decode().splitlines()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as part:
        later = [row for row in rows if row >= first]
        part.writestr("eurofxref-hist.csv", "\n".join([head, *later, ""]))
    texts = {
        (str(day), code): text
        for day, by_code in published_texts().items()
        if day >= date.fromisoformat(first)
        for code, text in by_code.items()
        if code
    }
    assert read(ecb.parse(ecb.Document.HISTORY, made.getvalue())) == texts
    assert len(texts) == values
