"""The id of a quote: sixty bits of chance, read aloud, typed, and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.errors import InvalidRequest
from pricedesk.quote_codes import ALPHABET, QUOTE_ID_BITS, new_quote_id, parse_quote_id

NUMBERS = st.integers(0, 2**QUOTE_ID_BITS - 1)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0000-0000-0000"),
        (31, "0000-0000-000Z"),
        (2**60 - 1, "ZZZZ-ZZZZ-ZZZZ"),
        (0x1234_5678_9ABC_DEF, "28T5-CY4T-QKFF"),
    ],
)
def test_an_id_is_a_number_in_crockfords_base32(number: int, shown: str) -> None:
    assert new_quote_id(lambda bits: number if bits == 60 else -1) == shown


@pytest.mark.parametrize(
    "typed",
    [
        "7F3K-9QXD-20M1",
        "7f3k-9qxd-20m1",
        "7F3K9QXD20M1",
        "7F3K 9QXD 20M1",
        "7F3K\u20139QXD\u201420M1",
        "7F3K\u22129QXD\u201020M1",
        "7F3K-9QXD-2OMI",
        "7f3k-9qxd-2oml",
        "7-F-3-K-9-Q-X-D-2-0-M-1",
    ],
)
def test_an_id_is_read_as_people_write_it(typed: str) -> None:
    assert parse_quote_id(typed) == "7F3K-9QXD-20M1"


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("", '""'),
        ("7F3K-9QXD-2MT", '"7F3K-9QXD-2MT"'),
        ("7F3K-9QXD-2MTA0", '"7F3K-9QXD-2MTA0"'),
        ("7F3K-9QXD-2MTU", '"7F3K-9QXD-2MTU"'),
        ("7F3K_9QXD_2MTA", '"7F3K_9QXD_2MTA"'),
        ("7F3K-9QXD-2MT\u017f", r'"7F3K-9QXD-2MT\u017f"'),
        ("7F3K-9QXD-2MT\u0131", r'"7F3K-9QXD-2MT\u0131"'),
        ("\x1b[2J", r'"\x1b[2J"'),
    ],
)
def test_anything_else_is_refused_by_name(typed: str, named: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_quote_id(typed)
    assert str(refusal.value) == f"{named} is not the id of a quote, which is like 7F3K-9QXD-2MTA"


@given(NUMBERS)
def test_every_id_reads_back_as_it_was(number: int) -> None:
    shown = new_quote_id(lambda _: number)
    assert parse_quote_id(shown) == parse_quote_id(shown.lower().replace("-", "")) == shown
    assert set(shown) <= {*ALPHABET, "-"}


@given(NUMBERS, NUMBERS)
def test_two_numbers_have_two_ids(one: int, other: int) -> None:
    ids = {new_quote_id(lambda _, n=number: n) for number in (one, other)}  # type: ignore[misc]  # the default binds it now
    assert len(ids) == len({one, other})
