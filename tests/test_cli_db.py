"""`pricedesk db`: what is printed, the exit codes, and that no password is."""

from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kept import FRIDAY, THURSDAY, fetched_days
from postgres import PASSWORD_IN_ADDRESS
from pricedesk.backend.store import open_store
from pricedesk.cli import main


def db(folder: Path, database: str, *words: str) -> Result:
    """Run a command of `pricedesk db` in this process."""
    environment = {"PRICEDESK_DATA_DIR": str(folder), "PRICEDESK_DATABASE": database}
    result = CliRunner().invoke(main, ["db", *words], env=environment)
    assert PASSWORD_IN_ADDRESS not in result.output
    return result


def made(folder: Path, database: str) -> str:
    """A store with two publications; gives its name."""
    with closing(open_store(database, folder)) as store:
        store.add(*fetched_days(FRIDAY | THURSDAY))
        return store.name


def test_a_store_is_checked_backed_up_and_restored(database: str, tmp_path: Path) -> None:
    name = made(tmp_path, database)
    backup = str(tmp_path / "backup")
    checked = db(tmp_path, database, "check")
    assert (checked.exit_code, checked.output) == (0, f"{name} is in order: 2 publications\n")
    backed_up = db(tmp_path, database, "backup", backup)
    assert (backed_up.exit_code, backed_up.output) == (0, f"{name} is backed up in {backup}\n")
    restored = db(tmp_path / "new", "", "restore", backup)
    there = tmp_path / "new" / "pricedesk.sqlite3"
    assert (restored.exit_code, restored.output) == (
        0,
        f"{there} is restored from {backup}: 2 publications\n",
    )


def test_a_backup_replaces_a_file_when_forced(tmp_path: Path) -> None:
    made(tmp_path, "")
    (tmp_path / "backup").touch()
    backup = str(tmp_path / "backup")
    refused = db(tmp_path, "", "backup", backup)
    said = f"pricedesk: {backup} exists already; --force replaces it\n"
    assert (refused.exit_code, refused.output) == (6, said)
    assert db(tmp_path, "", "backup", backup, "--force").exit_code == 0


@pytest.mark.parametrize("words", [("check",), ("backup", "file")])
def test_where_no_store_is_nothing_is_made(
    database: str, tmp_path: Path, words: tuple[str, ...]
) -> None:
    result = db(tmp_path / "none", database, *words)
    where = f"postgresql://***@{database.partition('@')[2]}" if database else tmp_path / "none"
    said = f"pricedesk: no back-end has made a store in {where} so far\n"
    assert (result.exit_code, result.output) == (6, said)
    assert not (tmp_path / "none").exists()


def test_problems_are_listed_and_the_exit_code_is_1(database: str, tmp_path: Path) -> None:
    made(tmp_path, database)
    with closing(open_store(database, tmp_path)) as store:
        store.database.execute("UPDATE publication SET revision = 7 WHERE sequence = 1")
    result = db(tmp_path, database, "check")
    said = "ECB on 2026-10-29, revision 7 is there, revision 2 is not\n"
    assert (result.exit_code, result.output) == (1, said)


@pytest.mark.parametrize("command", ["check", "restore"])
def test_a_database_that_cannot_be_reached_is_named_without_its_password(
    tmp_path: Path, command: str
) -> None:
    address = f"postgresql://user:{PASSWORD_IN_ADDRESS}@127.0.0.1:1/rates"
    words = [command, "file"] if command == "restore" else [command]
    result = db(tmp_path, address, *words)
    assert result.exit_code == 6
    assert result.output.startswith("pricedesk: the store postgresql://***@127.0.0.1:1/rates ")
    assert result.output.count("\n") == 1


def test_help_shows_examples() -> None:
    for command in ("check", "backup", "restore"):
        assert "Example" in CliRunner().invoke(main, ["db", command, "--help"]).output
