"""Pictures come from the shop's folder, and nothing that is beside it does."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pricedesk.backend.rate_book import RateBook
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.web.file_threads import THREADS
from pricedesk.frontend.web.pictures import PICTURE_BYTES_MAX, SEEN_SECONDS, Pictures
from pricedesk.http.messages import CHUNK_BYTES, AwaitedStream, Response
from pricedesk.http.routes import Router, RouteTable
from pricedesk.money import Money
from web_desk import CAD, web_desk

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
    (folder / "empty.png").touch()
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
        "/pictures/empty.png",
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
    assert await Pictures(None).there(["x.png"]) == set()


async def test_what_is_there_is_what_would_be_served(router: Router, tmp_path: Path) -> None:
    names = [
        *("x.png", "in.png", "a/b/c/x.webp"),
        *("no.png", "out.png", "up/secret.png", "circle.png", "folder.png", "pipe.png"),
        *("large.png", "a/b/c/d/x.png", "a" * 300 + ".png", ""),
    ]
    served = {n for n in names if (await picture(router, f"/pictures/{n}")).status == HTTPStatus.OK}
    assert served == {"x.png", "in.png", "a/b/c/x.webp"}
    assert await Pictures(tmp_path / "pictures").there(names) == served


async def test_a_picture_that_comes_or_goes_is_noticed_after_a_while(tmp_path: Path) -> None:
    now = 100.0
    pictures, path = Pictures(tmp_path, lambda: now), tmp_path / "x.png"
    assert await pictures.there(["x.png"]) == set()
    path.write_bytes(PNG)
    now += SEEN_SECONDS - 1
    assert await pictures.there(["x.png"]) == set()
    now += 1
    assert await pictures.there(["x.png"]) == {"x.png"}
    path.unlink()
    assert await pictures.there(["x.png", "y.png"]) == {"x.png"}
    now += SEEN_SECONDS
    assert await pictures.there(["x.png"]) == set()


async def test_a_page_shows_a_picture_only_where_it_is_there(
    tmp_path: Path, book: RateBook
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "there.png").write_bytes(PNG)
    products = [
        Product(name, f"The {name}", Money(100, CAD), picture=f"{name}.png")
        for name in ("there", "missing")
    ]
    async with web_desk(tmp_path, book, products, pictures=folder) as desk:
        shown = '<img src="/pictures/there.png" alt=""'
        page = (await desk.get("/")).text
        assert (page.count("<img"), page.count(shown), page.count(">TM<")) == (1, 1, 1)
        assert shown in (await desk.get("/products/there")).text
        page = (await desk.get("/products/missing")).text
        assert ("<img" not in page, page.count(">TM<")) == (True, 1)
    async with web_desk(tmp_path / "none", book, products) as desk:
        page = (await desk.get("/")).text
        assert ("<img" in page, page.count(">TM<")) == (False, 1)


@pytest.mark.parametrize("size", [CHUNK_BYTES, CHUNK_BYTES + 1, PICTURE_BYTES_MAX])
async def test_a_large_picture_comes_in_chunks_whole(
    router: Router, tmp_path: Path, size: int
) -> None:
    content = bytes(n % 251 for n in range(size))
    (tmp_path / "pictures" / "x.png").write_bytes(content)
    found = await picture(router, "/pictures/x.png")
    if isinstance(found.body, bytes):
        chunks = [found.body]
    else:
        chunks = [chunk async for chunk in _of(found)]
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
        [chunk async for chunk in _of(before)]
    after = await picture(router, "/pictures/x.png")
    assert dict(after.headers)["ETag"] != dict(before.headers)["ETag"]


async def test_a_slow_client_keeps_no_file_open(router: Router, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "x.png").write_bytes(b"a" * PICTURE_BYTES_MAX)
    before = open_files()
    kept = [await picture(router, "/pictures/x.png") for _ in range(20)]
    begun = [len(await anext(_of(each))) + len(await anext(_of(each))) for each in kept]
    assert begun == [2 * CHUNK_BYTES] * len(kept)
    assert open_files() == before
    for each in kept:
        await _of(each).aclose()


def _of(response: Response) -> AsyncGenerator[bytes, None]:
    assert isinstance(response.body, AwaitedStream)
    return response.body.chunks


class Disk(type(Path())):  # type: ignore[misc]  # the class that Path is here
    """A path on a disk that answers when it is `ready`, and who has opened its files."""

    ready = threading.Event()
    opened_by: ClassVar[set[str]] = set()

    def stat(self, **how: Any) -> os.stat_result:  # noqa: ANN401  # as it is asked
        self.ready.wait()
        found: os.stat_result = super().stat(**how)
        return found

    def open(self, *how: Any) -> Any:  # noqa: ANN401  # as it is asked
        self.opened_by.add(threading.current_thread().name.partition("_")[0])
        return super().open(*how)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "x.png").write_bytes(PNG)
    (tmp_path / "large.png").write_bytes(b"x" * 3 * CHUNK_BYTES)
    Disk.ready.set()
    Disk.opened_by.clear()
    yield Disk(tmp_path)
    Disk.ready.set()


async def test_a_disk_that_does_not_answer_holds_no_page_up(disk: Path) -> None:
    now = 100.0
    pictures = Pictures(disk, lambda: now, look_seconds=0.01, read_seconds=0.01)
    asked = Router([RouteTable(pictures.routes(), ("/",))])
    Disk.ready.clear()
    for number in range(2 * THREADS):
        assert await pictures.there(["x.png", f"{number}.png"]) == set()
    answered = await picture(asked, "/pictures/x.png")
    assert (answered.status, answered.body) == (503, b"Pictures cannot be read now.\n")
    assert dict(answered.headers)["Retry-After"] == "10"
    assert await asyncio.to_thread(lambda: "others have threads") == "others have threads"
    Disk.ready.set()
    now += SEEN_SECONDS
    while not await pictures.there(["x.png"]):
        now += SEEN_SECONDS
        await asyncio.sleep(0)
    assert (await picture(asked, "/pictures/x.png")).body == PNG


async def test_a_page_opens_no_picture_and_the_loop_reads_none(disk: Path) -> None:
    pictures = Pictures(disk)
    assert await pictures.there(["x.png", "large.png"]) == {"x.png", "large.png"}
    assert Disk.opened_by == set()
    found = await picture(Router([RouteTable(pictures.routes(), ("/",))]), "/pictures/large.png")
    async with aclosing(_of(found)) as chunks:
        assert [len(chunk) async for chunk in chunks] == [CHUNK_BYTES] * 3
    assert Disk.opened_by == {"files"}
