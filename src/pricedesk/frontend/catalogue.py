"""What the shop sells, and its price in the shop's currency: products, and all of them together.

A catalogue is never changed; a new one takes its place. `catalogue_csv` reads and writes it as
a file, `catalogue_store` keeps it in a database.
"""

import re
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest
from typing import Protocol, overload

from pricedesk.currencies import currency
from pricedesk.errors import InvalidCatalogue, in_quotes
from pricedesk.frontend.search_words import words_of
from pricedesk.money import Money

COLUMNS = ("sku", "name", "price", "currency")
OPTIONAL_COLUMNS = ("description", "category", "picture")

PRODUCTS_MAX = 250_000
SKU_CHARACTERS_MAX = 64
PRICE_DIGITS_MAX = 18
"""With all decimals. In the weakest currency it still is an amount that can be converted back."""

NAME_CHARACTERS_MAX = 70
"""A menu line is the number, a dot and the name, and has to fit a terminal of 80 columns. Where a
character takes up two of them it may not, and its end is cut off there."""

DESCRIPTION_CHARACTERS_MAX = 500
CATEGORY_CHARACTERS_MAX = 70
PICTURE_CHARACTERS_MAX = 200
PAGE_PRODUCTS_MAX = 100
CATEGORIES_SHOWN_MAX = 200
"""So many can be chosen from a list; the products of others are found by the category's words."""

_CHARACTERS_MAX = {
    "sku": SKU_CHARACTERS_MAX,
    "name": NAME_CHARACTERS_MAX,
    "description": DESCRIPTION_CHARACTERS_MAX,
    "category": CATEGORY_CHARACTERS_MAX,
    "picture": PICTURE_CHARACTERS_MAX,
}
PICTURE_PATH = re.compile(
    r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*\.(?:avif|gif|jpe?g|png|webp)"
)
"""A file below the folder of pictures; no part begins with a dot, so none leads out of it."""


@dataclass(frozen=True, slots=True)
class Product:
    """One thing that is sold; `price` is in the shop's currency for it.

    `picture` is the path of a file below the shop's folder of pictures. What there is nothing
    of is empty.
    """

    sku: str
    name: str
    price: Money
    description: str = ""
    category: str = ""
    picture: str = ""


def product_from(values: Mapping[str, str]) -> Product:
    """A product from texts by the names of their columns.

    Raises:
        InvalidCatalogue: one of them cannot be used; says which and why.
        InvalidAmount, UnknownCurrency: the price, or its currency.
    """
    for column, value in values.items():
        if value != value.strip() or (not value and column in COLUMNS):
            raise InvalidCatalogue(f"{column} is empty or has spaces around it")
        if not value.isprintable():
            raise InvalidCatalogue(f"{column} {in_quotes(value)} has characters that do not print")
        longest = _CHARACTERS_MAX.get(column)
        if longest is not None and len(value) > longest:
            raise InvalidCatalogue(f"{column} has more than {longest} characters")
    price = Money.parse(values["price"], currency(values["currency"]))
    if price.amount_minor < 0:
        raise InvalidCatalogue(f"price {in_quotes(values['price'])} is negative")
    if price.amount_minor >= 10**PRICE_DIGITS_MAX:
        raise InvalidCatalogue(f"price {in_quotes(values['price'])} has too many digits")
    if values["sku"] in (".", ".."):
        raise InvalidCatalogue("sku is a dot or two, which stand for something else in addresses")
    picture = values.get("picture", "")
    if picture and not PICTURE_PATH.fullmatch(picture):
        raise InvalidCatalogue(
            f"picture {in_quotes(picture)} is no path of a picture, such as chairs/red.jpg"
        )
    return Product(
        sku=values["sku"],
        name=values["name"],
        price=price,
        description=values.get("description", ""),
        category=values.get("category", ""),
        picture=picture,
    )


def row_of(product: Product) -> tuple[str, ...]:
    """A product as texts, in the order of COLUMNS + OPTIONAL_COLUMNS; `product_from` reads them."""
    return (
        product.sku,
        product.name,
        str(product.price),
        product.price.currency.code,
        product.description,
        product.category,
        product.picture,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """Some of the products that were looked for, and how many there are in all."""

    products: tuple[Product, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Category:
    """A category and how many products are in it."""

    name: str
    products: int


class Index(Protocol):
    """Finds products by words faster than by looking at each."""

    def find(
        self, words: Sequence[str], category: int | None, first: int, count: int
    ) -> tuple[Sequence[int], int]:
        """Positions of some products that have all words, and how many have them.

        `category` is the position of a category among all of them.
        """


class Catalogue(Sequence[Product]):
    """Products in the shop's order. It is a snapshot: whoever has it sees no change."""

    def __init__(self, products: Iterable[Product], index: Index | None = None) -> None:
        self._products = tuple(products)
        self._index = index
        self._by_sku = {product.sku: product for product in self._products}
        self._positions: dict[str, array[int]] = {}
        for position, product in enumerate(self._products):
            if product.category:
                self._positions.setdefault(product.category, array("L")).append(position)

    @overload
    def __getitem__(self, position: int) -> Product: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[Product]: ...
    def __getitem__(self, position: int | slice) -> Product | Sequence[Product]:
        return self._products[position]

    def __len__(self) -> int:
        return len(self._products)

    def by_sku(self, sku: str) -> Product | None:
        """The product that the shop calls so."""
        return self._by_sku.get(sku)

    @cached_property
    def categories(self) -> tuple[Category, ...]:
        """All categories, in the order in which the products name them."""
        return tuple(Category(name, len(found)) for name, found in self._positions.items())

    def has_category(self, name: str) -> bool:
        """Whether some product is of a category that is called so."""
        return name in self._positions

    @cached_property
    def shown_categories(self) -> tuple[str, ...]:
        """The names of the categories with the most products, in the shop's order."""
        if len(self.categories) <= CATEGORIES_SHOWN_MAX:
            return tuple(each.name for each in self.categories)
        largest = nlargest(CATEGORIES_SHOWN_MAX, self.categories, key=lambda each: each.products)
        names = {each.name for each in largest}
        return tuple(each.name for each in self.categories if each.name in names)

    @property
    def is_indexed(self) -> bool:
        """Whether it has an index."""
        return self._index is not None

    def indexed(self, make: Callable[["Catalogue"], Index]) -> "Catalogue":
        """The same catalogue with an index, which takes a while to make."""
        return Catalogue(self._products, make(self))

    def find(
        self,
        text: str = "",
        category: str = "",
        first: int = 0,
        count: int = PAGE_PRODUCTS_MAX,
    ) -> Found:
        """Products of a category that have all words of a text, from the one at `first` on.

        A word is found at the beginning of a word of sku, name, category or description, in
        capitals or not, with accents or without. Without a text and a category that is every
        product. At most PAGE_PRODUCTS_MAX come at once.
        """
        positions, total = self.positions(text, category, first, count)
        return Found(tuple(self._products[position] for position in positions), total)

    def positions(
        self,
        text: str = "",
        category: str = "",
        first: int = 0,
        count: int = PAGE_PRODUCTS_MAX,
    ) -> tuple[Sequence[int], int]:
        """Where in the catalogue those products are that `find` finds, and how many in all."""
        count = max(0, min(count, PAGE_PRODUCTS_MAX))
        first = max(0, min(first, len(self)))
        if category and category not in self._positions:
            return (), 0
        if text.strip():
            words = words_of(text)
            return self._with_words(words, category, first, count) if words else ((), 0)
        among = self._positions[category] if category else range(len(self))
        return among[first : first + count], len(among)

    def _with_words(
        self, words: Sequence[str], category: str, first: int, count: int
    ) -> tuple[Sequence[int], int]:
        if self._index is not None:
            number = list(self._positions).index(category) if category else None
            return self._index.find(words, number, first, count)
        candidates: Iterable[int] = self._positions[category] if category else range(len(self))
        texts = self._texts
        # The longest word leaves the fewest for the others.
        for word in sorted((f" {word}" for word in words), key=len, reverse=True):
            candidates = [position for position in candidates if word in texts[position]]
        found = list(candidates)
        return found[first : first + count], len(found)

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        """The words of each product, each with a space before it."""
        return tuple(f" {' '.join(searched_words(product))}" for product in self._products)


def searched_words(product: Product) -> list[str]:
    """The words by which a product is found."""
    text = f"{product.sku} {product.name} {product.category} {product.description}"
    return words_of(text, most=None)
