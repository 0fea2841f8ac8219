"""What stores keep in tests: documents of the ECB, and publications of any kind."""

import hashlib
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from fake_source import xml_document
from pricedesk.backend.quarantine import Doubt, WithheldValue
from pricedesk.backend.rates import Convention, Provenance, Publication, publication_of
from pricedesk.backend.sources import ecb
from pricedesk.backend.store import RawDocument

FETCHED_AT = datetime(2026, 10, 30, 15, 4, 5, 678901, tzinfo=UTC)
FRIDAY = {"2026-10-30": {"USD": "1.1172", "CAD": "1.5606", "HUF": "366.330"}}
THURSDAY = {"2026-10-29": {"USD": "1.1130", "CAD": "1.5588"}}


def fetched(raw: bytes, document: ecb.Document) -> tuple[RawDocument, list[Publication]]:
    """A document and its publications, as the refresher gives them to the store."""
    provenance = Provenance(hashlib.sha256(raw).hexdigest(), FETCHED_AT)
    sheets = ecb.parse(document, raw)
    read = [publication_of(ecb.NAME, ecb.CONVENTION, sheet, provenance) for sheet in sheets]
    return RawDocument("ECB", document.value, raw, provenance), read


def fetched_days(days: dict[str, dict[str, str]]) -> tuple[RawDocument, list[Publication]]:
    """The document of these days and its publications."""
    return fetched(xml_document(days), ecb.Document.NINETY_DAYS)


def document_of(content: bytes, fetched_at: datetime = FETCHED_AT) -> RawDocument:
    """A document of any content."""
    provenance = Provenance(hashlib.sha256(content).hexdigest(), fetched_at)
    return RawDocument("BOC", "rates.json", content, provenance)


def withheld_value(document: RawDocument, code: str = "USD", value: str = "13.7") -> WithheldValue:
    """A value that jumped."""
    doubt = Doubt(code, "jump", f"{code} is ten times what it was")
    day = date(2026, 10, 30)
    return WithheldValue("BOC", day, doubt, value, 1, document.provenance, FETCHED_AT)


_CODES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3)
_DIGITS = st.text("0123456789", min_size=1, max_size=12)
VALUES = st.builds(
    lambda whole, fraction: f"{whole}.{fraction}" if fraction else whole,
    _DIGITS,
    st.none() | _DIGITS,
).filter(lambda text: any(digit in text for digit in "123456789"))
"""Published values of every length."""

INSTANTS = st.datetimes(timezones=st.just(UTC))


@st.composite
def publications(draw: st.DrawFn, document: RawDocument) -> list[Publication]:
    """Publications of a document: of any source, date, convention, units, what was withheld."""
    found = []
    for number in range(draw(st.integers(0, 5))):
        codes = draw(st.lists(_CODES, unique=True, min_size=1, max_size=8))
        size = len(codes)
        values = draw(st.lists(st.just("") | VALUES, min_size=size, max_size=size))
        many = draw(st.lists(st.integers(1, 10**6), min_size=size, max_size=size) | st.just([]))
        found.append(
            Publication(
                draw(st.sampled_from(["ECB", "BOC", "NB"])),
                date(1999, 1, 4) + timedelta(days=number),
                Convention(draw(_CODES), per_pivot=draw(st.booleans())),
                tuple(codes),
                ",".join(values),
                Provenance(document.provenance.sha256, draw(INSTANTS)),
                tuple(many),
                draw(st.integers(1, 9)),
                draw(st.frozensets(_CODES, max_size=3)),
                draw(st.none() | INSTANTS),
            )
        )
    return found
