"""Getting a document from a server that is well, ill or hostile, over real sockets."""

import asyncio
import gzip
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime

import pytest

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
    silent_for,
)
from pricedesk import __version__
from pricedesk.backend.connections import HEAD_BYTES_MAX, OVERHEAD_BYTES_MAX
from pricedesk.backend.download import (
    ATTEMPTS,
    Downloads,
    Rules,
)
from pricedesk.errors import DownloadFailed
from services import free_port

BYTES_MAX = 256 * 1024
BODY = bytes(range(256))
GZIP_BOMB = gzip.compress(bytes(2**24))
DEADLINE_SECONDS = 60
"""Nothing that is well takes so long, on a busy machine either; where it is missed, no time is
waited for: the loop's clock is put on."""
NOW = datetime(2026, 11, 2, 15, 1, tzinfo=UTC)


pytestmark = pytest.mark.usefixtures("downloads_here")


def downloads(
    seconds: float = DEADLINE_SECONDS, head_seconds: float = DEADLINE_SECONDS
) -> Downloads:
    """Of a source on this machine, at an instant that stands still."""
    rules = Rules(
        bytes_max=BYTES_MAX,
        private=True,
        seconds=seconds,
        head_seconds=head_seconds,
    )
    return Downloads(rules, lambda: NOW)


async def fetched(*answers: Answer) -> bytes | None:
    async with FakeSource(*answers) as source:
        return await downloads().fetch(source.url())


async def failure(
    *answers: Answer,
    seconds: float = DEADLINE_SECONDS,
    head_seconds: float = DEADLINE_SECONDS,
) -> tuple[str, int]:
    """The reason of a failed download without its address, and how many attempts it took."""
    async with FakeSource(*answers) as source:
        with pytest.raises(DownloadFailed) as caught:
            await downloads(seconds, head_seconds).fetch(source.url())
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
        ("silence", silent_for(DEADLINE_SECONDS)),
        ("half a body", raw(head(content_length=256) + BODY[:128])),
    ],
)
async def test_after_a_failure_that_passes_the_document_comes(passing: str, answer: Answer) -> None:
    async with FakeSource(answer, answer, reply(BODY)) as source:
        body = await downloads(seconds=10 * DEADLINE_SECONDS).fetch(source.url())
    assert (body, len(source.requests)) == (BODY, 3)


@pytest.mark.parametrize(
    ("status", "attempts"),
    [
        *[(status, 1) for status in (201, 204, 206, 300, 304, 305, 400, 401, 403, 404, 410)],
        *[(status, ATTEMPTS) for status in (429, 500, 502, 503, 504, 599)],
    ],
)
async def test_another_attempt_is_made_only_where_it_may_help(status: int, attempts: int) -> None:
    assert await failure(raw(head(status))) == (f"answered with status {status}", attempts)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["http://user:secret@else.example/", "/stats/", ""])
async def test_a_redirect_is_told_of_and_not_followed(status: int, place: str) -> None:
    shown = place.replace("user:secret", "***")
    expected = f'answered with status {status} and sends to "{shown}", which is not followed'
    assert await failure(reply(status=status, location=place)) == (expected, 1)


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
        silent_for(DEADLINE_SECONDS),
        dripping(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", passing=1),
    ],
    ids=["silent", "dripping"],
)
async def test_an_answer_that_does_not_begin_in_time_is_given_up_and_asked_for_again(
    answer: Answer,
) -> None:
    expected = ("did not begin to answer within 60 s", ATTEMPTS)
    assert await failure(answer, seconds=10 * DEADLINE_SECONDS) == expected


@pytest.mark.parametrize(
    ("answers", "attempts"),
    [
        ([silent_for(DEADLINE_SECONDS)], 1),
        ([dripping(head(), b"x", passing=1)], 1),
        ([reset, reply(status=500), dripping(head(), b"x", passing=1)], 3),
    ],
    ids=["no answer", "body byte by byte", "the last attempt"],
)
async def test_the_deadline_is_for_all_of_a_download(answers: list[Answer], attempts: int) -> None:
    expected = ("did not send a document within 60 s", attempts)
    assert await failure(*answers, head_seconds=10 * DEADLINE_SECONDS) == expected


@pytest.mark.parametrize(
    "answer",
    [
        reset,
        raw(b""),
        raw(head(content_length=256) + BODY[:128]),
        raw(head(transfer_encoding="chunked") + b"80\r\n" + BODY[:100]),
        raw(head(transfer_encoding="chunked") + b"what?\r\n"),
        raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"),
    ],
    ids=[
        "a reset",
        "the end at once",
        "half a body",
        "half a chunk",
        "no chunk",
        "another protocol",
        "no length",
    ],
)
async def test_a_broken_answer_is_tried_again_and_then_a_failure(answer: Answer) -> None:
    reason, attempts = await failure(answer)
    assert reason.startswith("cannot be fetched: ")
    assert reason != "cannot be fetched: "
    assert attempts == ATTEMPTS


LOADING = """
import sys
from pricedesk.backend import download
late = {"httpcore2", "httpx2", "pricedesk.backend.connections", "stamina"}
assert not late & sys.modules.keys(), late & sys.modules.keys()
download._load()
assert late <= sys.modules.keys(), late - sys.modules.keys()
"""


def test_what_connects_is_loaded_as_a_whole_and_not_before_the_first_download() -> None:
    subprocess.run([sys.executable, "-c", LOADING], check=True)


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


@pytest.mark.parametrize(
    "answer",
    [
        endless(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 1_000_000),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["endless", "a megabyte in one", "endless interim answers"],
)
async def test_headers_are_bounded(answer: Answer) -> None:
    expected = (f"answered with more than {HEAD_BYTES_MAX} bytes of headers", 1)
    assert await failure(answer) == expected


async def test_a_body_that_begins_with_the_head_counts_as_a_body() -> None:
    assert await fetched(raw(head() + b"x" * BYTES_MAX)) == b"x" * BYTES_MAX


async def test_what_no_document_shows_is_bounded_too() -> None:
    extended = endless(head(transfer_encoding="chunked"), b"1;%b\r\nx\r\n" % (b"y" * 8192))
    reason, _ = await failure(extended)
    assert reason == f"sent more than {BYTES_MAX + OVERHEAD_BYTES_MAX} bytes"


async def test_all_attempts_together_receive_little_more_than_one_document() -> None:
    cut = raw(head(content_length=BYTES_MAX) + b"x" * (BYTES_MAX - 1))
    reason, attempts = await failure(cut)
    assert reason == f"sent more than {BYTES_MAX + OVERHEAD_BYTES_MAX} bytes"
    assert attempts == 2


async def test_a_body_that_is_announced_as_too_large_is_not_read_at_all() -> None:
    async with FakeSource(raw(head(content_length=10**9))) as source:
        with pytest.raises(DownloadFailed, match=f"answered with more than {BYTES_MAX} bytes$"):
            await downloads().fetch(source.url())


async def test_a_source_may_say_that_there_is_nothing() -> None:
    rules = Rules(bytes_max=BYTES_MAX, private=True, nothing_status=404)
    async with FakeSource(reply(status=404)) as source:
        assert await Downloads(rules, lambda: NOW).fetch(source.url()) is None


async def test_a_message_names_an_address_without_its_query() -> None:
    async with FakeSource(reply(status=404)) as source:
        with pytest.raises(DownloadFailed) as caught:
            await downloads().fetch(source.url("rates?codes=USD,CAD"))
    assert str(caught.value) == f"{source.url('rates')} answered with status 404"
