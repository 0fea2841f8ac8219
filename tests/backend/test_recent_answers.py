"""What is remembered is what would be computed anew, whatever the clock and the book do."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.calendars import AgeLimits, Calendar
from pricedesk.backend.line_server import NOTICES, LineSession
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Provenance, Sheet, publication_of
from pricedesk.backend.recent_answers import (
    ANSWERS_MAX,
    BYTES_MAX,
    KEPT_OF_CONVERTED,
    KEPT_REPLY_BYTES_MAX,
    PAIRS_MAX,
    RecentAnswers,
)
from pricedesk.backend.sources import ecb
from pricedesk.currencies import currency
from pricedesk.line_service import Limits, LineService
from pricedesk.money import ExactDecimal

AFTERNOON = datetime(2026, 11, 2, 15, 59, 30, tzinfo=UTC)
"""Half a minute before Monday's publication counts as missing."""

ECB = ecb.source("https://ecb.example")


class Desk:
    """A bureau whose clock is set by hand, with and without a memory."""

    def __init__(self, book: RateBook, ages: AgeLimits | None = None) -> None:
        self.now = AFTERNOON
        terms = Terms(currency("CAD"), currency("USD"), ages=ages or AgeLimits())
        self.bureau = Bureau(book, [ECB], lambda: self.now, terms)
        self.recent = RecentAnswers(self.bureau)
        self.session = LineSession(self.bureau, recent=self.recent)

    def fresh(self, line: bytes) -> object:
        """What a session without a memory answers."""
        return LineSession(self.bureau).answer(line)

    def fresh_all(self, lines: Iterable[bytes]) -> bytes:
        """What a session without a memory answers to lines that are no quotes."""
        return b"".join([answer for answer in map(self.fresh, lines) if isinstance(answer, bytes)])

    def remembered(self, line: bytes) -> bytes | None:
        """What the door answers without a session."""
        return self.recent.now().recall(line + b"\n")


@pytest.fixture
def desk(book: RateBook) -> Desk:
    return Desk(book)


@pytest.mark.parametrize("line", [b" 5 CAD USD", b"EXPLAIN 5 CAD USD"])
def test_what_an_unusual_line_asks_is_no_words_after_an_amount(desk: Desk, line: bytes) -> None:
    answer = desk.session.answer(line)
    assert isinstance(answer, bytes)
    assert not answer.startswith(b"error")
    refusal = desk.session.answer(b"7 5 CAD USD")
    assert isinstance(refusal, bytes)
    assert refusal.startswith(b"error invalid-request")


AMOUNTS = st.sampled_from(["1100", "0", "-0.005", "+7", ".5", "19.90", "1e3", "", "9" * 31, "007"])
PAIRS = st.sampled_from(
    [
        *("", "EUR", "CAD USD", "cad usd", "CAD JPY ", " CAD USD", "USD USD", "XXX", "1100 CAD"),
        *(
            "CAD USD 2026-10-30",
            "CAD USD 2026-11-03",
            "CAD USD 2026-11-04",
            "2020-02-15",
            "CAD\rUSD",
        ),
    ]
)
LINES = st.builds(
    lambda explain, amount, pair: f"{explain}{amount} {pair}".encode(),
    st.sampled_from(["", "explain ", "EXPLAIN ", " ", "explain  "]),
    AMOUNTS,
    PAIRS,
)
STEPS_SECONDS = st.sampled_from([0, 1, 29, 30, 31, 60, 3600, 36_000, 86_400, -1, -30, -31, -86_400])


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(asked=st.lists(st.tuples(STEPS_SECONDS, LINES), max_size=30), refuse=st.booleans())
def test_nothing_is_remembered_that_would_be_answered_in_another_way_now(
    book: RateBook, asked: list[tuple[int, bytes]], refuse: bool
) -> None:
    desk = Desk(book, AgeLimits(refuse_after_missed=0) if refuse else None)
    seen: list[bytes] = []
    for step, line in asked:
        desk.now += timedelta(seconds=step)
        seen.append(line)
        assert desk.session.answer(line) == desk.fresh(line)
        for other in seen:
            assert desk.remembered(other) in (None, desk.fresh(other))
            assert desk.session.answer(other) == desk.fresh(other)


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    asked=st.lists(LINES, max_size=8),
    read=st.lists(LINES, min_size=1, max_size=8),
    again=st.integers(0, KEPT_OF_CONVERTED),
)
def test_lines_that_come_together_are_answered_as_each_of_them_or_not_from_here(
    book: RateBook, asked: list[bytes], read: list[bytes], again: int
) -> None:
    desk = Desk(book)
    for line in asked:
        desk.session.answer(line)
    data = b"".join(line + b"\n" for line in read)
    expected = desk.fresh_all(read)
    for _ in range(again + 1):
        assert desk.recent.now().recall(data) in (None, expected)


def test_lines_of_known_pairs_are_answered_together(desk: Desk) -> None:
    for line in (b"1", b"1 CAD JPY", b"explain 1 CAD USD"):
        desk.session.answer(line)
    plain = b"1100\n1100 CAD JPY\n.5 CAD JPY\n10. \n"
    assert desk.recent.now().recall(plain) == b"787.47\n123829\n56\n7.16\n"
    odd = plain + b"explain 7 CAD USD\n-1100\n+5 CAD JPY\n"
    for _ in range(3):
        assert desk.recent.now().recall(odd) == desk.fresh_all(odd.splitlines())
    assert desk.recent.now().recall(plain + b"1100") is None
    for stranger in (b"2 CAD EUR\n", b"abc\n", b"\n", b"1100\r\n"):
        assert desk.recent.now().recall(plain + stranger) is None
        assert desk.recent.now().recall(stranger + plain) is None


def test_lines_that_are_asked_again_and_again_are_remembered(desk: Desk) -> None:
    desk.session.answer(b"1 CAD USD")
    known = desk.recent.now()
    reads = [b"%d CAD USD\n%d CAD USD\n" % (n, n + 1) for n in range(2, 42, 2)]
    for _ in range(5 * KEPT_OF_CONVERTED):
        for read in reads:
            known.recall(read)
    assert len(known) == 41
    for number in range(1, 42):
        assert known[b"%d CAD USD\n" % number] == desk.fresh(b"%d CAD USD" % number)


def test_a_line_is_remembered_with_its_end_and_found_without_a_session(desk: Desk) -> None:
    answer = desk.session.answer(b"1100")
    assert desk.recent.now()[b"1100\n"] is answer


def test_another_amount_of_a_known_pair_is_computed_when_it_is_looked_up(desk: Desk) -> None:
    desk.session.answer(b"explain 1100 CAD JPY")
    assert desk.remembered(b"explain 5.5 CAD JPY") == desk.fresh(b"explain 5.5 CAD JPY")


@pytest.mark.parametrize(
    "line",
    [
        *(b"5 1100 CAD", b"1100\r", b"1100\r\n", b"\xff\xf41100 CAD", b"help\n", b"abc CAD\n"),
        # These have only begun.
        *(b"1100", b"11", b"5 CAD USD", b"1 CAD USD", b"explain 5"),
    ],
)
def test_what_is_not_known_has_no_answer(desk: Desk, line: bytes) -> None:
    desk.session.answer(b"1100")
    desk.session.answer(b"1 CAD USD")
    desk.session.answer(b"explain 1100")
    desk.session.answer(b" 1100 CAD")
    desk.session.answer(b"1100\r CAD")
    desk.session.answer(b"help")
    assert desk.recent.now().recall(line) is None


@pytest.mark.parametrize("epoll", [True, False])
async def test_a_line_that_comes_in_two_pieces_is_answered_as_if_it_came_in_one(
    desk: Desk, *, epoll: bool
) -> None:
    """Also while everything that its pieces look like was asked in this minute."""
    lines = b"1100 CAD USD 2026-10-30\r\nexplain 7 CAD\n8\n1100 CAD USD\n"
    service = LineService(
        lambda _peer: LineSession(desk.bureau, recent=desk.recent),
        NOTICES,
        Limits(10, 10, 60, 60),
        lambda: 0.0,
        known=desk.recent.now,
        epoll=epoll,
    )
    port = await service.start("127.0.0.1", 0)
    async with asyncio.timeout(60):
        other_reader, other = await asyncio.open_connection("127.0.0.1", port)

        async def ask(line: bytes) -> None:
            """When it is answered, whatever was sent before it has come."""
            other.write(line)
            await other_reader.readuntil(b"\n")

        for line in (b"7 CAD USD\n", b"8\n", b"9 CAD\n", b"explain 1\n", b"explain 1 CAD\n"):
            await ask(line)
        said = set()
        for cut in range(len(lines) + 1):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(lines[:cut])
            await ask(b"ping\n")
            writer.write(lines[cut:])
            writer.write_eof()
            said.add(await reader.read())
            writer.close()
            await writer.wait_closed()
        other.close()
        await other.wait_closed()
        await service.drain(0)
    [answers] = said
    assert answers.count(b"\n") == 4


def test_a_minute_later_or_earlier_it_is_forgotten(desk: Desk) -> None:
    before = desk.session.answer(b"explain 1100")
    desk.now += timedelta(seconds=30)
    assert desk.remembered(b"explain 1100") is None
    after = desk.session.answer(b"explain 1100")
    assert isinstance(before, bytes)
    assert isinstance(after, bytes)
    assert (b"state=fresh" in before, b"state=late" in after) == (True, True)
    desk.now -= timedelta(seconds=1)
    assert desk.remembered(b"explain 1100") is None
    assert desk.session.answer(b"explain 1100") == before


def test_with_a_new_publication_it_is_forgotten(desk: Desk) -> None:
    old = desk.session.answer(b"1100")
    sheet = Sheet(AFTERNOON.date(), {"CAD": "1.5", "USD": "1.2"})
    provenance = Provenance("5" * 64, AFTERNOON)
    desk.bureau.take([publication_of("ECB", ECB.convention, sheet, provenance)])
    assert desk.remembered(b"1100") is None
    assert (old, desk.session.answer(b"1100")) == (b"787.47\n", b"880.00\n")


def test_what_was_made_while_the_book_was_replaced_is_not_remembered(desk: Desk) -> None:
    before = desk.bureau.moment()
    answer = desk.bureau.convert(ExactDecimal(1100, 0))
    desk.bureau.book = desk.bureau.book.with_publications([])
    assert desk.recent.keep(b"1100", answer, explained=False) == b"787.47\n"
    desk.recent.keep_reply(b"currencies", b"CAD USD\n", before)
    assert desk.remembered(b"1100") is None
    assert desk.remembered(b"currencies") is None


RATES = [
    *(b"rates CAD", b"RATES  cad", b"rates CAD 2020-02-14", b"currencies"),
    b"history CAD USD 2026-10-01 2026-10-30",
]


@pytest.mark.parametrize("line", RATES)
def test_what_is_of_the_book_alone_is_remembered_for_the_moment(desk: Desk, line: bytes) -> None:
    desk.session.answer(line)
    before = desk.fresh(line)
    assert desk.remembered(line) == before
    desk.now += timedelta(seconds=30)
    assert desk.remembered(line) is None
    later = desk.session.answer(line)
    assert later == desk.fresh(line)
    assert (later != before) == (line.lower().split() == [b"rates", b"cad"])  # They are late.


@pytest.mark.parametrize("line", [b"sources", b"ping", b"help", b"rates\rCAD"])
def test_what_tells_of_more_than_the_book_or_is_not_plain_is_not(desk: Desk, line: bytes) -> None:
    desk.session.answer(line)
    assert desk.remembered(line) is None


def test_a_long_reply_is_not_remembered(desk: Desk) -> None:
    line = b"history CAD USD 2020-01-01 2026-10-30 week"
    answer = desk.session.answer(line)
    assert isinstance(answer, bytes)
    assert len(answer) <= KEPT_REPLY_BYTES_MAX
    assert desk.remembered(line) == answer
    line = b"history CAD USD 2000-01-01 2026-10-30 week"
    answer = desk.session.answer(line)
    assert isinstance(answer, bytes)
    assert len(answer) > KEPT_REPLY_BYTES_MAX
    assert desk.remembered(line) is None


@pytest.mark.parametrize("looked", [0, 40])
@pytest.mark.parametrize("reads", range(5))
def test_a_reply_is_of_the_moment_in_which_its_making_began(
    desk: Desk, reads: int, looked: int
) -> None:
    """However often the clock was read before it went on to the next minute."""
    before, left = desk.now, list[datetime]()
    bureau = Bureau(
        desk.bureau.book, [ECB], lambda: left.pop() if left else desk.now, desk.bureau.terms
    )
    recent = RecentAnswers(bureau)
    left += [before] * reads
    desk.now = before + timedelta(seconds=40)
    said = LineSession(bureau, recent=recent).answer(b"rates CAD")
    left.clear()
    desk.now = before + timedelta(seconds=looked)
    is_right = said == desk.fresh(b"rates CAD")
    assert recent.now().recall(b"rates CAD\n") == (said if is_right else None)


def test_refusals_are_not_remembered(desk: Desk) -> None:
    for line in (b"abc", b"1100 XXX", b"1100 CAD USD 2030-01-01", b"hold 1 CAD USD", b"ping"):
        desk.session.answer(line)
        assert desk.remembered(line) is None


def test_there_is_a_bound_on_lines_and_bytes_and_pairs(desk: Desk) -> None:
    known = desk.recent.now()
    for number in range(ANSWERS_MAX + 10):
        desk.session.answer(b"%d" % number)
    assert 0 < len(known) <= ANSWERS_MAX
    size = 0
    for number in range(2 * BYTES_MAX // 1000):
        line = b"explain %d" % number + b" " * 900
        desk.session.answer(line)
        size = max(size, sum(len(k) + len(v) for k, v in known.items()) if number % 500 == 0 else 0)
    assert size <= BYTES_MAX
    for number in range(0, KEPT_OF_CONVERTED * ANSWERS_MAX, 60):
        known.recall(b"".join(b"%d\n" % (n % 10**5) for n in range(number, number + 60)))
        assert len(known) <= ANSWERS_MAX
    assert len(known) > 60
    for number in range(PAIRS_MAX + 10):
        desk.session.answer(b"1 CAD" + b" " * number)
    assert len(known._pairs) <= PAIRS_MAX
    assert len(known._prepared) <= PAIRS_MAX


@pytest.mark.parametrize(
    ("at", "after"),
    [
        (time(16, 0, 1), timedelta(hours=1)),
        (time(16, 0, 0, 1), timedelta(hours=1)),
        (time(16), timedelta(seconds=90)),
    ],
)
def test_a_calendar_has_whole_minutes(at: time, after: timedelta) -> None:
    with pytest.raises(ValueError, match="whole minutes"):
        Calendar(("XECB",), ZoneInfo("Europe/Berlin"), at, after)
