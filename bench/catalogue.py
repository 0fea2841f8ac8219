"""A catalogue of 100,000 products: start, search, page, change; ours against a scan of the file.

    python bench/catalogue.py [PRODUCTS]

The desk's start is timed from outside, to its first menu, beside the tutorial's three products.
Searches are timed in this process, each alone, as the desk's loop is blocked by one; the rival
looks for the same words in each product's folded text, which is what a catalogue without an
index does. Prints medians and the slowest, in milliseconds.
"""

import random
import signal
import socket
import statistics
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _machine import free_port, inherited, peak_mib
from pricedesk.currencies import currency
from pricedesk.frontend.catalogue import Catalogue, Product
from pricedesk.frontend.catalogue_csv import catalogue_csv
from pricedesk.frontend.catalogue_index import with_index
from pricedesk.frontend.catalogue_source import CsvCatalogue
from pricedesk.frontend.catalogue_store import SqliteCatalogue
from pricedesk.money import Money

ADJECTIVES = ["red", "blue", "green", "small", "large", "heavy", "wooden", "steel", "café"]
NOUNS = ["laptop", "server", "chair", "table", "lamp", "phone", "camera", "bottle", "cable", "desk"]
SEARCHES = [
    ("", ""),
    ("", "lamp"),
    ("laptop", ""),
    ("red laptop", ""),
    ("CAFÉ lamp", ""),
    ("lap", "laptop"),
    ("s", ""),
    ("a b c", ""),
    ("sku-050000", ""),
    ("red steel blue", ""),
    ("nowhere", ""),
]
QUESTION = b"Which product you wish to buy ?\n"
ROUNDS = 9


def products(count: int) -> list[Product]:
    """Names of four words, descriptions of fourteen, ten categories; always the same."""
    chance = random.Random(4)  # noqa: S311  # nothing is guessed from it
    letters = string.ascii_lowercase
    words = ["".join(chance.choices(letters, k=chance.randint(3, 9))) for _ in range(5000)]
    return [
        Product(
            f"SKU-{n:06}",
            f"{chance.choice(ADJECTIVES)} {chance.choice(NOUNS)} {chance.choice(words)} {n % 997}",
            Money(chance.randrange(100, 10**7), currency("CAD")),
            " ".join(chance.choices(words, k=14)),
            chance.choice(NOUNS),
        )
        for n in range(count)
    ]


def timed(act: Callable[[], object]) -> float:
    """Milliseconds that something takes."""
    since = time.perf_counter()
    act()
    return (time.perf_counter() - since) * 1000


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            assert connection.recv(len(QUESTION)) == QUESTION
    except ConnectionError:
        return False
    return True


def start(catalogue: str) -> tuple[float, float]:
    """The desk's start: milliseconds to its menu, and MiB when it has its index."""
    port = free_port()
    settings = {
        "PRICEDESK_TELNET_PORT": str(port),
        "PRICEDESK_WEB_PORT": "0",
        "PRICEDESK_CATALOGUE": catalogue,
    }
    since = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "pricedesk.cli", "frontend"],
        env={**inherited(), **settings},
        stdout=subprocess.DEVNULL,
    )
    try:
        while not answers(port):
            time.sleep(0.002)
        seconds = time.perf_counter() - since
        time.sleep(6 if catalogue else 0.5)
        return seconds * 1000, peak_mib(process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def row(what: str, values: list[float], note: str = "") -> None:
    print(f"{what:32} {statistics.median(values):9.2f} {max(values):9.2f}  {note}")


def searches(plain: Catalogue, indexed: Catalogue) -> None:
    plain.find("warm")
    for text, category in SEARCHES:
        ours, rival = [], []
        for _ in range(ROUNDS):
            ours.append(timed(lambda: indexed.find(text, category, 24, 24)))  # noqa: B023  # at once
            rival.append(timed(lambda: plain.find(text, category, 24, 24)))  # noqa: B023  # at once
        found, looked = indexed.find(text, category, 24, 24), plain.find(text, category, 24, 24)
        assert found == looked
        ratio = statistics.median(rival) / statistics.median(ours)
        what = f"search {text!r} {category}" if text else f"page {category}"
        row(what, ours, f"{found.total} found; looking at each takes {ratio:.1f} times as long")


def main(count: int) -> None:
    print(f"{count} products, medians and slowest of {ROUNDS}, milliseconds")
    with tempfile.TemporaryDirectory() as folder:
        path, file = Path(folder) / "shop.csv", Path(folder) / "shop.sqlite3"
        made = products(count)
        path.write_text("".join(catalogue_csv(made)), encoding="utf-8")
        store = SqliteCatalogue(file)
        print(f"CSV file of {path.stat().st_size / 2**20:.1f} MiB")
        row("put into SQLite", [timed(lambda: store.replace(made)) for _ in range(3)])
        row("read the CSV file", [timed(CsvCatalogue(path).read) for _ in range(3)])
        row("read the SQLite file", [timed(store.read) for _ in range(3)])
        plain = CsvCatalogue(path).read()
        row("make the index", [timed(lambda: with_index(plain)) for _ in range(3)])
        searches(plain, with_index(plain))
        for what, setting in (("three products", ""), ("CSV", str(path)), ("SQLite", str(file))):
            results = [start(setting) for _ in range(3)]
            mib = statistics.median(mib for _, mib in results)
            row(f"start of the desk, {what}", [ms for ms, _ in results], f"{mib:.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
