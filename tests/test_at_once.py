"""Work that is done in the turn in which it can be: who goes on then, and who hears of it."""

import asyncio
import logging

import pytest

from pricedesk.at_once import AtOnce, Prompt, Turn


async def later(reply: asyncio.Future[str]) -> bytes:
    return (await reply).encode()


async def test_a_coroutine_is_begun_at_once_and_ends_so_if_it_waits_for_nothing() -> None:
    async def nothing() -> bytes:
        return b"said"

    begun = AtOnce(nothing())
    assert begun.done()
    assert begun.result() == b"said"
    assert begun.exception() is None
    assert await begun == b"said"


async def test_all_who_wait_hear_in_the_turn_in_which_a_prompt_reply_is_there() -> None:
    reply: Prompt[str] = Prompt()
    begun, heard = AtOnce(later(reply)), []
    for name in ("one", "two", "three"):
        begun.add_listener(lambda ended, name=name: heard.append((name, ended.result())))  # type: ignore[misc]  # the name of now
    reply.set_result("said")
    assert heard == [("one", b"said"), ("two", b"said"), ("three", b"said")]
    assert not begun.cancelled()


async def test_of_another_future_it_hears_in_the_next_turn() -> None:
    reply: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    begun = AtOnce(later(reply))
    reply.set_result("said")
    assert not begun.done()
    await asyncio.sleep(0)
    assert begun.result() == b"said"


async def test_a_coroutine_may_let_others_have_a_turn() -> None:
    async def patient() -> bytes:
        await asyncio.sleep(0)
        return b"said"

    begun = AtOnce(patient())
    assert not begun.done()
    await asyncio.sleep(0)
    assert begun.result() == b"said"


async def test_who_has_left_is_not_told_and_the_others_are() -> None:
    reply: Prompt[str] = Prompt()
    begun: AtOnce[bytes] = AtOnce(later(reply))
    left: list[object] = []
    stayed: list[object] = []
    begun.add_listener(left.append)
    begun.add_listener(stayed.append)
    begun.remove_listener(left.append)
    begun.remove_listener(left.append)
    reply.set_result("said")
    assert (left, stayed) == ([], [begun])


async def test_a_fault_is_told_to_all_who_wait() -> None:
    reply: Prompt[str] = Prompt()
    begun: AtOnce[bytes] = AtOnce(later(reply))
    waiting = [asyncio.ensure_future(begun) for _ in range(2)]
    await asyncio.sleep(0)
    reply.set_exception(ZeroDivisionError())
    assert isinstance(begun.exception(), ZeroDivisionError)
    for each in waiting:
        with pytest.raises(ZeroDivisionError):
            await each


async def test_a_fault_of_one_who_is_told_is_logged_and_the_others_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply: Prompt[str] = Prompt()
    begun: AtOnce[bytes] = AtOnce(later(reply))
    told: list[object] = []

    def fault(_: object) -> None:
        raise ZeroDivisionError

    begun.add_listener(fault)
    begun.add_listener(told.append)
    reply.set_result("said")
    assert told == [begun]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_what_it_waits_for_may_be_cancelled() -> None:
    for kind in (asyncio.Future[str], Prompt[str]):
        reply = kind()
        begun = AtOnce(later(reply))
        reply.cancel()
        await asyncio.sleep(0)
        assert begun.done()
        assert begun.cancelled()


@pytest.mark.parametrize("kind", [asyncio.Future[str], Prompt[str]])
async def test_several_may_wait_for_the_same_reply(kind: type[asyncio.Future[str]]) -> None:
    reply = kind()
    begun = [AtOnce(later(reply)) for _ in range(2)]
    waiting = asyncio.create_task(later(reply))
    await asyncio.sleep(0)
    reply.set_result("said")
    await asyncio.sleep(0)
    assert [each.result() for each in begun] == [b"said"] * 2
    assert await waiting == b"said"


async def test_who_waits_for_it_may_be_cancelled_without_ending_it_for_others() -> None:
    reply: Prompt[str] = Prompt()
    begun: AtOnce[bytes] = AtOnce(later(reply))
    leaving, staying = (asyncio.ensure_future(asyncio.shield(begun)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    reply.set_result("said")
    assert await staying == b"said"


async def test_a_task_hears_of_a_prompt_reply_as_of_any_future() -> None:
    reply: Prompt[str] = Prompt()
    waiting = asyncio.create_task(later(reply))
    await asyncio.sleep(0)
    reply.set_result("said")
    assert not waiting.done()
    assert await waiting == b"said"


async def test_what_is_for_the_end_of_a_turn_is_done_once_at_its_end() -> None:
    turn, done = Turn(), []
    turn.begin()
    turn.at_its_end(lambda: done.append("one"))
    turn.at_its_end(lambda: done.append("two"))
    assert done == []
    turn.end()
    assert done == ["one", "two"]
    turn.begin()
    turn.end()
    assert done == ["one", "two"]


async def test_between_turns_it_is_done_in_the_loops_next_one() -> None:
    turn, done = Turn(), []
    turn.at_its_end(lambda: done.append("one"))
    assert done == []
    await asyncio.sleep(0)
    assert done == ["one"]
