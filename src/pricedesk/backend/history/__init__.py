"""The ECB's history up to the day on which this package was made.

`eurofxref-hist.zip` is the ECB's own file, unchanged: the euro foreign exchange reference
rates from 1999-01-04 to 2026-10-30, from https://www.ecb.europa.eu/stats/eurofxref/. The
European Central Bank is its source; it may be used freely with that source named.
"""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from pricedesk.backend.rates import Provenance, Publication
from pricedesk.backend.sources import ecb

PUBLISHED_AT = datetime(2026, 10, 30, 15, 56, tzinfo=UTC)
"""The time that the archive carries for the file in it."""

SHA256 = "73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3"
"""Of the file whose rows were looked at, each of them, when it was put here."""


def packaged_publications() -> list[Publication]:
    """What the package knows without a network, by date."""
    raw = Path(__file__).with_name(ecb.Document.HISTORY.value).read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    return ecb.packaged(raw, Provenance(digest, PUBLISHED_AT), known=digest == SHA256)
