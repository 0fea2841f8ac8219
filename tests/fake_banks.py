"""All eight sources on one port: each answers as recorded, or with a fault that is asked for.

PRICEDESK_SOURCE_URLS sends a back-end here: `FakeBanks.urls` is its value.
"""

import gzip
from collections.abc import Callable
from pathlib import Path

from fake_source import Answer, Exchange, FakeSource, dripping, endless, head, raw, reply, reset

FIXTURES = Path(__file__).parent / "fixtures"

RECORDED = {
    "BOC": "FX_RATES_DAILY-2026-03-12.json",
    "NB": "norges-bank-sdmx-2026-03-16_2026-03-24.csv",
    "BOE": "boe-iadb-2026-03-17_2026-03-20.csv",
    "CNB": "cnb-daily-year-2026.json",
    "NBP": "nbp-table-A-2026-03-01_2026-03-05.json",
    "RB": "riksbank-bygroup130-2026-03-24_2026-03-28.json",
    "ERAPI": "latest-USD.MADE-BY-US.json",
}
"""The ECB has a recording for each of its documents."""

KEYS = ("ECB", *RECORDED)
ELSEWHERE = "http://elsewhere.example/rates"
GIGABYTE = 10**9
_PIECE = b"x" * 65536
_PASSING = 0.05
"""A slow answer's seconds a byte, by the loop's clock: a head of 40 bytes takes two."""
_BOMB = gzip.compress(bytes(2**24))


def _gigabyte(_document: bytes) -> Answer:
    async def answer(exchange: Exchange) -> None:
        await exchange.send(head(content_length=GIGABYTE))
        for _ in range(GIGABYTE // len(_PIECE)):
            await exchange.send(_PIECE)

    return answer


FAULTS: dict[str, Callable[[bytes], Answer]] = {
    "500": lambda _: reply(b"broken", 500),
    "429 with Retry-After": lambda _: reply(b"", 429, retry_after=3600),
    "503 with Retry-After": lambda _: reply(b"", 503, retry_after=3600),
    "empty 200": lambda _: reply(b""),
    "HTML 200": lambda _: reply(b"<!DOCTYPE html><html><body>Sorry</body></html>"),
    "half a body": lambda document: raw(
        head(content_length=len(document)) + document[: len(document) // 2]
    ),
    "half a chunk": lambda document: raw(
        head(transfer_encoding="chunked")
        + b"%x\r\n%b" % (len(document), document[: len(document) // 2])
    ),
    "1 GB": _gigabyte,
    "a body byte by byte": lambda _: dripping(head(), b"x", _PASSING),
    "gzip bomb": lambda _: endless(head(content_encoding="gzip"), _BOMB),
    "redirect to another host": lambda _: reply(b"", 302, location=ELSEWHERE),
    "slow headers": lambda _: dripping(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", _PASSING),
    "endless headers": lambda _: endless(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 1000),
    "endless interim answers": lambda _: endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "endless chunk extensions": lambda _: endless(
        head(transfer_encoding="chunked"), b"1;%b\r\nx\r\n" % (b"y" * 8192)
    ),
    "reset": lambda _: reset,
}
"""What can be wrong with an answer, made of the document that would be right."""


class FakeBanks(FakeSource):
    """The eight sources; `documents` and `faults` may be changed at any time."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.documents = {
            key: (FIXTURES / key.lower() / name).read_bytes() for key, name in RECORDED.items()
        }
        """What is served where no fault is; of the ECB only what a test puts in its place."""
        self.faults: dict[str, str] = {}
        """By the key of a source, which of FAULTS it has now."""

    @property
    def urls(self) -> str:
        """The value of PRICEDESK_SOURCE_URLS."""
        return ";".join(f"{key}={self.address(key)}" for key in KEYS)

    def address(self, key: str) -> str:
        """What stands for the host of a source."""
        return f"http://127.0.0.1:{self.port}/{key.lower()}"

    def document(self, key: str, path: str) -> bytes:
        """What a source serves under a path."""
        if key == "ECB" and key not in self.documents:
            name = path.rpartition("/")[2].replace(".xml", ".RECONSTRUCTED.xml")
            return (FIXTURES / "ecb" / name).read_bytes()
        return self.documents[key]

    async def _answer(self, exchange: Exchange) -> None:
        key = exchange.path.split("/")[1].upper()
        document = self.document(key, exchange.path)
        fault = self.faults.get(key)
        answer = reply(document) if fault is None else FAULTS[fault](document)
        await answer(exchange)
