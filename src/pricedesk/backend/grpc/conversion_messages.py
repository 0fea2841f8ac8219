"""The messages of a conversion, read and written by hand where they are as clients write them.

A conversion is two dozen bytes, and making protobuf's objects for it takes longer than the
conversion. What is unusual in any way (other lengths, another order, unknown fields, currencies
that do not exist) is read by protobuf's own runtime; tests hold both against each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pricedesk.backend.grpc.definitions import message_class, read

_REQUEST = message_class("hipstershop.CurrencyConversionRequest")

_FROM, _TO, _CODE, _UNITS, _NANOS = 0x0A, 0x12, 0x0A, 0x10, 0x18
"""The tags of the fields: their numbers, and the kind of what follows."""

_CODE_BYTES = 3
_MORE = 0x80
_VARINT_BITS_MAX = 63
_INT32_SIGN, _INT64_SIGN = 1 << 31, 1 << 63


@dataclass(frozen=True, slots=True)
class AmountMessage:
    """A `Money` message as it came: nothing in it is checked."""

    code: str
    units: int
    nanos: int


def read_by_runtime(data: bytes) -> tuple[AmountMessage | None, str]:
    """A CurrencyConversionRequest: `from`, where it is there, and `to_code`.

    Raises:
        Refusal: the bytes are no such message.
    """
    request = read(_REQUEST, data)
    if not request.HasField("from"):
        return None, request.to_code
    money = getattr(request, "from")
    return AmountMessage(money.currency_code, money.units, money.nanos), request.to_code


def read_usual(data: bytes) -> tuple[bytes, int, int, bytes] | None:
    """The code, units and nanos of `from`, and `to_code`; None if the message is unusual.

    Usual are both codes of three bytes, and fields in their order, each at most once. The codes
    are as they came, and need not be text.
    """
    try:
        end = data[1] + 2
        if (
            data[0] != _FROM
            or data[1] >= _MORE
            or data[2] != _CODE
            or data[3] != _CODE_BYTES
            or data[end] != _TO
            or data[end + 1] != _CODE_BYTES
            or len(data) != end + 2 + _CODE_BYTES
        ):
            return None
        at, units, nanos = 7, 0, 0
        if at < end and data[at] == _UNITS:
            units, at = _varint(data, at + 1)
            if units >= _INT64_SIGN:
                units -= _INT64_SIGN << 1
        if at < end and data[at] == _NANOS:
            nanos, at = _varint(data, at + 1)
            nanos &= (_INT32_SIGN << 1) - 1
            if nanos >= _INT32_SIGN:
                nanos -= _INT32_SIGN << 1
    except (IndexError, OverflowError):
        return None
    if at != end:
        return None
    return data[4:7], units, nanos, data[end + 2 :]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of at most 64 bits, and where it ends.

    Raises:
        OverflowError: it has more.
    """
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            break
        shift += 7
        if shift > _VARINT_BITS_MAX:
            raise OverflowError
    if value >> 64:
        raise OverflowError
    return value, at


def amount_message(code: bytes, units: int, nanos: int) -> bytes:
    """A `Money` message, as protobuf writes it: fields that are zero are left out."""
    message = b"\x0a%c%b" % (len(code), code)
    if units:
        message += b"\x10" + _written(units)
    if nanos:
        message += b"\x18" + _written(nanos)
    return message


def _written(value: int) -> bytes:
    if value < 0:
        value += _INT64_SIGN << 1
    written = bytearray()
    while value >= _MORE:
        written.append(value & 0x7F | _MORE)
        value >>= 7
    written.append(value)
    return bytes(written)


def codes_message(codes: Iterable[str]) -> bytes:
    """A GetSupportedCurrenciesResponse."""
    return b"".join(b"\x0a%c%b" % (len(code), code.encode()) for code in codes)
