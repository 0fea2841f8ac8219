"""The gRPC door on both servers, over the packaged history on the evening of its last day."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from grpc_doors import SERVERS, Caller, Running, calling, running
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.grpc.door import make_methods
from pricedesk.backend.http.surroundings import Readiness


@pytest.fixture
def readiness(bureau: Bureau) -> Readiness:
    return Readiness(bureau)


@pytest_asyncio.fixture(params=SERVERS)
async def door(
    request: pytest.FixtureRequest, bureau: Bureau, readiness: Readiness
) -> AsyncIterator[Running]:
    async with running(make_methods(bureau, readiness), request.param) as found:
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
