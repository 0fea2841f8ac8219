"""What the tests on a Docker engine share.

Without an engine they are skipped. In CI (the environment variable CI is set) they fail
instead: there, a promise that nobody checked must not look like one that was kept.
"""

import os
import subprocess
from collections.abc import Iterator

import pytest

from engine import docker

TAG = "test"
"""Beside `latest`, which may be somebody's own."""


def needed(what: str, *command: str) -> None:
    """Skip what asks for this, or fail it in CI, unless a command succeeds."""
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        if "CI" in os.environ:
            pytest.fail(f"{what} is needed in CI: {error}")
        pytest.skip(f"{what} is not here")


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine."""
    needed("a Docker engine", "docker", "info")


@pytest.fixture(scope="session")
def compose_plugin() -> None:
    """Docker's compose command; it reads files without an engine."""
    needed("docker compose", "docker", "compose", "version")


@pytest.fixture(scope="session")
def images(engine: None) -> Iterator[dict[str, str]]:
    """The images of this checkout by service, removed at the end."""
    names = {service: f"docker-tutorial/ex4-{service}:{TAG}" for service in ("backend", "frontend")}
    for service, name in names.items():
        docker("build", "-t", name, "-f", f"Dockerfile.{service}", ".")
    yield names
    docker("image", "rm", *names.values())
