"""What the guards doubt, measured: the figures of docs/guards.md.

    python bench/guards.py [FOLDER]

Judges the ECB's whole history and the recorded answers of the other sources, day by day, each
by what was there before it; damages values of the ECB's history and counts what is caught;
and measures how far sources are from each other on the same day. Of banks that are no sources of
Pricedesk, and whose recorded answers are in the folder (`_banks.py` has the names), the same is
printed.
"""

import random
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from pathlib import Path

from _banks import PROVENANCE, inverse, read_banks
from pricedesk.backend.guards import judge
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.precedents import apart
from pricedesk.backend.quarantine import Doubt
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import (
    Publication,
    Sheet,
    publication_of,
    rate_in,
)
from pricedesk.backend.sources import find_sources
from pricedesk.backend.sources.source import Source
from pricedesk.backend.witnesses import Witnesses
from pricedesk.currencies import CURRENCIES
from pricedesk.money import decimal_text

FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures"
RECORDED = ("BOC", "NB", "BOE", "CNB", "NBP", "RB")
TODAY = date(2026, 10, 30)
NOBODY = Witnesses()

GROUPS = {
    "pegged to the euro or nearly": ("DKK", "BGN"),
    "large": ("USD", "JPY", "GBP", "CHF", "CAD", "AUD"),
    "European": ("CZK", "HUF", "NOK", "PLN", "RON", "SEK"),
    "emerging": ("BRL", "IDR", "KRW", "MXN", "TRY", "ZAR"),
}
ERRORS_PERCENT = (2, 3, 5, 10, 20, 50)
DAYS_TRIED = 100


class Replay(SourceHistory):
    """What was known in the evening of a day that moves on."""

    evening = date.max

    def as_of(self, day: date) -> Publication | None:
        """The last publication on or before a day, as far as it was known."""
        return super().as_of(min(day, self.evening))


def day_by_day(
    source: Source, publications: Sequence[Publication], witnesses: Witnesses = NOBODY
) -> Iterator[Doubt]:
    """The doubts about each publication, as if all before it had been accepted."""
    known = Replay(publications)
    known.evening = date.min
    for publication in publications:
        sheet = Sheet(publication.date, publication.rates(), publication.units_by_code())
        yield from judge(sheet, source, known, witnesses, TODAY)
        known.evening = publication.date


def recorded(key: str) -> tuple[Source, list[Publication]]:
    """A source and its recorded answer."""
    [source] = find_sources((key,), "")
    # What gold was worth is no sheet of rates.
    files = [path for path in (FIXTURES / key.lower()).iterdir() if "gold" not in path.name]
    raw = min(files).read_bytes()
    sheets = source.read(source.request(TODAY, TODAY), raw)
    return source, [publication_of(key, source.convention, s, PROVENANCE) for s in sheets]


def percent(millionths: int) -> str:
    """For reading."""
    return f"{decimal_text(millionths // 100, 2)} %"


def scaled(text: str, numerator: int, denominator: int) -> str:
    """A value text times a fraction, to twelve decimals."""
    whole, _, fraction = text.partition(".")
    unscaled = int(whole + fraction) * 10 ** (12 - len(fraction))
    return decimal_text(unscaled * numerator // denominator, 12)


class Damage:
    """Sheets of the ECB's history with something wrong in them."""

    def __init__(self) -> None:
        [self.source] = find_sources(("ECB",), "")
        self.publications = packaged_publications()
        self.known = Replay(self.publications)
        self.random = random.Random(20261030)  # noqa: S311  # the same days each time
        later = range(250, len(self.publications))
        self.tried = sorted(self.random.sample(later, DAYS_TRIED))

    def guards(self, sheet: Sheet, number: int) -> dict[str, str]:
        """Which guard doubts what of a sheet, by what was known before a publication."""
        self.known.evening = self.publications[number - 1].date
        judged = judge(sheet, self.source, self.known, NOBODY, self.publications[number].date)
        return {doubt.code: doubt.guard for doubt in judged}

    def of_one_value(self, what: str, codes: Iterable[str]) -> Counter[str]:
        """How often which guard caught a damaged value of one of the currencies, or none."""
        caught: Counter[str] = Counter()
        for number in self.tried:
            publication = self.publications[number]
            rates = publication.rates()
            for code in codes:
                if code in rates:
                    sheet = Sheet(publication.date, rates | {code: damaged(rates[code], what)})
                    caught[self.guards(sheet, number).get(code, "")] += 1
        return caught

    def of_two_values(self) -> Counter[str]:
        """How often which guard caught two currencies that were swapped, of each pair of ten."""
        caught: Counter[str] = Counter()
        codes = [*GROUPS["large"], "NOK", "SEK", "HKD", "CNY"]
        for number in self.tried[::4]:
            publication = self.publications[number]
            rates = publication.rates()
            for one, other in combinations([code for code in codes if code in rates], 2):
                swapped = rates | {one: rates[other], other: rates[one]}
                guards = self.guards(Sheet(publication.date, swapped), number)
                caught[guards.get(one) or guards.get(other) or ""] += 1
        return caught

    def of_sheets(self, what: str) -> Counter[str]:
        """How often which guard caught all values of a damaged sheet."""
        caught: Counter[str] = Counter()
        for number in self.tried:
            publication = self.publications[number]
            rates = publication.rates()
            day = publication.date
            if what == "three currencies missing":
                rates = dict(list(rates.items())[3:])
            elif what == "a date in the future":
                day = self.publications[min(number + 1, len(self.publications) - 1)].date
            elif what == "a date before the first":
                day = date(1998, 12, 31)
            elif what == "a day off":
                day = date.fromordinal(day.toordinal() - day.weekday() - 1)
            guards = self.guards(Sheet(day, rates), number)
            caught[next(iter(guards.values())) if guards.keys() == rates.keys() else ""] += 1
        return caught


def damaged(text: str, what: str) -> str:
    """A value with something wrong."""
    found = {"inverted": inverse(text), "negative": f"-{text}"}.get(what, what)
    match what.split():
        case ["x", factor]:
            found = scaled(text, int(factor), 1)
        case ["/", factor]:
            found = scaled(text, 1, int(factor))
        case ["+", error]:
            found = scaled(text, 100 + int(error), 100)
        case ["-", error]:
            found = scaled(text, 100, 100 + int(error))
    return found


def share(caught: Counter[str]) -> str:
    """What part was caught, and by which guards."""
    total = sum(caught.values())
    missed = caught[""]
    guards = ", ".join(f"{n} {guard}" for guard, n in caught.most_common() if guard)
    part = f"{decimal_text((total - missed) * 1000 // total, 1)} %"
    return f"{part:>8} of {total:>6}   {guards}"


def print_real_history(more: dict[str, list[Publication]]) -> None:
    """Every doubt about what was really published."""
    [ecb] = find_sources(("ECB",), "")
    publications = packaged_publications()
    started = time.perf_counter()
    doubts = list(day_by_day(ecb, publications))
    seconds = time.perf_counter() - started
    values = sum(len(p.rates()) for p in publications)
    print(f"ECB: {len(publications)} days, {values} values, {len(doubts)} doubted, {seconds:.1f} s")
    for doubt in doubts:
        print(f"  {doubt.guard}: {doubt.reason}")
    all_of_them = [p for p in publications if p.date.year >= 2023]
    found = {key: recorded(key) for key in RECORDED}
    for key, extra in more.items():
        calendar = replace(ecb.calendar, proven=False)
        source = replace(ecb, key=key, convention=extra[0].convention, calendar=calendar)
        found[key] = (source, extra)
    for _, extra in found.values():
        all_of_them += extra
    origins = {"NB": "ECB", "RB": "ECB"}
    for key, (source, extra) in found.items():
        for how, witnesses in (
            ("alone", NOBODY),
            ("with all others", Witnesses(all_of_them, origins)),
        ):
            doubts = list(day_by_day(source, extra, witnesses))
            values = sum(len(p.rates()) for p in extra)
            print(f"{key} {how}: {len(extra)} days, {values} values, {len(doubts)} doubted")
            for (guard, reason), count in Counter((d.guard, d.reason) for d in doubts).items():
                print(f"  {guard}: {reason}{f' ({count} values)' if count > 1 else ''}")


def print_damage() -> None:
    """What of damaged values and sheets is caught."""
    damage = Damage()
    everyone = [code for group in GROUPS.values() for code in group]
    print(f"\nOne damaged value, {DAYS_TRIED} days, {len(everyone)} currencies:")
    for what in ("x 10", "x 100", "x 1000", "/ 10", "/ 100", "inverted", "negative"):
        print(f"  {what:<26}{share(damage.of_one_value(what, everyone))}")
    for what in ("0", "0.000", "NaN", "Infinity", "1e400", "1,234.5", ""):
        print(f"  {what or '(empty)':<26}{share(damage.of_one_value(what, everyone))}")
    print(f"  {'two swapped':<26}{share(damage.of_two_values())}")
    for what in (
        "three currencies missing",
        "a date in the future",
        "a date before the first",
        "a day off",
    ):
        print(f"  {what:<26}{share(damage.of_sheets(what))}")
    print("\nOne value a little off, by the ECB alone:")
    for name, codes in GROUPS.items():
        for error in ERRORS_PERCENT:
            caught = damage.of_one_value(f"+ {error}", codes)
            caught += damage.of_one_value(f"- {error}", codes)
            print(f"  {name:<30}{error:>3} % {share(caught)}")


def print_spreads(more: dict[str, list[Publication]]) -> None:
    """How far sources are from each other, on the same day and on the next one."""
    histories = {"ECB": [p for p in packaged_publications() if p.date.year >= 2023]}
    histories |= {key: recorded(key)[1] for key in RECORDED} | more
    print("\nSources from each other: values, median, 99 of 100, largest")
    for one, other in combinations(histories, 2):
        for what, later in (("same day", 0), ("next publication", 1)):
            found = sorted(_distances(histories[one], histories[other], later))
            if found:
                middle, most = (found[len(found) * n // 100] for n in (50, 99))
                print(
                    f"  {one:<4}{other:<4} {what:<17}{len(found):>6}"
                    f"{percent(middle):>9}{percent(most):>9}{percent(found[-1]):>9}"
                )


def _distances(
    mine: Iterable[Publication], theirs: Sequence[Publication], later: int
) -> Iterator[int]:
    days = [publication.date for publication in theirs]
    for publication in mine:
        number = bisect_right(days, publication.date) - 1 + later
        if not 0 <= number < len(days) or (days[number] - publication.date).days > 7 * later:
            continue
        other = theirs[number]
        if not later and other.date != publication.date:
            continue
        pivot = CURRENCIES[publication.convention.pivot]
        for code in publication.rates():
            if other.publishes(code) and other.publishes(pivot.code):
                rates = (rate_in(p, pivot, CURRENCIES[code]) for p in (publication, other))
                yield apart(*((rate.numerator, rate.denominator) for rate in rates))


def main() -> None:
    """Print all of it."""
    more = read_banks(Path(sys.argv[1])) if len(sys.argv) > 1 else {}
    print_real_history(more)
    print_damage()
    print_spreads(more)


if __name__ == "__main__":
    main()
