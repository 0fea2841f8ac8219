"""The pictures of products, from the shop's own folder.

A file is looked at in a thread. One that is more than a chunk is sent in chunks, each read when
the client has taken the one before: a slow client keeps no picture in memory, and no file open.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from os import fstat, stat_result
from pathlib import Path
from stat import S_ISREG

from pricedesk.frontend.catalogue import PICTURE_PATH
from pricedesk.http.messages import CHUNK_BYTES, TEXT_TYPE, Request, Response, Stream
from pricedesk.http.routes import Route

PICTURE_BYTES_MAX = 1024 * 1024
FOLDERS_MAX = 3
"""How deep below the folder a picture may be."""

SEEN_SECONDS = 10
"""For so long a page does not look again whether a picture is there."""

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

    def __init__(self, folder: Path | None, seconds: Callable[[], float] = time.monotonic) -> None:
        """`seconds` is a clock that never steps."""
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
        """Those of these pictures that can be shown, as it was SEEN_SECONDS ago at the longest."""
        if self._folder is None:
            return frozenset()
        if self._seconds() - self._seen_at >= SEEN_SECONDS:
            self._seen, self._seen_at = {}, self._seconds()
        seen, wanted = self._seen, {name for name in names if name}
        unseen = wanted - seen.keys()
        if unseen:
            seen.update(await asyncio.to_thread(_seen, self._folder, unseen))
        return frozenset(name for name in wanted if seen[name])

    async def picture(self, _request: Request, path: Mapping[str, str]) -> Response:
        """A picture, or nothing."""
        name, found = "/".join(path.values()), None
        if self._folder is not None and PICTURE_PATH.fullmatch(name):
            found = await asyncio.to_thread(_looked_at, self._folder, name)
        if found is None:
            return Response(b"There is no such picture.\n", HTTPStatus.NOT_FOUND, TEXT_TYPE)
        body = found.begin if len(found.begin) == found.size else _chunks(found)
        kind = _TYPES[Path(name).suffix]
        return Response(body, media_type=kind, headers=(_FOR_AN_HOUR,), etag=found.etag)


def _seen(folder: Path, names: Iterable[str]) -> dict[str, bool]:
    """Whether each of some pictures would be served."""
    return {
        name: name.count("/") <= FOLDERS_MAX and _looked_at(folder, name) is not None
        for name in names
    }


def _looked_at(folder: Path, name: str) -> _Picture | None:
    try:
        path = (folder / name).resolve()
        if not (path.is_relative_to(folder) and path.is_file()):
            return None  # a link that leads out of the folder, or what would never end
        with path.open("rb") as file:
            found = fstat(file.fileno())
            if not S_ISREG(found.st_mode) or found.st_size > PICTURE_BYTES_MAX:
                return None
            picture = _Picture(path, _state(found), file.read(CHUNK_BYTES))
    except (OSError, RuntimeError):  # the second is what a circle of links is, before 3.13
        return None
    return picture if len(picture.begin) == min(picture.size, CHUNK_BYTES) else None


def _state(found: stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino


def _chunks(picture: _Picture) -> Stream:
    """The chunks of a picture.

    Raises:
        OSError: it is another one meanwhile; half of each would be none.
    """
    yield picture.begin
    for begin in range(len(picture.begin), picture.size, CHUNK_BYTES):
        with picture.path.open("rb") as file:
            if _state(fstat(file.fileno())) != picture.state:
                raise OSError(f"{picture.path} has changed while it was sent")
            file.seek(begin)
            chunk = file.read(CHUNK_BYTES)
        yield chunk
