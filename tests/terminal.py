"""A program on a pseudo-terminal, as a person sees and uses it."""

import os
import pty
import re
import select
import subprocess
import time
from types import TracebackType
from typing import Self

SCREEN_SECONDS = 60
"""How long a text may take to appear before the test fails."""


class Terminal:
    """Runs a program; what it prints and what is typed appear on `screen`, as LF text."""

    def __init__(self, *command: str) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.screen = ""

    def wait_for(self, pattern: str) -> str:
        """Read until the screen matches a pattern; gives the whole screen."""
        end = time.monotonic() + SCREEN_SECONDS
        while not re.search(pattern, self.screen, re.MULTILINE):
            left = end - time.monotonic()
            if left < 0 or not self._read(left):
                raise AssertionError(f"{pattern!r} is not on the screen:\n{self.screen}")
        return self.screen

    def press(self, text: str) -> None:
        """Type characters on the keyboard."""
        os.write(self._master, text.encode())

    def end(self) -> tuple[str, int]:
        """Read until the program ends; gives the whole screen and its exit code."""
        end = time.monotonic() + SCREEN_SECONDS
        while self._read(end - time.monotonic()):
            pass
        return self.screen, self._process.wait(timeout=SCREEN_SECONDS)

    def _read(self, seconds: float) -> bool:
        """Add what comes to the screen; False at the end of the program or of the time."""
        if not select.select([self._master], [], [], max(0, seconds))[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # How Linux tells that nobody has the other end open any more.
            return False
        self.screen += data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)
