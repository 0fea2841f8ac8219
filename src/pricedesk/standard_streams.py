"""Standard input and output, which may be closed, or on a disk that is full."""

import errno
import os
import sys
from typing import BinaryIO

from pricedesk.errors import InvalidRequest


def standard_input() -> BinaryIO:
    """The bytes that come in.

    Raises:
        InvalidRequest: standard input is closed.
    """
    # Python has None for a stream that was closed before the program began.
    if sys.stdin is None:
        raise InvalidRequest("standard input is closed")
    return sys.stdin.buffer


def standard_output() -> BinaryIO:
    """Where bytes go.

    Raises:
        InvalidRequest: standard output is closed.
    """
    if sys.stdout is None:
        raise InvalidRequest("standard output is closed")
    return sys.stdout.buffer


def write_out() -> None:
    """Write what standard output has collected.

    Raises:
        OSError: it cannot be written.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def is_full(error: OSError) -> bool:
    """Whether a stream takes no more, as a full disk does; of a file the error has its name."""
    return error.errno in _FULL and error.filename is None


def give_up_output() -> None:
    """Leave out what was not written: the interpreter would fail at it once more at its end."""
    if sys.stdout is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
