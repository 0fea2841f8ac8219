"""The rate book: which publication answers on a day, and the refusal when none does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from looked_up import rate_of
from pricedesk.backend.pegs import Peg
from pricedesk.backend.rate_book import (
    HOLDS_FOR,
    PEG,
    REMEMBERED_INSTANTS_MAX,
    Order,
    RateBook,
    SourceHistory,
)
from pricedesk.backend.rates import (
    Convention,
    Provenance,
    Publication,
    Rate,
    Sheet,
    publication_of,
)
from pricedesk.currencies import currency
from pricedesk.errors import NoRateForCurrency, NoRateForDate, NoRatesKnown, PricedeskError

PROVENANCE = Provenance("5" * 64, datetime(2026, 10, 30, 15, 30, tzinfo=UTC))
THURSDAY, FRIDAY = date(2026, 10, 29), date(2026, 10, 30)
SATURDAY, MONDAY = date(2026, 10, 31), date(2026, 11, 2)
EUR, USD, CAD, JPY, SEK, CZK, AED, SAR, XOF = (
    currency(code) for code in ("EUR", "USD", "CAD", "JPY", "SEK", "CZK", "AED", "SAR", "XOF")
)


def publication(day: date, **rates: str) -> Publication:
    return publication_of("ECB", Convention("EUR", per_pivot=True), Sheet(day, rates), PROVENANCE)


PUBLISHED = publication(FRIDAY, USD="1.1172", CAD="1.5606", JPY="175.68", HRK="")


@pytest.mark.parametrize(
    ("day", "answers"),
    [
        (THURSDAY, THURSDAY),
        (FRIDAY, FRIDAY),
        (SATURDAY, FRIDAY),
        (date(2026, 11, 1), FRIDAY),
        (MONDAY, MONDAY),
        (date(2027, 10, 29), MONDAY),
    ],
)
def test_a_day_takes_the_last_publication_on_or_before_it(day: date, answers: date) -> None:
    days = [MONDAY, THURSDAY, FRIDAY]
    used = rate_of(RateBook(publication(d, USD="1") for d in days), EUR, USD, day).publication
    assert used is not None
    assert used.date == answers


def test_a_book_is_in_order_of_dates_whatever_it_was_made_from() -> None:
    book = RateBook(publication(d, USD="1") for d in (MONDAY, THURSDAY, FRIDAY))
    assert [p.date for p in book] == [THURSDAY, FRIDAY, MONDAY]
    assert (len(book), book.newest.date) == (3, MONDAY)


def test_a_book_knows_which_days_have_a_publication_of_their_own() -> None:
    book = RateBook([PUBLISHED]).of("ECB")
    assert (book.on(FRIDAY), book.on(SATURDAY), book.on(THURSDAY)) == (PUBLISHED, None, None)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_the_newest_revision_of_a_date_answers(order: tuple[int, ...]) -> None:
    book = RateBook(replace(publication(FRIDAY, USD=f"{n}"), revision=n) for n in order)
    assert (len(book), str(rate_of(book, EUR, USD, FRIDAY))) == (1, "3")


def test_new_publications_make_a_new_book_and_leave_the_old_one() -> None:
    old = RateBook([publication(FRIDAY, USD="1")])
    corrected = replace(publication(FRIDAY, USD="2"), revision=2)
    new = old.with_publications([corrected, publication(MONDAY, USD="3")])
    assert [(str(p.date), p.rates()["USD"]) for p in old] == [("2026-10-30", "1")]
    assert [(str(p.date), p.rates()["USD"]) for p in new] == [
        ("2026-10-30", "2"),
        ("2026-11-02", "3"),
    ]


@pytest.mark.parametrize(
    ("pair", "day", "error", "sentence"),
    [
        ("CAD KWD", "2026-10-30", NoRateForCurrency, "ECB does not publish KWD"),
        ("KWD CAD", "2026-10-30", NoRateForCurrency, "ECB does not publish KWD"),
        ("KWD BHD", "1998-01-01", NoRateForCurrency, "ECB does not publish KWD"),
        (
            "EUR USD",
            "1999-01-03",
            NoRateForDate,
            "there is no rate for EUR on 1999-01-03: ECB has it since 1999-01-04",
        ),
        (
            "EUR RUB",
            "2026-10-30",
            NoRateForDate,
            "there is no rate for RUB on 2026-10-30: ECB has it from 2005-04-01 to 2022-03-01",
        ),
        (
            "EUR RUB",
            "2022-03-02",
            NoRateForDate,
            "there is no rate for RUB on 2022-03-02: ECB has it from 2005-04-01 to 2022-03-01",
        ),
        (
            "ISK EUR",
            "2010-06-01",
            NoRateForDate,
            (
                "there is no rate for ISK on 2010-06-01: ECB has it"
                " from 1999-01-04 to 2008-12-09 and since 2018-02-01"
            ),
        ),
        (
            "ROL RON",
            "2005-07-01",
            NoRateForDate,
            "there is no rate for ROL on 2005-07-01: ECB has it from 1999-01-04 to 2005-06-30",
        ),
    ],
)
def test_a_missing_rate_is_refused_by_currency_and_date(
    book: RateBook, pair: str, day: str, error: type[PricedeskError], sentence: str
) -> None:
    base, counter = (currency(code) for code in pair.split())
    with pytest.raises(PricedeskError) as refusal:
        rate_of(book, base, counter, date.fromisoformat(day))
    assert (type(refusal.value), str(refusal.value)) == (error, sentence)


@pytest.mark.parametrize("day", [date(1990, 1, 1), FRIDAY])
def test_a_currency_to_itself_is_never_refused(book: RateBook, day: date) -> None:
    assert str(rate_of(book, currency("KWD"), currency("KWD"), day)) == "1"


def test_an_empty_book_has_no_rates_at_all() -> None:
    with pytest.raises(NoRatesKnown, match=r"^no rates are known yet$"):
        _ = RateBook([]).newest
    with pytest.raises(NoRatesKnown, match=r"^no rates are known yet$"):
        rate_of(RateBook([]), EUR, USD, FRIDAY)


def test_sources_of_which_nothing_is_known_are_named_where_others_are_known(book: RateBook) -> None:
    with pytest.raises(NoRatesKnown, match=r"^no rates of NB, BOE are known yet$"):
        rate_of(book, EUR, USD, FRIDAY, keys=("NB", PEG, "BOE"))


@pytest.mark.parametrize(
    ("code", "spans"),
    [
        ("EUR", "1999-01-04 2026-10-30"),
        ("CAD", "1999-01-04 2026-10-30"),
        ("ISK", "1999-01-04 2008-12-09, 2018-02-01 2026-10-30"),
        ("BGN", "2000-07-19 2025-12-31"),
        ("KWD", ""),
    ],
)
def test_a_book_knows_from_when_to_when_a_currency_was_published(
    book: RateBook, code: str, spans: str
) -> None:
    assert ", ".join(f"{first} {last}" for first, last in book.of("ECB").spans(code)) == spans


def boc(day: date, **rates: str) -> Publication:
    return publication_of("BOC", Convention("CAD", per_pivot=False), Sheet(day, rates), PROVENANCE)


def cnb(day: date, **rates: str) -> Publication:
    return publication_of("CNB", Convention("CZK", per_pivot=False), Sheet(day, rates), PROVENANCE)


THREE = [
    publication(FRIDAY, USD="1.1172", CAD="1.5606"),
    boc(FRIDAY, USD="1.3969", SEK="0.1530"),
    cnb(FRIDAY, USD="21.4", CAD="15.3", SEK="2.34"),
]


@pytest.mark.parametrize(
    ("order", "pair", "answers"),
    [
        ("ECB BOC CNB", "CAD USD", "ECB CAD/EUR/USD 0.715878508266"),
        ("BOC ECB CNB", "CAD USD", "BOC CAD/USD 0.715870856897"),
        ("BOC ECB CNB", "USD CAD", "BOC USD/CAD 1.3969"),
        # What the first lacks the next answers alone, one source for the whole pair.
        ("ECB BOC CNB", "USD SEK", "BOC USD/CAD/SEK 9.13006535948"),
        ("ECB CNB BOC", "USD SEK", "CNB USD/CZK/SEK 9.14529914530"),
        ("ECB BOC CNB", "USD CZK", "CNB USD/CZK 21.4"),
    ],
)
def test_the_first_source_in_order_that_has_both_currencies_answers_alone(
    order: str, pair: str, answers: str
) -> None:
    base, counter = (currency(code) for code in pair.split())
    rate = rate_of(RateBook(THREE, Order(tuple(order.split()))), base, counter, FRIDAY)
    assert rate.publication is not None
    assert f"{rate.publication.source} {'/'.join(rate.path)} {rate}" == answers.removesuffix("0")


@pytest.mark.parametrize(
    ("pair", "source"),
    [("CAD USD", "BOC"), ("USD CAD", "BOC"), ("EUR USD", "ECB"), ("CAD EUR", "ECB")],
)
def test_a_pair_may_have_an_order_of_its_own_whichever_way_round(pair: str, source: str) -> None:
    order = Order(("ECB", "CNB"), {frozenset(("USD", "CAD")): ("BOC", "ECB")})
    base, counter = (currency(code) for code in pair.split())
    book = RateBook(THREE, order)
    answering = rate_of(book, base, counter, FRIDAY).publication
    assert answering is not None
    assert answering.source == source
    assert book.table(base, FRIDAY)[counter.code].publication is answering


def test_a_source_that_is_not_in_the_order_is_known_and_never_answers() -> None:
    book = RateBook(THREE, Order(("ECB",)))
    with pytest.raises(NoRateForCurrency, match=r"^ECB does not publish SEK$"):
        rate_of(book, SEK, EUR, FRIDAY)
    assert str(rate_of(book, SEK, CAD, FRIDAY, keys=["BOC"])) == "0.1530"


def test_no_rate_is_made_of_the_halves_of_two_sources() -> None:
    book = RateBook([publication(FRIDAY, USD="1.1172"), cnb(FRIDAY, SEK="2.34")])
    with pytest.raises(NoRateForDate, match=r"^no source has both SEK and USD on 2026-10-30$"):
        rate_of(book, SEK, USD, FRIDAY)


def withholding(withheld: Publication, *codes: str) -> Publication:
    return replace(withheld, withheld=frozenset(codes))


def test_the_publication_before_goes_on_answering_for_a_withheld_currency_only() -> None:
    book = RateBook(
        [
            publication(FRIDAY, USD="1.1172", CAD="1.5606", JPY="175.68"),
            withholding(publication(MONDAY, CAD="1.5700", JPY="176.00"), "USD"),
        ]
    )
    answers = {
        pair: rate_of(book, currency(pair[:3]), currency(pair[4:]), MONDAY).publication
        for pair in ("CAD/JPY", "CAD/USD", "USD/EUR")
    }
    dates = {pair: str(found.date) for pair, found in answers.items() if found}
    assert dates == {"CAD/JPY": "2026-11-02", "CAD/USD": "2026-10-30", "USD/EUR": "2026-10-30"}
    assert {c: str(r) for c, r in book.table(EUR, MONDAY).items()} == {
        "CAD": "1.5700",
        "JPY": "176.00",
        "USD": "1.1172",
    }
    assert list(book.of("ECB").spans("USD")) == [(FRIDAY, MONDAY)]
    of_dollar = book.table(USD, MONDAY)
    assert list(of_dollar) == ["CAD", "EUR", "JPY"]
    assert {r.publication.date for r in of_dollar.values() if r.publication} == {FRIDAY}


def test_what_is_withheld_for_long_is_refused_and_the_refusal_says_so() -> None:
    withheld = [
        withholding(publication(FRIDAY + timedelta(days=n), CAD="1.57"), "USD")
        for n in range(1, HOLDS_FOR.days + 2)
    ]
    book = RateBook([publication(FRIDAY, USD="1.1172", CAD="1.5606"), *withheld])
    last = FRIDAY + HOLDS_FOR
    assert str(rate_of(book, EUR, USD, last)) == "1.1172"
    with pytest.raises(NoRateForDate) as refusal:
        rate_of(book, EUR, USD, last + timedelta(days=1))
    assert str(refusal.value) == (
        "there is no rate for USD on 2026-11-14: what ECB published for it is withheld for more"
        " than 14 days"
    )


@pytest.mark.parametrize("later", [{}, {"JPY": "176.00"}])
def test_a_currency_whose_first_value_is_withheld_is_not_called_one_that_is_not_published(
    later: dict[str, str],
) -> None:
    first = withholding(publication(FRIDAY, USD="1.1172"), "JPY")
    book = RateBook([first, publication(MONDAY, USD="1.1172", **later)])
    with pytest.raises(NoRateForDate) as refusal:
        rate_of(book, USD, currency("JPY"), FRIDAY)
    assert str(refusal.value) == (
        "there is no rate for JPY on 2026-10-30: what ECB published for it is withheld"
    )


def test_a_currency_that_was_not_published_is_no_withheld_one() -> None:
    book = RateBook(
        [publication(FRIDAY, USD="1", CAD="2"), withholding(publication(MONDAY, USD="1"), "JPY")]
    )
    with pytest.raises(NoRateForDate):
        rate_of(book, EUR, CAD, MONDAY)


@pytest.mark.parametrize(
    ("days", "answered"), [(0, True), (HOLDS_FOR.days, True), (HOLDS_FOR.days + 1, False)]
)
def test_a_hole_in_what_is_known_is_not_bridged(days: int, answered: bool) -> None:
    later = publication(FRIDAY + timedelta(days=100), USD="2")
    book = RateBook([publication(FRIDAY, USD="1"), later])
    day = FRIDAY + timedelta(days=days)
    if answered:
        assert str(rate_of(book, EUR, USD, day)) == "1"
        return
    with pytest.raises(NoRateForDate) as refusal:
        rate_of(book, EUR, USD, day)
    assert str(refusal.value) == (
        f"there is no rate for EUR on {day}: what ECB published about that day is not known here"
    )


def test_the_newest_publication_has_no_such_limit() -> None:
    day = FRIDAY + timedelta(days=400)
    assert str(rate_of(RateBook([publication(FRIDAY, USD="1")]), EUR, USD, day)) == "1"


PEGS = [
    Peg("AED", "USD", "3.6725", date(1997, 11, 1), "Central Bank of the UAE"),
    Peg("SAR", "USD", "3.75", date(1986, 6, 1), "Saudi Central Bank"),
    Peg("XOF", "EUR", "655.957", date(1999, 1, 1), "BCEAO"),
]


def test_a_currency_that_a_parity_leads_to_is_not_to_blame() -> None:
    kwd = currency("KWD")
    book = RateBook(THREE, Order(("ECB", PEG)), PEGS)
    for pair in ((XOF, kwd), (kwd, XOF), (AED, kwd)):
        with pytest.raises(NoRateForCurrency, match=r"^ECB does not publish KWD$"):
            rate_of(book, *pair, FRIDAY)
    # Where parities are not asked for it is.
    with pytest.raises(NoRateForCurrency, match=r"^none of ECB, BOC publishes XOF$"):
        rate_of(book, XOF, kwd, FRIDAY, keys=("ECB", "BOC"))


@pytest.mark.parametrize(
    ("pair", "value", "path", "published", "pegs"),
    [
        (
            "CAD AED",
            Fraction("1.1172") / Fraction("1.5606") * Fraction("3.6725"),
            "CAD/EUR/USD/AED",
            "EUR/CAD:1.5606 EUR/USD:1.1172",
            "USD/AED:3.6725",
        ),
        (
            "AED XOF",
            1 / Fraction("3.6725") / Fraction("1.1172") * Fraction("655.957"),
            "AED/USD/EUR/XOF",
            "EUR/USD:1.1172",
            "USD/AED:3.6725 EUR/XOF:655.957",
        ),
        ("USD AED", Fraction("3.6725"), "USD/AED", "", "USD/AED:3.6725"),
        ("AED USD", 1 / Fraction("3.6725"), "AED/USD", "", "USD/AED:3.6725"),
        (
            "AED SAR",
            Fraction("3.75") / Fraction("3.6725"),
            "AED/USD/SAR",
            "",
            "USD/AED:3.6725 USD/SAR:3.75",
        ),
    ],
)
def test_a_parity_leads_on_from_the_rate_of_its_anchor(
    pair: str, value: Fraction, path: str, published: str, pegs: str
) -> None:
    base, counter = (currency(code) for code in pair.split())
    rate = rate_of(RateBook(THREE, Order(("ECB", PEG)), PEGS), base, counter, FRIDAY)
    assert Fraction(rate.numerator, rate.denominator) == value
    assert "/".join(rate.path) == path
    assert " ".join(":".join(went_in) for went_in in rate.published) == published
    assert " ".join(":".join(went_in) for went_in in rate.pegs) == pegs


def test_parities_answer_only_where_the_order_names_them_and_since_they_hold() -> None:
    day = date(1997, 10, 31)
    old = [publication(day, USD="1.1"), publication(FRIDAY, USD="1.1172")]
    with pytest.raises(NoRateForCurrency, match=r"^ECB does not publish AED$"):
        rate_of(RateBook(old, Order(("ECB",)), PEGS), EUR, AED, FRIDAY)
    pegged = RateBook(old, Order(("ECB", PEG)), PEGS)
    assert "AED" in pegged.table(EUR, FRIDAY)
    with pytest.raises(NoRateForCurrency):
        rate_of(pegged, EUR, AED, day)
    assert "AED" not in pegged.table(EUR, day)
    # To where its anchor leads a pegged currency leads as well.
    assert list(pegged.table(AED, FRIDAY)) == ["EUR", "SAR", "USD", "XOF"]


def test_a_table_has_what_only_the_order_of_a_pair_leads_to() -> None:
    published = [publication(FRIDAY, USD="1.1172"), boc(FRIDAY, USD="1.3969", SEK="0.1530")]
    assert list(RateBook(published, Order(("ECB",))).table(CAD, FRIDAY)) == []
    order = Order(("ECB",), {frozenset(("CAD", "USD")): ("BOC",)})
    assert list(RateBook(published, order).table(CAD, FRIDAY)) == ["USD"]


def test_a_table_has_no_currency_that_is_none() -> None:
    book = RateBook([publication(FRIDAY, USD="1.1172", ZZZ="2")])
    assert list(book.table(EUR, FRIDAY)) == ["USD"]


def test_a_published_rate_goes_before_a_parity_that_comes_later_in_the_order() -> None:
    published = [publication(FRIDAY, USD="1.1172", AED="4.1")]
    first = rate_of(RateBook(published, Order(("ECB", PEG)), PEGS), EUR, AED, FRIDAY)
    assert (str(first), first.pegs) == ("4.1", ())
    second = rate_of(RateBook(published, Order((PEG, "ECB")), PEGS), EUR, AED, FRIDAY)
    assert (str(second), second.path) == ("4.102917", ("EUR", "USD", "AED"))


def test_the_book_answers_as_it_was_known_at_an_instant() -> None:
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    first = replace(publication(FRIDAY, USD="1"), provenance=Provenance("1" * 64, noon))
    corrected = replace(
        publication(FRIDAY, USD="2"),
        revision=2,
        provenance=Provenance("2" * 64, noon + timedelta(hours=1)),
        accepted_at=noon + timedelta(hours=5),
    )
    book = RateBook([first, corrected]).with_publications([])
    minute = timedelta(minutes=1)
    answers = {
        hours: str(rate_of(book.known_at(noon + timedelta(hours=hours)), EUR, USD, FRIDAY))
        for hours in (0, 1, 5)
    }
    assert answers == {0: "1", 1: "1", 5: "2"}
    assert len(book.known_at(noon - minute)) == 0
    assert str(rate_of(book, EUR, USD, FRIDAY)) == "2"


def test_a_history_of_which_nothing_came_later_is_the_same_one() -> None:
    """What was worked out of it, such as since when it has a currency, is not worked out anew."""
    noon = PUBLISHED.provenance.fetched_at
    corrected = replace(PUBLISHED, revision=2, accepted_at=noon + timedelta(hours=5))
    history = SourceHistory([PUBLISHED, corrected])
    assert history.known_at(noon + timedelta(hours=5)) is history
    between = [history.known_at(noon + timedelta(hours=hours)) for hours in (0, 1, 4)]
    assert between[0] is between[1] is between[2]
    assert between[0].revisions == (PUBLISHED,)
    assert len(history.known_at(noon - timedelta(seconds=1))) == 0


@given(
    hours=st.lists(st.integers(0, 9), min_size=1, max_size=9),
    asked=st.lists(st.integers(-1, 10), min_size=1, max_size=20),
)
def test_what_a_history_was_is_the_same_whatever_was_asked_before(
    hours: list[int], asked: list[int]
) -> None:
    """Also where what came to be known later stands before what was known earlier."""
    noon = PUBLISHED.provenance.fetched_at
    revisions = [
        replace(PUBLISHED, revision=number, accepted_at=noon + timedelta(hours=hour))
        for number, hour in enumerate(hours, start=1)
    ]
    history = SourceHistory(revisions)
    for hour in asked:
        instant = noon + timedelta(hours=hour)
        known = tuple(p for p in revisions if p.known_since <= instant)
        assert history.known_at(instant).revisions == known
        assert len(history._known) <= REMEMBERED_INSTANTS_MAX


def test_the_newest_codes_are_sorted_and_have_the_pivots_and_what_is_withheld() -> None:
    pound = publication_of(
        "BOE", Convention("GBP", per_pivot=True), Sheet(FRIDAY, {"CAD": "2"}), PROVENANCE
    )
    book = RateBook([PUBLISHED, withholding(publication(MONDAY, CAD="1.57"), "USD"), pound])
    assert list(book.newest_codes) == ["CAD", "EUR", "GBP", "USD"]


def test_a_book_remembers_few_of_the_books_that_it_was() -> None:
    book = RateBook([PUBLISHED])
    instants = [datetime(2026, 11, day, tzinfo=UTC) for day in range(2, 9)]
    books = [book.known_at(instant) for instant in instants]
    assert book.known_at(instants[-1]) is books[-1]
    assert len(book._at) == REMEMBERED_INSTANTS_MAX


def test_a_table_may_be_of_some_currencies_only() -> None:
    book = RateBook([PUBLISHED])
    assert list(book.table(EUR, FRIDAY, counters=[JPY, EUR, SEK, CAD])) == ["CAD", "JPY"]
    assert book.table(AED, FRIDAY) == {}


def test_a_currency_reaches_from_its_first_date_to_its_last_over_any_gap() -> None:
    history = RateBook(
        [
            publication(THURSDAY, USD="1", CAD="2"),
            publication(FRIDAY, USD="1"),
            publication(MONDAY, CAD="2"),
        ]
    ).of("ECB")
    assert history.extents == {
        "EUR": (THURSDAY, MONDAY),
        "USD": (THURSDAY, FRIDAY),
        "CAD": (THURSDAY, MONDAY),
    }


def test_the_version_of_a_book_stands_for_all_that_answers_and_its_order() -> None:
    corrected = replace(publication(FRIDAY, USD="1.1173", CAD="1.5606"), revision=2)
    monday = publication(MONDAY, USD="1")
    order = Order(("ECB",))
    books = [
        RateBook([PUBLISHED], order),
        RateBook([PUBLISHED, corrected], order),
        RateBook([PUBLISHED, monday], order),
        RateBook([PUBLISHED, withholding(monday, "CAD")], order),
        RateBook([PUBLISHED], Order(("ECB", "CNB"))),
        RateBook([PUBLISHED], Order(("ECB",), {frozenset(("CAD", "USD")): ("ECB",)})),
        RateBook([PUBLISHED], order, PEGS),
        RateBook([PUBLISHED, cnb(FRIDAY, USD="21")], order),
    ]
    assert len({book.version for book in books}) == len(books)
    assert RateBook([PUBLISHED], order).version == books[0].version
    grown = books[0].with_publications([monday])
    assert grown.version == books[2].version


def shown(series: Iterator[tuple[date, dict[str, Rate]]]) -> list[str]:
    return [
        f"{day} " + " ".join(f"{code} {rate}" for code, rate in rates.items())
        for day, rates in series
    ]


def test_a_series_has_what_came_to_answer_on_each_day_and_begins_with_what_held() -> None:
    tuesday = date(2026, 11, 3)
    book = RateBook(
        [
            publication(FRIDAY, USD="1.10", JPY="170"),
            publication(MONDAY, USD="1.11"),
            publication(tuesday, USD="1.12", JPY="172"),
            cnb(SATURDAY, USD="21", SEK="2.1"),
            cnb(MONDAY, USD="22", SEK="2.2"),
        ]
    )
    from_friday = shown(book.series(USD, None, FRIDAY, tuesday))
    assert from_friday == [
        "2026-10-30 EUR 0.909090909091 JPY 154.545454545",
        "2026-10-31 CZK 21 SEK 10",
        "2026-11-02 CZK 22 EUR 0.900900900901 SEK 10",
        "2026-11-03 EUR 0.892857142857 JPY 153.571428571",
    ]
    assert shown(book.series(EUR, [USD], date(2026, 11, 1), MONDAY)) == [
        "2026-10-30 USD 1.10",
        "2026-11-02 USD 1.11",
    ]
    assert shown(book.series(EUR, [USD], MONDAY, SATURDAY)) == []
    assert shown(book.series(EUR, [SEK, EUR], FRIDAY, tuesday)) == []


CODES = ["USD", "CAD", "JPY"]


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sets(st.sampled_from(CODES)), st.integers(1, 9)),
        max_size=12,
    ),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_each_rate_of_a_series_is_the_answer_of_its_day(
    drawn: list[tuple[int, set[str], int]], first: int, last: int
) -> None:
    days = {n: (codes, value) for n, codes, value in drawn}
    book = RateBook(
        publication(FRIDAY + timedelta(days=n), **dict.fromkeys(sorted(codes), str(value)))
        for n, (codes, value) in days.items()
        if codes
    )
    begin, end = FRIDAY + timedelta(days=first), FRIDAY + timedelta(days=last)
    for day, rates in book.series(EUR, None, begin, end):
        for code, rate in rates.items():
            asked = max(day, begin)
            assert rate == rate_of(book, EUR, currency(code), asked)
            assert rate.publication is not None
            assert rate.publication.date == day <= end
