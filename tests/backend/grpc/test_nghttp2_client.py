"""nghttp2's own client, the C library below most of what speaks HTTP/2, with what it can do."""

import asyncio
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from grpc_doors import running
from http2_peer import message
from pricedesk.backend.grpc.methods import Method, Unary

pytestmark = pytest.mark.nghttp

METHODS: dict[str, Method] = {"/a.B/Echo": Unary(lambda asked: asked)}

WAYS = {
    "plainly": [],
    "with padding": ["--padding=255"],
    "with trailers": ["--trailer=x: y"],
    "with small windows": ["--window-bits=9", "--connection-window-bits=14"],
    "with large windows": ["--window-bits=30", "--connection-window-bits=30"],
    "without a table": ["--header-table-size=0", "--encoder-header-table-size=0"],
    "with a table that changes": [
        "--encoder-header-table-size=128",
        "--encoder-header-table-size=0",
    ],
    "with priorities": ["--weight=7"],
    "without priorities": ["--no-dep"],
    "with all of it": [
        "--padding=17",
        "--trailer=x: y",
        "--window-bits=8",
        "--encoder-header-table-size=64",
    ],
}


@pytest.mark.parametrize("way", WAYS)
async def test_an_echo_is_exact_however_it_is_asked_for(
    nghttp: str, tmp_path: Path, way: str
) -> None:
    body = message(bytes(n * n % 251 for n in range(100_000)))
    (tmp_path / "body").write_bytes(body)
    headers = ["content-type: application/grpc", "te: trailers", f"note: {'x' * 1000}"]
    options = [*WAYS[way], *(f"--header={line}" for line in headers)]
    async with running(METHODS, "own") as door:
        url = f"http://{door.address}/a.B/Echo"
        program = [nghttp, "--data", str(tmp_path / "body"), *options]
        process = await asyncio.create_subprocess_exec(*program, url, stdout=PIPE, stderr=STDOUT)
        output, _ = await process.communicate()
        assert (process.returncode, output) == (0, body)
        told = await asyncio.create_subprocess_exec(
            *program, "--verbose", "--null-out", url, stdout=PIPE
        )
        output, _ = await told.communicate()
    assert b"grpc-status: 0" in output
    assert b"recv GOAWAY" not in output


async def test_headers_that_go_on_and_on_are_refused_and_nothing_else(nghttp: str) -> None:
    """This option sends 24 KiB of headers, in two frames."""
    async with running(METHODS, "own") as door:
        process = await asyncio.create_subprocess_exec(
            nghttp,
            "--continuation",
            "--verbose",
            "--header=:method: POST",
            "--header=content-type: application/grpc",
            f"http://{door.address}/a.B/Echo",
            stdout=PIPE,
        )
        output, _ = await process.communicate()
    assert b"grpc-status: 8" in output
    assert b"recv GOAWAY" not in output


async def test_many_requests_on_one_connection(nghttp: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(message(b"hello"))
    headers = ["--header=content-type: application/grpc", "--header=te: trailers"]
    async with running(METHODS, "own") as door:
        process = await asyncio.create_subprocess_exec(
            nghttp,
            "--multiply=90",
            "--data",
            str(tmp_path / "body"),
            *headers,
            f"http://{door.address}/a.B/Echo",
            stdout=PIPE,
            stderr=STDOUT,
        )
        output, _ = await process.communicate()
    assert (process.returncode, output) == (0, message(b"hello") * 90)
