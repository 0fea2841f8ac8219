"""Where the desk's catalogue is: a CSV file, an SQLite file or a PostgreSQL database."""

from collections.abc import Hashable
from pathlib import Path

from pricedesk.frontend.catalogue import Catalogue
from pricedesk.frontend.catalogue_csv import (
    packaged_catalogue,
    parse_catalogue,
    read_file,
)
from pricedesk.frontend.catalogue_store import (
    CatalogueSource,
    PostgresCatalogue,
    SqliteCatalogue,
    stamp,
)


class CsvCatalogue:
    """A CSV file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def read(self, problems_max: int = 1) -> Catalogue:
        """All products of the file."""
        return Catalogue(parse_catalogue(read_file(self._path), self.name, problems_max))

    def mark(self) -> Hashable:
        """When the file was changed, how long it is, and which one it is."""
        return stamp(self._path)

    def close(self) -> None:
        """Nothing is open between two looks."""


class PackagedCatalogue:
    """The tutorial's three products."""

    name = "products.csv"

    def read(self, problems_max: int = 1) -> Catalogue:  # noqa: ARG002  # there are none
        """The three."""
        return packaged_catalogue()

    def mark(self) -> Hashable:
        """They never change."""
        return self.name

    def close(self) -> None:
        """Nothing is open."""


def catalogue_source(setting: Path | str | None) -> CatalogueSource:
    """The source that the setting PRICEDESK_CATALOGUE names."""
    match setting:
        case None:
            return PackagedCatalogue()
        case str():
            return PostgresCatalogue(setting)
        case Path(suffix=".sqlite3"):
            return SqliteCatalogue(setting)
        case _:
            return CsvCatalogue(setting)
