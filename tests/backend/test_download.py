"""Getting a document from a server that is well, ill or hostile, over real sockets."""

import asyncio
import gzip
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stamina

from fake_source import (
    Answer,
    Exchange,
    FakeSource,
    dripping,
    endless,
    head,
    raw,
    reply,
    reset,
    silent,
)
from pricedesk import __version__
from pricedesk.backend.download import ATTEMPTS, REMEMBERED_MAX, RETRY_AFTER_MAX, Downloads
from pricedesk.errors import DownloadFailed
from services import free_port

BYTES_MAX = 256 * 1024
BODY = bytes(range(256))
GZIP_BOMB = gzip.compress(bytes(2**24))
SHORT_SECONDS = 0.1
"""A deadline for a fetch that is meant to miss it."""


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """As many attempts as ever, one right after the other; the way to this machine is short."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    # Without certificates, which take 40 ms to read.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


NOW = datetime(2026, 11, 2, 15, 1, tzinfo=UTC)


def downloads(
    seconds: float = 10, *, private: bool = True, nothing: int | None = None
) -> Downloads:
    """Of a source on this machine, or on another one."""
    return Downloads(
        BYTES_MAX,
        lambda: NOW,
        private_allowed=private,
        nothing_status=nothing,
        deadline_seconds=seconds,
    )


async def fetched(*answers: Answer) -> bytes | None:
    async with FakeSource(*answers) as source:
        return await downloads().fetch(source.url())


async def failure(*answers: Answer, seconds: float = 10) -> tuple[str, int]:
    """The reason of a failed download without its address, and how many attempts it took."""
    async with FakeSource(*answers) as source:
        with pytest.raises(DownloadFailed) as caught:
            await downloads(seconds).fetch(source.url())
        address, reason = source.url(), str(caught.value)
        assert reason.startswith(f"{address} ")
        return reason.removeprefix(f"{address} "), len(source.requests)


@pytest.mark.parametrize(
    "answer",
    [
        reply(BODY),
        reply(BODY, content_encoding="identity"),
        raw(head() + BODY),
        raw(
            head(transfer_encoding="chunked")
            + b"80\r\n%b\r\n80\r\n%b\r\n0\r\n\r\n" % (BODY[:128], BODY[128:])
        ),
        dripping(head(content_length=256) + BODY),
    ],
    ids=["whole", "identity", "until the end", "chunked", "byte by byte"],
)
async def test_a_document_comes_byte_for_byte_however_it_is_sent(answer: Answer) -> None:
    assert await fetched(answer) == BODY


async def test_an_empty_document_is_no_failure_of_the_download() -> None:
    assert await fetched(reply(b"")) == b""


async def test_a_document_may_be_as_large_as_the_cap() -> None:
    assert await fetched(reply(b"x" * BYTES_MAX)) == b"x" * BYTES_MAX


async def test_the_request_is_plain_and_says_who_asks() -> None:
    async with FakeSource(reply()) as source:
        await downloads().fetch(source.url("eurofxref-daily.xml"))
        [request] = source.requests
        assert request.split("\r\n") == [
            "GET /stats/eurofxref/eurofxref-daily.xml HTTP/1.1",
            f"Host: 127.0.0.1:{source.port}",
            "Connection: keep-alive",
            f"User-Agent: pricedesk/{__version__}",
            "Accept: */*",
            "Accept-Encoding: identity",
            "",
            "",
        ]


@pytest.mark.parametrize(
    ("passing", "answer"),
    [
        ("500", reply(status=500)),
        ("429", reply(status=429)),
        ("a reset", reset),
        ("half a body", raw(head(content_length=256) + BODY[:128])),
    ],
)
async def test_after_a_failure_that_passes_the_document_comes(passing: str, answer: Answer) -> None:
    async with FakeSource(answer, answer, reply(BODY)) as source:
        body = await downloads().fetch(source.url())
    assert (body, len(source.requests)) == (BODY, 3)


@pytest.mark.parametrize(
    ("status", "attempts"),
    [
        *[(status, 1) for status in (201, 204, 206, 300, 304, 400, 401, 403, 404, 410)],
        *[(status, ATTEMPTS) for status in (429, 500, 502, 503, 504, 599)],
    ],
)
async def test_another_attempt_is_made_only_where_it_may_help(status: int, attempts: int) -> None:
    assert await failure(raw(head(status))) == (f"answered with status {status}", attempts)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with FakeSource(reply(BODY)) as other:
        elsewhere = reply(status=status, location=other.url())
        assert await failure(elsewhere) == (f"answered with status {status}", 1)
    assert other.requests == []


@pytest.mark.parametrize(
    ("start", "chunk"),
    [
        (head(), b"x" * 65536),
        (head(content_length=10**12), b"x" * 65536),
        (head(transfer_encoding="chunked"), b"10000\r\n%b\r\n" % (b"x" * 65536)),
    ],
    ids=["until the end", "with a length", "chunked"],
)
async def test_a_body_over_the_cap_is_read_no_further(start: bytes, chunk: bytes) -> None:
    # It never ends: a download that went on reading would not come back.
    expected = (f"answered with more than {BYTES_MAX} bytes", 1)
    assert await failure(endless(start, chunk)) == expected


async def test_a_body_one_byte_over_the_cap_is_too_large() -> None:
    expected = (f"answered with more than {BYTES_MAX} bytes", 1)
    assert await failure(reply(b"x" * (BYTES_MAX + 1))) == expected


async def test_a_body_over_the_cap_takes_no_more_memory_than_some_times_the_cap() -> None:
    await fetched(reply())  # Once before, for what is loaded at the first use.
    tracemalloc.start()
    try:
        await failure(endless(head(), b"x" * 65536))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * BYTES_MAX


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
async def test_a_body_that_would_have_to_be_unpacked_is_refused(encoding: str) -> None:
    bomb = endless(head(content_encoding=encoding), GZIP_BOMB)
    expected = (f'answered in the encoding "{encoding}", which was not asked for', 1)
    assert await failure(bomb) == expected


@pytest.mark.parametrize(
    "answer",
    [
        silent,
        dripping(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        dripping(head(), b"x"),
    ],
    ids=["no answer", "headers byte by byte", "body byte by byte"],
)
async def test_the_deadline_is_for_all_of_a_fetch(answer: Answer) -> None:
    expected = (f"did not answer within {SHORT_SECONDS} s", 1)
    assert await failure(answer, seconds=SHORT_SECONDS) == expected


@pytest.mark.parametrize(
    "answer",
    [
        reset,
        raw(b""),
        raw(head(content_length=256) + BODY[:128]),
        raw(head(transfer_encoding="chunked") + b"80\r\n" + BODY[:100]),
        raw(head(transfer_encoding="chunked") + b"what?\r\n"),
        raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 1_000_000),
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"),
    ],
    ids=[
        "a reset",
        "the end at once",
        "half a body",
        "half a chunk",
        "no chunk",
        "another protocol",
        "a megabyte of header",
        "no length",
    ],
)
async def test_a_broken_answer_is_tried_again_and_then_a_failure(answer: Answer) -> None:
    reason, attempts = await failure(answer)
    assert reason.startswith("cannot be fetched: ")
    assert reason != "cannot be fetched: "
    assert attempts == ATTEMPTS


async def test_where_nobody_listens_nothing_can_be_fetched() -> None:
    url = f"http://127.0.0.1:{free_port()}/x"
    with pytest.raises(DownloadFailed) as caught:
        await downloads().fetch(url)
    assert str(caught.value) == f'{url} cannot be fetched: "All connection attempts failed"'


async def test_certificates_that_cannot_be_read_are_a_failure_of_the_download(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null/none")
    reason, _ = await failure(reply(BODY))
    assert reason == 'cannot be fetched: "[Errno 20] Not a directory"'


async def test_what_is_no_address_is_a_failure_of_the_download() -> None:
    with pytest.raises(DownloadFailed) as caught:
        await downloads().fetch("http://[::1/x")
    assert str(caught.value) == "http://[::1/x is no address: Invalid port: ':1'"


async def test_a_download_that_is_cancelled_ends_at_once() -> None:
    asked = asyncio.Event()

    async def no_answer(exchange: Exchange) -> None:
        asked.set()
        await silent(exchange)

    async with FakeSource(no_answer) as source:
        task = asyncio.ensure_future(downloads().fetch(source.url()))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(source.requests) == 1


async def test_what_was_accepted_is_not_sent_again_while_it_is_the_same() -> None:
    first = reply(BODY, etag='"1"', last_modified="Mon, 02 Nov 2026 15:00:00 GMT")
    async with FakeSource(first, raw(head(304)), reply(b"new")) as source:
        getting = downloads()
        assert await getting.fetch(source.url()) == BODY
        getting.accepted(source.url())
        assert await getting.fetch(source.url()) is None
        assert await getting.fetch(source.url()) == b"new"
    conditions = ['If-None-Match: "1"', "If-Modified-Since: Mon, 02 Nov 2026 15:00:00 GMT"]
    sent = [[line for line in r.split("\r\n") if line in conditions] for r in source.requests]
    assert sent == [[], conditions, conditions]


async def test_what_was_refused_is_asked_for_anew() -> None:
    async with FakeSource(reply(BODY, etag='"poisoned"'), reply(BODY)) as source:
        getting = downloads()
        await getting.fetch(source.url())
        await getting.fetch(source.url())
    assert "If-None-Match" not in source.requests[1]


async def test_not_modified_without_a_condition_is_a_failure() -> None:
    assert await failure(raw(head(304))) == ("answered with status 304", 1)


async def test_only_the_last_addresses_are_remembered() -> None:
    async with FakeSource(reply(BODY, etag='"1"')) as source:
        getting = downloads()
        names = [f"{n}.xml" for n in range(REMEMBERED_MAX + 1)]
        for name in names:
            await getting.fetch(source.url(name))
            getting.accepted(source.url(name))
        await getting.fetch(source.url(names[0]))
        await getting.fetch(source.url(names[-1]))
    assert ["If-None-Match" in request for request in source.requests[-2:]] == [False, True]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("said", "pause"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta(0)),
        ("Mon, 02 Nov 2026 15:31:00 GMT", timedelta(minutes=30)),
        ("Mon, 02 Nov 2026 14:00:00 GMT", timedelta(0)),
        ("999999", RETRY_AFTER_MAX),
        ("9" * 400, RETRY_AFTER_MAX),
    ],
)
async def test_a_source_that_asks_for_a_pause_gets_it(
    status: int, said: str, pause: timedelta
) -> None:
    async with FakeSource(reply(status=status, retry_after=said)) as source:
        with pytest.raises(DownloadFailed) as caught:
            await downloads().fetch(source.url())
    until = (NOW + pause).isoformat(timespec="minutes")
    assert str(caught.value).endswith(f"with status {status}; not to be asked before {until}")
    assert (caught.value.pause, len(source.requests)) == (pause, 1)


@pytest.mark.parametrize("said", ["soon", "-1", "1.5", "\N{SUPERSCRIPT TWO}", ""])
async def test_a_pause_that_cannot_be_read_is_none(said: str) -> None:
    answer = raw(head(429).replace(b"\r\n\r\n", b"\r\nRetry-After: %b\r\n\r\n" % said.encode()))
    assert await failure(answer) == ("answered with status 429", ATTEMPTS)


async def test_a_source_may_say_that_there_is_nothing() -> None:
    async with FakeSource(reply(status=404)) as source:
        assert await downloads(nothing=404).fetch(source.url()) is None


async def test_a_message_names_an_address_without_its_query() -> None:
    async with FakeSource(reply(status=404)) as source:
        with pytest.raises(DownloadFailed) as caught:
            await downloads().fetch(source.url("rates?codes=USD,CAD"))
    assert str(caught.value) == f"{source.url('rates')} answered with status 404"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_an_address_of_this_machine_is_not_asked_unless_it_was_named(host: str) -> None:
    async with FakeSource(reply(BODY)) as source:
        with pytest.raises(DownloadFailed, match=r"which is no address of the public internet$"):
            await downloads(private=False).fetch(f"http://{host}:{source.port}/")
    assert source.requests == []
