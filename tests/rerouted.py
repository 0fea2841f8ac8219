"""`pricedesk` whose sources are all on this machine, in pieces of any length, without pauses.

Each source is at ADDRESS/KEY, followed by its own path; it is asked for at most so many days:

    python tests/rerouted.py ADDRESS SPAN_DAYS COMMAND...
"""

import sys
from dataclasses import replace
from datetime import timedelta

from pricedesk.backend import assembly
from pricedesk.backend.sources import find_sources
from pricedesk.backend.sources.source import Source
from pricedesk.cli import main


def rerouted(source: Source, address: str, span_days: int) -> Source:
    """A source that is asked elsewhere."""
    no_time = timedelta(0)
    spans = None if source.span_days is None else min(source.span_days, span_days)
    return replace(
        source.mirrored(f"{address}/{source.key}"),
        span_days=spans,
        piece_pause=no_time,
        pause_min=no_time,
        delay_max=no_time,
    )


def run(address: str, span_days: int, words: list[str]) -> None:
    """Run a command with these sources."""
    vars(assembly)["find_sources"] = lambda keys, ecb_address: [
        rerouted(source, address, span_days) for source in find_sources(keys, ecb_address)
    ]
    main(words, prog_name="pricedesk")


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
