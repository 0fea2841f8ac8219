"""The catalogue: what a product file may say, and how a bad one is refused."""

from pathlib import Path

import pytest

from pricedesk.currencies import currency
from pricedesk.errors import InvalidCatalogue
from pricedesk.frontend.catalogue import (
    NAME_CHARACTERS_MAX,
    PRODUCTS_MAX,
    Product,
    packaged_catalogue,
    parse_catalogue,
    read_catalogue,
)
from pricedesk.money import Money

CAD, JPY = currency("CAD"), currency("JPY")
HEADER = "sku,name,price,currency\n"


def test_without_a_file_the_desk_sells_the_three_products_of_the_tutorial() -> None:
    assert packaged_catalogue() == [
        Product("laptop", "A laptop", Money(110000, CAD)),
        Product("pc", "A PC", Money(240000, CAD)),
        Product("server", "A server", Money(3500000, CAD)),
    ]


def test_a_file_as_spreadsheets_write_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_bytes(
        b"\xef\xbb\xbfsku,name,price,currency\r\n"
        b'k,"Caf\xc3\xa9, beans",12.5,CAD\r\n\r\ny,Tea,900,JPY\r\n'
    )
    assert read_catalogue(path) == [
        Product("k", "Café, beans", Money(1250, CAD)),
        Product("y", "Tea", Money(900, JPY)),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: the first line must be sku,name,price,currency"),
        ("sku;name;price;currency\n", "line 1: the first line must be sku,name,price,currency"),
        (HEADER + "a,A,1,CAD\nb,B,2\n", "line 3: there are 3 values for 4 columns"),
        (HEADER + "a,A,1,000,CAD\n", "line 2: there are 5 values for 4 columns"),
        (HEADER + "a,A,cheap,CAD\n", 'line 2: "cheap" is not a number'),
        (HEADER + "a,A,1e3,CAD\n", 'line 2: "1e3" is not a number: write it like 1100 or 19.99'),
        (HEADER + "a,A,-1,CAD\n", 'line 2: price "-1" is negative'),
        (HEADER + "a,A,1.001,CAD\n", 'line 2: "1.001" has more decimals than CAD, which has 2'),
        (HEADER + "a,A,1.5,JPY\n", 'line 2: "1.5" has more decimals than JPY, which has 0'),
        (HEADER + "a,A,1,CAF\n", 'line 2: "CAF" is not an ISO 4217 currency code'),
        (HEADER + "a,A,1,CAD\na,B,1,CAD\n", 'line 3: the sku "a" occurs twice'),
        (HEADER + "a,,1,CAD\n", "line 2: name is empty or has spaces around it"),
        (HEADER + "a, A,1,CAD\n", "line 2: name is empty or has spaces around it"),
        (
            HEADER + "a,A\x1b[2J,1,CAD\n",
            'line 2: name "A\\x1b[2J" has characters that do not print',
        ),
        (
            HEADER + f"a,{'A' * (NAME_CHARACTERS_MAX + 1)},1,CAD\n",
            "line 2: name has more than 70 characters",
        ),
        (HEADER + 'a,"A,1,CAD\n', "line 2: unexpected end of data"),
        (
            HEADER + "".join(f"{n},A,1,CAD\n" for n in range(PRODUCTS_MAX + 1)),
            "line 1002: there are more than 1000 products",
        ),
        (HEADER, " has no products"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(text: str, reason: str) -> None:
    expected = f"shop.csv{reason}" if reason.startswith(" ") else f"shop.csv, {reason}"
    with pytest.raises(InvalidCatalogue) as refusal:
        parse_catalogue(text, "shop.csv")
    assert str(refusal.value) == expected


def test_a_file_that_is_not_text_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_bytes(HEADER.encode() + b"a,\xff,1,CAD\n")
    with pytest.raises(InvalidCatalogue, match=r"products\.csv, line 2: not UTF-8 text$"):
        read_catalogue(path)


def test_a_file_that_is_missing_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalogue, match=r"none\.csv cannot be read: No such file"):
        read_catalogue(tmp_path / "none.csv")
