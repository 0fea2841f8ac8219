"""Take the pictures of docs/web.md: the example shop, as Chromium shows it.

Run: PYTHONPATH=src:tests python scripts/make_screenshots.py [FOLDER]
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from browser_desk import running

ROOT = Path(__file__).parents[1]
DESKTOP = ViewportSize(width=1120, height=760)
PHONE = ViewportSize(width=390, height=780)
SHOP = {
    "catalogue": str(ROOT / "examples" / "catalogue.csv"),
    "price_rules": str(ROOT / "examples" / "price-rules.toml"),
    "pictures": str(ROOT / "examples" / "pictures"),
    "shop_name": "Harbour & Pine",
}


@contextmanager
def visitor(browser: Browser, *, phone: bool = False, dark: bool = False) -> Iterator[Page]:
    """A page of a visitor from the United States."""
    context = browser.new_context(
        locale="en-US",
        viewport=PHONE if phone else DESKTOP,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()


def take(browser: Browser, url: str, folder: Path) -> None:
    """All pictures of the desk at an address."""
    with visitor(browser) as page:
        page.goto(url)
        page.screenshot(path=folder / "products.png")
        page.goto(f"{url}/products/laptop")
        page.screenshot(path=folder / "product.png")
        page.get_by_role("button", name="Hold this price").click()
        page.wait_for_url("**/quotes/*")
        page.screenshot(path=folder / "quote.png")
        page.goto(f"{url}/rates?base=CAD&to=USD&range=5y")
        page.screenshot(path=folder / "rates.png")
    with visitor(browser, dark=True) as page:
        page.goto(f"{url}/products/kettle?range=5y")
        page.screenshot(path=folder / "product-dark.png")
    with visitor(browser, phone=True) as page:
        page.goto(f"{url}/products/beans")
        page.screenshot(path=folder / "phone.png")


def main(folder: Path) -> None:
    """Start both services, and take the pictures."""
    with (
        tempfile.TemporaryDirectory() as data,
        running(Path(data), desk=SHOP) as desk,
        sync_playwright() as playwright,
    ):
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        take(browser, desk.url, folder)
        browser.close()
    for picture in sorted(folder.glob("*.png")):
        print(f"{picture.name}: {picture.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
