"""Who may come in: limits in all, per address, and of open files."""

import logging

import pytest

from pricedesk.admission import REFUSALS_AT_ONCE_MAX, Admission, Gate

WELCOME, BUSY, FLOOD = Admission.WELCOME, Admission.BUSY, Admission.FLOOD


def test_there_is_room_for_so_many_and_no_more() -> None:
    gate = Gate[int](3, 3)
    assert [gate.admit(n, "::1") for n in range(5)] == [WELCOME] * 3 + [BUSY] * 2
    assert (gate.connections, gate.refusals) == (3, 2)


def test_each_address_has_its_own_room() -> None:
    gate = Gate[int](10, 2)
    addresses = ["a", "b", "a", "a", "b", "b"]
    came = [gate.admit(n, address) for n, address in enumerate(addresses)]
    assert came == [WELCOME, WELCOME, WELCOME, BUSY, WELCOME, BUSY]


def test_who_goes_makes_room() -> None:
    gate = Gate[int](1, 1)
    gate.admit(1, "a")
    gate.admit(2, "a")
    gate.forget(2, "a")
    assert gate.admit(3, "a") is BUSY
    gate.forget(1, "a")
    assert gate.admit(4, "a") is WELCOME
    for n in (3, 4):
        gate.forget(n, "a")
    assert gate.is_empty


def test_so_many_are_told_at_once_and_the_rest_is_cut_off() -> None:
    gate = Gate[int](1, 1)
    came = [gate.admit(n, "a") for n in range(REFUSALS_AT_ONCE_MAX + 2)]
    assert came == [WELCOME] + [BUSY] * REFUSALS_AT_ONCE_MAX + [FLOOD]


@pytest.mark.parametrize(
    ("files", "clients", "told"), [(10_000, 9744, 256), (513, 257, 256), (512, 256, 256), (8, 4, 4)]
)
def test_files_limit_clients_and_refusals_together(
    files: int, clients: int, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate[int](10_000, 10_000)
    with caplog.at_level(logging.WARNING):
        gate.limit(files)
    assert len(caplog.records) == 1
    came = [gate.admit(n, "a") for n in range(11_000)]
    assert (came.count(WELCOME), came.count(BUSY)) == (clients, told)


def test_enough_files_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate[int](10, 10)
    gate.limit(10_000)
    assert [gate.admit(n, "a") for n in range(11)] == [WELCOME] * 10 + [BUSY]
    assert caplog.records == []
