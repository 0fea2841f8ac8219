"""Rows of the store's tables and what they mean; no database here.

Dates, instants and digits are texts. Tens of thousands of publications are read at a start, so
what many of them share is made once: a tuple of codes, a convention, a provenance.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from pricedesk.backend.database import Row, Value
from pricedesk.backend.quarantine import Decision, Doubt, Verdict, WithheldValue
from pricedesk.backend.rates import Convention, Provenance, Publication
from pricedesk.errors import in_quotes

PUBLICATION_COLUMNS = (
    "sequence, source, date, revision, pivot, per_pivot, codes, rates, units, withheld,"
    " document, fetched_at, accepted_at"
)
WITHHELD_COLUMNS = (
    "number, source, date, code, guard, reason, value, units, document, fetched_at, withheld_at"
)
DECISION_COLUMNS = "verdict, decided_at, decided_by, why"
LOOK_COLUMNS = "source, looked_at, document, accepted, withheld, failure, failing_since, not_before"

_VALUES = re.compile(r"(?:(?:[0-9]{1,12}+(?:\.[0-9]{1,12}+)?+)?+,)*+")
_ZERO = re.compile(r",0++(?:\.0++)?,")
"""Published values, some of them missing, each with a comma behind it; and one that is zero.
Nothing is matched in two ways, so nothing is tried twice: this is most of what reading costs."""

_UNKEEPABLE = re.compile("[\\\\\0\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")


@dataclass(frozen=True, slots=True)
class Look:
    """The last look at a source: when, at which document, and what came of it.

    `failing_since` is the first of the looks in a row that failed. Before `not_before` the
    source does not want to be asked again.
    """

    source: str
    at: datetime
    document: str | None = None
    accepted: int = 0
    withheld: int = 0
    failure: str | None = None
    failing_since: datetime | None = None
    not_before: datetime | None = None


def row_of_publication(sequence: int, publication: Publication) -> list[Value]:
    """The values of PUBLICATION_COLUMNS."""
    return [
        sequence,
        publication.source,
        publication.date.isoformat(),
        publication.revision,
        publication.convention.pivot,
        int(publication.convention.per_pivot),
        ",".join(publication.codes),
        publication.row,
        ",".join(map(str, publication.units)),
        ",".join(sorted(publication.withheld)),
        publication.provenance.sha256,
        text_of(publication.provenance.fetched_at),
        None if publication.accepted_at is None else text_of(publication.accepted_at),
    ]


def publication_of_row(row: Row) -> Publication:
    """The publication of a row of PUBLICATION_COLUMNS.

    Raises:
        ValueError: a value of the row is damaged.
    """
    source, day, revision, pivot, per_pivot, codes, rates, units, withheld = row[1:10]
    if not (are_published_values(rates) and rates.count(",") == codes.count(",")):
        raise ValueError(f"{source} has the values {in_quotes(rates)} for {day}")
    if units and units.count(",") != codes.count(","):
        raise ValueError(f"{source} has the units {in_quotes(units)} for {day}")
    return Publication(
        source,
        date.fromisoformat(day),
        _convention(pivot, per_pivot),
        _codes(codes),
        rates,
        _provenance(row[10], row[11]),
        _units(units),
        revision,
        _withheld(withheld),
        _instant(row[12]),
    )


def are_published_values(rates: str) -> bool:
    """Whether each text between the commas is a published value, or empty."""
    return _VALUES.fullmatch(f"{rates},") is not None and not _ZERO.search(f",{rates},")


def key_of_withheld(value: WithheldValue) -> Row:
    """What makes a value of a source the same one as before: date, code, value, units."""
    return (value.date.isoformat(), value.doubt.code, keepable(value.value), value.units)


def row_of_withheld(value: WithheldValue) -> list[Value]:
    """The values of WITHHELD_COLUMNS."""
    return [
        value.number,
        value.source,
        value.date.isoformat(),
        value.doubt.code,
        value.doubt.guard,
        keepable(value.doubt.reason),
        keepable(value.value),
        value.units,
        value.provenance.sha256,
        text_of(value.provenance.fetched_at),
        text_of(value.withheld_at),
    ]


def withheld_of_row(row: Row) -> WithheldValue:
    """The value of a row of WITHHELD_COLUMNS and, as far as there are any, DECISION_COLUMNS.

    Raises:
        ValueError: a value of the row is damaged.
    """
    number, source, day, code, guard, reason, value, units, sha256, fetched_at, at = row[:11]
    return WithheldValue(
        source,
        date.fromisoformat(day),
        Doubt(code, guard, as_kept(reason)),
        as_kept(value),
        units,
        _provenance(sha256, fetched_at),
        datetime.fromisoformat(at),
        number,
        decision_of_row(row[11:]),
    )


def row_of_decision(number: int, decision: Decision) -> list[Value]:
    """The number and the values of DECISION_COLUMNS."""
    return [
        number,
        decision.verdict.value,
        text_of(decision.decided_at),
        keepable(decision.decided_by),
        keepable(decision.why),
    ]


def decision_of_row(row: Row) -> Decision | None:
    """The decision of a row of DECISION_COLUMNS, None if they are empty.

    Raises:
        ValueError: a value of the row is damaged.
    """
    verdict, decided_at, decided_by, why = row
    if verdict is None:
        return None
    return Decision(
        Verdict(verdict), datetime.fromisoformat(decided_at), as_kept(decided_by), as_kept(why)
    )


def row_of_look(look: Look) -> list[Value]:
    """The values of LOOK_COLUMNS."""
    return [
        look.source,
        text_of(look.at),
        look.document,
        look.accepted,
        look.withheld,
        None if look.failure is None else keepable(look.failure),
        None if look.failing_since is None else text_of(look.failing_since),
        None if look.not_before is None else text_of(look.not_before),
    ]


def look_of_row(row: Row) -> Look:
    """The look of a row of LOOK_COLUMNS.

    Raises:
        ValueError: a value of the row is damaged.
    """
    source, looked_at, document, accepted, withheld, failure, failing_since, not_before = row
    return Look(
        source,
        datetime.fromisoformat(looked_at),
        document,
        accepted,
        withheld,
        None if failure is None else as_kept(failure),
        _instant(failing_since),
        _instant(not_before),
    )


def days_of_row(row: Row) -> tuple[date, date]:
    """The first and the last day of a range.

    Raises:
        ValueError: one of them is damaged.
    """
    first, last = row[:2]
    return date.fromisoformat(first), date.fromisoformat(last)


def keepable(text: str) -> str:
    r"""A stranger's text without what a database cannot hold: zero bytes, lone surrogates.

    They are written as \u0000, and a backslash as \u005c, so that `as_kept` knows them.
    """
    return _UNKEEPABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def as_kept(text: str) -> str:
    """The text that `keepable` was given."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def text_of(instant: datetime) -> str:
    """An instant as it is kept: ISO 8601, always in UTC."""
    return instant.astimezone(UTC).isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@lru_cache(1024)
def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


@lru_cache(1024)
def _units(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(","))) if text else ()


@lru_cache(1024)
def _withheld(text: str) -> frozenset[str]:
    return frozenset(text.split(",")) if text else frozenset()


@lru_cache(1024)
def _convention(pivot: str, per_pivot: int) -> Convention:
    return Convention(pivot, per_pivot=bool(per_pivot))


@lru_cache(1024)
def _provenance(sha256: str, fetched_at: str) -> Provenance:
    return Provenance(sha256, datetime.fromisoformat(fetched_at))


def merged(ranges: Sequence[tuple[date, date]]) -> list[tuple[date, date]]:
    """Ranges of days in order, those that touch or overlap made one."""
    found: list[tuple[date, date]] = []
    for first, last in sorted(ranges):
        if found and (first - found[-1][1]).days <= 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
