"""What comes in: sheets of documents are judged, kept, and answered from once they are kept.

Every process that takes something in does it here: the one that fetches, a back-fill, a person
who releases a value. The store is the one place where publications come together; a process
answers from what it has read back from there.
"""

import logging
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
    filled_in,
    is_settled,
    with_released,
    without_doubted,
)
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Publication, Sheet
from pricedesk.backend.sources.source import Source
from pricedesk.backend.store import RawDocument, Store
from pricedesk.backend.witnesses import NEXT_DAYS, Witnesses, with_waiting
from pricedesk.errors import (
    CannotRelease,
    RefusedDocument,
    StoreFailed,
    UnknownWithheldValue,
    in_quotes,
)

logger = logging.getLogger(__name__)

RECONSIDERED_FOR = timedelta(days=30)
"""How long a waiting value is held against what other sources publish later."""

WITHHELD_AT_ONCE_MAX = 500
"""Values of one document that may be withheld; with more of them it is refused as a whole."""

WAITING_MAX = 5000
"""Values of one source that may wait; a document with more of them is refused as a whole."""

GUARDS = "guards"
BELIEVED = "nothing speaks against it any more"
"""Who releases a value that other sources have confirmed, and why."""

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
        believed: list[int] = []
        with self._store.transaction():
            self.catch_up()
            history = self._bureau.book.of(source.key)
            before = Withheld(self._store.withheld(source=source.key))
            days = [sheet.date for sheet in sheets]
            witnesses = self._witnesses(days, self._waiting())
            for sheet in sheets:
                known = history.on(sheet.date)
                if is_settled(sheet, known, before):
                    continue
                doubts = self._doubts(
                    source, sheet, history, witnesses, document.provenance.fetched_at
                )
                held = before.of(sheet)
                doubts |= {c: v.doubt for c, v in held.items() if v.verdict is Verdict.REJECTED}
                believed += [v.number for c, v in held.items() if c not in doubts]
                withheld += [
                    _withheld_value(source, sheet, doubts[code], document)
                    for code in sorted(sheet.rates)
                    if code in doubts and code not in held
                ]
                publication = without_doubted(source, sheet, doubts, known, document.provenance)
                if publication is not None:
                    accepted.append(publication)
                    history = history.with_publication(publication)
            _check_not_too_many(withheld, before.waiting)
            if accepted:
                self._store.add(document, accepted)
            if withheld:
                self._store.withhold(document, withheld)
            if believed:
                now = document.provenance.fetched_at
                self._store.decide(believed, Decision(Verdict.RELEASED, now, GUARDS, BELIEVED))
            if covered is not None:
                self._store.cover(source.key, *covered)
        self._answer_from_now_on()
        return Intaken(tuple(accepted), tuple(withheld))

    def reconsider(self, now: datetime) -> list[Publication]:
        """Judge waiting values again: what has come since may speak for them.

        Raises:
            StoreFailed: nothing was changed.
        """
        with self._store.transaction():
            self.catch_up()
            waiting = self._waiting()
            young = {
                place: values
                for place, values in waiting.items()
                if now - values[-1].withheld_at <= RECONSIDERED_FOR
            }
            released = self._release_believed(young, waiting, {}, now)
        if released:
            self._answer_from_now_on()
        return released

    def release(self, numbers: Sequence[int], decision: Decision) -> list[Publication]:
        """Put withheld values into their publications, as a person has decided.

        What waits after them of the same currencies is judged again, however old it is: it was
        doubted only because the values before it were.

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
                source = self._bureau.sources.get(value.source)
                if source is None or not value.is_usable(source.convention):
                    raise CannotRelease(
                        f"{value.number} cannot be released: {in_quotes(value.value)} for"
                        f" {value.code} by {value.source} is nothing to convert with here"
                    )
            histories: dict[str, SourceHistory] = {}
            released = [
                self._release(group, decision, histories)
                for group in by_publication(values).values()
            ]
            waiting = self._waiting()
            codes = {(value.source, value.code) for value in values}
            following = {
                (key, day): [v for v in held if (key, v.code) in codes]
                for (key, day), held in waiting.items()
            }
            now = decision.decided_at
            released += self._release_believed(following, waiting, histories, now)
        self._answer_from_now_on()
        return released

    def _answer_from_now_on(self) -> None:
        """Answer from what was just kept; if the store fails now, the watch sees to it later."""
        try:
            self.catch_up()
        except StoreFailed as error:
            logger.warning("what was kept is not answered from yet", extra={"reason": str(error)})

    def _waiting(self) -> _Waiting:
        return by_publication(self._store.withheld(waiting_only=True))

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

    def _witnesses(self, days: Sequence[date], waiting: _Waiting) -> Witnesses:
        """What all sources have for these days: accepted, or waiting to be.

        What waits counts as well: else no source of several that move together would be the
        first to be believed.
        """
        found: list[Publication] = []
        first, last = min(days, default=date.max), max(days, default=date.max - NEXT_DAYS)
        last += NEXT_DAYS
        for source in self._bureau.sources.values():
            history = self._bureau.book.of(source.key)
            accepted = {p.date: p for p in history.between(first, last)}
            held = {
                day: values
                for (key, day), values in waiting.items()
                if key == source.key and first <= day <= last
            }
            for day in accepted.keys() | held.keys():
                heard = [v for v in held.get(day, ()) if not _is_superseded(v, history)]
                witness = with_waiting(accepted.get(day), heard, source.convention)
                if witness is not None:
                    found.append(witness)
        return Witnesses(found, self._origins)

    def _release_believed(
        self,
        asked: _Waiting,
        waiting: _Waiting,
        histories: dict[str, SourceHistory],
        now: datetime,
    ) -> list[Publication]:
        """Release what the guards believe by now of the values that are asked about, by date."""
        decision = Decision(Verdict.RELEASED, now, GUARDS, BELIEVED)
        released = []
        for (key, day), values in sorted(asked.items(), key=lambda item: item[0]):
            source = self._bureau.sources.get(key)
            if source is None:
                continue
            history = histories.get(key) or self._bureau.book.of(key)
            known = history.on(day)
            # A later text of the source for the same currency and date ends an earlier one.
            latest = {value.code: value for value in values}
            still = [
                value
                for value in latest.values()
                if value.is_usable(source.convention) and not _is_superseded(value, history)
            ]
            if not still:
                continue
            whole = filled_in(day, known, waiting[key, day])
            witnesses = self._witnesses([day], waiting)
            doubts = self._doubts(source, whole, history, witnesses, now)
            believed = [value for value in still if value.code not in doubts]
            if believed:
                released.append(self._release(believed, decision, histories))
        return released

    def _release(
        self,
        values: Sequence[WithheldValue],
        decision: Decision,
        histories: dict[str, SourceHistory],
    ) -> Publication:
        """A further revision of a publication, with these values in it.

        `histories` are what the sources have by now, within this transaction.
        """
        last = values[-1]
        source = self._bureau.sources[last.source]
        history = histories.get(source.key) or self._bureau.book.of(source.key)
        held = [
            value.code
            for value in self._store.withheld(source=source.key, day=last.date)
            if value.verdict is not Verdict.RELEASED
        ]
        made = with_released(source.convention, history.on(last.date), values, held)
        publication = replace(made, accepted_at=decision.decided_at)
        raw = self._store.document(last.provenance.sha256)
        if raw is None:
            raise AssertionError("the document of a withheld value is kept with it")
        self._store.add(RawDocument(source.key, "released", raw, last.provenance), [publication])
        self._store.decide([value.number for value in values], decision)
        histories[source.key] = history.with_publication(publication)
        return publication


def _is_superseded(value: WithheldValue, history: SourceHistory) -> bool:
    """Whether another value of its currency was accepted for its date after it was withheld."""
    known = history.on(value.date)
    if known is None or known.known_since <= value.withheld_at or not known.publishes(value.code):
        return False
    earlier = [
        publication
        for publication in history.revisions
        if publication.date == value.date and publication.known_since <= value.withheld_at
    ]
    before = max(earlier, key=lambda publication: publication.revision, default=None)
    return before is None or before.published(value.code) != known.published(value.code)


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


def _check_not_too_many(withheld: Sequence[WithheldValue], waiting: int) -> None:
    if withheld and waiting + len(withheld) > WAITING_MAX:
        raise RefusedDocument(
            f"{waiting} values wait for a decision already, and this has {len(withheld)} more;"
            f" the first: {withheld[0].doubt.reason}"
        )
    if len(withheld) > WITHHELD_AT_ONCE_MAX:
        raise RefusedDocument(
            f"{len(withheld)} values are doubted, more than {WITHHELD_AT_ONCE_MAX}; the first:"
            f" {withheld[0].doubt.reason}"
        )
