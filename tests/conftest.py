"""What all tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from hypothesis import HealthCheck, settings

from postgres import PostgresServer, postgres_server, programs

# A slow machine is not a failing one.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# Whoever starts the tests in the background may have them ignore it, and so do their children.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-seconds", type=int, default=3, help="how long random bytes are sent to services"
    )
    parser.addoption(
        "--kills", type=int, help="how often a writer is killed on each kind of store; else a few"
    )
    parser.addoption(
        "--quotes", type=int, help="how many prices are held while a back-end is killed; else a few"
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; CI has to have one."""
    if programs() is None:
        assert "CI" not in os.environ, "PostgreSQL's server programs are not installed"
        pytest.skip("PostgreSQL's server programs are not installed")
    with postgres_server() as server:
        yield server


@pytest.fixture
def downloads_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Downloads come from this machine: no proxy, no certificates, and no pauses in between.

    As many attempts are made as ever, one right after the other.
    """
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    # It takes 40 ms to read them.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> str:
    """The setting PRICEDESK_DATABASE: one test on SQLite, one in an empty PostgreSQL database."""
    if request.param == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.make_database()
