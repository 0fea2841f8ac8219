"""`pricedesk rates`: what is known of rates and of their sources, asked without a service."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from pricedesk.cli_backfill import backfill
from pricedesk.cli_words import (
    asked_sources,
    complete_currency,
    days_between,
    source_option,
)
from pricedesk.exit_codes import reports_errors
from pricedesk.settings import read_settings
from pricedesk.tables import Cell, Column, Place, columns, format_options, show

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pricedesk.backend.bureau import Bureau, SourceAge
    from pricedesk.backend.moment import Found
    from pricedesk.backend.rates import Rate
    from pricedesk.backend.sources.source import Source
    from pricedesk.backend.store import Look, Store

_NUMBER, _BELOW, _DATA = Place.NUMBER, Place.BELOW, Place.DATA

RATE_COLUMNS = (
    *columns("from", "to"),
    Column("rate", _NUMBER),
    *columns("date", "source", "state"),
)
HISTORY_COLUMNS = (
    *columns("date", "from", "to"),
    Column("rate", _NUMBER),
    *columns("source"),
)
PEGS_COLUMNS = columns("pegs")
"""The official parities that a rate goes over, where the order of the sources asks for them."""

SOURCE_COLUMNS = (
    *columns("source", "name", "since", "until"),
    *columns("publications", "currencies", place=_NUMBER),
    *columns("retired", "note", place=_BELOW),
    *columns("terms", "terms_url", place=_DATA),
)
STATUS_COLUMNS = (
    *columns("source", "newest"),
    Column("missed", _NUMBER),
    *columns("state", "next_expected", "last_look"),
    Column("waiting", _NUMBER),
    *columns("failing_since", "failure", place=_BELOW),
)
NO_HISTORY = "has no history; its newest day is fetched by the back-end"


@click.group(no_args_is_help=True)
def rates() -> None:
    """What is known of rates and of their sources.

    \b
    Examples:
      pricedesk rates latest CAD
      pricedesk rates on 2020-02-14 CAD USD JPY
      pricedesk rates history CAD USD --from 2026-10-01 --csv
      pricedesk rates status
    """


rates.add_command(backfill)


@rates.command()
@click.argument("base", metavar="[FROM]", required=False, shell_complete=complete_currency)
@click.argument("counters", metavar="[TO]...", nargs=-1, shell_complete=complete_currency)
@source_option
@format_options
@reports_errors
def latest(
    base: str | None, counters: tuple[str, ...], source: str | None, *, as_json: bool, as_csv: bool
) -> None:
    """The newest rates of a currency, the default one if none is named.

    \b
    Example:
      pricedesk rates latest EUR USD JPY
    """
    _show_table(None, base, counters, source, as_json=as_json, as_csv=as_csv)


@rates.command()
@click.argument("day", metavar="DATE")
@click.argument("base", metavar="[FROM]", required=False, shell_complete=complete_currency)
@click.argument("counters", metavar="[TO]...", nargs=-1, shell_complete=complete_currency)
@source_option
@format_options
@reports_errors
def on(  # noqa: PLR0913  # the arguments are the command's own
    day: str,
    base: str | None,
    counters: tuple[str, ...],
    source: str | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """The rates that held on a day.

    \b
    Example:
      pricedesk rates on 2020-02-14 CAD
    """
    _show_table(day, base, counters, source, as_json=as_json, as_csv=as_csv)


@rates.command()
@click.argument("base", metavar="FROM", shell_complete=complete_currency)
@click.argument("counter", metavar="TO", shell_complete=complete_currency)
@click.option("--from", "first", metavar="DATE", help="From this day on; else for one year.")
@click.option("--to", "last", metavar="DATE", help="Up to this day; else up to now.")
@source_option
@format_options
@reports_errors
def history(  # noqa: PLR0913  # the arguments are the command's own
    base: str,
    counter: str,
    first: str | None,
    last: str | None,
    source: str | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """The rates of a pair as they were published, day by day.

    Where none is of the first day itself, the one that held on it comes first.

    \b
    Example:
      pricedesk rates history CAD USD --from 2026-10-01
    """
    from pricedesk.backend.question import Question
    from pricedesk.currencies import currency
    from pricedesk.errors import InvalidRequest

    pair = currency(base), currency(counter)
    if pair[0] == pair[1]:
        raise InvalidRequest(f"{pair[0]} to {pair[1]} has no history: it is always 1")
    bureau = _bureau()
    begin, end = days_between(first, last, bureau.clock())
    keys = asked_sources(bureau, source)
    series = bureau.series(pair[0], [pair[1]], begin, end, keys)
    found = [(day, rate) for day, came in series for rate in came.values()]
    if not found:  # It knows why.
        bureau.rate(*pair, Question(bureau.clock(), end, keys=keys))
    pegs = _pegs_columns(bureau, keys)
    show(
        (*HISTORY_COLUMNS, *pegs),
        [[*_history_row(day, rate), *(dict(rate.pegs) for _ in pegs)] for day, rate in found],
        as_json=as_json,
        as_csv=as_csv,
        nothing=f"nothing of {pair[0]} to {pair[1]} is known from {begin} to {end}",
    )
    _credit(bureau, (rate for _, rate in found))


@rates.command()
@format_options
@reports_errors
def sources(*, as_json: bool, as_csv: bool) -> None:
    """The sources in their order, and what of theirs is known.

    A currency that a source does not publish any more is retired; it has the date of its last
    rate.

    \b
    Example:
      pricedesk rates sources
    """
    bureau = _bureau()
    rows = [_source_row(bureau, source) for source in bureau.sources.values()]
    show(SOURCE_COLUMNS, rows, as_json=as_json, as_csv=as_csv, nothing="no sources are asked here")


@rates.command()
@format_options
@reports_errors
def status(*, as_json: bool, as_csv: bool) -> None:
    """How each source stands: its newest publication, what is missing, the last look at it.

    A rate after which one publication was missed is late, after more it is stale. `waiting` are
    values in quarantine: see pricedesk quarantine list.

    \b
    Example:
      pricedesk rates status
    """
    from pricedesk.backend.assembly import reading
    from pricedesk.errors import without_password

    settings = read_settings()
    with reading(settings) as (bureau, store):
        looks = store.looks() if store is not None else {}
        withheld = store.withheld(waiting_only=True) if store is not None else []
        ages = [_awaited(bureau, store, age) for age in bureau.ages()]
    waiting = Counter(value.source for value in withheld)
    rows = [_status_row(age, looks.get(age.key), waiting[age.key]) for age in ages]
    show(STATUS_COLUMNS, rows, as_json=as_json, as_csv=as_csv, nothing="no sources are asked here")
    if store is None:
        where = without_password(settings.database) or settings.data_dir
        click.echo(
            f"note: no back-end has kept anything in {where} so far:"
            " this is what comes with the package",
            err=True,
        )


def _bureau() -> "Bureau":
    from pricedesk.backend.assembly import reading

    with reading(read_settings()) as (bureau, _):
        return bureau


def _show_table(  # noqa: PLR0913  # the arguments are the commands'
    day: str | None,
    base: str | None,
    counters: tuple[str, ...],
    source: str | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    from pricedesk.backend.question import Question
    from pricedesk.currencies import currency
    from pricedesk.dates import parse_date

    wanted = [currency(code) for code in counters]
    named = currency(base) if base is not None else None
    on = parse_date(day) if day is not None else None
    bureau = _bureau()
    pivot = named or bureau.terms.base
    question = Question(bureau.clock(), on, keys=asked_sources(bureau, source))
    if wanted:
        found = [bureau.find(pivot, counter, question) for counter in wanted]
    else:
        found = list(bureau.table(pivot, question).values())
    pegs = _pegs_columns(bureau, question.keys)
    rows = [[*_rate_row(of_pair), *(dict(of_pair.rate.pegs) for _ in pegs)] for of_pair in found]
    nothing = f"no rate of {pivot} is known for {question.day}"
    show((*RATE_COLUMNS, *pegs), rows, as_json=as_json, as_csv=as_csv, nothing=nothing)
    _credit(bureau, (of_pair.rate for of_pair in found))


def _credit(bureau: "Bureau", shown: "Iterable[Rate]") -> None:
    """Name the sources whose terms want to be named beside their rates."""
    keys = {rate.publication.source for rate in shown if rate.publication is not None}
    for source in bureau.sources.values():
        if source.key in keys and source.attribution_required:
            click.echo(f"{source.attribution}: {source.attribution_url}", err=True)


def _pegs_columns(bureau: "Bureau", keys: tuple[str, ...] | None) -> tuple[Column, ...]:
    """The column of parities, where they may answer: not where sources are asked by name."""
    return PEGS_COLUMNS if keys is None and bureau.book.pegs else ()


def _rate_row(found: "Found") -> list[Cell]:
    return [
        found.rate.base.code,
        found.rate.counter.code,
        found.rate_text,
        str(found.date),
        found.source.key if found.source is not None else None,
        found.state.value,
    ]


def _history_row(day: "date", rate: "Rate") -> list[Cell]:
    publication = rate.publication
    return [
        str(day),
        rate.base.code,
        rate.counter.code,
        str(rate),
        publication.source if publication else None,
    ]


def _source_row(bureau: "Bureau", source: "Source") -> list[Cell]:
    known = bureau.book.of(source.key)
    newest = known.newest
    return [
        source.key,
        source.name,
        str(known.dates[0]) if newest else None,
        str(newest.date) if newest else None,
        str(len(known)),
        str(len(newest.rates().keys() | newest.withheld) if newest else 0),
        dict(_retired(bureau, source.key)),
        None if source.has_history else NO_HISTORY,
        source.terms,
        source.terms_url,
    ]


def _retired(bureau: "Bureau", key: str) -> "Iterable[tuple[str, str]]":
    """The currencies that the newest publication of a source lacks, with their last dates."""
    known = bureau.book.of(key)
    if known.newest is not None:
        for code, (_, last) in sorted(known.extents.items()):
            if last < known.newest.date and code not in known.newest.withheld:
                yield code, str(last)


def _awaited(bureau: "Bureau", store: "Store | None", age: "SourceAge") -> "SourceAge":
    """How a source stands, with the instant that it has named itself, if it did, as expected."""
    from pricedesk.backend.announced import announced, awaited_at

    if store is None:
        return age
    source = bureau.sources[age.key]
    due = announced(source, age.newest, store)
    return replace(age, expected_at=awaited_at(source, age.newest, due, bureau.clock()))


def _status_row(age: "SourceAge", look: "Look | None", waiting: int) -> list[Cell]:
    return [
        age.key,
        str(age.newest.date) if age.newest else None,
        str(age.missed) if age.newest else None,
        age.state.value if age.newest else "none",
        _minute(age.expected_at),
        _minute(look.at) if look else None,
        str(waiting),
        _minute(look.failing_since) if look else None,
        look.failure if look else None,
    ]


def _minute(instant: datetime | None) -> str | None:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if instant is not None else None
