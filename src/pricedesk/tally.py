"""Counting what a door answers, so cheaply that it can be done for every request.

Plain integers that only the event loop's thread changes; whoever shows them reads them. One
addition counts a whole batch of requests that were answered together.
"""

from bisect import bisect_left

BOUNDS_SECONDS = (0.0001, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
"""Upper bounds of the histogram of how long requests took; one more bucket has the rest."""


_FIRST_BOUND_SECONDS = BOUNDS_SECONDS[0]


class Tally:
    """What one door has answered since the start.

    `refused` counts those of the `requests` that the asker can mend or that no rate answers,
    `failed` those that the service could not answer; `taken_seconds` adds up how long all of
    them took.
    """

    __slots__ = ("buckets", "failed", "refused", "requests", "taken_seconds")

    def __init__(self) -> None:
        self.requests = 0
        self.refused = 0
        self.failed = 0
        self.buckets = [0] * (len(BOUNDS_SECONDS) + 1)
        self.taken_seconds = 0.0

    @property
    def answered(self) -> int:
        """The requests that were neither refused nor failed."""
        return self.requests - self.refused - self.failed

    def took(self, seconds: float, requests: int = 1) -> None:
        """Count requests that were answered together in so many seconds."""
        self.requests += requests
        # Nearly all are in the first bucket: then there is nothing to search for.
        bucket = 0 if seconds <= _FIRST_BOUND_SECONDS else bisect_left(BOUNDS_SECONDS, seconds)
        self.buckets[bucket] += requests
        self.taken_seconds += seconds * requests
