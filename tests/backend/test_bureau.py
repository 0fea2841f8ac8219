"""The bureau's answers: defaults, the age of a rate, its reasons, and what it refuses."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.calendars import AgeLimits, State
from pricedesk.backend.question import Question
from pricedesk.backend.rate_book import Order, RateBook
from pricedesk.backend.rates import Convention, Provenance, Publication, Sheet, publication_of
from pricedesk.backend.sources import ecb, find_sources
from pricedesk.currencies import Currency, currency
from pricedesk.errors import (
    NoRateForCurrency,
    NoRateForDate,
    NoRatesKnown,
    PricedeskError,
    RateTooOld,
)
from pricedesk.money import ExactDecimal, Rounding
from pricedesk.protocol import Explanation

EUR, USD, CAD, JPY = (currency(code) for code in ("EUR", "USD", "CAD", "JPY"))
AMOUNT = ExactDecimal(1100, 0)
PROVENANCE = Provenance("5" * 64, datetime(2026, 11, 2, 15, 5, tzinfo=UTC))
MONDAY = publication_of(
    "ECB", ecb.CONVENTION, Sheet(date(2026, 11, 2), {"USD": "2", "CAD": "4"}), PROVENANCE
)


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def bureau_at(now: str, book: RateBook, terms: Terms | None = None) -> Bureau:
    instant = datetime.fromisoformat(f"{now}:00Z")
    return Bureau(
        book, [ecb.source("https://ecb.example")], lambda: instant, terms or Terms(CAD, USD)
    )


@pytest.mark.parametrize(
    ("base", "counter", "result"),
    [
        (None, None, "787.47"),
        ("EUR", None, "1228.92"),
        ("USD", None, "1100.00"),
        (None, "JPY", "123829"),
        ("CAD", "JPY", "123829"),
    ],
)
def test_a_currency_that_is_not_named_is_that_of_the_terms(
    bureau: Bureau, base: str | None, counter: str | None, result: str
) -> None:
    named = (currency(code) if code else None for code in (base, counter))
    answer = bureau.convert(AMOUNT, next(named), next(named))
    assert str(answer.conversion.result) == result


def test_the_terms_say_pair_and_rounding(book: RateBook) -> None:
    bureau = bureau_at("2026-10-30T18:00", book, Terms(EUR, JPY, Rounding.HALF_EVEN))
    conversion = bureau.convert(ExactDecimal(125, 1)).conversion
    assert (str(conversion.result), conversion.rounding) == ("2196", Rounding.HALF_EVEN)
    assert str(bureau.convert(ExactDecimal(5, 3), EUR, EUR).conversion.result) == "0.00"
    half_up = bureau_at("2026-10-30T18:00", book).convert(ExactDecimal(5, 3), EUR, EUR)
    assert str(half_up.conversion.result) == "0.01"


AGES = [
    (None, "2026-10-30T18:00", "2026-10-30 0 fresh"),
    (None, "2026-11-01T18:00", "2026-10-30 0 fresh"),
    (None, "2026-11-02T15:59", "2026-10-30 0 fresh"),
    (None, "2026-11-02T16:00", "2026-10-30 1 late"),
    (None, "2026-11-03T16:00", "2026-10-30 2 stale"),
    # Today by its date is no other question than today.
    ("2026-10-30", "2026-10-30T18:00", "2026-10-30 0 fresh"),
    ("2026-11-02", "2026-11-02T15:59", "2026-10-30 0 fresh"),
    ("2026-11-02", "2026-11-02T16:00", "2026-10-30 1 late"),
    # A day gone by is held against what that day had, however late it is asked for.
    ("2026-10-30", "2026-12-24T18:00", "2026-10-30 0 fresh"),
    ("2026-11-01", "2026-12-24T18:00", "2026-10-30 0 fresh"),
    ("2026-11-02", "2026-12-24T18:00", "2026-10-30 1 late"),
    ("2026-11-04", "2026-12-24T18:00", "2026-10-30 3 stale"),
    ("2020-02-14", "2026-10-30T18:00", "2020-02-14 0 fresh"),
    ("2020-02-16", "2026-10-30T18:00", "2020-02-14 0 fresh"),
    ("2020-04-13", "2026-10-30T18:00", "2020-04-09 0 fresh"),
    # Where the day has begun already it is today, and it is held against now.
    ("2026-10-31", "2026-10-30T18:00", "2026-10-30 0 fresh"),
    ("2026-11-03", "2026-11-02T16:00", "2026-10-30 1 late"),
    # A rehearsal: what the book knows of later days does not count.
    (None, "2020-02-16T12:00", "2020-02-14 0 fresh"),
]


@pytest.mark.parametrize(("on", "now", "age"), AGES)
def test_the_age_of_a_rate_is_counted_in_publications(
    book: RateBook, on: str | None, now: str, age: str
) -> None:
    explained = bureau_at(now, book).convert(AMOUNT, on=day(on)).explained()
    assert f"{explained.date} {explained.missed} {explained.state}" == age


@pytest.mark.parametrize(("on", "now", "age"), [row for row in AGES if row[1] >= "2026-10-30T18"])
def test_as_known_at_an_instant_it_is_counted_up_to_that_instant(
    book: RateBook, on: str | None, now: str, age: str
) -> None:
    then = datetime.fromisoformat(f"{now}:00Z")
    later = bureau_at("2027-03-01T12:00", book).convert(AMOUNT, on=day(on), known_at=then)
    explained = later.explained()
    assert f"{explained.date} {explained.missed} {explained.state}" == age


def test_an_answer_is_explained(bureau: Bureau) -> None:
    assert bureau.convert(AMOUNT, CAD, JPY, date(2020, 2, 14)).explained() == Explanation(
        amount="1100",
        base="CAD",
        counter="JPY",
        result="91221",
        rate="82.9283575855",
        date="2020-02-14",
        source="ECB",
        path="CAD/EUR/JPY",
        state="fresh",
        missed="0",
        published="EUR/CAD:1.4363,EUR/JPY:119.11",
        unrounded="91221.193344008912",
        rounding="half-up",
        pegs="none",
        others="none",
        document="73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3",
        fetched="2026-10-30T15:56:00Z",
        attribution="none",
    )


@pytest.mark.parametrize(
    ("pair", "rate", "path", "published"),
    [
        ((EUR, USD), "1.1172", "EUR/USD", "EUR/USD:1.1172"),
        ((USD, EUR), "0.895094880057", "USD/EUR", "EUR/USD:1.1172"),
        ((CAD, USD), "0.715878508266", "CAD/EUR/USD", "EUR/CAD:1.5606,EUR/USD:1.1172"),
    ],
)
def test_a_rate_is_direct_inverted_or_crossed(
    bureau: Bureau, pair: tuple[Currency, Currency], rate: str, path: str, published: str
) -> None:
    explained = bureau.convert(AMOUNT, *pair).explained()
    assert (explained.rate, explained.path, explained.published) == (rate, path, published)


@pytest.mark.parametrize(("on", "date_"), [(None, "2026-10-30"), ("1990-01-01", "1990-01-01")])
def test_a_currency_to_itself_has_no_source_and_is_always_fresh(on: str | None, date_: str) -> None:
    empty = bureau_at("2026-10-30T18:00", RateBook([]))
    explained = empty.convert(ExactDecimal(12345, 3), CAD, CAD, day(on)).explained()
    assert str(explained) == (
        f"amount=12.345 from=CAD to=CAD result=12.35 rate=1 date={date_} source=none path=CAD"
        " state=fresh missed=0 published=none unrounded=12.345 rounding=half-up"
        " pegs=none others=none document=none fetched=none attribution=none"
    )


@pytest.mark.parametrize(
    ("pair", "on", "error", "sentence"),
    [
        ("CAD KWD", None, NoRateForCurrency, "ECB does not publish KWD"),
        (
            "CAD USD",
            "1998-12-31",
            NoRateForDate,
            "there is no rate for CAD on 1998-12-31: ECB has it since 1999-01-04",
        ),
        (
            "CAD BGN",
            None,
            NoRateForDate,
            "there is no rate for BGN on 2026-10-30: ECB has it from 2000-07-19 to 2025-12-31",
        ),
        (
            "CAD USD",
            "2026-11-01",
            NoRateForDate,
            "2026-11-01 is in the future: there is no rate for it yet",
        ),
        (
            "CAD CAD",
            "9999-12-31",
            NoRateForDate,
            "9999-12-31 is in the future: there is no rate for it yet",
        ),
    ],
)
def test_no_rate_is_a_refusal_with_its_reason(
    bureau: Bureau, pair: str, on: str | None, error: type[PricedeskError], sentence: str
) -> None:
    base, counter = (currency(code) for code in pair.split())
    with pytest.raises(PricedeskError) as refusal:
        bureau.convert(AMOUNT, base, counter, day(on))
    assert (type(refusal.value), str(refusal.value)) == (error, sentence)


def test_a_day_is_the_future_only_when_it_has_begun_nowhere(book: RateBook) -> None:
    saturday = date(2026, 10, 31)
    with pytest.raises(NoRateForDate):
        bureau_at("2026-10-30T09:59", book).convert(AMOUNT, on=saturday)
    begun = bureau_at("2026-10-30T10:00", book).convert(AMOUNT, on=saturday)
    assert str(begun.conversion.result) == "787.47"


def test_a_bureau_without_rates_says_so() -> None:
    empty = bureau_at("2026-10-30T18:00", RateBook([]))
    with pytest.raises(NoRatesKnown, match=r"^no rates are known yet$"):
        empty.convert(AMOUNT)
    with pytest.raises(NoRatesKnown, match=r"^no rates are known yet$"):
        empty.currencies()


def test_the_currencies_are_those_of_the_newest_publication(bureau: Bureau) -> None:
    assert " ".join(bureau.currencies()) == (
        "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR ISK JPY KRW MXN MYR NOK NZD PHP"
        " PLN RON SEK SGD THB TRY USD ZAR"
    )


def test_publications_that_arrive_answer_from_the_next_question_on(book: RateBook) -> None:
    bureau = bureau_at("2026-11-02T18:00", book)
    before = bureau.convert(AMOUNT)
    bureau.take([MONDAY])
    after = bureau.convert(AMOUNT)
    bureau.take([replace(MONDAY, row="3,4", revision=2)])
    corrected = bureau.convert(AMOUNT)
    results = [str(answer.conversion.result) for answer in (before, after, corrected)]
    assert results == ["787.47", "550.00", "825.00"]
    assert [answer.explained().state for answer in (before, after)] == ["late", "fresh"]
    assert str(bureau.convert(AMOUNT, on=date(2026, 10, 30)).conversion.result) == "787.47"
    assert list(bureau.currencies()) == ["CAD", "EUR", "USD"]


def of_three_sources(now: str, terms: Terms, *later: Publication) -> Bureau:
    friday = Sheet(date(2026, 10, 30), {"USD": "1.3969"})
    boc = Convention("CAD", per_pivot=False)
    known = [
        publication_of("BOC", boc, friday, PROVENANCE),
        publication_of("CNB", Convention("CZK", per_pivot=False), CZECH, PROVENANCE),
        MONDAY,
        *later,
    ]
    instant = datetime.fromisoformat(f"{now}:00Z")
    sources = find_sources(["ECB", "BOC", "CNB"], "https://ecb.example")
    return Bureau(RateBook(known, Order(("ECB", "BOC", "CNB"))), sources, lambda: instant, terms)


CZECH = Sheet(date(2026, 11, 2), {"USD": "21.4", "CAD": "10.7", "SEK": "2.34"})


def test_an_explanation_has_what_the_other_sources_say() -> None:
    bureau = of_three_sources("2026-11-02T18:00", Terms(CAD, USD))
    explained = bureau.convert(AMOUNT).explained()
    assert explained.source == "ECB"
    assert explained.others == "BOC:2026-10-30:0.715870856897,CNB:2026-11-02:0.5"
    assert (explained.document, explained.fetched) == ("5" * 64, "2026-11-02T15:05:00Z")


def test_the_reasons_of_an_instant_gone_by_are_those_of_then() -> None:
    evening = Provenance("6" * 64, datetime(2026, 11, 2, 22, tzinfo=UTC))
    sheet = Sheet(date(2026, 11, 2), {"USD": "1.25"})
    later = publication_of("BOC", Convention("CAD", per_pivot=False), sheet, evening)
    bureau = of_three_sources("2026-11-03T18:00", Terms(CAD, USD), later)
    now = bureau.convert(AMOUNT).explained()
    then = bureau.convert(AMOUNT, known_at=datetime(2026, 11, 2, 18, tzinfo=UTC)).explained()
    assert (now.state, now.others) == ("late", "BOC:2026-11-02:0.8,CNB:2026-11-02:0.5")
    assert (then.state, then.others) == (
        "fresh",
        "BOC:2026-10-30:0.715870856897,CNB:2026-11-02:0.5",
    )


def test_without_any_rates_none_are_known_whatever_the_instant() -> None:
    bureau = bureau_at("2026-11-02T18:00", RateBook([]))
    for known_at in (None, datetime(2026, 11, 2, 18, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)):
        with pytest.raises(NoRatesKnown, match=r"^no rates are known yet$"):
            bureau.convert(AMOUNT, known_at=known_at)


def test_an_explanation_may_leave_other_sources_out_and_of_a_currency_to_itself_has_none() -> None:
    bureau = of_three_sources("2026-11-02T18:00", Terms(CAD, USD))
    answer = bureau.convert(AMOUNT)
    assert answer.explained() == replace(
        answer.explained(with_others=False), others=answer.found.others
    )
    assert answer.explained(with_others=False).others == "none"
    assert bureau.convert(AMOUNT, CAD, CAD).explained().others == "none"


def test_a_rate_that_is_too_old_is_passed_over_and_refused_when_no_other_answers() -> None:
    terms = Terms(CAD, USD, ages=AgeLimits(stale_after_missed=1, refuse_after_missed=3))
    # The Bank of Canada is the younger one on the morning of 2026-11-10, and has no EUR.
    boc = Sheet(date(2026, 11, 9), {"USD": "1.4"})
    later = publication_of("BOC", Convention("CAD", per_pivot=False), boc, PROVENANCE)
    bureau = of_three_sources("2026-11-10T12:00", terms, later)
    answer = bureau.convert(AMOUNT)
    assert (answer.explained().source, answer.explained().state) == ("BOC", "fresh")
    now = Question(bureau.clock())
    assert list(bureau.table(CAD, now)) == list(bureau.table(CAD, now, [USD, CAD])) == ["USD"]
    with pytest.raises(RateTooOld, match="for CAD to EUR is of 2026-11-02"):
        bureau.table(CAD, now, [USD, EUR])
    with pytest.raises(RateTooOld, match="for EUR to CAD is of 2026-11-02"):  # The first by code.
        bureau.table(EUR, now, [USD, CAD])
    with pytest.raises(RateTooOld) as refusal:
        bureau.convert(AMOUNT, EUR, USD)
    assert str(refusal.value) == (
        "the rate for EUR to USD is of 2026-11-02 (ECB), and 5 later publications are due and"
        " not known here: more than 3 are not answered with"
    )
    assert str(bureau.convert(AMOUNT, EUR, EUR).conversion.result) == "1100.00"
    # What held on a day gone by does not age.
    assert str(bureau.convert(AMOUNT, EUR, USD, date(2026, 11, 2)).conversion.result) == "2200.00"


def test_late_and_stale_are_what_the_terms_say() -> None:
    patient = Terms(CAD, USD, ages=AgeLimits(stale_after_missed=6))
    bureau = of_three_sources("2026-11-10T12:00", patient)
    assert bureau.convert(AMOUNT).explained().state == "late"
    assert [(age.key, age.missed, age.state) for age in bureau.ages()] == [
        ("ECB", 5, State.LATE),
        ("BOC", 6, State.STALE),
        ("CNB", 5, State.LATE),
    ]


def test_a_question_can_be_asked_as_of_what_was_known_then() -> None:
    corrected = replace(
        MONDAY, row="3,4", revision=2, accepted_at=datetime(2026, 11, 3, 9, tzinfo=UTC)
    )
    bureau = of_three_sources("2026-11-03T12:00", Terms(EUR, USD), corrected)
    at = {
        clock: str(bureau.convert(AMOUNT, known_at=datetime.fromisoformat(clock)).conversion.result)
        for clock in ("2026-11-02T16:00:00Z", "2026-11-03T08:59:59Z", "2026-11-03T09:00:00Z")
    }
    assert list(at.values()) == ["2200.00", "2200.00", "3300.00"]
    with pytest.raises(NoRateForDate, match=r"^no rates were known here at 2026-11-02T15:04:59Z$"):
        bureau.convert(AMOUNT, known_at=datetime(2026, 11, 2, 15, 4, 59, tzinfo=UTC))
    future = r"^2026-11-03T12:00:01Z is in the future: what is known then, nobody knows$"
    for counter in (USD, EUR):
        with pytest.raises(NoRateForDate, match=future):
            bureau.convert(
                AMOUNT, EUR, counter, known_at=datetime(2026, 11, 3, 12, 0, 1, tzinfo=UTC)
            )


def test_an_instant_decides_what_is_today_the_future_and_too_old() -> None:
    strict = Terms(CAD, USD, ages=AgeLimits(refuse_after_missed=0))
    bureau = of_three_sources("2026-11-20T12:00", strict)
    then = datetime(2026, 11, 2, 16, tzinfo=UTC)
    assert bureau.convert(AMOUNT, CAD, CAD, known_at=then).explained().date == "2026-11-02"
    assert str(bureau.convert(AMOUNT, known_at=then).conversion.result) == "550.00"
    with pytest.raises(RateTooOld):
        bureau.convert(AMOUNT)
    assert bureau.convert(AMOUNT, on=date(2026, 11, 3), known_at=then).found.missed == 0
    with pytest.raises(NoRateForDate, match=r"^2026-11-04 is in the future: "):
        bureau.convert(AMOUNT, on=date(2026, 11, 4), known_at=then)


def test_sources_can_be_named_in_a_question() -> None:
    bureau = of_three_sources("2026-11-02T18:00", Terms(CAD, USD))
    answer = bureau.convert(AMOUNT, keys=("CNB",))
    assert (answer.explained().source, answer.explained().result) == ("CNB", "550.00")
    with pytest.raises(NoRateForCurrency, match=r"^CNB does not publish JPY$"):
        bureau.convert(AMOUNT, counter=JPY, keys=("CNB",))
