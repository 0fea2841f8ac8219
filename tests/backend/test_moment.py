"""A rate is looked up once in a moment, and is the one that would be looked up anew."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asking import Asker
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.calendars import AgeLimits
from pricedesk.backend.grpc.currency_service import CurrencyService
from pricedesk.backend.moment import RATES_MAX, RATES_OF_THE_PAST_MAX, TABLES_MAX, Moment
from pricedesk.backend.question import Question
from pricedesk.backend.rate_book import RateBook, Usable, any_publication
from pricedesk.backend.rates import (
    Convention,
    Provenance,
    Publication,
    Rate,
    Sheet,
    publication_of,
)
from pricedesk.backend.sources import ecb, find_sources
from pricedesk.currencies import Currency, currency
from pricedesk.errors import NoRateForCurrency, NoRateForDate, PricedeskError
from pricedesk.money import ExactDecimal

AFTERNOON = datetime(2026, 11, 2, 15, 59, 30, tzinfo=UTC)
"""Half a minute before Monday's publication counts as missing."""

SOURCES = find_sources(["ECB", "BOC"], "https://ecb.example")
CAD, EUR, USD = (currency(code) for code in ("CAD", "EUR", "USD"))


def _published(day: int, cad: str, usd: str) -> Publication:
    fetched_at = datetime(2026, 10, day, 15, 1, tzinfo=UTC)
    sheet = Sheet(fetched_at.date(), {"CAD": cad, "USD": usd})
    return publication_of("ECB", ecb.CONVENTION, sheet, Provenance("5" * 64, fetched_at))


FRIDAY = _published(30, "1.5", "1.2")
CANADIAN = publication_of(
    "BOC",
    Convention("CAD", per_pivot=False),
    Sheet(date(2026, 10, 30), {"USD": "1.4"}),
    FRIDAY.provenance,
)
CORRECTED = replace(
    _published(30, "1.5", "1.1"),
    revision=2,
    provenance=Provenance("6" * 64, AFTERNOON + timedelta(seconds=10)),
)


class CountingBook(RateBook):
    """A book that counts how often a rate is looked up in it."""

    lookups = 0

    def rates(
        self,
        base: Currency,
        counter: Currency,
        day: date,
        usable: Usable = any_publication,
        keys: Sequence[str] | None = None,
    ) -> Iterator[Rate]:
        self.lookups += 1
        return super().rates(base, counter, day, usable, keys)


class Desk:
    """A bureau whose clock is set by hand, over a small book."""

    def __init__(self, ages: AgeLimits | None = None) -> None:
        self.now = AFTERNOON
        self.book = CountingBook([_published(29, "1.6", "1.2"), FRIDAY, CORRECTED, CANADIAN])
        self.terms = Terms(CAD, USD, ages=ages or AgeLimits())
        self.bureau = self.another()

    def another(self) -> Bureau:
        """A bureau that has looked nothing up yet."""
        return Bureau(self.book, SOURCES, lambda: self.now, self.terms)


def answer(
    bureau: Bureau, pair: tuple[Currency, Currency], on: date | None, known_at: datetime | None,
    keys: tuple[str, ...] | None,
) -> str:  # fmt: skip
    """An explained answer, or the refusal, as text."""
    try:
        found = bureau.convert(ExactDecimal(100, 0), *pair, on, known_at=known_at, keys=keys)
    except PricedeskError as error:
        return f"{error.slug} {error}"
    return str(found.explained())


def table(
    bureau: Bureau, base: Currency, on: date | None, keys: tuple[str, ...] | None,
    counters: Sequence[Currency] | None,
) -> str:  # fmt: skip
    """The rates of a table with what there is to say of them, or the refusal, as text."""
    try:
        found = bureau.table(base, Question(bureau.clock(), on, keys=keys), counters)
    except PricedeskError as error:
        return f"{error.slug} {error}"
    return " ".join(f"{code} {of_pair.reasons}" for code, of_pair in found.items())


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    asked=st.lists(
        st.tuples(
            st.sampled_from([0, 1, 10, 29, 30, 60, 86_400, -1, -30, -86_400]),
            st.sampled_from([(CAD, USD), (EUR, CAD), (CAD, CAD), (CAD, currency("JPY"))]),
            st.sampled_from([None, date(2026, 10, 29), date(2026, 11, 2), date(2026, 11, 4)]),
            st.sampled_from(
                [None, AFTERNOON, AFTERNOON + timedelta(seconds=20), AFTERNOON - timedelta(days=3)]
            ),
            st.sampled_from([None, ("ECB",), ("BOC",), ("BOC", "ECB"), ("CNB",)]),
            st.sampled_from([None, (USD,), (EUR, CAD), (currency("JPY"), USD)]),
        ),
        max_size=12,
    ),
    refuse=st.booleans(),
)
def test_what_was_looked_up_before_is_what_would_be_looked_up_now(
    asked: list[
        tuple[
            int,
            tuple[Currency, Currency],
            date | None,
            datetime | None,
            tuple[str, ...] | None,
            tuple[Currency, ...] | None,
        ]
    ],
    refuse: bool,
) -> None:
    desk = Desk(AgeLimits(refuse_after_missed=0) if refuse else None)
    for step, pair, on, known_at, keys, counters in asked:
        desk.now += timedelta(seconds=step)
        for _ in range(2):
            remembered = answer(desk.bureau, pair, on, known_at, keys)
            assert remembered == answer(desk.another(), pair, on, known_at, keys)
            tabled = table(desk.bureau, pair[0], on, keys, counters)
            assert tabled == table(desk.another(), pair[0], on, keys, counters)


@pytest.mark.parametrize("backwards", [False, True])
def test_no_two_questions_share_what_was_looked_up(backwards: bool) -> None:
    desk = Desk()
    asked = list(
        product(
            [(CAD, USD), (USD, CAD), (EUR, CAD)],
            [None, date(2026, 10, 29), date(2026, 10, 30)],
            [None, AFTERNOON, AFTERNOON - timedelta(days=3)],
            [("BOC",), None, ("ECB",), ("BOC", "ECB")],
        )
    )
    for question in reversed(asked) if backwards else asked:
        assert answer(desk.bureau, *question) == answer(desk.another(), *question)


def test_many_amounts_of_a_pair_look_its_rate_up_once_whichever_door_they_come_to() -> None:
    desk = Desk()
    api, service = Asker(desk.bureau), CurrencyService(desk.bureau)
    items = [{"amount": str(n), "from": "CAD", "to": "USD"} for n in range(100)]
    api.ask(
        "POST", "/convert", json.dumps({"items": items}).encode(), content_type="application/json"
    )
    for number in range(100):
        assert api.get(f"/convert?amount={number}&from=CAD&to=USD").status == 200
        service.convert(b"\n\x07\n\x03CAD\x10" + bytes([number]) + b"\x12\x03USD")
        desk.bureau.convert(ExactDecimal(number, 2))
    assert desk.book.lookups == 1
    desk.now += timedelta(minutes=1)
    desk.bureau.convert(ExactDecimal(1, 0))
    assert desk.book.lookups == 2


@pytest.mark.parametrize(
    "table", ["latest?", "2026-10-30?", "latest?symbols=EUR,USD&", "2026-10-30?symbols=EUR,USD&"]
)
def test_many_amounts_of_a_table_look_each_of_its_rates_up_once(table: str) -> None:
    desk = Desk()
    api = Asker(desk.bureau)
    for number in range(1, 100):
        told = json.loads(api.text(f"/v1/{table}amount={number}&base=CAD"))
        assert told["rates"].keys() == {"EUR", "USD"}
    assert desk.book.lookups == 2


def test_who_asks_for_a_pair_of_a_table_looks_nothing_up_anew() -> None:
    desk = Desk()
    api = Asker(desk.bureau)
    api.text("/v1/latest?base=CAD")
    api.text("/convert?amount=1&from=CAD&to=USD&sources=ECB")
    assert desk.book.lookups == 2


def test_who_goes_through_the_tables_of_many_days_does_not_drive_out_what_is_asked_again() -> None:
    desk = Desk()
    desk.now += timedelta(days=RATES_MAX)
    asked_again = desk.bureau.find(CAD, USD, Question(desk.now))
    for number in range(RATES_MAX):
        of_day = Question(desk.now, FRIDAY.date + timedelta(days=number))
        assert desk.bureau.table(CAD, of_day).keys() == {"EUR", "USD"}
    assert desk.bureau.find(CAD, USD, Question(desk.now)) is asked_again


def test_there_is_a_bound_on_the_tables_that_are_remembered() -> None:
    desk = Desk()
    desk.now += timedelta(days=2 * TABLES_MAX)
    days = [Question(desk.now, FRIDAY.date + timedelta(number)) for number in range(TABLES_MAX + 1)]
    tables = [desk.bureau.table(CAD, day) for day in days[:-1]]
    assert all(
        a is b for a, b in zip(tables, [desk.bureau.table(CAD, d) for d in days[:-1]], strict=True)
    )
    desk.bureau.table(CAD, days[-1])
    anew = desk.bureau.table(CAD, days[0])
    assert anew is not tables[0]
    assert anew.keys() == tables[0].keys()
    desk.bureau.moment().end()
    assert desk.bureau.table(CAD, days[0]) is not anew


def test_of_a_moment_that_is_over_one_table_is_remembered() -> None:
    desk = Desk()
    pinned = desk.bureau.pinned()
    desk.now += timedelta(minutes=1)
    assert desk.bureau.moment() is not pinned.moment()
    friday, saturday = (Question(AFTERNOON, FRIDAY.date + timedelta(n)) for n in range(2))
    table = pinned.table(CAD, friday)
    assert pinned.table(CAD, friday) is table
    pinned.table(CAD, saturday)
    assert pinned.table(CAD, friday) is not table


def test_a_rate_that_there_is_not_is_looked_up_once_too_and_refused_in_the_same_words() -> None:
    desk = Desk()
    api, service, yen = Asker(desk.bureau), CurrencyService(desk.bureau), currency("JPY")
    with pytest.raises(NoRateForCurrency) as first:
        desk.bureau.convert(ExactDecimal(1, 0), CAD, yen)
    lookups = desk.book.lookups
    for number in range(100):
        with pytest.raises(NoRateForCurrency) as again:
            desk.bureau.convert(ExactDecimal(number, 0), CAD, yen)
        assert again.value is not first.value
        assert str(again.value) == str(first.value) == "none of ECB, BOC publishes JPY"
        assert api.get(f"/convert?amount={number}&from=CAD&to=JPY").status == 404
        with pytest.raises(NoRateForCurrency, match="none of ECB, BOC publishes JPY"):
            service.convert(b"\n\x07\n\x03CAD\x10" + bytes([number]) + b"\x12\x03JPY")
    assert desk.book.lookups == lookups == 1


def test_with_another_book_it_is_looked_up_anew() -> None:
    desk = Desk()
    assert str(desk.bureau.convert(ExactDecimal(150, 0)).conversion.result) == "110.00"
    sheet = Sheet(date(2026, 11, 2), {"CAD": "1.5", "USD": "1.3"})
    desk.bureau.take([publication_of("ECB", ecb.CONVENTION, sheet, Provenance("7" * 64, desk.now))])
    assert str(desk.bureau.convert(ExactDecimal(150, 0)).conversion.result) == "130.00"


def test_an_instant_that_was_to_come_is_asked_again_when_it_has_come() -> None:
    desk = Desk()
    then = AFTERNOON + timedelta(seconds=20)
    with pytest.raises(NoRateForDate, match="in the future"):
        desk.bureau.convert(ExactDecimal(1, 0), known_at=then)
    desk.now = then
    assert (
        str(desk.bureau.convert(ExactDecimal(150, 0), known_at=then).conversion.result) == "110.00"
    )
    desk.now -= timedelta(seconds=1)
    with pytest.raises(NoRateForDate, match="in the future"):
        desk.bureau.convert(ExactDecimal(1, 0), known_at=then)


def test_a_refusal_of_an_instant_gone_by_is_in_the_words_of_then() -> None:
    desk, yen = Desk(), currency("JPY")
    desk.now += timedelta(minutes=1)
    sheet = Sheet(date(2026, 11, 2), {"JPY": "175.68"})
    desk.bureau.take([publication_of("ECB", ecb.CONVENTION, sheet, Provenance("7" * 64, desk.now))])
    for _ in range(2):
        with pytest.raises(NoRateForCurrency, match=r"^none of ECB, BOC publishes JPY$"):
            desk.bureau.convert(ExactDecimal(1, 0), EUR, yen, known_at=AFTERNOON)
    assert str(desk.bureau.convert(ExactDecimal(1, 0), EUR, yen).conversion.result) == "176"


def test_a_bureau_that_is_pinned_answers_from_its_moment_for_ever() -> None:
    desk = Desk()
    before = desk.bureau.convert(ExactDecimal(100, 0)).explained()
    pinned = desk.bureau.pinned()
    desk.now += timedelta(days=2)
    desk.bureau.book = desk.bureau.book.with_publications([])
    assert pinned.convert(ExactDecimal(100, 0)).explained() == before
    assert desk.book.lookups == 2  # Of the pair, and what other sources say of it.


def test_there_is_a_bound_on_what_is_remembered() -> None:
    desk = Desk()
    found = desk.bureau.convert(ExactDecimal(1, 0)).found
    moment = Moment(desk.book, desk.now)
    questions = [
        Question(desk.now, date(2000, 1, 1) + timedelta(number)) for number in range(RATES_MAX + 1)
    ]

    def known() -> int:
        return sum(moment.known(CAD, USD, question) is found for question in questions)

    for question in questions[:-1]:
        moment.remember(CAD, USD, question, found)
    assert known() == RATES_MAX
    moment.remember(CAD, USD, questions[-1], found)
    assert known() == 1


def test_a_moment_that_is_over_remembers_little_for_those_who_are_pinned_to_it() -> None:
    desk = Desk()
    desk.bureau.convert(ExactDecimal(1, 0))
    pinned, before = desk.bureau.pinned(), desk.bureau.moment()
    desk.now += timedelta(minutes=1)
    questions = [
        Question(pinned.clock(), date(2026, 10, 30) - timedelta(number))
        for number in range(RATES_OF_THE_PAST_MAX + 1)
    ]

    def known() -> int:
        return sum(before.known(CAD, USD, question) is found for question in questions)

    found = pinned.find(CAD, USD, questions[0])
    assert before.known_of_now(CAD, USD) is not None
    assert known() == 1
    assert desk.bureau.moment() is not before
    assert before.known_of_now(CAD, USD) is None
    assert known() == 0
    for question in questions[:-1]:
        before.remember(CAD, USD, question, found)
    assert known() == RATES_OF_THE_PAST_MAX
    before.remember(CAD, USD, questions[-1], found)
    assert known() == 1


def test_reasons_are_found_out_once_for_all_amounts() -> None:
    desk = Desk()
    first, second = (desk.bureau.convert(ExactDecimal(amount, 0)) for amount in (1, 2))
    assert first.found is second.found
    assert first.found.reasons is second.found.reasons
    assert first.explained() == replace(
        second.explained(),
        amount="1",
        result=str(first.conversion.result),
        unrounded=first.conversion.unrounded_text,
    )


def test_a_plain_conversion_loads_no_tables_of_days_off() -> None:
    """They take a tenth of a second, for which the first answer after a start would wait."""
    program = """
import sys
from datetime import datetime, timezone
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.line_server import LineSession
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.recent_answers import RecentAnswers
from pricedesk.backend.sources import ecb
from pricedesk.currencies import currency
now = datetime(2026, 10, 30, 18, tzinfo=timezone.utc)
terms = Terms(currency("CAD"), currency("USD"))
book = RateBook(packaged_publications())
bureau = Bureau(book, [ecb.source("https://ecb.example")], lambda: now, terms)
session = LineSession(bureau, recent=RecentAnswers(bureau))
print(session.answer(b"1100"), "holidays" in sys.modules)
print(len(session.answer(b"explain 1100")), "holidays" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[0] == r"b'787.47\n' False"
    assert done.stdout.split("\n")[1].endswith(" True")
