"""`pricedesk catalogue`: put the desk's products into a database, get them out, check them."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pricedesk.errors import InvalidCatalogue, InvalidRequest, InvalidSetting, printable
from pricedesk.exit_codes import EXIT_CODES, reports_errors
from pricedesk.settings import read_settings
from pricedesk.standard_streams import standard_input, standard_output

if TYPE_CHECKING:
    from pricedesk.frontend.catalogue import Catalogue, Product
    from pricedesk.frontend.catalogue_store import CatalogueStore

_FILE = click.Path(path_type=str)
"""A path as it was typed: a Path of ./- would be that of a lone dash."""

_STANDARD = "-"
"""Stands for standard input or output, as it does for other programs; ./- is a file."""


@click.group(no_args_is_help=True)
def catalogue() -> None:
    """Import, export and check the desk's products.

    They are where PRICEDESK_CATALOGUE says; docs/catalogue.md has the columns.
    """


@catalogue.command(name="import")
@click.argument("file", type=_FILE)
@reports_errors
def import_(file: str) -> None:
    """Put the products of the CSV file FILE into the database, in the place of all others.

    As FILE, - is standard input; a file of that name is ./-. Each line that is wrong is told, and
    then nothing is changed. A desk that runs takes the new products in within seconds.

    \b
    Examples:
      PRICEDESK_CATALOGUE=shop.sqlite3 pricedesk catalogue import products.csv
      PRICEDESK_CATALOGUE=postgresql://... pricedesk catalogue import products.csv
      PRICEDESK_CATALOGUE=old.sqlite3 pricedesk catalogue export - |
        PRICEDESK_CATALOGUE=new.sqlite3 pricedesk catalogue import -
    """
    store = _store()
    with _told_line_by_line("nothing was imported"):
        products = _read(file)
    before = _now_in(store)
    with _bar("writing", len(products)) as advance:
        store.replace(_counted(products, advance))
    click.echo(f"{store.name}: {_changes(before, products)}")


@catalogue.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@reports_errors
def export(file: str | None, *, force: bool) -> None:
    """Write the desk's products as CSV, to FILE or to standard output, which - is too.

    \b
    Example:
      pricedesk catalogue export products.csv
    """
    from pricedesk.frontend.catalogue_csv import catalogue_csv
    from pricedesk.frontend.catalogue_source import catalogue_source

    products = catalogue_source(read_settings().catalogue).read()
    if file is None or file == _STANDARD:
        output = standard_output()
        for line in catalogue_csv(products):
            output.write(line.encode())
        return
    path = _target(file)
    if path.exists() and not force:
        raise InvalidRequest(f"{file} is there already: --force replaces it")
    try:
        _write_whole(path, catalogue_csv(products))
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{file}: {_number(len(products))}")


@catalogue.command()
@click.argument("file", type=_FILE, required=False)
@reports_errors
def check(file: str | None) -> None:
    """Look at the products of FILE, or of the desk's catalogue; exit code 2 if some are wrong.

    As FILE, - is standard input.

    \b
    Example:
      pricedesk catalogue check products.csv && cp products.csv /shop/
    """
    from pricedesk.frontend.catalogue_csv import PROBLEMS_MAX
    from pricedesk.frontend.catalogue_source import catalogue_source

    with _told_line_by_line(""):
        if file is not None:
            name, number = _name(file), len(_read(file))
        else:
            source = catalogue_source(read_settings().catalogue)
            name, number = source.name, len(source.read(PROBLEMS_MAX))
    click.echo(f"{name} is in order: {_number(number)}")


def _store() -> "CatalogueStore":
    from pricedesk.frontend.catalogue_source import catalogue_source
    from pricedesk.frontend.catalogue_store import PostgresCatalogue, SqliteCatalogue

    source = catalogue_source(read_settings().catalogue)
    if isinstance(source, SqliteCatalogue | PostgresCatalogue):
        return source
    raise InvalidSetting(
        "PRICEDESK_CATALOGUE names no database to import into:"
        " it is a file that ends in .sqlite3, or an address such as postgresql://user@host/shop"
    )


@contextmanager
def _told_line_by_line(outcome: str) -> Iterator[None]:
    """End the program with a line for each problem of a catalogue."""
    try:
        yield
    except InvalidCatalogue as error:
        for problem in error.problems:
            click.echo(f"pricedesk: {printable(problem)}", err=True)
        if outcome:
            click.echo(f"pricedesk: {outcome}", err=True)
        sys.exit(EXIT_CODES[InvalidCatalogue])


def _read(file: str) -> "list[Product]":
    from pricedesk.frontend.catalogue_csv import (
        PROBLEMS_MAX,
        parse_catalogue,
        read_file,
        read_stream,
    )

    name = _name(file)
    text = read_stream(standard_input(), name) if file == _STANDARD else read_file(Path(file))
    with _bar("reading", text.count("\n")) as advance:
        return parse_catalogue(text, name, PROBLEMS_MAX, advance)


def _name(file: str) -> str:
    """What a file is called where something is told of it."""
    return "standard input" if file == _STANDARD else file


def _now_in(store: "CatalogueStore") -> "Catalogue | None":
    """What is there before an import; None if it is nothing that can be read."""
    from pricedesk.errors import PricedeskError

    try:
        return store.read()
    except PricedeskError:
        return None


def _changes(before: "Catalogue | None", products: "list[Product]") -> str:
    if before is None:
        return _number(len(products))
    new = changed = 0
    for product in products:
        was = before.by_sku(product.sku)
        new += was is None
        changed += was is not None and was != product
    gone = len(before) + new - len(products)
    return f"{_number(len(products))}: {new} new, {changed} changed, {gone} gone"


@contextmanager
def _bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    with click.progressbar(
        length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        yield bar.update


def _counted(products: "list[Product]", advance: Callable[[int], None]) -> "Iterator[Product]":
    every = 1000
    for number, product in enumerate(products, start=1):
        yield product
        if number % every == 0:
            advance(every)


def _target(file: str) -> Path:
    """The file that is written: where a link leads to, so that it stays one.

    Raises:
        InvalidRequest: there is something that is no file, such as a device, or a circle of links.
    """
    path = Path(file)
    if path.exists() and not path.is_file():
        raise InvalidRequest(f"{file} is no file that could be replaced")
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # the second is what it was before Python 3.13
        raise InvalidRequest(f"{file} is a link that leads nowhere") from error


def _write_whole(file: Path, lines: Iterator[str]) -> None:
    """Write a file that is there as a whole or not at all: a desk may be reading it."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as new:
            new.writelines(lines)
            new.flush()
            os.fsync(new.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _number(count: int) -> str:
    return "1 product" if count == 1 else f"{count} products"
