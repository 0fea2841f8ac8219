"""Long answers take turns: who makes a part of one, when, and after whom."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricedesk.turns import Turns


class Work:
    """Long answers, whose parts are noted as they are made, each with its turn of the loop."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.turn = 0
        self.made: list[str] = []
        self.made_in: list[int] = []

    async def answer(self, name: str, parts: int = 3, *, pause: bool = False) -> None:
        """An answer in so many parts; its client is the first letter of its name."""
        for _ in range(parts):
            async with self.turns.turn_of(name[0]):
                self.made.append(name)
                self.made_in.append(self.turn)
                if pause:
                    await asyncio.sleep(0)
                    self.made.append(f"{name}.")

    def begin(self, *names: str, parts: int = 3) -> list[asyncio.Task[None]]:
        """Answers that are asked for at once, in this order."""
        return [asyncio.create_task(self.answer(name, parts)) for name in names]

    async def until_made(self, parts: int) -> None:
        while len(self.made) < parts:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)


@asynccontextmanager
async def working() -> AsyncIterator[Work]:
    work = Work()

    async def count() -> None:
        while True:
            work.turn += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    async with asyncio.timeout(60):
        yield work
    counting.cancel()


async def test_one_part_is_made_in_a_turn_of_the_loop() -> None:
    async with working() as work:
        await asyncio.gather(*work.begin("a", "b", "c", parts=5))
        assert len(set(work.made_in)) == 15


async def test_an_answer_alone_has_a_part_made_in_each_turn_of_the_loop() -> None:
    async with working() as work:
        await asyncio.gather(*work.begin("a", parts=4))
        first = work.made_in[0]
        assert work.made_in == [first, first + 1, first + 2, first + 3]


async def test_nobody_makes_a_part_while_another_one_is_waited_for() -> None:
    async with working() as work:
        await asyncio.gather(work.answer("a", 2, pause=True), work.answer("b", 2, pause=True))
        assert work.made == ["a", "a.", "b", "b.", "a", "a.", "b", "b."]


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        # As in a row, in the order in which they asked.
        ("a b c", "a b c a b c a b c"),
        # Round the clients, however many answers one of them asks for.
        ("a1 a2 a3 b", "a1 b a2 b a3 b a1 a2 a3 a1 a2 a3"),
        ("a1 a2 a3 b1 b2", "a1 b1 a2 b2 a3 b1 a1 b2 a2 b1 a3 b2 a1 a2 a3"),
        # And round the answers of each.
        ("a1 a2", "a1 a2 a1 a2 a1 a2"),
    ],
)
async def test_turns_go_round_the_clients_and_then_round_their_answers(
    asked: str, made: str
) -> None:
    async with working() as work:
        await asyncio.gather(*work.begin(*asked.split()))
        assert work.made == made.split()


async def test_who_comes_later_is_after_one_part_of_each_who_waits() -> None:
    async with working() as work:
        many = work.begin(*(f"a{number}" for number in range(1000)), "b")
        await work.until_made(500)
        late = work.begin("c", parts=2)
        made = len(work.made)
        await asyncio.gather(*late)
        assert [name[0] for name in work.made[made:]].count("a") == 3
        assert work.made.count("c") == 2
        await asyncio.gather(*many)
        assert len(work.made) == 3003 + 2
        assert [work.made.count(f"a{number}") for number in range(1000)] == [3] * 1000


async def test_who_has_gone_is_passed_over() -> None:
    async with working() as work:
        a, b1, b2, c = work.begin("a", "b1", "b2", "c", parts=2)
        await work.until_made(1)
        b1.cancel()
        b2.cancel()
        await asyncio.gather(a, c)
        assert work.made == ["a", "c", "a", "c"]
        await asyncio.gather(*work.begin("b1", parts=1))
        assert work.made[4:] == ["b1"]


async def test_who_goes_when_the_turn_has_come_holds_nobody_up() -> None:
    async with working() as work:

        async def first() -> None:
            async with work.turns.turn_of("a"):
                assert len(work.turns._line) == 2
            b.cancel()  # Whose turn it is from now on.

        a = asyncio.create_task(first())
        b, c = work.begin("b", "c", parts=1)
        await asyncio.gather(a, c)
        assert b.cancelled()
        assert work.made == ["c"]


async def test_who_fails_or_is_cancelled_in_a_turn_holds_nobody_up() -> None:
    async with working() as work:
        begun = asyncio.Event()

        async def failing() -> None:
            async with work.turns.turn_of("f"):
                raise ZeroDivisionError

        async def endless() -> None:
            async with work.turns.turn_of("e"):
                begun.set()
                await asyncio.Event().wait()

        fails, stays = asyncio.create_task(failing()), asyncio.create_task(endless())
        others = work.begin("a", parts=1)
        await begun.wait()
        assert isinstance(fails.exception(), ZeroDivisionError)
        assert work.made == []
        stays.cancel()
        await asyncio.gather(*others)
        assert work.made == ["a"]


async def test_nothing_is_kept_of_who_has_been_served() -> None:
    async with working() as work:
        *_, gone = work.begin("a1", "a2", "b", "c")
        await work.until_made(1)
        gone.cancel()
        await work.until_made(9)
        await asyncio.sleep(0)
        assert not work.turns._line
        assert not work.turns._taken


@dataclass(frozen=True)
class Stream:
    """A long answer: asked for in one turn of the loop, perhaps given up in another."""

    client: str
    asked_in: int
    parts: int
    pauses: int
    """Turns of the loop that each of its parts takes."""
    gone_in: int | None


@dataclass(frozen=True)
class Made:
    """A part that was made; `made_before` are those that were when its stream began to wait."""

    stream: int
    part: int
    made_before: int


STREAMS = st.builds(
    Stream,
    client=st.sampled_from("abc"),
    asked_in=st.integers(0, 6),
    parts=st.integers(1, 4),
    pauses=st.integers(0, 2),
    gone_in=st.one_of(st.none(), st.integers(0, 20)),
)


async def serve(streams: Sequence[Stream]) -> list[Made]:
    """The parts that are made of these, in their order; each stream comes to its end."""
    turns, made, making = Turns(), list[Made](), set[int]()

    async def answer(number: int, stream: Stream) -> None:
        for _ in range(stream.asked_in):
            await asyncio.sleep(0)
        for part in range(stream.parts):
            made_before = len(made)
            async with turns.turn_of(stream.client):
                assert not making
                making.add(number)
                made.append(Made(number, part, made_before))
                try:
                    for _ in range(stream.pauses):
                        await asyncio.sleep(0)
                finally:
                    making.clear()

    tasks = [asyncio.create_task(answer(*numbered)) for numbered in enumerate(streams)]
    # A part takes its pauses, and at most three turns of the loop around them.
    enough = 30 + sum(stream.parts * (stream.pauses + 3) for stream in streams)
    for turn in range(enough):
        for task, stream in zip(tasks, streams, strict=True):
            if stream.gone_in == turn:
                task.cancel()
        await asyncio.sleep(0)
    assert all(task.done() for task in tasks)
    for task in tasks:
        assert task.cancelled() or task.exception() is None
    assert not turns._line
    assert not turns._taken
    return made


@settings(max_examples=300)
@given(streams=st.lists(STREAMS, max_size=8))
def test_every_stream_is_served_whole_and_in_order_round_the_clients(
    streams: list[Stream],
) -> None:
    made = asyncio.run(serve(streams))
    for number, stream in enumerate(streams):
        parts = [one.part for one in made if one.stream == number]
        assert parts == list(range(len(parts)))
        assert stream.gone_in is not None or len(parts) == stream.parts
    # Who goes in a turn loses that of its client, and is no witness of whose turn it was.
    leaving = {stream.client for stream in streams if stream.gone_in is not None}
    clients = [streams[one.stream].client for one in made]
    for index, one in enumerate(made):
        client, since = clients[index], range(one.made_before, index)
        if client in leaving:
            continue
        own = [made[at].stream for at in since if clients[at] == client]
        assert len(own) == len(set(own))
        before = max((at for at in range(index) if clients[at] == client), default=-1)
        others = [clients[at] for at in since if at > before]
        assert len(others) == len(set(others))
