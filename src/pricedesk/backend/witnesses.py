"""What other sources say about a value: they confirm it, or speak against it.

A witness is a publication of another source, an accepted one or one that was put together
from values that wait in quarantine: when all sources move at once, each of them is doubted
for itself, and only by listening to what waits can the first of them be believed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pricedesk.backend.precedents import Fraction
from pricedesk.backend.quarantine import Verdict, WithheldValue, filled_in
from pricedesk.backend.rates import (
    Convention,
    Publication,
    publication_of,
    rate_in,
)
from pricedesk.currencies import CURRENCIES

NEXT_DAYS = timedelta(days=7)
"""How long after a day the next publication of a source may come to be a witness of the day."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """What a witness says about a pair: the rate, of which source and date, and how.

    Sources that take their figures from one `origin` are one voice. It is of the same day, or
    of the next publication after it. It `waits` where the witness itself is not believed yet.
    """

    source: str
    origin: str
    date: date
    rate: Fraction
    same_day: bool
    waits: bool


class Witnesses:
    """The publications of other sources, found by day; never changes once it is made.

    `origins` has whom a source takes its figures from, by the key of the source; one that is
    not in it has its own, and one whose origin is empty blends those of others and is no
    witness at all. Of a source of the same origin nothing is listened to: it repeats an error.
    """

    def __init__(
        self, publications: Iterable[Publication] = (), origins: Mapping[str, str] | None = None
    ) -> None:
        self._origins = origins or {}
        self._publications: dict[str, dict[date, Publication]] = {}
        for publication in publications:
            days = self._publications.setdefault(publication.source, {})
            known = days.get(publication.date)
            if known is None or _says_more(publication, known):
                days[publication.date] = publication

    def __len__(self) -> int:
        return len(self._publications)

    def about(
        self, code: str, convention: Convention, source: str, day: date
    ) -> Iterator[Testimony]:
        """What the witnesses say about a currency and the pivot of a source, around a day.

        The rates are the way round in which the source publishes.
        """
        mine = self._origins.get(source, source)
        for witness, days in self._publications.items():
            origin = self._origins.get(witness, witness)
            if witness == source or not origin or origin == mine:
                continue
            for publication in self._around(days, day):
                if publication.publishes(code) and publication.publishes(convention.pivot):
                    yield _testimony(publication, origin, code, convention, day)
                    # What it says of the day itself is not made up for by what it says later.
                    break

    @staticmethod
    def _around(days: Mapping[date, Publication], day: date) -> Iterator[Publication]:
        """The publication of the day, and the first one after it."""
        if day in days:
            yield days[day]
        for count in range(1, NEXT_DAYS.days + 1):
            following = days.get(day + timedelta(days=count))
            if following is not None:
                yield following
                return


def _says_more(publication: Publication, known: Publication) -> bool:
    """Whether it is to be heard in the place of another of its date: it has what waits too."""
    mine, theirs = (
        (p.revision, len(p.rates()), len(p.withheld & p.rates().keys()))
        for p in (publication, known)
    )
    return mine > theirs


def _testimony(
    publication: Publication, origin: str, code: str, convention: Convention, day: date
) -> Testimony:
    pair = (CURRENCIES[convention.pivot], CURRENCIES[code])
    rate = rate_in(publication, *(pair if convention.per_pivot else pair[::-1]))
    return Testimony(
        publication.source,
        origin,
        publication.date,
        (rate.numerator, rate.denominator),
        same_day=publication.date == day,
        waits=not publication.withheld.isdisjoint((code, convention.pivot)),
    )


def with_waiting(
    accepted: Publication | None, waiting: Iterable[WithheldValue], convention: Convention
) -> Publication | None:
    """A publication with the values of its date that wait, as a witness; None if none can be.

    It is no publication to answer from. Those that wait are in its `withheld`; where one of
    them would correct an accepted value, it stands in its place.
    """
    held = [w for w in waiting if w.verdict is Verdict.WAITING and w.is_usable(convention)]
    if not held:
        return accepted
    first = held[0]
    provenance = accepted.provenance if accepted is not None else first.provenance
    return replace(
        publication_of(first.source, convention, filled_in(first.date, accepted, held), provenance),
        revision=accepted.revision if accepted is not None else 1,
        withheld=frozenset(value.code for value in held),
    )
