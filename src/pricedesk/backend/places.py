"""At which of its places a source is asked: most have one, the ECB has two."""

from datetime import date, datetime

from pricedesk.backend.sources.source import Request, Source


class Places:
    """Whose turn it is, why each place failed last, and when each may be asked again.

    The first place is the source's own choice. Another has its turn after a failure, or while
    the first is behind; as soon as one of them has news it is the first one's turn again.
    """

    def __init__(self, source: Source) -> None:
        self._requests = [source.request]
        if source.elsewhere is not None:
            self._requests.append(source.elsewhere)
        self._failures: list[str | None] = [None] * len(self._requests)
        self._not_before: list[datetime | None] = [None] * len(self._requests)
        self._turn = 0

    @property
    def not_before(self) -> datetime | None:
        """Before this instant no place wants to be asked; None where one does at any time."""
        instants = [at for at in self._not_before if at is not None]
        return min(instants) if len(instants) == len(self._not_before) else None

    @property
    def is_other_next(self) -> bool:
        """Whether the first place was asked just now, to no avail, and there is another."""
        return self._turn > 0

    def request(self, first: date, last: date, now: datetime) -> Request:
        """The document with these days, where it is to be asked for now."""
        at = self._not_before[self._turn]
        if at is not None and now < at:
            self._move_on()
        return self._requests[self._turn](first, last)

    def failed(self, reason: str, again_at: datetime | None) -> str:
        """The place in turn failed and may be asked again at that instant; gives all reasons."""
        self._failures[self._turn], self._not_before[self._turn] = reason, again_at
        self._move_on()
        return "; elsewhere: ".join(failure for failure in self._failures if failure is not None)

    def has_news(self) -> None:
        """The place in turn had what was looked for."""
        self._failures = [None] * len(self._requests)
        self._not_before[self._turn] = None
        self._turn = 0

    def is_behind(self, *, overdue: bool) -> str | None:
        """The place in turn is well, but has no news; gives why the first place failed, if so."""
        self._failures[self._turn], self._not_before[self._turn] = None, None
        if self._turn > 0 or overdue:
            self._move_on()
        return self._failures[0]

    def recall(self, document: str | None, again_at: datetime, day: date) -> None:
        """The place that this document was asked of does not want to be asked before then."""
        others = enumerate(self._requests[1:], start=1)
        place = next((n for n, request in others if request(day, day).name == document), 0)
        self._not_before[place] = again_at

    def _move_on(self) -> None:
        self._turn = (self._turn + 1) % len(self._requests)
