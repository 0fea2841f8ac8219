"""`pricedesk rates`: what is known of rates and of their sources, asked without a service."""

import asyncio
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from pricedesk.exit_codes import reports_errors
from pricedesk.settings import read_settings
from pricedesk.tables import format_options, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pricedesk.backend.bureau import Bureau, Question, SourceAge
    from pricedesk.backend.rates import Rate
    from pricedesk.backend.store import Look

RATE_COLUMNS = ("from", "to", "rate", "date", "source", "state")
HISTORY_COLUMNS = ("date", "from", "to", "rate", "source")
SOURCE_COLUMNS = (
    "source",
    "name",
    "since",
    "until",
    "publications",
    "currencies",
    "retired",
    "terms",
)
STATUS_COLUMNS = (
    "source",
    "newest",
    "missed",
    "state",
    "expected",
    "looked",
    "waiting",
    "failing since",
    "failure",
)


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


def _source_option(command: "click.decorators.FC") -> "click.decorators.FC":
    return click.option(
        "--source", metavar="KEYS", help="Ask these sources only, as in ECB or BOC,NB."
    )(command)


@rates.command()
@click.argument("base", metavar="[FROM]", required=False)
@click.argument("counters", metavar="[TO]...", nargs=-1)
@_source_option
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
@click.argument("base", metavar="[FROM]", required=False)
@click.argument("counters", metavar="[TO]...", nargs=-1)
@_source_option
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
@click.argument("base", metavar="FROM")
@click.argument("counter", metavar="TO")
@click.option("--from", "first", metavar="DATE", help="From this day on; else for one year.")
@click.option("--to", "last", metavar="DATE", help="Up to this day; else up to now.")
@_source_option
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

    \b
    Example:
      pricedesk rates history CAD USD --from 2026-10-01
    """
    from pricedesk.currencies import currency
    from pricedesk.protocol import parse_date

    pair = currency(base), currency(counter)
    bureau = _bureau()
    today = bureau.clock().date()
    end = parse_date(last) if last else today
    begin = parse_date(first) if first else _year_before(end)
    series = bureau.series(pair[0], [pair[1]], begin, end, _keys(source))
    rows = (_history_row(rate) for _, came in series for rate in came.values())
    show(HISTORY_COLUMNS, rows, as_json=as_json, as_csv=as_csv)


@rates.command()
@format_options
@reports_errors
def sources(*, as_json: bool, as_csv: bool) -> None:
    """The sources in their order: what of theirs is known, and their terms of use.

    \b
    Example:
      pricedesk rates sources
    """
    bureau = _bureau()
    rows = []
    for key, source in bureau.sources.items():
        known = bureau.book.of(key)
        newest = known.newest
        codes = {code for publication in known for code in publication.rates()}
        current = newest.rates().keys() | newest.withheld if newest is not None else set()
        retired = " ".join(f"{code}:{known.spans(code)[-1][1]}" for code in sorted(codes - current))
        rows.append(
            (
                key,
                source.name,
                str(known.dates[0]) if newest else None,
                str(newest.date) if newest else None,
                str(len(known)),
                str(len(current)),
                retired or None,
                source.terms,
            )
        )
    columns = SOURCE_COLUMNS if as_json or as_csv else SOURCE_COLUMNS[:6]
    show(columns, [row[: len(columns)] for row in rows], as_json=as_json, as_csv=as_csv)


@rates.command()
@format_options
@reports_errors
def status(*, as_json: bool, as_csv: bool) -> None:
    """How each source stands: its newest publication, what is missing, the last look at it.

    \b
    Example:
      pricedesk rates status
    """
    from pricedesk.backend.assembly import reading

    with reading(read_settings()) as (bureau, store):
        looks = store.looks() if store is not None else {}
        waiting: dict[str, int] = {}
        for value in store.withheld(waiting_only=True) if store is not None else ():
            waiting[value.source] = waiting.get(value.source, 0) + 1
    rows = [_status_row(age, looks, waiting) for age in bureau.ages()]
    show(STATUS_COLUMNS, rows, as_json=as_json, as_csv=as_csv)


@rates.command()
@click.argument("keys", metavar="[SOURCE]...", nargs=-1)
@click.option("--from", "first", metavar="DATE", help="Not further back than this day.")
@reports_errors
def backfill(keys: tuple[str, ...], first: str | None) -> None:
    """Fetch the history of sources, all of them if none is named, back to their first day.

    It can be interrupted: the next time it goes on where it was. A service that runs beside it
    answers from what has come so far.

    \b
    Examples:
      pricedesk rates backfill BOC
      pricedesk rates backfill --from 2020-01-01
    """
    from pricedesk.protocol import parse_date

    since = parse_date(first) if first else date.min
    asyncio.run(_backfill([key.upper() for key in keys], since))


async def _backfill(keys: list[str], since: date) -> None:
    from pricedesk.backend.assembly import downloads_of, writing
    from pricedesk.backend.backfill import backfill as fetch_pieces
    from pricedesk.backend.backfill import pieces
    from pricedesk.errors import InvalidSetting

    with writing(read_settings()) as (bureau, store, intake):
        for key in keys:
            if key not in bureau.sources:
                raise InvalidSetting(f"{key} is not in PRICEDESK_SOURCES")
        for source in bureau.sources.values():
            if (keys and source.key not in keys) or not source.has_history:
                continue
            last = source.calendar.newest_possible(bureau.clock())
            todo = list(pieces(source, since, last, store.covered(source.key)))
            days = sum((end - start).days + 1 for start, end in todo)
            accepted = withheld = 0
            with click.progressbar(
                length=days,
                label=f"{source.key:<6}",
                file=sys.stderr,
                hidden=not sys.stderr.isatty(),
            ) as bar:
                async for piece, taken in fetch_pieces(
                    source, todo, intake, downloads_of(source, bureau.clock), bureau.clock
                ):
                    accepted += len(taken.accepted)
                    withheld += len(taken.withheld)
                    bar.update((piece[1] - piece[0]).days + 1)
            held = (
                f", {withheld} values withheld: see pricedesk quarantine list" if withheld else ""
            )
            click.echo(f"{source.key}: {accepted} new publications in {days} days{held}")


def _bureau() -> "Bureau":
    from pricedesk.backend.assembly import reading

    with reading(read_settings()) as (bureau, _):
        return bureau


def _keys(source: str | None) -> tuple[str, ...] | None:
    return tuple(source.upper().split(",")) if source else None


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=min(day.day, 28))


def _show_table(  # noqa: PLR0913  # the arguments are the commands'
    day: str | None,
    base: str | None,
    counters: tuple[str, ...],
    source: str | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    from pricedesk.backend.bureau import Question
    from pricedesk.currencies import currency
    from pricedesk.protocol import parse_date

    bureau = _bureau()
    pivot = currency(base) if base else bureau.terms.base
    wanted = [currency(code) for code in counters]
    question = Question(bureau.clock(), parse_date(day) if day else None, keys=_keys(source))
    found: Iterable[Rate]
    if wanted:
        found = [bureau.rate(pivot, counter, question) for counter in wanted]
    else:
        found = bureau.table(pivot, question).values()
    rows = [_rate_row(bureau, rate, question) for rate in found]
    show(RATE_COLUMNS, rows, as_json=as_json, as_csv=as_csv)


def _rate_row(bureau: "Bureau", rate: "Rate", question: "Question") -> tuple[str | None, ...]:
    publication = rate.publication
    state = bureau.state_of(rate, question)
    return (
        rate.base.code,
        rate.counter.code,
        str(rate),
        str(publication.date) if publication else str(question.day),
        publication.source if publication else None,
        state.value,
    )


def _history_row(rate: "Rate") -> tuple[str | None, ...]:
    publication = rate.publication
    return (
        str(publication.date) if publication else None,
        rate.base.code,
        rate.counter.code,
        str(rate),
        publication.source if publication else None,
    )


def _status_row(
    age: "SourceAge", looks: "Mapping[str, Look]", waiting: "Mapping[str, int]"
) -> tuple[str | None, ...]:
    look = looks.get(age.key)
    return (
        age.key,
        str(age.newest.date) if age.newest else None,
        str(age.missed) if age.newest else None,
        age.state.value if age.newest else None,
        _minute(age.expected_at),
        _minute(look.at) if look else None,
        str(waiting.get(age.key, 0)),
        _minute(look.failing_since) if look else None,
        look.failure if look else None,
    )


def _minute(instant: datetime | None) -> str | None:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if instant is not None else None
