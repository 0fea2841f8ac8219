"""Money, dates and names by the CLDR, and what a browser says about its user."""

import re
import subprocess
import sys
from datetime import date

import pytest
from babel import Locale, localedata
from babel.numbers import get_territory_currencies
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.currencies import CURRENCIES, currency
from pricedesk.frontend.locales import (
    CURRENCIES_SINCE,
    ENGLISH,
    LANGUAGES,
    currency_name,
    currency_of,
    date_text,
    language_name,
    money_text,
    number_text,
    parse_accept_language,
    parse_locale,
    percent_text,
    publication_text,
)
from pricedesk.money import Money

FRIDAY = date(2026, 10, 30)


def locale(tag: str) -> Locale:
    found = parse_locale(tag)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("amount", "code", "tag", "shown"),
    [
        ("1718.11", "USD", "fr-CA", "1\xa0718,11\xa0$\xa0US"),
        ("123829", "JPY", "en", "¥123,829"),
        ("1718.11", "USD", "en", "$1,718.11"),
        ("1718.11", "USD", "de-DE", "1.718,11\xa0$"),
        ("1718.11", "EUR", "de-AT", "€\xa01.718,11"),
        ("1718.10", "CHF", "de-CH", "CHF\xa01\u2019718.10"),
        ("123829", "JPY", "ja", "￥123,829"),
        ("1234567.89", "INR", "hi-IN", "₹12,34,567.89"),
        ("1.500", "KWD", "en", "KWD1.500"),
        ("-3.00", "EUR", "de", "-3,00\xa0€"),
        ("0.005", "KWD", "en", "KWD0.005"),
        # CLDR shows these without decimals; what is not 0 is shown all the same.
        ("1234.00", "MGA", "en", "MGA1,234"),
        ("1234.50", "MGA", "en", "MGA1,234.50"),
        ("1.001", "IQD", "en", "IQD1.001"),
        ("9" * 28 + ".99", "USD", "en", "$9" + ",999" * 9 + ".99"),
    ],
)
def test_money_is_shown_as_the_cldr_has_it(amount: str, code: str, tag: str, shown: str) -> None:
    assert money_text(Money.parse(amount, currency(code)), locale(tag)) == shown


@given(
    st.integers(-(10**30), 10**30),
    st.sampled_from(sorted(CURRENCIES)),
    st.sampled_from(["en", "fr-CA", "de-CH", "ja", "hi", "ar", "pt-BR", "sv", "he"]),
)
def test_no_digit_of_an_amount_is_changed_or_lost(minor: int, code: str, tag: str) -> None:
    money = Money(minor, CURRENCIES[code])
    digits = "".join(c for c in money_text(money, locale(tag)) if c.isdecimal())
    exact = str(money).lstrip("-").replace(".", "")
    assert digits == exact or exact == digits + "0" * (len(exact) - len(digits))


@pytest.mark.parametrize(
    ("number", "tag", "shown"),
    [
        ("0.715878508266", "en", "0.715878508266"),
        ("0.715878508266", "fr", "0,715878508266"),
        ("0.715878508266", "de-CH", "0.715878508266"),
        ("1.5000", "fr", "1,5000"),
        ("10.00", "de", "10,00"),
        ("0.00", "sv", "0,00"),
        ("1", "fr", "1"),
        ("1234567.1234567", "fr", "1\u202f234\u202f567,1234567"),
        ("1234567.1234567", "en", "1,234,567.1234567"),
        ("1234567.1234567", "hi", "12,34,567.1234567"),
        ("1" * 40 + "." + "2" * 40, "de", "1" + ".111" * 13 + "," + "2" * 40),
        # No numbers, so they are not read as such.
        ("", "fr", ""),
        (".99", "fr", ".99"),
        ("1.", "fr", "1."),
        ("1.2.3", "fr", "1.2.3"),
        ("-1.5", "fr", "-1.5"),
        ("1e5", "fr", "1e5"),
        ("NaN", "fr", "NaN"),
        ("\u0661.\u0665", "fr", "\u0661.\u0665"),
    ],
)
def test_a_number_is_shown_as_the_cldr_has_it(number: str, tag: str, shown: str) -> None:
    assert number_text(number, locale(tag)) == shown


@pytest.mark.parametrize(
    ("percent", "tag", "shown"),
    [
        ("1.5", "en", "1.5%"),
        ("2.50", "en", "2.50%"),
        ("0", "en", "0%"),
        ("2.5", "fr", "2,5\xa0%"),
        ("2.5", "fr-CA", "2,5\xa0%"),
        ("2.5", "de-CH", "2.5%"),
        ("2.5", "tr", "%2,5"),
        ("1234.5", "de", "1.234,5\xa0%"),
        ("0." + "3" * 40, "sv", "0," + "3" * 40 + "\xa0%"),
        ("2.5up", "fr", "2.5up"),
    ],
)
def test_a_percentage_is_shown_as_the_cldr_has_it(percent: str, tag: str, shown: str) -> None:
    assert percent_text(percent, locale(tag)) == shown


@given(
    st.from_regex(r"(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?", fullmatch=True, alphabet="0123456789."),
    st.sampled_from(LANGUAGES),
)
def test_no_digit_of_a_number_is_changed_or_lost_in_any_language(number: str, tag: str) -> None:
    whole, _, decimals = number.partition(".")
    for shown in (number_text(number, locale(tag)), percent_text(number, locale(tag))):
        assert "".join(c for c in shown if c.isdecimal()) == whole + decimals
        assert decimals in re.split(r"[^0-9]+", shown) or not decimals


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("en", "30 October 2026"),
        ("en-GB", "30 October 2026"),
        ("en-US", "October 30, 2026"),
        ("fr-CA", "30 octobre 2026"),
        ("de", "30. Oktober 2026"),
        ("ja", "2026年10月30日"),
    ],
)
def test_a_day_has_its_month_in_words(tag: str, shown: str) -> None:
    assert date_text(FRIDAY, locale(tag)) == shown


def test_names_are_those_of_the_language() -> None:
    assert currency_name(currency("USD"), locale("de")) == "US-Dollar"
    assert currency_name(currency("USD"), ENGLISH) == "US Dollar"
    assert language_name(locale("fr-CA")) == "français (Canada)"


def test_where_a_rate_is_from_is_said_in_words() -> None:
    assert publication_text("ECB", FRIDAY) == "ECB, 30 October 2026"
    assert publication_text("ECB", FRIDAY, locale("fr")) == "ECB, 30 octobre 2026"


@pytest.mark.parametrize(
    ("header", "language", "code"),
    [
        ("fr-CA", "fr_CA", "CAD"),
        ("fr-CA,fr;q=0.9,en-US;q=0.8,en;q=0.7", "fr_CA", "CAD"),
        ("de-DE", "de_DE", "EUR"),
        ("ja", "ja", "JPY"),
        ("fr", "fr", "EUR"),
        ("pt", "pt", "BRL"),
        ("zh-Hant", "zh_Hant", "TWD"),
        ("sr-Latn-RS", "sr_Latn_RS", "RSD"),
        ("EN-gb", "en_GB", "GBP"),
        ("iw", "he_IL", "ILS"),
        ("de-CH-1996", "de_CH", "CHF"),
        # The best range first, in the order of the header where they are equal.
        ("en;q=0.1, sv ; q=0.5, da;q=0.500", "sv", "SEK"),
        ("de;q=0, en-US;q=0.001", "en_US", "USD"),
        # A language that is not spoken here, and one that is not spoken there.
        ("tlh, gsw-CH;q=0.9, fr-CH;q=0.8", "fr_CH", "CHF"),
        ("de-JP", "de", "JPY"),
        # Parts of the world, and territories of which nothing is known.
        ("es-419", "es_419", None),
        ("en-XX", "en", None),
        # The lev and the kuna are money no more.
        ("bg-BG", "bg_BG", "EUR"),
        ("hr", "hr", "EUR"),
        # Nothing that could be used.
        ("", "en", None),
        ("*", "en", None),
        ("../../etc/passwd, <script>", "en", None),
        ("fr;q=2, de;q=0.1234, ja;q=-1, it;q=nan", "en", None),
        ("fr-" * 100_000, "en", None),
        ("," * 100_000 + "fr", "en", None),
        ("fr\x00, d\N{LATIN SMALL LETTER LONG S}", "en", None),
    ],
)
def test_the_first_choice_comes_from_what_the_browser_says(
    header: str, language: str, code: str | None
) -> None:
    preference = parse_accept_language(header, FRIDAY)
    assert (str(preference.locale), preference.currency and preference.currency.code) == (
        language,
        code,
    )


@given(st.one_of(st.text(max_size=50), st.text("enfrdCAHxq=;,.01- *", max_size=50)))
def test_any_header_gives_a_language_that_is_spoken_here(header: str) -> None:
    preference = parse_accept_language(header, FRIDAY)
    assert preference.locale.language in LANGUAGES
    assert preference.currency is None or preference.currency.withdrawn is None


def test_every_language_is_one_of_the_cldr() -> None:
    assert [tag for tag in LANGUAGES if parse_locale(tag) is None] == []


def test_a_change_that_the_cldr_has_needs_no_exception() -> None:
    """Fails when Babel has caught up: then the entry of CURRENCIES_SINCE goes."""
    by_cldr = {t: get_territory_currencies(t, FRIDAY, FRIDAY) for t in CURRENCIES_SINCE}
    assert by_cldr == {"BG": ["BGN"]}
    assert currency_of("BG", FRIDAY) is currency("EUR")


def test_locales_that_can_be_asked_for_are_some_hundreds() -> None:
    """Each that is asked for stays in memory, 0.15 MB or so."""
    spoken = {parse_locale(tag) for tag in localedata.locale_identifiers()} - {None}
    assert 300 < len(spoken) < 450


def test_the_telnet_desk_starts_without_the_cldr() -> None:
    program = (
        "import sys, pricedesk.frontend.service, pricedesk.cli; sys.exit('babel' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
