"""The recorded answers are as they were served, and say what the banks published."""

import hashlib
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from looked_up import rate_of
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Provenance, Sheet, publication_of
from pricedesk.backend.sources import find_sources
from pricedesk.currencies import currency

FIXTURES = Path(__file__).parents[2] / "fixtures"
DAY = date(2026, 3, 17)
PROVENANCE = Provenance("5" * 64, datetime(2026, 4, 3, tzinfo=UTC))

SHA256 = {
    "boc/FX_RATES_DAILY-2026-03-12.json": (
        "77f2187ed2751c083fc3bda3ced09a27bb7218716de6ee57f13bfdfd08ac41db"
    ),
    "boe/boe-iadb-2026-03-17_2026-03-20.csv": (
        "d3717522c4d5a3cd92598846032d2eaf8347dd23b6cd46451ab09df9ed2a58f8"
    ),
    "cnb/cnb-daily-year-2026.json": (
        "d9428fc052c9ec101ea0728ed7e1a183c0c4661ab77665243b1a2be73436538f"
    ),
    "ecb/ecb-sdmx-2025-01_2026-03.csv": (
        "62b46fdac1fade9fd8ef91291feaff629619f736ff7b729a60617996abeaf69e"
    ),
    "ecb/ecb-sdmx-2026-02-17_2026-03.csv": (
        "33bd73c048d3b26f9d654e56a562465bd47f49af1adc3d19276a47ac61fc6093"
    ),
    "ecb/eurofxref-daily-2017-03-08.xml": (
        "b3b9c5ff52cf7fdefb76ddd06ab5cb7cb8a43f377c40303c01de869fa307a7f7"
    ),
    "ecb/eurofxref-daily.RECONSTRUCTED.xml": (
        "f7c22b0cfb0942ef7e4da35b0b3f5b53f5130ee6851b397091f4925195397631"
    ),
    "ecb/eurofxref-hist-90d.RECONSTRUCTED.xml": (
        "ad469b816fc41f006b8103ffba9e5d14215899e36006f3662cd688a29835ded3"
    ),
    "erapi/latest-USD.MADE-BY-US.json": (
        "b66b0c3df2fdcab11b2d5bc45b7163274435e4914725c9293d3e2d86a8c067cd"
    ),
    "nb/norges-bank-sdmx-2026-03-16_2026-03-24.csv": (
        "5c2a5e3262101ca5e6579010ff4e0e996cc3ca114a1992d281c0a4d185ea4cc5"
    ),
    "nbp/nbp-gold-2026-03-01_2026-03-05.json": (
        "443ce02f88bc7b43dd2e7ee27d2beeb85f45b3ffb9dc1fe46e4d32a8e186fa18"
    ),
    "nbp/nbp-table-A-2026-03-01_2026-03-05.json": (
        "c548d489c2b5d3273fc14bb106c5ce3f129b0424ee16868363a683fe39139e36"
    ),
    "nbp/nbp-table-B-2026-03-01_2026-03-05.json": (
        "a3df34306757def85982ef8350d78f1806cb50529736c113bcc0e6161665460a"
    ),
    "rb/riksbank-bygroup130-2026-03-24_2026-03-28.json": (
        "ff6901fb860498c1f8bbc8109834dc4790ed632372826d420182ecfed07ddb88"
    ),
}


def test_nobody_has_edited_a_recording() -> None:
    recordings = [file for file in FIXTURES.rglob("*") if file.is_file() and file.suffix != ".md"]
    # Quotes are ours: see test_quote_replay.py.
    recordings = [file for file in recordings if FIXTURES / "quotes" not in file.parents]
    assert {
        str(file.relative_to(FIXTURES)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in recordings
    } == SHA256


RECORDED = {
    "BOC": "boc/FX_RATES_DAILY-2026-03-12.json",
    "BOE": "boe/boe-iadb-2026-03-17_2026-03-20.csv",
    "NB": "nb/norges-bank-sdmx-2026-03-16_2026-03-24.csv",
    "CNB": "cnb/cnb-daily-year-2026.json",
}


def in_words(sheet: Sheet) -> str:
    """Its values in their order; 100HUF where they are for a hundred."""
    units = {code: str(number) for code, number in sheet.units.items()}
    return " ".join(f"{units.get(code, '')}{code} {text}" for code, text in sheet.rates.items())


@pytest.mark.parametrize(
    ("recording", "day", "words"),
    [
        (
            "nb/norges-bank-sdmx-2026-03-16_2026-03-24.csv",
            "2026-03-17",
            (
                "100HUF 2.8514 100DKK 148.2 100MMK 0.4573 100TRY 21.72 100RON 217.48"
                " NZD 5.6228 100JPY 6.0412 HKD 1.2255 100CZK 45.312 CAD 7.0065 100BDT 7.83"
                " USD 9.6028 100THB 29.712 PLN 2.5997 AUD 6.8238 MYR 2.451 100INR 10.397"
                " 100IDR 0.056627 GBP 12.8115 100CNY 139.44 BRL 1.8435 100VND 0.0365 BYN 3.186"
                " SGD 7.5209 100PKR 3.44 100MXN 54.37 ILS 3.0988 EUR 11.073 100CHF 1221.11"
                " 100ISK 7.71 ZAR 0.5764 100TWD 30.139 100SEK 103.43 100PHP 16.123"
                " 100KRW 0.6457"
            ),
        ),
        (
            "cnb/cnb-daily-year-2026.json",
            "2026-03-17",
            (
                "AUD 15.057 BRL 4.069 CAD 15.464 CHF 26.947 CNY 3.077 DKK 3.270 EUR 24.435"
                " GBP 28.279 HKD 2.704 100HUF 6.295 1000IDR 1.248 ILS 6.842 100INR 22.940"
                " 100ISK 17.016 100JPY 13.328 100KRW 1.424 MXN 1.199 MYR 5.407 NOK 2.206"
                " NZD 12.410 100PHP 35.578 PLN 5.738 RON 4.799 SEK 2.282 SGD 16.594"
                " 100THB 65.541 100TRY 47.928 USD 21.186 ZAR 1.272"
            ),
        ),
        (
            "nbp/nbp-table-A-2026-03-01_2026-03-05.json",
            "2026-03-02",
            (
                "THB 0.1146 USD 3.6056 AUD 2.5522 HKD 0.4609 CAD 2.6410 NZD 2.1465 SGD 2.8361"
                " EUR 4.2304 HUF 0.011155 CHF 4.6696 GBP 4.8215 UAH 0.0833 JPY 0.022963"
                " CZK 0.1744 DKK 0.5662 ISK 0.02948 NOK 0.3785 SEK 0.3952 RON 0.8300"
                " TRY 0.0819 ILS 1.1713 CLP 0.004127 PHP 0.0619 MXN 0.2084 ZAR 0.2240"
                " BRL 0.7028 MYR 0.9181 IDR 0.00021385 INR 0.039415 KRW 0.002475 CNY 0.5238"
            ),
        ),
        (
            "rb/riksbank-bygroup130-2026-03-24_2026-03-28.json",
            "2026-03-27",
            (
                "AUD 6.5017 BRL 1.79698 CAD 6.80982 CHF 11.85226 CNY 1.36614 CZK 0.44324"
                " DKK 1.45582 EUR 10.878 GBP 12.54382 HKD 1.20568 HUF 0.02791 IDR 0.00056"
                " ILS 2.9943 INR 0.09962 ISK 0.07575 JPY 0.05907 KRW 0.00625 MXN 0.52305"
                " MYR 2.35363 NOK 0.97225 NZD 5.43384 PHP 0.15595 PLN 2.53714 RON 2.1334"
                " SGD 7.33464 THB 0.28665 TRY 0.21246 USD 9.44517 ZAR 0.54944"
            ),
        ),
    ],
)
def test_a_recorded_day_is_read_to_the_digit(recording: str, day: str, words: str) -> None:
    """The other sources have such a test beside their parser's others."""
    [source] = find_sources((recording.partition("/")[0].upper(),), "https://ecb.example")
    sheets = source.read(source.request(DAY, DAY), (FIXTURES / recording).read_bytes())
    assert [in_words(sheet) for sheet in sheets if str(sheet.date) == day] == [words]


@pytest.mark.parametrize(
    ("key", "usd"),
    [
        ("ECB", "0.72963"),
        ("BOC", "0.72998"),
        ("BOE", "0.72952"),
        ("NB", "0.72963"),
        ("CNB", "0.72992"),
    ],
)
def test_the_sources_agree_on_what_a_canadian_dollar_was_worth(key: str, usd: str) -> None:
    if key == "ECB":
        book = RateBook(packaged_publications())
    else:
        [source] = find_sources((key,), "https://ecb.example")
        raw = (FIXTURES / RECORDED[key]).read_bytes()
        sheets = source.read(source.request(DAY, DAY), raw)
        book = RateBook(publication_of(key, source.convention, s, PROVENANCE) for s in sheets)
    rate = rate_of(book, currency("CAD"), currency("USD"), DAY)
    assert round(Fraction(rate.numerator, rate.denominator), 5) == Fraction(usd)
