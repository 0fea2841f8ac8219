"""Files that a shop writes: read whole, in UTF-8, and no larger than is good."""

from pathlib import Path
from typing import BinaryIO


class UnusableFileError(Exception):
    """A file is not read; the text names it. What is `passing` may be over at the next try."""

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


def read_text(path: Path, bytes_max: int) -> str:
    """The text of a file, without the mark at its beginning that spreadsheets write.

    Raises:
        UnusableFileError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        if path.exists() and not path.is_file():  # A pipe would be waited for, for ever.
            raise UnusableFileError(f"{path} is no file", passing=True)
        with path.open("rb") as file:
            return text_of(file, str(path), bytes_max)
    except OSError as error:
        reason = f"{path} cannot be read: {error.strerror}"
        raise UnusableFileError(reason, passing=True) from error


def text_of(stream: BinaryIO, name: str, bytes_max: int) -> str:
    """The text of what comes in, in the same way; `name` is what errors call it.

    Raises:
        UnusableFileError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        raw = stream.read(bytes_max + 1)
    except OSError as error:
        raise UnusableFileError(f"{name} cannot be read: {error.strerror}", passing=True) from error
    if len(raw) > bytes_max:
        raise UnusableFileError(f"{name} is larger than {bytes_max} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnusableFileError(f"{name}, line {line}: not UTF-8 text") from error
