"""The counts of several workers in memory that they share, without any process."""

from collections import Counter

from pricedesk.admission import Gate
from pricedesk.backend.surroundings import DoorCount, Gauges
from pricedesk.backend.worker_counts import CountsBoard, WorkerCounts
from pricedesk.tally import Tally


class Counted:
    """What one worker counts, at a door of lines that has room for one client."""

    def __init__(self, board: CountsBoard, number: int) -> None:
        self.tally = Tally()
        self.gate: Gate[str] = Gate(1, 1)
        self.failures: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.doors = [DoorCount("lines", self.tally, self.gate)]
        gauges = Gauges(refresh_failures=lambda: self.failures, quotes_ended=lambda: self.ended)
        self.counts = WorkerCounts(board, number, self.doors, gauges)


def board() -> CountsBoard:
    return CountsBoard(2, ("lines", "http"), ("ECB", "BOC"))


def shown(counted: Counted) -> list[tuple[str, int, int, int, int, int]]:
    """Of each door: answered, refused, failed, who is there, who found no room."""
    return [
        (
            door.name,
            door.tally.answered,
            door.tally.refused,
            door.tally.failed,
            door.visitors.connections,
            door.visitors.refusals,
        )
        for door in counted.counts.doors()
    ]


def test_what_is_shown_is_what_all_have_counted() -> None:
    shared = board()
    first, second = Counted(shared, 1), Counted(shared, 2)
    first.tally.took(0.25, 3)
    first.tally.refused += 1
    first.gate.admit("a", "::1")
    second.tally.took(0.5, 2)
    second.tally.failed += 1
    second.gate.admit("b", "::1")
    second.gate.admit("c", "::1")
    first.counts.copy()
    assert shown(second) == [("lines", 3, 1, 1, 2, 1), ("http", 0, 0, 0, 0, 0)]
    assert shown(first) == shown(second)
    [lines, _] = first.counts.doors()
    assert lines.tally.taken_seconds == 1.75
    assert lines.tally.buckets == [0, 0, 0, 0, 0, 0, 5, 0, 0, 0]
    assert lines.tally.requests == 5


def test_a_door_that_is_made_later_counts_from_then_on() -> None:
    shared = board()
    first, second = Counted(shared, 1), Counted(shared, 2)
    tally = Tally()
    second.doors.append(DoorCount("http", tally, Gate[str](1, 1)))
    tally.took(0, 2)
    second.counts.copy()
    assert shown(first)[1] == ("http", 2, 0, 0, 0, 0)


def test_failed_looks_and_the_ends_of_quotes_are_added_up() -> None:
    shared = board()
    first, second = Counted(shared, 1), Counted(shared, 2)
    first.failures["BOC"] = 2
    first.ended["redeemed"] = 1
    second.ended["redeemed"] = 3
    first.counts.copy()
    gauges = second.counts.gauges()
    assert gauges.refresh_failures() == {"ECB": 0, "BOC": 2}
    assert gauges.quotes_ended()["redeemed"] == 4


def test_who_takes_a_dead_ones_place_goes_on_from_its_counts_but_has_no_clients() -> None:
    shared = board()
    first, second = Counted(shared, 1), Counted(shared, 2)
    first.tally.took(0, 5)
    first.gate.admit("a", "::1")
    first.gate.admit("b", "::1")
    first.counts.copy()
    successor = Counted(shared, 1)
    assert shown(second)[0] == ("lines", 5, 0, 0, 0, 1)
    successor.tally.took(0, 1)
    successor.gate.admit("c", "::1")
    assert shown(successor)[0] == ("lines", 6, 0, 0, 1, 1)
    assert shown(second)[0] == ("lines", 6, 0, 0, 1, 1)
