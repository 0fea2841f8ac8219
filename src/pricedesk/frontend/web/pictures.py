"""The pictures of products, from the shop's own folder."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from pricedesk.frontend.catalogue import PICTURE_PATH
from pricedesk.http.messages import TEXT_TYPE, Request, Response
from pricedesk.http.routes import Route

PICTURE_BYTES_MAX = 4 * 1024 * 1024
FOLDERS_MAX = 3
"""How deep below the folder a picture may be."""

_FOR_AN_HOUR = ("Cache-Control", "public, max-age=3600")
_TYPES = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


class Pictures:
    """Serves what is in a folder, and nothing beside it."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder.resolve() if folder is not None else None

    def routes(self) -> tuple[Route, ...]:
        """Where pictures are."""
        parts = [f"{{part{n}}}" for n in range(FOLDERS_MAX + 1)]
        return tuple(
            Route("/".join(["/pictures", *parts[: depth + 1]]), self.picture)
            for depth in range(FOLDERS_MAX + 1)
        )

    def picture(self, _request: Request, path: Mapping[str, str]) -> Response:
        """A picture, or nothing."""
        name = "/".join(path.values())
        content = self._content(name) if PICTURE_PATH.fullmatch(name) else None
        if content is None:
            return Response(b"There is no such picture.\n", HTTPStatus.NOT_FOUND, TEXT_TYPE)
        return Response(content, media_type=_TYPES[Path(name).suffix], headers=(_FOR_AN_HOUR,))

    def _content(self, name: str) -> bytes | None:
        if self._folder is None:
            return None
        try:
            file = (self._folder / name).resolve()
            if not (file.is_relative_to(self._folder) and file.is_file()):
                return None  # a link that leads out of the folder, or what would never end
            with file.open("rb") as opened:
                content = opened.read(PICTURE_BYTES_MAX + 1)
        except (OSError, RuntimeError):  # the second is what a circle of links is, before 3.13
            return None
        return content if len(content) <= PICTURE_BYTES_MAX else None
