"""Pages of a shop with 100,000 products, against the same bytes served as a constant.

    PYTHONPATH=tests python bench/web.py [PRODUCTS] [REQUESTS]

Back-end and desk are processes of their own; one client asks over one connection, a page at a
time, ours and the constant in turn. The rival is the same HTTP server in a process of its own,
with a handler that gives the page's bytes: what is left is what the page itself costs.
Prints p50 and p99 in milliseconds, and their ratio.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from _machine import free_port, percentile
from browser_desk import running

PAGES = {
    "first page, 24 products": "/",
    "page 2000": "/?page=2000",
    "search": "/?q=number+99",
    "product, a year": "/products/sku50000",
    "product, 5 years": "/products/sku50000?range=5y",
    "product, all": "/products/sku50000?range=all",
    "rates, 30 small charts": "/rates",
    "JSON, 24 products": "/api/products",
    "JSON, a product": "/api/products/sku50000",
}
LANGUAGE = {"Accept-Language": "en-US"}


def serve(folder: Path, port: int) -> None:
    """The rival: each file of a folder is a page, at its number."""
    from pricedesk.admission import ClientLimits  # noqa: PLC0415  # of the rival's process only
    from pricedesk.clock import clock_from  # noqa: PLC0415
    from pricedesk.frontend.web.rendering import Files  # noqa: PLC0415
    from pricedesk.http.messages import NO_STORE, Request, Response  # noqa: PLC0415
    from pricedesk.http.routes import Handler, Route, Router, RouteTable  # noqa: PLC0415
    from pricedesk.http.server import HttpService  # noqa: PLC0415

    def constant(body: bytes) -> Handler:
        def handler(_request: Request, _path: object) -> Response:
            return Response(body, media_type="text/html; charset=utf-8", headers=(NO_STORE,))

        return handler

    routes = [Route(f"/{file.name}", constant(file.read_bytes())) for file in folder.iterdir()]
    router = Router([RouteTable(tuple(routes), any_origin=False, headers=Files().headers)])

    async def main() -> None:
        service = HttpService(router, ClientLimits(10, 10), clock_from(None), time.monotonic)
        await service.start("127.0.0.1", port)
        await asyncio.Event().wait()

    asyncio.run(main())


def get(connection: HTTPConnection, path: str) -> tuple[float, bytes]:
    """Milliseconds to the last byte of a page, and the page."""
    since = time.perf_counter()
    connection.request("GET", path, headers=LANGUAGE)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (path, answer.status)
    return (time.perf_counter() - since) * 1000, body


def connected(port: int) -> HTTPConnection:
    """A connection that is made, however long its service takes to start."""
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.connect()
        except ConnectionError:
            time.sleep(0.01)
        else:
            return connection


def measure(ours: HTTPConnection, requests: int, folder: Path) -> None:
    for number, path in enumerate(PAGES.values()):
        (folder / str(number)).write_bytes(get(ours, path)[1])
    port = free_port()
    arguments = [sys.executable, __file__, "serve", str(folder), str(port)]
    with subprocess.Popen(arguments, env=os.environ) as rival_process:
        try:
            rival = connected(port)
            print(f"{'':26}{'KiB':>6}{'p50':>9}{'p99':>9}{'constant':>10}{'p99':>9}{'ratio':>8}")
            for number, (what, path) in enumerate(PAGES.items()):
                times: tuple[list[float], list[float]] = ([], [])
                for _ in range(requests):
                    times[0].append(get(ours, path)[0])
                    times[1].append(get(rival, f"/{number}")[0])
                (a, b), (c, d) = ((percentile(t, 50), percentile(t, 99)) for t in times)
                size = (folder / str(number)).stat().st_size / 1024
                print(f"{what:26}{size:6.1f}{a:9.2f}{b:9.2f}{c:10.2f}{d:9.2f}{a / c:8.1f}")
        finally:
            rival_process.kill()


def main(products: int, requests: int) -> None:
    print(f"{products} products, {requests} requests of each page, milliseconds")
    with tempfile.TemporaryDirectory() as folder:
        catalogue, pages = Path(folder) / "products.csv", Path(folder) / "pages"
        pages.mkdir()
        rows = (f"sku{n},Product number {n},{n % 900 + 1}.99,CAD\n" for n in range(products))
        catalogue.write_text("sku,name,price,currency\n" + "".join(rows), encoding="utf-8")
        with running(Path(folder), desk={"catalogue": str(catalogue)}) as desk:
            time.sleep(8)  # The index of the words is made in a thread.
            measure(connected(int(desk.url.rpartition(":")[2])), requests, pages)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        counts = [int(text) for text in sys.argv[1:]]
        main(*counts, *(100_000, 300)[len(counts) :])
