"""Money, numbers, dates and names as the customer's language writes them, by the Unicode CLDR.

ISO 4217 says what an amount is, CLDR how it is shown: nothing is rounded here, and no digit
that an amount or a rate has is left out. Babel reads the CLDR; it is loaded with this module,
so the telnet desk, which does without, imports it when a customer asks for a language.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal, localcontext
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_datetime
from babel.numbers import NumberPattern, get_territory_currencies, parse_pattern

from pricedesk.currencies import CURRENCIES, Currency
from pricedesk.money import AMOUNT_DIGITS_MAX, Money

LANGUAGES = (
    *("ar", "bg", "bs", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "ga", "he"),
    *("hi", "hr", "hu", "id", "is", "it", "ja", "ko", "lt", "lv", "mk", "mt", "nb", "nl", "nn"),
    *("no", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "th", "tr", "uk", "vi", "zh"),
)
"""What amounts, dates and names may be asked for in; texts are in the few that are spoken. Each has
its territories: Babel keeps every locale that it has read, and all of CLDR's would be 200 MB for
whoever asks for them one by one."""

ENGLISH = Locale("en")
"""What is spoken where nothing else is asked for or known."""

WORLD_ENGLISH = Locale("en", "001")
"""Writes 30 October 2026, where English of no country in particular has the American order."""

HEADER_CHARACTERS_MAX = 1000
RANGES_MAX = 20
"""How much of an Accept-Language header is looked at."""

MONEY_TEXTS_MAX = 8192
"""So many amounts are kept as they were written: a page shows the same one several times, and
the same products are shown to many."""

NUMBER_TEXTS_MAX = 1024
"""So many rates and values of rules are kept likewise; a shop has few rules, and a rate is in
the reasons of every price that it makes."""

CURRENCIES_SINCE = {"BG": "EUR"}
"""Territories whose currency has changed since the CLDR that Babel 2.18 has."""

_RANGE = re.compile(
    r"(?P<language>[A-Za-z]{2,3})(?:-(?P<script>[A-Za-z]{4}))?"
    r"(?:-(?P<territory>[A-Za-z]{2}|[0-9]{3}))?(?:-[A-Za-z0-9]{1,8}){0,4}"
    r"(?:[ \t]*;[ \t]*[qQ]=(?P<quality>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)
_NUMBER = re.compile(r"[0-9]+(?:\.(?P<decimals>[0-9]+))?")
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?(?:[-_](?:[A-Za-z]{2}|[0-9]{3}))?")


@dataclass(frozen=True, slots=True)
class Preference:
    """What a customer is shown first: a language, and a currency if one is known."""

    locale: Locale
    currency: Currency | None


def parse_accept_language(header: str, today: date) -> Preference:
    """The first choice of an HTTP header such as `fr-CA,fr;q=0.9,en;q=0.8`.

    The language is the best one that is spoken here; the currency is that of the territory
    which the best range names, or in which most people speak its language: the dollar for
    fr-CA, the euro for de, the yen for ja. What is no range is passed over.
    """
    ranges = sorted(_ranges(header), key=lambda found: -found[0])
    for _, tag in ranges:
        locale = parse_locale(tag)
        if locale is not None:
            return Preference(locale, currency_of(_territory(tag), today))
    return Preference(ENGLISH, None)


def _ranges(header: str) -> Iterator[tuple[int, str]]:
    """Quality in thousandths and tag of each range, without those that are not wanted."""
    for part in header[:HEADER_CHARACTERS_MAX].split(",")[:RANGES_MAX]:
        found = _RANGE.fullmatch(part.strip(" \t"))
        if found is None:
            continue
        quality = int((found["quality"] or "1").replace(".", "").ljust(4, "0"))
        tag = "-".join(word for word in found.group("language", "script", "territory") if word)
        if quality:
            yield quality, tag


def _territory(tag: str) -> str:
    """The country of a tag, in capitals; of a language alone, the likely one.

    A part of the world, as in es-419, has many currencies and is none.
    """
    language, *others = tag.split("-")
    if others and others[-1].isdecimal():
        return ""
    if others and len(others[-1]) == len("CA"):
        return others[-1].upper()
    likely = get_global("likely_subtags")
    full = likely.get("_".join([language.lower(), *(word.title() for word in others)]))
    return str(full or likely.get(language.lower(), "")).rpartition("_")[2]


def currency_of(territory: str, today: date) -> Currency | None:
    """The currency that a territory pays with; None if it has none of ISO 4217's in use."""
    in_use = get_territory_currencies(territory, today, today) if territory else []
    code = CURRENCIES_SINCE.get(territory, in_use[0] if in_use else "")
    found = CURRENCIES.get(code)
    return found if found is not None and found.withdrawn is None else None


@lru_cache(maxsize=1024)
def parse_locale(tag: str) -> Locale | None:
    """The locale of a tag such as fr-CA or fr_CA; None if its language is not spoken here.

    A territory of which CLDR knows nothing in the language leaves the language alone.
    """
    if not _TAG.fullmatch(tag):
        return None
    words = tag.replace("_", "-").split("-")
    for length in range(len(words), 0, -1):
        try:
            locale = Locale.parse("-".join(words[:length]), sep="-")
        except (UnknownLocaleError, ValueError):
            continue
        # An old code stands for a new one, so what came out is looked at.
        return locale if locale.language in LANGUAGES else None
    return None


@lru_cache(maxsize=MONEY_TEXTS_MAX)
def money_text(money: Money, locale: Locale) -> str:
    """An amount as the locale writes it: 1 718,11 $ US in fr_CA, ¥123,829 in en.

    It has the decimals that CLDR shows in the currency, and all that it has by ISO 4217 where
    one of them is not 0.
    """
    value = Decimal(str(money))
    pattern = _pattern("money", str(locale), _decimals_shown(money))
    # Babel computes with the context's precision, which is 28 digits where nobody says more.
    with localcontext(Context(prec=2 * AMOUNT_DIGITS_MAX)):
        text = pattern.apply(
            value,
            locale,
            currency=money.currency.code,
            currency_digits=False,
            decimal_quantization=True,
        )
    return str(text)


@lru_cache(maxsize=NUMBER_TEXTS_MAX)
def number_text(number: str, locale: Locale) -> str:
    """A number such as 0.715878508266 as the locale writes it: 0,715878508266 in fr.

    It has all the decimals that it has, also zeros at its end. What is no number that could be
    a rate or the value of a rule, as in somebody else's record, is left as it is.
    """
    return _number_text(number, "number", locale)


@lru_cache(maxsize=NUMBER_TEXTS_MAX)
def percent_text(percent: str, locale: Locale) -> str:
    """So many percent as the locale writes it: 2.5 is 2.5% in en, 2,5 % in fr, %2,5 in tr."""
    return _number_text(percent, "percent", locale)


def _number_text(number: str, kind: str, locale: Locale) -> str:
    found = _NUMBER.fullmatch(number)
    if found is None:
        return number
    pattern = _pattern(kind, str(locale), len(found["decimals"] or ""))
    # As with money: in the usual context Babel would round to 28 digits.
    with localcontext(Context(prec=len(number))):
        return str(pattern.apply(Decimal(number), locale))


def _decimals_shown(money: Money) -> int:
    fractions = get_global("currency_fractions")
    by_cldr = int(fractions.get(money.currency.code, fractions["DEFAULT"])[0])
    by_iso = money.currency.minor_digits
    exact = by_cldr >= by_iso or money.amount_minor % 10 ** (by_iso - by_cldr) == 0
    return by_cldr if exact else by_iso


@lru_cache(maxsize=256)
def _pattern(kind: str, locale: str, decimals: int) -> NumberPattern:
    """The locale's pattern for money, a number or a percent, with so many decimals."""
    of = Locale.parse(locale)
    shared: NumberPattern = {
        "money": of.currency_formats["standard"],
        "number": of.decimal_formats[None],
        "percent": of.percent_formats[None],
    }[kind]
    own: NumberPattern = parse_pattern(shared.pattern)
    own.frac_prec = (decimals, decimals)
    # A percentage is one already, and is not multiplied by 100.
    own.scale = 0
    return own


def date_text(day: date, locale: Locale) -> str:
    """A day with its month in words: 30 October 2026, 30. Oktober 2026, 2026年10月30日."""
    return str(format_date(day, "long", locale=WORLD_ENGLISH if locale == ENGLISH else locale))


def short_date_text(day: date, locale: Locale) -> str:
    """A day in little room: 30 Oct 2026, 30.10.2026."""
    return str(format_date(day, "medium", locale=WORLD_ENGLISH if locale == ENGLISH else locale))


def instant_text(at: datetime, locale: Locale) -> str:
    """An instant in UTC, which it says: 30 October 2026, 6:00:00 pm UTC."""
    spoken = WORLD_ENGLISH if locale == ENGLISH else locale
    return str(format_datetime(at, "long", tzinfo=UTC, locale=spoken))


def currency_name(currency: Currency, locale: Locale) -> str:
    """What the currency is called: US Dollar, US-Dollar; by ISO 4217 where CLDR has no name."""
    return str(locale.currencies.get(currency.code, currency.name))


def language_name(locale: Locale) -> str:
    """What the locale is called in its own language: français (Canada)."""
    return str(locale.get_display_name(locale) or locale)


def publication_text(source: str, day: date, locale: Locale = ENGLISH) -> str:
    """Where a rate is from: "ECB, 30 October 2026"."""
    return f"{source}, {date_text(day, locale)}"
