"""`pricedesk db`: check, back up and restore what the back-end keeps."""

import sys
from contextlib import closing
from pathlib import Path

import click

from pricedesk.exit_codes import reports_errors
from pricedesk.settings import read_settings

_FILE = click.Path(path_type=Path)


@click.group(no_args_is_help=True)
def db() -> None:
    """Check, back up and restore the store of rates.

    It is the database that PRICEDESK_DATABASE names, else the file in PRICEDESK_DATA_DIR.
    """


@db.command()
@reports_errors
def check() -> None:
    """Look at everything that is kept; exit code 1 if something is wrong.

    \b
    Example:
      pricedesk db check
    """
    from pricedesk.backend.assembly import existing_store

    with existing_store(read_settings()) as store:
        problems = store.check()
        for problem in problems:
            click.echo(problem)
        if problems:
            sys.exit(1)
        kept = len(store.publications().publications)
        click.echo(f"{store.name} is in order: {kept} publications")


@db.command()
@click.argument("file", type=_FILE)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@reports_errors
def backup(file: Path, *, force: bool) -> None:
    """Write a backup to FILE, while the service runs or not.

    A backup is one SQLite file, whatever the store is kept in.

    \b
    Example:
      pricedesk db backup /backups/rates-$(date +%F).sqlite3
    """
    from pricedesk.backend.assembly import existing_store
    from pricedesk.backend.store_backup import back_up

    with existing_store(read_settings()) as store:
        back_up(store, file, force=force)
        click.echo(f"{store.name} is backed up in {file}")


@db.command()
@click.argument("file", type=_FILE)
@reports_errors
def restore(file: Path) -> None:
    """Fill an empty store from the backup FILE: all of it or nothing.

    \b
    Examples:
      PRICEDESK_DATA_DIR=/new pricedesk db restore /backups/rates.sqlite3
      PRICEDESK_DATABASE=postgresql://... pricedesk db restore /backups/rates.sqlite3
    """
    from pricedesk.backend.store import open_store
    from pricedesk.backend.store_backup import restore as fill

    settings = read_settings()
    with closing(open_store(settings.database, settings.data_dir)) as store:
        fill(store, file)
        kept = len(store.publications().publications)
        click.echo(f"{store.name} is restored from {file}: {kept} publications")
