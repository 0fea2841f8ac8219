"""How the back-end stands, and what open pages hear of it; no time passes here."""

import asyncio
from collections.abc import Callable

import pytest

from fakes import FakeRates
from pricedesk.frontend.standing import HEARTBEAT_SECONDS, RECONNECT_MILLISECONDS, Standing

SOURCES = (
    "book={} ECB=2026-10-30,fresh,0,2026-11-02T15:00:00Z,none,none,European%20Central%20Bank,"
    "ECB,https://ecb.example,no,yes"
)
BEGIN = f"retry: {RECONNECT_MILLISECONDS}\n\n".encode()
HEARTBEAT = b":\n\n"


def told(book: str) -> bytes:
    return f"event: rates\ndata: {book}\n\n".encode()


@pytest.fixture
def rates() -> FakeRates:
    return FakeRates({"sources": SOURCES.format("aa")})


@pytest.fixture
def standing(rates: FakeRates) -> Standing:
    return Standing(rates)


class Stopped:
    """A loop's clock that moves when a test says so."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ahead_seconds = 0.0
        real: Callable[[], float] = loop.time
        loop.time = lambda: real() + self.ahead_seconds  # type: ignore[method-assign]


async def test_at_first_nothing_is_known(standing: Standing) -> None:
    assert (standing.book, standing.away, standing.sources) == ("", False, None)


async def test_a_look_tells_the_sources(standing: Standing) -> None:
    await standing.look()
    assert (standing.book, standing.away) == ("aa", False)
    assert standing.sources is not None
    assert standing.sources.sources["ECB"].name == "European Central Bank"


@pytest.mark.parametrize("reply", [None, "error no-rates-known none", "nonsense", ""])
async def test_without_an_answer_it_is_away_and_what_was_known_stays(
    standing: Standing, rates: FakeRates, reply: str | None
) -> None:
    await standing.look()
    if reply is None:
        del rates.replies["sources"]
    else:
        rates.replies["sources"] = reply
    await standing.look()
    assert (standing.book, standing.away) == ("aa", True)
    rates.replies["sources"] = SOURCES.format("aa")
    await standing.look()
    assert (standing.book, standing.away) == ("aa", False)


async def test_every_listener_hears_of_a_change_and_of_nothing_else(
    standing: Standing, rates: FakeRates
) -> None:
    await standing.look()
    listeners = [standing.events() for _ in range(3)]
    for events in listeners:
        assert [await anext(events), await anext(events)] == [BEGIN, told("aa")]
    waiting = [asyncio.ensure_future(anext(events)) for events in listeners]
    await asyncio.sleep(0)
    await standing.look()
    await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)
    rates.replies["sources"] = SOURCES.format("bb")
    await standing.look()
    assert await asyncio.gather(*waiting) == [told("bb")] * 3
    for events in listeners:
        await events.aclose()


async def test_a_change_while_nobody_waits_is_told_next(
    standing: Standing, rates: FakeRates
) -> None:
    await standing.look()
    events = standing.events()
    assert [await anext(events), await anext(events)] == [BEGIN, told("aa")]
    rates.replies["sources"] = SOURCES.format("bb")
    await standing.look()
    rates.replies["sources"] = SOURCES.format("cc")
    await standing.look()
    assert await anext(events) == told("cc")
    await events.aclose()


async def test_who_listens_before_anything_is_known_hears_it_first(standing: Standing) -> None:
    events = standing.events()
    assert [await anext(events), await anext(events)] == [BEGIN, HEARTBEAT]
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    await standing.look()
    assert await waiting == told("aa")
    await events.aclose()


async def test_a_quiet_connection_has_a_heartbeat(standing: Standing) -> None:
    await standing.look()
    clock = Stopped(asyncio.get_running_loop())
    events = standing.events()
    assert [await anext(events), await anext(events)] == [BEGIN, told("aa")]
    for _ in range(2):
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        clock.ahead_seconds += HEARTBEAT_SECONDS + 1
        assert await waiting == HEARTBEAT
    await events.aclose()
