"""The command line: `pricedesk up`, the two services, and questions asked from a shell.

What a command needs is imported when it runs, so that each starts fast and the desk's
image does without the back-end's libraries.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from typing import BinaryIO, cast

import click

from pricedesk import __version__
from pricedesk.cli_catalogue import catalogue
from pricedesk.cli_db import db
from pricedesk.cli_quarantine import quarantine
from pricedesk.cli_quotes import quotes
from pricedesk.cli_rates import rates
from pricedesk.cli_words import (
    asked_sources,
    complete_currency,
    source_option,
)
from pricedesk.errors import InvalidRequest, ServiceUnavailable
from pricedesk.exit_codes import reports_errors
from pricedesk.settings import PORT, WORKERS, HostPort, read_settings, table
from pricedesk.standard_streams import standard_input, standard_output

JSON_FIELDS = ("amount", "from", "to", "result", "date", "source", "state")
"""What `convert --json` says without `--explain`."""

EPILOG = """\b
Exit codes:
  0  done                       4  the rate is older than is answered with
  1  not healthy, or a fault    5  a service or source cannot be reached
  2  wrong words or settings    6  a database cannot be read or written
  3  no published rate          130  interrupted by Ctrl-C

Settings are environment variables, PRICEDESK_...; `pricedesk config` lists them.
"""


def _end_on_signal() -> None:
    """End on SIGTERM while a service is still starting.

    A container's first process has no default for a signal: it would be lost.
    """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


workers_option = click.option(
    "--workers",
    metavar="N",
    help="How many processes answer in a service; else as PRICEDESK_WORKERS says: 1.",
)


def _with_workers(workers: str | None) -> Mapping[str, str]:
    """The environment, where the option was not given; else with the option in its place."""
    if workers is None:
        return os.environ
    others = {k: v for k, v in os.environ.items() if k != f"{WORKERS}_FILE"}
    return {**others, WORKERS: workers}


@click.group(
    epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """What does this cost in my customer's currency, today, and why?

    \b
    Examples:
      pricedesk up                                  both services on this machine
      pricedesk convert 1100 CAD USD                at today's rate
      pricedesk convert 1100 CAD JPY --on 2020-02-14 --explain
    """
    if os.environ.get("NO_COLOR"):
        context.color = False


@main.command()
@workers_option
@reports_errors
def up(*, workers: str | None) -> None:
    """Run both services here, until Ctrl-C.

    \b
    Example:
      pricedesk up
      telnet localhost 10000
    """
    from pricedesk.up import run_up

    given = {k: v for k, v in _with_workers(workers).items() if k != PORT}
    sys.exit(run_up(read_settings(given), click.echo))


@main.command()
@workers_option
@reports_errors
def backend(*, workers: str | None) -> None:
    """Run the back-end: lines on port 3000, HTTP on 8000, gRPC on 7000.

    \b
    Example:
      PRICEDESK_LINES_PORT=3001 pricedesk backend
      printf '1100\\n' | nc -q1 localhost 3001
    """
    _end_on_signal()
    from pricedesk.backend.service import DOORS, prepare_workers, run_backend
    from pricedesk.logs import start_logging
    from pricedesk.running import run_process
    from pricedesk.workers import run_workers

    settings = read_settings(_with_workers(workers))
    start_logging("backend", settings.log)
    if settings.workers > 1:
        sys.exit(run_workers(settings, DOORS, prepare_workers))
    run_process(lambda: run_backend(settings))


@main.command()
@workers_option
@reports_errors
def frontend(*, workers: str | None) -> None:
    """Run the front-end: the price desk on telnet port 10000.

    \b
    Example:
      PRICEDESK_BACKEND=localhost:3000 pricedesk frontend
      telnet localhost 10000
    """
    _end_on_signal()
    from pricedesk.frontend.service import DOORS, prepare_workers, run_frontend
    from pricedesk.logs import start_logging
    from pricedesk.running import run_process
    from pricedesk.workers import run_workers

    settings = read_settings(_with_workers(workers))
    start_logging("frontend", settings.log)
    if settings.workers > 1:
        sys.exit(run_workers(settings, DOORS, prepare_workers))
    run_process(lambda: run_frontend(settings))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("amount")
@click.argument("base", metavar="[FROM]", required=False, shell_complete=complete_currency)
@click.argument("counter", metavar="[TO]", required=False, shell_complete=complete_currency)
@click.option("--on", metavar="DATE", help="At the rate of that day, YYYY-MM-DD; else today's.")
@click.option(
    "--known-at",
    metavar="INSTANT",
    help="By what was known here then, as in 2026-10-30T18:00:00Z; else by what is known now.",
)
@source_option
@click.option("--explain", is_flag=True, help="Say why: rate, publication, path, rounding.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, every value a string.")
@reports_errors
def convert(  # noqa: PLR0913  # the arguments are the command's own
    amount: str,
    base: str | None,
    counter: str | None,
    on: str | None,
    *,
    known_at: str | None,
    source: str | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Convert AMOUNT at a published rate, without any service running.

    The result goes to standard output; a note about a rate that is late or stale goes to
    standard error.

    \b
    Examples:
      pricedesk convert 1100
      pricedesk convert 1100 CAD JPY --on 2020-02-14
      pricedesk convert 19.99 EUR USD --explain
      pricedesk convert 19.99 EUR USD --json
      pricedesk convert 100 CAD USD --source BOC --known-at 2026-10-30T18:00:00Z
    """
    from pricedesk.backend.assembly import reading
    from pricedesk.currencies import currency
    from pricedesk.dates import parse_date, parse_instant
    from pricedesk.money import ExactDecimal
    from pricedesk.up import newest_rates

    exact = ExactDecimal.parse(amount)
    pair = [currency(code) if code is not None else None for code in (base, counter)]
    day = parse_date(on) if on is not None else None
    then = parse_instant(known_at) if known_at is not None else None
    with reading(read_settings()) as (bureau, _):
        keys = asked_sources(bureau, source)
        explanation = bureau.convert(
            exact, pair[0], pair[1], day, known_at=then, keys=keys
        ).explained()
    if as_json:
        fields = explanation.as_dict()
        shown = fields if explain else {name: fields[name] for name in JSON_FIELDS}
        click.echo(json.dumps(shown, indent=2))
    elif explain:
        for name, value in explanation.as_dict().items():
            click.echo(f"{name:<11} {value}")
    else:
        click.echo(explanation.result)
    if explanation.missed != "0":
        note = click.style("note:", fg="yellow")
        click.echo(f"{note} the rate is {newest_rates(explanation)}", err=True)


@main.command()
@reports_errors
def lines() -> None:
    """Answer lines from standard input as port 3000 does, without any service running.

    A line that cannot be answered gets its `error ...` line; docs/lines.md has the grammar.

    \b
    Example:
      printf '1100 CAD USD\\nexplain 1100 EUR JPY\\n' | pricedesk lines
    """
    from pricedesk.backend.assembly import reading
    from pricedesk.backend.line_server import LineSession

    output = standard_output()
    with reading(read_settings()) as (bureau, store):
        session = LineSession(bureau, looks=store.looks if store is not None else dict)
        for line in _lines_of(standard_input()):
            # Without a ledger there is nothing to wait for.
            answer = cast("bytes", session.answer(line.rstrip(b"\r\n")))
            output.write(answer)
            if session.finished:
                break


def _lines_of(stream: BinaryIO) -> Iterator[bytes]:
    try:
        yield from stream
    except OSError as error:
        raise InvalidRequest(f"standard input cannot be read: {error.strerror}") from error


@main.command()
@click.argument("service", type=click.Choice(["backend", "frontend"]))
@reports_errors
def healthcheck(service: str) -> None:
    """Ask the service on this machine whether it works; exit code 1 if not.

    \b
    Example:
      pricedesk healthcheck backend
    """
    from pricedesk.error_lines import is_goodbye
    from pricedesk.frontend.menu import QUESTION
    from pricedesk.frontend.telnet_server import NOTICES
    from pricedesk.healthcheck import ask

    settings = read_settings()
    try:
        if service == "backend":
            said = ask(HostPort(settings.lines_address, settings.lines_port), "ping")
            healthy = said == "pong" or is_goodbye(said)
        else:
            said = ask(HostPort(settings.telnet_address, settings.telnet_port))
            healthy = said in (QUESTION, NOTICES.busy.decode().rstrip())
    except ServiceUnavailable as error:
        said, healthy = str(error), False
    click.echo("healthy" if healthy else f"not healthy: {said}", err=not healthy)
    sys.exit(0 if healthy else 1)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@reports_errors
def config(*, as_json: bool) -> None:
    """List all settings with the values in use, after checking them.

    \b
    Example:
      PRICEDESK_DEFAULT_TO=EUR pricedesk config
    """
    from pricedesk.backend.assembly import order_in, sources_in

    settings = read_settings()
    sources_in(settings)
    order_in(settings)
    rows = table(settings)
    if as_json:
        click.echo(json.dumps({name: value for name, value, _, _ in rows}, indent=2))
        return
    for name, value, _, meaning in rows:
        click.echo(f"{click.style(f'{name}={value}', bold=True)}\n    {meaning}")


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@reports_errors
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Example:
      eval "$(pricedesk completion bash)"
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(main, {}, "pricedesk", "_PRICEDESK_COMPLETE").source())


main.add_command(catalogue)
main.add_command(db)
main.add_command(rates)
main.add_command(quarantine)
main.add_command(quotes)

if __name__ == "__main__":
    main(prog_name="pricedesk")
