"""Answers that are kept as they are sent, and given again while a fresh one would be the same.

An answer is made from a request, from `Grounds`, and from the time. It is given again only for the
same request, on the same grounds, and in the span of time in which it would be made the same. Two
things in it go on with every second, its Date and its max-age: these are written anew.

There are two ways to an answer. A request that was read is known by its method, its target and the
headers that an answer can depend on. One that came before with the very same bytes need not even
be read. Nothing here knows a socket; `now` is an argument.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Protocol, TypeAlias

from pricedesk.http.answer_bytes import header_lines, status_line
from pricedesk.http.messages import CACHE_CONTROL, Expiry, Response

BYTES_MAX = 8 * 1024 * 1024
"""So much do all kept answers take; the oldest give way."""

ANSWER_BYTES_MAX = 64 * 1024
"""A longer answer is not kept."""

REQUEST_BYTES_MAX = 1024
"""A longer request is always read."""

RECENT_REQUESTS = 8
"""A request need not be read if it is among so many of the last ones for its answer."""

ENTRY_BYTES = 1024
"""About what is taken besides the bytes themselves."""

_ONE_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)

_CHOOSING = frozenset((b"accept", b"if-none-match", b"origin"))
"""The headers that an answer may depend on."""

_VARY = frozenset(("Accept", "Origin"))
"""What an answer says of them."""

_UNUSUAL = frozenset((b"content-length", b"expect", b"transfer-encoding", b"upgrade"))
"""With one of these a request is none of the plain ones that are kept."""

_KEPT_STATUS = (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED)

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
Key: TypeAlias = tuple[bytes, ...]


class Grounds(Protocol):
    """What all answers of a door are made from."""

    @property
    def version(self) -> object:
        """An object that is another one when answers may be others, whatever the time."""

    def unchanged(self, now: datetime) -> tuple[datetime, datetime]:
        """From when until when answers are the same but for their max-age; whole seconds.

        The second is the first instant at which that ends.
        """


def key_of(method: bytes, target: bytes, headers: Headers) -> Key | None:
    """What an answer depends on of a request; None if the request is not a plain one."""
    if method not in (b"GET", b"HEAD"):
        return None
    key = [method, target]
    for name, value in headers:
        if name in _CHOOSING:
            key += (name, value)
        elif name in _UNUSUAL:
            return None
    return tuple(key)


class _Stretch:
    """A stretch of time, both ends in it, in which neither Date nor any max-age changes.

    What is left until a whole second is rounded down, so a second's first instant differs from
    the rest of it.
    """

    __slots__ = ("date", "first", "last", "now")

    def __init__(self, now: datetime) -> None:
        second = now.replace(microsecond=0)
        is_begin = now == second
        self.now = now
        self.first = now if is_begin else second + _MICROSECOND
        self.last = now if is_begin else second + _ONE_SECOND - _MICROSECOND
        self.date = format_datetime(now, usegmt=True).encode()


class Answer:
    """An answer in the pieces between which Date and max-age are written."""

    __slots__ = ("_before_age", "_before_date", "_expiry", "_response", "_rest", "_said",
                 "_stretch", "key", "recent", "requests", "size")  # fmt: skip

    def __init__(self, key: Key, response: Response, body: bytes, expiry: Expiry) -> None:
        self.key = key
        self.recent: tuple[int, ...] = ()
        """Of the last requests that were read for it, what is left of their bytes: a hash."""
        self.requests: list[bytes] = []
        """Those that need not be read."""
        headers = response.headers
        place = [name for name, _ in headers].index(CACHE_CONTROL)
        self._before_date = status_line(response.status) + b"date: "
        self._before_age = b"\r\n%bcache-control: public, max-age=" % header_lines(headers[:place])
        after = header_lines(headers[place + 1 :])
        self._rest = b", %b\r\n%b\r\n%b" % (expiry.beyond.encode(), after, body)
        pieces = 2 * len(self._before_age) + 3 * len(self._rest) + sum(map(len, key))
        self.size = pieces + ENTRY_BYTES
        """About how many bytes it takes."""
        self._response = response
        self._expiry = expiry
        self._stretch: _Stretch | None = None
        self._said = b""

    def at(self, stretch: _Stretch) -> bytes:
        """The whole answer as it is sent then, on a connection that goes on."""
        if self._stretch is not stretch:
            age = self._expiry.seconds(stretch.now)
            pieces = (self._before_date, stretch.date, self._before_age, b"%d" % age, self._rest)
            self._said = b"".join(pieces)
            self._stretch = stretch
        return self._said

    def response_at(self, stretch: _Stretch) -> Response:
        """The response as it would be made then."""
        now = self._expiry.header(stretch.now)
        headers = [
            now if name == CACHE_CONTROL else (name, v) for name, v in self._response.headers
        ]
        return replace(self._response, headers=tuple(headers))


class KeptAnswers:
    """The answers of a door that are kept; bounded, all of one version and one span of time."""

    def __init__(self, grounds: Grounds, bytes_max: int = BYTES_MAX) -> None:
        self.bytes = 0
        self._grounds = grounds
        self._bytes_max = bytes_max
        self._version: object = None
        self._standing = object()
        self._span: tuple[datetime, datetime] | None = None
        self._stretch: _Stretch | None = None
        self._answers: dict[Key, Answer] = {}
        self._by_request: dict[bytes, Answer] = {}

    def to_bytes(self, request: bytes, now: datetime) -> bytes | None:
        """What is said to a request with these bytes, if that is known."""
        answer = self._by_request.get(request)
        return None if answer is None else self._at(answer, now)

    def to_request(self, key: Key, now: datetime) -> tuple[Answer, bytes] | None:
        """The answer to a request, and what is said now, if that is known."""
        answer = self._answers.get(key)
        said = None if answer is None else self._at(answer, now)
        return None if answer is None or said is None else (answer, said)

    def response(self, key: Key, now: datetime) -> Response | None:
        """The response to a request, if that is known."""
        answer = self._answers.get(key)
        stretch = None if answer is None else self._stretch_of(answer, now)
        return None if answer is None or stretch is None else answer.response_at(stretch)

    def standing(self, now: datetime) -> object:
        """What stands for the grounds and the span of time of now; to be handed to `keep`."""
        self._bring_to(now)
        return self._standing

    def keep(self, key: Key, response: Response, standing: object, now: datetime) -> bytes | None:
        """Keep an answer that was made between `standing` and now, if it may be kept.

        Gives what is said, if so.

        Raises:
            ValueError: a header is none.
        """
        body, expiry = response.body, response.expiry
        if expiry is None or not isinstance(body, bytes) or len(body) > ANSWER_BYTES_MAX:
            return None
        if response.status not in _KEPT_STATUS or not _is_told(response):
            return None
        # In a thread the grounds may have become others while the answer was made.
        stretch = self._bring_to(now)
        if self._standing is not standing or key in self._answers:
            return None
        answer = Answer(key, response, body, expiry)
        said = answer.at(stretch)
        if answer.size <= self._bytes_max:
            self._answers[key] = answer
            self._take(answer.size)
        return said

    def know(self, request: bytes, answer: Answer) -> None:
        """Remember the bytes of a request that has got this answer, if they come often."""
        if len(request) > REQUEST_BYTES_MAX or request in self._by_request:
            return
        mark = hash(request)
        if mark not in answer.recent:
            answer.recent = (mark, *answer.recent[: RECENT_REQUESTS - 1])
        elif self._answers.get(answer.key) is answer:
            answer.requests.append(request)
            self._by_request[request] = answer
            self._take(len(request) + ENTRY_BYTES)

    def _take(self, size: int) -> None:
        self.bytes += size
        while self.bytes > self._bytes_max:
            self._forget(next(iter(self._answers.values())))

    def _forget(self, answer: Answer) -> None:
        del self._answers[answer.key]
        self.bytes -= answer.size
        for request in answer.requests:
            del self._by_request[request]
            self.bytes -= len(request) + ENTRY_BYTES

    def _at(self, answer: Answer, now: datetime) -> bytes | None:
        stretch = self._stretch_of(answer, now)
        return None if stretch is None else answer.at(stretch)

    def _stretch_of(self, answer: Answer, now: datetime) -> _Stretch | None:
        """The stretch that is now, if the answer holds in it."""
        stretch = self._stretch
        if (
            stretch is not None
            and stretch.first <= now <= stretch.last
            and self._grounds.version is self._version
        ):
            return stretch
        stretch = self._bring_to(now)
        return stretch if answer.key in self._answers else None

    def _bring_to(self, now: datetime) -> _Stretch:
        """Forget what does not hold now."""
        version, span = self._grounds.version, self._span
        if span is None or version is not self._version or not span[0] <= now < span[1]:
            self._answers.clear()
            self._by_request.clear()
            self.bytes = 0
            self._version, self._standing = version, object()
            self._span = self._grounds.unchanged(now)
        if self._stretch is None or not self._stretch.first <= now <= self._stretch.last:
            self._stretch = _Stretch(now)
        return self._stretch


def _is_told(response: Response) -> bool:
    """Whether an answer depends on no other headers than those that are looked at here."""
    vary = ", ".join(value for name, value in response.headers if name == "Vary")
    return {word.strip() for word in vary.split(",") if word} <= _VARY
