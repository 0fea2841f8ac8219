"""Telnet's option for character sets, RFC 2066: whether a peer reads UTF-8.

Either side may offer to choose, and who has offered may then ask for a set from a list. One
side of one connection is kept here; without a word of the peer's about it, it reads ASCII.
"""

DONT, DO, WONT, WILL, SB, SE = 254, 253, 252, 251, 250, 240
IAC = 255
CHARSET = 42
REQUEST, ACCEPTED, REJECTED = 1, 2, 3

OURS = b";UTF-8;US-ASCII"
"""What is asked for: the first byte separates."""

CHARSET_BYTES_MAX = 256
"""How much of what a peer says is looked at; sets that it lists later are not seen."""

_TABLE = b"[TTABLE]"
"""With a byte for a version it may come before a list: a table can be had. None is wanted."""


class CharsetOption:
    """What was agreed on with one peer; `utf8` is whether it reads UTF-8."""

    __slots__ = ("_asked", "_offered", "_over", "_peer_chooses", "_we_choose", "utf8")

    def __init__(self) -> None:
        self.utf8 = False
        self._offered = False
        self._asked = False
        self._we_choose = False
        self._peer_chooses = False
        self._over = False

    def offer(self) -> bytes:
        """What to send to a peer that negotiates: an offer, once."""
        if self._offered or self._peer_chooses:
            return b""
        self._offered = True
        return bytes((IAC, WILL, CHARSET))

    def command(self, command: int) -> bytes | None:
        """The answer to DO, DONT, WILL or WONT; None where it was given up, and is refused.

        A change that was made already needs no answer.
        """
        if command in (DONT, WONT):
            return self._ended(command)
        if self._over:
            return None
        if command == DO and not self._we_choose:
            agreed = self.offer()
            self._offered = self._we_choose = self._asked = True
            return agreed + _subnegotiation(REQUEST, OURS)
        if command == WILL and not self._peer_chooses:
            self._peer_chooses = True
            return bytes((IAC, DO, CHARSET))
        return b""

    def _ended(self, command: int) -> bytes:
        agreed = self._we_choose if command == DONT else self._peer_chooses
        if not agreed:
            return b""
        self.utf8 = self._asked = self._we_choose = self._peer_chooses = False
        self._over = True
        return bytes((IAC, WONT if command == DONT else DONT, CHARSET))

    def told(self, data: bytes) -> bytes:
        """The answer to what a peer says between SB CHARSET and SE."""
        said = data[:1]
        if said == bytes((REQUEST,)):
            return self._chosen(data[1:])
        if said in (bytes((ACCEPTED,)), bytes((REJECTED,))) and self._asked:
            self._asked = False
            self.utf8 = said[0] == ACCEPTED and data[1:].upper() == b"UTF-8"
        return b""

    def _chosen(self, offered: bytes) -> bytes:
        """Which of a peer's sets is taken; none while ours are asked for, as the RFC has it."""
        if offered.startswith(_TABLE):
            offered = offered[len(_TABLE) + 1 :]
        names = offered[1:].upper().split(offered[:1]) if offered else []
        known = [name for name in (b"UTF-8", b"US-ASCII") if name in names]
        if self._asked or not self._peer_chooses or not known:
            return _subnegotiation(REJECTED)
        self.utf8 = known[0] == b"UTF-8"
        return _subnegotiation(ACCEPTED, known[0])


def _subnegotiation(says: int, text: bytes = b"") -> bytes:
    return bytes((IAC, SB, CHARSET, says)) + text + bytes((IAC, SE))
