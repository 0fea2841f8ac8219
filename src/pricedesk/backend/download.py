"""Getting a document from a source: the only code that reaches the world outside.

A source may be slow, broken or hostile: each attempt has a deadline for all of it (a limit
per read would let a byte a second go on for ever), a cap on size that counts before anything
is unpacked, and no redirect is followed.
"""

import asyncio
from typing import TYPE_CHECKING

from pricedesk import __version__
from pricedesk.errors import DownloadFailed, in_quotes, without_password

if TYPE_CHECKING:
    from types import ModuleType

    import httpx2

ATTEMPT_SECONDS = 10
ATTEMPTS = 3
_OK = 200
_SERVER_ERROR = 500
_TOO_MANY_REQUESTS = 429

HEADERS = {
    "User-Agent": f"pricedesk/{__version__}",
    "Accept": "*/*",
    # Not unpacking anything on the way is what makes the cap on size a cap on memory.
    "Accept-Encoding": "identity",
}


class _Again(DownloadFailed):
    """A failure that may pass: another attempt is worth it."""


class Downloads:
    """Gets documents of one source."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max

    async def fetch(self, url: str) -> bytes | None:
        """The body of a document; None if it is the one that was accepted the last time.

        Raises:
            DownloadFailed: with the reason of the last attempt.
        """
        return await download(url, bytes_max=self._bytes_max)

    def accepted(self, url: str) -> None:
        """What was fetched from there last need not come again."""


async def download(url: str, *, bytes_max: int, attempt_seconds: float = ATTEMPT_SECONDS) -> bytes:
    """The body of a document, tried up to ATTEMPTS times with growing pauses in between.

    Raises:
        DownloadFailed: with the reason of the last attempt.
    """
    # Imported late, in a thread: answers need not wait for an HTTP client and its certificates.
    try:
        stamina, client = await asyncio.to_thread(_tools)
    except OSError as error:
        raise DownloadFailed(f"{_named(url)} cannot be fetched: {in_quotes(str(error))}") from error
    async with client:
        async for attempt in stamina.retry_context(on=_Again, attempts=ATTEMPTS, timeout=None):
            with attempt:
                return await _attempt(client, url, bytes_max, attempt_seconds)
    raise AssertionError("the last attempt either returns or raises")


def _tools() -> "tuple[ModuleType, httpx2.AsyncClient]":
    """The module that retries, and a client that fetches."""
    import httpx2  # noqa: PLC0415  # imported late
    import stamina  # noqa: PLC0415  # imported late

    # The refresher tells of a failure once, when no attempt is left.
    stamina.instrumentation.set_on_retry_hooks([])
    # An attempt's deadline is for all of it, so none is set for its parts.
    return stamina, httpx2.AsyncClient(headers=HEADERS, timeout=None)


async def _attempt(client: "httpx2.AsyncClient", url: str, bytes_max: int, seconds: float) -> bytes:
    import httpx2  # noqa: PLC0415  # loaded by now

    try:
        async with asyncio.timeout(seconds), client.stream("GET", url) as response:
            _check_head(url, response)
            return await _body(url, response, bytes_max)
    except TimeoutError as error:
        raise _Again(f"{_named(url)} did not answer within {seconds:g} s") from error
    except httpx2.HTTPError as error:
        reason = in_quotes(str(error) or type(error).__name__)
        raise _Again(f"{_named(url)} cannot be fetched: {reason}") from error
    except httpx2.InvalidURL as error:
        raise DownloadFailed(f"{_named(url)} is no address: {error}") from error


def _check_head(url: str, response: "httpx2.Response") -> None:
    status = response.status_code
    if status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
        raise _Again(f"{_named(url)} answered with status {status}")
    if status != _OK:
        raise DownloadFailed(f"{_named(url)} answered with status {status}")
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise DownloadFailed(
            f"{_named(url)} answered in the encoding {in_quotes(encoding)}, which was not asked for"
        )


async def _body(url: str, response: "httpx2.Response", bytes_max: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > bytes_max:
            raise DownloadFailed(f"{_named(url)} answered with more than {bytes_max} bytes")
    return bytes(body)


def _named(url: str) -> str:
    """An address as a message shows it."""
    return without_password(url)
