"""Asking a source again: what is unchanged need not come, and who asks for a pause gets it."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_source import Answer, FakeSource, head, raw, reply, reset
from pricedesk.backend.download import (
    ADDRESSES_MAX,
    ASK_AGAIN_MAX,
    ATTEMPTS,
    Downloads,
    Rules,
    _http_date,
)
from pricedesk.errors import DownloadFailed

NOW = datetime(2026, 11, 2, 15, 1, tzinfo=UTC)
BODY = b"rates"


pytestmark = pytest.mark.usefixtures("downloads_here")


class Moving:
    """A source that is asked at instants of the test's choice."""

    def __init__(self, *answers: Answer, rarely: bool = False) -> None:
        self.now = NOW
        self.source = FakeSource(*answers)
        rules = Rules(bytes_max=1024, private=True, asked_rarely=rarely, seconds=10)
        self.downloads = Downloads(rules, lambda: self.now)

    async def fetch(self, name: str = "") -> bytes | None:
        return await self.downloads.fetch(self.source.url(name))

    def accepted(self, name: str = "") -> None:
        self.downloads.accepted(self.source.url(name))

    def conditions(self) -> list[list[str]]:
        """Which conditions each request had."""
        return [
            [line for line in request.split("\r\n") if line.startswith("If-")]
            for request in self.source.requests
        ]


MODIFIED = "Mon, 02 Nov 2026 15:00:00 GMT"
OVERFLOWING = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"
"""A year that no integer of C has room for."""


async def test_an_accepted_document_comes_again_only_when_it_has_changed() -> None:
    answers = [
        reply(BODY, etag='W/"1"', last_modified=MODIFIED),
        raw(head(304)),
        reply(b"new", etag='"2"'),
        raw(head(304)),
    ]
    desk = Moving(*answers)
    async with desk.source:
        outcomes = []
        for _ in answers:
            outcomes.append(await desk.fetch())
            desk.accepted()
        assert outcomes == [BODY, None, b"new", None]
        first = ['If-None-Match: W/"1"', f"If-Modified-Since: {MODIFIED}"]
        assert desk.conditions() == [[], first, first, ['If-None-Match: "2"']]


async def test_a_document_that_was_not_accepted_is_not_known() -> None:
    bad = reply(b"poison", etag='"2"')
    desk = Moving(reply(BODY, etag='"1"'), bad, bad, reply(b"new", etag='"2"'))
    async with desk.source:
        assert await desk.fetch() == BODY
        desk.accepted()
        for _ in range(3):
            await desk.fetch()
        assert desk.conditions() == [[], *[['If-None-Match: "1"']] * 3]


async def test_to_accept_what_is_unchanged_accepts_nothing_that_came_before() -> None:
    answers = [reply(BODY, etag='"1"'), reply(b"poison", etag='"2"'), raw(head(304))]
    desk = Moving(*answers)
    async with desk.source:
        await desk.fetch()
        desk.accepted()
        for _ in range(3):
            outcome = await desk.fetch()
            if outcome is None:
                desk.accepted()
        assert desk.conditions() == [[], *[['If-None-Match: "1"']] * 3]


async def test_a_document_is_known_by_its_address() -> None:
    desk = Moving(reply(BODY, etag='"1"'))
    async with desk.source:
        await desk.fetch("a")
        desk.accepted("a")
        desk.accepted("b")
        await desk.fetch("b")
        assert desk.conditions() == [[], []]


async def test_unchanged_is_no_answer_to_a_question_without_a_condition() -> None:
    desk = Moving(raw(head(304)))
    async with desk.source:
        with pytest.raises(DownloadFailed, match=r"answered with status 304$"):
            await desk.fetch()


@pytest.mark.parametrize(
    ("etag", "modified"),
    [
        ('"a b"', "yesterday"),
        ("1", "2026-11-02"),
        ('"1', ""),
        ("", OVERFLOWING),
        ('"' + "x" * 256 + '"', "Mon, 02 Nov 2026 15:00:00 GMT" + " " * 256 + "x"),
    ],
)
async def test_what_is_no_validator_is_not_sent_back(etag: str, modified: str) -> None:
    desk = Moving(reply(BODY, etag=etag, last_modified=modified))
    async with desk.source:
        for _ in range(2):
            assert await desk.fetch() == BODY
            desk.accepted()
        assert desk.conditions() == [[], []]


async def test_of_many_documents_the_newest_are_known() -> None:
    desk = Moving(reply(BODY, etag='"1"'))
    names = [str(number) for number in range(ADDRESSES_MAX + 1)]
    async with desk.source:
        for name in names:
            await desk.fetch(name)
            desk.accepted(name)
        for name in (names[0], names[1]):
            await desk.fetch(name)
        assert desk.conditions()[-2:] == [[], ['If-None-Match: "1"']]


async def test_a_server_that_says_unchanged_for_ever_must_show_its_document_once_a_day() -> None:
    desk = Moving(reply(BODY, etag='"1"'), raw(head(304)), reply(b"new", etag='"1"'))
    async with desk.source:
        assert await desk.fetch() == BODY
        desk.accepted()
        desk.now += timedelta(hours=23)
        assert await desk.fetch() is None
        desk.accepted()
        desk.now += timedelta(hours=1)
        assert await desk.fetch() == b"new"
        assert desk.conditions() == [[], ['If-None-Match: "1"'], []]


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"retry_after": "3600"}, timedelta(hours=1)),
        (503, {"retry_after": "120"}, timedelta(minutes=2)),
        (429, {"retry_after": "999999999"}, ASK_AGAIN_MAX),
        (429, {"retry_after": "Mon, 02 Nov 2026 15:31:00 GMT"}, timedelta(minutes=30)),
        (
            503,
            {
                "retry_after": "Wed, 01 Jan 2020 00:10:00 GMT",
                "date": "Wed, 01 Jan 2020 00:00:00 GMT",
            },
            timedelta(minutes=10),
        ),
        (
            503,
            {"retry_after": "Mon, 02 Nov 2026 15:31:00 GMT", "date": OVERFLOWING},
            timedelta(minutes=30),
        ),
    ],
    ids=["seconds", "text", "too long", "a date", "a date by another clock", "by no clock"],
)
async def test_a_source_that_says_when_to_ask_again_is_left_alone_until_then(
    status: int, headers: dict[str, str], wait: timedelta
) -> None:
    desk = Moving(raw(head(status, **headers)), reply(BODY))
    written = f"{NOW + wait:%Y-%m-%dT%H:%M:%SZ}"
    async with desk.source:
        address = desk.source.url()
        for reason in (
            f"{address} answered with status {status} and may be asked again at {written}",
            f"{address} is not asked again before {written}",
        ):
            with pytest.raises(DownloadFailed) as caught:
                await desk.fetch()
            assert (str(caught.value), caught.value.again_at) == (reason, NOW + wait)
            desk.now = NOW + wait - timedelta(seconds=1)
        assert len(desk.source.requests) == 1
        desk.now = NOW + wait
        assert await desk.fetch() == BODY


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "soon"},
        {"retry_after": ""},
        {"retry_after": "-1"},
        {"retry_after": "1e9"},
        {"retry_after": "9999999999"},
        {"retry_after": OVERFLOWING},
        {},
    ],
)
async def test_without_a_time_it_is_a_failure_as_others(headers: dict[str, str]) -> None:
    desk = Moving(raw(head(429, **headers)))
    async with desk.source:
        with pytest.raises(DownloadFailed, match=r"answered with status 429$") as caught:
            await desk.fetch()
    assert (caught.value.again_at, len(desk.source.requests)) == (None, ATTEMPTS)


@pytest.mark.parametrize(
    ("retry_after", "attempts"),
    [("0", 2), ("Mon, 02 Nov 2026 15:00:00 GMT", 2), ("4", 2), ("6", 1)],
)
async def test_a_wait_that_fits_into_the_deadline_is_waited_for(
    retry_after: str, attempts: int
) -> None:
    # The fake waits are over at once; how long they were to be still decides.
    desk = Moving(reply(status=503, retry_after=retry_after), reply(BODY))
    async with desk.source:
        with suppress(DownloadFailed):
            assert await desk.fetch() == BODY
        assert len(desk.source.requests) == attempts


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (reply(status=500), r"answered with status 500$"),
        (reset, "cannot be fetched: "),
    ],
    ids=["500", "a reset"],
)
async def test_a_wait_that_is_over_is_not_asked_for_again(last: Answer, reason: str) -> None:
    desk = Moving(reply(status=503, retry_after=1), last, last, reply(BODY))
    async with desk.source:
        with pytest.raises(DownloadFailed, match=reason) as caught:
            await desk.fetch()
        assert (caught.value.again_at, len(desk.source.requests)) == (None, ATTEMPTS)
        assert await desk.fetch() == BODY


async def test_a_clock_that_was_put_back_does_not_shut_a_source_off() -> None:
    desk = Moving(reply(status=429, retry_after=3600), reply(BODY))
    async with desk.source:
        with pytest.raises(DownloadFailed):
            await desk.fetch()
        desk.now -= timedelta(days=1)
        assert await desk.fetch() == BODY


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_source_that_is_asked_rarely_is_not_asked_twice_for_an_error(status: int) -> None:
    desk = Moving(reply(status=status, retry_after=1), rarely=True)
    async with desk.source:
        with pytest.raises(DownloadFailed, match=f"answered with status {status}"):
            await desk.fetch()
        assert len(desk.source.requests) == 1


@given(st.text(max_size=60) | st.datetimes().map(format_datetime))
def test_whatever_stands_for_a_date_is_an_instant_or_none(text: str) -> None:
    instant = _http_date(text)
    assert instant is None or instant.tzinfo is not None
