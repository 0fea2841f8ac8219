"""`pricedesk quarantine`: values that a guard did not believe, and what becomes of them."""

import getpass
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from pricedesk.exit_codes import reports_errors
from pricedesk.settings import read_settings
from pricedesk.tables import format_options, show

if TYPE_CHECKING:
    from pricedesk.backend.quarantine import WithheldValue

COLUMNS = ("number", "source", "date", "currency", "value", "units", "guard", "reason", "verdict")


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
@click.option("--source", metavar="KEY", help="Of this source only.")
@format_options
@reports_errors
def list_(*, everything: bool, source: str | None, as_json: bool, as_csv: bool) -> None:
    """List the values that wait for a decision.

    \b
    Example:
      pricedesk quarantine list --source ECB
    """
    from pricedesk.backend.assembly import readable_store

    with readable_store(read_settings()) as store:
        found = (
            store.withheld(waiting_only=not everything, source=source.upper() if source else None)
            if store is not None
            else []
        )
    show(COLUMNS, [_row(value) for value in found], as_json=as_json, as_csv=as_csv)


@quarantine.command("show")
@click.argument("number", type=int)
@click.option("--document", is_flag=True, help="Print the raw document that it is from instead.")
@reports_errors
def show_(number: int, *, document: bool) -> None:
    """Show all that is known of one value.

    \b
    Example:
      pricedesk quarantine show 12
    """
    from pricedesk.backend.assembly import readable_store
    from pricedesk.errors import UnknownWithheldValue

    with readable_store(read_settings()) as store:
        found = store.withheld(numbers=[number]) if store is not None else []
        if store is None or not found:
            raise UnknownWithheldValue(f"no value with the number {number} was withheld")
        value = found[0]
        raw = store.document(value.provenance.sha256)
    if document:
        sys.stdout.buffer.write(raw or b"")
        return
    fields = dict(zip(COLUMNS, _row(value), strict=True))
    fields["withheld"] = _second(value.withheld_at)
    fields["document"] = value.provenance.sha256
    if value.decision is not None:
        fields["decided"] = _second(value.decision.decided_at)
        fields["by"] = value.decision.decided_by
        fields["why"] = value.decision.why
    for name, text in fields.items():
        click.echo(f"{name:<9} {text}")


def _person_options(command: "click.decorators.FC") -> "click.decorators.FC":
    command = click.option("--why", required=True, help="The reason; it is recorded.")(command)
    return click.option("--by", help="Who decides; else the user of this shell.")(command)


@quarantine.command()
@click.argument("numbers", type=int, nargs=-1, required=True)
@_person_options
@reports_errors
def release(numbers: tuple[int, ...], by: str | None, why: str) -> None:
    """Put values into their publications, as further revisions.

    A service that runs answers from them within two seconds.

    \b
    Example:
      pricedesk quarantine release 12 --why "the devaluation is real"
    """
    from pricedesk.backend.assembly import writing
    from pricedesk.backend.quarantine import Decision, Verdict

    with writing(read_settings()) as (bureau, _, intake):
        decision = Decision(Verdict.RELEASED, bureau.clock(), _who(by), why)
        for publication in intake.release(numbers, decision):
            click.echo(
                f"{publication.source} {publication.date} has revision {publication.revision}"
            )


@quarantine.command()
@click.argument("numbers", type=int, nargs=-1, required=True)
@_person_options
@reports_errors
def reject(numbers: tuple[int, ...], by: str | None, why: str) -> None:
    """Withhold values for good.

    \b
    Example:
      pricedesk quarantine reject 12 --why "a typing error"
    """
    from pricedesk.backend.assembly import writing
    from pricedesk.backend.quarantine import Decision, Verdict

    with writing(read_settings()) as (bureau, store, _):
        store.decide(numbers, Decision(Verdict.REJECTED, bureau.clock(), _who(by), why))
    click.echo(f"rejected {', '.join(map(str, numbers))}")


def _who(by: str | None) -> str:
    """Who decides: who is named, or the user of this shell."""
    if by:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container's user need not have a name.
        return f"uid {os.getuid()}"


def _row(value: "WithheldValue") -> tuple[str, ...]:
    return (
        str(value.number),
        value.source,
        str(value.date),
        value.code,
        value.value,
        str(value.units),
        value.doubt.guard,
        value.doubt.reason,
        value.verdict.value,
    )


def _second(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
