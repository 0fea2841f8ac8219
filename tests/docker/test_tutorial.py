"""docs/tutorial.md is true: its commands are typed into a real engine, what they show compared.

What depends on the day and on the way to the ECB is made certain: each image that the page
builds is replaced by one made from it, with a clock and without fetching.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from engine import (
    COMMAND_SECONDS,
    ROOT,
    belongings,
    docker,
    inspected,
    wait_for_log,
    wait_until_removed,
)
from services import FRIDAY_EVENING
from terminal import Terminal

PAGE = ROOT / "docs" / "tutorial.md"
CONTAINERS = ("backend", "frontend")
NETWORK = "tutorial-net"
IMAGES = ("docker-tutorial/ex4-backend", "docker-tutorial/ex4-frontend")
ESCAPE_SHOWN, ESCAPE = "^]", "\x1d"

CONTRACT = """\
docker build -t docker-tutorial/ex4-backend -f Dockerfile.backend .
docker run --rm --name backend -d -p 3000:3000 --hostname backend docker-tutorial/ex4-backend
telnet localhost 3000
docker build -t docker-tutorial/ex4-frontend -f Dockerfile.frontend .
docker run --rm --name frontend -d -p 10000:10000 docker-tutorial/ex4-frontend
telnet localhost 10000
docker ps --all
docker network create tutorial-net
docker network ls
docker stop backend
docker run --rm --name backend -d --expose 3000 --hostname backend --net tutorial-net \
docker-tutorial/ex4-backend
telnet localhost 3000
docker stop frontend
docker run --rm --name frontend -d -p 10000:10000 --net tutorial-net docker-tutorial/ex4-frontend
telnet localhost 10000
docker stop frontend backend
docker network rm tutorial-net
docker image rm docker-tutorial/ex4-backend docker-tutorial/ex4-frontend
docker image prune
"""
"""The commands of the tutorial that this one retells; people have them in their fingers."""


@dataclass(frozen=True)
class Step:
    """A command of the page, what is typed while it runs, and what the screen shows."""

    command: str
    typed: tuple[str, ...]
    shown: str


def steps(page: str) -> Iterator[Step]:
    """The commands of all console blocks, in order."""
    block = re.compile(r"(?:<!-- typed: ([^\n]*) -->\n\n)?```console\n(.*?)```\n", re.DOTALL)
    for typed, content in block.findall(page):
        nothing, *parts = re.split(r"^\$ ", content, flags=re.MULTILINE)
        assert nothing == ""
        assert len(parts) == 1 or not typed
        for part in parts:
            command, _, shown = part.partition("\n")
            yield Step(command, tuple(typed.split(", ")) if typed else (), shown)


def pattern(shown: str) -> str:
    """A regular expression for what the page shows: `…` is anything, alone it is any lines."""
    lines = shown.splitlines(keepends=True)
    return "".join(
        r"(?:.*\n)*?" if line == "…\n" else re.escape(line).replace("…", ".*") for line in lines
    )


def keys(step: Step) -> Iterator[tuple[str, str]]:
    """What is on the screen before each text is typed, and the text."""
    start = 0
    for text in step.typed:
        place = re.compile(rf"(?:^|(?<= )){re.escape(text)}$", re.MULTILINE)
        found = place.search(step.shown, start)
        assert found, f"{step.command!r} does not show where {text!r} is typed"
        start = found.end()
        yield step.shown[: found.start()], text


def sameness(text: str) -> str:
    """The text without what may differ: the addresses telnet tries, the width of columns."""
    tries = r"^(?:Trying .*\.\.\.|telnet: connect to address .*)\n"
    return re.sub(r" {2,}", "  ", re.sub(tries, "", text, flags=re.MULTILINE))


def screen(step: Step) -> str:
    """What a person sees who types the step's command, and what it asks for."""
    command = shlex.split(step.command)
    if command[0] != "telnet" and not step.typed:
        done = subprocess.run(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout
    with Terminal(*command) as terminal:
        for before, text in keys(step):
            terminal.wait_for(pattern(sameness(before)))
            terminal.press(ESCAPE if text == ESCAPE_SHOWN else f"{text}\n")
        return terminal.end()[0]


def make_certain(step: Step) -> None:
    """Set the clock of what was built, and wait for what was started or stopped.

    Docker is not always done with a container when a command returns; a person never notices.
    """
    match shlex.split(step.command):
        case ["docker", "build", "-t", image, *_]:
            settings = f"PRICEDESK_CLOCK={FRIDAY_EVENING} PRICEDESK_FETCH=off"
            docker("build", "-t", image, "-", typed=f"FROM {image}\nENV {settings}\n")
        case ["docker", "run", "--rm", "--name", container, *_]:
            wait_for_log(container, "listening")
        case ["docker", "stop", *containers]:
            wait_until_removed(containers)


def remove_traces() -> None:
    """Remove what the page makes, if an earlier walk through it was broken off."""
    there = belongings()
    for name in set(CONTAINERS).intersection(there["containers"]):
        image = inspected(name)["Config"]["Image"]
        assert image in IMAGES, f"the container {name} is not the tutorial's: it runs {image}"
        docker("rm", "--force", "--volumes", name)
    if NETWORK in there["networks"]:
        docker("network", "rm", NETWORK)
    tags = {f"{image}:latest" for image in IMAGES}.intersection(there["images"])
    if tags:
        docker("image", "rm", *tags)
    for service in CONTAINERS:
        title = f"label=org.opencontainers.image.title=Pricedesk {service}"
        docker("image", "prune", "--force", "--filter", title)


@pytest.fixture
def clean_engine(engine: None) -> Iterator[None]:
    """An engine with nothing of the page on it, before and after."""
    remove_traces()
    yield
    remove_traces()


@pytest.fixture
def telnet() -> None:
    """The telnet program; CI has to have it."""
    if shutil.which("telnet") is None:
        assert "CI" not in os.environ, "the telnet program is not installed"
        pytest.skip("the telnet program is not installed")


def test_the_page_has_the_commands_of_the_tutorial_that_it_retells() -> None:
    commands = [step.command for step in steps(PAGE.read_text(encoding="utf-8"))]
    assert commands == CONTRACT.splitlines()


@pytest.mark.docker
@pytest.mark.telnet
def test_every_command_shows_what_the_page_says(clean_engine: None, telnet: None) -> None:
    before = belongings()
    for step in steps(PAGE.read_text(encoding="utf-8")):
        seen = sameness(screen(step))
        promised = sameness(step.shown)
        assert re.fullmatch(pattern(promised), seen), (
            f"{step.command}\nshows:\n{seen}\nThe page says:\n{promised}"
        )
        make_certain(step)
    assert belongings() == before
