"""What waits for a client to take it: nobody may have it wait for long, nor stay after the end."""

STALLED_OUTPUT_SECONDS = 10
"""A client that takes nothing of what waits for it for so long is cut off."""

LINGER_SECONDS = 2
"""How long a client that was told of the end, or refused, may go on sending before it is cut off.

Closing at once would make the kernel throw away what was said together with what is unread.
"""


class Unread:
    """How many bytes wait for one client, and when it has last taken some.

    Their number is looked at now and then, so who takes some and is sent as much again in between
    is known by `taken` only.
    """

    __slots__ = ("_progress_at", "size")

    def __init__(self, now: float) -> None:
        self.size = 0
        self._progress_at = now

    def taken(self, now: float) -> None:
        """The client has taken some of them."""
        self._progress_at = now

    def is_stalled(self, size: int, now: float) -> bool:
        """Whether, now that so many bytes wait, the client has taken none for too long."""
        before, self.size = self.size, size
        if size < before or (size and not before):
            self._progress_at = now
        return size > 0 and now - self._progress_at > STALLED_OUTPUT_SECONDS

    def has_lingered(self, ending_since_seconds: float, now: float) -> bool:
        """Whether a client has had its time since it was told of the end, or since it took some."""
        return now - max(ending_since_seconds, self._progress_at) > LINGER_SECONDS
