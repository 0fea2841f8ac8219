"""Quotes for many clients at once: answered from the disk, together, and never in the loop."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from held import DAY, Asking, quote_id
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.ledger import EXPIRED_AT_ONCE_MAX, Ledger, Settled
from pricedesk.backend.line_server import LineSession
from pricedesk.backend.quote_desk import LOOK_SECONDS, SETTLED_AT_ONCE_MAX, QuoteDesk
from pricedesk.backend.quotes import Asked, QuoteTerms
from pricedesk.backend.store import Store, open_store
from pricedesk.errors import InvalidRequest, RateNotFresh, StoreFailed, UnknownQuote
from pricedesk.protocol import parse_request
from pricedesk.quote_lines import Hold, OfQuote, QuoteRequest, QuoteStatus
from pricedesk.tally import Tally

ONE = quote_id(1)


class Slow(Ledger):
    """A ledger that settles nothing before it is let; `sizes` has how many came together."""

    def __init__(self, asking: Asking) -> None:
        super().__init__(asking.store, asking.clock, asking.terms, asking.random_bits)
        self.asking = asking
        self.let = threading.Event()
        self.let.set()
        self.sizes: list[int] = []
        self.failure: Exception | None = None

    def settle(self, asked: Sequence[Asked]) -> Settled:
        self.sizes.append(len(asked))
        self.let.wait()
        if self.failure is not None:
            raise self.failure
        return super().settle(asked)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = open_store("", tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def ledger(store: Store, bureau: Bureau) -> Slow:
    return Slow(Asking(store, bureau))


@pytest.fixture
async def desk(ledger: Slow, bureau: Bureau) -> AsyncIterator[QuoteDesk]:
    made = QuoteDesk(ledger, bureau, QuoteTerms())
    yield made
    ledger.let.set()
    await made.finish()


def hold(more: str = "") -> Hold:
    request = parse_request(f"hold 1100 CAD USD{more}")
    assert isinstance(request, Hold)
    return request


def of_quote(line: str) -> OfQuote:
    request = parse_request(line)
    assert isinstance(request, OfQuote)
    return request


async def begun(desk: QuoteDesk, *requests: QuoteRequest) -> list[asyncio.Task[object]]:
    """The requests, asked in this order and not answered yet."""
    tasks = [asyncio.create_task(_answer(desk, request)) for request in requests]
    await asyncio.sleep(0)
    return tasks


async def _answer(desk: QuoteDesk, request: QuoteRequest) -> object:
    return str(await desk.answer(request))


async def test_an_answer_is_in_the_store_when_it_is_given(desk: QuoteDesk, store: Store) -> None:
    reply = await desk.answer(hold())
    assert store.rows("SELECT record FROM quote") == [(reply.record,)]
    assert (await desk.answer(of_quote(f"redeem {ONE}"))).status is QuoteStatus.REDEEMED
    assert desk.ended == {QuoteStatus.REDEEMED: 1}


async def looked(desk: QuoteDesk, times: int = 1) -> list[float]:
    """Let the desk look so often what has expired; how long it then waits each time."""
    naps: list[float] = []
    done = asyncio.Event()

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == times:
            done.set()
            await asyncio.Event().wait()

    looking = asyncio.create_task(desk.run(nap))
    await done.wait()
    looking.cancel()
    return naps


def held(desk: QuoteDesk) -> int | None:
    """How many prices are held; it changes behind a type checker's back."""
    return desk.held


def ahead(desk: QuoteDesk) -> int | None:
    """How far the ledger's time is ahead, in the same way."""
    return desk.ahead_seconds


async def test_a_price_is_held_until_it_has_an_end(desk: QuoteDesk) -> None:
    await desk.answer(hold())
    assert held(desk) is None  # Nobody has counted yet.
    await looked(desk)
    assert held(desk) == 1
    await asyncio.gather(desk.answer(hold()), desk.answer(hold()))
    assert held(desk) == 3
    await desk.answer(of_quote(f"redeem {ONE}"))
    await desk.answer(of_quote(f"redeem {ONE}"))
    await desk.answer(of_quote(f"cancel {quote_id(2)}"))
    assert held(desk) == 1
    await looked(desk)
    assert held(desk) == 1


async def test_a_ledger_that_is_ahead_of_the_clock_is_told_of_once(
    desk: QuoteDesk, ledger: Slow, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = ledger.asking.clock
    assert ahead(desk) is None
    await desk.answer(hold())
    clock.now -= timedelta(seconds=60)
    await desk.answer(of_quote(f"quote {ONE}"))
    assert (ahead(desk), caplog.messages) == (60, [])
    clock.now -= timedelta(seconds=1)
    await desk.answer(of_quote(f"quote {ONE}"))
    await desk.answer(hold())
    await looked(desk)
    assert ahead(desk) == 61
    assert [(r.message, vars(r)["seconds"]) for r in caplog.records] == [
        ("the ledger's time is ahead of the clock", 61)
    ]
    clock.now += timedelta(minutes=2)
    await looked(desk)
    assert ahead(desk) == 0
    assert caplog.messages[1:] == ["the ledger's time is the clock's again"]


async def test_the_loop_goes_on_while_the_disk_is_waited_for(desk: QuoteDesk, ledger: Slow) -> None:
    ledger.let.clear()
    [task] = await begun(desk, hold())
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    ledger.let.set()
    assert str(await task).endswith(" status=held")


async def test_what_gathers_meanwhile_is_settled_together(desk: QuoteDesk, ledger: Slow) -> None:
    ledger.let.clear()
    first = await begun(desk, hold())
    others = await begun(desk, *[hold()] * (SETTLED_AT_ONCE_MAX + 1))
    ledger.let.set()
    replies = [str(await task) for task in (*first, *others)]
    assert len({reply[6:20] for reply in replies}) == SETTLED_AT_ONCE_MAX + 2
    assert ledger.sizes == [1, SETTLED_AT_ONCE_MAX, 1]


async def test_each_request_has_its_own_refusal(desk: QuoteDesk) -> None:
    held, refused = await begun(desk, hold(), of_quote(f"redeem {quote_id(9)}"))
    with pytest.raises(UnknownQuote):
        await refused
    assert str(await held).endswith(" status=held")


async def test_a_client_that_has_gone_before_its_turn_holds_nothing(
    desk: QuoteDesk, ledger: Slow, store: Store
) -> None:
    ledger.let.clear()
    first, gone, last = await begun(desk, hold(), hold(" ref=gone"), hold(" ref=last"))
    gone.cancel()
    await asyncio.sleep(0)
    ledger.let.set()
    await asyncio.gather(first, last)
    assert store.rows("SELECT COUNT(*) FROM quote") == [(2,)]


async def test_a_client_that_goes_during_its_turn_disturbs_nobody(
    desk: QuoteDesk, ledger: Slow
) -> None:
    ledger.let.clear()
    first, *others = await begun(desk, hold(), hold(), hold())
    first.cancel()
    ledger.let.set()
    assert [str(await task)[-11:] for task in others] == ["status=held"] * 2


async def test_where_the_store_fails_each_request_does(desk: QuoteDesk, ledger: Slow) -> None:
    ledger.failure = StoreFailed("the disk is full")
    tasks = await begun(desk, hold(), hold())
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [(type(one), str(one)) for one in outcomes] == [(StoreFailed, "the disk is full")] * 2
    assert outcomes[0] is not outcomes[1]
    ledger.failure = None
    assert (await desk.answer(hold())).status is QuoteStatus.HELD


async def test_a_fault_of_ours_ends_only_what_it_met(desk: QuoteDesk, ledger: Slow) -> None:
    ledger.failure = ZeroDivisionError("a fault")
    with pytest.raises(ZeroDivisionError):
        await desk.answer(hold())
    ledger.failure = None
    assert (await desk.answer(hold())).status is QuoteStatus.HELD


async def test_at_the_end_all_that_was_begun_is_settled(
    ledger: Slow, bureau: Bureau, store: Store
) -> None:
    desk = QuoteDesk(ledger, bureau, QuoteTerms())
    tasks = await begun(desk, *[hold()] * 5)
    await desk.finish()
    assert [str(await task)[-11:] for task in tasks] == ["status=held"] * 5
    assert store.rows("SELECT COUNT(*) FROM quote") == [(5,)]


async def test_what_has_expired_is_noticed_without_being_asked_for(
    desk: QuoteDesk, ledger: Slow
) -> None:
    await desk.answer(hold())
    await desk.answer(hold())
    ledger.asking.clock.now += DAY
    assert await looked(desk) == [LOOK_SECONDS]
    assert (desk.held, desk.ended) == (0, {QuoteStatus.EXPIRED: 2})


async def test_many_that_have_expired_are_noticed_without_a_pause(
    desk: QuoteDesk, ledger: Slow
) -> None:
    await asyncio.gather(*[desk.answer(hold()) for _ in range(EXPIRED_AT_ONCE_MAX + 1)])
    ledger.asking.clock.now += DAY
    assert await looked(desk) == [LOOK_SECONDS]
    assert (desk.held, desk.ended) == (0, {QuoteStatus.EXPIRED: EXPIRED_AT_ONCE_MAX + 1})


def stale(bureau: Bureau) -> None:
    """No publication has come for a week."""
    later = bureau.clock().replace(month=11, day=6)
    bureau.clock = lambda: later


async def test_a_price_at_a_stale_rate_is_not_held(desk: QuoteDesk, bureau: Bureau) -> None:
    stale(bureau)
    with pytest.raises(RateNotFresh) as refusal:
        await desk.answer(hold())
    assert str(refusal.value) == (
        "the rate is of 2026-10-30 (ECB) and stale: 5 later publications are due and not known"
        " here; a price is not held at such a rate"
    )


async def test_a_price_at_a_late_rate_is_held(desk: QuoteDesk, bureau: Bureau) -> None:
    later = bureau.clock().replace(month=11, day=2)
    bureau.clock = lambda: later
    assert " state=late missed=1 " in str(await desk.answer(hold()))


async def test_a_price_at_a_stale_rate_is_held_where_that_is_wanted(
    ledger: Slow, bureau: Bureau
) -> None:
    stale(bureau)
    desk = QuoteDesk(ledger, bureau, replace(QuoteTerms(), stale=True))
    assert " state=stale missed=5 " in str(await desk.answer(hold()))
    await desk.finish()


# On lines.


async def said(session: LineSession, line: bytes) -> bytes:
    answer = session.answer(line)
    return answer if isinstance(answer, bytes) else await answer


async def test_lines_are_answered_from_the_ledger(desk: QuoteDesk, bureau: Bureau) -> None:
    tally = Tally()
    session = LineSession(bureau, tally, quotes=desk)
    reply = await said(session, b"hold 1100 CAD USD ref=laptop")
    assert reply.startswith(f"quote={ONE} ref=laptop ".encode())
    assert await said(session, f"quote {ONE}".encode()) == reply
    assert await said(session, b"1100") == b"787.47\n"
    assert await said(session, b"quote 0000-0000-000Z") == (
        b"error unknown-quote there is no quote 0000-0000-000Z\n"
    )
    assert (tally.refused, tally.failed) == (1, 0)


async def test_a_key_is_asked_for_on_lines(desk: QuoteDesk, bureau: Bureau) -> None:
    tally = Tally()
    session = LineSession(bureau, tally, quotes=desk)
    assert await said(session, b"quote key=k asked=wish") == (
        b"error unknown-quote no price has been held with this key\n"
    )
    reply = await said(session, b"hold 1100 CAD USD key=k asked=wish")
    assert reply.endswith(b" status=held\n")
    bureau.book = type(bureau.book)([])  # No rate is known any more.
    assert await said(session, b"quote asked=wish key=k") == reply
    assert await said(session, b"quote key=k asked=another") == (
        b"error quote-key-reused the key came with another request before\n"
    )
    assert await said(session, b"quote key=k") == (
        b"error invalid-request quote needs asked: quote key=KEY asked=TEXT is all that it has\n"
    )
    assert (tally.refused, tally.failed) == (3, 0)


async def test_a_store_that_fails_is_a_failure_and_no_refusal(
    desk: QuoteDesk, ledger: Slow, bureau: Bureau
) -> None:
    tally = Tally()
    session = LineSession(bureau, tally, quotes=desk)
    ledger.failure = StoreFailed("le disque est pl\u00e9in")
    assert await said(session, b"hold 1 CAD USD") == (
        b"error store-failed le disque est pl\\xe9in\n"
    )
    assert (tally.refused, tally.failed) == (0, 1)


def test_without_a_service_no_price_is_held(bureau: Bureau) -> None:
    session = LineSession(bureau)
    for line in (b"hold 1 CAD USD", b"quote 0000-0000-0001"):
        assert (
            session.answer(line)
            == (
                f"error {InvalidRequest.slug} quotes are answered by a back-end that runs, and"
                " nowhere else\n"
            ).encode()
        )
