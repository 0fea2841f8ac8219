"""Real telnet clients against both doors: Debian's telnet on a terminal, and telnetlib3."""

import os
import shutil
from collections.abc import Iterator

import pytest
import telnetlib3

from services import backend, frontend
from terminal import Terminal

ESCAPE = "\x1d"
MENU = "Which product you wish to buy ?\n1. A laptop\n2. A PC\n3. A server\n"


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of a back-end's lines and of a desk."""
    with (
        backend(tmp_path_factory.mktemp("data")) as (_, lines_port),
        frontend(lines_port) as (_, telnet_port),
    ):
        yield lines_port, telnet_port


@pytest.fixture
def telnet() -> str:
    """The telnet program; CI has to have it."""
    program = shutil.which("telnet")
    if program is None:
        assert "CI" not in os.environ, "the telnet program is not installed"
        pytest.skip("the telnet program is not installed")
    return program


@pytest.mark.telnet
def test_the_desk_looks_as_in_the_tutorial(telnet: str, ports: tuple[int, int]) -> None:
    with Terminal(telnet, "127.0.0.1", str(ports[1])) as terminal:
        terminal.wait_for(r"3\. A server\n")
        terminal.press("1\n")
        terminal.wait_for("USD\n")
        terminal.press("7\n")
        terminal.wait_for("try again\n")
        terminal.press(f"{ESCAPE}quit\n")
        screen, code = terminal.end()
    assert code == 0
    assert screen.startswith(
        "Trying 127.0.0.1...\nConnected to 127.0.0.1.\nEscape character is '^]'.\n"
        f"{MENU}1\nToday your item costs 787.47 USD\n7\nWrong selection. Please try again\n"
    )


@pytest.mark.telnet
def test_the_back_end_answers_numbers_for_as_long_as_the_client_stays(
    telnet: str, ports: tuple[int, int]
) -> None:
    with Terminal(telnet, "127.0.0.1", str(ports[0])) as terminal:
        terminal.wait_for("Escape character")
        for typed, answered in [("1100", "787.47"), ("2400", "1718.11"), ("quit", "bye")]:
            terminal.press(f"{typed}\n")
            terminal.wait_for(rf"^{typed}\n{answered}\n")
        screen, _ = terminal.end()
    assert "Connection closed by foreign host.\n" in screen


@pytest.mark.telnet
@pytest.mark.parametrize("command", ["send ip", "send synch", "send ao", "send nop", "send brk"])
def test_a_telnet_command_is_not_taken_for_a_choice(
    telnet: str, ports: tuple[int, int], command: str
) -> None:
    with Terminal(telnet, "127.0.0.1", str(ports[1])) as terminal:
        terminal.wait_for(r"3\. A server\n")
        terminal.press(ESCAPE)
        terminal.wait_for("telnet> ")
        terminal.press(f"{command}\n2\n")
        screen = terminal.wait_for("^Today your item costs 1718.11 USD\n")
    assert "Wrong selection" not in screen


@pytest.mark.telnet
def test_the_desk_says_that_it_is_there(telnet: str, ports: tuple[int, int]) -> None:
    with Terminal(telnet, "127.0.0.1", str(ports[1])) as terminal:
        terminal.wait_for(r"3\. A server\n")
        terminal.press(ESCAPE)
        terminal.wait_for("telnet> ")
        terminal.press("send ayt\n")
        terminal.wait_for(r"^\[yes\]\n")


@pytest.mark.telnet
def test_the_words_beyond_the_tutorial_are_found_by_help(
    telnet: str, ports: tuple[int, int]
) -> None:
    with Terminal(telnet, "127.0.0.1", str(ports[1])) as terminal:
        terminal.wait_for(r"3\. A server\n")
        for typed, answered in [
            ("help", r"^  why 1       why number 1 costs what it costs, step by step\n"),
            ("why 1", r"^  Price                            \$787\.47\n"),
            ("lang fr", r"^Langue : francais\.\n"),
            ("in EUR", r"^Les prix sont en EUR desormais\.\n"),
            ("hold 2", r"^A PC vous est garanti a 1 537,87 EUR\.\n"),
            ("2", r"^Today your item costs 1537\.87 EUR\n"),
            ("quit", r"^Au revoir\.\n"),
        ]:
            terminal.press(f"{typed}\n")
            terminal.wait_for(answered)
        screen, _ = terminal.end()
    assert screen.endswith("Au revoir.\nConnection closed by foreign host.\n")


@pytest.mark.telnet
def test_a_client_that_negotiates_and_knows_no_character_sets_reads_ascii(
    telnet: str, ports: tuple[int, int]
) -> None:
    # A minus sign before the port has this client negotiate at once.
    with Terminal(telnet, "--", "127.0.0.1", f"-{ports[1]}") as terminal:
        terminal.wait_for(r"3\. A server\n")
        terminal.press("lang fr\n")
        terminal.wait_for(r"^Langue : francais\.\n")
        terminal.press("1\n")
        screen = terminal.wait_for(r"^Today your item costs 787\.47 USD\n")
    assert "\\x" not in screen


async def test_telnetlib3_agrees_on_utf_8(ports: tuple[int, int]) -> None:
    reader, writer = await telnetlib3.open_connection(
        "127.0.0.1", ports[1], connect_minwait=0.05, connect_maxwait=0.1, encoding="utf8"
    )
    for _ in range(4):
        await reader.readline()
    writer.iac(telnetlib3.telopt.DO, telnetlib3.telopt.CHARSET)
    # What was asked before this answer has been answered when it is read.
    writer.write("in\r\n")  # type: ignore[arg-type]  # with an encoding it takes text
    await reader.readline()
    writer.write("lang fr\r\n")  # type: ignore[arg-type]
    assert str(await reader.readline()) == "Langue : fran\u00e7ais.\n"
    writer.close()


async def test_telnetlib3_reads_the_menu_and_a_price(ports: tuple[int, int]) -> None:
    reader, writer = await telnetlib3.open_connection(
        "127.0.0.1", ports[1], connect_minwait=0.05, connect_maxwait=0.1, encoding="utf8"
    )
    menu = [str(await reader.readline()) for _ in range(4)]
    writer.write("3\r\n")  # type: ignore[arg-type]  # with an encoding it takes text
    assert "".join(menu) == MENU
    assert await reader.readline() == "Today your item costs 25055.75 USD\n"
    writer.close()
