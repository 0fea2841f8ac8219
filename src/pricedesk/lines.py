"""Bytes in, whole lines out: the framing of both TCP doors, without sockets."""

LINE_BYTES_MAX = 1024
"""A line's length without its end; what is longer is refused, not cut."""


class LineBuffer:
    """Collects bytes until a line is complete. Lines end with LF or CR LF."""

    __slots__ = ("_partial",)

    def __init__(self) -> None:
        self._partial = b""

    @property
    def partial(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._partial)

    def receive(self, data: bytes) -> tuple[list[bytes], bool]:
        """The lines that these bytes complete, and whether a line was too long.

        After a line that is too long the framing is lost: nothing that follows is a line.
        """
        *lines, partial = (self._partial + data).split(b"\n")
        self._partial = partial
        for number, line in enumerate(lines):
            if len(line) > LINE_BYTES_MAX and len(line.removesuffix(b"\r")) > LINE_BYTES_MAX:
                return [whole.removesuffix(b"\r") for whole in lines[:number]], True
        too_long = len(partial.removesuffix(b"\r")) > LINE_BYTES_MAX
        return [line.removesuffix(b"\r") for line in lines], too_long

    def end(self) -> list[bytes]:
        """What remains when the peer has finished sending: its last line, if unended."""
        last, self._partial = self._partial.removesuffix(b"\r"), b""
        return [last] if last else []
