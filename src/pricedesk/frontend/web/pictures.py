"""The pictures of products, from the shop's own folder.

A file is looked at in a thread, and no page waits long for that. One that is more than a chunk is
sent in chunks, each read when the client has taken the one before: a slow client keeps no picture
in memory, and no file open.
"""

import os
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from os import fstat, stat_result
from pathlib import Path
from stat import S_ISREG

from pricedesk.frontend.catalogue import PICTURE_PATH
from pricedesk.frontend.web.file_threads import FileThreads
from pricedesk.http.messages import CHUNK_BYTES, TEXT_TYPE, AwaitedStream, Request, Response
from pricedesk.http.routes import Route

PICTURE_BYTES_MAX = 1024 * 1024
FOLDERS_MAX = 3
"""How deep below the folder a picture may be."""

SEEN_SECONDS = 10
"""For so long a page does not look again whether a picture is there."""

LOOK_SECONDS = 0.5
"""For so long a page waits to know which pictures are there; then it shows letters."""

READ_SECONDS = 5
"""For so long somebody who asks for a picture waits for a part of it."""

_RETRY_AFTER = ("Retry-After", "10")
_FOR_AN_HOUR = ("Cache-Control", "public, max-age=3600")
_TYPES = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


@dataclass(frozen=True, slots=True)
class _Picture:
    """A file as it was when it was looked at; `begin` is its first chunk."""

    path: Path
    state: tuple[int, int, int]
    begin: bytes

    @property
    def size(self) -> int:
        """All its bytes."""
        return self.state[0]

    @property
    def etag(self) -> str:
        """Stands for these bytes as far as the file system tells; they are not read for it."""
        return blake2b(repr(self.state).encode(), digest_size=16).hexdigest()


class Pictures:
    """Serves what is in a folder, and nothing beside it."""

    def __init__(
        self,
        folder: Path | None,
        seconds: Callable[[], float] = time.monotonic,
        look_seconds: float = LOOK_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        """`seconds` is a clock that never steps."""
        self._threads = FileThreads()
        self._look_seconds = look_seconds
        self._read_seconds = read_seconds
        self._folder = folder.resolve() if folder is not None else None
        self._seconds = seconds
        self._seen: dict[str, bool] = {}
        self._seen_at = seconds()

    def routes(self) -> tuple[Route, ...]:
        """Where pictures are."""
        parts = [f"{{part{n}}}" for n in range(FOLDERS_MAX + 1)]
        return tuple(
            Route("/".join(["/pictures", *parts[: depth + 1]]), self.picture)
            for depth in range(FOLDERS_MAX + 1)
        )

    async def there(self, names: Iterable[str]) -> frozenset[str]:
        """Those of these pictures that can be shown, as it was SEEN_SECONDS ago at the longest.

        Where the folder does not answer in time there are none, and nobody waits for them again
        before that.
        """
        if self._folder is None:
            return frozenset()
        if self._seconds() - self._seen_at >= SEEN_SECONDS:
            self._seen, self._seen_at = {}, self._seconds()
        seen, wanted = self._seen, {name for name in names if name}
        unseen = wanted - seen.keys()
        if unseen:
            look = partial(_seen, self._folder, unseen)
            try:
                seen.update(await self._threads.run(look, self._look_seconds))
            except TimeoutError:
                seen.update(dict.fromkeys(unseen, False))
        return frozenset(name for name in wanted if seen[name])

    async def picture(self, _request: Request, path: Mapping[str, str]) -> Response:
        """A picture, or nothing."""
        name, found = "/".join(path.values()), None
        if self._folder is not None and PICTURE_PATH.fullmatch(name):
            look = partial(_looked_at, self._folder, name)
            try:
                found = await self._threads.run(look, self._read_seconds)
            except TimeoutError:
                said, status = b"Pictures cannot be read now.\n", HTTPStatus.SERVICE_UNAVAILABLE
                return Response(said, status, TEXT_TYPE, (_RETRY_AFTER,))
        if found is None:
            return Response(b"There is no such picture.\n", HTTPStatus.NOT_FOUND, TEXT_TYPE)
        whole = len(found.begin) == found.size
        body = found.begin if whole else AwaitedStream(self._chunks(found))
        kind = _TYPES[Path(name).suffix]
        return Response(body, media_type=kind, headers=(_FOR_AN_HOUR,), etag=found.etag)

    async def _chunks(self, picture: _Picture) -> AsyncGenerator[bytes, None]:
        """The chunks of a picture.

        Raises:
            OSError: it is another one meanwhile, and half of each would be none; or it cannot be
                read any more, or not in time.
        """
        yield picture.begin
        for begin in range(len(picture.begin), picture.size, CHUNK_BYTES):
            yield await self._threads.run(partial(_chunk, picture, begin), self._read_seconds)


def _seen(folder: Path, names: Iterable[str]) -> dict[str, bool]:
    """Whether each of some pictures would be served; nothing of them is read."""
    return {name: name.count("/") <= FOLDERS_MAX and _is_there(folder, name) for name in names}


def _is_there(folder: Path, name: str) -> bool:
    try:
        path = _path_of(folder, name)
        return path is not None and os.access(path, os.R_OK)
    except (OSError, RuntimeError):  # the second is what a circle of links is, before 3.13
        return False


def _looked_at(folder: Path, name: str) -> _Picture | None:
    try:
        path = _path_of(folder, name)
        if path is None:
            return None
        with path.open("rb") as file:
            found = fstat(file.fileno())
            if not _is_picture(found):  # It has become another one meanwhile.
                return None
            picture = _Picture(path, _state(found), file.read(CHUNK_BYTES))
    except (OSError, RuntimeError):  # the second is what a circle of links is, before 3.13
        return None
    return picture if len(picture.begin) == min(picture.size, CHUNK_BYTES) else None


def _path_of(folder: Path, name: str) -> Path | None:
    """Where a picture is; None for a link that leads out of the folder, or what is no picture."""
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder) and _is_picture(path.stat()) else None


def _is_picture(found: stat_result) -> bool:
    """Whether a file can be sent: one that is none, such as a pipe, might never end.

    One without a byte is not there yet, or not any more.
    """
    return S_ISREG(found.st_mode) and 0 < found.st_size <= PICTURE_BYTES_MAX


def _state(found: stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino


def _chunk(picture: _Picture, begin: int) -> bytes:
    with picture.path.open("rb") as file:
        if _state(fstat(file.fileno())) != picture.state:
            raise OSError(f"{picture.path} has changed while it was sent")
        file.seek(begin)
        return file.read(CHUNK_BYTES)
