"""What a source is to the rest of the back-end: facts about it, how to ask, how to read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from pricedesk.backend.calendars import Calendar
from pricedesk.backend.rates import Convention, Sheet


@dataclass(frozen=True, slots=True)
class Request:
    """A document to ask a source for: what to call it, and where it is.

    Where it comes `by_series`, a day may be there in part, because some series came late.
    """

    name: str
    url: str
    by_series: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """An institution that publishes rates.

    Asking: `request(first, last)` is the document that has its publications of these days. At
    most `span_days` may be asked for at once, and where it is `within_a_year`, days of one
    calendar year. At least `pause_min` lies between two looks, and `piece_pause` between two
    pieces of its history. A look at the instant at which a publication is due is put off by
    something between `delay_min` and `delay_max`, so that not all who ask come at once;
    `next_due(raw)`, where there is one, reads that instant from the newest document, and it goes
    before the calendar's.

    Without `has_history` there is no document but the newest. With the status `nothing_status`
    it says that there is nothing for these days. Its address may be `private` where the operator
    has named it. `elsewhere(first, last)`, where there is one, is a document of the same
    publications at another place, for when the first place fails.

    Reading: `read(request, raw)` gives the sheets of a document, ascending by date, or refuses
    it as a whole with RefusedDocument. Nothing of a sheet is judged yet.

    Terms of use: `terms` in a sentence, with their address. `attribution` is what to name it
    as where its rates are shown, with the address to link to, which is to be shown with each of
    them where that is `attribution_required`. Where it may not `redistribute`,
    its rates may be used for conversions, but its table is not to be handed on.

    Telling: `rate_type` is what kind of rates they are, in a word or two; `country_code` is that
    of ISO 3166, EU for the euro area, None for a source of no country.

    Confirming: `origin` is the key of the source that its figures are made from, None where
    they are its own; it is empty where they are a blend of many.
    """

    key: str
    name: str
    convention: Convention
    calendar: Calendar
    first_date: date
    document_bytes_max: int
    terms: str
    terms_url: str
    attribution: str
    attribution_url: str
    request: Callable[[date, date], Request]
    read: Callable[[Request, bytes], list[Sheet]]
    span_days: int | None = None
    within_a_year: bool = False
    next_due: Callable[[bytes], datetime] | None = None
    pause_min: timedelta = timedelta(minutes=1)
    piece_pause: timedelta = timedelta(seconds=1)
    delay_min: timedelta = timedelta(0)
    delay_max: timedelta = timedelta(seconds=60)
    attribution_required: bool = False
    has_history: bool = True
    nothing_status: int | None = None
    private: bool = False
    origin: str | None = None
    redistribute: bool = True
    rate_type: str = "reference rate"
    country_code: str | None = None
    elsewhere: Callable[[date, date], Request] | None = None

    def mirrored(self, address: str) -> "Source":
        """The same source, asked at an address of the operator's: paths and queries stay."""

        def moved(request: Callable[[date, date], Request]) -> Callable[[date, date], Request]:
            def at_the_mirror(first: date, last: date) -> Request:
                asked = request(first, last)
                parts = urlsplit(asked.url)
                query = f"?{parts.query}" if parts.query else ""
                return replace(asked, url=f"{address}{parts.path}{query}")

            return at_the_mirror

        elsewhere = moved(self.elsewhere) if self.elsewhere is not None else None
        return replace(self, request=moved(self.request), elsewhere=elsewhere, private=True)

    def last_day(self, first: date, wanted: date) -> date:
        """Up to which day may be asked for at once, from `first` on towards `wanted`."""
        days = [wanted]
        if self.span_days is not None:
            days.append(first + timedelta(days=self.span_days - 1))
        if self.within_a_year:
            days.append(date(first.year, 12, 31))
        return min(days)
