"""How the rows of version 2 are written: as a JSON array, as CSV, or as a JSON object a line.

Rows are written piece by piece, so that a whole history needs no more memory than a page of it.
All their texts are codes, dates and numbers, of which none needs an escape in any of these.
"""

from collections.abc import Iterable, Iterator
from enum import Enum

from pricedesk.backend.http.rows import Row


class Format(Enum):
    """What rows are written as, by media type."""

    JSON = "application/json; charset=utf-8"
    CSV = "text/csv"
    LINES = "application/x-ndjson"


_BY_MEDIA_TYPE = {
    "application/json": Format.JSON,
    "application/*": Format.JSON,
    "*/*": Format.JSON,
    "text/csv": Format.CSV,
    "application/x-ndjson": Format.LINES,
}


def accepted_format(accept: str) -> Format:
    """The format that a client likes best, JSON where it names none of ours.

    Weights are thousandths, as many as there can be.
    """
    best, best_weight = Format.JSON, 0
    for part in accept.split(","):
        media_type, *parameters = (word.strip().lower() for word in part.split(";"))
        found = _BY_MEDIA_TYPE.get(media_type)
        weight = _weight(parameters)
        if found is not None and weight > best_weight:
            best, best_weight = found, weight
    return best


def _weight(parameters: list[str]) -> int:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            whole, _, fraction = value.partition(".")
            digits = f"{whole[:1]}{fraction[:3]:0<3}"
            return int(digits) if digits.isascii() and digits.isdigit() else 0
    return 1000


def written(rows: Iterable[Row], row_format: Format, *, expanded: bool) -> Iterator[str]:
    """The text of rows in a format, piece by piece."""
    match row_format:
        case Format.JSON:
            return _array(rows)
        case Format.CSV:
            return _csv(rows, expanded=expanded)
        case Format.LINES:
            return (f"{json_row(row)}\n" for row in rows)


def json_row(row: Row) -> str:
    """A row as a JSON object."""
    plain = f'{{"date":"{row.date}","base":"{row.base}","quote":"{row.quote}","rate":{row.rate}'
    if row.providers is None:
        return f"{plain}}}"
    providers = ",".join(
        f'{{"key":"{key}","date":"{day}","rate":{rate}}}' for key, day, rate in row.providers
    )
    return f'{plain},"providers":[{providers}]}}'


def _array(rows: Iterable[Row]) -> Iterator[str]:
    before = "["
    for row in rows:
        yield before + json_row(row)
        before = ","
    yield "]" if before == "," else "[]"


def _csv(rows: Iterable[Row], *, expanded: bool) -> Iterator[str]:
    yield f"date,base,quote,rate{',providers' if expanded else ''}\n"
    for row in rows:
        line = f"{row.date},{row.base},{row.quote},{row.rate}"
        if expanded:
            listed = "|".join(f"{key}:{rate}" for key, _, rate in row.providers or ())
            line = f"{line},{listed}"
        yield f"{line}\n"
