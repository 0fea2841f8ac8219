"""Conversions in units and nanos: each rule, by a real client, on both servers."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from ecb_history import crossed, published_texts
from grpc_cases import CODES, CONVERTED, REFUSED, money, request
from grpc_doors import CURRENCIES, Caller, Running, calling, told
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.calendars import AgeLimits
from pricedesk.backend.grpc.currency_service import NANOS, CurrencyService
from pricedesk.backend.grpc.methods import Noted
from pricedesk.backend.grpc.statuses import Refusal
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Provenance, Sheet, publication_of
from pricedesk.backend.sources import ecb
from pricedesk.currencies import currency

CONVERT = f"{CURRENCIES}/Convert"
INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)
EVENING = date(2026, 10, 30)


@pytest.mark.parametrize(("asked", "expected"), CONVERTED)
async def test_amounts_are_converted_exactly(
    client: Caller, asked: tuple[str, int, int, str], expected: tuple[str, int, int]
) -> None:
    assert money(await client.ask(CONVERT, request(*asked))) == expected


@pytest.mark.parametrize(("data", "code", "text", "slug"), REFUSED)
async def test_what_cannot_be_converted_is_refused_by_name(
    client: Caller, data: bytes, code: StatusCode, text: str, slug: str | None
) -> None:
    assert told(await client.refusal(CONVERT, data)) == (code, text, slug)


async def test_the_codes_are_those_of_the_newest_publications(client: Caller) -> None:
    codes = CODES.FromString(await client.ask(f"{CURRENCIES}/GetSupportedCurrencies"))
    assert list(codes.currency_codes)[:4] == ["AUD", "BRL", "CAD", "CHF"]
    assert len(codes.currency_codes) == 30


async def test_the_bytes_are_those_of_the_demos(client: Caller) -> None:
    """As Online Boutique's clients write and read them; under the other demo's name too."""
    asked = b"\x0a\x08\x0a\x03CAD\x10\xcc\x08\x12\x03USD"
    answer = b"\x0a\x03USD\x10\x93\x06\x18\xb5\xa6\xb0\xde\x01"
    assert await client.ask("/hipstershop.CurrencyService/Convert", asked) == answer
    assert await client.ask("/oteldemo.CurrencyService/Convert", asked) == answer
    codes = await client.ask("/hipstershop.CurrencyService/GetSupportedCurrencies")
    assert codes.startswith(b"\x0a\x03AUD\x0a\x03BRL")
    assert codes == await client.ask("/oteldemo.CurrencyService/GetSupportedCurrencies")


async def test_the_counts_say_what_became_of_calls(door: Running) -> None:
    async with calling(door) as client:
        for _ in range(3):
            await client.ask(CONVERT, request("CAD", 1, 0, "USD"))
        for refused in range(1, 101):
            await client.refusal(CONVERT, request("CAD", 1, 0, "usd"))
            # As soon as the client knows of it, and none is counted as answered in between.
            assert (door.tally.answered, door.tally.refused, door.tally.failed) == (3, refused, 0)


# The laws, without a socket.

TEXTS = published_texts()[EVENING]
codes = st.sampled_from(["EUR", *TEXTS])


@pytest.fixture(scope="module")
def evening(book: RateBook) -> CurrencyService:
    return service(book)


def service(
    book: RateBook, at: datetime | None = None, ages: AgeLimits | None = None
) -> CurrencyService:
    now = at or datetime.fromisoformat("2026-10-30T18:00:00Z")
    terms = Terms(currency("CAD"), currency("USD"), ages=ages or AgeLimits())
    bureau = Bureau(book, [ecb.source("https://ecb.example")], lambda: now, terms)
    return CurrencyService(bureau)


@st.composite
def amounts(draw: st.DrawFn) -> tuple[int, int]:
    """Units and nanos of one sign, of which there is a result in any currency.

    The dearest to the cheapest, pounds to rupiah, is some twenty thousand to one.
    """
    sign = draw(st.sampled_from([1, -1]))
    return sign * draw(st.integers(0, 10**14)), sign * draw(st.integers(0, NANOS - 1))


@given(amounts(), codes, codes)
def test_a_result_is_the_exact_one_to_the_nearest_billionth(
    evening: CurrencyService, amount: tuple[int, int], base: str, counter: str
) -> None:
    units, nanos = amount
    answer = evening.convert(request(base, units, nanos, counter))
    code, got_units, got_nanos = money(answer)
    exact = (units + Fraction(nanos, NANOS)) * crossed(TEXTS, base, counter)
    got = got_units + Fraction(got_nanos, NANOS)
    assert abs(got - exact) <= Fraction(1, 2 * NANOS)
    if abs(got - exact) == Fraction(1, 2 * NANOS):
        assert abs(got) > abs(exact)
    assert code == counter
    assert abs(got_nanos) < NANOS
    assert got_units * got_nanos >= 0


@given(st.integers(INT64_MIN, INT64_MAX), st.integers(0, NANOS - 1), codes)
def test_a_currency_to_itself_is_identity(
    evening: CurrencyService, units: int, nanos: int, code: str
) -> None:
    nanos = -nanos if units < 0 else nanos
    answer = evening.convert(request(code, units, nanos, code))
    assert money(answer) == (code, units, nanos)


@given(amounts(), codes, codes)
def test_the_other_sign_gives_the_other_sign(
    evening: CurrencyService, amount: tuple[int, int], base: str, counter: str
) -> None:
    units, nanos = amount
    one = evening.convert(request(base, units, nanos, counter))
    other = evening.convert(request(base, -units, -nanos, counter))
    _, got_units, got_nanos = money(one)
    assert money(other) == (counter, -got_units, -got_nanos)


@given(st.binary(max_size=64))
def test_any_bytes_are_answered_or_refused(evening: CurrencyService, data: bytes) -> None:
    try:
        answer = evening.convert(data)
    except Refusal:
        return
    assert isinstance(answer, bytes)


# Which rates answer.

HUNDRED = request("CAD", 100, 0, "USD")


def test_a_stale_rate_answers_and_is_said_to_be_stale(book: RateBook) -> None:
    at = datetime.fromisoformat("2026-11-05T18:00:00Z")
    answer = service(book, at).convert(HUNDRED)
    assert isinstance(answer, Noted)
    assert money(answer.message) == ("USD", 71, 587_850_827)
    assert answer.notes == (("pricedesk-rate", "stale ECB 2026-10-30"),)


def test_a_rate_is_refused_where_it_is_older_than_is_answered_with(book: RateBook) -> None:
    at = datetime.fromisoformat("2026-11-05T18:00:00Z")
    with pytest.raises(Exception, match="more than 3 are not answered with"):
        service(book, at, AgeLimits(refuse_after_missed=3)).convert(HUNDRED)


def test_the_codes_are_told_anew_when_there_are_others() -> None:
    now = datetime.fromisoformat("2026-10-30T18:00:00Z")
    bureau = Bureau(
        RateBook([]),
        [ecb.source("https://ecb.example")],
        lambda: now,
        Terms(currency("CAD"), currency("USD")),
    )
    asked = CurrencyService(bureau)
    for day, codes in ((29, ["CAD", "EUR"]), (30, ["CAD", "EUR", "USD"])):
        sheet = Sheet(date(2026, 10, day), dict.fromkeys({*codes} - {"EUR"}, "1.5"))
        bureau.take([publication_of("ECB", ecb.CONVENTION, sheet, Provenance("5" * 64, now))])
        for _ in range(2):
            told_codes = CODES.FromString(asked.get_supported_currencies(b"")).currency_codes
            assert list(told_codes) == codes


def test_what_was_looked_up_is_looked_up_again_when_it_may_be_too_old(book: RateBook) -> None:
    """The fourth publication is missed from one second to the next."""
    now = [datetime.fromisoformat("2026-11-05T14:00:00Z")]
    terms = Terms(currency("CAD"), currency("USD"), ages=AgeLimits(refuse_after_missed=3))
    bureau = Bureau(book, [ecb.source("https://ecb.example")], lambda: now[0], terms)
    asked = CurrencyService(bureau)
    # An hour after it was due a publication counts as missing.
    due = bureau.sources["ECB"].calendar.published(date(2026, 11, 5))
    known_until = due + timedelta(hours=1)
    now[0] = known_until - timedelta(seconds=1)
    assert isinstance(asked.convert(HUNDRED), Noted)
    now[0] = known_until
    with pytest.raises(Exception, match="more than 3 are not answered with"):
        asked.convert(HUNDRED)


def test_a_new_rate_book_answers_the_next_call(book: RateBook) -> None:
    asked = service(book)
    first = asked.convert(HUNDRED)
    newest = book.newest
    row = newest.row.replace("1.1172", "2")
    asked._bureau.take([replace(newest, row=row, revision=2)])
    second = asked.convert(HUNDRED)
    assert money(first) == ("USD", 71, 587_850_827)
    assert money(second) == ("USD", 128, 155_837_498)


def test_without_any_rates_a_currency_to_itself_is_still_identity() -> None:
    asked = service(RateBook([]))
    assert money(asked.convert(request("CAD", 1, 5, "CAD"))) == ("CAD", 1, 5)
    with pytest.raises(Exception, match="no rates are known yet"):
        asked.convert(HUNDRED)


def test_only_so_many_answers_are_kept(book: RateBook) -> None:
    asked = service(book)
    for units in range(5000):
        asked.convert(request("CAD", units, 0, "USD"))
        assert len(asked._answers) <= 4096
    long = HUNDRED + b"\x1a\x7f" + bytes(127)
    assert money(asked.convert(long)) == ("USD", 71, 587_850_827)
    assert long not in asked._answers
