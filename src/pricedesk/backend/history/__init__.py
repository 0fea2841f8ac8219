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


def packaged_publications() -> list[Publication]:
    """What the package knows without a network, by date."""
    raw = Path(__file__).with_name(ecb.Document.HISTORY.value).read_bytes()
    provenance = Provenance(hashlib.sha256(raw).hexdigest(), PUBLISHED_AT)
    return ecb.packaged(raw, provenance)
