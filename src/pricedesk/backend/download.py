"""Getting documents from a source: the only code that reaches the world outside.

A source may be slow, broken or hostile. One fetch has a deadline for all of it, attempts
included (a limit per read would let a byte a second go on for ever), a cap on size that counts
before anything is unpacked, and no redirect is followed: sources answer at their own address,
and what they redirect to is for a person to look at.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pricedesk import __version__
from pricedesk.clock import Clock
from pricedesk.errors import DownloadFailed, in_quotes, without_password

if TYPE_CHECKING:
    from types import ModuleType

    import httpx2

DEADLINE_SECONDS = 9.5
"""For a fetch with all its attempts."""

ATTEMPTS = 3

RETRY_AFTER_MAX = timedelta(hours=6)
"""A source that asks for a longer pause is asked again after this one."""

REMEMBERED_MAX = 8
"""Addresses of which it is remembered what was accepted from there."""

_OK = 200
_NOT_MODIFIED = 304
_SERVER_ERROR = 500
_TOO_MANY_REQUESTS = 429

HEADERS = {
    "User-Agent": f"pricedesk/{__version__}",
    "Accept": "*/*",
    # Not unpacking anything on the way is what makes the cap on size a cap on memory.
    "Accept-Encoding": "identity",
}

_CONDITIONS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
"""What an answer says of its version, and how it is asked whether there is another one."""


class _Again(DownloadFailed):
    """A failure that may pass: another attempt is worth it."""


class Downloads:
    """Gets the documents of one source.

    `bytes_max` is the cap on a document. Addresses that only this machine or its network can
    reach are refused unless `private_allowed`: the operator has named the address then. With
    the status `nothing_status` the source says that there is no such document, and no failure.
    """

    def __init__(
        self,
        bytes_max: int,
        clock: Clock,
        *,
        private_allowed: bool = False,
        nothing_status: int | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._bytes_max = bytes_max
        self._clock = clock
        self._private_allowed = private_allowed
        self._nothing_status = nothing_status
        self._deadline_seconds = deadline_seconds
        self._offered: tuple[str, Mapping[str, str]] | None = None
        self._accepted: dict[str, Mapping[str, str]] = {}

    async def fetch(self, url: str) -> bytes | None:
        """The body of a document; None if there is none, or it was accepted from there before.

        Tried up to ATTEMPTS times with growing pauses in between, as the deadline allows.

        Raises:
            DownloadFailed: with the reason of the last attempt, and how long the source wants
                to be left alone if it said so.
        """
        self._offered = None
        reasons: list[DownloadFailed] = []
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._attempts(url, reasons)
        except TimeoutError as error:
            if reasons:
                raise reasons[-1] from error
            raise DownloadFailed(
                f"{_named(url)} did not answer within {self._deadline_seconds:g} s"
            ) from error

    def accepted(self, url: str) -> None:
        """What was fetched from there last was taken in: it need not come again.

        What was refused is not remembered: a poisoned document must not hide behind "not
        modified".
        """
        if self._offered is not None and self._offered[0] == url:
            self._accepted.pop(url, None)
            if self._offered[1]:
                self._accepted[url] = self._offered[1]
            while len(self._accepted) > REMEMBERED_MAX:
                del self._accepted[next(iter(self._accepted))]

    async def _attempts(self, url: str, reasons: list[DownloadFailed]) -> bytes | None:
        # Imported late, in a thread: answers need not wait for an HTTP client and its certificates.
        try:
            stamina, client = await asyncio.to_thread(_tools, url, self._private_allowed)
        except OSError as error:
            reason = in_quotes(str(error))
            raise DownloadFailed(f"{_named(url)} cannot be fetched: {reason}") from error
        async with client:
            async for attempt in stamina.retry_context(on=_Again, attempts=ATTEMPTS, timeout=None):
                with attempt:
                    try:
                        return await self._attempt(client, url)
                    except DownloadFailed as error:
                        reasons.append(error)
                        raise
        raise AssertionError("the last attempt either returns or raises")

    async def _attempt(self, client: "httpx2.AsyncClient", url: str) -> bytes | None:
        import httpx2  # noqa: PLC0415  # loaded by now

        conditions = self._accepted.get(url, {})
        try:
            async with client.stream("GET", url, headers=dict(conditions)) as response:
                status = response.status_code
                if status == self._nothing_status or (conditions and status == _NOT_MODIFIED):
                    return None
                self._check_head(url, response)
                body = await self._body(url, response)
        except httpx2.HTTPError as error:
            reason = in_quotes(str(error) or type(error).__name__)
            raise _Again(f"{_named(url)} cannot be fetched: {reason}") from error
        except httpx2.InvalidURL as error:
            raise DownloadFailed(f"{_named(url)} is no address: {error}") from error
        said = {_CONDITIONS[n]: response.headers[n] for n in _CONDITIONS if n in response.headers}
        self._offered = (url, said)
        return body

    def _check_head(self, url: str, response: "httpx2.Response") -> None:
        status = response.status_code
        if status != _OK:
            said = f"{_named(url)} answered with status {status}"
            pause = _pause(response.headers.get("Retry-After", ""), self._clock())
            if pause is not None:
                until = (self._clock() + pause).isoformat(timespec="minutes")
                raise DownloadFailed(f"{said}; not to be asked before {until}", pause)
            if status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
                raise _Again(said)
            raise DownloadFailed(said)
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise DownloadFailed(
                f"{_named(url)} answered in the encoding {in_quotes(encoding)},"
                " which was not asked for"
            )

    async def _body(self, url: str, response: "httpx2.Response") -> bytes:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._bytes_max:
                most = self._bytes_max
                raise DownloadFailed(f"{_named(url)} answered with more than {most} bytes")
        return bytes(body)


def _tools(url: str, private_allowed: bool) -> "tuple[ModuleType, httpx2.AsyncClient]":  # noqa: FBT001  # a fact about the address
    """The module that retries, and a client for an address.

    A proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name for it is used: then the proxy looks
    the name up, and what may be reached is its operator's to say.
    """
    import httpx2  # noqa: PLC0415  # imported late
    import stamina  # noqa: PLC0415  # imported late

    from pricedesk.backend.outside import public_transport  # noqa: PLC0415  # needs httpx2

    # The refresher tells of a failure once, when no attempt is left.
    stamina.instrumentation.set_on_retry_hooks([])
    try:
        address = urlsplit(url)
        proxy = getproxies().get(address.scheme) if address.hostname else None
        bypassed = bool(proxy_bypass(address.hostname or ""))
    except ValueError:
        proxy, bypassed = None, True
    # The deadline is for all of a fetch, so none is set for its parts.
    if proxy and not bypassed:
        client = httpx2.AsyncClient(headers=HEADERS, timeout=None, proxy=proxy)
    else:
        transport = httpx2.AsyncHTTPTransport() if private_allowed else public_transport()
        client = httpx2.AsyncClient(headers=HEADERS, timeout=None, transport=transport)
    return stamina, client


def _pause(text: str, now: datetime) -> timedelta | None:
    """How long to wait by a Retry-After, seconds or a date; None if it does not say."""
    try:
        if text.isascii() and text.isdecimal():
            pause = timedelta(seconds=int(text))
        else:
            pause = parsedate_to_datetime(text).astimezone(UTC) - now
    except (ValueError, OverflowError):
        return RETRY_AFTER_MAX if text.isascii() and text.isdecimal() else None
    return min(max(pause, timedelta(0)), RETRY_AFTER_MAX)


def _named(url: str) -> str:
    """An address as a message shows it: without its query, which may be long."""
    return without_password(url).partition("?")[0]
