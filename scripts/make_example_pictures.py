"""Make the pictures of examples/catalogue.csv from its drawings, as Chromium renders them.

Run: python scripts/make_example_pictures.py
"""

import shutil
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

EXAMPLES = Path(__file__).parents[1] / "examples"
SIZE = ViewportSize(width=640, height=360)


def main() -> None:
    """Make all of them."""
    folder = EXAMPLES / "pictures"
    folder.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        for drawing in sorted((EXAMPLES / "drawings").glob("*.svg")):
            page.set_content(f'<body style="margin:0">{drawing.read_text(encoding="utf-8")}')
            page.screenshot(path=folder / f"{drawing.stem}.png")
        browser.close()


if __name__ == "__main__":
    main()
