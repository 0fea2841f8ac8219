"""`pricedesk rates backfill`: the history of sources, fetched piece by piece."""

import asyncio
import sys
from datetime import date
from typing import TYPE_CHECKING

import click

from pricedesk.cli_words import check_source, complete_sources, past_day
from pricedesk.errors import DownloadFailed, RefusedDocument, printable
from pricedesk.exit_codes import EXIT_CODES, INTERRUPTED, reports_errors
from pricedesk.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricedesk.backend.backfill import Backfill, Days
    from pricedesk.backend.intake import Intake
    from pricedesk.backend.sources.source import Source
    from pricedesk.clock import Clock

AGAIN = "what has come is kept: the same command goes on from there"

LABEL_CHARACTERS = 6
"""Before a bar: the longest key of a source, and a space."""


@click.command()
@click.argument("keys", metavar="[SOURCE]...", nargs=-1, shell_complete=complete_sources)
@click.option("--from", "first", metavar="DATE", help="Not further back than this day.")
@reports_errors
def backfill(keys: tuple[str, ...], first: str | None) -> None:
    """Fetch the history of sources, all of them if none is named, back to their first day.

    It can be interrupted: the same command goes on where it was. Where a source fails, the
    others are fetched all the same, and the exit code is 5. A service that runs beside it
    answers from what has come so far.

    \b
    Examples:
      pricedesk rates backfill BOC
      pricedesk rates backfill --from 2020-01-01
    """
    from pricedesk.backend.assembly import downloads_of, writing
    from pricedesk.backend.backfill import Backfill
    from pricedesk.clock import clock_from

    settings = read_settings()
    since = past_day(first, clock_from(settings.clock)()) if first is not None else date.min
    wanted = [key.upper() for key in keys]
    for key in wanted:
        check_source(key, settings.sources)
    failed = False
    try:
        with writing(settings) as (bureau, store, intake):
            for source in bureau.sources.values():
                if wanted and source.key not in wanted:
                    continue
                if not source.has_history:
                    click.echo(f"{source.key}: has no history to fetch", err=True)
                    continue
                downloads = downloads_of(source, bureau.clock, nothing_status=source.nothing_status)
                run = Backfill(source, intake, store, downloads, bureau.clock)
                failed |= not SourceRun(source, intake, run, bureau.clock).done(since)
    except KeyboardInterrupt:
        click.echo(f"interrupted; {AGAIN}", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(EXIT_CODES[DownloadFailed] if failed else 0)


class SourceRun:
    """One source's back-fill as a person sees it: a bar on the way, a line at the end."""

    def __init__(self, source: "Source", intake: "Intake", run: "Backfill", clock: "Clock") -> None:
        self._key = source.key
        self._intake = intake
        self._run = run
        self._clock = clock
        self._accepted = self._withheld = self._released = 0
        self._reached: date | None = None

    def done(self, since: date) -> bool:
        """Fetch all that is missing since a day; says whether it could be had.

        Raises:
            StoreFailed: something was not kept.
        """
        todo = self._run.todo(since)
        if not todo:
            click.echo(f"{self._key}: nothing is missing")
            return True
        failure = None
        try:
            asyncio.run(self._fetch(todo))
        except (DownloadFailed, RefusedDocument) as error:
            failure = error
        except BaseException:
            click.echo(self._summary())
            raise
        if self._accepted or self._withheld:
            self._released = len(self._intake.reconsider(self._clock()))
        click.echo(self._summary())
        if failure is not None:
            reason = printable(str(failure))
            click.echo(f"{self._key}: {self._next(todo)} failed: {reason}; {AGAIN}", err=True)
        return failure is None

    async def _fetch(self, todo: "Sequence[Days]") -> None:
        with click.progressbar(
            length=sum(_days(piece) for piece in todo),
            label=self._key.ljust(LABEL_CHARACTERS),
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
        ) as bar:
            async for piece, taken in self._run.run(todo):
                self._accepted += len(taken.accepted)
                self._withheld += len(taken.withheld)
                self._reached = piece[1]
                bar.update(_days(piece))

    def _summary(self) -> str:
        parts = [_counted(self._accepted, "new publication")]
        if self._reached is not None:
            parts.append(f"done up to {self._reached}")
        if self._withheld:
            held = _counted(self._withheld, "value")
            parts.append(f"{held} withheld (see pricedesk quarantine list)")
        if self._released:
            parts.append(f"{_counted(self._released, 'publication')} completed: others confirm it")
        return f"{self._key}: {', '.join(parts)}"

    def _next(self, todo: "Sequence[Days]") -> str:
        """The piece after the last one that was done."""
        first, last = next(
            piece for piece in todo if self._reached is None or piece[0] > self._reached
        )
        return f"{first} to {last}"


def _days(piece: "Days") -> int:
    first, last = piece
    return (last - first).days + 1


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
