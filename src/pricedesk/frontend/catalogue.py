"""What the shop sells, and its price in the shop's currency."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from pricedesk.currencies import currency
from pricedesk.errors import InvalidCatalogue, PricedeskError, in_quotes
from pricedesk.money import Money

COLUMNS = ("sku", "name", "price", "currency")
PRODUCTS_MAX = 1000
FILE_BYTES_MAX = 1024 * 1024
NAME_CHARACTERS_MAX = 70
"""A menu line is the number, a dot and the name, and has to fit a terminal of 80 columns."""


@dataclass(frozen=True, slots=True)
class Product:
    """One thing that is sold; `price` is in the shop's currency for it."""

    sku: str
    name: str
    price: Money


def packaged_catalogue() -> list[Product]:
    """The tutorial's three products."""
    text = Path(__file__).with_name("products.csv").read_text(encoding="utf-8")
    return parse_catalogue(text, "products.csv")


def read_catalogue(path: Path) -> list[Product]:
    """The products of a CSV file, in its order.

    Raises:
        InvalidCatalogue: the file cannot be read or is wrong; names the file and the line.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidCatalogue(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > FILE_BYTES_MAX:
        raise InvalidCatalogue(f"{path} is larger than {FILE_BYTES_MAX} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidCatalogue(f"{path}, line {line}: not UTF-8 text") from error
    return parse_catalogue(text, str(path))


def parse_catalogue(text: str, name: str) -> list[Product]:
    """The products of CSV text; `name` is what errors call it.

    Raises:
        InvalidCatalogue: with the number of the line that is wrong.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    products: dict[str, Product] = {}
    line = 1
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise InvalidCatalogue(f"the first line must be {','.join(COLUMNS)}")
        line = reader.line_num + 1
        for row in reader:
            if row:
                product = _product(row)
                if product.sku in products:
                    raise InvalidCatalogue(f"the sku {in_quotes(product.sku)} occurs twice")
                products[product.sku] = product
            if len(products) > PRODUCTS_MAX:
                raise InvalidCatalogue(f"there are more than {PRODUCTS_MAX} products")
            line = reader.line_num + 1
    except (csv.Error, PricedeskError) as error:
        raise InvalidCatalogue(f"{name}, line {line}: {error}") from error
    if not products:
        raise InvalidCatalogue(f"{name} has no products")
    return list(products.values())


def _product(row: list[str]) -> Product:
    if len(row) != len(COLUMNS):
        raise InvalidCatalogue(f"there are {len(row)} values for {len(COLUMNS)} columns")
    sku, name, price, code = row
    for column, value in zip(COLUMNS, row, strict=True):
        if not value or value != value.strip():
            raise InvalidCatalogue(f"{column} is empty or has spaces around it")
        if not value.isprintable():
            raise InvalidCatalogue(f"{column} {in_quotes(value)} has characters that do not print")
    if len(name) > NAME_CHARACTERS_MAX:
        raise InvalidCatalogue(f"name has more than {NAME_CHARACTERS_MAX} characters")
    money = Money.parse(price, currency(code))
    if money.amount_minor < 0:
        raise InvalidCatalogue(f"price {in_quotes(price)} is negative")
    return Product(sku, name, money)
