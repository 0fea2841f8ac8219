"""A catalogue in a database: the same on both, all or nothing, checked like a file."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from postgres import PASSWORD_IN_ADDRESS
from pricedesk.currencies import currency
from pricedesk.errors import InvalidCatalogue, StoreFailed
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.catalogue_source import CsvCatalogue, catalogue_source
from pricedesk.frontend.catalogue_store import (
    CatalogueStore,
    PostgresCatalogue,
    SqliteCatalogue,
)
from pricedesk.money import Money

TEA = Product("t", "Tea", Money(900, currency("JPY")), "Green\u2019s", "Drinks", "tea.jpg")
CAKE = Product("c", "Cake, a\\b 100%", Money(10**14, currency("KWD")))


class Shop:
    """A database as a test sees it: by the code under test, and by somebody's own SQL."""

    def __init__(self, setting: Path | str) -> None:
        self._setting = setting
        self.store: CatalogueStore = (
            SqliteCatalogue(setting) if isinstance(setting, Path) else PostgresCatalogue(setting)
        )

    def run(self, statement: str) -> None:
        if isinstance(self._setting, Path):
            with sqlite3.connect(self._setting) as file:
                file.execute(statement)
            file.close()
        else:
            with psycopg.connect(self._setting) as server:
                server.execute(statement.encode())


@pytest.fixture
def shop(database: str, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(database or tmp_path / "shop.sqlite3")
    yield shop
    if isinstance(shop.store, PostgresCatalogue):
        shop.store.close()


def test_what_is_put_in_comes_out_in_its_order(shop: Shop) -> None:
    shop.store.replace([TEA, CAKE])
    assert list(shop.store.read()) == [TEA, CAKE]
    shop.store.replace([CAKE])
    assert list(shop.store.read()) == [CAKE]


def test_a_failure_on_the_way_leaves_what_was_there(shop: Shop) -> None:
    shop.store.replace([TEA])
    with pytest.raises(StoreFailed):
        shop.store.replace([CAKE, CAKE])
    assert list(shop.store.read()) == [TEA]


def test_a_database_without_a_catalogue_says_what_puts_one_in(shop: Shop) -> None:
    shop.run("CREATE TABLE of_somebody_else (number INTEGER)")
    with pytest.raises(StoreFailed) as refusal:
        shop.store.read()
    assert str(refusal.value) == (
        f"{shop.store.name}: there is no catalogue yet; pricedesk catalogue import puts one in"
    )
    assert PASSWORD_IN_ADDRESS not in str(refusal.value)


def test_what_somebody_wrote_into_the_database_is_checked(shop: Shop) -> None:
    shop.store.replace([TEA, CAKE])
    shop.run("UPDATE catalogue_product SET price = '9.5'")
    with pytest.raises(InvalidCatalogue) as refusal:
        shop.store.read()
    reason = f'{shop.store.name}, product "t": "9.5" has more decimals than JPY, which has 0'
    assert refusal.value.problems == (reason,)
    shop.run("DELETE FROM catalogue_product")
    with pytest.raises(InvalidCatalogue, match=r"has no products$"):
        shop.store.read()


def test_each_change_changes_the_mark_and_nothing_else_does(shop: Shop) -> None:
    shop.store.replace([TEA])
    marks = [shop.store.mark(), shop.store.mark()]
    assert marks[0] == marks[1]
    shop.store.read()
    assert shop.store.mark() == marks[0]
    for statement in (
        "UPDATE catalogue_product SET price = '950'",
        (
            "INSERT INTO catalogue_product (position, sku, name, price, currency)"
            " VALUES (7, 'x', 'X', '1', 'CAD')"
        ),
        "DELETE FROM catalogue_product",
    ):
        shop.run(statement)
        marks.append(shop.store.mark())
    shop.store.replace([TEA])
    marks.append(shop.store.mark())
    assert len(set(marks)) == 5


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite3"
    store = SqliteCatalogue(path)
    with pytest.raises(InvalidCatalogue, match=r"shop\.sqlite3 cannot be read: No such file"):
        store.read()
    assert store.mark() is None
    path.write_text("sku,name,price,currency\n" * 100)
    for act in (store.read, lambda: store.replace([TEA])):
        with pytest.raises(StoreFailed, match=r"shop\.sqlite3: file is not a database$"):
            act()


@pytest.mark.postgres
def test_a_server_that_is_away_is_refused_without_the_password() -> None:
    store = PostgresCatalogue("postgresql://user:secret@127.0.0.1:1/shop")
    for act in (store.read, store.mark, lambda: store.replace([TEA])):
        with pytest.raises(StoreFailed) as refusal:
            act()
        assert str(refusal.value).startswith("postgresql://***@127.0.0.1:1/shop: connection failed")
        assert "secret" not in str(refusal.value)


def test_without_the_driver_the_refusal_says_which_package_is_wanted() -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pricedesk.frontend.catalogue_store import PostgresCatalogue\n"
        "PostgresCatalogue('postgresql://u:secret@h/shop').read()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.stderr.decode().splitlines()[-1] == (
        "pricedesk.errors.StoreFailed: postgresql://***@h/shop: a catalogue in PostgreSQL needs the"
        " package psycopg, which is not installed here; requirements/frontend-postgres.txt has it"
    )


def test_the_setting_says_by_its_form_where_the_catalogue_is(tmp_path: Path) -> None:
    assert len(catalogue_source(None).read()) == 3
    assert isinstance(catalogue_source(Path("shop.sqlite3")), SqliteCatalogue)
    assert isinstance(catalogue_source("postgresql://h/shop"), PostgresCatalogue)
    for name in ("shop.csv", "products", "shop.txt"):
        assert isinstance(catalogue_source(tmp_path / name), CsvCatalogue)
