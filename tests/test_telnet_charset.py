"""Agreeing on UTF-8 with a telnet client, RFC 2066; a client that says nothing hears nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.telnet import TelnetFilter
from pricedesk.telnet_charset import CHARSET_BYTES_MAX, CharsetOption

DO, DONT = b"\xff\xfd\x2a", b"\xff\xfe\x2a"
WILL, WONT = b"\xff\xfb\x2a", b"\xff\xfc\x2a"
DO_ECHO, WONT_ECHO = b"\xff\xfd\x01", b"\xff\xfc\x01"


def says(says: int, text: bytes = b"") -> bytes:
    return bytes((255, 250, 42, says)) + text + b"\xff\xf0"


REQUEST = says(1, b";UTF-8;US-ASCII")
ACCEPTED, REJECTED = says(2, b"UTF-8"), says(3)

DIALOGUES = [
    pytest.param(b"1\r\n", b"", False, id="who does not negotiate is offered nothing"),
    pytest.param(b"\xff\xf4\xff\xf6", b"[yes]\n", False, id="nor who only interrupts and asks"),
    pytest.param(DO_ECHO, WONT_ECHO + WILL, False, id="who negotiates is offered a choice"),
    pytest.param(DO_ECHO + DO_ECHO, WONT_ECHO + WILL, False, id="once"),
    pytest.param(DO_ECHO + DONT, WONT_ECHO + WILL, False, id="and may decline"),
    pytest.param(DO_ECHO + DO, WONT_ECHO + WILL + REQUEST, False, id="or agree"),
    pytest.param(DO_ECHO + DO + ACCEPTED, WONT_ECHO + WILL + REQUEST, True, id="and choose"),
    pytest.param(DO, WILL + REQUEST, False, id="it may ask by itself"),
    pytest.param(DO + DO, WILL + REQUEST, False, id="more than once"),
    pytest.param(DO + says(2, b"utf-8"), WILL + REQUEST, True, id="in small letters"),
    pytest.param(DO + says(2, b"US-ASCII"), WILL + REQUEST, False, id="and choose ASCII"),
    pytest.param(DO + REJECTED + ACCEPTED, WILL + REQUEST, False, id="or nothing"),
    pytest.param(ACCEPTED, b"", False, id="what was not asked is not accepted"),
    pytest.param(DO + ACCEPTED + DONT, WILL + REQUEST + WONT, False, id="and take it back"),
    pytest.param(
        DO + DONT + DO + DO, WILL + REQUEST + WONT + WONT, False, id="after which it is refused"
    ),
    pytest.param(WILL, DO, False, id="it may offer to ask"),
    pytest.param(WILL + says(1, b" ISO-8859-1 utf-8"), DO + ACCEPTED, True, id="and then ask"),
    pytest.param(
        WILL + says(1, b"[TTABLE]\1;UTF-8"), DO + ACCEPTED, True, id="with a table that is not had"
    ),
    pytest.param(
        WILL + says(1, b";US-ASCII"), DO + says(2, b"US-ASCII"), False, id="for ASCII only"
    ),
    pytest.param(WILL + says(1, b";KOI8-R"), DO + REJECTED, False, id="for what is not spoken"),
    pytest.param(WILL + says(1), DO + REJECTED, False, id="for nothing"),
    pytest.param(
        WILL + says(1, b";X" * CHARSET_BYTES_MAX + b";UTF-8"), DO + REJECTED, False, id="too late"
    ),
    pytest.param(says(1, b";UTF-8"), REJECTED, False, id="without having offered"),
    pytest.param(
        DO + WILL + says(1, b";UTF-8"),
        WILL + REQUEST + DO + REJECTED,
        False,
        id="while it is asked itself",
    ),
    pytest.param(
        WILL + says(1, b";UTF-8") + WONT, DO + ACCEPTED + DONT, False, id="and take that back"
    ),
    pytest.param(b"\xff\xfa\x18\x01;UTF-8\xff\xf0", b"", False, id="another option is another"),
]


@pytest.mark.parametrize(("sent", "reply", "utf8"), DIALOGUES)
def test_utf_8_is_agreed_on(sent: bytes, reply: bytes, utf8: bool) -> None:
    for size in (1, 3, len(sent)):
        charset = CharsetOption()
        telnet = TelnetFilter(charset)
        pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
        assert b"".join(telnet.receive(piece)[1] for piece in pieces) == reply
        assert charset.utf8 is utf8


def test_a_door_that_wants_no_charset_refuses_it() -> None:
    assert TelnetFilter().receive(DO + WILL + REQUEST + ACCEPTED) == (b"", WONT + DONT)


NOISE = st.lists(
    st.sampled_from([DO, DONT, WILL, WONT, DO_ECHO, REQUEST, ACCEPTED, REJECTED, says(1), b"a\n"])
).map(b"".join)


@given(NOISE | st.binary())
def test_a_peer_gets_back_little_more_than_three_times_what_it_sent(sent: bytes) -> None:
    telnet = TelnetFilter(CharsetOption())
    text, reply = telnet.receive(sent)
    assert len(text) <= len(sent)
    assert len(reply) <= 3 * len(sent) + len(WILL + REQUEST)
