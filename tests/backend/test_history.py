"""The history that the package carries: the ECB's own file, whole."""

import hashlib
from datetime import UTC, date, datetime
from importlib.resources import files

from pricedesk.backend import history
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Provenance
from pricedesk.backend.sources import ecb

SHA256 = "73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3"


def test_the_file_is_the_ecbs_own_byte_for_byte() -> None:
    content = files(history).joinpath("eurofxref-hist.zip").read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256


def test_its_rows_that_are_not_looked_at_are_as_the_ecb_writes_them() -> None:
    raw = files(history).joinpath("eurofxref-hist.zip").read_bytes()
    provenance = Provenance(SHA256, history.PUBLISHED_AT)
    assert ecb.packaged(raw, provenance) == packaged_publications()


def test_every_publication_is_there_once_from_the_first_to_the_day_of_the_package() -> None:
    days = [publication.date for publication in packaged_publications()]
    assert days == sorted(set(days))
    assert (len(days), days[0], days[-1]) == (7126, date(1999, 1, 4), date(2026, 10, 30))


def test_its_first_and_last_publications_are_in_the_ecbs_words() -> None:
    publications = packaged_publications()
    first, last = (" ".join(map(" ".join, publications[n].rates().items())) for n in (0, -1))
    assert first == (
        "USD 1.1789 JPY 133.73 CYP 0.58231 CZK 35.107 DKK 7.4501 EEK 15.6466 GBP 0.7111"
        " HUF 251.48 LTL 4.717 LVL 0.6668 MTL 0.4432 PLN 4.0712 ROL 13111 SEK 9.4696"
        " SIT 189.045 SKK 42.991 CHF 1.6168 ISK 81.48 NOK 8.855 TRL 372274 AUD 1.91"
        " CAD 1.8004 HKD 9.1332 KRW 1398.59 NZD 2.2229 SGD 1.9554 ZAR 6.9358"
    )
    assert last == (
        "USD 1.1172 JPY 175.68 CZK 24.353 DKK 7.4735 GBP 0.8338 HUF 366.33 PLN 4.4038"
        " RON 5.3447 SEK 10.978 CHF 0.9194 ISK 136 NOK 10.312 TRY 55.8015 AUD 1.5904"
        " BRL 6.0692 CAD 1.5606 CNY 7.4326 HKD 8.7652 IDR 20275.17 ILS 3.495 INR 106.084"
        " KRW 1491.76 MXN 21.1237 MYR 4.5325 NZD 1.9823 PHP 71.143 SGD 1.4282 THB 37.683"
        " ZAR 18.6455"
    )


def test_its_publications_say_where_they_are_from() -> None:
    assert {p.provenance for p in packaged_publications()} == {
        Provenance(SHA256, datetime(2026, 10, 30, 15, 56, tzinfo=UTC))
    }
    assert {(p.source, p.convention.pivot, p.revision) for p in packaged_publications()} == {
        ("ECB", "EUR", 1)
    }


def test_it_has_every_day_on_which_the_calendar_expects_a_publication() -> None:
    book = RateBook(packaged_publications())
    first, last = ecb.source("").first_date, book.newest.date
    expected = [
        day
        for day in (date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1))
        if ecb.CALENDAR.is_publication_day(day)
    ]
    assert [publication.date for publication in book] == expected


def test_the_origin_of_the_file_is_named_beside_it() -> None:
    assert history.__doc__ is not None
    assert "European Central Bank" in history.__doc__
    assert "https://www.ecb.europa.eu/stats/eurofxref/" in history.__doc__
