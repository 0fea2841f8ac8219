"""The command line: what is printed where, and the exit codes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pricedesk.cli import main
from pricedesk.errors import PricedeskError
from pricedesk.exit_codes import EXIT_CODES
from services import FRIDAY_EVENING, backend, environment, frontend
from terminal import Terminal

STALE = (
    "note: the rate is ECB, 2026-10-30, stale (2 later publications are due and not known here)\n"
)


def pricedesk(*words: str, **settings: str) -> Result:
    """Run a command in this process with these settings."""
    given = {"clock": FRIDAY_EVENING, "data_dir": "/nonexistent", **settings}
    return CliRunner().invoke(
        main, words, env={f"PRICEDESK_{name.upper()}": value for name, value in given.items()}
    )


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (("1100", "CAD", "USD", "--on", "2026-10-30"), "787.47\n"),
        (("1100", "CAD", "JPY", "--on", "2026-10-30"), "123829\n"),
        (("1100", "CAD", "JPY", "--on", "2020-02-14"), "91221\n"),
        (("1100",), "787.47\n"),
        (("1100", "eur"), "1228.92\n"),
        (("-1100",), "-787.47\n"),
        (("-1100", "CAD", "EUR"), "-704.86\n"),
    ],
)
def test_convert_prints_the_result_alone(words: tuple[str, ...], printed: str) -> None:
    result = pricedesk("convert", *words)
    assert (result.stdout, result.stderr, result.exit_code) == (printed, "", 0)


def test_lines_answers_from_standard_input_as_port_3000_does() -> None:
    asked = "1100\nhistory EUR USD 2026-10-29 2026-10-30\nrates KWD\nsources now\nsources\n"
    env = {"PRICEDESK_CLOCK": FRIDAY_EVENING, "PRICEDESK_DATA_DIR": "/nonexistent"}
    result = CliRunner().invoke(main, ["lines"], input=asked, env=env)
    *replies, sources = result.stdout.splitlines()
    assert replies == [
        "787.47",
        "base=EUR counter=USD unit=day source=ECB points=2026-10-29:1.113,2026-10-30:1.1172",
        "error no-rate-for-currency ECB does not publish KWD",
        'error invalid-request sources takes no arguments, but got "now"',
    ]
    pattern = r"book=[0-9a-f]{16} holds_stale=no ECB=2026-10-30,fresh,0,2026-11-02T15:00:00Z,none,"
    assert re.match(pattern, sources)


def test_convert_at_an_old_rate_says_so_beside_the_result() -> None:
    result = pricedesk("convert", "1100", clock="2026-11-03T18:00:00Z")
    assert (result.stdout, result.stderr) == ("787.47\n", STALE)


def test_convert_explains() -> None:
    result = pricedesk("convert", "1100", "CAD", "USD", "--explain")
    assert result.stdout == (
        "amount      1100\n"
        "from        CAD\n"
        "to          USD\n"
        "result      787.47\n"
        "rate        0.715878508266\n"
        "date        2026-10-30\n"
        "source      ECB\n"
        "path        CAD/EUR/USD\n"
        "state       fresh\n"
        "missed      0\n"
        "published   EUR/CAD:1.5606,EUR/USD:1.1172\n"
        "unrounded   787.466359092657\n"
        "rounding    half-up\n"
        "pegs        none\n"
        "others      none\n"
        "document    73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3\n"
        "fetched     2026-10-30T15:56:00Z\n"
        "attribution none\n"
    )


def test_convert_in_json_has_strings_only_and_the_age() -> None:
    result = pricedesk("convert", "19.90", "EUR", "USD", "--json")
    assert json.loads(result.stdout) == {
        "amount": "19.90",
        "from": "EUR",
        "to": "USD",
        "result": "22.23",
        "date": "2026-10-30",
        "source": "ECB",
        "state": "fresh",
    }


def test_convert_explains_in_json() -> None:
    result = pricedesk("convert", "100", "EUR", "USD", "--json", "--explain")
    explained = json.loads(result.stdout)
    assert explained["published"] == "EUR/USD:1.1172"
    assert explained["unrounded"] == "111.72"


@pytest.mark.parametrize(
    ("words", "settings", "code", "said"),
    [
        (("convert", "abc"), {}, 2, 'pricedesk: "abc" is not a number\n'),
        (
            ("convert", "1", "CAD", "US"),
            {},
            2,
            'pricedesk: "US" is not an ISO 4217 currency code\n',
        ),
        (
            ("convert", "1", "--on", "yesterday"),
            {},
            2,
            'pricedesk: "yesterday" is not a date: write it as YYYY-MM-DD\n',
        ),
        (
            ("convert", "1", "CAD", "XOF"),
            {},
            3,
            "pricedesk: ECB does not publish XOF\n",
        ),
        (
            ("convert", "1", "--on", "1998-12-31"),
            {},
            3,
            "pricedesk: there is no rate for CAD on 1998-12-31: ECB has it since 1999-01-04\n",
        ),
        (
            ("convert", "1"),
            {"default_to": "XYZ"},
            2,
            (
                'pricedesk: PRICEDESK_DEFAULT_TO="XYZ" must be a currency:'
                ' "XYZ" is not an ISO 4217 currency code\n'
            ),
        ),
        (
            ("frontend",),
            {"catalogue": "none.csv"},
            2,
            "pricedesk: none.csv cannot be read: No such file or directory\n",
        ),
        (
            ("backend",),
            {"data_dir": "/dev/null/data"},
            6,
            (
                "pricedesk: the store /dev/null/data/pricedesk.sqlite3 failed:"
                " [Errno 20] Not a directory: '/dev/null/data'\n"
            ),
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_with_its_exit_code(
    words: tuple[str, ...], settings: dict[str, str], code: int, said: str
) -> None:
    """In a process of its own: starting a service changes this one's log."""
    given = {"clock": FRIDAY_EVENING, "data_dir": "/nonexistent", **settings}
    done = subprocess.run(
        [sys.executable, "-m", "pricedesk.cli", *words],
        env=environment(**given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.returncode) == (said, code)


def test_every_error_has_an_exit_code() -> None:
    def leaves(kind: type[PricedeskError]) -> set[type[PricedeskError]]:
        children = kind.__subclasses__()
        return {leaf for child in children for leaf in leaves(child)} if children else {kind}

    ours = {kind for kind in leaves(PricedeskError) if kind.__module__ == "pricedesk.errors"}
    assert set(EXIT_CODES) >= ours


def test_healthcheck_tells_a_working_service_from_one_that_is_away(tmp_path: Path) -> None:
    with backend(tmp_path) as (service, port), frontend(port) as (_, desk_port):
        settings = {"lines_port": str(port), "telnet_port": str(desk_port)}
        for name in ("backend", "frontend"):
            result = pricedesk("healthcheck", name, lines_address="0.0.0.0", **settings)
            assert (result.stdout, result.exit_code) == ("healthy\n", 0)
        service.kill()
        result = pricedesk("healthcheck", "backend", **settings)
        assert result.stderr.startswith(f"not healthy: 127.0.0.1:{port} cannot be reached: ")
        assert result.exit_code == 1
        result = pricedesk("healthcheck", "backend", lines_port=str(desk_port))
        assert result.stderr == "not healthy: Which product you wish to buy ?\n"


def test_config_lists_the_values_in_use() -> None:
    result = pricedesk("config", "--json", default_to="EUR")
    settings = json.loads(result.stdout)
    assert settings["PRICEDESK_DEFAULT_TO"] == "EUR"
    assert settings["PRICEDESK_BACKEND"] == "backend:3000"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_asks_pricedesk(shell: str) -> None:
    assert f"_PRICEDESK_COMPLETE={shell}_complete" in pricedesk("completion", shell).stdout


def test_help_comes_without_arguments_and_begins_with_examples() -> None:
    result = CliRunner().invoke(main, [])
    assert "pricedesk convert 1100 CAD USD" in result.output
    assert "Exit codes:" in result.output


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_are_left_out_on_a_terminal_whose_user_says_so(
    no_color: str, coloured: bool
) -> None:
    command = ("env", f"NO_COLOR={no_color}", sys.executable, "-m", "pricedesk.cli", "config")
    with Terminal(*command) as terminal:
        screen, code = terminal.end()
    assert code == 0
    assert ("\x1b[1m" in screen) is coloured
