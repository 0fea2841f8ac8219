"""Getting a document from a source: the only code that reaches the world outside.

A source may be slow, broken or hostile, so a download has one deadline and one cap on bytes for
all of its attempts together (a limit per read would let a byte a second go on for ever), and
nothing is unpacked on the way. Where a connection may lead is in `connections`.

No redirect is followed, not even on the same host. The addresses of the sources are known to
the character; one that moves has changed in a way that a person should look at, and the
operator of a mirror can write down where it is. The reason of the failure names the new place.

A document counts as seen when the caller says that it accepted it, not when it came: otherwise
a document that was refused would be "unchanged" at the next look, and the good one that comes
in its place under the same validator would never be read.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pricedesk import __version__
from pricedesk.backend.addresses import is_public, may_be_mirror
from pricedesk.backend.lookups import LookUp, own_lookup
from pricedesk.clock import Clock
from pricedesk.errors import DownloadFailed, in_quotes, without_password

if TYPE_CHECKING:
    import httpx2

    from pricedesk.backend.connections import Meter

ATTEMPTS = 3

DOWNLOAD_SECONDS = 8.5
"""For all attempts and the pauses between them: a look at a source, with what is noted of it,
is to be over in ten, on a busy machine too."""

HEAD_SECONDS = 4
"""Until an answer has begun; so there is time for another attempt when a server is silent."""

ASK_AGAIN_MAX = timedelta(hours=6)
"""The longest that a source can ask to be left alone for: more than that is a mistake, or a
way to keep a desk from its rates."""

ADDRESSES_MAX = 64
"""Of how many of a source's documents the validators are remembered: many addresses have a
date in them, and so there are new ones every day."""

VALIDATOR_CHARACTERS_MAX = 256
VALIDATORS_HOLD = timedelta(days=1)
"""A server that says "unchanged" for ever is believed for so long; then it must show the
document again."""

_OK, _NOT_MODIFIED, _TOO_MANY_REQUESTS, _SERVER_ERROR, _UNAVAILABLE = 200, 304, 429, 500, 503
_REDIRECTS = (301, 302, 303, 307, 308)
_SECONDS_TEXT = re.compile(r"[0-9]{1,9}")
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')

HEADERS = {
    "User-Agent": f"pricedesk/{__version__}",
    "Accept": "*/*",
    # Not unpacking anything on the way is what makes the cap on size a cap on memory.
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a source is asked, and what that may cost.

    Attributes:
        bytes_max: the largest document that is taken.
        private: the operator named the host, so it may have a private address.
        nothing_status: the status with which the source says that it has nothing there.
        asked_rarely: the source wants long pauses: whatever it answers is the end of a download.
        seconds: for a whole download, with all its attempts.
        head_seconds: until an answer has begun, for each attempt.
    """

    bytes_max: int
    private: bool = False
    nothing_status: int | None = None
    asked_rarely: bool = False
    seconds: float = DOWNLOAD_SECONDS
    head_seconds: float = HEAD_SECONDS


@dataclass(frozen=True, slots=True)
class _Seen:
    """The conditions on which a document need not come again, and until when they hold."""

    conditions: dict[str, str]
    until: datetime


class _Again(DownloadFailed):
    """A failure that may pass: another attempt is worth it."""


class Downloads:
    """Gets the documents of one source, and remembers what its hosts told about them."""

    def __init__(self, rules: Rules, clock: Clock, look_up: LookUp | None = None) -> None:
        self._rules = rules
        self._clock = clock
        self._look_up = look_up if look_up is not None else own_lookup()
        self._again_at: dict[str, datetime] = {}
        self._fetched: dict[str, _Seen] = {}
        self._accepted: dict[str, _Seen] = {}

    async def fetch(self, url: str) -> bytes | None:
        """The document at an address; None if there is none, or the one accepted last still is.

        Raises:
            DownloadFailed: with the reason of the last attempt. If the source said when it may
                be asked again, `again_at` is that instant, and until then this fails without
                asking.
        """
        again_at = self._again_at.pop(_host(url), None)
        # A clock that was put back does not shut a source off for longer than it can ask for.
        if again_at is not None and timedelta(0) < again_at - self._clock() <= ASK_AGAIN_MAX:
            self._again_at[_host(url)] = again_at
            raise self._failed(url, f"is not asked again before {_written(again_at)}")
        # What came before and was not accepted is never going to be.
        self._fetched.pop(url, None)
        try:
            async with asyncio.timeout(self._rules.seconds) as deadline:
                return await self._fetch(url, deadline)
        except TimeoutError as error:
            reason = f"did not send a document within {self._rules.seconds:g} s"
            raise self._failed(url, reason) from error

    def accepted(self, url: str) -> None:
        """The document that the last fetch from there gave is good, and need not come again."""
        seen = self._fetched.pop(url, None)
        if seen is not None:
            _remember(self._accepted, url, seen)

    async def _fetch(self, url: str, deadline: asyncio.Timeout) -> bytes | None:
        # In a thread: answers need not wait until an HTTP client is loaded.
        await asyncio.to_thread(_load)
        import stamina  # noqa: PLC0415  # loaded by now
        from httpx2 import InvalidURL  # noqa: PLC0415  # loaded by now

        from pricedesk.backend import connections  # noqa: PLC0415  # loaded by now

        meter = connections.Meter(self._rules.bytes_max)
        route = connections.Route(
            self._look_up, may_be_mirror if self._rules.private else is_public
        )
        try:
            # In a thread too: certificates take a while to read.
            client = await asyncio.to_thread(connections.open_client, url, HEADERS, route, meter)
            async with client:
                async for attempt in stamina.retry_context(
                    on=self._pause_after(deadline), attempts=ATTEMPTS, timeout=None
                ):
                    with attempt:
                        return await self._attempt(client, url, meter)
        except connections.Refused as error:
            raise self._failed(url, str(error)) from error
        except InvalidURL as error:
            raise self._failed(url, f"is no address: {error}") from error
        except OSError as error:
            raise self._failed(url, f"cannot be fetched: {in_quotes(str(error))}") from error
        raise AssertionError("the last attempt either returns or raises")

    def _pause_after(self, deadline: asyncio.Timeout) -> Callable[[Exception], bool | timedelta]:
        """What comes after a failure: an end, a pause with jitter, or the one asked for."""

        def pause(failure: Exception) -> bool | timedelta:
            if not isinstance(failure, _Again):
                return False
            if failure.again_at is None:
                return True
            wait = max(failure.again_at - self._clock(), timedelta(0))
            end_seconds = deadline.when()
            if end_seconds is None:
                raise AssertionError("a download has a deadline")
            left = timedelta(seconds=end_seconds - asyncio.get_running_loop().time())
            # There is to be time for the answer too.
            return wait if wait <= left / 2 else False

        return pause

    async def _attempt(
        self, client: "httpx2.AsyncClient", url: str, meter: "Meter"
    ) -> bytes | None:
        import httpx2  # noqa: PLC0415  # loaded by now

        # What an attempt before this one was told holds no longer.
        self._again_at.pop(_host(url), None)
        conditions = self._conditions(url)
        request = client.build_request("GET", url, headers=conditions)
        meter.expect_head()
        try:
            async with asyncio.timeout(self._rules.head_seconds):
                response = await client.send(request, stream=True)
            async with aclosing(response):
                meter.head_is_over()
                if response.status_code == _NOT_MODIFIED and conditions:
                    return None
                if response.status_code == self._rules.nothing_status:
                    return None
                self._check_head(url, response)
                body = await self._body(url, response)
        except TimeoutError as error:
            reason = f"did not begin to answer within {self._rules.head_seconds:g} s"
            raise _Again(f"{_named(url)} {reason}") from error
        except httpx2.HTTPError as error:
            reason = in_quotes(str(error) or type(error).__name__)
            raise _Again(f"{_named(url)} cannot be fetched: {reason}") from error
        seen = _Seen(_validators(response.headers), self._clock() + VALIDATORS_HOLD)
        _remember(self._fetched, url, seen)
        return body

    def _conditions(self, url: str) -> dict[str, str]:
        seen = self._accepted.get(url)
        return seen.conditions if seen is not None and self._clock() < seen.until else {}

    def _check_head(self, url: str, response: "httpx2.Response") -> None:
        status, headers = response.status_code, response.headers
        if status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
            reason = f"answered with status {status}"
            again_at = _asked_again_at(headers, self._clock())
            if again_at is not None and status in (_TOO_MANY_REQUESTS, _UNAVAILABLE):
                self._again_at[_host(url)] = again_at
                reason += f" and may be asked again at {_written(again_at)}"
            if self._rules.asked_rarely:
                raise self._failed(url, reason)
            raise _Again(f"{_named(url)} {reason}", self._again_at.get(_host(url)))
        if status in _REDIRECTS:
            where = in_quotes(without_password(headers.get("Location", "")))
            reason = f"answered with status {status} and sends to {where}, which is not followed"
            raise self._failed(url, reason)
        if status != _OK:
            raise self._failed(url, f"answered with status {status}")
        encoding = headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            shown = in_quotes(encoding)
            raise self._failed(url, f"answered in the encoding {shown}, which was not asked for")

    async def _body(self, url: str, response: "httpx2.Response") -> bytes:
        bytes_max = self._rules.bytes_max
        announced = response.headers.get("Content-Length", "0")
        body = bytearray()
        # A number that is too long for a document is told from its length.
        too_large = len(announced) > len(str(bytes_max)) or int(announced) > bytes_max
        if not too_large:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > bytes_max:
                    too_large = True
                    break
        if too_large:
            raise self._failed(url, f"answered with more than {bytes_max} bytes")
        return bytes(body)

    def _failed(self, url: str, reason: str) -> DownloadFailed:
        return DownloadFailed(f"{_named(url)} {reason}", self._again_at.get(_host(url)))


def _load() -> None:
    """Import what connects, and what tries again."""
    import stamina  # noqa: PLC0415  # imported late

    from pricedesk.backend import connections  # noqa: F401, PLC0415  # it imports the HTTP client

    # The refresher tells of a failure once, when no attempt is left.
    stamina.instrumentation.set_on_retry_hooks([])


def _validators(headers: "httpx2.Headers") -> dict[str, str]:
    """The conditions of the next request, from what an answer says about its document."""
    etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    conditions = {}
    if len(etag) <= VALIDATOR_CHARACTERS_MAX and _ETAG.fullmatch(etag):
        conditions["If-None-Match"] = etag
    if len(modified) <= VALIDATOR_CHARACTERS_MAX and _http_date(modified) is not None:
        conditions["If-Modified-Since"] = modified
    return conditions


def _remember(seen_by_url: dict[str, _Seen], url: str, seen: _Seen) -> None:
    """Put it in as the newest, and the oldest out where there are too many."""
    seen_by_url.pop(url, None)
    seen_by_url[url] = seen
    if len(seen_by_url) > ADDRESSES_MAX:
        del seen_by_url[next(iter(seen_by_url))]


def _asked_again_at(headers: "httpx2.Headers", now: datetime) -> datetime | None:
    """When a source wants to be asked again, by our clock; None if it does not say."""
    text = headers.get("Retry-After", "").strip()
    if _SECONDS_TEXT.fullmatch(text):
        wait = timedelta(seconds=int(text))
    else:
        at = _http_date(text)
        if at is None:
            return None
        # By the clock of the server, if it tells it: ours may be another.
        wait = at - (_http_date(headers.get("Date", "")) or now)
    return now + min(max(wait, timedelta(0)), ASK_AGAIN_MAX)


def _http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def _named(url: str) -> str:
    """An address as a message shows it: without its query, which may be long."""
    return without_password(url).partition("?")[0]
