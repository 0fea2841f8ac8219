"""The desk's sessions against a fake back-end: what a customer types, what comes back."""

import pytest

from fakes import FRESH, FakeRates
from pricedesk.currencies import currency
from pricedesk.frontend.catalogue_csv import packaged_catalogue
from pricedesk.frontend.desk import Desk
from pricedesk.frontend.menu import Menu
from pricedesk.frontend.telnet_server import TelnetSession

REQUEST = "explain 1100.00 CAD USD"


async def answer(line: bytes, replies: dict[str, str]) -> bytes:
    desk = Desk(FakeRates(replies), currency("USD"))
    said = TelnetSession(Menu(packaged_catalogue()), desk).answer(line)
    return said if isinstance(said, bytes) else await said


@pytest.mark.parametrize(
    ("line", "replies", "said"),
    [
        (b"1", {REQUEST: FRESH}, b"Today your item costs 787.47 USD\n"),
        (b"\xff\x00", {}, b"Wrong selection. Please try again\n"),
        (
            b"1",
            {},
            b"The price cannot be computed now because the conversion service cannot be reached.\n",
        ),
        (
            b"1",
            {REQUEST: "error no-rate-for-date there is no rate for CAD on 1998-01-01"},
            b"The price cannot be computed now: there is no rate for CAD on 1998-01-01.\n",
        ),
        (
            b"1",
            {REQUEST: "787.47"},
            b"The price cannot be computed now because the conversion service cannot be reached.\n",
        ),
    ],
)
async def test_a_choice_is_answered(line: bytes, replies: dict[str, str], said: bytes) -> None:
    assert await answer(line, replies) == said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (FRESH, "787.47"),
        (FRESH, ""),
        ("amount=1100.00", "amount=35000.00"),
        ("from=CAD", "from=EUR"),
        ("to=USD", "to=EUR"),
        ("result=787.47", "result=-787.47"),
        ("result=787.47", "result="),
        ("result=787.47", "result=787"),
        ("result=787.47", "result=787.470"),
        ("result=787.47", "result=\x1b[2J"),
        ("date=2026-10-30", "date=today"),
        ("source=ECB", "source=\x1b[2J"),
        ("state=fresh", "state="),
        ("missed=0", "missed=?"),
        ("attribution=none", "attribution=\x1b[2J"),
        ("attribution=none", "attribution=http://example.com"),
    ],
)
async def test_a_reply_that_is_not_the_answer_to_the_question_gives_no_price(
    right: str, wrong: str
) -> None:
    assert await answer(b"1", {REQUEST: FRESH.replace(right, wrong)}) == (
        b"The price cannot be computed now because the conversion service cannot be reached.\n"
    )


async def test_a_product_that_was_taken_out_of_the_catalogue_has_no_price() -> None:
    desk = Desk(FakeRates({REQUEST: FRESH}), currency("USD"))
    said = TelnetSession(Menu(packaged_catalogue()), desk, lambda _product: None).answer(b"1")
    assert not isinstance(said, bytes)
    assert await said == b"This product is not sold any more.\n"
