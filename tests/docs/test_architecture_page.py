"""The map in docs/architecture.md has every module, and no other."""

import re
from pathlib import Path

import pricedesk

PAGE = Path(__file__).parents[2] / "docs/architecture.md"
SOURCE = Path(pricedesk.__file__).parent

MAP = PAGE.read_text(encoding="utf-8").split("## Map\n\n")[1].split("\n\n")[0]

NAMED_BESIDE_SOURCES = {"facts.py", "reading.py"}
"""Each source has a module, and all of these have one line."""


def _is_named(path: Path) -> bool:
    of_sources = path.parent.name == "sources"
    return path.name in NAMED_BESIDE_SOURCES if of_sources else path.name != "__init__.py"


def test_the_map_has_every_module_and_no_other() -> None:
    """By their names: where two folders have a module of one name, one is enough for it."""
    modules = {path.name for path in SOURCE.rglob("*.py") if _is_named(path)}
    assert set(re.findall(r"\b[a-z0-9_]+\.py\b", MAP)) == modules
