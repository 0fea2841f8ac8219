"""`pricedesk quarantine`: values that a guard did not believe, and what becomes of them."""

import getpass
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from pricedesk.cli_words import complete_sources
from pricedesk.errors import InvalidRequest, StoreFailed, UnknownWithheldValue, in_quotes
from pricedesk.exit_codes import reports_errors
from pricedesk.settings import read_settings
from pricedesk.standard_streams import standard_output
from pricedesk.tables import (
    Column,
    Place,
    columns,
    format_options,
    on_terminal,
    show,
    show_fields,
)

if TYPE_CHECKING:
    from pricedesk.backend.quarantine import Decision, Verdict, WithheldValue

COLUMNS = (
    Column("number", Place.NUMBER),
    *columns("source", "date", "currency"),
    *columns("value", "units", place=Place.NUMBER),
    *columns("guard", "verdict"),
    *columns("reason", "why", place=Place.BELOW),
    *columns("withheld", "document", "decided", "by", place=Place.DATA),
)


@click.group(no_args_is_help=True)
def quarantine() -> None:
    """Values that a guard did not believe: look at them, release or reject them.

    \b
    Examples:
      pricedesk quarantine list
      pricedesk quarantine release 12 13 --why "the ECB confirmed it by telephone"
      pricedesk quarantine reject 14 --why "typing error at the source, corrected since"
    """


@quarantine.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that were decided as well.")
@click.option(
    "--source", metavar="KEY", shell_complete=complete_sources, help="Of this source only."
)
@format_options
@reports_errors
def list_(*, everything: bool, source: str | None, as_json: bool, as_csv: bool) -> None:
    """List the values that wait for a decision.

    \b
    Example:
      pricedesk quarantine list --source ECB
    """
    from pricedesk.backend.assembly import readable_store
    from pricedesk.backend.sources import source_keys

    key = source.upper() if source is not None else None
    if key is not None and key not in source_keys():
        raise InvalidRequest(f"{in_quotes(key)} is no source: {', '.join(source_keys())}")
    with readable_store(read_settings()) as store:
        found = store.withheld(waiting_only=not everything, source=key) if store is not None else []
    nothing = "nothing was withheld" if everything else "nothing waits for a decision"
    show(COLUMNS, map(_row, found), as_json=as_json, as_csv=as_csv, nothing=nothing)


@quarantine.command("show")
@click.argument("number", type=int)
@click.option("--document", is_flag=True, help="Print the raw document that it is from instead.")
@reports_errors
def show_(number: int, *, document: bool) -> None:
    """Show all that is known of one value.

    \b
    Examples:
      pricedesk quarantine show 12
      pricedesk quarantine show 12 --document > document
    """
    from pricedesk.backend.assembly import existing_store

    with existing_store(read_settings()) as store:
        found = store.withheld(numbers=[number])
        if not found:
            raise UnknownWithheldValue(f"no value with the number {number} was withheld")
        if document:
            _print_document(store.document(found[0].provenance.sha256), store.name)
            return
    fields = zip(COLUMNS, _row(found[0]), strict=True)
    show_fields({column.title: text for column, text in fields if text is not None})


def _print_document(raw: bytes | None, store: str) -> None:
    if raw is None:
        raise StoreFailed(f"the store {store} has lost the document: see pricedesk db check")
    output = standard_output()
    if on_terminal():
        raise click.UsageError(
            f"a stranger's document of {len(raw)} bytes is not shown on a terminal:"
            " send it to a file, as in --document > document"
        )
    output.write(raw)


def _person_options(command: "click.decorators.FC") -> "click.decorators.FC":
    command = click.option("--why", required=True, help="The reason; it is recorded.")(command)
    return click.option("--by", help="Who decides; else the user of this shell.")(command)


@quarantine.command()
@click.argument("numbers", type=int, nargs=-1, required=True)
@_person_options
@reports_errors
def release(numbers: tuple[int, ...], by: str | None, why: str) -> None:
    """Put values into their publications, as further revisions.

    All of them are released or, where one cannot be, none. A service that runs answers from them
    within two seconds.

    \b
    Example:
      pricedesk quarantine release 12 --why "the devaluation is real"
    """
    from pricedesk.backend.assembly import existing_store, writing
    from pricedesk.backend.quarantine import Verdict

    settings = read_settings()
    with existing_store(settings):  # A decision about nothing does not make a store.
        pass
    with writing(settings) as (bureau, _, intake):
        decision = _decision(Verdict.RELEASED, bureau.clock(), by, why)
        for made in intake.release(numbers, decision):
            click.echo(f"{made.source} {made.date} has revision {made.revision}")


@quarantine.command()
@click.argument("numbers", type=int, nargs=-1, required=True)
@_person_options
@reports_errors
def reject(numbers: tuple[int, ...], by: str | None, why: str) -> None:
    """Withhold values for good: all of them or, where one is decided already, none.

    \b
    Example:
      pricedesk quarantine reject 12 --why "a typing error"
    """
    from pricedesk.backend.assembly import existing_store, writing
    from pricedesk.backend.quarantine import Verdict

    settings = read_settings()
    with existing_store(settings):  # As above.
        pass
    with writing(settings) as (bureau, store, _):
        store.decide(numbers, _decision(Verdict.REJECTED, bureau.clock(), by, why))
    click.echo(f"rejected {', '.join(map(str, sorted(set(numbers))))}")


def _decision(verdict: "Verdict", now: datetime, by: str | None, why: str) -> "Decision":
    from pricedesk.backend.quarantine import Decision

    if not why.strip():
        raise InvalidRequest("--why is empty: a decision has a reason")
    return Decision(verdict, now, (by or "").strip() or _user(), why.strip())


def _user() -> str:
    """The user of this shell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container's user need not have a name.
        return f"uid {os.getuid()}"


def _row(value: "WithheldValue") -> list[str | None]:
    decision = value.decision
    return [
        str(value.number),
        value.source,
        str(value.date),
        value.code,
        value.value,
        str(value.units),
        value.doubt.guard,
        value.verdict.value,
        value.doubt.reason,
        decision.why if decision is not None else None,
        _second(value.withheld_at),
        value.provenance.sha256,
        _second(decision.decided_at) if decision is not None else None,
        decision.decided_by if decision is not None else None,
    ]


def _second(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
