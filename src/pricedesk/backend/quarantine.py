"""Values that a guard did not believe, kept with the reason until a person decides.

A value is withheld by source, date and currency; the rest of its publication is used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum

from pricedesk.backend.rates import (
    Convention,
    Provenance,
    Publication,
    Sheet,
    is_published_value,
    publication_of,
    same_value,
)
from pricedesk.backend.sources.source import Source
from pricedesk.currencies import CURRENCIES


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a guard does not believe the value of a currency: the guard's name and a sentence."""

    code: str
    guard: str
    reason: str


class Verdict(Enum):
    """What becomes of a withheld value."""

    WAITING = "waiting"
    RELEASED = "released"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict on a withheld value: when, by whom, and why."""

    verdict: Verdict
    decided_at: datetime
    decided_by: str
    why: str


@dataclass(frozen=True, slots=True)
class WithheldValue:
    """A value that is kept out of its publication, as its document has it.

    `number` is given by the store, 0 before that; `decision` is None while it waits.
    """

    source: str
    date: date
    doubt: Doubt
    value: str
    units: int
    provenance: Provenance
    withheld_at: datetime
    number: int = 0
    decision: Decision | None = None

    @property
    def code(self) -> str:
        """The currency."""
        return self.doubt.code

    @property
    def verdict(self) -> Verdict:
        """What has become of it."""
        return self.decision.verdict if self.decision is not None else Verdict.WAITING

    def is_usable(self, convention: Convention) -> bool:
        """Whether it could be part of a publication of its source, believed or not."""
        return (
            is_published_value(self.value)
            and self.units > 0
            and self.code in CURRENCIES
            and self.code != convention.pivot
        )


class Withheld:
    """What was withheld of one source, to be asked whether a value is among it."""

    def __init__(self, values: Iterable[WithheldValue]) -> None:
        self._values: dict[tuple[date, str], list[WithheldValue]] = {}
        for value in values:
            self._values.setdefault((value.date, value.code), []).append(value)

    @property
    def waiting(self) -> int:
        """How many of them wait for a decision."""
        held = (value for values in self._values.values() for value in values)
        return sum(value.verdict is Verdict.WAITING for value in held)

    def of(self, sheet: Sheet) -> dict[str, WithheldValue]:
        """The values of a sheet that are withheld, by currency: waiting, or rejected."""
        held = {
            code: self.held(sheet.date, code, text, sheet.units.get(code, 1))
            for code, text in sheet.rates.items()
        }
        return {code: value for code, value in held.items() if value is not None}

    def held(self, day: date, code: str, text: str, units: int) -> WithheldValue | None:
        """This value of a currency on a day, if it is withheld: waiting, or rejected."""
        for value in self._values.get((day, code), ()):
            released = value.verdict is Verdict.RELEASED
            if not released and value.units == units and same_value(value.value, text):
                return value
        return None


def is_settled(sheet: Sheet, known: Publication | None, withheld: Withheld) -> bool:
    """Whether each value of a sheet is accepted already, or withheld already."""
    rates = known.rates() if known is not None else {}
    units = known.units_by_code() if known is not None else {}
    for code, text in sheet.rates.items():
        count = sheet.units.get(code, 1)
        accepted = code in rates and same_value(rates[code], text) and units.get(code, 1) == count
        if not accepted and withheld.held(sheet.date, code, text, count) is None:
            return False
    return True


def without_doubted(
    source: Source,
    sheet: Sheet,
    doubted: Iterable[str],
    known: Publication | None,
    provenance: Provenance,
) -> Publication | None:
    """The publication that a sheet makes without its doubted values, None if nothing is new.

    `known` is the publication of that date. What it has is taken away neither by a doubted
    value nor by one that is missing.
    """
    doubted = frozenset(doubted)
    if doubted.issuperset(sheet.rates):
        return None
    rates = known.rates() if known is not None else {}
    units = known.units_by_code() if known is not None else {}
    for code, text in sheet.rates.items():
        if code not in doubted:
            rates[code], units[code] = text, sheet.units.get(code, 1)
    believed = Sheet(sheet.date, rates, units)
    made = publication_of(source.key, source.convention, believed, provenance)
    before = known.withheld if known is not None else frozenset()
    made = replace(made, withheld=((doubted & CURRENCIES.keys()) | before) - rates.keys())
    if known is None:
        return made
    if made.says_the_same(known) and made.withheld == known.withheld:
        return None
    return replace(made, revision=known.revision + 1)


def filled_in(day: date, known: Publication | None, values: Iterable[WithheldValue]) -> Sheet:
    """What a publication has for its date, with withheld values put in.

    Of several values of a currency the last one counts. `known` is the publication as it was
    accepted, None if nothing was.
    """
    rates = known.rates() if known is not None else {}
    units = known.units_by_code() if known is not None else {}
    for value in values:
        rates[value.code], units[value.code] = value.value, value.units
    return Sheet(day, rates, units)


def with_released(
    convention: Convention,
    known: Publication | None,
    values: Sequence[WithheldValue],
    held: Iterable[str],
) -> Publication:
    """The publication that these values of one date make, put into what is known of it.

    `held` are the currencies of that date that stay withheld.
    """
    last = values[-1]
    sheet = filled_in(last.date, known, values)
    made = publication_of(last.source, convention, sheet, last.provenance)
    return replace(
        made,
        withheld=(frozenset(held) & CURRENCIES.keys()) - sheet.rates.keys(),
        revision=known.revision + 1 if known is not None else 1,
    )


def by_publication(
    values: Iterable[WithheldValue],
) -> Mapping[tuple[str, date], list[WithheldValue]]:
    """Withheld values by source and date."""
    found: dict[tuple[str, date], list[WithheldValue]] = {}
    for value in values:
        found.setdefault((value.source, value.date), []).append(value)
    return found
