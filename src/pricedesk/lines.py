"""Text bytes in, whole lines out: the framing of both TCP doors, without sockets.

Lines end with LF here; `telnet.py` has made LF of whatever a client ends its lines with.
"""

LINE_BYTES_MAX = 1024
"""A line's length without its end; what is longer is refused, not cut."""


class LineBuffer:
    """Bytes that arrived, until they are taken as lines.

    Only bytes are kept, however many lines they are: a client that sends nothing but line
    ends does not become an object for each of them.
    """

    __slots__ = ("_data", "_found_too_long")

    def __init__(self) -> None:
        self._data = b""
        self._found_too_long = False

    def add(self, data: bytes) -> None:
        """Bytes have arrived."""
        self._data += data

    def take(self, count: int) -> list[bytes]:
        """Up to `count` whole lines without their ends; nothing from one on that is too long."""
        *lines, self._data = self._data.split(b"\n", count)
        for number, line in enumerate(lines):
            if len(line) > LINE_BYTES_MAX:
                self._found_too_long = True
                self._data = b""
                return lines[:number]
        return lines

    def end(self) -> None:
        """The peer has finished sending: a last line that it did not end counts as ended."""
        if self.has_partial:
            self._data += b"\n"

    @property
    def is_too_long(self) -> bool:
        """Whether the next line is too long; after it the framing is lost."""
        return self._found_too_long or (len(self._data) > LINE_BYTES_MAX and not self.has_line)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there, not even the beginning of a line."""
        return not self._data

    @property
    def has_line(self) -> bool:
        """Whether a whole line can be taken."""
        return b"\n" in self._data

    @property
    def has_partial(self) -> bool:
        """Whether the last line has begun and not ended."""
        return self._data != b"" and self._data[-1:] != b"\n"
