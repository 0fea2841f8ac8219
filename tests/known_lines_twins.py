"""Both answer_known: in Python, and in C where that is compiled, as CI has to have it."""

import os
from typing import Protocol

import pytest

from pricedesk.known_lines import Connected, Rest, answer_known, answer_known_in_python


class AnswerKnown(Protocol):
    """Either of them."""

    def __call__(
        self,
        ready: list[tuple[int, int]],
        connections: dict[int, Connected],
        known: dict[bytes, bytes],
        now: float,
        rest: Rest[Connected],
        /,
    ) -> int:
        """As `answer_known_in_python`."""


TWINS = ["python", "c"]


def twin(name: str) -> AnswerKnown:
    """The one of this name; the test is skipped if it was not compiled here."""
    if name == "python":
        return answer_known_in_python
    if answer_known is answer_known_in_python:
        assert "CI" not in os.environ, "_known_lines.c is not compiled"
        pytest.skip("_known_lines.c is not compiled: no C compiler, or no headers of Python's")
    return answer_known
