"""Settings in, the back-end's parts out: for the service, and for commands without one."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.calendars import AgeLimits
from pricedesk.backend.download import Downloads, Rules
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.intake import Intake
from pricedesk.backend.ledger import Ledger
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.quotes import QuoteTerms
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.backend.rates import Publication
from pricedesk.backend.sources import ecb, find_sources
from pricedesk.backend.sources.source import Source
from pricedesk.backend.store import Store, find_store, open_store
from pricedesk.clock import Clock, clock_from
from pricedesk.errors import InvalidSetting, StoreFailed, in_quotes, without_password
from pricedesk.settings import Settings

RARELY = timedelta(minutes=10)
"""A source that wants such a pause or a longer one is not asked twice for an error of its own."""


def sources_in(settings: Settings) -> list[Source]:
    """The sources that are asked, in the order in which they answer.

    Raises:
        InvalidSetting: one of them does not exist, or two settings say where one is.
    """
    keys = [key for key in settings.sources if key != PEG]
    for key in settings.source_urls:
        if key not in keys:
            raise InvalidSetting(
                f"PRICEDESK_SOURCE_URLS: {in_quotes(key)} is not in PRICEDESK_SOURCES"
            )
    ecb_named = settings.ecb_url != Settings().ecb_url
    if ecb_named and ecb.NAME in settings.source_urls:
        raise InvalidSetting(
            "PRICEDESK_SOURCE_URLS and PRICEDESK_ECB_URL both say where the ECB is;"
            " one of them must go"
        )
    found = []
    for source in find_sources(keys, settings.ecb_url):
        if source.key in settings.source_urls:
            found.append(source.mirrored(settings.source_urls[source.key]))
        elif source.key == ecb.NAME and ecb_named:
            # Who names where the documents are wants them from nowhere else.
            found.append(replace(source, private=True, elsewhere=None))
        else:
            found.append(source)
    return found


def downloads_of(source: Source, clock: Clock, *, nothing_status: int | None = None) -> Downloads:
    """What gets the documents of a source, by the rules that it asks for and is trusted with.

    With `nothing_status` an answer means that there is nothing. That is for days of which
    nothing is known: where some are, as when one looks for news, it means that the source moved.
    """
    return Downloads(
        Rules(
            bytes_max=source.document_bytes_max,
            private=source.private,
            nothing_status=nothing_status,
            asked_rarely=source.pause_min >= RARELY,
        ),
        clock,
    )


def order_in(settings: Settings) -> Order:
    """The order in which sources answer.

    Raises:
        InvalidSetting: a pair's order names a source that is not asked.
    """
    for pair, keys in settings.pair_sources.items():
        for key in keys:
            if key not in settings.sources:
                raise InvalidSetting(
                    f"PRICEDESK_PAIR_SOURCES: {in_quotes(key)} for {'/'.join(sorted(pair))}"
                    " is not in PRICEDESK_SOURCES"
                )
    return Order(settings.sources, settings.pair_sources)


def make_bureau(settings: Settings, kept: Iterable[Publication], clock: Clock) -> Bureau:
    """A bureau that knows what the package carries and what a store has kept.

    Raises:
        InvalidSetting: a source that is named does not exist.
    """
    sources = sources_in(settings)
    keys = {source.key for source in sources}
    known = [p for p in (*packaged_publications(), *kept) if p.source in keys]
    if settings.clock is not None:
        # What was not out yet on the day that is rehearsed is not known.
        known = _out_at(settings.clock, sources, known)
    return Bureau(
        RateBook(known, order_in(settings), all_pegs() if PEG in settings.sources else ()),
        sources,
        clock,
        Terms(
            settings.default_from,
            settings.default_to,
            settings.rounding,
            AgeLimits(settings.stale_after_missed, settings.refuse_after_missed),
        ),
    )


def _out_at(
    instant: datetime, sources: Iterable[Source], known: Iterable[Publication]
) -> list[Publication]:
    """The publications that were out at an instant."""
    found: list[Publication] = []
    for source in sources:
        of_source = [p for p in known if p.source == source.key]
        if not of_source:
            continue
        # The library of days off, which takes a while to load, need not be asked for what comes
        # out on its own day, and has.
        newest = max(p.date for p in of_source)
        calendar = source.calendar
        if calendar.days_later or calendar.published(newest) > instant:
            newest = calendar.newest_possible(instant)
        found += [p for p in of_source if p.date <= newest]
    return found


def quote_terms(settings: Settings) -> QuoteTerms:
    """For how long prices are held, how many, and at which rates."""
    return QuoteTerms(
        settings.quote_seconds,
        settings.quotes_held_max,
        settings.quotes_per_customer_max,
        settings.hold_stale,
    )


def ledger_of(store: Store, settings: Settings, clock: Clock) -> Ledger:
    """The ledger of quotes in a store."""
    return Ledger(store, clock, quote_terms(settings), secrets.randbits)


@contextmanager
def readable_store(settings: Settings) -> Iterator[Store | None]:
    """The store, if a back-end has made one; None otherwise, and nothing is made.

    Raises:
        StoreFailed: there is one, and it cannot be opened.
    """
    store = find_store(settings.database, settings.data_dir)
    try:
        yield store
    finally:
        if store is not None:
            store.close()


@contextmanager
def existing_store(settings: Settings) -> Iterator[Store]:
    """The store that a back-end has made, for reading only.

    Raises:
        StoreFailed: there is none, or it cannot be opened.
    """
    with readable_store(settings) as store:
        if store is None:
            where = without_password(settings.database) or settings.data_dir
            raise StoreFailed(f"no back-end has made a store in {where} so far")
        yield store


@contextmanager
def reading(settings: Settings) -> Iterator[tuple[Bureau, Store | None]]:
    """A bureau over what is known, and the store if a back-end has made one; for reading only.

    Raises:
        InvalidSetting: a source that is named does not exist.
        StoreFailed: there is a store, and it cannot be read.
    """
    with readable_store(settings) as store:
        kept = store.publications().publications if store is not None else []
        yield make_bureau(settings, kept, clock_from(settings.clock)), store


class Known(NamedTuple):
    """A bureau that knows what a store had accepted up to a number of its sequence."""

    bureau: Bureau
    sequence: int


def known_in(store: Store, settings: Settings) -> Known:
    """All that is known now.

    Raises:
        InvalidSetting: a source that is named does not exist.
        StoreFailed: the store cannot be read.
    """
    kept = store.publications()
    bureau = make_bureau(settings, kept.publications, clock_from(settings.clock))
    return Known(bureau, kept.sequence)


@contextmanager
def writing(
    settings: Settings, known: Known | None = None
) -> Iterator[tuple[Bureau, Store, Intake]]:
    """A bureau, the store, made where it is missing, and what takes documents in.

    A bureau that is `known` from before learns what was kept since.

    Raises:
        InvalidSetting: a source that is named does not exist.
        StoreFailed: the store cannot be opened.
    """
    store = open_store(settings.database, settings.data_dir)
    try:
        bureau, sequence = known or known_in(store, settings)
        intake = Intake(bureau, store, sequence)
        if known is not None:
            intake.catch_up()
        yield bureau, store, intake
    finally:
        store.close()
