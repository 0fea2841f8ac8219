"""`pricedesk catalogue`: import, export and check, what is said, and what is left as it was."""

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from postgres import PASSWORD_IN_ADDRESS
from pricedesk.cli import main
from terminal import Terminal

HEADER = "sku,name,price,currency,description,category,picture\n"
SHOP = HEADER + 't,Tea,5.00,CAD,"Green, loose",Drinks,tea.jpg\nc,Cake,900,JPY,,,\n'


def catalogue(setting: Path | str, *words: str, given: str | bytes = "") -> Result:
    result = CliRunner().invoke(
        main, ["catalogue", *words], given, env={"PRICEDESK_CATALOGUE": str(setting)}
    )
    assert PASSWORD_IN_ADDRESS not in result.output
    return result


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "products.csv"
    path.write_text(SHOP)
    return path


@pytest.fixture
def shop(database: str, tmp_path: Path) -> Path | str:
    return database or tmp_path / "shop.sqlite3"


def test_products_go_in_and_come_out_unchanged(shop: Path | str, file: Path) -> None:
    done = catalogue(shop, "import", str(file))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.endswith(": 2 products\n")
    assert catalogue(shop, "export").stdout == SHOP
    assert catalogue(shop, "check").stdout.endswith(" is in order: 2 products\n")
    file.write_text(SHOP.replace("5.00", "6.00").replace("c,Cake", "p,Pie"))
    done = catalogue(shop, "import", str(file))
    assert done.stdout.endswith(": 2 products: 1 new, 1 changed, 1 gone\n")


def test_each_wrong_line_is_told_and_then_nothing_is_imported(shop: Path | str, file: Path) -> None:
    catalogue(shop, "import", str(file))
    wrong = HEADER + "a,A,x,CAD,,,\nb,B,1,CAD,,,\nb,B,1,CAD,,,\nc,C,1,XXX,,,\n"
    file.write_text(wrong)
    done = catalogue(shop, "import", str(file))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f'pricedesk: {file}, line 2: "x" is not a number\n'
        f'pricedesk: {file}, line 4: the sku "b" occurs twice\n'
        f'pricedesk: {file}, line 5: "XXX" is not an ISO 4217 currency code\n'
        "pricedesk: nothing was imported\n"
    )
    assert catalogue(shop, "export").stdout == SHOP


def test_at_most_twenty_wrong_lines_are_told(tmp_path: Path, file: Path) -> None:
    file.write_text(HEADER + "a,A,x,CAD,,,\n" * 1000)
    done = catalogue(tmp_path / "shop.sqlite3", "import", str(file))
    assert len(done.stderr.splitlines()) == 21
    assert not (tmp_path / "shop.sqlite3").exists()


@pytest.mark.parametrize("setting", ["", "shop.csv"])
def test_without_a_database_there_is_nothing_to_import_into(setting: str, file: Path) -> None:
    done = catalogue(setting, "import", str(file))
    assert done.exit_code == 2
    assert done.stderr == (
        "pricedesk: PRICEDESK_CATALOGUE names no database to import into: it is a file that ends"
        " in .sqlite3, or an address such as postgresql://user@host/shop\n"
    )


def test_a_file_is_checked_before_it_is_used(file: Path) -> None:
    assert catalogue("", "check", str(file)).stdout == f"{file} is in order: 2 products\n"
    assert catalogue("", "check").stdout == "products.csv is in order: 3 products\n"
    file.write_text("sku;name\n")
    done = catalogue(file, "check")
    assert (done.exit_code, done.stderr) == (
        2,
        f"pricedesk: {file}, line 1: the first line must be sku,name,price,currency\n",
    )


def test_an_export_replaces_no_file_unless_asked_to(tmp_path: Path, file: Path) -> None:
    out = tmp_path / "out.csv"
    assert catalogue(file, "export", str(out)).stdout == f"{out}: 2 products\n"
    assert out.read_text() == SHOP
    file.write_text(SHOP.replace("Cake", "Pie"))
    done = catalogue(file, "export", str(out))
    assert (done.exit_code, out.read_text()) == (2, SHOP)
    assert done.stderr == f"pricedesk: {out} is there already: --force replaces it\n"
    assert catalogue(file, "export", str(out), "--force").exit_code == 0
    assert out.read_text() == file.read_text()
    done = catalogue(file, "export", str(tmp_path / "none" / "out.csv"))
    assert (done.exit_code, list(tmp_path.glob(".*"))) == (2, [])


def test_an_export_writes_where_a_link_leads_to(tmp_path: Path, file: Path) -> None:
    (tmp_path / "kept").mkdir()
    target, link, circle = tmp_path / "kept" / "out.csv", tmp_path / "link", tmp_path / "circle"
    link.symlink_to(Path("kept") / "out.csv")
    circle.symlink_to(circle)
    for words in ((str(link),), ("--force", str(link))):
        done = catalogue(file, "export", *words)
        assert (done.exit_code, done.stdout) == (0, f"{link}: 2 products\n")
        assert (link.readlink(), target.read_text()) == (Path("kept") / "out.csv", SHOP)
        file.write_text(SHOP)
    assert catalogue(file, "export", str(link)).exit_code == 2
    done = catalogue(file, "export", "--force", str(circle))
    assert (done.exit_code, done.stderr) == (
        2,
        f"pricedesk: {circle} is a link that leads nowhere\n",
    )


def test_an_export_replaces_nothing_that_is_no_file(tmp_path: Path, file: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        for words in (("export",), ("export", "--force")):
            done = catalogue(file, *words, str(path))
            assert (done.exit_code, done.stderr) == (
                2,
                f"pricedesk: {path} is no file that could be replaced\n",
            )
    assert pipe.is_fifo()


def test_a_dash_is_standard_input_and_output(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (("export", "-"), ("export", "--force", "-")):
        done = catalogue(file, *words)
        assert (done.exit_code, done.stdout, done.stderr) == (0, SHOP, "")
    shop = tmp_path / "shop.sqlite3"
    done = catalogue(shop, "import", "-", given=SHOP)
    assert (done.exit_code, done.stdout) == (0, f"{shop}: 2 products\n")
    assert catalogue(shop, "export").stdout == SHOP
    assert catalogue("", "check", "-", given=SHOP).stdout == (
        "standard input is in order: 2 products\n"
    )
    assert not (tmp_path / "-").exists()


def test_a_file_can_be_called_a_dash(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = catalogue(file, "export", "./-")
    assert (done.exit_code, done.stdout) == (0, "./-: 2 products\n")
    assert (tmp_path / "-").read_text() == SHOP
    assert catalogue("", "check", "./-").stdout == "./- is in order: 2 products\n"
    shop = tmp_path / "shop.sqlite3"
    assert catalogue(shop, "import", "./-").stdout == f"{shop}: 2 products\n"
    assert catalogue(shop, "export").stdout == SHOP


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (HEADER + "a,A,x,CAD,,,\n", 'standard input, line 2: "x" is not a number'),
        ("", "standard input, line 1: the first line must be sku,name,price,currency"),
        ((HEADER + "a,A,1,CAD,,,\n").encode() + b"\xff", "standard input, line 3: not UTF-8 text"),
    ],
)
def test_what_is_wrong_in_standard_input_is_told_and_changes_nothing(
    tmp_path: Path, given: str | bytes, problem: str
) -> None:
    shop = tmp_path / "shop.sqlite3"
    done = catalogue(shop, "import", "-", given=given)
    assert (done.exit_code, done.stdout, shop.exists()) == (2, "", False)
    assert done.stderr == f"pricedesk: {problem}\npricedesk: nothing was imported\n"


def test_a_terminal_shows_how_far_an_import_is(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{n},Thing {n},1,CAD,,,\n" for n in range(5000))
    file.write_text(HEADER + rows)
    monkeypatch.setenv("PRICEDESK_CATALOGUE", str(tmp_path / "shop.sqlite3"))
    with Terminal(
        sys.executable, "-m", "pricedesk.cli", "catalogue", "import", str(file)
    ) as screen:
        text, code = screen.end()
    assert code == 0
    assert "reading" in text
    assert "writing  [####################################]  100%" in text
    assert text.endswith(": 5000 products\n")
