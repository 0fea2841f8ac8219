"""What a source says for a date, judged before it is believed: a doubt for each odd value.

A guard is a function with one question. Values are compared with what is known of the same
source and with what other sources say. A value that a witness confirms is believed however
far it moved: then it is the world that moved. docs/guards.md has the measurements.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import combinations

from pricedesk.backend.cases import Case, Hearing
from pricedesk.backend.limits import DEFAULT_LIMITS, Limits
from pricedesk.backend.precedents import PERCENT, Precedent, Value, apart, precedents
from pricedesk.backend.quarantine import Doubt
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import (
    Sheet,
    is_published_value,
)
from pricedesk.backend.sources.source import Source
from pricedesk.backend.witnesses import Testimony, Witnesses
from pricedesk.currencies import CURRENCIES
from pricedesk.errors import in_quotes
from pricedesk.money import decimal_text, round_ratio

FACTORS = (10, 100, 1000)
"""By which a value is off where a point slipped or units were mistaken."""

_NAMES_MAX = 3


def judge(  # noqa: PLR0913  # each is a fact of its own, and no two of them belong together
    sheet: Sheet,
    source: Source,
    known: SourceHistory,
    witnesses: Witnesses,
    today: date,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> list[Doubt]:
    """The doubts about a sheet, by currency; none if all of it is believed.

    Of `known`, what was accepted of the source, counts what is of the sheet's date or before
    it. `today` is the date where the source is.
    """
    doubts = {doubt.code: doubt for doubt in _unreadable(sheet, source)}
    odd_sheet = odd_date(sheet, source, known, today) or incomplete(sheet, known, limits)
    if odd_sheet is not None:
        guard, reason = odd_sheet
        for code in sheet.rates:
            doubts.setdefault(code, Doubt(code, guard, reason))
    else:
        hearing = Hearing(source, sheet.date, known, witnesses, limits)
        readable = [code for code in sheet.rates if code not in doubts]
        before = precedents(readable, sheet.date, known)
        cases = []
        for code in readable:
            value = Value.of(sheet.rates[code], sheet.units.get(code, 1), source.convention)
            cases.append(Case.of(hearing, code, value, before.get(code)))
        partners = swapped(cases)
        found = (odd_value(case, partners.get(case.code)) for case in cases)
        doubts |= {doubt.code: doubt for doubt in found if doubt is not None}
    return [doubts[code] for code in sorted(doubts)]


def _unreadable(sheet: Sheet, source: Source) -> Iterator[Doubt]:
    for code, text in sheet.rates.items():
        doubt = odd_code(code, sheet, source) or odd_text(code, text, sheet)
        if doubt is not None:
            yield doubt


def odd_code(code: str, sheet: Sheet, source: Source) -> Doubt | None:
    """Is the currency one that the source can publish?"""
    if code not in CURRENCIES:
        why = "no ISO 4217 currency"
    elif code == source.convention.pivot:
        why = "the source's own currency"
    else:
        return None
    return Doubt(code, "code", f"{in_quotes(code)} on {sheet.date} is {why}")


def odd_text(code: str, text: str, sheet: Sheet) -> Doubt | None:
    """Is the text a positive plain decimal number, for a positive number of units?"""
    units = sheet.units.get(code, 1)
    if units < 1:
        why = f"for {units} units"
    elif not is_published_value(text):
        why = f"{in_quotes(text)}, not a positive plain decimal with up to 12 digits on each side"
    else:
        return None
    return Doubt(code, "value", f"{code} on {sheet.date} is {why}")


def odd_date(
    sheet: Sheet, source: Source, known: SourceHistory, today: date
) -> tuple[str, str] | None:
    """Can the source have published for this date? Not asked where it is known that it has."""
    day = sheet.date
    if known.on(day) is not None:
        return None
    if day > today:
        return "date", f"{day} is in the future: where {source.key} is, it is {today}"
    if day < source.first_date:
        return "date", f"{day} is before {source.first_date}, the first date of {source.key}"
    if source.calendar.proven and not source.calendar.is_publication_day(day):
        return "date", f"{day} is no day on which {source.key} publishes"
    return None


def incomplete(sheet: Sheet, known: SourceHistory, limits: Limits) -> tuple[str, str] | None:
    """Does it lack currencies that were there before: part of it may be missing?

    What was there and was withheld counts too. Not asked of a correction: what it lacks stays
    as it is known.
    """
    before = known.as_of(sheet.date)
    if before is None or before.date == sheet.date:
        return None
    lost = sorted((before.rates().keys() | before.withheld) - sheet.rates.keys())
    if len(lost) <= limits.currencies_lost:
        return None
    names = ", ".join(lost[:_NAMES_MAX])
    if len(lost) > _NAMES_MAX:
        names += f" and {len(lost) - _NAMES_MAX} more"
    return "completeness", f"{sheet.date} lacks {names} that was there on {before.date}"


def odd_value(case: Case, partner: Case | None) -> Doubt | None:
    """Is it other than what was before and what the witnesses say let one expect?"""
    before = case.before
    if before is None:
        return contradicted(case)
    if case.is_calm:
        return contradicted(case)
    doubt = (
        inverted(case, before)
        or (_swap(case, partner) if partner is not None else None)
        or factored(case, before)
        or far(case, before)
    )
    if doubt is not None:
        return None if confirmed(case) else doubt
    return contradicted(case)


def inverted(case: Case, before: Precedent) -> Doubt | None:
    """Is one over the value about what was before, and the value itself is not?"""
    if case.moved < case.limits.mistaken_percent * PERCENT:
        return None
    numerator, denominator = case.value.fraction
    distance = apart((denominator, numerator), before.value.fraction)
    # Near 1 both are near: then it has to be much nearer.
    if 4 * distance > case.moved or distance > case.limit:
        return None
    return case.doubt("direction", f"within {_shown(distance)} of one over {before}")


def factored(case: Case, before: Precedent) -> Doubt | None:
    """Is it about 10, 100 or 1000 times what was before, or that part of it?"""
    if not case.is_far:
        return None
    numerator, denominator = case.value.fraction
    for factor in FACTORS:
        for undone, times in (
            ((numerator, denominator * factor), f"{factor}"),
            ((numerator * factor, denominator), f"1/{factor}"),
        ):
            distance = apart(undone, before.value.fraction)
            if distance <= case.limit:
                about = f"within {_shown(distance)} of {times} times {before}"
                return case.doubt("factor", about)
    return None


def swapped(cases: Iterable[Case]) -> dict[str, Case]:
    """Which values of a sheet have each other's place, by the currency of one the other?"""
    moved = [c for c in cases if c.moved >= c.limits.mistaken_percent * PERCENT]
    partners: dict[str, Case] = {}
    for one, other in combinations(moved, 2):
        if _has_place_of(one, other) and _has_place_of(other, one):
            partners |= {one.code: other, other.code: one}
    return partners


def _has_place_of(one: Case, other: Case) -> bool:
    """Whether a value is far nearer to what another was before than to what itself was."""
    assert other.before is not None  # noqa: S101  # it moved
    distance = apart(one.value.fraction, other.before.value.fraction)
    return 3 * distance <= one.moved and distance <= other.limit


def _swap(case: Case, partner: Case) -> Doubt:
    return case.doubt(
        "swapped",
        f"and {partner.code} is {partner.value}: each has the other's place, "
        f"{case.code} was {case.before}",
    )


def far(case: Case, before: Precedent) -> Doubt | None:
    """Is it further from what was before than its currency moves, or a correction goes?"""
    if not case.is_far:
        return None
    guard = "correction" if case.corrects else "jump"
    what = "a correction" if case.corrects else "it"
    return case.doubt(
        guard, f"{_shown(case.moved)} from {before}: {what} may move by {_shown(case.limit)}"
    )


def confirmed(case: Case) -> bool:
    """Does a witness say about the same: nearer to the value than to what was before?

    What waits in quarantine is heard too, and the next publication of a witness after the day.
    """
    nearest = min(case.moved // 2, case.limits.confirmed_percent * PERCENT)
    return any(apart(t.rate, case.value.fraction) <= nearest for t in case.testimonies)


def contradicted(case: Case) -> Doubt | None:
    """Do other sources that are believed agree with each other, and nobody with the value?

    Two of them have to, or one where the currency is new and nothing else speaks for it.
    """
    # What is known of the day was believed once; to correct it a little needs nobody's consent.
    if case.corrects or not case.hearing.witnesses or not case.testimonies:
        return None
    limits, value = case.limits, case.value.fraction
    if case.before is None:
        least, needed = limits.confirmed_percent * PERCENT, 1
    else:
        least, needed = limits.disagreed_percent * PERCENT, 2
    distances = [apart(t.rate, value) for t in case.testimonies]
    if min(distances) <= least:
        return None
    # A currency that moves much in a day is not published alike at all hours of it.
    if case.before is not None and min(distances) <= case.limit // 2:
        return None
    against = _agreeing([t for t in case.testimonies if t.same_day and not t.waits], limits)
    if len(against) < needed:
        return None
    names = ", ".join(sorted(t.source for t in against))
    return case.doubt("disagreement", f"{_shown(min(distances))} from what {names} have")


def _agreeing(testimonies: list[Testimony], limits: Limits) -> list[Testimony]:
    """Those of different origins that say the same as one of them: of most such, or of any."""
    best: list[Testimony] = []
    for first in testimonies:
        by_origin: dict[str, Testimony] = {first.origin: first}
        for other in testimonies:
            if apart(first.rate, other.rate) <= limits.agreed_percent * PERCENT:
                by_origin.setdefault(other.origin, other)
        if len(by_origin) > len(best):
            best = list(by_origin.values())
    return best


def _shown(millionths: int) -> str:
    """A distance for reading, in percent."""
    return f"{decimal_text(round_ratio(millionths, PERCENT // 10), 1)} %"
