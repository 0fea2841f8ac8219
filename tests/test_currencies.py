"""ISO 4217 as data: the table is what the maintenance agency publishes, and codes are strict."""

import runpy
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.backend.history import packaged_publications
from pricedesk.currencies import CURRENCIES, Currency, currency
from pricedesk.errors import UnknownCurrency

SCRIPT = Path(__file__).parents[1] / "scripts" / "make_currencies.py"


def test_the_table_is_what_its_script_makes_from_the_agencys_list() -> None:
    rows: Callable[[], list[tuple[str | int, ...]]] = runpy.run_path(str(SCRIPT))["rows"]
    table = [
        (c.code, c.number, c.minor_digits, c.name, str(c.withdrawn or ""), c.symbol)
        for c in CURRENCIES.values()
    ]
    assert table == rows()


@pytest.mark.parametrize(
    ("code", "minor_digits"),
    [
        ("CAD", 2),
        ("USD", 2),
        ("EUR", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("CLP", 0),
        ("ISK", 0),
        ("KWD", 3),
        ("BHD", 3),
        ("TND", 3),
        ("CLF", 4),
        ("UYW", 4),
        ("TRL", 0),
        # Thirteen currencies that are often shown with fewer digits than ISO 4217 gives them.
        ("AFN", 2),
        ("ALL", 2),
        ("IQD", 3),
        ("IRR", 2),
        ("KPW", 2),
        ("LAK", 2),
        ("LBP", 2),
        ("MGA", 2),
        ("MMK", 2),
        ("RSD", 2),
        ("SOS", 2),
        ("SYP", 2),
        ("YER", 2),
    ],
)
def test_minor_units_are_those_of_iso_4217(code: str, minor_digits: int) -> None:
    assert currency(code).minor_digits == minor_digits


def test_a_currency_has_its_number_and_its_name() -> None:
    assert currency("CAD") == Currency("CAD", "124", 2, "Canadian Dollar", None, "CA$")
    assert currency("HRK") == Currency("HRK", "191", 2, "Kuna", date(2023, 1, 1))
    assert str(currency("ALL")) == "ALL"
    assert currency("ALL").number == "008"


@pytest.mark.parametrize("code", ["CAD", "cad", "Cad", "cAD"])
def test_a_code_may_be_written_in_any_case(code: str) -> None:
    assert currency(code) is CURRENCIES["CAD"]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("XYZ", '"XYZ" is not an ISO 4217 currency code'),
        ("", '"" is not an ISO 4217 currency code'),
        ("CA", '"CA" is not an ISO 4217 currency code'),
        ("CADX", '"CADX" is not an ISO 4217 currency code'),
        (" CAD", '" CAD" is not an ISO 4217 currency code'),
        ("124", '"124" is not an ISO 4217 currency code'),
        ("u\N{LATIN SMALL LETTER LONG S}d", r'"u\u017fd" is not an ISO 4217 currency code'),
        ("\N{LATIN SMALL LETTER DOTLESS I}nr", r'"\u0131nr" is not an ISO 4217 currency code'),
        (
            "\N{CYRILLIC CAPITAL LETTER ES}\u0410D",
            r'"\u0421\u0410D" is not an ISO 4217 currency code',
        ),
        ("XAU", '"XAU" is not an ISO 4217 currency code'),
        ("XDR", '"XDR" is not an ISO 4217 currency code'),
        ("XXX", '"XXX" is not an ISO 4217 currency code'),
        ("XTS", '"XTS" is not an ISO 4217 currency code'),
    ],
)
def test_what_is_no_currency_with_a_minor_unit_is_refused(code: str, complaint: str) -> None:
    with pytest.raises(UnknownCurrency) as refusal:
        currency(code)
    assert str(refusal.value) == complaint


@given(st.text(max_size=4))
def test_only_the_table_and_its_small_letters_are_currencies(text: str) -> None:
    capitals = {chr(n): chr(n - 32) for n in range(ord("a"), ord("z") + 1)}
    code = "".join(capitals.get(letter, letter) for letter in text)
    try:
        assert currency(text) is CURRENCIES[code]
    except UnknownCurrency:
        assert code not in CURRENCIES


def test_every_currency_that_the_packaged_history_has_is_in_the_table() -> None:
    codes = {code for publication in packaged_publications() for code in publication.codes}
    assert codes - CURRENCIES.keys() == set()
