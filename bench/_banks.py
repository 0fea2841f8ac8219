"""Recorded answers of banks that are no sources of Pricedesk, for bench/guards.py to judge.

A folder has them under names like those of `BANKS`; what is not there is left out.
"""

import csv
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from pricedesk.backend.rates import Convention, Provenance, Publication, Sheet, publication_of
from pricedesk.currencies import CURRENCIES
from pricedesk.money import decimal_text

PROVENANCE = Provenance("5" * 64, datetime(2026, 10, 30, tzinfo=UTC))

_FRED_COUNTRIES = {
    "BZ": "BRL", "CA": "CAD", "CH": "CNY", "DN": "DKK", "HK": "HKD", "IN": "INR", "JP": "JPY",
    "KO": "KRW", "MA": "MYR", "MX": "MXN", "NO": "NOK", "SD": "SEK", "SF": "ZAR", "SI": "SGD",
    "SL": "LKR", "SZ": "CHF", "TA": "TWD", "TH": "THB", "AL": "AUD", "EU": "EUR", "NZ": "NZD",
    "UK": "GBP",
}  # fmt: skip
_IMF_NAMES = {
    "Chinese yuan": "CNY", "Euro": "EUR", "Japanese yen": "JPY", "U.K. pound": "GBP",
    "Algerian dinar": "DZD", "Australian dollar": "AUD", "Botswana pula": "BWP",
    "Brazilian real": "BRL", "Brunei dollar": "BND", "Canadian dollar": "CAD",
    "Chilean peso": "CLP", "Czech koruna": "CZK", "Danish krone": "DKK", "Indian rupee": "INR",
    "Israeli New Shekel": "ILS", "Korean won": "KRW", "Kuwaiti dinar": "KWD",
    "Malaysian ringgit": "MYR", "Mauritian rupee": "MUR", "Mexican peso": "MXN",
    "New Zealand dollar": "NZD", "Norwegian krone": "NOK", "Omani rial": "OMR",
    "Peruvian sol": "PEN", "Philippine peso": "PHP", "Polish zloty": "PLN",
    "Qatari riyal": "QAR", "Saudi Arabian riyal": "SAR", "Singapore dollar": "SGD",
    "Swedish krona": "SEK", "Swiss franc": "CHF", "Thai baht": "THB",
    "Trinidadian dollar": "TTD", "U.A.E. dirham": "AED", "Uruguayan peso": "UYU",
}  # fmt: skip
_MONTHS = "January February March April May June July August September October November December"


class Days:
    """Values by day and currency, as they are collected."""

    def __init__(self) -> None:
        self.rates: dict[date, dict[str, str]] = {}
        self.units: dict[str, int] = {}

    def put(self, day: date, code: str, value: str, units: int = 1) -> None:
        """Take a value of a currency that ISO 4217 has; others are passed over."""
        if code in CURRENCIES:
            self.rates.setdefault(day, {})[code] = value
            self.units[code] = units

    def publications(self, key: str, convention: Convention) -> list[Publication]:
        """One for each day, the oldest first."""
        return [
            publication_of(
                key,
                convention,
                Sheet(day, rates, {code: self.units[code] for code in rates}),
                PROVENANCE,
            )
            for day, rates in sorted(self.rates.items())
        ]


def inverse(text: str) -> str:
    """One over a value, to twelve decimals."""
    whole, _, fraction = text.partition(".")
    return decimal_text(10 ** (12 + len(fraction)) // int(whole + fraction), 12)


def _australia(paths: Iterable[Path]) -> list[Publication]:
    """What one of its dollars is worth."""
    days = Days()
    for path in paths:
        rows = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
        title = next(row for row in rows if row and row[0] == "Title")
        codes = [cell.removeprefix("A$1=") for cell in title]
        for row in rows:
            try:
                day = datetime.strptime(row[0], "%d-%b-%Y").astimezone(UTC).date()
            except (ValueError, IndexError):
                continue
            for code, value in zip(codes, row, strict=False):
                if value:
                    days.put(day, code, value)
    return days.publications("RBA", Convention("AUD", per_pivot=True))


def _romania(paths: Iterable[Path]) -> list[Publication]:
    """What others' money is worth in lei."""
    days = Days()
    for path in paths:
        for cube in ET.parse(path).getroot().iter("{https://www.bnr.ro/xsd}Cube"):  # noqa: S314  # a file that the user names
            for rate in cube:
                day = date.fromisoformat(cube.get("date", ""))
                units = int(rate.get("multiplier", "1"))
                days.put(day, rate.get("currency", ""), rate.text or "", units)
    return days.publications("BNR", Convention("RON", per_pivot=False))


def _america(paths: Iterable[Path]) -> list[Publication]:
    """What a US dollar is worth, a file a currency; of some the other way round."""
    days = Days()
    for path in paths:
        is_other_way = path.stem.startswith("DEXUS")
        code = _FRED_COUNTRIES[path.stem[5:] if is_other_way else path.stem[3:5]]
        for row in json.loads(path.read_text("utf-8"))["observations"]:
            if row["value"] != ".":
                value = inverse(row["value"]) if is_other_way else row["value"]
                days.put(date.fromisoformat(row["date"]), code, value)
    return days.publications("FRED", Convention("USD", per_pivot=True))


def _fund(paths: Iterable[Path]) -> list[Publication]:
    """What a US dollar is worth, two tables a month; of some the other way round."""
    days = Days()
    months = _MONTHS.split()
    for path in paths:
        dates: list[date] = []
        for row in csv.reader(path.read_text("utf-8").splitlines(), delimiter="\t"):
            name = row[0] if row else ""
            if name == "Currency":
                found = (re.findall(r"(\w+) (\d+), (\d+)", cell)[0] for cell in row[1:] if cell)
                dates = [date(int(y), months.index(m) + 1, int(d)) for m, d, y in found]
            code = _IMF_NAMES.get(name.removesuffix("(1)"), "")
            for day, cell in zip(dates, row[1:], strict=False):
                value = cell.replace(",", "")
                if code and value != "NA":
                    days.put(day, code, inverse(value) if name.endswith("(1)") else value)
    return days.publications("IMF", Convention("USD", per_pivot=True))


def _hungary(paths: Iterable[Path]) -> list[Publication]:
    """What others' money is worth in forints."""
    days = Days()
    for path in paths:
        table = path.read_text("utf-8").partition("Result>")[2].partition("</")[0]
        for day in ET.fromstring(html.unescape(table)):  # noqa: S314  # a file that the user names
            for rate in day:
                value = (rate.text or "").replace(",", ".")
                units = int(rate.get("unit", "1"))
                days.put(
                    date.fromisoformat(day.get("date", "")), rate.get("curr", ""), value, units
                )
    return days.publications("MNB", Convention("HUF", per_pivot=False))


def _israel(paths: Iterable[Path]) -> list[Publication]:
    """What others' money is worth in shekels."""
    days = Days()
    for path in paths:
        for row in csv.DictReader(path.read_text("utf-8").splitlines()):
            units = 10 ** int(row["UNIT_MULT"])
            day = date.fromisoformat(row["TIME_PERIOD"])
            days.put(day, row["BASE_CURRENCY"], row["OBS_VALUE"], units)
    return days.publications("BOI", Convention("ILS", per_pivot=False))


def _russia(paths: Iterable[Path]) -> list[Publication]:
    """What others' money is worth in roubles, a file a currency."""
    days = Days()
    for path in paths:
        for record in ET.fromstring(path.read_bytes()):  # noqa: S314  # a file that the user names
            day, month, year = record.get("Date", "").split(".")
            value = (record.findtext("VunitRate") or "").replace(",", ".")
            days.put(date(int(year), int(month), int(day)), path.stem.split("-")[2], value)
    return days.publications("CBR", Convention("RUB", per_pivot=False))


def _brazil(paths: Iterable[Path]) -> list[Publication]:
    """What others' money is sold for in reais at the end of a day, a file a currency."""
    days = Days()
    for path in paths:
        for row in json.loads(path.read_text("utf-8"), parse_float=str)["value"]:
            if row["tipoBoletim"] == "Fechamento":
                day = date.fromisoformat(row["dataHoraCotacao"][:10])
                days.put(day, path.stem.split("-")[2], row["cotacaoVenda"])
    return days.publications("BCB", Convention("BRL", per_pivot=False))


BANKS: Mapping[str, tuple[str, Callable[[Iterable[Path]], list[Publication]]]] = {
    "RBA": ("rba-f11.1-*.csv", _australia),
    "BNR": ("*nbrfxrates*.xml", _romania),
    "FRED": ("fred/DEX*.json", _america),
    "IMF": ("imf-rms_mth-REP-*.tsv", _fund),
    "MNB": ("mnb-*.xml", _hungary),
    "BOI": ("boi-*.csv", _israel),
    "CBR": ("cbr-XML_dynamic-*.xml", _russia),
    "BCB": ("bcb-ptax-*.json", _brazil),
}
"""Under which names a bank's answers are in a folder, and what reads all of them."""


def read_banks(folder: Path) -> dict[str, list[Publication]]:
    """The publications of each bank that has an answer in a folder."""
    found = {key: (sorted(folder.glob(names)), read) for key, (names, read) in BANKS.items()}
    return {key: read(paths) for key, (paths, read) in found.items() if paths}
