"""The catalogue in use: a changed one takes its place, a bad one does not."""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pricedesk.currencies import currency
from pricedesk.errors import InvalidCatalogue
from pricedesk.frontend import catalogue_store
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.catalogue_live import LiveCatalogue
from pricedesk.frontend.catalogue_source import CsvCatalogue, PackagedCatalogue
from pricedesk.frontend.catalogue_store import SqliteCatalogue
from pricedesk.frontend.menu import AskPrice, Say
from pricedesk.money import Money

HEADER = "sku,name,price,currency\n"
TEA = Product("t", "Tea", Money(500, currency("CAD")))
CAKE = Product("c", "Cake", Money(900, currency("CAD")))


def write(path: Path, rows: str, changed_ns: int) -> None:
    """Write a file of products whose time of change is certainly another one."""
    path.write_text(HEADER + rows)
    os.utime(path, ns=(changed_ns, changed_ns))


def remove(path: Path) -> None:
    path.unlink()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    write(path, "t,Tea,5,CAD\nc,Cake,9,CAD\n", 1)
    return path


@pytest.fixture
def live(path: Path) -> LiveCatalogue:
    return LiveCatalogue(CsvCatalogue(path))


async def test_a_changed_file_is_taken_in_when_it_is_the_same_at_two_looks(
    path: Path, live: LiveCatalogue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = live.catalogue, live.menu
    await live.look()
    write(path, "t,Tea,6,CAD\n", 2)
    await live.look()
    assert (live.catalogue, live.menu) == before
    write(path, "t,Tea,7,CAD\n", 3)
    await live.look()
    assert (live.catalogue, live.menu) == before
    await live.look()
    assert [str(product.price) for product in live.catalogue] == ["7.00"]
    assert live.menu.greeting.endswith("?\n1. Tea\n")
    assert [record.message for record in caplog.records] == ["catalogue changed"]


async def test_a_dialogue_goes_on_with_its_numbers_and_with_the_prices_of_now(
    path: Path, live: LiveCatalogue
) -> None:
    menu = live.menu
    write(path, "c,Cake,10,CAD\n", 2)
    await live.look()
    await live.look()
    tea, cake = menu.chosen("1"), menu.chosen("2")
    assert tea == AskPrice(TEA)
    assert isinstance(cake, AskPrice)
    assert live.catalogue.by_sku(TEA.sku) is None
    assert live.catalogue.by_sku(cake.product.sku) == Product(
        "c", "Cake", Money(1000, currency("CAD"))
    )
    assert menu.gone() == Say("This product is not sold any more.\n")


async def test_a_bad_file_is_refused_once_in_the_log_and_the_old_one_stays(
    path: Path, live: LiveCatalogue, caplog: pytest.LogCaptureFixture
) -> None:
    before = live.catalogue
    write(path, "t,Tea,6,CAD\nc,Cake,cheap,CAD\n", 2)
    for _ in range(5):
        await live.look()
    assert live.catalogue is before
    (record,) = caplog.records
    assert record.message == "catalogue refused, the old one stays"
    assert vars(record)["reason"] == f'{path}, line 3: "cheap" is not a number'
    write(path, "t,Tea,6,CAD\n", 3)
    await live.look()
    await live.look()
    assert len(live.catalogue) == 1


async def test_a_file_that_goes_away_leaves_the_catalogue_and_may_come_back(
    path: Path, live: LiveCatalogue, caplog: pytest.LogCaptureFixture
) -> None:
    remove(path)
    for _ in range(3):
        await live.look()
    assert len(live.catalogue) == 2
    assert [vars(r)["reason"] for r in caplog.records] == [
        f"{path} cannot be read: No such file or directory"
    ]
    write(path, "t,Tea,6,CAD\n", 2)
    await live.look()
    await live.look()
    assert len(live.catalogue) == 1


async def test_a_file_that_was_only_touched_changes_nothing(
    path: Path, live: LiveCatalogue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = live.catalogue
    os.utime(path, ns=(5, 5))
    await live.look()
    await live.look()
    assert live.catalogue is before
    assert caplog.records == []


def test_a_bad_file_at_the_start_is_refused(path: Path) -> None:
    write(path, "", 2)
    with pytest.raises(InvalidCatalogue, match="has no products"):
        LiveCatalogue(CsvCatalogue(path))


async def test_the_packaged_catalogue_never_changes() -> None:
    live = LiveCatalogue(PackagedCatalogue())
    before = live.catalogue
    await live.look()
    await live.look()
    assert live.catalogue is before


async def test_a_file_that_cannot_be_read_once_is_read_at_the_next_look(
    path: Path, live: LiveCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, "t,Tea,6,CAD\n", 2)
    with monkeypatch.context() as patch:

        def broken(*_arguments: object) -> None:
            raise OSError(5, "Input/output error")

        patch.setattr(Path, "open", broken)
        await live.look()
        await live.look()
    assert len(live.catalogue) == 2
    await live.look()
    assert [str(product.price) for product in live.catalogue] == ["6.00"]


async def test_a_database_that_is_locked_for_a_while_is_read_after_that(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_store, "WAIT_SECONDS", 0)
    file = tmp_path / "shop.sqlite3"
    store = SqliteCatalogue(file)
    store.replace([TEA, CAKE])
    live = LiveCatalogue(store)
    store.replace([CAKE])
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        await live.look()
        await live.look()
        await live.look()
        assert list(live.catalogue) == [TEA, CAKE]
        assert [vars(r)["reason"] for r in caplog.records] == [f"{file}: database is locked"]
        other.execute("ROLLBACK")
    await live.look()
    await live.look()
    assert list(live.catalogue) == [CAKE]
