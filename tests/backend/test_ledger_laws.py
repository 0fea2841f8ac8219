"""The ledger against a model that is simple enough to be right by reading it.

Prices are held, looked at, redeemed and cancelled while the clock steps forwards and backwards
and the process ends and begins again.
"""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from held import EVENING, Asking, Clock, Counting
from pricedesk import __version__
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.quotes import QuoteTerms
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.sources import ecb
from pricedesk.backend.store import open_store
from pricedesk.currencies import currency

BOOK = RateBook([p for p in packaged_publications() if p.date.year == 2026])
TERMS = QuoteTerms(seconds=100, held_max=4, per_customer_max=2)

AMOUNTS = st.sampled_from(["1", "2"])
CUSTOMERS = st.sampled_from(["", " for=ada", " for=bob"])
KEYS = st.sampled_from(["", "", " key=a", " key=b", " key=c asked=x", " key=c asked=y"])
STEPS = st.sampled_from([-1000, -99, -1, 0, 1, 50, 99, 100, 101])


@dataclass
class Known:
    """What the model knows of a quote."""

    record: str
    customer: str
    expires: datetime
    status: str = "held"
    since: datetime | None = None
    counted: bool = True


class Ledgers(RuleBasedStateMachine):
    """The real ledger and the model, asked the same."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="pricedesk-ledger-")
        self.clock, self.numbers = Clock(), Counting()
        self.time = EVENING
        self.known: dict[str, Known] = {}
        self.keys: dict[str, tuple[str, str]] = {}
        self.open()

    def open(self) -> None:
        self.store = open_store("", Path(self.folder.name))
        self.store.database.execute("PRAGMA synchronous=OFF")
        source = ecb.source("https://ecb.example")
        bureau = Bureau(BOOK, [source], lambda: EVENING, Terms(currency("CAD"), currency("USD")))
        self.ask = Asking(self.store, bureau, self.clock, TERMS, self.numbers)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    # The model.

    def see(self) -> None:
        """Time has come to where the clock is, if that is later; what is over has expired."""
        self.time = max(self.time, self.clock.now)
        for quote in self.known.values():
            quote.counted = quote.counted and self.time < quote.expires
            if quote.status == "held" and self.time >= quote.expires:
                quote.status, quote.since = "expired", quote.expires

    def told(self, quote_id: str) -> str:
        quote = self.known[quote_id]
        line = f"{quote.record} status={quote.status}"
        if quote.since is None:
            return line
        return f"{line} {quote.status}={quote.since:%Y-%m-%dT%H:%M:%SZ}"

    def room(self, customer: str) -> bool:
        """What was held counts until its time is over, whatever became of it."""
        counted = [quote.customer for quote in self.known.values() if quote.counted]
        return len(counted) < 4 and (not customer or counted.count(customer) < 2)

    # What is asked of both.

    @rule(amount=AMOUNTS, customer=CUSTOMERS, key=KEYS)
    def hold(self, amount: str, customer: str, key: str) -> None:
        line = f"hold {amount} CAD USD{customer}{key}"
        answer = self.ask.one(line)
        self.see()
        name, _, wish = key.partition(" asked=")
        if name in self.keys:
            before, quote_id = self.keys[name]
            same = before == (wish or line)
            expected = self.told(quote_id) if same else "error quote-key-reused "
            assert answer.startswith(expected)
        elif not self.room(customer):
            assert answer.startswith("error too-many-quotes ")
        else:
            record = answer.removesuffix(" status=held")
            expires = self.time + timedelta(seconds=100)
            assert record.endswith(f" expires={expires:%Y-%m-%dT%H:%M:%SZ} version={__version__}")
            quote_id = record[6:20]
            assert quote_id not in self.known
            self.known[quote_id] = Known(record, customer, expires)
            if key:
                self.keys[name] = (wish or line, quote_id)

    @rule(name=st.sampled_from([" key=a", " key=c"]), wish=st.sampled_from(["x", "y"]))
    def of_key(self, name: str, wish: str) -> None:
        answer = self.ask.one(f"quote{name} asked={wish}")
        self.see()
        before, quote_id = self.keys.get(name, ("", ""))
        if not quote_id:
            assert answer == "error unknown-quote no price has been held with this key"
        elif before != wish:
            assert answer == "error quote-key-reused the key came with another request before"
        else:
            assert answer == self.told(quote_id)

    @rule(data=st.data(), verb=st.sampled_from(["quote", "redeem", "cancel"]))
    def of_quote(self, data: st.DataObject, verb: str) -> None:
        quote_id = data.draw(st.sampled_from([*self.known, "7F3K-9QXD-2MTA"]))
        answer = self.ask.one(f"{verb} {quote_id}")
        self.see()
        if quote_id not in self.known:
            assert answer == f"error unknown-quote there is no quote {quote_id}"
            return
        quote = self.known[quote_id]
        wanted = {"redeem": "redeemed", "cancel": "cancelled"}.get(verb, quote.status)
        if quote.status == "held" and wanted != "held":
            quote.status, quote.since = wanted, self.time
        if quote.status == wanted:
            assert answer == self.told(quote_id)
        else:
            assert answer.startswith(f"error quote-{quote.status} {quote_id} ")

    @rule(seconds=STEPS)
    def step(self, seconds: int) -> None:
        self.clock.now += timedelta(seconds=seconds)

    @rule()
    def notice(self) -> None:
        held = self.ask.ledger.settle([]).held
        self.see()
        assert held == sum(quote.status == "held" for quote in self.known.values())

    @rule()
    def begin_again(self) -> None:
        """What nobody noticed before the end is not remembered; all that was recorded is."""
        self.notice()
        self.store.close()
        self.open()
        instants = self.store.rows("SELECT held_at FROM quote UNION SELECT at FROM quote_end")
        # The clock may have stepped back further than the ledger can know.
        recorded = [datetime.fromisoformat(text) for (text,) in instants]
        self.time = max([datetime.min.replace(tzinfo=UTC), *recorded])

    @invariant()
    def the_store_is_in_order(self) -> None:
        if hasattr(self, "store"):
            assert self.store.check() == []
            assert [quote.record for quote in self.ask.ledger.quotes()] == [
                quote.record for quote in self.known.values()
            ]
            self.time = max(self.time, self.clock.now)


TestLedgers = Ledgers.TestCase
TestLedgers.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
