"""The two images: what is in them, what is not, and how their containers run and stop."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest

from engine import belongings, docker, inspected, wait_for_log
from grpc_cases import money, request
from pricedesk import __version__
from services import FRIDAY_EVENING, Client

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("engine")]

SERVICES = ("backend", "frontend")
NAME = "pricedesk-test"

LIST_OF_FILES = """\
import os, stat
for folder, _, names in os.walk("/"):
    if folder.startswith(("/proc", "/sys")):
        continue
    for name in names:
        path = os.path.join(folder, name)
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
            print(oct(mode & 0o7777), path)
"""

TOOLS = {"pip", "pip3", "easy_install", "uv", "cc", "gcc", "g++", "clang", "ld", "as", "make"}


@contextmanager
def running(image: str, *options: str) -> Iterator[str]:
    """A container of an image whose service listens; gives its name."""
    docker("run", "--detach", "--name", NAME, *options, image)
    try:
        wait_for_log(NAME, "listening")
        yield NAME
    finally:
        docker("rm", "--force", "--volumes", NAME)


@pytest.fixture(scope="module", params=SERVICES)
def files(request: pytest.FixtureRequest, images: dict[str, str]) -> list[tuple[int, str]]:
    """Mode and path of all files of an image, also of those that only root may see."""
    python = ("--user", "0", "--entrypoint", "python3", images[request.param])
    listed = docker("run", "--rm", *python, "-c", LIST_OF_FILES).splitlines()
    assert any(line.endswith("/bin/pricedesk") for line in listed)
    return [(int(mode, 8), path) for mode, path in (line.split(" ", 1) for line in listed)]


def test_nothing_in_an_image_installs_or_compiles_software(files: list[tuple[int, str]]) -> None:
    in_bin = {path for _, path in files if "/bin/" in path or "/sbin/" in path}
    assert {path for path in in_bin if path.rpartition("/")[2] in TOOLS} == set()
    assert {path for _, path in files if "/pip/" in path or "/ensurepip/" in path} == set()


def test_no_file_of_an_image_runs_with_the_rights_of_its_owner(
    files: list[tuple[int, str]],
) -> None:
    assert [path for mode, path in files if mode & 0o6000] == []


@pytest.mark.parametrize(
    ("service", "ports", "volumes"),
    [("backend", (3000, 8000), {"/data": {}}), ("frontend", (10000,), None)],
)
def test_an_image_says_how_it_runs(
    images: dict[str, str], service: str, ports: tuple[int, ...], volumes: dict[str, object] | None
) -> None:
    config = inspected(images[service])["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["pricedesk"]
    assert config["Cmd"] == [service]
    assert config["ExposedPorts"] == {f"{port}/tcp": {} for port in ports}
    assert config["Volumes"] == volumes
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "pricedesk", "healthcheck", service]


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_labelled(images: dict[str, str], service: str) -> None:
    labels = inspected(images[service])["Config"]["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}title"] == f"Pricedesk {service}"
    assert labels[f"{prefix}version"] == __version__
    assert labels[f"{prefix}licenses"] == "Apache-2.0"
    assert labels[f"{prefix}base.name"] == "python:3.13-slim-trixie"


def test_the_back_end_answers_without_capabilities_on_a_read_only_root(
    images: dict[str, str],
) -> None:
    clock = ("--env", f"PRICEDESK_CLOCK={FRIDAY_EVENING}", "--env", "PRICEDESK_FETCH=off")
    closed = ("--read-only", "--cap-drop", "ALL", "--publish", "127.0.0.1::3000")
    with running(images["backend"], *closed, *clock) as name:
        port = docker("port", name, "3000").rpartition(":")[2]
        with Client(int(port)) as client:
            client.send(b"1100\nquit\n")
            assert client.rest() == b"787.47\nbye\n"


def test_it_takes_the_place_of_the_demos_currency_service(images: dict[str, str]) -> None:
    """Within the limits, and with the variables, that Online Boutique gives its own."""
    limits = ("--cpus", "0.2", "--memory", "128m", "--read-only", "--user", "1000:1000")
    closed = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    ours = (f"PRICEDESK_CLOCK={FRIDAY_EVENING}", "PRICEDESK_FETCH=off")
    told = ("PORT=7000", "DISABLE_PROFILER=1", *ours)
    variables = [word for variable in told for word in ("--env", variable)]
    published = ("--publish", "127.0.0.1::7000")
    with running(images["backend"], *limits, *closed, *variables, *published) as name:
        port = docker("port", name, "7000").rpartition(":")[2].strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            convert: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                "/hipstershop.CurrencyService/Convert"
            )
            asked = request("CAD", 1100, 0, "USD")
            answer = convert(asked, timeout=60, wait_for_ready=True)
            assert money(answer) == ("USD", 787, 466_359_093)
            for _ in range(500):
                assert convert(asked, timeout=60) == answer
        docker("stop", "--time", "5", name)
        state = inspected(name)["State"]
        assert (state["ExitCode"], state["OOMKilled"]) == (0, False)


KILL_A_WORKER = """\
import os, signal
os.kill(int(open("/proc/1/task/1/children").read().split()[0]), signal.SIGKILL)
"""


@pytest.mark.parametrize("service", SERVICES)
def test_workers_in_a_container_are_replaced_and_stop_when_told(
    images: dict[str, str], service: str
) -> None:
    with running(images[service], "--env", "PRICEDESK_WORKERS=2") as name:
        docker("exec", name, "python3", "-c", KILL_A_WORKER)
        wait_for_log(name, "a worker has died")
        assert docker("exec", name, "pricedesk", "healthcheck", service) == "healthy\n"
        docker("stop", name)
        assert inspected(name)["State"]["ExitCode"] == 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_stops_at_once_when_told(images: dict[str, str], service: str) -> None:
    """Whoever is not gone after these seconds is killed, and its exit code says so."""
    before = belongings()
    with running(images[service]) as name:
        docker("stop", "--time", "5", name)
        assert inspected(name)["State"]["ExitCode"] == 0
    assert belongings() == before
