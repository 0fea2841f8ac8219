"""docs/catalogue.md: its file is a catalogue, and every column and limit is on the page."""

import re
from pathlib import Path

from pricedesk.frontend.catalogue import (
    COLUMNS,
    DESCRIPTION_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    OPTIONAL_COLUMNS,
    PRODUCTS_MAX,
)
from pricedesk.frontend.catalogue_csv import PROBLEMS_MAX, parse_catalogue

PAGE = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text(encoding="utf-8")


def test_the_file_on_the_page_is_a_catalogue() -> None:
    (text,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    assert [product.sku for product in parse_catalogue(text, "page")] == ["laptop", "kettle"]


def test_every_column_and_limit_is_on_the_page() -> None:
    assert [c for c in COLUMNS + OPTIONAL_COLUMNS if f"| `{c}` |" not in PAGE] == []
    assert f"at most {NAME_CHARACTERS_MAX} characters" in PAGE
    assert f"at most {DESCRIPTION_CHARACTERS_MAX} characters" in PAGE
    assert f"{PRODUCTS_MAX:,} products at most" in PAGE
    assert f"{PROBLEMS_MAX} of them at most" in PAGE
