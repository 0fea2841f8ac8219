"""Days and instants as people and programs write them, read strictly."""

import re
from datetime import UTC, date, datetime

from pricedesk.errors import InvalidDate, in_quotes

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    rf"{_DATE.pattern}T(?:[01][0-9]|2[0-3]):[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]{{1,6}})?"
    r"(?:Z|[+-][0-9]{2}:[0-5][0-9])"
)


def parse_date(text: str) -> date:
    """Read a calendar date written as YYYY-MM-DD.

    Raises:
        InvalidDate: another notation, or no such day.
    """
    if not _DATE.fullmatch(text):
        raise InvalidDate(f"{in_quotes(text)} is not a date: write it as YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidDate(f"{in_quotes(text)} is not a day of the calendar") from error


def parse_instant(text: str) -> datetime:
    """Read an instant with its zone, written as 2026-10-30T16:00:00Z or with an offset.

    Raises:
        InvalidDate: another notation, or no such instant.
    """
    if not _INSTANT.fullmatch(text):
        raise InvalidDate(
            f"{in_quotes(text)} is not an instant: write it like 2026-10-30T16:00:00Z"
        )
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidDate(f"{in_quotes(text)} is not an instant of the calendar") from error
