"""The gRPC door on both servers, over the packaged history on the evening of its last day."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from grpc_doors import SERVERS, Caller, Running, calling, running
from held import Asking, DeskAtOnce
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.grpc.door import make_methods
from pricedesk.backend.grpc.methods import Method
from pricedesk.backend.news import News
from pricedesk.backend.store import Store, open_store
from pricedesk.backend.surroundings import Readiness


@pytest.fixture
def readiness(bureau: Bureau) -> Readiness:
    return Readiness(bureau)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store("", tmp_path)) as opened:
        opened.database.execute("PRAGMA synchronous=OFF")
        yield opened


@pytest.fixture
def methods(bureau: Bureau, store: Store, readiness: Readiness) -> dict[str, Method]:
    """Every method of the door; each request about a quote waits for nothing."""
    return make_methods(bureau, DeskAtOnce(Asking(store, bureau)), News(bureau, store), readiness)


@pytest_asyncio.fixture(params=SERVERS)
async def door(
    request: pytest.FixtureRequest, methods: dict[str, Method]
) -> AsyncIterator[Running]:
    async with running(methods, request.param) as found:
        yield found


@pytest_asyncio.fixture
async def client(door: Running) -> AsyncIterator[Caller]:
    async with calling(door) as caller:
        yield caller


@pytest.fixture(scope="session")
def node_client() -> Path:
    """The program that calls by way of Node's client; CI has to have what it needs."""
    folder = Path(__file__).parents[2] / "node"
    if not (folder / "node_modules").exists():
        assert "CI" not in os.environ, "Node's gRPC client is not installed"
        pytest.skip("Node's gRPC client is not installed: `make test` does it where there is npm")
    return folder / "client.js"


GO_PACKAGES = Path("/usr/share/gocode")
"""Where Debian has the sources of Go packages."""


@pytest.fixture(scope="session")
def go_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that calls by way of Go's client; CI has to have what it is made of."""
    if not (shutil.which("go") and (GO_PACKAGES / "src/google.golang.org/grpc").exists()):
        assert "CI" not in os.environ, "Go, or its gRPC client, is not installed"
        pytest.skip("Go, or its gRPC client, is not installed (golang-google-grpc-dev)")
    folder = tmp_path_factory.mktemp("go")
    source = Path(__file__).parents[2] / "go" / "calls.go"
    made = {"GO111MODULE": "off", "GOPATH": str(GO_PACKAGES), "GOCACHE": str(folder / "cache")}
    command = ["go", "build", "-o", str(folder / "calls"), str(source)]
    subprocess.run(command, check=True, env={**os.environ, **made, "GOFLAGS": ""}, timeout=600)
    return folder / "calls"


@pytest.fixture(scope="session")
def nghttp() -> str:
    """nghttp2's client; CI has to have it."""
    if not shutil.which("nghttp"):
        assert "CI" not in os.environ, "nghttp is not installed"
        pytest.skip("nghttp is not installed (nghttp2-client)")
    return "nghttp"
