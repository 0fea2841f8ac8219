"""Whoever waits for a change is told of it, however many there are and whatever they have seen."""

import asyncio

from pricedesk.backend import lookout
from pricedesk.backend.lookout import Lookout


class Thing:
    """What is looked at, and how often it was."""

    def __init__(self) -> None:
        self.now = "a"
        self.looks = 0
        self.looked = asyncio.Event()

    def look(self) -> str:
        self.looks += 1
        self.looked.set()
        return self.now


async def test_what_is_another_already_is_told_at_once() -> None:
    await Lookout(Thing().look).other_than("b")


async def test_all_who_wait_are_told_of_a_change() -> None:
    thing = Thing()
    changes = Lookout(thing.look)
    waiting = [asyncio.ensure_future(changes.other_than("a")) for _ in range(1000)]
    await asyncio.sleep(0)
    thing.now = "b"
    await asyncio.wait_for(asyncio.gather(*waiting), 60)


async def test_who_knows_of_a_change_has_all_told_without_waiting_for_the_next_look() -> None:
    thing = Thing()
    changes = Lookout(thing.look)
    waiting = [asyncio.ensure_future(changes.other_than("a")) for _ in range(1000)]
    await asyncio.sleep(0)
    thing.now = "b"
    changes.look_now()
    await asyncio.sleep(0)
    assert all(each.done() for each in waiting)


async def test_a_look_that_finds_no_change_tells_nobody() -> None:
    thing = Thing()
    changes = Lookout(thing.look)
    changes.look_now()
    waiting = asyncio.ensure_future(changes.other_than("a"))
    await asyncio.sleep(0)
    changes.look_now()
    await asyncio.sleep(0)
    assert not waiting.done()
    thing.now = "b"
    await asyncio.wait_for(waiting, 60)


async def test_one_look_at_a_time_serves_all() -> None:
    thing = Thing()
    changes = Lookout(thing.look)
    waiting = [asyncio.ensure_future(changes.other_than("a")) for _ in range(1000)]
    await asyncio.sleep(0)
    before = thing.looks
    thing.looked.clear()
    await asyncio.wait_for(thing.looked.wait(), 60)
    assert thing.looks == before + 1
    for each in waiting:
        each.cancel()


async def test_who_has_seen_something_else_than_the_others_is_told_too() -> None:
    thing = Thing()
    changes = Lookout(thing.look)
    first = asyncio.ensure_future(changes.other_than("a"))
    await asyncio.sleep(0)
    thing.now = "b"
    second = asyncio.ensure_future(changes.other_than("b"))
    await asyncio.sleep(0)
    thing.now = "a"
    await asyncio.wait_for(second, 60)
    assert not first.done()
    thing.now = "c"
    await asyncio.wait_for(first, 60)


async def test_nobody_looks_when_nobody_waits_any_more() -> None:
    thing = Thing()
    changes = Lookout(thing.look)
    waiting = asyncio.ensure_future(changes.other_than("a"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    looks = thing.looks
    for _ in range(2):  # Another one's looks take as long.
        other = Thing()
        wait = asyncio.ensure_future(Lookout(other.look).other_than("a"))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(lookout.LOOK_SECONDS, setattr, other, "now", "b")
        await asyncio.wait_for(wait, 60)
    assert thing.looks == looks
    thing.now = "b"
    await changes.other_than("a")
