"""The dialogue on port 3000, line by line and without sockets."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricedesk import __version__
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.line_server import NOTICES, LineSession
from pricedesk.backend.rate_book import RateBook
from pricedesk.currencies import currency
from pricedesk.lines import LINE_BYTES_MAX
from pricedesk.protocol import Command
from pricedesk.quote_lines import HOLD_NAMES, QuoteVerb

FRIDAY_EVENING = datetime(2026, 10, 30, 18, tzinfo=UTC)

WORDS = st.sampled_from(
    [
        *("1100", "1e3", "CAD", "KWD", "XXX", "2020-02-14", "9999-12-31", "explain", "quit"),
        *("hold", "quote", "redeem", "7F3K-9QXD-2MTA", "ref=x", "\x1b[2J"),
    ]
)
REQUEST_LINES = st.one_of(
    st.binary(max_size=LINE_BYTES_MAX),
    st.lists(WORDS, max_size=6).map(lambda words: " ".join(words).encode()),
)


EXPLAINED = (
    b"amount=1100 from=CAD to=USD result=787.47 rate=0.715878508266 date=2026-10-30 source=ECB"
    b" path=CAD/EUR/USD state=fresh missed=0 published=EUR/CAD:1.5606,EUR/USD:1.1172"
    b" unrounded=787.466359092657 rounding=half-up pegs=none others=none"
    b" document=73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3"
    b" fetched=2026-10-30T15:56:00Z attribution=none\n"
)
CURRENCIES = (
    b"AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR ISK JPY KRW MXN MYR NOK NZD PHP PLN"
    b" RON SEK SGD THB TRY USD ZAR\n"
)
HELP = (
    b"AMOUNT [FROM [TO]] [YYYY-MM-DD] converts, as in 1100 CAD USD 2020-02-14;"
    b" explain AMOUNT ... gives the reasons; rates BASE [DATE] gives all of a currency;"
    b" history BASE COUNTER FIRST LAST [day|week|month] those of a pair;"
    b" hold AMOUNT FROM TO [ref=SKU] [name=TEXT] [key=KEY]"
    b" [for=CUSTOMER] [expects=RESULT] [price=AMOUNT] [rules=TEXT] [asked=TEXT] holds a price;"
    b" quote ID, redeem ID, cancel ID, quote key=KEY asked=TEXT;"
    b" also: currencies, sources, ping, version, help, quit\n"
)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"1100", b"787.47\n"),
        (b"1100 EUR", b"1228.92\n"),
        (b"1100 CAD JPY", b"123829\n"),
        (b"1100 CAD JPY 2020-02-14", b"91221\n"),
        (b" 1100  cad jpy ", b"123829\n"),
        (b"-1100", b"-787.47\n"),
        (b"0", b"0.00\n"),
        (b"explain 1100 CAD USD", EXPLAINED),
        (b"currencies", CURRENCIES),
        (b"help", HELP),
        (b"ping", b"pong\n"),
        (b"PING", b"pong\n"),
        (b"version", f"pricedesk {__version__}\n".encode()),
        (b"quit", b"bye\n"),
    ],
)
def test_each_request_has_its_reply(bureau: Bureau, line: bytes, reply: bytes) -> None:
    assert LineSession(bureau).answer(line) == reply


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "invalid-request the line is empty: send an amount, or help"),
        ("abc", 'invalid-amount "abc" is not a number'),
        ("1e3", 'invalid-amount "1e3" is not a number: write it like 1100 or 19.99'),
        ("1100 CAD XYZ", 'unknown-currency "XYZ" is not an ISO 4217 currency code'),
        ("1100 2021-02-29", 'invalid-date "2021-02-29" is not a day of the calendar'),
        ("1100 CAD KWD", "no-rate-for-currency ECB does not publish KWD"),
        (
            "1100 EUR USD 1999-01-03",
            "no-rate-for-date there is no rate for EUR on 1999-01-03: ECB has it since 1999-01-04",
        ),
        (
            "1100 CAD USD 2026-11-30",
            "no-rate-for-date 2026-11-30 is in the future: there is no rate for it yet",
        ),
        ("café", r'invalid-amount "caf\xe9" is not a number'),
        ("\x1b[J", r'invalid-amount "\x1b[J" is not a number'),
        ("\udcff\udcfe", r'invalid-amount "\xff\xfe" is not a number'),
    ],
)
def test_each_line_off_the_rules_has_its_error(bureau: Bureau, line: str, error: str) -> None:
    sent = line.encode("utf-8", "surrogateescape")
    assert LineSession(bureau).answer(sent) == f"error {error}\n".encode()


def test_without_rates_every_conversion_says_so() -> None:
    terms = Terms(currency("CAD"), currency("USD"))
    session = LineSession(Bureau(RateBook([]), {}, lambda: FRIDAY_EVENING, terms))
    replies = [session.answer(line) for line in (b"1100", b"explain 1", b"currencies")]
    assert replies == [b"error no-rates-known no rates are known yet\n"] * 3
    assert session.answer(b"ping") == b"pong\n"


@given(REQUEST_LINES)
@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_line_gets_one_printable_line_and_only_quit_ends_the_session(
    bureau: Bureau, line: bytes
) -> None:
    session = LineSession(bureau)
    reply = session.answer(line)
    assert isinstance(reply, bytes)
    assert reply.endswith(b"\n")
    assert set(reply[:-1]) <= set(range(32, 127))
    assert len(reply) <= LINE_BYTES_MAX
    assert session.finished is (reply == b"bye\n")


def test_a_session_begins_without_a_word_and_goes_on_until_quit(bureau: Bureau) -> None:
    session = LineSession(bureau)
    assert session.greeting == b""
    ended = []
    for line in (b"1100", b"abc", b"quit now", b"Quit"):
        session.answer(line)
        ended.append(session.finished)
    assert ended == [False, False, False, True]


def test_sessions_end_each_for_itself(bureau: Bureau) -> None:
    one, other = LineSession(bureau), LineSession(bureau)
    one.answer(b"quit")
    assert (one.finished, other.finished) == (True, False)


def test_the_help_names_every_request() -> None:
    named = set(HELP.decode().replace(",", "").split())
    verbs = {command.value for command in (*Command, *QuoteVerb)}
    assert named >= verbs | {"explain", "rates", "history", "sources", "hold"}


def test_the_help_names_all_that_a_hold_and_a_key_have() -> None:
    said = HELP.decode()
    words = said.partition("hold ")[2].partition(" holds a price")[0].split()
    assert words[:3] == ["AMOUNT", "FROM", "TO"]
    optional = [word.strip("[]").partition("=")[0] for word in words[3:]]
    assert (*(word.lower() for word in words[:3]), *optional) == HOLD_NAMES
    assert "quote key=KEY asked=TEXT" in said


def test_the_last_words_of_the_door_are_errors_of_their_own() -> None:
    assert (NOTICES.busy, NOTICES.line_too_long, NOTICES.idle, NOTICES.closing) == (
        b"error busy too many clients are connected; try again later\n",
        b"error line-too-long a line has at most 1024 bytes\n",
        b"error idle nothing was asked for too long; connect again when needed\n",
        b"error closing the service is shutting down; connect again\n",
    )


def test_an_internal_error_tells_nothing_of_the_inside() -> None:
    assert NOTICES.internal_error == (
        b"error internal the request could not be answered; it was logged\n"
    )
