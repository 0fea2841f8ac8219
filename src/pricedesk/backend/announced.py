"""What a source says itself of its next publication, and what is waited for because of it."""

from datetime import datetime

from pricedesk.backend.rates import Publication
from pricedesk.backend.sources.source import Source
from pricedesk.backend.store import Store
from pricedesk.errors import RefusedDocument


def announced_in(source: Source, raw: bytes, at: datetime) -> datetime | None:
    """When the next document is due, by one that came at an instant; None if it does not say.

    That is believed as far as the calendar agrees.

    Raises:
        RefusedDocument: what it says is no time.
    """
    if source.next_due is None:
        return None
    due = source.next_due(raw)
    latest = source.calendar.next_publication(at) + source.calendar.overdue_after
    return due if due <= latest else None


def announced(source: Source, newest: Publication | None, store: Store) -> datetime | None:
    """When the next document is due, by the one in the store that has the newest publication.

    Raises:
        StoreFailed: the store cannot be read.
    """
    if source.next_due is None or newest is None:
        return None
    raw = store.document(newest.provenance.sha256)
    try:
        return announced_in(source, raw, newest.provenance.fetched_at) if raw else None
    except RefusedDocument:  # An earlier version may have kept what this one reads otherwise.
        return None


def awaited_at(
    source: Source, newest: Publication | None, due: datetime | None, now: datetime
) -> datetime:
    """When the next publication is looked for: as its source says, but never before its calendar.

    `due` is what it says of the one after the newest.
    """
    by_calendar = source.calendar.next_publication(now)
    if due is None or due <= now:
        return by_calendar
    is_due = newest is None or newest.date < source.calendar.newest_possible(now)
    return due if is_due else max(due, by_calendar)
