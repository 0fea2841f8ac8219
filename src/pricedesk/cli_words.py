"""Words of a command line that several commands take: sources, currencies, days, instants.

What a shell completes is here as well; nothing of it needs the back-end's libraries.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from pricedesk.currencies import CURRENCIES
from pricedesk.dates import parse_date
from pricedesk.errors import InvalidDate, InvalidRequest, InvalidSetting, NoRateForDate, in_quotes
from pricedesk.settings import read_settings

if TYPE_CHECKING:
    from pricedesk.backend.bureau import Bureau


def complete_currency(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The currencies in use whose codes begin like this."""
    return [
        code
        for code, currency in CURRENCIES.items()
        if currency.withdrawn is None and code.startswith(incomplete.upper())
    ]


def complete_sources(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The sources that are asked here, for the last one of a list of keys."""
    before, comma, last = incomplete.upper().rpartition(",")
    try:
        keys = read_settings().sources
    except InvalidSetting:
        return []
    named = before.split(",")
    return [f"{before}{comma}{key}" for key in keys if key.startswith(last) and key not in named]


def source_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--source`, as `source`: see `asked_sources`."""
    return click.option(
        "--source",
        metavar="KEYS",
        shell_complete=complete_sources,
        help="Ask these sources only, in this order, as in ECB or BOC,NB.",
    )(command)


def asked_sources(bureau: "Bureau", text: str | None) -> tuple[str, ...] | None:
    """The keys of sources in a list with commas; None if there is no list.

    Raises:
        InvalidRequest: one of them is not asked here.
    """
    if text is None:
        return None
    known = bureau.book.order.sources
    keys = [key.strip().upper() for key in text.split(",")]
    for key in keys:
        check_source(key, known)
    return tuple(dict.fromkeys(keys))


def check_source(key: str, known: tuple[str, ...]) -> None:
    """Refuse the key of a source that is not asked here.

    Raises:
        InvalidRequest: it is not.
    """
    if key not in known:
        raise InvalidRequest(
            f"{in_quotes(key)} is not a source that is asked here: {', '.join(known)}"
        )


def days_between(first: str | None, last: str | None, now: datetime) -> tuple[date, date]:
    """A range of days that have begun; up to today, and from a year before its end.

    Raises:
        InvalidDate: one is no date, or the first is after the last.
        NoRateForDate: one is still to come.
    """
    end = past_day(last, now) if last is not None else now.date()
    begin = past_day(first, now) if first is not None else _year_before(end)
    if begin > end:
        raise InvalidDate(f"{begin} is after {end}: --from is the earlier day, --to the later one")
    return begin, end


def past_day(text: str, now: datetime) -> date:
    """Read a day that has begun somewhere on earth.

    Raises:
        InvalidDate: it is no date.
        NoRateForDate: it is still to come.
    """
    from pricedesk.backend.question import EARLIEST_ZONE

    day = parse_date(text)
    if day > (now + EARLIEST_ZONE).date():
        raise NoRateForDate(f"{day} is in the future: there is no rate for it yet")
    return day


def _year_before(day: date) -> date:
    if day.year == date.min.year:
        return date.min
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # The 29th of February.
        return day.replace(year=day.year - 1, day=28)
