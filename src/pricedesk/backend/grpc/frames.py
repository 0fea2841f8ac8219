"""HTTP/2's frames (RFC 9113): their numbers, and how they are written."""

from enum import IntEnum
from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

HEADER = Struct(">HBBBL")
"""Length (its upper 16 bits and its lower 8), kind, flags, stream."""

HEADER_BYTES = HEADER.size
FRAME_BYTES_MAX = 16384
"""Of a frame without its header: what every peer takes, and all that is taken here."""

STREAM_MAX = 2**31 - 1
WINDOW_MAX = 2**31 - 1
WINDOW_DEFAULT = 65535


class Kind(IntEnum):
    """Kinds of frames."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


ACK = 0x1
END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20


class Setting(IntEnum):
    """What a SETTINGS frame may set."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class Code(IntEnum):
    """Why a stream or a connection ends."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


_SETTING = Struct(">HL")
_NUMBER = Struct(">L")
_TWO_NUMBERS = Struct(">LL")


def frame(kind: int, flags: int, stream: int, payload: bytes | memoryview = b"") -> bytes:
    """A whole frame."""
    length = len(payload)
    return HEADER.pack(length >> 8, length & 0xFF, kind, flags, stream) + payload


def settings_frame(settings: dict[Setting, int]) -> bytes:
    """A SETTINGS frame that sets these."""
    payload = b"".join(_SETTING.pack(name, value) for name, value in settings.items())
    return frame(Kind.SETTINGS, 0, 0, payload)


def settings_in(payload: bytes) -> list[tuple[int, int]]:
    """What a SETTINGS frame sets, in its order; its length is a multiple of six."""
    return list(_SETTING.iter_unpack(payload))


def window_frame(stream: int, more: int) -> bytes:
    """A WINDOW_UPDATE frame."""
    return frame(Kind.WINDOW_UPDATE, 0, stream, _NUMBER.pack(more))


def reset_frame(stream: int, code: Code) -> bytes:
    """A RST_STREAM frame."""
    return frame(Kind.RST_STREAM, 0, stream, _NUMBER.pack(code))


def goaway_frame(last_stream: int, code: Code, text: str = "") -> bytes:
    """A GOAWAY frame: streams up to the last one are or were answered."""
    return frame(Kind.GOAWAY, 0, 0, _TWO_NUMBERS.pack(last_stream, code) + text.encode())


def number_in(payload: bytes) -> int:
    """The number of a WINDOW_UPDATE or RST_STREAM frame, without the reserved bit."""
    number: int = _NUMBER.unpack(payload)[0]
    return number & STREAM_MAX
