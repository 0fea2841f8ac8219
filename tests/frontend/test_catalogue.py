"""The catalogue: what a product file may say, how a bad one is refused, and finding products."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.currencies import CURRENCIES, currency
from pricedesk.errors import InvalidCatalogue
from pricedesk.frontend import catalogue_csv
from pricedesk.frontend.catalogue import (
    CATEGORIES_SHOWN_MAX,
    DESCRIPTION_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    PAGE_PRODUCTS_MAX,
    Catalogue,
    Category,
    Found,
    Product,
)
from pricedesk.frontend.catalogue_csv import catalogue_csv as written
from pricedesk.frontend.catalogue_csv import (
    packaged_catalogue,
    parse_catalogue,
    read_file,
)
from pricedesk.frontend.catalogue_index import INDEXED_FROM, WordIndex, with_index
from pricedesk.frontend.search_words import QUERY_WORDS_MAX, words_of
from pricedesk.money import Money

CAD, JPY = currency("CAD"), currency("JPY")
HEADER = "sku,name,price,currency\n"
UNKNOWN = "line 1: there is no column "
BESIDE = ": beside sku,name,price,currency there may be description,category,picture"


def test_without_a_file_the_desk_sells_the_three_products_of_the_tutorial() -> None:
    assert list(packaged_catalogue()) == [
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
    assert parse_catalogue(read_file(path), "products.csv") == [
        Product("k", "Café, beans", Money(1250, CAD)),
        Product("y", "Tea", Money(900, JPY)),
    ]


def test_columns_come_in_any_order_and_three_more_may_be_there() -> None:
    text = "picture,price,currency,category,name,sku,description\na/b.jpg,1,CAD,Tea,N,s,Good\n"
    assert parse_catalogue(text, "shop.csv") == [
        Product("s", "N", Money(100, CAD), "Good", "Tea", "a/b.jpg")
    ]
    assert parse_catalogue(HEADER.replace("\n", ",category\n") + "s,N,1,CAD,\n", "shop.csv") == [
        Product("s", "N", Money(100, CAD))
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: the first line must be sku,name,price,currency"),
        ("sku;name;price;currency\n", "line 1: the first line must be sku,name,price,currency"),
        (HEADER[1:], "line 1: the first line must be sku,name,price,currency"),
        ("sku,name,price,currency,colour\n", f'{UNKNOWN}"colour"{BESIDE}'),
        ("sku,name,price,currency,\x1b\n", f'{UNKNOWN}"\\x1b"{BESIDE}'),
        ("sku,name,price,currency,name\n", "line 1: the column name occurs twice"),
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
        (HEADER, " has no products"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(text: str, reason: str) -> None:
    expected = f"shop.csv{reason}" if reason.startswith(" ") else f"shop.csv, {reason}"
    with pytest.raises(InvalidCatalogue) as refusal:
        parse_catalogue(text, "shop.csv")
    assert str(refusal.value) == expected


OPTIONAL = "sku,name,price,currency,description,picture\n"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (" x,", "description is empty or has spaces around it"),
        (
            "x" * (DESCRIPTION_CHARACTERS_MAX + 1) + ",",
            "description has more than 500 characters",
        ),
        ("\u202e,", 'description "\\u202e" has characters that do not print'),
        (",../a.jpg", 'picture "../a.jpg" is no path of a picture, such as chairs/red.jpg'),
        (",/a.jpg", 'picture "/a.jpg" is no path of a picture, such as chairs/red.jpg'),
        (",.a.jpg", 'picture ".a.jpg" is no path of a picture, such as chairs/red.jpg'),
        (",a.html", 'picture "a.html" is no path of a picture, such as chairs/red.jpg'),
        (
            ",http://a/b.jpg",
            'picture "http://a/b.jpg" is no path of a picture, such as chairs/red.jpg',
        ),
    ],
)
def test_what_is_optional_is_looked_at_too(values: str, reason: str) -> None:
    with pytest.raises(InvalidCatalogue) as refusal:
        parse_catalogue(f"{OPTIONAL}a,A,1,CAD,{values}\n", "shop.csv")
    assert str(refusal.value) == f"shop.csv, line 2: {reason}"


def test_more_products_than_the_desk_takes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_csv, "PRODUCTS_MAX", 3)
    rows = [f"{n},A,1,CAD\n" for n in range(5)]
    assert len(parse_catalogue(HEADER + "".join(rows[:3]), "shop.csv")) == 3
    with pytest.raises(InvalidCatalogue) as refusal:
        parse_catalogue(HEADER + "".join(rows), "shop.csv")
    assert str(refusal.value) == "shop.csv, line 5: there are more than 3 products"


def test_several_wrong_lines_are_told_at_once_up_to_a_number() -> None:
    text = HEADER + 'a,A,x,CAD\nb,B,1,CAD\nb,B,1,CAD\nc,"C\nC",1,CAD\nd,D,1,X\ne,"E'
    with pytest.raises(InvalidCatalogue) as refusal:
        parse_catalogue(text, "s", 10)
    assert refusal.value.problems == (
        's, line 2: "x" is not a number',
        's, line 4: the sku "b" occurs twice',
        r's, line 5: name "C\nC" has characters that do not print',
        's, line 7: "X" is not an ISO 4217 currency code',
        "s, line 8: unexpected end of data",
    )
    assert str(refusal.value) == refusal.value.problems[0]
    with pytest.raises(InvalidCatalogue) as refusal:
        parse_catalogue(text, "s", 2)
    assert len(refusal.value.problems) == 2


TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30)
NAME = TEXT.filter(bool)
SKU = NAME.filter(lambda text: text not in {".", ".."})
PRODUCTS = st.lists(
    st.builds(
        Product,
        SKU,
        NAME,
        st.builds(Money, st.integers(0, 10**12), st.sampled_from(list(CURRENCIES.values()))),
        TEXT,
        TEXT,
        st.sampled_from(["", "a.png", "a/b-c/d.webp"]),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda product: product.sku,
)


@given(PRODUCTS)
def test_what_is_written_reads_back(products: list[Product]) -> None:
    assert parse_catalogue("".join(written(products)), "shop.csv") == products


SHOP = Catalogue(
    parse_catalogue(
        "sku,name,price,currency,category,description\n"
        "T-1,Crème brûlée set,30,EUR,Kitchen,Six dishes and a BURNER\n"
        "T-2,Café table,120,EUR,Furniture,\n"
        "T-3,Table lamp,45,EUR,Lamps,for the Straße\n"
        "T-4,電話台 stand,45,JPY,Furniture,\n"
        "T-5,Øre and ægir,45,DKK,,\n",
        "shop.csv",
    )
)


@pytest.mark.parametrize("shop", [SHOP, SHOP.indexed(WordIndex)], ids=["looked at", "indexed"])
@pytest.mark.parametrize(
    ("text", "category", "skus"),
    [
        ("table", "", "23"),
        ("TABLE lamp", "", "3"),
        ("lamp table", "Lamps", "3"),
        ("table", "Furniture", "2"),
        ("lamps", "", "3"),
        ("able", "", ""),
        ("cafe creme", "", ""),
        ("cafe", "", "2"),
        ("CREME BRULEE", "", "1"),
        ("cre\u0300me", "", "1"),
        ("burn", "", "1"),
        ("strasse", "", "3"),
        ("t 2", "", "2"),
        ("t-2", "", "2"),
        ("話", "", "4"),
        ("電話", "", "4"),
        ("ore aegir", "", "5"),
        ("", "", "12345"),
        ("  ", "Furniture", "24"),
        ("table", "Toys", ""),
        ("", "Toys", ""),
        ("!", "", ""),
        ('" NOT *', "", ""),
        ("_", "", ""),
        ("\ue0000", "", ""),
        ("table " + "x" * 1000, "", ""),
    ],
)
def test_products_are_found_by_the_beginnings_of_their_words(
    shop: Catalogue, text: str, category: str, skus: str
) -> None:
    found = shop.find(text, category)
    assert [product.sku for product in found.products] == [f"T-{n}" for n in skus]
    assert found.total == len(skus)


@given(
    st.one_of(st.text(max_size=20), st.text("abcteløé -_\"*'電話", max_size=8)),
    st.sampled_from(["", "Furniture", "Lamps"]),
)
def test_an_index_finds_what_looking_at_each_product_finds(text: str, category: str) -> None:
    assert INDEXED.find(text, category) == SHOP.find(text, category)


INDEXED = SHOP.indexed(WordIndex)


def test_a_catalogue_is_shown_page_by_page() -> None:
    products = [
        Product(f"{n}", f"Thing {n % 7}", Money(n, CAD), category=f"{n % 3}") for n in range(250)
    ]
    for shop in (Catalogue(products), Catalogue(products).indexed(WordIndex)):
        assert shop.find(first=240, count=20) == Found(tuple(products[240:]), 250)
        assert shop.find(first=250) == shop.find(first=10**9) == Found((), 250)
        assert shop.find(first=-5, count=2) == Found(tuple(products[:2]), 250)
        assert shop.find(count=-1) == Found((), 250)
        assert len(shop.find(count=10**9).products) == PAGE_PRODUCTS_MAX
        assert shop.find("", "2", 1, 2) == Found((products[5], products[8]), 83)
        assert shop.find("thing 3", "1", 1, 1) == Found((products[31],), 14)


def test_a_catalogue_knows_its_skus_and_categories() -> None:
    assert SHOP.by_sku("T-2") is SHOP[1]
    assert SHOP.by_sku("t-2") is None
    assert SHOP.categories == (
        Category("Kitchen", 1),
        Category("Furniture", 2),
        Category("Lamps", 1),
    )


def test_a_small_catalogue_does_without_an_index() -> None:
    assert with_index(SHOP) is SHOP
    large = Catalogue(Product(f"{n}", "A", Money(1, CAD)) for n in range(INDEXED_FROM))
    assert with_index(large) is not large


def test_a_file_that_is_not_text_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_bytes(HEADER.encode() + b"a,\xff,1,CAD\n")
    with pytest.raises(InvalidCatalogue, match=r"products\.csv, line 2: not UTF-8 text$"):
        read_file(path)


def test_a_file_that_is_missing_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalogue, match=r"none\.csv cannot be read: No such file"):
        read_file(tmp_path / "none.csv")


def test_of_many_categories_the_largest_can_be_chosen() -> None:
    names = ["small", *(f"c{n % CATEGORIES_SHOWN_MAX}" for n in range(2 * CATEGORIES_SHOWN_MAX))]
    shop = Catalogue(
        Product(f"{n}", "A", Money(1, CAD), category=name) for n, name in enumerate(names)
    )
    assert shop.shown_categories == tuple(f"c{n}" for n in range(CATEGORIES_SHOWN_MAX))
    assert SHOP.shown_categories == ("Kitchen", "Furniture", "Lamps")


def test_five_words_of_a_query_count() -> None:
    assert len(words_of("a b c d e f g")) == QUERY_WORDS_MAX == 5
    assert words_of("a b c d e f g", most=None) == list("abcdefg")
