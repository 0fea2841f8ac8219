"""What all tests share."""

import pytest
from hypothesis import settings

# A slow machine is not a failing one.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-seconds", type=int, default=3, help="how long random bytes are sent to services"
    )
