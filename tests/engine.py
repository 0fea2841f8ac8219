"""Docker for tests: its commands, the images under test, and waiting for a container."""

import json
import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from terminal import SCREEN_SECONDS, Terminal

ROOT = Path(__file__).parents[1]
COMMAND_SECONDS = 300
"""The longest that a command may take: an image is built in it, and packages are fetched."""

Json: TypeAlias = Any
"""A JSON document."""


def docker(
    *arguments: str, typed: str | None = None, environment: dict[str, str] | None = None
) -> str:
    """What a docker command prints that is run in the root of the checkout; it must succeed."""
    done = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout


def compose(*arguments: str, **settings: str) -> str:
    """What a command of Compose prints, with these settings and nobody's own."""
    others = ("PRICEDESK_", "PUBLISH_", "COMPOSE_")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    return docker("compose", "--env-file", os.devnull, *arguments, environment=clean | settings)


def inspected(name: str) -> Json:
    """All that Docker knows of a container or an image."""
    return json.loads(docker("inspect", name))[0]


def wait_for_log(container: str, event: str) -> None:
    """Wait until a container has logged an event since it was started."""
    started = inspected(container)["State"]["StartedAt"]
    with Terminal("docker", "logs", "--follow", "--since", started, container) as log:
        log.wait_for(f'"event": "{event}"')


def wait_until_removed(containers: Iterable[str]) -> None:
    """Wait until containers with --rm are gone: Docker removes them after they have stopped."""
    end = time.monotonic() + SCREEN_SECONDS
    while left := set(containers).intersection(belongings()["containers"]):
        assert time.monotonic() < end, f"not removed: {left}"


def belongings() -> dict[str, list[str]]:
    """The names of all containers, networks, volumes and tagged images of the engine."""
    named = "{{.Repository}}:{{.Tag}}"
    lists = {
        "containers": ("ps", "--all", "--format", "{{.Names}}"),
        "networks": ("network", "ls", "--format", "{{.Name}}"),
        "volumes": ("volume", "ls", "--format", "{{.Name}}"),
        "images": ("image", "ls", "--filter", "dangling=false", "--format", named),
    }
    return {kind: sorted(docker(*command).split()) for kind, command in lists.items()}
