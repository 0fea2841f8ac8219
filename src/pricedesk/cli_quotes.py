"""`pricedesk quotes`: prices that were held, and what became of them; for reading only."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pricedesk.errors import UnknownQuote
from pricedesk.exit_codes import reports_errors
from pricedesk.quote_codes import parse_quote_id
from pricedesk.quote_lines import QuoteStatus
from pricedesk.settings import read_settings
from pricedesk.standard_streams import standard_output
from pricedesk.tables import Column, Place, columns, format_options, show, show_fields

if TYPE_CHECKING:
    from pricedesk.backend.ledger import Ledger
    from pricedesk.backend.quotes import Quote

COLUMNS = (
    *columns("quote", "status", "held", "expires", "ref"),
    Column("price", Place.NUMBER),
    Column("currency"),
    *columns("amount", "from", "result", "date", "source", "name", "ended", place=Place.DATA),
)

_STATUS = click.Choice([status.value for status in QuoteStatus])


@click.group(no_args_is_help=True)
def quotes() -> None:
    """Prices that were held: list them, show one, export all.

    \b
    Examples:
      pricedesk quotes list --status held
      pricedesk quotes show 7F3K-9QXD-2MTA
      pricedesk quotes export > quotes.jsonl
    """


@quotes.command("list")
@click.option("--status", type=_STATUS, help="Those of which this has become only.")
@format_options
@reports_errors
def list_(*, status: str | None, as_json: bool, as_csv: bool) -> None:
    """List quotes in the order in which they were held.

    \b
    Example:
      pricedesk quotes list --status redeemed --csv
    """
    with _ledger() as ledger:
        rows = [_row(quote) for quote in ledger.quotes() if status in (None, quote.status.value)]
    show(COLUMNS, rows, as_json=as_json, as_csv=as_csv, nothing="there is no such quote")


@quotes.command("show")
@click.argument("quote_id", metavar="ID")
@click.option("--raw", is_flag=True, help="Print the record as it is kept, one line, instead.")
@reports_errors
def show_(quote_id: str, *, raw: bool) -> None:
    """Show all that is known of a quote, a field a line.

    \b
    Examples:
      pricedesk quotes show 7F3K-9QXD-2MTA
      pricedesk quotes show 7f3k9qxd2mta --raw
    """
    wanted = parse_quote_id(quote_id)
    with _ledger() as ledger:
        quote = ledger.quote(wanted)
    if quote is None:
        raise UnknownQuote(f"there is no quote {wanted}")
    if raw:
        click.echo(quote.record)
        return
    show_fields({name: "none" if text is None else text for name, text in quote.reply.told.items()})


@quotes.command()
@reports_errors
def export() -> None:
    """Print all quotes, each as a JSON object on a line of its own.

    `record` is the text that is kept; the other members are read from it, but the status.

    \b
    Example:
      pricedesk quotes export > quotes.jsonl
    """
    output = standard_output()
    with _ledger() as ledger:
        for quote in ledger.quotes():
            line = json.dumps({**quote.reply.told, "record": quote.record})
            output.write(f"{line}\n".encode())


@contextmanager
def _ledger() -> "Iterator[Ledger]":
    """The ledger of the store that a back-end has made."""
    from pricedesk.backend.assembly import existing_store, ledger_of
    from pricedesk.clock import clock_from

    settings = read_settings()
    with existing_store(settings) as store:
        yield ledger_of(store, settings, clock_from(settings.clock))


def _row(quote: "Quote") -> list[str | None]:
    told = quote.reply.told
    told["currency"] = told.get("to")
    return [told.get(column.name) for column in COLUMNS]
