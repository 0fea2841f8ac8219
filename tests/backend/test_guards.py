"""What each guard doubts, one question a table; and that the most specific reason wins."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pricedesk.backend.guards import judge
from pricedesk.backend.quarantine import Doubt, without_doubted
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Convention, Publication, PublishedRate, Sheet, publication_of
from pricedesk.backend.sources import ecb
from pricedesk.backend.witnesses import Witnesses
from trials import CALM, DAY, ECB, KNOWN, LAST, PROVENANCE, calm, doubts, found, history, sheet


def test_what_is_like_the_days_before_is_believed() -> None:
    assert doubts(sheet({"USD": "1.1200", "HUF": "364.00"})) == []


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "Infinity", "-Infinity", "1e400", "1E2", "0", "0.000", "-1.1172", "", " "),
        *(
            "+1.1172",
            "1,117.2",
            "1 117.2",
            "1_117",
            "1.1172 ",
            "1.",
            ".5",
            "1.1.1",
            "\u0661.\u0667",
        ),
        *("1234567890123", "1.1234567890123", "N/A", "1.1172\x00", "1\n2", "0x1"),
    ],
)
def test_a_text_that_is_no_positive_plain_decimal_is_no_value(text: str) -> None:
    assert found(sheet({"USD": text})) == {"USD": "value"}


@pytest.mark.parametrize("units", [0, -100])
def test_a_value_is_for_a_positive_number_of_units(units: int) -> None:
    assert found(Sheet(DAY, CALM, {"USD": units})) == {"USD": "value"}


@pytest.mark.parametrize("code", ["EUR", "XAU", "USX", "usd", "", "U,D", "€"])
def test_a_code_is_a_currency_other_than_the_sources_own(code: str) -> None:
    assert found(sheet({code: "1.5"})) == {code: "code"}


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2026, 11, 2), "2026-11-02 is in the future: where ECB is, it is 2026-10-30"),
        (date(1998, 12, 31), "1998-12-31 is before 1999-01-04, the first date of ECB"),
        (date(2026, 10, 25), "2026-10-25 is no day on which ECB publishes"),
    ],
)
def test_a_date_on_which_it_cannot_have_published_makes_all_values_doubtful(
    day: date, reason: str
) -> None:
    known = SourceHistory([calm(date(2026, 10, 22), 0)])
    found = {(d.code, d.guard, d.reason) for d in doubts(sheet({}, day), known=known)}
    assert found == {(code, "date", reason) for code in CALM}


def test_a_calendar_that_is_not_proven_makes_no_date_doubtful() -> None:
    unproven = replace(ECB, calendar=replace(ecb.CALENDAR, proven=False))
    known = SourceHistory([calm(date(2026, 10, 22), 0)])
    judged = sheet({}, date(2026, 10, 25))
    assert judge(judged, unproven, known, Witnesses(), DAY) == []


@pytest.mark.parametrize(
    ("lost", "whole"), [(["USD"], False), (["USD", "CAD"], False), (["USD", "CAD", "CHF"], True)]
)
def test_many_currencies_lost_at_once_make_the_sheet_doubtful(lost: list[str], whole: bool) -> None:
    judged = sheet(dict.fromkeys(lost))
    assert set(found(judged).items()) == {(c, "completeness") for c in judged.rates if whole}


def test_what_was_withheld_the_day_before_was_there_too() -> None:
    newest = calm(LAST, 0)
    thin = replace(newest, row=",".join(["", "", *newest.row.split(",")[2:]]))
    judged = sheet({"AUD": None, "CAD": None, "USD": None})
    known = SourceHistory([*history(), replace(thin, revision=2, withheld=frozenset({"AUD"}))])
    assert found(judged, known=known) == {}
    withheld = replace(thin, revision=2, withheld=frozenset({"AUD", "CAD"}))
    known = SourceHistory([*history(), withheld])
    assert set(found(judged, known=known).values()) == {"completeness"}


PRESENT = SourceHistory([*KNOWN, calm(DAY, 0)])


def test_what_a_correction_lacks_makes_nothing_doubtful() -> None:
    """It stays as it is known."""
    assert found(sheet(dict.fromkeys(list(CALM)[:5])), known=PRESENT) == {}


@pytest.mark.parametrize(
    ("value", "guard"),
    [
        ("1.1172", None),
        ("1.1282", None),
        ("1.1062", None),
        ("1.1300", "correction"),
        ("1.1000", "correction"),
        ("0.8951", "direction"),
        ("11.172", "factor"),
        ("nan", "value"),
    ],
)
def test_a_correction_may_move_a_value_by_a_percent(value: str, guard: str | None) -> None:
    expected = {"USD": guard} if guard else {}
    assert found(sheet({"USD": value}), known=PRESENT) == expected


def test_what_is_known_of_its_date_is_never_doubted_again() -> None:
    """A person may have released it: a jump, or a publication on a day off."""
    released = publication_of(
        "ECB", ecb.CONVENTION, sheet({"USD": "11.172"}, date(2026, 10, 25)), PROVENANCE
    )
    known = SourceHistory([*history(), replace(released, revision=2)])
    assert doubts(sheet({"USD": "11.1720"}, date(2026, 10, 25)), known=known) == []
    assert found(sheet({"USD": "11.4720"}, date(2026, 10, 25)), known=known) == {
        "USD": "correction"
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"USD": "0.8951"}, {"USD": "direction"}),
        ({"USD": "0.8900"}, {"USD": "direction"}),
        ({"HUF": "0.00273"}, {"HUF": "direction"}),
        ({"CHF": "1.0877"}, {"CHF": "direction"}),
        ({"USD": "11.172"}, {"USD": "factor"}),
        ({"USD": "0.11172"}, {"USD": "factor"}),
        ({"HUF": "3.6633"}, {"HUF": "factor"}),
        ({"USD": "1117.2"}, {"USD": "factor"}),
        ({"USD": "1.5606", "CAD": "1.1172"}, {"USD": "swapped", "CAD": "swapped"}),
        ({"USD": "366.33", "HUF": "1.1172"}, {"USD": "swapped", "HUF": "swapped"}),
        ({"USD": "1.5606"}, {"USD": "jump"}),
        ({"USD": "0.8379"}, {"USD": "jump"}),
        ({"USD": "1.1507"}, {}),
        ({"USD": "1.1520"}, {"USD": "jump"}),
        ({"USD": "3.3500"}, {"USD": "jump"}),
    ],
)
def test_a_move_beyond_the_limit_is_doubted_for_its_most_specific_reason(
    changes: dict[str, str], expected: dict[str, str]
) -> None:
    """The limit is 3 percent here, six times the half percent by which the values moved."""
    assert found(sheet(changes)) == expected


def near_one(value: str) -> SourceHistory:
    days = [calm(LAST - timedelta(days=ago), 0) for ago in range(80)]
    rates = {**CALM, "CHF": value}
    return SourceHistory(
        publication_of("ECB", ecb.CONVENTION, Sheet(p.date, rates), PROVENANCE) for p in days
    )


@pytest.mark.parametrize(
    ("last", "value", "guard"),
    [
        ("0.9880", "1.0121", "direction"),
        ("0.9950", "1.0050", None),
        ("0.9850", "1.0080", None),
        ("0.9000", "1.1111", "direction"),
    ],
)
def test_near_one_a_value_counts_as_inverted_where_that_is_much_nearer(
    last: str, value: str, guard: str | None
) -> None:
    expected = {"CHF": guard} if guard else {}
    assert found(sheet({"CHF": value}), known=near_one(last)) == expected


def test_two_that_are_near_each_other_are_seen_swapped_within_their_limits() -> None:
    known = near_one("1.5600")
    assert found(sheet({"AUD": "1.5605", "CHF": "1.5903", "CAD": "1.5606"}), known=known) == {}
    apart = {"AUD": "1.5606", "CAD": "1.5904"}
    assert found(sheet(apart)) == {}, "1.9 percent is what currencies move"
    known = near_one("1.5500")
    assert found(sheet({"AUD": "1.5501", "CHF": "1.5903"}), known=known) == {
        "AUD": "swapped",
        "CHF": "swapped",
    }


IN_KRONER = replace(ECB, key="NB", convention=Convention("NOK", per_pivot=False))


def in_kroner(day: date, forint: str, units: int) -> Publication:
    judged = Sheet(day, {"HUF": forint, "USD": "9.2300"}, {"HUF": units})
    return publication_of("NB", IN_KRONER.convention, judged, PROVENANCE)


@pytest.mark.parametrize(
    ("forint", "units", "expected"),
    [
        ("2.8150", 100, {}),
        ("28.150", 1000, {}),
        ("0.02815", 1, {}),
        ("2.8150", 1, {"HUF": "factor"}),
        ("2.8150", 1000, {"HUF": "factor"}),
        ("35.524", 1, {"HUF": "direction"}),
    ],
)
def test_units_may_change_with_the_value_but_not_alone(
    forint: str, units: int, expected: dict[str, str]
) -> None:
    known = SourceHistory([in_kroner(LAST - timedelta(days=n), "2.8100", 100) for n in range(60)])
    judged = Sheet(DAY, {"HUF": forint, "USD": "9.2300"}, {"HUF": units})
    judgement = judge(judged, IN_KRONER, known, Witnesses(), DAY)
    assert {doubt.code: doubt.guard for doubt in judgement} == expected


@pytest.mark.parametrize(
    ("known", "value", "believed"),
    [
        (history(10), "1.2200", True),
        (history(10), "1.2400", False),
        (SourceHistory([calm(date(2026, 10, 15), 0)]), "1.2290", True),
        (SourceHistory([calm(date(2025, 10, 15), 0)]), "1.3900", True),
        (SourceHistory([calm(date(2025, 10, 15), 0)]), "1.4000", False),
        (SourceHistory([]), "11.172", True),
    ],
)
def test_little_history_and_long_gaps_allow_more_up_to_a_quarter(
    known: SourceHistory, value: str, believed: bool
) -> None:
    assert (found(sheet({"USD": value}), known=known) == {}) is believed


def test_a_currency_that_moves_much_may_move_more() -> None:
    steps = {0: "1.10", 1: "1.15"}
    known = SourceHistory(
        publication_of(
            "ECB",
            ecb.CONVENTION,
            Sheet(LAST - timedelta(days=n), {**CALM, "USD": steps[n % 2]}),
            PROVENANCE,
        )
        for n in range(80)
    )
    assert found(sheet({"USD": "1.3700"}), known=known) == {}
    assert found(sheet({"USD": "1.3800"}), known=known) == {"USD": "jump"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"USD": "nan"},
            (
                'USD on 2026-10-30 is "nan",'
                " not a positive plain decimal with up to 12 digits on each side"
            ),
        ),
        ({"EUR": "1"}, '"EUR" on 2026-10-30 is the source\'s own currency'),
        ({"U\nD": "1"}, r'"U\nD" on 2026-10-30 is no ISO 4217 currency'),
        (
            {"USD": "0.89"},
            "USD on 2026-10-30 is 0.89, within 0.6 % of one over 1.1172 on 2026-10-29",
        ),
        (
            {"USD": "11.2"},
            "USD on 2026-10-30 is 11.2, within 0.3 % of 10 times 1.1172 on 2026-10-29",
        ),
        (
            {"HUF": "3.65"},
            "HUF on 2026-10-30 is 3.65, within 0.4 % of 1/100 times 366.33 on 2026-10-29",
        ),
        (
            {"USD": "0.9500"},
            "USD on 2026-10-30 is 0.9500, 17.6 % from 1.1172 on 2026-10-29: it may move by 3.0 %",
        ),
        (
            {"USD": "1.5606", "CAD": "1.1172"},
            (
                "USD on 2026-10-30 is 1.5606, and CAD is 1.1172: each has the other's place,"
                " USD was 1.1172 on 2026-10-29"
            ),
        ),
    ],
)
def test_a_reason_is_a_sentence_with_the_figures(changes: dict[str, str], reason: str) -> None:
    assert reason in [doubt.reason for doubt in doubts(sheet(changes))]


def codes_of(judgement: list[Doubt]) -> list[str]:
    return [doubt.code for doubt in judgement]


def test_what_is_believed_of_a_sheet_is_a_publication_that_remembers_the_rest() -> None:
    judged = sheet({"USD": "11.172", "HUF": "NaN", "XAU": "1"})
    made = without_doubted(ECB, judged, codes_of(doubts(judged)), KNOWN.on(DAY), PROVENANCE)
    rest = publication_of("ECB", ecb.CONVENTION, sheet({"USD": None, "HUF": None}), PROVENANCE)
    assert made == replace(rest, withheld=frozenset({"USD", "HUF"}))


def test_where_all_of_a_sheet_is_doubted_nothing_is_believed() -> None:
    judged = sheet(dict.fromkeys(CALM, "0"))
    assert without_doubted(ECB, judged, codes_of(doubts(judged)), None, PROVENANCE) is None


def test_a_doubted_correction_leaves_the_value_that_is_known() -> None:
    judged = sheet({"USD": "11.172", "CAD": "1.5610"})
    doubted = codes_of(doubts(judged, known=PRESENT))
    made = without_doubted(ECB, judged, doubted, PRESENT.on(DAY), PROVENANCE)
    assert made is not None
    assert (made.rates(), made.revision, made.withheld) == (
        CALM | {"CAD": "1.5610"},
        2,
        frozenset(),
    )


def test_units_stay_with_their_values() -> None:
    known = SourceHistory([in_kroner(DAY, "2.8100", 100)])
    judged = Sheet(DAY, {"HUF": "28.1", "USD": "9.5000"}, {"HUF": 1000})
    judgement = judge(judged, IN_KRONER, known, Witnesses(), DAY)
    made = without_doubted(IN_KRONER, judged, codes_of(judgement), known.on(DAY), PROVENANCE)
    assert made is not None
    assert [made.published(code) for code in ("HUF", "USD")] == [
        PublishedRate("HUF", "NOK", 1000, "28.1"),
        PublishedRate("USD", "NOK", 1, "9.2300"),
    ]
