"""Customers who choose the same within a hundredth of a second are told one answer."""

import asyncio
from pathlib import Path

import pytest

from fakes import FRESH, FakeRates
from pricedesk.at_once import AtOnce
from pricedesk.currencies import currency
from pricedesk.errors import ServiceUnavailable
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.desk import PRICES_MAX, REPLY_CHARACTERS_MAX, Desk
from pricedesk.frontend.menu import Menu
from pricedesk.frontend.telnet_server import SHARED_SECONDS, SharedPrices, TelnetSession
from pricedesk.line_service import Peer
from pricedesk.money import Money
from telnet_desk import DEFAULT, InProcess, shop_of, telnet_desk

CAD, USD, EUR = currency("CAD"), currency("USD"), currency("EUR")
LAPTOP = Product("laptop", "A laptop", Money(110000, CAD))
PRICE = b"Today your item costs 787.47 USD\n"
AWAY = b"The price cannot be computed now because the conversion service cannot be reached.\n"


class Watch:
    """A clock that never steps, set by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def sessions(rates: InProcess, count: int, watch: Watch | None = None) -> list[TelnetSession]:
    """Customers of one door."""
    shop, prices = shop_of(rates), SharedPrices(watch or Watch())
    menu = Menu(shop.catalogue)
    return [
        TelnetSession(menu, shop, DEFAULT, Peer("192.0.2.7"), str, prices) for _ in range(count)
    ]


async def said(answers: list[object]) -> list[bytes]:
    """What was said, all of it later."""
    shared = [answer for answer in answers if isinstance(answer, AtOnce)]
    assert len(shared) == len(answers)
    return list(await asyncio.gather(*shared))


async def test_of_those_who_ask_at_once_one_question_is_asked_for_a_product(tmp_path: Path) -> None:
    async with telnet_desk(tmp_path) as desk:
        customers = sessions(desk.rates, 3)
        asked = await said([customer.answer(b"1") for customer in customers])
        assert asked == [PRICE] * 3
        assert desk.rates.requests == ["explain 1100.00 CAD USD"]


async def test_another_product_or_currency_is_another_question(tmp_path: Path) -> None:
    async with telnet_desk(tmp_path) as desk:
        one, other, third = sessions(desk.rates, 3)
        third.answer(b"in EUR")
        answers = await said([one.answer(b"1"), other.answer(b"2"), third.answer(b"1")])
        assert answers == [
            PRICE,
            b"Today your item costs 1718.11 USD\n",
            b"Today your item costs 704.86 EUR\n",
        ]
        assert len(desk.rates.requests) == 3


async def test_who_asks_soon_after_is_told_what_was_said_and_who_asks_later_is_answered_anew(
    tmp_path: Path,
) -> None:
    watch = Watch()
    async with telnet_desk(tmp_path) as desk:
        first, *others, last = sessions(desk.rates, 5, watch)
        assert await said([first.answer(b"1")]) == [PRICE]
        # However often somebody asks: an answer is not told for longer because it was wanted.
        for other, part in zip(others, (0.4, 0.4, 0.19), strict=True):
            watch.seconds += part * SHARED_SECONDS
            assert await said([other.answer(b"1")]) == [PRICE]
        assert len(desk.rates.requests) == 1
        watch.seconds += 0.02 * SHARED_SECONDS
        desk.rates.away = True
        assert await said([last.answer(b"1")]) == [AWAY]


async def test_who_asks_again_is_told_neither_the_same_answer_again_nor_an_older_one(
    tmp_path: Path,
) -> None:
    watch = Watch()
    async with telnet_desk(tmp_path) as desk:
        one, other = sessions(desk.rates, 2, watch)
        for customer, number, asked in [
            (one, b"1", 1),
            (other, b"2", 2),
            (one, b"1", 3),
            # What was asked for after all that he was told, he may be told.
            (other, b"1", 3),
            (one, b"2", 4),
            (other, b"2", 4),
            (other, b"1", 5),
        ]:
            watch.seconds += 0.1 * SHARED_SECONDS
            await said([customer.answer(number)])
            assert len(desk.rates.requests) == asked
        desk.rates.away = True
        assert await said([other.answer(b"1"), one.answer(b"2")]) == [AWAY, AWAY]


@pytest.mark.parametrize(
    ("words", "more"), [(b"why 1", b"Last known price"), (b"hold 1", b"cannot be reached")]
)
async def test_who_was_told_more_of_a_product_is_told_no_older_price_after_that(
    tmp_path: Path, words: bytes, more: bytes
) -> None:
    watch = Watch()
    async with telnet_desk(tmp_path) as desk:
        one, other = sessions(desk.rates, 2, watch)
        assert await said([one.answer(b"1")]) == [PRICE]
        watch.seconds += 0.1 * SHARED_SECONDS
        desk.rates.away = True
        told = other.answer(words)
        assert not isinstance(told, bytes | AtOnce)
        assert more in await told
        assert await said([other.answer(b"1")]) == [AWAY]


async def test_what_a_back_end_said_that_is_gone_is_told_to_nobody() -> None:
    prices = SharedPrices(Watch())

    async def found(text: bytes) -> bytes:
        return text

    def of(text: bytes) -> AtOnce[bytes]:
        return prices.of("laptop", USD, lambda: found(text), float("-inf")).said

    assert [await of(b"then"), await of(b"now")] == [b"then", b"then"]
    prices.forget()
    assert await of(b"now") == b"now"


async def test_a_question_that_waits_for_its_answer_is_not_for_those_who_come_later(
    tmp_path: Path,
) -> None:
    watch = Watch()
    async with telnet_desk(tmp_path) as desk:
        one, other = sessions(desk.rates, 2, watch)
        waiting = one.answer(b"1")
        watch.seconds += 2 * SHARED_SECONDS
        assert await said([waiting, other.answer(b"1")]) == [PRICE, PRICE]
        assert len(desk.rates.requests) == 2


async def test_a_fault_is_told_to_all_who_wait_for_it() -> None:
    prices = SharedPrices(Watch())

    async def fault() -> bytes:
        raise ZeroDivisionError

    answers = [prices.of("laptop", USD, fault, float("-inf")) for _ in range(2)]
    for answer in answers:
        with pytest.raises(ZeroDivisionError):
            await answer.said


async def test_the_same_reply_makes_the_same_price_and_another_one_another() -> None:
    rates = FakeRates({"explain 1100.00 CAD USD": FRESH})
    desk = Desk(rates, USD)
    first = await desk.price(LAPTOP)
    assert await desk.price(LAPTOP) is first
    rates.replies["explain 1100.00 CAD USD"] = FRESH.replace("result=787.47", "result=787.48")
    assert (await desk.price(LAPTOP)).amount == "787.48"
    # What is no answer to this question is none, however often it comes.
    rates.replies["explain 1100.00 CAD USD"] = FRESH.replace("to=USD", "to=EUR")
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            await desk.price(LAPTOP)


async def test_what_is_remembered_of_prices_is_bounded() -> None:
    desk = Desk(FakeRates({}), USD)
    request = desk.request(LAPTOP, USD)
    for number in range(PRICES_MAX + 10):
        desk.price_of(request, f"{FRESH} more={number}")
        assert len(desk._made) <= PRICES_MAX
    before = len(desk._made)
    desk.price_of(request, f"{FRESH} more={'x' * REPLY_CHARACTERS_MAX}")
    assert len(desk._made) == before
