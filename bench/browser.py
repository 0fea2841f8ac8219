"""The first page of a shop with 100,000 products as a browser sees it, against an empty page.

    PYTHONPATH=tests python bench/browser.py [PRODUCTS] [ROUNDS]

Chromium opens both in turn, each time as somebody who was never there, and then the shop's next
page. It runs already, and each page waits until the machine has nothing else to do, so what it does
to open a window for somebody new is not counted. What is printed are the browser's own figures:
when the last byte of the page was there, when its document and all that belongs to it were, when
something was first painted, how much came over the wire, and how far things moved (layout shift).
The rival, `/healthz`, is what a browser needs for next to nothing. Needs Chromium.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from _tools import need, where_is
from browser_desk import running

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
IDLE = 0.88
"""So much of a machine that has nothing to do is idle."""
LOOK_SECONDS, LOOKS_MAX = 0.25, 8
PROCESSOR_TIMES = Path("/proc/stat")
SHIFTS = """() => new Promise(done => {
  new PerformanceObserver((list, observer) => {
    observer.disconnect();
    done(list.getEntries().reduce((sum, entry) => sum + entry.value, 0));
  }).observe({type: 'layout-shift', buffered: true});
  setTimeout(() => done(0), 100);  // Nothing has moved.
})"""
FIGURES = """() => {
  const [page] = performance.getEntriesByType('navigation');
  const [paint] = performance.getEntriesByName('first-contentful-paint');
  const files = performance.getEntriesByType('resource');
  return {
    last_byte_ms: page.responseEnd,
    document_ms: page.domContentLoadedEventEnd,
    loaded_ms: page.loadEventEnd,
    painted_ms: paint ? paint.startTime : 0,
    bytes: files.reduce((sum, file) => sum + file.transferSize, page.transferSize),
  };
}"""


def processor_times() -> tuple[int, int]:
    """How long the processors were idle since the machine's start, and how long they were there."""
    times = [int(field) for field in PROCESSOR_TIMES.read_text().split("\n", 1)[0].split()[1:]]
    return times[3], sum(times)


def wait_for_idleness() -> None:
    """Until the machine has nothing to do; after LOOKS_MAX looks, whatever it does."""
    for _ in range(LOOKS_MAX):
        before = processor_times()
        time.sleep(LOOK_SECONDS)
        idle, all_of_it = (b - a for a, b in zip(before, processor_times(), strict=True))
        if idle > IDLE * all_of_it:
            return


def seen(browser: Browser, urls: Sequence[str]) -> list[dict[str, float]]:
    """The browser's figures of pages that are visited one after the other."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    found: list[dict[str, float]] = []
    for url in urls:
        wait_for_idleness()
        page.goto(url, wait_until="load")
        while not (figures := page.evaluate(FIGURES))["painted_ms"]:
            page.wait_for_timeout(10)
        found.append({**figures, "shift": page.evaluate(SHIFTS)})
    context.close()
    return found


def main(products: int, rounds: int) -> None:
    """Visit both pages in turn, and print the medians."""
    need("chromium")
    chromium = where_is("chromium")
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Path(folder) / "products.csv"
        rows = (f"sku{n},Product number {n},{n % 900 + 1}.99,CAD\n" for n in range(products))
        catalogue.write_text("sku,name,price,currency\n" + "".join(rows), encoding="utf-8")
        with (
            running(Path(folder), desk={"catalogue": str(catalogue)}) as desk,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            visits: dict[str, list[dict[str, float]]] = {"first": [], "next": [], "nothing": []}
            for _ in range(rounds):
                first, following = seen(browser, [f"{desk.url}/", f"{desk.url}/?page=2"])
                visits["first"].append(first)
                visits["next"].append(following)
                visits["nothing"] += seen(browser, [f"{desk.url}/healthz"])
            browser.close()
    names = list(visits["first"][0])
    print("page     ", *(f"{name:>13}" for name in names))
    for visit, found in visits.items():
        medians = (statistics.median(figures[name] for figures in found) for name in names)
        print(f"{visit:9}", *(f"{median:13.1f}" for median in medians))
    loaded = [statistics.median(f["loaded_ms"] for f in visits[v]) for v in ("first", "nothing")]
    print(f"the first page is loaded in {loaded[0] / loaded[1]:.1f} times the time of nothing")


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    main(*(numbers + [100_000, 20][len(numbers) :]))
