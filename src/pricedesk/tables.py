"""Rows on standard output: aligned for a person, or as JSON or CSV for programs."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--json` and `--csv`, as `as_json` and `as_csv`."""
    command = click.option("--csv", "as_csv", is_flag=True, help="As CSV with a header.")(command)
    return click.option("--json", "as_json", is_flag=True, help="As JSON.")(command)


def show(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | None]],
    *,
    as_json: bool = False,
    as_csv: bool = False,
) -> None:
    """Print rows of these columns; what has no value is null in JSON and empty elsewhere.

    Raises:
        click.UsageError: both formats are asked for.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    if as_json:
        documents = [dict(zip(columns, row, strict=True)) for row in rows]
        click.echo(json.dumps(documents, indent=2, ensure_ascii=False))
    elif as_csv:
        click.echo(_csv(columns, rows), nl=False)
    else:
        for line in _aligned(columns, [[cell or "" for cell in row] for row in rows]):
            click.echo(line)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell or "" for cell in row] for row in rows)
    return text.getvalue()


def _aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """A heading and the rows, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()

    yield click.style(line(columns), bold=True)
    for row in rows:
        yield line([_printable(cell) for cell in row])


def _printable(text: str) -> str:
    """A text without what would steer the terminal: it may come from a source's document."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
