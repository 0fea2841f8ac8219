"""Conversions as programs ask for them by HTTP or gRPC: one, or thousands in a request.

Their words are read here, so that what is refused is refused alike at both doors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pricedesk.backend.bureau import Answer, Bureau
from pricedesk.currencies import currency
from pricedesk.dates import parse_date, parse_instant
from pricedesk.errors import InvalidRequest
from pricedesk.http.parameters import capitals, shown
from pricedesk.money import ExactDecimal

ITEMS_MAX = 10_000
"""Conversions of one request."""

ITEMS_AT_ONCE = 25
"""So many of them are answered between two turns of the loop, which has others to serve: one to
three milliseconds' with all reasons."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What holds for all conversions of a request: see `Question`, and whether to tell why."""

    known_at: datetime | None = None
    keys: tuple[str, ...] | None = None
    explain: bool = False


def circumstances_of(
    bureau: Bureau, known_at: str | None, keys: Iterable[str] | None, *, explain: bool
) -> Circumstances:
    """What was said of all of them. What is None was not said; keys are in capitals or not.

    Raises:
        InvalidRequest: a source is not asked here, or the instant is none.
    """
    unique = tuple(dict.fromkeys(map(capitals, keys))) if keys is not None else None
    unknown = [key for key in unique or () if key not in bureau.sources]
    if unknown:
        known = ", ".join(sorted(bureau.sources))
        raise InvalidRequest(f"unknown source: {shown(unknown)}; known here: {known}")
    instant = parse_instant(known_at) if known_at is not None else None
    return Circumstances(instant, unique, explain)


def check_items(count: int) -> None:
    """See to it that a request does not have too many conversions.

    Raises:
        InvalidRequest: it does.
    """
    if count > ITEMS_MAX:
        raise InvalidRequest(f"{count} items are too many: at most {ITEMS_MAX} in a request")


def converted(  # noqa: PLR0913, PLR0917  # the words of a question
    bureau: Bureau,
    circumstances: Circumstances,
    amount: str,
    base: str | None,
    counter: str | None,
    on: str | None,
) -> Answer:
    """The answer to one of them. What is None was not said, and is as the bureau's terms have it.

    Raises:
        RequestError: a word is off.
        NoRate: no published rate answers it.
    """
    day = parse_date(on) if on is not None else None
    return bureau.convert(
        ExactDecimal.parse(amount),
        currency(base) if base is not None else None,
        currency(counter) if counter is not None else None,
        day,
        known_at=circumstances.known_at,
        keys=circumstances.keys,
    )
