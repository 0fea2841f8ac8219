"""Pictures come from the shop's folder, and nothing that is beside it does."""

import os
from http import HTTPStatus
from pathlib import Path

import pytest

from asking import respond
from pricedesk.frontend.web.pictures import PICTURE_BYTES_MAX, Pictures
from pricedesk.http.messages import Response
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


def picture(router: Router, path: str) -> Response:
    return respond(router, "GET", path)


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/pictures/x.png", "image/png"),
        ("/pictures/in.png", "image/png"),
        ("/pictures/%78.png", "image/png"),
        ("/pictures/a/b/c/x.webp", "image/webp"),
    ],
)
def test_a_picture_is_served_and_may_be_kept_for_an_hour(
    router: Router, path: str, media_type: str
) -> None:
    found = picture(router, path)
    assert (found.status, found.body) == (200, PNG)
    headers = dict(found.headers)
    assert headers["Content-Type"] == media_type
    assert headers["Cache-Control"] == "public, max-age=3600"
    known = respond(router, "GET", path, "", {"if-none-match": headers["ETag"]})
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
def test_nothing_else_is(router: Router, path: str) -> None:
    found = picture(router, path)
    assert found.status == HTTPStatus.NOT_FOUND
    assert isinstance(found.body, bytes)
    assert b"secret" not in found.body


def test_without_a_folder_there_are_none() -> None:
    router = Router([RouteTable(Pictures(None).routes(), ("/",))])
    assert picture(router, "/pictures/x.png").status == HTTPStatus.NOT_FOUND
