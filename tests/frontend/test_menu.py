"""The telnet dialogue, without a socket: the tutorial's words to the byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.currencies import currency
from pricedesk.frontend.catalogue import NAME_CHARACTERS_MAX, Catalogue, Product
from pricedesk.frontend.catalogue_csv import packaged_catalogue
from pricedesk.frontend.menu import AskPrice, Menu, Say
from pricedesk.frontend.offers import Price
from pricedesk.frontend.terminal_text import COLUMNS, columns
from pricedesk.money import Money

PRODUCTS = packaged_catalogue()
MENU = Menu(PRODUCTS)
PRICE = "Today your item costs 787.47 USD\n"


def test_the_menu_is_the_tutorials() -> None:
    assert MENU.greeting == ("Which product you wish to buy ?\n1. A laptop\n2. A PC\n3. A server\n")


def products(count: int) -> Catalogue:
    unit = currency("CAD")
    return Catalogue(Product(f"{n}", f"Thing {n}", Money(n, unit)) for n in range(1, count + 1))


def test_a_menu_of_fifty_is_listed_and_a_longer_one_begins() -> None:
    lines = Menu(products(50)).greeting.splitlines()
    assert (len(lines), lines[50]) == (51, "50. Thing 50")
    menu = Menu(products(100_000))
    assert menu.greeting.splitlines()[-2:] == [
        "20. Thing 20",
        "These are 1 to 20 of 100000; the number of any of them can be chosen.",
    ]
    assert len(menu.greeting.splitlines()) == 22
    chosen = menu.chosen("100000")
    assert isinstance(chosen, AskPrice)
    assert chosen.product.name == "Thing 100000"
    assert menu.chosen("100001") == Say("Wrong selection. Please try again\n")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("x" * NAME_CHARACTERS_MAX, "1. " + "x" * NAME_CHARACTERS_MAX),
        ("\u4ef7" * 35, "1. " + "\u4ef7" * 35),
        ("\u4ef7" * 38 + "a", "1. " + "\u4ef7" * 38 + "a"),
        ("\u4ef7" * 39, "1. " + "\u4ef7" * 37 + "..."),
        ("\u4ef7" * NAME_CHARACTERS_MAX, "1. " + "\u4ef7" * 37 + "..."),
        ("e\u0301" * 35, "1. " + "e\u0301" * 35),
    ],
)
def test_a_name_of_wide_characters_is_cut_to_80_columns(name: str, shown: str) -> None:
    menu = Menu(Catalogue([Product("a", name, Money(100, currency("CAD")))]))
    assert menu.greeting == f"Which product you wish to buy ?\n{shown}\n"
    assert menu.greeting_bytes == menu.greeting.encode()


@given(
    st.lists(
        st.text(st.sampled_from("aB \u4ef7\uac00\U0001f4bb\u0301\uff21"), max_size=70),
        min_size=1,
        max_size=60,
    )
)
def test_no_line_of_a_menu_is_wider_than_a_terminal(names: list[str]) -> None:
    cad = currency("CAD")
    menu = Menu(Catalogue(Product(f"{n}", name, Money(n, cad)) for n, name in enumerate(names)))
    lines = menu.greeting.splitlines()
    assert [line for line in lines if columns(line) > COLUMNS] == []
    for number, (name, line) in enumerate(zip(names, lines[1 : menu.greeted + 1], strict=False), 1):
        whole = f"{number}. {name}"
        assert line == whole or (columns(whole) > COLUMNS and line.endswith("..."))


@pytest.mark.parametrize(("line", "index"), [("1", 0), ("2", 1), ("3", 2), (" 1 ", 0)])
def test_a_number_of_the_menu_asks_for_that_products_price(line: str, index: int) -> None:
    assert MENU.chosen(line) == AskPrice(PRODUCTS[index])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "0",
        "4",
        "-1",
        "01",
        "1.0",
        "1 1",
        "laptop",
        "\u0661",
        "\u00b2",
        "9" * 1000,
        "\x1b[A",
        "\\xff",
    ],
)
def test_anything_else_is_a_wrong_selection(line: str) -> None:
    assert MENU.chosen(line) == Say("Wrong selection. Please try again\n")


def test_a_source_that_wants_to_be_linked_to_is() -> None:
    link = "https://www.exchangerate-api.com"
    price = Price("787.47", "USD", "ERAPI", "2026-10-30", "fresh", "0", link)
    assert MENU.priced(price) == Say(f"{PRICE}The rate is by courtesy of {link}\n")


@pytest.mark.parametrize(
    ("state", "missed", "said"),
    [
        ("fresh", "0", PRICE),
        (
            "late",
            "1",
            PRICE
            + (
                "This price is from the ECB publication of 2026-10-30; 1 later publication is"
                " due and not known here yet.\n"
            ),
        ),
        (
            "stale",
            "16",
            PRICE
            + (
                "This price is from the ECB publication of 2026-10-30; 16 later ones are"
                " due and not known here yet.\n"
            ),
        ),
    ],
)
def test_a_price_at_a_fresh_rate_is_one_line_and_an_old_rate_is_named(
    state: str, missed: str, said: str
) -> None:
    price = Price("787.47", "USD", "ECB", "2026-10-30", state, missed)
    assert MENU.priced(price) == Say(said)


def test_a_service_out_of_reach_is_said_in_one_sentence() -> None:
    assert MENU.unavailable() == Say(
        "The price cannot be computed now because the conversion service cannot be reached.\n"
    )


@pytest.mark.parametrize("count", [1, 9, 50, 100_000])
def test_what_is_chosen_by_its_bytes_is_what_is_chosen_by_its_text(count: int) -> None:
    menu = Menu(products(count))
    assert list(menu.by_number) == [b"%d" % (n + 1) for n in range(menu.greeted)]
    for typed, action in menu.by_number.items():
        assert menu.chosen(typed.decode()) == action
