"""Text for terminals: what ASCII makes of it, where it is cut and where it is parted."""

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.currencies import CURRENCIES
from pricedesk.frontend.locales import money_text
from pricedesk.frontend.terminal_text import (
    COLUMNS,
    clean,
    columns,
    cut,
    in_ascii,
    table,
    wrapped,
)
from pricedesk.money import Money


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Caf\u00e9 cre\u0300me", "Cafe creme"),
        ("1\u202f718,11\u00a0$\u00a0US", "1 718,11 $ US"),
        ("704,86\u00a0\u20ac", "704,86 EUR"),
        ("CN\u00a51,234.56", "CNY1,234.56"),
        ("\u00a5123,829", "JPY123,829"),
        ("1\u202f234,56\u00a0\u00a3GB", "1 234,56 GBP"),
        ("l\u2019\u0153uvre \u00ab\u00a0d\u00e9j\u00e0\u00a0\u00bb\u2026", 'l\'oeuvre " deja "...'),
        ("Stra\u00dfe \u2013 3\u00bd \u00d7 2", "Strasse - 31/2 x 2"),
        ("\u30ce\u30fc\u30c8", "???"),
    ],
)
def test_what_is_not_ascii_is_written_as_people_type_it(text: str, shown: str) -> None:
    assert in_ascii(text) == shown


@pytest.mark.parametrize("tag", ["en", "en_GB", "fr", "fr_CA"])
def test_every_amount_can_be_read_in_ascii(tag: str) -> None:
    locale = Locale.parse(tag)
    shown = {
        code: in_ascii(money_text(Money(123456, unit), locale)) for code, unit in CURRENCIES.items()
    }
    assert {code: text for code, text in shown.items() if "?" in text} == {}


@given(st.text(), st.booleans())
def test_nothing_is_left_that_a_terminal_would_obey(text: str, utf8: bool) -> None:
    shown = clean(text, utf8=utf8)
    assert all(c.isprintable() or c in "\u00a0\u202f\u2007" for c in shown)
    assert utf8 or shown.isascii()
    assert clean(shown, utf8=utf8) == shown
    shown.encode()


def test_a_chinese_character_takes_two_columns_and_an_accent_none() -> None:
    assert [columns(text) for text in ("abc", "\u4ef7\u683c", "e\u0301")] == [3, 4, 1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 77 + "..."),
        ("\u4ef7" * 40, "\u4ef7" * 40),
        ("\u4ef7" * 41, "\u4ef7" * 38 + "..."),
    ],
)
def test_a_line_that_is_too_long_is_cut(text: str, shown: str) -> None:
    assert cut(text) == shown


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("x" * 80, ["x" * 80]),
        ("  name   value", ["  name   value"]),
        (f"{'x' * 40} {'y' * 40}", ["x" * 40, f"  {'y' * 40}"]),
        (f"    a {'y' * 75}", ["    a", f"      {'y' * 74}", "      y"]),
        ("x" * 100, ["x" * 80, f"  {'x' * 20}"]),
        (f"{'x' * 78} 1\u00a0000", ["x" * 78, "  1\u00a0000"]),
    ],
)
def test_a_longer_text_goes_on_below(text: str, lines: list[str]) -> None:
    assert wrapped(text) == lines


@given(st.text(st.sampled_from(" ab\u4ef7\u0301\u00a0"), max_size=400))
def test_a_parted_text_fits_and_has_all_its_words(text: str) -> None:
    lines = wrapped(text)
    assert all(columns(line) <= COLUMNS for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_table_is_aligned_by_what_is_seen() -> None:
    assert table([("Prix", "1"), ("\u4ef7\u683c\u4ef7", "2")]) == [
        "  Prix    1",
        "  \u4ef7\u683c\u4ef7  2",
    ]
    assert table([]) == []
