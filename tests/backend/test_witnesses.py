"""Other sources confirm a value or speak against it; what waits is heard, a blend is not."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pricedesk.backend.quarantine import Decision, Doubt, Verdict, WithheldValue
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Convention, Publication
from pricedesk.backend.sources import ecb, find_sources
from pricedesk.backend.witnesses import Witnesses, with_waiting
from trials import DAY, PROVENANCE, doubts, found, sheet, witness

FALLEN = sheet({"USD": "0.9500"})
"""A euro buys 15 percent fewer dollars than the day before, when it bought 1.1172."""

IN_KORUNAS = Convention("CZK", per_pivot=False)
MONDAY = DAY + timedelta(days=3)
ORIGINS = {"NB": "ECB", "RB": "ECB", "ERAPI": ""}


def korunas(source: str, euro: str, day: date = DAY, **changes: str) -> Publication:
    """A source that says what a euro is worth, where a dollar is worth 20 korunas."""
    return witness(source, {"USD": "20.000", "EUR": euro, **changes}, day, convention=IN_KORUNAS)


@pytest.mark.parametrize(
    ("witnesses", "confirmed"),
    [
        ([], False),
        ([witness("BOE", {"EUR": "1.0526"})], True),
        ([korunas("CNB", "19.000")], True),
        ([korunas("CNB", "19.940")], True),
        ([korunas("CNB", "19.960")], False),
        ([korunas("CNB", "18.050")], False),
        ([korunas("CNB", "22.344")], False),
        # What it says of the day itself is not made up for by what it says later.
        ([korunas("CNB", "22.344"), korunas("CNB", "19.100", MONDAY)], False),
        ([korunas("CNB", "19.100", MONDAY)], True),
        ([korunas("CNB", "19.100", DAY + timedelta(days=7))], True),
        ([korunas("CNB", "19.100", DAY + timedelta(days=8))], False),
        ([korunas("CNB", "22.344", MONDAY), korunas("CNB", "19.000", date(2026, 11, 3))], False),
        ([korunas("CNB", "19.000", date(2026, 10, 29))], False),
        ([witness("CNB", {"EUR": "19.000"}, convention=IN_KORUNAS)], False),
        ([witness("CNB", {"USD": "20.000"}, convention=IN_KORUNAS)], False),
        ([korunas("ECB", "19.000")], False),
        ([korunas("NB", "19.000")], False),
        ([korunas("ERAPI", "19.000")], False),
        ([korunas("ERAPI", "19.000"), korunas("BOC", "19.000")], True),
    ],
)
def test_a_witness_of_the_day_or_the_next_publication_after_it_confirms_a_jump(
    witnesses: list[Publication], confirmed: bool
) -> None:
    """Within five percent, of both currencies in one publication, and of its own knowledge."""
    expected = {} if confirmed else {"USD": "jump"}
    assert found(FALLEN, Witnesses(witnesses, ORIGINS)) == expected


@pytest.mark.parametrize(
    ("value", "euro", "confirmed"),
    [("1.0700", "21.7", True), ("1.0700", "22.0", False), ("1.0700", "20.95", True)],
)
def test_a_witness_is_nearer_to_the_value_than_to_what_was_before(
    value: str, euro: str, confirmed: bool
) -> None:
    expected = {} if confirmed else {"USD": "jump"}
    assert found(sheet({"USD": value}), Witnesses([korunas("CNB", euro)])) == expected


@pytest.mark.parametrize("value", ["11.172", "0.11172", "0.8951", "111.72"])
def test_a_witness_that_knows_of_no_move_never_confirms_one(value: str) -> None:
    assert "USD" in found(sheet({"USD": value}), Witnesses([korunas("CNB", "22.344")]))


def test_a_confirmed_value_is_believed_whatever_its_move() -> None:
    judged = sheet({"USD": "11.172", "CAD": "1.1172"})
    witnesses = Witnesses([korunas("CNB", "223.44", CAD="200.000")])
    assert found(judged, witnesses) == {}


def test_a_correction_is_confirmed_too() -> None:
    known = SourceHistory([witness("ECB", {"USD": "1.1900"}, convention=ecb.CONVENTION)])
    corrected = sheet({})
    assert found(corrected, known=known) == {"USD": "correction"}
    assert found(corrected, Witnesses([korunas("CNB", "22.350")]), known) == {}


def test_the_table_of_sources_says_whose_figures_are_whose() -> None:
    """Norges Bank's and the Riksbank's rates are the ECB's, as docs/guards.md has measured."""
    keys = ("ECB", "BOC", "NB", "BOE", "CNB", "NBP", "RB", "ERAPI")
    origins = {s.key: s.origin for s in find_sources(keys, "https://ecb.example")}
    assert {key: origin for key, origin in origins.items() if origin is not None} == ORIGINS


def waiting(code: str, value: str, source: str = "CNB", units: int = 1) -> WithheldValue:
    doubt = Doubt(code, "jump", "it moved")
    withheld_at = PROVENANCE.fetched_at
    return WithheldValue(source, DAY, doubt, value, units, PROVENANCE, withheld_at)


def test_when_all_sources_move_the_first_is_believed_once_the_second_is_there() -> None:
    """Each waits for itself: each has to listen to what waits with the other."""
    accepted = witness("CNB", {"USD": "20.000"}, convention=IN_KORUNAS)
    second = with_waiting(accepted, [waiting("EUR", "19.000")], IN_KORUNAS)
    assert second is not None
    assert second.withheld == {"EUR"}
    assert found(FALLEN, Witnesses([second])) == {}
    assert found(FALLEN, Witnesses([accepted])) == {"USD": "jump"}


@pytest.mark.parametrize(
    "unfit",
    [
        waiting("EUR", "NaN"),
        waiting("EUR", "19,000.0"),
        waiting("CZK", "1"),
        waiting("U,D", "1"),
        waiting("EUR", "19.0", units=0),
        replace(
            waiting("EUR", "19.0"),
            decision=Decision(Verdict.REJECTED, PROVENANCE.fetched_at, "Ann", "a typo"),
        ),
    ],
)
def test_what_is_no_value_or_was_rejected_is_not_heard(unfit: WithheldValue) -> None:
    accepted = witness("CNB", {"USD": "20.000"}, convention=IN_KORUNAS)
    assert with_waiting(accepted, [unfit], IN_KORUNAS) == accepted
    assert with_waiting(None, [unfit], IN_KORUNAS) is None


def test_a_witness_may_be_made_of_what_waits_alone() -> None:
    made = with_waiting(None, [waiting("USD", "20"), waiting("EUR", "1900", units=100)], IN_KORUNAS)
    assert made is not None
    assert (made.rates(), made.units_by_code()) == ({"USD": "20", "EUR": "1900"}, {"EUR": 100})
    assert found(FALLEN, Witnesses([made])) == {}


@pytest.mark.parametrize("rates", [{"USD": "20.000"}, {"USD": "20.000", "EUR": "22.344"}])
def test_of_two_publications_of_a_date_the_one_that_says_more_is_heard(
    rates: dict[str, str],
) -> None:
    """What waits may be a currency that the accepted one lacks, or a correction of it."""
    accepted = witness("CNB", rates, convention=IN_KORUNAS)
    more = with_waiting(accepted, [waiting("EUR", "19.000")], IN_KORUNAS)
    assert more is not None
    for both in ([accepted, more], [more, accepted]):
        assert found(FALLEN, Witnesses(both)) == {}


OFF = sheet({"USD": "1.0900"})
"""2.5 percent from the day before, which is within the limit of 3."""


@pytest.mark.parametrize(
    ("witnesses", "doubted"),
    [
        ([korunas("CNB", "22.344")], False),
        ([korunas("CNB", "22.344"), korunas("BOC", "22.300")], True),
        ([korunas("CNB", "22.344"), korunas("BOC", "22.700")], False),
        ([korunas("CNB", "22.344"), korunas("BOC", "22.344", MONDAY)], False),
        ([korunas("CNB", "22.344"), korunas("NB", "22.344")], False),
        ([korunas("CNB", "22.344"), korunas("ERAPI", "22.344")], False),
        ([korunas("CNB", "22.344"), korunas("BOC", "22.344"), korunas("BOE", "21.90")], False),
        (
            [*(korunas(s, "22.344") for s in ("CNB", "BOC")), korunas("BOC", "21.90", MONDAY)],
            True,
        ),
        ([korunas("CNB", "22.200"), korunas("BOC", "22.200")], False),
    ],
)
def test_two_that_agree_with_each_other_speak_against_a_value_that_nobody_else_has(
    witnesses: list[Publication], doubted: bool
) -> None:
    expected = {"USD": "disagreement"} if doubted else {}
    assert found(OFF, Witnesses(witnesses, ORIGINS)) == expected


def test_two_of_one_origin_are_one_voice() -> None:
    rates = [korunas(source, "22.344") for source in ("NB", "RB")]
    assert found(OFF, Witnesses(rates, {"NB": "X", "RB": "X"})) == {}
    assert found(OFF, Witnesses(rates, {"NB": "X", "RB": "Y"})) == {"USD": "disagreement"}


def test_what_waits_speaks_against_nobody() -> None:
    held = witness(
        "CNB", {"USD": "20", "EUR": "22.344"}, withheld=frozenset({"EUR"}), convention=IN_KORUNAS
    )
    assert found(OFF, Witnesses([held, korunas("BOC", "22.344")])) == {}


def test_against_a_currency_that_is_new_one_voice_is_enough() -> None:
    new = sheet({"CZK": "2.2344"})
    assert found(new) == {}
    assert found(new, Witnesses([korunas("CNB", "22.344")])) == {"CZK": "disagreement"}
    assert found(sheet({"CZK": "22.9"}), Witnesses([korunas("CNB", "22.344")])) == {}


def test_the_reason_names_who_speaks_against_it() -> None:
    witnesses = Witnesses([korunas("CNB", "22.344"), korunas("BOC", "22.300")])
    [doubt] = doubts(OFF, witnesses)
    assert doubt.reason == "USD on 2026-10-30 is 1.0900, 2.3 % from what BOC, CNB have"
