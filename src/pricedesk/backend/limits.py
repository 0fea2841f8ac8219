"""The numbers by which guards judge; docs/guards.md has what they were measured on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What guards let pass. How far two values are apart is counted of the smaller one.

    A value may move by `jump_multiple` times the `jump_rank`th largest of its last
    `jump_moves` moves, by no less than `jump_least_percent` and no more than
    `jump_most_percent`; by `jump_unknown_percent` while there are fewer than `jump_moves_least`
    of them. Each day over `gap_days` between two publications adds a tenth of that.
    """

    jump_multiple: int = 6
    jump_rank: int = 4
    jump_moves: int = 60
    jump_moves_least: int = 20
    jump_least_percent: int = 3
    jump_most_percent: int = 25
    jump_unknown_percent: int = 10
    gap_days: int = 5

    correction_percent: int = 1
    """How far a further revision may move a value that is known."""

    mistaken_percent: int = 2
    """From which move on an inverted value or two swapped ones are told from a real move."""

    confirmed_percent: int = 5
    """How far from a value a witness of it may be at most; also not more than half the move."""

    disagreed_percent: int = 2
    """How far from a value other sources have to be that speak against it."""

    agreed_percent: int = 1
    """How near to each other sources have to be that speak against a value together."""

    currencies_lost: int = 2
    """The most currencies that a source may stop to publish at once: the ECB did so with two."""


DEFAULT_LIMITS = Limits()
