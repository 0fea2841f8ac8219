"""`pricedesk rates`, but for back-fills, and `convert` with a source: what is printed where."""

import csv
import io
import json
import shlex
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kept import document_of, withheld_value
from pricedesk.backend.rates import Convention, Publication, publication_of
from pricedesk.backend.sources import erapi
from pricedesk.backend.store import Look, Store, open_store
from pricedesk.cli import main
from pricedesk.cli_rates import HISTORY_COLUMNS, RATE_COLUMNS, SOURCE_COLUMNS, STATUS_COLUMNS
from services import FRIDAY_EVENING
from terminal import Terminal

EVENING = datetime(2026, 10, 30, 23, tzinfo=UTC)
THURSDAY, FRIDAY = date(2026, 10, 29), date(2026, 10, 30)
ERAPI = Path(__file__).parent / "fixtures" / "erapi" / "latest-USD.MADE-BY-US.json"
ESCAPES = "\x1b]0;gotcha\x07\x9b2J"


def pricedesk(*words: str, **settings: str) -> Result:
    """Run a command in this process with these settings; what would fetch has no place for it."""
    given = {"clock": FRIDAY_EVENING, "data_dir": "/dev/null/none", **settings}
    return CliRunner().invoke(
        main, words, env={f"PRICEDESK_{name.upper()}": value for name, value in given.items()}
    )


def boc(day: date, revision: int = 1, **rates: str) -> Publication:
    """A publication of the Bank of Canada, accepted on the evening of its day."""
    at = datetime(day.year, day.month, day.day, 21, revision, tzinfo=UTC)
    provenance = document_of(b"{}", at).provenance
    convention = Convention("CAD", per_pivot=False)
    codes, row = tuple(rates), ",".join(rates.values())
    return Publication("BOC", day, convention, codes, row, provenance, (), revision)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """What a back-end that asked two sources may leave behind."""
    made = open_store("", tmp_path)
    document = document_of(b"{}")
    with closing(made):
        made.add(
            document,
            [
                boc(date(2026, 10, 28), USD="1.3990", MYR="0.3301"),
                boc(THURSDAY, USD="1.4000", HKD="0.1786"),
                boc(THURSDAY, 2, USD="1.4001", HKD="0.1787"),
            ],
        )
        made.withhold(document, [withheld_value(document)])
        made.note_look(Look("ECB", datetime(2026, 10, 30, 15, 0, 7, tzinfo=UTC)))
        failing_since = datetime(2026, 10, 30, 20, 30, 1, tzinfo=UTC)
        failure = f"https://boc.example answered with status 500{ESCAPES}"
        made.note_look(Look("BOC", EVENING, "BOC", 0, 0, failure, failing_since))
    return made


def asked(folder: Path, *words: str, **settings: str) -> Result:
    """Run a command with what the store has, on Friday night."""
    given = {"data_dir": str(folder), "sources": "ECB,BOC,ERAPI", "clock": EVENING.isoformat()}
    return pricedesk(*words, **{**given, **settings})


def test_latest_shows_the_newest_rates_with_source_and_state() -> None:
    result = pricedesk("rates", "latest", "CAD", "USD", "jpy")
    assert (result.stdout, result.stderr, result.exit_code) == (
        (
            "from  to               rate  date        source  state\n"
            "CAD   USD    0.715878508266  2026-10-30  ECB     fresh\n"
            "CAD   JPY  112.572087659     2026-10-30  ECB     fresh\n"
        ),
        "",
        0,
    )


def test_latest_without_a_currency_shows_all_rates_of_the_default_one() -> None:
    result = pricedesk("rates", "latest", "--json", default_from="USD")
    rates = json.loads(result.stdout)
    assert len(rates) == 29
    assert {rate["from"] for rate in rates} == {"USD"}
    assert rates == sorted(rates, key=lambda rate: str(rate["to"]))


@pytest.mark.parametrize(
    ("clock", "state"),
    [
        ("2026-11-02T16:30:00Z", "late"),
        ("2026-11-03T18:00:00Z", "stale"),
    ],
)
def test_an_old_rate_is_marked_in_words(clock: str, state: str) -> None:
    assert pricedesk("rates", "latest", "CAD", "USD", clock=clock).stdout.endswith(f"  {state}\n")


def test_on_a_day_the_rates_are_those_that_held_then() -> None:
    result = pricedesk("rates", "on", "2020-02-16", "CAD", "USD", "--csv")
    assert result.stdout == (
        "from,to,rate,date,source,state\nCAD,USD,0.754856227808,2020-02-14,ECB,fresh\n"
    )


def test_history_has_a_row_a_publication_and_first_the_rate_that_held() -> None:
    words = ("EUR", "USD", "--from", "2026-10-25", "--to", "2026-10-27")
    assert pricedesk("rates", "history", *words).stdout == (
        "date        from  to     rate  source\n"
        "2026-10-23  EUR   USD  1.1193  ECB\n"
        "2026-10-26  EUR   USD  1.1188  ECB\n"
        "2026-10-27  EUR   USD  1.115   ECB\n"
    )


def test_a_parity_is_named_where_the_order_lets_it_answer() -> None:
    words, pegged = ("rates", "latest", "USD", "XOF", "AED", "CAD"), "ECB,PEG"
    assert pricedesk(*words, sources=pegged).stdout == (
        "from  to              rate  date        source  state  pegs\n"
        "USD   XOF  587.143752238    2026-10-30  ECB     fresh  EUR/XOF 655.957\n"
        "USD   AED    3.6725         2026-10-30          fresh  USD/AED 3.6725\n"
        "USD   CAD    1.39688506982  2026-10-30  ECB     fresh\n"
    )
    told = json.loads(pricedesk(*words, "--json", sources=pegged).stdout)
    assert [(row["source"], row["pegs"]) for row in told] == [
        ("ECB", {"EUR/XOF": "655.957"}),
        (None, {"USD/AED": "3.6725"}),
        ("ECB", {}),
    ]
    on = ("rates", "on", "2020-02-14", "AED", "XOF", "--csv")
    assert pricedesk(*on, sources=pegged).stdout == (
        "from,to,rate,date,source,state,pegs\n"
        "AED,XOF,164.74193531,2020-02-14,ECB,fresh,USD/AED:3.6725 EUR/XOF:655.957\n"
    )
    chosen = pricedesk("rates", "latest", "USD", "CAD", "--csv", "--source", "ECB", sources=pegged)
    assert chosen.stdout.startswith("from,to,rate,date,source,state\n")


def test_a_history_names_its_parities_and_has_the_days_of_those_that_need_no_source() -> None:
    words = ("--from", "2026-10-29", "--csv")
    assert pricedesk("rates", "history", "CAD", "XOF", *words, sources="ECB,PEG").stdout == (
        "date,from,to,rate,source,pegs\n"
        "2026-10-29,CAD,XOF,421.106117994,ECB,EUR/XOF:655.957\n"
        "2026-10-30,CAD,XOF,420.32359349,ECB,EUR/XOF:655.957\n"
    )
    assert pricedesk("rates", "history", "USD", "AED", *words, sources="ECB,PEG").stdout == (
        "date,from,to,rate,source,pegs\n"
        "2026-10-29,USD,AED,3.6725,,USD/AED:3.6725\n"
        "2026-10-30,USD,AED,3.6725,,USD/AED:3.6725\n"
    )


def test_history_is_of_a_year_if_nothing_else_is_said() -> None:
    rows = json.loads(pricedesk("rates", "history", "EUR", "USD", "--json").stdout)
    assert (rows[0]["date"], rows[-1]["date"]) == ("2025-10-30", "2026-10-30")
    rows = json.loads(
        pricedesk("rates", "history", "EUR", "USD", "--to", "2024-02-29", "--json").stdout
    )
    assert (rows[0]["date"], rows[-1]["date"]) == ("2023-02-28", "2024-02-29")


def test_history_of_a_retired_currency_ends_with_it() -> None:
    words = ("EUR", "HRK", "--from", "2022-12-29", "--to", "2023-02-01", "--csv")
    assert pricedesk("rates", "history", *words).stdout == (
        "date,from,to,rate,source\n2022-12-29,EUR,HRK,7.5365,ECB\n2022-12-30,EUR,HRK,7.5365,ECB\n"
    )


UNKNOWN_SOURCE = (
    'pricedesk: "FOO" is not a source that is asked here: ECB, BOC, NB, BOE, CNB, NBP, RB, ERAPI\n'
)
NOT_A_DATE = 'pricedesk: "1.2.26" is not a date: write it as YYYY-MM-DD\n'
EMPTY_DATE = 'pricedesk: "" is not a date: write it as YYYY-MM-DD\n'
EMPTY_CURRENCY = 'pricedesk: "" is not an ISO 4217 currency code\n'
FUTURE = "pricedesk: 2026-11-02 is in the future: there is no rate for it yet\n"
NO_HRK = (
    "pricedesk: there is no rate for HRK on 2026-10-30: ECB has it from 2005-04-01 to 2022-12-30\n"
)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("rates latest CAD --source FOO", 2, UNKNOWN_SOURCE),
        ("rates on 2026-10-30 --source ECB,FOO", 2, UNKNOWN_SOURCE),
        ("rates history EUR USD --source foo", 2, UNKNOWN_SOURCE),
        ("rates backfill FOO", 2, UNKNOWN_SOURCE),
        ("convert 1 --source FOO", 2, UNKNOWN_SOURCE),
        ("rates latest XYZ", 2, 'pricedesk: "XYZ" is not an ISO 4217 currency code\n'),
        ("rates latest CAD XYZ", 2, 'pricedesk: "XYZ" is not an ISO 4217 currency code\n'),
        ("rates history XYZ CAD", 2, 'pricedesk: "XYZ" is not an ISO 4217 currency code\n'),
        ("rates on 1.2.26", 2, NOT_A_DATE),
        ("rates history EUR USD --from 1.2.26", 2, NOT_A_DATE),
        ("rates backfill --from 1.2.26", 2, NOT_A_DATE),
        # What is empty is named, not taken for what was not said.
        ("rates on ''", 2, EMPTY_DATE),
        ("rates latest ''", 2, EMPTY_CURRENCY),
        ("rates latest CAD ''", 2, EMPTY_CURRENCY),
        ("rates on 2026-10-30 ''", 2, EMPTY_CURRENCY),
        ("rates history EUR USD --from ''", 2, EMPTY_DATE),
        ("rates history EUR USD --to ''", 2, EMPTY_DATE),
        ("rates backfill --from ''", 2, EMPTY_DATE),
        ("convert 1 ''", 2, EMPTY_CURRENCY),
        ("convert 1 --on ''", 2, EMPTY_DATE),
        (
            "rates history EUR USD --from 2026-10-02 --to 2026-10-01",
            2,
            (
                "pricedesk: 2026-10-02 is after 2026-10-01:"
                " --from is the earlier day, --to the later one\n"
            ),
        ),
        ("rates history EUR EUR", 2, "pricedesk: EUR to EUR has no history: it is always 1\n"),
        ("rates on 2026-11-02", 3, FUTURE),
        ("rates history EUR USD --to 2026-11-02", 3, FUTURE),
        ("rates history EUR USD --from 2026-11-02", 3, FUTURE),
        ("rates backfill --from 2026-11-02", 3, FUTURE),
        ("rates history EUR HRK", 3, NO_HRK),
        ("rates latest EUR HRK", 3, NO_HRK),
        ("rates latest EUR XOF", 3, "pricedesk: ECB does not publish XOF\n"),
        ("rates latest EUR USD --source BOC", 3, "pricedesk: no rates of BOC are known yet\n"),
        (
            "convert 1 --known-at 2026-10-30",
            2,
            'pricedesk: "2026-10-30" is not an instant: write it like 2026-10-30T16:00:00Z\n',
        ),
        (
            "convert 1 --known-at ''",
            2,
            'pricedesk: "" is not an instant: write it like 2026-10-30T16:00:00Z\n',
        ),
        (
            "convert 1 --known-at 2026-11-30T00:00:00Z",
            3,
            "pricedesk: 2026-11-30T00:00:00Z is in the future: what is known then, nobody knows\n",
        ),
        (
            "convert 1 --known-at 2020-01-01T00:00:00Z",
            3,
            "pricedesk: no rates were known here at 2020-01-01T00:00:00Z\n",
        ),
    ],
)
def test_errors_name_what_was_wrong_and_have_their_exit_code(
    words: str, code: int, said: str
) -> None:
    result = pricedesk(*shlex.split(words))
    assert (result.stdout, result.stderr, result.exit_code) == ("", said, code)


def test_the_first_day_of_the_calendar_is_no_reason_to_fail() -> None:
    result = pricedesk("rates", "history", "EUR", "USD", "--to", "0001-01-01")
    assert (result.stderr, result.exit_code) == (
        "pricedesk: there is no rate for EUR on 0001-01-01: ECB has it since 1999-01-04\n",
        3,
    )


def test_where_no_rate_is_known_standard_error_says_so() -> None:
    result = pricedesk("rates", "latest", "CAD", "--source", "BOC", "--json")
    said = "no rate of CAD is known for 2026-10-30\n"
    assert (result.stdout, result.stderr, result.exit_code) == ("[]\n", said, 0)


def test_two_formats_at_once_are_refused() -> None:
    result = pricedesk("rates", "latest", "--json", "--csv")
    assert (result.stdout, result.exit_code) == ("", 2)
    assert "--json and --csv exclude each other" in result.stderr


@pytest.mark.usefixtures("store")
def test_sources_can_be_chosen(tmp_path: Path) -> None:
    words = ("rates", "latest", "USD", "CAD", "--csv", "--source")
    header = "from,to,rate,date,source,state\n"
    assert asked(tmp_path, *words, "boc").stdout == f"{header}USD,CAD,1.4001,2026-10-29,BOC,late\n"
    assert asked(tmp_path, *words, "ERAPI,ECB,BOC").stdout.endswith(",2026-10-30,ECB,fresh\n")


@pytest.mark.usefixtures("store")
def test_convert_asks_a_source_as_it_was_known_then(tmp_path: Path) -> None:
    words = ("convert", "100", "USD", "CAD", "--source", "BOC")
    assert asked(tmp_path, *words).stdout == "140.01\n"
    then = ("--known-at", "2026-10-29T21:01:30Z")
    assert asked(tmp_path, *words, *then).stdout == "140.00\n"
    explained = asked(tmp_path, *words, *then, "--explain", "--json")
    fields = json.loads(explained.stdout)
    assert fields["fetched"] == "2026-10-29T21:01:00Z"
    # As it was then: nothing had been missed.
    assert (fields["source"], fields["date"], fields["missed"]) == ("BOC", "2026-10-29", "0")


@pytest.mark.usefixtures("store")
def test_sources_are_shown_with_what_they_have_and_had(tmp_path: Path) -> None:
    result = asked(tmp_path, "rates", "sources", sources="BOC,ERAPI")
    assert result.stdout == (
        "source  name             since       until       publications  currencies\n"
        "BOC     Bank of Canada   2026-10-28  2026-10-29             2           2\n"
        "    retired: MYR 2026-10-28\n"
        "ERAPI   open.er-api.com                                     0           0\n"
        "    note: has no history; its newest day is fetched by the back-end\n"
    )


def test_retired_currencies_of_the_ecb_have_their_last_dates() -> None:
    result = pricedesk("rates", "sources", "--json", sources="ECB")
    (ecb,) = json.loads(result.stdout)
    retired = ecb["retired"]
    assert {code: retired[code] for code in ("BGN", "HRK", "RUB")} == {
        "BGN": "2025-12-31",
        "HRK": "2022-12-30",
        "RUB": "2022-03-01",
    }
    assert "USD" not in retired
    assert ecb["terms_url"].startswith("https://www.ecb.europa.eu/")


@pytest.mark.usefixtures("store")
def test_status_shows_how_each_source_stands(tmp_path: Path) -> None:
    result = asked(tmp_path, "rates", "status")
    assert (result.stdout, result.stderr) == (
        (
            "source  newest      missed  state  next expected      last look          waiting\n"
            "ECB     2026-10-30       0  fresh  2026-11-02T15:00Z  2026-10-30T15:00Z        0\n"
            "BOC     2026-10-29       1  late   2026-11-02T21:30Z  2026-10-30T23:00Z        1\n"
            "    failing since: 2026-10-30T20:30Z\n"
            "    failure: https://boc.example answered with status 500"
            "\\x1b]0;gotcha\\x07\\x9b2J\n"
            "ERAPI                       none   2026-10-31T00:05Z                           0\n"
        ),
        "",
    )
    assert max(map(len, result.stdout.splitlines()[:3])) <= 80


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("2026-10-31T23:00:00Z", "2026-11-01T00:22Z"),
        ("2026-11-01T00:10:00Z", "2026-11-01T00:22Z"),
        ("2026-11-01T00:23:00Z", "2026-11-02T00:05Z"),
    ],
)
def test_status_expects_what_the_source_itself_has_announced(
    tmp_path: Path, clock: str, expected: str
) -> None:
    raw = ERAPI.read_bytes()
    document = document_of(raw, datetime(2026, 10, 31, 0, 7, tzinfo=UTC))
    (sheet,) = erapi.parse(raw)
    publication = publication_of(
        "ERAPI", Convention("USD", per_pivot=True), sheet, document.provenance
    )
    with closing(open_store("", tmp_path)) as opened:
        opened.add(document, [publication])
    result = asked(tmp_path, "rates", "status", "--json", sources="ERAPI", clock=clock)
    (status,) = json.loads(result.stdout)
    assert (status["newest"], status["next_expected"]) == ("2026-10-31", expected)


def test_status_says_that_no_back_end_has_run(tmp_path: Path) -> None:
    result = asked(tmp_path / "none", "rates", "status", "--csv", sources="ECB")
    assert result.stdout == (
        "source,newest,missed,state,next_expected,last_look,waiting,failing_since,failure\n"
        "ECB,2026-10-30,0,fresh,2026-11-02T15:00Z,,0,,\n"
    )
    assert result.stderr == (
        f"note: no back-end has kept anything in {tmp_path / 'none'} so far:"
        " this is what comes with the package\n"
    )


@pytest.mark.usefixtures("store")
def test_a_source_whose_terms_want_it_is_named_beside_its_rates(tmp_path: Path) -> None:
    blended = replace(
        boc(FRIDAY, USD="1.4"), source="ERAPI", convention=Convention("USD", per_pivot=True)
    )
    blended = replace(blended, codes=("CAD",))
    with closing(open_store("", tmp_path)) as opened:
        opened.add(document_of(b"{}"), [blended])
    credit = "Rates By Exchange Rate API: https://www.exchangerate-api.com\n"
    for words in (("latest", "USD", "CAD"), ("history", "USD", "CAD")):
        assert asked(tmp_path, "rates", *words, "--source", "ERAPI").stderr == credit
        assert asked(tmp_path, "rates", *words, "--source", "BOC").stderr == ""


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "columns"),
    [
        ("latest", RATE_COLUMNS),
        ("on 2026-10-30", RATE_COLUMNS),
        ("history EUR USD", HISTORY_COLUMNS),
        ("sources", SOURCE_COLUMNS),
        ("status", STATUS_COLUMNS),
    ],
)
def test_json_and_csv_have_the_same_columns_and_values(
    words: str, columns: tuple[object, ...], tmp_path: Path
) -> None:
    command = ("rates", *words.split())
    documents = json.loads(asked(tmp_path, *command, "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(asked(tmp_path, *command, "--csv").stdout)))
    flat = [
        {
            name: " ".join(f"{k}:{v}" for k, v in cell.items())
            if isinstance(cell, dict)
            else cell or ""
            for name, cell in document.items()
        }
        for document in documents
    ]
    assert [
        {name: text.encode("unicode_escape") for name, text in row.items()} for row in rows
    ] == [{name: text.encode("unicode_escape") for name, text in row.items()} for row in flat]
    assert len(rows[0]) == len(columns)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("format_", [(), ("--csv",), ("--json",)])
@pytest.mark.parametrize("no_color", ["", "1"])
def test_what_a_source_sent_steers_no_terminal(
    format_: tuple[str, ...], no_color: str, tmp_path: Path
) -> None:
    settings = {
        "PRICEDESK_DATA_DIR": str(tmp_path),
        "PRICEDESK_SOURCES": "ECB,BOC",
        "PRICEDESK_CLOCK": EVENING.isoformat(),
        "NO_COLOR": no_color,
    }
    given = [f"{name}={value}" for name, value in settings.items()]
    command = (sys.executable, "-m", "pricedesk.cli", "rates", "status", *format_)
    with Terminal("env", *given, *command) as terminal:
        screen, code = terminal.end()
    assert code == 0
    assert "gotcha" in screen
    assert ("\x1b[1m" in screen) is (not no_color and not format_)
    left = screen.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\n", "")
    assert left.isprintable()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("convert 1 CA", ["CAD"]),
        ("rates latest ca", ["CAD"]),
        ("rates history EUR USD", ["USD"]),
        ("rates latest EUR HRK", []),
        ("rates latest --source B", ["BOC", "BOE"]),
        ("rates latest --source BOC,B", ["BOC,BOE"]),
        ("rates backfill N", ["NB", "NBP"]),
        ("quarantine list --source EC", ["ECB"]),
    ],
)
def test_shells_complete_currencies_and_sources(words: str, offered: list[str]) -> None:
    typed = f"pricedesk {words}"
    environment = {
        "_PRICEDESK_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    result = CliRunner().invoke(main, [], env=environment, prog_name="pricedesk")
    assert result.output.split() == [f"plain,{word}" for word in offered]


def test_completion_is_silent_about_settings_that_are_off() -> None:
    environment = {
        "_PRICEDESK_COMPLETE": "bash_complete",
        "COMP_WORDS": "pricedesk rates backfill N",
        "COMP_CWORD": "3",
        "PRICEDESK_SOURCES": "nonsense!",
    }
    result = CliRunner().invoke(main, [], env=environment, prog_name="pricedesk")
    assert result.output == "\n"


def test_every_command_has_an_example() -> None:
    for group in ("rates", "quarantine"):
        for command in main.commands[group].commands:  # type: ignore[attr-defined]  # both are groups
            assert "Example" in CliRunner().invoke(main, [group, command, "--help"]).output


def test_the_exit_codes_are_in_the_help() -> None:
    said = CliRunner().invoke(main, ["--help"]).output
    for code in ("0", "1", "2", "3", "4", "5", "6", "130"):
        assert f"  {code}  " in said
