"""What guards are tried with: a source, a history of it that is calm, and witnesses."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from pricedesk.backend.guards import judge
from pricedesk.backend.quarantine import Doubt
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Convention, Provenance, Publication, Sheet, publication_of
from pricedesk.backend.sources import ecb
from pricedesk.backend.witnesses import Witnesses

ECB = ecb.source("https://ecb.example")
PROVENANCE = Provenance("5" * 64, datetime(2026, 10, 30, 15, tzinfo=UTC))
LAST = date(2026, 10, 29)
DAY = date(2026, 10, 30)
"""A Friday; the history ends on the Thursday before it."""

CALM = {"AUD": "1.5904", "CAD": "1.5606", "CHF": "0.9194", "HUF": "366.33", "USD": "1.1172"}
IN_DOLLARS = Convention("USD", per_pivot=True)


def calm(day: date, step: int) -> Publication:
    """Values that go up and down by half a percent."""
    rates = {code: _stirred(value, step % 2) for code, value in CALM.items()}
    return publication_of("ECB", ecb.CONVENTION, Sheet(day, rates), PROVENANCE)


def _stirred(value: str, more: int) -> str:
    whole, _, fraction = value.partition(".")
    unscaled = int(whole + fraction)
    digits = str(unscaled + more * unscaled // 200).zfill(len(fraction) + 1)
    return f"{digits[: -len(fraction)]}.{digits[-len(fraction) :]}"


def history(days: int = 80) -> SourceHistory:
    """So many days up to LAST, on which the values are those of CALM."""
    return SourceHistory(calm(LAST - timedelta(days=ago), ago) for ago in range(days))


KNOWN = history()


def sheet(changes: Mapping[str, str | None], day: date = DAY) -> Sheet:
    """The values of CALM with changes; None takes a currency out."""
    rates = {code: value for code, value in (CALM | dict(changes)).items() if value is not None}
    return Sheet(day, rates)


def witness(
    source: str,
    rates: Mapping[str, str],
    day: date = DAY,
    withheld: frozenset[str] = frozenset(),
    convention: Convention = IN_DOLLARS,
) -> Publication:
    """What another source says, by default of what a dollar is worth."""
    made = publication_of(source, convention, Sheet(day, dict(rates)), PROVENANCE)
    return replace(made, withheld=withheld)


def doubts(
    judged: Sheet, witnesses: Witnesses | None = None, known: SourceHistory = KNOWN
) -> list[Doubt]:
    """The doubts about a sheet of the ECB."""
    return judge(judged, ECB, known, witnesses or Witnesses(), DAY)


def found(
    judged: Sheet, witnesses: Witnesses | None = None, known: SourceHistory = KNOWN
) -> dict[str, str]:
    """Which guard doubts which currency."""
    return {doubt.code: doubt.guard for doubt in doubts(judged, witnesses, known)}
