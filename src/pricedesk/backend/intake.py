"""What comes in: sheets of documents are judged, kept, and answered from once they are kept.

Every process that takes something in does it here: the one that fetches, a back-fill, a person
who releases a value. The store is the one place where publications come together; a process
answers from what it has read back from there.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeAlias

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.guards import judge
from pricedesk.backend.limits import DEFAULT_LIMITS, Limits
from pricedesk.backend.quarantine import (
    Decision,
    Doubt,
    Verdict,
    Withheld,
    WithheldValue,
    by_publication,
    is_settled,
    with_withheld,
    without_doubted,
)
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Publication, Sheet
from pricedesk.backend.sources.source import Source
from pricedesk.backend.store import RawDocument, Store
from pricedesk.backend.witnesses import NEXT_DAYS, Witnesses, with_waiting
from pricedesk.errors import CannotRelease, RefusedDocument, UnknownWithheldValue, in_quotes

RECONSIDERED_FOR = timedelta(days=30)
"""How long a waiting value is held against what other sources publish later."""

WITHHELD_AT_ONCE_MAX = 500
"""Values of one document that may be withheld; with more of them it is refused as a whole."""

GUARDS = "guards"
"""Who releases a value that other sources have confirmed."""

_Waiting: TypeAlias = Mapping[tuple[str, date], list[WithheldValue]]


@dataclass(frozen=True, slots=True)
class Intaken:
    """What came of a document: the publications accepted, the values withheld."""

    accepted: tuple[Publication, ...] = ()
    withheld: tuple[WithheldValue, ...] = ()


class Intake:
    """Takes documents in, for one bureau and one store. Threads take turns."""

    def __init__(
        self, bureau: Bureau, store: Store, sequence: int = 0, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        """The bureau knows what the store had accepted up to `sequence`."""
        self._bureau = bureau
        self._store = store
        self._sequence = sequence
        self._limits = limits
        self._origins = {
            source.key: source.origin
            for source in bureau.sources.values()
            if source.origin is not None
        }
        self._lock = threading.Lock()

    def catch_up(self) -> list[Publication]:
        """Let the bureau know what any process has accepted since the last time.

        Raises:
            StoreFailed: the store cannot be read.
        """
        while True:
            after = self._sequence
            # Not under the lock: a thread that has the store's turn may be waiting for the lock.
            kept = self._store.publications(after)
            with self._lock:
                if self._sequence != after:  # Another thread has caught up meanwhile.
                    continue
                known = [p for p in kept.publications if p.source in self._bureau.sources]
                if known:
                    self._bureau.take(known)
                self._sequence = kept.sequence
                return known

    def take_in(
        self,
        source: Source,
        document: RawDocument,
        sheets: Sequence[Sheet],
        covered: tuple[date, date] | None = None,
    ) -> Intaken:
        """Judge the sheets of a document, by date, and keep what is new in them.

        `covered` are the days of which the document has everything that there is.

        Raises:
            RefusedDocument: too much of it is doubted.
            StoreFailed: nothing was kept.
        """
        accepted: list[Publication] = []
        withheld: list[WithheldValue] = []
        with self._store.transaction():
            self.catch_up()
            history = self._bureau.book.of(source.key)
            before = Withheld(self._store.withheld(source=source.key))
            waiting = by_publication(self._store.withheld(waiting_only=True))
            days = [sheet.date for sheet in sheets]
            witnesses = self._witnesses(min(days), max(days), waiting)
            for sheet in sheets:
                known = history.on(sheet.date)
                if is_settled(sheet, known, before):
                    continue
                provenance = document.provenance
                doubts = self._doubts(source, sheet, history, witnesses, provenance.fetched_at)
                for code, text in sheet.rates.items():
                    held = before.held(sheet.date, code, text)
                    if held is not None and held.verdict is Verdict.REJECTED:
                        doubts[code] = held.doubt
                publication = without_doubted(source, sheet, doubts, known, provenance)
                if publication is not None:
                    accepted.append(publication)
                    history = history.with_publication(publication)
                withheld += (
                    _withheld_value(source, sheet, doubt, document)
                    for code, doubt in doubts.items()
                    if before.held(sheet.date, code, sheet.rates[code]) is None
                )
            _check_not_too_many(withheld)
            if accepted:
                self._store.add(document, accepted)
            if withheld:
                self._store.withhold(document, withheld)
            if covered is not None:
                self._store.cover(source.key, *covered)
        self.catch_up()
        return Intaken(tuple(accepted), tuple(withheld))

    def reconsider(self, now: datetime) -> list[Publication]:
        """Judge waiting values again: what other sources have published may speak for them.

        Raises:
            StoreFailed: nothing was changed.
        """
        released: list[Publication] = []
        decision = Decision(Verdict.RELEASED, now, GUARDS, "nothing speaks against it any more")
        with self._store.transaction():
            self.catch_up()
            waiting = by_publication(self._store.withheld(waiting_only=True))
            for (key, _), values in waiting.items():
                source = self._bureau.sources.get(key)
                if source is None or now - values[-1].withheld_at > RECONSIDERED_FOR:
                    continue
                believed = self._believed(source, values, waiting, now)
                if believed:
                    released.append(self._release(believed, decision))
        self.catch_up()
        return released

    def release(self, numbers: Sequence[int], decision: Decision) -> list[Publication]:
        """Put withheld values into their publications, as a person has decided.

        Raises:
            UnknownWithheldValue: there is no such value.
            CannotRelease: it is nothing to convert with.
            DecidedAlready: there was a decision before.
            StoreFailed: nothing was changed.
        """
        with self._store.transaction():
            self.catch_up()
            values = self._numbered(numbers)
            for value in values:
                if not value.is_convertible or value.source not in self._bureau.sources:
                    raise CannotRelease(
                        f"{value.number} cannot be released: {in_quotes(value.value)} for"
                        f" {value.code} by {value.source} is nothing to convert with here"
                    )
            groups = by_publication(values).values()
            released = [self._release(group, decision) for group in groups]
        self.catch_up()
        return released

    def _numbered(self, numbers: Sequence[int]) -> list[WithheldValue]:
        values = self._store.withheld(numbers=numbers)
        unknown = sorted(set(numbers) - {value.number for value in values})
        if unknown:
            raise UnknownWithheldValue(f"no value with the number {unknown[0]} was withheld")
        return values

    def _doubts(
        self,
        source: Source,
        sheet: Sheet,
        history: SourceHistory,
        witnesses: Witnesses,
        now: datetime,
    ) -> dict[str, Doubt]:
        """What the guards do not believe of a sheet, by currency."""
        today = source.calendar.today(now)
        found = judge(sheet, source, history, witnesses, today, limits=self._limits)
        return {doubt.code: doubt for doubt in found}

    def _witnesses(self, first: date, last: date, waiting: _Waiting) -> Witnesses:
        """What all sources have for these days: accepted, or waiting to be.

        What waits counts as well: else no source of several that move together would be the
        first to be believed.
        """
        found: list[Publication] = []
        for source in self._bureau.sources.values():
            history = self._bureau.book.of(source.key)
            accepted = {p.date: p for p in history.between(first, last + NEXT_DAYS)}
            days = {*accepted, *(day for key, day in waiting if key == source.key)}
            for day in days:
                held = waiting.get((source.key, day), ())
                witness = with_waiting(accepted.get(day), held, source.convention)
                if witness is not None:
                    found.append(witness)
        return Witnesses(found, self._origins)

    def _believed(
        self, source: Source, values: Sequence[WithheldValue], waiting: _Waiting, now: datetime
    ) -> list[WithheldValue]:
        """Those of one publication's waiting values that the guards believe by now."""
        history = self._bureau.book.of(source.key)
        whole = with_withheld(source.convention, history.on(values[0].date), values)
        if whole is None:
            return []
        sheet = Sheet(whole.date, whole.rates(), whole.units_by_code())
        witnesses = self._witnesses(sheet.date, sheet.date, waiting)
        doubts = self._doubts(source, sheet, history, witnesses, now)
        return [value for value in values if value.is_convertible and value.code not in doubts]

    def _release(self, values: Sequence[WithheldValue], decision: Decision) -> Publication:
        """A further revision of a publication, with these values in it."""
        last = values[-1]
        source = self._bureau.sources[last.source]
        known = self._bureau.book.of(source.key).on(last.date)
        publication = with_withheld(source.convention, known, values)
        raw = self._store.document(last.provenance.sha256)
        if publication is None or raw is None:
            raise AssertionError("a withheld value makes a publication, and its document is kept")
        publication = replace(publication, accepted_at=decision.decided_at)
        document = RawDocument(source.key, "released", raw, last.provenance)
        self._store.add(document, [publication])
        self._store.decide([value.number for value in values], decision)
        return publication


def _withheld_value(
    source: Source, sheet: Sheet, doubt: Doubt, document: RawDocument
) -> WithheldValue:
    return WithheldValue(
        source.key,
        sheet.date,
        doubt,
        sheet.rates[doubt.code],
        sheet.units.get(doubt.code, 1),
        document.provenance,
        document.provenance.fetched_at,
    )


def _check_not_too_many(withheld: Sequence[WithheldValue]) -> None:
    if len(withheld) > WITHHELD_AT_ONCE_MAX:
        raise RefusedDocument(
            f"{len(withheld)} values are doubted, more than {WITHHELD_AT_ONCE_MAX}; the first:"
            f" {withheld[0].doubt.reason}"
        )
