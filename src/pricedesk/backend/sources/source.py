"""What a source is to the rest of the back-end: facts about it, how to ask, how to read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from pricedesk.backend.calendars import Calendar
from pricedesk.backend.rates import Convention, Provenance, Publication, Sheet, publication_of
from pricedesk.errors import RefusedDocument


@dataclass(frozen=True, slots=True)
class Request:
    """A document to ask a source for: what to call it, and where it is."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Source:
    """An institution that publishes rates.

    `request(first, last)` is the document that has its publications of these days; `read`
    makes publications of it, or refuses it as a whole with RefusedDocument. At most `span_days`
    may be asked for at once, and where it is `within_a_year`, days of one calendar year.
    `terms` are its terms of use in a sentence, with their address; `attribution_url` is an
    address that they want to be shown beside its rates, empty if they want none.
    """

    key: str
    name: str
    convention: Convention
    calendar: Calendar
    first_date: date
    document_bytes_max: int
    terms: str
    terms_url: str
    request: Callable[[date, date], Request]
    read: Callable[[Request, bytes, Provenance, date], list[Publication]]
    attribution_url: str = ""
    span_days: int | None = None
    within_a_year: bool = False

    def last_day(self, first: date, wanted: date) -> date:
        """Up to which day may be asked for at once, from `first` on towards `wanted`."""
        days = [wanted]
        if self.span_days is not None:
            days.append(first + timedelta(days=self.span_days - 1))
        if self.within_a_year:
            days.append(date(first.year, 12, 31))
        return min(days)


def publications(
    key: str,
    convention: Convention,
    sheets: list[Sheet],
    provenance: Provenance,
    dates: tuple[date, date],
) -> list[Publication]:
    """The publications of a document's sheets, which come ascending by date.

    Raises:
        RefusedDocument: a date is before the first or after the last of `dates`.
    """
    first, last = dates
    if sheets and sheets[0].date < first:
        raise RefusedDocument(f"the date {sheets[0].date} is before the source's first")
    if sheets and sheets[-1].date > last:
        raise RefusedDocument(f"the date {sheets[-1].date} is in the future")
    return [publication_of(key, convention, sheet, provenance) for sheet in sheets]
