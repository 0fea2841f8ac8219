"""The lines about many rates and about sources: what each means, and that it reads back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.currencies import CURRENCIES, currency
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import InvalidDate, InvalidRequest, PricedeskError, UnknownCurrency
from pricedesk.protocol import Request, parse_request
from pricedesk.rate_lines import (
    NEVER,
    AskHistory,
    AskRates,
    AskSources,
    DayRate,
    HistoryReply,
    RatesReply,
    SourcesReply,
    SourceStatus,
    Unit,
    parse_history,
    parse_rates,
    parse_sources,
)

CAD, USD = currency("CAD"), currency("USD")
VALENTINE, FRIDAY = date(2020, 2, 14), date(2026, 10, 30)

RATES = RatesReply(
    "CAD",
    FRIDAY,
    {
        "AED": DayRate("2.62906382158", FRIDAY, "ECB", "fresh", 0, ("USD/AED",)),
        "USD": DayRate("0.715878508266", date(2026, 10, 29), "BOC", "late", 1),
        "XOF": DayRate("1", FRIDAY, None, "fresh", 0, ("EUR/XAF", "USD/AED")),
    },
)
RATES_LINE = (
    "base=CAD on=2026-10-30 AED=2.62906382158:2026-10-30:ECB:fresh:0:USD/AED"
    " USD=0.715878508266:2026-10-29:BOC:late:1 XOF=1:2026-10-30:none:fresh:0:EUR/XAF,USD/AED"
)
HISTORY = HistoryReply(
    "CAD", "USD", Unit.MONTH, "ECB", ((VALENTINE, "0.7543"), (FRIDAY, "0.715878508266"))
)
HISTORY_LINE = (
    "base=CAD counter=USD unit=month source=ECB points=2020-02-14:0.7543,2026-10-30:0.715878508266"
)
PEGGED = HistoryReply("USD", "XOF", Unit.DAY, "ECB", ((FRIDAY, "587.1"),), ("EUR/XOF",))
PEGGED_LINE = "base=USD counter=XOF unit=day source=ECB points=2026-10-30:587.1 pegs=EUR/XOF"
SOURCES = SourcesReply(
    "97bb8313da86d9c7",
    {
        "ECB": SourceStatus(
            newest=FRIDAY,
            state="fresh",
            missed=0,
            expected_at=datetime(2026, 11, 2, 15, tzinfo=UTC),
            failing_since=datetime(2026, 10, 31, 8, 5, tzinfo=UTC),
            failure="no answer, 100% lost",
            name="European Central Bank",
            attribution="Source: ECB",
            attribution_url="https://www.ecb.europa.eu/a?b=c",
            attribution_required=False,
            redistributable=True,
            looked_at=datetime(2026, 10, 31, 18, tzinfo=UTC),
        ),
        "ERAPI": SourceStatus(
            newest=None,
            state="none",
            missed=0,
            expected_at=datetime(2026, 10, 31, tzinfo=UTC),
            failing_since=None,
            failure=None,
            name="open.er-api.com",
            attribution="none",
            attribution_url="https://www.exchangerate-api.com",
            attribution_required=True,
            redistributable=False,
            looked_at=NEVER,
        ),
    },
)
SOURCES_LINE = (
    "book=97bb8313da86d9c7 holds_stale=no"
    " ECB=2026-10-30,fresh,0,2026-11-02T15:00:00Z,2026-10-31T08:05:00Z"
    ",no%20answer%2C%20100%25%20lost,European%20Central%20Bank,Source:%20ECB,https://www.ecb.europa.eu/a?b=c,no,yes"
    ",2026-10-31T18:00:00Z"
    " ERAPI=none,none,0,2026-10-31T00:00:00Z,none,none"
    ",open.er-api.com,%6Eone,https://www.exchangerate-api.com,yes,no,none"
)

OLDER_SOURCES_LINE = (
    "book=97bb8313da86d9c7 holds_stale=no"
    " ECB=2026-10-30,fresh,0,2026-11-02T15:00:00Z,2026-10-31T08:05:00Z"
    ",no%20answer%2C%20100%25%20lost,European%20Central%20Bank,Source:%20ECB,https://www.ecb.europa.eu/a?b=c,no,yes"
    " ERAPI=none,none,0,2026-10-31T00:00:00Z,none,none"
    ",open.er-api.com,%6Eone,https://www.exchangerate-api.com,yes,no"
)
OLDER_PARTS = 11
"""Of a source there were so many before the last look was told."""

NEEDS_MORE = (
    "history needs two currencies and two days, as in history CAD USD 2020-01-01 2020-12-31 week"
)

PARSERS: list[Callable[[str], object]] = [parse_rates, parse_history, parse_sources]
REPLIES = [
    (RATES, RATES_LINE),
    (HISTORY, HISTORY_LINE),
    (PEGGED, PEGGED_LINE),
    (SOURCES, SOURCES_LINE),
]

CODES = st.sampled_from(list(CURRENCIES))
COINS = st.sampled_from(list(CURRENCIES.values()))
DATES = st.dates()
RATE_TEXTS = st.from_regex(r"[0-9]{1,12}(\.[0-9]{1,18})?", fullmatch=True)
PEGS = st.lists(st.tuples(CODES, CODES).map("/".join), max_size=2).map(tuple)
KEYS = st.from_regex(r"[A-Z]{2,8}", fullmatch=True)
STATES = st.sampled_from(["fresh", "late", "stale"])
COUNTS = st.integers(0, 10**9 - 1)
INSTANTS = st.datetimes(timezones=st.just(UTC)).map(lambda instant: instant.replace(microsecond=0))
SPANS = st.tuples(DATES, DATES).map(sorted)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.just("none")
REQUESTS: st.SearchStrategy[Request] = st.one_of(
    st.builds(AskRates, COINS, st.none() | DATES),
    st.builds(
        lambda base, counter, span, unit: AskHistory(base, counter, span[0], span[1], unit),
        COINS,
        COINS,
        SPANS,
        st.sampled_from(Unit),
    ),
    st.just(AskSources()),
)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("rates CAD", AskRates(CAD)),
        ("RATES cad 2020-02-14", AskRates(CAD, VALENTINE)),
        (
            "history CAD USD 2020-02-14 2026-10-30",
            AskHistory(CAD, USD, VALENTINE, FRIDAY, Unit.DAY),
        ),
        (
            " History cad usd 2020-02-14 2020-02-14 Week\r",
            AskHistory(CAD, USD, VALENTINE, VALENTINE, Unit.WEEK),
        ),
        ("history CAD USD 2020-02-14 2026-10-30 day", AskHistory(CAD, USD, VALENTINE, FRIDAY)),
        ("sources", AskSources()),
        ("Sources", AskSources()),
    ],
)
def test_a_request_line_is_read(line: str, request_: Request) -> None:
    assert parse_request(line) == request_


@pytest.mark.parametrize(
    ("line", "error", "sentence"),
    [
        (
            "rates",
            InvalidRequest,
            "rates needs a currency, as in rates CAD or rates CAD 2020-02-14",
        ),
        ("rates XXX", UnknownCurrency, '"XXX" is not an ISO 4217 currency code'),
        ("rates CAD USD", InvalidDate, '"USD" is not a date: write it as YYYY-MM-DD'),
        (
            "rates CAD 2020-02-14 USD",
            InvalidRequest,
            '"USD" is one word too many: rates BASE YYYY-MM-DD is the order',
        ),
        (
            "history CAD USD 2020-02-14",
            InvalidRequest,
            NEEDS_MORE,
        ),
        (
            "history CAD USD 2020-02-14 2020-02-30",
            InvalidDate,
            '"2020-02-30" is not a day of the calendar',
        ),
        (
            "history CAD USD 2020-02-15 2020-02-14",
            InvalidDate,
            "2020-02-15 is after 2020-02-14: the earlier day comes first",
        ),
        (
            "history CAD USD 2020-02-14 2020-02-15 year",
            InvalidRequest,
            '"year" is none of day, week, month',
        ),
        (
            "history CAD USD 2020-02-14 2020-02-15 day now",
            InvalidRequest,
            '"now" is one word too many: history BASE COUNTER FIRST LAST UNIT is the order',
        ),
        ("sources ECB", InvalidRequest, 'sources takes no arguments, but got "ECB"'),
    ],
)
def test_a_line_off_the_grammar_is_refused_with_its_reason(
    line: str, error: type[PricedeskError], sentence: str
) -> None:
    with pytest.raises(PricedeskError) as refusal:
        parse_request(line)
    assert (type(refusal.value), str(refusal.value)) == (error, sentence)


@given(REQUESTS)
def test_a_request_that_was_written_reads_back_as_it_was(request_: Request) -> None:
    assert parse_request(str(request_)) == request_


@pytest.mark.parametrize(
    ("day", "unit", "begin"),
    [
        ("2020-02-14", Unit.DAY, "2020-02-14"),
        ("2020-02-14", Unit.WEEK, "2020-02-10"),
        ("2021-01-03", Unit.WEEK, "2020-12-28"),
        ("0001-01-01", Unit.WEEK, "0001-01-01"),
        ("2020-02-14", Unit.MONTH, "2020-02-01"),
    ],
)
def test_a_unit_begins_with_its_first_day(day: str, unit: Unit, begin: str) -> None:
    assert str(unit.begin(date.fromisoformat(day))) == begin


@pytest.mark.parametrize(("reply", "line"), REPLIES)
def test_a_reply_is_one_line_of_named_fields(reply: object, line: str) -> None:
    assert str(reply) == line
    assert line.isascii()


@pytest.mark.parametrize(
    ("parse", "line", "reply"),
    [
        (parse_rates, f"later=1 {RATES_LINE}:x:y ledger=9", RATES),
        (parse_history, f"later=1 {HISTORY_LINE}:x ledger=9", HISTORY),
        (parse_sources, f"later=1 {SOURCES_LINE},x,y ledger=9", SOURCES),
    ],
)
def test_what_a_later_version_adds_is_passed_over(
    parse: Callable[[str], object], line: str, reply: object
) -> None:
    assert parse(line) == reply


def test_a_back_end_of_an_earlier_version_does_not_tell_of_looks() -> None:
    told = parse_sources(OLDER_SOURCES_LINE)
    assert {key: source.looked_at for key, source in told.sources.items()} == {
        "ECB": None,
        "ERAPI": None,
    }
    assert str(told) == OLDER_SOURCES_LINE


def test_a_client_of_an_earlier_version_finds_its_parts_first_and_in_their_order() -> None:
    """It takes so many parts of a source, and whatever is behind them is passed over."""
    words = [word.split(",")[:OLDER_PARTS] for word in SOURCES_LINE.split()]
    assert " ".join([",".join(parts) for parts in words]) == OLDER_SOURCES_LINE


def test_a_rate_table_may_be_empty_and_so_may_a_history() -> None:
    empty = HistoryReply("CAD", "USD", Unit.DAY, None, ())
    assert str(empty) == "base=CAD counter=USD unit=day source=none points=none"
    assert parse_history(str(empty)) == empty
    assert parse_rates("base=CAD on=2026-10-30") == RatesReply("CAD", FRIDAY, {})


def test_no_parities_may_be_said_and_what_is_none_is_refused() -> None:
    word = "XOF=1:2026-10-30:ECB:fresh:0"
    said = parse_rates(f"base=CAD on=2026-10-30 {word}:none:later").rates["XOF"]
    assert said == DayRate("1", FRIDAY, "ECB", "fresh", 0)
    with pytest.raises(InvalidRequest):
        parse_rates(f"base=CAD on=2026-10-30 {word}:eur/xof")


@given(
    st.builds(
        RatesReply,
        CODES,
        DATES,
        st.dictionaries(
            CODES, st.builds(DayRate, RATE_TEXTS, DATES, st.none() | KEYS, STATES, COUNTS, PEGS)
        ),
    )
)
def test_a_table_that_was_written_reads_back_as_it_was(reply: RatesReply) -> None:
    assert parse_rates(str(reply)) == reply
    words = [word.partition("=")[0] for word in str(reply).split()]
    assert words == ["base", "on", *sorted(reply.rates)]


@given(
    st.builds(
        HistoryReply,
        CODES,
        CODES,
        st.sampled_from(Unit),
        st.none() | KEYS,
        st.lists(st.tuples(DATES, RATE_TEXTS)).map(tuple),
        PEGS,
    )
)
def test_a_history_that_was_written_reads_back_as_it_was(reply: HistoryReply) -> None:
    assert parse_history(str(reply)) == reply


@given(
    st.builds(
        SourcesReply,
        st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
        st.dictionaries(
            KEYS,
            st.builds(
                SourceStatus,
                st.none() | DATES,
                STATES,
                COUNTS,
                INSTANTS,
                st.none() | INSTANTS,
                st.none() | TEXTS,
                TEXTS,
                TEXTS,
                TEXTS,
                st.booleans(),
                st.booleans(),
                st.none() | st.just(NEVER) | INSTANTS,
            ),
            max_size=8,
        ),
    )
)
def test_a_status_that_was_written_reads_back_as_it_was(reply: SourcesReply) -> None:
    line = str(reply)
    assert (parse_sources(line), list(parse_sources(line).sources)) == (reply, list(reply.sources))
    assert line.isascii()
    assert line.isprintable()


def test_half_a_surrogate_in_a_reason_is_written_as_an_escape() -> None:
    half = replace(SOURCES.sources["ECB"], failure="\udcff")
    assert ",%5Cudcff," in str(half)


@pytest.mark.parametrize("parse", PARSERS)
def test_an_error_reply_is_told_apart(parse: Callable[[str], object]) -> None:
    with pytest.raises(ErrorReply) as reply:
        parse("error no-rates-known no rates are known yet")
    assert (reply.value.slug, str(reply.value)) == ("no-rates-known", "no rates are known yet")


@pytest.mark.parametrize(
    ("parse", "line"),
    [
        *((parse, "pong") for parse in PARSERS),
        (parse_rates, RATES_LINE.replace("base=", "from=")),
        (parse_rates, RATES_LINE.replace("on=2026-10-30", "on=today")),
        (parse_rates, RATES_LINE.replace("2.62906382158", "1e3")),
        (parse_rates, RATES_LINE.replace("fresh:0", "fresh:-1")),
        (parse_rates, RATES_LINE.replace(":fresh:0", "")),
        (parse_history, HISTORY_LINE.replace("month", "year")),
        (parse_history, HISTORY_LINE.replace("points=", "rates=")),
        (parse_history, HISTORY_LINE.replace("2020-02-14:", "")),
        (parse_history, HISTORY_LINE.replace("0.7543", "")),
        (parse_sources, SOURCES_LINE.replace("book=", "version=")),
        (parse_sources, OLDER_SOURCES_LINE.replace(",no,yes", ",no")),
        (parse_sources, SOURCES_LINE.replace(",no,yes", ",no,perhaps")),
        (parse_sources, SOURCES_LINE.replace("T15:00:00Z", "")),
        (parse_sources, SOURCES_LINE.replace("T18:00:00Z", "")),
        (parse_sources, SOURCES_LINE.replace(",no,none", ",no,never")),
        (parse_sources, SOURCES_LINE.replace(",no,none", ",no,")),
    ],
)
def test_another_line_is_none_of_these_replies(parse: Callable[[str], object], line: str) -> None:
    with pytest.raises(InvalidRequest):
        parse(line)


@given(st.text(max_size=200))
def test_any_text_is_a_reply_or_an_expected_refusal(line: str) -> None:
    for parse in PARSERS:
        try:
            parse(line)
        except (InvalidRequest, ErrorReply):
            continue
