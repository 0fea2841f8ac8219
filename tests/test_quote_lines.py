"""What is said of quotes on lines: requests and replies read back exactly as they were written."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.currencies import CURRENCIES, Currency, currency
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import InvalidAmount, InvalidRequest, PricedeskError, UnknownCurrency
from pricedesk.lines import LINE_BYTES_MAX
from pricedesk.money import ExactDecimal, Money
from pricedesk.protocol import parse_request
from pricedesk.quote_lines import (
    HOLD_NAMES,
    Hold,
    OfKey,
    OfQuote,
    QuoteReply,
    QuoteRequest,
    QuoteStatus,
    QuoteVerb,
    hold_of,
    parse_quote_reply,
    record_fields,
    record_text,
)

CAD, USD, JPY = map(currency, ("CAD", "USD", "JPY"))
AMOUNT = ExactDecimal(1100, 0)
ID = "7F3K-9QXD-2MTA"
RECORD = f"quote={ID} ref=laptop name=Caf%C3%A9%20%25 rules=none held=2026-10-30T18:00:00Z"

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


def texts(most: int) -> st.SearchStrategy[str | None]:
    return st.none() | TEXTS.map(lambda text: text[:most])


def money(unit: Currency) -> st.SearchStrategy[Money | None]:
    return st.none() | st.integers(0, 10**20).map(lambda minor: Money(minor, unit))


@st.composite
def holds(draw: st.DrawFn) -> Hold:
    counter = draw(st.sampled_from(list(CURRENCIES.values())))
    return Hold(
        ExactDecimal(draw(st.integers(0, 10**20)), draw(st.integers(0, 9))),
        draw(st.sampled_from(list(CURRENCIES.values()))),
        counter,
        ref=draw(texts(64)),
        name=draw(texts(120)),
        key=draw(st.none() | ASCII.map(lambda text: text[:255])),
        customer=draw(texts(64)),
        expects=draw(money(counter)),
        price=draw(money(counter)),
        rules=draw(texts(200)),
        asked=draw(texts(64)),
    )


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("hold 1100 CAD USD", Hold(AMOUNT, CAD, USD)),
        ("HOLD 1100 cad jpy", Hold(AMOUNT, CAD, JPY)),
        ("hold 1100 CAD USD ref=laptop", Hold(AMOUNT, CAD, USD, ref="laptop")),
        ("hold 1100 CAD USD REF=laptop", Hold(AMOUNT, CAD, USD, ref="laptop")),
        ("hold 1100 CAD USD name=A%20B=C", Hold(AMOUNT, CAD, USD, name="A B=C")),
        ("hold 1100 CAD USD asked=0af3", Hold(AMOUNT, CAD, USD, asked="0af3")),
        ("hold 1100 CAD USD name=Café", Hold(AMOUNT, CAD, USD, name="Café")),
        ("hold 1100 CAD USD name=Caf%c3%a9", Hold(AMOUNT, CAD, USD, name="Café")),
        (
            "hold 1100 CAD USD price=789 expects=787.47 for=10.0.0.1 key=k rules=v2",
            Hold(
                AMOUNT,
                CAD,
                USD,
                key="k",
                customer="10.0.0.1",
                expects=Money(78747, USD),
                price=Money(78900, USD),
                rules="v2",
            ),
        ),
        (f"quote {ID}", OfQuote(QuoteVerb.QUOTE, ID)),
        ("Redeem 7f3k9qxd2mta", OfQuote(QuoteVerb.REDEEM, ID)),
        ("cancel 7f3k 9qxd 2mta", OfQuote(QuoteVerb.CANCEL, ID)),
        ("quote key=k asked=0af3", OfKey("k", "0af3")),
        ("QUOTE Asked=0af3 KEY=a%20b", OfKey("a b", "0af3")),
    ],
)
def test_a_request_about_a_quote_is_read(line: str, request_: QuoteRequest) -> None:
    assert parse_request(line) == request_


KEY_ORDER = "quote key=KEY asked=TEXT is all that it has"
ORDER = "hold needs AMOUNT FROM TO, as in hold 1100 CAD USD ref=laptop"


@pytest.mark.parametrize(
    ("line", "error", "sentence"),
    [
        ("hold", InvalidRequest, ORDER),
        ("hold 1100 CAD", InvalidRequest, ORDER),
        ("hold 1100 CAD ref=laptop", InvalidRequest, ORDER),
        (
            "hold 1100 CAD USD EUR",
            InvalidRequest,
            '"EUR" is one word too many: hold AMOUNT FROM TO name=value is the order',
        ),
        (
            "hold 1100 CAD USD from=EUR",
            InvalidRequest,
            '"from=EUR" is one word too many: hold AMOUNT FROM TO name=value is the order',
        ),
        (
            "hold 1100 CAD USD colour=red",
            InvalidRequest,
            f'"colour" is not known: hold has {", ".join(HOLD_NAMES)}',
        ),
        ("hold 1100 CAD USD ref=a ref=a", InvalidRequest, '"ref" is there twice'),
        ("hold 1100 CAD USD ref=", InvalidRequest, "ref is to have 1 to 64 characters, not 0"),
        (
            f"hold 1100 CAD USD name={'x' * 121}",
            InvalidRequest,
            "name is to have 1 to 120 characters, not 121",
        ),
        (
            "hold 1100 CAD USD name=50%",
            InvalidRequest,
            '"50%" has a % without two hexadecimal digits after it',
        ),
        ("hold 1100 CAD USD name=%ff", InvalidRequest, '"%ff" is not UTF-8'),
        (
            "hold 1100 CAD USD key=%C3%A9",
            InvalidRequest,
            r'key is "\xe9": it is to be printable ASCII',
        ),
        ("hold abc CAD USD", InvalidAmount, '"abc" is not a number'),
        ("hold -1 CAD USD", InvalidAmount, '"-1" is negative: such a price is not held'),
        (
            "hold 1 CAD USD price=1.001",
            InvalidAmount,
            '"1.001" has more decimals than USD, which has 2',
        ),
        ("hold 1 CAD USD price=-1", InvalidAmount, '"-1" is negative: such a price is not held'),
        ("hold 1 CAD USD expects=x", InvalidAmount, '"x" is not a number'),
        ("hold 1 CAD XXX", UnknownCurrency, '"XXX" is not an ISO 4217 currency code'),
        ("quote", InvalidRequest, "quote needs an id, as in quote 7F3K-9QXD-2MTA"),
        ("quote key=k", InvalidRequest, f"quote needs asked: {KEY_ORDER}"),
        ("quote asked=k", InvalidRequest, f"quote needs key: {KEY_ORDER}"),
        ("quote key=k asked=x for=me", InvalidRequest, f'"for" is not known: {KEY_ORDER}'),
        ("quote key=k asked=x y", InvalidRequest, f'"y" is one word too many: {KEY_ORDER}'),
        ("quote key=k key=l asked=x", InvalidRequest, '"key" is there twice'),
        (
            f"quote key={'k' * 256} asked=x",
            InvalidRequest,
            "key is to have 1 to 255 characters, not 256",
        ),
        (
            f"quote key=k asked={'x' * 65}",
            InvalidRequest,
            "asked is to have 1 to 64 characters, not 65",
        ),
        (
            "redeem key=k asked=x",
            InvalidRequest,
            '"key=k asked=x" is not the id of a quote, which is like 7F3K-9QXD-2MTA',
        ),
        (
            "redeem 1100",
            InvalidRequest,
            '"1100" is not the id of a quote, which is like 7F3K-9QXD-2MTA',
        ),
    ],
)
def test_a_request_off_the_grammar_is_refused_with_its_reason(
    line: str, error: type[PricedeskError], sentence: str
) -> None:
    with pytest.raises(PricedeskError) as refusal:
        parse_request(line)
    assert (type(refusal.value), str(refusal.value)) == (error, sentence)


@given(holds())
def test_a_hold_that_was_written_reads_back_as_it_was(hold: Hold) -> None:
    assert parse_request(str(hold)) == hold
    assert hold_of(hold.words) == hold


@given(holds())
def test_what_a_hold_says_has_the_names_of_every_door(hold: Hold) -> None:
    assert list(hold.words) == [name for name in HOLD_NAMES if name in hold.words]


def test_a_lone_surrogate_is_no_text() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        hold_of({"amount": "1", "from": "CAD", "to": "USD", "name": "\ud800"})
    assert str(refusal.value) == r'name is "\ud800", which is no text'


def test_a_hold_without_an_amount_or_a_currency_is_none() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        hold_of({"amount": "1", "from": "CAD"})
    assert str(refusal.value) == "hold needs to"


@given(st.sampled_from(QuoteVerb), st.from_regex("([0-9A-HJKMNP-TV-Z]{4}-?){3}", fullmatch=True))
def test_a_question_about_a_quote_reads_back_as_it_was(verb: QuoteVerb, typed: str) -> None:
    request = parse_request(f"{verb.value} {typed}")
    assert parse_request(str(request)) == request


@given(ASCII.map(lambda text: text[:255]), TEXTS.map(lambda text: text[:64]))
def test_a_question_by_a_key_reads_back_as_it_was(key: str, asked: str) -> None:
    assert parse_request(str(OfKey(key, asked))) == OfKey(key, asked)


FIELDS = st.dictionaries(
    st.from_regex("[a-z]{1,9}", fullmatch=True), st.none() | TEXTS | st.just("none"), min_size=1
)


@given(FIELDS)
def test_a_record_that_was_written_reads_back_as_it_was(values: dict[str, str | None]) -> None:
    record = record_text(values)
    assert record_fields(record) == values
    assert list(record_fields(record)) == list(values)
    assert re.fullmatch("[!-~]+( [!-~]+)*", record)


def test_nothing_is_told_apart_from_a_text_that_says_so() -> None:
    assert record_text({"ref": None, "name": "none", "rules": "None"}) == (
        "ref=none name=%6Eone rules=None"
    )


INSTANT = "2026-10-30T19:00:00Z"


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        (QuoteReply(RECORD, QuoteStatus.HELD), f"{RECORD} status=held"),
        (
            QuoteReply(RECORD, QuoteStatus.REDEEMED, INSTANT),
            f"{RECORD} status=redeemed redeemed={INSTANT}",
        ),
        (
            QuoteReply(RECORD, QuoteStatus.EXPIRED, INSTANT),
            f"{RECORD} status=expired expired={INSTANT}",
        ),
        (
            QuoteReply(RECORD, QuoteStatus.CANCELLED, INSTANT),
            f"{RECORD} status=cancelled cancelled={INSTANT}",
        ),
    ],
)
def test_a_reply_is_the_record_and_what_became_of_it(reply: QuoteReply, line: str) -> None:
    assert (str(reply), parse_quote_reply(line)) == (line, reply)


@given(FIELDS, st.sampled_from(QuoteStatus), st.none() | st.just(INSTANT))
def test_a_reply_that_was_written_reads_back_as_it_was(
    values: dict[str, str | None], status: QuoteStatus, ended: str | None
) -> None:
    reply = QuoteReply(record_text({"quote": ID, **values}), status, ended)
    assert parse_quote_reply(str(reply)) == reply


def test_a_reply_tells_its_fields_decoded() -> None:
    assert QuoteReply(RECORD, QuoteStatus.HELD).fields == {
        "quote": ID,
        "ref": "laptop",
        "name": "Café %",
        "rules": None,
        "held": "2026-10-30T18:00:00Z",
    }


def test_a_program_is_told_the_fields_and_what_became_of_it_in_this_order() -> None:
    reply = QuoteReply("quote=7F3K-9QXD-2MTA name=none", QuoteStatus.REDEEMED, INSTANT)
    assert list(reply.told.items()) == [
        ("quote", "7F3K-9QXD-2MTA"),
        ("name", None),
        ("status", "redeemed"),
        ("ended", INSTANT),
    ]


def test_words_of_a_later_version_are_passed_over() -> None:
    line = f"{RECORD} status=redeemed by=ada redeemed={INSTANT} again=2"
    assert parse_quote_reply(line) == QuoteReply(RECORD, QuoteStatus.REDEEMED, INSTANT)


@pytest.mark.parametrize(
    "line",
    ["", "787.47", RECORD, f"{RECORD} status=", f"{RECORD} status=sold", f"ref=x {RECORD} status="],
)
def test_another_line_tells_of_no_quote(line: str) -> None:
    with pytest.raises(InvalidRequest, match=r"tells of no quote$"):
        parse_quote_reply(line)


def test_a_refusal_is_told_apart_by_its_slug() -> None:
    with pytest.raises(ErrorReply) as reply:
        parse_quote_reply(f"error unknown-quote there is no quote {ID}")
    assert (reply.value.slug, reply.value.sentence) == (
        "unknown-quote",
        f"there is no quote {ID}",
    )


def test_a_hold_with_a_long_name_in_any_script_fits_a_line() -> None:
    hold = Hold(
        AMOUNT,
        CAD,
        USD,
        ref="x" * 64,
        name="\N{CJK UNIFIED IDEOGRAPH-4E00}" * 120,
        key="k" * 64,
        customer="2001:0db8:0000:0000:0000:0000:0000:0001",
        expects=Money(10**9, USD),
        price=Money(10**9, USD),
        rules="r" * 200,
    )
    assert len(str(hold).encode()) <= LINE_BYTES_MAX
