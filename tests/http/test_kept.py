"""Kept answers: by what they are known, how long they hold, what they take."""

from datetime import UTC, datetime, timedelta

import pytest

from pricedesk.http.kept import (
    ANSWER_BYTES_MAX,
    ENTRY_BYTES,
    RECENT_REQUESTS,
    REQUEST_BYTES_MAX,
    KeptAnswers,
    key_of,
)
from pricedesk.http.messages import Expiry, Response

NOON = datetime(2026, 10, 30, 12, tzinfo=UTC)
SOON = NOON + timedelta(minutes=2)
MOST = Expiry(60, "stale-while-revalidate=9", SOON)
SECOND = timedelta(seconds=1)
INSTANT = timedelta(microseconds=1)
KEY = (b"GET", b"/a")


class Grounds:
    """Grounds that a test changes; an answer is the same for an hour."""

    def __init__(self) -> None:
        self.version = object()

    def unchanged(self, now: datetime) -> tuple[datetime, datetime]:
        begin = now.replace(minute=0, second=0, microsecond=0)
        return begin, begin + timedelta(hours=1)


def response(now: datetime, body: bytes = b"1", **changed: object) -> Response:
    headers = (("Content-Type", "text/plain"), MOST.header(now), ("ETag", '"x"'))
    members = {"headers": headers, "expiry": MOST, **changed}
    return Response(body, **members)  # type: ignore[arg-type]  # members by name


def with_answers(now: datetime, *names: str, bytes_max: int = 10**6) -> KeptAnswers:
    kept = KeptAnswers(Grounds(), bytes_max)
    for name in names:
        key = (b"GET", name.encode())
        kept.keep(key, response(now), kept.standing(now), now)
    return kept


def said(date: str, age: int, body: str = "1") -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-type: text/plain\r\n"
        f'cache-control: public, max-age={age}, stale-while-revalidate=9\r\netag: "x"\r\n\r\n{body}'
    ).encode()


def told(kept: KeptAnswers, now: datetime, key: tuple[bytes, ...] = KEY) -> bytes | None:
    found = kept.to_request(key, now)
    return None if found is None else found[1]


@pytest.mark.parametrize(
    ("at", "date", "age"),
    [
        (NOON, "Fri, 30 Oct 2026 12:00:00 GMT", 60),
        (SOON - 60 * SECOND, "Fri, 30 Oct 2026 12:01:00 GMT", 60),
        # What is left of a second does not count, so its first instant is a case for itself.
        (SOON - 60 * SECOND + INSTANT, "Fri, 30 Oct 2026 12:01:00 GMT", 59),
        (SOON - 59 * SECOND - INSTANT, "Fri, 30 Oct 2026 12:01:00 GMT", 59),
        (SOON - 59 * SECOND, "Fri, 30 Oct 2026 12:01:01 GMT", 59),
        (SOON - 59 * SECOND + INSTANT, "Fri, 30 Oct 2026 12:01:01 GMT", 58),
        (SOON - INSTANT, "Fri, 30 Oct 2026 12:01:59 GMT", 0),
    ],
)
@pytest.mark.parametrize("before", [NOON, SOON, SOON - INSTANT, SOON - 59 * SECOND])
def test_date_and_age_are_of_the_instant_at_which_an_answer_is_given(
    before: datetime, at: datetime, date: str, age: int
) -> None:
    kept = with_answers(NOON, "/a")
    assert told(kept, before) is not None
    assert told(kept, at) == said(date, age)


def test_an_answer_holds_within_its_span_and_on_its_grounds() -> None:
    for outside in (NOON - INSTANT, NOON + timedelta(hours=1)):
        kept = with_answers(NOON, "/a")
        assert told(kept, NOON + timedelta(hours=1) - INSTANT) is not None
        assert told(kept, outside) is None
        assert told(kept, NOON) is None, "what was forgotten does not come back"
        assert kept.bytes == 0


def test_other_grounds_are_seen_within_the_same_instant() -> None:
    grounds = Grounds()
    kept = KeptAnswers(grounds)
    kept.keep(KEY, response(NOON), kept.standing(NOON), NOON)
    assert told(kept, NOON) is not None
    grounds.version = object()
    assert told(kept, NOON) is None


@pytest.mark.parametrize("what", ["version", "time"])
def test_an_answer_that_was_made_while_the_grounds_changed_is_not_kept(what: str) -> None:
    grounds = Grounds()
    kept = KeptAnswers(grounds)
    standing, now = kept.standing(NOON), NOON
    if what == "version":
        grounds.version = object()
    else:
        now += timedelta(hours=1)
    kept.keep(KEY, response(NOON), standing, now)
    assert told(kept, now) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"expiry": None},
        {"status": 404},
        {"status": 500},
        {"body": iter(())},
        {"body": b"x" * (ANSWER_BYTES_MAX + 1)},
        {"headers": (MOST.header(NOON), ("Vary", "Accept-Language, Origin"))},
        {"headers": (MOST.header(NOON), ("Vary", "*"))},
    ],
)
def test_what_may_not_be_kept_is_not(changed: dict[str, object]) -> None:
    kept = KeptAnswers(Grounds())
    made = response(NOON, **changed)  # type: ignore[arg-type]  # a body among others
    kept.keep(KEY, made, kept.standing(NOON), NOON)
    assert told(kept, NOON) is None


@pytest.mark.parametrize(
    ("method", "headers", "key"),
    [
        (b"GET", [], (b"GET", b"/a")),
        (b"HEAD", [(b"host", b"b")], (b"HEAD", b"/a")),
        (b"GET", [(b"accept", b"1"), (b"x", b"y"), (b"accept", b"2")],
         (b"GET", b"/a", b"accept", b"1", b"accept", b"2")),
        (b"GET", [(b"origin", b"b"), (b"if-none-match", b"*")],
         (b"GET", b"/a", b"origin", b"b", b"if-none-match", b"*")),
        (b"POST", [], None),
        (b"GET", [(b"content-length", b"0")], None),
        (b"GET", [(b"transfer-encoding", b"chunked")], None),
        (b"GET", [(b"expect", b"100-continue")], None),
        (b"GET", [(b"upgrade", b"h2c")], None),
    ],
)  # fmt: skip
def test_a_plain_request_is_known_by_what_an_answer_depends_on(
    method: bytes, headers: list[tuple[bytes, bytes]], key: tuple[bytes, ...] | None
) -> None:
    assert key_of(method, b"/a", headers) == key


def test_the_oldest_answers_give_way_with_their_requests() -> None:
    kept = with_answers(NOON, "/a")
    size = kept.bytes
    kept = with_answers(NOON, "/a", "/b", bytes_max=3 * size)
    learn(kept, b"A", (b"GET", b"/a"))
    assert kept.bytes == 2 * size + 1 + ENTRY_BYTES
    assert kept.to_bytes(b"A", NOON) is not None
    for name in (b"/c", b"/d"):
        kept.keep((b"GET", name), response(NOON), kept.standing(NOON), NOON)
    assert kept.to_bytes(b"A", NOON) is None
    assert [told(kept, NOON, (b"GET", name)) is None for name in (b"/a", b"/b", b"/c", b"/d")] == [
        True, False, False, False
    ]  # fmt: skip
    assert kept.bytes == 3 * size


def learn(kept: KeptAnswers, request: bytes, key: tuple[bytes, ...] = KEY) -> None:
    found = kept.to_request(key, NOON)
    assert found is not None
    kept.know(request, found[0])
    kept.know(request, found[0])


def test_what_takes_more_than_there_is_room_for_is_not_kept() -> None:
    kept = with_answers(NOON, "/a", bytes_max=100)
    assert (told(kept, NOON), kept.bytes) == (None, 0)


def test_a_request_is_known_by_its_bytes_when_it_has_come_twice_of_late() -> None:
    kept = with_answers(NOON, "/a")
    found = kept.to_request(KEY, NOON)
    assert found is not None
    answer, said = found
    kept.know(b"A", answer)
    for n in range(RECENT_REQUESTS - 1):
        kept.know(b"%d" % n, answer)
    assert kept.to_bytes(b"A", NOON) is None
    kept.know(b"A", answer)
    assert kept.to_bytes(b"A", NOON) == said
    # One too many in between.
    for name in (b"B", *(b"x%d" % n for n in range(RECENT_REQUESTS)), b"B"):
        kept.know(name, answer)
    assert kept.to_bytes(b"B", NOON) is None


def test_many_different_requests_for_one_answer_take_nothing() -> None:
    kept = with_answers(NOON, "/a")
    before = kept.bytes
    found = kept.to_request(KEY, NOON)
    assert found is not None
    for n in range(10_000):
        kept.know(b"%d" % n, found[0])
    assert kept.bytes == before


def test_long_requests_are_always_read() -> None:
    kept = with_answers(NOON, "/a")
    learn(kept, b"x" * (REQUEST_BYTES_MAX + 1))
    assert kept.to_bytes(b"x" * (REQUEST_BYTES_MAX + 1), NOON) is None


def test_a_request_is_not_learnt_for_an_answer_that_is_gone() -> None:
    grounds = Grounds()
    kept = KeptAnswers(grounds)
    kept.keep(KEY, response(NOON), kept.standing(NOON), NOON)
    found = kept.to_request(KEY, NOON)
    assert found is not None
    grounds.version = object()
    kept.keep(KEY, response(NOON, b"2"), kept.standing(NOON), NOON)
    kept.know(b"A", found[0])
    kept.know(b"A", found[0])
    assert kept.to_bytes(b"A", NOON) is None
