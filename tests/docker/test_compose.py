"""compose.yaml at work: who reaches whom, with which rights, what is kept.

A project of the test's own runs it on a day after the packaged history, with a stand-in for
the ECB on the network `egress` that publishes round figures of that day.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import ROOT, Json, compose, docker, inspected, wait_for_log
from fake_source import PATH, PORT, xml_document
from pricedesk.backend.history import packaged_publications
from services import Client, free_port

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("engine")]

PROJECT = "pricedesk-test"
MONDAY_EVENING = "2026-11-02T18:00:00Z"
PUBLISHED = {"2026-11-02": packaged_publications()[-1].rates() | {"USD": "1.12", "CAD": "1.57"}}
MENU = b"Which product you wish to buy ?\n1. A laptop\n2. A PC\n3. A server\n"
PRICES = (
    b"Today your item costs 784.71 USD\n"
    b"Today your item costs 1712.10 USD\n"
    b"Today your item costs 24968.15 USD\n"
)

OVERRIDE = """\
services:
  ecb:
    image: python:3.13-slim-trixie
    command: [python3, /fake_source.py, /documents]
    networks: [egress]
    volumes: ["{source}:/fake_source.py:ro", "{documents}:/documents:ro"]
    healthcheck:
      test: [CMD, python3, -c, "import socket; socket.create_connection(('127.0.0.1', {port}))"]
      interval: 1s
  backend:
    image: {backend}
    depends_on:
      ecb: {{condition: service_healthy}}
  frontend:
    image: {frontend}
"""

REACH = """\
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)
    print("reached")
except OSError as error:
    print(error)
"""

WRITE = """\
import errno, os, sys
path = os.path.join(sys.argv[1], "tried")
try:
    open(path, "w").close()
    os.remove(path)
    print("written")
except OSError as error:
    print(errno.errorcode[error.errno])
"""

RUN_FROM_TMP = """\
import errno, os
with open("/tmp/tried", "w") as file:
    file.write("#!/bin/sh")
os.chmod(file.name, 0o700)
try:
    os.execv(file.name, [file.name])
except OSError as error:
    print(errno.errorcode[error.errno])
"""


class Project:
    """compose.yaml, running, and the stand-in for the ECB beside it."""

    def __init__(self, folder: Path, images: dict[str, str]) -> None:
        self.port = free_port()
        self._override = folder / "override.yaml"
        documents = folder / "documents"
        documents.mkdir()
        (documents / "eurofxref-hist-90d.xml").write_bytes(xml_document(PUBLISHED))
        source = ROOT / "tests" / "fake_source.py"
        self._override.write_text(
            OVERRIDE.format(source=source, documents=documents, port=PORT, **images)
        )

    def compose(self, *arguments: str) -> str:
        """Run a command of Compose on the project."""
        return compose(
            f"--project-name={PROJECT}",
            f"--file={ROOT / 'compose.yaml'}",
            f"--file={self._override}",
            *arguments,
            PUBLISH_PORT=str(self.port),
            PRICEDESK_CLOCK=MONDAY_EVENING,
            PRICEDESK_ECB_URL=f"http://ecb:{PORT}{PATH}",
        )

    def down(self) -> None:
        """Stop it and remove all of it."""
        self.compose("down", "--volumes", "--remove-orphans")

    def container(self, service: str) -> Json:
        """All that Docker knows of a service's container."""
        return inspected(self.compose("ps", "--all", "--quiet", service).strip())

    def address(self, service: str, network: str) -> str:
        """A service's IP address on a network."""
        networks = self.container(service)["NetworkSettings"]["Networks"]
        return str(networks[f"{PROJECT}_{network}"]["IPAddress"])

    def python(self, service: str, code: str, *arguments: str, user: str = "10001") -> str:
        """What a Python program in a service's container prints."""
        python = ("exec", "--no-TTY", f"--user={user}", service, "python3", "-c")
        return self.compose(*python, code, *arguments).strip()

    def prices(self) -> bytes:
        """What the desk says to a customer who asks for all prices through the published port."""
        with Client(self.port) as client:
            assert client.lines(4) == MENU
            client.send(b"1\n2\n3\n")
            return client.lines(3)


@pytest.fixture(scope="module")
def project(
    images: dict[str, str], compose_plugin: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """The project, healthy, its back-end knowing Monday's publication."""
    project = Project(tmp_path_factory.mktemp("compose"), images)
    project.down()
    try:
        project.compose("up", "--no-build", "--detach", "--wait")
        wait_for_log(project.container("backend")["Id"], "new rates")
        yield project
    finally:
        project.down()


@pytest.fixture
def without_ecb(project: Project) -> Iterator[Project]:
    """The project while nothing answers at the ECB's address."""
    project.compose("stop", "ecb")
    yield project
    project.compose("up", "--no-build", "--detach", "--wait")


def reaches(image: str, network: str, host: str, port: int) -> bool:
    """Whether a container on a network can connect."""
    python = (f"--network={network}", "--entrypoint=python3", image)
    return docker("run", "--rm", *python, "-c", REACH, host, str(port)) == "reached\n"


def test_the_desk_shows_prices_that_were_fetched_over_egress(project: Project) -> None:
    assert project.prices() == PRICES


def test_what_was_fetched_is_kept_when_the_back_end_starts_anew(without_ecb: Project) -> None:
    without_ecb.compose("restart", "backend")
    wait_for_log(without_ecb.container("backend")["Id"], "listening")
    assert without_ecb.prices() == PRICES


@pytest.mark.parametrize("port", [3000, 7000, 8000])
def test_the_back_end_is_refused_to_the_host(project: Project, port: int) -> None:
    assert project.container("backend")["HostConfig"]["PortBindings"] == {}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_the_http_door_answers_on_the_network_where_the_services_meet(project: Project) -> None:
    assert project.python("frontend", REACH, "backend", "8000") == "reached"


@pytest.mark.parametrize("network", ["bridge", f"{PROJECT}_edge"])
@pytest.mark.parametrize("on", ["inside", "egress"])
@pytest.mark.parametrize("port", [3000, 7000, 8000])
def test_the_back_end_cannot_be_reached_from_another_network(
    project: Project, images: dict[str, str], network: str, on: str, port: int
) -> None:
    address = project.address("backend", on)
    assert not reaches(images["backend"], network, address, port)


def test_the_desk_can_be_reached_from_its_edge(project: Project, images: dict[str, str]) -> None:
    assert reaches(images["backend"], f"{PROJECT}_edge", "frontend", 10000)


def test_only_the_back_end_has_a_way_to_the_ecb(project: Project) -> None:
    ecb = (project.address("ecb", "egress"), str(PORT))
    assert project.python("backend", REACH, *ecb) == "reached"
    assert project.python("frontend", REACH, *ecb) != "reached"


@pytest.mark.parametrize("service", ["backend", "frontend"])
def test_a_service_has_no_rights_to_lose(project: Project, service: str) -> None:
    read = "print(open('/proc/1/status').read())"
    status = dict(line.split(":\t") for line in project.python(service, read).splitlines())
    assert status["Uid"] == "10001\t10001\t10001\t10001"
    assert status["Gid"] == "10001\t10001\t10001\t10001"
    assert status["CapEff"] == status["CapBnd"] == "0000000000000000"
    assert status["NoNewPrivs"] == "1"
    _, *processes = docker("top", project.container(service)["Id"], "-o", "uid,pid").splitlines()
    assert {process.split()[0] for process in processes} == {"10001"}


@pytest.mark.parametrize(
    ("service", "user", "folder", "outcome"),
    [
        ("backend", "0", "/", "EROFS"),
        ("backend", "0", "/opt/pricedesk", "EROFS"),
        ("backend", "10001", "/tmp", "written"),  # noqa: S108  # the container's own
        ("backend", "10001", "/data", "written"),
        ("frontend", "0", "/", "EROFS"),
        ("frontend", "0", "/opt/pricedesk", "EROFS"),
        ("frontend", "10001", "/tmp", "written"),  # noqa: S108  # the container's own
    ],
)
def test_only_tmp_and_the_data_can_be_written(
    project: Project, service: str, user: str, folder: str, outcome: str
) -> None:
    assert project.python(service, WRITE, folder, user=user) == outcome


@pytest.mark.parametrize("service", ["backend", "frontend"])
def test_nothing_in_tmp_can_be_run(project: Project, service: str) -> None:
    assert project.python(service, RUN_FROM_TMP) == "EACCES"


@pytest.mark.parametrize("service", ["backend", "frontend"])
def test_a_service_is_healthy(project: Project, service: str) -> None:
    assert project.container(service)["State"]["Health"]["Status"] == "healthy"
