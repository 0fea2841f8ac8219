"""The grammar of the lines: what each line means, and that writing and reading agree."""

from dataclasses import Field, fields
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.currencies import CURRENCIES, currency
from pricedesk.dates import parse_date, parse_instant
from pricedesk.error_lines import GOODBYES, ErrorReply, error_line, goodbye_line, is_goodbye
from pricedesk.errors import (
    InvalidAmount,
    InvalidDate,
    InvalidRequest,
    NoRateForCurrency,
    PricedeskError,
    UnknownCurrency,
    in_quotes,
)
from pricedesk.money import ExactDecimal
from pricedesk.protocol import (
    Command,
    Convert,
    Explanation,
    Request,
    parse_explanation,
    parse_request,
)

CAD, JPY, EUR = currency("CAD"), currency("JPY"), currency("EUR")
VALENTINE = date(2020, 2, 14)
AMOUNT = ExactDecimal(1100, 0)

EXPLANATION = Explanation(
    amount="1100",
    base="CAD",
    counter="USD",
    result="787.47",
    rate="0.715878508266",
    date="2026-10-30",
    source="ECB",
    path="CAD/EUR/USD",
    state="fresh",
    missed="0",
    published="EUR/CAD:1.5606,EUR/USD:1.1172",
    unrounded="787.466359092657",
    rounding="half-up",
    pegs="none",
    others="BOC:2026-10-30:0.7158",
    document="5" * 64,
    fetched="2026-10-30T15:05:00Z",
    attribution="none",
)
EXPLAINED = (
    "amount=1100 from=CAD to=USD result=787.47 rate=0.715878508266 date=2026-10-30 source=ECB"
    " path=CAD/EUR/USD state=fresh missed=0 published=EUR/CAD:1.5606,EUR/USD:1.1172"
    " unrounded=787.466359092657 rounding=half-up pegs=none others=BOC:2026-10-30:0.7158"
    f" document={'5' * 64} fetched=2026-10-30T15:05:00Z attribution=none"
)

AMOUNTS = st.builds(ExactDecimal, st.integers(-(10**30) + 1, 10**30 - 1), st.integers(0, 30))
PAIRS = st.one_of(
    st.just((None, None)),
    st.tuples(st.sampled_from(list(CURRENCIES.values())), st.none()),
    st.tuples(*[st.sampled_from(list(CURRENCIES.values()))] * 2),
)
CONVERSIONS = st.builds(
    lambda amount, pair, on, explained: Convert(amount, pair[0], pair[1], on, explained),
    AMOUNTS,
    PAIRS,
    st.none() | st.dates(),
    st.booleans(),
)
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("1100", Convert(AMOUNT)),
        ("1100 EUR", Convert(AMOUNT, EUR)),
        ("1100 CAD JPY", Convert(AMOUNT, CAD, JPY)),
        ("1100 CAD JPY 2020-02-14", Convert(AMOUNT, CAD, JPY, VALENTINE)),
        ("1100 CAD 2020-02-14", Convert(AMOUNT, CAD, None, VALENTINE)),
        ("1100 2020-02-14", Convert(AMOUNT, None, None, VALENTINE)),
        ("1100 cad jPy", Convert(AMOUNT, CAD, JPY)),
        ("  1100 \t CAD  JPY \r", Convert(AMOUNT, CAD, JPY)),
        ("-0.50", Convert(ExactDecimal(-50, 2))),
        ("explain 1100", Convert(AMOUNT, explained=True)),
        ("explain 1100 CAD JPY 2020-02-14", Convert(AMOUNT, CAD, JPY, VALENTINE, explained=True)),
        ("EXPLAIN 1100 CAD", Convert(AMOUNT, CAD, explained=True)),
        ("currencies", Command.CURRENCIES),
        ("help", Command.HELP),
        ("ping", Command.PING),
        ("version", Command.VERSION),
        ("quit", Command.QUIT),
        (" Ping ", Command.PING),
        ("QUIT", Command.QUIT),
    ],
)
def test_a_request_line_is_read(line: str, request_: Request) -> None:
    assert parse_request(line) == request_


@pytest.mark.parametrize(
    ("line", "error", "sentence"),
    [
        ("", InvalidRequest, "the line is empty: send an amount, or help"),
        (" \t", InvalidRequest, "the line is empty: send an amount, or help"),
        ("ping 1", InvalidRequest, 'ping takes no arguments, but got "1"'),
        ("Quit now please", InvalidRequest, 'quit takes no arguments, but got "now"'),
        ("explain", InvalidRequest, "explain needs an amount, as in explain 1100 CAD USD"),
        ("abc", InvalidAmount, '"abc" is not a number'),
        ("explain ping", InvalidAmount, '"ping" is not a number'),
        ("explain explain 1", InvalidAmount, '"explain" is not a number'),
        ("CAD 1100", InvalidAmount, '"CAD" is not a number'),
        ("2020-02-14", InvalidAmount, '"2020-02-14" is not a number: write it like 1100 or 19.99'),
        ("1 000", UnknownCurrency, '"000" is not an ISO 4217 currency code'),
        ("1100 CAD XXX", UnknownCurrency, '"XXX" is not an ISO 4217 currency code'),
        ("1100 CAD 20200214", UnknownCurrency, '"20200214" is not an ISO 4217 currency code'),
        (
            "1100 CAD to JPY",
            InvalidRequest,
            '"JPY" is one word too many: AMOUNT FROM TO YYYY-MM-DD is the order',
        ),
        (
            "1100 2020-02-14 CAD JPY",
            InvalidRequest,
            '"JPY" is one word too many: AMOUNT FROM TO YYYY-MM-DD is the order',
        ),
        (
            "1100 CAD JPY 14/02/2020",
            InvalidDate,
            '"14/02/2020" is not a date: write it as YYYY-MM-DD',
        ),
        (
            "1100 CAD JPY 2020-2-14",
            InvalidDate,
            '"2020-2-14" is not a date: write it as YYYY-MM-DD',
        ),
        ("1100 2021-02-29", InvalidDate, '"2021-02-29" is not a day of the calendar'),
        ("1100 0000-01-01", InvalidDate, '"0000-01-01" is not a day of the calendar'),
    ],
)
def test_a_line_off_the_grammar_is_refused_with_its_reason(
    line: str, error: type[PricedeskError], sentence: str
) -> None:
    with pytest.raises(PricedeskError) as refusal:
        parse_request(line)
    assert (type(refusal.value), str(refusal.value)) == (error, sentence)


@given(CONVERSIONS)
def test_a_conversion_that_was_written_reads_back_as_it_was(conversion: Convert) -> None:
    assert parse_request(str(conversion)) == conversion


@given(st.text(max_size=200))
def test_any_text_is_a_request_or_an_expected_refusal(line: str) -> None:
    try:
        read = parse_request(line)
    except PricedeskError:
        return
    written = read.value if isinstance(read, Command) else str(read)
    assert parse_request(written) == read


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("20200214", '"20200214" is not a date: write it as YYYY-MM-DD'),
        ("2020-W07-5", '"2020-W07-5" is not a date: write it as YYYY-MM-DD'),
        ("2020-02-14 ", '"2020-02-14 " is not a date: write it as YYYY-MM-DD'),
        ("٢020-02-14", r'"\u0662020-02-14" is not a date: write it as YYYY-MM-DD'),
        ("2020-0٢-14", r'"2020-0\u0662-14" is not a date: write it as YYYY-MM-DD'),
        ("2020-02-1٤", r'"2020-02-1\u0664" is not a date: write it as YYYY-MM-DD'),
        ("2020-13-01", '"2020-13-01" is not a day of the calendar'),
    ],
)
def test_a_date_has_one_notation(text: str, sentence: str) -> None:
    with pytest.raises(InvalidDate) as refusal:
        parse_date(text)
    assert str(refusal.value) == sentence


@given(st.dates())
def test_every_day_of_the_calendar_is_a_date(day: date) -> None:
    assert parse_date(str(day)) == day


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-10-30T16:00:00Z", "2026-10-30 16:00:00+00:00"),
        ("2026-10-30T17:00:00+01:00", "2026-10-30 16:00:00+00:00"),
        ("2026-10-30T16:00:00-00:00", "2026-10-30 16:00:00+00:00"),
        ("2024-02-29T23:30:00-03:30", "2024-03-01 03:00:00+00:00"),
        ("2026-10-30T16:00:00+23:59", "2026-10-29 16:01:00+00:00"),
        ("2026-10-30T16:00:00.5Z", "2026-10-30 16:00:00.500000+00:00"),
        ("2026-10-30T16:00:00.000001+00:00", "2026-10-30 16:00:00.000001+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999+00:00"),
    ],
)
def test_an_instant_has_its_zone_and_is_that_of_utc(text: str, instant: str) -> None:
    assert str(parse_instant(text)) == instant


NOTATION = "is not an instant: write it like 2026-10-30T16:00:00Z"
NO_SUCH_INSTANT = "is not an instant of the calendar"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", NOTATION),
        ("now", NOTATION),
        ("1793372400", NOTATION),
        ("2026-10-30", NOTATION),
        ("2026-10-30T16:00:00", NOTATION),
        ("2026-10-30T16:00Z", NOTATION),
        ("2026-10-30 16:00:00Z", NOTATION),
        ("2026-10-30t16:00:00z", NOTATION),
        ("20261030T160000Z", NOTATION),
        ("2026-W44-5T16:00:00Z", NOTATION),
        ("2026-10-30T16:00:00.Z", NOTATION),
        ("2026-10-30T16:00:00,5Z", NOTATION),
        ("2026-10-30T16:00:00.1234567Z", NOTATION),
        ("2026-10-30T16:00:00+01", NOTATION),
        ("2026-10-30T16:00:00+0100", NOTATION),
        ("2026-10-30T16:00:00 01:00", NOTATION),
        ("2026-10-30T16:00:00+01:60", NOTATION),
        ("2026-10-30T16:00:00+01:00:00", NOTATION),
        ("2026-10-30T16:00:00ZZ", NOTATION),
        (" 2026-10-30T16:00:00Z", NOTATION),
        ("2026-10-30T16:00:0\u0662Z", NOTATION),
        ("202\u0666-10-30T16:00:00Z", NOTATION),
        ("2026-02-29T16:00:00Z", NO_SUCH_INSTANT),
        ("0000-01-01T00:00:00Z", NO_SUCH_INSTANT),
        ("2026-10-30T24:00:00Z", NOTATION),
        ("2026-10-30T25:00:00Z", NOTATION),
        ("2026-10-30T16:60:00Z", NO_SUCH_INSTANT),
        ("2026-10-30T16:00:60Z", NO_SUCH_INSTANT),
        ("2026-10-30T16:00:00+24:00", NO_SUCH_INSTANT),
        ("0001-01-01T00:00:00+00:01", NO_SUCH_INSTANT),
        ("9999-12-31T23:59:59-00:01", NO_SUCH_INSTANT),
    ],
)
def test_another_notation_is_no_instant(text: str, why: str) -> None:
    with pytest.raises(InvalidDate) as refusal:
        parse_instant(text)
    assert str(refusal.value) == f"{in_quotes(text)} {why}"


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001  # gets its zone below
    st.integers(-1439, 1439),
)
def test_every_instant_that_is_written_with_its_zone_is_read(
    wall: datetime, east_minutes: int
) -> None:
    instant = wall.replace(tzinfo=timezone(timedelta(minutes=east_minutes)))
    read = parse_instant(instant.isoformat())
    assert (read, read.tzinfo) == (instant, UTC)


def test_an_explanation_is_one_line_of_named_fields() -> None:
    assert str(EXPLANATION) == EXPLAINED


@given(st.lists(WORDS, min_size=18, max_size=18))
def test_an_explanation_that_was_written_reads_back_as_it_was(words: list[str]) -> None:
    explanation = Explanation(*words)
    assert parse_explanation(str(explanation)) == explanation


def test_fields_of_a_later_version_are_passed_over() -> None:
    assert parse_explanation(f"id=7F3K {EXPLAINED} ledger=9") == EXPLANATION


@pytest.mark.parametrize("field", fields(Explanation), ids=lambda field: field.name)
def test_an_explanation_without_one_of_its_fields_is_none(field: Field[str]) -> None:
    name = {"base": "from", "counter": "to"}.get(field.name, field.name)
    words = [word for word in EXPLAINED.split() if not word.startswith(f"{name}=")]
    with pytest.raises(InvalidRequest) as refusal:
        parse_explanation(" ".join(words))
    assert str(refusal.value).endswith(f"is not an explanation: it has no {name}")


def test_an_error_reply_is_told_apart_by_its_slug() -> None:
    line = error_line(NoRateForCurrency("ECB does not publish KWD"))
    assert line == "error no-rate-for-currency ECB does not publish KWD"
    with pytest.raises(ErrorReply) as reply:
        parse_explanation(line)
    assert (reply.value.slug, reply.value.sentence) == (
        "no-rate-for-currency",
        "ECB does not publish KWD",
    )


@pytest.mark.parametrize(
    ("slug", "line"),
    [
        ("busy", "error busy too many clients are connected; try again later"),
        ("line-too-long", "error line-too-long a line has at most 1024 bytes"),
        ("idle", "error idle nothing was asked for too long; connect again when needed"),
        ("closing", "error closing the service is shutting down; connect again"),
    ],
)
def test_a_goodbye_has_its_own_line(slug: str, line: str) -> None:
    assert (goodbye_line(slug), is_goodbye(line)) == (line, True)


def test_those_are_all_the_goodbyes() -> None:
    assert list(GOODBYES) == ["busy", "line-too-long", "idle", "closing"]


@pytest.mark.parametrize(
    "line", ["", "787.47", "pong", "busy", "error", "error ", "error internal x", EXPLAINED]
)
def test_any_other_line_is_no_goodbye(line: str) -> None:
    assert not is_goodbye(line)
