"""What of the telnet protocol a line service needs: bytes in, text bytes and replies out.

A telnet client mixes commands into what its user types: option offers when it connects,
an interrupt when somebody presses a key, CR NUL for the Enter key. Read as input they
would be nonsense answers, and left unanswered they make some clients wait. `TelnetFilter`
takes them out, refuses every option that it was not told to deal with, and ends lines with LF.

RFC 854 (commands, CR NUL), RFC 855 (options), RFC 1143 (answer changes, never echoes).
"""

from enum import Enum, auto

from pricedesk.telnet_charset import CHARSET, CHARSET_BYTES_MAX, CharsetOption

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
ARE_YOU_THERE = 246
TIMING_MARK = 6

SUBNEGOTIATION_BYTES_MAX = 1024
"""A longer subnegotiation is cut off: what follows is read as text again."""

_CR, _LF, _NUL = 13, 10, 0


class _State(Enum):
    TEXT = auto()
    AFTER_CR = auto()
    AFTER_IAC = auto()
    OPTION = auto()
    SUBNEGOTIATION = auto()
    SUBNEGOTIATION_IAC = auto()


class TelnetFilter:
    """One peer's side of a telnet connection; also right for a peer that speaks none.

    Bytes may arrive in pieces of any size. Memory is bounded: only a state is kept, and a few
    bytes of what a peer says of `charset`, which is offered to one that negotiates by itself.
    """

    __slots__ = (
        "_command",
        "_interrupted",
        "_refused",
        "_state",
        "_subnegotiation_bytes",
        "_told",
        "charset",
    )

    def __init__(self, charset: CharsetOption | None = None) -> None:
        self.charset = charset
        self._told = bytearray()
        self._state = _State.TEXT
        self._interrupted = _State.TEXT  # What goes on after a command: also CR LF may be parted.
        self._command = 0
        self._subnegotiation_bytes = 0
        self._refused = 0

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """Take bytes off the wire: (text bytes for the service, bytes to send back)."""
        if IAC not in data and self._state in (_State.TEXT, _State.AFTER_CR):
            return self._plain(data), b""
        text, reply = bytearray(), bytearray()
        for byte in data:
            self._step(byte, text, reply)
        return bytes(text), bytes(reply)

    @property
    def at_rest(self) -> bool:
        """Whether the next byte is text, whatever came before it."""
        return self._state is _State.TEXT

    def _plain(self, data: bytes) -> bytes:
        """What `_step` makes of bytes without a command, all at once."""
        if self._state is _State.AFTER_CR and data:
            data = b"\r" + data
            self._state = _State.TEXT
        if data.endswith(b"\r"):
            data = data[:-1]
            self._state = _State.AFTER_CR
        return data.replace(b"\r\n", b"\n").replace(b"\r\0", b"\n")

    def _step(self, byte: int, text: bytearray, reply: bytearray) -> None:
        match self._state:
            case _State.TEXT | _State.AFTER_CR:
                self._text(byte, text)
            case _State.AFTER_IAC:
                self._command_byte(byte, text, reply)
            case _State.OPTION:
                self._state = self._interrupted
                self._option(byte, reply)
            case _State.SUBNEGOTIATION:
                self._subnegotiation_bytes += 1
                if byte == IAC:
                    self._state = _State.SUBNEGOTIATION_IAC
                elif self._subnegotiation_bytes >= SUBNEGOTIATION_BYTES_MAX:
                    self._state = self._interrupted
                else:
                    self._keep(byte)
            case _State.SUBNEGOTIATION_IAC:
                too_long = self._subnegotiation_bytes >= SUBNEGOTIATION_BYTES_MAX
                self._state = self._interrupted if byte == SE or too_long else _State.SUBNEGOTIATION
                if byte == SE:
                    self._subnegotiated(reply)
                elif byte == IAC:
                    self._keep(byte)

    def _text(self, byte: int, text: bytearray) -> None:
        """CR LF and CR NUL both become LF; a CR before anything else is kept."""
        if byte == IAC:
            self._interrupted, self._state = self._state, _State.AFTER_IAC
            return
        after_cr = self._state is _State.AFTER_CR
        self._state = _State.TEXT
        if after_cr and byte in (_LF, _NUL):
            text.append(_LF)
            return
        if after_cr:
            text.append(_CR)
        if byte == _CR:
            self._state = _State.AFTER_CR
        else:
            text.append(byte)

    def _command_byte(self, byte: int, text: bytearray, reply: bytearray) -> None:
        self._state = self._interrupted
        if byte == IAC:
            if self._interrupted is _State.AFTER_CR:
                text.append(_CR)
                self._state = _State.TEXT
            text.append(IAC)
        elif byte in (DO, DONT, WILL, WONT):
            self._command = byte
            self._state = _State.OPTION
        elif byte == SB:
            self._subnegotiation_bytes = 0
            self._told.clear()
            self._state = _State.SUBNEGOTIATION
        elif byte == ARE_YOU_THERE:
            reply += b"[yes]\n"

    def _keep(self, byte: int) -> None:
        if self.charset is not None and len(self._told) <= CHARSET_BYTES_MAX:
            self._told.append(byte)

    def _subnegotiated(self, reply: bytearray) -> None:
        if self.charset is not None and self._told[:1] == bytes((CHARSET,)):
            reply += self.charset.told(bytes(self._told[1:]))

    def _option(self, option: int, reply: bytearray) -> None:
        """Agree on a character set where that is wanted; refuse the rest.

        Whoever asks for an option negotiates, and can be offered one.
        """
        charset = self.charset
        answer = charset.command(self._command) if charset and option == CHARSET else None
        if answer is None:
            self._refuse(option, reply)
        else:
            reply += answer
        if charset is not None and self._command in (DO, WILL):
            reply += charset.offer()

    def _refuse(self, option: int, reply: bytearray) -> None:
        """Answer a request to change an option with no; a refusal needs no answer.

        A timing mark is asked for anew after each interrupt, so it is answered each time;
        any other option is answered once, which is what ends a negotiation loop.
        """
        if self._command not in (DO, WILL):
            return
        answered = 1 << (option + (256 if self._command == WILL else 0))
        if self._refused & answered and option != TIMING_MARK:
            return
        self._refused |= answered
        reply += bytes((IAC, WONT if self._command == DO else DONT, option))
