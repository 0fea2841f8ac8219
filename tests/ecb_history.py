"""The texts that the ECB published, read from the packaged file by nothing of the product."""

import csv
import io
import zipfile
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from importlib.resources import files
from math import floor

NOT_PUBLISHED = ("", "N/A")


def published_texts() -> Mapping[date, Mapping[str, str]]:
    """What one euro was worth on each day, by currency, from the first day on."""
    content = files("pricedesk.backend.history").joinpath("eurofxref-hist.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = archive.namelist()
        rows = list(csv.DictReader(io.StringIO(archive.read(name).decode())))
    found = {}
    for row in reversed(rows):
        day = date.fromisoformat(row.pop("Date"))
        found[day] = {code: text for code, text in row.items() if text not in NOT_PUBLISHED}
    return found


def crossed(texts: Mapping[str, str], base: str, counter: str) -> Fraction:
    """What one unit of a currency was worth in another on the day of these texts, exactly."""
    in_euros = {"EUR": Fraction(1)} | {code: Fraction(text) for code, text in texts.items()}
    return in_euros[counter] / in_euros[base]


def half_up(value: Fraction, decimals: int) -> str:
    """A value that is not negative, rounded once, with these decimals."""
    whole, part = divmod(floor(value * 10**decimals + Fraction(1, 2)), 10**decimals)
    return f"{whole}.{part:0{decimals}}" if decimals else str(whole)
