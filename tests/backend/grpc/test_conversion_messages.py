"""Messages by hand are protobuf's own, and what is unusual is left to protobuf."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pricedesk.backend.grpc.conversion_messages import (
    AmountMessage,
    amount_message,
    codes_message,
    read_by_runtime,
    read_usual,
)
from pricedesk.backend.grpc.definitions import message_class
from pricedesk.backend.grpc.statuses import Refusal, Status

REQUEST = message_class("hipstershop.CurrencyConversionRequest")
MONEY = message_class("hipstershop.Money")
CODES = message_class("hipstershop.GetSupportedCurrenciesResponse")

codes = st.text(st.characters(min_codepoint=65, max_codepoint=90), min_size=3, max_size=3)
int64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, -1, 127, 128, 2**63 - 1])
int32 = st.integers(-(2**31), 2**31 - 1)


def request(code: str, units: int, nanos: int, to_code: str) -> bytes:
    message = REQUEST(to_code=to_code)
    getattr(message, "from").MergeFrom(MONEY(currency_code=code, units=units, nanos=nanos))
    data: bytes = message.SerializeToString()
    return data


@given(codes, int64, int32, codes)
@example("USD", 0, 0, "EUR")
@example("USD", -(2**63), -(2**31), "EUR")
def test_what_clients_write_is_read_by_hand(
    code: str, units: int, nanos: int, to_code: str
) -> None:
    expected = (code.encode(), units, nanos, to_code.encode())
    assert read_usual(request(code, units, nanos, to_code)) == expected


def agreeing(data: bytes) -> None:
    """What is read by hand at all is what protobuf reads."""
    usual = read_usual(data)
    if usual is None:
        return
    try:
        money, to_code = read_by_runtime(data)
    except Refusal:
        # Codes that are no text are not looked for among the currencies' codes.
        assert not (usual[0] + usual[3]).isascii()
        return
    assert money == AmountMessage(usual[0].decode(), usual[1], usual[2])
    assert to_code == usual[3].decode()


@given(st.binary(max_size=40))
def test_any_bytes_are_read_as_protobuf_reads_them_or_left_to_it(data: bytes) -> None:
    agreeing(data)


@given(codes, int64, int32, codes, st.data())
def test_so_are_messages_that_were_changed_anywhere(
    code: str, units: int, nanos: int, to_code: str, data: st.DataObject
) -> None:
    message = bytearray(request(code, units, nanos, to_code))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(message) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert"])):
            case "set":
                message[at] = data.draw(st.integers(0, 255))
            case "cut":
                del message[at:]
            case _:
                message.insert(at, data.draw(st.integers(0, 255)))
        if not message:
            break
    agreeing(bytes(message))


UNUSUAL = [
    ("empty", b""),
    ("without from", b"\x12\x03EUR"),
    ("without to_code", b"\x0a\x05\x0a\x03USD"),
    ("the fields in another order", b"\x12\x03EUR\x0a\x05\x0a\x03USD"),
    ("a long code", b"\x0a\x06\x0a\x04USDX\x12\x03EUR"),
    ("from twice", b"\x0a\x05\x0a\x03USD\x0a\x02\x10\x01\x12\x03EUR"),
    ("units twice", b"\x0a\x09\x0a\x03USD\x10\x01\x10\x02\x12\x03EUR"),
    ("an unknown field", b"\x0a\x07\x0a\x03USD\x20\x01\x12\x03EUR"),
    ("an unknown field at the end", b"\x0a\x05\x0a\x03USD\x12\x03EUR\x18\x01"),
    ("units that do not end", b"\x0a\x07\x0a\x03USD\x10\x80\x12\x03EUR"),
    ("units of more than 64 bits", b"\x0a\x10\x0a\x03USD\x10" + b"\xff" * 9 + b"\x02\x12\x03EUR"),
]


@pytest.mark.parametrize(("name", "data"), UNUSUAL, ids=[name for name, _ in UNUSUAL])
def test_what_is_unusual_is_left_to_protobuf(name: str, data: bytes) -> None:
    assert read_usual(data) is None


def test_fields_that_come_twice_are_merged_as_protobuf_does() -> None:
    data = b"\x0a\x05\x0a\x03USD\x0a\x02\x10\x07\x12\x03EUR"
    assert read_by_runtime(data) == (AmountMessage("USD", 7, 0), "EUR")


@pytest.mark.parametrize("data", [b"\x0a", b"\x0a\x05\x0a\x03US", b"\x12\x03\xff\xff\xff", b"\x07"])
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        read_by_runtime(data)
    assert refusal.value.status is Status.INVALID_ARGUMENT


@given(codes, int64, int32)
def test_amounts_are_written_as_protobuf_writes_them(code: str, units: int, nanos: int) -> None:
    expected = MONEY(currency_code=code, units=units, nanos=nanos).SerializeToString()
    assert amount_message(code.encode(), units, nanos) == expected


@given(st.lists(codes))
def test_codes_are_written_as_protobuf_writes_them(found: list[str]) -> None:
    assert codes_message(found) == CODES(currency_codes=found).SerializeToString()
