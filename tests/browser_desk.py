"""A desk with its pages and a back-end, both of them real processes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services import Service, backend, free_port, frontend


@dataclass
class Desk:
    """A desk whose pages are at `url`, and the back-end that it asks."""

    url: str
    desk: Service
    backend: Service
    backend_port: int


@contextmanager
def running(
    data_dir: Path, desk: Mapping[str, str] | None = None, rates: Mapping[str, str] | None = None
) -> Iterator[Desk]:
    """Both services, with these settings of the desk and of the back-end."""
    port = free_port()
    with (
        backend(data_dir, port, **(rates or {})) as (back, _),
        frontend(port, **(desk or {})) as (front, _),
    ):
        yield Desk(f"http://127.0.0.1:{front.web_port}", front, back, port)
