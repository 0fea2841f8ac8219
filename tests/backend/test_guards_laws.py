"""What holds for every sheet that guards judge, whatever is in it."""

import re
from fractions import Fraction
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from pricedesk.backend.quarantine import without_doubted
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Convention, Sheet
from pricedesk.backend.witnesses import Witnesses
from trials import CALM, DAY, ECB, KNOWN, PROVENANCE, doubts, found, sheet, witness

CODES = st.sampled_from(sorted(CALM))
STIRRED = st.integers(min_value=-1000, max_value=1000)
"""By how many hundred thousandths a value moved: up to one percent."""

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["NaN", "1e400", "-1", "0", "1,117.2", "0.89", "11.172", "1.1172"]),
    st.from_regex(r"[0-9]{1,13}\.[0-9]{1,13}", fullmatch=True),
)


def moved(value: str, hundred_thousandths: int) -> Fraction:
    return Fraction(value) * (100_000 + hundred_thousandths) / 100_000


def text(value: Fraction) -> str:
    """With twelve decimals, which is what a published value can have."""
    digits = str(round(value * 10**12)).zfill(13)
    return f"{digits[:-12]}.{digits[-12:]}"


@given(CODES, STIRRED)
def test_a_move_of_up_to_a_percent_is_believed(code: str, stirred: int) -> None:
    assert found(sheet({code: text(moved(CALM[code], stirred))})) == {}


@given(CODES, STIRRED, st.sampled_from([10, 100, 1000]), st.booleans())
def test_a_value_off_by_a_power_of_ten_is_never_believed_without_a_witness(
    code: str, stirred: int, factor: int, smaller: bool
) -> None:
    value = moved(CALM[code], stirred)
    wrong = value / factor if smaller else value * factor
    assert found(sheet({code: text(wrong)})).keys() == {code}


@given(CODES, STIRRED)
def test_an_inverted_value_is_never_believed_without_a_witness(code: str, stirred: int) -> None:
    """All of these are far enough from 1 for the difference to be seen."""
    assert found(sheet({code: text(1 / moved(CALM[code], stirred))})).keys() == {code}


@given(st.dictionaries(CODES | TEXTS, TEXTS, max_size=6), st.integers(-1, 1000))
def test_no_text_in_a_sheet_is_an_exception_and_only_readable_values_are_believed(
    rates: dict[str, str], units: int
) -> None:
    judged = Sheet(DAY, CALM | rates, dict.fromkeys(rates, units))
    for known in (KNOWN, SourceHistory([])):
        doubted = [doubt.code for doubt in doubts(judged, known=known)]
        made = without_doubted(ECB, judged, doubted, known.on(DAY), PROVENANCE)
        if made is not None:
            assert made.rates().items() <= judged.rates.items()
            for value in made.rates().values():
                assert re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", value)
                assert Fraction(value) > 0


@given(st.dictionaries(CODES, TEXTS), st.randoms())
def test_the_order_of_currencies_does_not_matter(changes: dict[str, str], random: Random) -> None:
    judged = sheet(changes)
    shuffled = list(judged.rates.items())
    random.shuffle(shuffled)
    assert doubts(Sheet(DAY, dict(shuffled))) == doubts(judged)


@given(st.dictionaries(CODES, TEXTS))
def test_what_was_believed_of_a_sheet_is_believed_again_and_nothing_else(
    changes: dict[str, str],
) -> None:
    judged = sheet(changes)
    first = doubts(judged)
    made = without_doubted(ECB, judged, [d.code for d in first], None, PROVENANCE)
    if made is not None:
        assert found(judged, known=SourceHistory([*KNOWN, made])).keys() == {d.code for d in first}


@given(CODES, st.integers(min_value=1, max_value=10**15), st.integers(-2000, 2000), st.booleans())
def test_a_value_that_a_witness_of_the_day_has_too_is_believed(
    code: str, value: int, difference: int, waits: bool
) -> None:
    """As far as sources differ in a calm hour, and whether or not the witness itself waits."""
    published = Fraction(value, 10**6)
    theirs = text(moved(text(published), difference // 4))
    witnesses = Witnesses(
        [
            witness(
                "BOE",
                {code: theirs},
                withheld=frozenset({code} if waits else ()),
                convention=Convention("EUR", per_pivot=True),
            )
        ]
    )
    judged = sheet({code: text(published)})
    assume(found(judged))
    assert found(judged, witnesses) == {}
