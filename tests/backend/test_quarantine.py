"""Withheld values: what a publication is without them, with them, and when nothing is new."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pricedesk.backend.quarantine import (
    Decision,
    Doubt,
    Verdict,
    Withheld,
    WithheldValue,
    by_publication,
    is_settled,
    with_released,
    without_doubted,
)
from pricedesk.backend.rates import Convention, Provenance, Publication, Sheet, publication_of
from pricedesk.backend.sources import find_sources

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
FIRST, SECOND = Provenance("1" * 64, NOON), Provenance("2" * 64, NOON.replace(hour=13))
DAY = date(2026, 11, 2)
[NB] = find_sources(["NB"], "https://ecb.example")
NOK = Convention("NOK", per_pivot=False)
REJECTED = Decision(Verdict.REJECTED, NOON, "ada", "a typing error")
RELEASED = Decision(Verdict.RELEASED, NOON, "ada", "it is real")


def sheet(**rates: str) -> Sheet:
    return Sheet(DAY, rates)


def sheet_of_units(units: dict[str, int], **rates: str) -> Sheet:
    return Sheet(DAY, rates, units)


def known(**rates: str) -> Publication:
    return publication_of("NB", NOK, sheet(**rates), FIRST)


def withheld(
    code: str, value: str, decision: Decision | None = None, units: int = 1
) -> WithheldValue:
    doubt = Doubt(code, "jump", f"{code} moved")
    return WithheldValue("NB", DAY, doubt, value, units, SECOND, NOON, 1, decision)


@pytest.mark.parametrize(
    ("codes", "before", "rates", "held", "revision"),
    [
        ("", None, {"USD": "9.5", "EUR": "11"}, "", 1),
        ("USD", None, {"EUR": "11"}, "USD", 1),
        # What is no currency is not missed either.
        ("USD ZZZ", None, {"EUR": "11"}, "USD", 1),
        # A doubted correction does not take away what is known.
        ("USD", {"USD": "9.4", "EUR": "10"}, {"USD": "9.4", "EUR": "11"}, "", 2),
        ("USD", {"EUR": "10"}, {"EUR": "11"}, "USD", 2),
    ],
)
def test_a_publication_is_made_of_what_is_not_doubted(
    codes: str,
    before: dict[str, str] | None,
    rates: dict[str, str],
    held: str,
    revision: int,
) -> None:
    read = sheet(USD="9.5", EUR="11", ZZZ="1") if "ZZZ" in codes else sheet(USD="9.5", EUR="11")
    mine = known(**before) if before else None
    made = without_doubted(NB, read, codes.split(), mine, SECOND)
    assert made is not None
    assert (made.rates(), " ".join(made.withheld), made.revision) == (rates, held, revision)
    assert (made.source, made.date, made.provenance) == ("NB", DAY, SECOND)


def test_units_go_with_the_values() -> None:
    read = sheet_of_units({"HUF": 100}, HUF="2.85", EUR="11")
    made = without_doubted(NB, read, ["EUR"], None, SECOND)
    assert made is not None
    assert made.units_by_code() == {"HUF": 100}
    corrected = without_doubted(NB, sheet(HUF="2.9", EUR="12"), ["HUF"], made, SECOND)
    assert corrected is not None
    assert (corrected.rates(), corrected.units_by_code()) == (
        {"HUF": "2.85", "EUR": "12"},
        {"HUF": 100},
    )


@pytest.mark.parametrize(
    ("codes", "before"),
    [
        ("USD EUR", None),
        ("USD EUR", {"USD": "9.4"}),
        # Nothing but the doubted value is new.
        ("USD", {"USD": "9.4", "EUR": "11.0"}),
        ("", {"USD": "9.50", "EUR": "11"}),
    ],
)
def test_nothing_new_makes_no_publication(codes: str, before: dict[str, str] | None) -> None:
    mine = known(**before) if before else None
    assert without_doubted(NB, sheet(USD="9.5", EUR="11"), codes.split(), mine, SECOND) is None


def test_what_a_document_lacks_of_a_known_date_stays() -> None:
    made = without_doubted(NB, sheet(USD="9.6"), [], known(USD="9.5", EUR="11"), SECOND)
    assert made is not None
    assert (made.rates(), made.revision) == ({"USD": "9.6", "EUR": "11"}, 2)
    mine = replace(known(EUR="11"), withheld=frozenset({"JPY"}))
    kept = without_doubted(NB, sheet(USD="9.5"), [], mine, SECOND)
    assert kept is not None
    assert kept.withheld == frozenset({"JPY"})


def test_a_value_put_in_makes_a_further_revision() -> None:
    mine = replace(known(EUR="11"), withheld=frozenset({"USD", "JPY"}), revision=2)
    values = [withheld("USD", "9.4"), withheld("USD", "9.5")]
    made = with_released(NOK, mine, values, ["USD", "JPY", "ZZZ"])
    assert (made.rates(), made.revision) == ({"EUR": "11", "USD": "9.5"}, 3)
    assert (made.withheld, made.provenance) == (frozenset({"JPY"}), SECOND)


def test_a_part_of_a_date_that_is_withheld_as_a_whole_leaves_the_rest_withheld() -> None:
    made = with_released(NOK, None, [withheld("HUF", "2.85", units=100)], ["HUF", "USD", "EUR"])
    assert (made.rates(), made.units_by_code(), made.revision) == ({"HUF": "2.85"}, {"HUF": 100}, 1)
    assert made.withheld == frozenset({"USD", "EUR"})


@pytest.mark.parametrize(
    ("code", "value", "units", "usable"),
    [
        ("USD", "9.5", 1, True),
        ("HUF", "2.85", 100, True),
        ("USD", "NaN", 1, False),
        ("USD", "9.5", 0, False),
        ("ZZZ", "9.5", 1, False),
        ("NOK", "9.5", 1, False),
    ],
)
def test_a_value_is_usable_if_it_could_be_part_of_a_publication(
    code: str, value: str, units: int, usable: bool
) -> None:
    assert withheld(code, value, units=units).is_usable(NOK) is usable


@pytest.mark.parametrize(
    ("decision", "text", "settled"),
    [
        (None, "9.5", True),
        (None, "9.50", True),
        (None, "9.6", False),
        (REJECTED, "9.5", True),
        # It was released and is gone again: that is news.
        (RELEASED, "9.5", False),
    ],
)
def test_a_sheet_is_settled_when_each_value_is_accepted_or_withheld(
    decision: Decision | None, text: str, settled: bool
) -> None:
    held = Withheld([withheld("USD", "9.5", decision)])
    assert is_settled(sheet(USD=text, EUR="11"), known(EUR="11.0"), held) is settled


@pytest.mark.parametrize(
    "read", [sheet(EUR="12", USD="9.5"), sheet_of_units({"EUR": 100}, EUR="11", USD="9.5")]
)
def test_a_sheet_that_changes_something_is_not_settled(read: Sheet) -> None:
    assert not is_settled(read, known(EUR="11", USD="9.5"), Withheld([]))


def test_a_sheet_that_only_lacks_something_is_settled() -> None:
    assert is_settled(sheet(EUR="11"), known(EUR="11", USD="9.5"), Withheld([]))


def test_a_value_for_other_units_is_another_value() -> None:
    held = Withheld([withheld("HUF", "2.85")])
    assert is_settled(sheet(HUF="2.85"), None, held)
    assert not is_settled(sheet_of_units({"HUF": 100}, HUF="2.85"), None, held)


def test_withheld_values_are_taken_together_by_publication() -> None:
    other = replace(withheld("USD", "9.4"), date=date(2026, 11, 3))
    values = [withheld("USD", "9.5"), other, withheld("JPY", "6")]
    assert by_publication(values) == {
        ("NB", DAY): [values[0], values[2]],
        ("NB", other.date): [other],
    }
