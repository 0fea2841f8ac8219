"""Pictures come from the shop's folder, and nothing that is beside it does."""

import os
from collections.abc import Generator
from http import HTTPStatus
from pathlib import Path

import pytest

from asking import content_of
from pricedesk.frontend.web.pictures import PICTURE_BYTES_MAX, Pictures
from pricedesk.http.messages import CHUNK_BYTES, Response, Stream
from pricedesk.http.routes import Router, RouteTable

PNG = b"\x89PNG not really"


@pytest.fixture
def router(tmp_path: Path) -> Router:
    folder = tmp_path / "pictures"
    (folder / "a" / "b" / "c" / "d").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(b"secret")
    for name in ("x.png", "a/x.JPG", "a/b/c/x.webp", "a/b/c/d/x.png", ".hidden.png", "x.svg"):
        (folder / name).write_bytes(PNG)
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "up").symlink_to(tmp_path)
    (folder / "in.png").symlink_to(folder / "x.png")
    (folder / "circle.png").symlink_to(folder / "circle.png")
    (folder / "folder.png").mkdir()
    (folder / "large.png").write_bytes(b"x" * (PICTURE_BYTES_MAX + 1))
    os.mkfifo(folder / "pipe.png")
    return Router([RouteTable(Pictures(folder).routes(), ("/",))])


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def picture(router: Router, path: str, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await router.respond("GET", path, "", named)


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/pictures/x.png", "image/png"),
        ("/pictures/in.png", "image/png"),
        ("/pictures/%78.png", "image/png"),
        ("/pictures/a/b/c/x.webp", "image/webp"),
    ],
)
async def test_a_picture_is_served_and_may_be_kept_for_an_hour(
    router: Router, path: str, media_type: str
) -> None:
    found = await picture(router, path)
    assert (found.status, found.body) == (200, PNG)
    headers = dict(found.headers)
    assert headers["Content-Type"] == media_type
    assert headers["Cache-Control"] == "public, max-age=3600"
    known = await picture(router, path, if_none_match=headers["ETag"])
    assert (known.status, known.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/pictures/",
        "/pictures/no.png",
        "/pictures/x.svg",
        "/pictures/a/x.JPG",
        "/pictures/.hidden.png",
        "/pictures/../secret.png",
        "/pictures/%2e%2e/secret.png",
        "/pictures/..%2fsecret.png",
        "/pictures/a%2fb%2fc%2fx.webp/..%2f..%2fx.png",
        "/pictures//etc/passwd.png",
        "/pictures/%2fetc%2fpasswd.png",
        "/pictures/out.png",
        "/pictures/up/secret.png",
        "/pictures/circle.png",
        "/pictures/folder.png",
        "/pictures/pipe.png",
        "/pictures/large.png",
        "/pictures/a/b/c/d/x.png",
        "/pictures/x.png%00",
        "/pictures/x.png%0a",
        "/pictures/x.png/",
        "/pictures/" + "a" * 300 + ".png",
    ],
)
async def test_nothing_else_is(router: Router, path: str) -> None:
    found = await picture(router, path)
    assert found.status == HTTPStatus.NOT_FOUND
    assert isinstance(found.body, bytes)
    assert b"secret" not in found.body


async def test_without_a_folder_there_are_none() -> None:
    router = Router([RouteTable(Pictures(None).routes(), ("/",))])
    assert (await picture(router, "/pictures/x.png")).status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("size", [CHUNK_BYTES, CHUNK_BYTES + 1, PICTURE_BYTES_MAX])
async def test_a_large_picture_comes_in_chunks_whole(
    router: Router, tmp_path: Path, size: int
) -> None:
    content = bytes(n % 251 for n in range(size))
    (tmp_path / "pictures" / "x.png").write_bytes(content)
    found = await picture(router, "/pictures/x.png")
    chunks = [found.body] if isinstance(found.body, bytes) else list(_of(found))
    assert b"".join(chunks) == content
    assert max(map(len, chunks)) == CHUNK_BYTES
    known = await picture(router, "/pictures/x.png", if_none_match=dict(found.headers)["ETag"])
    assert (known.status, known.body) == (304, b"")


async def test_a_picture_that_changes_while_it_is_sent_is_broken_off(
    router: Router, tmp_path: Path
) -> None:
    path = tmp_path / "pictures" / "x.png"
    path.write_bytes(b"a" * 3 * CHUNK_BYTES)
    before = await picture(router, "/pictures/x.png")
    path.unlink()
    path.write_bytes(b"b" * 3 * CHUNK_BYTES)
    os.utime(path, ns=(1, 1))
    with pytest.raises(OSError, match=r"x\.png has changed while it was sent"):
        content_of(before)
    after = await picture(router, "/pictures/x.png")
    assert dict(after.headers)["ETag"] != dict(before.headers)["ETag"]


async def test_a_slow_client_keeps_no_file_open(router: Router, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "x.png").write_bytes(b"a" * PICTURE_BYTES_MAX)
    before = open_files()
    kept = [await picture(router, "/pictures/x.png") for _ in range(20)]
    begun = [next(chunk for chunk in _of(each) if chunk) for each in kept]
    assert len(begun) == len(kept)
    assert open_files() == before


def _of(response: Response) -> Stream:
    assert isinstance(response.body, Generator)
    return response.body
