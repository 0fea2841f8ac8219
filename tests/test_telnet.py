"""The telnet filter: what clients really send comes out as the text that was typed."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.telnet import (
    DO,
    DONT,
    IAC,
    SB,
    SE,
    SUBNEGOTIATION_BYTES_MAX,
    TIMING_MARK,
    WILL,
    WONT,
    TelnetFilter,
)

# Recorded from Debian's inetutils-telnet 2.4: `telnet -- HOST -PORT`, then Ctrl-C.
DEBIAN_HELLO = bytes.fromhex(
    "fffd26 fffb26 fffd03 fffb18 fffb1f fffb20 fffb21 fffb22 fffb27 fffd05"
)
DEBIAN_HELLO_REFUSED = bytes.fromhex(
    "fffc26 fffe26 fffc03 fffe18 fffe1f fffe20 fffe21 fffe22 fffe27 fffc05"
)
DEBIAN_CTRL_C = bytes.fromhex("fff4 fffd06")
DEBIAN_CTRL_BACKSLASH = bytes.fromhex("fff3 fffd06")
DEBIAN_CTRL_Z = bytes.fromhex("ffed fffd06")
NO_TIMING_MARK = bytes.fromhex("fffc06")

# Recorded from telnetlib3 5.0.1, connected to a server that asks for everything it knows.
TELNETLIB3 = bytes.fromhex(
    "fffb18 fffb1f fffa1f00500019fff0 fffb27 fffd01 fffd03 fffb03 fffd00 fffb2a"
)
TELNETLIB3_REFUSED = bytes.fromhex("fffe18 fffe1f fffe27 fffc01 fffc03 fffe03 fffc00 fffe2a")

DIALOGUES = [
    pytest.param(b"", b"", b"", id="nothing"),
    pytest.param(b"1\n2\n", b"1\n2\n", b"", id="nc ends lines with LF"),
    pytest.param(b"1\r\n2\r\n", b"1\n2\n", b"", id="telnet ends lines with CR LF"),
    pytest.param(b"1\r\0002\r\0", b"1\n2\n", b"", id="or CR NUL, character by character"),
    pytest.param(b"1\r2\n", b"1\r2\n", b"", id="another CR is kept"),
    pytest.param(b"1\r\r\n", b"1\r\n", b"", id="also before one that ends a line"),
    pytest.param(b"1\r", b"1", b"", id="a CR at the end waits for what follows"),
    pytest.param(b"1\r\xff\xf1\n2\n", b"1\n2\n", b"", id="also through a command"),
    pytest.param(b"1\r\xff\xfe\x03\0002\n", b"1\n2\n", b"", id="or an option"),
    pytest.param(b"1\r\xff\xfa\x18\xff\xf0\r\n", b"1\r\n", b"", id="or what is said of one"),
    pytest.param(b"1\r\xff\xf12\n", b"1\r2\n", b"", id="and is kept if it ends nothing"),
    pytest.param(b"a\0b", b"a\0b", b"", id="another NUL is kept"),
    pytest.param("5 €\n".encode(), "5 €\n".encode(), b"", id="UTF-8 is text"),
    pytest.param(b"a\xff\xffb", b"a\xffb", b"", id="IAC IAC is the byte 255"),
    pytest.param(b"a\r\xff\xff", b"a\r\xff", b"", id="also after CR"),
    pytest.param(DEBIAN_HELLO + b"1\r\n", b"1\n", DEBIAN_HELLO_REFUSED, id="Debian connects"),
    pytest.param(b"1\r\n" + DEBIAN_CTRL_C + b"2\r\n", b"1\n2\n", NO_TIMING_MARK, id="Ctrl-C"),
    pytest.param(b"1" + DEBIAN_CTRL_C + b"2\r\n", b"12\n", NO_TIMING_MARK, id="in mid-line"),
    pytest.param(DEBIAN_CTRL_BACKSLASH + b"1\r\n", b"1\n", NO_TIMING_MARK, id="Ctrl-backslash"),
    pytest.param(DEBIAN_CTRL_Z + b"1\r\n", b"1\n", NO_TIMING_MARK, id="Ctrl-Z"),
    pytest.param(DEBIAN_CTRL_C * 3, b"", NO_TIMING_MARK * 3, id="a timing mark each time"),
    pytest.param(b"1\xff\xf6\r\n", b"1\n", b"[yes]\n", id="are you there"),
    pytest.param(b"1\xff\xf5\r\n", b"1\n", b"", id="abort output"),
    pytest.param(b"1\xff\xf1\xff\xf2\xff\xf7\xff\xf8\xff\xf9\r\n", b"1\n", b"", id="NOP to GA"),
    pytest.param(b"1\xff\x01\r\n", b"1\n", b"", id="a command that nobody has defined"),
    pytest.param(TELNETLIB3 + b"1\r\n", b"1\n", TELNETLIB3_REFUSED, id="telnetlib3 negotiates"),
    pytest.param(b"\xff\xfa\x18\0xterm\r\n\xff\xf01\n", b"1\n", b"", id="subnegotiation"),
    pytest.param(b"\xff\xfa\x1f\xff\xff\xf0\0\xff\xf01\n", b"1\n", b"", id="with 255 in it"),
    pytest.param(DEBIAN_HELLO * 2, b"", DEBIAN_HELLO_REFUSED, id="an offer is refused once"),
    pytest.param(b"\xff\xfc\x18\xff\xfe\x03", b"", b"", id="a refusal needs no answer"),
    pytest.param(
        b"\xff\xfd\x01\xff\xfe\x01\xff\xfd\x01", b"", b"\xff\xfc\x01", id="nor does a loop"
    ),
    pytest.param(
        b"\xff\xfd\x03\xff\xfb\x03", b"", b"\xff\xfc\x03\xff\xfe\x03", id="each side of an option"
    ),
    pytest.param(b"\xff\xfd\xff1\n", b"1\n", b"\xff\xfc\xff", id="option 255 is an option"),
]


def received(pieces: Iterable[bytes]) -> tuple[bytes, bytes]:
    """All the text and all the replies of a new filter."""
    telnet = TelnetFilter()
    both = [telnet.receive(piece) for piece in pieces]
    return b"".join(text for text, _ in both), b"".join(reply for _, reply in both)


def one_by_one(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


@pytest.mark.parametrize(("sent", "text", "reply"), DIALOGUES)
def test_what_clients_send_becomes_text(sent: bytes, text: bytes, reply: bytes) -> None:
    assert received([sent]) == (text, reply)


@pytest.mark.parametrize(("sent", "text", "reply"), DIALOGUES)
def test_it_may_come_byte_by_byte(sent: bytes, text: bytes, reply: bytes) -> None:
    assert received(one_by_one(sent)) == (text, reply)


@pytest.mark.parametrize(("sent", "text", "reply"), DIALOGUES)
def test_it_may_come_with_what_follows(sent: bytes, text: bytes, reply: bytes) -> None:
    if sent.endswith(b"\r"):
        text += b"\r"
    assert received([sent + b"3\n4"]) == (text + b"3\n4", reply)


@given(st.binary(), st.data())
def test_any_bytes_in_any_pieces_give_the_same_text_and_replies(
    sent: bytes, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)))))
    pieces = [sent[i:j] for i, j in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    assert received(pieces) == received([sent])


TELNET_NOISE = st.lists(
    st.sampled_from([IAC, DO, DONT, WILL, WONT, SB, SE, TIMING_MARK, 246, 10, 13, 0, 65]),
    max_size=60,
).map(bytes)


@given(st.one_of(st.binary(), TELNET_NOISE))
def test_a_peer_never_gets_back_more_than_three_times_what_it_sent(sent: bytes) -> None:
    text, reply = received(one_by_one(sent))
    assert len(text) <= len(sent)
    assert len(reply) <= 3 * len(sent)


@given(st.binary())
def test_every_text_can_be_sent_with_cr_nul_for_its_line_ends(text: bytes) -> None:
    typed = text.replace(b"\r", b"")
    sent = typed.replace(b"\xff", b"\xff\xff").replace(b"\n", b"\r\0")
    assert received([sent]) == (typed, b"")


@given(st.binary().filter(lambda text: IAC not in text and b"\r" not in text))
def test_a_peer_that_speaks_no_telnet_is_passed_through(text: bytes) -> None:
    assert received([text]) == (text, b"")


def test_every_option_is_refused_in_both_directions() -> None:
    answers = {(c, o): received([bytes([IAC, c, o])])[1] for c in (DO, WILL) for o in range(256)}
    assert answers == {
        **{(DO, option): bytes([IAC, WONT, option]) for option in range(256)},
        **{(WILL, option): bytes([IAC, DONT, option]) for option in range(256)},
    }


def test_refusing_ends_although_a_peer_asks_for_ever() -> None:
    telnet = TelnetFilter()
    everything = b"".join(bytes([IAC, c, o]) for c in (DO, WILL) for o in range(256))
    again = bytes([IAC, WONT, TIMING_MARK, IAC, DONT, TIMING_MARK])
    assert len(telnet.receive(everything)[1]) == len(everything)
    assert [telnet.receive(everything)[1] for _ in range(3)] == [again] * 3


@pytest.mark.parametrize(
    ("subnegotiation", "text"),
    [
        (b"x" * (SUBNEGOTIATION_BYTES_MAX - 1) + b"\xff\xf0", b"1\n"),
        (b"x" * SUBNEGOTIATION_BYTES_MAX, b"1\n"),
        (b"x" * SUBNEGOTIATION_BYTES_MAX + b"\xff\xf0", b"1\n"),
        (b"x" * (SUBNEGOTIATION_BYTES_MAX + 1), b"x1\n"),
        (b"\xff\xff" * SUBNEGOTIATION_BYTES_MAX, b"1\n"),
        (b"\xff\xff" * (SUBNEGOTIATION_BYTES_MAX + 1), b"\xff1\n"),
        (b"x" * (SUBNEGOTIATION_BYTES_MAX - 1) + b"\xff\xf0\xff\xfaxyz\xff\xf0", b"1\n"),
    ],
)
def test_a_subnegotiation_without_an_end_is_cut_off(subnegotiation: bytes, text: bytes) -> None:
    sent = bytes([IAC, SB]) + subnegotiation + b"1\n"
    assert received([sent]) == received(one_by_one(sent)) == (text, b"")
